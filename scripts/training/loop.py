"""The training loop: time budget, learning rate, checkpoints to go on from, progress, history."""

import argparse
import math
import signal
import sys
import time
from typing import Callable, Dict, List, NamedTuple

import torch
from torch import Tensor, nn

from history import write_history
from run import INTERRUPTED, STOPPING, say, save_atomically

WARM_UP_STEPS, WARM_UP_SHARE = 100, 0.05
"""The rate rises over so many steps or so much of the budget, whichever ends earlier."""
LARGEST_GRADIENT = 5.0
"""Norm over all weights; a longer one is cut to it."""
STEPS_PER_LINE = 20
CHECKPOINT_SECONDS = 180


class Validation(NamedTuple):
    """What one validation found: the score to raise, figures for the history, and the checkpoint to keep if it is the best."""

    score: float
    figures: Dict[str, float]
    checkpoint: dict


class Trainer:
    """Calls `loss(progress)` and steps until the budget is spent, `validate()` after every epoch.

    `progress` runs from 0 to 1. RUN/last.ckpt is everything needed to go on; RUN/best.ckpt what the best validation gave.
    `identity` says what is trained on what; a run of something else is not gone on with.
    """

    STATE = ("step", "validated", "elapsed", "best", "waited", "halvings", "history", "losses", "identity")

    def __init__(self, network: nn.Module, options: argparse.Namespace, loss: Callable[[float], Tensor], validate: Callable[[], Validation],
                 identity: Dict[str, str]):
        self.network, self.options, self.loss, self.validate, self.identity = network, options, loss, validate, identity
        self.optimizer = torch.optim.Adam(network.parameters(), lr=options.lr)
        self.step, self.elapsed, self.best, self.waited, self.halvings = 0, 0.0, -math.inf, 0, 0
        self.history: List[Dict[str, float]] = []
        self.validated = 0  # step of the last validation
        self.losses: List[float] = []  # since then
        self.stopped = False
        self.last = options.output / "last.ckpt"
        if options.resume and self.last.exists():
            self.restore(torch.load(self.last, map_location=options.device))

    @property
    def progress(self) -> float:
        options = self.options
        return self.step / options.steps if options.steps else self.elapsed / (60 * options.minutes)

    def rate(self) -> float:
        if self.options.patience:
            falling = 0.5**self.halvings
        else:
            falling = 0.5 + 0.5 * math.cos(math.pi * min(1.0, self.progress))
        warm = max((self.step + 1) / WARM_UP_STEPS, self.progress / WARM_UP_SHARE)
        return self.options.lr * falling * min(1.0, warm)

    def run(self) -> None:
        """Leaves with the exit code of an interrupted program on SIGINT and SIGTERM, after saving; a validation that was due then
        is the first thing of the resumed run."""
        former = {number: signal.signal(number, self.stop) for number in STOPPING}
        self.clock = saved = time.monotonic()
        while not self.stopped and (self.progress < 1 or self.epoch_ended()):
            due = self.epoch_ended()
            if due:
                self.finish_epoch()
            else:
                self.train_step()
            if due or time.monotonic() - saved > CHECKPOINT_SECONDS:
                self.save()
                saved = time.monotonic()
        if not self.stopped:
            for number, handler in former.items():
                signal.signal(number, handler)
        if self.stopped:
            self.save()
            say(f"stopped at step {self.step}; --resume goes on from there")
            sys.exit(INTERRUPTED)

    def epoch_ended(self) -> bool:
        return self.step > self.validated and (self.progress >= 1 or self.step % self.options.epoch_steps == 0)

    def train_step(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.network.train()
        loss = self.loss(self.progress)
        self.losses.append(float(loss.detach()))
        if not math.isfinite(self.losses[-1]):
            raise SystemExit(f"the loss is {self.losses[-1]} at step {self.step}; start again with a lower --lr")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1
        self.tick()
        if self.step % STEPS_PER_LINE == 0:
            self.report()

    def tick(self) -> None:
        now = time.monotonic()
        self.elapsed += now - self.clock
        self.clock = now

    def report(self) -> None:
        recent = self.losses[-STEPS_PER_LINE:]
        left = max(0.0, self.elapsed * (1 / self.progress - 1) / 60)
        say(
            f"step {self.step}  loss {sum(recent) / len(recent):.4f}  rate {self.rate():.2e}  "
            f"{self.elapsed / self.step:.2f} s/step  {left:.0f} min left"
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
        row = {"step": self.step, "minutes": self.elapsed / 60, "rate": self.rate()}
        row.update(loss=sum(self.losses) / max(1, len(self.losses)), score=found.score, **found.figures)
        self.losses.clear()
        self.validated = self.step
        self.history.append(row)
        write_history(self.history, self.options.output)
        say("validation  " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()) + ("  best so far" if better else ""))

    def stop(self, *_) -> None:
        self.stopped = True

    def save(self) -> None:
        state = {name: getattr(self, name) for name in self.STATE}
        state.update(network=self.network.state_dict(), optimizer=self.optimizer.state_dict(), random=torch.get_rng_state())
        if torch.cuda.is_available():
            state["random_cuda"] = torch.cuda.get_rng_state(self.options.device)
        save_atomically(state, self.last)

    def restore(self, state: dict) -> None:
        for what, mine in self.identity.items():
            if state.get("identity", {}).get(what) != mine:
                raise SystemExit(f"{self.last} is of another {what}; give what it was begun with, or another folder without --resume")
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())
        if "random_cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["random_cuda"].cpu(), self.options.device)
        for name in self.STATE:
            setattr(self, name, state[name])
        say(f"going on from step {self.step}, {self.elapsed / 60:.1f} minutes")
