"""The recipe's controls, made from the fields of `Recipe`."""

from dataclasses import dataclass

import gradio as gr

from playground.recipe import FIELDS, Recipe
from playground.samplers import SAMPLERS

SHOWN = ("prompt", "guidance", "sampler", "steps", "seed")
MORE = ("negative", "rescale", "guidance_start", "guidance_stop", "eta", "width", "height")
MARKS = {0: "no words", 1: "as trained", 3: "", 7: "usual", 12: "", 25: "too much"}
WIDEST = 256  # pixels: what the built-in model is offered

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

    `changed` are the events after which a visitor expects a new picture.
    """

    fields: dict[str, gr.components.Component]
    stop: gr.Button
    opened: gr.UploadButton
    changed: list

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
    if name == "sampler":
        choices = [(s.label, s.name) for s in SAMPLERS.values()]
        return gr.Dropdown(choices, value=value, label=label, info=SAMPLERS[value].sentence)
    if isinstance(value, str):
        return gr.Textbox(
            value, label=label, info=info, lines=1, max_lines=4, elem_id=f"recipe-{name}"
        )
    if name == "seed":
        return gr.Number(value, label=label, info=info, precision=0, elem_id="recipe-seed")
    high = min(facts["high"], WIDEST) if name in ("width", "height") else facts["high"]
    return gr.Slider(
        facts["low"], high, value, step=facts["step"], label=label, info=info,
        elem_id=f"recipe-{name}",
    )  # fmt: skip


def build(recipe: Recipe) -> Panel:
    """Lay out the panel inside the surrounding gradio context."""
    fields, changed = {"prompt": _widget("prompt", recipe.prompt)}, []
    with gr.Row(elem_classes="examples"):
        for text in EXAMPLES:
            example = gr.Button(text, size="sm", variant="secondary", min_width=40)
            set_words = example.click(None, js=f"() => {text!r}", outputs=fields["prompt"])
            changed.append(set_words.then)
    with gr.Row():
        run = gr.Button("Draw", variant="primary", elem_id="draw")
        stop = gr.Button("Stop", elem_id="stop")
    fields["guidance"] = _widget("guidance", recipe.guidance)
    with gr.Row(elem_classes="marks"):
        for mark, text in MARKS.items():
            button = gr.Button(f"{mark} {text}".strip(), size="sm", min_width=30)
            changed.append(button.click(None, js=f"() => {mark}", outputs=fields["guidance"]).then)
    fields["sampler"] = _widget("sampler", recipe.sampler)
    fields["sampler"].change(
        lambda name: gr.update(info=SAMPLERS[name].sentence), fields["sampler"], fields["sampler"],
        queue=False, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    fields["steps"] = _widget("steps", recipe.steps)
    fields["seed"] = _widget("seed", recipe.seed)
    dice = gr.Button("⚄ Roll the seed", size="sm", elem_id="dice")
    high = FIELDS["seed"].metadata["high"]
    rolled = dice.click(
        None, js=f"() => Math.floor(Math.random() * {high})", outputs=fields["seed"]
    )
    with gr.Accordion("More", open=False):
        for name in MORE:
            fields[name] = _widget(name, getattr(recipe, name))
        opened = gr.UploadButton("Open a saved PNG", file_types=[".png"], size="sm")
    changed += [run.click, rolled.then, fields["prompt"].submit, fields["negative"].submit]
    changed += [fields["sampler"].input, fields["guidance"].release, fields["steps"].release]
    return Panel(fields, stop, opened, changed)
