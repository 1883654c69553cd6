#!/usr/bin/env bash
# Makes the Python environment with the rivals that scripts/bench/bench.py measures against. The product needs none of it.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
  cat <<'EOF'
Usage: scripts/bench/setup_rivals.sh [--torch]

Makes build/rivals, a virtual environment with ONNX Runtime and OpenVINO from PyPI.

  --torch  also a newer PyTorch; several GB, as it brings CUDA with it
  --help   show this text
EOF
}

packages=(onnxruntime==1.32.0 openvino==2026.4.1 numpy==2.4.6)
case "${1:-}" in
  --torch) packages+=(torch==2.15.0 torchvision==0.29.2 nibabel==5.4.2 scipy==1.17.1) ;;
  --help | -h) usage; exit 0 ;;
  "") ;;
  *) usage >&2; exit 2 ;;
esac

if ! /usr/bin/python3 -c 'import ensurepip' 2> /dev/null; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 python3-venv > /dev/null
fi
[ -x build/rivals/bin/python ] || /usr/bin/python3 -m venv build/rivals
build/rivals/bin/pip install --quiet --disable-pip-version-check "${packages[@]}"
echo "build/rivals: ${packages[*]}"
