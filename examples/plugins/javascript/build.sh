#!/bin/sh
# Builds greet.wasm; with an argument, to that file; with `wasi` behind it, with WASI's interfaces
# imported rather than stubbed, which then need the grant.
set -eu
cd "$(dirname "$0")"
npm ci --silent --no-audit --no-fund
# --sync: the gateway does not speak the asynchronous ABI. --stub-wasi: no WASI imports, no grant.
stub=--stub-wasi
[ "${2:-}" = wasi ] && stub=
npx componentize-qjs --sync $stub --opt-size --wit wit --js src/plugin.js --output "${1:-greet.wasm}"
