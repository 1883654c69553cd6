"""Case lists of `predict` and cohorts of `prepare`."""

import csv

import nibabel
import numpy as np
import pytest

from tiny_package import SIZE
from volumes import AFFINE, LABEL_BOXES, NMOSD, assert_same_in_space, box, box_mask, in_space, voxels, write_mask, write_volume

EPENDYMOMA = box(*LABEL_BOXES["ependymoma"])


@pytest.fixture
def images(tmp_path):
    write_volume(tmp_path / "data" / "one.nii.gz", NMOSD)
    write_volume(tmp_path / "data" / "two.nii.gz", NMOSD)
    write_mask(tmp_path / "data" / "two_mask.nii.gz", EPENDYMOMA)
    return tmp_path / "data"


def write_table(path, *rows):
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return path


GOOD_ROWS = (
    ("case_id", "image", "mask", "label", "split"),
    ("first", "data/one.nii.gz", "", "nmosd", "train"),
    ("second", "data/two.nii.gz", "data/two_mask.nii.gz", "ependymoma", "test"),
)


def test_a_case_list_names_cases_images_and_masks(predict, tmp_path, images):
    output = predict("--cases", write_table(tmp_path / "cases.tsv", *GOOD_ROWS))
    assert output.cases() == ["first", "second"]
    assert output.report("first")["classification"]["label"] == "nmosd"
    second = output.report("second")
    assert (second["classification"]["label"], second["segmentation"]["source"]) == ("ependymoma", "corrected_mask")


def test_a_case_list_may_stand_beside_other_inputs(predict, tmp_path, images):
    output = predict(images / "two.nii.gz", "--cases", write_table(tmp_path / "cases.tsv", *GOOD_ROWS[:2]))
    assert output.cases() == ["first", "two"]


@pytest.mark.parametrize(
    "row, message",
    [
        (("third", "data/missing.nii.gz"), "cases.tsv:4"),
        (("bad/id", "data/one.nii.gz"), "cases.tsv:4"),
        (("", "data/one.nii.gz"), "cases.tsv:4"),
        (("first", "data/two.nii.gz"), "'first' occurs twice"),
        (("third", "data/one.nii.gz", "data/no_mask.nii.gz"), "cases.tsv:4"),
        (("third", "data/one.nii.gz", "", "", "", "one too many"), "cases.tsv:4"),
        (("third", "data\0/one.nii.gz"), "control character"),
    ],
    ids=["missing image", "bad id", "empty id", "id twice", "missing mask", "too many cells", "NUL"],
)
def test_a_faulty_line_is_named_and_nothing_runs(predict, tmp_path, images, row, message):
    output = predict("--cases", write_table(tmp_path / "cases.tsv", *GOOD_ROWS, row), code=2)
    assert message in output.result.err and "cases.tsv:4" in output.result.err
    assert not output.folder.exists()


def test_a_list_without_the_needed_columns_is_refused(predict, tmp_path, images):
    output = predict("--cases", write_table(tmp_path / "cases.tsv", ("id", "image"), ("a", "data/one.nii.gz")), code=2)
    assert "case_id" in output.result.err


def test_two_dots_behind_a_link_lead_where_the_system_says(predict, tmp_path, images):
    """Not to the file of that name beside the link."""
    (tmp_path / "data" / "elsewhere" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data" / "elsewhere" / "sub")
    write_volume(tmp_path / "image.nii.gz", box(*LABEL_BOXES["ms"]))
    write_volume(tmp_path / "data" / "elsewhere" / "image.nii.gz", NMOSD)
    rows = (("case_id", "image"), ("linked", "link/../image.nii.gz"))
    assert predict("--cases", write_table(tmp_path / "cases.tsv", *rows)).report("linked")["classification"]["label"] == "nmosd"


@pytest.fixture
def prepare(run, package, tmp_path):
    def run_prepare(*rows, code=0):
        result = run("prepare", "--cohort", write_table(tmp_path / "cohort.tsv", *rows), "-o", tmp_path / "prepared", "--models", package)
        assert result.code == code, result
        return tmp_path / "prepared"

    return run_prepare


def table_of(folder, name="prepared.tsv"):
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_prepare_writes_network_inputs_and_carries_further_columns_over(prepare, images):
    folder = prepare(*GOOD_ROWS)
    assert [tuple(row.values()) for row in table_of(folder)] == [
        ("first", "first/image.nii.gz", "n/a", "nmosd", "train"),
        ("second", "second/image.nii.gz", "second/mask.nii.gz", "ependymoma", "test"),
    ]
    image, mask = nibabel.load(folder / "second/image.nii.gz"), nibabel.load(folder / "second/mask.nii.gz")
    assert image.shape == mask.shape == (SIZE, SIZE, 7)
    assert (image.get_data_dtype(), mask.get_data_dtype()) == (np.float32, np.uint8)
    assert nibabel.aff2axcodes(image.affine) == ("P", "I", "L")
    assert_same_in_space(mask, box_mask(EPENDYMOMA), AFFINE)
    assert not (folder / "first/mask.nii.gz").exists()


def test_prepared_images_are_normalised_as_the_model_readme_says(prepare, images):
    found, affine = in_space(nibabel.load(prepare(*GOOD_ROWS) / "first/image.nii.gz"))
    source = voxels(NMOSD).astype(float)
    z = np.clip((source - source.mean()) / source.std(), -5, 5)
    np.testing.assert_allclose(found, (z - z.min()) / (z.max() - z.min()), atol=1e-5)
    np.testing.assert_allclose(affine, AFFINE, atol=1e-3)


def test_prepared_volumes_of_another_shape_stay_in_place(prepare, images):
    shape, affine = (5, 40, 100), np.diag([5.0, 0.8, 0.9, 1])
    region = slice(1, 4), slice(12, 24), slice(30, 60)
    write_volume(images / "one.nii.gz", data=voxels(region, shape=shape), affine=affine, codes="LPI")
    write_volume(images / "mask.nii.gz", data=box_mask(region, shape=shape), affine=affine, codes="LPI")
    folder = prepare(("case_id", "image", "mask"), ("a", "data/one.nii.gz", "data/mask.nii.gz"))
    mask = nibabel.load(folder / "a/mask.nii.gz")
    assert mask.shape == (SIZE, SIZE, 5)
    pixel = 90 / SIZE
    centre = mask.affine @ [*np.argwhere(mask.get_fdata()).mean(axis=0), 1]
    np.testing.assert_allclose(centre[:3], [5 * 2, 0.8 * 17.5, 0.9 * 44.5], atol=pixel)
    np.testing.assert_allclose(nibabel.affines.voxel_sizes(mask.affine), [32 / 23, pixel, 5], atol=1e-3)


def test_prepare_shows_and_records_warnings(run, tmp_path, images, package):
    write_volume(images / "two_mask.nii.gz", data=2 * box_mask(EPENDYMOMA) + box_mask(NMOSD))
    rows = (("case_id", "image", "mask", "t1c"), ("two", "data/two.nii.gz", "data/two_mask.nii.gz", ""))
    result = run("prepare", "--cohort", write_table(tmp_path / "cohort.tsv", *rows), "-o", tmp_path / "out", "--models", package)
    recorded = [(row["case_id"], row["code"]) for row in table_of(tmp_path / "out", "warnings.tsv")]
    assert ("n/a", "t1c_ignored") in recorded and ("two", "mask_not_binary") in recorded
    assert all(f"{case}: {code}: " in result.err for case, code in recorded), result.err


@pytest.mark.parametrize("table", ["cohort.tsv", "prepared.tsv"])
def test_prepare_does_not_replace_the_cohort(run, tmp_path, package, table):
    write_volume(tmp_path / "a" / "image.nii.gz", NMOSD)
    write_mask(tmp_path / "b" / "mask.nii.gz", NMOSD)
    (tmp_path / "linked").symlink_to(tmp_path)
    rows = {
        "cohort.tsv": (("case_id", "image", "mask"), ("a", "other.nii.gz", "n/a"), ("b", "other.nii.gz", "linked/b/mask.nii.gz"), ("c", "a/image.nii.gz", "n/a")),
        "prepared.tsv": (("case_id", "image"), ("c", "other.nii.gz")),
    }[table]
    write_volume(tmp_path / "other.nii.gz", NMOSD)
    before = {path: path.read_bytes() for path in [write_table(tmp_path / table, *rows), *tmp_path.rglob("*.nii.gz")]}
    result = run("prepare", "--cohort", tmp_path / table, "-o", tmp_path, "--models", package)
    assert result.code == 2 and "would replace" in result.err, result
    assert {path: path.read_bytes() for path in before} == before and not (tmp_path / "warnings.tsv").exists()


def test_prepare_reads_images_and_masks_as_asked(run, tmp_path, images, package):
    write_volume(images / "two.nii.gz", data=np.stack([voxels(), voxels(NMOSD)], axis=-1))
    for name in ("two.nii.gz", "two_mask.nii.gz"):
        image = nibabel.load(images / name)
        moved = image.affine.copy()
        moved[:3, 3] += 9
        image = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine)
        image.set_sform(image.affine, 1)
        image.set_qform(moved, 1)
        nibabel.save(image, images / name)
    command = ["prepare", "--cohort", write_table(tmp_path / "cohort.tsv", GOOD_ROWS[0], GOOD_ROWS[2]), "-o", tmp_path / "out", "--models", package]
    assert run(*command).code == 8
    result = run(*command, "--prefer", "sform", "--volume", 2)
    assert result.code == 0, result
    assert_same_in_space(nibabel.load(tmp_path / "out" / "second/mask.nii.gz"), box_mask(EPENDYMOMA), AFFINE)
    found, _ = in_space(nibabel.load(tmp_path / "out" / "second/image.nii.gz"))
    first, second = (np.corrcoef(found.ravel(), volume.ravel())[0, 1] for volume in (voxels(), voxels(NMOSD)))
    assert second > max(0.99, first)


def test_prepare_names_what_helps_a_bad_case(prepare, run, tmp_path, images, package):
    write_volume(images / "two.nii.gz", data=np.stack([voxels(NMOSD)] * 2, axis=-1))
    result = run("prepare", "--cohort", write_table(tmp_path / "cohort.tsv", *GOOD_ROWS), "-o", tmp_path / "out", "--models", package)
    assert result.code == 8 and "second: failed (several_volumes)" in result.err and "--volume" in result.err


def test_prepare_reports_a_bad_case_and_writes_the_others(prepare, images):
    (images / "one.nii.gz").write_bytes(b"no image")
    folder = prepare(*GOOD_ROWS, code=8)
    assert [row["case_id"] for row in table_of(folder)] == ["second"]
    assert not list(folder.glob("first/*"))


def test_prepare_names_the_faulty_line(run, tmp_path, images, package):
    table = write_table(tmp_path / "cohort.tsv", *GOOD_ROWS, ("third", "nowhere.nii.gz"))
    result = run("prepare", "--cohort", table, "-o", tmp_path / "out", "--models", package)
    assert result.code == 2 and "cohort.tsv:4" in result.err
