"""How the series of test_bad_dicom.py are made: functions build(folder, study) that write a sound series with one fault."""

import gzip
import random
import struct

import numpy as np
import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian

from compressed_series import convert, put_stream, put_streams, stream_of, streams_of
from dicom_series import put_pixels, slice_path, write_enhanced, write_series
from volumes import NMOSD, voxels

UNKNOWN_SYNTAX = "1.2.840.10008.1.2.7"
MIDDLE = 3
"""The slice that most faults are put into: its loss cannot pass for a shorter series."""


def series(change=None, after=None, only=None, **options):
    """A series whose slices (or the one named by `only`) are altered by `change` before they are written."""

    def build(folder, study):
        alter = change and (lambda file, k: change(file) if only in (None, k) else None)
        write_series(folder, "t2", study=study, change=alter, **options)
        if after:
            after(slice_path(folder, "t2", MIDDLE, study))

    return build


def setting(**values):
    def change(file):
        for name, value in values.items():
            setattr(file, name, value)

    return change


def raw_text(name, text):
    """A value that pydicom itself would not write."""

    def change(file):
        tag, value = Tag(tag_for_keyword(name)), text.encode() + b" " * (len(text) % 2)
        file[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)

    return change


def without(name):
    return lambda file: delattr(file, name)


def move(file, normal=0.0, aside=0.0):
    x, y, z = map(float, file.ImagePositionPatient)
    file.ImagePositionPatient = [f"{x + normal:.6f}", f"{y + aside:.6f}", f"{z:.6f}"]


def stack_position(step, aside=0.0):
    """Positions of the slices anew: `step` mm apart and each `aside` mm more to the back."""

    def change(file):
        k = int(file.InstanceNumber) - 1
        move(file, normal=4.0 * k - step * k, aside=aside * k)

    return change


def unknown_syntax(folder, study):
    for path in write_series(folder, "t2", study=study).iterdir():
        path.write_bytes(path.read_bytes().replace(ExplicitVRLittleEndian.encode() + b"\0", UNKNOWN_SYNTAX.encode() + b"\0", 1))


def packed(path):
    """As gzip leaves a file."""
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def cut(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def scaled(file, slope, intercept=0.0):
    """The same values, stored on another scale."""
    stored = np.rint((file.pixel_array.astype(float) - intercept) / slope)
    put_pixels(file, stored.astype(np.int64) & 0xFFFF)
    file.PixelRepresentation = 1 if stored.min() < 0 else 0
    file.RescaleSlope, file.RescaleIntercept = str(slope), str(intercept)


def modality_lut(file):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTData = [4, 0, 16], "US", b"\1\0" * 4
    table["LUTData"].VR = "OW"
    file.ModalityLUTSequence = Sequence([table])


def twelve_bits(file):
    """Signed 12 bits of 16; what stands in the four bits above is no part of the value."""
    values = np.clip(file.pixel_array.astype(int), 0, 2047) - 600
    put_pixels(file, (values & 0x0FFF) | 0xA000)
    file.BitsStored, file.HighBit, file.PixelRepresentation = 12, 11, 1


def high_bit(bit):
    """12 bits of 16 that do not end with the lowest one, as the standard demands (PS3.5, 8.1.1)."""

    def change(file):
        put_pixels(file, np.clip(file.pixel_array, 0, 2047).astype(int) << max(bit - 11, 0))
        file.BitsStored, file.HighBit = 12, bit

    return change


def inverted(file):
    put_pixels(file, 2000 - file.pixel_array.astype(int))
    file.PhotometricInterpretation = "MONOCHROME1"


def eight_bits_of_odd_number(file):
    """63 x 63 bytes and the one that makes their number even."""
    image = np.clip(file.pixel_array[:63, :63] // 4, 0, 255).astype(np.uint8)
    put_pixels(file, image)
    file.BitsAllocated, file.BitsStored, file.HighBit = 8, 8, 7
    file.PixelData = image.tobytes() + b"\0"
    file["PixelData"].VR = "OB"


def compressed(syntax, alter_stream=None, fragments=1, file_kept=1.0):
    def build(folder, study):
        convert(write_series(folder, "t2", study=study), syntax)
        path = slice_path(folder, "t2", MIDDLE, study)
        if alter_stream or fragments > 1:
            put_stream(path, (alter_stream or bytes)(stream_of(path)), fragments)
        cut(path, file_kept)

    return build


def with_streams(syntax, alter_streams, fragments=1):
    """An enhanced file whose compressed frames, as a list of streams, are altered."""

    def build(folder, study):
        path = write_enhanced(folder / "IM1", voxels(NMOSD), study=study)
        convert(folder, syntax)
        put_streams(path, alter_streams(streams_of(path)), fragments)

    return build


def one_stream_twice(streams):
    return streams[:MIDDLE] + streams[MIDDLE - 1 :]


def cut_stream(stream):
    return stream[: len(stream) // 2]


def shorter(count):
    """A stream that lacks its last bytes."""
    return lambda stream: stream[:-count]


def cut_stream_with_end_mark(stream):
    return cut_stream(stream) + b"\xff\xd9"


def without_preamble(folder, study, meta=True, implicit=True):
    for path in write_series(folder, "t2", study=study).iterdir():
        file = pydicom.dcmread(path)
        if not meta:
            file.is_implicit_VR = implicit
            file.file_meta = pydicom.dataset.FileMetaDataset()
        file.preamble = None
        with open(path, "wb") as target:
            pydicom.filewriter.dcmwrite(target, file, write_like_original=True)


def with_meta(alter):
    """A series whose meta header, as bytes from its group length on, is altered."""

    def build(folder, study):
        for path in write_series(folder, "t2", study=study).iterdir():
            data = path.read_bytes()
            end = 144 + struct.unpack("<I", data[140:144])[0]
            path.write_bytes(data[:132] + alter(data[132:end]) + data[end:])

    return build


def without_group_length(meta):
    return meta[12:]


def with_wrong_group_length(meta):
    return meta[:8] + struct.pack("<I", 7) + meta[12:]


def without_transfer_syntax(meta):
    place = meta.index(struct.pack("<HH2s", 2, 0x10, b"UI"))
    size = 8 + struct.unpack("<H", meta[place + 6 : place + 8])[0]
    meta = meta[:place] + meta[place + size :]
    return meta[:8] + struct.pack("<I", len(meta) - 12) + meta[12:]


def twice(change=None):
    def build(folder, study):
        write_series(folder, "t2", study=study)
        file = pydicom.dcmread(slice_path(folder, "t2", MIDDLE, study))
        if change:
            change(file)
        file.save_as(folder / "copy")

    return build


def one_frame_too_many(folder, study):
    path = write_enhanced(folder / "IM1", voxels(NMOSD), study=study)
    file = pydicom.dcmread(path)
    file.NumberOfFrames = "100000"
    file.save_as(path)


def concatenation(*written):
    """An enhanced image in two files, of which the parts `written` (1, 2) are there."""

    def build(folder, study):
        path = write_enhanced(folder / "IM1", voxels(NMOSD), study=study)
        file = pydicom.dcmread(path)
        path.unlink()
        frames, pixels = file.PerFrameFunctionalGroupsSequence, file.pixel_array
        for part in written:
            taken = slice(0, MIDDLE) if part == 1 else slice(MIDDLE, None)
            file.PerFrameFunctionalGroupsSequence, file.PixelData = frames[taken], pixels[taken].tobytes()
            file.NumberOfFrames, file.SOPInstanceUID = len(pixels[taken]), f"{study}.{part}"
            file.ConcatenationUID, file.InConcatenationNumber, file.InConcatenationTotalNumber = study, part, 2
            file.save_as(folder / f"part{part}")

    return build


def enhanced(order=None, stacks=("1",), syntax=None, times=None):
    def build(folder, study):
        write_enhanced(folder / "IM1", voxels(NMOSD), stacks, study, order and order(7 * len(stacks)), times)
        if syntax:
            convert(folder, syntax)

    return build


def shuffled(count):
    return random.Random(1).sample(range(count), count)


def other_size(file):
    put_pixels(file, file.pixel_array[:32])


def big_image(file):
    file.Rows = file.Columns = 65535
