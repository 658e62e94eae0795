"""The model chooser: the built-in models one click apart, and “Other model …”."""

import functools
import html
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import gradio as gr

from playground.models import loras, offered, source, specs
from playground.page import fits, serving, switching
from playground.recipe import FIELDS, Recipe

HIDDEN = {"show_progress": "hidden", "api_visibility": "private"}
OPENERS = 4  # visitors who open a model at the same time
OTHER = "Other model …"
HOW = (
    "The path of a diffusers folder or of a .safetensors file (beginning with / or ./), or a Hub "
    "id: owner/name, owner/name@revision, owner/name:fp16. Only safetensors; nothing else is run."
)


@dataclass(frozen=True)
class Shown:
    """What the chooser of one visitor shows: the model, others that it was before, and the LoRA
    that was opened with it.
    """

    model: str
    others: tuple[str, ...] = ()
    lora: str = ""

    def then(self, model: str, lora: str = "") -> "Shown":
        known = model in specs.MODELS or model in self.others
        return Shown(model, self.others if known else (*self.others, model), lora)

    @property
    def choices(self) -> list[tuple[str, str]]:
        labels = [(one.short, one.name) for one in specs.MODELS.values()]
        return labels + [(source.read(name).label, name) for name in self.others]


@dataclass(frozen=True)
class Chooser:
    """The widgets. `model` and `lora` are fields of the recipe; `shown` is what the page is laid
    out for, whatever is being clicked.
    """

    model: gr.Radio
    lora: gr.components.Component
    shown: gr.State
    status: gr.HTML
    text: gr.components.Component
    open: gr.Button
    cancel: gr.Button

    def connect(self, panel, press_draw: str) -> None:
        """Let the panel follow the model. A built-in one is drawn with at once."""
        outputs = [self.shown, *panel.outputs, self.status]
        ways = {"concurrency_limit": OPENERS, "concurrency_id": "open", "preprocess": False}

        def on_choose(shown: Shown, *values):
            yield from answers(panel, shown, values, lambda: _chosen(panel.recipe(values), shown))

        def on_open(shown: Shown, text, *values):
            work = functools.partial(_opened, shown=shown, text=text)
            yield from answers(panel, shown, values, lambda: work(panel.recipe(values)))

        starts = [self.open.click]
        starts += [w.submit for w in (self.text, self.lora) if isinstance(w, gr.Textbox)]
        starts += [w.input for w in (self.lora,) if isinstance(w, gr.Dropdown)]
        opening = gr.on(
            starts, on_open, [self.shown, self.text, *panel.inputs], outputs,
            trigger_mode="once", **ways, **HIDDEN,
        )  # fmt: skip
        chosen = self.model.input(
            on_choose, [self.shown, *panel.inputs], outputs, trigger_mode="multiple",
            cancels=[opening], **ways, **HIDDEN,
        )  # fmt: skip
        built_in = json.dumps(list(specs.MODELS))
        chosen.success(
            None, self.model, js=f"(name) => {{ if ({built_in}.includes(name)) ({press_draw})() }}"
        )
        self.cancel.click(
            lambda shown: (gr.update(value=shown.model), said("Cancelled.")),
            self.shown, [self.model, self.status], cancels=[opening, chosen], queue=False, **HIDDEN,
        )  # fmt: skip


def answers(panel, shown: Shown, sent: Sequence, work: Callable[[], Iterator]) -> Iterator[list]:
    """What a change of the model shows: sentences while it is opened, then the whole panel. Of
    values that stay what they were when they were `sent` none is set: a model may take minutes to
    open, and what was typed meanwhile stands.
    """
    nothing = [gr.skip()] * len(panel.outputs)
    try:
        for event in work():
            if isinstance(event, str):
                yield [gr.skip(), *nothing, said(event)]
            else:
                recipe, line = event
                now = shown.then(recipe.model, recipe.lora)
                updates = panel.fitted(recipe, now.choices)
                for name, value, update in zip(panel.fields, sent, updates, strict=False):
                    if value == getattr(recipe, name):
                        del update["value"]
                yield [now, *updates, said(line)]
    except ValueError as error:
        back = [gr.update(value=shown.model) if w is panel.chooser.model else gr.skip()
                for w in panel.outputs]  # fmt: skip
        yield [gr.skip(), *back, said(str(error), error=True)]


def _chosen(recipe: Recipe, shown: Shown) -> Iterator[str | tuple[Recipe, str]]:
    """Another of the models that are offered as choices."""
    offered.check(recipe.model)
    if recipe.model not in specs.MODELS:
        yield from serving.getting_ready(replace(recipe, lora=""))
    made, _ = switching.switched(_without(shown, recipe), shown.model, recipe.model)
    yield made, switching.told(recipe, made) + _expected(made)


def _without(shown: Shown, recipe: Recipe) -> Recipe:
    """With the model's own settings instead of those that its LoRA brought."""
    usual, brought = fits.of(shown.model).usual, loras.settings(shown.lora)
    fields = {
        name: getattr(usual, name) for name, v in brought.items() if getattr(recipe, name) == v
    }
    return replace(recipe, **fields)


def _opened(recipe: Recipe, shown: Shown, text) -> Iterator[str | tuple[Recipe, str]]:
    """A model that was named; without a name a LoRA for the one that is there, or none again."""
    text = text.strip() if isinstance(text, str) else ""
    if not text and not recipe.lora and not shown.lora:
        raise ValueError(f"Name a model first. {source.HOW}")
    offered.check(text or shown.model, recipe.lora)
    name = yield from serving.opening_of(text or shown.model, recipe.lora)
    if text:
        made, line = switching.switched(recipe, shown.model, name)
        made = replace(made, lora=recipe.lora)
    else:
        made = recipe
        line = f"With the LoRA {recipe.lora}." if recipe.lora else "Without a LoRA."
    before = made
    made = replace(made, **loras.settings(recipe.lora)) if recipe.lora else _without(shown, made)
    if made != before:
        line += f" {switching.told(before, made)}"
    yield made, f"{specs.get(name).label} is ready. {line}{_expected(made)}"


def _expected(recipe: Recipe) -> str:
    session = serving.opened(recipe.model, recipe.lora)
    return serving.expected(session, recipe) if session else ""


def said(text: str, error: bool = False) -> str:
    """A line of the chooser; models' names come from anywhere, so it is escaped."""
    return f'<p role="status" class="{"error" if error else "said"}">{html.escape(text)}</p>'


def build(recipe: Recipe) -> Chooser:
    """Lay it out inside the surrounding gradio context."""
    shown = Shown(recipe.model)
    model = gr.Radio(
        shown.choices, value=recipe.model, label=FIELDS["model"].metadata["label"],
        info=specs.get(recipe.model).sentence, elem_id="recipe-model",
    )  # fmt: skip
    status = gr.HTML(said(""), elem_id="model-status")
    listed = offered.allow_list() if offered.others_can_reach() else None
    with gr.Accordion(OTHER, open=False, elem_id="other-model"):
        text, lora = _typed() if listed is None else _listed(listed)
        with gr.Row(equal_height=True):
            start = gr.Button("Open", size="sm", min_width=80, elem_id="model-open")
            cancel = gr.Button("Cancel", size="sm", min_width=80, elem_id="model-cancel")
    return Chooser(model, lora, gr.State(shown), status, text, start, cancel)


def _typed() -> tuple[gr.Textbox, gr.Textbox]:
    facts = FIELDS["lora"].metadata
    text = gr.Textbox(
        "", label="Folder, file or Hub id", info=HOW, lines=1, max_lines=2, elem_id="model-text"
    )
    lora = gr.Textbox(
        "", label=facts["label"], info=facts["help"], lines=1, max_lines=2, elem_id="recipe-lora"
    )
    return text, lora


def _listed(names: tuple[str, ...]) -> tuple[gr.Dropdown, gr.Dropdown]:
    """Where others can reach the page, the choices are those of the list."""
    labels = [(source.read(name).label, name) for name in names]
    files = [pair for pair in labels if source.read(pair[1]).kind == source.FILE]
    text = gr.Dropdown(
        labels, value=None, label="Offered here", visible=bool(labels), elem_id="model-text"
    )
    known = [(one.label, one.name) for one in loras.BUILT_IN.values()]
    lora = gr.Dropdown(
        [("none", ""), *known, *files],
        value="",
        label=FIELDS["lora"].metadata["label"],
        elem_id="recipe-lora",
    )
    return text, lora
