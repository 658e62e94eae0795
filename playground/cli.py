"""The command line: `latent-playground draw "a red square" -o square.png`, and so on.

Commands that draw are the endpoints of `api.endpoints`, their options the endpoints' parameters.
"""

import io
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from playground.arguments import INTERRUPTED, WRONG, Parser

if TYPE_CHECKING:
    from playground.api.answers import Answer
    from playground.api.endpoints import Endpoint
    from playground.api.parameters import Parameter

DRAWING = ("draw", "explain", "sweep", "race")
LISTING = ("models", "samplers")
ABOUT = {
    "draw": "draw a picture", "explain": "draw it, and what each word's attention lies on",
    "sweep": "one field with several values", "race": "several samplers from one noise",
    "models": "list the models", "samplers": "list the samplers",
    "serve": "open the page for a browser (what happens without a command)",
    "live": "write the page that computes in the browser into a folder",
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked, then return or exit with 2 and one sentence."""
    in_utf8()
    try:
        obey(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:  # Ctrl-C: what was begun has been stopped
        raise SystemExit(INTERRUPTED) from None


def obey(given: Sequence[str]) -> None:
    command = given[0] if given else ""
    if command in DRAWING + LISTING:
        ask(command, given[1:])
    elif command == "live":
        live(given[1:])
    elif command == "serve":
        serve(given[1:])
    elif command in ("-h", "--help"):
        print(usage())
    elif command == "--version":
        print(f"latent-playground {version()}")
    elif command.startswith("-") or not command:
        serve(given)  # as before there were commands
    else:
        refuse(f"There is no command {command[:40]!r}; there are: {', '.join(ABOUT)}.")


def in_utf8() -> None:
    """What is printed into a file or for a program: Windows would write its own code page, which
    lacks “ε” and is no JSON.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8")


def usage() -> str:
    lines = "".join(f"  {name:<10}{about}\n" for name, about in ABOUT.items())
    return (
        "usage: latent-playground COMMAND …\n\nSee how latent diffusion listens to words.\n\n"
        f"{lines}\nlatent-playground COMMAND --help lists a command’s options."
    )


def version() -> str:
    """Of the installed package; a clone has none."""
    try:
        return metadata.version("latent-playground")
    except metadata.PackageNotFoundError:
        return "not installed, run from its files"


def refuse(sentence: str) -> NoReturn:
    print(f"latent-playground: {sentence}", file=sys.stderr)
    raise SystemExit(WRONG)


def serve(arguments: Sequence[str]) -> None:
    """The page with its endpoints for programs beside it."""
    from playground.page import serve as page

    def attach(*of_page):
        from playground.api.attach import attach as beside

        return beside(*of_page)

    def replicate(number, threads, work, tell):
        from playground.replicas import starting

        count = starting.Count.read(number)
        return starting.start(count, threads, work and work.limits, tell).session

    try:
        page.main(arguments, attach, replicate)
    except (ValueError, OSError, OverflowError) as error:  # a setting, an address that is taken
        refuse(str(error))


def live(arguments: Sequence[str]) -> None:
    """`python -m playground.live`, which knows its own options."""
    import runpy

    sys.argv = ["latent-playground live", *arguments]
    runpy.run_module("playground.live", run_name="__main__")


# ---- drawing and listing --------------------------------------------------------------------


def ask(command: str, arguments: Sequence[str]) -> None:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # nothing is reported
    from playground.api import endpoints

    endpoint = endpoints.get(command)
    options = vars(parser(endpoint).parse_args(arguments))
    to, in_json = options.pop("output", None), options.pop("json", True)
    try:
        answer = answered(endpoint, options)
        if to:
            write(answer, to, options.get("maps") == "arrays")
    except (ValueError, RuntimeError, OSError) as error:  # Failures are RuntimeErrors
        refuse(str(error))
    print(json.dumps(answer.facts, indent=2, ensure_ascii=False) if in_json else said(answer, to))


def parser(endpoint: "Endpoint") -> Parser:
    made = Parser(f"latent-playground {endpoint.name}", endpoint.about)
    for one in endpoint.parameters:
        if one.required:
            made.add_argument(one.name, metavar=one.name.upper(), help=escaped(one))
        else:
            made.add_argument(
                f"--{one.name.replace('_', '-')}", dest=one.name, help=escaped(one),
                metavar=one.kind.__name__.upper(), type=reader(one),
            )  # fmt: skip
    if endpoint.picture:
        made.add_argument("-o", "--output", type=Path, required=True, metavar="FILE",
                          help=f"The PNG to write: {endpoint.picture}.")  # fmt: skip
        made.add_argument("--json", action="store_true", help="Print all facts as JSON.")
    return made


def escaped(one: "Parameter") -> str:
    return one.sentence.replace("%", "%%")


def reader(one: "Parameter") -> Callable[[str], Any]:
    """Numbers become numbers; what is none is refused by the recipe, in its own words. Lists of
    numbers are read as the page reads them, with ranges.
    """
    if one.schema.get("items", {}).get("type") == "string":
        return lambda text: re.findall(r"[^,;\s]+", text)
    if one.kind is list:
        return lambda text: [text]
    return number if one.kind in (int, float) else str


def number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def answered(endpoint: "Endpoint", values: dict[str, Any]) -> "Answer":
    from playground.api.service import Caller, Service

    if not endpoint.picture:
        return endpoint.ask(values, Service(), Caller())
    from playground.models.fetch import fetched

    if name := values.get("model"):
        values["model"] = fetched(name, progress).name
    caller = Caller(heard=lambda step: progress("drawing", step.index + 1, step.count))
    try:
        return endpoint.ask(values, Service(session=opened), caller)
    finally:
        progress()


def opened(recipe, _):
    """A session of its own; PyTorch draws, because preparing a faster backend takes seconds."""
    from playground.engine.local import open_session

    return open_session(recipe.model, recipe.lora)


def progress(what: str = "", done: int = 0, total: int = 0) -> None:
    """A line that is written over; nothing for a program that reads what is printed."""
    if sys.stderr.isatty():
        text = f"{what} {done:,} of {total:,}" if what else ""
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def write(answer: "Answer", to: Path, arrays: bool) -> None:
    """The first picture; word maps as numbers go into a JSON file."""
    if arrays:
        to.write_text(json.dumps(answer.facts, ensure_ascii=False), encoding="utf-8")
    else:
        to.write_bytes(next(iter(answer.pictures.values())))


def said(answer: "Answer", to: Path) -> str:
    """What was written, in a line or two."""
    facts = answer.facts
    parts = [f"Wrote {to} in {facts['seconds']:.2f} s."]
    if "network_calls" in facts:
        parts.append(f"{facts['network_calls']} network calls.")
    if verdict := facts.get("verdict"):
        parts.append(
            verdict.get("reason") or f"Asked: {verdict['asked']}; seen: {verdict['seen']}."
        )
    return " ".join(parts)
