"""Write the card's figures into the documents: `python -m playground.measuring.docs`.

Every generated part stands between two marks of its name, `<!-- NAME: begin -->` and
`<!-- NAME: end -->`; everything else is written by hand and stays.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playground.diffusion import samplers
from playground.measuring import (
    browser_tables,
    checkpoint_tables,
    load_tables,
    replica_tables,
    score_tables,
    tables,
)
from playground.models import specs
from playground.paths import ASSETS
from playground.wording import percent

ROOT = Path(__file__).parents[2]
MODEL, FLOW, STUDENT = "emoji-world", "emoji-world-flow", "emoji-world-lcm"
CARDS = {name: ASSETS / "models" / name / "README.md" for name in (MODEL, FLOW, STUDENT)}
MARKS = ("<!-- {}: begin -->", "<!-- {}: end -->")
NETWORKS = {MODEL: "U-Net", FLOW: "flow", STUDENT: "consistency"}
PARTS = ("autoencoder", "text", "unet")
WRITTEN = "Written by `python -m playground.measuring.docs` from the figures in this folder."


def write() -> None:
    """Regenerate every part between marks of every document."""
    for path, (model, parts) in DOCUMENTS.items():
        card = replace(specs.get(model)).card  # read now: a measurement may just have written it
        text = path.read_text(encoding="utf-8")
        for name, made in parts.items():
            text = filled(text, name, made(card))
        path.write_text(text, encoding="utf-8")


def filled(text: str, name: str, part: str) -> str:
    """`text` with `part` between the two marks of that name. Raises ValueError without them."""
    begin, end = (mark.format(name) for mark in MARKS)
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"There are no marks {begin} … {end} in this document.")
    return f"{before}{begin}\n{part}\n{end}{after}"


def scoreboard(card: dict) -> str:
    """The README's table: what the playground claims, at most eight rows."""
    timings, best = card["timings"], card["solvers"]["recommended"]
    stock = [
        row["ratio"]
        for name, row in card["speed"]["rows"].items()
        if "diffusers" in name and "ratio" in row
    ]
    calls, batch = stock
    ours, daam = (_pictured(card, way) for way in ("ours", "DAAM"))
    recording = next(iter(card["recording"]["rows"].values()))
    rows = {
        f"One picture ({tables.drawn_as(timings)})": f"{timings['picture']:.2f} s by "
        f"{timings['network']}",
        "Eight pictures at eight w, against stock diffusers": f"{calls:.1f} times as fast as "
        f"eight calls, {batch:.2f} times as fast as one batch at one w",
        "Recording word maps costs": f"{percent(recording['ratio'] - 1)} of the time",
        "Prompts drawn right, eight tasks, five also held out": _means(
            lambda card: card["means"][0]["mean"]
        ),
        "… asked in words that training never used": _means(
            lambda card: card["scores"]["phrasing"]["seen"]["lenient"]
        ),
        "The brightest pixel of a noun's map lies on it": f"{percent(ours['pointing'])} of "
        f"{ours['count']}; IoU {percent(ours['iou_0.4'])} (DAAM's way: {percent(daam['iou_0.4'])})",
        "Fewest network calls that are as good as the best": f"{best['calls']}, by "
        f"{samplers.get(best['sampler']).label}",
        "The U-Net, its text encoder and autoencoder": f"{_millions(card)} M parameters, "
        f"{_hours(card)}",
    }
    lines = ["| | |", "|---|---|", *(f"| {what} | {said} |" for what, said in rows.items()), ""]
    lines += [tables.machine(timings)]
    return "\n".join(lines)


def facts(card: dict) -> str:
    """The model card's table of the parts and their training."""
    vae, text, unet = (card[part] for part in PARTS)
    rows = {
        "Autoencoder": f"{vae['parameters'] / 1e6:.1f} M parameters, {vae['psnr_db']:.1f} dB on "
        "400 unseen scenes",
        "Text encoder": f"{text['parameters'] / 1e6:.1f} M parameters, finds the right one of 256 "
        f"captions for {percent(text['caption_of_256'])} of unseen pictures",
        "U-Net": f"{unet['parameters'] / 1e6:.1f} M parameters, loss {unet['unseen_loss']:.4f} on "
        "512 unseen scenes",
        "Training of autoencoder and text encoder": f"{_minutes(vae, text)} on two CPU cores",
        "Training of the U-Net": stretches(unet),
        "Brightest pixel of a noun's map lies on the noun": pointing(card),
    }
    lines = ["| | |", "|---|---|", *(f"| {what} | {said} |" for what, said in rows.items()), ""]
    return "\n".join([*lines, WRITTEN])


def facts_of_network(card: dict) -> str:
    """The table of a model that shares autoencoder and text encoder with the U-Net's."""
    ((_, network),) = ((k, v) for k, v in card.items() if isinstance(v, dict) and "samples" in v)
    rows = {
        "Parameters": f"{network['parameters'] / 1e6:.1f} M",
        "Training": stretches(network),
    }
    lines = ["| | |", "|---|---|", *(f"| {what} | {said} |" for what, said in rows.items()), ""]
    return "\n".join([*lines, WRITTEN])


def stretches(network: dict) -> str:
    """On what a network was trained, one stretch after another."""
    return ", then ".join(
        f"weights of {each['start']}" if "start" in each
        else f"{each['samples']:,} samples in {_duration(each['minutes'])} on {each['device']}"
        + (f", moved {each['moved']}" if "moved" in each else "")
        for each in (*network.get("earlier", ()), network)
    )  # fmt: skip


def _duration(minutes: float) -> str:
    return f"{minutes:.1f} minutes" if minutes < 10 else f"{minutes:.0f} minutes"


def _minutes(*parts: dict) -> str:
    return _duration(sum(part["minutes"] for part in parts))


def pointing(card: dict) -> str:
    """The pointing game of our way of summing, and of maps of other words as a control."""
    rows = card.get("attention", {}).get("rows")
    if not rows:
        return "not measured yet"
    ours, others = rows["ours"], rows["ours, maps of other words"]
    return ", ".join(
        f"{percent(kinds['noun']['pointing'])} of {kinds['noun']['count']} in {source} "
        f"(maps of other words {percent(others[source]['noun']['pointing'])})"
        for source, kinds in ours.items()
    )


def _pictured(card: dict, way: str) -> dict:
    """What nouns in drawn pictures got by the first way of summing of that name."""
    rows = card["attention"]["rows"]
    return next(row for name, row in rows.items() if name.startswith(way))["pictures"]["noun"]


def _means(share: Callable[[dict], float]) -> str:
    """A share of each built-in model, with the network calls that it is drawn with."""
    found = []
    for name, spec in specs.MODELS.items():
        first = spec.card["means"][0]
        calls = samplers.get(first["sampler"]).network_calls(first["steps"])
        found.append(f"{NETWORKS[name]} {percent(share(spec.card))} ({calls} calls)")
    return ", ".join(found)


def _hours(card: dict) -> str:
    """Minutes of training in all, by device."""
    parts = [each for part in PARTS for each in (*card[part].get("earlier", ()), card[part])]
    spent: dict[str, float] = {}
    for part in parts:
        device = part.get("device", "two CPU cores")
        spent[device] = spent.get(device, 0) + part.get("minutes", 0)  # files have none
    return ", ".join(f"{_duration(minutes)} on {device}" for device, minutes in spent.items())


def _millions(card: dict) -> str:
    return f"{sum(card[part]['parameters'] for part in PARTS) / 1e6:.1f}"


DOCUMENTS = {
    ROOT / "README.md": (MODEL, {"scoreboard": scoreboard}),
    ROOT / "docs" / "measurements.md": (
        MODEL, {"models": score_tables.models, "scores": score_tables.scores} | tables.TABLES
        | checkpoint_tables.TABLES | browser_tables.TABLES,
    ),
    ROOT / "docs" / "hosting.md": (MODEL, load_tables.TABLES | replica_tables.TABLES),
    CARDS[MODEL]: (MODEL, {"facts": facts, "scores": score_tables.scores}),
    CARDS[FLOW]: (
        FLOW,
        {"facts": facts_of_network, "scores": score_tables.scores, "reflow": score_tables.reflow},
    ),
    CARDS[STUDENT]: (STUDENT, {"facts": facts_of_network, "scores": score_tables.scores}),
    ASSETS / "loras" / "README.md": (STUDENT, {"adapter": score_tables.adapter}),
}  # fmt: skip

if __name__ == "__main__":
    write()
