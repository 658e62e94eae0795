"""What every training shares: a time budget, checkpoints, a log line a minute, sample sheets."""

import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"  # ignored by git
COUNTERS = ("step", "samples", "seconds")
LOG_EVERY, SAVE_EVERY, SHEET_EVERY = 60, 120, 900  # seconds


class Run:
    """Iterate over steps until `minutes` of training are spent, over however many sittings.

    Compute is what limits us, so the budget is time and `share` (0 → 1) drives the schedules:
    the learning rate arrives at its end whatever the machine's speed; `clock` tells the seconds
    that count. A stretch that goes on from exported weights has a schedule of its own (warm
    restarts: Loshchilov & Hutter 2017, arXiv 1608.03983). `parts` are the modules and optimisers
    whose state a checkpoint holds; `notes` says what it should be published with.
    """

    def __init__(
        self, name: str, minutes: float, clock: Callable[[], float] = time.monotonic, **parts
    ):
        self.folder = CHECKPOINTS / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.budget, self.clock, self.parts = minutes * 60, clock, parts
        self.step, self.samples, self.seconds = 0, 0, 0.0
        self.notes: dict = {}
        self._losses: list[torch.Tensor] = []
        self._due = {"sheet": SHEET_EVERY}
        self.resumed = self.file.exists()
        if self.resumed:
            self._load()

    @property
    def file(self) -> Path:
        return self.folder / "last.pt"

    @property
    def share(self) -> float:
        return min(1.0, self.seconds / self.budget)

    def __iter__(self) -> Iterator[int]:
        bar = tqdm(total=round(self.budget), initial=round(self.seconds), unit="s", mininterval=30)
        logged = saved = time.monotonic()
        while self.seconds < self.budget:
            start = self.clock()
            yield self.step
            self.seconds += self.clock() - start
            self.step += 1
            now = time.monotonic()
            if now - logged > LOG_EVERY:
                logged = now
                self.say(f"loss {torch.stack(self._losses).mean():.5f}")
                self._losses.clear()
                bar.update(round(self.seconds) - bar.n)
            if now - saved > SAVE_EVERY:
                saved = now
                self.save()
        self.save()
        bar.close()

    def record(self, loss: torch.Tensor, samples: int = 0) -> None:
        self._losses.append(loss.detach())  # read once a minute: an accelerator need not wait
        self.samples += samples

    def say(self, text: str) -> None:
        line = f"{self.folder.name} step {self.step} minute {self.seconds / 60:.1f} {text}"
        with open(self.folder / "log.txt", "a", encoding="utf-8") as log:
            log.write(line + "\n")
        tqdm.write(line)

    def sheet_due(self) -> bool:
        if self.seconds < self._due["sheet"]:
            return False
        self._due["sheet"] = self.seconds + SHEET_EVERY
        return True

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state |= {name: getattr(self, name) for name in COUNTERS} | {"notes": self.notes}
        write(state, self.file)

    def _load(self) -> None:
        state = torch.load(self.file, map_location="cpu", weights_only=True)
        for name in (*COUNTERS, "notes"):
            setattr(self, name, state[name])
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self._due["sheet"] = self.seconds + SHEET_EVERY
        self.say("resumed")


def write(state: object, file: Path) -> None:
    """Save so that a kill leaves the old file or the new one, never half of one."""
    temporary = file.with_suffix(".new")
    torch.save(state, temporary)
    os.replace(temporary, file)


def cosine(share: float, peak: float, end: float = 0.02, warmup: float = 0.01) -> float:
    """Learning rate after `share` of the budget: linear warm-up, then a cosine to `end`·peak."""
    if share < warmup:
        return peak * (share + 1e-4) / warmup
    along = (share - warmup) / (1 - warmup)
    return peak * (end + (1 - end) * 0.5 * (1 + math.cos(math.pi * along)))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def to_tensor(images: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """uint8 [n, h, w, 3] → float [n, 3, h, w] in [−1, 1]."""
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(tensor: torch.Tensor) -> np.ndarray:
    """float [n, 3, h, w] in [−1, 1] → uint8 [n, h, w, 3]."""
    return ((tensor.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def save_sheet(path: Path, images: np.ndarray, columns: int) -> None:
    """Write uint8 [n, h, w, 3] as one picture, row by row."""
    rows = [np.concatenate(images[i : i + columns], 1) for i in range(0, len(images), columns)]
    Image.fromarray(np.concatenate(rows, 0)).save(path)
