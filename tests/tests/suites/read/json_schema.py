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


def remotes(draft):
    """What schemas of a draft may refer to: what is for all of them, and what is for it."""
    found = {}
    for path in sorted((SUITE / "remotes").rglob("*.json")):
        name = path.relative_to(SUITE / "remotes").as_posix()
        of = name.split("/")[0]
        if (not of.startswith("draft") or of == draft) and "metaschema" not in name:
            found[ORIGIN + name] = path.read_text()
    return found


for draft, name in DRAFTS.items():
    others = remotes(draft)
    for path in sorted((SUITE / "tests" / draft).rglob("*.json")):
        text = path.read_text()
        for group in json.loads(text):
            schema = json.dumps(group["schema"])
            print(json.dumps({
                "name": f"{path.relative_to(SUITE / 'tests')}: {group['description']}",
                "draft": name,
                "schema": schema,
                "schemas": others if ORIGIN in schema else {},
                "formats": "optional/format/" in path.as_posix(),
                "tests": [
                    {"name": test["description"], "data": json.dumps(test["data"]), "valid": test["valid"]}
                    for test in group["tests"]
                ],
            }))
