"""Bad and unusual DICOM series, all in one cohort: each fails with its reason, or gives the very result of a sound one.

The ids of the tests begin with the row of the table in README.md.
"""

import json
from functools import partial

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from compressed_series import TOOLS
from conftest import run_predict, run_program
from dicom_series import STUDY, put_pixels, slice_path, write_series
from faulty_series import (
    MIDDLE,
    UNKNOWN_SYNTAX,
    big_image,
    compressed,
    concatenation,
    cut,
    cut_stream,
    cut_stream_with_end_mark,
    eight_bits_of_odd_number,
    enhanced,
    high_bit,
    inverted,
    modality_lut,
    move,
    one_frame_too_many,
    one_stream_twice,
    other_size,
    packed,
    raw_text,
    scaled,
    series,
    setting,
    shorter,
    shuffled,
    stack_position,
    twelve_bits,
    twice,
    unknown_syntax,
    with_meta,
    with_streams,
    with_wrong_group_length,
    without,
    without_group_length,
    without_preamble,
    without_transfer_syntax,
)
from leaks import assert_nothing_leaks
from volumes import AFFINE, NMOSD, assert_same_in_space, box_mask, voxels

STREAMS = ("rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000")

# Id: how the series is made, the code of its failure, and whether the message names the altered slice.
FAILING = {
    "row02-empty-slice": (series(after=lambda path: path.write_bytes(b"")), "dicom_unreadable", True),
    "row02-slice-of-zeros": (series(after=lambda path: path.write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 900)), "dicom_unreadable", True),
    "row02-slice-without-its-first-512-bytes": (series(after=lambda path: path.write_bytes(bytes(512) + path.read_bytes()[512:])), "dicom_unreadable", True),
    "row02-slice-all-zero": (series(after=lambda path: path.write_bytes(bytes(path.stat().st_size))), "dicom_unreadable", True),
    "row02-slice-all-ff": (series(after=lambda path: path.write_bytes(b"\xff" * path.stat().st_size)), "dicom_unreadable", True),
    "row02-slice-packed": (series(after=packed), "dicom_unreadable", True),
    "row02-slice-cut-in-its-header": (series(after=lambda path: cut(path, 0.05)), None, True),
    "row03-file-cut-in-its-pixels": (series(after=lambda path: cut(path, 0.7)), "pixel_data_short", True),
    "row03-fewer-pixels-than-rows-and-columns": (series(lambda f: setattr(f, "PixelData", f.PixelData[:5000]), only=MIDDLE), "pixel_data_short", True),
    "row03-no-pixels": (series(without("PixelData"), only=MIDDLE), "pixel_data_missing", True),
    "row03-pixels-of-unknown-representation": (series(after=lambda path: path.write_bytes(path.read_bytes().replace(b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x10\0OU")), only=MIDDLE), "pixel_data_corrupt", True),
    **{f"row05-{syntax}-file-cut": (compressed(syntax, file_kept=0.7), None, True) for syntax in TOOLS},
    "row05-rle-stream-cut": (compressed("rle", cut_stream), "pixel_data_corrupt", True),
    **{f"row05-rle-stream-without-{n}-bytes": (compressed("rle", shorter(n)), "pixel_data_corrupt", True) for n in (2, 4, 40)},
    "row05-jpeg-lossless-stream-cut": (compressed("jpeg-lossless", cut_stream), "pixel_data_short", True),
    "row05-jpeg-lossless-stream-cut-before-its-end-mark": (compressed("jpeg-lossless", cut_stream_with_end_mark), "pixel_data_corrupt", True),
    "row05-jpeg-ls-stream-cut": (compressed("jpeg-ls", cut_stream), "pixel_data_corrupt", True),
    "row05-jpeg-2000-stream-cut": (compressed("jpeg-2000", cut_stream), "pixel_data_corrupt", True),
    "row06-unknown-transfer-syntax": (unknown_syntax, "transfer_syntax_unknown", False),
    "row08-no-transfer-syntax": (with_meta(without_transfer_syntax), "dicom_unreadable", False),
    "row15-slice-twice-with-other-pixels": (twice(lambda f: put_pixels(f, f.pixel_array + 1)), "duplicate_slice", True),
    "row16-missing-slice": (series(after=lambda path: path.unlink()), "slice_gap", False),
    "row16-uneven-spacing": (series(partial(move, normal=0.3), only=MIDDLE), "slice_gap", True),
    "row17-one-position": (series(stack_position(0)), "slices_at_one_position", False),
    "row17-sheared-by-14-degrees": (series(stack_position(4, aside=1)), "sheared_stack", False),
    "row17-sheared-by-half-a-degree": (series(stack_position(4, aside=0.035)), "sheared_stack", False),
    "row18-position-missing": (series(without("ImagePositionPatient"), only=MIDDLE), "bad_position", True),
    "row18-position-of-words": (series(raw_text("ImagePositionPatient", "a\\b\\c"), only=MIDDLE), "bad_position", True),
    "row18-position-not-a-number": (series(raw_text("ImagePositionPatient", "nan\\0\\0"), only=MIDDLE), "bad_position", True),
    "row18-position-beyond-all-numbers": (series(raw_text("ImagePositionPatient", "1e308\\1e308\\1e308"), only=MIDDLE), None, False),
    "row18-position-of-two-numbers": (series(setting(ImagePositionPatient=["1", "2"]), only=MIDDLE), "bad_position", True),
    "row18-orientation-missing": (series(without("ImageOrientationPatient"), only=MIDDLE), "bad_orientation", True),
    "row18-orientation-zero": (series(setting(ImageOrientationPatient=["0"] * 6)), "bad_orientation", False),
    "row18-orientation-not-orthogonal": (series(setting(ImageOrientationPatient=["0", "1", "0", "0", "0.6", "-0.8"])), "bad_orientation", False),
    "row18-orientation-not-of-unit-length": (series(setting(ImageOrientationPatient=["0", "2", "0", "0", "0", "-2"])), "bad_orientation", False),
    "row18-spacing-missing": (series(without("PixelSpacing"), only=MIDDLE), "bad_spacing", True),
    "row18-spacing-zero": (series(setting(PixelSpacing=["0", "1"]), only=MIDDLE), "bad_spacing", True),
    "row18-spacing-negative": (series(setting(PixelSpacing=["-1", "1"]), only=MIDDLE), "bad_spacing", True),
    "row18-spacing-of-words": (series(raw_text("PixelSpacing", "one\\one"), only=MIDDLE), "bad_spacing", True),
    "row18-spacing-infinite": (series(raw_text("PixelSpacing", "inf\\1"), only=MIDDLE), "bad_spacing", True),
    "row19-rows-differ": (series(other_size, only=MIDDLE), "slice_size_differs", True),
    "row19-spacing-differs": (series(setting(PixelSpacing=["1.1", "1"]), only=MIDDLE), "slice_size_differs", True),
    "row19-spacing-differs-by-0.03-mm-at-a-corner": (series(setting(PixelSpacing=["1.0005", "1"]), only=MIDDLE), "slice_size_differs", True),
    "row19-orientation-differs-by-0.03-mm-at-a-corner": (
        series(setting(ImageOrientationPatient=["0", "1", "0", "0", "0.0005", "-1"]), only=MIDDLE),
        "slice_size_differs",
        True,
    ),
    "row19-frame-of-reference-differs": (series(setting(FrameOfReferenceUID="1.2.3"), only=MIDDLE), "frame_of_reference_differs", True),
    "row20-both-photometric-interpretations": (series(inverted, only=MIDDLE), "photometric_differs", False),
    "row21-slope-zero": (series(setting(RescaleSlope="0", RescaleIntercept="0"), only=MIDDLE), "rescale_slope", True),
    "row21-slope-not-a-number": (series(raw_text("RescaleSlope", "nan"), only=MIDDLE), "rescale_slope", True),
    "row21-slope-beyond-all-numbers": (series(setting(RescaleSlope="1e300", RescaleIntercept="0")), "rescale_slope", False),
    "row21-slope-a-word": (series(raw_text("RescaleSlope", "one"), only=MIDDLE), "rescale_slope", True),
    "row21-intercept-without-slope": (series(setting(RescaleIntercept="-100"), only=MIDDLE), "rescale_slope", True),
    "row21-modality-lut": (series(modality_lut, only=MIDDLE), "modality_lut", True),
    "row22-bits-stored-over-allocated": (series(setting(BitsStored=20)), "bad_bits", False),
    **{f"row22-12-bits-with-high-bit-{bit}": (series(high_bit(bit)), "bad_bits", False) for bit in (10, 13, 15)},
    "row22-bits-stored-none": (series(setting(BitsStored=0)), "bad_bits", False),
    "row24-enhanced-with-too-few-frames": (one_frame_too_many, "frame_count", False),
    **{f"row24-enhanced-{syntax}-one-frame-twice": (with_streams(syntax, one_stream_twice), "pixel_data_mismatch", False) for syntax in STREAMS},
    "row24-enhanced-jpeg-lossless-of-several-fragments": (with_streams("jpeg-lossless", list, fragments=2), "pixel_data_mismatch", False),
    "row24-enhanced-in-two-files-of-which-one-is-missing": (concatenation(1), "concatenation_incomplete", False),
    "row25-65535-rows-and-columns": (series(big_image), "too_large", False),
    "row25-65535-rows-and-columns-in-one-slice": (series(big_image, only=MIDDLE), "too_large", True),
    "row25-100000-frames": (series(setting(NumberOfFrames="100000")), None, False),
}

# Id: how the series is made, and the codes of its warnings. The mask is that of the sound series, voxel for voxel.
ACCEPTED = {
    "row00-sound": (series(), set()),
    "row04-pad-byte": (series(eight_bits_of_odd_number), set()),
    "row04-more-pixels-than-rows-and-columns": (series(lambda f: setattr(f, "PixelData", f.PixelData + b"\0" * 128)), {"pixel_data_long"}),
    **{f"row07-{syntax}": (compressed(syntax), set()) for syntax in TOOLS},
    "row07-jpeg-lossless-of-several-fragments": (compressed("jpeg-lossless", fragments=3), set()),
    "row07-jpeg-2000-of-several-fragments": (compressed("jpeg-2000", fragments=4), set()),
    "row08-no-preamble": (without_preamble, {"no_preamble"}),
    "row08-no-meta-header": (partial(without_preamble, meta=False), {"no_preamble"}),
    "row08-no-group-length": (with_meta(without_group_length), set()),
    "row08-wrong-group-length": (with_meta(with_wrong_group_length), set()),
    "row08-explicit-without-meta-header": (partial(without_preamble, meta=False, implicit=False), {"no_preamble"}),
    "row15-slice-twice": (twice(), {"duplicate_slice"}),
    "row16-spacing-uneven-below-the-limit": (series(partial(move, normal=0.05), only=MIDDLE), set()),
    "row20-monochrome1": (series(inverted), {"monochrome1"}),
    "row21-slope-per-slice": (series(lambda f: scaled(f, 0.5 + 0.25 * int(f.InstanceNumber), -7)), set()),
    "row21-slope-negative": (series(lambda f: scaled(f, -1.0)), {"negative_slope"}),
    "row22-signed-12-of-16-bits": (series(twelve_bits), set()),
    "row24-enhanced": (enhanced(), set()),
    "row24-enhanced-frames-in-any-order": (enhanced(shuffled), set()),
    **{f"row24-enhanced-{syntax}": (enhanced(shuffled, syntax=syntax), set()) for syntax in TOOLS},
    "row24-enhanced-in-two-files": (concatenation(2, 1), set()),
    "row24-enhanced-two-times-in-one-stack": (enhanced(shuffled, ("1", "1"), times=(1, 2)), {"ambiguous_series"}),
    "row24-enhanced-two-stacks": (enhanced(shuffled, ("1", "2")), {"ambiguous_series"}),
}


def study_uid(name):
    return f"{STUDY}.{list((*FAILING, *ACCEPTED)).index(name) + 1}"


def build_all(folder, table):
    """Builds every case whose tools are installed."""
    built = {}
    for name, (build, *_) in table.items():
        try:
            build(folder / name, study_uid(name))
            built[name] = folder / name
        except pytest.skip.Exception:
            pass
    return built


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return build_all(tmp_path_factory.mktemp("bad") / "cohort", {**FAILING, **ACCEPTED})


@pytest.fixture(scope="module")
def output(program, package, folders, tmp_path_factory):
    cohort = next(iter(folders.values())).parent
    return run_predict(program, package, tmp_path_factory.mktemp("out") / "out", cohort, "-vv", "--save-probability", code=8)


@pytest.fixture(scope="module")
def scanned(program, folders):
    cohort = next(iter(folders.values())).parent
    return {case["case_id"]: case for case in json.loads(run_program(program, "scan", cohort, "--json").out)}


def require_built(name, folders):
    if name not in folders:
        pytest.skip("a tool that makes this series is not installed")


@pytest.mark.parametrize("name", FAILING)
def test_fails_with_its_reason(name, folders, output):
    require_built(name, folders)
    _, code, named = FAILING[name]
    error = output.report(name)["error"]
    assert code in (None, error["code"]), error
    assert not named or slice_path(folders[name], "t2", MIDDLE, study_uid(name)).name in error["message"]
    assert str(folders[name]) not in json.dumps(output.report(name))
    assert error["hint"]


@pytest.mark.parametrize("name", ACCEPTED)
def test_gives_the_result_of_the_sound_series(name, folders, output):
    require_built(name, folders)
    report = output.report(name)
    assert {warning["code"] for warning in report["warnings"]} == ACCEPTED[name][1]
    assert len(report["warnings"]) == len(ACCEPTED[name][1]), "one warning for all files"
    assert report["classification"]["label"] == "nmosd"
    assert report["geometry"]["max_corner_error_mm"] <= 0.01
    if name != "row04-pad-byte":  # a column and a row fewer
        assert_same_in_space(output.mask(name), box_mask(NMOSD), AFFINE)


@pytest.mark.parametrize("name", (*FAILING, *ACCEPTED))
def test_scan_agrees_unless_only_the_pixels_tell(name, folders, output, scanned):
    require_built(name, folders)
    case = scanned[name]
    chosen = [candidate for candidate in case["candidates"] if candidate["chosen"]]
    of_pixels = name[:5] in ("row03", "row05", "row15", "row20") or name.endswith(("one-frame-twice", "of-several-fragments"))
    pixels_tell = of_pixels and name != "row05-deflated-file-cut"
    assert bool(chosen) == (name in ACCEPTED or pixels_tell)
    assert bool(chosen) != ("error" in case)


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name.startswith("row07")])
def test_pixels_are_bit_identical(name, folders, tmp_path, run, package):
    require_built(name, folders)
    table = tmp_path / "cohort.tsv"
    table.write_text(f"case_id\timage\nplain\t{folders['row00-sound']}\nother\t{folders[name]}\n")
    assert run("prepare", "--cohort", table, "-o", tmp_path / "out", "--models", package).code == 0
    plain, other = (prepared(tmp_path / "out", case) for case in ("plain", "other"))
    np.testing.assert_array_equal(other, plain)


def prepared(folder, case):
    return np.asanyarray(nibabel.load(folder / case / "image.nii.gz").dataobj)


@pytest.mark.parametrize("name", [name for name in FAILING if name.startswith("row05") and "end-mark" in name])
def test_row05_the_decoder_is_quoted(name, folders, output):
    require_built(name, folders)
    assert "the decoder says: " in output.report(name)["error"]["message"]


def test_no_identity_is_in_any_output_or_message(output, folders):
    assert_nothing_leaks(output, *folders.values())


def test_row06_names_the_transfer_syntax(output):
    assert UNKNOWN_SYNTAX in output.report("row06-unknown-transfer-syntax")["error"]["message"]


def test_row07_deflated_is_what_it_says(folders):
    require_built("row07-deflated", folders)
    file = next(folders["row07-deflated"].iterdir())
    assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian


def test_row08_what_the_meta_header_lacks_is_said(output):
    assert "names no transfer syntax" in output.report("row08-no-transfer-syntax")["error"]["message"]


def test_row19_names_both_slices(folders, output):
    name = "row19-rows-differ"
    message = output.report(name)["error"]["message"]
    assert sum(path.name in message for path in folders[name].iterdir()) == 2


@pytest.mark.parametrize("said, warned", [(4, True), (8, False), (0.4, False)])
def test_row16_every_second_slice_lost_shows_in_the_distance_that_the_header_gives(run, tmp_path, said, warned):
    lose = lambda file, k: k % 2 == 0 and setattr(file, "SpacingBetweenSlices", str(said))  # noqa: E731
    (case,) = json.loads(run("scan", write_series(tmp_path / "case", "t2", change=lose), "--json").out)
    assert [warning["code"] for warning in case["warnings"]] == ["slice_distance"] * warned


@pytest.mark.parametrize("padding, signed, photometric", [(-32768, True, "MONOCHROME2"), (65535, False, "MONOCHROME2"), (65535, False, "MONOCHROME1")])
def test_padding_far_from_the_image_takes_no_part_in_it(predict, tmp_path, padding, signed, photometric):
    """PixelPaddingValue: the image is as if the background were its darkest voxel."""
    dark = int(voxels(NMOSD).min() if photometric == "MONOCHROME2" else voxels(NMOSD).max())

    def padded(value):
        def change(file, k):
            image = np.frombuffer(file.PixelData, "<u2").reshape(file.Rows, file.Columns).astype(np.int32)
            image[:, :8] = value
            file.PixelRepresentation, file.PhotometricInterpretation = int(signed), photometric
            file.PixelData = image.astype("<i2" if signed else "<u2").tobytes()
            if value == padding:
                file.add_new(0x00280120, "SS" if signed else "US", padding)

        return change

    write_series(tmp_path / "padded", "t2", change=padded(padding))
    write_series(tmp_path / "plain", "t2", study=STUDY + ".1", change=padded(dark))
    output = predict(tmp_path / "padded", tmp_path / "plain", "--save-probability")
    of_padded, of_plain = (nibabel.load(output.folder / case / "lesion_probability.nii.gz") for case in ("padded", "plain"))
    assert np.array_equal(of_padded.dataobj, of_plain.dataobj)
    (warning,) = (warning for warning in output.report("padded")["warnings"] if warning["code"] != "monochrome1")
    assert warning["code"] == "pixel_padding" and str(7 * 8 * 64) in warning["message"]
    assert not any(warning["code"] == "pixel_padding" for warning in output.report("plain")["warnings"])


def test_a_padding_value_like_that_of_the_image_changes_nothing(predict, tmp_path):
    write_series(tmp_path / "t2", "t2", change=lambda file, k: file.add_new(0x00280120, "US", int(voxels(NMOSD).min())))
    assert predict(tmp_path / "t2").report("t2")["warnings"] == []
