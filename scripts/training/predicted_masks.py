"""The trained segmenter's masks of all training and validation slices, as the program would have them; computed once."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from checkpoint import read_content
from cohort import CACHE, Slices, read_index, replace_arrays
from run import locked, say
from segmenting import FastSegmenter, probabilities


def lesion_mask(probability: np.ndarray, threshold: float, voxel_mm3: float, min_lesion_mm3: float) -> np.ndarray:
    """Pixels at or above the threshold, without 26-connected components below the minimum [slices,rows,columns]."""
    marked = probability >= threshold
    labels, count = ndimage.label(marked, np.ones((3, 3, 3)))
    large = np.bincount(labels.ravel(), minlength=count + 1) * voxel_mm3 >= min_lesion_mm3
    return (marked & large[labels]).astype(np.uint8)


def predicted_masks(slices: Slices, prepared: Path, checkpoint: Path, device: torch.device, bf16: bool) -> np.ndarray:
    """uint8 [S,rows,columns], memory-mapped; from the cache if this segmenter has been over these slices before."""
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    path = prepared / CACHE / f"predicted_{digest[:16]}.npy"
    index = path.with_suffix(".json")
    key = {"segmenter": digest, "slices": slices.fingerprint}
    if read_index(index) != key:
        with locked(path.parent, wait=True):
            if read_index(index) != key:
                write_predicted(slices, checkpoint, path.with_name(path.name + ".part"), device, bf16)
                replace_arrays([path], index, key)
    return np.load(path, mmap_mode="r")


def write_predicted(slices: Slices, checkpoint: Path, path: Path, device: torch.device, bf16: bool) -> None:
    content = read_content(checkpoint)
    if content.get("network") != "segmenter":
        raise SystemExit(f"{checkpoint} holds a {content.get('network')}; expected the best.ckpt of train_segmenter.py")
    network = FastSegmenter()
    network.load_state_dict(content["state_dict"])
    network.to(device).eval()
    threshold, smallest = float(content["threshold"]), float(content["min_lesion_mm3"])
    masks = np.lib.format.open_memmap(path, "w+", np.uint8, slices.images.shape)
    for case, voxel_mm3 in enumerate(slices.voxel_mm3):
        where = slices.of_case(case)
        probability = probabilities(network, slices.images[where], device, bf16)
        masks[where] = lesion_mask(probability, threshold, float(voxel_mm3), smallest)
        if case % 50 == 49 or case + 1 == len(slices.cases):
            say(f"predicted masks of {case + 1} of {len(slices.cases)} cases")
    masks.flush()
