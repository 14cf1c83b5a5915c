"""Export requests of OTLP as the messages of OpenTelemetry's own package have them. The arguments are files with one
each.

Writes each as an object, by protobuf's mapping to JSON; `unknown` says whether there were fields that it does not know.
"""

import json
import sys

from google.protobuf import json_format, unknown_fields
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)


def messages(message):
    """The message and all that are in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for inner in [value] if isinstance(value, type(message)) or hasattr(value, "ListFields") else value:
                yield from messages(inner)


for path in sys.argv[1:]:
    with open(path, "rb") as file:
        request = ExportTraceServiceRequest.FromString(file.read())
    unknown = any(len(unknown_fields.UnknownFieldSet(m)) for m in messages(request))
    print(json.dumps({"request": json_format.MessageToDict(request), "unknown": unknown}))
