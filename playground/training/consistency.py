"""Train a consistency student of the U-Net: it answers in one step where the teacher takes many.

Along the path that a sampler takes from noise to a picture, every point should be mapped to the
same end (Song et al. 2023, arXiv 2303.01469). The student learns it from the teacher's guided
steps, told the guidance scale as a number, so that it needs one row a call (Luo et al. 2023, latent
consistency models, arXiv 2310.04378).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import LCMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn

from playground.diffusion.guidance import guide
from playground.training import denoising, export
from playground.training.denoising import Plan, spread
from playground.training.device import Device, choose
from playground.training.run import Run, to_images
from playground.training.sheets import PROMPTS
from playground.training.unet import new_schedule as new_teacher_schedule

PLAN = Plan(
    "consistency", seed=6, peak_lr=4e-4, ema=(0.997, 0.95), batch=(48, 1024), minutes=120,
    compiled="nothing",  # most of a step is the teacher's and the average's
)  # fmt: skip
SOLVER_STEPS = 50  # the grid of timesteps 19, 39, … 999 along which the teacher steps
LARGEST_GUIDANCE = 10.0
CONDITION = 256  # numbers that tell the student its guidance scale
HUBER = 1e-3


def new_model(teacher: UNet2DConditionModel) -> UNet2DConditionModel:
    """A copy of the teacher with an input for the guidance scale, which has no effect at first."""
    # Names with _ are notes of diffusers, one of which would set the new option back.
    config = {name: value for name, value in teacher.config.items() if not name.startswith("_")}
    student = UNet2DConditionModel(**config | {"time_cond_proj_dim": CONDITION})
    student.load_state_dict(teacher.state_dict(), strict=False)
    nn.init.zeros_(student.time_embedding.cond_proj.weight)
    return student


def new_schedule() -> LCMScheduler:
    return LCMScheduler.from_config(
        new_teacher_schedule().config,
        original_inference_steps=SOLVER_STEPS,
        timestep_spacing="leading",
    )


def embed_guidance(scales: Tensor) -> Tensor:
    """[B, 256] of guidance scales w [B]: sinusoids of 1000·(w − 1), as stock pipelines do it."""
    return get_timestep_embedding(1000 * (scales - 1), CONDITION, downscale_freq_shift=1)


def predict(
    student: UNet2DConditionModel, schedule: LCMScheduler, x: Tensor, timesteps: Tensor,
    embeds: Tensor, scales: Tensor,
) -> Tensor:  # fmt: skip
    """The end of the path that x [B, 4, 16, 16] lies on: f(x, t) = c_skip(t) x + c_out(t) x̂_0.

    Song et al. 2023, eq. 5: c_skip = 1 and c_out = 0 at t = 0, where x is its own end.
    """
    noise = student(x, timesteps, embeds, timestep_cond=embed_guidance(scales)).sample
    clean = clean_from(schedule, x, noise, timesteps)
    skip, out = schedule.get_scalings_for_boundary_condition_discrete(timesteps)
    return skip.view(-1, 1, 1, 1) * x + out.view(-1, 1, 1, 1) * clean


def levels(schedule: LCMScheduler, timesteps: Tensor) -> tuple[Tensor, Tensor]:
    """√ᾱ and √(1 − ᾱ), each [B, 1, 1, 1]; timestep −1 is the picture itself."""
    kept = schedule.alphas_cumprod.to(timesteps.device)
    kept = torch.cat((torch.ones_like(kept[:1]), kept))[timesteps + 1].view(-1, 1, 1, 1)
    return kept.sqrt(), (1 - kept).sqrt()


def clean_from(schedule: LCMScheduler, x: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """x̂_0 of a predicted ε."""
    signal, sigma = levels(schedule, timesteps)
    return (x - sigma * noise) / signal


def solver_step(
    teacher: UNet2DConditionModel, schedule: LCMScheduler, x: Tensor, timesteps: Tensor,
    earlier: Tensor, words: tuple[Tensor, Tensor], scales: Tensor,
) -> Tensor:  # fmt: skip
    """x at the `earlier` timesteps: one guided DDIM step of the teacher (Luo et al., eq. 13).

    `words` are the prompt embeds of no words and of the prompts, each [B, 77, 128].
    """
    both = teacher(torch.cat((x, x)), torch.cat((timesteps, timesteps)), torch.cat(words)).sample
    noise = guide(*both.float().chunk(2), scales.view(-1, 1, 1, 1))
    signal, sigma = levels(schedule, earlier)
    return signal * clean_from(schedule, x, noise, timesteps) + sigma * noise


def training_step(
    student: UNet2DConditionModel, target: UNet2DConditionModel, teacher: UNet2DConditionModel,
    schedule: LCMScheduler, clean: Tensor, none: Tensor, embeds: Tensor,
) -> Tensor:  # fmt: skip
    """Loss of one batch: latents [B, 4, 16, 16], embeds of no words and of prompts [B, 77, 128].

    Two neighbouring points of one path must have the same end. `target` is the student's average,
    which gives the goal and learns nothing from it.
    """
    count, gap = len(clean), schedule.config.num_train_timesteps // SOLVER_STEPS
    noise = torch.randn_like(clean)
    scales = 1 + (LARGEST_GUIDANCE - 1) * torch.rand(count, device=clean.device)
    timesteps = (1 + (spread(count, clean.device) * SOLVER_STEPS).long()) * gap - 1
    earlier = timesteps - gap
    noisy = schedule.add_noise(clean, noise, timesteps)
    with torch.no_grad():
        stepped = solver_step(teacher, schedule, noisy, timesteps, earlier, (none, embeds), scales)
        ends = predict(target, schedule, stepped, earlier.clamp(min=0), embeds, scales)
        goal = torch.where((earlier < 0).view(-1, 1, 1, 1), stepped, ends)
    found = predict(student, schedule, noisy, timesteps, embeds, scales)
    return pseudo_huber(found - goal).mean()


def pseudo_huber(error: Tensor) -> Tensor:
    """√(d² + c²) − c: squares for small errors, absolute values for large ones.

    Song & Dhariwal 2023 (arXiv 2310.14189), section 3.3.
    """
    return (error.square() + HUBER**2).sqrt() - HUBER


@torch.inference_mode()
def draw_samples(
    student, vae, embeds: Tensor, guidance: float = 5.0, steps: int = 4
) -> np.ndarray:  # fmt: skip
    """Pictures uint8 [n, 128, 128, 3] of prompt embeds [n, 77, 128], as stock pipelines draw."""
    solver, generator = new_schedule(), torch.Generator().manual_seed(0)
    solver.set_timesteps(steps)
    x = torch.randn(len(embeds), 4, 16, 16, generator=generator)
    condition = embed_guidance(torch.full((len(embeds),), guidance)).to(embeds.device)
    for t in solver.timesteps:
        noise = student(x.to(embeds.device), t, embeds, timestep_cond=condition).sample
        stepped = solver.step(noise.cpu(), t, x, generator=generator)
        x = stepped.prev_sample
    clean = stepped.denoised.to(embeds.device)
    return to_images(torch.cat([vae.decode(part).sample for part in clean.split(8)]))


def new_run(device: Device, **options) -> Run:
    """The training as its last checkpoint left it; else on from given or exported weights; else
    from the teacher's.
    """
    torch.manual_seed(PLAN.seed)
    student, facts = new_model(export.load_unet()), export.facts("student", export.student_folder())
    if facts:
        student.load_state_dict(export.load_student().state_dict())
    return denoising.begin(PLAN, student, device, facts=facts, **options)


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
    learn(run, PLAN, place, training_step)
    if not hold:
        publish(run)


def learn(run: Run, plan: Plan, place: Device, step: Callable[..., Tensor]) -> None:
    """Train the run's student by `step`, which has the arguments of `training_step`."""
    student, ema, frozen = run.parts["model"], run.parts["ema"], denoising.given(place)
    teacher = export.load_unet().to(place.name).requires_grad_(False)
    target = new_model(teacher).to(place.name).requires_grad_(False)
    if not place.accelerated:  # fused attention has a slow bfloat16 gradient there
        student.set_attn_processor(AttnProcessor())
    schedule, empty = new_schedule(), frozen.tokens([""])

    def follow():
        ema.copy_to(target.parameters())

    def loss_of(network, clean, tokens):
        with place.autocast():
            embeds, _ = frozen.encode(tokens)
            none = frozen.encode(empty)[0].expand_as(embeds)
            return step(network, target, teacher, schedule, clean, none, embeds)

    def sheet(network):
        return draw_samples(network, frozen.vae, frozen.encode(frozen.tokens(PROMPTS))[0])

    follow()
    denoising.fit(run, plan, frozen, loss_of, sheet, after=follow)


def publish(run: Run | None = None) -> None:
    """Export the averaged weights; without a run, those of the last checkpoint as it is."""
    run = run or new_run(choose())
    student = run.parts["model"]
    run.parts["ema"].copy_to(student.parameters())
    facts = denoising.facts_of(run, PLAN)
    facts["recipe"] |= {"solver_steps": SOLVER_STEPS, "guidance": [1.0, LARGEST_GUIDANCE]}
    export.student(student.eval().cpu(), new_schedule(), **facts)
