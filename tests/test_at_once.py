"""What is asked for past gradio's events: an answer for everything that may be sent."""

import asyncio
import dataclasses
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from browser import ran
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.models import specs
from playground.page import at_once
from playground.page.guidance import sweeping
from playground.page.page import picture_at_once
from playground.recipe import Recipe

WORDS = "a red square"
BODY = {"recipe": {"prompt": WORDS, "steps": 4}, "visitor": "me", "asked": 12.5}
PATH = "/at-once/explorer"


def said(recipe: Recipe, visitor: str, asked: float) -> dict | None:
    if recipe.prompt == "newer":
        return None
    if recipe.prompt == "defect":
        raise RuntimeError("/a/path")
    return {"kind": "finished", "words": recipe.prompt, "visitor": visitor, "asked": asked}


@pytest.fixture(scope="module")
def client():
    with TestClient(Starlette(routes=[at_once.route({"explorer": said})])) as client:
        yield client


def test_a_view_gets_its_data_for_the_recipe_and_the_visitor(client):
    answer = client.post(PATH, json=BODY)
    assert answer.status_code == 200
    assert answer.json() == {
        "kind": "finished", "words": WORDS, "visitor": "me", "asked": 12.5
    }  # fmt: skip


def test_nothing_is_said_if_something_newer_is_drawn(client):
    answer = client.post(PATH, json=BODY | {"recipe": {"prompt": "newer"}})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"text"', b"\xff", b"[" * 5000, b'{"recipe": 5, "visitor": "me"}',
    b'{"recipe": {}, "visitor": ["me"]}', b'{"recipe": {}, "visitor": ""}', b'{"recipe": {}}',
    *(json.dumps(BODY | {"recipe": recipe}).encode() for recipe in (
        {"steps": None}, {"steps": "4"}, {"unknown": 1}, {"v": 99}, [["prompt", 5]], {"prompt": []},
    )),
])  # fmt: skip
def test_what_cannot_be_drawn_is_one_sentence(client, body):
    answer = client.post(PATH, content=body)
    value = answer.json()
    assert answer.status_code == 200
    assert value["kind"] == "message"
    assert value["error"]
    assert value["text"].count("\n") == 0
    assert "Something went wrong" not in value["text"]


@pytest.mark.parametrize("asked", [None, "soon", True, [], 1e300, -5])
def test_an_odd_moment_is_no_defect(client, asked):
    assert client.post(PATH, json=BODY | {"asked": asked}).json()["words"] == WORDS


def test_a_defect_is_told_by_its_number_alone(client):
    text = client.post(PATH, json=BODY | {"recipe": {"prompt": "defect"}}).json()["text"]
    assert text.startswith("Something went wrong")
    assert "/a/path" not in text


def test_other_views_and_methods_are_refused(client):
    assert client.post("/at-once/lookahead", json=BODY).status_code == 404
    assert client.get(PATH).status_code == 405


# ---- a client who leaves -------------------------------------------------------------------------
LONGEST = 60  # seconds


async def left(route, view: str, body: dict, begun: threading.Event) -> list[dict]:
    """What is sent to a client who leaves as soon as the answer has `begun`."""
    messages = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]
    answered = []

    async def receive():
        if messages:
            return messages.pop()
        while not begun.is_set():
            await asyncio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(message):
        answered.append(message)

    scope = {
        "type": "http", "method": "POST", "path": f"/at-once/{view}", "headers": [],
        "query_string": b"", "root_path": "",
    }  # fmt: skip
    await Starlette(routes=[route])(scope, receive, send)
    return answered


def test_what_is_drawn_for_a_client_who_leaves_is_given_up():
    """Also if it was said for the first time before the run had begun."""
    begun, ended, said = threading.Event(), threading.Event(), []

    def slow(*_) -> dict | None:
        begun.set()
        assert ended.wait(LONGEST)
        return None

    def end(asked: at_once.Asked) -> None:
        said.append(asked.visitor)
        if len(said) == 2:
            ended.set()

    route = at_once.route({"explorer": slow}, {"explorer": end})
    start, _ = ran(left(route, "explorer", BODY, begun))
    assert start["status"] == 204
    assert said == ["me", "me"]


def test_what_waits_for_a_client_who_leaves_is_not_begun(monkeypatch):
    one, free, asked = ThreadPoolExecutor(1), threading.Event(), []
    monkeypatch.setattr(at_once, "threads", lambda: one)
    one.submit(free.wait, LONGEST)
    gone = threading.Event()
    gone.set()
    route = at_once.route({"explorer": lambda *given: asked.append(given)})
    start, _ = ran(left(route, "explorer", BODY, gone))
    free.set()
    one.shutdown()
    assert (start["status"], asked) == (204, [])


@pytest.mark.parametrize(
    ("view", "make"), [("explorer", picture_at_once), ("filmstrip", sweeping.at_once)]
)
def test_the_runs_of_both_views_end_before_their_pictures(view, make, session, caplog):
    """A hundred steps of the small model, taken for one that is swept while one types; nothing is
    left in the engine, and nothing is wrong.
    """
    kind = specs.get("emoji-world-lcm").guidance
    session.facts = dataclasses.replace(session.facts, guidance=kind)
    begun, made = threading.Event(), []

    def noted(recipe, visitor, moment):
        begun.set()
        made.append(make(recipe, visitor, moment))
        return made[0]

    recipe = {"model": "emoji-world-lcm", "sampler": "heun", "steps": 100}
    ran(left(at_once.route({view: noted}), view, BODY | {"recipe": recipe}, begun))
    assert made == [None]
    assert not session.busy
    assert caplog.text == ""
