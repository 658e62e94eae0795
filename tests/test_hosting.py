"""What a hosted page needs: settings, addresses, limits at its door, headers, health."""

import asyncio
import dataclasses
import io
import threading
from pathlib import Path

import httpx
import pytest
from browser import ran
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from playground import faults
from playground.hosting import addresses, gate, headers, health, settings
from playground.hosting.gate import Gate
from playground.hosting.settings import Settings, SettingsError

ROOT = Path(__file__).parents[1]
SMALL = Settings(request_megabytes=0.1, upload_megabytes=0.2, upload_megapixels=0.1, requests=50)


# ---- settings ------------------------------------------------------------------------------------
def test_settings_come_from_variables_and_keep_to_their_bounds():
    found = Settings.from_environment({"LATENT_PLAYGROUND_WAITING": "64", "OTHER": "x"})
    assert found == dataclasses.replace(Settings(), waiting=64)
    for text in ("1.5", "x", "nan", "1e9", "-1", "10**3"):
        with pytest.raises(SettingsError, match=r"^LATENT_PLAYGROUND_WAITING must be a whole "):
            Settings.from_environment({"LATENT_PLAYGROUND_WAITING": text})
    with pytest.raises(SettingsError, match="with spaces between them"):
        Settings(frames="https://a.org; script-src *")


def test_every_setting_is_told_in_the_documents():
    document = (ROOT / "docs" / "hosting.md").read_text()
    assert settings.table() in document
    for name, field in settings.FIELDS.items():
        assert field.metadata["help"].endswith("."), name
        if field.metadata["high"]:
            assert field.metadata["low"] <= field.default <= field.metadata["high"], name


# ---- addresses -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("said", "proxies", "address"),
    [
        ([], 0, "10.0.0.9"),
        (["1.1.1.1"], 0, "10.0.0.9"),  # nobody is trusted: anybody can write this
        (["6.6.6.6, 2.2.2.2"], 1, "2.2.2.2"),
        (["6.6.6.6", "2.2.2.2, 3.3.3.3"], 2, "2.2.2.2"),
        (["2.2.2.2"], 2, "10.0.0.9"),  # a proxy is missing
        (["<script>"], 1, "unknown"),
        (["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::/64"),
        (["::ffff:2.2.2.2"], 1, "2.2.2.2"),
    ],
)
def test_an_address_is_what_a_trusted_proxy_has_heard(said, proxies, address):
    lines = [(b"x-forwarded-for", text.encode()) for text in said]
    assert addresses.of({"headers": lines, "client": ("10.0.0.9", 5)}, proxies) == address


def test_rates_begin_anew_every_minute():
    now = [30.0]
    rates = addresses.Rates(2, clock=lambda: now[0])
    assert [rates.wait("a") for _ in range(3)] == [0, 0, 30]
    assert rates.wait("b") == 0
    now[0] = 61.0
    assert rates.wait("a") == 0


# ---- the door ------------------------------------------------------------------------------------
async def told(request: Request) -> JSONResponse:
    return JSONResponse({"length": len(await request.body())})


async def broken(request: Request) -> PlainTextResponse:
    raise RuntimeError("/home/me/secret")


def asked(*requests, most=SMALL) -> list[httpx.Response]:
    """Answers to requests (method, path, options), one after the other."""
    routes = [
        Route(path, function, methods=["GET", "POST"])
        for path, function in (("/ask", told), ("/upload", told), ("/broken", broken))
    ]
    outer = [Middleware(headers.Headers, headers=headers.of()), Middleware(Gate, settings=most)]
    app = Starlette(routes=routes, middleware=outer)

    async def all_of_them() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [await client.request(m, path, **options) for m, path, options in requests]

    return ran(all_of_them())


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return file.getvalue()


def upload(*files: bytes):
    return "POST", "/upload", {"files": [("files", ("a.png", file)) for file in files]}


def test_requests_are_as_large_as_they_may_be():
    async def parts():
        for _ in range(3):
            yield b"x" * 50_000

    fits, large, without_length = asked(
        ("POST", "/ask", {"content": b"x" * 100_000}),
        ("POST", "/ask", {"content": b"x" * 100_001}),
        ("POST", "/ask", {"content": parts()}),
    )
    assert fits.json() == {"length": 100_000}
    for refused in (large, without_length):
        assert (refused.status_code, refused.json()["error"]) == (
            413, "This is too large: at most 0.1 MB are taken.",
        )  # fmt: skip


def test_uploads_are_pictures_of_a_size_told_from_their_headers():
    bomb = picture(400, 300)
    answers = asked(
        upload(picture(300, 300)), upload(picture(300, 300, "JPEG"), picture(9, 9, "WEBP")),
        upload(bomb), upload(b"GIF89a" + bytes(99)), upload(picture(20, 20, "GIF")),
        upload(b""), upload(), upload(*[picture(2, 2)] * 5), upload(bytes(250_000)),
        ("POST", "/upload", {"content": b"x"}),
        ("POST", "/upload", {"content": b"x", "headers": {"content-type": "multipart/form-data"}}),
    )  # fmt: skip
    assert [answer.status_code for answer in answers] == [200] * 2 + [400] * 9
    assert "too many pixels: at most 0.1 million" in answers[2].text
    assert all(answer.text.endswith(".") for answer in answers[2:])
    (huge,) = asked(upload(bytes(400_000)))
    assert huge.status_code == 413


def test_too_many_requests_are_refused_and_reading_goes_on():
    *early, late, read = asked(
        *[("POST", "/ask", {})] * 51, ("GET", "/ask", {}), most=dataclasses.replace(SMALL)
    )
    assert {answer.status_code for answer in early} == {200}
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 60
    assert read.status_code == 200


def test_a_defect_is_a_number_that_the_log_explains(caplog):
    (answer,) = asked(("POST", "/broken", {}))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    number = answer.json()["error"].rstrip(".")[-8:]
    assert number in caplog.text
    assert "/home/me/secret" in caplog.text


def test_what_is_cut_off_never_arrives(caplog):
    """The visitor leaves in the middle of an upload, or sends no more: no file and no traceback."""
    arrived = []

    async def app(scope, receive, send):
        arrived.append(scope)

    async def cut():
        messages = iter([{"type": "http.request", "body": b"x", "more_body": True},
                         {"type": "http.disconnect"}])  # fmt: skip
        answers = []

        async def receive():
            return next(messages)

        async def send(message):
            answers.append(message)

        scope = {"type": "http", "method": "POST", "path": "/upload", "headers": []}
        await Gate(app, SMALL)(scope, receive, send)
        return answers

    async def silent():
        messages = iter([{"type": "http.request", "body": b"x", "more_body": True}])

        async def receive():
            return next(messages, None) or await asyncio.sleep(9)

        async for _ in gate.parts({"headers": []}, receive, 99):
            pass

    assert ran(cut()) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "PATIENCE", 0.05)
        with pytest.raises(gate.RefusedError, match="did not arrive"):
            ran(silent())
    assert arrived == []
    assert caplog.text == ""


def test_every_answer_says_what_a_browser_may_do():
    answers = asked(("GET", "/ask", {}), ("GET", "/nowhere", {}), ("POST", "/broken", {}))
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        policy = dict(
            p.split(" ", 1) for p in answer.headers["content-security-policy"].split("; ")
        )
        assert policy["frame-ancestors"] == "'self'"
        assert policy["object-src"] == "'none'"
        assert "http" not in answer.headers["content-security-policy"]  # nothing from elsewhere
    framed = headers.of("https://school.example", {"SPACE_ID": "a/b"})["content-security-policy"]
    assert framed.endswith(
        "'self' https://school.example https://huggingface.co https://*.hf.space"
    )


# ---- health --------------------------------------------------------------------------------------
def test_health_names_what_is_dead():
    seconds = [0.0]
    one = health.Health({
        "queue": lambda: "", "engine": health.stalled(lambda: seconds[0], "the engine", 60)
    })  # fmt: skip
    assert one.wrong() == {}
    seconds[0] = 61.0
    assert one.wrong() == {"engine": "the engine has not gone on for 61 s"}
    answer = ran(one.route(None))
    assert answer.status_code == 503
    assert b'"queue":"alive"' in answer.body


def test_a_dead_process_ends_itself_after_two_looks(caplog):
    looks, ended = iter(["", "dead", "", "dead", "dead"]), threading.Event()
    codes = []

    def end(code):
        codes.append(code)
        ended.set()

    health.Watch(health.Health({"queue": lambda: next(looks)}), end, pause=0.01)
    assert ended.wait(10)
    assert codes == [health.EXIT]
    assert "This process ends itself: dead." in caplog.text


def test_a_watch_can_be_stopped():
    looked = []
    watch = health.Watch(health.Health({"x": lambda: looked.append(1) or ""}), print, pause=5)
    watch.stop()
    assert looked == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("This is wrong.\nmore"), "This is wrong."),
        (MemoryError(), "Memory ran out: choose a smaller size or fewer pictures."),
        (RuntimeError("CUDA out of memory"), "Memory ran out: choose a smaller size or fewer pict"),
        (KeyError("/home/me"), "Something went wrong that should not have; the log calls it "),
        (ValueError(""), "Something went wrong that should not have; the log calls it "),
    ],
)
def test_what_is_told_of_an_error(error, told):
    assert faults.told(error).startswith(told)
    assert "/home" not in faults.told(error)
