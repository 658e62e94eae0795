"""The page's terms in one sentence each: help texts of the page and docs/glossary.md.

`python -m playground.page.glossary` writes the document.
"""

from dataclasses import dataclass
from pathlib import Path

from playground.recipe import FIELDS

DOCUMENT = Path(__file__).parents[2] / "docs" / "glossary.md"
INTRO = (
    "# Glossary\n\nThe terms of the page and of the documents, in one sentence each. Written from\n"
    "`playground/page/glossary.py` by `python -m playground.page.glossary`."
)


@dataclass(frozen=True)
class Term:
    name: str
    sentence: str


def _terms(*pairs: tuple[str, str]) -> tuple[Term, ...]:
    return tuple(Term(*pair) for pair in pairs)


def _field(name: str) -> str:
    """The help that stands beside a recipe's field on the page."""
    return FIELDS[name].metadata["help"]


MODEL = _terms(
    ("latents", "The small tensor [channels, h, w] in which a latent diffusion model works; the "
     "autoencoder turns a picture into latents and back."),
    ("autoencoder", "The network that encodes a picture into latents and decodes latents into a "
     "picture (VAE)."),
    ("text encoder", "The network that turns the prompt's tokens into prompt embeds, once per "
     "prompt."),
    ("token", "A word, a part of a word or a punctuation mark: the unit that the text encoder "
     "reads."),
    ("prompt embeds", "The text encoder's output, one vector per token, which cross-attention "
     "reads."),
    ("negative words", _field("negative")),
    ("U-Net", "The network of our model that looks at noisy latents, the timestep and the prompt "
     "embeds and predicts the noise; newer models use a transformer in its place."),
    ("prediction", "What the network says of noisy latents: the noise ε, the clean latents x0, v, "
     "or the velocity of a flow; each of them gives the others."),
    ("pred_x0", "The clean latents that one network call points to (x̂0), shown as preview while "
     "the picture is still noisy."),
    ("ε̂", "The noise that one network call believes to be in the latents."),
)  # fmt: skip
LEVELS = _terms(
    ("timestep", "The number t that tells the network how noisy its latents are, here from 999 "
     "(noise) down to 0."),
    ("noise level", "How much signal and how much noise latents hold: x = signal·x0 + noise·ε."),
    ("sigma", "The spread σ of the noise beside a picture: noise divided by signal, or, in flow "
     "models, the share of noise itself."),
    ("ᾱ", "In variance-preserving models the square of the signal: x = √ᾱ·x0 + √(1 − ᾱ)·ε."),
    ("noise schedule", "Which noise level belongs to which timestep, fixed when the model was "
     "trained."),
    ("SNR", "Signal-to-noise ratio: the squares of signal and noise divided, ᾱ/(1 − ᾱ)."),
    ("seed", _field("seed")),
)  # fmt: skip
GUIDANCE = _terms(
    ("guidance scale", _field("guidance")),
    ("classifier-free guidance", "Ask the network with and without words and go along the "
     "difference (CFG)."),
    ("U and C branch", "The network's two answers in guidance: unconditional, ε_u, without words "
     "or with the negative words, and conditional, ε_c, with the words."),
    ("guidance interval", "The share of the steps in which w acts; outside of it w is 1."),
    ("guidance schedule", _field("guidance_schedule")),
    ("rescale", _field("rescale")),
    ("guider", _field("guider")),
    ("look-ahead", "pred_x0 of one step at another w: where that step points, not the picture that "
     "a whole run at this w would give."),
    ("prompt dropout", "Leaving the prompt out of some training samples, so that the same network "
     "learns the unconditional prediction too."),
)  # fmt: skip
SAMPLING = _terms(
    ("sampler", _field("sampler")),
    ("step", "One move of a sampler from a noise level to the next lower one."),
    ("NFE", "Number of function evaluations: how often the network is called; Heun calls it twice "
     "a step, so steps and calls are compared apart."),
    ("row", "One latents tensor within a network call; a guided picture takes two rows a call, an "
     "unguided one takes one."),
    ("accuracy order", "How fast a sampler's error falls: with order p, twice the steps leave "
     "about 1/2^p of it."),
    ("spacing", "Where a sampler places its steps between much noise and little."),
    ("eta", _field("eta")),
    ("stochastic sampler", "A sampler that adds fresh noise at every step, so it does not "
     "approach one picture and is judged over many."),
    ("exact solution", "The end of the ODE that deterministic samplers approximate, solved with "
     "far more calls than shows in a picture (the reference)."),
    ("RMSE", "Root of the mean squared difference of two tensors or pictures; 0 means equal."),
    ("PSNR", "The difference of two pictures in decibels: more means more alike."),
    ("race", "Several samplers, counts or guidance scales from one noise, side by side."),
    ("sweep", "The same recipe several times with one field changed."),
)  # fmt: skip
ATTENTION = _terms(
    ("cross-attention", "The layers in which every spatial position asks all tokens and mixes what "
     "they say by its attention on them."),
    ("spatial position", "One of the h × w cells of a grid of latents."),
    ("grid", "The resolution [h, w] at which a layer works; our U-Net has three."),
    ("head", "One of several attentions that a layer computes side by side."),
    ("word map", "For each spatial position the attention on one word, summed over its tokens: "
     "where attention went, not what caused the pixel."),
    ("share", "A word's part of the attention on all words at a position, start token and padding "
     "left out."),
    ("content word", "A word that names something, unlike “a” or “the”, which collect attention "
     "that no word needs."),
    ("padding mass", "The attention on padding tokens behind the prompt, shown apart together with "
     "that on the start and end token."),
    ("Prompt-to-Prompt", "Editing a picture by drawing it again from the same noise with the "
     "original's attention: swap a word, add words, or re-weight one."),
)  # fmt: skip
MEASURES = _terms(
    ("pointing game", "Does the brightest pixel of a word's map lie on what the word names?"),
    ("IoU", "Intersection over union of a map, cut at a threshold, and the mask of what the word "
     "names: 1 if they are equal, 0 if they do not meet."),
    ("average precision", "How well a map ranks the pixels of the mask before all others, over "
     "every threshold at once."),
    ("oracle", "A small network, trained on rendered scenes alone, that reads a picture back into "
     "things, colours and places."),
    ("lenient and strict", "Two ways to count a picture as right: what was asked for is there, or "
     "the whole prompt is there and nothing else."),
    ("held out", "Combinations of words that training never showed, kept to measure what the model "
     "can put together by itself."),
    ("diversity", "The mean distance between pictures of one prompt, in the oracle's features; 0 "
     "if all are alike."),
    ("saturation", "The mean distance between the strongest and the weakest colour channel of the "
     "pixels: it grows when guidance overshoots."),
)  # fmt: skip
PAGE = _terms(
    ("recipe", "Everything that determines a picture; a link, a saved PNG and a Python call carry "
     "the same one."),
    ("run", "One recipe being drawn or drawn: its steps, its maps and its picture."),
    ("lens", "One of the page's tabs: a way to look at the current run."),
    ("session", "Everything that the page may ask of the engine: draw, describe a prompt, decode, "
     "price."),
    ("tick", "One turn of the engine: one network call for the rows of everybody who is drawing."),
)  # fmt: skip

GROUPS = {
    "The model": MODEL,
    "Noise levels": LEVELS,
    "Guidance": GUIDANCE,
    "Sampling": SAMPLING,
    "Attention": ATTENTION,
    "Measures": MEASURES,
    "The page": PAGE,
}
TERMS = {term.name: term for terms in GROUPS.values() for term in terms}


class UnknownTermError(ValueError):
    """No such name in TERMS."""


def get(name: str) -> Term:
    try:
        return TERMS[name]
    except KeyError:
        known = ", ".join(TERMS)
        raise UnknownTermError(f"There is no term {name!r}; there are: {known}.") from None


def document() -> str:
    """The Markdown of docs/glossary.md."""
    parts = [INTRO]
    for heading, terms in GROUPS.items():
        lines = "\n".join(f"- **{term.name}**: {term.sentence}" for term in terms)
        parts.append(f"## {heading}\n\n{lines}")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
