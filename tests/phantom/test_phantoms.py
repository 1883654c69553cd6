"""The simulated cases: reproducible, true to their own geometry and masks, and as overlapping as they claim."""

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "phantom"))
from case import AXES, save_nifti, simulate  # noqa: E402
from dicom_series import T2, Series, write_series  # noqa: E402
from lesions import CLASSES, SIGNS, draw_disease  # noqa: E402
from scanner import draw_protocol, visible_cord  # noqa: E402
from spine import LEVELS, draw_spine  # noqa: E402

DISEASES = CLASSES[:-1]


@pytest.fixture(scope="module")
def cases():
    return {label: simulate(70 + index, label) for index, label in enumerate(CLASSES)}


@pytest.fixture(scope="module")
def drawn():
    """Many diseases without their images: [(spine, disease)] by class."""
    result = {label: [] for label in DISEASES}
    for seed in range(250):
        spine = draw_spine(seed)
        window = visible_cord(spine, draw_protocol(seed, spine).grid)
        for label in DISEASES:
            result[label].append((spine, draw_disease(seed, label, spine, window)))
    return result


def segments(spine, disease):
    longest = max(disease.lesions, key=lambda lesion: lesion.half_length)
    return 2 * longest.half_length / spine.at("height", longest.s)


def eccentricity(_, disease):
    return np.hypot(*max(disease.lesions, key=lambda lesion: lesion.half_length).offset)


def swelling(_, disease):
    return max(lesion.swelling for lesion in disease.lesions)


def values(drawn, measure, *labels):
    return np.array([measure(*case) for label in labels for case in drawn[label]])


def auc(drawn, measure, first, second):
    scores = np.concatenate([values(drawn, measure, *first), values(drawn, measure, *second)])
    truth = np.repeat([0, 1], [len(scores) - len(values(drawn, measure, *second)), len(values(drawn, measure, *second))])
    return roc_auc_score(truth, scores)


def test_a_seed_gives_the_same_voxels_and_another_seed_others(cases):
    again = simulate(70, CLASSES[0])
    assert np.array_equal(again.scan.image, cases[CLASSES[0]].scan.image)
    assert np.array_equal(again.scan.lesion, cases[CLASSES[0]].scan.lesion)
    other = simulate(99, CLASSES[0])
    assert other.scan.image.shape != again.scan.image.shape or not np.array_equal(other.scan.image, again.scan.image)


@pytest.mark.parametrize("label", CLASSES)
def test_lesions_lie_inside_the_cord_and_only_the_healthy_have_none(cases, label):
    scan = cases[label].scan
    assert scan.image.dtype == np.int16 and scan.image.min() >= 0 and scan.image.std() > 0
    assert scan.cord.any() and not np.any(scan.lesion & ~scan.cord & 1)
    assert scan.lesion.any() == (label != "healthy")


@pytest.mark.parametrize("label", DISEASES)
def test_lesions_are_brighter_than_the_cord_around_them(label):
    found = []
    for seed in (200, 201):
        scan = simulate(seed, label).scan
        k = scan.lesion.sum(axis=(0, 1)).argmax()
        image, lesion, cord = scan.image[:, :, k], scan.lesion[:, :, k] > 0, scan.cord[:, :, k] > 0
        found.append(image[lesion].mean() / image[cord & ~lesion].mean())
    assert np.mean(found) > 1.05


@pytest.mark.parametrize("region", LEVELS)
def test_fluid_is_brighter_than_cord_and_cord_brighter_than_air(region):
    case = simulate(31, "healthy", region)
    scan = case.scan
    k = scan.cord.sum(axis=(0, 1)).argmax()
    image, cord = scan.image[:, :, k].astype(float), scan.cord[:, :, k] > 0
    columns, rows = np.nonzero(cord)
    around = [image[c - 8 : c + 8, r].max() for c, r in zip(columns[::20], rows[::20])]
    assert np.median(around) > 1.3 * np.median(image[cord]) > 5 * np.median(image[:4])


def test_length_tells_nmosd_from_ms_often_but_not_always(drawn):
    assert 0.85 < auc(drawn, segments, ["ms"], ["nmosd"]) < 0.985
    assert (values(drawn, segments, "nmosd") < 2.4).mean() > 0.1
    assert (values(drawn, segments, "ms") > 2).mean() > 0.06


def test_place_tells_ependymoma_from_astrocytoma_often_but_not_always(drawn):
    assert 0.65 < auc(drawn, eccentricity, ["ependymoma"], ["astrocytoma"]) < 0.9


def test_tumours_swell_the_cord_more_with_exceptions(drawn):
    tumours, others = ["astrocytoma", "ependymoma"], ["ms", "nmosd"]
    assert 0.9 < auc(drawn, swelling, others, tumours) < 0.99
    assert values(drawn, swelling, *tumours).min() < values(drawn, swelling, "nmosd").max()


def test_only_ms_has_more_than_two_lesions(drawn):
    counts = {label: np.array([len(disease.lesions) for _, disease in drawn[label]]) for label in DISEASES}
    assert counts["ms"].max() > 2 and 0.3 < (counts["ms"] == 1).mean() < 0.6
    assert counts["nmosd"].max() == 2
    assert counts["astrocytoma"].max() == counts["ependymoma"].max() == 1


def test_every_axis_order_keeps_each_voxel_in_its_place(cases, tmp_path):
    case = cases["ms"]
    affine = case.protocol.grid.affine()
    for axes in AXES:
        save_nifti(case.scan.lesion, affine, tmp_path / "m.nii.gz", axes)
        image = nibabel.load(tmp_path / "m.nii.gz")
        assert "".join(nibabel.aff2axcodes(image.affine)) == axes
        found = np.argwhere(np.asarray(image.dataobj)) @ image.affine[:3, :3].T + image.affine[:3, 3]
        expected = np.argwhere(case.scan.lesion) @ affine[:3, :3].T + affine[:3, 3]
        assert np.abs(np.sort(found, 0) - np.sort(expected, 0)).max() < 1e-3


def test_dicom_series_have_the_pixels_and_the_geometry_of_the_case(cases, tmp_path):
    case = cases["nmosd"]
    grid = case.protocol.grid
    write_series(tmp_path, "study", Series("SAG T2", case.scan.image, grid, T2))
    files = sorted((pydicom.dcmread(path) for path in tmp_path.iterdir()), key=lambda file: -int(file.InstanceNumber))
    assert len(files) == grid.size[2]
    for k, file in enumerate(files):
        assert np.array_equal(file.pixel_array, case.scan.image[:, :, k].T)
        expected = grid.origin + grid.direction[2] * grid.spacing[2] * k
        assert np.abs(np.array(file.ImagePositionPatient, float) - expected).max() < 1e-5
        assert np.abs(np.array(file.ImageOrientationPatient, float) - grid.direction[:2].ravel()).max() < 1e-8


def make_cohort(output, *arguments):
    counts = ["--train", "1,0,0,0,1", "--val", "0,0,1,0,0", "--test", "0,0,0,0,0", "--jobs", "1"]
    command = [sys.executable, ROOT / "scripts/phantom/make_cohort.py", "-o", output, *counts, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def test_a_cohort_is_completed_without_making_its_cases_again(tmp_path):
    assert make_cohort(tmp_path).returncode == 0
    rows = [line.split("\t") for line in (tmp_path / "cohort.tsv").read_text().splitlines()]
    assert rows[0][:5] == ["case_id", "image", "mask", "label", "split"]
    assert [row[3] for row in rows[1:]] == ["astrocytoma", "healthy", "ms"]
    assert all((tmp_path / row[column]).is_file() for row in rows[1:] for column in (1, 2, 6))
    signs = [dict(zip(rows[0], row)) for row in rows[1:]]
    assert float(signs[0]["lesions"]) == 1 and float(signs[0]["segments"]) > 0.8 and 0 < float(signs[0]["swelling"]) < 1
    assert {signs[1][name] for name in SIGNS} == {""} and all(signs[2][name] for name in SIGNS)
    (tmp_path / rows[3][0] / "signs.json").unlink()  # as of a case of an earlier version
    kept = tmp_path / rows[1][1]
    before = kept.stat().st_mtime_ns
    removed = tmp_path / rows[2][0]
    image = np.asarray(nibabel.load(tmp_path / rows[2][1]).dataobj)
    for path in removed.iterdir():
        path.unlink()
    removed.rmdir()
    (tmp_path / ".train-healthy-001.123").mkdir()  # what a run that was killed leaves
    foreign = [tmp_path / ".my-own-notes.d", tmp_path / ".a-b-c.txt", tmp_path / ".train-healthy-001.124"]
    foreign[0].mkdir()
    for path in foreign[1:]:
        path.write_text("not made here")
    again = make_cohort(tmp_path)
    assert again.returncode == 0 and "1 cases were made before signs were written down" in again.stderr
    assert [line.split("\t")[-1] for line in (tmp_path / "cohort.tsv").read_text().splitlines()][1:] == [signs[0]["syrinx"], "", ""]
    assert kept.stat().st_mtime_ns == before
    assert np.array_equal(np.asarray(nibabel.load(tmp_path / rows[2][1]).dataobj), image)
    assert {path for path in tmp_path.iterdir() if path.name.startswith(".")} == set(foreign)


def test_a_cohort_grows_only_with_what_its_cases_depend_on(tmp_path):
    small = ["--train", "0,0,0,0,0", "--val", "0,0,0,0,1"]
    assert make_cohort(tmp_path, *small).returncode == 0
    table = (tmp_path / "cohort.tsv").read_text()
    for other in (["--seed", 2], ["--dicom", 0.5]):
        result = make_cohort(tmp_path, *small, *other)
        assert result.returncode == 2 and "cohort.json: the cases here were made with {'seed': 1, 'dicom': 0.0}, asked for is" in result.stderr
    assert (tmp_path / "cohort.tsv").read_text() == table
    assert make_cohort(tmp_path, "--train", "0,0,0,0,0", "--val", "0,0,0,0,2").returncode == 0
    (tmp_path / "cohort.json").unlink()
    result = make_cohort(tmp_path, *small)
    assert result.returncode == 2 and "made with not written down" not in result.stderr and "it is not written down" in result.stderr


@pytest.mark.parametrize("option, value, message", [
    ("--train", "1,2", "'1,2': expected 5 numbers, one for each of astrocytoma"),
    ("--train", "a,b", "'a,b': expected 5 numbers"),
    ("--train", "1,1,1,1,-1", "expected 5 numbers"),
    ("--dicom", "7", "invalid share from 0 to 1 value: '7'"),
    ("--jobs", "0", "invalid positive count value: '0'"),
])
def test_wrong_options_are_refused(tmp_path, option, value, message):
    result = make_cohort(tmp_path / "none", option, value)
    assert result.returncode == 2 and message in result.stderr
    assert not (tmp_path / "none").exists()
