// The cases of http-cache-tests. The first argument is the package. With `serve` its service runs until stdin is closed,
// and writes {"port"}; with `run` and the address of a cache in front of it the cases are played against that, and each
// writes {"id", "kind", "name", "wrong"}; `wrong` is what is wrong with it, or null.

import http from "node:http";
import { pathToFileURL } from "node:url";

const [, , suite, what, base] = process.argv;
const load = async (file) => import(pathToFileURL(`${suite}/${file}`));
// What the suite says while it works is no case.
const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
console.log = () => {};

if (what === "serve") {
  await serve();
} else {
  await run();
}

async function serve() {
  const handlers = new Map();
  for (const name of ["config", "test", "state"]) {
    handlers.set(name, (await load(`server/handle-${name}.mjs`)).default);
  }
  const server = http.createServer((request, response) => {
    const [, name, ...path] = new URL(request.url, "http://localhost").pathname.split("/");
    const handle = handlers.get(name);
    if (handle) handle(path, request, response);
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1", () => write({ port: server.address().port }));
  process.stdin.resume().on("end", () => process.exit());
}

async function run() {
  const suites = (await load("tests/index.mjs")).default;
  suites.push((await load("tests/surrogate-control.mjs")).default);
  const { runTests, getResults } = await load("client/runner.mjs");
  await runTests(suites, fetch, false, base);
  const results = getResults();
  for (const { tests } of suites) {
    for (const { id, kind, name } of tests.filter((test) => test.id in results)) {
      const wrong = results[id] === true ? null : results[id].join(": ");
      write({ id, kind: kind ?? "required", name, wrong });
    }
  }
}

// As much of fetch as the suite asks for, and no more: nothing is added to a request, and no redirect is followed.
function fetch(url, init) {
  const headers = {};
  for (const [name, value] of init?.headers ?? []) {
    headers[name] = name in headers ? [headers[name], value].flat() : value;
  }
  // Node sends a body of DELETE without saying so.
  if (init?.body) headers["Content-Length"] = Buffer.byteLength(init.body);
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: init?.method ?? "GET", headers }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece)).on("error", reject);
      response.on("end", () => resolve(reply(response, Buffer.concat(pieces).toString())));
    });
    request.on("error", reject).end(init?.body);
  });
}

function reply(response, text) {
  const headers = new Map();
  for (let at = 0; at < response.rawHeaders.length; at += 2) {
    const [name, value] = [response.rawHeaders[at].toLowerCase(), response.rawHeaders[at + 1]];
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  const named = (name) => name.toLowerCase();
  const all = {
    get: (name) => headers.get(named(name)) ?? null,
    has: (name) => headers.has(named(name)),
    [Symbol.iterator]: () => headers[Symbol.iterator](),
  };
  const ok = response.statusCode < 300;
  return { status: response.statusCode, ok, headers: all, text: async () => text, json: async () => JSON.parse(text) };
}
