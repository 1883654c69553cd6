"""The rooms of the architecture: what each may include, and that public headers hide the libraries."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAY_USE = {
    "core": set(),
    "io": {"core"},
    "inference": {"core"},
    "report": {"core"},
    "app": {"core", "io", "inference", "report"},
    "cli": {"core", "io", "inference", "report", "app"},
}
LIBRARIES = re.compile(r"#include <(itk|gdcm|torch/|ATen/|c10/|nlohmann/|spdlog/|CLI/|openssl/|dnnl)")


def sources(folder):
    return [path for path in (REPOSITORY / folder).rglob("*") if path.suffix in {".cpp", ".hpp"}]


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_includes_only_the_rooms_it_may_use(room):
    for path in sources(f"src/{room}") + sources(f"include/cordlesion/{room}"):
        used = set(re.findall(r'#include "cordlesion/(\w+)/', path.read_text()))
        assert used <= MAY_USE[room] | {room}, f"{path.relative_to(REPOSITORY)} includes {used - MAY_USE[room]}"


def test_every_room_is_known():
    assert {path.name for path in (REPOSITORY / "src").iterdir() if path.is_dir()} == set(MAY_USE)


def test_public_headers_include_no_library():
    for path in sources("include"):
        assert not LIBRARIES.search(path.read_text()), path.relative_to(REPOSITORY)


def test_only_the_inference_room_includes_libtorch_and_onednn():
    for path in sources("src"):
        if path.parent.name != "inference":
            assert not re.search(r"#include <(torch/|ATen/|c10/|dnnl)", path.read_text()), path.relative_to(REPOSITORY)
