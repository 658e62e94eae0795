"""Three ways to tell a denoiser what to draw, on a task that takes seconds to learn.

A sample is a row of places, each with a number. A prompt names some places, in any order, and the
value of each; all others are 0. The same small network learns ε̂ three times. Words reach it as more
inputs of every place (concatenation), as scale and shift of its features (adaptive normalisation;
Perez et al. 2018, arXiv 1709.07871), or by cross-attention from places to words (Rombach et al.
2022, arXiv 2112.10752, eq. 3). The first two are told one vector: the mean of the words.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.toys.dropout import levels

WAYS = ("concatenation", "norm", "cross")
PLACES, WORDS = 8, 3
VALUES = (-1.5, -0.5, 0.5, 1.5)
NEAR = 0.25  # half the distance between two values: so close a number must be
HIDDEN, LAYERS = 64, 3
STEPS, BATCH, PEAK_LR, SEED = 1000, 256, 3e-3, 0
SAMPLES, SAMPLER_STEPS = 1000, 30


@dataclass(frozen=True)
class Result:
    """Of one way: the network's parameters, and the share of samples that are right."""

    way: str
    parameters: int
    right: float


def prompts(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Words [count, WORDS, VALUES + PLACES], one-hot of value and place, and what they describe
    [count, PLACES].
    """
    places = torch.rand(count, PLACES, generator=generator).argsort(-1)[:, :WORDS]
    values = torch.randint(len(VALUES), (count, WORDS), generator=generator)
    words = torch.cat((F.one_hot(values, len(VALUES)), F.one_hot(places, PLACES)), -1).float()
    return words, torch.zeros(count, PLACES).scatter(1, places, torch.tensor(VALUES)[values])


class Layer(nn.Module):
    """A residual layer of every place; `way` says how the words reach it."""

    def __init__(self, way: str):
        super().__init__()
        self.way = way
        self.inner = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN))
        self.norm = nn.LayerNorm(HIDDEN, elementwise_affine=False)
        if way == "norm":
            self.told = nn.Linear(HIDDEN, 2 * HIDDEN)
        if way == "cross":
            self.query, self.key, self.value = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        """x [n, places, HIDDEN], words [n, WORDS, HIDDEN]."""
        if self.way == "cross":
            scores = self.query(self.norm(x)) @ self.key(words).transpose(1, 2) / HIDDEN**0.5
            x = x + scores.softmax(-1) @ self.value(words)
        features = self.norm(x)
        if self.way == "norm":
            scale, shift = self.told(words.mean(1, keepdim=True)).chunk(2, -1)
            features = (1 + scale) * features + shift
        return x + self.inner(features)


class Denoiser(nn.Module):
    """ε̂ of samples [n, PLACES] at times [n, 1], told by words [n, WORDS, VALUES + PLACES]."""

    def __init__(self, way: str):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"There is no way {way!r}; there are: {', '.join(WAYS)}.")
        self.way = way
        self.words = nn.Sequential(
            nn.Linear(len(VALUES) + PLACES, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN)
        )
        more = HIDDEN if way == "concatenation" else 0
        self.enter = nn.Linear(1 + PLACES + 6 + more, HIDDEN)
        self.layers = nn.ModuleList(Layer(way) for _ in range(LAYERS))
        self.leave = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor, t: Tensor, words: Tensor) -> Tensor:
        words = self.words(words)
        clock = [f(math.pi * k * t) for k in (0.5, 1, 2) for f in (torch.sin, torch.cos)]
        where = torch.eye(PLACES).expand(len(x), -1, -1)
        seen = [x[..., None], where, torch.cat(clock, -1)[:, None].expand(-1, PLACES, -1)]
        if self.way == "concatenation":
            seen.append(words.mean(1, keepdim=True).expand(-1, PLACES, -1))
        x = self.enter(torch.cat(seen, -1))
        for layer in self.layers:
            x = layer(x, words)
        return self.leave(x)[..., 0]


def learn(way: str, steps: int = STEPS, seed: int = SEED) -> Denoiser:
    """A trained denoiser: every way sees the same prompts, times and noise."""
    torch.manual_seed(seed)  # of the first weights
    generator = torch.Generator().manual_seed(seed)
    net = Denoiser(way)
    optimizer = torch.optim.Adam(net.parameters(), lr=PEAK_LR)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = PEAK_LR * (1 + math.cos(math.pi * step / steps)) / 2
        words, clean = prompts(BATCH, generator)
        t = torch.rand(BATCH, 1, generator=generator)
        noise = torch.randn(BATCH, PLACES, generator=generator)
        signal, spread = levels(t)
        loss = (net(signal * clean + spread * noise, t, words) - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.requires_grad_(False)


def sample(net: nn.Module, words: Tensor, generator: torch.Generator) -> Tensor:
    """[n, PLACES]: DDIM from noise."""
    x = torch.randn(len(words), PLACES, generator=generator)
    for now, then in pairwise(torch.linspace(0.98, 0.0, SAMPLER_STEPS + 1)):
        (signal, spread), (next_signal, next_spread) = levels(now), levels(then)
        epsilon = net(x, now.expand(len(x), 1), words)
        x = next_signal * (x - spread * epsilon) / signal + next_spread * epsilon
    return x


def right(samples: Tensor, clean: Tensor) -> float:
    """The share of samples in which every place has its value."""
    return float(((samples - clean).abs() < NEAR).all(-1).float().mean())


def compare(steps: int = STEPS, count: int = SAMPLES) -> list[Result]:
    """Every way, trained and judged on prompts drawn anew."""
    found = []
    for way in WAYS:
        net = learn(way, steps)
        generator = torch.Generator().manual_seed(SEED + 1)
        words, clean = prompts(count, generator)
        share = right(sample(net, words, generator), clean)
        size = sum(weights.numel() for weights in net.parameters())
        found.append(Result(way, size, round(share, 4)))
    return found
