"""Random documents, and what xmltodict makes of them. The argument is the folder that has it.

Writes {"route", "xml", "expected"}; `null` is expected where the document is refused.
"""

import json
import random
import sys
from xml.parsers import expat

sys.path.insert(0, sys.argv[1])
import xmltodict  # noqa: E402

OPTIONS = {
    "default": {},
    "comments": {"process_comments": True},
    "whitespace": {"strip_whitespace": False},
    "both": {"process_comments": True, "strip_whitespace": False},
}
NAMES = ["a", "b", "c", "é", "x.y", "p:q", "名"]
ATTRIBUTES = ["id", "k", "p:z", "xml:lang"]
VALUES = ["", "1", "a b", "a\tb\nc", "&#9;x", "&lt;", "it's", "  ", "007"]
# What Unicode calls white space, and XML does not, stands inside of words: xmltodict takes it off at the ends.
TEXTS = ["", "", " ", "\n  ", "t", "1", " x y ", "&amp;", "&#32;", "&#10;z", "t\u00a0t", "t\u2003w"]
TEXTS += ["<![CDATA[<k>]]>", "<![CDATA[]]>", "<!-- c -->", "<!---->", "<?pi x?>", "\r\n", "a\rb"]
TEXTS += ["&lt;&gt;&quot;&apos;", '"q"\\', "]]&gt;", "\U0001f600"]
DEEPEST = 4

dice = random.Random(20_251)


def attributes():
    names = dice.sample(ATTRIBUTES, dice.choice([0, 0, 0, 1, 2, 3]))
    return "".join(f' {name}="{dice.choice(VALUES)}"' for name in names)


def element(depth):
    name = dice.choice(NAMES)
    declared = ' xmlns:p="urn:p"' if depth == 0 else ""
    inside = ""
    for _ in range(dice.choice([0, 1, 1, 2, 3, 5]) if depth < DEEPEST else 1):
        inside += dice.choice(TEXTS)
        if depth < DEEPEST and dice.random() < 0.6:
            inside += element(depth + 1)
    inside += dice.choice(TEXTS)
    if not inside and dice.random() < 0.5:
        return f"<{name}{declared}{attributes()}/>"
    return f"<{name}{declared}{attributes()}>{inside}</{name} >"


def document():
    before = dice.choice(["", '<?xml version="1.0"?>\n', "<!-- top -->", "<?pi?>"])
    after = dice.choice(["", "\n", "<!-- end -->"])
    text = before + element(0) + after
    # One in ten is broken somewhere.
    if dice.random() < 0.1:
        place = dice.randrange(len(text))
        text = text[:place] + text[place + 1 :]
    return text


def read(xml, options):
    try:
        # Without options xmltodict does not look at namespaces; expat can.
        expat.ParserCreate(namespace_separator=" ").Parse(xml, True)
        return xmltodict.parse(xml, **options)
    except expat.ExpatError:
        return None


for _ in range(150):
    for route, options in OPTIONS.items():
        xml = document()
        print(json.dumps({"route": route, "xml": xml, "expected": read(xml, options)}))
