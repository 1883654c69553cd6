"""What is done while the networks compute, and how their threads wait."""

import json
import os
import subprocess
import sys
import time

import nibabel
import numpy as np
import pytest

from tiny_package import write_package
from volumes import LABEL_BOXES, NMOSD, box, write_mask, write_volume

LOADER = "/lib64/ld-linux-x86-64.so.2"

WAITING_FSYNC = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Files of the first case reach the disk only when a file of the second is gone for the first time, and not from the main thread. */
int fsync(int fd) {
  static int gone = 0;
  char link[64], path[4096] = "";
  struct stat unknown;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/first/")) {
    if (syscall(SYS_gettid) == getpid()) _exit(98);
    for (int tenths = 0; !gone && stat(getenv("UNTIL_GONE"), &unknown) == 0; ++tenths) {
      if (tenths == 300) _exit(99);
      usleep(100000);
    }
    gone = 1;
  }
  return syscall(SYS_fsync, fd);
}
"""


@pytest.fixture
def waiting_fsync(tmp_path, memory_is_limited):
    """A library that lets the first case reach the disk when the file UNTIL_GONE has vanished."""
    if not memory_is_limited:
        pytest.skip("AddressSanitizer must be loaded first")
    source, library = tmp_path / "fsync.c", tmp_path / "fsync.so"
    source.write_text(WAITING_FSYNC)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def test_a_case_is_written_while_the_next_is_computed(predict, tmp_path, waiting_fsync):
    """The second case is begun, which clears what an earlier run left of it, before the first is on the disk."""
    names = ("first", "second", "third")
    sources = [write_volume(tmp_path / f"{name}.nii.gz", NMOSD) for name in names]
    out = predict(*sources).folder
    expected = predict(*sources, "--all-nodes", out=tmp_path / "expected").folder
    environment = {"LD_PRELOAD": str(waiting_fsync), "UNTIL_GONE": str(out / "second" / "report.json")}
    again = predict(*sources, "--all-nodes", "--resume", env=environment)  # with another option each case is computed again
    assert (out / "results.tsv").read_text() == (expected / "results.tsv").read_text()
    lines = [line for line in again.result.err.splitlines() if ", lesions " in line]
    assert [line.split()[1] for line in lines] == [f"{name}:" for name in names]


def test_a_mask_that_changes_during_the_run_is_taken_up_by_resume(program, tmp_path):
    """The mask of the second case is read while the first is computed; what is noted of it must be of what was read."""
    package = write_package(tmp_path / "slow", idle_rounds=8000)
    write_volume(tmp_path / "first.nii.gz", NMOSD)
    write_volume(tmp_path / "second.nii.gz", NMOSD)
    mask = write_mask(tmp_path / "mask.nii.gz", NMOSD)
    other = write_mask(tmp_path / "other.nii.gz", box(*LABEL_BOXES["ms"]))
    (tmp_path / "cases.tsv").write_text("case_id\timage\tmask\na\tfirst.nii.gz\t\nb\tsecond.nii.gz\tmask.nii.gz\n")
    out = tmp_path / "out"
    command = [program, "predict", "--cases", tmp_path / "cases.tsv", "-o", out, "--models", package]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "runs as TorchScript" in line or "untrained" in line:
            break
    time.sleep(1.5)
    os.replace(other, mask)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 and "a: complete from an earlier run" in done.stderr, done.stderr
    found = json.loads((out / "b/report.json").read_text())["segmentation"]["voxels"]
    assert found == int(np.asarray(nibabel.load(mask).dataobj).sum())


def environment_of(process):
    """Of the program that the process runs now."""
    try:
        with open(f"/proc/{process.pid}/environ", encoding="utf-8") as file:
            return dict(entry.partition("=")[::2] for entry in file.read().split("\0") if entry)
    except OSError:
        return {}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("passive", "5000")),
        ({f"VARIABLE_{i}": "x" for i in range(5000)}, ("passive", "5000")),
        ({"GOMP_SPINCOUNT": "7"}, ("passive", "7")),
        ({"OMP_WAIT_POLICY": "active"}, ("active", None)),
    ],
)
def test_threads_wait_asleep_unless_the_user_has_it_otherwise(program, package, memory_is_limited, given, expected):
    if not memory_is_limited:
        pytest.skip("AddressSanitizer must be loaded first")
    plain = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    process = subprocess.Popen([program, "models", package], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**plain, **given})
    seen = set()
    while process.poll() is None:
        found = environment_of(process)
        seen.add((found.get("OMP_WAIT_POLICY"), found.get("GOMP_SPINCOUNT")))
        time.sleep(0.005)
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert expected in seen


@pytest.mark.skipif(not os.path.exists(LOADER), reason="another loader")
def test_the_program_can_be_given_to_the_loader(program, package, memory_is_limited):
    """Which cannot be started anew: the loader is the program then."""
    if not memory_is_limited:
        pytest.skip("AddressSanitizer must be loaded first")
    done = subprocess.run([LOADER, program, "models", package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
