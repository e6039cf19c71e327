#!/usr/bin/env bash
# Writes the type declarations of mdkgen's JavaScript engine, from its comments, into a folder.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
engine="$here/../../mdkgen/js/engine"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp "$engine"/*.js "$work"
cp "$here/tsconfig.engine.json" "$work/tsconfig.json"
"$here/../../node_modules/.bin/tsc" -p "$work/tsconfig.json" --outDir "$1"
