"""The documents that xmltodict's own tests read with options that a plugin has, and what they become.

The argument is the package. Runs its tests with a parse() that takes notes. Writes {"route", "kind",
"xml", "expected"} for each document, in the order of the tests, and at the end {"tests", "left_out"}: how many
tests there are, and how many calls have other options, or read no text.
"""

import contextlib
import io
import json
import sys

import pytest

folder = sys.argv[1]
sys.path.insert(0, folder)
import xmltodict  # noqa: E402

ROUTES = {
    "default": {},
    "comments": {"process_comments": True},
    "whitespace": {"strip_whitespace": False},
    "both": {"process_comments": True, "strip_whitespace": False},
}
original = xmltodict.parse
noted, left_out = [], 0


def parse(xml_input, *arguments, **options):
    global left_out
    route = next((name for name, value in ROUTES.items() if value == options), None)
    text = xml_input.decode() if isinstance(xml_input, bytes) else xml_input
    if arguments or route is None or not isinstance(text, str):
        left_out += 1
        return original(xml_input, *arguments, **options)
    # What is text already is not in the encoding that it declares (RFC 7303, 3).
    kind = "application/xml" + ("; charset=utf-8" if text is xml_input else "")
    case = {"route": route, "kind": kind, "xml": text, "expected": None}
    noted.append(case)
    case["expected"] = result = original(xml_input, **options)
    return result


class Counted:
    tests = 0

    def pytest_collection_finish(self, session):
        self.tests = len(session.items)


xmltodict.parse = parse
counted = Counted()
with contextlib.redirect_stdout(io.StringIO()):
    pytest.main(["-p", "no:cacheprovider", f"{folder}/tests"], plugins=[counted])
for case in noted:
    print(json.dumps(case))
print(json.dumps({"tests": counted.tests, "left_out": left_out}))
