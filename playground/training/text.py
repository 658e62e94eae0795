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

MINUTES, PEAK_LR, BATCH, SCENES, SEED = 6, 1e-3, 128, 12_000, 3
WIDTH = 128
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


def loss_of(pair: Pair, pictures: torch.Tensor, right: torch.Tensor, wrong: torch.Tensor):
    """Symmetric cross-entropy; pictures also see one twisted caption each."""
    similar = pair.similarities(pictures, torch.cat((right, wrong)))  # [B, 2B]
    target = torch.arange(len(pictures))
    return (
        F.cross_entropy(similar, target) + F.cross_entropy(similar[:, : len(target)].T, target)
    ) / 2


def tokens_of(tokenizer, texts: list[str]) -> torch.Tensor:
    """Token ids [n, 77]."""
    return tokenizer(
        texts, padding="max_length", truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
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
        right = tokens_of(tokenizer, [c.text for c in captions])
        wrong = tokens_of(tokenizer, [twist(c, rng) for c in captions])
        loss = loss_of(pair, pictures[chosen], right, wrong)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        optimizer.step()
        run.record(loss)
    export.text_tower(pair.text.eval(), tokenizer)
    return pair.text
