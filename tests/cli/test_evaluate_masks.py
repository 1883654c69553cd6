"""Segmentation in `evaluate`: Dice and surface distance against SciPy, lesions, masks that cannot be used."""

import json

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from evaluation_runs import all_nodes
from volumes import AFFINE, NMOSD, SHAPE, box, box_mask, write_volume


def surface_dice(predicted, reference, tolerance, spacing):
    """With SciPy's distance transform, over whole volumes."""

    def surface(mask):
        return mask & ~ndimage.binary_erosion(mask, ndimage.generate_binary_structure(3, 1), border_value=0)

    a, b = surface(predicted), surface(reference)
    near_a = ndimage.distance_transform_edt(~b, sampling=spacing)[a] <= tolerance + 1e-6
    near_b = ndimage.distance_transform_edt(~a, sampling=spacing)[b] <= tolerance + 1e-6
    return (near_a.sum() + near_b.sum()) / (len(near_a) + len(near_b))


def blob(random):
    return (ndimage.gaussian_filter(random.normal(size=SHAPE), (0.7, 4, 3)) > 0.07).astype(np.uint8)


@pytest.mark.parametrize("tolerance", [0.0, 1.0, 2.5])
def test_dice_and_surface_distance_agree_with_scipy(evaluate, predicted, tmp_path, tolerance):
    random = np.random.default_rng(1)
    spacing = np.linalg.norm(AFFINE[:3, :3], axis=0)
    expected = {"dice": [], "surface_dice": [], "volume_error_mm3": []}
    for number in range(4):
        a, b = blob(random), blob(random)
        folder = predicted(f"case-{number}", probabilities=all_nodes(0.9, 0.5, 0.9))
        write_volume(folder / f"case-{number}" / "lesion_mask.nii.gz", data=a)
        write_volume(tmp_path / "masks" / f"case-{number}.nii.gz", data=b)
        expected["dice"].append(2 * (a & b).sum() / (a.sum() + b.sum()))
        expected["surface_dice"].append(surface_dice(a > 0, b > 0, tolerance, spacing))
        expected["volume_error_mm3"].append((int(a.sum()) - int(b.sum())) * spacing.prod())
    rows = [(f"case-{number}", "nmosd") for number in range(4)]
    output = evaluate(rows, "--masks", tmp_path / "masks", "--surface-tolerance-mm", tolerance)
    found = output.metrics["segmentation"]["nmosd"]
    for measure, values in expected.items():
        assert found[measure]["n"] == 4
        assert found[measure]["mean"] == pytest.approx(np.mean(values), abs=1e-9), measure
        assert found[measure]["minimum"] == pytest.approx(min(values), abs=1e-9), measure
        assert found[measure]["median"] == pytest.approx(np.median(values), abs=1e-9), measure


def test_lesions_are_matched_and_healthy_cases_need_no_mask(evaluate, predicted, tmp_path):
    reference = box_mask(box(10, 4), box(5, 4, corner=(10, 50)))
    prediction = box_mask(box(10, 4), box(3, 3, corner=(50, 5)), box(3, 3, corner=(50, 50)))
    folder = predicted("ill", probabilities=all_nodes(0.9, 0.5, 0.9))
    write_volume(folder / "ill" / "lesion_mask.nii.gz", data=prediction)
    write_volume(tmp_path / "masks" / "ill" / "lesion_mask.nii.gz", data=reference, codes="RAS")
    for case_id, mask in (("well", box_mask()), ("false", box_mask(box(4, 4)))):
        predicted(case_id, status="no_lesion" if case_id == "well" else "ok", probabilities=all_nodes() if case_id == "false" else None)
        write_volume(folder / case_id / "lesion_mask.nii.gz", data=mask)
    predicted("none", status="no_lesion")
    write_volume(folder / "none" / "lesion_mask.nii.gz", data=box_mask())
    write_volume(tmp_path / "masks" / "none.nii.gz", data=reference)
    predicted("broken", status="failed")
    predicted("no-reference", probabilities=all_nodes())
    write_volume(folder / "no-reference" / "lesion_mask.nii.gz", data=prediction)
    rows = [(name, "nmosd") for name in ("ill", "none", "broken", "no-reference")] + [("well", "healthy"), ("false", "healthy")]
    output = evaluate(rows, "--masks", tmp_path / "masks")
    ill = output.metrics["segmentation"]["nmosd"]
    assert ill["not_compared"] == {"failed": 1, "no_reference": 1}
    assert (ill["lesion_sensitivity"]["numerator"], ill["lesion_sensitivity"]["denominator"]) == (1, 4)
    assert (ill["lesion_precision"]["numerator"], ill["lesion_precision"]["denominator"]) == (1, 3)
    assert ill["lesion_f1"] == pytest.approx(2 / 7)
    assert (ill["lesion_found"]["numerator"], ill["lesion_found"]["denominator"]) == (1, 2)
    assert ill["dice"]["n"] == 2 and ill["dice"]["minimum"] == 0
    healthy = output.metrics["segmentation"]["healthy"]
    assert healthy["both_empty"] == 1 and healthy["dice"]["n"] == 1 and healthy["dice"]["mean"] == 0
    assert healthy["lesion_found"]["denominator"] == 0 and healthy["relative_volume_error"] is None
    assert (output.folder / "dice_by_class.svg").exists()
    assert "reference_resampled: ill" in output.result.err, "another order of the axes is another grid"


def test_corrected_masks_are_not_taken_for_the_segmentation(evaluate, predicted, tmp_path):
    folder = predicted("a", probabilities=all_nodes(), source="corrected_mask")
    for path in (folder / "a" / "lesion_mask.nii.gz", tmp_path / "masks" / "a.nii.gz"):
        write_volume(path, data=box_mask(box(4, 4)))
    assert "corrected_masks_compared: 1 prediction started" in evaluate([("a", "ms")], "--masks", tmp_path / "masks").result.err
    assert "corrected_masks_compared" not in evaluate([("a", "ms")], out=tmp_path / "without").result.err


def test_a_prediction_is_not_its_own_reference(evaluate, predicted, tmp_path):
    folder = predicted("a", probabilities=all_nodes())
    write_volume(folder / "a" / "lesion_mask.nii.gz", data=box_mask(box(4, 4)))
    assert "--masks names the folder of the predictions" in evaluate([("a", "ms")], "--masks", folder, code=2).err
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.nii.gz").hardlink_to(folder / "a" / "lesion_mask.nii.gz")
    refused = evaluate([("a", "ms")], "--masks", tmp_path / "masks", code=2)
    assert "is the very file of the prediction" in refused.err
    assert not (tmp_path / "evaluation").exists()


def test_a_reference_of_negative_values_is_reported(evaluate, predicted, tmp_path):
    folder = predicted("a", probabilities=all_nodes())
    write_volume(folder / "a" / "lesion_mask.nii.gz", data=box_mask(box(4, 4)))
    write_volume(tmp_path / "masks" / "a.nii.gz", data=-box_mask(box(4, 4)).astype(np.int16))
    assert "reference_not_binary: a" in evaluate([("a", "ms")], "--masks", tmp_path / "masks").result.err


def test_a_lesion_needs_the_share_that_is_asked_for(evaluate, predicted, tmp_path):
    folder = predicted("a", probabilities=all_nodes())
    write_volume(folder / "a" / "lesion_mask.nii.gz", data=box_mask(box(4, 4)))
    write_volume(tmp_path / "masks" / "a.nii.gz", data=box_mask(box(4, 4, corner=(32, 20))))
    for overlap, found in ((0.5, 1), (0.6, 0)):
        output = evaluate([("a", "ms")], "--masks", tmp_path / "masks", "--lesion-overlap", overlap, out=tmp_path / str(overlap))
        assert output.metrics["segmentation"]["ms"]["lesion_sensitivity"]["numerator"] == found


def test_a_mask_that_cannot_be_used_is_counted_and_exits_8(evaluate, predicted, tmp_path):
    for name in ("good", "elsewhere", "damaged"):
        folder = predicted(name, probabilities=all_nodes(0.9, 0.5, 0.9))
        write_volume(folder / name / "lesion_mask.nii.gz", data=box_mask(box(4, 4)))
        write_volume(tmp_path / "masks" / f"{name}.nii.gz", data=box_mask(box(4, 4)))
    far = AFFINE.copy()
    far[:3, 3] += 1000
    write_volume(tmp_path / "masks" / "elsewhere.nii.gz", data=box_mask(box(4, 4)), affine=far)
    (tmp_path / "masks" / "damaged.nii.gz").write_bytes(b"no image")
    output = evaluate([(name, "ms") for name in ("good", "elsewhere", "damaged")], "--masks", tmp_path / "masks", code=8)
    found = output.metrics["segmentation"]["ms"]
    assert found["dice"]["n"] == 1 and found["dice"]["mean"] == 1
    assert found["not_compared"]["mask_no_overlap"] == 1 and sum(found["not_compared"].values()) == 2
    assert "elsewhere: the mask has lesion voxels, but none lies inside" in output.result.err


def test_a_mask_that_is_not_the_one_of_its_report_is_not_compared(predict, run, tmp_path):
    """A reader corrected it in place: it says nothing of the segmentation."""
    write_volume(tmp_path / "cohort" / "a.nii.gz", NMOSD)
    output = predict(tmp_path / "cohort")
    (tmp_path / "labels.tsv").write_text("case_id\tlabel\na\tnmosd\n")
    (tmp_path / "masks").mkdir()
    corrected = box_mask(box(20, 20))
    for folder in (tmp_path / "masks" / "a.nii.gz", output.folder / "a" / "lesion_mask.nii.gz"):
        write_volume(folder, data=corrected)
    result = run("evaluate", "--predictions", output.folder, "--labels", tmp_path / "labels.tsv", "--masks", tmp_path / "masks", "-o", tmp_path / "ev")
    assert result.code == 8 and "mask_not_of_report: a: " in result.err
    found = json.loads((tmp_path / "ev" / "metrics.json").read_text())["segmentation"]["nmosd"]
    assert found["not_compared"] == {"mask_not_of_report": 1}


def test_reference_masks_whose_placements_disagree_are_read_as_asked(predict, run, tmp_path):
    write_volume(tmp_path / "cohort" / "a.nii.gz", NMOSD)
    output = predict(tmp_path / "cohort")
    (tmp_path / "labels.tsv").write_text("case_id\tlabel\na\tnmosd\n")
    mask = output.mask("a")
    moved = mask.affine.copy()
    moved[:3, 3] += 9
    reference = nibabel.Nifti1Image(np.asarray(mask.dataobj), mask.affine)
    reference.set_sform(mask.affine, 1)
    reference.set_qform(moved, 1)
    (tmp_path / "masks").mkdir()
    nibabel.save(reference, tmp_path / "masks" / "a.nii.gz")
    command = ["evaluate", "--predictions", output.folder, "--labels", tmp_path / "labels.tsv", "--masks", tmp_path / "masks", "-o", tmp_path / "ev", "--overwrite"]
    assert run(*command).code == 8
    assert run(*command, "--prefer", "sform").code == 0
    assert json.loads((tmp_path / "ev" / "metrics.json").read_text())["segmentation"]["nmosd"]["dice"]["mean"] == 1
