"""The endpoints as gradio's API, which gradio's client reads and MCP tools are made from."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from gradio.processing_utils import save_bytes_to_cache

from playground.api.answers import Answer
from playground.api.endpoints import ENDPOINTS, Endpoint
from playground.api.leaving import answered
from playground.api.parameters import Parameter
from playground.api.service import Caller, Service
from playground.engine.events import DrawingFailedError
from playground.page.hosting.blocks import Refusal


def register(page: gr.Blocks, service: Service) -> None:
    """Add the endpoints to a page that is built."""
    files: set[str] = set()
    page.temp_file_sets.append(files)  # gradio deletes them when it deletes the page's other files
    with page:
        for endpoint in ENDPOINTS.values():
            # Without gradio's queue: a Service has a gate of its own, and a tool is called at once.
            gr.api(
                function(endpoint, service, page.GRADIO_CACHE, files), api_name=endpoint.name,
                queue=False,
            )  # fmt: skip


def function(endpoint: Endpoint, service: Service, folder: str, files: set[str]):
    """A function with the endpoint's signature and a docstring from which schemas are made."""

    async def asked(request: gr.Request, *given: Any):
        values = dict(zip((one.name for one in endpoint.parameters), given, strict=True))
        caller = Caller(_visitor(request, service))
        try:
            work = functools.partial(endpoint.ask, values, service, caller)
            answer = await answered(work, caller, _leaving(request))
        except (ValueError, DrawingFailedError) as error:
            raise Refusal(str(error)) from error
        return _returned(endpoint, answer, folder, files)

    asked.__name__ = asked.__qualname__ = endpoint.name
    asked.__doc__ = docstring(endpoint)
    kinds = {"request": gr.Request, **{one.name: one.kind for one in endpoint.parameters}}
    pictures = (dict, dict, list[dict]) if endpoint.several else (dict, dict)
    back = tuple[pictures] if endpoint.picture else dict
    asked.__annotations__ = kinds | {"return": back}
    parameters = [_parameter("request", gr.Request), *map(_declared, endpoint.parameters)]
    asked.__signature__ = inspect.Signature(parameters, return_annotation=back)
    return asked


def _leaving(request: gr.Request) -> Callable[[], Awaitable[bool]]:
    """Says whether the client has left. A request that joined the queue has long been answered:
    there gradio marks the event when nobody listens to it any more.
    """
    event, page = LocalContext.event_id.get(None), LocalContext.blocks.get(None)
    disconnected = getattr(_inside(request), "is_disconnected", None)

    async def has_left() -> bool:
        if event and page:
            known = page._queue.event_ids_to_events.get(event)
            return known is None or not known.alive
        return disconnected is not None and await disconnected()

    return has_left


def _inside(request: gr.Request) -> Any:
    """Gradio's request gives what it wraps as JSON, which not everything can be written as."""
    return getattr(request, "request", None) or request


def docstring(endpoint: Endpoint) -> str:
    """As gradio reads it: what it does, a line an argument, what is returned."""
    lines = [f"    {one.name}: {one.sentence}" for one in endpoint.parameters]
    arguments = ["", "Args:", *lines] if lines else []
    back = [endpoint.picture, endpoint.returns, "every picture alone" * endpoint.several]
    returned = [f"    {each}" for each in back if each]
    return "\n".join([endpoint.about, *arguments, "", "Returns:", *returned])


def _declared(one: Parameter) -> inspect.Parameter:
    default = inspect.Parameter.empty if one.required else one.default
    return _parameter(one.name, one.kind, default)


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    kwargs = {"annotation": kind, "default": default}
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, **kwargs)


def _visitor(request: gr.Request, service: Service) -> str:
    """The client's session; without one, as of a tool, its address."""
    return getattr(request, "session_hash", None) or service.visitor(_inside(request).scope)


def _returned(endpoint: Endpoint, answer: Answer, folder: str, files: set[str]):
    if not endpoint.picture:
        return answer.facts
    first, *others = (_file(name, png, folder, files) for name, png in answer.pictures.items())
    return (first, answer.facts, others) if endpoint.several else (first, answer.facts)


def _file(name: str, png: bytes, folder: str, files: set[str]) -> dict[str, Any]:
    """A picture as gradio passes files on: clients fetch it, tools see it."""
    path = save_bytes_to_cache(png, f"{name}.png", folder)
    files.add(path)
    return {
        "path": path, "orig_name": f"{name}.png", "mime_type": "image/png",
        "meta": {"_type": "gradio.FileData"},
    }  # fmt: skip
