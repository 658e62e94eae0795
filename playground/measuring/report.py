"""Draw the contact sheet, measure, and write the README's tables."""

import platform
import resource
import statistics
import time
from pathlib import Path

import torch

from playground.diffusion import samplers
from playground.measuring import tables
from playground.measuring.scores import draw_all, fast_engine
from playground.models import specs
from playground.models.load import load
from playground.recipe import Recipe
from playground.training.run import save_sheet
from playground.training.sheets import HELD_OUT_PROMPTS, MORE_PROMPTS, PROMPTS
from playground.wording import percent

ROOT = Path(__file__).parents[2]
SHEET, SEEDS, COLUMNS = PROMPTS + MORE_PROMPTS, (7, 8), 16
MARKS = ("<!-- {}: begin -->", "<!-- {}: end -->")


def write() -> None:
    """Regenerate `assets/sheet.png` and the measured parts of README.md."""
    start = time.perf_counter()
    load("emoji-world")
    loading = time.perf_counter() - start
    engine, usual = fast_engine(), Recipe()
    said = f"{samplers.get(usual.sampler).label}, {usual.steps} steps, w = {usual.guidance:g}"
    recipes = [Recipe(prompt=prompt, seed=s) for prompt in SHEET for s in SEEDS]
    engine.draw(recipes[0])  # warm-up
    one = statistics.median(_seconds(lambda: engine.draw(recipes[0])) for _ in range(7))
    sheet = []
    many = _seconds(lambda: sheet.append(draw_all(engine, recipes)))
    save_sheet(ROOT / "assets" / "sheet.png", sheet[0], COLUMNS)
    new = [Recipe(prompt=prompt, seed=s) for prompt in HELD_OUT_PROMPTS for s in SEEDS]
    save_sheet(ROOT / "assets" / "held-out.png", draw_all(engine, new), COLUMNS)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows = [
        (
            f"One picture, {said}, after warm-up",
            f"{one:.2f} s by {engine.network.label} (median of 7)",
        ),
        (f"Sheet of {len(recipes)} pictures in one run", f"{many / len(recipes):.2f} s a picture"),
        ("Loading the model", f"{loading:.1f} s"),
        ("Peak memory of the process", f"{memory:.2f} GB"),
        *_card(specs.get("emoji-world").card),
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines.append(
        f"Times: {torch.get_num_threads()} threads, {platform.machine()}, torch "
        f"{torch.__version__}, no GPU. Regenerate with `python -m playground.measuring report`."
    )
    replace(ROOT / "README.md", "measured", "\n".join(lines))
    write_tables()


def write_tables() -> None:
    """Put what was measured with the oracle, from the model card, into README.md."""
    card = specs.get("emoji-world").card
    for name, table in tables.TABLES.items():
        replace(ROOT / "README.md", name, table(card))


def _card(card: dict) -> list[tuple[str, str]]:
    """What the trainings and `evaluate-attention` measured."""
    vae, text, unet = card["autoencoder"], card["text"], card["unet"]
    hours = 2 * sum(part["minutes"] for part in (vae, text, unet)) / 60
    return [
        ("Autoencoder", f"{vae['parameters'] / 1e6:.1f} M parameters, {vae['psnr_db']:.1f} dB on "
         "400 unseen scenes"),
        ("Text tower", f"{text['parameters'] / 1e6:.1f} M parameters, finds the right one of 256 "
         f"captions for {percent(text['caption_of_256'])} of unseen pictures"),
        ("U-Net", f"{unet['parameters'] / 1e6:.1f} M parameters, {unet['samples']:,} samples seen, "
         f"loss {unet['unseen_loss']:.4f} on 512 unseen scenes"),
        ("Training", f"{hours:.1f} core-hours on two CPU cores"),
        ("Brightest pixel of a noun's map lies on the noun", pointing(card)),
    ]  # fmt: skip


def pointing(card: dict) -> str:
    """Of our way of summing, and of maps of other words as a control."""
    rows = card.get("attention", {}).get("rows")
    if not rows:
        return "not measured yet"
    ours, others = rows["ours"], rows["ours, maps of other words"]
    return ", ".join(
        f"{percent(kinds['noun']['pointing'])} of {kinds['noun']['count']} in {source} "
        f"(maps of other words {percent(others[source]['noun']['pointing'])})"
        for source, kinds in ours.items()
    )


def _seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def replace(path: Path, name: str, text: str) -> None:
    """Put `text` between the two marks of that name."""
    begin, end = (mark.format(name) for mark in MARKS)
    before, _, rest = path.read_text().partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
