"""The endpoints in gradio's API, for its client and as tools for language models."""

import asyncio
import inspect
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import httpx
import pytest
from browser import ran
from gradio.context import LocalContext
from gradio.queueing import Event
from gradio.utils import get_function_description
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from starlette.requests import Request

from playground.api import on_gradio
from playground.api.attach import attach, has_tools
from playground.api.endpoints import ENDPOINTS
from playground.api.service import Service
from playground.hosting.settings import Settings
from playground.page.hosting.blocks import Page, Refusal
from playground.page.page import build
from playground.recipe import Recipe

QUICK = {"steps": 2, "seed": 3}


def test_the_api_page_lists_the_endpoints_and_nothing_of_the_pages_own():
    async def listed():  # gradio wants a loop
        page = build()
        beside = attach(page, Settings())
        return page.get_api_info(), beside

    with ThreadPoolExecutor(1) as own:  # where no other loop runs, of a browser say
        found, beside = own.submit(asyncio.run, listed()).result()
    assert list(found["named_endpoints"]) == [f"/{name}" for name in ENDPOINTS]
    assert found["unnamed_endpoints"] == {}
    assert [route.path for route in beside.routes] == ["/api/v1"]
    assert beside.options == {"mcp_server": has_tools()}


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=lambda one: one.name)
def test_the_docstring_is_the_schema(endpoint):
    made = on_gradio.function(endpoint, Service(), "", set())
    about, parameters, returns = get_function_description(made)
    assert about == endpoint.about
    assert {n: text for n, text in parameters.items() if n != "request"} == {
        one.name: one.sentence for one in endpoint.parameters
    }
    assert returns[-1 - endpoint.several] == endpoint.returns
    kinds = {n: p.annotation for n, p in inspect.signature(made).parameters.items()}
    assert kinds.pop("request") is gr.Request
    assert kinds == {one.name: one.kind for one in endpoint.parameters}


def test_several_pictures_are_files_that_gradio_deletes(session, tmp_path):
    files: set[str] = set()
    endpoint = ENDPOINTS["sweep"]
    ask = on_gradio.function(endpoint, Service(), str(tmp_path), files)
    given = {"prompt": "x", "values": [1, 5]} | QUICK
    values = [given.get(one.name, one.default) for one in endpoint.parameters]
    sheet, facts, alone = ran(ask(gr.Request(session_hash="ann"), *values))
    assert [frame["value"] for frame in facts["frames"]] == [1, 5]
    widths = []
    for each in (sheet, *alone):
        with Image.open(each["path"]) as picture:
            widths.append(picture.width)
    assert widths[0] > widths[1] + widths[2]
    assert {each["path"] for each in (sheet, *alone)} == files
    assert {str(path) for path in tmp_path.rglob("*.png")} == files


def drawn_for_one_who_left(steps: int, queued: bool = False, alive: bool = True):
    """What a request draws whose client is gone; of an event of the queue, or of none."""

    async def receive():
        return {"type": "http.disconnect"}

    async def ask():
        page, draw = Page(analytics_enabled=False), ENDPOINTS["draw"]
        on_gradio.register(page, Service())
        handler = next(one for one in page.fns.values() if one.api_name == "draw")
        if queued:
            event = Event("ann", handler, None, None)
            event.alive = alive
            page._queue.event_ids_to_events[event._id] = event
            LocalContext.event_id.set(event._id)
            LocalContext.blocks.set(page)
        given = {"prompt": "x", "steps": steps}
        scope = {"type": "http", "client": ("10.0.0.9", 5), "headers": []}
        values = [given.get(one.name, one.default) for one in draw.parameters]
        return await handler.fn(gr.Request(Request(scope, receive), session_hash="ann"), *values)

    return ran(ask())


def test_drawing_ends_when_the_client_of_a_direct_call_or_a_tool_has_left(session):
    with pytest.raises(Refusal, match="Nobody waits"):
        drawn_for_one_who_left(100)
    assert not session.busy


def test_an_event_of_the_queue_is_drawn_as_long_as_gradio_has_it(session):
    """The request that joined the queue was answered long ago: its client seems to have left."""
    _, facts = drawn_for_one_who_left(2, queued=True)
    assert facts["network_calls"] == 2
    with pytest.raises(Refusal, match="Nobody waits"):
        drawn_for_one_who_left(100, queued=True, alive=False)
    assert not session.busy


def test_gradios_client_draws_and_reads_what_is_refused(address, browser):
    client = Client(address, verbose=False, analytics_enabled=False)
    path, facts = client.predict("a red square", **QUICK, api_name="/draw")
    assert Recipe.from_png(path) == Recipe(prompt="a red square", **QUICK)
    assert facts["network_calls"] == 2
    with pytest.raises(AppError, match=r"Steps must be between 1 and 100\."):
        client.predict("x", steps=101, api_name="/draw")
    assert len(client.predict(api_name="/models")["models"]) == 3
    over_http = httpx.post(f"{address}/api/v1/draw", json={"prompt": "a red square"} | QUICK)
    assert Recipe.from_dict(over_http.json()["recipe"]) == Recipe.from_png(path)
    assert httpx.post(f"{address}/api/v1/draw", json={}).status_code == 400


@pytest.mark.skipif(not has_tools(), reason="needs the extra mcp")
def test_tools_answer_with_a_picture_and_facts(address, browser):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def ask() -> None:
        async with streamable_http_client(f"{address}/gradio_api/mcp/") as (reading, writing, _):
            async with ClientSession(reading, writing) as client:
                await client.initialize()
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                assert list(tools) == list(ENDPOINTS)
                assert tools["draw"].inputSchema["required"] == ["prompt"]
                drawn = await client.call_tool("draw", {"prompt": "a red square"} | QUICK)
                assert [part.type for part in drawn.content] == ["image", "text", "text"]
                refused = await client.call_tool("draw", {"prompt": "x", "steps": 0})
                assert refused.isError
                assert refused.content[0].text == "Steps must be between 1 and 100."
                assert (await client.call_tool("draw", {})).isError
                for name in ("models", "samplers"):
                    (listed,) = (await client.call_tool(name, {})).content
                    assert "emoji" in listed.text or "heun" in listed.text

    with ThreadPoolExecutor() as another:  # Playwright's loop runs in this thread
        another.submit(asyncio.run, ask()).result()
