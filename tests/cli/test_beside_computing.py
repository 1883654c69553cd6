"""What is done while the networks compute, and how their threads wait."""

import os
import subprocess
import sys
import time

import pytest

from volumes import NMOSD, write_volume

WAITING_FSYNC = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Files of the first case reach the disk only when a file of the second is gone for the first time. */
int fsync(int fd) {
  static int gone = 0;
  char link[64], path[4096] = "";
  struct stat unknown;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/first/")) {
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
    expected = (out / "results.tsv").read_text()
    again = predict(*sources, "--overwrite", env={"LD_PRELOAD": str(waiting_fsync), "UNTIL_GONE": str(out / "second" / "report.json")})
    assert (out / "results.tsv").read_text() == expected
    lines = [line for line in again.result.err.splitlines() if ", lesions " in line]
    assert [line.split()[1] for line in lines] == [f"{name}:" for name in names]


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
    [({}, ("passive", "5000")), ({"GOMP_SPINCOUNT": "7"}, ("passive", "7")), ({"OMP_WAIT_POLICY": "active"}, ("active", None))],
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
