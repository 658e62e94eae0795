"""Train the flow model: a transformer that predicts the velocity from picture to noise.

Rectified flow (Liu et al. 2022, arXiv 2209.03003; Lipman et al. 2022, arXiv 2210.02747): noise and
picture are joined by a straight line, and the network learns its direction. The network is the
MM-DiT of Stable Diffusion 3 (Esser et al. 2024, arXiv 2403.03206), in which text and picture attend
to each other in one joint attention.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from torch import Tensor, nn

from playground.diffusion.guidance import guide
from playground.training import denoising, export
from playground.training.denoising import Plan, spread
from playground.training.device import Device, choose
from playground.training.run import Run, to_images
from playground.training.sheets import PROMPTS
from playground.training.unet import PROMPT_DROPOUT, drop_prompts
from playground.world.tokens import MAX_LENGTH

PLAN = Plan(
    "flow", seed=5, peak_lr=1.5e-3, ema=(0.9985, 0.9985), batch=(96, 2048),
    plain=("pos_embed", "proj_out", "time_text_embed", "context_embedder"), compiled="blocks",
)  # fmt: skip
SHORT, SHORT_SHARE = 32, 0.85  # tokens of most batches: captions fit, and attention costs less


def new_model() -> SD3Transformer2DModel:
    model = SD3Transformer2DModel(
        sample_size=16,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=9,
        attention_head_dim=48,
        num_attention_heads=4,
        joint_attention_dim=128,
        caption_projection_dim=192,
        pooled_projection_dim=128,
        pos_embed_max_size=16,
        qk_norm="rms_norm",
    )
    start_at_zero(model)
    return model


def start_at_zero(model: SD3Transformer2DModel) -> None:
    """Every block begins as the identity, the whole as 0 (Peebles & Xie 2022, arXiv 2212.09748)."""
    modulations = ("norm1.linear", "norm1_context.linear", "norm_out.linear", "proj_out")
    for name, module in model.named_modules():
        if name.endswith(modulations):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)


def new_schedule() -> FlowMatchEulerDiscreteScheduler:
    """σ from 1 (noise) to 0 (picture), evenly; the network is told t = 1000 σ."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=1.0)


def logit_normal(count: int, device: str | torch.device = "cpu") -> Tensor:
    """`count` values of σ, most of them in the middle, where the direction is hardest to tell.

    Esser et al. 2024, section 3.1: logit(σ) is normal. Its quantiles are spread evenly.
    """
    quantiles = spread(count, device).clamp(1e-4, 1 - 1e-4)
    return torch.special.ndtri(quantiles).sigmoid()


def training_step(
    transformer: SD3Transformer2DModel, clean: Tensor, prompt_embeds: Tensor, pooled: Tensor,
    noise: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Loss of one batch: latents [B, 4, 16, 16], embeds [B, tokens, 128], pooled [B, 128].

    `noise` is drawn at random unless it is given: reflow joins each picture with its own.
    """
    noise = torch.randn_like(clean) if noise is None else noise
    sigmas = logit_normal(len(clean), clean.device)
    sigma = sigmas.view(-1, 1, 1, 1)
    noisy = (1 - sigma) * clean + sigma * noise  # x_t = (1 − σ) x_0 + σ ε
    predicted = transformer(
        hidden_states=noisy,
        timestep=1000 * sigmas,
        encoder_hidden_states=prompt_embeds,
        pooled_projections=pooled,
        return_dict=False,
    )[0]
    velocity = noise - clean  # dx_t / dσ
    return (predicted - velocity).square().mean()


def random_length() -> int:
    """Tokens that the network reads in this batch: so it knows short and long ones."""
    return SHORT if float(torch.rand(())) < SHORT_SHARE else MAX_LENGTH


@torch.inference_mode()
def draw_samples(
    transformer, vae, words: tuple[Tensor, Tensor], none: tuple[Tensor, Tensor],
    guidance: float = 5.0, steps: int = 20,
) -> np.ndarray:  # fmt: skip
    """Pictures uint8 [n, 128, 128, 3], by Euler's steps.

    `words` are prompt embeds [n, tokens, 128] and pooled ones [n, 128], `none` those of no words.
    """
    solver, count = new_schedule(), len(words[0])
    solver.set_timesteps(sigmas=list(np.linspace(1, 1 / steps, steps)))
    x = torch.randn(count, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    x = x.to(words[0].device)
    embeds, pooled = (torch.cat((n.expand_as(w), w)) for n, w in zip(none, words, strict=True))
    for t in solver.timesteps:
        both = transformer(
            torch.cat((x, x)), embeds[:, :SHORT], pooled, t.expand(2 * count).to(x.device)
        ).sample
        x = solver.step(guide(*both.chunk(2), guidance), t, x).prev_sample
    return to_images(torch.cat([vae.decode(part).sample for part in x.split(8)]))


def new_run(device: Device, **options) -> Run:
    """The training as its last checkpoint left it; else on from given or exported weights; else
    new.
    """
    torch.manual_seed(PLAN.seed)
    transformer, facts = new_model(), export.facts("flow", export.flow_folder())
    if facts:
        transformer.load_state_dict(export.load_flow().state_dict())
    return denoising.begin(PLAN, transformer, device, facts=facts, **options)


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
    frozen = denoising.given(place)
    empty = frozen.tokens([""])

    def loss_of(transformer, clean, tokens):
        with place.autocast():
            embeds, pooled = frozen.encode(drop_prompts(tokens, empty))
            return training_step(transformer, clean, embeds[:, : random_length()], pooled)

    def sheet(transformer):
        words, none = (frozen.encode(tokens) for tokens in (frozen.tokens(PROMPTS), empty))
        return draw_samples(transformer, frozen.vae, words, none)

    denoising.fit(run, PLAN, frozen, loss_of, sheet)
    if not hold:
        publish(run)


def publish(run: Run | None = None) -> None:
    """Export the averaged weights; without a run, those of the last checkpoint as it is."""
    run = run or new_run(choose())
    transformer = run.parts["model"]
    run.parts["ema"].copy_to(transformer.parameters())
    facts = denoising.facts_of(run, PLAN)
    facts["recipe"] |= {"prompt_dropout": PROMPT_DROPOUT, "tokens": [SHORT, MAX_LENGTH]}
    export.flow(transformer.eval().cpu(), new_schedule(), **facts)
