#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  --help | -h)
    echo "Usage: scripts/test.sh"
    echo
    echo "Installs the Debian packages that are missing, builds cordlesion and runs all tests."
    exit 0
    ;;
esac

scripts/setup.sh --tests
scripts/build.sh --with-tests
ctest --preset release --parallel "$(nproc)"
