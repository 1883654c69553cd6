"""A simulated patient: the shape of the spine, its canal and cord, drawn from a seed.

Everything is told along one axis, the middle of the spinal canal. `s` is the way along it in mm, growing
downwards from the top of C1; `level` counts vertebrae on the same axis (C1 begins at 1, T1 at 8, L1 at 20, S1 at
25; discs lie at whole numbers); `u` is the distance behind the axis and `x` the distance to its left, in mm.
Sizes per level are rounded means of adults from the anatomical literature.
"""

from dataclasses import dataclass, field
from typing import Dict, List, Tuple

import numpy as np

STEP_MM = 0.5
"""Step of the tables along the canal."""

KNOTS = [-4.0, 0.0, 1.0, 3.0, 5.5, 7.0, 8.0, 12.0, 16.0, 18.5, 20.0, 22.0, 24.0, 25.0, 27.0, 30.0]
SIZES_MM = {
    "height": [19, 19, 17, 18, 18, 19, 20, 23, 26, 28, 32, 35, 35, 31, 25, 22],
    "body_depth": [10, 10, 12, 15, 16, 17, 17, 21, 26, 29, 32, 34, 35, 29, 19, 12],
    "disc": [0.1, 0.1, 2.0, 2.5, 2.7, 2.7, 2.3, 2.0, 2.5, 3.1, 4.2, 5.4, 5.6, 3.5, 0.8, 0.5],  # half height
    "canal_u": [12, 11, 9.0, 6.9, 6.5, 6.7, 7.0, 6.9, 7.2, 8.0, 8.4, 8.3, 8.2, 7.2, 5.0, 3.5],  # half width
    "canal_x": [14, 14, 13, 11.5, 12, 12, 10.5, 8.6, 8.8, 10, 11, 11.5, 12.5, 13, 9, 6],
    "cord_u": [5.5, 4.6, 4.2, 3.9, 4.0, 3.7, 3.5, 3.1, 3.2, 3.8, 3.4, 3.0, 3.0, 3.0, 3.0, 3.0],
    "cord_x": [6.5, 5.8, 5.8, 6.2, 6.9, 6.0, 5.2, 4.3, 4.4, 5.0, 4.2, 4.0, 4.0, 4.0, 4.0, 4.0],
    "spinous": [12, 12, 14, 20, 24, 32, 34, 32, 30, 28, 30, 32, 28, 20, 12, 8],
    "front": [70, 66, 62, 56, 52, 54, 70, 98, 112, 112, 102, 92, 88, 92, 98, 100],  # from axis to ventral skin
}
LEVELS = {"cervical": (4.2, 6.8), "thoracic": (12.0, 15.0), "lumbar": (20.2, 22.2)}
"""Levels on which the field of view is centred."""


@dataclass
class Spine:
    """Tables along `s` (step STEP_MM, from `s_first`) and single facts of one patient."""

    region: str
    seed: int
    s_first: float
    tables: Dict[str, np.ndarray]
    """Per step: level, the sizes above, axis position ax, ay, az and direction ty, tz; LPS mm."""
    conus_s: float
    fat_mm: float
    """Thickness of the fat under the skin of the back."""
    values: Dict[str, float]
    """Relative T2 signal of the tissues; cerebrospinal fluid is 1."""
    discs: Dict[int, Tuple[float, float]]
    """Per disc (level at which it lies): signal of the nucleus and bulge into the canal in mm."""
    marrow: Dict[int, float]
    haemangiomas: List[Tuple[float, float, float, float]] = field(default_factory=list)
    """s, u, radius, signal."""
    stenosis: List[Tuple[float, float]] = field(default_factory=list)
    """s and mm by which the ligament bulges from behind."""
    flow: float = 0.0
    """Strength of the dark flow voids in the fluid."""
    central_canal: float = 0.0
    """Signal added by a visible central canal: seen in healthy cords, not a lesion."""
    metal: Tuple[float, float, float] = None
    """s, u, radius of a metal implant's void."""

    @property
    def s_last(self):
        return self.s_first + STEP_MM * (len(self.tables["level"]) - 1)

    def s_of(self, level):
        return float(np.interp(level, self.tables["level"], self.s_first + STEP_MM * np.arange(len(self.tables["level"]))))

    def at(self, name, s):
        return float(np.interp(s, self.s_first + STEP_MM * np.arange(len(self.tables[name])), self.tables[name]))


def smooth_walk(random, positions, knots, deviation):
    """A smooth random curve over `positions`, zero on the average."""
    places = np.linspace(positions[0], positions[-1], knots)
    heights = random.normal(0, deviation, knots)
    wave = np.interp(positions, places, heights - heights.mean())
    width = max(3, len(positions) // knots)
    kernel = np.hanning(2 * width + 1)
    return np.convolve(np.pad(wave, width, mode="edge"), kernel / kernel.sum(), mode="valid")


def axis_tables(random, levels):
    """Position and direction of the canal's axis: lordosis of neck and loin, kyphosis of the chest."""
    bend = {  # degrees from the vertical, top of the segment to its bottom: forwards is positive
        "knots": [-4, 1, 4, 7, 9, 13, 18, 21, 23, 25, 28],
        "angle": [-4, -8, 0, 12, 14, 2, -12, -10, 6, 30, 18],
    }
    angle = np.interp(levels, bend["knots"], np.array(bend["angle"], float) * random.uniform(0.35, 1.25))
    angle = angle + smooth_walk(random, levels, 7, 5) + random.normal(0, 4)
    width = 41
    angle = np.convolve(np.pad(angle, width // 2, mode="edge"), np.ones(width) / width, mode="valid")
    angle = np.radians(np.clip(angle, -42, 42))
    ty, tz = np.sin(angle), -np.cos(angle)
    ay, az = np.cumsum(ty) * STEP_MM, np.cumsum(tz) * STEP_MM
    ax = smooth_walk(random, levels, 5, random.choice([0.6, 1.5, 3.0], p=[0.5, 0.35, 0.15]))
    return {"ty": ty, "tz": tz, "ax": ax, "ay": ay, "az": az}


def draw_values(random):
    """T2 signal of the tissues as fast spin echo shows them; in some protocols fat is suppressed."""
    base = {
        "csf": (1.0, 0.04), "cord": (0.44, 0.05), "grey": (0.05, 0.02), "marrow": (0.36, 0.08), "muscle": (0.18, 0.04),
        "fat": (0.74, 0.18), "cortex": (0.06, 0.02), "ligament": (0.07, 0.02), "annulus": (0.14, 0.04),
        "vessel": (0.05, 0.02), "organ": (0.30, 0.06), "root": (0.45, 0.06), "air": (0.0, 0.0), "skin": (0.35, 0.08),
        "mucosa": (0.75, 0.1), "lesion": (1.0, 0.0),
    }
    values = {name: max(0.0, random.normal(*spread)) for name, spread in base.items()}
    values["cord"] = np.clip(values["cord"], 0.33, 0.56)
    values["fat"] = np.clip(values["fat"], 0.4, 1.15)
    if random.random() < 0.12:
        values["fat"] = random.uniform(0.06, 0.18)
        values["marrow"] = random.uniform(0.10, 0.2)
    return values


def draw_spine(seed: int, region: str = None, worn: float = None) -> Spine:
    """`worn` in [0, 1] is the degree of degeneration; drawn if not given."""
    random = np.random.default_rng([seed, 1])
    region = region or random.choice(list(LEVELS), p=[0.5, 0.32, 0.18])
    scale = random.normal(1, 0.06)
    levels_fine = np.linspace(-4, 30, 2000)
    heights = np.interp(levels_fine, KNOTS, SIZES_MM["height"]) * scale
    s_fine = np.concatenate([[0], np.cumsum((heights[1:] + heights[:-1]) / 2 * np.diff(levels_fine))])
    s_fine -= np.interp(1.0, levels_fine, s_fine)
    s = np.arange(s_fine[0], s_fine[-1], STEP_MM)
    levels = np.interp(s, s_fine, levels_fine)
    tables = {name: np.interp(levels, KNOTS, sizes) * scale * random.normal(1, 0.05) for name, sizes in SIZES_MM.items()}
    tables["height"] = np.interp(levels, KNOTS, SIZES_MM["height"]) * scale
    tables["cord_u"] = tables["cord_u"] * random.normal(1, 0.04)
    tables["cord_u"] *= 1 + smooth_walk(random, s, 25, 0.04)
    tables["canal_u"] *= 1 + smooth_walk(random, s, 25, 0.03)
    tables["level"] = levels
    tables.update(axis_tables(random, levels))
    worn = random.beta(1.2, 2.0) if worn is None else worn
    discs, marrow = {}, {}
    tone = random.normal(0, 0.04)
    for level in range(-4, 31):
        bad = random.random() < worn * (1.0 if level < 8 or level > 18 else 0.5)
        bright = random.uniform(0.12, 0.28) if bad else random.uniform(0.38, 0.8) * (1 - 0.35 * worn)
        bulge = random.uniform(0.8, 3.8) if bad and random.random() < 0.7 else random.uniform(0, 0.6)
        discs[level] = (bright, bulge)
        marrow[level] = 1 + tone + random.normal(0, 0.05)
    spine = Spine(region, seed, float(s[0]), {k: v.astype(np.float32) for k, v in tables.items()},
                  conus_s=float(np.interp(random.normal(20.6, 0.45), levels, s)), fat_mm=random.uniform(5, 26),
                  values=draw_values(random), discs=discs, marrow=marrow)
    for _ in range(random.poisson(0.7)):
        level = random.integers(3, 25) + 0.5
        where = spine.s_of(level) + random.normal(0, 3)
        depth = spine.at("body_depth", where)
        spine.haemangiomas.append((where, -spine.at("canal_u", where) - depth * random.uniform(0.25, 0.75),
                                   random.uniform(2, 0.35 * depth), random.uniform(0.5, 0.9)))
    for level in range(3, 26):
        if random.random() < 0.3 * worn:
            spine.stenosis.append((spine.s_of(level), random.uniform(0.5, 3.0)))
    spine.flow = random.choice([0, random.uniform(0.1, 0.6)], p=[0.35, 0.65])
    spine.central_canal = random.choice([0, random.uniform(0.04, 0.16)], p=[0.85, 0.15])
    if random.random() < 0.04:
        where = spine.s_of(random.uniform(*LEVELS[region]) + random.normal(0, 1.5))
        spine.metal = (where, random.choice([-1, 1]) * spine.at("canal_u", where) * random.uniform(1.7, 2.8), random.uniform(4, 10))
    return spine
