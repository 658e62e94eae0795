"""A small page, served as the playground is: a flood, visitors who leave, and its end."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time

import httpx
import pytest
from browser import ROOT, free_port, ran, wait_for
from small_page import FEW, HELD

from playground.hosting.gate import FULL
from playground.hosting.health import EXIT
from playground.measuring import load, opening, soak
from playground.measuring.load_client import API, Form, Visitor
from playground.page.hosting.mailboxes import Mailboxes

LONGEST = 60  # seconds
SENTENCE = re.compile(r"[A-Z][^\n]{8,200}\.$")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Its address, and its process."""
    port = free_port()
    files = tmp_path_factory.mktemp("files")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": str(files)}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "small_page.py"), str(port)], env=environment
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url, process
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def url(served) -> str:
    return served[0]


def kept(url: str) -> dict[str, int]:
    return httpx.get(f"{url}/kept", timeout=30).json()


def forgotten(url: str) -> bool:
    """Wait until nothing of any visitor is kept."""
    end = time.monotonic() + LONGEST
    while any(kept(url).values()):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def begun(url: str) -> int:
    """How many runs have begun."""
    return len(httpx.get(f"{url}/drawn", timeout=30).json())


def visits(url: str, what):
    """What `what(client, form)` returns."""

    async def run():
        async with httpx.AsyncClient(base_url=url, timeout=LONGEST) as client:
            return await what(client, Form.read((await client.get("/config")).json()))

    return ran(run())


def test_health_and_headers(url):
    health = httpx.get(f"{url}/health")
    assert (health.status_code, set(health.json().values())) == (200, {"alive"})
    assert "frame-ancestors 'self'" in httpx.get(url).headers["content-security-policy"]
    assert httpx.get(f"{url}{API}/info").headers["x-content-type-options"] == "nosniff"
    found = ran(opening.opened(url, 5))
    assert (found["visitors"], found["kilobytes"] > 5) == (5, True)
    assert httpx.get(url, headers={"accept-encoding": "identity"}).content.endswith(b"</html>")


JOIN, SENT = f"{API}/queue/join", {"data": ["a", 1, 1], "session_hash": "ann"}
BAD = [  # what nobody's page would send: the body of a POST; None: a GET
    *[(JOIN, SENT | {"fn_index": at}) for at in (999, -1, 10**30, None, "x", 1.5, [])],
    *[(JOIN, SENT | {"fn_index": 0, "data": data}) for data in ([], [1] * 9, None, "x", {})],
    *[(JOIN, SENT | {"fn_index": 0, "session_hash": s}) for s in ("", 5, None, "x" * 999)],
    *[(JOIN, body) for body in ({}, [], "x", SENT | {"fn_index": 0, "trigger_id": "x"})],
    *[(JOIN, text) for text in (b"", b"{", b"\xff", b"[" * 50_000, b'{"data":[],"fn_index":NaN}')],
    *[(f"{API}/{path}", {}) for path in ("cancel", "reset", "nothing", "run/draw", "call/draw")],
    (f"{API}/cancel", SENT | {"fn_index": 0}), (f"{API}/run/draw", {"data": [], "fn_index": 77}),
    *[(f"{API}/{way}/nothing", {"data": []}) for way in ("run", "api", "call", "call/v2")],
    *[(f"{API}/{way}/draw", {"data": [5] * 17}) for way in ("run", "api", "call/v2")],
    (f"{API}/call/draw", {"data": [1]}), (f"{API}/call/v2/draw", {"prompt": "x", "no": 1}),
    (f"{API}/run/models", {"data": [], "session_hash": "x" * 999}),
    (f"{API}/component_server", {"component_id": 9, "session_hash": "x", "fn_name": "y"}),
    (f"{API}/vibe-edit", {"prompt": "x"}), (f"{API}/process_recording", b"x"), ("/nothing", {}),
    *[(f"{API}/{path}", None) for path in (
        "queue/data", "queue/data?session_hash=no", "call/draw/no", "call/v2/draw/no", "queue/join",
        "file=/etc/passwd", "proxy=http://127.0.0.1", "deep_link?session_hash=ann", "dev/reload",
        "stream/a/b/c/playlist.m3u8", "custom_component/a/b/c/d", "upload_progress",
    )],
    *[(path, None) for path in ("/monitoring", "/monitoring/x", "/pwa_icon/99999", "/%ff%00")],
]  # fmt: skip


def test_what_no_page_would_send_is_refused_by_one_sentence_and_is_no_defect(url):
    """By gradio's routes, too, and without a word of what was sent."""
    with httpx.Client(base_url=url, timeout=LONGEST) as client:
        for path, body in BAD:
            sent = {"content" if isinstance(body, bytes) else "json": body}
            answer = client.get(path) if body is None else client.post(path, **sent)
            assert 400 <= answer.status_code < 500, (path, body, answer.text)
            said = answer.json()["error"]
            assert SENTENCE.match(said), (path, body, said)
        listed = client.post(f"{API}/run/models", json={"data": []})  # no session: an address
        assert len(listed.json()["data"][0]["models"]) > 1
        assert client.get("/health").status_code == 200


def test_visitors_are_served_and_measured_and_strangers_cannot_stop_the_queue(url):
    """Of many sessions that never listen a few are kept; cut uploads leave no file."""
    found = ran(load.row(url, 3, 2))
    assert (found["failed"], found["visitors"]) == (0, 3)
    assert found["threads"] > 4
    assert found["preview"][0] < found["picture"][0]
    before = begun(url)
    found = ran(soak._flood(url, 150, 20))
    assert found["health"]["queue"] == "alive"
    assert not found["drawn"].failed
    # Who is not taken is told: busy. A slow machine may lose a connection that was kept alive.
    assert {answer for answer in found["answers"] if answer.isdigit()} <= {"503"}
    assert found["answers"]["taken"] > FEW.waiting  # each in the place of an older one
    assert begun(url) - before == 1  # the visitor's own
    assert found["after"]["kept"] == found["before"]["kept"]
    assert kept(url)["sessions"] <= FEW.sessions
    assert kept(url)["mailboxes"] <= FEW.sessions + FEW.waiting + FEW.visitors


def test_who_stays_is_kept_within_the_limit_and_who_leaves_leaves_nothing(url):
    async def three(client, form):
        visitors = [Visitor(client, form) for _ in range(3)]
        beats = [client.stream("GET", f"{API}/heartbeat/{v.session}") for v in visitors]
        async with beats[0], beats[1], beats[2]:
            drawn = [await visitor.draw() for visitor in visitors]
            end = time.monotonic() + LONGEST
            while kept(url)["held"] != 2 * HELD and time.monotonic() < end:
                await asyncio.sleep(0.1)  # who came first is forgotten first
            await asyncio.sleep(2 * FEW.leave_seconds)
            return [d.failed for d in drawn], kept(url)

    failed, there = visits(url, three)
    assert failed == [""] * 3
    assert there["held"] == 2 * HELD

    async def all_ways(client, form):
        ways = ["stops", "leaves", "opens the page", "uploads", "draws"]
        await asyncio.gather(*(soak.visit(Visitor(client, form), w, 3, 0.2) for w in ways))

    visits(url, all_ways)
    assert forgotten(url)


def test_what_nobody_listens_to_is_not_computed_and_takes_nobodys_place(url):
    """A queue that is full of strangers has room for who listens."""
    before = begun(url)

    async def strangers(client, form):
        for _ in range(FEW.waiting + 3):
            await Visitor(client, form).join(form.filled(steps=10_000))
        return [await Visitor(client, form).draw() for _ in range(2)]

    assert [drawn.failed for drawn in visits(url, strangers)] == [""] * 2
    assert begun(url) - before == 2
    assert forgotten(url)


def test_who_listens_and_waits_keeps_the_place_and_others_read_that_the_page_is_full(url):
    async def many(client, form):
        visitors = [Visitor(client, form) for _ in range(FEW.visitors + FEW.waiting)]
        async with contextlib.AsyncExitStack() as here:
            for n, visitor in enumerate(visitors):
                beat = client.stream("GET", f"{API}/heartbeat/{visitor.session}")
                await here.enter_async_context(beat)
                while n == FEW.visitors > len((await client.get("/drawn")).json()) - started:
                    await asyncio.sleep(0.02)  # until all places are taken; the others wait
                await visitor.join(form.filled(steps=10_000))
            drawn = await Visitor(client, form).draw()
            for visitor in visitors:
                await visitor.cancel()
        return drawn

    started = begun(url)
    assert FULL in visits(url, many).failed
    assert forgotten(url)


def test_a_mailbox_that_somebody_waits_for_is_never_dropped():
    boxes = Mailboxes(3, lambda: {"a"})
    for name in "abcde":
        boxes[name] = name
    assert list(boxes) == ["a", "d", "e"]
    assert isinstance(boxes["nobody"], asyncio.Queue)
    assert "nobody" not in boxes
    del boxes["nobody"]  # twice is once


def test_a_stopped_queue_is_a_dead_page_that_ends_itself(served):
    """The last test of this page."""
    url, process = served
    assert httpx.get(f"{url}/stop").status_code == 200
    assert process.wait(LONGEST) == EXIT
