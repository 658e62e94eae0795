"""The scores ask what they say they ask."""

import itertools

import pytest

from playground.measuring.scores import TASKS, questions, shares
from playground.training import sheets
from playground.world import asked, heldout
from playground.world.asked import faults
from playground.world.scene import Item, Scene

COLUMNS = [(t, held) for t in TASKS.values() for held in (False, True) if t.held_out or not held]
COUNT = 40


@pytest.mark.parametrize(("task", "held_out"), COLUMNS, ids=lambda x: getattr(x, "name", x))
def test_the_truth_has_no_fault_and_another_prompts_scene_often_has(task, held_out):
    scenes, _, wanted = zip(*itertools.islice(questions(task, held_out), COUNT), strict=True)
    found = shares(task, list(wanted), list(scenes))
    assert found["lenient"] == found["strict"] == 1
    assert found["chance"] < 0.5


@pytest.mark.parametrize(("task", "held_out"), COLUMNS, ids=lambda x: getattr(x, "name", x))
def test_an_empty_picture_satisfies_no_task_but_the_place(task, held_out):
    *_, what = next(questions(task, held_out))
    wrong = faults(what, Scene(what.place or "snow"))
    assert task.judged.isdisjoint(wrong) == (task.name == "place")


@pytest.mark.parametrize("task", [t for t in TASKS.values() if t.held_out], ids=lambda t: t.name)
def test_held_out_questions_hold_a_combination_of_their_task(task):
    wanted = {frozenset(pair) for pair in task.held_out}
    for scene, *_ in itertools.islice(questions(task, True), COUNT):
        assert wanted & heldout.pairs(scene)
    for scene, *_ in itertools.islice(questions(task, False), COUNT):
        assert not heldout.is_held_out(scene)


def test_questions_are_the_same_every_time():
    first, again = ([q[1] for q in itertools.islice(questions(TASKS["position"], False), 9)]
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
