"""The engine: many cells at once, each as if it were alone."""

import copy
import subprocess
import sys
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch

from playground.attention import editing
from playground.engine.engine import LARGEST_RUN, MAX_ROWS, Engine
from playground.engine.events import Failure, Picture, Step
from playground.recipe import Recipe, RecipeError

ROOT = Path(__file__).parents[1]
SMALL = {"steps": 4, "width": 64, "height": 64}
MIXED = [
    Recipe(**SMALL | changes)
    for changes in (
        {"prompt": "a cat", "seed": 1},
        {"prompt": "two red stars", "seed": 1, "sampler": "heun"},
        {"prompt": "a cat", "seed": 2, "guidance": 0.0, "sampler": "euler_a"},
        {"prompt": "", "guidance": 1.0, "sampler": "dpmpp_2m_sde"},
        {"prompt": "an owl", "negative": "snow", "guidance": 9.0, "sampler": "unipc", "steps": 7},
        {"prompt": "a cat " * 40, "sampler": "ddim", "eta": 1.0, "rescale": 0.7},
        {"prompt": "a fox", "sampler": "pndm", "guidance_start": 0.5},
    )
]


def pictures(events) -> dict[int, Picture]:
    return {e.cell: e for e in events if isinstance(e, Picture)}


def difference(a: Picture, b: Picture) -> int:
    return int(np.abs(a.image.astype(int) - b.image.astype(int)).max())


@pytest.mark.parametrize("max_rows", [MAX_ROWS, 3])
def test_company_does_not_change_a_picture(max_rows, engine):
    engine.max_rows = max_rows
    together = pictures(engine.submit(MIXED))
    for i, recipe in enumerate(MIXED):
        alone = engine.draw(recipe)
        assert together[i].recipe == recipe
        assert difference(together[i], alone) <= 1
        assert together[i].rows == alone.rows
        np.testing.assert_allclose(together[i].latents, alone.latents, atol=1e-3, rtol=1e-3)
    assert difference(together[0], together[1]) > 20  # else nothing was compared


def test_the_network_is_asked_for_full_batches_and_never_more(tiny, engine):
    sizes = []
    hook = tiny.unet.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    try:
        list(engine.submit([Recipe(**SMALL, seed=i) for i in range(16)]))
    finally:
        hook.remove()
    assert sizes == [MAX_ROWS] * (16 * 4 * 2 // MAX_ROWS)


def test_events_of_a_cell_come_in_order_and_end_with_its_picture(engine):
    seen = {i: [] for i in range(len(MIXED))}
    for event in engine.submit(MIXED):
        seen[event.cell].append(event)
    for *steps, last in seen.values():
        assert [s.index for s in steps] == list(range(last.calls))
        assert {s.count for s in steps} == {last.calls}
        assert isinstance(last, Picture)
        assert all(np.isfinite(s.latents).all() for s in steps)
        assert all(spent >= 0 for spent in last.seconds.values())
        assert last.seconds["network"] > 0


def test_pictures_of_different_sizes_share_a_run(engine):
    sizes = [(128, 128), (192, 128), (128, 128), (64, 96)]
    done = pictures(engine.submit([Recipe(steps=2, width=w, height=h) for w, h in sizes]))
    assert {i: p.image.shape for i, p in done.items()} == {
        i: (h, w, 3) for i, (w, h) in enumerate(sizes)
    }


@pytest.mark.parametrize("count", [0, LARGEST_RUN + 1])
def test_a_run_of_an_impossible_size_is_refused(count, engine):
    with pytest.raises(RecipeError, match=f"1 to {LARGEST_RUN} pictures, not {count}"):
        engine.submit([Recipe()] * count)


def test_a_side_that_the_network_cannot_halve_is_refused(tiny):
    deeper = copy.copy(tiny)
    deeper.multiple = 64
    with pytest.raises(RecipeError, match="multiples of 64"):
        Engine(deeper).submit([Recipe(width=64), Recipe(width=96)])


def test_the_thread_rests_when_there_is_no_work_and_wakes_again(engine):
    for _ in range(2):
        run = engine.submit([Recipe(**SMALL)])
        if thread := engine._thread:
            thread.join(10)
        assert engine._thread is None
        assert isinstance(list(run)[-1], Picture)
        assert not engine._turns.runs


@pytest.fixture
def poison(tiny):
    """Words whose keys and values spoil every network call that they take part in."""
    prompts = []

    def spoil(text: str, change) -> str:
        prompt = tiny.encode(text)
        prompts.append(text)
        for name, values in prompt.projections.items():
            prompt.projections[name] = change(values)
        return text

    yield spoil
    for text in prompts:
        tiny._prompts.pop(text)


UNFORESEEN = "the log calls it"  # what a visitor reads of a defect
CULPRITS = {  # one cell's numbers are no numbers; one cell breaks the common network call
    "no longer finite": lambda values: values * torch.nan,
    UNFORESEEN: lambda values: values[:, :5],
}


@pytest.mark.parametrize(("reason", "change"), CULPRITS.items(), ids=["numbers", "network"])
def test_only_the_culprit_ends(reason, change, engine, poison):
    good = Recipe(**SMALL, prompt="a cat", seed=3)
    bad = Recipe(**SMALL, prompt=poison("a poisoned cat", change))
    events = list(engine.submit([good, bad, good]))
    (failure,) = [e for e in events if isinstance(e, Failure)]
    assert failure.cell == 1
    assert reason in failure.reason
    assert "\n" not in failure.reason
    assert [e for e in events if isinstance(e, Step) and e.cell == 1] == []
    done = pictures(events)
    assert done.keys() == {0, 2}
    assert difference(done[0], engine.draw(good)) <= 1
    with pytest.raises(RuntimeError, match=reason):
        engine.draw(bad)


def raising(*_, **__):
    raise ArithmeticError("the solver broke\nin two lines")


def test_a_solver_that_breaks_ends_its_cell_alone(engine, monkeypatch, caplog):
    monkeypatch.setattr(diffusers.DEISMultistepScheduler, "step", raising)
    events = list(engine.submit([Recipe(**SMALL), Recipe(**SMALL, sampler="deis")]))
    (failure,) = [e for e in events if isinstance(e, Failure)]
    assert (failure.cell, UNFORESEEN in failure.reason) == (1, True)
    assert failure.reason.rstrip(".")[-8:] in caplog.text  # the number, and what went wrong
    assert "the solver broke\nin two lines" in caplog.text
    assert pictures(events).keys() == {0}


def test_a_decoder_that_breaks_is_told_and_the_engine_goes_on(tiny, engine, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(tiny.vae, "decode", raising)
        events = list(engine.submit([Recipe(**SMALL), Recipe(**SMALL)]))
        ended = [e for e in events if not isinstance(e, Step)]
        assert [(e.cell, UNFORESEEN in e.reason) for e in ended] == [(0, True), (1, True)]
    assert engine.draw(Recipe(**SMALL))


@pytest.mark.parametrize(
    "recipes",
    [
        [Recipe(**SMALL)],
        [Recipe(**SMALL, guidance=0.0), Recipe(**SMALL)],
        [Recipe(**SMALL), Recipe(**SMALL | {"width": 128})],
    ],
)
def test_an_edit_is_of_recipes_alike(recipes, tiny, engine):
    plan = editing.swap(*map(tiny.encode, ("a cat", "a dog")), share=1.0)
    with pytest.raises(RecipeError, match="nothing but their words"):
        engine.submit(recipes, plan=plan)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_of_the_engine_is_told_and_the_next_run_begins_anew(tiny, monkeypatch):
    engine = Engine(tiny)
    with monkeypatch.context() as broken:
        broken.setattr(engine, "_choose", lambda: 1 / 0)
        ended = list(engine.submit([Recipe(**SMALL), Recipe(**SMALL, seed=2)]))
    assert [UNFORESEEN in event.reason for event in ended] == [True] * 2
    assert engine.draw(Recipe(**SMALL)).calls == 4


@pytest.mark.slow
def test_a_process_that_exits_while_drawing_ends_in_order():
    """Its thread is not torn out of the middle of a network call."""
    code = (
        "from playground.models.load import load; from playground.engine.engine import Engine; "
        "from playground.recipe import Recipe; "
        "run = Engine(load('emoji-world')).submit([Recipe(steps=100)] * 8); "
        "print(type(next(iter(run))).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "Step")


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["practise", "prepare"])
def test_a_process_that_exits_while_warming_up_ends_in_order(stage):
    """Its main thread ends as soon as that stage has begun in the background."""
    code = (
        "import threading; from playground.engine.local import LocalSession; "
        f"begun, stage = threading.Event(), LocalSession.{stage}; "
        f"LocalSession.{stage} = lambda self: (begun.set(), stage(self)); "
        "from playground.page.serving import warm_up; "
        "warm_up(); print(begun.wait(100))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "True")
    assert "Traceback" not in done.stderr
