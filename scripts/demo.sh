#!/usr/bin/env bash
# From a fresh clone to results: installs, builds, runs the sample cases and shows where to look.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'EOF'
Usage: scripts/demo.sh [OUT]

Installs what is missing (Debian packages), builds cordlesion, searches the sample study, runs the
sample cases and shows where the results are. OUT is replaced; it is out/demo unless given.
EOF
}
case "${1:-}" in
  --help | -h) usage; exit 0 ;;
esac
out=${1:-out/demo}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. Install and build"
scripts/setup.sh
scripts/build.sh
program=build/release/cordlesion
"$program" --version

samples=(tests/samples/study_ependymoma tests/samples/study_nmosd tests/samples/astrocytoma_t2.nii.gz
         tests/samples/ms_t2.nii.gz tests/samples/healthy_t2.nii.gz)

say "2. What is in a study folder, and what would be used:  cordlesion scan tests/samples/study_ependymoma"
"$program" scan tests/samples/study_ependymoma

say "3. The main job, one simulated case of each class:  cordlesion predict tests/samples/... -o $out"
"$program" predict "${samples[@]}" -o "$out" --overwrite

say "4. The same from corrected masks:  cordlesion predict ... --masks tests/samples/masks"
"$program" predict "${samples[@]}" -o "$out-corrected" --masks tests/samples/masks --overwrite

say "Where to look"
cat <<EOF
$out/results.tsv                         one row per case
$out/lesions.tsv                         one row per lesion
$out/run.json                            options, versions, models, counts
$out/study_ependymoma/report.json        everything on one case, every series of the study with the reason
$out/study_ependymoma/lesion_mask.nii.gz the mask, on exactly the grid of the image
$out-corrected/results.tsv               the same cases from the corrected masks

The model package knows simulated spines, not patients: models/phantom-1/MODEL_CARD.md.
Research use only.
EOF
