"""Small DICOM MR series and studies, written slice by slice, with identities planted to be looked for."""

import hashlib
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from volumes import NMOSD, voxels

MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
STUDY = "2.25.471100"
IDENTITY = {
    "PatientName": "Plantedname^Wilhelmina",
    "PatientID": "PID-0815-4711",
    "PatientBirthDate": "19470321",
    "InstitutionName": "Planted Hospital",
    "InstitutionAddress": "Plantedstreet 7",
    "AccessionNumber": "ACC998877",
    "ReferringPhysicianName": "Plantedreferrer^Otto",
    "StudyDescription": "plantedstudy spine",
    "StationName": "PLANTEDSTATION",
    "DeviceSerialNumber": "SN5550123",
    "StudyDate": "20190704",
    "StudyTime": "113355",
}
DESCRIPTION = "plantedseries"
"""Beginning of every series description."""

# Row and column directions (LPS) of the slices.
PLANES = {"sagittal": ([0, 1, 0], [0, 0, -1]), "axial": ([1, 0, 0], [0, 1, 0]), "coronal": ([1, 0, 0], [0, 0, -1])}
T2 = {"RepetitionTime": "3000", "EchoTime": "100", "ScanningSequence": "SE"}
T1 = {"RepetitionTime": "500", "EchoTime": "12", "ScanningSequence": "SE"}
STIR = {"RepetitionTime": "3500", "EchoTime": "60", "InversionTime": "160", "ScanningSequence": ["SE", "IR"]}


def uid(text):
    return f"2.25.{int.from_bytes(hashlib.sha256(text.encode()).digest()[:12], 'big')}"


def sagittal_pixels(volume):
    """Slices of a volume (right, anterior, superior) as rows towards inferior and columns towards posterior."""
    return [volume[i, ::-1, ::-1].T for i in range(volume.shape[0])]


def new_slice(instance):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MR_STORAGE, instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.is_little_endian, file.is_implicit_VR = True, False
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = MR_STORAGE, instance, "MR"
    file.ImageType, file.SequenceVariant = ["ORIGINAL", "PRIMARY", "M", "SE"], "SK"
    for name, value in IDENTITY.items():
        setattr(file, name, value)
    return file


def put_pixels(file, image):
    file.Rows, file.Columns = image.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.PixelData = np.ascontiguousarray(image, "<u2").tobytes()


def write_series(folder: Path, name, plane="sagittal", sequence=None, volume=None, study=STUDY, spacing=4.0):
    """Writes IM files into `folder`. A sagittal volume lies as volumes.AFFINE says."""
    folder.mkdir(parents=True, exist_ok=True)
    row, column = PLANES[plane]
    normal = np.cross(row, column)
    # Voxel (0, last, last) of the volume is the first pixel of the first sagittal slice.
    first = np.array([12.0, -(-40 + 63.0), 15 + 63.0])
    for k, image in enumerate(sagittal_pixels(voxels(NMOSD) if volume is None else volume)):
        file = new_slice(uid(f"{study} {name} {k}"))
        file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = study, uid(f"{study} {name}"), uid(study)
        file.SeriesDescription, file.InstanceNumber = f"{DESCRIPTION} {name}", str(k + 1)
        for key, value in (sequence or T2).items():
            setattr(file, key, value)
        file.PixelSpacing, file.SliceThickness = ["1", "1"], str(spacing)
        file.ImageOrientationPatient = [str(value) for value in (*row, *column)]
        file.ImagePositionPatient = [f"{value:.6f}" for value in first + normal * spacing * k]
        put_pixels(file, image)
        file.save_as(folder / f"IM{hashlib.sha256(f'{study} {name} {k}'.encode()).hexdigest()[:10]}", write_like_original=False)
    return folder


def write_study(folder: Path, study=STUDY):
    """A flat study folder as from a scanner: one sagittal T2 among other series and other files."""
    write_series(folder, "a sag t2", study=study)
    write_series(folder, "b sag t1", sequence=T1, volume=voxels(), study=study)
    write_series(folder, "c sag stir", sequence=STIR, volume=voxels(), study=study)
    write_series(folder, "d ax t2", plane="axial", volume=voxels(), study=study)
    (folder / "README.TXT").write_text("viewer")
    return folder
