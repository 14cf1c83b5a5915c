#!/bin/sh
# Builds greet.wasm; with an argument, to that file.
set -eu
cd "$(dirname "$0")"
npm ci --silent --no-audit --no-fund
# --sync: the gateway does not speak the asynchronous ABI. --stub-wasi: no WASI imports, no grant.
npx componentize-qjs --sync --stub-wasi --opt-size --wit wit --js src/plugin.js --output "${1:-greet.wasm}"
