"""Folders of case reports as `predict` writes them, made from numbers: for evaluations without images."""

import json

CLASSES = {
    "tumor_vs_demyelination": ("tumor", "demyelination"),
    "astrocytoma_vs_ependymoma": ("astrocytoma", "ependymoma"),
    "ms_vs_nmosd": ("ms", "nmosd"),
}
NODES = tuple(CLASSES)


def node_result(node, probability, threshold, reached, abstain_margin=0.0):
    first, second = CLASSES[node]
    margin = abs(probability - threshold)
    decision = second if probability >= threshold else first
    return {
        "reached": reached,
        "probabilities": {first: 1 - probability, second: probability},
        "threshold": threshold,
        "decision": "indeterminate" if margin < abstain_margin else decision,
        "margin": margin,
        "n_slices": 1,
    }


def classification(probabilities, thresholds, abstain_margin=0.0):
    """The cascade's result from the second-class probability of each node; nodes left out are not reached."""
    path = []
    results = {}
    node = "tumor_vs_demyelination"
    while node in probabilities:
        results[node] = node_result(node, probabilities[node], thresholds.get(node, 0.5), True, abstain_margin)
        path.append(results[node]["decision"])
        node = {"tumor": "astrocytoma_vs_ependymoma", "demyelination": "ms_vs_nmosd"}.get(path[-1])
    for node in NODES:
        if node not in results and node in probabilities:
            results[node] = node_result(node, probabilities[node], thresholds.get(node, 0.5), False, abstain_margin)
    nodes = {node: results.get(node, {"reached": False}) for node in NODES}
    return {"label": path[-1] if path else None, "path": path, "nodes": nodes}


def lesion(volume_mm3):
    return {
        "id": 1,
        "voxels": 10,
        "volume_mm3": volume_mm3,
        "length_si_mm": 5,
        "width_ap_mm": 2,
        "max_area_mm2": 10,
        "centroid_voxel": [1, 2, 3],
        "centroid_ras_mm": [1, 2, 3],
        "slices": [1],
        "mean_intensity": 0.5,
        "sd_intensity": 0.1,
        "touches_border": False,
    }


def report(case_id, status="ok", probabilities=None, thresholds=None, abstain_margin=0.0, code="slice_gap", model="made-up", source="network"):
    """A report of a completed case with one lesion, of one without lesion, or of a failed case."""
    common = {
        "schema_version": 1,
        "tool": {"name": "cordlesion", "version": "0.1.0", "commit": "abc"},
        "case_id": case_id,
        "status": status,
        "warnings": [],
        "skipped_files": 0,
        "models": {"name": model, "version": "2", "trained": True, "trained_on": "numbers", "verified": True, "sha256": {"segmenter.pt": "0" * 64}},
        "digests": {"input": "0" * 64, "models": "0" * 64, "options": "0" * 64},
        "timing_ms": {},
        "device": "cpu",
        "precision": "fp32",
        "identifiers_included": False,
        "disclaimer": "Research use only. Not a medical device; not for diagnosis or treatment decisions.",
    }
    if status == "failed":
        return {**common, "error": {"stage": "read", "code": code, "message": "a slice is missing", "hint": ""}}
    lesions = [lesion(100.0)] if status == "ok" else []
    return {
        **common,
        "input": {
            "format": "nifti",
            "size": [4, 5, 6],
            "spacing_mm": [1, 1, 1],
            "origin": [0, 0, 0],
            "direction": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
            "digest": "0" * 64,
        },
        "preprocessing": {
            "canonical_axes": {"source_axis": [0, 1, 2], "flipped": [False] * 3},
            "normalisation": {"clip_sd": 5.0},
            "fit": "letterbox",
            "frame": {"size": 256, "top": 0, "left": 0, "height": 256, "width": 256},
        },
        "segmentation": {
            "source": source,
            "threshold": 0.5,
            "min_lesion_mm3": 0,
            "removed_components": 0,
            "lesion_count": len(lesions),
            "voxels": 10 * len(lesions),
            "volume_mm3": 100.0 * len(lesions),
        },
        "selected_slices": [],
        "lesions": lesions,
        "classification": classification(probabilities or {}, thresholds or {}, abstain_margin),
        "geometry": {"max_corner_error_mm": 0},
    }


def write_report(predictions, validator, case_id, **facts):
    """Writes the report, after checking it against the schema: what is evaluated is what `predict` writes."""
    content = report(case_id, **facts)
    validator.validate(content)
    folder = predictions / case_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(content))


def write_labels(path, rows, columns=("case_id", "label")):
    path.write_text("\n".join("\t".join(map(str, row)) for row in [columns, *rows]) + "\n")
    return path
