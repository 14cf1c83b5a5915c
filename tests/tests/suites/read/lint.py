"""What httplint says of responses. The arguments are files with one each, as it came.

Writes {"name", "level", "summary"} for each note.
"""

import json
import os
import sys
import time

from httplint import HttpResponseLinter

for path in sys.argv[1:]:
    with open(path, "rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    top, *lines = head.split(b"\r\n")
    version, status, phrase = top.split(b" ", 2)
    linter = HttpResponseLinter(start_time=time.time())
    linter.process_response_topline(version, status, phrase)
    linter.process_headers([tuple(line.split(b": ", 1)) for line in lines])
    linter.feed_content(body)
    linter.finish_content(True)
    for note in linter.notes:
        name = os.path.basename(path)
        print(json.dumps({"name": name, "level": note.level.name, "summary": note.summary}))
