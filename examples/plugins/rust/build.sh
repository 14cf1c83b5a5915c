#!/bin/sh
# Builds greet.wasm; with an argument, to that file.
#
# Wants Rust with the target wasm32-unknown-unknown, and `wasm-tools` 1.262.
set -eu
cd "$(dirname "$0")"
cargo build --release --target wasm32-unknown-unknown
wasm-tools component new "${CARGO_TARGET_DIR:-target}/wasm32-unknown-unknown/release/greet.wasm" \
  --output "${1:-greet.wasm}"
