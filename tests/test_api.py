"""What programs may ask: each endpoint's answer, over HTTP, and what is refused."""

import base64
import io
import json
import re
import threading

import jsonschema
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from playground.api import document, http
from playground.api.endpoints import ENDPOINTS, get
from playground.api.parameters import RECIPE
from playground.api.service import Caller, Gate, GoneError, Service
from playground.diffusion.samplers import SAMPLERS
from playground.engine.work import Limits, Work
from playground.models import offered, specs
from playground.recipe import FIELDS, Recipe

QUICK = {"prompt": "a red square", "steps": 2, "seed": 3}
SENTENCE = re.compile(r"[^\n]{8,400}[.?]$")


@pytest.fixture
def client(session) -> TestClient:
    return TestClient(http.application(Service()), raise_server_exceptions=False)


def picture(answer: dict, name: str) -> bytes:
    return base64.b64decode(answer["pictures"][name])


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_draw_answers_with_facts_and_a_picture_that_carries_its_recipe(client):
    answer = client.post("/draw", json=QUICK).json()
    recipe = Recipe(**QUICK)
    assert Recipe.from_dict(answer["recipe"]) == recipe
    assert Recipe.from_png(io.BytesIO(picture(answer, "picture"))) == recipe
    assert Recipe.from_query(answer["link"].removeprefix("?r=")) == recipe
    assert (answer["network_calls"], answer["rows"]) == (2, 4)
    assert answer["verdict"]["asked"] == "a red square"
    alone = client.post("/draw", json=QUICK, headers={"accept": "image/png"})
    assert alone.headers["content-type"] == "image/png"
    assert alone.content == picture(answer, "picture")


def test_explain_gives_shares_of_the_words_or_lays_them_over_the_picture(client):
    answer = client.post("/explain", json=QUICK | {"maps": "arrays"}).json()
    maps = np.array([word["map"] for word in answer["words"]])
    assert [word["text"] for word in answer["words"]] == ["a", "red", "square"]
    assert list(maps.shape[1:]) == answer["grid"]
    np.testing.assert_allclose(maps.sum(0), 1, atol=2e-3)
    answer = client.post("/explain", json=QUICK | {"overlay": "light"}).json()
    plain = pixels(picture(answer, "picture"))
    for word in answer["words"]:  # light only takes light away
        assert (pixels(picture(answer, word["picture"])) <= plain + 1).all()
    assert "error" in client.post("/explain", json=QUICK | {"guidance": 0}).json()


def test_a_sweep_draws_what_draw_draws(client):
    answer = client.post("/sweep", json=QUICK | {"values": [0, 5.5]}).json()
    assert [(f["value"], f["rows"]) for f in answer["frames"]] == [(0, 2), (5.5, 4)]
    alone = client.post("/draw", json=QUICK | {"guidance": 5.5}).json()
    swept = pixels(picture(answer, answer["frames"][1]["picture"]))
    assert abs(swept - pixels(picture(alone, "picture"))).max() <= 1
    named = client.post("/sweep", json=QUICK | {"field": "guider", "values": ["cfg", "apg"]})
    assert [frame["value"] for frame in named.json()["frames"]] == ["cfg", "apg"]


def test_a_race_is_equal_in_network_calls(client):
    asked = {"prompt": "a red square", "samplers": ["ddim", "heun"], "counts": [3]}
    answer = client.post("/race", json=asked).json()
    lanes = {lane["sampler"]: (lane["steps"], lane["network_calls"]) for lane in answer["lanes"]}
    assert lanes == {"ddim": (3, 3), "heun": (2, 3)}
    assert len(answer["pictures"]) == 3  # the sheet is one


def test_models_and_samplers_are_the_tables(client):
    listed = client.get("/models").json()["models"]
    assert [one["name"] for one in listed] == list(specs.MODELS)
    for one in listed:
        usual = Recipe.for_model(one["name"], specs.get(one["name"]).defaults)
        assert one["defaults"]["steps"] == usual.steps
        assert usual.sampler in one["samplers"]
    assert [one["name"] for one in client.get("/samplers").json()["samplers"]] == list(SAMPLERS)


def test_what_is_not_said_is_the_models_own(client):
    drawn = client.post("/draw", json={"prompt": "x", "model": "emoji-world-lcm"}).json()
    assert Recipe.from_dict(drawn["recipe"]).steps == 4


HOSTILE = [
    *[("/draw", json.dumps(body)) for body in (
        None, [], "x", 3, {}, {"prompt": None}, {"prompt": 5}, {"prompt": "x" * 301},
        {"prompt": "x", "steps": 0}, {"prompt": "x", "steps": 1.5}, {"prompt": "x", "steps": "3"},
        {"prompt": "x", "steps": True}, {"prompt": "x", "guidance": float("nan")},
        {"prompt": "x", "guidance": 1e400}, {"prompt": "x", "seed": 10**30},
        {"prompt": "x", "sampler": "no"}, {"prompt": "x", "sampler": ["ddim"]},
        {"prompt": "x", "model": {}}, {"prompt": "x", "model": "../../etc/passwd"},
        {"prompt": "x", "w": 3}, {"prompt": "x", "": 3}, {"prompt": "x", "\ud800": 3},
        {"prompt": "x", "width": 65},
        {"prompt": "x", "width": 2048, "height": 2048}, {"prompt": "\ud800"},
        {"prompt": "x", "weights": "abc"}, {"prompt": "x", "lora": "/etc/passwd:1"},
        {"prompt": "x", "guidance_start": 1, "guidance_stop": 0},
    )],
    ("/draw", ""), ("/draw", "{"), ("/draw", "[" * 9_000), ("/draw", "x" * 30_000),
    *[("/sweep", json.dumps(QUICK | more)) for more in (
        {"field": "steps"}, {"field": []}, {"values": []}, {"values": "0, 1"}, {"values": [[1]]},
        {"values": [1, 1]}, {"values": list(range(17))}, {"values": ["x"]}, {"values": ["\ud800"]},
        {"values": {"a": 1}},
    )],
    *[("/race", json.dumps({"prompt": "x"} | more)) for more in (
        {"steps": 3}, {"samplers": []}, {"samplers": ["no"]}, {"samplers": [1, 2]}, {"counts": []},
        {"counts": [0, 1]}, {"counts": [5.5, 6]}, {"unit": "hours"}, {"guidances": [99, 1]},
        {"counts": list(range(1, 90))}, {"samplers": ["ddim"], "counts": [5]},
    )],
    *[("/explain", json.dumps(QUICK | more)) for more in (
        {"maps": "all"}, {"overlay": 3}, {"prompt": ""},
    )],
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), HOSTILE)
def test_what_cannot_be_is_answered_by_one_sentence(client, path, body):
    answer = client.post(path, content=body.encode("utf-8", "surrogatepass"))
    assert 400 <= answer.status_code < 500
    assert SENTENCE.match(answer.json()["error"]), answer.text
    assert list(answer.json()) == ["error"]


def test_addresses_and_methods_that_are_not_there(client):
    for method, path, status in (("GET", "/no", 404), ("GET", "/draw", 405), ("PUT", "/x", 404)):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert SENTENCE.match(answer.json()["error"])


def test_a_request_that_is_too_long_is_refused_as_that(client):
    answer = client.post("/draw", json=QUICK | {"negative": "x" * http.LONGEST})
    assert (answer.status_code, answer.json()) == (413, {"error": http.MOST})


def test_a_model_that_is_not_offered_is_forbidden(client, monkeypatch):
    monkeypatch.setattr(offered, "others_can_reach", lambda: True)
    answer = client.post("/draw", json={"prompt": "x", "model": "/models/mine"})
    assert answer.status_code == 403
    assert client.get("/models").json()["others"] == []


def test_too_many_at_once_and_too_much_of_one_visitor(session):
    full = Service(gate=Gate(1))
    with full.gate.entered():
        answer = TestClient(http.application(full)).post("/draw", json=QUICK)
    assert answer.status_code == 429
    assert "try again" in answer.json()["error"]
    client = TestClient(http.application(full))
    assert client.post("/draw", json=QUICK).status_code == 200  # it has left the gate
    session.engine.work = Work(Limits(cells=1, calls=1000, seconds=100))
    answer = client.post("/sweep", json=QUICK | {"values": [1, 2]})
    assert (answer.status_code, "pictures" in answer.json()["error"]) == (429, True)
    session.engine.work = None


def test_an_error_that_nobody_foresaw_says_a_number_and_nothing_else(client, monkeypatch, caplog):
    def broken(*_):
        raise KeyError("/secret/path")

    monkeypatch.setattr(Service, "drawn", broken)
    answer = client.post("/draw", json=QUICK)
    number = re.search(r"[0-9a-f]{8}", answer.json()["error"]).group()
    assert (answer.status_code, "secret" in answer.text) == (500, False)
    assert number in caplog.text


def test_drawing_ends_when_nobody_waits_any_more(session):
    gone = threading.Event()
    caller = Caller("someone", gone, heard=lambda step: gone.set())
    with pytest.raises(GoneError):
        get("draw").ask(QUICK | {"steps": 100}, Service(), caller)
    assert not session.busy


def test_the_description_for_programs_has_the_recipes_bounds(client):
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    for endpoint in ENDPOINTS.values():
        (method,) = described["paths"][f"/{endpoint.name}"].values()
        assert {"400", "500"} < method["responses"].keys()
        if not endpoint.parameters:
            continue
        assert {"403", "413", "429", "503"} < method["responses"].keys()
        schema = method["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator.check_schema(schema)
        assert list(schema["properties"]) == [one.name for one in endpoint.parameters]
        for name in FIELDS.keys() & schema["properties"].keys():
            fixed, said = FIELDS[name].metadata, schema["properties"][name]
            assert said["description"] == fixed["help"]
            if "minimum" in said:
                assert (said["minimum"], said["maximum"]) == (fixed["low"], fixed["high"])
        jsonschema.validate({"prompt": "x", "guidance": 5}, schema)


def test_every_field_of_a_recipe_can_be_given():
    assert [one.name for one in RECIPE] == list(FIELDS)


def test_the_document_is_the_table():
    text = document.DOCUMENT.read_text()
    assert document.filled(text) == text, "write it again: python -m playground.api.document"
    with pytest.raises(ValueError, match="no marks"):
        document.filled("nothing")


def test_an_unknown_endpoint_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"'drw'.*draw.*samplers"):
        get("drw")
