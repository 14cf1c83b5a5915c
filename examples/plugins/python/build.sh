#!/bin/sh
# Builds greet.wasm; with an argument, to that file.
set -eu
cd "$(dirname "$0")"
[ -d .venv ] || python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
# --stub-wasi: no WASI imports, no grant.
.venv/bin/componentize-py --quiet --wit-path wit --world plugin \
  componentize --stub-wasi --output "${1:-greet.wasm}" plugin
