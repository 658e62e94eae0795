"""Train the autoencoder: 128×128×3 pixels ↔ 16×16×4 latents, 48× fewer numbers.

Rombach et al. 2022 (arXiv 2112.10752), section 3.1, without the adversarial and perceptual
terms: the world's pictures are clean enough for squared and absolute error.
"""

import functools
import itertools

import numpy as np
import torch
from diffusers import AutoencoderKL

from playground.models import preview
from playground.training import export
from playground.training.device import choose
from playground.training.rendering import Ahead
from playground.training.run import Run, cosine, save_sheet, set_lr, to_images, to_tensor
from playground.world.grammar import sample_scene, stream
from playground.world.render import draw
from playground.world.scene import GRID, SIDE

MINUTES, PEAK_LR, CROP = 45, 1.5e-3, 64
BATCH = (8, 64)  # on the processor, on an accelerator
TRAIN_SEED, TEST_SEED = 1, 900_001
LATENT_NOISE = 0.01  # the decoder must bear small errors of the denoiser
LATENT_PENALTY = 1e-4  # keeps latents of order one; no KL term, we use the mode


def new_model() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(16, 32, 64, 128),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=SIDE,
        scaling_factor=1.0,
    )


def crops(size: int, index: int) -> np.ndarray:
    """Batch number `index`, uint8 [size, CROP, CROP, 3], mostly around an item.

    Corners stay on the grid that items stand on, so that a crop shows the same alignment of
    sprites and latent cells as a whole picture.
    """
    rng = np.random.default_rng((TRAIN_SEED, index))
    batch = []
    for _ in range(size):
        scene = sample_scene(rng)
        corner = rng.integers(0, (SIDE - CROP) // GRID + 1, 2) * GRID
        if scene.items and rng.random() < 0.85:
            center = np.array(scene.items[rng.integers(len(scene.items))].center)
            near = center - CROP // 2 + rng.integers(-2, 3, 2) * GRID
            corner = np.clip(near, 0, SIDE - CROP) // GRID * GRID
        x, y = corner
        batch.append(draw(scene)[y : y + CROP, x : x + CROP])
    return np.stack(batch)


def loss_of(model: AutoencoderKL, images: torch.Tensor) -> torch.Tensor:
    """Squared and absolute error of pictures [B, 3, h, w] that come back, and the penalty."""
    latents = model.encode(images).latent_dist.mode()  # [B, 4, h/8, w/8]
    noisy = latents + LATENT_NOISE * torch.randn_like(latents)
    error = model.decode(noisy).sample - images
    return (
        error.square().mean() + 0.3 * error.abs().mean() + LATENT_PENALTY * latents.square().mean()
    )


def whole_scenes(count: int, seed: int = TEST_SEED) -> torch.Tensor:
    """The first pictures [count, 3, 128, 128] of the stream of `seed`, in [−1, 1]."""
    scenes = stream(seed)
    return to_tensor(np.stack([draw(next(scenes)[0]) for _ in range(count)]))


@torch.inference_mode()
def reconstruct(model: AutoencoderKL, images: torch.Tensor) -> torch.Tensor:
    """What comes back of pictures [n, 3, h, w], in [−1, 1]."""
    parts = [model.decode(model.encode(b).latent_dist.mode()).sample for b in images.split(8)]
    return torch.cat(parts).clamp(-1, 1)


def psnr(images: torch.Tensor, other: torch.Tensor) -> float:
    """Mean over pictures [n, 3, h, w] of 10·log10(1/MSE), pixels in [0, 1]; in dB."""
    error = ((images - other) / 2).square().flatten(1).mean(1)
    return float((-10 * error.log10()).mean())


@torch.no_grad()
def normalize_latents(model: AutoencoderKL, images: torch.Tensor) -> None:
    """Give every latent channel mean 0 and variance 1, inside the model's own 1×1 convolutions.

    Encoder and decoder together stay the same function; diffusers knows only one
    `scaling_factor` for all channels.
    """
    latents = torch.cat([model.encode(b).latent_dist.mode() for b in images.split(16)])
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    post, quant = model.post_quant_conv, model.quant_conv
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= std.view(1, -1, 1, 1)
    quant.weight[:4] /= std.view(-1, 1, 1, 1)
    quant.bias[:4] = (quant.bias[:4] - mean) / std
    quant.bias[4:] -= 2 * std.log()  # the other four are log-variances


@torch.inference_mode()
def fit_preview(model: AutoencoderKL, images: torch.Tensor) -> torch.Tensor:
    """The linear map [5, 3] from a latent cell (and 1) to the mean colour of its 8×8 pixels."""
    latents = torch.cat([model.encode(b).latent_dist.mode() for b in images.split(16)])
    return preview.fit(latents, images)


def train(minutes: float = MINUTES, device: str = "cpu") -> None:
    place = choose(device)
    torch.manual_seed(TRAIN_SEED)
    model = new_model().to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_LR, betas=(0.9, 0.99))
    run = Run("autoencoder", minutes, place.clock, model=model, optimizer=optimizer)
    make = functools.partial(crops, place.either(*BATCH))
    batches = Ahead(make, itertools.count(run.step), place.renderers)
    test = whole_scenes(24).to(device)
    for _ in run:
        set_lr(optimizer, cosine(run.share, PEAK_LR))
        loss = loss_of(model, to_tensor(next(batches), device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        run.record(loss)
        if run.sheet_due():
            show(model, test, run)
    batches.close()
    publish(model.eval().cpu(), run)


def show(model: AutoencoderKL, test: torch.Tensor, run: Run) -> None:
    """A sheet of pictures [n, 3, 128, 128], each beside what comes back of it; says how near."""
    again = reconstruct(model, test)
    run.say(f"full scenes {psnr(test, again):.2f} dB")
    pairs = torch.stack((test, again), 1).flatten(0, 1)
    save_sheet(run.folder / "sheet.png", to_images(pairs), 12)


def publish(model: AutoencoderKL, run: Run) -> None:
    seen = whole_scenes(400, TRAIN_SEED)
    normalize_latents(model, seen)
    test = whole_scenes(400)
    export.autoencoder(
        model,
        recipe={"peak_lr": PEAK_LR, "batch": BATCH, "crop": CROP, "latent_noise": LATENT_NOISE},
        seed=TRAIN_SEED,
        steps=run.step,
        minutes=round(run.seconds / 60, 1),
        preview_map=[[round(v, 4) for v in row] for row in fit_preview(model, seen).tolist()],
        psnr_db=round(psnr(test, reconstruct(model, test)), 2),
    )
