"""Markdown tables of families beside their stock pipelines, from assets/checkpoints.json."""

import json
from typing import Any

from playground.diffusion import samplers
from playground.measuring.tables import machine, missing
from playground.paths import ASSETS
from playground.wording import percent

FIGURES = ASSETS / "checkpoints.json"
KINDS = {"float32": "fp32", "bfloat16": "bf16"}
PACKAGE = "attention-map-diffusers 1.0.0"


def figures() -> dict[str, Any]:
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}


def families(_: dict) -> str:
    """Every family, as a small pipeline of real classes with random weights."""
    found = figures()
    if "families" not in found:
        return missing("checkpoints")
    lines = [
        "| family | own sampler | worst of all samplers | one batch | sum of maps off by "
        "| text's share | one word changed | word maps cost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in found["families"].items():
        each, maps = row["samplers"]["differences"], row["maps"]
        worst = max(each, key=each.get)
        cells = [
            f"{row['label']} (`{name}`)",
            _tiny(row["own"]),
            f"{_tiny(each[worst])} of {len(each)} ({samplers.get(worst).label})",
            _tiny(row["together"]),
            _tiny(maps["off"]),
            _share(maps),
            f"{maps['own']:.2g} / {_tiny(maps['others'])}",
            f"{percent(row['capture']['ratio'] - 1)}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    size = f"{found['width']} × {found['height']} pixels, {found['steps']} steps"
    lines += ["", f"{size}, float32, one thread. {EXPLAINED}",
              "Regenerate with `python -m playground.measuring checkpoints`."]  # fmt: skip
    return "\n".join(lines)


EXPLAINED = (
    "*Own sampler*: the largest difference of final latents to those of the stock pipeline, which "
    "it draws from the same noise, prompts and w (of latents of unit spread). *Worst of all "
    "samplers*: of those that both the playground and the pipeline take. *One batch*: pictures of "
    "other words, steps and seeds drawn together, against each alone. *Sum of maps off by*: "
    "recorded maps of all tokens, added up, against the text's part of a softmax that is written "
    "out; with cross-attention all attention goes to the text. *One word changed*: the log odds of "
    "its own tokens move, in the first layer, at least by this / all others by no more than this: "
    "so maps are of the word that they name. *Word maps cost*: of the CPU time of a picture, the "
    "median of pairs of runs with and without them; networks as small as these have so little else "
    "to compute that it is more here than at full size, below."
)


def full_size(_: dict) -> str:
    """Stable Diffusion 1.5, 860 M parameters, on a CPU."""
    found = figures().get("full")
    if not found:
        return missing("checkpoints --full")
    other = any("package" in row for row in found["rows"])
    head = ["one call of two rows", "stock", "ours", "ours with word maps", "maps cost",
            *([f"{PACKAGE} costs"] if other else []), "memory peak", "with maps"]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in found["rows"]:
        seconds = [f"{row[way]['cpu']:.1f} s" for way in ("stock", "ours", "maps")]
        cost = [row["ratio"]["maps"], *([row["ratio"]["package"]] if "package" in row else [])]
        cost = [percent(ratio - 1) for ratio in cost]
        cost += ["–"] * (1 + other - len(cost))
        peaks = [f"{row['peak'][way]:.1f} GB" for way in ("ours", "maps")]
        what = f"{KINDS[row['dtype']]}, {row['side']} × {row['side']}"
        lines.append(f"| {' | '.join([what, *seconds, *cost, *peaks])} |")
    ours, theirs = (found["loading"][who] for who in ("ours", "stock"))
    off = max(row["difference"] for row in found["rows"] if row["dtype"] == "float32")
    counts = sorted({row["rounds"] for row in found["rows"]})
    rounds = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    waited = min(row["maps"]["wall"] for row in found["rows"])
    lines += [
        "",
        f"CPU seconds, best of {rounds} rounds in which every way was timed once; "
        "other work ran beside, so that wall seconds say little: half the CPU seconds is what two "
        f"free cores take at best (the shortest call seen took {waited:.1f} s). It also moves CPU "
        "seconds by up to a tenth, up or down: less than that is no difference. Ours and stock "
        f"differ by {_tiny(off)} in fp32; recording changes nothing. Loading the folder from the "
        f"file cache: {ours['cpu']:.1f} CPU seconds, stock diffusers {theirs['cpu']:.1f}; the "
        "first time an autoencoder is met, a map for previews is fitted besides.",
        f"{machine(found)} Regenerate with `python -m playground.measuring checkpoints --full`.",
    ]
    return "\n".join(lines)


def accelerator(_: dict) -> str:
    """Sweeps of SD 1.5 and SDXL in float16."""
    found = figures().get("accelerator")
    command = "`python -m playground.measuring checkpoints --device cuda`"
    if not found:
        return f"Not measured: no accelerator was at hand. With one, in some minutes: {command}."
    lines = ["| eight pictures, eight w | ours | ours with word maps | stock, eight calls | "
             "stock, one batch at one w | images a second, ours | memory |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, row in found["rows"].items():
        seconds = [f"{row[way]:.2f} s" for way in ("ours", "maps", "calls", "batch")]
        rest = f"{8 / row['ours']:.2f} | {row['gigabytes']:.1f} GB"
        lines.append(f"| {name}, {row['side']} × {row['side']} | {' | '.join(seconds)} | {rest} |")
    lines += ["", f"{found['steps']} steps, Euler, float16, random weights, {found['device']}, "
              f"torch {found['torch']}; medians. Regenerate with {command}."]  # fmt: skip
    return "\n".join(lines)


def _tiny(number: float) -> str:
    return "0" if number == 0 else f"{number:.0e}".replace("e-0", "e-")


def _share(maps: dict) -> str:
    if maps["least"] > 1 - 1e-3:
        return percent(1.0)
    return f"{percent(maps['least'])} to {percent(maps['most'])}"


TABLES = {"checkpoints": families, "full-size": full_size, "accelerator": accelerator}
