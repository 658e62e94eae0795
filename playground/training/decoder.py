"""Train the decoder on alone: the encoder, and with it every latent, stays what it is.

On whole scenes, not crops: that is what it will be asked for, and its group norms see all of it.
"""

import functools
import itertools

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
from playground.training.device import choose
from playground.training.optimizer import MuonAndAdam
from playground.training.rendering import Ahead
from playground.training.run import Run, cosine, set_lr, to_tensor
from playground.world.render import draw
from playground.world.scene import Scene

MINUTES, PEAK_LR, SCENES, SEED = 40, 5e-4, 16_000, 8
BATCH = (4, 32)  # on the processor, on an accelerator


def loss_of(model: AutoencoderKL, codes: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Squared and absolute error of pictures [B, 3, 128, 128] decoded from codes [B, 4, 16, 16]."""
    error = model.decode(codes + LATENT_NOISE * torch.randn_like(codes)).sample - images
    return error.square().mean() + 0.3 * error.abs().mean()


def chosen(scenes: list[Scene], size: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Batch number `index`: which scenes [size], and their pictures uint8 [size, 128, 128, 3]."""
    which = np.random.default_rng((SEED, index)).integers(0, len(scenes), size)
    return which, np.stack([draw(scenes[i]) for i in which])


def train(minutes: float = MINUTES, device: str = "cpu") -> None:
    place = choose(device)
    torch.manual_seed(SEED)
    model = new_model().train()
    model.load_state_dict(export.load_autoencoder().state_dict())
    model.to(device)
    scenes, codes = latents.load(model, SCENES, device=place)
    decoder = torch.nn.ModuleList((model.post_quant_conv, model.decoder))
    optimizer = MuonAndAdam(decoder, PEAK_LR)
    run = Run("decoder", minutes, place.clock, model=decoder, optimizer=optimizer)
    size, test = place.either(*BATCH), whole_scenes(24).to(device)
    make = functools.partial(chosen, scenes, size)
    batches = Ahead(make, itertools.count(run.step), place.renderers)
    for _ in run:
        set_lr(optimizer, cosine(run.share, PEAK_LR))
        which, images = next(batches)
        with place.autocast():
            loss = loss_of(model, codes[which], to_tensor(images, device))
        decoder.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        run.record(loss, size)
        if run.sheet_due():
            show(model, test, run)
    batches.close()
    publish(model.eval().cpu(), run)


def publish(model: AutoencoderKL, run: Run) -> None:
    """Export, unless the decoder that is there is better."""
    test, facts = whole_scenes(400), export.facts("autoencoder")
    found = round(psnr(test, reconstruct(model, test)), 2)
    run.say(f"{found} dB on 400 unseen scenes, {facts['psnr_db']} before")
    if found <= facts["psnr_db"]:
        return
    facts |= {"psnr_db": found, "minutes": round(facts["minutes"] + run.seconds / 60, 1)}
    facts["decoder"] = {
        "peak_lr": PEAK_LR,
        "batch": run.samples // run.step,
        "seed": SEED,
        "steps": run.step,
    }
    export.autoencoder(model, **facts)
