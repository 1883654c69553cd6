"""What lies at points of a simulated patient: T2 signal, and whether it is cord or lesion.

Tissues are laid over each other from the outside to the cord. Each is a shape with a signed distance in mm
(negative inside) and a soft edge, so that the image is free of staircases before the scanner samples it.
"""

from typing import NamedTuple

import cv2
import numpy as np

from lesions import Disease
from spine import STEP_MM, Spine


class Texture:
    """Smooth noise of unit deviation in scanner space: fixed to the voxels, continuous through the slices."""

    def __init__(self, random, extent_mm, wavelength_mm):
        cells = [max(4, int(np.ceil(length / wavelength_mm)) + 3) for length in extent_mm]
        self.slabs = random.standard_normal(cells, dtype=np.float32)
        self.step = wavelength_mm

    def at(self, depth_mm, shape):
        """[rows, columns] at `depth_mm` through the slices."""
        place = np.clip(depth_mm / self.step, 0, len(self.slabs) - 1.001)
        index, part = int(place), place - int(place)
        slab = (1 - part) * self.slabs[index] + part * self.slabs[index + 1]
        slab = slab / np.sqrt((1 - part) ** 2 + part**2)
        return cv2.resize(slab, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


class Textures(NamedTuple):
    fine: np.ndarray
    middle: np.ndarray
    coarse: np.ndarray
    shape: np.ndarray


class Painted(NamedTuple):
    signal: np.ndarray
    cord: np.ndarray
    """Coverage by the cord, 0 to 1."""
    lesion: np.ndarray


def cover(distance, softness):
    """Coverage 0 to 1 of a shape from its signed distance."""
    return np.minimum(np.maximum(0.5 - distance * np.float32(1 / softness), 0), 1)


def choose(condition, yes, no):
    """`np.where` in single precision, for numbers as well."""
    return np.where(condition, np.float32(yes), np.float32(no))


class Painter:
    def __init__(self, spine: Spine, disease: Disease, edge_mm: float, seed: int):
        self.spine, self.disease, self.edge = spine, disease, edge_mm
        self.random = np.random.default_rng([seed, 3])
        self.t = dict(spine.tables)
        self.values = spine.values
        self.nuclei, self.bulges = np.array([spine.discs[level] for level in range(-4, 31)], np.float32).T
        self.tones = np.array([spine.marrow[level] for level in range(-4, 31)], np.float32)
        self.prepare_cord()
        self.prepare_neighbours()

    # What is drawn once for the patient

    def prepare_cord(self):
        """Half widths of the cord and its canal along s with taper, swelling and atrophy, and the cord's lean off the axis."""
        s = self.spine.s_first + STEP_MM * np.arange(len(self.t["level"]), dtype=np.float32)
        taper = np.clip((self.spine.conus_s - s) / 32, 0, 1) ** 0.55
        growth = np.full_like(s, 1 - self.disease.atrophy)
        lean_x, lean_u = np.zeros_like(s), np.zeros_like(s) - self.random.uniform(-0.8, 1.6)
        for lesion in self.disease.lesions:
            profile = np.exp(-np.abs((s - lesion.s) / (0.95 * lesion.half_length + 4)) ** 3)
            growth *= 1 + lesion.swelling * profile
            for width in ("canal_u", "canal_x"):  # what swells beyond an inflamed cord grew slowly, and the bone gave way
                self.t[width] = self.t[width] * (1 + 0.45 * max(lesion.swelling - 0.25, 0) * profile)
            lean_x += profile * lesion.lopsided * lesion.offset[0] * self.t["cord_x"] * 1.2
            lean_u += profile * lesion.lopsided * lesion.offset[1] * self.t["cord_u"] * 1.2
        radius_u = np.minimum(self.t["cord_u"] * growth, self.t["canal_u"] - 0.5) * taper
        radius_x = np.minimum(self.t["cord_x"] * growth, self.t["canal_x"] - 0.7) * taper
        room = np.maximum(self.t["canal_u"] - 0.4 - radius_u, 0)
        self.cord = {"u": radius_u, "x": radius_x, "lean_x": lean_x, "lean_u": np.clip(lean_u, -room, room)}
        self.cord = {name: values.astype(np.float32) for name, values in self.cord.items()}
        self.csf_behind = np.clip(np.interp(s, s[::200], self.random.uniform(0, 1, len(s[::200]))), 0, 1).astype(np.float32)

    def prepare_neighbours(self):
        """Vessels and airways before the spine: level range, depth before the bodies, x, radius, tissue."""
        draw, values = self.random.uniform, self.values
        self.tubes = [((-3, 8.6), draw(11, 16), draw(-2, 2), draw(6, 9), values["air"], values["mucosa"]),
                      ((8, 12.5), draw(9, 14), draw(-4, 4), draw(7, 9), values["air"], values["muscle"]),
                      ((11, 24.2), draw(12, 20), draw(2, 14), draw(8, 12), values["vessel"], values["vessel"]),
                      ((16, 24.2), draw(14, 22), draw(-22, -12), draw(8, 11), draw(0.03, 0.3), values["vessel"]),
                      ((2, 8), draw(8, 14), draw(22, 30), draw(3, 4.5), values["vessel"], values["vessel"]),
                      ((2, 8), draw(8, 14), draw(-30, -22), draw(3, 4.5), values["vessel"], values["vessel"])]
        self.saturation = self.random.choice([0, draw(0.3, 0.95)], p=[0.3, 0.7])
        self.slant = draw(0.25, 0.7)
        self.fat_behind = draw(0.2, 1.2)
        self.streaks, self.fat_grain = draw(-0.1, 0.45), draw(0.03, 0.22)

    # One layer

    def layer(self, x, y, z, textures: Textures) -> Painted:
        place = self.place(x, y, z)
        image = self.surroundings(place, textures)
        if place["level"].min() < 1.2:
            image = self.head(image, place, textures)
        band = self.band(place)
        place = {name: values[:, band] for name, values in place.items()}
        textures = Textures(*(texture[:, band] for texture in textures))
        inner = self.column(image[:, band], place, textures)
        inner = self.arches(inner, place, textures)
        painted = Painted(image, np.zeros_like(image), np.zeros_like(image))
        for whole, part in zip(painted, self.canal(inner, place, textures)):
            whole[:, band] = part
        if self.spine.metal:
            painted.signal[:, band] = self.beside_metal(painted.signal[:, band], place, textures)
        return painted

    def beside_metal(self, image, p, textures):
        """The void around an implant, with the signal that its field has pushed to the rim."""
        s, u, radius = self.spine.metal
        distance = np.hypot(np.hypot(p["s"] - s, p["u"] - u), 0.7 * p["x"]) - radius * (1 + 0.25 * textures.coarse)
        return image * (1 - cover(distance, 3)) + 0.6 * cover(np.abs(distance - 2) - 0.8, 1.5)

    def band(self, place) -> slice:
        """The image columns that hold the column, its processes and the canal."""
        t, i = self.t, place["i"]
        near = (place["u"] > -t["canal_u"][i] - t["body_depth"][i] - 8) & (place["u"] < t["canal_u"][i] + 1.3 * t["spinous"][i] + 5)
        columns = np.flatnonzero(near.any(axis=0))
        return slice(columns[0], columns[-1] + 1) if len(columns) else slice(0, 1)

    def place(self, x, y, z):
        """Each point in the coordinates of the spine."""
        t, first = self.t, self.spine.s_first
        order = slice(None, None, -1)
        guess = np.interp(z[:, :1], t["az"][order], np.arange(len(t["az"]), dtype=np.float32)[order]).astype(np.float32)
        place = np.broadcast_to(guess, z.shape)
        last = np.float32(len(t["az"]) - 1)
        for step in range(5):
            whole = np.rint(np.minimum(np.maximum(place, 0), last))
            i = whole.astype(np.int32)
            ty, tz, from_y, from_z = t["ty"][i], t["tz"][i], y - t["ay"][i], z - t["az"][i]
            along = from_y * ty + from_z * tz
            place = whole + np.float32(0.85 / STEP_MM) * along
        u = from_z * ty - from_y * tz
        level = t["level"][i] + np.minimum(np.maximum(along, -3), 3) / t["height"][i]
        return {"i": i, "s": np.float32(first) + np.float32(STEP_MM) * whole + along, "u": u, "x": x - t["ax"][i], "level": level}

    def surroundings(self, p, textures):
        """Muscle, fat, skin, organs and air around the column."""
        v, t, i, u, x = self.values, self.t, p["i"], p["u"], p["x"]
        front = u + t["canal_u"][i] + 2 + t["body_depth"][i]
        organ = v["organ"] * (1 + 0.5 * textures.middle) + choose(textures.coarse > 0.9, 0.7 * v["fat"], 0)
        chest = (p["level"] > 9) & (p["level"] < 18)
        organ = np.where(chest & (textures.coarse < 0.2), 0.03, organ)
        muscle = v["muscle"] * (1 + 0.25 * textures.fine + 0.15 * textures.middle)
        image = np.where(u > 0, muscle, organ)
        streaks = cover(np.abs(0.6 * textures.fine + textures.middle - 0.3) - self.streaks, 0.4) * (u > 2)
        image = image + streaks * (v["fat"] * (0.75 + 0.2 * textures.coarse) - image)
        septa = cover(np.abs(textures.middle + 0.5 * textures.coarse) - 0.09 * self.fat_behind - 0.06, 0.25) * (u > 2) * (np.abs(x) > 5)
        image = image + septa * (0.9 * v["fat"] - image)
        strip = cover(np.abs(front + 4) - choose(p["level"] < 8, 6, 4), 2) * (np.abs(x) < 22)
        image = image + strip * (0.8 * v["muscle"] - image)
        for (top, bottom), depth, left, radius, inside, wall in self.tubes:
            near = (p["level"] > top) & (p["level"] < bottom)
            distance = np.hypot(front + depth, x - left) - radius * (1 + 0.12 * textures.coarse)
            image = np.where(near, image + cover(distance - 1.2, self.edge) * (wall - image), image)
            image = np.where(near, image + cover(distance, self.edge) * (inside - image), image)
        behind = u - t["canal_u"][i] - t["spinous"][i] - 2 - 2 * textures.shape - 0.3 * textures.coarse
        image = image + cover(-behind - np.abs(x) / 14, 1.5) * (self.fat(textures) - image)
        skin = behind - self.spine.fat_mm
        ventral = -front - t["front"][i] + t["canal_u"][i] + t["body_depth"][i] + 7 * textures.shape
        fat_front = cover(-(ventral + 8 + 0.4 * self.spine.fat_mm), 2)
        image = image + fat_front * (v["fat"] - image)
        image = image + cover(-skin, 1) * (v["skin"] - image)
        image = image * cover(skin - 2, 1) * cover(ventral, 1)
        saturated = 1 - self.saturation / (1 + np.exp(np.clip((front + 14) / 3, -30, 30)))
        return image * saturated

    def fat(self, textures):
        """Fat of the back with its septa and vessels."""
        return self.values["fat"] * (1 + self.fat_grain * (0.7 * textures.middle + 0.5 * textures.fine))

    def head(self, image, p, textures):
        """Brain stem and cerebellum in the skull, and the face before it."""
        v, u, x, s = self.values, p["u"], p["x"], p["s"]
        up = -s  # mm above the top of C1
        reach = np.sqrt((x / 68) ** 2 + ((u - 18) / 68) ** 2 + ((up - 56) / 53) ** 2) + 0.02 * textures.shape
        grey, fluid = v["cord"] + 0.06, v["csf"]
        for limit, value in ((1.13, v["fat"]), (1.06, v["cortex"]), (1.01, fluid)):
            image = image + cover((reach - limit) * 55, 1.5) * (value - image)
        image = image + cover((reach - 0.97) * 55, 1.5) * (grey + 0.04 * textures.middle - image)
        cerebellum = np.hypot((u - 32) / 25, (up - 31) / 22) + 0.05 * textures.middle
        folia = 0.5 + 0.5 * np.sin(1.5 * np.hypot(u - 24, 0.8 * (up - 30)) + 1.6 * textures.middle)
        image = image + cover((cerebellum - 1.06) * 20, 2) * (fluid - image)
        image = image + cover((cerebellum - 1) * 20, 2) * (grey + choose(folia > 0.85, 0.2 * fluid, 0) - image)
        stem = np.hypot((u + 3) / 12, (up - 34) / 19)
        image = image + cover((stem - 1.25) * 12, 2) * (up > 0) * (fluid - image)
        image = image + cover((stem - 1) * 12, 1) * (grey - 0.02 - image)
        ventricle = np.hypot((u - 12) / 4.5, (up - 34) / 12) + (np.abs(x) > 9)
        image = image + cover((ventricle - 1) * 5, 1) * (fluid - image)
        clivus = np.abs(u + 20 + 0.3 * (up - 20)) - 4.5
        image = image + cover(clivus, 1) * cover(-(up - 8), 3) * (up < 46) * (0.8 * v["marrow"] - image)
        return image

    def column(self, image, p, textures):
        """Bodies and discs with their ligaments, down to the sacrum."""
        v, t, i, u, x = self.values, self.t, p["i"], p["u"], p["x"]
        depth, width = t["body_depth"][i], 1.28 * t["body_depth"][i] + 2
        nearest, body_of = np.rint(p["level"]), np.floor(p["level"])
        to_disc = np.abs(p["level"] - nearest) * t["height"][i]  # mm from the middle of the nearest disc
        disc, body = (np.clip(whole.astype(np.int32) + 4, 0, 34) for whole in (nearest, body_of))
        nucleus, bulge, tone = self.nuclei[disc], self.bulges[disc], self.tones[body]
        half_disc = t["disc"][i]
        in_disc = to_disc < half_disc
        middle = u + t["canal_u"][i] + 1.2 + depth / 2
        waist = 0.06 * depth * np.cos(np.pi * (p["level"] - body_of - 0.5)) ** 2
        half = depth / 2 - waist + np.where(in_disc, bulge * choose(middle > 0, 1, 0.5), 0)
        ub, xb = middle / half, x / (width / 2 - waist + 0.4 * bulge * in_disc)
        shape = (np.sqrt(np.hypot(ub * ub, xb * xb)) - 1) * depth / 2
        shape = np.where(p["level"] < 1.1, np.maximum(shape, 5), shape)  # no body in C1: only its arches
        image = image + cover(shape - 1.3, self.edge) * (v["ligament"] - image)
        plate = half_disc * (0.85 + 0.3 * (1 - np.clip(ub, -1, 1) ** 2))
        marrow = v["marrow"] * tone * (1 + 0.10 * textures.fine + 0.10 * textures.middle)
        for s0, u0, radius, value in self.spine.haemangiomas:
            marrow = marrow + cover(np.hypot(p["s"] - s0, u - u0) - radius + textures.middle, 1.5) * (value - marrow)
        vein = cover(np.abs(p["level"] - body_of - 0.5) * t["height"][i] - 1.2, 1.5) * (ub > 0.3) * (np.abs(x) < 7)
        marrow = marrow + 0.7 * vein * (0.75 * v["csf"] - marrow)
        fibrous = v["annulus"] + cover((np.abs(ub) - 0.62 + 0.05 * textures.middle) * 10, 4) * cover((np.abs(xb) - 0.75) * 10, 4) * (nucleus - v["annulus"])
        fibrous = fibrous - 0.12 * nucleus * cover(to_disc - 0.5, 0.8)  # the cleft of a disc
        inner = v["cortex"] + cover(0.8 + plate - to_disc, self.edge) * (marrow - v["cortex"])
        inner = inner + cover(to_disc - plate + 0.3, self.edge) * (fibrous - inner)
        return image + cover(shape + 0.3, self.edge) * (inner - image)

    def arches(self, image, p, textures):
        """Pedicles and foramina beside the canal, laminae and spinous processes behind it."""
        v, t, i, u, x = self.values, self.t, p["i"], p["u"], p["x"]
        nearest = np.rint(p["level"])
        to_disc = np.abs(p["level"] - nearest) * t["height"][i]
        beside = np.abs(x) - t["canal_x"][i]
        arch = np.maximum(np.abs(beside - 5) - 6, np.abs(u + 1) - t["canal_u"][i] - 2)
        bone = choose(to_disc > 0.25 * t["height"][i], 0.9 * v["marrow"], v["fat"])
        image = image + cover(arch, self.edge) * (bone * (1 + 0.1 * textures.fine) - image)
        root = np.hypot(to_disc - 1.5, u + 1.5) - 2.4
        image = image + cover(np.maximum(root, arch), self.edge) * (v["root"] * 0.8 - image)
        behind = u - t["canal_u"][i]
        tilted = p["level"] - self.slant * behind / t["height"][i]
        from_middle = np.abs(tilted - 0.1 - np.rint(tilted - 0.1)) * t["height"][i]  # mm from the process' middle
        process = np.maximum(np.abs(x) - 3.2 - 0.5 * textures.coarse, np.maximum(-behind + 1, behind - t["spinous"][i] * (0.9 + 0.06 * textures.coarse)))
        thick = (0.22 + 0.05 * np.clip(behind / 25, 0, 1)) * t["height"][i]
        fatty = cover(0.2 - self.fat_behind - textures.middle - 0.4 * textures.fine, 0.6)
        between = v["muscle"] + fatty * (0.9 * self.fat(textures) - v["muscle"])
        image = image + cover(process - 1.5, self.edge) * (between - image)
        spinous = np.maximum(process, from_middle - thick)
        image = image + cover(spinous - 0.7, self.edge) * (v["cortex"] - image)
        image = image + cover(spinous + 0.7, self.edge) * (v["marrow"] * 1.05 * (1 + 0.12 * textures.fine) - image)
        lamina = np.maximum(np.maximum(np.abs(behind - 4) - 3, np.abs(x) - t["canal_x"][i] - 6), from_middle - 0.3 * t["height"][i])
        image = image + cover(lamina, self.edge) * (v["cortex"] - image)
        image = image + cover(lamina + 1, self.edge) * (0.8 * v["marrow"] - image)
        fat = np.maximum(np.abs(behind - 1.2) - 1.8 + np.abs(x) / 5, 0.26 * t["height"][i] - from_middle)
        return image + cover(fat, self.edge) * (self.fat(textures) - image)

    def canal(self, image, p, textures) -> Painted:
        """Dura, fluid with its flow voids, roots of the cauda equina, the cord and what is in it."""
        v, t, i, u, x, s = self.values, self.t, p["i"], p["u"], p["x"], p["s"]
        from_disc = np.abs(p["level"] - np.rint(p["level"])) * t["height"][i]
        bulge = self.bulges[np.clip(np.rint(p["level"]).astype(np.int32) + 4, 0, 34)] * np.exp(-np.square(from_disc / 4)) * (p["level"] > 2)
        hold = np.exp(-((x / 9) ** 2))
        front_wall = -t["canal_u"][i] + bulge * hold
        back_wall = t["canal_u"][i]
        for where, mm in self.spine.stenosis:
            back_wall = back_wall - mm * np.exp(-(((s - where) / 4) ** 2))
        centre, half = (front_wall + back_wall) / 2, np.maximum((back_wall - front_wall) / 2, 2.5)
        tube = (np.hypot((u - centre) / half, x / t["canal_x"][i]) - 1) * half
        open_below = p["level"] < 27.2
        image = image + cover(tube - 0.8, self.edge) * open_below * (v["ligament"] - image)
        fluid = v["csf"] * (1 - self.spine.flow * np.clip(textures.coarse + 0.4 * textures.middle, 0, 1.2) * np.clip(self.csf_behind[i] + choose(u > 0, 0.2, 0), 0, 1))
        tail = np.clip((s - self.spine.conus_s + 16) / 18, 0, 1)
        strands = cover(np.abs(np.sin(1.7 * u + 0.02 * s + 1.2 * textures.coarse)) - 0.55, 0.5) * (u > -0.25 * half) * tail
        fluid = fluid + 0.75 * strands * (v["root"] - fluid)
        inside = cover(tube, self.edge) * open_below
        image = image + inside * (fluid - image)
        return self.in_cord(image, inside, centre, half, p, textures)

    def in_cord(self, image, inside, centre, half, p, textures) -> Painted:
        c, i, s, v = self.cord, p["i"], p["s"], self.values
        radius_u = np.minimum(np.maximum(c["u"][i], 1e-3), half - 0.25)
        room = np.maximum(half - 0.2 - radius_u, 0)
        middle = centre + np.clip(c["lean_u"][i] - centre, -room, room)
        cu, cx = (p["u"] - middle) / radius_u, (p["x"] - c["lean_x"][i]) / np.maximum(c["x"][i], 1e-3)
        radius = np.hypot(cu, cx)
        exists = s < self.spine.conus_s - 0.5
        cord = cover((radius - 1) * radius_u, self.edge) * exists * inside
        core = cover((np.hypot(cu * 1.2, cx) - 0.45) * radius_u, 1.2)
        tissue = v["cord"] + v["grey"] * core + 0.012 * textures.fine
        tissue = tissue + self.spine.central_canal * cover((radius - 0.12) * radius_u, 0.8)
        lesion = np.zeros_like(image)
        if self.disease.syrinx and self.disease.syrinx[0] < self.disease.syrinx[1]:
            begin, end, width = self.disease.syrinx
            tube = np.maximum((radius - width * (1 + 0.1 * textures.coarse)) * radius_u, np.abs(s - (begin + end) / 2) - abs(end - begin) / 2)
            tissue = tissue + cover(tube, 0.8) * (0.93 * v["csf"] - tissue)
        for one in self.disease.lesions:
            tissue, mask = self.in_lesion(tissue, one, cu, cx, s, radius_u, textures)
            lesion = np.maximum(lesion, mask)
        return Painted(image + cord * (tissue - image), cord, lesion * (cord > 0.5))

    def in_lesion(self, tissue, one, cu, cx, s, radius_u, textures):
        h = (s - one.s) / one.half_length
        across = ((cx - one.offset[0]) / one.half_width[0]) ** 2 + ((cu - one.offset[1]) / one.half_width[1]) ** 2
        wavy = 1 + one.irregular * (0.7 * textures.middle + 0.5 * textures.coarse)
        reach = (np.abs(h) ** one.blunt + across * wavy**2) ** 0.5
        reach = np.maximum(reach, np.abs(h) ** (one.blunt / 2))
        if one.oedema_mm > 0:
            longer = np.abs(s - one.s) / (one.half_length + one.oedema_mm)
            swollen = np.clip(1.6 * (1 - longer**2), 0, 1) * np.clip(1.4 - np.hypot(cx, cu), 0, 1)
            tissue = tissue + self.values["lesion"] * one.oedema_signal * swollen * (1 + 0.3 * textures.middle)
        fade = np.clip(0.5 + (1 - reach) / max(one.softness, 0.06), 0, 1)
        fade = fade * fade * (3 - 2 * fade)
        inner = one.signal * (1 + one.mottled * (0.8 * textures.middle + 0.5 * textures.fine))
        if one.spots:
            inner = inner + one.spots * cover(0.9 - textures.fine, 0.5)
        tissue = tissue + self.values["lesion"] * np.minimum(fade * inner, np.maximum(1 - tissue, 0))
        for where, thick in one.caps:
            rim = np.maximum(np.abs(s - where - 2.0 * np.sign(one.s - where) * (cu**2 + cx**2)) - thick / 2, (np.hypot(cu, cx) - 0.85) * radius_u)
            tissue = tissue + 0.9 * cover(rim, 0.8) * (0.08 - tissue)
        mask = reach < 1
        for where, length, width, offset_u in one.cysts:
            cyst = np.sqrt(((s - where) / length) ** 2 + (cx**2 + (cu - offset_u) ** 2) / width**2)
            tissue = tissue + cover((cyst - 1) * width * radius_u, 0.9) * (0.96 * self.values["csf"] - tissue)
            mask |= cyst < 1
        return tissue, mask
