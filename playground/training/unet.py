"""Train the denoiser: the lecture's training step, on precomputed latents.

ε-prediction (Ho et al. 2020, arXiv 2006.11239, eq. 14) with the prompt dropped at random (Ho &
Salimans 2022, arXiv 2207.12598, algorithm 1), weighted over noise levels by `loss_weight`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from diffusers.training_utils import compute_snr

from playground.diffusion.guidance import guide
from playground.training import denoising, export, latents
from playground.training.denoising import Plan, spread
from playground.training.device import Device, choose
from playground.training.run import Run, to_images
from playground.training.sheets import PROMPTS
from playground.world.grammar import describe
from playground.world.tokens import new_tokenizer

PLAN = Plan("unet", seed=4, peak_lr=1e-3, ema=(0.998, 0.998), batch=(96, 2048))
PROMPT_DROPOUT, SNR_GAMMA, TEST_SEED = 0.1, 5.0, 900_004


def new_model() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(64, 128, 192),
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        layers_per_block=1,
        cross_attention_dim=128,
        attention_head_dim=4,  # diffusers reads this as the number of heads
        norm_num_groups=16,
    )


def new_schedule() -> DDIMScheduler:
    """The noise schedule of latent diffusion, as a scheduler that stock pipelines can sample."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="epsilon",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="trailing",  # every sampler starts at the last, noisiest timestep
    )


def drop_prompts(tokens: torch.Tensor, empty: torch.Tensor) -> torch.Tensor:
    """Now and then no words at all: so the same network also learns the unconditional ε.

    Token ids [B, 77] of the prompts, and [1, 77] of the empty one.
    """
    dropped = torch.rand(len(tokens), 1, device=tokens.device) < PROMPT_DROPOUT
    return torch.where(dropped, empty, tokens)


def loss_weight(snr: torch.Tensor) -> torch.Tensor:
    """Weight of the squared error of ε at signal-to-noise ratios [B].

    min(SNR, γ)/SNR spares the nearly clean pictures (Hang et al. 2023, arXiv 2303.09556, section
    3.4). What is where is decided where there is most noise, and an error of ε counts little
    there: √(1 + 1/SNR) is half-way, on a log scale, to the error of v (Salimans & Ho 2022, arXiv
    2202.00512, appendix D).
    """
    return snr.clamp(max=SNR_GAMMA) / snr * (1 + 1 / snr).sqrt()


def training_step(
    unet: UNet2DConditionModel,
    schedule: DDIMScheduler,
    clean: torch.Tensor,
    prompt_embeds: torch.Tensor,
) -> torch.Tensor:
    """Loss of one batch: latents [B, 4, 16, 16], prompt embeds [B, 77, 128]."""
    noise = torch.randn_like(clean)
    timesteps = (spread(len(clean), clean.device) * schedule.config.num_train_timesteps).long()
    noisy = schedule.add_noise(clean, noise, timesteps)  # x_t = √ᾱ x_0 + √(1 − ᾱ) ε
    predicted = unet(noisy, timesteps, prompt_embeds).sample
    error = (predicted - noise).square().mean((1, 2, 3))
    return (error * loss_weight(compute_snr(schedule, timesteps))).mean()


@torch.inference_mode()
def draw_samples(unet, vae, embeds: torch.Tensor, empty: torch.Tensor, guidance: float, seed=0):
    """Pictures uint8 [n, 128, 128, 3] of prompt embeds [n, 77, 128] and those of no words
    [1, 77, 128], 20 steps of DPM-Solver++ 2M.
    """
    solver = DPMSolverMultistepScheduler.from_config(new_schedule().config)
    solver.set_timesteps(20)
    x = torch.randn(len(embeds), 4, 16, 16, generator=torch.Generator().manual_seed(seed))
    x, words = x.to(embeds.device), torch.cat((empty.expand(len(embeds), -1, -1), embeds))
    for t in solver.timesteps:
        uncond, cond = unet(torch.cat((x, x)), t, words).sample.chunk(2)
        x = solver.step(guide(uncond, cond, guidance), t, x).prev_sample
    return to_images(torch.cat([vae.decode(part).sample for part in x.split(8)]))


def new_run(device: Device, **options) -> Run:
    """The training as its last checkpoint left it; else on from given or from exported weights."""
    torch.manual_seed(PLAN.seed)
    unet, facts = new_model(), export.facts("unet")
    if facts:
        unet.load_state_dict(export.load_unet().state_dict())
    return denoising.begin(PLAN, unet, device, facts=facts, **options)


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
    frozen, schedule = denoising.given(place), new_schedule()
    if not place.accelerated:  # fused attention has a slow bfloat16 gradient there
        run.parts["model"].set_attn_processor(AttnProcessor())
    empty = frozen.tokens([""])

    def loss_of(unet, clean, tokens):
        with place.autocast():
            embeds, _ = frozen.encode(drop_prompts(tokens, empty))
            return training_step(unet, schedule, clean, embeds)

    def sheet(unet):
        embeds, none = (frozen.encode(tokens)[0] for tokens in (frozen.tokens(PROMPTS), empty))
        return draw_samples(unet, frozen.vae, embeds, none, guidance=5.0)

    denoising.fit(run, PLAN, frozen, loss_of, sheet)
    if not hold:
        publish(run)


@torch.no_grad()
def unseen_loss(unet: UNet2DConditionModel, count: int = 512) -> float:
    """The training loss on unseen scenes, always with the same noise and timesteps."""
    schedule, frozen, rng = (
        new_schedule(),
        denoising.given(choose()),
        np.random.default_rng(TEST_SEED),
    )
    scenes, pictures = latents.load(frozen.vae, count, TEST_SEED)
    embeds, _ = frozen.encode(frozen.tokens([describe(scene, rng).text for scene in scenes]))
    torch.manual_seed(TEST_SEED)
    pairs = zip(pictures.split(64), embeds.split(64), strict=True)
    return float(np.mean([training_step(unet, schedule, x, e).item() for x, e in pairs]))


def publish(run: Run | None = None) -> None:
    """Export the averaged weights; without a run, those of the last checkpoint as it is."""
    run = run or new_run(choose())
    unet = run.parts["model"]
    run.parts["ema"].copy_to(unet.parameters())
    facts = denoising.facts_of(run, PLAN)
    facts["recipe"] |= {"prompt_dropout": PROMPT_DROPOUT, "snr_gamma": SNR_GAMMA}
    unet.eval().cpu()
    export.tokenizer(new_tokenizer())  # with which its captions were read
    export.denoiser(unet, new_schedule(), unseen_loss=round(unseen_loss(unet), 4), **facts)
