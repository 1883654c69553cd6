"""A small prepared cohort of simulated spines, as `cordlesion prepare` writes it, for the training tests."""

import sys
from pathlib import Path
from typing import Dict, List, Optional

import nibabel
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "training"))
from cohort import LABELS  # noqa: E402
from untrained import simulated_slice  # noqa: E402

COLUMNS = ("case_id", "image", "mask", "label", "split")
SPACING_MM = (2.0, 2.0, 4.0)


def write_volume(path: Path, slices: np.ndarray) -> None:
    """Slices x rows x columns; NIfTI stores columns x rows x slices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(slices.transpose(2, 1, 0), np.diag([*SPACING_MM, 1])), path)


def write_case(prepared: Path, case_id: str, label: str, random: np.random.Generator, size: int) -> None:
    """Three slices; the lesion is in the last two. The demyelinating ones are darker, so that there is something to learn."""
    images, masks = (np.stack(part) for part in zip(*[simulated_slice(random, size) for _ in range(3)]))
    masks = masks.astype(np.uint8)
    hidden = masks * np.array([1, label == "healthy", label == "healthy"], np.uint8)[:, None, None]
    images = np.where(hidden, 0.48, images ** (1.5 if label in ("ms", "nmosd") else 1)).astype(np.float32)
    write_volume(prepared / case_id / "image.nii.gz", images)
    write_volume(prepared / case_id / "mask.nii.gz", masks * (hidden == 0))


def write_table(prepared: Path, rows: List[Dict[str, str]]) -> None:
    names = list(rows[0])
    lines = ["\t".join(names), *("\t".join(row[name] for name in names) for row in rows)]
    (prepared / "prepared.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_cohort(prepared: Path, size: int = 32, counts: Optional[Dict[str, int]] = None) -> List[Dict[str, str]]:
    """Cases of every label in every split; returns the rows of prepared.tsv."""
    random = np.random.default_rng(1)
    rows = []
    for split, count in (counts or {"train": 2, "val": 2, "test": 1}).items():
        for label in LABELS:
            for number in range(count):
                case_id = f"{split}-{label}-{number}"
                write_case(prepared, case_id, label, random, size)
                rows.append(dict(zip(COLUMNS, (case_id, f"{case_id}/image.nii.gz", f"{case_id}/mask.nii.gz", label, split))))
    write_table(prepared, rows)
    return rows
