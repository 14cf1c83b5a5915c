"""What the TOML can say."""

import json
import re
from dataclasses import dataclass
from typing import Any, Self

from componentize_py_types import Err
from wit_world.exports.configure import SettingError

# A JSON Schema of the settings, for editors and `torana check`.
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "header": {"type": "string", "description": "The header with the caller's name."},
        "greeting": {
            "type": "string",
            "description": "What is said before the name. An empty one leaves bodies as they are.",
            "default": "Hello",
        },
    },
    "required": ["header"],
    "additionalProperties": False,
}

# RFC 9110, 5.6.2: a token.
FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class Settings:
    header: str
    greeting: str

    @classmethod
    def read(cls, text: str) -> Self:
        """The settings. Raises all that is wrong with them."""
        given: dict[str, Any] = json.loads(text)
        errors = list(wrong_settings(given))
        if errors:
            raise Err(errors)
        return cls(**{"greeting": "Hello"} | given)


def wrong_settings(given: dict[str, Any]):
    header, greeting = given.get("header"), given.get("greeting", "Hello")
    if header is None:
        text = 'write `header`, the header with the caller\'s name: header = "x-user"'
        yield SettingError([], text)
    elif not isinstance(header, str) or not FIELD_NAME.fullmatch(header):
        yield SettingError(["header"], 'this is no header name: write one like "x-user"')
    if not isinstance(greeting, str):
        yield SettingError(["greeting"], 'this is no text: write one like "Hello"')
    for name in given.keys() - SCHEMA["properties"].keys():
        text = "there is no such setting; there are `header` and `greeting`"
        yield SettingError([name], text)
