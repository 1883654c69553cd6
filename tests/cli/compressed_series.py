"""Copies of DICOM series in other transfer syntaxes, and streams that were cut; every tool is an independent one."""

import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_pixel_data_frame

TOOLS = {
    "rle": ["dcmcrle"],
    "jpeg-lossless": ["dcmcjpeg"],
    "jpeg-ls": ["gdcmconv", "--jpegls"],
    "jpeg-2000": ["gdcmconv", "--j2k"],
    "deflated": ["dcmconv", "+td"],
    "big-endian": ["dcmconv", "+tb"],
    "implicit": ["dcmconv", "+ti"],
}


def convert(folder: Path, syntax):
    """Rewrites every file of a folder in another transfer syntax."""
    tool, *options = TOOLS[syntax]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    for file in list(folder.iterdir()):
        target = file.with_name(file.name + ".converted")
        subprocess.run([tool, *options, file, target], check=True, capture_output=True)
        target.replace(file)
    return folder


def put_stream(path: Path, stream: bytes, fragments=1):
    """Replaces the compressed pixels of a file by `stream`, which is wrapped as the standard says."""
    file = pydicom.dcmread(path)
    file.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)], fragments_per_frame=fragments)
    file["PixelData"].VR, file["PixelData"].is_undefined_length = "OB", True
    file.save_as(path)


def stream_of(path: Path):
    (stream,) = generate_pixel_data_frame(pydicom.dcmread(path).PixelData, 1)
    return stream
