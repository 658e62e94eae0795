"""The Family lens: three models from one seed, their paths, their insides, and other systems."""

import asyncio
import dataclasses
import io
import json
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import numpy as np
import pytest
import torch
from browser import painted
from diffusers.models.resnet import ResnetBlock2D
from PIL import Image
from viewer import mount, slide, table_of

from playground.diffusion.errors import plane as plane_of
from playground.diffusion.levels import flow
from playground.diffusion.paths import FLOW, FRAMES, SAMPLED
from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.measuring import family as measuring
from playground.models import specs
from playground.models.families import FAMILIES
from playground.models.load import load
from playground.models.prompt import Condition
from playground.page import fits, serving
from playground.page import panel as recipe_panel
from playground.page.family import data, drawing, inside, lens, measured, members, systems
from playground.page.family.views import drawn
from playground.page.family.views import inside as diagrams
from playground.page.family.views import systems as table
from playground.page.kept import Kept
from playground.page.samplers import race_plan, racing
from playground.recipe import Recipe, RecipeError

SMALL = Recipe(prompt="a red square", seed=3, width=64, height=64, negative="a cat", guidance=12.0)
LECTURE = ("Stable Diffusion", "SDXL", "SD3", "Flux.1", "SDXL-Turbo", "LCM", "DALL·E 3",
           "Midjourney", "Sora", "Veo 2")  # fmt: skip


@pytest.fixture(scope="module")
def sessions(shipped):
    """By name, of models that are loaded once and have not practised."""
    found = {
        name: LocalSession(Engine(shipped if name == shipped.name else load(name)), spec.defaults)
        for name, spec in specs.MODELS.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "session", lambda model, lora="": found[model])
        patch.setattr(serving, "opened", lambda model, lora="": found[model])
        yield found
    for session in found.values():
        session.close()


@pytest.fixture(scope="module")
def run(sessions) -> tuple:
    """Three finished runs, and the last frames that they gave."""
    kept = []
    with pytest.MonkeyPatch.context() as patch:
        whole = data.finished
        patch.setattr(data, "finished", lambda state: kept.append(state) or whole(state))
        *_, last = drawing.draw(SMALL, "me")
    return kept[0], json.loads(json.dumps(last, allow_nan=False))


def test_all_three_draw_one_recipe_from_the_same_numbers(run):
    state, _ = run
    assert [one.picture.calls for one in state] == [15, 20, 4]
    assert [one.picture.rows for one in state] == [30, 40, 4]
    for one in state:
        assert (one.recipe.prompt, one.recipe.seed) == (SMALL.prompt, SMALL.seed)
        assert one.recipe.guidance == SMALL.guidance
        np.testing.assert_array_equal(one.steps[0].latents, state[0].steps[0].latents)
    assert "0.07·x0 + 0.998·ε" in data.noise(state)
    assert "0·x0 + 1·ε" in data.noise(state)


def test_paths_end_where_the_pictures_are(run, sessions):
    state, (shown, _) = run
    for one in state:
        end = one.path(SAMPLED).places[-1]
        again = sessions[one.member.model].decode(end[None].astype(np.float32))
        np.testing.assert_array_equal(again[0], one.picture.image)
        scale = FLOW.scale(one.end_level)
        np.testing.assert_allclose(one.path(FLOW).places[-1], scale * end, rtol=1e-12)
    for found, frame in zip(shown["planes"], FRAMES.values(), strict=True):
        ways = [one.path(frame).places for one in state]
        exact = plane_of(np.concatenate(ways))
        for line, one, way in zip(found["lines"], state, ways, strict=True):
            assert len(line["places"]) == len(one.steps) + 1
            np.testing.assert_allclose(line["places"][-1], exact.place(way[-1:])[0], atol=1e-4)
    student = shown["planes"][0]["lines"][2]
    assert len(student["jumps"]) == 4
    assert student["jumps"][-1] == student["places"][-1]


def test_the_schedules_curve_is_gone_in_the_frame_of_flow(sessions):
    """At w = 1, where guidance bends nothing."""
    recipe, state = Recipe(prompt="a red square", seed=3, guidance=1.0), []
    for member, own in list(zip(members.MEMBERS, members.recipes(recipe), strict=True))[:2]:
        session = sessions[member.model]
        *steps, picture = session.submit([own])
        state.append(members.Drawn(member, own, steps, picture, session.facts))
    unet, transformer = ([one.path(f).bend() for f in (SAMPLED, FLOW)] for one in state)
    assert unet[0] > 5 * unet[1]
    assert transformer[0] == pytest.approx(transformer[1], rel=1e-4)
    assert unet[0] > 3 * transformer[0]  # curved against straight, as sampled


def test_figures_and_notes(run):
    state, (shown, _) = run
    rows = {row["label"]: row["values"] for row in shown["rows"]}
    assert rows["Sampler"] == ["DDIM, 15 steps", "Euler, 20 steps", "LCM, 4 steps"]
    assert rows["Rows"] == ["30 (2 a call)", "40 (2 a call)", "4 (1 a call)"]
    assert rows["Parameters"] == ["11.2 million", "11.8 million", "11.2 million"]
    assert rows["Bend of x over t"][2] == rows["Bend without the schedule"][2] == data.JUMPS
    assert float(rows["Bend of x over t"][0].split(";")[0]) == round(
        state[0].path(SAMPLED).bend(), 2
    )
    said = " ".join(shown["notes"])
    assert "does not read the negative words" in said
    assert "never shown this one" in said  # w = 12


def test_what_was_measured_is_said_and_what_was_not():
    means = [{"sampler": "euler", "steps": 20, "guidance": 5.0, "mean": 0.962, "count": 500}]
    own = Recipe(sampler="euler", steps=20)
    assert data.measured([], own) == data.UNMEASURED
    assert data.measured(means, own) == "96.2 %"
    assert data.measured(means, Recipe(steps=8)) == "96.2 % with Euler, 20 steps, w = 5"


def test_what_cannot_be_drawn_is_one_sentence_before_anything_is_drawn(sessions):
    with pytest.raises(ValueError, match="at most 256 pixels"):
        next(drawing.draw(Recipe(width=512, height=512)))
    with pytest.raises(RecipeError, match=r"Flow transformer .* multiples of 16\.$"):
        next(drawing.draw(Recipe(width=64, height=72)))


def test_closing_it_stops_the_run(sessions):
    frames = drawing.draw(SMALL, "me")
    while next(frames)[0]["kind"] != "models":
        pass
    frames.close()
    assert not any(session.engine._turns.runs for session in sessions.values())


def hooked(modules: dict, ask) -> dict:
    """The shapes of what modules give, by name, of one call."""
    found = {}
    handles = [
        m.register_forward_hook(lambda _, __, out, n=name: found.__setitem__(n, out))
        for name, m in modules.items()
    ]
    ask()
    for handle in handles:
        handle.remove()
    return found


def test_a_u_nets_diagram_is_the_network(sessions):
    model = sessions["emoji-world"].model
    found = inside.unet("U-Net", model.network.config, (4, 16, 16), (77, 128))
    parts = [*model.unet.down_blocks, model.unet.mid_block, *model.unet.up_blocks]
    level, words = flow(0.5, 500), Condition(model.encode("a cat"))
    shapes = hooked(
        dict(enumerate(part.resnets[0] for part in parts)),
        lambda: model.predict(torch.zeros(1, 4, 16, 16), [level], [words]),
    )
    expected = [str(list(shapes[i].shape[1:])) for i in range(len(parts))]
    assert [block["shape"] for block in found["blocks"]] == expected
    uses = {use["way"]: use["text"] for use in found["uses"]}
    residual = [m for m in model.unet.modules() if isinstance(m, ResnetBlock2D)]
    assert f"{len(residual)} residual blocks: a shift" in uses["norm"]
    assert uses["cross"].startswith(f"{len(model.cross_attention)} layers of 4 heads")
    assert found["arrows"][2]["ends"] == [
        i for i, p in enumerate(parts) if hasattr(p, "attentions")
    ]
    assert uses["joint"] == inside.NONE


def test_the_flow_transformers_diagram_is_the_network(sessions):
    model = sessions["emoji-world-flow"].model
    found = inside.joint("Flow", model.network.config, (4, 16, 16), (32, 128))
    blocks = list(model.network.transformer_blocks)
    shapes = hooked(
        dict(enumerate(blocks)),
        lambda: model.predict(
            torch.zeros(1, 4, 16, 16), [flow(0.5, 500)], [Condition(model.encode("a cat"))]
        ),
    )
    text, image = (out.shape[1:] for out in shapes[0])
    assert found["blocks"][0]["shape"] == str(list(image))
    assert found["blocks"][1]["shape"] == str([image[0] + text[0], image[1]])
    assert len(found["blocks"]) == len(blocks) + 2
    widths = [blocks[i].norm1_context.linear.out_features for i in (0, -1)]
    assert widths == [6 * image[1], 2 * image[1]]  # as the diagram says of the last block's text
    assert blocks[-1].norm1.linear.out_features == 6 * image[1]


def test_channels_beside_the_latents_are_said():
    config = {"in_channels": 9}
    assert inside._concatenated(config, 4).text == "5 channels beside 4 of latents."


def test_every_system_of_the_lecture_is_there_with_its_sources():
    assert set(LECTURE) <= systems.SYSTEMS.keys()
    for kind in systems.KINDS:
        assert any(system.kind == kind for system in systems.SYSTEMS.values())
    for system in systems.SYSTEMS.values():
        assert system.sources
        assert all(url.startswith("https://") for url in system.sources)
        assert not system.pipeline or system.pipeline in FAMILIES
        assert not system.parent or system.parent in systems.SYSTEMS
        parts = (system.backbone, system.conditioning, system.objective, system.sampler)
        assert all(parts)
        assert system.weights == systems.OPEN or not system.pipeline
    for name in ("Midjourney", "Veo 2"):  # nothing is invented
        closed = systems.SYSTEMS[name]
        assert {closed.backbone, closed.conditioning, closed.objective, closed.sampler} == {
            systems.UNKNOWN
        }
    shown = [s["name"] for group in systems.shown()["groups"] for s in group["systems"]]
    assert sorted(shown) == sorted(systems.SYSTEMS)
    assert shown.index("SDXL-Turbo") == shown.index("SDXL") + 1


def test_the_lectures_table_of_samplers():
    rows = [
        {"model": row.model, "sampler": row.sampler, "steps": row.steps, "guidance": 5.0,
         "calls": row.steps, "rows": 2 * row.steps, "seconds": row.steps / 100, "network": "x",
         "count": 4 if row.steps == 1000 else 32, "lenient": 0.75, "strict": 0.5,
         "interval": [0.3, 0.95]}
        for row in measuring.ROWS
    ]  # fmt: skip
    found = measured.sampling({"rows": rows, "machine": "x86_64", "threads": 2, "torch": "2"})
    assert [row["name"] for row in found["rows"]][:2] == [
        "U-Net: DDPM, 1,000 steps", "U-Net: DDIM, 50 steps",
    ]  # fmt: skip
    assert "20 times as long" in found["text"]
    assert "drew only 4 pictures (95 % interval 30 to 95 %)" in found["text"]
    for row in measuring.ROWS:
        task = measuring._task(row, "a cat", 0)
        assert task.steps == row.steps


async def built() -> tuple:
    with gr.Blocks() as page:
        panel = recipe_panel.build(Recipe(), gr.Column(), gr.Column())
        with gr.Tab("Family") as tab:
            one = lens.build({})
        before = len(page.fns)
        one.connect(panel, tab)
    running = list(page.fns.values())[before]
    return one, running, panel.updates(SMALL)


@pytest.fixture(scope="module")
def built_lens():
    """Built inside a loop of its own, in a thread of its own (see test_sections)."""
    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, built()).result()


def test_its_button_draws_the_panels_recipe_and_nonsense_is_a_sentence(built_lens, sessions):
    one, running, values = built_lens
    me = gr.Request(session_hash="me")
    *_, (models, networks) = running.fn(me, *values)
    assert len(models["models"]) == len(networks["diagrams"]) == 3
    for sent in (None, [], {}, "x" * 301):
        *_, said = running.fn(me, *[sent] * len(values))
        assert said[one.section.views[0]]["error"]


def test_the_view_scrubs_pictures_and_paths_together(run, page):
    _, (shown, _) = run
    mount(page, drawn.VIEW, shown)
    page.wait_for_selector(".row")
    assert page.locator(".models canvas").count() == 3
    heading, *rows = table_of(page)
    assert heading == ",U-Net,Flow transformer,Consistency student"
    assert [row.split(",")[0] for row in rows] == [row["label"] for row in shown["rows"]]
    ends = (
        "[...document.querySelectorAll('.plane .here')]"
        ".map(c => ['cx', 'cy'].map(name => +c.getAttribute(name)))"
    )
    finished = page.evaluate(ends)
    assert len(finished) == 3
    pixel = "document.querySelector('.models canvas').toDataURL()"
    whole = page.evaluate(pixel)
    slide(page, ".moment", 0)
    assert page.evaluate(pixel) != whole
    starts = page.evaluate(ends)
    np.testing.assert_allclose(starts[0], starts[1], atol=0.2)  # as sampled: the same noise
    np.testing.assert_allclose(starts[0], starts[2], atol=0.2)
    slide(page, ".moment", 1)
    assert page.evaluate(ends) == finished
    page.select_option(".which", "1")
    assert page.evaluate(ends) != finished
    page.set_viewport_size({"width": 390, "height": 844})
    painted(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_diagrams_and_systems_on_a_phone(run, page):
    _, (_, networks) = run
    page.set_viewport_size({"width": 390, "height": 844})
    mount(page, diagrams.VIEW, networks)
    assert page.locator("svg").count() == 3
    arrows = sum(len(a["ends"]) for d in networks["diagrams"] for a in d["arrows"])
    assert page.locator("svg path").count() == arrows
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    mount(page, table.VIEW, systems.shown())
    assert page.locator("tbody th.name").count() == len(systems.SYSTEMS)
    links = page.locator("a").evaluate_all("all => all.map(a => [a.target, a.rel])")
    assert {tuple(link) for link in links} == {("_blank", "noopener noreferrer")}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


# ---- races of several models ---------------------------------------------------------------------
def test_models_race_from_one_noise_and_draw_what_each_draws_alone(sessions, monkeypatch):
    monkeypatch.setattr(serving, "kept", Kept)
    recipe = dataclasses.replace(SMALL, negative="", guidance=5.0)
    others = [name for name in sessions if name != recipe.model]
    lanes = race_plan.plan(recipe, ["euler", "ddim"], "2", "", "steps", others)
    drawn_by = [(x.recipe.model, x.recipe.sampler) for x in lanes]
    assert drawn_by[:3] == [
        ("emoji-world", "euler"), ("emoji-world", "ddim"), ("emoji-world-flow", "euler"),
    ]  # fmt: skip
    assert {(x.recipe.seed, x.recipe.prompt, x.recipe.guidance) for x in lanes} == {
        (SMALL.seed, SMALL.prompt, 5.0)
    }
    *_, last = racing.race(lanes, "steps")
    assert last.share == 1
    assert last.solver(lanes[2]) == "Flow transformer: Euler"
    for runner in last.runners:
        session = sessions[runner.lane.recipe.model]
        *_, alone = session.submit([runner.lane.recipe])
        image = np.asarray(Image.open(io.BytesIO(runner.picture.png))).astype(int)
        assert np.abs(image - alone.image).max() <= 1
    assert len({runner.picture.png for runner in last.runners}) == len(lanes)


def test_a_model_without_any_of_the_samplers_races_with_its_own():
    lanes = race_plan.plan(SMALL, ["unipc", "pndm"], "3", "5", "steps", ["emoji-world-flow"])
    flow_lanes = [x.recipe.sampler for x in lanes if x.recipe.model == "emoji-world-flow"]
    usual = fits.of("emoji-world-flow")
    fitting = [s.name for s in usual.samplers if s.name in ("unipc", "pndm")]
    assert flow_lanes == (fitting or [usual.usual.sampler])
    lanes = race_plan.plan(SMALL, ["ddim", "heun"], "3", "5", "calls", ["emoji-world-lcm"])
    assert len(lanes) >= 3
    with pytest.raises(RecipeError, match="no built-in model 'nobody'"):
        race_plan.plan(SMALL, ["ddim"], "3", "5", "steps", ["nobody"])
