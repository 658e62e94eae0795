"""Models are opened with progress, stopped, and closed again when memory is needed."""

import gc
import os
import threading
import weakref

import pytest
from folders import NETWORK, copied, put

from playground.engine.local import open_session
from playground.engine.opening import CANCELLED, FAILED, READY, Opening
from playground.engine.sessions import Sessions
from playground.models import memory, offered, specs
from playground.models.fetch import READING
from playground.recipe import Recipe


class Fake:
    """A session of so many bytes."""

    def __init__(self, name, nbytes=10):
        self.name, self.nbytes, self.busy, self.closed = name, nbytes, False, False

    def close(self):
        self.closed = True


def kept(limit, cost=10):
    opened = []

    def opener(name, lora, report):
        opened.append(Fake(f"{name}{lora}"))
        return opened[-1]

    return Sessions(opener, lambda _: cost, lambda: limit), opened


def test_the_least_recently_used_is_closed_first():
    sessions, opened = kept(limit=30)
    for name in "abcad":
        sessions.get(name)
    assert [(one.name, one.closed) for one in opened] == [
        ("a", False), ("b", True), ("c", False), ("d", False),
    ]  # fmt: skip
    assert sessions.opened("b") is None
    assert sessions.get("b").name == "b"  # opened again, in the place of c
    assert opened[2].closed


def test_one_whose_files_were_written_since_is_opened_again():
    stamps = {"a": 1}
    sessions = Sessions(lambda name, lora, report: Fake(name), stamp=lambda name, _: stamps[name])
    first = sessions.get("a")
    assert sessions.get("a") is sessions.opened("a") is first
    stamps["a"] = 2
    assert sessions.opened("a") is None
    assert sessions.get("a") is not first
    assert sessions.opened("a") is sessions.get("a")


def test_a_session_of_a_model_is_found_whatever_its_lora():
    sessions = Sessions(lambda name, lora, report: Fake(name + lora))
    assert sessions.opened_by_any("a") is None
    with_lora = sessions.get("a", "x")
    assert sessions.opened_by_any("a") is with_lora
    assert sessions.opened_by_any("b") is None


def test_a_stamp_is_of_the_files(tmp_path, tiny_pipeline):
    folder, style = str(tiny_pipeline("sd15")), tmp_path / "style.safetensors"
    assert specs.written("emoji-world") == specs.written("emoji-world", "few-steps") == (0, 0)
    assert specs.written("emoji-world", "no LoRA at all") == (0, 0)
    style.write_bytes(b"")
    os.utime(style, ns=(5, 5))
    model, lora = specs.written(folder, f"{style}:0.5")
    assert model > 0
    assert lora == 5


def test_looking_at_one_is_using_it():
    sessions, opened = kept(limit=20)
    sessions.get("a")
    sessions.get("b")
    assert sessions.opened("a") is opened[0]
    sessions.get("c")
    assert [one.closed for one in opened] == [False, True, False]


def test_one_that_draws_is_never_closed():
    sessions, opened = kept(limit=20)
    sessions.get("a").busy = True
    sessions.get("b").busy = True
    sessions.get("c")
    assert not any(one.closed for one in opened)  # beyond the limit, but in use
    opened[1].busy = False
    sessions.get("d")
    assert [one.closed for one in opened] == [False, True, True, False]


def test_a_closed_one_is_forgotten_though_a_page_took_it_for_what_stays():
    sessions, opened = kept(limit=10)
    first = sessions.get("a")
    first.runs = [first]  # as an engine and its runs know each other
    gone = weakref.ref(first)
    gc.freeze()
    del first
    opened.clear()
    sessions.get("b")
    assert gone() is None


def test_room_is_made_before_a_model_is_read():
    closed_then = []
    first = Fake("first")

    def opener(name, lora, report):
        closed_then.append(first.closed)
        return first if name == "first" else Fake(name)

    sessions = Sessions(opener, lambda _: 10, lambda: 15)
    sessions.get("first")
    sessions.get("second")
    assert closed_then == [False, True]


def test_with_another_lora_it_is_another_session():
    sessions, opened = kept(limit=100)
    assert sessions.get("a") is not sessions.get("a", "x.safetensors")
    assert sessions.opened("a", "x.safetensors:0.5") is None
    assert [one.name for one in opened] == ["a", "ax.safetensors"]


# ---- with real models ---------------------------------------------------------------------------


@pytest.fixture
def sessions():
    """Of small real models; at the end their threads have ended."""
    opened = []

    def opener(*facts):
        opened.append(open_session(*facts))
        return opened[-1]

    yield Sessions(opener, lambda name: specs.get(name).nbytes)
    for one in opened:
        one.close()


def test_a_model_is_opened_with_progress(sessions, tiny_pipeline):
    folder = str(tiny_pipeline("sd15"))
    *before, last = Opening(sessions, folder)
    assert (last.state, last.name, last.sentence) == (
        READY, folder, f"sd15 is ready, after {last.seconds:.0f} s.",
    )  # fmt: skip
    assert {one.state for one in before} <= {READING}
    assert all(one.seconds <= last.seconds for one in before)
    session = sessions.opened(folder)
    assert session.nbytes > 1_000_000
    with session.submit([Recipe(model=folder, width=64, height=64, steps=50)]) as run:
        next(iter(run))
        assert session.busy
    *_, again = Opening(sessions, folder)
    assert again.state == READY
    assert sessions.opened(folder) is session


def test_what_is_closed_gives_its_memory_back(tiny_pipeline):
    sessions = Sessions(open_session, lambda name: specs.get(name).nbytes, lambda: 5_000_000)
    first, second = (str(tiny_pipeline(name)) for name in ("sd15", "sd21"))
    gone = weakref.ref(sessions.get(first).model.network)
    sessions.get(second).close()
    assert sessions.opened(first) is None
    assert gone() is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/no/such/folder", "There is no folder /no/such/folder: check how the path is written."),
        ("sd15", "There is no model 'sd15'; there are: emoji-world"),
    ],
)
def test_what_fails_is_said(name, said, sessions):
    *_, last = Opening(sessions, name)
    assert last.state == FAILED
    assert last.sentence.startswith(said)


def test_a_damaged_one_fails_and_may_be_tried_again(sessions, tiny_pipeline, tmp_path):
    folder = copied(tiny_pipeline("sd15"), tmp_path / "x")
    whole = (folder / NETWORK).read_bytes()
    put(folder / NETWORK, whole[:-9])
    *_, last = Opening(sessions, str(folder))
    assert (last.state, "incomplete or damaged" in last.sentence) == (FAILED, True)
    put(folder / NETWORK, whole)
    *_, last = Opening(sessions, str(folder))
    assert last.state == READY


def test_what_runs_out_of_memory_or_breaks_is_said():
    def opener(name, lora, report):
        raise {
            "a": MemoryError(), "b": RuntimeError("CUDA out of memory.\nmore"),
            "c": RuntimeError("/home/me/secret: no such device"),
        }[lora]  # fmt: skip

    said = []
    for lora in "abc":
        *_, last = Opening(Sessions(opener), "emoji-world", lora)
        said.append(last.sentence)
    assert said[0] == "Memory ran out: close other programs, or choose a smaller model."
    assert said[1].startswith("Memory ran out")
    assert "the log calls it" in said[2]
    assert "secret" not in said[2]  # what it says of the machine is in the log alone


def test_it_is_stopped_between_two_components_and_holds_up_nobody():
    """While one model is read, another one is opened; then the first is given up."""
    reading, going = threading.Event(), threading.Event()

    def opener(name, lora, report):
        if lora:
            reading.set()
            assert going.wait(30)
        report(5, 10)
        return Fake(name)

    sessions = Sessions(opener)
    slow = Opening(sessions, "emoji-world", "slow.safetensors")
    assert reading.wait(30)
    *_, fast = Opening(sessions, "emoji-world")
    assert fast.state == READY
    assert slow.progress.state == READING
    slow.cancel()
    going.set()
    *_, last = slow
    assert last.state == CANCELLED
    assert sessions.opened("emoji-world", "slow.safetensors") is None


def test_a_link_does_not_open_what_is_not_offered(sessions, monkeypatch, tiny_pipeline):
    monkeypatch.setenv("SPACE_ID", "owner/space")
    monkeypatch.delenv(offered.LIST, raising=False)
    *_, last = Opening(sessions, str(tiny_pipeline("sd15")))
    assert (last.state, "does not offer" in last.sentence) == (FAILED, True)


def test_rows_of_a_call_are_bounded_by_memory(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda *_: 12 * 10**9)
    assert memory.rows(16, 10**6, "cpu") == 16
    assert memory.rows(16, 7 * 10**9, "cuda") == 5  # SDXL, 16 bits a number
    assert memory.rows(16, 34 * 10**9, "cuda") == 2  # never fewer than one guided picture needs
