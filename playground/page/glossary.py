"""The page's terms in one sentence each: help texts of the page, what is told of a term where it
stands (see `shared.terms`), and docs/glossary.md.

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
    """`words` are how texts of the page call it, each also with a plural s; # stands for a number.
    Without any it is a word that texts use with other meanings too.
    """

    name: str
    sentence: str
    words: tuple[str, ...] = ()


def _terms(*rows: tuple[str, ...]) -> tuple[Term, ...]:
    """Rows of name, sentence, and the words."""
    return tuple(Term(name, sentence, tuple(words)) for name, sentence, *words in rows)


def _field(name: str) -> str:
    """The help that stands beside a recipe's field on the page."""
    return FIELDS[name].metadata["help"]


MODEL = _terms(
    ("latents", "The small tensor [channels, h, w] in which a latent diffusion model works; the "
     "autoencoder turns a picture into latents and back.", "latents", "latent"),
    ("autoencoder", "The network that encodes a picture into latents and decodes latents into a "
     "picture (VAE).", "autoencoder", "decoder", "VAE"),
    ("text encoder", "The network that turns the prompt's tokens into prompt embeds, once per "
     "prompt.", "text encoder"),
    ("token", "A word, a part of a word or a punctuation mark: the unit that the text encoder "
     "reads.", "# token", "token"),
    ("prompt embeds", "The text encoder's output, one vector per token, which cross-attention "
     "reads.", "prompt embeds", "text embedding"),
    ("negative words", _field("negative"), "negative words"),
    ("U-Net", "The network of our model that looks at noisy latents, the timestep and the prompt "
     "embeds and predicts the noise; newer models use a transformer in its place.", "U-Net"),
    ("prediction", "What the network says of noisy latents: the noise ε, the clean latents x0, v, "
     "or the velocity of a flow; each of them gives the others.", "prediction"),
    ("pred_x0", "The clean latents that one network call points to (x̂0), shown as preview while "
     "the picture is still noisy.", "pred_x0", "x̂0"),
    ("transformer", "A network of attention over all patches of the latents alike, without the "
     "U-Net's grids (DiT).", "transformer", "DiT"),
    ("adaptive normalisation", "Telling a network something by one vector that shifts and scales "
     "the features of every position alike.", "adaptive normalisation"),
    ("concatenation", "Telling a network something by more channels beside the latents.",
     "concatenation"),
    ("joint attention", "Attention in which image and text tokens are one sequence and each asks "
     "all others.", "joint attention"),
    ("ε̂", "The noise that one network call believes to be in the latents.", "ε̂"),
)  # fmt: skip
LEVELS = _terms(
    ("timestep", "The number t that tells the network how noisy its latents are, here from 999 "
     "(noise) down to 0.", "timestep", "t = #"),
    ("noise level", "How much signal and how much noise latents hold: x = signal·x0 + noise·ε.",
     "noise level"),
    ("sigma", "The spread σ of the noise beside a picture: noise divided by signal, or, in flow "
     "models, the share of noise itself.", "σ = #", "σ"),
    ("ᾱ", "In variance-preserving models the square of the signal: x = √ᾱ·x0 + √(1 − ᾱ)·ε.",
     "√ᾱ = #", "ᾱ"),
    ("noise schedule", "Which noise level belongs to which timestep, fixed when the model was "
     "trained.", "noise schedule"),
    ("SNR", "Signal-to-noise ratio: the squares of signal and noise divided, ᾱ/(1 − ᾱ).",
     "signal-to-noise ratio", "SNR"),
    ("seed", _field("seed"), "seed #", "seed"),
)  # fmt: skip
GUIDANCE = _terms(
    ("guidance scale", _field("guidance"), "guidance scale w", "guidance scale", "w = #", "w"),
    ("classifier-free guidance", "Ask the network with and without words and go along the "
     "difference (CFG).", "classifier-free guidance", "CFG"),
    ("U and C branch", "The network's two answers in guidance: unconditional, ε_u, without words "
     "or with the negative words, and conditional, ε_c, with the words.",
     "ε_u", "ε_c", "branch", "branches"),
    ("guidance interval", "The share of the steps in which w acts; outside of it w is 1.",
     "guidance interval", "guidance from", "guidance until"),
    ("guidance schedule", _field("guidance_schedule"), "guidance schedule", "guidance over time"),
    ("rescale", _field("rescale"), "guidance rescale φ", "rescale φ = #", "rescale"),
    ("guider", _field("guider"), "guider"),
    ("look-ahead", "pred_x0 of one step at another w: where that step points, not the picture that "
     "a whole run at this w would give.", "look-ahead"),
    ("prompt dropout", "Leaving the prompt out of some training samples, so that the same network "
     "learns the unconditional prediction too.", "prompt dropout", "dropout"),
)  # fmt: skip
SAMPLING = _terms(
    ("sampler", _field("sampler"), "sampler"),
    ("step", "One move of a sampler from a noise level to the next lower one.",
     "# step", "step"),
    ("NFE", "Number of function evaluations: how often the network is called; Heun calls it twice "
     "a step, so steps and calls are compared apart.",
     "# network call", "network call", "# call", "NFE"),
    ("row", "One latents tensor within a network call; a guided picture takes two rows a call, an "
     "unguided one takes one.", "# row", "rows a picture", "row a call"),
    ("accuracy order", "How fast a sampler's error falls: with order p, twice the steps leave "
     "about 1/2^p of it.", "accuracy order", "first order", "second order", "slope −#"),
    ("spacing", "Where a sampler places its steps between much noise and little.", "spacing"),
    ("eta", _field("eta"), "η = #", "η"),
    ("stochastic sampler", "A sampler that adds fresh noise at every step, so it does not "
     "approach one picture and is judged over many.", "stochastic sampler", "fresh noise"),
    ("exact solution", "The end of the ODE that deterministic samplers approximate, solved with "
     "far more calls than shows in a picture (the reference).", "exact solution", "reference"),
    ("ODE", "The differential equation whose solution leads from one noise to one picture; "
     "deterministic samplers solve it in steps.", "ODE"),
    ("rectified flow", "Training for straight paths from noise to pictures, x = (1 − σ)·x0 + σ·ε, "
     "which fewer steps can follow.", "rectified flow"),
    ("consistency model", "A network trained to jump from any noise level to the end of its path, "
     "so that a few calls are enough.", "consistency model"),
    ("RMSE", "Root of the mean squared difference of two tensors or pictures; 0 means equal.",
     "RMSE"),
    ("PSNR", "The difference of two pictures in decibels: more means more alike.",
     "PSNR", "# dB"),
    ("race", "Several samplers, counts or guidance scales from one noise, side by side.", "race"),
    ("sweep", "The same recipe several times with one field changed.", "sweep"),
)  # fmt: skip
ATTENTION = _terms(
    ("cross-attention", "The layers in which every spatial position asks all tokens and mixes what "
     "they say by its attention on them.", "cross-attention"),
    ("spatial position", "One of the h × w cells of a grid of latents.", "spatial position"),
    ("grid", "The resolution [h, w] at which a layer works; our U-Net has three.", "grid"),
    ("head", "One of several attentions that a layer computes side by side.",
     "every head", "head #"),
    ("word map", "For each spatial position the attention on one word, summed over its tokens: "
     "where attention went, not what caused the pixel.", "word map"),
    ("share", "A word's part of the attention on all words at a position, start token and padding "
     "left out."),
    ("content word", "A word that names something, unlike “a” or “the”, which collect attention "
     "that no word needs.", "content word"),
    ("padding mass", "The attention on padding tokens behind the prompt, shown apart together with "
     "that on the start and end token.", "padding mass", "padding"),
    ("Prompt-to-Prompt", "Editing a picture by drawing it again from the same noise with the "
     "original's attention: swap a word, add words, or re-weight one.", "Prompt-to-Prompt"),
)  # fmt: skip
MEASURES = _terms(
    ("95 % interval", "The range that holds the true share in 95 of 100 such measurements, by "
     "Wilson's formula: few pictures leave it wide.", "95 % interval"),
    ("standard error", "How far a mean of so many pictures would typically lie from that of "
     "endlessly many.", "standard error", "±"),
    ("pointing game", "Does the brightest pixel of a word's map lie on what the word names?",
     "pointing game", "brightest pixel"),
    ("IoU", "Intersection over union of a map, cut at a threshold, and the mask of what the word "
     "names: 1 if they are equal, 0 if they do not meet.", "IoU"),
    ("average precision", "How well a map ranks the pixels of the mask before all others, over "
     "every threshold at once.", "average precision"),
    ("oracle", "A small network, trained on rendered scenes alone, that reads a picture back into "
     "things, colours and places.", "oracle"),
    ("lenient and strict", "Two ways to count a picture as right: what was asked for is there, or "
     "the whole prompt is there and nothing else.", "asked-for is there", "and nothing else"),
    ("held out", "Combinations of words that training never showed, kept to measure what the model "
     "can put together by itself.", "held out", "held-out"),
    ("diversity", "The mean distance between pictures of one prompt, in the oracle's features; 0 "
     "if all are alike.", "diversity"),
    ("saturation", "The mean distance between the strongest and the weakest colour channel of the "
     "pixels: it grows when guidance overshoots.", "saturation"),
)  # fmt: skip
PAGE = _terms(
    ("recipe", "Everything that determines a picture; a link, a saved PNG and a Python call carry "
     "the same one.", "recipe"),
    ("run", "One recipe being drawn or drawn: its steps, its maps and its picture."),
    ("lens", "One of the page's tabs: a way to look at the current run.", "lens"),
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
    DOCUMENT.write_text(document(), encoding="utf-8")
