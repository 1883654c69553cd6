"""Options that change the decision, the choice of cases, or what is written."""

from pathlib import Path

import pytest

from tiny_package import CLASSES, expected_probabilities
from volumes import LABEL_BOXES, NMOSD, box, write_volume

BOTH_SIZES = box(4, 4, corner=(10, 10)), box(12, 3, corner=(40, 30))


@pytest.fixture
def volume(tmp_path):
    return write_volume(tmp_path / "t2.nii.gz", NMOSD)


@pytest.fixture
def five_cases(tmp_path):
    for number in range(5):
        write_volume(tmp_path / "cohort" / f"c{number}.nii.gz", NMOSD)
    return tmp_path / "cohort"


def test_all_nodes_evaluates_the_branch_off_the_path(predict, volume):
    nodes = predict(volume, "--all-nodes").report("t2")["classification"]["nodes"]
    expected = expected_probabilities(*LABEL_BOXES["nmosd"])
    for node, (_, second) in CLASSES.items():
        assert nodes[node]["probabilities"][second] == pytest.approx(expected[node], abs=1e-5)
    assert [nodes[node]["reached"] for node in CLASSES] == [True, False, True]


def test_a_threshold_moves_the_decision_and_is_reported(predict, volume):
    classification = predict(volume, "--threshold", "tumor_vs_demyelination=0.9").report("t2")["classification"]
    assert classification["path"][0] == "tumor"
    assert classification["nodes"]["tumor_vs_demyelination"]["threshold"] == 0.9


def test_thresholds_of_several_nodes(predict, volume):
    options = ["--threshold", "tumor_vs_demyelination=0.1", "--threshold", "ms_vs_nmosd=0.95"]
    assert predict(volume, *options).report("t2")["classification"]["path"] == ["demyelination", "ms"]


@pytest.mark.parametrize(
    "margin, label, path",
    [("0.2", "nmosd", ["demyelination", "nmosd"]), ("0.3", "indeterminate", ["indeterminate"])],
)
def test_a_probability_near_its_threshold_is_indeterminate(predict, volume, margin, label, path):
    # p(demyelination) = 0.769 lies 0.269 from the threshold.
    classification = predict(volume, "--abstain-margin", margin).report("t2")["classification"]
    assert (classification["label"], classification["path"]) == (label, path)


def test_indeterminate_at_the_second_node_keeps_the_first_decision(predict, volume):
    options = ["--abstain-margin", "0.1", "--threshold", "ms_vs_nmosd=0.85"]  # p(nmosd) = 0.881
    classification = predict(volume, *options).report("t2")["classification"]
    assert (classification["label"], classification["path"]) == ("indeterminate", ["demyelination", "indeterminate"])


def test_small_lesions_are_removed(predict, tmp_path):
    # 48 and 108 voxels of 4 mm3
    source = write_volume(tmp_path / "t2.nii.gz", *BOTH_SIZES)
    report = predict(source, "--min-lesion-mm3", 193).report("t2")
    assert [lesion["voxels"] for lesion in report["lesions"]] == [108]
    assert report["segmentation"]["removed_components"] == 1
    assert report["segmentation"]["min_lesion_mm3"] == 193
    kept = predict(source, "--min-lesion-mm3", 192, out=tmp_path / "kept").report("t2")
    assert len(kept["lesions"]) == 2


def test_removing_every_lesion_leaves_no_lesion(predict, tmp_path):
    output = predict(write_volume(tmp_path / "t2.nii.gz", *BOTH_SIZES), "--min-lesion-mm3", 1e6)
    assert output.report("t2")["status"] == "no_lesion"
    assert not output.mask("t2").get_fdata().any()


def test_shards_cover_all_cases_once(predict, tmp_path, five_cases):
    shards = [predict(five_cases, "--shard", f"{part}/2", out=tmp_path / f"out{part}").cases() for part in (1, 2)]
    assert shards == [["c0", "c2", "c4"], ["c1", "c3"]]


def test_shards_may_share_one_output_folder_in_turn(predict, five_cases):
    predict(five_cases, "--shard", "1/2")
    assert predict(five_cases, "--shard", "2/2", "--resume").cases() == [f"c{number}" for number in range(5)]


def test_dry_run_lists_the_cases_and_writes_nothing(predict, five_cases):
    output = predict(five_cases, "--dry-run")
    assert not output.folder.exists()
    for number in range(5):
        assert f"c{number}  (" in output.result.out
    assert output.result.out.count("chosen") == 5


def test_dry_run_reports_what_cannot_be_used(predict, tmp_path, five_cases):
    (five_cases / "bad.nii.gz").write_bytes(b"no image")
    output = predict(five_cases, "--dry-run", code=8)
    assert "cannot be used" in output.result.out
    assert not output.folder.exists()


def test_files_and_folders_may_be_mixed(predict, tmp_path, volume):
    other = write_volume(tmp_path / "more" / "other.nii.gz", NMOSD)
    assert predict(volume, other.parent).cases() == ["other", "t2"]


def test_an_output_folder_inside_the_input_is_not_searched(predict, five_cases):
    predict(five_cases, out=five_cases / "out")
    assert len(predict(five_cases, "--overwrite", out=five_cases / "out").cases()) == 5


@pytest.mark.parametrize("precision", [
    "fp32",
    pytest.param("bf16", marks=pytest.mark.skipif("avx512bw" not in Path("/proc/cpuinfo").read_text(), reason="no bf16 on a CPU without AVX-512")),
])
def test_the_precision_asked_for_is_reported(predict, volume, precision):
    report = predict(volume, "--precision", precision, "--device", "cpu").report("t2")
    assert (report["precision"], report["device"]) == (precision, "cpu")
    assert report["classification"]["label"] == "nmosd"


def test_one_thread_gives_the_same_results(predict, tmp_path, five_cases):
    one = predict(five_cases, "--threads", 1, out=tmp_path / "one")
    two = predict(five_cases, "--threads", 2, out=tmp_path / "two")
    assert (one.folder / "results.tsv").read_text() == (two.folder / "results.tsv").read_text()


def test_without_models_the_default_package_is_used(run, volume):
    result = run("predict", volume, "-o", "out", "--dry-run")
    assert result.code == 0 and "'phantom-1'" in result.err
