"""Runs one engine in a process of its own: reads requests from standard input, one JSON object a line, and answers each with a line.

A request {"network", "inputs", "batch", "repeat", "output"} names a .npy file [N,C,H,W]; the answer holds the milliseconds per slice of
each pass over it in batches, or `error`. The probabilities go to `output`.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from engines import ENGINES, Job, probabilities

LONGEST_REASON = 200


def answer(request: dict, options: argparse.Namespace, loaded: dict) -> dict:
    inputs = np.load(request["inputs"])
    batch = request["batch"]
    key = (request["network"], batch)
    if key not in loaded:
        job = Job(options.models, request["network"], options.onnx, (batch, *inputs.shape[1:]), options.threads, options.bf16)
        loaded.clear()  # one network in memory at a time
        loaded[key] = ENGINES[options.engine](job)
        for _ in range(2):
            loaded[key](inputs[:batch])  # executors settle in their first runs
    parts = [inputs[start : start + batch] for start in range(0, len(inputs), batch)]
    times, outputs = [], []
    for _ in range(request["repeat"]):
        begin = time.perf_counter()
        outputs = [loaded[key](part) for part in parts]
        times.append(1000 * (time.perf_counter() - begin) / len(inputs))
    np.save(request["output"], probabilities(np.concatenate(outputs), request["network"]))
    return {"ms_per_slice": times}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    replies, sys.stdout = sys.stdout, sys.stderr  # libraries that print must not break the lines
    loaded = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), options, loaded)
        except Exception as error:  # whatever a rival's library throws becomes its row
            reply = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
