"""Every lens with each of the built-in models: it draws, or it says in one sentence why not."""

import json
from dataclasses import replace

import pytest
from races import last, planned, raced

from playground.diffusion import solvers
from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.live import page_files
from playground.models import specs
from playground.models.load import load
from playground.page import fits, page, serving
from playground.page.attention import keep, reading, runs
from playground.page.guidance import own, sweeping
from playground.page.kept import Kept
from playground.page.samplers import counting, errors, lecture, noising, schedules
from playground.recipe import Recipe

FLOW, STUDENT = "emoji-world-flow", "emoji-world-lcm"


@pytest.fixture(scope="module")
def sessions(shipped):
    """By name, of models that are loaded once and have not practised."""
    found = {}
    for name, spec in specs.MODELS.items():
        model = shipped if name == "emoji-world" else load(name)
        found[name] = LocalSession(Engine(model), spec.defaults)
    yield found
    for session in found.values():
        session.close()


@pytest.fixture(params=specs.MODELS)
def recipe(request, sessions, monkeypatch) -> Recipe:
    """A small recipe for each of the models, whose session is the page's."""
    kept = Kept()
    monkeypatch.setattr(serving, "session", lambda model, lora="": sessions[model])
    monkeypatch.setattr(serving, "opened", lambda model, lora="": sessions[model])
    monkeypatch.setattr(serving, "opened_by_any", sessions.get)
    monkeypatch.setattr(serving, "kept", lambda: kept)
    usual = dict(specs.get(request.param).defaults) | {"steps": 3, "width": 64, "height": 64}
    return Recipe(model=request.param, prompt="a red square", **usual)


def plain(data) -> dict:
    """As the browser gets it: NaN and ∞ are no JSON."""
    return json.loads(json.dumps(data, allow_nan=False))


def test_a_fit_from_files_is_that_of_the_session(sessions):
    for name, session in sessions.items():
        fit = fits.of(name)
        assert (fit.guidance, fit.multiple) == (session.facts.guidance, session.facts.multiple)


def test_the_recipes_views(recipe):
    shown = plain(last(page.draw(recipe)))
    text = shown["explorer"]["text"]
    assert text.startswith("Drawn in ")
    assert shown["explorer"]["levels"]  # word maps
    rows = {STUDENT: "3 rows"}.get(recipe.model, "6 rows")
    assert rows in text
    two = recipe.model != STUDENT
    assert all(step["both"] == two for step in shown["lookahead"]["steps"])
    assert bool(shown["lookahead"]["single"]) != two
    names = [stage["title"] for stage in shown["pipeline"]["stages"]]
    assert ("Transformer × 3" if recipe.model == FLOW else "U-Net × 3") in names


def test_a_closer_look_its_files_and_what_follows(recipe):
    *_, look = runs.closer(recipe)
    frame = plain(runs.finished(look))
    assert frame["attention"]["kind"] == "finished"
    joint = recipe.model == FLOW
    assert (frame["worked"]["kind"], frame["edits"]["kind"]) == (
        ("unfit", "unfit") if joint else ("worked", "ready")
    )
    link = look.recipe.to_query()
    place = {"step": 1, "x": 0.5, "y": 0.5, "link": link}
    edit = {"kind": "reweight", "link": link, "share": 1.0, "weights": {"1": 2.0}}
    if joint:
        with pytest.raises(ValueError, match="words and image attend to each other"):
            next(runs.place(place, look))
        with pytest.raises(ValueError, match="no cross-attention to replace"):
            list(runs.edit(edit))
    else:
        assert last(runs.place(place, look))[0]["kind"] == "worked"
        assert last(runs.edit(edit))["kind"] == "edited"
    for kind in keep.KEPT:
        assert keep.file(kind, look)[1]


def test_sweeps(recipe):
    strip = plain(last(sweeping.sweep(recipe, "guidance", "2, 4")))
    assert len(strip["frames"]) == 2
    if recipe.model == STUDENT:
        with pytest.raises(ValueError, match="would draw equal pictures"):
            next(sweeping.sweep(recipe, "rescale", "0, 1"))
    else:
        assert plain(last(sweeping.sweep(recipe, "rescale", "0, 1")))["frames"]
    assert "times the work" in own.cost(recipe, "1, 2")


def test_a_race(recipe):
    names = f"{recipe.sampler} dpmpp_2m" if recipe.sampler != "dpmpp_2m" else "ddim dpmpp_2m"
    shown = plain(last(raced(planned(names, "3", recipe=recipe))))
    assert [lane["state"] for lane in shown["lanes"]] == ["finished"] * 2


def test_the_exact_solution_where_there_is_an_ode(recipe, monkeypatch):
    if recipe.model == STUDENT:
        with pytest.raises(ValueError, match="follows no ODE"):
            next(errors.measure(recipe, ["ddim"]))
    elif recipe.model == FLOW:  # that of the U-Net is measured in test_samplers_errors
        monkeypatch.setattr(errors, "CALLS", (3,))
        monkeypatch.setattr(solvers.Exact.__init__, "__defaults__", (4,))
        chart, plane = last(errors.measure(recipe, ["dpmpp_2m", "heun"]))
        assert plain(chart)["groups"]
        assert plain(plane)["budgets"]


def test_thousand_steps_only_where_they_mean_something(recipe):
    if recipe.model == "emoji-world":
        assert fits.of(recipe.model).why_not("lecture") == ""
        return
    with pytest.raises(ValueError, match=r"distilled to few steps|cannot sample"):
        next(lecture.race(recipe))


def test_the_rest_of_the_samplers_lens(recipe, monkeypatch):
    assert plain(last(counting.compare(replace(recipe, steps=2))))["kind"] == "finished"
    monkeypatch.setattr(noising, "EVERY", 500)
    noised = plain(last(noising.of_recipe(recipe)))
    assert noised["flow"] == (recipe.model == FLOW)
    uploaded = last(noising.of_file(str(reading.OURS), Recipe(model=recipe.model)))
    assert plain(uploaded)["kind"] == "finished"
    monkeypatch.setattr(schedules, "MOST_ELSEWHERE", 2)
    grids = plain(schedules.of_model(recipe.model))
    assert grids["times"] == ([1, 1000] if recipe.model == FLOW else [0, 999])
    assert grids == plain(page_files.schedules_of(specs.get(recipe.model)))  # the live edition's
    if recipe.model == FLOW:  # σ in equal steps, as its runs have them
        assert grids["kinds"][0]["steps"]["2"]["sigmas"] == [1, 0.5, 0]


def test_reading_a_picture(recipe):
    shown = plain(last(reading.frames(recipe, {"path": str(reading.OURS)}, "a star")))
    assert shown["kind"] == "finished"
