import json

from wit_world.imports.types import Content_Text, Header, Reply


def problem(status: int, kind: str, detail: str) -> Reply:
    """A refusal as problem+json (RFC 9457)."""
    title = kind.replace("-", " ").capitalize()
    body = {"type": f"urn:torana:problem:{kind}", "title": title, "status": status, "detail": detail}
    return Reply(
        status=status,
        headers=[
            Header("content-type", "application/problem+json"),
            Header("cache-control", "no-store"),
        ],
        body=Content_Text(json.dumps(body)),
    )
