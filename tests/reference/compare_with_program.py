#!/usr/bin/env python3
"""Runs the program and the Python reference on one image and fails if they differ by more than fp32 rounding.

Each stage is compared on its own: a voxel whose probability equals the threshold but for rounding may fall on
either side, so the reference measures and classifies the lesions of the mask that the program wrote.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import reference as ref  # noqa: E402

INPUT_TOLERANCE = 1e-5
AFFINE_TOLERANCE = 1e-3
PROBABILITY_TOLERANCE = 1e-3
RELATIVE_TOLERANCE = 1e-4
CENTROID_TOLERANCE = 1e-2
MIN_DICE = 0.999


class Table:
    """Measured differences against their limits."""

    def __init__(self):
        self.failed = False

    def heading(self, text):
        print(f"\n{text}")

    def at_most(self, what, value, limit):
        self._row(what, f"{value:.3g}", f"<= {limit:g}", value <= limit)

    def at_least(self, what, value, limit):
        self._row(what, f"{value:.6f}", f">= {limit:g}", value >= limit)

    def equal(self, what, found, expected):
        shown = f"{found}" if found == expected else f"{found}, expected {expected}"
        self._row(what, shown, "same", found == expected)

    def _row(self, what, value, limit, is_ok):
        self.failed |= not is_ok
        print(f"  {'ok  ' if is_ok else 'FAIL'}  {what:<44} {value}  ({limit})", flush=True)


def run(program, *arguments):
    command = [str(program), *map(str, arguments), "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise SystemExit(f"cordlesion {arguments[0]} ended with exit code {done.returncode}; expected 0\n{done.stderr}")


def only_case(folder):
    cases = [path.parent for path in Path(folder).glob("*/report.json")]
    if len(cases) != 1:
        raise SystemExit(f"{len(cases)} reports below the output folder; expected 1")
    return cases[0]


def max_difference(found, expected):
    if np.ndim(expected) > 0 and np.shape(found) != np.shape(expected):
        return float("inf")
    return float(np.abs(np.asarray(found, np.float64) - expected).max(initial=0))


def dice(a, b):
    total = int(a.sum()) + int(b.sum())
    return 1.0 if total == 0 else 2.0 * int((a & b).sum()) / total


def load(path):
    image = nibabel.load(path)
    return np.asanyarray(image.dataobj), image.affine


def default_mask(source, path):
    """An ellipsoid in the middle of the image, so that every image has a corrected mask to test with."""
    shape = np.array(source.voxels.shape)
    offset = (np.indices(source.voxels.shape).T - (shape - 1) / 2) / np.maximum(shape / 8, 2.2)
    mask = (offset**2).sum(axis=-1).T < 1
    nibabel.save(nibabel.Nifti1Image(mask.astype(np.uint8), ref.LPS_RAS @ source.affine), path)
    return path


def compare_prepared(table, arguments, expected, mask):
    table.heading("prepare")
    cohort, output = arguments.work / "cohort.tsv", arguments.work / "prepared"
    cohort.write_text(f"case_id\timage\tmask\ncase\t{arguments.image.resolve()}\t{mask.resolve()}\n")
    run(arguments.program, "prepare", "--cohort", cohort, "--models", arguments.models, "-o", output)
    inputs = load(output / "case" / "image.nii.gz")[0]
    table.equal("type of the network input", str(inputs.dtype), "float32")
    table.equal("columns, rows, slices", inputs.shape, expected["inputs"].T.shape)
    table.at_most("network input", max_difference(inputs.T, expected["inputs"]), INPUT_TOLERANCE)
    masks = load(output / "case" / "mask.nii.gz")[0]
    table.equal("type of the fitted mask", str(masks.dtype), "uint8")
    table.at_most("fitted mask", max_difference(masks.T, expected["fitted_masks"]), 0)


def compare_probability(table, case, expected, threshold):
    probability, affine = load(case / "lesion_probability.nii.gz")
    table.at_most("affine of the probability", max_difference(affine, expected["affine_ras"]), AFFINE_TOLERANCE)
    table.at_most("probability of lesion", max_difference(probability, expected["probability"]), PROBABILITY_TOLERANCE)
    changed = (load(case / "lesion_mask.nii.gz")[0] > 0) != expected["mask"]
    distance = max_difference(expected["probability"][changed], threshold) if changed.any() else 0.0
    table.at_most(f"{changed.sum()} voxels differ, from threshold", distance, PROBABILITY_TOLERANCE)


def compare_mask(table, case, report, expected):
    mask, affine = load(case / "lesion_mask.nii.gz")
    table.equal("size of the mask", mask.shape, expected["mask"].shape)
    table.equal("values of the mask", set(np.unique(mask).tolist()) <= {0, 1}, True)
    table.at_most("affine of the mask", max_difference(affine, expected["affine_ras"]), AFFINE_TOLERANCE)
    if mask.shape == expected["mask"].shape:
        table.at_least("Dice of the masks", dice(mask > 0, expected["mask"]), MIN_DICE)
    count = int(expected["mask"].sum())
    table.at_most(f"voxels, of {count}", abs(report["segmentation"]["voxels"] - count), (1 - MIN_DICE) * count)
    table.equal("voxels reported and written", report["segmentation"]["voxels"], int((mask > 0).sum()))
    table.equal("status", report["status"], "ok" if count else "no_lesion")


def compare_lesions(table, found, expected):
    table.equal("lesions", len(found), len(expected))
    volumes = [sorted(lesion["volume_mm3"] for lesion in lesions) for lesions in (found, expected)]
    largest = max(volumes[1], default=1.0)
    table.at_most("volumes of lesions, part of largest", max_difference(*volumes) / largest, RELATIVE_TOLERANCE)
    if not expected or (len(expected) > 1 and expected[1]["voxels"] == expected[0]["voxels"]):
        return
    for key in ("length_si_mm", "width_ap_mm", "max_area_mm2", "mean_intensity", "sd_intensity"):
        difference = abs(found[0][key] - expected[0][key]) / (abs(expected[0][key]) or 1)
        table.at_most(f"largest lesion, {key}, relative", difference, RELATIVE_TOLERANCE)
    for key in ("centroid_voxel", "centroid_ras_mm"):
        table.at_most(f"largest lesion, {key}", max_difference(found[0][key], expected[0][key]), CENTROID_TOLERANCE)
    for key in ("slices", "touches_border"):
        table.equal(f"largest lesion, {key}", found[0][key], expected[0][key])


def slice_probability(entry, node):
    """The probabilities stand under one key of the slice, whichever it is called."""
    tables = [value for value in entry.values() if isinstance(value, dict)]
    return next(values[node] for values in tables if node in values)


def compare_classification(table, report, expected):
    slices = sorted(report["selected_slices"], key=lambda entry: entry["index"])
    order = np.argsort(expected["selected_slices"])
    indices = [expected["selected_slices"][i] for i in order]
    table.equal("selected slices", [entry["index"] for entry in slices], indices)
    found, wanted = report["classification"], expected["classification"]
    for node, outcome in wanted["nodes"].items():
        result = found["nodes"][node]
        table.equal(f"{node}, reached", result["reached"], outcome["reached"])
        if "probabilities" not in result or len(slices) != len(indices):
            table.equal(f"{node}, evaluated", False, True)
            continue
        second = result["probabilities"][outcome["classes"][1]]
        per_slice = [slice_probability(entry, node) for entry in slices]
        difference = max_difference(per_slice, [outcome["slices"][i] for i in order])
        table.at_most(f"{node}, slices", difference, PROBABILITY_TOLERANCE)
        difference = abs(second - outcome["second_probability"])
        table.at_most(f"{node}, patient", difference, PROBABILITY_TOLERANCE)
        table.equal(f"{node}, decision", result["decision"], outcome["decision"])
    table.equal("path", found["path"], wanted["path"])
    table.equal("label", found["label"], wanted["label"])


def compare_prediction(table, arguments, name, source, options, *flags):
    table.heading(f"predict, {name}")
    output = arguments.work / name.replace(" ", "_")
    run(arguments.program, "predict", arguments.image, "-o", output, "--models", arguments.models,
        "--precision", "fp32", "--device", "cpu", *flags)
    case = only_case(output)
    report = json.loads((case / "report.json").read_text())
    expected = ref.run_case(source, arguments.models, options)
    compare_mask(table, case, report, expected)
    if "probability" in expected:
        table.equal("label from the reference's own mask", report["classification"]["label"],
                    expected["classification"]["label"])
        threshold = json.loads((arguments.models / "manifest.json").read_text())["segmenter"]["threshold"]
        compare_probability(table, case, expected, threshold)
        options = dataclasses.replace(options, mask=case / "lesion_mask.nii.gz")
        expected = ref.run_case(source, arguments.models, options)
    compare_lesions(table, report["lesions"], expected["lesions"])
    compare_classification(table, report, expected)
    return expected


def compare(arguments):
    table, source = Table(), ref.read_image(arguments.image)
    mask = arguments.mask or default_mask(source, arguments.work / "corrected.nii.gz")
    print(f"{arguments.image.name}: {' x '.join(map(str, source.voxels.shape))} voxels")
    corrected = ref.Options(all_nodes=True, mask=mask)
    expected = compare_prediction(table, arguments, "corrected mask", source, corrected, "--masks", mask, "--all-nodes")
    compare_prepared(table, arguments, expected, mask)
    compare_prediction(table, arguments, "segmented", source, ref.Options(), "--save-probability")
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True, help="the cordlesion executable")
    parser.add_argument("--models", type=Path, required=True, help="model package")
    parser.add_argument("--image", type=Path, required=True, help="NIfTI file, or folder of one DICOM study")
    parser.add_argument("--mask", type=Path, help="corrected mask (default: an ellipsoid in the middle of the image)")
    parser.add_argument("--work", type=Path, help="empty folder for the outputs (default: a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        arguments.work = arguments.work or Path(scratch)
        arguments.work.mkdir(parents=True, exist_ok=True)
        table = compare(arguments)
    print("\nDifferences beyond the limits." if table.failed else "\nThe program and the reference agree.")
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
