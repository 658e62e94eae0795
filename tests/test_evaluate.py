"""The scores ask what they say they ask."""

import itertools

import numpy as np
import pytest

from playground.measuring import scores
from playground.measuring.questions import CELLS, TASKS, questions
from playground.measuring.scores import shares
from playground.training import sheets
from playground.world import asked, heldout, oracle
from playground.world.asked import faults
from playground.world.render import draw
from playground.world.scene import Item, Scene

COLUMNS = [(t, held) for t in TASKS.values() for held in (False, True) if t.held_out or not held]
COUNT = 40


@pytest.mark.parametrize(("task", "held_out"), COLUMNS, ids=lambda x: getattr(x, "name", x))
def test_the_truth_has_no_fault_and_another_prompts_scene_often_has(task, held_out):
    asked_ = list(itertools.islice(questions(task, held_out), COUNT))
    found = shares(task, [q.asked for q in asked_], [q.scene for q in asked_])
    assert found["lenient"] == 1
    assert found["strict"] == 1 or task.relative  # a wording may leave out what is worn
    assert found["chance"] < 0.5


@pytest.mark.parametrize(("task", "held_out"), COLUMNS, ids=lambda x: getattr(x, "name", x))
def test_an_empty_picture_satisfies_no_task_but_the_place(task, held_out):
    what = next(questions(task, held_out)).asked
    wrong = faults(what, Scene(what.place or "snow"))
    assert task.judged.isdisjoint(wrong) == (task.name == "place")


@pytest.mark.parametrize("task", [t for t in TASKS.values() if t.held_out], ids=lambda t: t.name)
def test_held_out_questions_hold_a_combination_of_their_task(task):
    wanted = {frozenset(pair) for pair in task.held_out}
    for question in itertools.islice(questions(task, True), COUNT):
        assert wanted & heldout.pairs(question.scene)
    for question in itertools.islice(questions(task, False), COUNT):
        assert not heldout.is_held_out(question.scene)


def test_questions_are_the_same_every_time():
    first, again = ([q.prompt for q in itertools.islice(questions(TASKS["position"], False), 9)]
                    for _ in range(2))  # fmt: skip
    assert first == again
    assert len(set(first)) > 6


def test_the_held_out_sheet_shows_only_held_out_combinations_and_the_other_none():
    def shows_one(prompt: str) -> bool:
        what = asked.read(prompt)
        items = [Item(w.noun, (64, 64), 48, w.color, w.worn) for w in what.items]
        return heldout.is_held_out(Scene(what.place or "", tuple(items)))

    assert all(shows_one(prompt) for prompt in sheets.HELD_OUT_PROMPTS)
    assert not any(shows_one(prompt) for prompt in sheets.PROMPTS + sheets.MORE_PROMPTS)


def test_phrasings_ask_for_what_the_plain_prompt_asks_for():
    for question in itertools.islice(questions(TASKS["phrasing"]), 64):
        assert question.prompt != question.plain
        plain = asked.read(question.plain)
        assert [w.noun for w in question.asked.items] == [w.noun for w in plain.items]
        assert question.asked.place in (None, plain.place)


def test_the_mean_is_of_thirteen_cells():
    assert len(CELLS) == 13


def test_every_setting_is_scored_and_those_without_bars_with_fewer_pictures(monkeypatch):
    monkeypatch.setattr(scores, "OTHERS", 3)
    task, drawn = TASKS["single noun"], []
    truth = {q.prompt: draw(q.scene) for q in itertools.islice(questions(task, seed=5), 4)}

    def drawer(prompts, settings):
        drawn.append((settings["steps"], len(prompts)))
        right = settings["steps"] == 20
        return np.stack([truth[p] if right else np.zeros_like(truth[p]) for p in prompts])

    settings = [{"steps": 20}, {"steps": 8}, {"steps": 20}]
    found = scores.score(drawer, oracle.load(), task, False, 4, settings, seed=5)
    assert drawn == [(20, 4), (8, 4), (20, 3)]
    assert (found["count"], found["lenient"], found["others"]) == (4, 1, [0, 1])
    cells = {task.name: dict.fromkeys(("seen", "held_out"), found) for task, _ in CELLS}
    means = scores.summary(cells, settings, seed=5)["means"]
    assert [(row["mean"], row["count"], row["seed"]) for row in means] == [
        (1, 4, 5), (0, 4, 5), (1, 3, 5),
    ]  # fmt: skip
