"""Train the decoder on alone: the encoder, and with it every latent, stays what it is.

On whole scenes, not crops: that is what it will be asked for, and its group norms see all of it.
"""

import numpy as np
import torch
from diffusers import AutoencoderKL

from playground.training import export, latents
from playground.training.autoencoder import (
    LATENT_NOISE,
    new_model,
    psnr,
    reconstruct,
    show,
    whole_scenes,
)
from playground.training.optimizer import MuonAndAdam
from playground.training.run import Run, bfloat16_is_faster, cosine, set_lr, to_tensor
from playground.world.render import draw

MINUTES, PEAK_LR, BATCH, SCENES, SEED = 40, 5e-4, 4, 16_000, 8


def loss_of(model: AutoencoderKL, codes: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Squared and absolute error of pictures [B, 3, 128, 128] decoded from codes [B, 4, 16, 16]."""
    error = model.decode(codes + LATENT_NOISE * torch.randn_like(codes)).sample - images
    return error.square().mean() + 0.3 * error.abs().mean()


def train(minutes: float = MINUTES) -> None:
    torch.manual_seed(SEED)
    model = new_model().train()
    model.load_state_dict(export.load_autoencoder().state_dict())
    scenes, codes = latents.load(model, SCENES)
    decoder = torch.nn.ModuleList((model.post_quant_conv, model.decoder))
    optimizer = MuonAndAdam(decoder, PEAK_LR)
    run = Run("decoder", minutes, model=decoder, optimizer=optimizer)
    rng, bfloat16 = np.random.default_rng(SEED + run.step), bfloat16_is_faster()
    test = whole_scenes(24)
    for _ in run:
        set_lr(optimizer, cosine(run.share, PEAK_LR))
        chosen = rng.integers(0, SCENES, BATCH)
        images = to_tensor(np.stack([draw(scenes[i]) for i in chosen]))
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = loss_of(model, codes[chosen], images)
        decoder.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        run.record(loss, BATCH)
        if run.sheet_due():
            show(model, test, run)
    publish(model.eval(), run)


def publish(model: AutoencoderKL, run: Run) -> None:
    """Export, unless the decoder that is there is better."""
    test, facts = whole_scenes(400), export.facts("autoencoder")
    found = round(psnr(test, reconstruct(model, test)), 2)
    run.say(f"{found} dB on 400 unseen scenes, {facts['psnr_db']} before")
    if found <= facts["psnr_db"]:
        return
    facts |= {"psnr_db": found, "minutes": round(facts["minutes"] + run.seconds / 60, 1)}
    facts["decoder"] = {"peak_lr": PEAK_LR, "batch": BATCH, "seed": SEED, "steps": run.step}
    export.autoencoder(model, **facts)
