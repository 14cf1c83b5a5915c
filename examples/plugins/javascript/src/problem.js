/** A refusal as problem+json (RFC 9457). */
export function problem(status, kind, detail) {
  const title = kind[0].toUpperCase() + kind.slice(1).replaceAll("-", " ");
  const body = { type: `urn:torana:problem:${kind}`, title, status, detail };
  return {
    status,
    headers: [
      { name: "content-type", value: "application/problem+json" },
      { name: "cache-control", value: "no-store" },
    ],
    body: { tag: "text", val: JSON.stringify(body) },
  };
}
