#!/usr/bin/python3
"""The method as a researcher would write it in Python: PyTorch, nibabel, SciPy, one process for all cases.

Writes OUT/<case>/lesion_mask.nii.gz and OUT/<case>/result.json. Plain, the networks run as loaded and a volume is one batch;
--tuned freezes them, takes channels-last tensors and one slice at a time, which is faster on CPUs.
"""

import argparse
import json
import time
from contextlib import nullcontext
from pathlib import Path

import nibabel
import numpy as np
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from scipy import ndimage
from torch.nn.functional import interpolate, max_pool2d

ROOT = "tumor_vs_demyelination"
NEXT_NODE = {"tumor": "astrocytoma_vs_ependymoma", "demyelination": "ms_vs_nmosd"}
CLASSIFIER_BATCH = 8


def normalise(stack, clip_sd):
    """[N,1,R,C] in [0, 1]."""
    z = np.clip((stack - stack.mean()) / stack.std(), -clip_sd, clip_sd)
    return torch.from_numpy(((z - z.min()) / (z.max() - z.min())).astype(np.float32))[:, None]


def node_input(roles, images, masks):
    """[N,C,S,S] from images and masks [N,1,S,S]."""
    makers = {
        "t2": lambda: images,
        "mask": lambda: masks,
        "t2_in_mask": lambda: images * masks,
        "t2_near_mask": lambda: images * max_pool2d(masks, 33, 1, 16),
        "zero": lambda: torch.zeros_like(images),
    }
    return torch.cat([makers[role]() for role in roles], 1)


class Pipeline:
    """The four networks of a package and the way of a case through them."""

    def __init__(self, models: Path, bf16: bool, tuned: bool):
        self.manifest = json.loads((models / "manifest.json").read_text())
        self.size = self.manifest["input_size"]
        self.bf16, self.tuned = bf16, tuned
        self.segmenter = self.load(models / self.manifest["segmenter"]["file"])
        self.classifiers = {node: self.load(models / entry["file"]) for node, entry in self.manifest["classifiers"].items()}

    def load(self, path: Path):
        network = torch.jit.load(str(path), map_location="cpu").float().eval()
        if not self.tuned:
            return network
        return torch.jit.freeze(network.to(memory_format=torch.channels_last))

    def forward(self, network, inputs, batch):
        """The network's answer for [N,C,S,S], in batches."""
        if self.tuned:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16) if self.bf16 else nullcontext():
            return torch.cat([network(part).float() for part in inputs.split(batch)])

    def frame(self, shape, spacing):
        """Top, left, height and width of the slice in the network's square; (rows, columns) in."""
        if self.manifest["fit"] == "stretch":
            return 0, 0, self.size, self.size
        extent = np.array(shape) * spacing
        height, width = np.clip(np.floor(extent * self.size / extent.max() + 0.5).astype(int), 1, self.size)
        return (self.size - height) // 2, (self.size - width) // 2, int(height), int(width)

    def fit(self, images, frame, mode):
        top, left, height, width = frame
        fitted = torch.zeros(len(images), 1, self.size, self.size)
        options = {"align_corners": False} if mode == "bilinear" else {}
        fitted[:, :, top : top + height, left : left + width] = interpolate(images, (height, width), mode=mode, **options)
        return fitted

    def segment(self, inputs, frame, shape, voxel_mm3):
        """The mask on the pixels of the stack."""
        top, left, height, width = frame
        probability = self.forward(self.segmenter, inputs, 1 if self.tuned else len(inputs))
        inside = probability[:, :, top : top + height, left : left + width]
        mask = interpolate(inside, tuple(shape), mode="bilinear", align_corners=False)[:, 0].numpy() >= self.manifest["segmenter"]["threshold"]
        labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
        keep = np.bincount(labels.ravel(), minlength=count + 1) * voxel_mm3 >= self.manifest["min_lesion_mm3"]
        keep[0] = False
        return keep[labels]

    def classify(self, images, masks):
        """The label, and the patient's probability of each node on the path."""
        probabilities, node, decision = {}, ROOT, None
        while node:
            entry = self.manifest["classifiers"][node]
            logits = self.forward(self.classifiers[node], node_input(entry["channels"], images, masks), CLASSIFIER_BATCH)
            probabilities[node] = float(torch.softmax(logits, 1)[:, 1].mean())
            decision = entry["classes"][int(probabilities[node] >= entry["threshold"])]
            node = NEXT_NODE.get(decision)
        return decision, probabilities

    def run(self, path: Path, out: Path):
        image = nibabel.load(path)
        to_left_inferior_posterior = ornt_transform(io_orientation(image.affine), axcodes2ornt("LIP"))
        turned = image.as_reoriented(to_left_inferior_posterior)
        spacing = np.array(turned.header.get_zooms()[:3], float)
        stack = np.asarray(turned.dataobj, float)
        images = normalise(stack, self.manifest["normalisation"]["clip_sd"])
        frame = self.frame(stack.shape[1:], spacing[1:])
        inputs = self.fit(images, frame, "bilinear")
        mask = self.segment(inputs, frame, stack.shape[1:], spacing.prod())
        masks = self.fit(torch.from_numpy(mask[:, None]).float(), frame, "nearest-exact")
        selected = masks.flatten(1).any(1)
        label, probabilities = self.classify(inputs[selected], masks[selected]) if selected.any() else (None, {})
        out.mkdir(parents=True)
        back = nibabel.Nifti1Image(mask.astype(np.uint8), turned.affine).as_reoriented(
            ornt_transform(io_orientation(turned.affine), io_orientation(image.affine))
        )
        nibabel.save(back, out / "lesion_mask.nii.gz")
        (out / "result.json").write_text(json.dumps({"label": label, "probabilities": probabilities}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, help="folder of .nii.gz volumes")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="the model package")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true", help="CPU autocast to bf16")
    parser.add_argument("--tuned", action="store_true", help="frozen, channels last, slice by slice")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    begin = time.monotonic()
    pipeline = Pipeline(arguments.models, arguments.bf16, arguments.tuned)
    seconds = []
    for path in sorted(arguments.cases.glob("*.nii.gz")):
        start = time.monotonic()
        pipeline.run(path, arguments.output / path.name[: -len(".nii.gz")])
        seconds.append(time.monotonic() - start)
    (arguments.output / "times.json").write_text(json.dumps({"total_s": time.monotonic() - begin, "cases_s": seconds}))


if __name__ == "__main__":
    main()
