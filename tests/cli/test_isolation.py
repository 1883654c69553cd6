"""Whatever a DICOM file holds, the program goes on: rows 1 and 42 of the table in README.md, and the loading process.

Every malformed series lies between sound ones; a result that is given in spite of the damage must be the sound one.
"""

import json
import os
import random
import struct
import subprocess
import time
import uuid
import zlib

import pytest
from pydicom.filereader import data_element_generator

from conftest import run_predict
from dicom_series import DESCRIPTION, STUDY, slice_path, write_series
from leaks import SECRETS, assert_nothing_leaks
from volumes import AFFINE, NMOSD, assert_same_in_space, box_mask, write_volume

SEED, MUTANTS = 20260101, 60
MIDDLE = 3
CODES = {"reader_crashed", "reader_timeout", "reader_out_of_memory", "dicom_unreadable", "bad_dimensions"}


def element(group, number, vr, value):
    long_form = vr in (b"OB", b"SQ", b"UN", b"OW", b"UT")
    return struct.pack("<HH2s", group, number, vr) + (struct.pack("<HI", 0, len(value)) if long_form else struct.pack("<H", len(value))) + value


def inserted_before(data, tag, what):
    place = data.index(struct.pack("<HH", *tag), 140)
    return data[:place] + what + data[place:]


def rows_of_four_bytes(data):
    place = data.index(struct.pack("<HH2s", 0x0028, 0x0010, b"US"))
    return data[:place] + struct.pack("<HH2sHI", 0x0028, 0x0010, b"UL", 4, 64) + data[place + 10 :]


def deep_sequences(data, depth=20000):
    opening = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return inserted_before(data, (0x0010, 0x0010), opening * depth)


def length_beyond_the_file(data):
    place = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    return data[: place + 6] + b"\xff\xff" + data[place + 8 :]


def four_gigabytes_announced(data):
    return inserted_before(data, (0x0010, 0x0010), struct.pack("<HH2sHI", 0x0009, 0x1010, b"OB", 0, 0xFFFFFFF0))


def deflated_bomb(data):
    """600 MB of zeros in a private element, in a file of half a megabyte."""
    start = 132 + 12 + struct.unpack("<I", data[140:144])[0]
    meta = data[144:start].replace(b"\x10\x00UI\x14\x001.2.840.10008.1.2.1\0", b"\x10\x00UI\x16\x001.2.840.10008.1.2.1.99")
    size = 600 << 20
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    body = packer.compress(struct.pack("<HH2sHI", 0x0007, 0x1010, b"OB", 0, size))
    for _ in range(600):
        body += packer.compress(bytes(1 << 20))
    body += packer.compress(data[start:]) + packer.flush()
    return data[:132] + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + body


FAULTS = {
    "rows-of-four-bytes": rows_of_four_bytes,
    "sequences-20000-deep": deep_sequences,
    "length-beyond-the-file": length_beyond_the_file,
    "four-gigabytes-announced": four_gigabytes_announced,
    "deflated-bomb": deflated_bomb,
    "noise-after-the-preamble": lambda data: data[:132] + random.Random(1).randbytes(4000),
    "cut-in-the-meta-header": lambda data: data[:150],
    "only-the-preamble": lambda data: data[:132],
}


def mutated(data, rng):
    """A header with a few damaged bytes, a damaged length, or a piece missing or twice. The pixels stay."""
    header = bytearray(data[: len(data) - 8192])
    place = rng.randrange(132, len(header) - 8)
    kind = rng.randrange(4)
    if kind == 0:
        for _ in range(rng.randrange(1, 8)):
            header[rng.randrange(128, len(header))] = rng.randrange(256)
    elif kind == 1:
        header[place : place + 4] = struct.pack("<I", rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFF, len(data))))
    elif kind == 2:
        del header[place : place + rng.randrange(1, 64)]
    else:
        header[place:place] = header[place : place + rng.randrange(1, 64)]
    return bytes(header) + data[len(data) - 8192 :]


def write_damaged(folder, name, number, damage):
    study = f"{STUDY}.{number}"
    path = slice_path(write_series(folder / name, "t2", study=study), "t2", MIDDLE, study)
    path.write_bytes(damage(path.read_bytes()))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("isolation") / "cohort"
    rng = random.Random(SEED)
    for number, name in enumerate(FAULTS):
        write_damaged(folder, f"fault-{name}", number, FAULTS[name])
    for number in range(MUTANTS):
        write_damaged(folder, f"mutant-{number:02}", 100 + number, lambda data: mutated(data, rng))
    write_series(folder / "sound", "t2", study=f"{STUDY}.99")
    return folder


@pytest.fixture(scope="module")
def output(program, package, cohort, tmp_path_factory):
    start = time.monotonic()
    result = run_predict(program, package, tmp_path_factory.mktemp("out") / "out", cohort, "-vv", code=8)
    assert time.monotonic() - start < 120
    return result


@pytest.mark.parametrize("name", FAULTS)
def test_row01_a_file_that_ends_the_reader_fails_its_case(name, output, cohort, memory_is_limited):
    if name == "deflated-bomb" and not memory_is_limited:
        pytest.skip("without a limit of memory it is a sound series")
    error = output.report(f"fault-{name}")["error"]
    assert error["code"] in CODES and error["hint"]
    assert slice_path(cohort, "t2", MIDDLE, f"{STUDY}.{list(FAULTS).index(name)}").name in error["message"]


def test_row01_the_assertion_of_the_library_is_in_the_error(output):
    error = output.report("fault-length-beyond-the-file")["error"]
    assert error["code"] == "reader_crashed" and "(assertion " in error["message"]
    assert "/" not in error["message"].split("(assertion ")[1]


def test_row01_mutated_headers_fail_or_hurt_nothing(output):
    mutants = [case for case in output.cases() if case.startswith("mutant-")]
    assert len({case[:9] for case in mutants}) == MUTANTS
    failed = [case for case in mutants if output.report(case)["status"] == "failed"]
    for case in set(mutants) - set(failed):
        assert_same_in_space(output.mask(case), box_mask(NMOSD), AFFINE)
    assert 5 < len(failed) < len(mutants)
    assert output.report("sound")["classification"]["label"] == "nmosd"
    assert_nothing_leaks(output)


def element_ends(path):
    """Where the elements of a file's data set end, but for the pixels."""
    with open(path, "rb") as file:
        file.seek(140)
        file.seek(144 + struct.unpack("<I", file.read(4))[0])
        return [file.tell()] + [file.tell() for element in data_element_generator(file, False, True) if element.tag < 0x7FE00000]


def test_row01_an_outer_slice_cut_anywhere_in_its_header_is_never_missed(run, tmp_path):
    """Cut between two elements, what is left is sound DICOM, and the series is whole without it."""
    ends = element_ends(slice_path(write_series(tmp_path / "whole", "t2"), "t2", 0))
    assert len(ends) > 35
    for number, end in enumerate(ends):
        study = f"{STUDY}.{number}"
        folder = write_series(tmp_path / "cohort" / f"cut-{number:02}", "t2", study=study)
        path = slice_path(folder, "t2", 0, study)
        path.write_bytes(path.read_bytes()[:end])
    cases = json.loads(run("scan", tmp_path / "cohort", "--json").out)
    assert [case["case_id"] for case in cases] == [f"cut-{number:02}" for number in range(len(ends))]
    usable = {case["case_id"] for case in cases if "error" not in case}
    assert usable <= {f"cut-{number:02}" for number in (len(ends) - 2, len(ends) - 1)}  # there the pixels alone are missing


def test_row01_scan_survives_the_same_files(run, cohort, output):
    result = run("scan", cohort)
    assert result.code == 8 and result.out.count("chosen   T2") >= 1
    for secret in (*SECRETS, DESCRIPTION, str(cohort)):
        assert secret.lower() not in (result.out + result.err).lower()


def processes_marked(mark):
    """Ids of the running processes that inherited a mark in their environment."""
    marked = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if mark.encode() in file.read():
                    marked.append(int(entry))
        except OSError:
            continue
    return marked


def zombies_below(pid):
    """Ids of the dead that the program or its loading process has not buried."""
    try:
        children = [int(child) for task in os.listdir(f"/proc/{pid}/task") for child in open(f"/proc/{pid}/task/{task}/children").read().split()]
    except OSError:
        return set()
    found = set()
    for child in children:
        try:
            state = open(f"/proc/{child}/stat").read().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        found |= {child} if state == "Z" else zombies_below(child)
    return found


def test_no_process_outlives_the_program_and_no_zombie_stays(program, slow_package, cohort, tmp_path):
    mark = f"CORDLESION_MARK={uuid.uuid4()}"
    environment = {**os.environ, "SLURM_CPUS_PER_TASK": "1", **dict([mark.split("=")])}
    command = [program, "predict", cohort, "-o", tmp_path / "out", "--models", slow_package]
    buried_late, earlier = set(), set()
    with subprocess.Popen(list(map(str, command)), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None:
            now = zombies_below(running.pid)
            buried_late |= now & earlier
            earlier = now
            time.sleep(0.2)
    assert running.returncode == 8 and not buried_late
    assert processes_marked(mark) == []


def peak_kilobytes(pid):
    """The largest resident size of a process so far; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def test_row01_no_file_takes_the_programs_memory(program, cohort, memory_is_limited):
    """The loading process may take some gigabytes before it fails; the program itself never does."""
    if not memory_is_limited:
        pytest.skip("AddressSanitizer takes memory of its own")
    peak = 0
    with subprocess.Popen([program, "scan", str(cohort)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None:
            peak = max(peak, peak_kilobytes(running.pid))
            time.sleep(0.05)
    assert running.returncode == 8 and 0 < peak < 300_000


def test_row42_a_time_limit_ends_a_case_and_the_next_goes_on(predict, tmp_path):
    """A millisecond is too short for a study of two hundred files."""
    for number in range(30):
        write_series(tmp_path / "cohort" / "large", f"t1 {number}", study=STUDY + "1")
    write_volume(tmp_path / "cohort" / "small.nii", NMOSD)
    output = predict(tmp_path / "cohort", "--load-timeout", "0.001", code=8)
    assert output.cases() == ["large", "small"]
    error = output.report("large")["error"]
    assert error["code"] == "reader_timeout"
    assert "0.001 s" in error["message"] or "took too long" in error["message"]
