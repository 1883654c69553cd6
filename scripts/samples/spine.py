"""A simple simulated spine: which tissue lies at a point of the patient, and how it looks on MRI.

Points are LPS millimetres. `u` is the distance behind the middle of the canal, `x` the distance to the
left of it, `z` the height of the nearest point of its curved centre line.
"""

from dataclasses import dataclass, field
from typing import List, Tuple

import numpy as np

# Relative signal on T2, T1 and STIR.
TISSUES = {
    "air": (0.00, 0.00, 0.00), "muscle": (0.22, 0.34, 0.26), "fat": (0.72, 1.00, 0.06), "organ": (0.38, 0.40, 0.42),
    "ligament": (0.07, 0.09, 0.06), "marrow": (0.42, 0.58, 0.14), "cortex": (0.06, 0.08, 0.05),
    "nucleus": (0.62, 0.36, 0.50), "worn_disc": (0.22, 0.32, 0.18), "annulus": (0.16, 0.26, 0.12),
    "csf": (1.00, 0.16, 1.00), "root": (0.50, 0.36, 0.45), "cord": (0.43, 0.44, 0.42), "grey": (0.50, 0.41, 0.48),
    "vessel": (0.05, 0.12, 0.05), "lesion": (0.80, 0.36, 0.86), "cyst": (0.98, 0.20, 0.98),
}
LABEL = {name: index for index, name in enumerate(TISSUES)}
CONTRASTS = ("t2", "t1", "stir")


@dataclass
class Lesion:
    """An ellipsoid inside the cord; offsets and half widths as fractions of the cord's radii."""

    z: float
    length: float
    half_width: Tuple[float, float]
    offset: Tuple[float, float] = (0.0, 0.0)
    swelling: float = 0.0
    cyst: bool = False


@dataclass
class Spine:
    seed: int
    curve: List[Tuple[float, float]]  # z, y of points that the canal's middle passes near
    level_mm: float  # vertebra and disc together
    disc: float  # half height of a disc as a fraction of the level
    body: Tuple[float, float]  # width, depth
    canal: Tuple[float, float]  # half widths left-right, front-back
    cord: Tuple[float, float]
    conus_z: float = -1e3
    spinous_mm: float = 30.0
    back_fat_mm: float = 12.0
    front_mm: float = 90.0  # from the bodies to the ventral skin
    tubes: List[Tuple[float, float, float, str]] = field(default_factory=list)  # mm before bodies, x, radius, tissue
    brain_z: float = 1e3  # where the skull begins
    worn: Tuple[int, ...] = ()  # levels with a dark, bulging disc
    lesions: List[Lesion] = field(default_factory=list)

    def __post_init__(self):
        heights, depths = np.array(self.curve).T
        self.limits = heights.min(), heights.max()
        self.polynomial = np.polyfit(heights, depths, 5)

        self.heights = np.linspace(*self.limits, 400)
        steps = np.sqrt(1 + self.middle(self.heights)[1] ** 2) * (self.heights[1] - self.heights[0])
        self.arc = np.cumsum(steps) - np.interp(0, self.heights, np.cumsum(steps))

    def level(self, z):
        """Vertebrae counted along the curve: whole numbers in the middle of a body, halves in a disc."""
        return (np.interp(z, self.heights, self.arc) / self.level_mm + 100).astype(np.float32)

    def middle(self, z):
        """y of the canal's middle, and its slope."""
        z = np.clip(z, *self.limits)
        return np.polyval(self.polynomial, z), np.polyval(np.polyder(self.polynomial), z)


def waves(seed, wavelength_mm, points):
    """A smooth random field, about -1 to 1."""
    rng = np.random.default_rng(seed)
    total = np.zeros_like(points[0])
    for _ in range(8):
        direction = rng.normal(size=3)
        k = direction / np.linalg.norm(direction) * 2 * np.pi / (wavelength_mm * rng.uniform(0.6, 1.7))
        total += np.cos(k[0] * points[0] + k[1] * points[1] + k[2] * points[2] + rng.uniform(0, 2 * np.pi))
    return total / 3


def spine_coordinates(spine, points):
    x, y, z = points
    foot = z
    for _ in range(3):
        middle, slope = spine.middle(foot)
        foot = z + 0.9 * (y - middle) * slope  # damped: far from the spine the plain step overshoots
    middle, slope = spine.middle(foot)
    behind = (y - middle) * np.sqrt(1 + slope**2)
    return x - 2 * np.sin(foot / 70 + spine.seed), behind, foot


def paint_surroundings(labels, spine, x, u, z, texture):
    front = u + spine.canal[1] + 2 + spine.body[1]  # negative before the bodies
    labels[:] = np.where(texture > 0.45, LABEL["fat"], LABEL["organ"])
    labels[(front > -8) & (np.abs(x) < spine.body[0] / 2 + 28)] = LABEL["muscle"]
    streaks = np.sin(0.55 * u + z / 30 + 2.5 * texture) > 0.93
    labels[u > 0] = np.where(streaks & (np.abs(x) > 9), LABEL["fat"], LABEL["muscle"])[u > 0]
    for depth, left, radius, tissue in spine.tubes:
        labels[(front + depth) ** 2 + (x - left) ** 2 < radius**2] = LABEL[tissue]
    behind = u - spine.canal[1] - spine.spinous_mm
    labels[(behind > 0) & (behind < 3) & (np.abs(x) < 8)] = LABEL["ligament"]
    labels[behind > 2 + np.abs(x) / 12] = LABEL["fat"]
    labels[(behind > spine.back_fat_mm) | (front < -spine.front_mm)] = LABEL["air"]


def paint_column(labels, spine, x, u, level, texture):
    """Bodies and discs, their ligaments, pedicles with the foramina between them, spinous processes."""
    width, depth = spine.body
    to_disc = np.abs(level % 1 - 0.5)
    worn = np.isin(np.floor(level).astype(int), spine.worn)
    middle = u + spine.canal[1] + 2 + depth / 2
    bulge = np.where(worn, 3.0, 0.6) * (to_disc < spine.disc)
    waist = 1 - 0.07 * np.cos(np.pi * (level % 1)) ** 2
    ub = middle / (depth / 2 * waist + bulge)
    xb = x / (width / 2 * waist + bulge)
    radius = np.abs(ub) ** 3.5 + np.abs(xb) ** 3
    labels[(radius < 1.35) & (np.abs(x) < width / 2 + 2)] = LABEL["ligament"]
    body = radius < 1
    labels[body] = LABEL["cortex"]
    half = spine.disc * (0.75 + 0.35 * (1 - ub**2))
    labels[body & (to_disc > half + 0.03) & (radius < 0.9)] = LABEL["marrow"]
    labels[body & (to_disc > 0.46) & (ub > 0.35) & (np.abs(x) < 6)] = LABEL["nucleus"]  # basivertebral vein
    labels[body & (to_disc < half)] = LABEL["annulus"]
    labels[body & (to_disc < 0.8 * half) & (ub**2 + xb**2 < 0.55)] = LABEL["nucleus"]
    labels[body & worn & (to_disc < 0.7 * half) & (ub**2 < 0.8)] = LABEL["worn_disc"]

    beside = np.abs(x) - spine.canal[0]
    arch = (beside > -1) & (beside < 11) & (np.abs(u + 1) < spine.canal[1] + 1)
    labels[arch] = LABEL["cortex"]
    labels[arch & (to_disc > 0.27)] = LABEL["marrow"]
    foramen = arch & (to_disc < 0.22)
    labels[foramen] = LABEL["fat"]
    labels[foramen & (np.hypot((to_disc - 0.05) * spine.level_mm, u + 2) < 2.6)] = LABEL["root"]

    behind = u - spine.canal[1]
    tilted = level + 0.45 * behind / spine.level_mm
    from_middle = np.abs((tilted + 0.5) % 1 - 0.5)
    lamina = (behind > 0.5) & (behind < 7) & (np.abs(x) < spine.canal[0] + 8)
    labels[lamina & (from_middle < 0.34)] = LABEL["cortex"]
    labels[lamina & (from_middle < 0.26) & (behind > 2)] = LABEL["marrow"]
    between = (behind > 0.5) & (behind < spine.spinous_mm) & (np.abs(x) < 4.5)
    labels[between] = np.where(texture[between] > 0.1, LABEL["fat"], LABEL["muscle"])
    labels[between & (from_middle < 0.31)] = LABEL["cortex"]
    labels[between & (from_middle < 0.26) & (behind > 2) & (np.abs(x) < 3.2)] = LABEL["marrow"]
    labels[(behind > -0.5) & (behind < 4.5 - np.abs(x) / 2) & (from_middle > 0.3)] = LABEL["fat"]


def paint_canal(labels, spine, x, u, z, texture):
    """CSF, cord with its lesions, cauda equina. Returns where lesion is."""
    canal = (x / spine.canal[0]) ** 2 + (u / spine.canal[1]) ** 2
    labels[(canal < 1.25) & (z < spine.brain_z)] = LABEL["ligament"]
    labels[(canal < 1) & ((z < spine.brain_z + 12) | (u < 0))] = LABEL["csf"]
    strands = np.sin(2.6 * x + 0.9 * np.sin(z / 17)) * np.sin(2.1 * u + z / 40) > -0.1
    labels[(canal < 0.85) & (u > 0.1 * spine.canal[1]) & strands & (z < spine.conus_z + 15)] = LABEL["root"]

    size = np.clip((z - spine.conus_z) / 26, 0, 1) ** 0.6
    for lesion in spine.lesions:
        size = size * (1 + lesion.swelling * np.exp(-(((z - lesion.z) / (0.55 * lesion.length)) ** 4)))
    size = np.maximum(size, 1e-3) * (1 + 0.5 * np.clip((z - spine.brain_z) / 25, 0, 1))  # brain stem
    cx, cu = x / (spine.cord[0] * size), (u + 0.4) / (spine.cord[1] * size)
    cord = cx**2 + cu**2 < 1
    labels[cord] = LABEL["cord"]
    labels[cx**2 + cu**2 < 0.2] = LABEL["grey"]
    where = np.zeros(labels.shape, bool)
    for lesion in spine.lesions:
        h = (z - lesion.z) / (lesion.length / 2)
        sides = zip((cx, cu), lesion.offset, lesion.half_width)
        across = sum(((c - offset) / half_width) ** 2 for c, offset, half_width in sides)
        here = cord & (h**4 + across < 1 + 0.3 * texture)
        labels[here] = LABEL["lesion"]
        if lesion.cyst:
            labels[here & (h > 0.45) & (across < 0.55)] = LABEL["cyst"]
        where |= here
    return where


def paint_head(labels, spine, x, y, z):
    """Brain stem and cerebellum above `brain_z`, as one ellipsoid inside a skull."""
    top = spine.brain_z
    middle = spine.middle(z)[0]
    centre = spine.middle(top)[0] + 14
    radius = np.sqrt((x / 70) ** 2 + ((y - centre) / 60) ** 2 + ((z - top - 46) / 52) ** 2)
    outside = (np.hypot(x, y - middle) > 10) | (z > top + 4)
    for limit, tissue in ((1.12, "fat"), (1.06, "cortex"), (1.0, "csf")):
        labels[(radius < limit) & outside] = LABEL[tissue]
    brain = radius < 0.95
    labels[brain] = LABEL["cord"]
    behind = np.hypot(y - middle - 24, z - top - 38)
    labels[brain & (behind < 36) & (np.sin(0.8 * behind + np.sin(z / 5)) > 0.6) & (y > middle + 16)] = LABEL["grey"]
    cistern = np.hypot((y - middle) / 12, x / 18) < 1
    ventricle = ((y - middle - 10) / 7) ** 2 + ((z - top - 36) / 15) ** 2 + (x / 8) ** 2 < 1
    labels[brain & (cistern & (y < middle + 3) | ventricle)] = LABEL["csf"]


def paint(spine, points):
    """Tissue labels at the points, and where the cord has a lesion."""
    x, u, z = spine_coordinates(spine, points)
    texture = waves(spine.seed + 1, 18, points)
    labels = np.zeros(x.shape, np.uint8)
    paint_surroundings(labels, spine, x, u, z, texture)
    paint_column(labels, spine, x, u, spine.level(z), texture)
    if spine.brain_z < 1e3:
        paint_head(labels, spine, *points)
    return labels, paint_canal(labels, spine, x, u, z, texture)


def signal(spine, points, labels, contrast):
    """Relative signal of the tissues, uneven within them and falling off away from the coil at the back;
    before the bodies a saturation band keeps moving organs dark."""
    table = np.array([values[CONTRASTS.index(contrast)] for values in TISSUES.values()], points.dtype)
    uneven = 1 + 0.07 * waves(spine.seed + 2, 9, points) + 0.05 * waves(spine.seed + 3, 40, points)
    u = points[1] - spine.middle(points[2])[0]
    saturated = 0.4 + 0.6 / (1 + np.exp(-(u + spine.canal[1] + spine.body[1] + 20) / 3))
    return table[labels] * uneven * saturated * np.exp(np.minimum(u - spine.spinous_mm, 0) / 130)
