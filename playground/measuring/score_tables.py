"""Markdown tables of the scores: of one model by task, and of all models side by side."""

from playground.diffusion import samplers
from playground.measuring.questions import CELLS, SEED, TASKS
from playground.measuring.tables import BRACKETS, missing, share
from playground.models import specs
from playground.wording import counted, percent


def scores(card: dict) -> str:
    """The scores per task, beside their bars and ceilings."""
    if "scores" not in card:
        return missing("scores")
    lines = [
        "| task | right | bar | strict | chance | ceiling | held out | bar | strict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in card["scores"].items():
        task, seen, held = TASKS[name], found["seen"], found.get("held_out")
        bar = f"{task.bar} %"
        if task.relative:
            bar = f"{percent(task.bar / 100 * seen['plain'])} ({task.bar} % of plain wording's)"
        cells = [share(seen, "lenient"), bar, share(seen, "strict")]
        cells += [percent(seen[key]) for key in ("chance", "ceiling_lenient")]
        if held:
            cells += [share(held, "lenient"), f"{task.held_out_bar} %", share(held, "strict")]
        else:
            cells += ["–"] * 3
        lines.append(f"| {name} | {' | '.join(cells)} |")
    first = card["means"][0]
    lines += ["", f"{settings(first)}; {first['count']} pictures a cell; {BRACKETS}; regenerate"]
    lines += [f"with `python -m playground.measuring scores{_options(card, first)}`."]
    return "\n".join(lines)


def models(_: dict) -> str:
    """The built-in models side by side: the mean of the thirteen cells by sampler and calls."""
    known = [spec for spec in specs.MODELS.values() if "means" in spec.card]
    if not known:
        return missing("scores")
    lines = [
        "| model | drawn with | network calls | right, mean of thirteen cells | bar | "
        "pictures a cell | phrasing | compose |",
        "|---|---|---|---|---|---|---|---|",
    ]
    commands = []
    for spec in known:
        card = spec.card
        how = _options(card, card["means"][0])
        commands.append(f"`python -m playground.measuring scores{how}`")
        for number, row in enumerate(card["means"]):
            calls = samplers.get(row["sampler"]).network_calls(row["steps"])
            others = ["", ""]
            if number == 0:
                others = [share(card["scores"][n]["seen"], "lenient") for n in MORE]
            lines.append(f"| {spec.label} | {settings(row)} | {calls} | "
                         f"{percent(row['mean'], 1)} | {_bar(spec.name, row)} | {row['count']} | "
                         f"{' | '.join(others)} |")  # fmt: skip
    lines += ["", f"{len(CELLS)} cells a mean. "
              "*Phrasing* asks in words that training never used for what four of the tasks ask, "
              "*compose* for three things or more at once. Regenerate with "
              f"{', '.join(commands)}."]  # fmt: skip
    return "\n".join(lines)


def _bar(model: str, row: dict) -> str:
    """What the mean of a model with these steps should be at least; nothing if none was stated."""
    bar = BARS.get((model, row["steps"]))
    if bar is None or bar > 0:
        return percent(bar, 1) if bar else "–"
    teacher = specs.MODELS["emoji-world"].card["means"][0]["mean"]
    return f"{percent(teacher + bar, 1)} (teacher's − {-100 * bar:.0f})"


def reflow(card: dict) -> str:
    """The flow model before and after its second training: bend, and what is right by steps."""
    if "reflow" not in card:
        return missing("reflow")
    found = card["reflow"]
    trained, rows = found["trained"], []
    for row in found["rows"]:
        name = f"{'after reflow' if row['reflow'] else 'as shipped'}, w = {row['guidance']:g}"
        rows.append((name, f"{row['bend']:.3f}", row["right"]))
    how = (
        f"Euler. {found['pairs']:,} pairs, then {trained['samples']:,} samples in "
        f"{trained['minutes']:.0f} minutes on {trained['device']}."
    )
    return _by_steps("bend", rows, found["count"], how, "reflow")


def adapter(card: dict) -> str:
    """The consistency student and its LoRAs by rank: what is right by steps, and their bytes."""
    if "adapter" not in card:
        return missing("adapter")
    found, rows = card["adapter"], []
    for row in found["rows"]:
        shipped = " (shipped)" if row["rank"] == found["shipped"] else ""
        name = f"LoRA of rank {row['rank']}{shipped}" if row["rank"] else "the student itself"
        rows.append((name, f"{row['bytes'] / 1e6:.1f} MB", row["right"]))
    return _by_steps("size", rows, found["count"], f"LCM, w = {found['guidance']:g}.", "adapter")


def _by_steps(
    what: str, rows: list[tuple[str, str, dict[str, float]]], count: int, how: str, stage: str
) -> str:
    """A row has a name, a figure of `what` it is, and by steps the mean of the thirteen cells."""
    steps = list(rows[0][2])
    lines = [
        f"| | {what} | {' | '.join(counted(int(each), 'step') for each in steps)} |",
        "|---|---|" + "---|" * len(steps),
    ]
    for name, figure, right in rows:
        shares = " | ".join(percent(right[each], 1) for each in steps)
        lines.append(f"| {name} | {figure} | {shares} |")
    lines += ["", f"Right: mean of the thirteen cells, {count} pictures a cell, {how}"]
    again = f"python -m playground.measuring {stage} --count {count}"
    return "\n".join([*lines, f"Regenerate with `{again}`."])


MORE = ("phrasing", "compose")
# Of means, by model and steps; below 0 it is how far behind its teacher's first mean one may be.
BARS = {
    ("emoji-world-flow", 20): 0.96, ("emoji-world-flow", 8): 0.94,
    ("emoji-world-lcm", 4): -0.04, ("emoji-world-lcm", 2): -0.08,
}  # fmt: skip


def settings(row: dict) -> str:
    """The sampler's label, the steps and w of a row."""
    label = samplers.get(row["sampler"]).label
    return f"{label}, {counted(row['steps'], 'step')}, w = {row['guidance']:g}"


def _options(card: dict, row: dict) -> str:
    """The options with which a row was measured: count, and model and seed if not the usual."""
    names = [name for name, spec in specs.MODELS.items() if spec.card == card]
    model = f" --model {names[0]}" if names and names[0] != "emoji-world" else ""
    seed = f" --seed {row['seed']}" if row["seed"] != SEED else ""
    return f"{model} --count {row['count']}{seed}"
