"""Help, version, and what is refused before anything runs."""

import os

import pytest

from volumes import NMOSD, write_volume

DOI = "10.1148/ryai.210292"
COMMANDS = ("predict", "scan", "prepare", "evaluate", "compare", "merge", "models")


@pytest.fixture
def volume(tmp_path):
    return write_volume(tmp_path / "t2.nii.gz", NMOSD)


def test_main_help_shows_commands_examples_exit_codes_and_citation(run):
    result = run("--help")
    assert result.code == 0
    for expected in (*COMMANDS, "cordlesion predict study/ -o out", DOI, "Not a medical device", "8 some cases failed"):
        assert expected in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    result = run(command, "--help")
    assert result.code == 0
    assert f"cordlesion {command}" in result.out
    assert result.err == ""


def test_help_of_predict_has_examples_outputs_and_citation(run):
    text = run("predict", "--help").out
    for expected in ("Examples:", DOI, "--masks", "--resume", "--abstain-margin", "lesion_mask.nii.gz"):
        assert expected in text


def test_version_names_the_program_and_its_libraries(run):
    result = run("--version")
    assert result.code == 0
    for expected in ("cordlesion ", "LibTorch ", "networks compiled by ", "ITK ", "CPU capability"):
        assert expected in result.out


@pytest.mark.parametrize(
    "options",
    [
        ["--no-such-option"],
        ["--threshold", "tumor_vs_demyelination=1.5"],
        ["--threshold", "tumor_vs_demyelination"],
        ["--threshold", "no_such_node=0.5"],
        ["--threshold", "ms_vs_nmosd=nan"],
        ["--shard", "3/2"],
        ["--shard", "0/2"],
        ["--shard", "1"],
        ["--shard", "a/b"],
        ["--abstain-margin", "2"],
        ["--abstain-margin", "nan"],
        ["--min-lesion-mm3", "-1"],
        ["--min-lesion-mm3", "nan"],
        ["--threads", "0"],
        ["--precision", "fp8"],
        ["--device", "tpu"],
        ["--series-policy", "any"],
        ["--resume", "--overwrite"],
        ["--load-timeout", "0"],
        ["--load-timeout", "nan"],
        ["--masks", "no_such_folder"],
        ["--cases", "no_such_list.tsv"],
        ["no_such_image.nii.gz"],
        ["--log-format", "xml"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2_names_the_culprit_and_writes_nothing(predict, volume, options):
    output = predict(volume, *options, code=2)
    assert options[-1].split("=")[0] in output.result.err or options[0] in output.result.err
    assert output.result.out == ""
    assert not output.folder.exists()


def test_no_command_is_a_usage_error(run):
    assert run().code == 2


def test_predict_without_input_says_how_to_give_one(predict):
    output = predict(code=2)
    assert "no input" in output.result.err and "--cases" in output.result.err


def test_predict_without_output_folder_is_a_usage_error(run, volume, package):
    result = run("predict", volume, "--models", package)
    assert result.code == 2 and "--output" in result.err


@pytest.mark.parametrize("files", [[], ["notes.txt", "report.pdf"]], ids=["empty", "other files"])
def test_a_folder_without_images_exits_3(predict, run, tmp_path, files):
    folder = tmp_path / "input"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("no image")
    output = predict(folder, code=3)
    assert "no readable image" in output.result.err
    assert not output.folder.exists()
    assert run("scan", folder).code == 3


def test_an_output_folder_below_a_file_exits_5_before_any_case(predict, tmp_path, volume):
    (tmp_path / "file").write_text("")
    output = predict(volume, code=5, out=tmp_path / "file" / "out")
    assert "cannot create the output folder" in output.result.err
    assert "t2:" not in output.result.err
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_output_folder_exits_5(predict, tmp_path, volume):
    (tmp_path / "out").mkdir(mode=0o555)
    output = predict(volume, code=5)
    assert list(output.folder.iterdir()) == []


def test_two_cases_of_one_name_are_refused_before_anything_runs(predict, tmp_path):
    images = [write_volume(tmp_path / folder / "t2.nii.gz", NMOSD) for folder in ("a", "b")]
    output = predict(*images, code=2)
    assert "two cases" in output.result.err and "'t2'" in output.result.err
    assert not output.folder.exists()


def test_a_case_named_like_a_table_is_refused_or_done(run, package, tmp_path):
    image = write_volume(tmp_path / "results.tsv.nii.gz", NMOSD)
    result = run("predict", image, "-o", tmp_path / "out", "--models", package)
    assert result.code in (0, 2), result
