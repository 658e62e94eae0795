"""A diffusion policy in the plane: a robot's path, denoised around an obstacle.

Chi et al. 2023, arXiv 2303.04137: actions are sampled by denoising, conditioned on what the robot
sees. Here one sample is a whole path x0 [WAYPOINTS·2], and it sees start, goal and obstacle. Two
small networks learn at once, from the same first weights and the same demonstrations: one to
denoise, one to answer at once (plain regression), which is the mean of all answers.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.diffusion.levels import PREDICTIONS, Level, preserving
from playground.toys import obstacle
from playground.toys.obstacle import WAYPOINTS, Scenes

DEMONSTRATIONS = 20_000
STEPS, BATCH, HIDDEN, PEAK_LR, SEED = 2400, 256, 128, 4e-3, 0
SIZE, SEEN = 2 * WAYPOINTS, 3
UNIT = 0.5  # of the world, so that paths vary about as much as the noise
CLOCK = (1.0, 2.0, 4.0)  # frequencies by which the network is told the time
SHOWN = 24  # paths side by side
RUNS = 100  # scenes on which a policy is measured
CALLS = (1, 2, 4, 8, 16)  # steps of DDIM that are measured
USUAL = 16
PREDICTION = PREDICTIONS["sample"]  # x̂0: at pure noise it is what regression answers


@dataclass(frozen=True)
class Progress:
    step: int
    steps: int


@dataclass(frozen=True)
class Learned:
    """The networks, the share of RUNS blocked scenes that each solves by its number of calls, and
    some noise [SHOWN, SIZE] to begin other paths with.
    """

    networks: dict[str, "Network"]  # diffusion, regression, untrained
    solved: dict[str, dict[int, float]]
    noise: Tensor


def level(t: float) -> Level:
    """At time 0 … 1: cosine schedule (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17)."""
    return preserving(math.cos(t * math.pi / 2) ** 2, t)


def times(steps: int) -> list[float]:
    """From pure noise, 1, to the path, 0."""
    return [1 - k / steps for k in range(steps + 1)]


def seen(where: Scenes) -> Tensor:
    """[n, SEEN]: what a policy knows, as a network takes it."""
    return where.seen() / UNIT


def to_network(paths: Tensor, where: Scenes) -> Tensor:
    """[n, WAYPOINTS, 2] in the world → [n, SIZE] as a network takes them."""
    return where.to_frame(paths).flatten(1) / UNIT


def from_network(x: Tensor, where: Scenes) -> Tensor:
    """[n, SIZE] → [n, WAYPOINTS, 2] in the world."""
    return where.from_frame(x.view(len(x), WAYPOINTS, 2) * UNIT)


class Network(nn.Module):
    """x̂0 [n, SIZE] of noisy paths [n, SIZE] at times [n, 1] in scenes [n, 3]."""

    def __init__(self, generator: torch.Generator):
        super().__init__()
        widths = (SIZE + 2 * len(CLOCK) + SEEN, HIDDEN, HIDDEN, HIDDEN, SIZE)
        self.layers = nn.ParameterList()  # [inputs + 1, outputs]: the last row is the bias
        for inputs, outputs in pairwise(widths):
            weight = torch.randn(inputs, outputs, generator=generator) / inputs**0.5
            self.layers.append(torch.cat((weight, torch.zeros(1, outputs))))

    def forward(self, x: Tensor, t: Tensor, scene: Tensor) -> Tensor:
        clock = [f(math.pi / 2 * k * t) for k in CLOCK for f in (torch.sin, torch.cos)]
        x = torch.cat((x, *clock, scene), -1)
        for layer in self.layers[:-1]:
            x = F.silu(torch.addmm(layer[-1], x, layer[:-1]))
        return torch.addmm(self.layers[-1][-1], x, self.layers[-1][:-1])

    def arrays(self) -> list[np.ndarray]:
        """Its layers, float32 [inputs + 1, outputs]."""
        return [layer.detach().numpy() for layer in self.layers]


def regress(network: Network, scene: Tensor) -> Tensor:
    """Its one answer [n, SIZE] in scenes [n, 3]: the same network, with no path to denoise."""
    return network(torch.zeros(len(scene), SIZE), torch.ones(len(scene), 1), scene)


def starting_noise(count: int, generator: torch.Generator) -> Tensor:
    """[count, SIZE] that paths begin with."""
    return torch.randn(count, SIZE, generator=generator)


def sample(network: Network, scene: Tensor, noise: Tensor, steps: int) -> Tensor:
    """Paths [n, SIZE] in scenes [n, 3], from noise of that shape: DDIM (Song et al. 2021, arXiv
    2010.02502, eq. 12 with η = 0).
    """
    x = noise
    for now, then in pairwise(map(level, times(steps))):
        said = network(x, torch.full((len(x), 1), now.t), scene)
        x = then.mix(PREDICTION.clean(x, said, now), PREDICTION.noise(x, said, now))
    return x


def learn(steps: int = STEPS, seed: int = SEED) -> Iterator[Progress | Learned]:
    """Yields progress and, at the end, what was learned. Closing it stops the training."""
    generator = torch.Generator().manual_seed(seed)
    untrained = Network(generator)
    diffusion, regression = copy.deepcopy(untrained), copy.deepcopy(untrained)
    both = [*diffusion.parameters(), *regression.parameters()]
    optimizer = torch.optim.Adam(both, lr=PEAK_LR)
    where = obstacle.scenes(DEMONSTRATIONS, generator)
    scene, paths = seen(where), to_network(obstacle.demonstrations(where, generator), where)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = PEAK_LR * (1 + math.cos(math.pi * step / steps)) / 2
        row = torch.randint(DEMONSTRATIONS, (BATCH,), generator=generator)
        loss = training_step(diffusion, regression, scene[row], paths[row], generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            yield Progress(step, steps)
    networks = {"diffusion": diffusion, "regression": regression, "untrained": untrained}
    for network in networks.values():
        network.requires_grad_(False)
    yield Learned(networks, solved(networks, generator), starting_noise(SHOWN, generator))


def training_step(
    diffusion: Network, regression: Network, scene: Tensor, clean: Tensor,
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """Summed losses of one batch: both are to answer the expert's paths `clean` [n, SIZE]."""
    t = torch.rand(len(clean), 1, generator=generator)
    noise = torch.randn(clean.shape, generator=generator)
    signal, spread = (t * math.pi / 2).cos(), (t * math.pi / 2).sin()
    denoised = diffusion(signal * clean + spread * noise, t, scene)
    return F.mse_loss(denoised, clean) + F.mse_loss(regress(regression, scene), clean)


def solved(
    networks: dict[str, Network], generator: torch.Generator, calls: Sequence[int] = CALLS
) -> dict[str, dict[int, float]]:
    """Share of RUNS new scenes, all blocked, in which a network's path arrives."""
    where = obstacle.scenes(RUNS, generator, blocked=True)
    scene, noise = seen(where), starting_noise(RUNS, generator)

    def share(paths: Tensor) -> float:
        return obstacle.arrives(from_network(paths, where), where).float().mean().item()

    found = {
        name: {n: share(sample(network, scene, noise, n)) for n in calls}
        for name, network in networks.items()
        if name != "regression"
    }
    return found | {"regression": {1: share(regress(networks["regression"], scene))}}
