"""The student's training on its own runs: exact where the world has one picture."""

import copy
import itertools

import pytest
import torch
from one_picture import SCHEDULE, One

from playground.training import calls, consistency
from playground.training.consistency import levels, predict
from playground.training.optimizer import MuonAndAdam


def timesteps_of(number: int) -> list[int]:
    """Where a student that draws with so many calls makes them, by diffusers' scheduler."""
    solver = consistency.new_schedule()
    solver.set_timesteps(number)
    return solver.timesteps.tolist()


def test_the_runs_are_those_of_four_calls_and_of_two():
    whole = timesteps_of(4), timesteps_of(2)
    for run in calls.RUNS:
        assert any(list(run) == timesteps[: len(run)] for timesteps in whole), run
    for timesteps in whole:
        assert tuple(timesteps) in calls.RUNS


def test_a_call_is_given_the_picture_of_the_one_before_with_fresh_noise():
    torch.manual_seed(0)
    count, picture = 400, torch.randn(1, 4, 16, 16)
    begun, words = torch.randn(count, 4, 16, 16), torch.zeros(count, 77, 16)
    x, timesteps = calls.points(One(picture), SCHEDULE, begun, words, torch.ones(count))
    ends, counts = timesteps.unique(return_counts=True)
    assert ends.tolist() == [259, 499, 759, 999]
    assert counts.tolist() == [50, 250, 50, 50]
    first = timesteps == 999
    assert torch.equal(x[first], begun[first])
    signal, sigma = levels(SCHEDULE, timesteps)
    noise = ((x - signal * picture) / sigma)[~first]
    assert noise.mean().abs() < 0.01
    assert noise.std() == pytest.approx(1, abs=0.01)
    for known in (picture, begun[~first]):  # nothing of either is left in it
        assert (noise * known).mean().abs() < 0.01


@torch.no_grad()
def test_the_goal_is_where_the_teachers_guided_steps_lead(tiny):
    """Step by step, with what the average says at the end."""
    torch.manual_seed(0)
    student = consistency.new_model(tiny.unet)
    x, words = torch.randn(2, 4, 16, 16), torch.randn(2, 2, 77, 16)
    times, scales = torch.tensor([499, 259]), torch.tensor([5.0, 2.0])
    found = calls.ends(student, tiny.unet, SCHEDULE, x, times, *words, scales)
    for at, hops in enumerate(((499, 419, 339, 259), (259, 179, 99, 19))):
        row, none, embeds, scale = x[at], words[0, at], words[1, at], scales[at]
        given = (embeds[None], scale[None])
        for here, to in itertools.pairwise(hops):
            here, to = torch.tensor([here]), torch.tensor([to])
            row = consistency.solver_step(
                tiny.unet, SCHEDULE, row.view(1, 4, 16, 16), here, to,
                (none[None], embeds[None]), scale[None],
            )  # fmt: skip
        expected = predict(student, SCHEDULE, row, to, *given)
        torch.testing.assert_close(found[at : at + 1], expected, atol=1e-4, rtol=1e-4)


def test_who_knows_the_only_picture_has_no_loss_and_who_began_otherwise_keeps_it():
    torch.manual_seed(0)
    noise, words = torch.randn(64, 4, 16, 16), torch.zeros(2, 64, 77, 16)
    right, other = One(torch.randn(1, 4, 16, 16)), One(torch.randn(1, 4, 16, 16))

    def loss(student, begun) -> float:
        models = student, right, begun, right
        return float(calls.training_step(*models, SCHEDULE, noise, *words))

    assert loss(right, right) < 1e-4
    apart = float((right.picture - other.picture).abs().mean())
    assert loss(right, other) == pytest.approx(apart / 4, rel=0.05)  # two runs of eight keep
    assert loss(other, other) == pytest.approx(apart * 3 / 4, rel=0.05)


def test_training_brings_the_later_calls_nearer_to_the_only_picture(tiny):
    torch.manual_seed(0)
    student, picture = consistency.new_model(tiny.unet), torch.randn(1, 4, 4, 4)
    average, begun = (copy.deepcopy(student).requires_grad_(False) for _ in range(2))
    words, optimizer = torch.randn(2, 24, 3, 16), MuonAndAdam(student, 5e-3)
    noise = torch.randn(24, 4, 4, 4)
    scales = torch.full((24,), 5.0)

    def error() -> float:
        torch.manual_seed(1)
        with torch.no_grad():
            x, timesteps = calls.points(student, SCHEDULE, noise, words[1], scales)
            found = predict(student, SCHEDULE, x, timesteps, words[1], scales) - picture
        return float(found[timesteps <= calls.LEARNS].abs().mean())

    before = error()
    for _ in range(40):
        student.zero_grad()
        models = student, average, begun, One(picture)
        calls.training_step(*models, SCHEDULE, noise, *words).backward()
        optimizer.step()
        average.load_state_dict(student.state_dict())
    assert error() < 0.93 * before
