"""Real DICOM series against independent readers: geometry as dcm2niix says, pixels as pydicom and the published NIfTI files say.

A model package that returns its input as the probability lets `--save-probability` show the pixels that were read. The
last tests run every published file, sound or broken: rows 1 to 8 of the table in README.md.
"""

import json
import re
import shutil
import subprocess
from collections import defaultdict

import nibabel
import numpy as np
import pydicom
import pytest

from conftest import run_predict, run_program
from tiny_package import Echo, write_package
from volumes import in_space

CLIP_SD = 5.0
GENERIC = "dicom2nifti/generic"
# Folder of a series: the published NIfTI file of its pixels, and how much larger than stored its values are.
PUBLISHED = {
    f"{GENERIC}/anatomical/001": (f"{GENERIC}/anatomical/001_ground_truth.nii.gz", 1),
    f"{GENERIC}/compressed_rle/001": (f"{GENERIC}/compressed_rle/001_ground_truth.nii.gz", 1),
    f"{GENERIC}/compressed_jpeg/001": (f"{GENERIC}/compressed_jpeg/001_ground_truth.nii.gz", 1),
    f"{GENERIC}/compressed_jpegls/001": (f"{GENERIC}/compressed_jpegls/001_ground_truth.nii.gz", 1),
    f"{GENERIC}/compressed_j2k/001": (f"{GENERIC}/compressed_j2k/001_ground_truth.nii.gz", 1),
    "dicom2nifti/philips_enhanced/anatomical/001": ("dicom2nifti/philips_enhanced/anatomical/001_ground_truth.nii.gz", 4.2589),
}
TOO_FEW = "at least 3 expected"


@pytest.fixture(scope="module")
def dicom(shared_data):
    return shared_data / "dicom"


def stack_of(file):
    """What tells the stacks of a series apart: its UID and orientation."""
    orientation = [round(float(value), 3) for value in file.get("ImageOrientationPatient", [])]
    return file.SeriesInstanceUID, tuple(orientation)


@pytest.fixture(scope="module")
def stacks(dicom, tmp_path_factory):
    """Every stack of slices in the published files, in a folder of its own: name -> folder."""
    files = defaultdict(list)
    for path in sorted(dicom.rglob("*")):
        try:
            file = pydicom.dcmread(path, stop_before_pixels=True)
        except (pydicom.errors.InvalidDicomError, IsADirectoryError):
            continue
        files[path.parent, stack_of(file)].append(path)
    root = tmp_path_factory.mktemp("stacks")
    folders = {}
    for number, ((parent, _), paths) in enumerate(files.items()):
        name = f"{number:02}-" + re.sub(r"[^A-Za-z0-9]+", "_", str(parent.relative_to(dicom)))
        (root / name).mkdir()
        for path in paths:
            shutil.copy(path, root / name)
        folders[name] = root / name
    return folders


def dcm2niix(folder, target):
    """The image that dcm2niix makes of a stack; None if it makes none or several."""
    if shutil.which("dcm2niix") is None:
        pytest.skip("dcm2niix is not installed")
    (target / "plain").mkdir(parents=True)
    for path in folder.iterdir():  # dcm2niix may have been built without JPEG-LS
        subprocess.run(["dcmdjpls", path, target / "plain" / path.name], check=False, capture_output=True)
    source = target / "plain" if any((target / "plain").iterdir()) else folder
    subprocess.run(["dcm2niix", "-b", "n", "-z", "n", "-o", target, source], check=False, capture_output=True)
    images = sorted(target.glob("*.nii"))
    return nibabel.load(images[0]) if len(images) == 1 else None


def affine_of(candidate):
    """RAS affine of a grid in a report: LPS there."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(candidate["direction"]) * candidate["spacing_mm"]
    affine[:3, 3] = candidate["origin"]
    return np.diag([-1, -1, 1, 1]) @ affine


def corner_error_mm(image, reference):
    """Largest distance between the corners of two images whose axes may be ordered otherwise."""
    (a, affine_a), (b, affine_b) = in_space(image), in_space(reference)
    assert a.shape == b.shape[:3], (a.shape, b.shape)
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*np.subtract(a.shape, 1), 1]
    return np.linalg.norm((corners @ affine_a.T - corners @ affine_b.T)[:, :3], axis=1).max()


def test_the_geometry_of_every_stack_is_that_of_dcm2niix(program, stacks, tmp_path):
    compared, too_few = 0, 0
    for name, folder in stacks.items():
        (case,) = json.loads(run_program(program, "scan", folder, "--json").out)
        (candidate,) = case["candidates"]
        if "size" not in candidate:
            too_few += TOO_FEW in json.dumps(case) or candidate["files"] < 3
            continue
        reference = dcm2niix(folder, tmp_path / name)
        assert reference is not None, name
        image = nibabel.Nifti1Image(np.zeros(candidate["size"], np.uint8), affine_of(candidate))
        assert corner_error_mm(image, reference) <= 0.01, name
        compared += 1
    # 3 sagittal and 5 axial stacks of the lumbar study, 6 of `generic`, 2 oblique, 1 enhanced multi-frame.
    assert compared == 17 and compared + too_few == len(stacks)


def normalised(values):
    z = np.clip((values - values.mean()) / values.std(), -CLIP_SD, CLIP_SD)
    return (z - z.min()) / (z.max() - z.min())


def read_pixels(program, package, folder, out, *options):
    """What the program read: the echoed input, on the source grid; and the report."""
    output = run_predict(program, package, out, folder, "--assume-sagittal-t2", "--save-probability", *options)
    (case,) = output.cases()
    report = output.report(case)
    assert report["geometry"]["max_corner_error_mm"] <= 0.01
    return nibabel.load(output.folder / case / "lesion_probability.nii.gz"), report


@pytest.fixture(scope="module")
def echo_of(tmp_path_factory):
    """echo_of(size): a package whose square is as large as the slices, so nothing is interpolated."""
    root = tmp_path_factory.mktemp("echo")
    return lambda size: root / str(size) if (root / str(size)).exists() else write_package(root / str(size), segmenter=Echo(), size=size)


@pytest.mark.parametrize("folder", PUBLISHED)
def test_pixels_and_places_are_those_of_the_published_file(program, echo_of, dicom, tmp_path, folder):
    published, scale = PUBLISHED[folder]
    reference = nibabel.load(dicom / published)
    image, _ = read_pixels(program, echo_of(256), dicom / folder, tmp_path / "out")
    assert corner_error_mm(image, reference) <= 0.01
    stored = np.rint(np.squeeze(in_space(reference)[0]) / scale)
    np.testing.assert_allclose(in_space(image)[0], normalised(stored), atol=1e-6)


@pytest.mark.parametrize("first, last", [(0, 10), (11, 21), (56, 66)], ids=["t2", "t1", "stir"])
def test_pixels_of_the_lumbar_series_are_those_of_pydicom(program, echo_of, dicom, tmp_path, first, last):
    """Signed 12 bits of 16, oblique by 1.9 degrees."""
    (tmp_path / "series").mkdir()
    slices = []
    for number in range(first, last + 1):
        path = dicom / f"lspine_study_cc0/DCMDT/D{number:07}"
        shutil.copy(path, tmp_path / "series")
        slices.append(pydicom.dcmread(path))
    image, report = read_pixels(program, echo_of(512), tmp_path / "series", tmp_path / "out")
    slices.sort(key=lambda file: float(file.ImagePositionPatient[0]))
    expected = normalised(np.stack([file.pixel_array.astype(float) for file in slices]))
    # Slices towards left, rows towards inferior, columns towards posterior; the image in RAS.
    found = in_space(image)[0][::-1, ::-1, ::-1].transpose(0, 2, 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert report["input"]["series"]["files"] == last - first + 1


def list_of_files(folder, roots):
    """A case list with every file as a case of its own."""
    rows = ["case_id\timage"]
    for path in sorted(path for root in roots for path in root.rglob("*") if path.is_file()):
        name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{path.parent.name}_{path.name}")
        rows.append(f"{len(rows):03}_{name}\t{path}")
    (folder / "cases.tsv").write_text("\n".join(rows) + "\n")
    return folder / "cases.tsv", [row.split("\t")[0] for row in rows[1:]]


# Files that hold a whole sagittal volume of MR by themselves; nothing else may succeed.
WHOLE = {"001_ground_truth.nii.gz", "6_T2_SAG_signedfix.nii.gz", "IM-0001-0170-0001.dcm"}


def test_every_published_file_alone_is_read_or_fails_with_a_reason(predict, run, shared_data, tmp_path):
    table, cases = list_of_files(tmp_path, [shared_data / "bad", shared_data / "dicom"])
    assert len(cases) > 240
    output = predict("--cases", table, "--assume-sagittal-t2", "-vv", code=8)
    assert output.cases() == sorted(cases)
    for case in cases:
        report = output.report(case)
        if report["status"] == "failed":
            assert report["error"]["message"] and report["error"]["code"] != "internal_error"
        else:
            assert any(case.endswith(name) for name in WHOLE), case
    assert str(shared_data) not in output.result.err + output.result.out
    scanned = run("scan", "--cases", table)
    assert scanned.code == 8 and str(shared_data) not in scanned.err + scanned.out


def test_every_published_folder_at_once_is_searched_without_harm(predict, run, shared_data):
    for name, sound in (("bad", 0), ("dicom", 8)):
        result = run("scan", shared_data / name)
        assert result.code == 8 and result.out.count("  chosen ") == sound
    output = predict(shared_data / "dicom", code=8)
    accepted = [case for case in output.cases() if output.report(case)["status"] != "failed"]
    assert "lspine_study_cc0_DCMDT" in accepted and len(accepted) == 8
    assert [case for case in accepted if output.report(case)["input"]["format"] == "dicom"] == ["lspine_study_cc0_DCMDT"]
