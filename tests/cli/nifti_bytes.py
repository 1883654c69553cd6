"""NIfTI files as bytes, with any field of the header set to anything."""

import gzip
import struct

import nibabel
import numpy as np

from volumes import AFFINE, NMOSD, reoriented, voxels

HEADER_BYTES = 352
"""Of NIfTI-1, with the flag of extensions."""

FIELDS = {
    "sizeof_hdr": (0, "<i"),
    "dim": (40, "<8h"),
    "intent_code": (68, "<h"),
    "datatype": (70, "<h"),
    "bitpix": (72, "<h"),
    "pixdim": (76, "<8f"),
    "vox_offset": (108, "<f"),
    "scl_slope": (112, "<f"),
    "scl_inter": (116, "<f"),
    "xyzt_units": (123, "<B"),
    "qform_code": (252, "<h"),
    "sform_code": (254, "<h"),
    "quatern": (256, "<3f"),
    "qoffset": (268, "<3f"),
    "srow": (280, "<12f"),
    "magic": (344, "<4s"),
}
"""Offset and type of each field; numpy's own numbering of dim and pixdim."""


def image_of(data=None, affine=AFFINE, kind=nibabel.Nifti1Image):
    """The image that tests use, stored as a scanner would: columns, rows, slices."""
    return reoriented(kind(voxels(NMOSD) if data is None else data, affine), "PSR")


def nifti_bytes(image=None, **fields):
    """An uncompressed file; a field's value replaces the true one, a dictionary single elements of it."""
    content = bytearray((image_of() if image is None else image).to_bytes())
    for name, value in fields.items():
        offset, kind = FIELDS[name]
        if isinstance(value, dict):
            values = list(struct.unpack_from(kind, content, offset))
            for index, element in value.items():
                values[index] = element
        else:
            values = value if isinstance(value, tuple) else (value,)
        struct.pack_into(kind, content, offset, *values)
    return bytes(content)


def gzipped(content):
    return gzip.compress(content, mtime=0)


def flipped(content, position):
    """The content with one byte inverted."""
    changed = bytearray(content)
    changed[position] ^= 0xFF
    return bytes(changed)


def gzip_bomb(megabytes):
    """A header like any other, then zeros without end."""
    member = gzipped(bytes(1 << 20))
    return gzipped(nifti_bytes()) + member * megabytes


def float_bytes(values):
    """A float32 image of the usual pattern in which `values` stand at the beginning."""
    data = voxels(NMOSD).astype(np.float32)
    data.flat[: len(values)] = values
    return nifti_bytes(image_of(data))
