"""The page is made once for all visitors, who get the same bytes."""

import asyncio

import httpx
from browser import ran
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from playground.hosting.packed import LINE, TOGETHER, Packed

LONG = "a page " * 10_000


def application(most: int = 2**20):
    """An application whose page says everything that it could know of its visitor, the requests
    that came as far as to it, and what a page waits for.
    """
    came, ready = [], asyncio.Event()

    async def page(request: Request) -> HTMLResponse:
        came.append(str(request.url))
        await ready.wait()
        return HTMLResponse(f"{request.url} {sorted(request.headers.items())} {LONG}")

    async def alone(request: Request) -> PlainTextResponse:
        came.append(str(request.url))
        return PlainTextResponse(f"{request.query_params} {request.cookies}", 200)

    async def broken(request: Request) -> PlainTextResponse:
        came.append(str(request.url))
        return PlainTextResponse("no", 500 if came.count(str(request.url)) < 2 else 200)

    routes = [Route("/", page), Route("/other", alone), Route("/assets/a.js", broken)]
    outer = [Middleware(Packed, most=most), Middleware(GZipMiddleware, minimum_size=1000)]
    return Starlette(routes=routes, middleware=outer), came, ready


def asked(what, **options):
    """What `what(client, came, ready)` returns."""

    async def run():
        app, came, ready = application(**options)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await what(client, came, ready)

    return ran(run())


def test_thirty_visitors_at_once_wait_for_one_page():
    """Also if the first of them leaves; of their cookies and links nothing is in it."""

    async def thirty(client, came, ready):
        first = asyncio.create_task(client.get("/"))
        others = [
            asyncio.create_task(client.get(f"/?r=link{n}", headers={"cookie": f"who=visitor{n}"}))
            for n in range(30)
        ]
        while not came:
            await asyncio.sleep(0)
        first.cancel()
        ready.set()
        return await asyncio.gather(*others), came

    answers, came = asked(thirty)
    assert came == ["http://here/"]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert LONG in answers[0].text
    assert "visitor" not in answers[0].text
    assert answers[0].headers["content-encoding"] == "gzip"
    assert int(answers[0].headers["content-length"]) < 1000


def test_an_answer_is_of_how_the_page_is_called_and_is_not_sent_twice():
    async def several(client, came, ready):
        ready.set()
        page = await client.get("/")
        known = {"if-none-match": page.headers["etag"]}
        return came, page, [
            await client.get("/", headers={"accept-encoding": "identity"}),
            await client.get("/", headers={"host": "there"}),
            await client.get("/", headers={"x-forwarded-proto": "https"}),
        ], await client.get("/?r=x", headers=known), await client.head("/")  # fmt: skip

    came, page, others, again, head = asked(several)
    assert len(came) == 4
    assert "there" in others[1].text
    assert "content-encoding" not in others[0].headers
    assert len({page.headers["etag"], *(other.headers["etag"] for other in others)}) == 4
    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == page.headers["content-length"]
    assert page.headers["cache-control"] == "no-cache"


def test_what_is_a_visitors_own_or_fails_is_not_kept():
    async def several(client, came, ready):
        own = [await client.get(f"/other?n={n}") for n in range(2)]
        broken = [await client.get("/assets/a.js") for _ in range(3)]
        return came, own, broken, await client.get("/assets/no.js")

    came, own, broken, missing = asked(several)
    assert own[0].text != own[1].text
    assert [answer.status_code for answer in broken] == [500, 200, 200]
    assert missing.status_code == 404
    assert came.count("http://here/assets/a.js") == 2


def test_no_more_is_kept_than_the_limit():
    async def hosts(client, came, ready):
        ready.set()
        for name in ("a", "b", "a", "b", "a"):
            await client.get("/", headers={"host": name, "accept-encoding": "identity"})
        return came

    assert len(asked(hosts, most=100_000)) == 5
    assert len(asked(hosts, most=200_000)) == 2


def test_few_are_made_together_and_a_line_of_made_up_names_has_an_end():
    """Who asks by a name that is in work or known is answered all the same."""

    async def names(client, came, ready):
        known = asyncio.create_task(client.get("/", headers={"host": "0"}))
        others = [
            asyncio.create_task(client.get("/", headers={"host": str(n)})) for n in range(LINE)
        ]
        while len(came) < TOGETHER:
            await asyncio.sleep(0)
        refused = await client.get("/", headers={"host": "one more"})
        begun, script = len(came), asyncio.create_task(client.get("/assets/no.js"))
        ready.set()
        answers = await asyncio.gather(known, *others)
        later = await client.get("/", headers={"host": "one more"})
        return refused, begun, [one.status_code for one in answers], later, await script

    refused, begun, answers, later, script = asked(names)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.text.endswith("try again in a moment.")
    assert begun == TOGETHER
    assert answers == [200] * (LINE + 1)
    assert (later.status_code, script.status_code) == (200, 404)
