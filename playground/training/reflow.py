"""Straighten the flow model's paths: train it again on its own pairs of noise and picture.

At first every picture is joined with any noise, and where such lines cross, the network learns
their mean: its paths bend. Joined with the noise that leads to it, a picture's lines do not cross
(Liu et al. 2022, arXiv 2209.03003, section 3; with words and guidance: Liu et al. 2023, arXiv
2309.06380). The pairs are guided, so that what learns from them needs no guidance: one row a call.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import SD3Transformer2DModel
from torch import Tensor

from playground.diffusion.guidance import guide
from playground.diffusion.paths import Path as RunPath
from playground.training import denoising, export, flow
from playground.training.denoising import Given, Plan
from playground.training.device import choose
from playground.training.pool import Pool
from playground.training.run import Run
from playground.training.sheets import PROMPTS

PLAN = Plan(
    "reflow", seed=8, peak_lr=4e-4, ema=(0.998, 0.998), batch=(64, 2048), scenes=(2_000, 30_000),
    minutes=60, plain=flow.PLAN.plain, compiled="blocks",
)  # fmt: skip
GUIDANCE, STEPS = 3.0, 20  # of the pairs
PAIRS, AT_ONCE = (2_000, 65_536), (64, 4096)


@torch.no_grad()
def path(
    transformer: SD3Transformer2DModel, noise: Tensor, words: tuple[Tensor, Tensor],
    none: tuple[Tensor, Tensor], guidance: float, steps: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Euler's way from noise [n, 4, 16, 16]: where it ends, and its velocities [steps, n, …].

    `words` are prompt embeds [n, tokens, 128] and pooled ones, `none` those of no words. With
    `guidance` 1 a call has one row.
    """
    x, velocities = noise, []
    embeds, pooled = words
    if guidance != 1:
        embeds, pooled = (torch.cat((n.expand_as(w), w)) for n, w in zip(none, words, strict=True))
    for sigma in torch.linspace(1, 1 / steps, steps).tolist():
        rows = torch.cat((x, x)) if guidance != 1 else x
        times = torch.full((len(rows),), 1000 * sigma, device=x.device)
        said = transformer(rows, embeds, pooled, times).sample.float()
        velocity = guide(*said.chunk(2), guidance) if guidance != 1 else said
        velocities.append(velocity)
        x = x - velocity / steps
    return x, torch.stack(velocities)


def bend(start: Tensor, end: Tensor, velocities: Tensor) -> float:
    """How far `path`'s ways [n, 4, 16, 16] are from straight lines: 0 if every velocity is
    start − end (see `diffusion.paths.Path.bend`).
    """
    steps = len(velocities)
    between = start - velocities[:-1].cumsum(0) / steps
    places = torch.cat((start[None], between, end[None])).cpu().numpy()
    return RunPath(places, np.linspace(1, 0, steps + 1)).bend()


class Pairs:
    """Noise, the picture it leads to, and the caption's tokens; `draw` takes some at random."""

    def __init__(self, transformer: SD3Transformer2DModel, frozen: Given, pool: Pool):
        device, empty = frozen.device, frozen.tokens([""])
        count, at_once = device.either(*PAIRS), device.either(*AT_ONCE)
        parts = []
        for _ in range(-(-count // at_once)):
            clean, tokens = pool.draw(at_once)
            noise = torch.randn_like(clean)
            with device.autocast():
                words, none = short(frozen.encode(tokens)), short(frozen.encode(empty))
                end, _ = path(transformer, noise, words, none, GUIDANCE, STEPS)
            parts.append((noise, end, tokens))
        self.parts = tuple(torch.cat(each) for each in zip(*parts, strict=True))

    def draw(self, count: int) -> tuple[Tensor, ...]:
        chosen = torch.randint(len(self.parts[0]), (count,), device=self.parts[0].device)
        return tuple(part[chosen] for part in self.parts)

    def grow(self) -> None:
        """All pairs are there from the start."""

    def close(self) -> None:
        """Nothing is open."""


def short(words: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Prompt embeds of as many tokens as most of the flow model's training had, and pooled ones."""
    return words[0][:, : flow.SHORT], words[1]


def train(
    minutes: float | None = None,
    device: str = "cpu",
    start: Sequence[Path] = (),
    peak_lr: float | None = None,
    hold: bool = True,
) -> None:
    """Train on pairs of the exported flow model. The result stays among the checkpoints."""
    place = choose(device)
    frozen = denoising.given(place)
    teacher = export.load_flow().to(device).requires_grad_(False)
    student = export.load_flow()
    run: Run = denoising.begin(PLAN, student, place, minutes, start, peak_lr)
    scenes = Pool(frozen.vae, place.either(*PLAN.scenes), place)
    pairs = Pairs(teacher, frozen, scenes)
    scenes.close()
    run.notes["pairs"] = len(pairs.parts[0])

    def loss_of(transformer, noise, clean, tokens):
        with place.autocast():
            embeds, pooled = short(frozen.encode(tokens))
            return flow.training_step(transformer, clean, embeds, pooled, noise)

    def sheet(transformer) -> np.ndarray:
        words = short(frozen.encode(frozen.tokens(PROMPTS)))
        return flow.draw_samples(transformer, frozen.vae, words, words, guidance=1.0, steps=2)

    denoising.fit(run, PLAN, frozen, loss_of, sheet, pool=pairs)


def last_run() -> Run:
    """The training as its last checkpoint left it. Raises FileNotFoundError without one."""
    run = denoising.begin(PLAN, export.load_flow(), choose())
    if not run.resumed:
        raise FileNotFoundError(
            "Nothing was straightened yet: python -m playground.training reflow."
        )
    return run


def straightened(run: Run) -> SD3Transformer2DModel:
    """The model of a run, with the averaged weights."""
    run.parts["ema"].copy_to(run.parts["model"].parameters())
    return run.parts["model"].eval()
