#!/usr/bin/env python3
"""Checks of the reference itself: against other libraries, and against what is known without computing."""

import itertools
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

import cv2
import nibabel
import numpy as np
import torch
from torch.nn.functional import interpolate

sys.path.insert(0, str(Path(__file__).parent))
import reference as ref  # noqa: E402
import source as reading  # noqa: E402

SAMPLES = Path(__file__).parents[1] / "samples"


def volume(shape=(7, 40, 30), spacing=(3.5, 0.8, 1.1), seed=1):
    """RAS voxels, a little oblique."""
    voxels = np.random.default_rng(seed).normal(100, 30, shape).astype(np.float32)
    turn = nibabel.eulerangles.euler2mat(0.05, 0.04, -0.03)
    affine = nibabel.affines.from_matvec(turn @ np.diag(spacing), [-10, 20, 5])
    return nibabel.Nifti1Image(voxels, affine)


def source_of(image):
    return ref.Source(image.get_fdata().astype(np.float32), ref.LPS_RAS @ image.affine)


def all_orientations():
    for codes in itertools.product("RLAPSI", repeat=3):
        if all(len(set(codes) & set(pair)) == 1 for pair in ("RL", "AP", "SI")):
            yield codes


def reoriented(image, codes):
    wanted = nibabel.orientations.axcodes2ornt(codes)
    return image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(image.affine), wanted))


class Orientation(unittest.TestCase):
    def test_all_48_axis_orders_and_flips_give_the_same_stack_and_lead_back(self):
        image = volume()
        expected = image.get_fdata()[::-1, ::-1, ::-1].transpose(0, 2, 1)  # R>L, S>I, A>P from RAS
        self.assertEqual(len(list(all_orientations())), 48)
        for codes in all_orientations():
            source = source_of(reoriented(image, codes))
            axes = ref.canonical_axes(source.affine)
            stack = ref.to_stack(source.voxels, axes)
            np.testing.assert_array_equal(stack, expected.astype(np.float32), err_msg=str(codes))
            np.testing.assert_array_equal(ref.to_source(stack, axes), source.voxels)

    def test_lesion_centroid_is_the_same_point_in_every_orientation(self):
        image = volume()
        blob = np.zeros(image.shape, np.float32)
        blob[2:4, 10:17, 5:9] = 1
        blob[3, 17, 9] = 1
        centroid = np.argwhere(blob).mean(axis=0)
        expected = nibabel.affines.apply_affine(image.affine, centroid)
        for codes in all_orientations():
            source = source_of(reoriented(nibabel.Nifti1Image(blob, image.affine), codes))
            axes = ref.canonical_axes(source.affine)
            stack = ref.to_stack(source.voxels, axes)
            (lesion,) = ref.measure(stack > 0, stack, source, axes)
            np.testing.assert_allclose(lesion["centroid_ras_mm"], expected, atol=1e-6)
            self.assertEqual(lesion["voxels"], 57)


class Fit(unittest.TestCase):
    def test_letterbox_keeps_millimetres(self):
        frame = ref.network_frame((300, 200), (1.0, 0.9), 256, "letterbox")
        self.assertEqual((frame.height, frame.width, frame.top, frame.left), (256, 154, 0, 51))

    def test_resizing_agrees_with_other_implementations(self):
        for rows, columns in ((512, 512), (300, 211), (97, 130)):
            image = np.random.default_rng(2).random((2, rows, columns), np.float32)
            frame = ref.network_frame((rows, columns), (0.9, 0.9), 256, "letterbox")
            size = (frame.height, frame.width)
            fitted = frame.inside(ref.fit_images(image, frame))
            for one, found in zip(image, fitted):
                opencv = cv2.resize(one, size[::-1], interpolation=cv2.INTER_LINEAR)
                np.testing.assert_allclose(found, opencv, atol=5e-5)
            tensor = torch.from_numpy(image)[None]
            nearest = interpolate(tensor, size, mode="nearest-exact")[0].numpy() > 0.5
            np.testing.assert_array_equal(frame.inside(ref.fit_masks(image > 0.5, frame)), nearest)

    def test_normalised_values_fill_zero_to_one_and_ignore_scale(self):
        stack = volume().get_fdata()
        normalised = ref.normalise(stack, 5.0)
        self.assertEqual((normalised.min(), normalised.max()), (0, 1))
        np.testing.assert_allclose(ref.normalise(stack * 7 - 300, 5.0), normalised, atol=1e-6)


class Masks(unittest.TestCase):
    def test_touching_corners_are_one_lesion_and_small_ones_go(self):
        mask = np.zeros((4, 6, 6), bool)
        mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 4, 4] = True
        self.assertEqual(ref.components(mask)[1], 2)
        kept = ref.without_small(mask, 2.0, 4.0)
        self.assertEqual((int(kept.sum()), bool(kept[3, 4, 4])), (2, False))

    def test_mask_of_another_orientation_lands_on_the_same_voxels(self):
        image = volume()
        mask = nibabel.Nifti1Image((image.get_fdata() > 110).astype(np.float32), image.affine)
        aligned = ref.aligned_mask(source_of(reoriented(mask, "PSR")), source_of(image))
        np.testing.assert_array_equal(aligned, mask.get_fdata() > 0)


class Reading(unittest.TestCase):
    def test_sign_comes_from_the_stored_bits(self):
        file = SimpleNamespace(
            pixel_array=np.array([[0x0FFF, 0x07FF], [0xF800, 0x0001]], np.uint16), BitsStored=12,
            PixelRepresentation=1, PhotometricInterpretation="MONOCHROME2", get=lambda _, default: default)
        np.testing.assert_array_equal(reading.stored_values(file), [[-1, 2047], [-2048, 1]])

    def test_sample_study_lies_on_the_grid_of_its_mask(self):
        source = ref.read_image(SAMPLES / "study_ependymoma")
        mask = ref.read_nifti(SAMPLES / "masks" / "study_ependymoma.nii.gz")
        self.assertEqual(source.voxels.shape, mask.voxels.shape)
        np.testing.assert_allclose(source.affine, mask.affine, atol=1e-4)
        lesion, rest = source.voxels[mask.voxels > 0], source.voxels[mask.voxels == 0]
        self.assertGreater(lesion.mean(), 2 * rest.mean())


if __name__ == "__main__":
    unittest.main()
