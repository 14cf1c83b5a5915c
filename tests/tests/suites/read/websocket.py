"""Autobahn's cases against an address. The arguments are its URL, cases, and what is left out of them.

Writes {"id", "passed", "why"}.
"""

import asyncio
import json
import sys

import kosoku

url, wanted, left_out = sys.argv[1:]


async def run():
    try:
        return await kosoku.run_fuzzingclient(
            url, wanted.split() or None, left_out.split() or None, concurrency=4
        )
    except kosoku.FailureError as failure:
        return failure.results


for result in asyncio.run(run()):
    why = f"{result.behavior.value}, {result.behavior_close.value}: {result.result}"
    print(json.dumps({"id": result.case_id, "passed": result.passed, "why": why}))
