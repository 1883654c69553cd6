"""Small DICOM MR series and studies, written slice by slice, with identities planted to be looked for."""

import hashlib
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from volumes import NMOSD, voxels

MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_STORAGE = MR_STORAGE + ".1"
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


def new_slice(instance, sop_class=MR_STORAGE):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.is_little_endian, file.is_implicit_VR = True, False
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = sop_class, instance, "MR"
    file.ImageType, file.SequenceVariant, file.ScanningSequence = ["ORIGINAL", "PRIMARY", "M", "SE"], "SK", "SE"
    for name, value in IDENTITY.items():
        setattr(file, name, value)
    return file


def put_pixels(file, image):
    file.Rows, file.Columns = image.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.PixelData = np.ascontiguousarray(image, "<u2").tobytes()


def slice_path(folder: Path, name, k, study=STUDY):
    return folder / f"IM{hashlib.sha256(f'{study} {name} {k}'.encode()).hexdigest()[:10]}"


def write_series(folder: Path, name, plane="sagittal", sequence=None, volume=None, study=STUDY, spacing=4.0, change=None):
    """Writes IM files into `folder`. A sagittal volume lies as volumes.AFFINE says.

    change(file, k) alters slice k before it is written; if it returns False, the slice is left out.
    """
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
        if change is None or change(file, k) is not False:
            file.save_as(slice_path(folder, name, k, study), write_like_original=False)
    return folder


def write_study(folder: Path, study=STUDY):
    """A flat study folder as from a scanner: one sagittal T2 among other series and other files."""
    write_series(folder, "a sag t2", study=study)
    write_series(folder, "b sag t1", sequence=T1, volume=voxels(), study=study)
    write_series(folder, "c sag stir", sequence=STIR, volume=voxels(), study=study)
    write_series(folder, "d ax t2", plane="axial", volume=voxels(), study=study)
    (folder / "README.TXT").write_text("viewer")
    return folder


def sequence_item(**values):
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return Sequence([item])


def write_enhanced(path: Path, volume, stacks=("1",), study=STUDY, order=None, times=None):
    """One enhanced multi-frame file: the sagittal slices of `volume` once per stack, 500 mm apart, as `order` says.

    With `times` (a temporal position per stack) the stacks lie at one place.
    """
    slices = sagittal_pixels(volume)
    frames = [(stack, k) for stack in range(len(stacks)) for k in range(len(slices))]
    frames = [frames[i] for i in (order or range(len(frames)))]
    file = new_slice(uid(f"{study} enhanced"), ENHANCED_MR_STORAGE)
    del file.ScanningSequence
    file.StudyInstanceUID, file.SeriesInstanceUID = study, uid(f"{study} enhanced")
    file.SeriesDescription, file.EchoPulseSequence = f"{DESCRIPTION} enhanced", "SPIN"
    shared, file.PerFrameFunctionalGroupsSequence = Dataset(), Sequence([])
    row, column = PLANES["sagittal"]
    shared.PlaneOrientationSequence = sequence_item(ImageOrientationPatient=[*row, *column])
    shared.PixelMeasuresSequence = sequence_item(PixelSpacing=[1, 1], SliceThickness=4)
    shared.MRTimingAndRelatedParametersSequence = sequence_item(RepetitionTime=3000.0)
    shared.MREchoSequence = sequence_item(EffectiveEchoTime=100.0)
    file.SharedFunctionalGroupsSequence = Sequence([shared])
    for stack, k in frames:
        frame = Dataset()
        frame.PlanePositionSequence = sequence_item(ImagePositionPatient=[12.0 - 4 * k, -23.0 + (0 if times else 500 * stack), 78.0])
        frame.FrameContentSequence = sequence_item(StackID=stacks[stack], InStackPositionNumber=k + 1)
        if times:
            frame.FrameContentSequence[0].TemporalPositionIndex = times[stack]
        file.PerFrameFunctionalGroupsSequence.append(frame)
    put_pixels(file, slices[0])
    file.NumberOfFrames = str(len(frames))
    file.PixelData = b"".join(np.ascontiguousarray(slices[k], "<u2").tobytes() for _, k in frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, write_like_original=False)
    return path
