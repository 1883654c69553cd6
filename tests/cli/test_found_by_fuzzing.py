"""Inputs that scripts/fuzz once found to be taken for good, and what becomes of them now."""

import json
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGLosslessSV1

from dicom_series import write_series
from tiny_package import write_package
from volumes import box, box_mask, voxels


SHAPE = (5, 24, 32)
LESION = box(6, 5, slices=(1, 4), corner=(8, 10))


def meta_end(content):
    """Where the data set of a DICOM file begins."""
    return 144 + int.from_bytes(content[140:144], "little")


def inflate(content):
    return content[: meta_end(content)], zlib.decompress(content[meta_end(content) :], -zlib.MAX_WBITS)


def deflate(meta, data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return meta + packer.compress(data) + packer.flush()


@pytest.fixture
def study(tmp_path):
    return write_series(tmp_path / "study", "sag t2", volume=voxels(LESION, shape=SHAPE))


def first_slice(study):
    return sorted(study.iterdir())[0]


def save_deflated(path):
    file = pydicom.dcmread(path)
    file.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    file.save_as(path, write_like_original=False)


def test_deflated_files_are_read(predict, study):
    for path in study.iterdir():
        save_deflated(path)
    output = predict(study)
    assert output.report("study")["status"] == "ok"
    assert int(np.asarray(output.mask("study").dataobj).sum()) == box_mask(LESION, shape=SHAPE).sum()


def test_deflated_files_may_go_on_behind_their_pixels(predict, study):
    path = first_slice(study)
    file = pydicom.dcmread(path)
    file.add_new(0xFFFCFFFC, "OB", b"\0" * 16)
    file.save_as(path)
    save_deflated(path)
    assert predict(study).report("study")["status"] == "ok"


DAMAGES = {
    "pixels shorter than announced": lambda meta, data: deflate(meta, data[:-42]),
    "pixels moved": lambda meta, data: deflate(meta, data[:-500] + data[-510:]),
    "stream cut": lambda meta, data: deflate(meta, data)[:-40],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_deflated_pixels_fail(predict, study, damage):
    path = first_slice(study)
    save_deflated(path)
    path.write_bytes(damage(*inflate(path.read_bytes())))
    error = predict(study, code=8).report("study")["error"]
    assert error["code"] in ("pixel_data_short", "pixel_data_unreadable", "dicom_unreadable") and path.name in error["message"]


def with_transfer_syntax(content, uid):
    """The same bytes under another transfer syntax; pydicom refuses to write that."""
    meta, data = bytearray(content[: meta_end(content)]), content[meta_end(content) :]
    start = meta.index(b"\x02\x00\x10\x00UI") + 6
    length = int.from_bytes(meta[start : start + 2], "little")
    value = uid.encode() + b"\0" * (len(uid) % 2)
    meta[start : start + 2 + length] = len(value).to_bytes(2, "little") + value
    meta[140:144] = (len(meta) - 144).to_bytes(4, "little")
    return bytes(meta) + data


def test_plain_pixels_under_a_compressed_transfer_syntax_fail(predict, study):
    for path in study.iterdir():
        path.write_bytes(with_transfer_syntax(path.read_bytes(), JPEGLosslessSV1))
    error = predict(study, code=8).report("study")["error"]
    assert error["code"] == "pixel_data_mismatch" and JPEGLosslessSV1 in error["message"]


def test_a_slope_of_several_numbers_fails(predict, study):
    path = first_slice(study)
    file = pydicom.dcmread(path)
    file.RescaleIntercept, file.RescaleSlope = "0", ["8", "-23", "78"]
    file.save_as(path)
    error = predict(study, code=8).report("study")["error"]
    assert error["code"] == "rescale_slope" and path.name in error["message"]


@pytest.mark.parametrize("twice", ["image", "site"])
def test_a_case_list_with_a_column_twice_is_refused(run, tmp_path, twice):
    (tmp_path / "cases.tsv").write_text(f"case_id\timage\t{twice}\tsite\na\tx.nii\ty.nii\tz\n")
    result = run("scan", "--cases", "cases.tsv")
    assert result.code == 2 and f"cases.tsv:1: column '{twice}' occurs twice" in result.err


def test_a_manifest_that_goes_on_behind_a_nul_is_refused(run, tmp_path):
    package = write_package(tmp_path / "package")
    manifest = package / "manifest.json"
    assert json.loads(manifest.read_bytes())
    manifest.write_bytes(manifest.read_bytes() + b"\0 and more")
    result = run("models", package)
    assert result.code == 4 and "NUL" in result.err

