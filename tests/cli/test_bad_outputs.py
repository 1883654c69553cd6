"""Output folders that cannot be written, names that meet, packages that must not run, files that stall. The numbers are those of the list
of bad inputs:

38 missing, read-only, full, over a limit    40 model packages that must not be loaded    42 a loader that stalls
41 two cases of one name

Row 37 (corrected masks) is in test_corrected_masks.py, 39 (kills) and two runs on one folder (41) in test_interruption.py and test_fuzzing.py,
further packages (40) in test_models.py, memory over many cases (42) in test_scale.py.
"""

import functools
import json
import os
import resource
import shutil
import signal
import subprocess
import time

import nibabel
import numpy as np
import pytest
import torch

from conftest import RUN_FILES, check_output_folder, children
from dicom_series import write_series
from nifti_bytes import nifti_bytes
from tiny_package import Segmenter, write_manifest
from volumes import LABEL_BOXES, NMOSD, box, write_volume


@pytest.fixture
def cohort(tmp_path):
    for name, label in (("a", "nmosd"), ("b", "ms"), ("c", "ependymoma")):
        write_volume(tmp_path / "cohort" / f"{name}.nii.gz", box(*LABEL_BOXES[label]))
    return tmp_path / "cohort"


def check_nothing_looks_complete(folder):
    """Every file under a final name can be read to its end, and a case without report has no other file."""
    for path in (path for path in folder.rglob("*") if path.is_file() and path.name != ".cordlesion.lock"):
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".tsv":
            assert path.parent == folder and path.read_text().endswith("\n")
        else:
            assert path.name == "lesion_mask.nii.gz" and (path.parent / "report.json").exists(), path
            np.asarray(nibabel.load(path).dataobj)


# --- 38


def test_row38_a_missing_folder_is_created_with_its_parents(predict, cohort, tmp_path):
    assert predict(cohort, out=tmp_path / "a" / "new" / "folder").cases() == ["a", "b", "c"]


def test_row38_a_file_in_place_of_the_folder_exits_5(predict, cohort, tmp_path):
    (tmp_path / "out").write_text("mine")
    result = predict(cohort, code=5).result
    assert "cannot create the output folder" in result.err and (tmp_path / "out").read_text() == "mine"


def on_small_disk(options, folder, command):
    """Runs a command with a disk mounted in `folder`, in a name space that ends with it; what the disk held stands in `folder`/../copy."""
    in_name_space = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    folder.mkdir()
    mount = f"mount -t tmpfs -o {options} none '{folder}'"
    if subprocess.run([*in_name_space, mount], capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    script = f"{mount}; \"$@\"; code=$?; cp -r '{folder}' '{folder.parent}/copy'; exit $code"
    return subprocess.run([*in_name_space, script, "sh", *map(str, command)], capture_output=True, text=True, timeout=60, check=False)


def test_row38_a_read_only_folder_exits_5_before_any_case(program, package, cohort, tmp_path):
    disk = tmp_path / "disk"
    done = on_small_disk("ro,size=1m", disk, [program, "predict", cohort, "-o", disk, "--models", package])
    assert done.returncode == 5, done
    assert "Read-only file system" in done.stderr and "[info] a:" not in done.stderr
    assert not list((tmp_path / "copy").iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_row38_a_folder_without_permission_exits_5_before_any_case(predict, cohort, tmp_path):
    (tmp_path / "out").mkdir(mode=0o555)
    result = predict(cohort, code=5).result
    assert "Permission denied" in result.err and "[info] a:" not in result.err


@pytest.mark.parametrize("kilobytes", [4, 8, 12, 20, 28, 36])
def test_row38_a_full_disk_exits_5_and_leaves_nothing_that_looks_complete(program, package, cohort, tmp_path, kilobytes):
    """From no room at all to no room for the tables; a report takes 8 kB of such a disk."""
    disk = tmp_path / "disk"
    done = on_small_disk(f"size={kilobytes}k", disk, [program, "predict", cohort, "-o", disk / "out", "--models", package])
    assert done.returncode == 5, done
    assert "cannot write" in done.stderr and "check free space" in done.stderr
    assert ("[info] a:" in done.stderr) == (kilobytes >= 12)
    check_nothing_looks_complete(tmp_path / "copy" / "out")


def run_limited(program, package, cohort, folder, limits):
    """As under `ulimit -f`, with the soft and the hard limit: a write beyond it fails, and by default it ends the process."""
    command = [program, "predict", cohort, "-o", folder / "out", "--models", package]
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, limits)
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit)


@pytest.mark.parametrize("size", [0, 5, 100, 2000, 4096])
def test_row38_a_file_size_limit_exits_5_and_leaves_nothing_that_looks_complete(program, package, cohort, tmp_path, size):
    done = run_limited(program, package, cohort, tmp_path, (size, resource.RLIM_INFINITY))
    assert done.returncode == 5, done
    assert "cannot write" in done.stderr and "File too large" in done.stderr
    check_nothing_looks_complete(tmp_path / "out")
    assert not list((tmp_path / "out").rglob(".cordlesion-*"))


def test_row38_a_limit_that_no_image_fits_in_is_not_blamed_on_the_file(program, package, cohort, tmp_path):
    done = run_limited(program, package, cohort, tmp_path, (50_000, 50_000))  # the loading process cannot raise it
    assert done.returncode == 8 and "reader_out_of_memory" in done.stderr and "ulimit" in done.stderr, done
    check_output_folder(tmp_path / "out")


# --- 40


class Writing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "stolen.pt")
        return x


class Printing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("hello")
        return torch.sigmoid(x)


class TwoChannels(Segmenter):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x], dim=1)


class Smaller(Segmenter):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, ::2, ::2]


REFUSED_NETWORKS = {
    "aten-save": (Writing(), "aten::save"),
    "prim-print": (Printing(), "prim::Print"),
    "two-channels": (TwoChannels(0), "segmenter"),
    "smaller-output": (Smaller(0), "segmenter"),
}


@pytest.mark.parametrize("network, message", REFUSED_NETWORKS.values(), ids=[f"row40-{name}" for name in REFUSED_NETWORKS])
def test_a_network_that_breaks_the_contract_exits_4_before_any_case(predict, package, tmp_path, network, message):
    folder = shutil.copytree(package, tmp_path / "copy")
    torch.jit.save(torch.jit.script(network.eval()), str(folder / "segmenter.pt"))
    write_manifest(folder)
    (tmp_path / "bad.nii.gz").write_bytes(b"never read")
    output = predict(tmp_path / "bad.nii.gz", models=folder, code=4)
    assert message in output.result.err and "copy/" in output.result.err
    assert "bad" not in output.result.err and not output.folder.exists()
    assert not list(tmp_path.rglob("stolen.pt"))


# --- 41


def test_row41_two_cases_of_one_name_are_refused_before_anything_runs(predict, tmp_path):
    for folder in ("one", "two"):
        write_volume(tmp_path / folder / "t2.nii.gz", NMOSD)
    output = predict(tmp_path / "one", tmp_path / "two", code=2)
    assert "'t2'" in output.result.err and not output.folder.exists()


def test_row41_a_case_named_like_a_file_of_the_run_is_refused(predict, tmp_path):
    for name in RUN_FILES:
        source = write_volume(tmp_path / "in" / f"{name}.nii.gz", NMOSD)
        output = predict(source, code=2)
        assert name in output.result.err and not output.folder.exists()


# --- 42


def reads(pid, name):
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").endswith(name) for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


def stop_the_reader_of(process, name):
    """Stops the process that has the file open, as a network share that hangs would."""
    while process.poll() is None:
        servers = [server for keeper in children(process.pid) for server in children(keeper)]
        for worker in (worker for server in servers for worker in children(server)):
            if reads(worker, name):
                os.kill(worker, signal.SIGSTOP)
                return
    pytest.fail("nobody read the file")


def test_row42_a_case_that_stalls_fails_at_the_time_limit_and_the_others_are_done(program, package, cohort, tmp_path):
    (cohort / "stalls.nii").write_bytes(nifti_bytes(dim=(3, 512, 512, 400, 1, 1, 1, 1))[:352])
    os.truncate(cohort / "stalls.nii", 352 + 2 * 512 * 512 * 400)  # a hole; long enough to be caught reading it
    command = [program, "predict", cohort, "-o", tmp_path / "out", "--models", package, "--load-timeout", "0.8"]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True)
    stop_the_reader_of(process, "stalls.nii")
    begin = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 8 and time.monotonic() - begin < 20
    assert "stalls: failed (read, reader_timeout): stalls.nii: reading the case took longer than 0.8 s" in err
    check_output_folder(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*/lesion_mask.nii.gz"))) == 3


def test_row42_a_pipe_is_never_waited_for(predict, cohort):
    os.mkfifo(cohort / "pipe.nii.gz")
    output = predict(cohort)
    assert output.cases() == ["a", "b", "c"]


STALLING_READ = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static pid_t known; /* the process, once it is noted; a child is another */
static void stall(int fd) {
  char link[64], name[512] = "";
  struct stat info;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (known == getpid() || readlink(link, name, sizeof name - 1) <= 0 || !strstr(name, "STALLS")) return;
  known = getpid();
  int log = open(getenv("READERS"), O_CREAT | O_APPEND | O_WRONLY, 0644);
  if (write(log, "x", 1) == 1 && fstat(log, &info) == 0 && info.st_size >= atoi(getenv("FIRST_TO_STALL"))) for (;;) pause();
  close(log);
}
ssize_t read(int fd, void* to, size_t bytes) {
  stall(fd);
  return ((ssize_t(*)(int, void*, size_t))dlsym(RTLD_NEXT, "read"))(fd, to, bytes);
}
ssize_t pread(int fd, void* to, size_t bytes, off_t at) {
  stall(fd);
  return ((ssize_t(*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread"))(fd, to, bytes, at);
}
ssize_t pread64(int fd, void* to, size_t bytes, off_t at) { return pread(fd, to, bytes, at); }
"""


@pytest.fixture
def stalled(tmp_path):
    """stalled(n): an environment in which the n-th process that reads a file named STALLS, and all later ones, get no answer. Each leaves a
    byte in the file `readers`."""
    (tmp_path / "stall.c").write_text(STALLING_READ)
    if not shutil.which("cc") or subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "stall.so", tmp_path / "stall.c"], check=False).returncode != 0:
        pytest.skip("no C compiler here")
    library = {"LD_PRELOAD": str(tmp_path / "stall.so"), "ASAN_OPTIONS": "verify_asan_link_order=0"}
    return lambda first: {**library, "READERS": str(tmp_path / "readers"), "FIRST_TO_STALL": str(first)}


def test_row42_a_study_that_stalls_while_it_is_loaded_is_not_waited_for_twice(predict, cohort, tmp_path, stalled):
    """Its readers are those who search, list and load it; nobody describes it then."""
    study = write_series(cohort / "study", "t2")
    min(study.iterdir()).rename(study / "STALLS")
    output = predict(cohort, "--load-timeout", "2", env=stalled(3), code=8)
    assert output.report("study")["error"]["code"] == "reader_timeout"
    assert (tmp_path / "readers").read_text() == "xxx"


def test_row42_a_file_that_stalls_while_cases_are_searched_is_named_at_the_time_limit(run, package, cohort, tmp_path, stalled):
    (cohort / "STALLS").write_bytes(bytes(2000))
    result = run("predict", cohort, "-o", tmp_path / "out", "--models", package, "--load-timeout", "2", env=stalled(1))
    assert result.code == 3 and "STALLS: " in result.err and "took longer than 2 s" in result.err, result
    assert not (tmp_path / "out").exists()
