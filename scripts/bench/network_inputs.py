"""The inputs of the networks-only comparison: a volume that needs no resizing, so that the program's networks see exactly these numbers."""

from pathlib import Path
from typing import Dict, NamedTuple

import nibabel
import numpy as np
import torch

from made_cases import write_case, write_mask
from pipeline import ROOT, node_input, normalise
from setting import Setting


class Task(NamedTuple):
    """One network on N slices in batches of `batch`; `inputs` is a file [N,C,S,S], `volume` and `mask` lead the program to the same."""

    network: str
    batch: int
    inputs: Path
    volume: Path
    mask: Path

    def title(self) -> str:
        return f"{'segmenter' if self.network == 'segmenter' else 'classifier'}, batch {self.batch}"


def task_of(setting: Setting, network: str, batch: int, slices: int) -> Task:
    """Writes the files of a task into a folder of its own; a classifier gets `batch` slices with lesion, the segmenter all."""
    folder = setting.folder / f"{network}_{batch}"
    size = setting.manifest()["input_size"]
    (folder / "volume").mkdir(parents=True)
    task = Task(network, batch, folder / "inputs.npy", folder / "volume" / "case.nii.gz", folder / "mask.nii.gz")
    write_case(task.volume, batch, slices, size)
    write_mask(task.mask, slices, size, batch)
    np.save(task.inputs, inputs_of(setting, task))
    return task


def inputs_of(setting: Setting, task: Task) -> np.ndarray:
    manifest = setting.manifest()
    images = normalise(np.asarray(nibabel.load(task.volume).dataobj, float), manifest["normalisation"]["clip_sd"])
    if task.network == "segmenter":
        return images.numpy()
    mask = torch.from_numpy(np.asarray(nibabel.load(task.mask).dataobj)).float()[:, None]
    return node_input(manifest["classifiers"][task.network]["channels"], images[: task.batch], mask[: task.batch]).numpy()


def all_tasks(setting: Setting) -> Dict[str, Task]:
    """Batch 1 and 4 for the segmenter, 1 and 8 for the classifier: all rivals wait side by side, each with the memory that its batch took."""
    batches = {"segmenter": (1, 2), ROOT: (1, 2)} if setting.quick else {"segmenter": (1, 4), ROOT: (1, 8)}
    slices = 4 if setting.quick else 12
    tasks = [task_of(setting, network, batch, slices) for network in batches for batch in batches[network]]
    return {task.title(): task for task in tasks}
