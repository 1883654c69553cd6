"""MODEL_CARD.md of a package: what it was trained on, how it decides, what it must not be used for."""

import argparse
from typing import Dict

from checkpoint import Trained


def validation_line(figures: Dict[str, float]) -> str:
    shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    return f"\n  - validation: {shown}" if shown else ""


def model_card(facts: dict, networks: Dict[str, Trained], options: argparse.Namespace) -> str:
    if options.untrained:
        warning = f"**The weights are drawn from the seed {options.seed}: nothing was learned and the results mean nothing.**"
    else:
        warning = f"**Trained on: {facts['trained_on']}.**"
    nodes = "\n".join(
        f"- `{node}`: channels {', '.join(spec['channels'])}; {spec['classes'][1]} if its probability is at "
        f"least {spec['threshold']} ({spec['threshold_source']}){validation_line(networks[node].figures)}"
        for node, spec in facts["classifiers"].items()
    )
    segmenter = networks["segmenter"]
    threshold = f"{segmenter.threshold} ({segmenter.threshold_source})"
    details = "\n" + options.card.read_text(encoding="utf-8") if options.card else ""
    return f"""{warning}

# Model package {facts['name']}, version {facts['version']}

- Licence: {facts['licence']}
- Trained on: {facts['trained_on']}
- Intended use: {facts['intended_use']}
- Must not be used for: diagnosis, treatment or any other decision about a patient.
- Input: sagittal T2, {facts['input_size']} x {facts['input_size']} pixels, {facts['fit']}
- bf16 agrees with fp32 on the golden input and validation slices: {'yes' if facts['bf16_agrees'] else 'no'}

## Networks

- `segmenter`: 2D MultiResUNet; a pixel is lesion if its probability is at least {threshold}{validation_line(segmenter.figures)}
{nodes}

The classifiers are DenseNet121. Method: Zhuo, Zhang et al., Radiology: Artificial Intelligence 2022;4(6):e210292,
doi 10.1148/ryai.210292. This package is not the authors'.
{details}"""
