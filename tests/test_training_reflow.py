"""Reflow: pairs are the flow model's own, and training on them straightens its paths."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from test_training_flow import Straight, small_model

from playground.diffusion.guidance import guide
from playground.measuring import straightening
from playground.training import denoising, flow, reflow, run
from playground.training.denoising import Given
from playground.training.device import choose
from playground.training.optimizer import MuonAndAdam


@pytest.fixture
def words():
    torch.manual_seed(3)
    return [(torch.randn(n, 5, 16), torch.randn(n, 16)) for n in (2, 1)]


def test_a_straight_path_does_not_bend_and_ends_in_the_picture(words):
    picture, noise = torch.randn(1, 4, 16, 16), torch.randn(2, 4, 16, 16)
    end, velocities = reflow.path(Straight(picture), noise, *words, guidance=1.0, steps=5)
    torch.testing.assert_close(end, picture.expand_as(end), atol=1e-4, rtol=0)
    assert reflow.bend(noise, end, velocities) == pytest.approx(0, abs=1e-6)


def test_the_path_is_eulers_with_guidance(words):
    model, noise = small_model(), torch.randn(2, 4, 16, 16)
    end, velocities = reflow.path(model, noise, *words, guidance=3.0, steps=4)
    solver, x = FlowMatchEulerDiscreteScheduler(shift=1.0), noise
    solver.set_timesteps(sigmas=[1, 0.75, 0.5, 0.25])
    (embeds, pooled), (none, pooled_none) = words
    for t in solver.timesteps:
        with torch.no_grad():
            said = model(x, embeds, pooled, t.expand(2)).sample
            without = model(x, none.expand_as(embeds), pooled_none.expand_as(pooled),
                            t.expand(2)).sample  # fmt: skip
        x = solver.step(guide(without, said, 3.0), t, x).prev_sample
    torch.testing.assert_close(end, x, atol=1e-5, rtol=0)
    torch.testing.assert_close(noise - velocities.mean(0), end, atol=1e-5, rtol=0)


class Pool:
    """Latents and token ids at random."""

    def draw(self, count):
        return torch.randn(count, 4, 16, 16), torch.arange(count).remainder(2)[:, None]


@dataclasses.dataclass(frozen=True)
class Frozen(Given):
    embeds: torch.Tensor = None
    pooled: torch.Tensor = None

    def tokens(self, prompts):
        return torch.zeros(len(prompts), 1, dtype=torch.long)

    def encode(self, tokens):
        return self.embeds[tokens[:, 0]], self.pooled[tokens[:, 0]]


def test_training_on_pairs_straightens_the_paths(words, monkeypatch):
    """Of a network whose paths bend: its velocity depends on σ."""
    monkeypatch.setattr(reflow, "PAIRS", (16, 16))
    monkeypatch.setattr(reflow, "AT_ONCE", (16, 16))
    monkeypatch.setattr(reflow, "GUIDANCE", 1.0)
    monkeypatch.setattr(reflow, "STEPS", 6)
    (embeds, pooled), none = words
    teacher = small_model()
    place = dataclasses.replace(choose(), bfloat16=False)
    frozen = Frozen(place, None, None, None, embeds, pooled)
    pairs = reflow.Pairs(teacher, frozen, Pool())
    noise, ends, tokens = pairs.draw(8)
    said = frozen.encode(tokens)
    again, before = reflow.path(teacher, noise, said, none, 1.0, reflow.STEPS)
    torch.testing.assert_close(again, ends, atol=1e-4, rtol=0)

    student = small_model()
    optimizer = MuonAndAdam(student, 3e-3, flow.PLAN.plain)
    for _ in range(15):
        noises, clean, tokens_ = pairs.draw(8)
        student.zero_grad()
        flow.training_step(student, clean, *frozen.encode(tokens_), noises).backward()
        optimizer.step()
    end, after = reflow.path(student, noise, said, none, 1.0, reflow.STEPS)
    assert reflow.bend(noise, end, after) < 0.8 * reflow.bend(noise, again, before)


class Wind(torch.nn.Module):
    """Everything moves alike: every path ends 1 below where it began."""

    def forward(self, x, *_):
        return SimpleNamespace(sample=torch.ones_like(x))


def test_measuring_follows_every_path_from_the_noise_of_its_seed(tiny, monkeypatch):
    """A straight model's ends are its picture, whatever the batches; its paths do not bend."""
    monkeypatch.setattr(straightening, "BATCH", 2)
    picture = torch.randn(1, 4, 16, 16)
    frozen = denoising.Given(choose(), tiny.vae, tiny.text_encoder, tiny.tokenizer)
    for steps in (1, 4):
        latents, bend = straightening.ends(Straight(picture), frozen, ["a"] * 3, 1.0, steps)
        torch.testing.assert_close(latents, picture.expand(3, -1, -1, -1), atol=1e-4, rtol=0)
        assert bend == pytest.approx(0, abs=1e-6)
    seeds = [torch.Generator().manual_seed(seed) for seed in range(3)]
    noise = torch.cat([torch.randn(1, 4, 16, 16, generator=seed) for seed in seeds])
    latents, _ = straightening.ends(Wind(), frozen, ["a"] * 3, 1.0, 2)
    torch.testing.assert_close(latents, noise - 1)


def test_without_a_checkpoint_nothing_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CHECKPOINTS", tmp_path)
    with pytest.raises(FileNotFoundError, match="training reflow"):
        reflow.last_run()
