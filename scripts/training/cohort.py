"""A prepared cohort: its cases, labels and splits, and the slices that training may see as memory-mapped arrays."""

import csv
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import nibabel
import numpy as np

from run import locked

LESION_LABELS = ("astrocytoma", "ependymoma", "ms", "nmosd")
LABELS = (*LESION_LABELS, "healthy")
SPLITS = ("train", "val", "test")
NOT_GIVEN = ("", "n/a")
CACHE = ".training_cache"
CACHE_VERSION = 1


class Case(NamedTuple):
    """One row of prepared.tsv. A healthy case may have no mask, which stands for an empty one."""

    case_id: str
    patient_id: str
    label: str
    split: str
    image: Path
    mask: Optional[Path]


class Slices(NamedTuple):
    """All slices of the training and validation cases; those of case c are `first[c]` to `first[c + 1] - 1`."""

    fingerprint: str
    cases: List[Case]
    first: np.ndarray  # [C+1]
    voxel_mm3: np.ndarray  # [C]
    lesion_pixels: np.ndarray  # [S]
    images: np.ndarray  # float16 [S,rows,columns] in [0,1]
    masks: np.ndarray  # uint8 [S,rows,columns], 0 or 1

    def of_case(self, case: int) -> slice:
        return slice(int(self.first[case]), int(self.first[case + 1]))

    def indices_of_case(self, case: int) -> range:
        return range(int(self.first[case]), int(self.first[case + 1]))

    def in_split(self, split: str) -> List[int]:
        return [index for index, case in enumerate(self.cases) if case.split == split]

    @property
    def size(self) -> int:
        return self.images.shape[1]


def read_cases(prepared: Path) -> List[Case]:
    """The rows of prepared.tsv, checked; leaves with a message that names the first fault."""
    table = prepared / "prepared.tsv"
    try:
        with open(table, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            missing = [name for name in ("case_id", "image", "mask", "label", "split") if name not in (reader.fieldnames or [])]
            if missing:
                raise SystemExit(f"{table} lacks the columns {', '.join(missing)}; add them to the cohort table and prepare it again")
            cases = [read_case(row, prepared, f"{table}, line {line}") for line, row in enumerate(reader, start=2)]
    except OSError as error:
        raise SystemExit(f"{table} cannot be read ({error.strerror}); expected what `cordlesion prepare -o {prepared}` writes") from None
    check_patients(cases)
    return cases


def read_case(row: Dict[str, str], prepared: Path, place: str) -> Case:
    written, split = (row["label"] or "").strip(), (row["split"] or "").strip()
    label = written.lower()
    if label not in LABELS:
        raise SystemExit(f"{place}: unknown label '{written}'; expected one of {', '.join(LABELS)}")
    if split not in SPLITS:
        raise SystemExit(f"{place}: unknown split '{split}'; expected one of {', '.join(SPLITS)}")
    mask = None if (row["mask"] or "").strip() in NOT_GIVEN else prepared / row["mask"]
    if mask is None and label != "healthy" and split != "test":
        raise SystemExit(f"{place}: case {row['case_id']} has label {label} but no mask; give its lesion mask or take it out")
    patient = (row.get("patient_id") or "").strip()
    return Case(row["case_id"], row["case_id"] if patient in NOT_GIVEN else patient, label, split, prepared / row["image"], mask)


def read_numbers(prepared: Path, cases: List[Case], columns: List[str]) -> np.ndarray:
    """What the columns of prepared.tsv say of the training cases [cases,columns]; NaN where they say nothing, and of other cases.
    Leaves with a message if a column is not there, or says anything but numbers."""
    table = prepared / "prepared.tsv"
    numbers = np.full((len(cases), len(columns)), np.nan)
    train = {case.case_id: index for index, case in enumerate(cases) if case.split == "train"}
    with open(table, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        for column in columns:
            if column not in reader.fieldnames:
                raise SystemExit(f"{table} has no column {column}, which --learn-also names; it has {', '.join(reader.fieldnames)}")
        for line, row in enumerate(reader, start=2):
            for position, column in enumerate(columns if row["case_id"] in train else []):
                numbers[train[row["case_id"]], position] = read_number(row[column], f"{table}, line {line}: {column}")
    return numbers


def read_number(text: Optional[str], place: str) -> float:
    """NaN if nothing is given."""
    text = (text or "").strip()
    if text in NOT_GIVEN:
        return np.nan
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise SystemExit(f"{place} is '{text}'; expected a number with a decimal point, n/a or nothing. Correct it, or leave the column out of --learn-also")
    return number


def check_patients(cases: List[Case]) -> None:
    """A patient in two splits would make validation and test figures too good."""
    splits: Dict[str, Case] = {}
    for case in cases:
        other = splits.setdefault(case.patient_id, case)
        if other.split != case.split:
            raise SystemExit(
                f"patient {case.patient_id} is in two splits: case {other.case_id} in {other.split}, case {case.case_id} in "
                f"{case.split}; put all cases of a patient into one split"
            )
    for split in ("train", "val"):
        if not any(case.split == split and case.label != "healthy" for case in cases):
            raise SystemExit(f"the cohort has no case with a lesion in the split {split}; training needs both train and val")


def open_slices(prepared: Path) -> Slices:
    """Reads training and validation cases once into a cache beside prepared.tsv and memory-maps it; never the test split."""
    cases = [case for case in read_cases(prepared) if case.split != "test"]
    fingerprint = fingerprint_of(cases, prepared)
    cache = prepared / CACHE
    index = read_index(cache / "index.json")
    if index.get("fingerprint") != fingerprint:
        with locked(cache, wait=True):
            index = read_index(cache / "index.json")
            if index.get("fingerprint") != fingerprint:
                index = write_cache(cases, fingerprint, cache)
    arrays = [np.load(cache / name, mmap_mode="r") for name in ("images.npy", "masks.npy")]
    numbers = [np.array(index[name]) for name in ("first", "voxel_mm3", "lesion_pixels")]
    return Slices(fingerprint, cases, *numbers, *arrays)


def fingerprint_of(cases: List[Case], prepared: Path) -> str:
    """Changes with the list of cases, what the table says of them, and size or time of any of their files."""
    digest = hashlib.sha256(str(CACHE_VERSION).encode())
    for case in cases:
        for path in (case.image, case.mask):
            try:
                stat = os.stat(path) if path else None
            except OSError as error:
                raise SystemExit(f"{path} of case {case.case_id} cannot be read ({error.strerror}); prepare the cohort again") from None
            digest.update(repr((case[:4], path and path.relative_to(prepared), stat and (stat.st_size, stat.st_mtime_ns))).encode())
    return digest.hexdigest()


def read_index(path: Path) -> dict:
    """What says that arrays are complete, and of what they are; empty where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def replace_arrays(paths: List[Path], index: Path, content: dict) -> None:
    """Puts PATH.part in the place of each path. New files, as a running training may have the former ones mapped; the index goes first and comes
    last, so that it never vouches for anything else."""
    index.unlink(missing_ok=True)
    part = index.with_name(index.name + ".part")
    part.write_text(json.dumps(content), encoding="utf-8")
    for path in paths:
        os.replace(path.with_name(path.name + ".part"), path)
    os.replace(part, index)


def read_volume(path: Path) -> Tuple[np.ndarray, float]:
    """Slices x rows x columns, and the volume of a voxel in mm3."""
    try:
        nifti = nibabel.load(path)
        volume = np.asarray(nifti.dataobj).transpose(2, 1, 0)
    except Exception as error:  # nibabel and zlib raise many kinds
        raise SystemExit(f"{path} cannot be read as NIfTI ({error}); prepare the cohort again") from None
    return volume, float(abs(np.linalg.det(nifti.affine[:3, :3])))


def read_checked(case: Case, size: Optional[int]) -> Tuple[np.ndarray, np.ndarray, float]:
    image, voxel_mm3 = read_volume(case.image)
    size = size or image.shape[1]
    if image.shape[1:] != (size, size) or size % 16:
        raise SystemExit(f"{case.image} has slices of {image.shape[1:]} pixels; expected {size} x {size} as in the other cases, a multiple of 16")
    if not (np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1):
        raise SystemExit(f"{case.image} has values outside [0, 1]; expected an image that `cordlesion prepare` wrote")
    mask = read_volume(case.mask)[0] if case.mask else np.zeros(image.shape, np.uint8)
    if mask.shape != image.shape or not np.isin(mask, (0, 1)).all():
        raise SystemExit(f"{case.mask} is not a mask of 0 and 1 on the grid of its image; prepare the cohort again")
    if (case.label == "healthy") == bool(mask.any()):
        found = "has a lesion" if mask.any() else "is empty"
        raise SystemExit(f"the mask of case {case.case_id} {found}, but its label is {case.label}; correct the label or the mask")
    return image, mask, voxel_mm3


def write_cache(cases: List[Case], fingerprint: str, cache: Path) -> dict:
    """Two arrays and their index."""
    counts = [nibabel.load(case.image).shape[2] for case in cases]
    first = np.concatenate([[0], np.cumsum(counts)])
    size, images, masks, voxel_mm3 = None, None, None, []
    for index, case in enumerate(cases):
        image, mask, volume = read_checked(case, size)
        if images is None:
            size = image.shape[1]
            shape = (int(first[-1]), size, size)
            images = np.lib.format.open_memmap(cache / "images.npy.part", "w+", np.float16, shape)
            masks = np.lib.format.open_memmap(cache / "masks.npy.part", "w+", np.uint8, shape)
        images[first[index] : first[index + 1]] = image
        masks[first[index] : first[index + 1]] = mask
        voxel_mm3.append(volume)
        if index % 100 == 99 or index + 1 == len(cases):
            print(f"read {index + 1} of {len(cases)} cases into {cache}", file=sys.stderr)
    lesion_pixels = masks.reshape(len(masks), -1).sum(1, dtype=np.int64)
    images.flush()
    masks.flush()
    written = {
        "fingerprint": fingerprint,
        "first": first.tolist(),
        "voxel_mm3": voxel_mm3,
        "lesion_pixels": lesion_pixels.tolist(),
    }
    replace_arrays([cache / "images.npy", cache / "masks.npy"], cache / "index.json", written)
    return written
