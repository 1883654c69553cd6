#!/usr/bin/env bash
# Installs the Debian packages that cordlesion needs, if any is missing.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: scripts/setup.sh [--training] [--tests]

Installs the Debian 12 packages that building and running cordlesion need, with apt.
Nothing happens if all of them are there.

  --training  also what training on a cohort needs
  --tests     also what the tests need, training included
  --help      show this text
EOF
}

# Building and running.
packages=(g++ cmake ninja-build git
          libtorch-dev libdnnl-dev libopenblas0 libinsighttoolkit5-dev libgdcm-dev zlib1g-dev libssl-dev
          libcli11-dev libspdlog-dev nlohmann-json3-dev libgtest-dev)
# Training: the networks; reading prepared cases, connected components and the calibration's
# minimum, curves; and simulated spines: files, resampling, k-space.
training_packages=(python3-numpy python3-torch python3-torchvision python3-nibabel python3-scipy python3-matplotlib python3-pydicom python3-opencv)
# Cross-checks against independent readers, and tools that make test inputs.
test_packages=("${training_packages[@]}" python3-pytest python3-sklearn python3-jsonschema
               dcmtk libgdcm-tools dcm2niix)
# The cluster scripts are tested on a Slurm of one node that the test starts itself.
test_packages+=(munge slurm-client slurmctld slurmd snakemake)

for argument in "$@"; do
  case "$argument" in
    --training) packages+=("${training_packages[@]}") ;;
    --tests) packages+=("${test_packages[@]}") ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Installing: ${missing[*]}"
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" > /dev/null
