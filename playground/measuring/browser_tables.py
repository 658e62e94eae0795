"""Markdown tables of what was measured in a browser, from assets/hosting.json."""

from playground.diffusion import samplers
from playground.measuring.load_tables import figures

COMMAND = "`python -m playground.measuring live`"
COMPUTING = "`python -m playground.measuring computing`"
TYPING = "`python -m playground.measuring typing`"


def live(_: dict) -> str:
    """A visit, drawing beside Python, and memory."""
    found = figures().get("live")
    if not found:
        return f"Not measured yet: {COMMAND}."
    redraw, memory = found["redraw"], found["memory"]
    rows = {
        "First visit": f"{found['bytes'] / 1e6:.1f} MB, {found['first']:.1f} s to its picture",
        "Second visit": f"{found['second_bytes'] / 1e6:.1f} MB, {found['second']:.1f} s, at best "
        f"{found['least']:.1f} s",
        **{_drawn(name, row): _beside(row) for name, row in found["drawn"].items()},
        "The student, redrawn while w is dragged": f"a picture every {redraw['median']} ms "
        f"(median; 95 %: {redraw['p95']} ms)",
        "Memory with the U-Net, after a picture": _megabytes(memory["one"]),
        "Memory with the page and all three models": _megabytes(memory["all"]),
    }
    lines = ["| | |", "|---|---|", *(f"| {what} | {said} |" for what, said in rows.items())]
    return "\n".join([
        *lines, "",
        "First visits start with nothing kept, on a server on the same machine: seconds are those "
        "of the browser, not of a network. Both draw the U-Net's picture of 15 steps. Seconds "
        f"of visits are medians of {found['rounds']} visitors. Seconds "
        f"of drawing are medians of {found['rounds']} rounds, in each of which the browser and "
        "Python drew the same recipe with word maps, the one in one thread, the other on one core. "
        "Memory is that of the page's process, and its share if what processes have in common is "
        "divided among them. "
        f"Chromium {found['chromium']}, {found['machine']}, torch {found['torch']}, load "
        f"{found['busy']:.0f} before: above the number of cores, other work slows every row. "
        f"Measured by {COMMAND}.",
    ])  # fmt: skip


def _drawn(name: str, row: dict) -> str:
    label = samplers.get(row["sampler"]).label
    return f"A picture of the {name}, {label}, {row['steps']} steps"


def _beside(row: dict) -> str:
    return (
        f"{row['browser']:.2f} s; Python {row['python']:.2f} s by {row['network']}. A network call "
        f"{1000 * row['call']:.0f} ms and {1000 * row['python_call']:.0f} ms: "
        f"{row['ratio']:.1f} times"
    )


def _megabytes(found: dict) -> str:
    return f"{found['resident']} MB, its share {found['share']} MB"


def computing(_: dict) -> str:
    """Ways to compute that a visitor may choose, beside the usual one."""
    found = figures().get("computing")
    if not found:
        return f"Not measured yet: {COMPUTING}."
    eight = found["eight"]
    rows = {
        f"Weights of 8 bits, {found['pictures']} pictures": eight,
        f"{found['count']} threads": found["threads"],
        "WebGPU on a software adapter (SwiftShader)": found["webgpu"],
    }
    said = (
        f"| {what} | {row['mean']:.2f} | {row['most']:.0f} | {row['call'][1]:.0f} ms, "
        f"{row['call'][0]:.0f} ms |" for what, row in rows.items()
    )  # fmt: skip
    return "\n".join([
        "| beside weights of 16 bits, WebAssembly, one thread | a channel of a pixel differs by, "
        "of 255 | at most by | a network call, and the usual one |", "|---|---|---|---|", *said, "",
        f"The oracle finds {eight['right'][1]} of the {found['pictures']} pictures with weights of "
        f"8 bits right, and {eight['right'][0]} of those with 16. A call is a stored one of one "
        "row, the least of several rounds in which both were called in turn. SwiftShader computes "
        "WebGPU on the processor: it shows that the numbers are right, not how fast a graphics "
        f"card is. Chromium {found['chromium']}, {found['machine']}, load {found['busy']:.0f} "
        f"before. Measured by {COMPUTING}.",
    ])  # fmt: skip


def typing(_: dict) -> str:
    """How soon the page follows what a visitor does, while it draws at once."""
    found = figures().get("typing")
    if not found:
        return f"Not measured yet: {TYPING}."
    rows = {
        "The picture, while w is dragged": found["w"],
        "Eight pictures over w, after a key in the words": found["eight by words"],
        "Eight pictures over w, after a digit of the seed": found["eight by seed"],
    }
    said = (
        f"| {what} | {middle} ms ({low} to {high}) |" for what, (middle, low, high) in rows.items()
    )
    return "\n".join([
        "| the student, from input to what is seen | median (least to most) |", "|---|---|", *said,
        "", f"{found['rounds']} inputs each, 4 steps. "
        f"Chromium {found['chromium']}, {found['machine']}, torch {found['torch']}, load "
        f"{found['busy']:.0f} before. Measured by {TYPING}.",
    ])  # fmt: skip


TABLES = {"live": live, "computing": computing, "typing": typing}
