"""The training loop: time budget, learning rate, checkpoints to go on from, progress, history."""

import argparse
import csv
import io
import os
import signal
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

import torch
from torch import Tensor, nn

WARM_UP_STEPS = 100
STEPS_PER_LINE = 20
CHECKPOINT_SECONDS = 180
INTERRUPTED = 130


class Validation(NamedTuple):
    """What one validation found: the score to raise, figures for the history, and the checkpoint to keep if it is the best."""

    score: float
    figures: Dict[str, float]
    checkpoint: dict


def add_run_options(parser: argparse.ArgumentParser, batch: int, epoch_steps: int) -> None:
    parser.add_argument("prepared", type=Path, help="the folder that `cordlesion prepare` wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="folder of this run")
    parser.add_argument("--resume", action="store_true", help="go on from RUN/last.ckpt if it is there")
    parser.add_argument("--minutes", type=float, default=60, help="time budget, over which the rate falls as a cosine (60)")
    parser.add_argument("--steps", type=int, help="budget in steps instead of minutes")
    parser.add_argument("--epoch-steps", type=int, default=epoch_steps, help=f"steps between validations ({epoch_steps})")
    parser.add_argument("--batch", type=int, default=batch, help=f"slices per step ({batch})")
    parser.add_argument("--lr", type=float, help="Adam's learning rate")
    parser.add_argument("--patience", type=int, default=0, help="halve the rate after this many epochs without a better score, instead of the cosine")
    parser.add_argument("--start", type=Path, metavar="FILE", help="checkpoint whose weights to start from")
    parser.add_argument("--seed", type=int, default=1, help="of initial weights and sampling (1)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda[:N]; default: cuda if there is one")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto", help="auto: bf16 where the hardware has it")
    parser.add_argument("--threads", type=int, help="CPU threads (all cores)")
    parser.add_argument("--compile", action="store_true", help="torch.compile (PyTorch 2 and a C++ compiler)")


def start_run(options: argparse.Namespace) -> torch.device:
    """Creates RUN, seeds, and says on what is computed."""
    options.output.mkdir(parents=True, exist_ok=True)
    if (options.output / "last.ckpt").exists() and not options.resume:
        raise SystemExit(f"{options.output} already holds a run; give --resume to go on with it, or another folder")
    torch.set_num_threads(options.threads or len(os.sched_getaffinity(0)))
    torch.manual_seed(options.seed)
    device = torch.device(options.device)
    options.bf16 = options.precision == "bf16" or (options.precision == "auto" and has_bf16(device))
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    say(f"PyTorch {torch.__version__}, {where}, {'bf16' if options.bf16 else 'fp32'}")
    return device


def has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def save_atomically(content: dict, path: Path) -> None:
    part = path.with_name(path.name + ".part")
    torch.save(content, part)
    os.replace(part, path)


class Trainer:
    """Calls `loss(progress)` and steps until the budget is spent, `validate()` after every epoch.

    `progress` runs from 0 to 1. RUN/last.ckpt is everything needed to go on; RUN/best.ckpt what the best validation gave.
    """

    def __init__(self, network: nn.Module, options: argparse.Namespace, loss: Callable[[float], Tensor], validate: Callable[[], Validation]):
        self.network, self.options, self.loss, self.validate = network, options, loss, validate
        self.optimizer = torch.optim.Adam(network.parameters(), lr=options.lr)
        self.step, self.elapsed, self.best, self.waited, self.halvings = 0, 0.0, -float("inf"), 0, 0
        self.history: List[Dict[str, float]] = []
        self.stopped = False
        self.clock = time.monotonic()
        if options.resume and (options.output / "last.ckpt").exists():
            self.restore(torch.load(options.output / "last.ckpt", map_location=options.device))

    @property
    def progress(self) -> float:
        options = self.options
        return self.step / options.steps if options.steps else self.elapsed / (60 * options.minutes)

    def rate(self) -> float:
        if self.options.patience:
            falling = 0.5**self.halvings
        else:
            falling = 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * min(1.0, self.progress))))
        return self.options.lr * falling * min(1.0, (self.step + 1) / WARM_UP_STEPS)

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        self.clock = saved = time.monotonic()
        losses: List[float] = []
        while self.progress < 1:
            losses.append(self.train_step())
            if self.step % STEPS_PER_LINE == 0:
                self.report(losses)
                losses.clear()
            if self.step % self.options.epoch_steps == 0 or self.progress >= 1:
                self.finish_epoch()
                saved = 0
            if self.stopped or time.monotonic() - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = time.monotonic()
            if self.stopped:
                say(f"stopped at step {self.step}; --resume goes on from there")
                sys.exit(INTERRUPTED)

    def train_step(self) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.network.train()
        loss = self.loss(self.progress)
        value = float(loss)
        if not value < float("inf"):
            raise SystemExit(f"the loss is {value} at step {self.step}; lower --lr and start again")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.step += 1
        self.tick()
        return value

    def tick(self) -> None:
        now = time.monotonic()
        self.elapsed += now - self.clock
        self.clock = now

    def report(self, losses: List[float]) -> None:
        left = self.elapsed * (1 / self.progress - 1) / 60 if self.progress > 0 else float("nan")
        say(
            f"step {self.step}  loss {sum(losses) / len(losses):.4f}  rate {self.rate():.2e}  "
            f"{self.elapsed / self.step:.2f} s/step  {max(0.0, left):.0f} min left"
        )

    def finish_epoch(self) -> None:
        self.network.eval()
        with torch.no_grad():
            found = self.validate()
        self.tick()
        better = found.score > self.best
        if better:
            self.best, self.waited = found.score, 0
            save_atomically(found.checkpoint, self.options.output / "best.ckpt")
        else:
            self.waited += 1
            if self.options.patience and self.waited >= self.options.patience:
                self.halvings, self.waited = self.halvings + 1, 0
        row = {"step": self.step, "minutes": round(self.elapsed / 60, 2), "rate": self.rate(), "score": found.score, **found.figures}
        self.history.append(row)
        self.write_history()
        say("validation  " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()) + ("  best so far" if better else ""))

    def write_history(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.history[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        part = self.options.output / "history.tsv.part"
        part.write_text(text.getvalue(), encoding="utf-8")
        os.replace(part, self.options.output / "history.tsv")

    def stop(self, *_) -> None:
        self.stopped = True

    def save(self) -> None:
        state = {name: getattr(self, name) for name in ("step", "elapsed", "best", "waited", "halvings", "history")}
        state.update(network=self.network.state_dict(), optimizer=self.optimizer.state_dict(), random=torch.get_rng_state())
        save_atomically(state, self.options.output / "last.ckpt")

    def restore(self, state: dict) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())
        for name in ("step", "elapsed", "best", "waited", "halvings", "history"):
            setattr(self, name, state[name])
        say(f"going on from step {self.step}, {self.elapsed / 60:.1f} minutes")


def read_start(path: Optional[Path]) -> dict:
    """The weights of one of our checkpoints or of a plain state_dict."""
    try:
        content = torch.load(path, map_location="cpu")
    except Exception as error:  # torch raises many kinds
        raise SystemExit(f"{path} cannot be read as a checkpoint: {error}") from None
    return content.get("state_dict", content)
