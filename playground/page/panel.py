"""The recipe's controls, made from the fields of `Recipe`."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gradio as gr

from playground.diffusion import guidance
from playground.diffusion.guidance import CLASSIFIER_FREE, DISTILLED
from playground.diffusion.samplers import SAMPLERS
from playground.page import chooser, fits, live
from playground.page.chooser import Chooser, Shown
from playground.page.fits import Fit
from playground.page.live import Live
from playground.page.remembering import layout
from playground.page.words import build as words
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

PRESS_DRAW = "() => document.querySelector('#draw').click()"

# Fields that a price depends on, besides the model. While one of them moves, the processor has
# pictures to draw, so what is in sight says its price when they have rested for 400 ms. Their
# changes are those that the page's script is told of anyway (see `remembering.connecting`).
PRICED = ("guidance", "steps", "guidance_start", "guidance_stop")
FITTED = '() => { document.dispatchEvent(new CustomEvent("playground:fitted")); }'
RESTS = """() => {
  const PRICED = %s, recipe = document.getElementById("recipe");
  const rests = () => {
    clearTimeout(recipe.soon);
    recipe.soon = setTimeout(() => {
      recipe.soon = 0;
      for (const button of document.querySelectorAll(".rested"))
        if (button.closest("[role=tabpanel]").offsetParent) button.click();
    }, 400);
  };
  document.addEventListener("playground:changed", ({ detail: [name] }) => {
    if (PRICED.includes(name)) rests();
  });
  document.addEventListener("playground:fitted", rests);
}"""

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

    `draws` are the events that ask for a picture, `choices` those of lists. Whatever else settles
    a field presses Draw: see remembering/browser/settle.js.
    """

    fields: dict[str, gr.components.Component]
    chooser: Chooser
    live: Live
    marks: gr.Row
    refused: gr.Markdown  # samplers that the model cannot use
    unused: gr.Markdown  # why some fields are not there
    stop: gr.Button
    opened: gr.UploadButton
    notes: gr.HTML  # on the file that was opened
    draws: list
    choices: list

    @property
    def inputs(self) -> list:
        return list(self.fields.values())

    def connect(self, page: gr.Blocks) -> None:
        """Let what is in sight say its price when the recipe has come to rest."""
        page.load(None, js=RESTS % json.dumps(PRICED))
        self.chooser.shown.change(None, js=FITTED)

    def on_model(self, answer: Callable, outputs: list, **more) -> None:
        """`answer(name)` fills `outputs` whenever the page is laid out for another model.

        The chooser's own event of change will not do: on a busy machine gradio repeats it without
        end, and every answer would undo what the visitor has chosen meanwhile.
        """

        def on_shown(shown: Shown):
            try:
                return answer(shown.model)
            except ValueError:  # the model is gone; drawing says why
                return [gr.skip() for _ in outputs] if len(outputs) > 1 else gr.skip()

        self.chooser.shown.change(
            on_shown, self.chooser.shown, outputs, show_progress="hidden",
            api_visibility="private", **more,
        )  # fmt: skip

    def recipe(self, values: tuple) -> Recipe:
        """Raises RecipeError in words that fit the page."""
        return Recipe(**dict(zip(self.fields, values, strict=True)))

    def updates(self, recipe: Recipe) -> list:
        """The values of the widgets for `recipe`."""
        return [getattr(recipe, name) for name in self.fields]

    @property
    def outputs(self) -> list:
        """All that follows the recipe's model."""
        return [*self.inputs, self.marks, self.refused, self.unused]

    def fitted(self, recipe: Recipe, choices: Sequence[tuple[str, str]]) -> list:
        """What `outputs` show for `recipe` and its model, one of these `choices`."""
        fit = fits.of(recipe.model, recipe.lora)
        shown = [gr.update(**_facts(name, recipe, fit)) for name in self.fields]
        shown[list(self.fields).index("model")]["choices"] = list(choices)
        reasons = ((fit.refused and f"Not with this model: {fit.refused}"), fit.why_unused)
        return [
            *shown,
            gr.update(visible=fit.guidance.branches),
            *(gr.update(value=text, visible=bool(text)) for text in reasons),
        ]


def _facts(name: str, recipe: Recipe, fit: Fit) -> dict:
    """What of a widget depends on the model."""
    value, facts = getattr(recipe, name), FIELDS[name].metadata
    if name == "model":
        return {"value": value, "info": fit.spec.sentence}
    if name == "sampler":
        choices = [(one.label, one.name) for one in fit.samplers]
        return {"value": value, "choices": choices, "info": SAMPLERS[value].sentence}
    if name in ("width", "height"):
        high = min(facts["high"], fit.spec.largest)
        return {"value": value, "maximum": high, "step": fit.multiple}
    if name == "guidance":
        plain = fit.guidance is CLASSIFIER_FREE
        return {
            "value": value, "label": fit.guidance.label,
            "info": facts["help"] if plain else fit.guidance.sentence,
            "interactive": fit.guidance is not DISTILLED,
        }  # fmt: skip
    return {"value": value, "visible": name not in fit.unused}


def _widget(name: str, recipe: Recipe) -> gr.components.Component:
    value, fit = getattr(recipe, name), fits.of(recipe.model)
    facts = FIELDS[name].metadata
    label, info = facts["label"], facts["help"]
    if name in TABLES:
        return _dropdown(name, value, fit)
    if name in ("width", "height"):
        sizes = _facts(name, recipe, fit)
        return gr.Slider(facts["low"], **sizes, label=label, info=info, elem_id=f"recipe-{name}")
    if isinstance(value, str):
        return gr.Textbox(
            value, label=label, info=info, lines=1, max_lines=4, elem_id=f"recipe-{name}"
        )
    if name == "seed":
        return gr.Number(value, label=label, info=info, elem_id="recipe-seed")
    return gr.Slider(
        facts["low"], facts["high"], value, step=facts["step"], label=label, info=info,
        elem_id=f"recipe-{name}",
    )  # fmt: skip


def build(recipe: Recipe, first: gr.Column, rest: gr.Column) -> Panel:
    """Lay out words and guidance in `first`, everything else in `rest`."""
    fields, fit = {}, fits.of(recipe.model)
    with first:
        fields["prompt"] = _widget("prompt", recipe)
        listed = words.build(recipe.model)
        with gr.Row(elem_classes="examples"):
            for text in EXAMPLES:
                _setter(text, json.dumps(text), fields["prompt"])
        with gr.Column(elem_id="drawing", min_width=0):
            with gr.Row():
                run = gr.Button("Draw", variant="primary", elem_id="draw", min_width=80)
                stop = gr.Button("Stop", elem_id="stop", min_width=80)
            layout.line()
        fields["guidance"] = _widget("guidance", recipe)
        with gr.Row(elem_classes="marks") as marks:
            for mark, text in MARKS.items():
                _setter(f"{mark} {text}".strip(), str(mark), fields["guidance"])
        layout.earlier()
        while_typing = live.build(recipe.model)
        models = chooser.build(recipe)
        fields["model"], fields["lora"] = models.model, models.lora
        gr.Button("Sampler, steps, seed and more ↓", size="sm", elem_id="to-rest").click(
            None, js=f"() => document.getElementById('{rest.elem_id}').scrollIntoView()"
        )  # for narrow screens, where the controls are below the lens
    with rest:
        fields["sampler"] = _widget("sampler", recipe)
        refused = gr.Markdown(
            f"Not with this model: {fit.refused}", visible=bool(fit.refused),
            elem_classes="refused", elem_id="recipe-refused",
        )  # fmt: skip
        fields["steps"] = _widget("steps", recipe)
        fields["seed"] = _widget("seed", recipe)
        high = FIELDS["seed"].metadata["high"]
        _setter("⚄ Roll the seed", f"Math.floor(Math.random() * {high})", fields["seed"])
        opened = gr.UploadButton(
            "Open a saved PNG, or drop one anywhere", file_types=[".png"], size="sm",
            elem_id="open-png",
        )  # fmt: skip
        notes = gr.HTML(chooser.said(""), elem_id="opened-notes")
        with gr.Accordion("More", open=False, elem_id="recipe-more"):
            unused = gr.Markdown(
                fit.why_unused, visible=bool(fit.unused), elem_classes="refused",
                elem_id="recipe-unused",
            )  # fmt: skip
            for name in MORE:
                fields[name] = _widget(name, recipe)
    draws = [run.click, *(fields[name].submit for name in ("prompt", "negative"))]
    choices = [fields[name].input for name in TABLES]
    panel = Panel(
        fields, models, while_typing, marks, refused, unused, stop, opened, notes, draws, choices
    )
    words.connect(panel, listed, PRESS_DRAW)
    return panel


def _setter(label: str, value: str, target: gr.components.Component) -> None:
    """A small button that puts the value of a JavaScript expression into `target`, and draws."""
    button = gr.Button(label, size="sm", min_width=30)
    button.click(None, js=f"() => {value}", outputs=target).then(None, js=PRESS_DRAW)


def _told(table: dict, chosen):
    """The help of what was chosen; it stays as it was for what is not in the table."""
    known = isinstance(chosen, str) and chosen in table
    return gr.update(info=table[chosen].sentence) if known else gr.skip()


def _dropdown(name: str, value: str, fit: Fit) -> gr.Dropdown:
    """A choice from one of the tables, whose help is the chosen record's sentence."""
    table = TABLES[name]
    offered = fit.samplers if name == "sampler" else table.values()
    widget = gr.Dropdown(
        [(record.label, record.name) for record in offered], value=value,
        label=FIELDS[name].metadata["label"], info=table[value].sentence, elem_id=f"recipe-{name}",
    )  # fmt: skip
    widget.change(
        lambda chosen: _told(table, chosen), widget, widget, preprocess=False,
        queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    return widget
