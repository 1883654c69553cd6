"""What `predict` finds in volumes whose lesions are known exactly, and the files it writes."""

import json

import nibabel
import numpy as np
import pytest

from conftest import run_predict
from tiny_package import CLASSES, SIZE, expected_probabilities
from volumes import LABEL_BOXES, NMOSD, SPACING, assert_same_grid, box, box_mask, in_space, voxels, write_volume

PATHS = {
    "astrocytoma": ["tumor", "astrocytoma"],
    "ependymoma": ["tumor", "ependymoma"],
    "ms": ["demyelination", "ms"],
    "nmosd": ["demyelination", "nmosd"],
}


def write_cohort(folder):
    """One volume per label, and one without a lesion."""
    for label, (rows, columns) in LABEL_BOXES.items():
        write_volume(folder / f"{label}.nii.gz", box(rows, columns))
    write_volume(folder / "healthy.nii.gz")
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def cohort(program, package, sources, tmp_path_factory):
    return run_predict(program, package, tmp_path_factory.mktemp("run") / "out", sources)


def test_every_file_of_the_contract_is_there_and_nothing_else(cohort):
    found = {str(path.relative_to(cohort.folder)) for path in cohort.folder.rglob("*") if path.is_file()}
    expected = {"run.json", "results.tsv", "lesions.tsv", "failures.tsv"}
    for case in (*LABEL_BOXES, "healthy"):
        expected |= {f"{case}/report.json", f"{case}/lesion_mask.nii.gz"}
    assert found - {".cordlesion.lock"} == expected


@pytest.mark.parametrize("label", LABEL_BOXES)
def test_label_path_and_probabilities_follow_the_cascade(predict, tmp_path, label):
    rows, columns = LABEL_BOXES[label]
    output = predict(write_volume(tmp_path / "t2.nii.gz", box(rows, columns)))
    classification = output.report("t2")["classification"]
    assert classification["label"] == label
    assert classification["path"] == PATHS[label]
    expected = expected_probabilities(rows, columns)
    for node, classes in CLASSES.items():
        found = classification["nodes"][node]
        if classes[1] not in PATHS[label] and classes[0] not in PATHS[label]:
            assert found == {"reached": False}
            continue
        assert found["reached"] and found["n_slices"] == 3 and found["decision"] in PATHS[label]
        assert found["probabilities"][classes[1]] == pytest.approx(expected[node], abs=1e-5)
        assert found["probabilities"][classes[0]] == pytest.approx(1 - expected[node], abs=1e-5)
        assert found["margin"] == pytest.approx(abs(expected[node] - 0.5), abs=1e-5)


def test_the_patient_probability_is_the_mean_over_the_lesion_bearing_slices(predict, tmp_path):
    regions = box(12, 3, slices=(2, 3)), box(4, 4, slices=(3, 4), corner=(30, 22)), box(6, 4, slices=(4, 5), corner=(30, 22))
    report = predict(write_volume(tmp_path / "t2.nii.gz", *regions, codes="RAS")).report("t2")
    by_slice = [expected_probabilities(*size)["ms_vs_nmosd"] for size in ((12, 3), (4, 4), (6, 4))]
    assert len(report["lesions"]) == 1
    node = report["classification"]["nodes"]["ms_vs_nmosd"]
    assert node["probabilities"]["nmosd"] == pytest.approx(np.mean(by_slice), abs=1e-5)
    found = {entry["index"]: entry["second_class_probability"]["ms_vs_nmosd"] for entry in report["selected_slices"]}
    assert found == pytest.approx(dict(zip((2, 3, 4), by_slice)), abs=1e-5)


def test_the_measures_of_a_box_are_exact(predict, tmp_path):
    path = write_volume(tmp_path / "t2.nii.gz", box(12, 3), codes="PSR")
    output = predict(path)
    report = output.report("t2")
    (lesion,) = report["lesions"]
    assert (lesion["id"], lesion["voxels"], lesion["touches_border"]) == (1, 12 * 3 * 3, False)
    assert lesion["volume_mm3"] == pytest.approx(12 * 3 * 3 * np.prod(SPACING))
    assert lesion["length_si_mm"] == pytest.approx(12)
    assert lesion["width_ap_mm"] == pytest.approx(3)
    assert lesion["max_area_mm2"] == pytest.approx(36)
    assert lesion["mean_intensity"] == pytest.approx(1)
    assert lesion["sd_intensity"] == pytest.approx(0, abs=1e-6)
    centre = np.argwhere(output.mask("t2").get_fdata()).mean(axis=0)
    assert lesion["centroid_voxel"] == pytest.approx(list(centre))
    assert lesion["centroid_ras_mm"] == pytest.approx([-12 + 4 * 3, -40 + 31, 15 + 25.5])
    assert lesion["slices"] == [2, 3, 4]
    assert [entry["area_mm2"] for entry in report["selected_slices"]] == pytest.approx([36] * 3)
    assert report["segmentation"] == {
        "source": "network",
        "threshold": 0.5,
        "min_lesion_mm3": 0,
        "removed_components": 0,
        "lesion_count": 1,
        "voxels": 108,
        "volume_mm3": pytest.approx(432),
    }
    (row,) = output.table("lesions.tsv")
    assert (row["case_id"], row["voxels"], row["slices"]) == ("t2", "108", "2,3,4")


def test_two_lesions_are_told_apart_largest_first_and_the_border_is_noticed(predict, tmp_path):
    small, large = box(4, 4, corner=(10, 10)), box(12, 3, slices=(0, 3), corner=(40, 30))
    lesions = predict(write_volume(tmp_path / "t2.nii.gz", small, large)).report("t2")["lesions"]
    assert [(lesion["id"], lesion["voxels"], lesion["touches_border"]) for lesion in lesions] == [(1, 108, True), (2, 48, False)]


def test_no_lesion_is_a_result(cohort):
    report = cohort.report("healthy")
    assert report["status"] == "no_lesion"
    assert report["classification"]["label"] is None
    assert report["classification"]["path"] == [] and report["lesions"] == [] and report["selected_slices"] == []
    assert report["segmentation"]["volume_mm3"] == 0
    mask = cohort.mask("healthy")
    assert mask.get_data_dtype() == np.uint8 and not np.asanyarray(mask.dataobj).any()


def test_the_results_table_has_one_row_per_case(cohort):
    rows = {row["case_id"]: row for row in cohort.table("results.tsv")}
    assert list(rows) == sorted((*LABEL_BOXES, "healthy"))
    for label in LABEL_BOXES:
        assert (rows[label]["status"], rows[label]["label"]) == ("ok", label)
        assert rows[label]["path"] == ",".join(PATHS[label])
    assert (rows["healthy"]["status"], rows["healthy"]["label"], rows["healthy"]["volume_mm3"]) == ("no_lesion", "n/a", "0.0")
    assert rows["ms"]["p_ependymoma"] == "n/a"
    assert float(rows["ms"]["p_demyelination"]) == pytest.approx(expected_probabilities(4, 4)["tumor_vs_demyelination"], abs=1e-5)
    assert cohort.table("failures.tsv") == []


def test_stdout_carries_the_results_and_nothing_else(cohort):
    lines = [f"{label}\tok\t{label}" for label in LABEL_BOXES] + ["healthy\tno_lesion\tn/a"]
    assert sorted(cohort.result.out.splitlines()) == sorted(lines)


def test_run_json_records_versions_counts_and_models(cohort):
    run = json.loads((cohort.folder / "run.json").read_text())
    assert run["counts"] == {"cases": 5, "ok": 4, "no_lesion": 1, "failed": 0, "resumed": 0}
    assert run["versions"].keys() >= {"libtorch", "itk"}
    assert run["models"]["name"] == "tiny" and run["interrupted"] is False and run["threads"] >= 1


def test_a_mask_is_binary_on_the_grid_of_its_source(cohort, sources):
    for label, size in LABEL_BOXES.items():
        mask = cohort.mask(label)
        assert mask.get_data_dtype() == np.uint8
        assert_same_grid(mask, nibabel.load(sources / f"{label}.nii.gz"))
        np.testing.assert_array_equal(in_space(mask)[0], box_mask(box(*size)))
        assert cohort.report(label)["geometry"]["max_corner_error_mm"] <= 0.01


def test_the_probability_volume_is_written_on_request_alone(predict, tmp_path):
    source = write_volume(tmp_path / "t2.nii.gz", NMOSD)
    output = predict(source, "--save-probability")
    probability = nibabel.load(output.folder / "t2" / "lesion_probability.nii.gz")
    assert_same_grid(probability, nibabel.load(source))
    values = probability.get_fdata()
    assert values.min() >= 0 and values.max() <= 1 and values.max() > 0.9
    np.testing.assert_array_equal(values >= 0.5, output.mask("t2").get_fdata() == 1)


def test_other_sizes_and_anisotropic_pixels_keep_the_lesion_in_place(predict, tmp_path):
    shape, affine = (5, 100, 150), np.diag([5.0, 0.9, 0.6, 1])
    region = slice(1, 4), slice(40, 60), slice(60, 100)
    source = write_volume(tmp_path / "t2.nii.gz", data=voxels(region, shape=shape), affine=affine)
    output = predict(source)
    found, expected = in_space(output.mask("t2"))[0], box_mask(region, shape=shape)
    assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) > 0.9
    frame = output.report("t2")["preprocessing"]["frame"]
    assert frame == {"size": SIZE, "top": 0, "left": 0, "height": SIZE, "width": SIZE}
    assert_same_grid(output.mask("t2"), nibabel.load(source))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_file_gives_the_case_its_name(predict, tmp_path, ending):
    output = predict(write_volume(tmp_path / f"sub 01 (copy){ending}", NMOSD))
    (case,) = output.cases()
    assert case == output.report(case)["case_id"] and set(case) <= set("sub01copy_.-")


def test_a_bids_dataset_gives_its_t2w_images_their_entities(predict, tmp_path):
    root = tmp_path / "bids"
    write_volume(root / "sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz", NMOSD)
    write_volume(root / "sub-02/anat/sub-02_acq-sag_T2w.nii.gz", NMOSD)
    write_volume(root / "sub-02/anat/sub-02_T1w.nii.gz", NMOSD)
    assert predict(root).cases() == ["sub-01_ses-1", "sub-02_acq-sag"]
