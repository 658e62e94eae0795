"""Train the consistency student on where it comes by when it draws, in four calls or in two.

What a later call is given is the student's own picture with fresh noise, which may be wrong in a
way that no scene is. It learns what the teacher makes of it (inputs of one's own runs: Yin et al.
2024, arXiv 2405.14867, section 4.5). The first calls keep what they say: trained on as well, they
say a mean of many pictures, and the next call has a harder task (LOG.md, "The student's calls").
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import LCMScheduler, UNet2DConditionModel
from torch import Tensor

from playground.training import consistency, denoising, export
from playground.training.consistency import LARGEST_GUIDANCE, predict, pseudo_huber, solver_step
from playground.training.denoising import Plan
from playground.training.device import Device, choose
from playground.training.run import Run

PLAN = Plan(
    "calls", seed=8, peak_lr=8e-5, ema=(0.997, 0.95), batch=(48, 1024), minutes=150,
    compiled="nothing",  # most of a step is the teacher's and the average's
)  # fmt: skip
# Timesteps of a run's calls up to the one that is trained on: runs of four calls, and of two, whose
# second call has most to learn.
RUNS = (
    (999,), (999, 759), (999, 759, 499), (999, 759, 499, 259),
    (999, 499), (999, 499), (999, 499), (999, 499),
)  # fmt: skip
LEARNS = 499  # the highest timestep whose call learns; those before it keep what they say
HOP, HOPS = 80, 3  # timesteps that one step of the teacher passes, and its steps until the next end


def training_step(
    student: UNet2DConditionModel, average: UNet2DConditionModel, begun: UNet2DConditionModel,
    teacher: UNet2DConditionModel, schedule: LCMScheduler, noise: Tensor, none: Tensor,
    embeds: Tensor,
) -> Tensor:  # fmt: skip
    """Loss of runs that begin with noise [B, 4, 16, 16]; embeds of no words and of prompts, each
    [B, 77, 128].

    `average` has the student's averaged weights, which are those that will draw, and `begun` those
    that this training began with. Neither learns.
    """
    # The mean of two uniform numbers: guidance scales near the usual one more often.
    parts = torch.rand(2, len(noise), device=noise.device).mean(0)
    scales = 1 + (LARGEST_GUIDANCE - 1) * parts
    with torch.no_grad():
        x, timesteps = points(average, schedule, noise, embeds, scales)
        goal, kept = torch.empty_like(x), timesteps > LEARNS
        said = (part[kept] for part in (x, timesteps, embeds, scales))
        goal[kept] = predict(begun, schedule, *said)
        learned = (part[~kept] for part in (x, timesteps, none, embeds, scales))
        goal[~kept] = ends(average, teacher, schedule, *learned)
    found = predict(student, schedule, x, timesteps, embeds, scales)
    return pseudo_huber(found - goal).mean()


def points(
    average: UNet2DConditionModel, schedule: LCMScheduler, noise: Tensor, embeds: Tensor,
    scales: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What the last call of each run is given: x [B, 4, 16, 16] and its timestep [B]."""
    x, timesteps = noise.clone(), torch.zeros(len(noise), dtype=torch.long, device=noise.device)
    for run, rows in zip(RUNS, torch.arange(len(noise)).tensor_split(len(RUNS)), strict=True):
        given = embeds[rows], scales[rows]
        for here, to in itertools.pairwise(run):
            at = torch.full_like(timesteps[rows], here)
            picture = predict(average, schedule, x[rows], at, *given)
            fresh = torch.randn_like(picture)
            x[rows] = schedule.add_noise(picture, fresh, torch.full_like(at, to)).to(x)
        timesteps[rows] = run[-1]
    return x, timesteps


def ends(
    average: UNet2DConditionModel, teacher: UNet2DConditionModel, schedule: LCMScheduler, x: Tensor,
    timesteps: Tensor, none: Tensor, embeds: Tensor, scales: Tensor,
) -> Tensor:  # fmt: skip
    """Where the teacher leads from x: it makes its steps, and `average` says the rest."""
    for _ in range(HOPS):
        start, timesteps = timesteps, timesteps - HOP
        x = solver_step(teacher, schedule, x, start, timesteps, (none, embeds), scales)
    return predict(average, schedule, x, timesteps, embeds, scales)


def new_run(device: Device, **options) -> Run:
    """The training as its last checkpoint left it; else on from given or the exported weights."""
    facts = export.facts("student", export.student_folder())
    return denoising.begin(PLAN, export.load_student(), device, facts=facts, **options)


def train(
    minutes: float | None = None,
    device: str = "cpu",
    start: Sequence[Path] = (),
    peak_lr: float | None = None,
    hold: bool = False,
) -> None:
    """Train, and export what was learned unless it is to `hold` it back."""
    place = choose(device)
    run = new_run(place, minutes=minutes, start=start, peak_lr=peak_lr)
    begun = export.load_student().to(device).requires_grad_(False)

    def step(student, average, teacher, schedule, clean, none, embeds):
        noise = torch.randn_like(clean)
        return training_step(student, average, begun, teacher, schedule, noise, none, embeds)

    consistency.learn(run, PLAN, place, step)
    if not hold:
        publish(run)


def publish(run: Run | None = None) -> None:
    """Export the averaged weights; without a run, those of the last checkpoint as it is."""
    run = run or new_run(choose())
    student = run.parts["model"]
    run.parts["ema"].copy_to(student.parameters())
    facts = denoising.facts_of(run, PLAN)
    facts["recipe"] |= {"runs": RUNS, "learns": LEARNS, "teacher_hop": HOP}
    export.student(student.eval().cpu(), consistency.new_schedule(), **facts)
