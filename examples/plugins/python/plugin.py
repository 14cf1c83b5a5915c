"""Greets callers by name, and counts their calls: glue between the gateway and the other files."""

import json
import re

from body import greeted
from componentize_py_types import Err
from guarded import guarded
from problem import problem
from settings import SCHEMA, Settings
from wit_world import exports
from wit_world.exports.configure import Setup
from wit_world.imports import (
    attributes,
    hook_needs,
    kv,
    log,
    request,
    response,
    response_ahead,
    response_body,
    response_body_edit,
)
from wit_world.imports.hook_needs import Hooks
from wit_world.imports.response_ahead import Change_Merge, Change_Set
from wit_world.imports.types import (
    Action,
    Action_Next,
    Action_Respond,
    Header,
    HeaderError,
)

JSON_TYPE = re.compile(r"application/json *(;|$)", re.IGNORECASE)

settings: Settings


class Configure(exports.Configure):
    def configure(self, settings_json: str) -> Setup:
        global settings
        settings = Settings.read(settings_json)
        if not settings.greeting:
            # Nobody is greeted: then no body has to be held.
            hook_needs.skip(Hooks.ON_RESPONSE_BODY)
        # What is so for all is said once, and stands.
        response_ahead.edit([Change_Merge(Header("vary", settings.header))])
        return Setup(tick_ms=None)


class Schema(exports.Schema):
    def settings(self) -> str:
        return json.dumps(SCHEMA)


class OnRequestHead(exports.OnRequestHead):
    @guarded
    def handle(self) -> Action:
        header = settings.header
        try:
            caller = request.header(header)
        except Err as error:
            # These two are the client's mistakes; whatever else there is, is ours.
            if error.value not in (HeaderError.REPEATED, HeaderError.NOT_TEXT):
                raise
            return refuse(400, "bad-header", f"The header `{header}` must be there once, as UTF-8.")
        if not caller:
            return refuse(401, "missing-header", f"The header `{header}` is missing.")
        call = kv.increment("calls", 1, None)
        log.write(log.Level.INFO, f"call {call}")
        # The response may meet another instance: what it must know travels as attributes.
        attributes.update([("caller", caller), ("call", str(call))])
        # What is known of the response already needs no hook of its own.
        response_ahead.edit([Change_Set(Header("x-call", str(call)))])
        return Action_Next()


class OnResponseBody(exports.OnResponseBody):
    @guarded
    def handle(self) -> Action:
        caller, call = attributes.get("caller"), attributes.get("call")
        # With `on_error = "skip"` a response may come here without a caller.
        if caller is None or call is None or not is_json(response.header("content-type")):
            return Action_Next()
        body = greeted(response_body.text(), f"{settings.greeting}, {caller}!", int(call))
        if body is not None:
            response_body_edit.write_text(body)
        return Action_Next()


def refuse(status: int, kind: str, detail: str) -> Action:
    return Action_Respond(problem(status, kind, detail))


def is_json(content_type: str | None) -> bool:
    return JSON_TYPE.match(content_type or "") is not None
