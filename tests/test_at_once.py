"""What is asked for past gradio's events: an answer for everything that may be sent."""

import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.page import at_once
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
