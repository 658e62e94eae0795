"""Train the text tower as CLIP is trained, then freeze it.

A caption and a picture that belong together should have similar embeddings, all others of the
batch not: Radford et al. 2021 (arXiv 2103.00020), section 2.3. The denoiser later reads the
tower's hidden states [77, 128], not the pooled embedding that is trained here.
"""

import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from playground.training import export, latents
from playground.training.run import Run, cosine, set_lr
from playground.world.grammar import describe
from playground.world.scene import Caption
from playground.world.tokens import EOS, MAX_LENGTH, PAD, new_tokenizer
from playground.world.vocabulary import COLORS, NOUNS, SHAPES

MINUTES, PEAK_LR, BATCH, SCENES, SEED = 9, 1e-3, 128, 12_000, 3
WIDTH, TEST_SEED = 128, 900_003
OPPOSITE = {"left": "right", "above": "below", "under": "above", "two": "three", "small": "large"}
OPPOSITE |= {b: a for a, b in OPPOSITE.items()}


def new_model() -> CLIPTextModel:
    tokenizer = new_tokenizer()
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_LENGTH,
            pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.convert_tokens_to_ids(EOS),
        )
    )


class ImageTower(nn.Sequential):
    """Latents [B, 4, 16, 16] → [B, WIDTH]; where a thing is matters, so it ends in a flatten."""

    def __init__(self, c: int = 64):
        super().__init__(
            nn.Conv2d(4, c, 3, padding=1), nn.GELU(),
            nn.Conv2d(c, c, 3, padding=1, stride=2), nn.GroupNorm(8, c), nn.GELU(),
            nn.Conv2d(c, 2 * c, 3, padding=1), nn.GroupNorm(8, 2 * c), nn.GELU(),
            nn.Conv2d(2 * c, 2 * c, 3, padding=1, stride=2), nn.GroupNorm(8, 2 * c), nn.GELU(),
            nn.Conv2d(2 * c, 2 * c, 3, padding=1), nn.GELU(),
            nn.Flatten(), nn.Linear(2 * c * 16, WIDTH),
        )  # fmt: skip


class Pair(nn.Module):
    """Both towers, the text tower's projection, and CLIP's learned temperature."""

    def __init__(self):
        super().__init__()
        self.text, self.image = new_model(), ImageTower()
        self.projection = nn.Linear(WIDTH, WIDTH, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(np.log(1 / 0.07), dtype=torch.float32))

    def similarities(self, pictures: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """[n, 4, 16, 16] and [m, 77] → scaled cosine similarities [n, m]."""
        words = F.normalize(self.projection(self.text(tokens).pooler_output), dim=-1)
        seen = F.normalize(self.image(pictures), dim=-1)
        return self.log_scale.exp().clamp(max=100) * seen @ words.T


def twist(caption: Caption, rng: np.random.Generator) -> str:
    """The caption with one thing wrong: a hard negative, so that order and binding count."""
    text = caption.text
    nouns = [s for s in caption.spans if s.kind == "noun"]
    if len(nouns) == 2 and "next" not in text and " and " not in text and rng.random() < 0.4:
        a, b = sorted(nouns, key=lambda s: s.start)
        return text[: a.start] + text[b.start : b.end] + text[a.end : b.start] + (
            text[a.start : a.end] + text[b.end :])  # fmt: skip
    turned = re.sub(r"[a-z]+", lambda m: OPPOSITE.get(m[0], m[0]), text)
    if turned != text and rng.random() < 0.5:
        return turned
    span = caption.spans[rng.integers(len(caption.spans))]
    word = text[span.start : span.end]
    for family in (list(NOUNS), list(COLORS), list(SHAPES)):
        if word in family:
            word = family[(family.index(word) + rng.integers(1, len(family))) % len(family)]
            return text[: span.start] + word + text[span.end :]
    return text.replace(word, "", 1)


def loss_of(pair: Pair, pictures: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Symmetric cross-entropy; `tokens` are the B right captions, then B twisted ones."""
    similar = pair.similarities(pictures, tokens)  # [B, 2B]
    target = torch.arange(len(pictures))
    return (
        F.cross_entropy(similar, target) + F.cross_entropy(similar[:, : len(target)].T, target)
    ) / 2


def tokens_of(tokenizer, texts: list[str], padding: str = "max_length") -> torch.Tensor:
    """Token ids [n, 77], or as many as the longest text needs."""
    return tokenizer(
        texts, padding=padding, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    ).input_ids


def train(minutes: float = MINUTES) -> CLIPTextModel:
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    tokenizer, pair = new_tokenizer(), Pair()
    scenes, pictures = latents.load(export.load_autoencoder(), SCENES)
    optimizer = torch.optim.AdamW(pair.parameters(), lr=PEAK_LR, weight_decay=0.02)
    run = Run("text", minutes, model=pair, optimizer=optimizer)
    for _ in run:
        set_lr(optimizer, cosine(run.share, PEAK_LR))
        chosen = rng.integers(0, len(scenes), BATCH)
        captions = [describe(scenes[i], rng) for i in chosen]
        texts = [c.text for c in captions] + [twist(c, rng) for c in captions]
        # The tower is causal: padding after the end token changes nothing, and costs.
        tokens = tokens_of(tokenizer, texts, padding="longest")
        loss = loss_of(pair, pictures[chosen], tokens)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        optimizer.step()
        run.record(loss)
    publish(pair.eval(), tokenizer, run)
    return pair.text


@torch.inference_mode()
def publish(pair: Pair, tokenizer, run: Run) -> None:
    """Export with its accuracy on unseen pictures: right caption of 256, right before twisted."""
    rng = np.random.default_rng(TEST_SEED)
    scenes, pictures = latents.load(export.load_autoencoder(), 256, TEST_SEED)
    captions = [describe(scene, rng) for scene in scenes]
    texts = [c.text for c in captions] + [twist(c, rng) for c in captions]
    similar = pair.similarities(pictures, tokens_of(tokenizer, texts))  # [256, 512]
    right, wrong = similar[:, :256], similar[:, 256:]
    export.text_tower(
        pair.text,
        tokenizer,
        recipe={"peak_lr": PEAK_LR, "batch": BATCH, "scenes": SCENES},
        seed=SEED,
        steps=run.step,
        minutes=round(run.seconds / 60, 1),
        caption_of_256=round(float((right.argmax(1) == torch.arange(256)).float().mean()), 3),
        right_over_twisted=round(float((right.diag() > wrong.diag()).float().mean()), 3),
    )
