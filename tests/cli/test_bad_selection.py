"""Studies that hold more, less or other things than one sagittal T2, all in one cohort.

The ids of the tests begin with the row of the table in README.md. In every usable study the series that must be taken is
the only one with a lesion, so its label shows what was used.
"""

import json
import shutil

import numpy as np
import pydicom
import pytest

from conftest import run_predict
from dicom_series import STIR, STUDY, T1, T2, put_pixels, sequence_item, slice_path, uid, write_enhanced, write_series
from leaks import assert_nothing_leaks
from volumes import AFFINE, NMOSD, assert_same_in_space, box_mask, voxels

FLAIR = {"RepetitionTime": "9000", "EchoTime": "110", "InversionTime": "2500", "ScanningSequence": ["SE", "IR"]}
T2_STAR = {"RepetitionTime": "600", "EchoTime": "15", "ScanningSequence": "GR"}
PROTON = {"RepetitionTime": "3000", "EchoTime": "15", "ScanningSequence": "SE"}
DIFFUSION = {"RepetitionTime": "4000", "EchoTime": "80", "ScanningSequence": ["EP", "SE"]}


def image_type(*values, **others):
    return {**T2, "ImageType": ["DERIVED", "PRIMARY", *values], **others}


def named(description, sequence):
    return {**sequence, "SeriesDescription": description, "ProtocolName": description}


# Id: the sequence of a sagittal series beside the T2, and what the reason of its rejection says.
REJECTED = {
    "row12-t1": (T1, "T1, not T2"),
    "row12-t1-with-contrast": ({**T1, "ContrastBolusAgent": "Gadovist"}, "T1, not T2"),
    "row12-stir": (STIR, "STIR, not T2"),
    "row12-stir-that-says-spin-echo-alone": ({**STIR, "ScanningSequence": "SE"}, "STIR, not T2"),
    "row12-flair": (FLAIR, "FLAIR, not T2"),
    "row12-t2-star": (T2_STAR, "T2*, not T2"),
    "row12-proton-density": (PROTON, "PD, not T2"),
    "row12-diffusion": (DIFFUSION, "diffusion, not T2"),
    "row12-b-value": ({**T2, "DiffusionBValue": 800.0}, "diffusion, not T2"),
    "row12-adc": (image_type("ADC"), "image type ADC"),
    "row12-t2-map": (image_type("T2 MAP"), "image type T2 MAP"),
    "row12-projection": (image_type("MIP"), "image type MIP"),
    "row12-reformat": (image_type("MPR"), "image type MPR"),
    "row12-t1-named-t2": (named("T2_TSE_SAG", T1), "T1, not T2"),
    "row12-stir-named-t2": (named("SAG T2", STIR), "STIR, not T2"),
    "row12-axial-named-sagittal": (named("t2 sag", T2), "90 degrees from left-right"),
    **{
        f"row12-image-type-{word.lower().replace(' ', '-')}": (image_type(word), f"image type {word}:")
        for word in ("P_SE", "R_SE", "I_SE", "SUB", "SCREENSHOT", "VOLUME_RENDER", "CSA MPR", "QUANTITY", "T2MAP", "R2_STAR", "MNIP")
        + ("PROJECTION", "FIELD MAP", "F")
    },
    "row13-localizer": (image_type("LOCALIZER"), "image type LOCALIZER"),
    "row14-phase-image": (image_type("P"), "image type P"),
    "row23-burned-in-annotation": ({**T2, "BurnedInAnnotation": "YES"}, "burned into the pixels"),
    "row23-secondary-capture": ({**T2, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
    "row35-ct": ({**T2, "Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "modality CT, MR expected"),
    "row35-axial": (T2, "90 degrees from left-right"),
    "row35-coronal": (T2, "90 degrees from left-right"),
}
PLANE_OF = {"row12-axial-named-sagittal": "axial", "row35-axial": "axial", "row35-coronal": "coronal"}


def colour(file, k):
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PlanarConfiguration = 3, "RGB", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 8, 8, 7
    file.PixelData = bytes(3 * file.Rows * file.Columns)


def palette(file, k):
    file.PhotometricInterpretation = "PALETTE COLOR"


def in_series(name, study, **values):
    """The change that puts slices into the series called `name`, with further values."""

    def change(file, k):
        file.SeriesInstanceUID = uid(f"{study} {name}")
        for key, value in values.items():
            setattr(file, key, value)

    return change


def localizer_of_same_uid(folder, study):
    write_series(folder, "t2", study=study)
    for plane in ("axial", "coronal"):
        write_series(folder, plane, plane, volume=voxels(), study=study, change=in_series("t2", study))


def localizer_by_name(folder, study):
    """Its timing is that of a T2, and it has more slices: only the name tells."""
    write_series(folder, "t2", study=study)
    write_series(folder, "loc", sequence=named("T2 HASTE LOC", T2), volume=voxels(shape=(11, 64, 64)), study=study)


def dual_echo(folder, study):
    write_series(folder, "early", sequence={**T2, "EchoTime": "60", "EchoNumbers": "1"}, volume=voxels(), study=study)
    write_series(folder, "late", sequence={**T2, "EchoTime": "120", "EchoNumbers": "2"}, study=study, change=in_series("early", study))


def dixon(*names):
    """The images of one Dixon acquisition; the first holds the lesion, and comes last."""

    def build(folder, study):
        for name in reversed(names):
            write_series(folder, name, sequence=image_type(name, name), volume=voxels(*[NMOSD] * (name == names[0])), study=study)

    return build


def enhanced_magnitude_and_phase(folder, study):
    """Their frames differ in ComplexImageComponent alone."""
    write_enhanced(folder / "magnitude", voxels(NMOSD), study=study)
    path = write_enhanced(folder / "phase", voxels(), study=study + ".1")
    file = pydicom.dcmread(path)
    file.StudyInstanceUID = study
    for frame in file.PerFrameFunctionalGroupsSequence:
        frame.MRImageFrameTypeSequence = sequence_item(FrameType=["ORIGINAL", "PRIMARY", "OTHER", "NONE"], ComplexImageComponent="PHASE")
    file.save_as(path)


def jittering_echo_time(folder, study):
    write_series(folder, "t2", study=study, change=lambda file, k: setattr(file, "EchoTime", "100.36" if k % 2 else "100.24"))


def late_echo_of_few_slices(folder, study):
    write_series(folder, "early", sequence={**T2, "EchoTime": "60"}, study=study)
    late = in_series("early", study)
    write_series(folder, "late", sequence={**T2, "EchoTime": "120"}, study=study, change=lambda file, k: late(file, k) if 1 <= k <= 3 else False)


def b_value_zero_on_some(folder, study):
    write_series(folder, "t2", study=study, change=lambda file, k: setattr(file, "DiffusionBValue", 0.0) if k > 3 else None)


def proton_and_t2_echo(folder, study):
    write_series(folder, "early", sequence={**T2, "EchoTime": "12", "EchoNumbers": "1"}, volume=voxels(), study=study)
    write_series(folder, "late", sequence={**T2, "EchoTime": "96", "EchoNumbers": "2"}, study=study, change=in_series("early", study))


def magnitude_and_phase(folder, study):
    write_series(folder, "m", study=study)
    write_series(folder, "p", volume=voxels(), study=study, change=in_series("m", study, ImageType=["ORIGINAL", "PRIMARY", "P", "SE"]))


def two_times(folder, study):
    for number in (1, 2):
        write_series(folder, f"time {number}", study=study, change=in_series("time 1", study, TemporalPositionIdentifier=str(number)))


def two_acquisitions(folder, study):
    for number in (1, 2):
        write_series(folder, f"part {number}", study=study, change=in_series("part 1", study, AcquisitionNumber=str(number)))


def brain_beside(folder, study):
    """Of more slices, as a 3-D series has, and also called T2."""
    write_series(folder, "t2", sequence=named("t2_tse_sag C-spine", T2), study=study)
    write_series(folder, "brain", sequence={**named("t2_space_sag", T2), "BodyPartExamined": "BRAIN"}, volume=voxels(shape=(11, 64, 64)), study=study)


def reformatted(folder, study):
    write_series(folder, "t2", study=study)
    write_series(folder, "reformat", volume=voxels(shape=(11, 64, 64)), study=study, sequence={**T2, "ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"]})


def slice_lines(folder, study):
    write_series(folder, "series", sequence=named("Sag TSE", T2), study=study)
    for name in ("POSDISP", "GSP"):
        write_series(folder, name, volume=voxels(), study=study, sequence={**named("PosDisp: [5] t2_tse_sag", T2), "ImageType": ["DERIVED", "SECONDARY", name, "M", "ND"]})


def a_copied_file_of_two_acquisitions(folder, study):
    two_acquisitions(folder, study)
    file = slice_path(folder, "part 1", 2, study)
    shutil.copy(file, file.with_name(file.name + "_copy"))


def misnamed_t2(folder, study):
    write_series(folder, "t2", sequence=named("T1 SAG STIR", T2), study=study)


def unnamed_but_called_t2(folder, study):
    timeless = {"ScanningSequence": "SE", "SeriesDescription": "Sag T2 TSE"}
    write_series(folder, "t2", sequence=timeless, study=study)


def contrast_t2(folder, study):
    write_series(folder, "t2", study=study)
    write_series(folder, "post", sequence={**T2, "ContrastBolusAgent": "Gadovist"}, volume=voxels(), study=study)


def two_stacks(folder, study):
    write_enhanced(folder / "IM1", voxels(NMOSD), ("1", "2"), study)


# Id: how the study is made, and the codes of the warnings. Each gives the mask of the one lesion.
USED = {
    "row13-other-orientations-under-one-uid": (localizer_of_same_uid, []),
    "row13-fast-localizer-of-more-slices": (localizer_by_name, []),
    "row14-two-echoes": (dual_echo, []),
    **{f"row12-dixon-{'-'.join(names).lower()}": (dixon(*names), []) for names in (("IP", "W", "OP", "F"), ("W", "F"), ("OP", "F"))},
    "row14-enhanced-magnitude-and-phase": (enhanced_magnitude_and_phase, []),
    "row14-echo-time-that-jitters": (jittering_echo_time, []),
    "row14-late-echo-of-fewer-slices": (late_echo_of_few_slices, ["ambiguous_series"]),
    "row14-b-value-zero-on-some-slices": (b_value_zero_on_some, []),
    "row14-proton-and-t2-echo": (proton_and_t2_echo, []),
    "row14-magnitude-and-phase": (magnitude_and_phase, []),
    "row14-two-temporal-positions": (two_times, ["ambiguous_series"]),
    "row14-two-acquisitions": (two_acquisitions, ["ambiguous_series"]),
    "row14-two-acquisitions-and-a-copy": (a_copied_file_of_two_acquisitions, ["ambiguous_series", "duplicate_slice"]),
    "row12-brain": (brain_beside, []),
    "row12-reformatted": (reformatted, []),
    "row12-slice-lines": (slice_lines, []),
    "row14-two-stacks": (two_stacks, ["ambiguous_series"]),
    "row12-t2-named-otherwise": (misnamed_t2, []),
    "row12-named-t2-without-timing": (unnamed_but_called_t2, []),
    "row12-t2-with-and-without-contrast": (contrast_t2, []),
}


def alone(**options):
    return lambda folder, study: write_series(folder, "other", study=study, **options)


# Id: how the study is made, and what the message says. None of these can be used, whatever is assumed of its weighting.
UNUSABLE = {
    "row23-rgb": (alone(change=colour), "colour or unknown pixels (RGB)"),
    "row23-palette": (alone(change=palette), "colour or unknown pixels (PALETTE COLOR)"),
    "row23-only-secondary-capture": (alone(sequence=REJECTED["row23-secondary-capture"][0]), "secondary capture"),
    "row23-only-burned-in": (alone(sequence=REJECTED["row23-burned-in-annotation"][0]), "burned into"),
    "row35-only-axial": (alone(plane="axial"), "90 degrees from left-right"),
    "row35-only-coronal": (alone(plane="coronal"), "90 degrees from left-right"),
    "row35-only-ct": (alone(sequence=REJECTED["row35-ct"][0]), "modality CT"),
}


def study_uid(name):
    return f"{STUDY}.{list((*REJECTED, *USED, *UNUSABLE)).index(name) + 1}"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("selection") / "cohort"
    for name, (sequence, _) in REJECTED.items():
        write_series(folder / name, "t2", study=study_uid(name))
        write_series(folder / name, "other", PLANE_OF.get(name, "sagittal"), sequence, voxels(), study_uid(name))
    for name, (build, _) in {**USED, **UNUSABLE}.items():
        build(folder / name, study_uid(name))
    return folder


@pytest.fixture(scope="module")
def output(program, package, cohort, tmp_path_factory):
    return run_predict(program, package, tmp_path_factory.mktemp("out") / "out", cohort, "-vv", "--save-probability", code=8)


@pytest.mark.parametrize("name", REJECTED)
def test_is_rejected_with_its_reason_beside_the_t2(name, output):
    report = output.report(name)
    assert report["classification"]["label"] == "nmosd" and report["warnings"] == []
    (other,) = (each for each in report["input"]["series"]["candidates"] if not each["chosen"])
    assert not other["accepted"] and REJECTED[name][1] in other["reason"]


@pytest.mark.parametrize("name", USED)
def test_the_right_part_is_used(name, output):
    report = output.report(name)
    assert [warning["code"] for warning in report["warnings"]] == USED[name][1]
    assert_same_in_space(output.mask(name), box_mask(NMOSD), AFFINE)
    assert all(candidate["reason"] for candidate in report["input"]["series"]["candidates"])


def test_row14_the_late_echo_is_the_t2(output):
    for name, late in (("row14-two-echoes", 120), ("row14-proton-and-t2-echo", 96)):
        assert output.report(name)["input"]["series"]["echo_time_ms"] == late


def test_no_identity_is_in_any_output_or_message(output, cohort):
    assert_nothing_leaks(output, cohort)


@pytest.mark.parametrize("name", UNUSABLE)
def test_fails_with_the_candidates_listed(name, output):
    error = output.report(name)["error"]
    assert (error["code"], error["stage"]) == ("no_sagittal_t2", "select")
    assert UNUSABLE[name][1] in error["message"] and "--assume-sagittal-t2" in error["hint"]


@pytest.mark.parametrize("name", UNUSABLE)
def test_row35_no_option_makes_it_usable(name, run, cohort):
    digest = json.loads(run("scan", cohort / name, "--json").out)[0]["candidates"][0]["uid_digest"]
    assert run("scan", cohort / name, "--assume-sagittal-t2").code == 8
    assert run("scan", cohort / name, "--series-uid", digest).code == 8


@pytest.mark.parametrize("name", ["row12-t1", "row12-stir", "row12-flair"])
def test_row35_weighting_can_be_assumed(name, cohort, run, tmp_path):
    other = uid(f"{study_uid(name)} other")
    result = run("scan", cohort / name, "--series-uid", other, "--json")
    (chosen,) = (each for each in json.loads(result.out)[0]["candidates"] if each["chosen"])
    assert result.code == 0 and chosen["weighting"] == REJECTED[name][1].split(",")[0]


@pytest.mark.parametrize("name", [name for name, (_, warnings) in USED.items() if warnings])
def test_row12_series_policy_fail_refuses_to_choose(name, run, cohort):
    result = run("scan", cohort / name, "--series-policy", "fail")
    assert result.code == 8 and "ambiguous_series" in result.out
    assert run("scan", cohort / name, "--series-policy", "best").code == 0


def test_row12_many_candidates_are_listed_briefly(predict, tmp_path):
    for number in range(20):
        write_series(tmp_path / "study", f"t1 {number}", sequence=T1, volume=voxels()[:3])
    error = predict(tmp_path / "study", code=8).report("study")["error"]
    assert error["message"].count("T1, not T2") == 12 and "and 8 more" in error["message"]


@pytest.mark.parametrize("differs", [{"EchoTime": "20"}, {"ImageType": ["DERIVED", "PRIMARY", "M"]}, {"Modality": "OT", "EchoTime": "7"}])
def test_row14_an_outer_slice_that_is_split_off_does_not_go_unsaid(predict, tmp_path, differs):
    folder = write_series(tmp_path / "case", "t2", change=lambda file, k: [setattr(file, *each) for each in differs.items()] and None if k == 0 else None)
    report = predict(folder).report("case")
    assert "slices_left_out" in [warning["code"] for warning in report["warnings"]]
    assert slice_path(folder, "t2", 0).name in str(report["warnings"])


DIVIDING = {
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "SE", "ND"],
    "StackID": "2",
    "temporal position": "2",
    "EchoTime": "110",
    "b-value": 5.0,
}
KEYWORDS = {"temporal position": "TemporalPositionIdentifier", "b-value": "DiffusionBValue"}


@pytest.fixture
def divided(run, tmp_path):
    """divided(value, of_part) -> what `scan` says of a series whose slices of a part differ in that value"""

    def scan(value, of_part, *options):
        change = lambda file, k: setattr(file, KEYWORDS.get(value, value), DIVIDING[value]) if of_part(k) else None  # noqa: E731
        (case,) = json.loads(run("scan", write_series(tmp_path / "case", "t2", change=change), "--json", *options).out)
        return case

    return scan


@pytest.mark.parametrize("value", DIVIDING)
def test_row14_slices_that_alternate_in_a_value_fail(divided, value):
    """Every second slice alone would be evenly spaced, and half of the image lost."""
    case = divided(value, lambda k: k % 2 == 1)
    error = case["error"]
    assert not any(candidate["chosen"] for candidate in case["candidates"])
    # Three slices of a later echo or a b-value do not replace four.
    assert error["code"] == "series_divided" and error["message"].startswith("3 slices of the chosen series")
    assert "between the 4 that form the image" in error["message"] and value in error["message"]


@pytest.mark.parametrize("value", DIVIDING)
def test_row14_a_half_that_differs_in_a_value_is_told_with_its_count(divided, value):
    warnings = {warning["code"]: warning["message"] for warning in divided(value, lambda k: k > 3)["warnings"]}
    assert warnings["slices_left_out"].startswith("3 slices of the chosen series")
    assert "beside the 4 that form the image" in warnings["slices_left_out"] and value in warnings["slices_left_out"]


@pytest.mark.parametrize("k", [0, 3, 6])
@pytest.mark.parametrize(
    "values, reason",
    [({"Modality": "CT"}, "modality CT"), ({"BurnedInAnnotation": "yes"}, "burned into"), ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour")],
    ids=["ct", "burned-in", "palette"],
)
def test_row23_one_slice_that_is_none_speaks_for_the_series(run, tmp_path, k, values, reason):
    """Whichever it is, and whatever its file is called."""
    change = lambda file, slice_: [setattr(file, *each) for each in values.items()] and None if slice_ == k else None  # noqa: E731
    folder = write_series(tmp_path / "case", "t2", change=change)
    (case,) = json.loads(run("scan", folder, "--json").out)
    assert case["error"]["code"] == "no_sagittal_t2" and reason in case["error"]["message"]
    assert slice_path(folder, "t2", k).name in case["error"]["message"]


def test_row12_patients_who_share_a_study_uid_are_never_mixed(predict, tmp_path):
    for name in ("patient1", "patient2"):
        write_series(tmp_path / "cohort" / name, name, change=lambda file, k, name=name: setattr(file, "PatientID", name))
    error = predict(tmp_path / "cohort", code=8).report("cohort")["error"]
    assert error["code"] == "several_patients" and "patient1" not in error["message"]
    apart = predict(tmp_path / "cohort/patient1", tmp_path / "cohort/patient2", out=tmp_path / "apart")
    assert apart.cases() == ["patient1", "patient2"]


def test_row12_a_broken_t2_is_not_replaced_in_silence(predict, tmp_path):
    """Of two T2 series the readable one is used, with a warning; a T1 never stands in for a broken T2."""
    folder = write_series(tmp_path / "two", "t2")
    write_series(folder, "t2 broken", change=lambda file, k: k != 3)
    (warning,) = predict(folder).report("two")["warnings"]
    assert warning["code"] == "series_unreadable"
    folder = write_series(tmp_path / "one", "t2 broken", change=lambda file, k: k != 3, study=STUDY + "1")
    write_series(folder, "t1", sequence=T1, study=STUDY + "1")
    assert predict(folder, code=8, out=tmp_path / "out2").report("one")["error"]["code"] == "slice_gap"


@pytest.mark.parametrize("of_part", [lambda k: k > 3, lambda k: k % 2 == 1], ids=["beside", "between"])
@pytest.mark.parametrize("axis", [1, 0], ids=["rows", "columns"])
def test_row14_mirrored_slices_of_the_stack_do_not_go_unsaid(run, tmp_path, of_part, axis):
    """Rows or columns run the opposite way, the pixels with them: the images lie where they did."""

    def mirror(file, k):
        if of_part(k):
            cosines, position = list(map(float, file.ImageOrientationPatient)), list(map(float, file.ImagePositionPatient))
            direction = slice(0, 3) if axis else slice(3, 6)
            file.ImagePositionPatient = [str(p + 63 * c) for p, c in zip(position, cosines[direction])]
            cosines[direction] = [-c for c in cosines[direction]]
            file.ImageOrientationPatient = [str(c) for c in cosines]
            put_pixels(file, np.flip(file.pixel_array, axis))

    (case,) = json.loads(run("scan", write_series(tmp_path / "case", "t2", change=mirror), "--json").out)
    told = [case["error"], *case["warnings"]] if "error" in case else case["warnings"]
    (divided,) = (each["message"] for each in told if each["code"] in ("series_divided", "slices_left_out"))
    assert divided.startswith("3 slices of the chosen series") and "another ImageOrientationPatient" in divided
    assert ("error" in case) == ("between" in divided)
