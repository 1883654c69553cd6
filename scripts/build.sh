#!/usr/bin/env bash
# Builds the program, and the seeded model package where no package is there yet.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'EOF'
Usage: scripts/build.sh [--with-tests]

Builds build/release/cordlesion and, if it is missing, the model package models/untrained.

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

# The seeded weights depend on these scripts alone.
package=models/untrained
if [ ! -f $package/manifest.json ] ||
   [ -n "$(find scripts/training -name '*.py' -newer $package/manifest.json)" ]; then
  /usr/bin/python3 scripts/training/export.py --untrained --seed 7 -o $package --overwrite
fi
