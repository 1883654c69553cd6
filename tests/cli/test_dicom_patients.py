"""Patients whose files an anonymiser gave the same UIDs are never mixed; one patient, however spelled, never fails. Rows 12 and 15 of README.md."""

import json

import pytest

from dicom_series import IDENTITY, STUDY, write_series
from volumes import voxels

OTHER = {"PatientID": "PID-9999", "PatientName": "Plantedother^Wilhelmina", "PatientBirthDate": "19900202", "PatientSex": "F"}
SAME = {
    "trailing-components": {"PatientName": "Plantedname^Wilhelmina^^"},
    "middle-name-and-title": {"PatientName": "Plantedname^Wilhelmina^Maria^Dr"},
    "capitals": {"PatientName": "PLANTEDNAME^WILHELMINA", "PatientSex": "m"},
    "padding": {"PatientName": " Plantedname ^ Wilhelmina ", "PatientSex": "M "},
    "a-comma": {"PatientName": "Plantedname, Wilhelmina"},
    "another-script": {"PatientName": "Plantedname^Wilhelmina=Andere^Schrift"},
    "dots-in-the-date": {"PatientBirthDate": "1947.03.21"},
    "nothing": dict.fromkeys(OTHER, ""),
    "a-sex-that-says-nothing": {"PatientSex": "O"},
}


@pytest.fixture
def scanned(run):
    def scan(folder):
        (case,) = json.loads(run("scan", folder, "--json").out)
        return case

    return scan


def setting(**values):
    return lambda file, k: [setattr(file, *each) for each in values.items()] and None


def two_series(folder, **of_second):
    """Two series of one study, in two folders."""
    write_series(folder / "one", "t2", change=setting(PatientSex="M"))
    write_series(folder / "two", "other", change=setting(**{"PatientSex": "M", **of_second}), volume=voxels())
    return folder


@pytest.mark.parametrize("attribute", OTHER)
def test_row12_a_second_patient_with_the_same_study_uid_fails(scanned, tmp_path, attribute):
    error = scanned(two_series(tmp_path / "case", **{attribute: OTHER[attribute]}))["error"]
    assert error["code"] == "several_patients" and f"another {attribute} " in error["message"]
    assert not any(value in json.dumps(error) for value in (*OTHER.values(), *IDENTITY.values()) if len(value) > 1)


@pytest.mark.parametrize("spelling", SAME)
def test_row12_one_patient_spelled_otherwise_is_one(scanned, tmp_path, spelling):
    case = scanned(two_series(tmp_path / "case", **SAME[spelling]))
    assert "error" not in case and case["warnings"] == []


def anonymised(offset_mm, **values):
    """All UIDs as those of another patient, whose slices lie so far away."""

    def change(file, k):
        x, y, z = map(float, file.ImagePositionPatient)
        file.ImagePositionPatient = [str(x + offset_mm), str(y), str(z)]
        setting(SeriesInstanceUID=f"{STUDY}.4", FrameOfReferenceUID=f"{STUDY}.5", **values)(file, k)

    return change


@pytest.mark.parametrize("instance", [{}, {"SOPInstanceUID": f"{STUDY}.6"}], ids=["uid-of-each-slice", "one-uid"])
@pytest.mark.parametrize("offset_mm", [2.0, -28.0], ids=["between", "beside"])
def test_row15_two_patients_of_one_series_uid_are_not_one_stack(scanned, tmp_path, offset_mm, instance):
    """Together they would be evenly spaced."""
    write_series(tmp_path / "case/one", "t2", change=anonymised(0, **instance))
    assert "error" not in scanned(tmp_path / "case")
    write_series(tmp_path / "case/two", "t2", change=anonymised(offset_mm, **instance), volume=voxels())
    error = scanned(tmp_path / "case")["error"]
    assert error["code"] == "instance_twice" and f"{abs(offset_mm):g} mm apart" in error["message"]
