"""The lesions of the four diseases, drawn so that their appearances overlap as those of patients do.

A lesion is told in the cord's own measures: lengths along the cord in mm, offsets and half widths across it as
fractions of the cord's half widths (x to the left, u to the back). What each disease tends to show is in
README.md here; every tendency here has exceptions, so that no single sign decides.
"""

from dataclasses import dataclass, field
from typing import Dict, List, Tuple

import numpy as np

from spine import Spine

CLASSES = ("astrocytoma", "ependymoma", "ms", "nmosd", "healthy")


@dataclass
class Lesion:
    s: float
    half_length: float
    offset: Tuple[float, float] = (0.0, 0.0)
    half_width: Tuple[float, float] = (0.6, 0.6)
    softness: float = 0.15
    """Width of the margin as a fraction of the lesion."""
    irregular: float = 0.1
    signal: float = 0.35
    """Added to the cord's, relative to the fluid."""
    mottled: float = 0.1
    blunt: float = 2.0
    """Exponent of the profile along the cord: 2 tapers, 4 ends bluntly."""
    swelling: float = 0.0
    """Growth of the cord's half widths at the lesion."""
    lopsided: float = 0.0
    """How far the swollen cord leans towards the lesion's offset."""
    oedema_mm: float = 0.0
    oedema_signal: float = 0.0
    spots: float = 0.0
    """Signal of bright spots inside."""
    cysts: List[Tuple[float, float, float, float]] = field(default_factory=list)
    """s, half length in mm, radius across, offset u: belong to the lesion."""
    caps: List[Tuple[float, float]] = field(default_factory=list)
    """s and thickness in mm of dark rims of old blood at the poles."""


@dataclass
class Disease:
    label: str
    lesions: List[Lesion] = field(default_factory=list)
    syrinx: Tuple[float, float, float] = None
    """s from, s to, radius as a fraction of the cord: fluid beside the lesion, not part of it."""
    atrophy: float = 0.0


SIGNS = ("segments", "all_segments", "lesions", "eccentricity", "softness", "irregularity", "mottling", "swelling", "lopsidedness",
         "oedema", "cysts", "caps", "syrinx")


def signs(disease: Disease, spine: Spine) -> Dict[str, float]:
    """What tells the diseases apart, in numbers; none of the healthy. `segments` is of the lesion that spans most of them, `lesions`, `all_segments`
    and `syrinx` are of the case, the others of the longest lesion."""
    if not disease.lesions:
        return {}
    segments = [2 * lesion.half_length / spine.at("height", lesion.s) for lesion in disease.lesions]
    lesion = max(disease.lesions, key=lambda lesion: lesion.half_length)
    return {
        "segments": max(segments),
        "all_segments": sum(segments),
        "lesions": len(segments),
        "eccentricity": float(np.hypot(*lesion.offset)),
        "softness": lesion.softness,
        "irregularity": lesion.irregular,
        "mottling": lesion.mottled,
        "swelling": lesion.swelling,
        "lopsidedness": lesion.lopsided,
        "oedema": lesion.oedema_signal if lesion.oedema_mm else 0.0,
        "cysts": len(lesion.cysts),
        "caps": len(lesion.caps),
        "syrinx": float(disease.syrinx is not None),
    }


def place(random, window, half_length):
    """A centre that keeps the most of the lesion inside the visible cord."""
    top, bottom = window
    reach = min(0.8 * half_length, 0.45 * (bottom - top))
    return random.uniform(top + reach, bottom - reach)


def length_mm(spine, window, segments):
    """A length in vertebral segments as half the mm, at most most of what can be seen."""
    middle = (window[0] + window[1]) / 2
    return min(segments * spine.at("height", middle), 0.86 * (window[1] - window[0])) / 2


def beyond(random, probability, often, seldom):
    """A number from the range `often`, with `probability` from the range `seldom`."""
    return random.uniform(*(seldom if random.random() < probability else often))


def oddness(random):
    """How likely each sign of a case is untypical. Signs of one case go together: a few cases look like another disease."""
    return random.choice([0.06, 0.3, 0.75], p=[0.64, 0.26, 0.10])


def sideways(random, distance):
    angle = random.uniform(0, 2 * np.pi)
    return distance * np.cos(angle), distance * np.sin(angle)


def in_section(random, distance):
    """Mostly to the front or the back, where a sagittal section shows it."""
    angle = random.choice([-0.5, 0.5]) * np.pi + random.normal(0, 0.6)
    return distance * np.cos(angle), distance * np.sin(angle)


def astrocytoma(random, spine, window) -> Disease:
    odd = oddness(random)
    half = length_mm(spine, window, beyond(random, 0.5 * odd, (1.6, 5.5), (0.9, 2.0)))
    lesion = Lesion(
        place(random, window, half), half, in_section(random, beyond(random, odd, (0.25, 0.5), (0.0, 0.2))),
        (random.uniform(0.5, 0.82), random.uniform(0.5, 0.8)), softness=beyond(random, odd, (0.4, 0.95), (0.08, 0.35)),
        irregular=beyond(random, odd, (0.18, 0.42), (0.03, 0.15)), signal=random.uniform(0.2, 0.45),
        mottled=beyond(random, odd, (0.3, 0.7), (0.05, 0.25)), blunt=random.uniform(2, 3.5),
        swelling=beyond(random, 0.1, (0.32, 0.9), (0.05, 0.3)))
    lesion.lopsided = lesion.swelling * beyond(random, odd, (0.5, 1.0), (0.0, 0.35))
    if random.random() < 0.75 - 0.3 * (odd > 0.5):
        lesion.oedema_mm, lesion.oedema_signal = random.uniform(6, 28), random.uniform(0.3, 0.6) * lesion.signal
    disease = Disease("astrocytoma", [lesion])
    if random.random() < 0.25:
        inside = lesion.s + random.uniform(-0.5, 0.5) * half
        lesion.cysts.append((inside, random.uniform(4, 11), random.uniform(0.3, 0.5), lesion.offset[1]))
    if random.random() < 0.06 + 0.35 * (odd > 0.5):
        add_polar_cysts(random, lesion)
    if random.random() < 0.03 + 0.15 * (odd > 0.5):
        add_caps(random, lesion)
    if random.random() < 0.12 + 0.25 * (odd > 0.5):
        add_syrinx(random, disease)
    return disease


def ependymoma(random, spine, window) -> Disease:
    odd = oddness(random)
    half = length_mm(spine, window, beyond(random, 0.5 * odd, (1.5, 4.8), (0.8, 1.6)))
    lesion = Lesion(
        place(random, window, half), half, in_section(random, beyond(random, odd, (0.0, 0.12), (0.15, 0.42))),
        (random.uniform(0.65, 0.9), random.uniform(0.65, 0.9)), softness=beyond(random, odd, (0.06, 0.22), (0.3, 0.8)),
        irregular=beyond(random, odd, (0.02, 0.12), (0.12, 0.35)), signal=random.uniform(0.2, 0.45),
        mottled=beyond(random, odd, (0.04, 0.2), (0.25, 0.55)), blunt=random.uniform(2.4, 4.5),
        swelling=beyond(random, 0.1, (0.32, 0.9), (0.05, 0.3)))
    lesion.lopsided = lesion.swelling * beyond(random, odd, (0.0, 0.2), (0.35, 0.9))
    if random.random() < 0.2 + 0.3 * (odd > 0.5):
        lesion.oedema_mm, lesion.oedema_signal = random.uniform(4, 20), random.uniform(0.2, 0.5) * lesion.signal
    disease = Disease("ependymoma", [lesion])
    if random.random() < 0.66 - 0.45 * (odd > 0.5):
        add_polar_cysts(random, lesion)
    if random.random() < 0.34 - 0.2 * (odd > 0.5):
        add_caps(random, lesion)
    if random.random() < 0.45 - 0.25 * (odd > 0.5):
        add_syrinx(random, disease)
    return disease


def add_polar_cysts(random, lesion):
    for side in (-1, 1):
        if random.random() < 0.75:
            length = random.uniform(4, 11)
            lesion.cysts.append((lesion.s + side * (lesion.half_length + 0.5 * length), length, random.uniform(0.42, 0.7), 0.0))


def add_caps(random, lesion):
    for side in (-1, 1):
        if random.random() < 0.75:
            lesion.caps.append((lesion.s + side * (lesion.half_length - 1), random.uniform(2, 5)))


def add_syrinx(random, disease):
    lesion = disease.lesions[0]
    reach = lesion.half_length + random.uniform(8, 60)
    disease.syrinx = (lesion.s - reach * (random.random() < 0.7), lesion.s + reach * (random.random() < 0.7), random.uniform(0.15, 0.35))


def ms(random, spine, window) -> Disease:
    odd = oddness(random)
    count = int(random.choice([1, 2, 3, 4, 5], p=[0.42, 0.25, 0.17, 0.1, 0.06]))
    lesions, taken = [], []
    signal = random.uniform(0.2, 0.38)
    for number in range(count):
        # Neighbouring plaques that run together make some lesions of MS long.
        segments = beyond(random, 0.5 * odd if number == 0 else 0.03, (0.45, 1.7), (1.7, 3.8))
        half = length_mm(spine, window, segments)
        for _ in range(20):
            s = place(random, window, half)
            if all(abs(s - other) > half + reach + 2 for other, reach in taken):
                break
        else:
            continue
        taken.append((s, half))
        dorsal = random.random() < 0.55
        offset = (random.uniform(-0.25, 0.25), random.uniform(0.35, 0.62)) if dorsal else (
            random.choice([-1, 1]) * random.uniform(0.35, 0.6), random.uniform(-0.3, 0.4))
        if random.random() < odd:
            offset = sideways(random, random.uniform(0, 0.3))
        width = 0.12 * (segments > 1.7)
        lesions.append(Lesion(
            s, half, offset, (random.uniform(0.42, 0.66) + width, random.uniform(0.4, 0.62) + width),
            softness=beyond(random, odd, (0.1, 0.3), (0.3, 0.6)), irregular=beyond(random, odd, (0.02, 0.15), (0.1, 0.3)),
            signal=signal * random.uniform(0.85, 1.15), mottled=beyond(random, odd, (0.02, 0.15), (0.12, 0.35)),
            blunt=random.uniform(2.2, 4), swelling=random.uniform(0.04, 0.16) if random.random() < 0.2 * odd + 0.1 else 0.0))
    return Disease("ms", lesions, atrophy=random.uniform(0.05, 0.2) if random.random() < 0.2 else 0.0)


def nmosd(random, spine, window) -> Disease:
    odd = oddness(random)
    half = length_mm(spine, window, beyond(random, 0.5 * odd, (2.3, 7.2), (0.8, 2.4)))
    swelling = beyond(random, 0.35, (0.05, 0.25), (0.0, 0.05))
    signal = random.uniform(0.2, 0.42)

    def one(half):
        return Lesion(
            place(random, window, half), half, sideways(random, beyond(random, odd, (0.0, 0.15), (0.15, 0.45))),
            (random.uniform(0.48, 0.82), random.uniform(0.48, 0.82)), softness=beyond(random, odd, (0.3, 0.7), (0.1, 0.3)),
            irregular=beyond(random, odd, (0.1, 0.3), (0.02, 0.15)), signal=signal, mottled=beyond(random, odd, (0.1, 0.35), (0.02, 0.15)),
            blunt=random.uniform(2.2, 4), swelling=swelling, spots=random.uniform(0.15, 0.4) if random.random() < 0.5 - 0.35 * odd else 0.0)

    lesions = [one(half)]
    if random.random() < 0.12 + 0.3 * odd:
        second = one(length_mm(spine, window, random.uniform(0.7, 2.0)))
        if abs(second.s - lesions[0].s) > second.half_length + lesions[0].half_length + 6:
            lesions.append(second)
    return Disease("nmosd", lesions, atrophy=random.uniform(0.04, 0.12) if swelling < 0.05 and random.random() < 0.3 else 0.0)


def healthy(random, spine, window) -> Disease:
    return Disease("healthy")


def draw_disease(seed: int, label: str, spine: Spine, window: Tuple[float, float]) -> Disease:
    """`window` is the visible part of the cord, as `s` from and to."""
    draw = {"astrocytoma": astrocytoma, "ependymoma": ependymoma, "ms": ms, "nmosd": nmosd, "healthy": healthy}[label]
    return draw(np.random.default_rng([seed, 2]), spine, window)
