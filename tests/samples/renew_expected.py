#!/usr/bin/env python3
"""Writes expected/ from a run over the sample cases: of each report what `cordlesion compare` reads, and the mask.

cordlesion predict tests/samples/study_* tests/samples/*.nii.gz -o out --precision fp32 --all-nodes
tests/samples/renew_expected.py out
"""

import json
import shutil
import sys
from pathlib import Path


def trimmed(report: dict) -> dict:
    classification = report["classification"]
    nodes = {name: {"probabilities": node["probabilities"]} for name, node in classification["nodes"].items() if "probabilities" in node}
    return {
        "status": report["status"],
        "classification": {"label": classification["label"], "nodes": nodes},
        "segmentation": {"volume_mm3": report["segmentation"]["volume_mm3"]},
        "lesions": [{"volume_mm3": lesion["volume_mm3"]} for lesion in report["lesions"]],
    }


def main(out: Path) -> None:
    expected = Path(__file__).parent / "expected"
    shutil.rmtree(expected, ignore_errors=True)
    for path in sorted(out.glob("*/report.json")):
        folder = expected / path.parent.name
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps(trimmed(json.loads(path.read_text())), indent=1) + "\n")
        shutil.copy(path.parent / "lesion_mask.nii.gz", folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
