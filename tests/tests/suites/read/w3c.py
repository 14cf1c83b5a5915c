"""The tests of W3C's suite that apply: XML 1.0, fifth edition, with namespaces. The argument is the package.

Writes {"id", "path", "expected"}: "passes", "malformed", "either", "has-dtd" (and is well-formed), or
"has-dtd-and-malformed", where either may be what is noticed first.
"""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from xml.parsers import expat

BASE = "{http://www.w3.org/XML/1998/namespace}base"
folder = sys.argv[1]


def tests(element, base):
    base = os.path.join(base, element.get(BASE, ""))
    if element.tag == "TEST":
        yield element.attrib, os.path.normpath(os.path.join(base, element.get("URI")))
    for child in element:
        yield from tests(child, base)


def applies(test):
    if test.get("VERSION") == "1.1" or test.get("RECOMMENDATION") in ("XML1.1", "NS1.1"):
        return False
    # "Parsers should enable namespace processing except for tests marked with NAMESPACE="no"", which use
    # colons "in ways inconsistent with the Namespaces spec": 9, and this reader cannot disable it.
    if test.get("NAMESPACE") == "no":
        return False
    return "5" in test.get("EDITION", "5").split()


def has_dtd(document, is_well_formed):
    seen = []
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: seen.append(True)
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError):
        # What expat cannot read may have one all the same. Well-formed documents that it can read
        # may have the text in a comment.
        encodings = ["utf-8", "utf-16le", "utf-16be"]
        return bool(seen) or any("<!DOCTYPE".encode(name) in document for name in encodings)
    return bool(seen) or (not is_well_formed and b"<!DOCTYPE" in document)


def expected(test, document):
    is_well_formed = test["TYPE"] != "not-wf"
    if has_dtd(document, is_well_formed):
        return "has-dtd" if is_well_formed and test["TYPE"] != "error" else "has-dtd-and-malformed"
    # An "error" without a DTD may be reported or not.
    return {"not-wf": "malformed", "error": "either"}.get(test["TYPE"], "passes")


root = ElementTree.parse(os.path.join(folder, "cleaned", "xmlconf-flattened.xml")).getroot()
for test, path in tests(root, "xmlconf"):
    if not applies(test):
        continue
    with open(os.path.join(folder, path), "rb") as file:
        what = expected(test, file.read())
    print(json.dumps({"id": test["ID"], "path": path, "expected": what}))
