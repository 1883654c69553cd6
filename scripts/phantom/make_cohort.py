#!/usr/bin/env python3
"""Simulates a cohort of sagittal T2 spines with known lesions, and the table that training and evaluation read.

OUT/cohort.tsv has the columns case_id, image, mask, label, split, region, cord; labels are astrocytoma,
ependymoma, ms, nmosd and healthy. Further columns say in numbers what tells the diseases apart (SIGNS in lesions.py),
for train_classifiers.py --learn-also. Every case comes from its own seed, so a cohort can be cut off, continued and
made again, also with other counts. No patient data.
"""

import argparse
import json
import multiprocessing
import os
import re
import shutil
import sys
from pathlib import Path
from typing import List, NamedTuple

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "training"))

from argument_types import positive_count, share  # noqa: E402
from case import AXES, save_nifti, simulate  # noqa: E402
from dicom_series import T2, Series, write_series  # noqa: E402
from lesions import CLASSES, SIGNS, signs  # noqa: E402
from spine import LEVELS  # noqa: E402

SPLITS = ("train", "val", "test")
DEFAULT_COUNTS = {"train": "240,240,240,240,120", "val": "32,32,32,32,20", "test": "34,45,33,45,40"}
"""Per class in the order of CLASSES; the test set has the numbers of the published test cohort, and healthy cords."""


class Order(NamedTuple):
    case_id: str
    label: str
    split: str
    region: str
    seed: int
    dicom: bool
    folder: Path


def orders_of(options) -> List[Order]:
    orders = []
    for number, split in enumerate(SPLITS):
        for label, count in zip(CLASSES, getattr(options, split)):
            for index in range(count):
                seed = int(np.random.SeedSequence([options.seed, number, CLASSES.index(label), index]).generate_state(1)[0])
                random = np.random.default_rng([seed, 0])
                region = str(random.choice(list(LEVELS), p=[0.5, 0.32, 0.18]))
                dicom = bool(random.random() < options.dicom)
                orders.append(Order(f"{split}-{label}-{index + 1:03d}", label, split, region, seed, dicom, options.output))
    return orders


def image_path(order: Order) -> str:
    return f"{order.case_id}/dicom" if order.dicom else f"{order.case_id}/t2.nii.gz"


def make(order: Order) -> str:
    """Writes one case unless it is there; its folder appears when it is complete."""
    folder = order.folder / order.case_id
    if folder.exists():
        return order.case_id
    case = simulate(order.seed, order.label, order.region)
    scratch = order.folder / f".{order.case_id}.{os.getpid()}"
    scratch.mkdir(parents=True)
    affine = case.protocol.grid.affine()
    axes = str(np.random.default_rng([order.seed, 6]).choice(AXES))
    if order.dicom:
        write_series(scratch / "dicom", order.case_id, Series("SAG T2", case.scan.image, case.protocol.grid, T2))
    else:
        save_nifti(case.scan.image, affine, scratch / "t2.nii.gz", axes)
    save_nifti(case.scan.lesion, affine, scratch / "lesion.nii.gz", axes)
    save_nifti(case.scan.cord, affine, scratch / "cord.nii.gz", axes)
    (scratch / "signs.json").write_text(json.dumps(signs(case.disease, case.spine)) + "\n", encoding="utf-8")
    scratch.rename(folder)
    return order.case_id


def sweep(folder: Path) -> None:
    """Removes what a run that was killed left half made: the scratch folders of `make`, nothing else."""
    scratch = re.compile(rf"\.({'|'.join(SPLITS)})-({'|'.join(CLASSES)})-\d{{3,}}\.\d+")
    for path in folder.iterdir():
        if scratch.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)


def claim(options, orders: List[Order]) -> None:
    """Notes in OUT/cohort.json what the cases depend on. Complete cases are kept, so with anything else the table would be false."""
    path, wanted = options.output / "cohort.json", {"seed": options.seed, "dicom": options.dicom}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = None if any((options.output / order.case_id).exists() for order in orders) else wanted
        if found:
            path.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
    except ValueError:
        found = None
    if found != wanted:
        known = f"the cases here were made with {found}" if found else "it is not written down what the cases here were made with"
        print(f"{path}: {known}, asked for is {wanted}; give the same, or another folder", file=sys.stderr)
        sys.exit(2)


def read_signs(path: Path) -> dict:
    """Empty for healthy cases, and for cases that were made before signs were written down."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_table(orders: List[Order], path: Path) -> None:
    lines = ["\t".join(["case_id", "image", "mask", "label", "split", "region", "cord", *SIGNS])]
    for order in orders:
        known = read_signs(order.folder / order.case_id / "signs.json")
        lines.append("\t".join([order.case_id, image_path(order), f"{order.case_id}/lesion.nii.gz", order.label, order.split,
                                order.region, f"{order.case_id}/cord.nii.gz", *(f"{known[name]:.4g}" if name in known else "" for name in SIGNS)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def counts(text: str) -> List[int]:
    parts = text.split(",")
    if len(parts) != len(CLASSES) or not all(re.fullmatch("[0-9]+", part) for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}': expected {len(CLASSES)} numbers, one for each of {', '.join(CLASSES)}")
    return [int(part) for part in parts]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True,
                        help="folder of the cohort; complete cases in it are kept, so it takes the same --seed and --dicom again")
    parser.add_argument("--seed", type=int, default=1, help="seed of the cohort (%(default)s)")
    for split in SPLITS:
        parser.add_argument(f"--{split}", type=counts, default=counts(DEFAULT_COUNTS[split]), metavar="A,E,M,N,H",
                            help=f"cases of each class in the order {', '.join(CLASSES)} ({DEFAULT_COUNTS[split]})")
    parser.add_argument("--dicom", type=share, default=0.0, metavar="SHARE", help="share of cases written as DICOM studies (%(default)s)")
    parser.add_argument("--jobs", type=positive_count, default=len(os.sched_getaffinity(0)), help="processes (all processors)")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    orders = orders_of(options)
    claim(options, orders)
    sweep(options.output)
    with multiprocessing.Pool(options.jobs) as pool:
        for done, case_id in enumerate(pool.imap_unordered(make, orders), 1):
            if done % 50 == 0 or done == len(orders):
                print(f"{done} of {len(orders)} cases", file=sys.stderr, flush=True)
    write_table(orders, options.output / "cohort.tsv")
    unknown = sum(not (options.output / order.case_id / "signs.json").exists() for order in orders)
    if unknown:
        print(f"{unknown} cases were made before signs were written down; remove their folders to have them made again with theirs", file=sys.stderr)
    print(options.output / "cohort.tsv")
    return 0


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    import cv2

    cv2.setNumThreads(1)
    sys.exit(main())
