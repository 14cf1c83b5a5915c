"""Structured fields as http-sf reads them. The arguments are values of lists.

Writes {"items"}, each with its value and its parameters, or {"error"}.
"""

import json
import sys

import http_sf

for value in sys.argv[1:]:
    try:
        items = http_sf.parse(value.encode(), tltype="list")
        line = {"items": [{"value": item[0], "parameters": item[1]} for item in items]}
    except ValueError as error:
        line = {"error": str(error)}
    print(json.dumps(line, default=str))
