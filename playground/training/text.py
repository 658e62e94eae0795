"""Train the text tower as CLIP is trained, then freeze it.

A caption and a picture that belong together should have similar embeddings, all others of the
batch not: Radford et al. 2021 (arXiv 2103.00020), section 2.3. The denoiser later reads the
tower's hidden states [77, 128], so these are compared too, word by word with places of the
picture: Yao et al. 2021 (FILIP, arXiv 2111.07783), section 3.1.
"""

import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from playground.training import export, latents
from playground.training.device import choose
from playground.training.run import Run, cosine, set_lr
from playground.world import asked
from playground.world.grammar import describe
from playground.world.phrasing import rephrase
from playground.world.scene import Caption, Span
from playground.world.tokens import EOS, MAX_LENGTH, PAD, new_tokenizer
from playground.world.vocabulary import COLORS, NOUNS, SHAPES

MINUTES, PEAK_LR, SCENES, SEED = 20, 1e-3, 64_000, 3
BATCH = (64, 512)  # on the processor, on an accelerator
FREE = 0.5  # share of captions said freely
WIDTH, TEST_SEED = 128, 900_003
OPPOSITE = {"left": "right", "above": "below", "under": "above", "two": "three", "small": "large"}
OPPOSITE |= {b: a for a, b in OPPOSITE.items()}
SWAPPED = ("noun", "color", "worn")


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


class ImageTower(nn.Module):
    """Latents [B, 4, 16, 16] → places [B, 64, WIDTH] and the whole picture [B, WIDTH].

    Where a thing is matters: places get a position of their own, and the whole is read from all
    of them side by side.
    """

    def __init__(self, c: int = 64):
        super().__init__()
        self.looks = nn.Sequential(
            nn.Conv2d(4, c, 3, padding=1), nn.GELU(),
            nn.Conv2d(c, c, 3, padding=1, stride=2), nn.GroupNorm(8, c), nn.GELU(),
            nn.Conv2d(c, 2 * c, 3, padding=1), nn.GroupNorm(8, 2 * c), nn.GELU(),
        )  # fmt: skip
        self.position = nn.Parameter(0.02 * torch.randn(2 * c, 8, 8))
        self.places = nn.Sequential(
            nn.Conv2d(2 * c, 2 * c, 3, padding=1), nn.GroupNorm(8, 2 * c), nn.GELU(),
            nn.Conv2d(2 * c, WIDTH, 3, padding=1),
        )  # fmt: skip
        self.whole = nn.Sequential(
            nn.GELU(), nn.Conv2d(WIDTH, 2 * c, 3, padding=1, stride=2), nn.GELU(),
            nn.Flatten(), nn.Linear(2 * c * 16, WIDTH),
        )  # fmt: skip

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        places = self.places(self.looks(pictures) + self.position)
        return places.flatten(2).mT, self.whole(places)


class Pair(nn.Module):
    """Both towers, the text tower's projections, and CLIP's learned temperature, twice."""

    def __init__(self):
        super().__init__()
        self.text, self.image = new_model(), ImageTower()
        self.projections = nn.ModuleList(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(2))
        self.log_scales = nn.Parameter(torch.full((2,), np.log(1 / 0.07)))

    def similarities(
        self, pictures: torch.Tensor, tokens: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[n, 4, 16, 16] and [m, tokens] → scaled cosine similarities, twice [n, m].

        The first is of whole pictures and captions. The second is, over the words of a caption,
        the mean of how well each finds its best place.
        """
        read = self.text(tokens)
        places, whole = (F.normalize(x, dim=-1) for x in self.image(pictures))
        by_word, by_caption = self.projections
        words = F.normalize(by_word(read.last_hidden_state), dim=-1)
        captions = F.normalize(by_caption(read.pooler_output), dim=-1)
        said = tokens > self.text.config.eos_token_id  # ids of words follow those of the specials
        best = (places @ words.flatten(0, 1).T).amax(1).unflatten(1, tokens.shape)  # [n, m, tokens]
        found = (best * said).sum(2) / said.sum(1).clamp(min=1)  # a caption may be empty
        scales = self.log_scales.exp().clamp(max=100)
        return scales[0] * whole @ captions.T, scales[1] * found


def twist(caption: Caption, rng: np.random.Generator) -> str:
    """The caption with one thing wrong: a hard negative, so that order and binding count."""
    text = caption.text
    nouns, colors, worn = ([s for s in caption.spans if s.kind == k] for k in SWAPPED)
    if len(colors) == len({text[s.start : s.end] for s in colors}) == 2 and rng.random() < 0.5:
        return _swapped(text, *colors)
    related = len(nouns) == 2 and asked.read(text).relation is not None
    if (related or (len(nouns) == 2 and len(worn) == 1)) and rng.random() < 0.5:
        return _swapped(text, *nouns)
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


def _swapped(text: str, one: Span, other: Span) -> str:
    """The text with the words of two spans in each other's place."""
    a, b = sorted((one, other), key=lambda s: s.start)
    return text[: a.start] + text[b.start : b.end] + text[a.end : b.start] + (
        text[a.start : a.end] + text[b.end :])  # fmt: skip


def loss_of(pair: Pair, pictures: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Symmetric cross-entropies; `tokens` are the B right captions, then B twisted ones."""
    target = torch.arange(len(pictures), device=pictures.device)
    losses = []
    for similar in pair.similarities(pictures, tokens):  # [B, 2B]
        losses.append(F.cross_entropy(similar, target))
        losses.append(F.cross_entropy(similar[:, : len(target)].T, target))
    return torch.stack(losses).mean()


def tokens_of(tokenizer, texts: list[str], padding: str = "max_length") -> torch.Tensor:
    """Token ids [n, 77], or as many as the longest text needs."""
    return tokenizer(
        texts, padding=padding, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    ).input_ids


def new_pair() -> Pair:
    """New towers; the text tower goes on from the exported one, if there is one."""
    pair = Pair()
    if export.facts("text"):
        pair.text.load_state_dict(export.load_text()[0].state_dict())
    return pair


def train(minutes: float = MINUTES, device: str = "cpu") -> None:
    place = choose(device)
    torch.manual_seed(SEED)
    pair, tokenizer = new_pair().to(device), new_tokenizer()
    scenes, pictures = latents.load(export.load_autoencoder().to(device), SCENES, device=place)
    optimizer = torch.optim.AdamW(pair.parameters(), lr=PEAK_LR, weight_decay=0.02)
    run = Run("text", minutes, place.clock, model=pair, optimizer=optimizer)
    rng, size = np.random.default_rng(SEED + run.step), place.either(*BATCH)
    for _ in run:
        set_lr(optimizer, cosine(run.share, PEAK_LR))
        chosen = rng.integers(0, len(scenes), size)
        captions = [describe(scenes[i], rng) for i in chosen]
        captions = [rephrase(c, rng) if rng.random() < FREE else c for c in captions]
        texts = [c.text for c in captions] + [twist(c, rng) for c in captions]
        # The text encoder is causal: padding after the end token changes nothing, and costs.
        tokens = tokens_of(tokenizer, texts, padding="longest").to(device)
        loss = loss_of(pair, pictures[chosen], tokens)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        optimizer.step()
        run.record(loss, size)
    publish(pair.eval().cpu(), tokenizer, run)


@torch.inference_mode()
def publish(pair: Pair, tokenizer, run: Run) -> None:
    """Export with its accuracy on unseen pictures: right caption of 256, right before twisted."""
    rng = np.random.default_rng(TEST_SEED)
    scenes, pictures = latents.load(export.load_autoencoder(), 256, TEST_SEED)
    captions = [describe(scene, rng) for scene in scenes]
    texts = [c.text for c in captions] + [twist(c, rng) for c in captions]
    found = {}
    for name, similar in zip(
        ("", "_by_words"), pair.similarities(pictures, tokens_of(tokenizer, texts)), strict=True
    ):
        right, wrong = similar[:, :256], similar[:, 256:]  # of [256, 512]
        best = right.argmax(1) == torch.arange(256)
        found["caption_of_256" + name] = round(float(best.float().mean()), 3)
        before = right.diag() > wrong.diag()
        found["right_over_twisted" + name] = round(float(before.float().mean()), 3)
    export.text_tower(
        pair.text,
        tokenizer,
        recipe={"peak_lr": PEAK_LR, "batch": run.samples // run.step, "scenes": SCENES},
        seed=SEED,
        steps=run.step,
        minutes=round(run.seconds / 60, 1),
        **found,
    )
