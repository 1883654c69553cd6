"""Training runs on a tiny cohort: end to end, cut off and resumed, and what the checkpoints hold."""

import contextlib
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from toy_cohort import write_cohort, write_table
import train_all
import train_classifiers
import train_segmenter
from augment import random_views, sample
from classifying import IGNORED, SharedClassifier, target
from cohort import open_slices, read_numbers
from export import save_script
from loop import INTERRUPTED, LARGEST_GRADIENT, Trainer
from networks import NODES, DenseNetClassifier, MultiResUNet, with_shuffle_upsampling
from predicted_masks import predicted_masks
from run import locked, read_start
from segmenting import FastSegmenter, FoldingBlock, FoldingStep

SCRIPTS = Path(__file__).parents[2] / "scripts" / "training"
QUICK = ["--epoch-steps", 2, "--batch", 4, "--precision", "fp32", "--threads", 1]


def load(path: Path) -> dict:
    """As export.py reads checkpoints; PyTorch 1.13 reads no floats in this way, which last.ckpt holds."""
    return torch.load(path) if path.name == "last.ckpt" else torch.load(path, weights_only=True)


def task_of(prepared: Path, options) -> train_classifiers.ClassifierTask:
    slices = open_slices(prepared)
    return train_classifiers.ClassifierTask(slices, None, read_numbers(prepared, slices.cases, options.learn_also), options, torch.device("cpu"))


def norm_of_gradients(optimizer: torch.optim.Optimizer) -> float:
    gradients = [weight.grad.flatten() for group in optimizer.param_groups for weight in group["params"] if weight.grad is not None]
    return float(torch.cat(gradients).norm())


class Runs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.root = Path(scratch.name)
        cls.prepared = cls.root / "prepared"
        write_cohort(cls.prepared)

    def train(self, script, run: str, *arguments, prepared: Path = None) -> Path:
        script.main([str(value) for value in (prepared or self.prepared, "-o", self.root / run, *QUICK, *arguments)])
        return self.root / run

    def cut_off(self, script, run: str, step: int, *arguments) -> None:
        """Trains until a signal arrives in `step`."""
        train_step = Trainer.train_step

        def stopping(trainer):
            train_step(trainer)
            if trainer.step == step:
                trainer.stop()

        with mock.patch.object(Trainer, "train_step", stopping), self.assertRaises(SystemExit) as caught:
            self.train(script, run, *arguments)
        self.assertEqual(caught.exception.code, INTERRUPTED)


class Segmenter(Runs):
    OPTIONS = ("--steps", 4, "--crop", "16x16", "--full-share", 0.5, "--val-cases", 5)

    def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(self):
        """Also if that was on the last step of an epoch or of all, before the validation."""
        options = (*self.OPTIONS, "--patience", 1)
        run = self.train(train_segmenter, "whole", *options)
        whole, best = load(run / "last.ckpt"), load(run / "best.ckpt")
        for step, validated in ((2, 0), (3, 1), (4, 1)):
            with self.subTest(step=step):
                self.cut_off(train_segmenter, f"cut{step}", step, *options)
                cut = load(self.root / f"cut{step}" / "last.ckpt")
                self.assertEqual((cut["step"], len(cut["history"])), (step, validated))
                run = self.train(train_segmenter, f"cut{step}", *options, "--resume")
                resumed = load(run / "last.ckpt")
                self.assertEqual([row["step"] for row in resumed["history"]], [2, 4])
                for row, expected in zip(resumed["history"], whole["history"]):
                    self.assertEqual({**row, "minutes": 0}, {**expected, "minutes": 0})
                for name in ("step", "best", "waited", "halvings", "losses"):
                    self.assertEqual(resumed[name], whole[name], name)
                for found, expected in ((resumed["network"], whole["network"]), (load(run / "best.ckpt")["state_dict"], best["state_dict"])):
                    for key, value in expected.items():
                        torch.testing.assert_close(found[key], value)

    def test_leaves_a_checkpoint_with_operating_point_and_examples_and_a_history(self):
        run = self.train(train_segmenter, "kept", *self.OPTIONS)
        best = load(run / "best.ckpt")
        MultiResUNet().load_state_dict(best["state_dict"])
        self.assertIn("10 validation cases", best["threshold_source"])
        self.assertGreaterEqual(float(best["min_lesion_mm3"]), 0)
        self.assertEqual((best["example_images"].shape, best["example_images"].dtype), ((8, 1, 32, 32), torch.float16))
        self.assertTrue(best["example_masks"].flatten(1).any(1).all())
        header, *rows = (run / "history.tsv").read_text().splitlines()
        self.assertEqual(header.split("\t")[:5], ["step", "minutes", "rate", "loss", "score"])
        self.assertEqual([row.split("\t")[0] for row in rows], ["2", "4"])
        self.assertIn("<svg", (run / "curves.svg").read_text())
        self.assertEqual({path.suffix for path in run.iterdir()} & {".part"}, set())
        before = (run / "best.ckpt").read_bytes()
        self.train(train_segmenter, "kept", *self.OPTIONS, "--resume")
        self.assertEqual((run / "best.ckpt").read_bytes(), before)
        with self.assertRaisesRegex(SystemExit, "already holds a run; give --resume"):
            self.train(train_segmenter, "kept", *self.OPTIONS)

    def test_a_finished_run_takes_another_operating_point(self):
        """Which stays until another is asked for."""
        run = self.train(train_segmenter, "limit", *self.OPTIONS)
        before = load(run / "best.ckpt")
        for options, limits in (((), []), (("--healthy-limit", 1), [1]), ((), []), (("--healthy-limit", 1), []), (("--healthy-limit", 0), [0])):
            with mock.patch.object(train_segmenter, "choose_operating_point", wraps=train_segmenter.choose_operating_point) as chosen:
                self.train(train_segmenter, "limit", *self.OPTIONS, "--resume", *options)
            self.assertEqual([call.args[1] for call in chosen.call_args_list], limits)
        self.cut_off(train_segmenter, "cut_limit", 3, *self.OPTIONS, "--healthy-limit", 1)
        run = self.train(train_segmenter, "cut_limit", *self.OPTIONS, "--resume")
        self.assertEqual(float(load(run / "best.ckpt")["healthy_limit"]), 1)
        for key, value in before["state_dict"].items():
            torch.testing.assert_close(load(self.root / "limit" / "best.ckpt")["state_dict"][key], value)

    def test_a_long_gradient_is_cut(self):
        norms = []
        with mock.patch.object(train_segmenter, "segmentation_loss", lambda logits, _: 1e4 * logits.square().mean()):
            with mock.patch.object(torch.optim.Adam, "step", lambda optimizer: norms.append(norm_of_gradients(optimizer))):
                self.train(train_segmenter, "steep", *self.OPTIONS)
        self.assertEqual([round(norm, 1) for norm in norms], [LARGEST_GRADIENT] * 4)

    def test_whole_slices_behind_crops_keep_the_statistics_of_the_crops(self):
        statistics = {}
        for steps in (2, 4):  # the second half of four steps sees whole slices; two steps of crops alone end where it begins
            share = 0.5 if steps == 4 else 0
            run = self.train(train_segmenter, f"steps{steps}", "--steps", steps, "--crop", "16x16", "--full-share", share, "--val-cases", 5)
            state = load(run / "last.ckpt")["network"]
            statistics[steps] = {key: value for key, value in state.items() if "num_batches_tracked" in key}
        self.assertTrue(statistics[2])
        self.assertEqual(statistics[2], statistics[4])
        self.assertTrue(all(count == 2 for count in statistics[4].values()))

    def test_a_run_of_another_cohort_is_not_gone_on_with(self):
        self.train(train_segmenter, "first", *self.OPTIONS)
        other = self.root / "other"
        write_cohort(other, counts={"train": 1, "val": 1})
        with self.assertRaisesRegex(SystemExit, "first/last.ckpt is of another cohort"):
            self.train(train_segmenter, "first", *self.OPTIONS, "--resume", prepared=other)

    def test_a_second_writer_is_refused(self):
        with locked(self.root / "taken"), self.assertRaisesRegex(SystemExit, "another training writes into .*/taken"):
            self.train(train_segmenter, "taken", *self.OPTIONS)
        self.train(train_segmenter, "taken", *self.OPTIONS)

    def test_options_out_of_range_are_refused(self):
        wrong = (("--lesion-share", 1.5), ("--full-share", -0.1), ("--patience", -1), ("--device", "gpu"), ("--device", "cuda:x"))
        for option, value in wrong:
            message = io.StringIO()
            with self.subTest(option=option), contextlib.redirect_stderr(message), self.assertRaises(SystemExit) as caught:
                self.train(train_segmenter, "wrong", *self.OPTIONS, f"{option}={value}")
            self.assertEqual(caught.exception.code, 2)
            self.assertRegex(message.getvalue(), f"argument {option}: .*'?{value}'?")
        self.assertFalse((self.root / "wrong").exists())

    def test_learns(self):
        run = self.train(train_segmenter, "learns", "--steps", 30, "--crop", 0, "--lr", 0.01, "--epoch-steps", 15, "--seed", 3)
        history = load(run / "last.ckpt")["history"]
        self.assertLess(history[-1]["loss"], history[0]["loss"] - 0.1)

    def test_freed_memory_is_kept(self):
        """A large array that is freed stays in the process, as the next step wants it again."""
        code = """
import re, sys
import numpy
import run
def resident_kib(): return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1])
if sys.argv[1] == "keep":
    run.keep_memory()
before = resident_kib()
numpy.ones(2**27, numpy.uint8)
print(resident_kib() - before)
"""
        left = []
        for what in ("keep", "return"):
            command = [sys.executable, "-c", code, what]
            done = subprocess.run(command, cwd=SCRIPTS, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
            left.append(int(done.stdout))
        self.assertGreater(left[0], left[1] + 2**16)

    def test_fast_segmenter_is_the_plain_one(self):
        """Results and gradients, while statistics are held (folded) or not, and where a scale must not be folded."""
        torch.manual_seed(5)
        fast, plain = FastSegmenter().double(), MultiResUNet().double()
        with torch.no_grad():
            for norm in (module for module in fast.modules() if isinstance(module, torch.nn.BatchNorm2d)):
                for value, low, high in ((norm.weight, 0.5, 2), (norm.bias, -0.3, 0.3), (norm.running_var, 0.5, 2), (norm.running_mean, -0.3, 0.3)):
                    value.uniform_(low, high)
        state = {key: value.clone() for key, value in fast.state_dict().items()}
        images = torch.rand(2, 1, 32, 48, dtype=torch.float64)
        truth = (images > 0.5).double()
        state["encoder.0.conv5.1.weight"][2] = -0.7
        behind_relu = ("skips.0.1.norm.weight", "encoder.0.norm_joined.weight", "decoder.1.norm.weight")
        for held, key, smallest in ((True, "", 1), (False, "", 1), *((True, key, value) for key in behind_relu for value in (-0.5, 0))):
            changed = {**state, **({key: state[key].clone()} if key else {})}
            if key:
                changed[key][3] = smallest
            gradients = []
            for network in (fast, plain):
                network.load_state_dict(changed)
                network.train(not held)
                network.zero_grad()
                logits = network.logits(images)
                train_segmenter.segmentation_loss(logits, truth).backward()
                gradients.append([logits.detach()] + [parameter.grad for _, parameter in sorted(network.named_parameters())])
            with self.subTest(held=held, key=key, smallest=smallest):
                parts = {name for name, part in fast.named_modules() if isinstance(part, (FoldingBlock, FoldingStep))}
                unchanged = {name for name in parts if not key.startswith(f"{name}.")}
                self.assertEqual({name for name in parts if fast.get_submodule(name).foldable()}, unchanged if held else set())
                self.assertEqual(len(parts) - len(unchanged), bool(key))
                for mine, expected in zip(*gradients):
                    torch.testing.assert_close(mine, expected, rtol=1e-6, atol=1e-9)
        with torch.no_grad(), mock.patch("torch.nn.functional.batch_norm", side_effect=AssertionError("not folded")):
            fast.load_state_dict(state)
            fast.eval().logits(images)


class Classifiers(Runs):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.segmenter = cls.root / "segmenter.ckpt"
        network = MultiResUNet()
        torch.nn.init.zeros_(network.head.weight)  # the same probability everywhere: all is lesion
        torch.save(
            {"network": "segmenter", "state_dict": network.state_dict(), "threshold": torch.tensor(0.1), "min_lesion_mm3": torch.tensor(0.0)},
            cls.segmenter,
        )

    def test_a_node_goes_on_from_a_common_start_and_is_calibrated(self):
        common = self.train(train_classifiers, "common", "--node", "common", "--steps", 2, "--segmenter", self.segmenter)
        self.assertEqual(load(common / "best.ckpt")["network"], "common")
        options = ("--node", "ms_vs_nmosd", "--steps", 2, "--segmenter", self.segmenter, "--start", common / "best.ckpt")
        run = self.train(train_classifiers, "node", *options, "--lr", 1e-12)
        best, start = load(run / "best.ckpt"), load(common / "best.ckpt")["state_dict"]
        torch.testing.assert_close(best["state_dict"]["features.conv0.weight"], start["features.conv0.weight"])
        temperature = float(best["figures"]["temperature"])
        torch.testing.assert_close(best["state_dict"]["output.weight"] * temperature, start["output.ms_vs_nmosd.weight"], rtol=1e-3, atol=1e-6)
        DenseNetClassifier(3).load_state_dict(best["state_dict"])
        self.assertEqual(int(best["figures"]["patients"]), 4)

    def test_a_start_on_windows_is_widened_for_whole_slices(self):
        larger = self.root / "larger"
        write_cohort(larger, size=64)
        options = ("--node", "common", "--steps", 1, "--batch", 4)
        windows = self.train(train_classifiers, "windows", *options, "--crop", "48x32", prepared=larger)
        start = load(windows / "best.ckpt")
        self.assertEqual(start["window"], [48, 32])
        more = ("--start", windows / "best.ckpt", "--lr", 1e-12)
        whole = load(self.train(train_classifiers, "widened", *options, *more, prepared=larger) / "best.ckpt")
        self.assertNotIn("window", whole)
        name = "hidden.ms_vs_nmosd.weight"
        torch.testing.assert_close(whole["state_dict"][name], start["state_dict"][name] * (64 * 64) / (48 * 32), rtol=1e-3, atol=1e-6)

    def test_a_node_trained_on_windows_is_widened_too(self):
        larger = self.root / "larger node"
        write_cohort(larger, size=64, counts={"train": 1, "val": 1})
        options = ("--node", "ms_vs_nmosd", "--steps", 1, "--batch", 4)
        start = self.train(train_classifiers, "node windows", *options, "--crop", "48x32", prepared=larger) / "best.ckpt"
        self.assertEqual(load(start)["window"], [48, 32])
        whole = load(self.train(train_classifiers, "node widened", *options, "--start", start, "--lr", 1e-12, prepared=larger) / "best.ckpt")
        self.assertNotIn("window", whole)
        expected = load(start)["state_dict"]["hidden.weight"] * (64 * 64) / (48 * 32)
        torch.testing.assert_close(whole["state_dict"]["hidden.weight"], expected, rtol=1e-3, atol=1e-6)

    def test_a_node_trained_on_whole_slices_is_rescaled_for_windows(self):
        larger = self.root / "larger whole"
        write_cohort(larger, size=64, counts={"train": 1, "val": 1})
        options = ("--node", "ms_vs_nmosd", "--steps", 1, "--batch", 4)
        start = self.train(train_classifiers, "node whole", *options, prepared=larger) / "best.ckpt"
        more = ("--start", start, "--lr", 1e-12, "--crop", "48x32")
        windows = load(self.train(train_classifiers, "node narrowed", *options, *more, prepared=larger) / "best.ckpt")
        expected = load(start)["state_dict"]["hidden.weight"] * (48 * 32) / (64 * 64)
        torch.testing.assert_close(windows["state_dict"]["hidden.weight"], expected, rtol=1e-3, atol=1e-6)

    def test_a_batch_without_the_diseases_of_a_node_is_trained_on_all_the_same(self):
        """Two slices are an astrocytoma and an ependymoma."""
        run = self.train(train_classifiers, "two of four", "--node", "common", "--steps", 1, "--batch", 2)
        self.assertTrue(all(torch.isfinite(value).all() for value in load(run / "last.ckpt")["network"].values()))

    def test_a_run_of_another_network_is_not_gone_on_with(self):
        self.train(train_classifiers, "of ms", "--node", "ms_vs_nmosd", "--steps", 1)
        for other in (("--node", "common"), ("--node", "ms_vs_nmosd", "--channels", "t2", "mask")):
            with self.assertRaisesRegex(SystemExit, "of ms/last.ckpt is of another network|expected .* --channels"):
                self.train(train_classifiers, "of ms", *other, "--steps", 1, "--resume")

    def test_a_mask_is_never_moved_out_of_the_view(self):
        """Which shifts of a few slices' width would do in most of the draws; rows that stay in view are varied."""
        options = ("--node", "ms_vs_nmosd", "--shift", 40, "--rotation", 0)
        options = train_classifiers.parse_arguments([str(value) for value in (self.prepared, "-o", self.root / "moved", *options)])
        task = task_of(self.prepared, options)
        torch.manual_seed(1)
        images, masks, _ = task.draw(64)
        centres = torch.full((64, 2), 15.5)
        _, moved = sample(images, masks, random_views(task.variation, centres, 32, 32, 32))
        self.assertGreater(int((moved.amax([1, 2, 3]) == 0).sum()), 20)
        _, kept = task.views(images, masks, torch.zeros(64, dtype=torch.bool))
        self.assertTrue((kept.amax([1, 2, 3]) > 0).all())
        self.assertGreater(int((kept != masks).any(3).any(2).sum()), 5)

    def test_in_the_end_some_slices_and_masks_are_shown_as_they_are(self):
        """Windows too, wherever the middle of a mask lies: with exactly the pixels that the slice has there."""
        for crop in ((), ("--crop", "16x16")):
            options = ("--node", "ms_vs_nmosd", *crop)
            task = task_of(self.prepared, train_classifiers.parse_arguments([str(value) for value in (self.prepared, "-o", self.root / "shown", *options)]))
            torch.manual_seed(1)
            images, masks, cases = task.draw(16)
            masks[:, :, 1:] *= 1 - masks[:, :, :-1] * (torch.arange(16) % 2).view(-1, 1, 1, 1)  # boxes of odd and even sizes
            whole = torch.cat([images, masks], 1)
            rows, columns = task.options.crop or whole.shape[-2:]
            places = whole.unfold(2, rows, 1).unfold(3, columns, 1).flatten(2, 3)  # [N,2,places,rows,columns]
            for progress, some in ((0.6, False), (0.99, True)):
                with mock.patch.object(task, "draw", return_value=(images, masks, cases)), mock.patch.object(task, "channels", lambda *shown: torch.cat(shown, 1)):
                    shown, _ = task.batch(progress)
                same = ((shown[:, :, None] - places).abs() < 1e-3).all(4).all(3).all(1).any(1)
                self.assertEqual(bool(same.any()), some)
                self.assertFalse(same.all())
                if some:
                    self.assertGreaterEqual(int(same.sum()), 4)

    def test_predicted_masks_are_used_and_computed_once(self):
        options = ("--node", "ms_vs_nmosd", "--steps", 1, "--segmenter", self.segmenter)
        self.train(train_classifiers, "first", *options)
        with mock.patch("predicted_masks.write_predicted", side_effect=AssertionError("computed again")):
            self.train(train_classifiers, "second", *options)
        with mock.patch.object(train_classifiers.ClassifierTask, "margins", autospec=True) as margins:
            margins.side_effect = lambda task, images, masks: self.check_all_marked(images, masks)
            self.train(train_classifiers, "third", *options)

    def test_predicted_masks_are_computed_once_for_two_classifiers_that_are_started_at_once(self):
        slices, checkpoint = open_slices(self.prepared), self.root / "another.ckpt"
        checkpoint.write_bytes(b"only its digest counts here")

        def slowly(slices, checkpoint, path, device, bf16):
            time.sleep(0.2)
            with open(path, "wb") as file:
                np.save(file, slices.masks)

        with mock.patch("predicted_masks.write_predicted", side_effect=slowly) as writing, ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda _: predicted_masks(slices, self.prepared, checkpoint, torch.device("cpu"), False), range(2)))
        self.assertEqual(writing.call_count, 1)
        for masks in found:
            np.testing.assert_array_equal(masks, slices.masks)

    def test_validation_falls_back_on_the_true_mask_where_nothing_was_found(self):
        content = load(self.segmenter)
        blind = self.root / "blind.ckpt"
        torch.save({**content, "threshold": torch.tensor(0.99)}, blind)
        options = ("--node", "ms_vs_nmosd", "--steps", 1, "--segmenter", blind)
        with mock.patch.object(train_classifiers.ClassifierTask, "margins", autospec=True) as margins:
            margins.side_effect = lambda task, images, masks: {"ms_vs_nmosd": masks.reshape(len(masks), -1).any(1).astype(float)}
            run = self.train(train_classifiers, "blind", *options)
        self.assertEqual([len(call.args[1]) for call in margins.call_args_list], [2, 2, 2, 2])
        self.assertEqual(int(load(run / "best.ckpt")["figures"]["patients"]), 4)

    def check_all_marked(self, images, masks):
        self.assertEqual(len(images), 3)  # all slices of the case, though only two bear lesion
        self.assertTrue(masks.all())
        return {"ms_vs_nmosd": torch.arange(3).numpy()}

    def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(self):
        options = ("--node", "ms_vs_nmosd", "--steps", 3, "--channels", "t2", "mask")
        whole = load(self.train(train_classifiers, "whole", *options) / "last.ckpt")
        self.cut_off(train_classifiers, "cut", 1, *options)
        resumed = load(self.train(train_classifiers, "cut", *options, "--resume") / "last.ckpt")
        for key, value in whole["network"].items():
            torch.testing.assert_close(resumed["network"][key], value)

    def numbered(self, name: str, **columns) -> Path:
        """A cohort with columns of numbers; each is a function of the row and its number."""
        prepared = self.root / name
        rows = write_cohort(prepared, counts={"train": 2, "val": 1})
        write_table(prepared, [{**row, **{column: str(of(row, number)) for column, of in columns.items()}} for number, row in enumerate(rows)])
        return prepared

    def test_numbers_are_learned_beside_the_classes_and_left_out_of_the_package(self):
        prepared = self.numbered("with numbers", length=lambda row, number: {"healthy": "n/a", "ms": ""}.get(row["label"], 1e-9 * number))
        options = ("--node", "common", "--steps", 1, "--learn-also", "length", "--lr", 0.01)
        run = self.train(train_classifiers, "numbers", *options, prepared=prepared)
        options = train_classifiers.parse_arguments([str(value) for value in (prepared, "-o", run, *QUICK, *options)])
        options.bf16 = False
        torch.manual_seed(options.seed)
        task = task_of(prepared, options)
        learned = load(run / "last.ckpt")["network"]["numbers.weight"]
        self.assertGreater(float((learned - task.network.numbers.weight).abs().max()), 5e-5)
        labels = [case.label if case.split == "train" else "other" for case in task.slices.cases]
        known = task.numbers[[index for index, label in enumerate(labels) if label in ("astrocytoma", "ependymoma", "nmosd")]].flatten()
        self.assertEqual(len(known), int(torch.isfinite(task.numbers).sum()))
        expected = torch.tensor([0.0, 1, 2, 3, 6, 7], dtype=torch.float64)  # places of their rows in the table
        torch.testing.assert_close(known, ((expected - expected.mean()) / expected.std(unbiased=False)).float())
        with mock.patch.object(train_classifiers, "loss_of_numbers", side_effect=lambda found, wanted: found.sum() * 0) as loss:
            with mock.patch.object(task, "batch", return_value=(torch.rand(2, 3, 32, 32), [7, 1])):
                task.loss(0)
        torch.testing.assert_close(loss.call_args.args[1], task.numbers[[7, 1]])
        node = self.train(train_classifiers, "of a node", "--node", "ms_vs_nmosd", "--steps", 1, "--start", run / "best.ckpt", prepared=prepared)
        DenseNetClassifier(3).load_state_dict(load(node / "best.ckpt")["state_dict"])

    def test_a_run_goes_on_only_with_the_same_numbers(self):
        columns = {"length": lambda row, number: number, "width": lambda row, number: number**2}
        prepared = self.numbered("same numbers", **columns)
        options = ("--node", "ms_vs_nmosd", "--steps", 1)
        self.train(train_classifiers, "same", *options, "--learn-also", "length", prepared=prepared)
        self.train(train_classifiers, "same", *options, "--learn-also", "length", "--resume", prepared=prepared)
        for other in ((), ("--learn-also", "width")):
            with self.assertRaisesRegex(SystemExit, "is of another network"):
                self.train(train_classifiers, "same", *options, *other, "--resume", prepared=prepared)
        self.numbered("same numbers", **{**columns, "length": lambda row, number: number + (number == 5)})
        with self.assertRaisesRegex(SystemExit, "is of another (cohort|column of --learn-also)"):
            self.train(train_classifiers, "same", *options, "--learn-also", "length", "--resume", prepared=prepared)

    def test_what_a_start_learned_of_other_numbers_is_not_taken(self):
        prepared = self.numbered("other numbers", length=lambda row, number: number, width=lambda row, number: number**2)
        start = self.train(train_classifiers, "length", "--node", "common", "--steps", 1, "--learn-also", "length", prepared=prepared) / "best.ckpt"
        taken = load(start)["state_dict"]
        for numbers in (["length"], ["width"], ["length", "width"]):
            network = SharedClassifier(["ms_vs_nmosd"], 3, numbers)
            network.start_from(start)
            self.assertTrue(torch.equal(network.features[0].weight, taken["features.conv0.weight"]))
            self.assertEqual(torch.equal(network.numbers.weight, taken["numbers.weight"]), numbers == ["length"])

    def test_numbers_that_cannot_be_learned_are_refused(self):
        prepared = self.numbered(
            "wrong numbers", word=lambda row, _: "long", comma=lambda row, _: "3,5", infinite=lambda row, _: "inf", constant=lambda row, _: 4,
            healthy=lambda row, number: number if row["label"] == "healthy" else "", val=lambda row, number: number if row["split"] == "val" else "",
            unread=lambda row, number: number if row["split"] == "train" else "word")
        for column, message in (
            ("word", "prepared.tsv, line 2: word is 'long'; expected a number with a decimal point, n/a or nothing"),
            ("comma", "comma is '3,5'"), ("infinite", "infinite is 'inf'"), ("lenght", "has no column lenght, .* it has case_id, image, mask"),
            *((name, f"the column {name} does not tell the training cases of ms_vs_nmosd apart") for name in ("constant", "healthy", "val")),
        ):
            with self.subTest(column), self.assertRaisesRegex(SystemExit, message):
                self.train(train_classifiers, column, "--node", "ms_vs_nmosd", "--steps", 1, "--learn-also", column, prepared=prepared)
        self.train(train_classifiers, "unread", "--node", "ms_vs_nmosd", "--steps", 1, "--learn-also", "unread", prepared=prepared)
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()) as said:
            self.train(train_classifiers, "twice", "--node", "ms_vs_nmosd", "--learn-also", "unread", "unread", prepared=prepared)
        self.assertIn("names a column twice", said.getvalue())

    def test_statistics_are_held(self):
        node = ("--node", "ms_vs_nmosd", "--steps", 1)
        start = self.train(train_classifiers, "statistics", *node) / "best.ckpt"
        before = load(start)["state_dict"]
        for name, options in (("held", ["--hold-statistics"]), ("moving", [])):
            after = load(self.train(train_classifiers, name, *node, "--start", start, *options) / "best.ckpt")["state_dict"]
            same = [torch.equal(before[key], after[key]) for key in before if key.endswith("running_mean")]
            with self.subTest(name):
                self.assertEqual(any(same), all(same))
                self.assertEqual(all(same), name == "held")
                self.assertFalse(torch.equal(before["features.conv0.weight"], after["features.conv0.weight"]))
        for script in (train_segmenter, train_classifiers):
            with self.subTest(script), self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()) as said:
                self.train(script, "nothing_held", *(node if script is train_classifiers else ()), "--hold-statistics")
            self.assertIn("needs --start", said.getvalue())

    def test_slices_count_for_the_nodes_that_apply_to_their_label(self):
        found = {label: [target(node, label) for node in NODES] for label in ("astrocytoma", "ependymoma", "ms", "nmosd", "healthy")}
        self.assertEqual(
            found,
            {
                "astrocytoma": [0, 0, IGNORED],
                "ependymoma": [0, 1, IGNORED],
                "ms": [1, IGNORED, 0],
                "nmosd": [1, IGNORED, 1],
                "healthy": [IGNORED] * 3,
            },
        )


class Starts(unittest.TestCase):
    def test_torchvision_weights_under_old_names_are_taken(self):
        source = DenseNetClassifier(3).state_dict()
        features = {key: value for key, value in source.items() if key.startswith("features.")}
        old = {key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for key, value in features.items()}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "densenet121.pth"
            torch.save({**old, "classifier.weight": torch.zeros(1000, 1024)}, path)
            network = SharedClassifier(list(NODES), 3)
            network.start_from(path)
            for key, value in network.state_dict().items():
                if key.startswith("features."):
                    self.assertTrue(torch.equal(value, source[key]), key)
            with self.assertRaisesRegex(SystemExit, "conv0.weight is .64, 3, 7, 7.; expected .64, 2, 7, 7."):
                SharedClassifier(list(NODES), 2).start_from(path)

    def test_networks_of_a_package_are_taken(self):
        """The weights that were exported, rounded to half precision; the segmenter's transposed convolutions are stored in another form."""
        torch.manual_seed(4)
        with tempfile.TemporaryDirectory() as folder:
            for name, network in (("segmenter", MultiResUNet()), ("ms_vs_nmosd", DenseNetClassifier(3))):
                path = Path(folder) / f"{name}.pt"
                save_script(torch.jit.script(with_shuffle_upsampling(network).half()), path)
                state = read_start(path)["state_dict"]
                self.assertEqual(set(state), set(network.state_dict()))
                for key, value in network.state_dict().items():
                    self.assertEqual(state[key].dtype, value.dtype, key)
                    torch.testing.assert_close(state[key], value, rtol=1e-3, atol=1e-6)
            train_segmenter.load_start(FastSegmenter(), Path(folder) / "segmenter.pt")
            SharedClassifier(["ms_vs_nmosd"], 3).start_from(Path(folder) / "ms_vs_nmosd.pt")
            path.write_bytes(path.read_bytes()[:-1000])
            with self.assertRaisesRegex(SystemExit, "ms_vs_nmosd.pt cannot be read as a checkpoint"):
                read_start(path)

    def test_temperature_divides_the_logits_exactly(self):
        network = SharedClassifier(["ms_vs_nmosd"], 3).eval()
        plain = DenseNetClassifier(3).eval()
        plain.load_state_dict(network.state_of("ms_vs_nmosd", temperature=2.5))
        image = torch.rand(2, 3, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(plain(image), network(image)["ms_vs_nmosd"] / 2.5)


class WholeChain(unittest.TestCase):
    def test_one_command_trains_everything_and_writes_a_package(self):
        with tempfile.TemporaryDirectory() as scratch:
            prepared, run = Path(scratch) / "prepared", Path(scratch) / "run"
            rows = write_cohort(prepared, counts={"train": 1, "val": 1})
            write_table(prepared, [{**row, "length": str(number)} for number, row in enumerate(rows)])
            options = ["--device", "cpu", "--steps", 1, "--trained-on", "simulated spines", "--learn-also", "length"]
            command = [sys.executable, SCRIPTS / "train_all.py", prepared, "-o", run, *options]
            result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            manifest = json.loads((run / "package" / "manifest.json").read_text())
            self.assertEqual((manifest["trained"], manifest["input_size"]), (True, 32))
            seen = [load(run / step / "last.ckpt")["network"]["features.norm0.num_batches_tracked"] for step in ("windows", "common", "ms_vs_nmosd")]
            self.assertEqual(seen, [1, 1, 1])  # batch norms keep the statistics of the windows
            self.assertIn("numbers.weight", load(run / "common" / "best.ckpt")["state_dict"])
            self.assertIn("numbers.weight", load(run / "ms_vs_nmosd" / "last.ckpt")["network"])
            self.assertEqual(manifest["classifiers"]["ms_vs_nmosd"]["calibration"]["patients"], 2)

    def refusal(self, prepared: Path, *arguments) -> str:
        """What train_all.py says before it trains anything."""
        options = [str(part) for part in (prepared, "-o", prepared / "run", "--trained-on", "x", *arguments)]
        with mock.patch.object(train_all.Steps, "run", side_effect=AssertionError("a training began")), self.assertRaises(SystemExit) as caught:
            train_all.main(options)
        self.assertFalse((prepared / "run").exists())
        return str(caught.exception)

    def test_what_would_fail_later_is_refused_first(self):
        with tempfile.TemporaryDirectory() as scratch:
            prepared = Path(scratch)
            rows = write_cohort(prepared, counts={"train": 1, "val": 1})
            (prepared / "start.pth").write_text("no weights")
            self.assertIn("start.pth cannot be read as a checkpoint", self.refusal(prepared, "--start", prepared / "start.pth"))
            torch.save({"weight": torch.zeros(1)}, prepared / "start.pth")
            self.assertIn("start.pth is no DenseNet121", self.refusal(prepared, "--start", prepared / "start.pth"))
            self.assertIn("has no column length", self.refusal(prepared, "--learn-also", "length"))
            with contextlib.redirect_stderr(io.StringIO()):
                self.assertEqual(self.refusal(prepared, "--steps", 0), "2")
            for split in ("train", "val"):
                write_table(prepared, [row for row in rows if (row["split"], row["label"]) != (split, "nmosd")])
                self.assertIn(f"no case of nmosd in the split {split}", self.refusal(prepared))


class Interruption(unittest.TestCase):
    """Signals, as a terminal and a batch system send them, to the scripts as a person runs them; only the batches are smaller."""

    QUICK_CHAIN = (
        "import sys, train_all as script; plain = script.training_command; quick = ['--batch', '1', '--crop', '16x16', '--threads', '1'];"
        "script.training_command = lambda *given: plain(*given) + quick; sys.exit(script.main(sys.argv[1:]))"
    )
    SLOW_CHOICE = (
        "import sys, time, train_segmenter as script; from run import interruptible, say;"
        "script.choose_threshold = lambda task: (say('choosing'), time.sleep(300)); sys.exit(interruptible(script.main, sys.argv[1:]))"
    )

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.prepared, self.run_folder = Path(scratch.name) / "prepared", Path(scratch.name) / "run"
        write_cohort(self.prepared, counts={"train": 1, "val": 1})

    def interrupt(self, code: str, sign: str, send, *options) -> list:
        """Starts `code`, sends signals when a line of its messages begins with `sign`; returns its exit code and all lines."""
        command = [sys.executable, "-c", code, self.prepared, "-o", self.run_folder, "--device", "cpu", *options]
        with subprocess.Popen(list(map(str, command)), cwd=SCRIPTS, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            lines = []
            for line in process.stderr:
                lines.append(line)
                if line.startswith(sign):
                    send(process.pid)
                    break
            lines += process.stderr.readlines()  # to the end: closed by the last process that holds it
            return [process.wait(), lines]

    def test_all_trainings_stop_with_their_program_and_can_be_resumed(self):
        ways = {
            "Ctrl-C": lambda pid: os.killpg(pid, signal.SIGINT),
            "SIGTERM to the program alone": lambda pid: os.kill(pid, signal.SIGTERM),
            "SIGINT to the program alone": lambda pid: os.kill(pid, signal.SIGINT),
            "SIGTERM to all": lambda pid: os.killpg(pid, signal.SIGTERM),
        }
        steps, options = [0], ("--trained-on", "x", "--minutes", 500)
        for way, send in ways.items():
            with self.subTest(way):
                code, lines = self.interrupt(self.QUICK_CHAIN, "step ", send, *options, *(("--resume",) if steps[1:] else ()))
                self.assertEqual(code, INTERRUPTED, lines)
                self.assertEqual(lines[-1], "interrupted in segmenter; the same command with --resume goes on there\n")
                self.assertNotIn("Traceback", "".join(lines))
                steps.append(load(self.run_folder / "segmenter" / "last.ckpt")["step"])
                self.assertGreater(steps[-1], steps[-2])
                with open(self.run_folder / "segmenter" / ".lock") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # no training is left

    def test_a_signal_behind_the_training_loop_ends_the_program_too(self):
        def send(pid: int) -> None:
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)

        code, lines = self.interrupt(self.SLOW_CHOICE, "choosing", send, "--steps", 1, "--batch", 1, "--crop", "16x16")
        self.assertEqual((code, lines[-1]), (INTERRUPTED, "interrupted\n"))
        self.assertNotIn("Traceback", "".join(lines))

    def test_a_second_signal_while_python_ends_changes_nothing(self):
        code = "import sys, time; from run import interruptible, say; sys.exit(interruptible(lambda _: (say('begun'), time.sleep(300)), []))"
        for wait in (0, 0.004, 0.012, 0.02):
            with subprocess.Popen([sys.executable, "-c", code], cwd=SCRIPTS, stderr=subprocess.PIPE, text=True) as process:
                process.stderr.readline()
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.stderr.readline(), "interrupted\n")
                time.sleep(wait)
                process.send_signal(signal.SIGTERM)  # does nothing if it has ended
                self.assertEqual(process.wait(), INTERRUPTED)


if __name__ == "__main__":
    unittest.main()
