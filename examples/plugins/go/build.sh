#!/bin/sh
# Builds greet.wasm; with an argument, to that file.
#
# Wants `wit-bindgen` (cargo install wit-bindgen-cli@0.63.0 --no-default-features --features go), Python for
# Go itself and for wasm-tools, and in ADAPTER the path of `wasi_snapshot_preview1.reactor.wasm` (it is in
# the crate wasi-preview1-component-adapter-provider 48).
set -eu
cd "$(dirname "$0")"
out=$(realpath "${1:-greet.wasm}")
[ -d .venv ] || python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
PATH=$PWD/.venv/bin:$PATH
mkdir -p build
wit-bindgen go wit --world plugin --out-dir build
cp -r export_* memory settings build/
(
  cd build
  [ -z "${WIT_PKG:-}" ] || go mod edit -replace "go.bytecodealliance.org/pkg=$WIT_PKG"
  GOFLAGS=-mod=mod GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w -checklinkname=0" -o core.wasm .
)
wasm-tools component embed wit build/core.wasm --world plugin --output build/embedded.wasm
wasm-tools component new build/embedded.wasm --adapt "wasi_snapshot_preview1=$ADAPTER" --output "$out"
