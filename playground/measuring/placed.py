"""Where words are in attention: what maps must say, worked out from the softmax written out."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from playground.attention.calls import Call, attention_calls
from playground.attention.layouts import layout_of
from playground.attention.record import Watched, record
from playground.diffusion.levels import Level
from playground.models.latent import LatentModel
from playground.models.prompt import Condition, Prompt
from playground.models.words import Word

REFINERS = ("context_refiner", "noise_refiner")  # layers that see text or image alone


def listened(model: LatentModel, latents: Tensor, at: Level, condition: Condition) -> list[Call]:
    """Every attention call that reads words, of one row."""
    calls: list[Call] = []

    def listen(call: Call, output: Tensor) -> Tensor:
        calls.append(call)
        return output

    with attention_calls(model.network, layout_of(model.network), listen):
        model.predict(latents, [at], [condition])
    return calls


def by_token(call: Call, tokens: int, row: int = 0) -> Tensor:
    """The softmax over all keys written out, its text part [heads, positions, tokens]."""
    image, text = call.layout.parts(call.grid[0] * call.grid[1], call.key.shape[2], tokens)
    return call.scores(row).softmax(-1)[:, image, text]


def sums(
    model: LatentModel, latents: Tensor, at: Level, condition: Condition
) -> tuple[float, float, float]:
    """Of a row's recorded maps, how far their sum over columns is at most from the text's part of
    the softmax, and the least and the largest of these sums.
    """
    prompt = condition.prompt
    with record(model.network, [Watched(0, prompt.columns)]) as recorder:
        model.predict(latents, [at], [condition])
    calls, off, shares = listened(model, latents, at, condition), 0.0, []
    for size, found in recorder.maps()[0].items():
        each = [by_token(c, len(prompt.ids)).sum(-1).mean(0) for c in calls if c.grid == size]
        expected = torch.stack(each).mean(0).view(size)
        off = max(off, float((found.sum(0) - expected).abs().max()))
        shares.append(found.sum(0).flatten())
    whole = torch.cat(shares)
    return off, float(whole.min()), float(whole.max())


def moved(
    model: LatentModel, latents: Tensor, at: Level, prompt: Prompt, word: Word
) -> tuple[float, float]:
    """How far the log odds of tokens move in the first layer if the embeds of one word change:
    the word's own tokens at least, and at most any other token against its fellows.

    Only a word's own keys change, so the odds among all others stay (0 but for rounding): the text
    lies where it is said to lie, in its order. Text encoders mix words, so embeds are changed.
    """
    own = list(word.tokens)
    embeds = prompt.embeds.clone()
    embeds[0, own] += torch.linspace(-9, 9, embeds.shape[2]).sin()
    before, after = (
        by_token(
            listened(
                model, latents, at, Condition(replace(prompt, embeds=each, projections={}), 1.0)
            )[0],
            len(prompt.ids),
        )
        for each in (prompt.embeds, embeds)
    )
    shift = (after / before).log()
    mine = torch.zeros(shift.shape[2], dtype=torch.bool)
    mine[own] = True
    others = shift[..., ~mine & before.gt(0).all(0).all(0)]  # padding may be masked
    spread = float((others.amax(-1) - others.amin(-1)).max())
    least = (shift[..., mine] - others.mean(-1, keepdim=True)).abs().mean((0, 1)).min()
    return float(least), spread


def unrefined(model: LatentModel) -> LatentModel:
    """The model, or a copy whose refiners pass on what they get: text and image stay apart until
    both meet.
    """
    if not any(hasattr(model.network, kind) for kind in REFINERS):
        return model
    other = copy.copy(model)
    other.network = copy.deepcopy(model.network)
    for kind in REFINERS:
        for block in getattr(other.network, kind):
            for name, parameter in block.named_parameters():
                if "to_out" in name or "linear_2" in name or "w2" in name:
                    nn.init.zeros_(parameter)
    return other
