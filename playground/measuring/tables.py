"""Markdown tables of what was measured, made from the model card's figures."""

from itertools import groupby

from playground.attention.heatmaps import Aggregation
from playground.diffusion import guidance, samplers
from playground.measuring.scores import ASKED
from playground.recipe import FIELDS, Recipe
from playground.wording import percent, points, wilson

BRACKETS = "in brackets the 95 % interval of the share (Wilson)"


def missing(stage: str) -> str:
    return f"Not measured yet: `python -m playground.measuring {stage}`."


def timings(card: dict) -> str:
    """Markdown of how long drawing and loading take, and of the memory that they need."""
    if "timings" not in card:
        return missing("report")
    found = card["timings"]
    lines = [
        "| | |",
        "|---|---|",
        f"| One picture, {drawn_as(found)}, after warm-up | {found['picture']:.2f} s by "
        f"{found['network']} (median of {found['rounds']}) |",
        f"| Sheet of {found['sheet']} pictures in one run | {found['of_sheet']:.2f} s a picture |",
        f"| Loading the model | {found['loading']:.1f} s |",
        f"| Peak memory of the process | {found['gigabytes']:.2f} GB |",
        "",
        f"{machine(found)} Regenerate with `python -m playground.measuring report`.",
    ]
    return "\n".join(lines)


def former(found: dict) -> list[str]:
    """A sentence if other weights than those now there were measured."""
    return [f"Measured with the weights {found['weights']}."] if "weights" in found else []


def drawn_as(found: dict) -> str:
    """The sampler's label, the steps and w of `found`."""
    label = samplers.get(found["sampler"]).label
    return f"{label}, {found['steps']} steps, w = {found['guidance']:g}"


def machine(found: dict) -> str:
    """A sentence about what the figures were measured on."""
    return f"{found['threads']} threads, {found['machine']}, torch {found['torch']}, no GPU."


def speed(card: dict) -> str:
    """Markdown of seconds beside stock diffusers, then of where the time of a sweep goes."""
    if "speed" not in card:
        return missing("speed")
    found = card["speed"]
    lines = [f"| | seconds | against our sweep by {found['against']} |", "|---|---|---|"]
    for name, row in found["rows"].items():
        ratio = f"{row['ratio']:.2f} ×" if "ratio" in row else ""
        lines.append(f"| {name} | {row['seconds']:.2f} | {ratio} |")
    lines += ["", f"Medians of {found['rounds']} rounds, in each of which every line was timed "
              f"once; {machine(found)}", ""]  # fmt: skip
    stages = list(next(iter(found["stages"].values())))
    lines += [f"| where a sweep's time goes | {' | '.join(stages)} |"]
    lines += ["|---" * (len(stages) + 1) + "|"]
    for label, parts in found["stages"].items():
        lines.append(f"| {label} | {' | '.join(percent(parts[stage]) for stage in stages)} |")
    lines += ["", "Regenerate with `python -m playground.measuring speed`."]
    return "\n".join([*lines, *former(found)])


def sweeps(card: dict) -> str:
    """Markdown of the scores against guidance, and against sampler and steps."""
    if "guidance" not in card:
        return missing("sweeps")
    lines = ["| w | right | strict | diversity | saturation |", "|---|---|---|---|---|"]
    for row in card["guidance"]:
        measures = f"{row['diversity']:.2f} | {percent(row['saturation'])}"
        shares = f"{share(row, 'lenient')} | {share(row, 'strict')}"
        lines.append(f"| {row['guidance']:g} | {shares} | {measures} |")
    steps = sorted({row["steps"] for row in card["samplers"]})
    heading = [f"right, w = {Recipe().guidance:g}", *(f"{count} steps" for count in steps)]
    lines += ["", f"| {' | '.join(heading)} |", "|---" * len(heading) + "|"]
    for name in dict.fromkeys(row["sampler"] for row in card["samplers"]):
        cells = [share(row, "lenient") for row in card["samplers"] if row["sampler"] == name]
        lines.append(f"| {samplers.get(name).label} | {' | '.join(cells)} |")
    count = card["guidance"][0]["count"]
    lines += ["", f"{count} pictures a row or cell, the same prompts and seeds each time;",
              f"{BRACKETS};"]  # fmt: skip
    lines += ["regenerate with `python -m playground.measuring sweeps`."]
    return "\n".join(lines)


def variants(card: dict) -> str:
    """Markdown of what guidance over time, rescale and guiders do, with the rows they cost."""
    if "variants" not in card:
        return missing("sweeps")
    lines = ["| | rows | right | strict | diversity | saturation |", "|---|---|---|---|---|---|"]
    for name, rows in groupby(card["variants"], lambda row: row["field"]):
        for row in rows:
            what = f"{FIELDS[name].metadata['label']}: {guidance.called(name, row['value'])}"
            shares = f"{share(row, 'lenient')} | {share(row, 'strict')}"
            last = f"{row['diversity']:.2f} | {percent(row['saturation'])}"
            lines.append(f"| {what} | {row['rows']} | {shares} | {last} |")
    lines += ["", f"w = {Recipe().guidance:g}, {card['variants'][0]['count']} pictures a row, the "
              f"same prompts and seeds each time; {BRACKETS}; rows of the network a picture of "
              f"{Recipe().steps} steps.",
              "Regenerate with `python -m playground.measuring sweeps`."]  # fmt: skip
    return "\n".join(lines)


def attention(card: dict) -> str:
    """Markdown of how well word maps land, by way of summing, source and kind of word."""
    found = card.get("attention", {})
    if "counts" not in found:
        return missing("maps")
    head = ("way of summing", "pointing", "IoU at 0.4", "best IoU", "precision",
            "place", "worn")  # fmt: skip
    lines = []
    for source, count in found["counts"].items():
        held = f"{count - count // 2:,} {SOURCES[source]}"
        lines += ["", f"On {held}:", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for name, sources in found["rows"].items():
            if kinds := sources.get(source):
                noun = [percent(kinds["noun"][key]) for key in MEASURES]
                lines.append(f"| {name} | {' | '.join(noun + _others(kinds))} |")
    lines += [
        "",
        f"Ours: {Aggregation.of(card)}; chosen on others of both kinds. Nouns, but for the",
    ]
    lines += ["last two columns (pointing / IoU at 0.4); regenerate with"]
    lines += ["`python -m playground.measuring maps`."]
    return "\n".join(lines[1:])


def ranking(card: dict) -> str:
    """Markdown of how often a place ranks the word first that names what is there."""
    found = card.get("attention", {}).get("ranking")
    if not found:
        return missing("maps")
    kinds = ("noun", "place", "worn")
    lines = ["| words that are ranked | nouns | backgrounds | worn things |", "|---|---|---|---|"]
    for source, rows in found.items():
        for key, what in RANKED.items():
            shares = [percent(rows[kind][key]) if kind in rows else "–" for kind in kinds]
            lines.append(f"| {what}, in {source} | {' | '.join(shares)} |")
    counts = {source: sum(row["count"] for row in rows.values()) for source, rows in found.items()}
    things = " and ".join(f"{count:,} things in {source}" for source, count in counts.items())
    lines += ["", f"{things}, the same as above; regenerate with"]
    lines += ["`python -m playground.measuring maps`."]
    return "\n".join(lines)


def _others(kinds: dict) -> list[str]:
    return [
        f"{percent(kinds[k]['pointing'])} / {percent(kinds[k]['iou_0.4'])}" if k in kinds else "–"
        for k in ("place", "worn")
    ]


def recording(card: dict) -> str:
    """Markdown of what recording attention costs."""
    found = card.get("recording")
    if not found:
        return missing("recording")
    lines = ["| recorded | without | with | ratio | kept |", "|---|---|---|---|---|"]
    for name, row in found["rows"].items():
        seconds = f"{row['off']:.2f} s | {row['on']:.2f} s"
        lines.append(f"| {name} | {seconds} | {row['ratio']:.3f} | {row['megabytes']:.2f} MB |")
    how = f"{ASKED['steps']} steps, w = {Recipe().guidance:g}"
    lines += ["", f"{how}; medians of {found['pairs']} alternating pairs, ratios pair by"]
    lines += [f"pair, {found['threads']} threads; regenerate with"]
    lines += ["`python -m playground.measuring recording`."]
    return "\n".join([*lines, *former(found)])


def solvers(card: dict) -> str:
    """Markdown of every sampler's error and score by network calls, and what is recommended."""
    if "solvers" not in card:
        return missing("solvers")
    found = card["solvers"]
    budgets = sorted({row["budget"] for row in found["rows"]})
    lines = []
    for scale in sorted({row["guidance"] for row in found["rows"]}):
        part = [row for row in found["rows"] if row["guidance"] == scale]
        cells = [f"{r['rmse']:.2g} ± {r['rmse_error']:.1g}, {percent(r['lenient'])}" for r in part]
        lines += [*_by_calls(f"error, right at w = {scale:g}", budgets, part, cells), ""]
    part = found["stochastic"]
    cells = [
        f"{r['diversity']:.2f} ± {r['diversity_error']:.2f}, {percent(r['lenient'])}" for r in part
    ]
    lines += _by_calls(f"diversity, right at w = {part[0]['guidance']:g}", budgets, part, cells)
    bounds = ", ".join(f"{bound:.1g} at w = {w}" for w, bound in found["bounds"].items())
    best, count = found["recommended"], found["prompts"]
    lines += [
        "",
        f"Error: RMSE of final latents to the reference of the same ODE, {found['exact']}",
    ]
    lines += [f"prompts, ± one standard error; the reference itself is known to {bounds}. Right:"]
    lines += [
        f"share of {count} pictures that show what was asked, {found['stochastic'][0]['count']}"
    ]
    lines += ["of stochastic samplers. Heun spends at most the calls of its column.", ""]
    lines += [f"**Recommended: {samplers.get(best['sampler']).label}, {best['steps']} steps.**"]
    lines += [found["rule"], "Regenerate with `python -m playground.measuring solvers`."]
    return "\n".join([*lines, *former(found)])


def _by_calls(heading: str, budgets: list[int], rows: list[dict], cells: list[str]) -> list[str]:
    """A Markdown table with a line per sampler and a column per budget of calls."""
    lines = [f"| {heading} | {' | '.join(f'{b} calls' for b in budgets)} |"]
    lines += ["|---" * (len(budgets) + 1) + "|"]
    for name in dict.fromkeys(row["sampler"] for row in rows):
        mine = [cell for row, cell in zip(rows, cells, strict=True) if row["sampler"] == name]
        lines.append(f"| {samplers.get(name).label} | {' | '.join(mine)} |")
    return lines


SOURCES = {
    "scenes": "unseen scenes, noised to t = 200, 400, 600 and 800",
    "pictures": "drawn pictures that show what was asked",
}
RANKED = {"all": "all", "content": "content words, as on the page"}
MEASURES = ("pointing", "iou_0.4", "iou_best", "precision")
TABLES = {
    "timings": timings,
    "speed": speed,
    "sweeps": sweeps,
    "variants": variants,
    "solvers": solvers,
    "attention": attention,
    "ranking": ranking,
    "recording": recording,
}


def share(found: dict, key: str) -> str:
    """A share of `count` pictures and its 95 % interval: 98 % (97–99)."""
    low, high = wilson(found[key], found["count"])
    return f"{percent(found[key])} ({points(low)}–{points(high)})"
