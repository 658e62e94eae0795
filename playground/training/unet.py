"""Train the denoiser: the lecture's training step, on precomputed latents.

ε-prediction (Ho et al. 2020, arXiv 2006.11239, eq. 14) with the prompt dropped at random (Ho &
Salimans 2022, arXiv 2207.12598, algorithm 1), weighted over noise levels by `loss_weight`.
"""

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from diffusers.training_utils import EMAModel, compute_snr
from transformers import CLIPTextModel, PreTrainedTokenizerFast

from playground.diffusion.guidance import guide
from playground.training import export, latents
from playground.training.optimizer import MuonAndAdam
from playground.training.parallel import Halves
from playground.training.run import Run, bfloat16_is_faster, cosine, save_sheet, set_lr, to_images
from playground.training.sheets import PROMPTS
from playground.training.text import tokens_of
from playground.world.grammar import describe

MINUTES, PEAK_LR, BATCH, SCENES, SEED = 300, 1e-3, 96, 64_000, 4
PROMPT_DROPOUT, SNR_GAMMA, EMA_DECAY, TEST_SEED = 0.1, 5.0, 0.998, 900_004


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


def encode_prompts(
    tower: CLIPTextModel, tokenizer: PreTrainedTokenizerFast, prompts: list[str]
) -> torch.Tensor:
    """Prompt embeds [n, 77, 128] of the frozen text tower."""
    with torch.no_grad():
        return tower(tokens_of(tokenizer, prompts)).last_hidden_state


def drop_prompts(prompts: list[str], rng: np.random.Generator) -> list[str]:
    """Now and then no words at all: so the same network also learns the unconditional ε."""
    return ["" if rng.random() < PROMPT_DROPOUT else prompt for prompt in prompts]


def loss_weight(snr: torch.Tensor) -> torch.Tensor:
    """Weight of the squared error of ε at signal-to-noise ratios [B].

    min(SNR, γ)/SNR spares the nearly clean pictures (Hang et al. 2023, arXiv 2303.09556, section
    3.4). What is where is decided where there is most noise, and an error of ε counts little
    there: √(1 + 1/SNR) is half-way, on a log scale, to the error of v (Salimans & Ho 2022, arXiv
    2202.00512, appendix D).
    """
    return snr.clamp(max=SNR_GAMMA) / snr * (1 + 1 / snr).sqrt()


def spread_timesteps(count: int, steps: int) -> torch.Tensor:
    """`count` uniform timesteps below `steps`, evenly apart: less noise in the loss of a batch.

    Kingma et al. 2021 (arXiv 2107.00630), appendix I.1.
    """
    return ((torch.rand(1) + torch.arange(count) / count) % 1 * steps).long()


def training_step(
    unet: UNet2DConditionModel,
    schedule: DDIMScheduler,
    clean: torch.Tensor,
    prompt_embeds: torch.Tensor,
) -> torch.Tensor:
    """Loss of one batch: latents [B, 4, 16, 16], prompt embeds [B, 77, 128]."""
    noise = torch.randn_like(clean)
    timesteps = spread_timesteps(len(clean), schedule.config.num_train_timesteps)
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
    words = torch.cat((empty.expand(len(embeds), -1, -1), embeds))
    for t in solver.timesteps:
        uncond, cond = unet(torch.cat((x, x)), t, words).sample.chunk(2)
        x = solver.step(guide(uncond, cond, guidance), t, x).prev_sample
    return to_images(torch.cat([vae.decode(part).sample for part in x.split(8)]))


def new_run(minutes: float) -> Run:
    """The training as its last checkpoint left it; else on from the exported weights; else new."""
    torch.manual_seed(SEED)
    unet, facts = new_model(), export.facts("unet")
    if facts:
        unet.load_state_dict(export.load_unet().state_dict())
    optimizer = MuonAndAdam(unet, PEAK_LR)
    ema = EMAModel(unet.parameters(), decay=EMA_DECAY, use_ema_warmup=True)
    run = Run("unet", minutes, model=unet, optimizer=optimizer, ema=ema)
    if facts and not run.resumed:
        run.go_on_from(facts)
    return run


def train(minutes: float = MINUTES) -> None:
    run, schedule, vae = new_run(minutes), new_schedule(), export.load_autoencoder()
    unet, optimizer, ema = run.parts["model"], run.parts["optimizer"], run.parts["ema"]
    unet.set_attn_processor(AttnProcessor())  # fused attention has a slow bfloat16 gradient
    halves, bfloat16 = Halves(unet), bfloat16_is_faster()
    tower, tokenizer = export.load_text()
    scenes, pictures = latents.load(vae, SCENES)
    rng = np.random.default_rng(SEED + run.step)
    torch.manual_seed(SEED + run.step)
    order = np.empty(0, int)

    def loss_of(network, clean, tokens):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            with torch.no_grad():
                embeds = tower(tokens).last_hidden_state
            return training_step(network, schedule, clean, embeds)

    for _ in run:
        set_lr(optimizer, cosine(run.share, PEAK_LR))
        if len(order) < BATCH:
            order = rng.permutation(len(scenes))
        chosen, order = order[:BATCH], order[BATCH:]
        prompts = drop_prompts([describe(scenes[i], rng).text for i in chosen], rng)
        loss = halves.backward(loss_of, pictures[chosen], tokens_of(tokenizer, prompts))
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        ema.step(unet.parameters())
        run.record(loss, BATCH)
        if run.sheet_due():
            ema.store(unet.parameters())
            ema.copy_to(unet.parameters())
            embeds, empty = (encode_prompts(tower, tokenizer, p) for p in (list(PROMPTS), [""]))
            save_sheet(run.folder / "sheet.png", draw_samples(unet, vae, embeds, empty, 5.0), 8)
            ema.restore(unet.parameters())
    publish(run)


@torch.no_grad()
def unseen_loss(unet: UNet2DConditionModel, count: int = 512) -> float:
    """The training loss on unseen scenes, always with the same noise and timesteps."""
    schedule, vae = new_schedule(), export.load_autoencoder()
    tower, tokenizer = export.load_text()
    scenes, pictures = latents.load(vae, count, TEST_SEED)
    rng = np.random.default_rng(TEST_SEED)
    torch.manual_seed(TEST_SEED)
    embeds = encode_prompts(tower, tokenizer, [describe(s, rng).text for s in scenes])
    pairs = zip(pictures.split(64), embeds.split(64), strict=True)
    return float(np.mean([training_step(unet, schedule, x, e).item() for x, e in pairs]))


def publish(run: Run | None = None) -> None:
    """Export the averaged weights; without a run, those of the last checkpoint as it is."""
    run = run or new_run(MINUTES)
    unet = run.parts["model"]
    run.parts["ema"].copy_to(unet.parameters())
    export.denoiser(
        unet.eval(),
        new_schedule(),
        recipe={"peak_lr": PEAK_LR, "batch": BATCH, "scenes": SCENES, "ema": EMA_DECAY}
        | {"prompt_dropout": PROMPT_DROPOUT, "snr_gamma": SNR_GAMMA},
        seed=SEED,
        steps=run.step,
        samples=run.samples,
        minutes=round(run.seconds / 60, 1),
        unseen_loss=round(unseen_loss(unet), 4),
    )
