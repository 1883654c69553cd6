"""No identity leaves the input, and no output leaves OUT: row 26 of the table in README.md and the paragraph below it."""

import json
import os

import pydicom
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from conftest import run_program
from dicom_series import DESCRIPTION, IDENTITY, STUDY, T1, slice_path, uid, write_enhanced, write_series, write_study
from leaks import SECRETS, assert_nothing_leaks, everything_said
from volumes import NMOSD, voxels, write_volume

VERBOSE = ["-vv", "--save-probability"]
PLANTED = "Qwxyzname"
"""In every text of a planted study; nothing that the program or a library would say."""
TEXTS = ("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
DATES = {"DA": "18991231", "DT": "18991231235859", "TM": "235859.135", "AS": "119Y"}
PLANTED_UID = "2.25.7771777177717771"
ENCODINGS = {
    "latin-1": (b"ISO_IR 100", "Zo\u00eb Qwxyzname\u00df".encode("latin-1")),
    "utf-8": (b"ISO_IR 192", "Qwxyzname \u5c71\u7530\u592a\u90ce".encode()),
    "japanese": (b"\\ISO 2022 IR 87", "Qwxyzname=\u5c71\u7530".encode("iso2022_jp")),
    "no-encoding": (b"ISO_IR 6", b"Qwxyzname \xff\xfe\x80"),
}


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study")


def plant_everywhere(file, k=0):
    """The planted name, date or UID in every element of a slice that may hold a text, nested and private ones included."""
    used = {"TransferSyntaxUID", "SOPClassUID", "SpecificCharacterSet"}
    for tag, (vr, _, _, retired, keyword) in DicomDictionary.items():
        if tag >> 16 > 0x0002 and tag >> 16 not in (0x0004, 0x7FE0, 0xFFFE) and keyword and keyword not in used and not retired:
            if vr in TEXTS:
                file.add_new(tag, vr, PLANTED)
            elif vr in DATES:
                file.add_new(tag, vr, DATES[vr])
            elif vr == "UI":
                file.add_new(tag, vr, PLANTED_UID + (f".{k}" if keyword == "SOPInstanceUID" else ""))
    nested = Dataset()
    nested.PatientName = nested.PatientComments = nested.PatientID = PLANTED
    file.OtherPatientIDsSequence = file.RequestAttributesSequence = file.ReferencedStudySequence = Sequence([nested])
    block = file.private_block(0x0029, PLANTED, create=True)
    block.add_new(0x10, "LO", PLANTED)
    block.add_new(0x11, "OB", PLANTED.encode() + b"\0")
    block.add_new(0x12, "UN", PLANTED.encode() + b"\0")


def planted(then=None):
    def change(file, k):
        plant_everywhere(file, k)
        return then(file, k) if then else None

    return change


def without_position(file, k):
    if k == 3:
        del file.ImagePositionPatient


def with_short_pixels(file, k):
    if k == 3:
        file.PixelData = file.PixelData[:100]


def write_planted_studies(folder):
    """Sound and broken studies with the identity in every text: what fails has more to say than what does not."""
    for number, (name, change, sequence) in enumerate(
        (
            ("sound", None, None),
            ("other_weighting", None, T1),
            ("gap", lambda file, k: k != 3, None),
            ("no_position", without_position, None),
            ("short", with_short_pixels, None),
        )
    ):
        write_series(folder / name, name, sequence=sequence, change=planted(change))
        if name == "short":
            path = slice_path(folder / name, name, 0)
            path.write_bytes(path.read_bytes()[:4000])
        for path in (folder / name).iterdir():  # studies are told apart by their UID
            data = path.read_bytes()
            path.write_bytes(data.replace(PLANTED_UID.encode(), f"{PLANTED_UID[:-1]}{number}".encode()))
    return folder


SECRETS_PLANTED = [PLANTED, PLANTED_UID[:-1], "18991231", "235859", "119Y"]


def test_planted_identities_are_in_the_files(tmp_path):
    folder = write_planted_studies(tmp_path / "cohort")
    data = slice_path(folder / "sound", "sound", 0).read_bytes()
    assert data.count(PLANTED.encode()) > 500 and PLANTED_UID[:-1].encode() in data


def test_no_planted_text_appears_in_any_output_or_message(predict, tmp_path):
    cohort = write_planted_studies(tmp_path / "cohort")
    output = predict(cohort, *VERBOSE, code=8)
    assert {case: output.report(case)["status"] for case in output.cases()} == {
        "sound": "ok", "other_weighting": "failed", "gap": "failed", "no_position": "failed", "short": "failed"
    }  # fmt: skip
    assert_nothing_leaks(output, cohort, secrets=SECRETS_PLANTED)


@pytest.mark.parametrize("options", [[], ["--json"], ["-vv"], ["--log-format", "json", "-vv"], ["-q"]])
def test_scan_shows_no_planted_text(run, tmp_path, options):
    cohort = write_planted_studies(tmp_path / "cohort")
    result = run("scan", cohort, *options)
    for secret in (*SECRETS_PLANTED, str(cohort)):
        assert secret.lower() not in (result.out + result.err).lower()


def test_no_identity_appears_in_any_output_or_message(predict, study):
    assert_nothing_leaks(predict(study, *VERBOSE), study, secrets=[*SECRETS, uid(f"{STUDY} a sag t2")])


def test_no_identity_appears_in_json_messages_or_the_cases_of_prepare(predict, run, package, study, tmp_path):
    assert_nothing_leaks(predict(study, "-vv", "--log-format", "json"), study)
    (tmp_path / "cohort.tsv").write_text("case_id\timage\na\tstudy\n")
    result = run("prepare", "--cohort", tmp_path / "cohort.tsv", "-o", tmp_path / "prepared", "--models", package, "-vv")
    assert result.code == 0
    text = result.out + result.err + "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "prepared").glob("*.tsv"))
    assert not any(secret.lower() in text.lower() for secret in SECRETS)


def test_no_identity_appears_when_cases_fail(predict, tmp_path):
    paths = [write_series(tmp_path / name, name, sequence=T1, study=STUDY + name[-1]) for name in ("case1", "case2", "case3")]
    broken = sorted(paths[1].iterdir())[0]
    broken.write_bytes(broken.read_bytes()[:1500])
    for path in paths[2].iterdir():
        file = pydicom.dcmread(path)
        file.PixelSpacing = None
        file.save_as(path)
    assert_nothing_leaks(predict(*paths, "-vv", "--assume-sagittal-t2", code=8), *paths)


def test_coded_words_that_are_none_do_not_carry_text_out(predict, tmp_path):
    """Image types and sequence names are codes that reports show: any other word in their place is not."""
    words = {"ImageType": ["ORIGINAL", "PRIMARY", "QWXYZNAME"], "SequenceVariant": "QWXYZNAME", "ScanningSequence": ["SE", "QWXYZNAME"]}
    write_series(tmp_path / "a", "t2", change=lambda file, k: [setattr(file, *word) for word in words.items()] and None)
    write_series(tmp_path / "b", "t2", study=STUDY + "1", change=lambda file, k: setattr(file, "Modality", "QWXYZNAME"))
    write_series(tmp_path / "c", "t2", study=STUDY + "2", change=lambda file, k: setattr(file, "PhotometricInterpretation", "QWXYZNAME"))
    assert_nothing_leaks(predict(tmp_path / "a", tmp_path / "b", tmp_path / "c", *VERBOSE, code=8), secrets=["qwxyzname"])


def test_identifiers_are_included_only_on_request_and_the_report_says_so(predict, study):
    report = predict(study, "--include-identifiers").report("study")
    assert DESCRIPTION in report["input"]["series"]["description"]
    assert report["identifiers_included"] is True
    assert IDENTITY["PatientID"] not in json.dumps(report)


def put_raw_texts(path, character_set, text):
    """The text in every element of a file that pydicom would refuse to encode."""
    file = pydicom.dcmread(path)
    file.SpecificCharacterSet = ["", "ISO 2022 IR 87"] if b"87" in character_set else character_set.decode()
    filler = "F" * (len(text) + len(text) % 2)
    for name in ("PatientName", "PatientID", "InstitutionName", "SeriesDescription", "StudyDescription", "ImageComments", "ProtocolName"):
        setattr(file, name, filler)
    file.save_as(path)
    path.write_bytes(path.read_bytes().replace(filler.encode(), text + b" " * (len(text) % 2)))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_row26_names_of_any_encoding_stay_inside(predict, tmp_path, encoding):
    character_set, text = ENCODINGS[encoding]
    for path in write_series(tmp_path / "case", "t2").iterdir():
        put_raw_texts(path, character_set, text)
        assert text in path.read_bytes()
    output = predict(tmp_path / "case", *VERBOSE)
    assert_nothing_leaks(output, secrets=["qwxyzname", text, text.decode("latin-1"), "\u5c71\u7530", "Zo\u00eb"])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_row26_reports_with_identifiers_are_valid_utf8(predict, tmp_path, encoding):
    for path in write_series(tmp_path / "case", "t2").iterdir():
        put_raw_texts(path, *ENCODINGS[encoding])
    output = predict(tmp_path / "case", "--include-identifiers")
    description = output.report("case")["input"]["series"]["description"]
    assert "Qwxyzname" in description and all(character.isprintable() for character in description)
    everything = (output.folder / "case" / "report.json").read_bytes()
    assert everything.decode("utf-8")
    if encoding == "latin-1":
        assert description == "Zo\u00eb Qwxyzname\u00df"


FOLDER_NAMES = {
    "spaces": b"a b  c",
    "latin-1": "M\u00fcller".encode("latin-1"),
    "japanese": "\u5c71\u7530".encode(),
    "not-utf8": b"\xff\xfe\x01",
    "line-end": b"a\nb\tc",
    "quotes": b"\"';$(x)`<b>&",
    "option": b"--overwrite",
    "long": b"x" * 250,
    "dots": b"a..b",
    "backslash": b"x\\..\\..\\y",
}


@pytest.mark.parametrize("name", FOLDER_NAMES)
def test_row26_any_folder_name_gives_a_safe_case_within_out(predict, tmp_path, name):
    folder = os.fsencode(tmp_path / "cohort") + b"/" + FOLDER_NAMES[name]
    write_series(tmp_path / "made", "t2")
    os.mkdir(tmp_path / "cohort")
    os.rename(tmp_path / "made", folder)
    before = set(os.listdir(tmp_path))
    output = predict(tmp_path / "cohort")
    (case,) = output.cases()
    assert set(case) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") and len(case) <= 120
    assert set(os.listdir(tmp_path)) == before | {"out"}
    assert everything_said(output).count(b"nmosd") >= 2
    output.result.err.encode("utf-8")


@pytest.mark.parametrize("value", ["../../../escape", "/tmp/escape", "a\0../escape", "..", "CON"])
def test_row26_patient_data_never_become_paths(predict, tmp_path, value):
    def change(file, k):
        for name in ("PatientID", "PatientName", "StudyID", "AccessionNumber", "SeriesDescription"):
            setattr(file, name, value)

    write_series(tmp_path / "case", "t2", change=change)
    before = set(os.listdir(tmp_path))
    output = predict(tmp_path / "case")
    assert output.cases() == ["case"] and set(os.listdir(tmp_path)) == before | {"out"}
    assert b"escape" not in everything_said(output)


@pytest.mark.parametrize("value", ["../x", "/x", "a/b", "a\0b", "..", ".", ".hidden", "\u00fc", "a b", ""])
def test_row26_a_case_id_that_is_no_name_is_refused(predict, tmp_path, value):
    write_volume(tmp_path / "t2.nii.gz", NMOSD)
    (tmp_path / "cases.tsv").write_text(f"case_id\timage\n{value}\tt2.nii.gz\n", encoding="utf-8")
    output = predict("--cases", tmp_path / "cases.tsv", code=2)
    assert not output.folder.exists() and set(os.listdir(tmp_path)) == {"t2.nii.gz", "cases.tsv"}


@pytest.mark.parametrize("options", [[], ["--overwrite"], ["--resume"]])
def test_row26_a_link_in_out_is_not_written_through(program, package, tmp_path, options):
    """A folder of OUT that leads elsewhere must not take results there."""
    write_series(tmp_path / "case", "t2")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "case").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "report.json").write_text("a file of somebody else")
    result = run_program(program, "predict", tmp_path / "case", "-o", tmp_path / "out", "--models", package, *options)
    assert result.code == 5 and "is a link" in result.err
    assert os.listdir(tmp_path / "elsewhere") == ["report.json"]


def test_an_enhanced_file_keeps_its_identity_too(predict, tmp_path):
    path = write_enhanced(tmp_path / "case" / "IM1", voxels(NMOSD))
    file = pydicom.dcmread(path)
    for group in file.PerFrameFunctionalGroupsSequence:
        group.FrameContentSequence[0].FrameComments = group.FrameContentSequence[0].FrameLabel = PLANTED
    file.save_as(path)
    assert_nothing_leaks(predict(tmp_path / "case", *VERBOSE), secrets=[*SECRETS, PLANTED])
