#!/usr/bin/env bash
# Builds the program.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'EOF'
Usage: scripts/build.sh [--with-tests]

Builds build/release/cordlesion.

  --with-tests   build the tests as well
  --help         show this text
EOF
}

tests=OFF
for argument in "$@"; do
  case "$argument" in
    --with-tests) tests=ON ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

# ITK names optional libraries of other readers that are not installed; nothing here needs them.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cmake --preset release -DCORDLESION_TESTS=$tests > "$log" 2>&1 || { cat "$log"; exit 1; }
cmake --build --preset release
