"""Recipes from pictures of AUTOMATIC1111's web UI and programs that write the same text.

The PNG's text chunk `parameters` holds the words, a line “Negative prompt: …”, and as its last line
“Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768, Model hash: 6ce0161689, …”.
https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#png-info
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from playground import pngtext
from playground.recipe import FIELDS, Recipe, RecipeError

KEY, GRAPH = "parameters", "workflow"  # names of text chunks; the second is ComfyUI's
LONGEST = 20_000  # characters that are read
MOST, WIDTH = 30, 120  # notes, and characters of one
NEGATIVE = "Negative prompt:"
SETTING = re.compile(r'([A-Za-z][\w /-]{0,60}):\s*("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')
SAMPLERS = {  # by the name there, in lower case
    "euler": "euler", "euler a": "euler_a", "heun": "heun", "ddim": "ddim", "ddpm": "ddpm",
    "plms": "pndm", "unipc": "unipc", "deis": "deis", "lcm": "lcm",
    "dpm++ 2m": "dpmpp_2m", "dpm++ 2m karras": "dpmpp_2m_karras", "dpm++ 2m sde": "dpmpp_2m_sde",
}  # fmt: skip
KNOWN = {"Steps", "CFG scale", "Seed", "Size", "Sampler", "Schedule type", "Model hash", "Model"}
# Syntax of that program, and what becomes of it here.
WEIGHTS = "(words:1.2): here a weight multiplies the attention to these words, there their embeds."
MARKS = {
    "<name:weight> (a LoRA or the like) is read as words.": re.compile(r"<\w+:[^<>]{1,100}>"),
    WEIGHTS: re.compile(r"\([^()]{1,200}:\s*[\d.]+\s*\)"),
    "BREAK is read as words.": re.compile(r"(?<!\w)BREAK(?!\w)"),
    "[from:to:when] (words that change) is read as words.":
        re.compile(r"\[[^\[\]]{0,200}[:|][^\[\]]{0,200}\]"),
}  # fmt: skip


@dataclass(frozen=True)
class Imported:
    """A recipe made of what was understood, and a sentence for everything that was not.

    `model` and `hash` are the model's name and the first digits of its file's SHA-256, as said
    there; the recipe's own model is the default one.
    """

    recipe: Recipe
    notes: tuple[str, ...]
    model: str = ""
    hash: str = ""


def from_png(file) -> Imported | None:
    """What a PNG (a path or an open file) says in such a text; None if it has none.

    Raises RecipeError for a file that is no PNG, and for one of ComfyUI without that text.
    """
    try:
        texts = pngtext.read(file, (KEY, GRAPH))
    except ValueError as error:
        raise RecipeError("This file is not a readable PNG picture.") from error
    if KEY in texts:
        return read(texts[KEY])
    if GRAPH in texts:
        raise RecipeError(
            "This PNG holds a graph of ComfyUI, which is not read: type its words and settings."
        )
    return None


def read(text: str) -> Imported:
    """What such a text says. Raises RecipeError for a text that has no settings."""
    if len(text) > LONGEST:
        raise RecipeError(f"This text of parameters has more than {LONGEST:,} characters.")
    *lines, last = text.strip().splitlines() or [""]
    said = {name.strip(): value.strip() for name, value in SETTING.findall(last)}
    if "Steps" not in said:
        raise RecipeError("This text of parameters has no line with steps, sampler and seed.")
    words, _, negative = "\n".join(lines).partition(NEGATIVE)
    made, notes = Recipe(prompt="", negative=""), []
    for name, value in (("prompt", words), ("negative", negative)):
        kept, cut = _shortened(value.strip(), int(FIELDS[name].metadata["high"]))
        made = _with(made, notes, **{name: kept})
        notes += [f"{FIELDS[name].metadata['label']}: the end was cut off, from “{cut}”."] * bool(
            cut
        )
        notes += [note for note, mark in MARKS.items() if mark.search(kept)]
    made = _settings(made, notes, said)
    return Imported(made, _bounded(notes), said.get("Model", ""), said.get("Model hash", ""))


def _settings(made: Recipe, notes: list[str], said: Mapping[str, str]) -> Recipe:
    """The recipe with the settings that it knows; of the others, and of wrong ones, a note each."""
    made = _with(made, notes, sampler=_sampler(notes, said))
    for name, field, kind in (
        ("Steps", "steps", int), ("CFG scale", "guidance", float), ("Seed", "seed", int),
    ):  # fmt: skip
        if name in said:
            made = _number(made, notes, name, field, kind, said[name])
    if found := re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", said.get("Size", "")):
        made = _with(made, notes, width=int(found[1]), height=int(found[2]))
    elif "Size" in said:
        notes.append(f"Size: {said['Size']}")
    notes += [f"{name}: {value}" for name, value in said.items() if name not in KNOWN]
    return made


def _number(
    made: Recipe, notes: list[str], name: str, field: str, kind: type, value: str
) -> Recipe:
    if not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", value):
        notes.append(f"{name}: {value}")
        return made
    number = float(value) if kind is float or "." in value else int(value)
    return _with(made, notes, **{field: number})


def _sampler(notes: list[str], said: Mapping[str, str]) -> str:
    """Older programs say the schedule in the sampler's name, newer ones by itself."""
    name, schedule = said.get("Sampler", ""), said.get("Schedule type", "")
    schedule = "" if schedule.lower() in ("", "automatic") else schedule
    both = f"{name} {schedule}".strip().lower()
    if both in SAMPLERS:
        return SAMPLERS[both]
    bare = re.sub(r"\s(karras|exponential|sgm uniform)$", "", both)
    if bare in SAMPLERS:
        notes.append(f"Schedule type: {both[len(bare) :].strip()}")
        return SAMPLERS[bare]
    notes.append(f"Sampler: {name or 'not said'}")
    return Recipe().sampler


def _with(made: Recipe, notes: list[str], **fields) -> Recipe:
    """The recipe with these fields; if one is not allowed, a note why and the recipe as it was."""
    try:
        return replace(made, **fields)
    except RecipeError as error:
        notes.append(str(error))
        return made


def _shortened(text: str, longest: int) -> tuple[str, str]:
    """As many whole words as are allowed, and how the rest begins."""
    if len(text) <= longest:
        return text, ""
    end = max(text.rfind(" ", 0, longest), text.rfind(",", 0, longest), 0) or longest
    return text[:end].rstrip(" ,"), text[end:].strip(" ,")[:40]


def _bounded(notes: list[str]) -> tuple[str, ...]:
    """Printable, each of a bounded length, and not too many."""
    clean = ["".join(c if c.isprintable() else " " for c in note) for note in notes]
    short = [note if len(note) <= WIDTH else f"{note[: WIDTH - 1]}…" for note in clean]
    more = len(short) - MOST
    return tuple(short[:MOST] + ([f"… and {more} more."] if more > 0 else []))
