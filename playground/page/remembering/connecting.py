"""The events between the page's widgets and the scripts of `browser/`, and what arrives by them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import gradio as gr

from playground.models import offered, specs
from playground.page import arriving, chooser, serving
from playground.page.chooser import Shown
from playground.page.panel import MORE, Panel
from playground.page.remembering.facts import facts
from playground.recipe import FIELDS, Recipe, RecipeError

HERE = Path(__file__).parent
STYLE = (HERE / "style.css").read_text(encoding="utf-8")
SCRIPTS = (
    "state", "line", "settle", "address", "memory", "arrival", "strip", "more", "files", "refused",
    "server", "reach", "use", "start",
)  # fmt: skip
HIDDEN = {"show_progress": "hidden", "api_visibility": "private"}
WORDS = ("prompt", "negative")
LONGEST = 10_000  # characters of a field that are shown as they were typed


def script(names: Sequence[str], scripts: Sequence[str] = SCRIPTS, stamp: str | None = None) -> str:
    """What the page runs once, handed the values of the recipe's widgets and of the explorer.

    `stamp` is that of the page's code (see `facts.stamp`), if other code than this shows it.
    """
    told = facts(names) | {"hidden": list(MORE)} | ({"stamp": stamp} if stamp else {})
    known = json.dumps(told, ensure_ascii=False)
    parts = [(HERE / "browser" / f"{one}.js").read_text(encoding="utf-8") for one in scripts]
    return f"(...loaded) => {{\n  const FACTS = {known};\n{''.join(parts)}}}"


def tell(name: str, *first: str) -> str:
    """JavaScript that hands the values of an event to the page's script, after what is known
    before, and on as they are.
    """
    known = "".join(f"{json.dumps(one)}, " for one in first)
    return (
        "(...values) => { document.dispatchEvent(new CustomEvent("
        f"'playground:{name}', {{ detail: [{known}...values] }})); return values; }}"
    )


def ask(name: str) -> str:
    """JavaScript that returns what the page's script answers."""
    return (
        "() => { const asked = {}; document.dispatchEvent("
        f"new CustomEvent('playground:{name}', {{ detail: asked }})); return asked.values; }}"
    )


def connect(
    page: gr.Blocks, panel: Panel, views: Mapping[str, gr.HTML], draws, finishing: Sequence
) -> None:
    """`draws` is the event of Draw, `finishing` those after which all `views` show one run."""
    page.load(None, [*panel.inputs, views["explorer"]], js=script(list(panel.fields)))
    for name, widget in panel.fields.items():  # one value each: gradio copies all it hands over
        widget.change(None, widget, js=tell("changed", name))
    gr.on(panel.choices, None, panel.inputs, js=tell("settled"))
    draws.then(None, js=tell("ended"))
    for drawing in finishing:
        drawing.success(None, list(views.values()), js=tell("drawn"))
    shows = gr.Button("Show what is kept", visible="hidden", elem_id="remember-show")
    shows.click(None, None, list(views.values()), js=ask("frames"))
    _connect_arrivals(panel)


def _connect_arrivals(panel: Panel) -> None:
    """Fill the panel with what a browser kept, a link says or a file holds."""
    shown = panel.chooser.shown
    filled = [shown, *panel.outputs, panel.chooser.status, panel.notes]
    wanted = gr.Textbox("", visible="hidden", elem_id="remember-wanted")
    fills = gr.Button("Fill the recipe", visible="hidden", elem_id="remember-fill")

    def on_wanted(before: Shown, text):
        yield from fill(before, lambda: wanted_recipe(text, list(panel.fields)))

    def on_file(before: Shown, file, *values):
        path = file.get("path") if isinstance(file, dict) else None
        yield from fill(before, lambda: (*arriving.of_png(path, _current(panel, values)), {}))

    def fill(before: Shown, read: Callable[[], tuple[Recipe, str, dict]]) -> Iterator[list]:
        """The panel for a recipe that arrived, whose model is opened first."""
        nothing, typed = [gr.skip()] * len(panel.outputs), {}
        try:
            recipe, line, typed = read()
            # What was typed is shown as it was, also what drawing will refuse.
            recipe = recipe if typed else serving.check(recipe)
            offered.check(recipe.model, recipe.lora)
            if recipe.model not in specs.MODELS:
                for sentence in serving.getting_ready(recipe):
                    yield [gr.skip(), *nothing, chooser.said(sentence), gr.skip()]
            now = before.then(recipe.model, recipe.lora)
            updates = panel.fitted(recipe, now.choices)
            for name, update in zip(panel.fields, updates, strict=False):
                update["value"] = typed.get(name, update["value"])
            yield [now, *updates, chooser.said(""), chooser.said(line)]
        except ValueError as error:  # the recipe stays as it is, but for words that were typed
            kept = [gr.update(value=typed[name]) if name in WORDS and name in typed else gr.skip()
                    for name in panel.fields]  # fmt: skip
            kept += nothing[len(kept) :]
            yield [gr.skip(), *kept, chooser.said(""), chooser.said(str(error), error=True)]

    filling = fills.click(
        on_wanted, [shown, wanted], filled, preprocess=False,
        js=f"(before) => [before, ({ask('wanted')})()]", **HIDDEN,
    )  # fmt: skip
    filling.then(None, panel.notes, js=tell("filled"))
    opened = panel.opened.upload(
        on_file, [shown, panel.opened, *panel.inputs], filled, preprocess=False, **HIDDEN
    )
    opened.then(None, panel.notes, js=tell("opened"))
    panel.chooser.cancel.click(None, cancels=[filling, opened], queue=False, js=tell("unfilled"))


def _current(panel: Panel, values: tuple) -> Recipe:
    """What the panel says, of which only the model counts: the rest may be half typed."""
    said = dict(zip(panel.fields, values, strict=True))
    return Recipe(model=said["model"], lora=said["lora"] or "")


def wanted_recipe(text, names: Sequence[str]) -> tuple[Recipe, str, dict]:
    """The recipe that a browser asks for as JSON, {"link": …} or {"fields": {name: value}}; a line
    about it; and what fields were typed that are no recipe's. RecipeError for anything else.
    """
    try:
        said = json.loads(text)
        if not isinstance(said, dict):
            raise TypeError
        if "link" in said:
            return Recipe.from_query(said["link"]), "", {}
        fields = {name: said["fields"][name] for name in names if name in said["fields"]}
    except RecipeError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise RecipeError("What this browser kept is damaged: start with a new recipe.") from error
    return _valid(fields), "", {name: v for name, v in fields.items() if _plain(name, v)}


def _valid(fields: Mapping[str, object]) -> Recipe:
    """The fields that a recipe can have, one by one; the others as by default."""
    kept: dict[str, object] = {}
    for name, value in fields.items():
        try:
            Recipe(**(kept | {name: value}))
        except RecipeError:
            continue
        kept[name] = value
    return Recipe(**kept)


def _plain(name: str, value: object) -> bool:
    """Whether a widget can show it as it was typed."""
    if isinstance(FIELDS[name].default, str):
        return isinstance(value, str) and len(value) <= LONGEST
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
