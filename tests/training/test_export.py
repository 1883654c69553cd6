"""The package that export.py writes: complete, reproducible, and giving what its golden file says."""

import hashlib
import json
import math
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import torch

SCRIPTS = Path(__file__).parents[2] / "scripts" / "training"
sys.path.insert(0, str(SCRIPTS))
from networks import NODES, DenseNetClassifier, MultiResUNet  # noqa: E402
from untrained import node_input  # noqa: E402

FILES = ("segmenter", *NODES, "golden")
CHANNELS = ["zero", "t2_in_mask", "mask"]


def export(*arguments) -> subprocess.CompletedProcess:
    """Runs the script as a person does; small images, because only the size of the input changes."""
    command = [sys.executable, str(SCRIPTS / "export.py"), "--input-size", "64", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def load(path: Path) -> torch.jit.ScriptModule:
    return torch.jit.load(str(path))


class UntrainedPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.root = Path(cls.scratch.name)
        cls.package = cls.root / "first"
        result = export("--untrained", "--seed", 7, "-o", cls.package)
        assert result.returncode == 0, result.stderr
        cls.manifest = json.loads((cls.package / "manifest.json").read_text())

    def test_holds_exactly_the_files_of_the_contract(self):
        expected = {f"{name}.pt" for name in FILES} | {"manifest.json", "MODEL_CARD.md"}
        self.assertEqual({path.name for path in self.package.iterdir()}, expected)
        self.assertEqual([path.name for path in self.root.iterdir()], ["first"])

    def test_manifest_hashes_are_true(self):
        entries = [self.manifest["segmenter"], self.manifest["golden"], *self.manifest["classifiers"].values()]
        self.assertEqual({entry["file"] for entry in entries}, {f"{name}.pt" for name in FILES})
        for entry in entries:
            content = (self.package / entry["file"]).read_bytes()
            self.assertEqual(hashlib.sha256(content).hexdigest(), entry["sha256"])

    def test_says_that_its_results_mean_nothing(self):
        self.assertEqual(self.manifest["name"], "untrained")
        self.assertIs(self.manifest["trained"], False)
        first_line = (self.package / "MODEL_CARD.md").read_text().splitlines()[0]
        self.assertIn("seed 7", first_line)
        self.assertIn("mean nothing", first_line)

    def test_manifest_names_channels_and_classes_of_every_node(self):
        self.assertEqual(set(self.manifest["classifiers"]), set(NODES))
        for node, spec in self.manifest["classifiers"].items():
            self.assertEqual(spec["channels"], CHANNELS)
            self.assertEqual(tuple(spec["classes"]), NODES[node])

    def test_weights_are_stored_in_half_precision(self):
        for name in FILES[:-1]:
            path = self.package / f"{name}.pt"
            state = load(path).state_dict().values()
            self.assertEqual({value.dtype for value in state if value.is_floating_point()}, {torch.float16})
            self.assertLess(path.stat().st_size, 16e6)

    def test_networks_are_of_few_classes_each_of_which_costs_time_to_read(self):
        for name in ("segmenter", *NODES):
            with zipfile.ZipFile(self.package / f"{name}.pt") as archive:
                classes = [entry for entry in archive.namelist() if entry.endswith(".py")]
            self.assertLess(len(classes), 40, name)

    def test_files_hold_no_path_of_the_machine(self):
        for name in FILES:
            content = (self.package / f"{name}.pt").read_bytes()
            for secret in (str(SCRIPTS), str(Path(torch.__file__).parent), str(self.root)):
                self.assertNotIn(secret.encode(), content)

    def test_reloaded_networks_give_the_golden_outputs(self):
        golden = load(self.package / "golden.pt")
        self.assertEqual({value.dtype for value in golden.buffers()}, {torch.float32})
        self.assertEqual(golden.input.shape, (1, 1, 64, 64))
        self.assertEqual(set(golden.mask.unique().tolist()), {0.0, 1.0})
        with torch.no_grad():
            found = {"segmenter": load(self.package / "segmenter.pt").float()(golden.input)}
            for node in NODES:
                channels = node_input(CHANNELS, golden.input, golden.mask)
                found[node] = load(self.package / f"{node}.pt").float()(channels)
        for name, output in found.items():
            torch.testing.assert_close(output, getattr(golden, name), rtol=0, atol=self.manifest["golden"]["tolerance"])

    def test_grad_cam_is_in_the_file(self):
        golden = load(self.package / "golden.pt")
        channels = node_input(CHANNELS, golden.input, golden.mask)
        logits, maps = load(self.package / "ms_vs_nmosd.pt").float().grad_cam(channels, 1)
        torch.testing.assert_close(logits, golden.ms_vs_nmosd, rtol=0, atol=1e-4)
        self.assertEqual(maps.shape, (1, 2, 2))
        self.assertTrue(((maps >= 0) & (maps <= 1)).all())

    def test_segmenter_marks_a_small_part_of_the_golden_input(self):
        probability = load(self.package / "golden.pt").segmenter
        self.assertTrue(0.01 <= (probability >= 0.5).float().mean() <= 0.03)
        self.assertGreater(probability.max() - probability.min(), 0.5)

    def test_a_seed_gives_the_same_files_again(self):
        with tempfile.TemporaryDirectory() as other:
            again = Path(other) / "first"
            result = export("--untrained", "--seed", 7, "-o", again)
            self.assertEqual(result.returncode, 0, result.stderr)
            for path in self.package.iterdir():
                self.assertEqual(path.read_bytes(), (again / path.name).read_bytes(), path.name)

    def test_an_existing_package_is_not_replaced_unasked(self):
        result = export("--untrained", "-o", self.package)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--overwrite", result.stderr)


class TrainedPackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.root = Path(cls.scratch.name)
        torch.manual_seed(3)
        cls.segmenter, cls.classifier = MultiResUNet().eval(), DenseNetClassifier(2).eval()
        torch.save(
            {"network": "segmenter", "state_dict": cls.segmenter.state_dict(), "channels": ["t2"], "threshold": torch.tensor(0.4)},
            cls.root / "segmenter.ckpt",
        )
        torch.save(
            {"network": "classifier", "state_dict": cls.classifier.state_dict(), "channels": ["t2", "mask"]},
            cls.root / "classifier.ckpt",
        )
        cls.checkpoints = ["--segmenter", cls.root / "segmenter.ckpt"]
        for node in NODES:
            cls.checkpoints += [f"--{node.replace('_', '-')}", cls.root / "classifier.ckpt"]

    def test_carries_the_checkpoints_weights_and_facts(self):
        package = self.root / "package"
        facts = ["--name", "mine", "--version", "2", "--trained-on", "simulated spines"]
        result = export(*self.checkpoints, *facts, "-o", package)
        self.assertEqual(result.returncode, 0, result.stderr)
        manifest = json.loads((package / "manifest.json").read_text())
        self.assertEqual([manifest[key] for key in ("name", "version", "trained")], ["mine", "2", True])
        self.assertEqual(manifest["segmenter"]["threshold"], 0.5)
        self.assertEqual(manifest["classifiers"]["ms_vs_nmosd"]["channels"], ["t2", "mask"])
        card = (package / "MODEL_CARD.md").read_text()
        self.assertIn("simulated spines", card.splitlines()[0])
        self.assertIn("at least 0.5 (0.4 in training, moved by the last bias; set in training)", card)
        image, channels = torch.rand(1, 1, 64, 64), torch.rand(1, 2, 64, 64)
        with torch.no_grad():
            found = load(package / "segmenter.pt").float()(image)
            at_half = torch.sigmoid(self.segmenter.logits(image) - math.log(0.4 / 0.6))  # the checkpoint's threshold is 0.4
            torch.testing.assert_close(found, at_half, rtol=0, atol=0.01)
            found = load(package / "ms_vs_nmosd.pt").float()(channels)
            torch.testing.assert_close(found, self.classifier(channels), rtol=0, atol=0.01)

    def test_a_threshold_that_marks_all_or_nothing_is_refused(self):
        torch.save({**torch.load(self.root / "segmenter.ckpt"), "threshold": torch.tensor(1.0)}, self.root / "one.ckpt")
        checkpoints = [self.root / "one.ckpt" if "segmenter.ckpt" in str(part) else part for part in self.checkpoints]
        result = export(*checkpoints, "--trained-on", "x", "-o", self.root / "none")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the segmenter's threshold is 1.0; expected more than 0 and less than 1", result.stderr)

    def test_a_checkpoint_of_the_wrong_network_is_refused(self):
        wrong = [self.root / "classifier.ckpt" if "segmenter.ckpt" in str(a) else a for a in self.checkpoints]
        result = export(*wrong, "--trained-on", "x", "-o", self.root / "wrong")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"{self.root / 'classifier.ckpt'} holds a classifier; expected a segmenter", result.stderr)
        self.assertFalse((self.root / "wrong").exists())

    def refusal(self, **changed) -> str:
        """What is said of a classifier checkpoint that differs so from the one that is taken."""
        torch.save({**torch.load(self.root / "classifier.ckpt"), **changed}, self.root / "changed.ckpt")
        wrong = [self.root / "changed.ckpt" if "classifier.ckpt" in str(a) else a for a in self.checkpoints]
        result = export(*wrong, "--trained-on", "x", "-o", self.root / "wrong")
        self.assertEqual(result.returncode, 1)
        return result.stderr

    def test_the_checkpoint_of_another_node_is_refused(self):
        message = f"{self.root / 'changed.ckpt'} holds the classifier of ms_vs_nmosd; expected that of tumor_vs_demyelination"
        self.assertIn(message, self.refusal(node="ms_vs_nmosd"))

    def test_a_checkpoint_for_windows_is_refused(self):
        message = self.refusal(node="tumor_vs_demyelination", window=[160, 96])
        self.assertIn(f"{self.root / 'changed.ckpt'} was trained on windows of 160x96 pixels", message)
        self.assertIn("--node tumor_vs_demyelination", message)

    def test_weights_beyond_half_precision_are_refused_and_leave_nothing(self):
        state = {**self.segmenter.state_dict(), "head.bias": torch.tensor([1e6])}
        torch.save({"network": "segmenter", "state_dict": state, "channels": ["t2"]}, self.root / "large.ckpt")
        large = [self.root / "large.ckpt" if "segmenter.ckpt" in str(a) else a for a in self.checkpoints]
        result = export(*large, "--trained-on", "x", "-o", self.root / "out" / "large")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("head.bias", result.stderr)
        self.assertEqual(list((self.root / "out").iterdir()), [])

    def test_an_unknown_channel_is_refused(self):
        torch.save({"network": "classifier", "state_dict": {}, "channels": ["t3"]}, self.root / "t3.ckpt")
        wrong = [self.root / "t3.ckpt" if "classifier.ckpt" in str(a) else a for a in self.checkpoints]
        result = export(*wrong, "--trained-on", "x", "-o", self.root / "wrong")
        self.assertEqual(result.returncode, 1)
        self.assertIn("t3.ckpt has channels ['t3']", result.stderr)

    def test_a_file_that_is_no_checkpoint_is_refused(self):
        (self.root / "text.ckpt").write_text("no weights")
        wrong = [self.root / "text.ckpt" if "classifier.ckpt" in str(a) else a for a in self.checkpoints]
        result = export(*wrong, "--trained-on", "x", "-o", self.root / "wrong")
        self.assertEqual(result.returncode, 1)
        self.assertIn("text.ckpt cannot be read", result.stderr)
        self.assertNotIn("Traceback", result.stderr)

    def test_missing_checkpoints_are_named(self):
        result = export("--segmenter", self.root / "segmenter.ckpt", "-o", self.root / "none")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--ms-vs-nmosd", result.stderr)

    def with_validation(self) -> list:
        """Checkpoints as training writes them, with validation slices and figures; returns the options."""
        torch.manual_seed(4)
        images, masks = torch.rand(3, 1, 64, 64).half(), torch.zeros(3, 1, 64, 64, dtype=torch.uint8)
        masks[:, :, 20:30, 20:30] = 1
        segmenter = torch.load(self.root / "segmenter.ckpt")
        segmenter.update(min_lesion_mm3=torch.tensor(12.5), example_images=images, example_masks=masks)
        torch.save(segmenter, self.root / "examples.ckpt")
        classifier = torch.load(self.root / "classifier.ckpt")
        figures = {"patients": 40, "youden": 0.37, "temperature": 1.5, "brier": 0.1, "brier_before": 0.2, "ece": 0.03, "ece_before": 0.08}
        classifier["figures"] = {key: torch.tensor(value, dtype=torch.float64) for key, value in figures.items()}
        torch.save(classifier, self.root / "figures.ckpt")
        names = {"segmenter.ckpt": "examples.ckpt", "classifier.ckpt": "figures.ckpt"}
        return [self.root / names[a.name] if isinstance(a, Path) else a for a in self.checkpoints] + ["--trained-on", "x"]

    def exported(self, name: str, *arguments) -> dict:
        result = export(*arguments, "-o", self.root / name)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads((self.root / name / "manifest.json").read_text())

    def golden_input(self, name: str) -> torch.Tensor:
        return load(self.root / name / "golden.pt").input

    def test_says_what_validation_found_and_gives_no_slice_away(self):
        manifest = self.exported("validated", *self.with_validation())
        self.assertEqual(manifest["min_lesion_mm3"], 12.5)
        self.assertIs(manifest["bf16_agrees"], True)
        node = manifest["classifiers"]["ms_vs_nmosd"]
        self.assertEqual((node["threshold"], node["threshold_source"]), (0.5, "fixed at 0.5"))
        self.assertEqual(node["thresholds"], {"fixed": 0.5, "youden_validation": 0.37})
        calibration = {"method": "temperature", "temperature": 1.5, "brier": 0.1, "brier_before": 0.2, "ece": 0.03, "ece_before": 0.08}
        self.assertEqual(node["calibration"], {**calibration, "patients": 40})
        self.assertIn("temperature 1.5", (self.root / "validated" / "MODEL_CARD.md").read_text())
        slices = torch.load(self.root / "examples.ckpt")["example_images"].float()
        self.assertTrue(all((self.golden_input("validated")[0] - image).abs().max() > 0.1 for image in slices))

    def test_obeys_youden_and_gives_a_slice_away_if_asked(self):
        asked = ["--threshold", "youden", "--min-lesion-mm3", 3, "--golden-from-validation"]
        manifest = self.exported("asked", *self.with_validation(), *asked)
        node = manifest["classifiers"]["ms_vs_nmosd"]
        self.assertEqual((node["threshold"], node["threshold_source"]), (0.37, "Youden's index on 40 validation patients"))
        self.assertEqual(manifest["min_lesion_mm3"], 3)
        slices = torch.load(self.root / "examples.ckpt")["example_images"].float()
        torch.testing.assert_close(self.golden_input("asked"), slices[:1])

    def test_bf16_that_rounds_too_far_is_told(self):
        options = self.with_validation()
        examples = torch.load(self.root / "examples.ckpt")
        inputs = node_input(["t2", "mask"], examples["example_images"].float(), examples["example_masks"].float())
        network = DenseNetClassifier(2).eval()
        network.load_state_dict(self.classifier.state_dict())
        with torch.no_grad():  # steep, and undecided on the last slice
            network.output.weight *= 1000
            network.output.bias.zero_()
            network.output.bias.copy_(-network(inputs[2:])[0])
        classifier = {**torch.load(self.root / "figures.ckpt"), "state_dict": network.state_dict()}
        torch.save(classifier, self.root / "figures.ckpt")
        self.assertIs(self.exported("differs", *options)["bf16_agrees"], False)

    def test_youden_needs_validation_figures(self):
        result = export(*self.checkpoints, "--trained-on", "x", "--threshold", "youden", "-o", self.root / "none")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the checkpoint of tumor_vs_demyelination holds no cut-off", result.stderr)

    def test_an_input_size_other_than_in_training_is_refused(self):
        result = export(*self.with_validation(), "--input-size", 96, "-o", self.root / "none")
        self.assertEqual(result.returncode, 1)
        self.assertIn("differs from the 64 pixels of training", result.stderr)


if __name__ == "__main__":
    unittest.main()
