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
    put_streams(path, [stream], fragments)


def put_streams(path: Path, streams, fragments=1):
    """The same with a stream for each frame, each of which becomes so many fragments."""
    file = pydicom.dcmread(path)
    file.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2) for stream in streams], fragments_per_frame=fragments)
    file["PixelData"].VR, file["PixelData"].is_undefined_length = "OB", True
    file.save_as(path)


def stream_of(path: Path):
    (stream,) = streams_of(path)
    return stream


def streams_of(path: Path):
    """The compressed frames of a file."""
    file = pydicom.dcmread(path)
    return list(generate_pixel_data_frame(file.PixelData, int(file.get("NumberOfFrames", 1))))
