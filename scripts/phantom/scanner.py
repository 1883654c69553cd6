"""A simulated MRI scanner: draws a sagittal protocol, images a painted patient, and adds what scanners add."""

from dataclasses import dataclass
from typing import NamedTuple, Tuple

import numpy as np
import scipy.fft

from lesions import Disease
from paint import Painter, Texture, Textures
from spine import LEVELS, STEP_MM, Spine

WINDOW_MARGIN = 0.06


@dataclass
class Grid:
    """Voxel centres at origin + sum of direction[axis] * spacing[axis] * index, LPS; axes are column, row, slice."""

    size: Tuple[int, int, int]
    spacing: Tuple[float, float, float]
    origin: np.ndarray
    direction: np.ndarray

    def affine(self):
        affine = np.eye(4)
        affine[:3, :3] = (self.direction * np.array(self.spacing)[:, None]).T
        affine[:3, 3] = self.origin
        return np.diag([-1, -1, 1, 1]) @ affine


@dataclass
class Protocol:
    grid: Grid
    layers: int
    """Positions through the slice that are averaged: partial volume."""
    thickness: float
    """Imaged thickness as a share of the slice distance; the rest is the gap."""
    sampled: Tuple[float, float]
    """Share of k-space that is measured along columns and rows; the rest is filled with zeros."""
    window: float
    """How far k-space is apodised: 0 leaves all Gibbs ringing."""
    noise: float
    coil: Tuple[float, float]
    """Decay of the sensitivity towards the front and towards the ends of the coil, mm."""
    ghosts: Tuple[float, float]
    """Strength and shift (share of the field) of motion ghosts along the phase direction."""
    phase_axis: int
    scale: float
    seed: int


class Scan(NamedTuple):
    image: np.ndarray
    """int16 [column, row, slice]."""
    lesion: np.ndarray
    cord: np.ndarray


def draw_grid(random, spine: Spine) -> Tuple[Grid, float, int]:
    """Field of view on the spine of the region; returns the grid, the imaged thickness and the layers."""
    level = random.uniform(*LEVELS[spine.region])
    field_mm = {"cervical": (200, 285), "thoracic": (270, 380), "lumbar": (240, 350)}[spine.region]
    field_mm = random.uniform(*field_mm)
    columns_mm = field_mm * random.choice([1.0, random.uniform(0.55, 0.9), random.uniform(1.1, 1.5)], p=[0.55, 0.37, 0.08])
    isotropic = random.random() < 0.07
    spacing = random.uniform(0.8, 1.0) if isotropic else field_mm / random.choice([224, 256, 288, 320, 384], p=[0.1, 0.35, 0.2, 0.25, 0.1])
    spacing = float(np.clip(spacing, 0.5, 1.3))
    rows, columns = (int(np.ceil(mm / spacing / 8)) * 8 for mm in (field_mm, columns_mm))
    distance = spacing if isotropic else random.uniform(3.0, 5.0)
    slices = int(random.integers(34, 45)) if isotropic else int(random.integers(9, 18))
    middle = spine.s_of(level)
    centre = np.array([spine.at("ax", middle) + random.normal(0, 1.5), spine.at("ay", middle) + random.uniform(-0.12, 0.1) * columns_mm,
                       spine.at("az", middle) + random.normal(0, 0.03 * field_mm)])
    yaw, roll = np.radians(random.normal(0, 2.5)), np.radians(random.normal(0, 2))
    columns_along = np.array([np.sin(yaw), np.cos(yaw), 0])
    rows_along = np.array([np.sin(roll), 0, -np.cos(roll)])
    rows_along -= columns_along * (rows_along @ columns_along)
    rows_along /= np.linalg.norm(rows_along)
    direction = np.array([columns_along, rows_along, np.cross(columns_along, rows_along)])
    size, steps = (columns, rows, slices), np.array([spacing, spacing, distance])
    origin = centre - ((np.array(size) - 1) / 2 * steps) @ direction
    return Grid(size, (spacing, spacing, float(distance)), origin, direction), 1.0 if isotropic else random.uniform(0.85, 1.0), 1 if isotropic else 3


def draw_protocol(seed: int, spine: Spine) -> Protocol:
    random = np.random.default_rng([seed, 4])
    grid, thickness, layers = draw_grid(random, spine)
    fine = grid.spacing[0] < 0.75
    sampled = (random.uniform(0.55, 0.85), random.uniform(0.7, 1.0)) if fine else (random.uniform(0.72, 1.0), random.uniform(0.85, 1.0))
    ghosts = (random.choice([0, random.uniform(0.01, 0.09)], p=[0.5, 0.5]), random.uniform(0.08, 0.45))
    return Protocol(grid, layers, thickness, sampled, random.uniform(0, 0.8), noise=10 ** random.uniform(-2.3, -1.35),
                    coil=(random.choice([random.uniform(30, 70), random.uniform(70, 260)], p=[0.3, 0.7]), random.uniform(0.55, 0.8) * grid.size[1] * grid.spacing[1]), ghosts=ghosts,
                    phase_axis=int(random.integers(2)), scale=float(10 ** random.uniform(2.3, 3.3)), seed=seed)


def visible_cord(spine: Spine, grid: Grid) -> Tuple[float, float]:
    """`s` from and to of the cord inside the field of view, without its outermost part."""
    half = (grid.size[1] - 1) / 2 * grid.spacing[1]
    centre = grid.origin + grid.direction[1] * half
    heights = spine.tables["az"]
    inside = np.flatnonzero(np.abs(heights - centre[2]) < half * (1 - 2 * WINDOW_MARGIN))
    first = spine.s_first + STEP_MM * inside[0]
    last = min(spine.s_first + STEP_MM * inside[-1], spine.conus_s - 4)
    return max(first, spine.s_of(1.2)), last


def points_of_layer(grid: Grid, depth: float):
    """x, y, z [rows, columns] of the plane at slice index `depth`."""
    columns = np.arange(grid.size[0], dtype=np.float32)[None, :]
    rows = np.arange(grid.size[1], dtype=np.float32)[:, None]
    steps = (grid.direction * np.array(grid.spacing)[:, None]).astype(np.float32)
    first = (grid.origin + depth * grid.direction[2] * grid.spacing[2]).astype(np.float32)
    return [first[axis] + columns * steps[0, axis] + rows * steps[1, axis] for axis in range(3)]


def sensitivity(protocol: Protocol, y, z):
    """A coil behind the patient: falls off forwards and beyond its ends."""
    grid = protocol.grid
    centre = grid.origin + ((np.array(grid.size) - 1) / 2 * np.array(grid.spacing)) @ grid.direction
    back = centre[1] + 40
    forwards = np.exp(np.minimum(y - back, 0) / protocol.coil[0])
    ends = np.exp(-np.abs((z - centre[2]) / protocol.coil[1]) ** 4)
    return forwards * (0.15 + 0.85 * ends)


def measure(protocol: Protocol, fine, random):
    """K-space of the slice, cut, apodised, disturbed by motion and noise; the magnitude image."""
    rows, columns = fine.shape
    spectrum = scipy.fft.fft2(fine.astype(np.complex64))
    keep = []
    for length, share in ((rows, protocol.sampled[1]), (columns, protocol.sampled[0])):
        frequency = np.abs(scipy.fft.fftfreq(length)) * 2
        falling = np.clip((frequency / share - 0.5) / 0.5, 0, 1)
        keep.append((frequency <= share) * (1 - protocol.window * np.sin(0.5 * np.pi * falling) ** 2))
    strength, shift = protocol.ghosts
    if strength:
        length = fine.shape[protocol.phase_axis]
        line = np.arange(length)
        keep[protocol.phase_axis] = keep[protocol.phase_axis] * (1 + strength * np.cos(2 * np.pi * shift * line + random.uniform(0, 6.28)))
    spectrum = spectrum * (keep[0][:, None] * keep[1][None, :]).astype(np.float32)
    size = (rows, columns)
    noise = random.standard_normal((2, *size), dtype=np.float32) * np.float32(protocol.noise * np.sqrt(rows * columns))
    spectrum += (noise[0] + 1j * noise[1]) * ((keep[0] > 0)[:, None] & (keep[1] > 0)[None, :])
    return np.abs(scipy.fft.ifft2(spectrum))


def scan(spine: Spine, disease: Disease, protocol: Protocol) -> Scan:
    grid = protocol.grid
    columns, rows, slices = grid.size
    random = np.random.default_rng([protocol.seed, 5])
    extent = (slices * grid.spacing[2], rows * grid.spacing[1], columns * grid.spacing[0])
    textures = [Texture(random, extent, mm) for mm in (2.2, 5.0, 16.0, 70.0)]
    painter = Painter(spine, disease, edge_mm=max(0.5, 0.8 * grid.spacing[0]), seed=protocol.seed)
    image, lesion, cord = (np.zeros((slices, rows, columns), kind) for kind in (np.int16, np.uint8, np.uint8))
    for k in range(slices):
        fine, marked, covered = (np.zeros((rows, columns), np.float32) for _ in range(3))
        for layer in range(protocol.layers):
            depth = k + protocol.thickness * ((layer + 0.5) / protocol.layers - 0.5)
            x, y, z = points_of_layer(grid, depth)
            at = Textures(*(texture.at((depth + 0.5) * grid.spacing[2], (rows, columns)) for texture in textures))
            painted = painter.layer(x, y, z, at)
            fine += painted.signal / protocol.layers
            marked += painted.lesion / protocol.layers
            covered += painted.cord / protocol.layers
        fine *= sensitivity(protocol, y, z)
        image[k] = np.clip(np.rint(protocol.scale * measure(protocol, fine, random)), 0, 4095)
        lesion[k] = marked >= 0.5
        cord[k] = (covered >= 0.5) | (lesion[k] > 0)
    return Scan(*(np.ascontiguousarray(stack.transpose(2, 1, 0)) for stack in (image, lesion, cord)))
