"""The ways to run one network on a CPU, each in its best documented setting. An engine is a function of numpy [N,C,H,W] -> numpy.

Imports only what the chosen engine needs, so that it runs in any Python environment.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np


class Job(NamedTuple):
    """A network of a package, the shape of its input [N,C,H,W], and how to run it."""

    models: Path
    network: str  # "segmenter" or a node
    onnx: Path  # folder of the ONNX export
    shape: tuple
    threads: int
    bf16: bool


def script_of(job: Job):
    import torch

    torch.set_num_threads(job.threads)
    return torch.jit.load(str(job.models / f"{job.network}.pt"), map_location="cpu").float().eval()


def torch_function(job: Job, network) -> Callable:
    import torch

    def run(inputs):
        tensor = torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16) if job.bf16 else nullcontext():
            return network(tensor).float().numpy()

    return run


def channels_last_network(job: Job):
    """PyTorch modules with the package's weights. An image of one channel has no layout, so it is that of the weights that counts."""
    import torch

    from package_networks import eager_network

    return eager_network(script_of(job), job.network).to(memory_format=torch.channels_last)


def eager(job: Job) -> Callable:
    return torch_function(job, channels_last_network(job))


def frozen(job: Job) -> Callable:
    """torch.jit.freeze, channels last."""
    import torch

    return torch_function(job, torch.jit.freeze(script_of(job).to(memory_format=torch.channels_last)))


def compiled(job: Job) -> Callable:
    """torch.compile with the weights folded in, of PyTorch 2."""
    import torch
    import torch._inductor.config as inductor

    inductor.freezing = True
    return torch_function(job, torch.compile(channels_last_network(job)))


def onnx_runtime(job: Job) -> Callable:
    """All graph optimisations, one pool of intra-op threads, the batch size known. It computes in fp32 on CPUs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = job.threads
    options.add_free_dimension_override_by_name("batch", job.shape[0])
    session = onnxruntime.InferenceSession(str(job.onnx / f"{job.network}.onnx"), options, providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, {"input": inputs})[0]


def openvino(job: Job) -> Callable:
    """Latency hint, static shape; the precision is its own choice (bf16 where the CPU has it) or fp32."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(str(job.onnx / f"{job.network}.onnx"))
    model.reshape(list(job.shape))
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": job.threads}
    if not job.bf16:
        options["INFERENCE_PRECISION_HINT"] = "f32"
    compiled_model = core.compile_model(model, "CPU", options)
    return lambda inputs: np.array(compiled_model([inputs])[0])


ENGINES = {"eager": eager, "frozen": frozen, "compiled": compiled, "onnxruntime": onnx_runtime, "openvino": openvino}


def probabilities(outputs: np.ndarray, network: str) -> np.ndarray:
    """The segmenter's as they are; of a classifier's logits the second class' softmax."""
    if network == "segmenter":
        return outputs
    return 1 / (1 + np.exp(outputs[:, 0].astype(np.float64) - outputs[:, 1]))
