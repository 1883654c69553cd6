"""Reading a prepared cohort: what is refused, what is read, and when it is read again."""

import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import numpy as np

from toy_cohort import SPACING_MM, write_cohort, write_table, write_volume
import cohort
from cohort import CACHE, LABELS, open_slices, read_cases


class CohortTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.prepared = Path(scratch.name)
        self.rows = write_cohort(self.prepared, counts={"train": 1, "val": 1, "test": 1})

    def refusal(self) -> str:
        write_table(self.prepared, self.rows)
        with self.assertRaises(SystemExit) as caught:
            open_slices(self.prepared)
        return str(caught.exception)


class Table(CohortTest):
    def test_a_patient_in_two_splits_is_refused(self):
        for row in self.rows:
            row["patient_id"] = row["case_id"]
        self.rows[0]["patient_id"] = self.rows[5]["patient_id"] = "P1"
        message = self.refusal()
        for part in ("P1", "train-astrocytoma-0 in train", "val-astrocytoma-0 in val"):
            self.assertIn(part, message)

    def test_a_case_in_two_splits_is_refused(self):
        self.rows[5]["case_id"] = self.rows[0]["case_id"]
        self.assertIn("patient train-astrocytoma-0 is in two splits", self.refusal())

    def test_a_patient_may_have_several_cases_in_one_split(self):
        for row in self.rows:
            row["patient_id"] = row["split"]
        write_table(self.prepared, self.rows)
        self.assertEqual({case.patient_id for case in read_cases(self.prepared)}, {"train", "val", "test"})

    def test_a_patient_that_is_not_given_is_the_case_itself(self):
        for row in self.rows:
            row["patient_id"] = "n/a" if row["split"] == "val" else " "
        write_table(self.prepared, self.rows)
        self.assertTrue(all(case.patient_id == case.case_id for case in read_cases(self.prepared)))

    def test_labels_may_be_in_capitals(self):
        for row in self.rows:
            row["label"] = row["label"].upper()
        write_table(self.prepared, self.rows)
        self.assertEqual({case.label for case in read_cases(self.prepared)}, set(LABELS))

    def test_unknown_labels_and_splits_are_refused_with_their_line(self):
        self.rows[2]["label"] = "glioma"
        self.assertIn("line 4: unknown label 'glioma'; expected one of astrocytoma,", self.refusal())
        self.rows[2].update(label="ms", split="training")
        self.assertIn("line 4: unknown split 'training'", self.refusal())

    def test_a_missing_mask_is_refused_unless_healthy(self):
        self.rows[4]["mask"] = "n/a"
        write_table(self.prepared, self.rows)
        slices = open_slices(self.prepared)
        self.assertFalse(slices.masks[slices.of_case(4)].any())
        self.rows[0]["mask"] = "n/a"
        self.assertIn("line 2: case train-astrocytoma-0 has label astrocytoma but no mask", self.refusal())

    def test_missing_columns_are_named(self):
        for row in self.rows:
            del row["split"]
        self.assertIn("lacks the columns split", self.refusal())

    def test_a_folder_that_is_not_prepared_is_refused(self):
        with self.assertRaises(SystemExit) as caught:
            open_slices(self.prepared / "none")
        self.assertIn("cordlesion prepare", str(caught.exception))

    def test_both_training_and_validation_are_needed(self):
        self.rows = [row for row in self.rows if row["split"] != "val"]
        self.assertIn("no case with a lesion in the split val", self.refusal())


class Volumes(CohortTest):
    def test_slices_are_what_the_files_hold(self):
        image = np.random.default_rng(2).random((2, 32, 32), np.float32)
        mask = (image > 0.9).astype(np.uint8)
        write_volume(self.prepared / "val-ms-0" / "image.nii.gz", image)
        write_volume(self.prepared / "val-ms-0" / "mask.nii.gz", mask)
        slices = open_slices(self.prepared)
        case = [case.case_id for case in slices.cases].index("val-ms-0")
        part = slices.of_case(case)
        np.testing.assert_array_equal(slices.images[part], image.astype(np.float16))
        np.testing.assert_array_equal(slices.masks[part], mask)
        np.testing.assert_array_equal(slices.lesion_pixels[part], mask.sum((1, 2)))
        self.assertAlmostEqual(slices.voxel_mm3[case], np.prod(SPACING_MM), places=5)

    def test_the_test_split_is_never_read(self):
        for row in self.rows:
            if row["split"] == "test":
                (self.prepared / row["image"]).write_bytes(b"not to be opened")
                (self.prepared / row["mask"]).unlink()
        self.assertEqual({case.split for case in open_slices(self.prepared).cases}, {"train", "val"})

    def test_files_are_read_again_only_when_they_change(self):
        open_slices(self.prepared)
        index = self.prepared / CACHE / "index.json"
        before = index.stat().st_mtime_ns
        open_slices(self.prepared)
        self.assertEqual(index.stat().st_mtime_ns, before)
        write_volume(self.prepared / "train-ms-0" / "image.nii.gz", np.full((4, 32, 32), 0.25, np.float32))
        mask = np.zeros((4, 32, 32), np.uint8)
        mask[1, 3, 4] = 1
        write_volume(self.prepared / "train-ms-0" / "mask.nii.gz", mask)
        slices = open_slices(self.prepared)
        self.assertTrue((slices.images[slices.of_case(2)] == 0.25).all())

    def test_two_trainings_that_are_started_at_once_read_the_files_once(self):
        write_cache = cohort.write_cache

        def slowly(*arguments):
            time.sleep(0.2)
            return write_cache(*arguments)

        with mock.patch.object(cohort, "write_cache", side_effect=slowly) as writing, ThreadPoolExecutor(2) as pool:
            first, second = pool.map(open_slices, [self.prepared] * 2)
        self.assertEqual(writing.call_count, 1)
        np.testing.assert_array_equal(first.images, second.images)

    def test_a_training_that_runs_keeps_its_slices_when_the_cohort_changes(self):
        slices = open_slices(self.prepared)
        before = np.array(slices.images)
        write_volume(self.prepared / "train-ms-0" / "image.nii.gz", np.full((3, 32, 32), 0.25, np.float32))
        self.assertFalse(np.array_equal(open_slices(self.prepared).images, before))
        np.testing.assert_array_equal(slices.images, before)

    def test_a_row_that_is_left_out_leaves_the_cache(self):
        open_slices(self.prepared)
        write_table(self.prepared, self.rows[1:])
        self.assertEqual(open_slices(self.prepared).cases[0].case_id, "train-ependymoma-0")

    def test_a_changed_label_is_checked_against_its_mask_again(self):
        open_slices(self.prepared)
        self.rows[2]["label"] = "healthy"
        self.assertIn("the mask of case train-ms-0 has a lesion, but its label is healthy", self.refusal())

    def test_masks_must_fit_their_labels_and_images(self):
        zeros = np.zeros((3, 32, 32), np.uint8)
        write_volume(self.prepared / "train-ms-0" / "mask.nii.gz", zeros)
        self.assertIn("the mask of case train-ms-0 is empty, but its label is ms", self.refusal())
        write_volume(self.prepared / "train-ms-0" / "mask.nii.gz", zeros + 2)
        self.assertIn("train-ms-0/mask.nii.gz is not a mask of 0 and 1", self.refusal())
        write_volume(self.prepared / "train-ms-0" / "mask.nii.gz", zeros[:2])
        self.assertIn("train-ms-0/mask.nii.gz is not a mask of 0 and 1 on the grid of its image", self.refusal())

    def test_images_must_be_network_images(self):
        write_volume(self.prepared / "train-ms-0" / "image.nii.gz", np.full((3, 32, 32), 7, np.float32))
        self.assertIn("train-ms-0/image.nii.gz has values outside [0, 1]", self.refusal())
        write_volume(self.prepared / "train-ms-0" / "image.nii.gz", np.zeros((3, 48, 48), np.float32))
        self.assertIn("train-ms-0/image.nii.gz has slices of (48, 48) pixels; expected 32 x 32", self.refusal())


if __name__ == "__main__":
    unittest.main()
