"""Mutated DICOM series and what pydicom says of those that the program accepts."""

import random
import struct
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
from byte_mutations import mutated
from harness import REPOSITORY  # noqa: F401  (puts the tests' helpers on the path)
from dicom_series import write_series
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless
from source import position_along_normal, read_dicom, slice_normal, stored_values
from volumes import box, voxels

SHAPE = (5, 24, 32)
HEADER_BYTES = 1500
LONG_VRS = (b"OB", b"OW", b"SQ", b"UN", b"UT")
PIXEL_DATA = 0x7FE00010
NUMBERS = (0, 1, 2, 3, 8, 12, 15, 16, 17, 23, 24, 25, 32, 33, 64, 255, 32767, 65535)
DECIMALS = (  # fmt: skip
    "0", "-1", "1", "4", "0.5", "nan", "inf", "1e400", "1e-400", "abc", "", "1" * 40, "1,5", " 1 ", "-0", "1\\1", "1\\1\\1", "0\\0",
    "1\\-1", "1\\0\\0\\0\\1\\0", "0\\1\\0\\0\\1\\0", "0\\1\\0\\0\\0\\1", "0\\1\\0\\0\\0\\-1", "0\\0\\0\\0\\0\\0", "12\\-23\\78",
    "1e30\\0\\0", "nan\\0\\0", "8\\-23\\78",
)
TEXTS = (  # fmt: skip
    "", "MR", "CT", "SE", "GR", "ORIGINAL\\PRIMARY\\M", "DERIVED\\SECONDARY\\MPR", "LOCALIZER", "MONOCHROME1", "RGB", "PALETTE COLOR",
    "YBR_FULL", "\xff\xfe", "../../etc", "x" * 70,
)
UIDS = (  # fmt: skip
    "", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1.99", "1.2.3", "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.7", "not a uid",
)
TAGS = {
    b"US": (0x00280010, 0x00280011, 0x00280002, 0x00280100, 0x00280101, 0x00280102, 0x00280103),
    b"DS": (0x00280030, 0x00200037, 0x00200032, 0x00180050, 0x00180080, 0x00180081, 0x00281052, 0x00281053),
    b"CS": (0x00080008, 0x00080060, 0x00180020, 0x00280004),
    b"UI": (0x00020010, 0x00080016, 0x0020000D, 0x0020000E, 0x00080018),
}


def seeds():
    """Series as lists of the bytes of their files: explicit little endian first, the only one whose elements are mutated one by one."""
    with tempfile.TemporaryDirectory() as folder:
        data = voxels(box(6, 5, slices=(1, 4), corner=(8, 10)), shape=SHAPE)
        paths = sorted(write_series(Path(folder) / "a", "sag t2", volume=data).iterdir())
        for path in paths:
            file = pydicom.dcmread(path)
            file.RescaleSlope, file.RescaleIntercept = "1", "0"
            file.save_as(path)
        explicit = [path.read_bytes() for path in paths]
        syntaxes = (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless)
        others = [[saved_as(path, syntax) for path in paths] for syntax in syntaxes]
    return [explicit] * 8 + others


def saved_as(path, syntax):
    file = pydicom.dcmread(path)
    if syntax == RLELossless:
        file.compress(RLELossless)
    elif syntax == ExplicitVRBigEndian:
        file.PixelData = np.frombuffer(file.PixelData, "<u2").astype(">u2").tobytes()
    file.file_meta.TransferSyntaxUID = syntax
    file.is_implicit_VR, file.is_little_endian = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    with tempfile.NamedTemporaryFile() as target:
        file.save_as(target.name, write_like_original=False)
        return Path(target.name).read_bytes()


def find_element(content, tag, vr):
    """(start, start of the value, end) of an element in explicit little endian; none if it is not there."""
    start = content.find(struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr, 132)
    if start < 0:
        return None
    if vr in LONG_VRS:
        value, length = start + 12, struct.unpack_from("<I", content, start + 8)[0]
    else:
        value, length = start + 8, struct.unpack_from("<H", content, start + 6)[0]
    return start, value, value + length


def new_value(rng, vr):
    if vr == b"US":
        return struct.pack("<H", rng.choice(NUMBERS))
    text = rng.choice({b"DS": DECIMALS, b"CS": TEXTS, b"UI": UIDS}[vr]).encode("latin-1")
    return text + (b"\0" if vr == b"UI" else b" ") * (len(text) % 2)


def change_element(rng, content):
    """Another value, another VR or length, or nothing in its place."""
    vr = rng.choice((b"US", b"DS", b"DS", b"CS", b"UI"))
    place = find_element(content, rng.choice(TAGS[vr]), vr)
    if place is None:
        return mutated(rng, content, 128, HEADER_BYTES)
    start, value, end = place
    chance = rng.random()
    if chance < 0.65:
        fresh = new_value(rng, vr)
        return content[: start + 6] + struct.pack("<H", len(fresh)) + fresh + content[end:]
    if chance < 0.8:
        return content[:start] + content[end:]
    if chance < 0.9:
        return content[: start + 4] + rng.choice((b"UN", b"SQ", b"OB", b"LO", b"DS", b"US", b"??")) + content[start + 6 :]
    length = struct.pack("<H", rng.choice((0, 1, 2, 3, 0xFFFF, 0xFFFE, 0x7FFF)))
    return content[: start + 6] + length + content[start + 8 :]


def change_pixels(rng, content):
    place = find_element(content, PIXEL_DATA, b"OW") or (0, HEADER_BYTES, len(content))
    chance = rng.random()
    if chance < 0.4:
        return content[: rng.randrange(place[1], max(place[1] + 1, len(content)))]
    if chance < 0.6:
        return content + bytes(rng.choice((1, 2, 64, 3000)))
    return mutated(rng, content, place[0], len(content))


def change_file(rng, content):
    chance = rng.random()
    if chance < 0.6:
        return change_element(rng, content)
    if chance < 0.75:
        return mutated(rng, content, 0, HEADER_BYTES)
    if chance < 0.9:
        return change_pixels(rng, content)
    return mutated(rng, content)


def change_series(rng, files):
    """Slices removed, repeated, emptied."""
    index = rng.randrange(len(files))
    action = rng.choice(("remove", "repeat", "repeat changed", "empty"))
    if action == "remove":
        del files[index]
    elif action == "empty":
        files[index] = b""
    else:
        files.append(files[index] if action == "repeat" else change_pixels(rng, files[index]))


def mutant(seed, number):
    """The files of mutant `number`; number 0 is a seed as it is."""
    rng = random.Random(f"{seed} dicom {number}")
    files = list(rng.choice(SEEDS))
    if number == 0:
        return files
    if rng.random() < 0.08:
        change_series(rng, files)
        return files
    everywhere, state = rng.random() < 0.4, rng.getrandbits(32)
    for index in range(len(files)) if everywhere else [rng.randrange(len(files))]:
        files[index] = change_file(random.Random(state), files[index])
    return files


def write(folder: Path, seed, number):
    """Writes a mutant as a folder; returns it."""
    return write_files(folder / f"dicom-{number}", mutant(seed, number))


def write_files(target: Path, files):
    target.mkdir()
    for index, content in enumerate(files):
        (target / f"IM{index}").write_bytes(content)
    return target


def readable_slices(folder: Path):
    """(path, file) of what pydicom reads with pixels and a place in space."""
    for path in sorted(folder.iterdir()):
        try:
            file = pydicom.dcmread(path, force=True)
            if np.isfinite(position_along_normal(file)) and stored_values(file).ndim == 2:
                yield path, file
        except Exception:  # whatever pydicom raises for a damaged file
            continue


def groups(folder: Path):
    """Files of one series, orientation, size, spacing, echo and kind of image."""
    found = defaultdict(list)
    for path, file in readable_slices(folder):
        spacing = tuple(round(float(value), 4) for value in file.PixelSpacing)
        shape = (tuple(np.round(slice_normal(file), 3)), file.Rows, file.Columns, spacing)
        found[(file.get("SeriesInstanceUID"), str(file.get("EchoTime")), str(file.get("ImageType")), *shape)].append(path)
    return list(found.values())


def without_repeated(paths):
    slices = {}
    for path in paths:
        file = pydicom.dcmread(path, force=True)
        slices.setdefault((round(position_along_normal(file), 3), stored_values(file).tobytes()), path)
    return list(slices.values())


def oracle(path: Path, report):
    """The group of slices that the program says it used. Raises if there is none of that size, or if its slices are not evenly spaced."""
    count = report["input"]["series"]["files"]
    found = groups(path)
    fitting = [paths for paths in found if len(paths) == count]
    if not fitting:
        raise ValueError(f"no group of {count} slices, only of {sorted(map(len, found))}")
    paths = without_repeated(fitting[0])
    steps = np.diff(sorted(position_along_normal(pydicom.dcmread(file, force=True)) for file in paths))
    if not (steps.min() > 0 and np.ptp(steps) <= max(0.1, 0.01 * steps.mean())):
        raise ValueError(f"slices are {steps.tolist()} mm apart")
    return read_dicom(paths)


def unmutated(folder: Path, seed, number):
    """Writes the seed of a mutant; returns its folder."""
    return write_files(folder / f"seed-{number}", random.Random(f"{seed} dicom {number}").choice(SEEDS))


SEEDS = seeds()
