"""Validation figures against scikit-learn and numbers worked out by hand."""

import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from sklearn import metrics as reference

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "training"))
import metrics  # noqa: E402
from operating_point import choose_operating_point, components_of, figures_at, measure_case  # noqa: E402


class Discrimination(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(3)
        self.truth = random.integers(0, 2, 80)
        self.probability = np.round(np.clip(0.3 * self.truth + 0.8 * random.random(80), 0, 1), 2)  # with ties

    def test_auc_brier_and_log_loss_are_those_of_scikit_learn(self):
        self.assertAlmostEqual(metrics.auc(self.truth, self.probability), reference.roc_auc_score(self.truth, self.probability))
        self.assertAlmostEqual(metrics.brier(self.truth, self.probability), reference.brier_score_loss(self.truth, self.probability))
        inside = np.clip(self.probability, 0.01, 0.99)
        self.assertAlmostEqual(metrics.log_loss(self.truth, inside), reference.log_loss(self.truth, inside))

    def test_youden_reaches_the_largest_gain_of_the_roc_curve(self):
        cut = metrics.youden(self.truth, self.probability)
        false_positive, true_positive, _ = reference.roc_curve(self.truth, self.probability)
        gain = sum(metrics.sensitivity_specificity(self.truth, self.probability, cut)) - 1
        self.assertAlmostEqual(gain, (true_positive - false_positive).max())
        self.assertNotIn(cut, self.probability)  # between patients, not on one

    def test_sensitivity_and_specificity_by_hand(self):
        truth, probability = np.array([1, 1, 1, 0, 0]), np.array([0.9, 0.5, 0.2, 0.6, 0.1])
        self.assertEqual(metrics.sensitivity_specificity(truth, probability, 0.5), (2 / 3, 0.5))

    def test_youden_without_two_different_patients_is_a_half(self):
        self.assertEqual(metrics.youden(np.array([1, 0]), np.array([0.7, 0.7])), 0.5)


class Calibration(unittest.TestCase):
    def test_expected_calibration_error_by_hand(self):
        truth = np.array([1, 0, 1, 1])
        probability = np.array([0.62, 0.68, 1.0, 0.93])  # bins 0.6-0.7 (mean 0.65, half true) and 0.9-1 (mean 0.965, all true)
        self.assertAlmostEqual(metrics.expected_calibration_error(truth, probability), 0.5 * 0.15 + 0.5 * 0.035)

    def test_a_patient_is_the_mean_over_slices(self):
        found = metrics.patient_probability([np.array([0.0, np.log(3)]), np.array([-np.log(4)])])
        np.testing.assert_allclose(found, [(0.5 + 0.75) / 2, 0.2])

    def test_the_temperature_that_spoilt_the_logits_is_found(self):
        random = np.random.default_rng(4)
        margins = random.normal(0, 2, 20000)
        truth = (random.random(20000) < 1 / (1 + np.exp(-margins))).astype(int)
        for temperature in (0.4, 1, 3):
            found = metrics.fit_temperature(truth, [np.array([margin * temperature]) for margin in margins])
            self.assertAlmostEqual(found / temperature, 1, delta=0.05)

    def test_the_temperature_lowers_the_log_loss_over_several_slices(self):
        random = np.random.default_rng(5)
        truth = random.integers(0, 2, 60)
        margins = [5 * random.normal(label - 0.5, 1, 4) for label in truth]
        temperature = metrics.fit_temperature(truth, margins)
        losses = [metrics.log_loss(truth, metrics.patient_probability(margins, t)) for t in (temperature, 1, 0.9 * temperature, 1.1 * temperature)]
        self.assertEqual(min(losses), losses[0])

    def test_few_separable_patients_do_not_drive_the_temperature_to_its_bound(self):
        truth = np.array([0, 1] * 4)
        for margin in (1, 2, 5):
            found = metrics.fit_temperature(truth, [np.full(3, (2 * label - 1) * margin) for label in truth])
            self.assertTrue(0.15 < found <= 1, found)

    def test_the_prior_hardly_matters_with_64_patients(self):
        random = np.random.default_rng(6)
        truth = np.arange(64) % 2
        for spoilt in (0.5, 1, 2):
            margins = [spoilt * 2 * (random.normal(2 * label - 1, 1) + random.normal(0, 0.3, 4)) for label in truth]
            with mock.patch.object(metrics, "TEMPERATURE_PRIOR", 0):
                plain = metrics.fit_temperature(truth, margins)
            self.assertAlmostEqual(metrics.fit_temperature(truth, margins) / plain, 1, delta=0.02)


class OperatingPoint(unittest.TestCase):
    def test_components_join_over_corners(self):
        marked, truth = np.zeros((3, 5, 5), bool), np.zeros((3, 5, 5), np.uint8)
        marked[0, 0, 0] = marked[1, 1, 1] = marked[2, 4, 4] = True
        truth[1] = 1
        self.assertEqual(sorted(map(tuple, components_of(marked, truth))), [(1, 0), (2, 1)])
        self.assertEqual(components_of(np.zeros((3, 5, 5), bool), truth).shape, (0, 2))

    def cases(self):
        """Lesion of 8 voxels: 0.6 sure of all of it, 0.9 of half. Healthy: a speck of one voxel at 0.65."""
        lesion, speck = np.zeros((2, 8, 8)), np.zeros((2, 8, 8))
        lesion[:, 2:4, 2:4] = 0.6
        lesion[0, 2:4, 2:4] = 0.9
        speck[0, 5, 5] = 0.65
        ms = measure_case("ms", 2.0, lesion, (lesion > 0).astype(np.uint8))
        return [ms, measure_case("healthy", 2.0, speck, np.zeros((2, 8, 8), np.uint8))]

    def test_figures_by_hand(self):
        ms, healthy = self.cases()
        self.assertEqual(
            figures_at([ms, healthy], 0.7, 0), {"dice_ms": 2 * 4 / 12, "dice": 2 * 4 / 12, "found": 1, "healthy_with_lesion": 0}
        )
        self.assertEqual(figures_at([ms, healthy], 0.5, 0)["healthy_with_lesion"], 1)
        self.assertEqual(figures_at([ms, healthy], 0.5, 20)["found"], 0)  # the lesion has 16 mm3

    def test_the_smallest_minimum_that_spares_healthy_cases_is_chosen(self):
        point = choose_operating_point(self.cases())
        self.assertEqual((point.min_lesion_mm3, point.score), (10, 1))  # the speck has 2 mm3
        self.assertLessEqual(point.threshold, 0.6)

    def test_a_minimum_between_100_and_200_mm3_can_be_chosen(self):
        lesion, speck = np.zeros((2, 20, 20)), np.zeros((2, 20, 20))
        lesion[:, 2:11, 2:11] = 0.95  # 162 voxels of 1 mm3
        speck[0, 5:16, 5:16] = 0.95  # 121
        cases = [("ms", lesion, lesion > 0), ("healthy", speck, speck > 1)]
        point = choose_operating_point([measure_case(label, 1.0, found, truth.astype(np.uint8)) for label, found, truth in cases])
        self.assertEqual((point.min_lesion_mm3, point.score), (125, 1))

    def test_a_threshold_above_nine_tenths_can_be_chosen(self):
        lesion, false = np.full((2, 20, 20), 0.1), np.full((2, 20, 20), 0.1)
        lesion[:, 2:11, 2:11], false[:, 2:16, 2:16] = 0.995, 0.97
        cases = [("ms", lesion, lesion > 0.5), ("healthy", false, false > 1)]
        point = choose_operating_point([measure_case(label, 1.0, found, truth.astype(np.uint8)) for label, found, truth in cases])
        self.assertEqual((point.threshold, point.score), (0.98, 1))

    def test_more_healthy_cases_may_be_marked_where_that_is_asked_for(self):
        ms, healthy = self.cases()
        healthy = healthy._replace(components={threshold: found * 9 for threshold, found in healthy.components.items()})  # 18 mm3 as against 16
        self.assertEqual(choose_operating_point([ms, healthy]).figures["healthy_with_lesion"], 0)
        self.assertEqual(choose_operating_point([ms, healthy], healthy_limit=0.9).figures["healthy_with_lesion"], 0)
        point = choose_operating_point([ms, healthy], healthy_limit=1)
        self.assertEqual((point.score, point.figures["healthy_with_lesion"]), (1, 1))

    def test_without_healthy_cases_nothing_is_removed(self):
        self.assertEqual(choose_operating_point(self.cases()[:1]).min_lesion_mm3, 0)


if __name__ == "__main__":
    unittest.main()
