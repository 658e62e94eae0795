"""The recipe's controls, made from the fields of `Recipe`."""

import json
from dataclasses import dataclass

import gradio as gr

from playground.diffusion import guidance
from playground.diffusion.samplers import SAMPLERS
from playground.recipe import FIELDS, Recipe

MORE = (
    "negative", "guider", "rescale", "guidance_schedule", "guidance_start", "guidance_stop", "eta",
    "width", "height",
)  # fmt: skip
TABLES = {"sampler": SAMPLERS} | guidance.TABLES
MARKS = {
    0: "no words", 1: "as trained", 3: "", round(Recipe().guidance): "usual",
    7: "", 12: "", 25: "too much",
}  # fmt: skip
WIDEST = 256  # pixels: what the built-in model is offered

PRESS_DRAW = "() => document.querySelector('#draw').click()"

EXAMPLES = (
    "a cat wearing a top hat on a blue background",
    "a red square",
    "a panda at the beach",
    "a lion astronaut in the night sky",
    "a fox left of a pizza on the grass",
    "two penguins in the snow",
    "a monkey wearing sunglasses at sunset",
    "a fox astronaut",
)


@dataclass(frozen=True)
class Panel:
    """The widgets, by the name of the recipe's field, and the buttons.

    `draws` are the events after which a visitor expects a new picture. After `changes` one is drawn
    only if the recipe has changed: gradio also fires them when the keyboard focus passes by.
    """

    fields: dict[str, gr.components.Component]
    stop: gr.Button
    opened: gr.UploadButton
    draws: list
    changes: list

    @property
    def inputs(self) -> list:
        return list(self.fields.values())

    def recipe(self, values: tuple) -> Recipe:
        """Raises RecipeError in words that fit the page."""
        return Recipe(**dict(zip(self.fields, values, strict=True)))

    def updates(self, recipe: Recipe) -> list:
        """What the widgets show for `recipe`."""
        return [getattr(recipe, name) for name in self.fields]


def _widget(name: str, value) -> gr.components.Component:
    facts = FIELDS[name].metadata
    label, info = facts["label"], facts["help"]
    if name in TABLES:
        return _dropdown(name, value)
    if isinstance(value, str):
        return gr.Textbox(
            value, label=label, info=info, lines=1, max_lines=4, elem_id=f"recipe-{name}"
        )
    if name == "seed":
        return gr.Number(value, label=label, info=info, elem_id="recipe-seed")
    high = min(facts["high"], WIDEST) if name in ("width", "height") else facts["high"]
    return gr.Slider(
        facts["low"], high, value, step=facts["step"], label=label, info=info,
        elem_id=f"recipe-{name}",
    )  # fmt: skip


def build(recipe: Recipe, first: gr.Column, rest: gr.Column) -> Panel:
    """Lay out words and guidance in `first`, everything else in `rest`."""
    fields = {}
    with first:
        fields["prompt"] = _widget("prompt", recipe.prompt)
        with gr.Row(elem_classes="examples"):
            for text in EXAMPLES:
                _setter(text, json.dumps(text), fields["prompt"])
        with gr.Row():
            run = gr.Button("Draw", variant="primary", elem_id="draw", min_width=80)
            stop = gr.Button("Stop", elem_id="stop", min_width=80)
        fields["guidance"] = _widget("guidance", recipe.guidance)
        with gr.Row(elem_classes="marks"):
            for mark, text in MARKS.items():
                _setter(f"{mark} {text}".strip(), str(mark), fields["guidance"])
        gr.Button("Sampler, steps, seed and more ↓", size="sm", elem_id="to-rest").click(
            None, js=f"() => document.getElementById('{rest.elem_id}').scrollIntoView()"
        )  # for narrow screens, where the controls are below the lens
    with rest:
        fields["sampler"] = _widget("sampler", recipe.sampler)
        fields["steps"] = _widget("steps", recipe.steps)
        fields["seed"] = _widget("seed", recipe.seed)
        high = FIELDS["seed"].metadata["high"]
        _setter("⚄ Roll the seed", f"Math.floor(Math.random() * {high})", fields["seed"])
        with gr.Accordion("More", open=False):
            for name in MORE:
                fields[name] = _widget(name, getattr(recipe, name))
            opened = gr.UploadButton("Open a saved PNG", file_types=[".png"], size="sm")
    draws = [run.click, *(fields[name].submit for name in ("prompt", "negative", "seed"))]
    changes = [fields[name].input for name in TABLES]
    changes += [fields["guidance"].release, fields["steps"].release]
    return Panel(fields, stop, opened, draws, changes)


def _setter(label: str, value: str, target: gr.components.Component) -> None:
    """A small button that puts the value of a JavaScript expression into `target`, and draws."""
    button = gr.Button(label, size="sm", min_width=30)
    button.click(None, js=f"() => {value}", outputs=target).then(None, js=PRESS_DRAW)


def _told(table: dict, chosen):
    """The help of what was chosen; it stays as it was for what is not in the table."""
    known = isinstance(chosen, str) and chosen in table
    return gr.update(info=table[chosen].sentence) if known else gr.skip()


def _dropdown(name: str, value: str) -> gr.Dropdown:
    """A choice from one of the tables, whose help is the chosen record's sentence."""
    table = TABLES[name]
    widget = gr.Dropdown(
        [(record.label, record.name) for record in table.values()], value=value,
        label=FIELDS[name].metadata["label"], info=table[value].sentence, elem_id=f"recipe-{name}",
    )  # fmt: skip
    widget.change(
        lambda chosen: _told(table, chosen), widget, widget, preprocess=False,
        queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    return widget
