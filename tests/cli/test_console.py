"""Messages and progress on stderr, results on stdout."""

import json
import os
import pty
import subprocess

import pytest

from conftest import check_output_folder
from volumes import NMOSD, write_volume


@pytest.fixture
def cohort(tmp_path):
    for name in ("a", "b"):
        write_volume(tmp_path / "cohort" / f"{name}.nii.gz", NMOSD)
    return tmp_path / "cohort"


def test_json_log_is_one_object_per_line(predict, cohort):
    (cohort / "bad.nii.gz").write_bytes(b"no image")
    output = predict(cohort, "--log-format", "json", code=8)
    messages = [json.loads(line) for line in output.result.err.splitlines()]
    assert {message["level"] for message in messages} >= {"info", "error"}
    assert any(message["message"].startswith("bad: failed") for message in messages)
    assert all(message["time_ms"] > 0 for message in messages)


def test_errors_that_stop_the_run_are_json_too(predict, cohort, tmp_path):
    output = predict(cohort, "--log-format", "json", models=tmp_path / "nowhere", code=4)
    messages = [json.loads(line) for line in output.result.err.splitlines()]
    assert messages[0]["level"] == "error" and "nowhere" in messages[0]["message"]


def test_a_pipe_gets_one_line_per_case_and_no_bar(predict, cohort):
    err = predict(cohort).result.err
    assert err.count("a: nmosd") == 1 and err.count("b: nmosd") == 1
    assert "\r" not in err and "\033" not in err and "/2 cases" not in err


def test_quiet_leaves_warnings_and_errors(predict, cohort):
    (cohort / "bad.nii.gz").write_bytes(b"no image")
    output = predict(cohort, "-q", code=8)
    assert "[info]" not in output.result.err and "bad: failed" in output.result.err
    assert output.result.out.splitlines()[0] == "a\tok\tnmosd"


def run_on_terminal(program, *arguments):
    """Runs with stderr on a pseudo-terminal; returns what it showed and stdout."""
    try:
        controller, terminal = pty.openpty()
    except OSError:
        pytest.skip("no pseudo-terminals here")
    process = subprocess.Popen([program, *map(str, arguments)], stderr=terminal, stdout=subprocess.PIPE)
    os.close(terminal)
    shown = b""
    while True:
        try:
            chunk = os.read(controller, 4096)
        except OSError:  # the terminal's last user has gone
            break
        if not chunk:
            break
        shown += chunk
    os.close(controller)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    return shown.decode(), out.decode()


def test_a_terminal_gets_a_progress_bar_that_is_taken_away_at_the_end(program, package, cohort, tmp_path):
    shown, out = run_on_terminal(program, "predict", cohort, "-o", tmp_path / "out", "--models", package)
    assert "] 0/2 cases" in shown and "] 2/2 cases" in shown and " s/case" in shown and " left" in shown
    assert "a: nmosd" in shown
    assert shown.rstrip("\n").endswith("\r\033[K")
    assert out == "a\tok\tnmosd\nb\tok\tnmosd\n"


def test_progress_none_shows_no_bar_on_a_terminal(program, package, cohort, tmp_path):
    shown, _ = run_on_terminal(program, "--progress", "none", "predict", cohort, "-o", tmp_path / "out", "--models", package)
    assert "cases" not in shown and "\033" not in shown and "a: nmosd" in shown


@pytest.mark.parametrize("stream, code", [(0, 0), (1, 5), (2, 0)], ids=["stdin", "stdout", "stderr"])
def test_a_closed_standard_stream_does_no_harm(program, package, cohort, tmp_path, stream, code):
    """Nobody can read the results from a closed stdout, but in the output folder they are complete."""
    shell = f'exec "$@" {stream}>&-'
    command = [program, "predict", cohort, "-o", tmp_path / "out", "--models", package]
    done = subprocess.run(["sh", "-c", shell, "sh", *map(str, command)], capture_output=True, timeout=60, check=False)
    assert done.returncode == code, done
    check_output_folder(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*/report.json"))) == 2


@pytest.mark.parametrize("arguments", ["--version", "--help", "predict --help"])
def test_help_that_cannot_be_written_exits_5(program, arguments):
    done = subprocess.run(["sh", "-c", f"{program} {arguments} >/dev/full"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 5 and "could not be written to stdout" in done.stderr, done


@pytest.mark.parametrize("stdout", ["/dev/full", "&-"], ids=["full", "closed"])
def test_a_listing_that_cannot_be_written_exits_5(program, cohort, stdout):
    command = ["sh", "-c", f'exec "$@" >{stdout}', "sh", program, "scan", str(cohort)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 5 and "could not be written to stdout" in done.stderr, done
    assert "the output folder" not in done.stderr, "scan has none"
