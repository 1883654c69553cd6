"""One training run: its options, device and folder."""

import argparse
import contextlib
import ctypes
import fcntl
import os
import re
import signal
import sys
import zipfile
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Tuple

import torch
from torch import Tensor

from argument_types import count_or_zero, positive_count, positive_number
from networks import without_shuffle_upsampling

INTERRUPTED = 130
STOPPING = (signal.SIGINT, signal.SIGTERM)
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
"""Of glibc's malloc.h."""


def device_name(text: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"'{text}': expected cpu, cuda or cuda:N")
    return text


def window_size(text: str) -> Optional[Tuple[int, int]]:
    """Rows and columns of `128x64`; none for 0."""
    if text == "0":
        return None
    rows, _, columns = text.partition("x")
    if not (rows.isdigit() and columns.isdigit()) or min(int(rows), int(columns)) < 16 or int(rows) % 16 or int(columns) % 16:
        raise argparse.ArgumentTypeError(f"'{text}': expected rows x columns, multiples of 16, for example 128x64")
    return int(rows), int(columns)


def add_run_options(parser: argparse.ArgumentParser, batch: int, epoch_steps: int) -> None:
    parser.add_argument("prepared", type=Path, help="the folder that `cordlesion prepare` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="folder of this run")
    parser.add_argument("--resume", action="store_true", help="go on from RUN/last.ckpt if it is there")
    parser.add_argument("--minutes", type=positive_number, default=60, help="time budget, over which the rate falls as a cosine (60)")
    parser.add_argument("--steps", type=positive_count, help="budget in steps instead of minutes")
    parser.add_argument("--epoch-steps", type=positive_count, default=epoch_steps, help=f"steps between validations ({epoch_steps})")
    parser.add_argument("--batch", type=positive_count, default=batch, help=f"slices per step ({batch})")
    parser.add_argument("--lr", type=positive_number, help="Adam's learning rate")
    parser.add_argument("--patience", type=count_or_zero, default=0,
                        help="halve the rate after this many epochs without a better score, instead of the cosine; 0: cosine (0)")
    parser.add_argument("--start", type=Path, metavar="FILE", help="weights to start from: a checkpoint, or a network of a model package")
    parser.add_argument("--hold-statistics", action="store_true",
                        help="batch norms keep the statistics of --start: the segmenter then takes half the time on CPUs, and a classifier "
                        "of windows (--crop) goes on with whole slices, whose statistics differ")
    parser.add_argument("--seed", type=int, default=1, help="of initial weights and sampling (1)")
    parser.add_argument("--device", type=device_name, default="cuda" if torch.cuda.is_available() else "cpu",
                        help="cpu or cuda[:N]; default: cuda if there is one")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="auto: bf16 where it is faster")
    parser.add_argument("--threads", type=positive_count, help="CPU threads (OMP_NUM_THREADS, else all cores)")
    parser.add_argument("--compile", action="store_true", help="torch.compile (PyTorch 2 and a C++ compiler)")


def parse_run_options(parser: argparse.ArgumentParser, arguments: List[str]) -> argparse.Namespace:
    options = parser.parse_args(arguments)
    if options.hold_statistics and not options.start:
        parser.error("--hold-statistics needs --start, whose statistics it holds")
    return options


def interruptible(main: Callable[[List[str]], int], arguments: List[str]) -> int:
    """Runs a script's `main`. SIGTERM and Ctrl-C end it with the exit code of an interrupted program and without a traceback where
    it does not see to them itself; of several signals, as when a whole process group is told to stop, only the first counts."""

    def interrupt(*_) -> None:
        for number in STOPPING:
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    for number in STOPPING:
        signal.signal(number, interrupt)
    try:
        return main(arguments)
    except KeyboardInterrupt:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)  # while Python ends, its own handlers are gone
        say("interrupted")
        return INTERRUPTED


@contextlib.contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Creates a folder and keeps others on this machine from writing into it, or waits while one does: look again at what is there afterwards.
    The lock goes with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise SystemExit(f"another training writes into {folder}; wait for its end, or give another folder") from None
            say(f"waiting for another training that writes into {folder}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def start_run(options: argparse.Namespace) -> torch.device:
    """Seeds, and says on what is computed."""
    if (options.output / "last.ckpt").exists() and not options.resume:
        raise SystemExit(f"{options.output} already holds a run; give --resume to go on with it, or another folder")
    torch.set_num_threads(options.threads or int(os.environ.get("OMP_NUM_THREADS", len(os.sched_getaffinity(0)))))
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    if device.type == "cpu":
        keep_memory()
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit(f"--device {options.device}: this PyTorch finds no CUDA GPU; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SystemExit(f"--device {options.device}: this PyTorch finds {torch.cuda.device_count()} GPUs, counted from 0")
    options.bf16 = options.precision == "bf16" or (options.precision == "auto" and fast_bf16(device))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    say(f"PyTorch {torch.__version__}, {where}, {'bf16' if options.bf16 else 'fp32'}")
    return device


def keep_memory() -> None:
    """From now on freed memory stays with this process: glibc would give every large array back and have its pages cleared anew in every step."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        set_option = ctypes.CDLL(None).mallopt
        for option, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1)):
            set_option(option, value)


def fast_bf16(device: torch.device) -> bool:
    """Where bf16 is faster than fp32: not on Intel's CPUs whose AMX is not there, as in some virtual machines."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "amx_bf16" in cpuinfo or ("avx512_bf16" in cpuinfo and "AuthenticAMD" in cpuinfo)


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def save_atomically(content: dict, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    torch.save(content, part)
    os.replace(part, path)


def read_start(path: Path) -> dict:
    """One of our checkpoints, a network of a package, or a plain state_dict as the `state_dict` of one."""
    try:
        if is_torchscript(path):
            state = torch.jit.load(str(path), map_location="cpu").state_dict()
            return {"state_dict": without_shuffle_upsampling({key: full_precision(value) for key, value in state.items()})}
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds
        raise SystemExit(f"{path} cannot be read as a checkpoint: {error}") from None
    return content if "state_dict" in content else {"state_dict": content}


def is_torchscript(path: Path) -> bool:
    """TorchScript files hold their code beside the weights."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def full_precision(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
