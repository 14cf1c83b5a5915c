"""Greetings in JSON bodies. Nothing here knows the gateway."""

import json


def greeted(text: str, greeting: str, call: int) -> str | None:
    """The JSON object `text` with a greeting in it; None for anything else, which is left alone."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return json.dumps(value | {"greeting": greeting, "call": call}, ensure_ascii=False)
