"""Why training drops the prompt: classifier-free guidance in the plane, learned in seconds.

Ho & Salimans 2022, arXiv 2207.12598, algorithms 1 and 2, with points [x, y] for pictures and three
labels for prompts. Several tiny denoisers learn at once, from the same points, noise and initial
weights; they differ in how often the label was dropped, and in nothing else.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.diffusion.guidance import guide

DROPOUTS = (0.0, 0.1, 0.5)
SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0)
LABELS, RADIUS, SPREAD = 3, 2.0, 0.4  # six blobs on a circle; opposite ones have one label
STEPS, BATCH, HIDDEN, PEAK_LR, SEED = 1500, 512, 64, 4e-3, 0
POINTS, SAMPLER_STEPS = 150, 40


@dataclass(frozen=True)
class Progress:
    step: int
    steps: int


@dataclass(frozen=True)
class Learned:
    """`samples` [dropouts, scales, labels, points, 2] and, of each such cloud, the share `found`
    within three spreads of a blob of its label [dropouts, scales, labels].
    """

    samples: Tensor
    found: Tensor


def centres() -> Tensor:
    """[labels, 2 blobs, 2]."""
    turn = torch.arange(2 * LABELS) * math.pi / LABELS
    circle = RADIUS * torch.stack((turn.cos(), turn.sin()), -1)
    return torch.stack((circle[:LABELS], circle[LABELS:]), 1)


def levels(t: Tensor) -> tuple[Tensor, Tensor]:
    """√ᾱ and √(1 − ᾱ) at time 0 … 1: cosine schedule (Nichol & Dhariwal 2021, eq. 17)."""
    return (t * math.pi / 2).cos(), (t * math.pi / 2).sin()


class Denoisers(nn.Module):
    """`count` separate networks of one shape: ε̂ of [count, n, 2] at times [n, 1].

    `label` [count, n, labels] is one-hot; all zeros say that there is none.
    """

    def __init__(self, count: int, generator: torch.Generator):
        super().__init__()
        self.count = count
        widths = (2 + 6 + LABELS, HIDDEN, HIDDEN, HIDDEN, 2)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in pairwise(widths):
            weight = torch.randn(1, inputs, outputs, generator=generator) / inputs**0.5
            self.weights.append(weight.repeat(count, 1, 1))
            self.biases.append(torch.zeros(count, 1, outputs))

    def forward(self, x: Tensor, t: Tensor, label: Tensor) -> Tensor:
        clock = torch.cat([f(math.pi * k * t) for k in (0.5, 1, 2) for f in (torch.sin, torch.cos)])
        clock = clock.view(6, -1).T.expand(len(x), -1, -1)
        x = torch.cat((x, clock, label), -1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = F.silu(torch.baddbmm(bias, x, weight))
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])


def learn(
    dropouts: Sequence[float] = DROPOUTS, steps: int = STEPS, seed: int = SEED
) -> Iterator[Progress | Learned]:
    """Yields progress and, at the end, what was learned. Closing it stops the training."""
    generator = torch.Generator().manual_seed(seed)
    nets = Denoisers(len(dropouts), generator)
    optimizer = torch.optim.Adam(nets.parameters(), lr=PEAK_LR)
    rates = torch.tensor(dropouts).view(-1, 1, 1)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = PEAK_LR * (1 + math.cos(math.pi * step / steps)) / 2
        loss = training_step(nets, rates, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            yield Progress(step, steps)
    samples = sample(nets.requires_grad_(False), generator)
    yield Learned(samples, found(samples))


def training_step(nets: Denoisers, rates: Tensor, generator: torch.Generator) -> Tensor:
    """Summed loss of one batch; `rates` [nets, 1, 1] is how often each drops the label."""
    label = torch.randint(LABELS, (BATCH,), generator=generator)
    blob = torch.randint(2, (BATCH,), generator=generator)
    clean = centres()[label, blob] + SPREAD * torch.randn(BATCH, 2, generator=generator)
    t = torch.rand(BATCH, 1, generator=generator)
    noise = torch.randn(BATCH, 2, generator=generator)
    signal, spread = levels(t)
    noisy = (signal * clean + spread * noise).expand(len(rates), -1, -1)
    kept = torch.rand(BATCH, 1, generator=generator) >= rates
    predicted = nets(noisy, t, F.one_hot(label, LABELS) * kept)
    return (predicted - noise).square().mean((1, 2)).sum()


def sample(nets: Denoisers, generator: torch.Generator, scales: Sequence[float] = SCALES) -> Tensor:
    """[nets, scales, labels, points, 2]: DDIM, the same noise for every net, scale and label."""
    count, grid = nets.count, (len(scales), LABELS, POINTS)
    start = torch.randn(POINTS, 2, generator=generator)
    x = start.expand(count, *grid, 2).reshape(count, -1, 2)
    label = F.one_hot(torch.arange(LABELS), LABELS).float()[None, :, None]
    label = label.expand(len(scales), -1, POINTS, -1).reshape(1, -1, LABELS).expand(count, -1, -1)
    scale = torch.tensor(scales).view(-1, 1, 1).expand(grid).reshape(1, -1, 1)
    times = torch.linspace(0.98, 0.0, SAMPLER_STEPS + 1)
    for now, then in pairwise(times):
        t = now.expand(x.shape[1], 1)
        epsilon = guide(nets(x, t, torch.zeros_like(label)), nets(x, t, label), scale)
        (signal, spread), (next_signal, next_spread) = levels(now), levels(then)
        x = next_signal * (x - spread * epsilon) / signal + next_spread * epsilon
    return x.view(count, *grid, 2)


def found(samples: Tensor) -> Tensor:
    """Share of each cloud [..., labels, points, 2] within three spreads of its label's blobs."""
    distance = (samples[..., None, :] - centres()[:, None]).norm(dim=-1)
    return (distance.amin(-1) <= 3 * SPREAD).float().mean(-1)
