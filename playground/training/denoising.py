"""What the trainings of all denoisers share: their plans, the frozen parts, the loop."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from transformers import CLIPTextModel, PreTrainedTokenizerFast

from playground.training import export
from playground.training.device import Device
from playground.training.optimizer import MuonAndAdam
from playground.training.pool import Pool
from playground.training.run import Run, cosine, save_sheet, set_lr
from playground.training.text import tokens_of


@dataclass(frozen=True)
class Plan:
    """How a denoiser is trained. Pairs are for the processor and for an accelerator."""

    name: str
    seed: int
    peak_lr: float
    ema: tuple[float, float]  # decay of the averaged weights, which are what is exported
    batch: tuple[int, int]
    scenes: tuple[int, int] = (48_000, 1_500_000)
    minutes: float = 300
    plain: tuple[str, ...] = ()  # parameters that AdamW steps, by how their names begin
    compiled: str = "whole"  # what of the network is compiled on CUDA, see `Device.gradients`


@dataclass(frozen=True)
class Given:
    """The frozen parts that a denoiser is trained with, on the device."""

    device: Device
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: PreTrainedTokenizerFast

    def tokens(self, prompts: Sequence[str]) -> Tensor:
        """Token ids [n, 77]."""
        return tokens_of(self.tokenizer, list(prompts)).to(self.device.name)

    @torch.no_grad()
    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Prompt embeds [n, 77, 128] and pooled ones [n, 128] of token ids [n, 77]."""
        read = self.text_encoder(tokens)
        return read.last_hidden_state, read.pooler_output


def given(device: Device) -> Given:
    text_encoder, tokenizer = export.load_text()
    parts = (export.load_autoencoder(), text_encoder)
    vae, text_encoder = (part.to(device.name).requires_grad_(False) for part in parts)
    return Given(device, vae, text_encoder, tokenizer)


def begin(
    plan: Plan,
    model: nn.Module,
    device: Device,
    minutes: float | None = None,
    start: Sequence[Path] = (),
    peak_lr: float | None = None,
    facts: dict | None = None,
) -> Run:
    """The training of `model` as its last checkpoint left it.

    Without one: on from `start`, files of weights, or from the weights that `model` has, of which
    `facts` are what their card says: its stretches of training come before this one.
    """
    if start:
        model.load_state_dict(export.read_weights(start))
    model.to(device.name)
    peak_lr = peak_lr or plan.peak_lr
    optimizer = MuonAndAdam(model, peak_lr, plan.plain)
    decay = device.either(*plan.ema)
    ema = EMAModel(model.parameters(), decay=decay, use_ema_warmup=True, foreach=True)
    parts = {"model": model, "optimizer": optimizer, "ema": ema}
    run = Run(plan.name, minutes or plan.minutes, device.clock, **parts)
    ema.to(device.name)
    run.notes.setdefault("ema", decay)  # a checkpoint may not have it
    if not run.resumed:
        batch = device.either(*plan.batch)
        run.notes = {"device": device.name, "peak_lr": peak_lr, "batch": batch, "ema": decay}
        run.notes["earlier"] = [{"start": Path(file).name} for file in start]
        if facts and not start:
            run.notes["earlier"] = [*facts.get("earlier", ()), stretch(facts)]
    torch.manual_seed(plan.seed + run.step)
    return run


def fit(
    run: Run,
    plan: Plan,
    frozen: Given,
    loss_of: Callable[..., Tensor],
    sheet: Callable[[nn.Module], np.ndarray],
    after: Callable[[], None] = lambda: None,
    pool: Pool | None = None,
) -> None:
    """Train the run's `model` until its budget is spent.

    `loss_of(network, latents, tokens)` is the loss of a batch, `sheet(model)` pictures of what the
    averaged weights draw, `after` follows every step. `pool` gives the batches, by default scenes.
    """
    model, optimizer, ema = (run.parts[name] for name in ("model", "optimizer", "ema"))
    device, batch, peak_lr = frozen.device, run.notes["batch"], run.notes["peak_lr"]
    pool = pool or Pool(frozen.vae, device.either(*plan.scenes), device)
    gradients = device.gradients(model, plan.compiled)
    for _ in run:
        set_lr(optimizer, cosine(run.share, peak_lr))
        pool.grow()
        loss = gradients.backward(loss_of, *pool.draw(batch))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        ema.step(model.parameters())
        after()
        run.record(loss, batch)
        if run.sheet_due():
            with averaged(model, ema):
                save_sheet(run.folder / "sheet.png", sheet(model), 8)
    pool.close()


@contextmanager
def averaged(model: nn.Module, ema: EMAModel) -> Iterator[None]:
    """Inside, the model has the averaged weights."""
    ema.store(model.parameters())
    ema.copy_to(model.parameters())
    try:
        yield
    finally:
        ema.restore(model.parameters())


def facts_of(run: Run, plan: Plan) -> dict:
    """What a card says of the run, besides what only its own file knows."""
    return {
        "recipe": {name: run.notes[name] for name in ("ema", "batch", "peak_lr")},
        "earlier": run.notes["earlier"],
        "device": run.notes["device"],
        "seed": plan.seed,
        "steps": run.step,
        "samples": run.samples,
        "minutes": round(run.seconds / 60, 1),
    }


def stretch(facts: dict) -> dict:
    """What a card keeps of a training, when another one has gone on from its weights."""
    kept = ("device", "minutes", "samples", "steps", "moved")
    return {"device": "two CPU cores"} | {name: facts[name] for name in kept if name in facts}


def spread(count: int, device: str | torch.device = "cpu") -> Tensor:
    """`count` uniform numbers in [0, 1), evenly apart: less noise in the loss of a batch.

    Kingma et al. 2021 (arXiv 2107.00630), appendix I.1.
    """
    return (torch.rand(1, device=device) + torch.arange(count, device=device) / count) % 1
