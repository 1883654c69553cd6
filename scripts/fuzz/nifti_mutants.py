"""Mutated NIfTI files and what nibabel says of those that the program accepts."""

import gzip
import logging
import random
import struct
from pathlib import Path

import nibabel
import numpy as np
from byte_mutations import mutated
from harness import REPOSITORY  # noqa: F401  (puts the tests' helpers on the path)
from nifti_bytes import FIELDS, HEADER_BYTES, gzipped, image_of, nifti_bytes
from source import LPS_RAS, Source
from volumes import box, voxels

SHAPE = (5, 24, 32)
INTEGERS = (0, 1, -1, 2, 3, 5, 7, 8, 16, 127, 255, 256, 32767, -32768, 1024, 1536)
REALS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 1e-3, 1e3, 1e30, 3.4e38, float("nan"), float("inf"), -float("inf"), 352, 353, 368, 348, 1e9)
NIFTI2_HEADER_BYTES = 544


def seeds():
    """Small good files of every kind that the program reads."""
    data = voxels(box(6, 5, slices=(1, 4), corner=(8, 10)), shape=SHAPE)
    plain = image_of(data)
    extended = image_of(data)
    extended.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"a comment"))
    both = image_of(data)
    both.set_qform(both.affine, code=1)
    four = nibabel.Nifti1Image(np.asarray(plain.dataobj)[..., None], plain.affine)
    big = nibabel.Nifti1Image(np.asarray(plain.dataobj).astype(">i2"), plain.affine, plain.header.as_byteswapped(">"))
    return [
        plain.to_bytes(),
        nifti_bytes(image_of(data.astype(np.float32) - 300)),
        nifti_bytes(plain, scl_slope=0.5, scl_inter=-7),
        nifti_bytes(both, xyzt_units=2),
        extended.to_bytes(),
        four.to_bytes(),
        big.to_bytes(),
        image_of(data.astype(float), kind=nibabel.Nifti2Image).to_bytes(),
    ]


def mutate_field(rng, content):
    """One element of one field; fields of a NIfTI-1 header, whatever the file is."""
    offset, kind = FIELDS[rng.choice(list(FIELDS))]
    order = rng.choice("<<<>")
    element = kind[-1]
    if element == "s":
        value = rng.choice((b"n+1\0", b"ni1\0", b"n+2\0", b"\0\0\0\0", b"n+1 "))
        return content[:offset] + value + content[offset + 4 :]
    size = struct.calcsize(element)
    position = offset + size * rng.randrange(int(kind[1:-1] or 1))
    value = rng.choice(REALS) if element == "f" else rng.choice(INTEGERS) % 256 if element == "B" else rng.choice(INTEGERS)
    packed = struct.pack(order + element, value)
    return content[:position] + packed + content[position + size :]


def one_mutation(rng, content):
    chance = rng.random()
    if chance < 0.6:
        return mutate_field(rng, content)
    if chance < 0.85:
        return mutated(rng, content, 0, NIFTI2_HEADER_BYTES)
    return mutated(rng, content)


def mutant(seed, number):
    """(ending, bytes) of mutant `number`; number 0 is a seed as it is, to prove that the run itself works."""
    rng = random.Random(f"{seed} nifti {number}")
    content = rng.choice(SEEDS)
    if number == 0:
        return "nii", content
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = one_mutation(rng, content) if len(content) > HEADER_BYTES else content
    if rng.random() < 0.6:
        return "nii", content
    content = gzipped(content)
    return "nii.gz", mutated(rng, content) if rng.random() < 0.5 else content


def write(folder: Path, seed, number):
    """Writes a mutant; returns its path below `folder`."""
    ending, content = mutant(seed, number)
    path = folder / f"nifti-{number}.{ending}"
    path.write_bytes(content)
    return path


def whole_content(path: Path):
    """The uncompressed bytes, checksums checked."""
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # it notes every odd code
MILLIMETRES = {1: 1000.0, 3: 0.001}


def oracle(path: Path, _report):
    """The image as nibabel reads it. Raises if it cannot, or if the file has another length than its header says."""
    content = whole_content(path)
    kind = nibabel.Nifti2Image if struct.unpack_from("<i", content)[0] in (540, 469893120) else nibabel.Nifti1Image
    image = kind.from_bytes(content)
    data = image.get_fdata(dtype=np.float64)
    expected = image.dataobj.offset + int(np.prod(image.shape)) * image.get_data_dtype().itemsize
    if len(content) != expected:
        raise ValueError(f"{len(content)} bytes, the header says {expected}")
    if int(image.header["sform_code"]) <= 0 and int(image.header["qform_code"]) <= 0:
        raise ValueError("neither sform nor qform")
    scale = MILLIMETRES.get(int(image.header["xyzt_units"]) & 7, 1.0)
    affine = np.diag([scale, scale, scale, 1]) @ image.affine
    with np.errstate(over="ignore"):
        values = data.astype(np.float32).reshape(data.shape[:3])
    return Source(values, LPS_RAS @ affine)


def unmutated(folder: Path, seed, number):
    """Writes the seed of a mutant; returns its path."""
    path = folder / f"seed-{number}.nii"
    path.write_bytes(random.Random(f"{seed} nifti {number}").choice(SEEDS))
    return path


SEEDS = seeds()
