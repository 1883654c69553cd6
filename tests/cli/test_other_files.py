"""Folders that hold other files, links and pipes, or nothing: rows 9 to 11 of the table in README.md."""

import json
import os
import socket

import pytest

from dicom_series import STUDY, T1, new_slice, slice_path, uid, write_series
from volumes import AFFINE, NMOSD, assert_same_in_space, box_mask

OTHER_CLASSES = {
    "DICOMDIR": "1.2.840.10008.1.3.10",
    "report": "1.2.840.10008.5.1.4.1.1.88.33",
    "plan": "1.2.840.10008.5.1.4.1.1.481.5",
    "segmentation": "1.2.840.10008.5.1.4.1.1.66.4",
    "presentation": "1.2.840.10008.5.1.4.1.1.11.1",
    "CSA": "1.3.12.2.1107.5.9.1",
}


def write_other_files(folder):
    """As on a disc from a hospital."""
    for name, sop_class in OTHER_CLASSES.items():
        file = new_slice(uid(name), sop_class)
        file.StudyInstanceUID, file.SeriesInstanceUID = STUDY, uid(f"{STUDY} {name}")
        file.save_as(folder / name, write_like_original=False)
    (folder / "README.TXT").write_text("open the viewer")
    (folder / "report.pdf").write_bytes(b"%PDF-1.4\n" + bytes(200))
    (folder / "key.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    (folder / "VIEWER").mkdir()
    (folder / "VIEWER" / "viewer.exe").write_bytes(b"MZ" + bytes(300))
    (folder / "empty.txt").touch()
    return len(OTHER_CLASSES) + 6


def test_row09_other_files_are_skipped_and_counted_in_the_report(predict, run, tmp_path):
    count = write_other_files(write_series(tmp_path / "disc", "t2"))
    report = predict(tmp_path / "disc").report("disc")
    assert (report["skipped_files"], report["input"]["series"]["files"], report["warnings"]) == (count, 7, [])
    scanned = run("scan", tmp_path / "disc", "--json")
    assert json.loads(scanned.out)[0]["skipped_files"] == count and f"{count} other files skipped" in scanned.err


@pytest.mark.parametrize("sop_class", ["1.3.46.670589.11.0.0.12.2", "1.3.46.670589.11.0.0.12.4", "1.2.840.10008.5.1.4.1.1.66"])
def test_row09_private_data_of_the_images_own_series_are_skipped(predict, tmp_path, sop_class):
    """Philips scanners store XX_ files beside the images, without pixels or a place."""
    folder = write_series(tmp_path / "study", "t2")
    file = new_slice(uid("XX_0001"), sop_class)
    file.StudyInstanceUID, file.SeriesInstanceUID = STUDY, uid(f"{STUDY} t2")
    file.save_as(folder / "XX_0001", write_like_original=False)
    report = predict(tmp_path / "study").report("study")
    assert (report["skipped_files"], report["input"]["series"]["files"], report["warnings"]) == (1, 7, [])


def test_row09_files_beside_a_failed_case_are_counted_too(predict, tmp_path):
    count = write_other_files(write_series(tmp_path / "disc", "t1", sequence=T1))
    assert predict(tmp_path / "disc", code=8).report("disc")["skipped_files"] == count


def test_row10_links_pipes_and_devices_are_neither_opened_nor_followed_twice(predict, tmp_path):
    folder = write_series(tmp_path / "study" / "S1", "t2")
    first = slice_path(folder, "t2", 0)
    (folder / "again").symlink_to(first)
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    (folder / "up").symlink_to(tmp_path / "study")
    (folder / "self").symlink_to(folder / "self")
    (folder / "null").symlink_to("/dev/zero")
    os.mkfifo(folder / "fifo.dcm")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        output = predict(tmp_path / "study")
    (case,) = output.cases()
    report = output.report(case)
    assert report["input"]["series"]["files"] == 7 and report["warnings"] == []
    assert_same_in_space(output.mask(case), box_mask(NMOSD), AFFINE)
    for name, code in (("dangling", "dangling_link"), ("self", "dangling_link"), ("null", "special_file"), ("fifo.dcm", "special_file"), ("socket", "special_file")):
        assert f"{code}: S1/{name}: " in output.result.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_row10_an_unreadable_folder_is_named_and_a_slice_that_cannot_be_opened_fails_its_case(predict, tmp_path):
    write_series(tmp_path / "cohort" / "good", "t2")
    (tmp_path / "cohort" / "locked").mkdir(mode=0o000)
    folder = write_series(tmp_path / "cohort" / "bad", "t2", study=STUDY + "1")
    slice_path(folder, "t2", 3, STUDY + "1").chmod(0)
    output = predict(tmp_path / "cohort", code=8)
    assert output.report("good")["status"] == "ok" and output.report("bad")["status"] == "failed"
    assert "unreadable_folder: locked" in output.result.err


def test_row11_nothing_readable_is_refused(predict, run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("no image")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "loop").symlink_to(tmp_path / "links")
    for folder in ("empty", "texts", "links"):
        result = run("scan", tmp_path / folder)
        assert result.code == 3 and "no readable image" in result.err and "give DICOM folders" in result.err
        output = predict(tmp_path / folder, code=3)
        assert not output.folder.exists()
