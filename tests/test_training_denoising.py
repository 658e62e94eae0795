"""A denoiser's training: where it begins, how it goes on, what it leaves behind."""

import copy
import dataclasses
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from playground.training import __main__, denoising, export, run
from playground.training.denoising import Given, Plan, averaged, begin, facts_of, fit, spread
from playground.training.device import choose

PLAN = Plan(
    "small", seed=1, peak_lr=0.02, ema=(0.9, 0.99), batch=(8, 64), scenes=(16, 16), minutes=60
)


class Noted:
    """A pool of noise whose latents are half of their tokens' number; counts what it gives."""

    def __init__(self, vae, size, device):
        self.size, self.grown, self.closed = size, 0, False

    def grow(self):
        self.grown += 1

    def draw(self, count):
        tokens = torch.arange(count).view(-1, 1) % 3
        return tokens.float() / 2, tokens

    def close(self):
        self.closed = True


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A tiny network, no pictures, one thread as before."""
    threads = torch.get_num_threads()
    monkeypatch.setattr(run, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(denoising, "Pool", Noted)
    torch.manual_seed(0)
    yield nn.Linear(1, 1)
    torch.set_num_threads(threads)


def loss_of(network, latents, tokens):
    return (network(tokens.float()) - latents).square().mean()


def trained(model: nn.Module, steps: int, **options):
    """The run after so many steps of training."""
    device = choose()
    training = begin(PLAN, model, device, **options)
    training.seconds += 0.1 * training.budget  # the warm-up is over
    last = training.step + steps

    def stop():
        if training.step == last - 1:
            training.seconds = training.budget

    frozen = Given(device, None, None, None)
    fit(training, PLAN, frozen, loss_of, sheet=lambda _: np.zeros((1, 8, 8, 3), np.uint8),
        after=stop)  # fmt: skip
    return training


def test_the_loss_falls_and_batches_have_the_devices_size(small):
    batch = Noted(None, 16, None).draw(8)
    before = loss_of(small, *batch).item()
    training = trained(small, 50)
    assert loss_of(small, *batch).item() < 0.9 * before
    assert (training.step, training.samples) == (50, 50 * 8)
    assert facts_of(training, PLAN) == {
        "recipe": {"ema": 0.9, "batch": 8, "peak_lr": 0.02}, "device": "cpu", "earlier": [],
        "seed": 1, "steps": 50, "samples": 400, "minutes": 60.0,
    }  # fmt: skip


def test_a_training_that_was_stopped_goes_on_with_its_weights_average_and_peak(small):
    first = trained(small, 5, peak_lr=0.005)
    other = nn.Linear(1, 1)
    again = begin(PLAN, other, choose(), minutes=120)
    assert again.resumed
    assert (again.step, again.samples) == (5, 40)
    assert again.notes == first.notes
    assert again.notes["peak_lr"] == 0.005
    for mine, theirs in zip(small.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    for mine, theirs in zip(
        first.parts["ema"].shadow_params, again.parts["ema"].shadow_params, strict=True
    ):
        assert torch.equal(mine, theirs)


def test_it_starts_from_files_or_from_what_was_exported(small, tmp_path):
    weights = {"weight": torch.full((1, 1), 3.0), "bias": torch.full((1,), 4.0)}
    files = [tmp_path / f"{name}.safetensors" for name in weights]
    for file, (name, value) in zip(files, weights.items(), strict=True):
        save_file({name: value.half()}, file)
    facts = {"steps": 7, "samples": 70, "minutes": 10, "device": "cuda", "seed": 3}
    started = begin(PLAN, small, choose(), start=files, facts=facts)
    assert (float(small.weight.detach()), float(small.bias.detach())) == (3.0, 4.0)
    assert started.notes["earlier"] == [{"start": file.name} for file in files]
    other = begin(PLAN, copy.deepcopy(small), choose(), facts=facts)
    stretch = {"device": "cuda", "minutes": 10, "samples": 70, "steps": 7}
    assert (other.step, other.notes["earlier"]) == (0, [stretch])
    third = begin(PLAN, copy.deepcopy(small), choose(), facts=facts | {"earlier": [stretch]})
    assert third.notes["earlier"] == [stretch, stretch]


def test_the_average_is_in_the_model_only_inside(small):
    training = trained(small, 5)
    ema, last = training.parts["ema"], small.weight.detach().clone()

    def fail():
        with averaged(small, ema):
            assert torch.equal(small.weight.detach(), ema.shadow_params[0])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(small.weight.detach(), last)
    assert not torch.equal(last, ema.shadow_params[0])


def test_numbers_are_uniform_and_evenly_apart():
    found = spread(50).sort().values
    assert 0 <= found.min() < 0.02
    torch.testing.assert_close(found.diff(), torch.full((49,), 0.02))


def test_plans_name_what_their_checkpoints_and_cards_are_called():
    from playground.training import consistency, flow, unet

    plans = [module.PLAN for module in (unet, flow, consistency)]
    assert [plan.name for plan in plans] == ["unet", "flow", "consistency"]
    assert len({plan.seed for plan in plans}) == 3
    for plan in plans:
        assert plan.batch[0] % 2 == 0  # halves
        assert dataclasses.replace(plan) == plan
    folders = {export.FOLDER, export.flow_folder(), export.student_folder()}
    assert {folder.name for folder in folders} == {
        "emoji-world", "emoji-world-flow", "emoji-world-lcm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["unet", "--device", "tpu"], "invalid choice: 'tpu'"),
        (["oracle", "--hold"], "only unet, flow, reflow, consistency, calls have"),
        (["text", "--publish"], "only unet, flow, reflow, consistency, calls have"),
        (["flow", "--hold", "--publish"], "not allowed with"),
        (["dit"], "invalid choice: 'dit'"),
    ],
)
def test_impossible_commands_are_refused_with_the_reason(arguments, reason):
    done = subprocess.run(
        [sys.executable, "-m", "playground.training", *arguments],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert reason in done.stderr


@pytest.mark.parametrize("stage", [stage for stage in __main__.STAGES if stage != "adapter"])
def test_a_command_trains_its_stage_with_its_options(stage, monkeypatch):
    module, given = importlib.import_module(f"playground.training.{stage}"), []
    monkeypatch.setattr(module, "train", lambda **options: given.append(options))
    monkeypatch.setattr(sys, "argv", ["training", stage, "--minutes", "3"])
    __main__.main()
    assert given == [{"minutes": 3.0, "device": "cpu"}]


@pytest.mark.parametrize(
    "arguments", [["adapter"], ["unet", "--publish"], ["flow", "--publish"]], ids=" ".join
)
def test_a_command_publishes_what_there_is_without_training(arguments, monkeypatch):
    module, published = importlib.import_module(f"playground.training.{arguments[0]}"), []
    monkeypatch.setattr(module, "publish", lambda: published.append(arguments))
    monkeypatch.setattr(sys, "argv", ["training", *arguments])
    __main__.main()
    assert published == [arguments]
