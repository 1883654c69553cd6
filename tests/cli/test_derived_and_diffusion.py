"""Maps, other derived images and diffusion that have the timing of a T2 are not taken for one. Rows 12 and 14 of README.md."""

import json

import pydicom
import pytest

from dicom_series import DESCRIPTION, STUDY, T2, sequence_item, uid, write_enhanced, write_series
from volumes import NMOSD, voxels


@pytest.fixture
def scanned(run):
    def scan(folder, *options):
        (case,) = json.loads(run("scan", folder, "--json", *options).out)
        return case

    return scan


def setting(**values):
    return lambda file, k: [setattr(file, *each) for each in values.items()] and None


def assert_rejected(case, reason):
    assert case["error"]["code"] == "no_sagittal_t2" and reason in case["error"]["message"]


# The third and further values of ImageType, and the word that the reason gives.
MAPS = {
    "DERIVED\\SECONDARY\\MTR": "MTR",
    "DERIVED\\PRIMARY\\M\\FAT_FRACTION": "FAT_FRACTION",
    "DERIVED\\PRIMARY\\QMAP\\T2": "QMAP",
    "DERIVED\\PRIMARY\\EXP": "EXP",
    "ORIGINAL\\PRIMARY\\B0\\B0 MAP": "B0",
    "DERIVED\\SECONDARY\\SUBTRACTION_1": "SUBTRACTION",
    "DERIVED\\SECONDARY\\SCREEN SAVE": "SCREEN SAVE",
    "DERIVED\\PRIMARY\\M\\T2_MAP_3": "MAP",
}
SOUND = ["NORM\\DIS2D", "M\\ND\\COMPOSED", "FAT_SAT", "M\\SE\\COMP_SP\\MFSPLIT", "ND\\FM\\FIL\\RESAMPLED\\ADDITION"]


@pytest.mark.parametrize("image_type", MAPS)
def test_row12_a_map_or_other_derived_image_is_rejected(scanned, tmp_path, image_type):
    folder = write_series(tmp_path / "case", "t2", change=setting(ImageType=image_type.split("\\")))
    assert_rejected(scanned(folder), f"image type {MAPS[image_type]}:")
    assert "error" in scanned(folder, "--assume-sagittal-t2")


@pytest.mark.parametrize("words", SOUND)
@pytest.mark.parametrize("first", ["ORIGINAL\\PRIMARY", "DERIVED\\SECONDARY"])
def test_row12_other_words_of_the_image_type_make_no_map(scanned, tmp_path, first, words):
    case = scanned(write_series(tmp_path / "case", "t2", change=setting(ImageType=f"{first}\\{words}".split("\\"))))
    warned = first.startswith("DERIVED") and words == "FAT_SAT"
    assert "error" not in case and [each["code"] for each in case["warnings"]] == ["derived_image"] * warned


def test_row12_an_unknown_word_of_a_derived_image_is_counted_but_not_said(scanned, tmp_path):
    case = scanned(write_series(tmp_path / "case", "t2", change=setting(ImageType=["DERIVED", "SECONDARY", "M", "PLANTED"])))
    (warning,) = case["warnings"]
    assert warning["code"] == "derived_image" and "1 word " in warning["message"] and "PLANTED" not in json.dumps(case)


NAMES = {"T2 Map": "MAP", "T2_MAP": "MAP", "sag dwi": "DWI", "ep2d_diff_b50": "DIFF", "SAG DIFFUSION": "DIFFUSION", "t2_ADC": "ADC", "3scan-trace": "TRACE"}


@pytest.mark.parametrize("name", NAMES)
def test_row12_a_map_or_diffusion_by_name_must_be_asked_for(scanned, tmp_path, name):
    folder = write_series(tmp_path / "case", "t2", sequence={**T2, "SeriesDescription": f"{DESCRIPTION} {name}"})
    assert_rejected(scanned(folder), f"named {NAMES[name]}: ")
    assert "error" not in scanned(folder, "--series-uid", uid(f"{STUDY} t2"))


@pytest.mark.parametrize("name", ["mapping t2", "t2 different", "t2 dwight", "adcock"])
def test_row12_other_names_are_none_of_these(scanned, tmp_path, name):
    assert "error" not in scanned(write_series(tmp_path / "case", "t2", sequence={**T2, "SeriesDescription": name}))


def siemens_b_value(value):
    return lambda file, k: file.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", value)


def ge_b_value(value):
    return lambda file, k: file.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [value, "8", "0", "0"])


CLASSIC = {
    "siemens-private-b-value": (siemens_b_value("1000"), "b-value 1000 s/mm2: diffusion"),
    "ge-private-b-value": (ge_b_value("800"), "b-value 800 s/mm2: diffusion"),
    "ge-private-b-value-with-its-flag": (ge_b_value("1000000800"), "b-value 800 s/mm2: diffusion"),
    "siemens-sequence-name": (setting(SequenceName="*epse2d1_118"), "echo planar: diffusion"),
    "sequence-name": (setting(SequenceName="ep_b0"), "echo planar: diffusion"),
}


@pytest.mark.parametrize("name", CLASSIC)
def test_row12_diffusion_in_the_words_of_a_scanner(scanned, tmp_path, name):
    change, reason = CLASSIC[name]
    assert_rejected(scanned(write_series(tmp_path / "case", "t2", change=change)), reason)


@pytest.mark.parametrize("change", [siemens_b_value("0"), ge_b_value("0"), ge_b_value("1000000000"), setting(SequenceName="*tse2d1_17")])
def test_row12_no_diffusion_in_the_words_of_a_scanner(scanned, tmp_path, change):
    assert "error" not in scanned(write_series(tmp_path / "case", "t2", change=change))


def test_row14_images_without_weighting_of_a_diffusion_series_are_no_t2(scanned, tmp_path):
    for b_value in (0.0, 800.0):
        change = setting(SeriesInstanceUID=f"{STUDY}.4", DiffusionBValue=b_value)
        write_series(tmp_path / "case", f"b {b_value}", change=change)
    assert_rejected(scanned(tmp_path / "case"), "diffusion by other b-values of its series")


def diffusion_contrast(file):
    file.AcquisitionContrast = "DIFFUSION"


def diffusion_contrast_of_frames(file):
    for frame in file.PerFrameFunctionalGroupsSequence:
        frame.MRImageFrameTypeSequence = sequence_item(FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"], AcquisitionContrast="DIFFUSION")


def echo_planar(file):
    file.EchoPlanarPulseSequence = "YES"


ENHANCED = {diffusion_contrast: "diffusion by AcquisitionContrast", diffusion_contrast_of_frames: "AcquisitionContrast", echo_planar: "echo planar"}


@pytest.mark.parametrize("change", ENHANCED)
def test_row12_enhanced_diffusion(scanned, tmp_path, change):
    path = write_enhanced(tmp_path / "case/IM1", voxels(NMOSD))
    assert "error" not in scanned(path.parent)
    file = pydicom.dcmread(path)
    change(file)
    file.save_as(path, write_like_original=False)
    assert_rejected(scanned(path.parent), ENHANCED[change])
