"""The groups of the official JSON-Schema-Test-Suite, one a line, as PyPI's `jsonschema` has them.

Documents are texts: numbers beyond doubles are to stay what they are.
"""

import json
import sys
from pathlib import Path

SUITE = Path(sys.argv[1]) / "json"
DRAFTS = {
    "draft4": "draft-04",
    "draft6": "draft-06",
    "draft7": "draft-07",
    "draft2019-09": "2019-09",
    "draft2020-12": "2020-12",
}
ORIGIN = "http://localhost:1234/"


def remotes(draft, schema):
    """What a schema may refer to: what is for all drafts, for its own, and what else it names."""
    if ORIGIN not in schema:
        return {}
    found = {}
    for path in sorted((SUITE / "remotes").rglob("*.json")):
        name = path.relative_to(SUITE / "remotes").as_posix()
        of = name.split("/")[0]
        is_for = not of.startswith("draft") or of == draft or ORIGIN + name in schema
        if is_for and "metaschema" not in name:
            found[ORIGIN + name] = path.read_text()
    return found


for draft, name in DRAFTS.items():
    for path in sorted((SUITE / "tests" / draft).rglob("*.json")):
        text = path.read_text()
        for group in json.loads(text):
            schema = json.dumps(group["schema"])
            print(json.dumps({
                "name": f"{path.relative_to(SUITE / 'tests')}: {group['description']}",
                "draft": name,
                "schema": schema,
                "schemas": remotes(draft, schema),
                "formats": "optional/format/" in path.as_posix(),
                "tests": [
                    {"name": test["description"], "data": json.dumps(test["data"]), "valid": test["valid"]}
                    for test in group["tests"]
                ],
            }))
