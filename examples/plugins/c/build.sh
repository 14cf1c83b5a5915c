#!/bin/sh
# Builds greet.wasm; with an argument, to that file.
#
# Wants `wit-bindgen` (cargo install wit-bindgen-cli@0.63.0 --no-default-features --features c),
# and Python for a compiler and for wasm-tools.
set -eu
cd "$(dirname "$0")"
[ -d .venv ] || python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
mkdir -p build
wit-bindgen c wit --world plugin --out-dir build
# The reactor has no `main`; `plugin_component_type.o` holds the world, for the last step. Without a
# size for the stack, zig gives each instance 16 MiB.
.venv/bin/python-zig cc -target wasm32-wasi -mexec-model=reactor -Wl,-z,stack-size=131072 \
  -Oz -flto -s -Wall -Wextra -Ibuild -o build/greet.core.wasm \
  src/*.c build/plugin.c build/plugin_component_type.o
.venv/bin/wasm-tools component new build/greet.core.wasm --output "${1:-greet.wasm}"
