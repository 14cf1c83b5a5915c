// The cases of http_desync_guardian, as {"name", "uri", "method", "version", "headers", "tier"};
// headers are pairs. The arguments are the package, and that of js-yaml.

import { readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , suite, yaml] = process.argv;
const { load, FAILSAFE_SCHEMA } = await import(pathToFileURL(`${yaml}/dist/js-yaml.mjs`));

// A template to try single cases with.
const isSuite = (file) => file.endsWith(".yaml") && file !== "single-case.yaml";

for (const file of readdirSync(`${suite}/tests`).filter(isSuite).sort()) {
  // Without numbers, dates and the like: everything in a message is text.
  const cases = load(readFileSync(`${suite}/tests/${file}`, "utf8"), { schema: FAILSAFE_SCHEMA });
  for (const { name, uri, method, version, headers, expected } of cases) {
    const pairs = (headers || []).map(({ name, value }) => [text(name), text(value)]);
    const line = { uri: text(uri), method: text(method), version: text(version) };
    console.log(JSON.stringify({ name: `${file}: ${name}`, ...line, headers: pairs, tier: expected.tier }));
  }
}

function text(value) {
  return value === null || value === undefined ? "" : String(value);
}
