"""Writes simulated series as DICOM files into one flat folder of meaningless names, as a scanner's export looks."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Dict

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixel_data_handlers.rle_handler import rle_encode_frame
from pydicom.uid import BasicTextSRStorage, ExplicitVRLittleEndian, MRImageStorage, RLELossless

from scanner import Grid

T2 = {"SeriesNumber": "4", "ScanningSequence": "SE", "SequenceVariant": "SK", "RepetitionTime": "3200",
      "EchoTime": "105", "EchoTrainLength": "17"}
T1 = {"SeriesNumber": "2", "ScanningSequence": "SE", "SequenceVariant": "SK", "RepetitionTime": "500",
      "EchoTime": "12", "EchoTrainLength": "3"}
STIR = {"SeriesNumber": "3", "ScanningSequence": ["SE", "IR"], "SequenceVariant": "SK", "RepetitionTime": "3800",
        "EchoTime": "60", "InversionTime": "150", "EchoTrainLength": "9"}
AXIAL_T2 = {**T2, "SeriesNumber": "5", "RepetitionTime": "3600", "EchoTime": "100"}


@dataclass
class Series:
    name: str
    pixels: np.ndarray
    """int [column, row, slice], 12 bits."""
    grid: Grid
    attributes: Dict
    """DICOM attributes of the sequence."""
    signed: bool = False
    compressed: bool = False


def number(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:14], "big")


def uid(text):
    return f"2.25.{number(text)}"


def new_file(kind, study, instance, syntax):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = uid(instance)
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID, meta.ImplementationVersionName = uid("cordlesion phantom writer"), "PHANTOM"
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.is_little_endian, file.is_implicit_VR = True, False
    file.SOPClassUID, file.SOPInstanceUID = kind, uid(instance)
    file.StudyInstanceUID, file.StudyID = uid(study), "SIM"
    file.PatientName, file.PatientID = "SAMPLE^SIMULATED", "SIMULATED"
    file.PatientBirthDate, file.PatientSex = "19000101", "O"
    file.StudyDate, file.StudyTime, file.AccessionNumber, file.ReferringPhysicianName = "20000101", "120000", "", ""
    file.Manufacturer, file.InstitutionName = "cordlesion phantom writer", "SIMULATED"
    return file


def save(file, folder, instance):
    file.save_as(folder / f"{number(instance) % 2**32:08X}", write_like_original=False)


def write_series(folder: Path, study: str, series: Series) -> None:
    """`study` is any text; all UIDs are derived from it."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = series.grid
    for k in range(series.pixels.shape[2]):
        instance = f"{study} {series.name} {k}"
        file = new_file(MRImageStorage, study, instance, RLELossless if series.compressed else ExplicitVRLittleEndian)
        file.Modality, file.ImageType, file.BodyPartExamined = "MR", ["ORIGINAL", "PRIMARY", "M", "SE"], "SPINE"
        file.SeriesInstanceUID, file.FrameOfReferenceUID = uid(f"{study} {series.name}"), uid(f"{study} frame")
        for key, value in series.attributes.items():
            setattr(file, key, value)
        file.SeriesDescription, file.MRAcquisitionType, file.PatientPosition = series.name, "2D", "HFS"
        file.MagneticFieldStrength, file.NumberOfAverages = "1.5", "2"
        file.SliceThickness = f"{grid.spacing[2] * 0.9:.2f}"
        file.SpacingBetweenSlices = f"{grid.spacing[2]:.6f}"
        file.PixelSpacing = [f"{grid.spacing[1]:.6f}", f"{grid.spacing[0]:.6f}"]
        file.ImageOrientationPatient = [f"{value:.9f}" for axis in (0, 1) for value in grid.direction[axis]]
        position = grid.origin + grid.direction[2] * grid.spacing[2] * k
        file.ImagePositionPatient = [f"{value:.6f}" for value in position]
        file.InstanceNumber = str(series.pixels.shape[2] - k)
        put_pixels(file, series.pixels[:, :, k].T, series.signed, series.compressed)
        save(file, folder, instance)


def put_pixels(file, image, is_signed, compressed):
    file.Rows, file.Columns = image.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, int(is_signed)
    file.WindowCenter, file.WindowWidth = "600", "1200"
    image = np.ascontiguousarray(image, "<i2" if is_signed else "<u2")
    file.PixelData = encapsulate([rle_encode_frame(image)]) if compressed else image.tobytes()
    file["PixelData"].VR = "OB" if compressed else "OW"
    file["PixelData"].is_undefined_length = compressed


def write_other_files(folder: Path, study: str) -> None:
    """What lies beside the images in a real study folder and must be skipped."""
    report = new_file(BasicTextSRStorage, study, f"{study} report", ExplicitVRLittleEndian)
    report.Modality, report.SeriesInstanceUID = "SR", uid(f"{study} report series")
    report.SeriesNumber, report.InstanceNumber, report.ValueType = "99", "1", "CONTAINER"
    report.CompletionFlag, report.VerificationFlag, report.ContinuityOfContent = "COMPLETE", "UNVERIFIED", "SEPARATE"
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "18748-4", "LN", "Diagnostic Imaging Report"
    report.ConceptNameCodeSequence = [title]
    save(report, folder, f"{study} report")
    (folder / "VIEWER.TXT").write_text("Simulated study. This file is not an image and is skipped.\n")
