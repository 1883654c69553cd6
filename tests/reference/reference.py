#!/usr/bin/env python3
"""What the program must compute for one case, written again in Python from models/README.md alone.

Other libraries than the program's do the work (nibabel, pydicom, NumPy, SciPy); only the TorchScript files
are the same. Arrays called `stack` are canonical, [slice, row, column]; `voxels` are on the source grid.
"""

import argparse
import itertools
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Optional, Tuple

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import interpolate

sys.path.insert(0, str(Path(__file__).parent))
from source import LPS_RAS, Source, aligned_mask, read_image, read_nifti  # noqa: E402

ROOT = "tumor_vs_demyelination"
NEXT_NODE = {"tumor": "astrocytoma_vs_ependymoma", "demyelination": "ms_vs_nmosd"}
NODES = (ROOT, *NEXT_NODE.values())


# --- 1 to 3: canonical slices, normalisation, fit


@dataclass
class Axes:
    """For (slice, row, column) of a stack: which source axis it is, and whether it runs backwards."""

    source: Tuple[int, int, int]
    flipped: Tuple[bool, bool, bool]


def canonical_axes(affine) -> Axes:
    cosines = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)  # [patient axis, voxel axis]
    wanted = ((0, 1), (2, -1), (1, 1))  # slices towards left, rows towards inferior, columns towards posterior
    best = max(
        itertools.permutations(range(3)),
        key=lambda order: sum(abs(cosines[patient, axis]) for (patient, _), axis in zip(wanted, order)),
    )
    return Axes(best, tuple(bool(cosines[patient, axis] * sign < 0) for (patient, sign), axis in zip(wanted, best)))


def to_stack(voxels, axes: Axes):
    stack = voxels.transpose(axes.source)
    return np.ascontiguousarray(np.flip(stack, [i for i in range(3) if axes.flipped[i]]))


def to_source(stack, axes: Axes):
    turned = np.flip(stack, [i for i in range(3) if axes.flipped[i]])
    return np.ascontiguousarray(turned.transpose(np.argsort(axes.source)))


def normalise(stack, clip_sd):
    values = stack.astype(np.float64)
    z = np.clip((values - values.mean()) / values.std(), -clip_sd, clip_sd)
    return ((z - z.min()) / (z.max() - z.min())).astype(np.float32)


@dataclass
class Frame:
    size: int
    top: int
    left: int
    height: int
    width: int

    def inside(self, image):
        return image[..., self.top : self.top + self.height, self.left : self.left + self.width]


def network_frame(shape, spacing, size, fit) -> Frame:
    """Shape and spacing in mm are those of (rows, columns)."""
    height = width = size
    if fit == "letterbox":
        extent = [n * mm for n, mm in zip(shape, spacing)]
        height, width = (min(max(int(np.floor(e / (max(extent) / size) + 0.5)), 1), size) for e in extent)
    return Frame(size, (size - height) // 2, (size - width) // 2, height, width)


def resize(images, height, width):
    """Bilinear in double precision: single-precision coordinates, as OpenCV's, are off by up to 1e-5."""
    tensor = torch.from_numpy(images.astype(np.float64))[None]
    return interpolate(tensor, (height, width), mode="bilinear", align_corners=False)[0].numpy()


def fit_images(stack, frame: Frame):
    fitted = np.zeros((len(stack), frame.size, frame.size), np.float32)
    frame.inside(fitted)[:] = resize(stack, frame.height, frame.width)
    return fitted


def fit_masks(stack, frame: Frame):
    def nearest(to, of):
        return np.minimum(((np.arange(to) + 0.5) * of / to).astype(int), of - 1)

    rows = nearest(frame.height, stack.shape[1])
    columns = nearest(frame.width, stack.shape[2])
    fitted = np.zeros((len(stack), frame.size, frame.size), bool)
    frame.inside(fitted)[:] = stack[:, rows][:, :, columns]
    return fitted


# --- 4 and 5: segmentation, lesions


def load_network(models, entry):
    return torch.jit.load(str(Path(models) / entry["file"]), map_location="cpu").float().eval()


def segment(network, inputs, frame: Frame, shape):
    """Probability of lesion on the pixels of the stack."""
    with torch.no_grad():
        outputs = np.stack([network(torch.from_numpy(image)[None, None])[0, 0].numpy() for image in inputs])
    return resize(frame.inside(outputs), *shape[1:]).astype(np.float32)


def components(mask):
    return ndimage.label(mask, np.ones((3, 3, 3)))


def without_small(mask, voxel_mm3, min_lesion_mm3):
    labels, count = components(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * voxel_mm3
    keep = sizes >= min_lesion_mm3
    keep[0] = False
    return keep[labels]


def measure(mask, normalised, source: Source, axes: Axes):
    """The lesions of a stack's mask, largest first."""
    labels, count = components(mask)
    spacing = source.spacing()[list(axes.source)]
    lesions = []
    for number, box in zip(range(1, count + 1), ndimage.find_objects(labels)):
        inside = labels[box] == number
        canonical = np.argwhere(inside) + [extent.start for extent in box]
        backwards = np.array(mask.shape) - 1 - canonical
        in_source = np.where(axes.flipped, backwards, canonical)[:, np.argsort(axes.source)]
        centroid = in_source.mean(axis=0)
        lesions.append({
            "voxels": len(canonical), "volume_mm3": len(canonical) * spacing.prod(),
            "length_si_mm": inside.shape[1] * spacing[1], "width_ap_mm": inside.shape[2] * spacing[2],
            "max_area_mm2": inside.sum(axis=(1, 2)).max() * spacing[1] * spacing[2],
            "centroid_voxel": centroid.tolist(),
            "centroid_ras_mm": (LPS_RAS @ source.affine @ [*centroid, 1])[:3].tolist(),
            "slices": sorted({int(i) for i in in_source[:, axes.source[0]]}),
            "mean_intensity": float(normalised[box][inside].mean(dtype=np.float64)),
            "sd_intensity": float(normalised[box][inside].std(dtype=np.float64)),
            "touches_border": bool((canonical == 0).any() or (backwards == 0).any()),
        })
    return sorted(lesions, key=lambda lesion: -lesion["voxels"])


# --- 6 to 8: selection, channels, classification


def node_input(roles, images, masks):
    makers = {
        "t2": lambda: images,
        "mask": lambda: masks.astype(np.float32),
        "t2_in_mask": lambda: images * masks,
        "t2_near_mask": lambda: images * ndimage.maximum_filter(masks.astype(np.uint8), (1, 33, 33), mode="constant"),
        "zero": lambda: np.zeros_like(images),
    }
    return np.stack([makers[role]() for role in roles], axis=1).astype(np.float32)


def second_class_probabilities(network, inputs):
    with torch.no_grad():
        logits = torch.cat([network(torch.from_numpy(one)[None]) for one in inputs])
    return torch.softmax(logits, dim=1)[:, 1].double().numpy()


@dataclass
class Options:
    thresholds: Dict[str, float] = field(default_factory=dict)
    abstain_margin: float = 0.0
    min_lesion_mm3: Optional[float] = None
    all_nodes: bool = False
    mask: Optional[Path] = None


def classify(manifest, models, images, masks, options: Options):
    """Nodes, path and label for the selected slices, and the networks' inputs."""
    nodes, inputs, path = {}, {}, []

    def evaluate(node, reached):
        entry = manifest["classifiers"][node]
        inputs[node] = node_input(entry["channels"], images, masks)
        slices = second_class_probabilities(load_network(models, entry), inputs[node])
        p, threshold = float(slices.mean()), options.thresholds.get(node, entry["threshold"])
        decision = entry["classes"][int(p >= threshold)]
        if abs(p - threshold) < options.abstain_margin:
            decision = "indeterminate"
        nodes[node] = {"reached": reached, "second_probability": p, "slices": slices.tolist(),
                       "classes": entry["classes"], "threshold": threshold, "decision": decision}
        return decision

    node = ROOT if len(images) else None
    while node:
        path.append(evaluate(node, True))
        node = NEXT_NODE.get(path[-1])
    if options.all_nodes and path:
        for node in set(NODES) - set(nodes):
            evaluate(node, False)
    return {"label": path[-1] if path else None, "path": path, "nodes": nodes}, inputs


# --- The whole case


def run_case(source: Source, models, options: Options = Options()):
    """A dictionary with every intermediate and final result."""
    manifest = json.loads((Path(models) / "manifest.json").read_text())
    axes = canonical_axes(source.affine)
    spacing = source.spacing()
    stack = normalise(to_stack(source.voxels, axes), manifest["normalisation"]["clip_sd"])
    frame = network_frame(stack.shape[1:], spacing[list(axes.source[1:])], manifest["input_size"], manifest["fit"])
    result = {"axes": axes, "frame": frame, "affine_ras": LPS_RAS @ source.affine}
    result["inputs"] = fit_images(stack, frame)

    if options.mask:
        mask = to_stack(aligned_mask(read_nifti(options.mask), source), axes)
    else:
        network = load_network(models, manifest["segmenter"])
        probability = segment(network, result["inputs"], frame, stack.shape)
        result["probability"] = to_source(probability, axes)
        minimum = options.min_lesion_mm3
        minimum = manifest["min_lesion_mm3"] if minimum is None else minimum
        mask = without_small(probability >= manifest["segmenter"]["threshold"], spacing.prod(), minimum)
    result["mask"] = to_source(mask, axes)
    result["fitted_masks"] = fit_masks(mask, frame)
    result["lesions"] = measure(mask, stack, source, axes)

    selected = np.flatnonzero(result["fitted_masks"].any(axis=(1, 2)))
    last = len(stack) - 1
    result["selected_slices"] = [int(last - i if axes.flipped[0] else i) for i in selected]
    images, masks = result["inputs"][selected], result["fitted_masks"][selected]
    result["classification"], result["classifier_inputs"] = classify(manifest, models, images, masks, options)
    return result


def summary(result):
    return {
        "voxels": int(result["mask"].sum()),
        **{key: result[key] for key in ("selected_slices", "lesions", "classification")},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path, help="NIfTI file, or folder of DICOM files")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--mask", type=Path, help="corrected mask (NIfTI); no segmentation")
    parser.add_argument("--all-nodes", action="store_true")
    parser.add_argument("--min-lesion-mm3", type=float)
    parser.add_argument("--abstain-margin", type=float, default=0.0)
    parser.add_argument("-o", "--output", type=Path, help="arrays as .npz")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    arguments = parser.parse_args()
    options = Options({}, arguments.abstain_margin, arguments.min_lesion_mm3, arguments.all_nodes, arguments.mask)
    result = run_case(read_image(arguments.image), arguments.models, options)
    if arguments.output:
        arrays = {key: value for key, value in result.items() if isinstance(value, np.ndarray)}
        inputs = {f"input_{node}": array for node, array in result["classifier_inputs"].items()}
        np.savez_compressed(arguments.output, **arrays, **inputs)
    if arguments.json or not arguments.output:
        print(json.dumps(summary(result), indent=2))


if __name__ == "__main__":
    main()
