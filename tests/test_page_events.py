"""What gradio's page is told of the events of ours."""

import gradio as gr
from browser import ran

from playground.page import page
from playground.page.hosting.blocks import Page


async def built() -> list[dict]:
    with Page() as made:
        box = gr.Textbox()
        box.change(str, box, box, show_progress="hidden")
        box.blur(None, box, box, js="(text) => text")
        box.submit(str, box, box)
    return made.config["dependencies"]


def test_an_event_that_shows_no_progress_tells_no_component_of_its_course():
    told = {each["targets"][0][1]: each["show_progress_on"] for each in ran(built())}
    assert told == {"change": [], "blur": [], "submit": None}


def test_an_upload_and_the_recipes_own_picture_are_noised_one_at_a_time():
    async def whole() -> dict:
        return page.build().get_config_file()

    config = ran(whole())
    ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
    of = {
        name: [d for d in config["dependencies"] if [ids[name], event] in map(list, d["targets"])]
        for name, event in (("noising-start", "click"), ("noising-file", "upload"))
    }
    runs = {name: next(d["id"] for d in found if d["backend_fn"]) for name, found in of.items()}
    for name, other in (("noising-start", "noising-file"), ("noising-file", "noising-start")):
        assert any(runs[other] in d["cancels"] for d in of[name])
