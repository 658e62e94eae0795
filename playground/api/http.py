"""The endpoints over plain HTTP, with a description for programs (OpenAPI 3.1).

`POST /api/v1/draw` with a JSON object; pictures come back as base64, or the first one alone as
image/png if that is what the request accepts. What cannot be is answered by 4xx and one sentence.
"""

import base64
import functools
import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from playground import __version__, faults
from playground.api.answers import Answer
from playground.api.endpoints import ENDPOINTS, VERSION, Endpoint
from playground.api.leaving import answered
from playground.api.service import BusyError, Caller, GoneError, Service
from playground.engine.events import DrawingFailedError
from playground.engine.work import TooMuchError
from playground.models.offered import NotOfferedError

PREFIX = f"/api/{VERSION}"
LONGEST = 20_000  # bytes of a request: a recipe has less
PNG = "image/png"
MOST = f"A request has at most {LONGEST:,} bytes."


class TooLongError(ValueError):
    """A request of more than LONGEST bytes."""


STATUS = {
    NotOfferedError: 403, GoneError: 408, TooLongError: 413, BusyError: 429, TooMuchError: 429,
    DrawingFailedError: 500,
}  # fmt: skip


def application(service: Service) -> FastAPI:
    """An application to be mounted at PREFIX."""
    app = FastAPI(
        title="Latent Playground", version=__version__, docs_url=None, redoc_url=None,
        description="See how latent diffusion listens to words.",
    )  # fmt: skip
    for endpoint in ENDPOINTS.values():
        method = "POST" if endpoint.parameters else "GET"
        app.add_api_route(
            f"/{endpoint.name}", _route(endpoint, service), methods=[method],
            name=endpoint.name, summary=endpoint.about, response_model=None,
            openapi_extra=_described(endpoint), responses=_responses(endpoint),
        )  # fmt: skip
    app.add_exception_handler(HTTPException, _refused)
    return app


def _route(endpoint: Endpoint, service: Service):
    async def route(request: Request) -> Response:
        try:
            given = await _read(request) if endpoint.parameters else {}
            caller = Caller(service.visitor(request.scope))
            work = functools.partial(endpoint.ask, given, service, caller)
            answer = await answered(work, caller, request.is_disconnected)
        except (ValueError, DrawingFailedError) as error:
            return failed(STATUS.get(type(error), 400), str(error))
        except Exception as error:
            return failed(500, faults.unforeseen(error, endpoint.name))
        if answer.pictures and PNG in request.headers.get("accept", ""):
            return Response(next(iter(answer.pictures.values())), media_type=PNG)
        return JSONResponse(plain(answer))

    return route


def plain(answer: Answer) -> dict[str, Any]:
    """The answer for JSON, pictures in base64."""
    coded = {name: base64.b64encode(png).decode() for name, png in answer.pictures.items()}
    return answer.facts | ({"pictures": coded} if coded else {})


def failed(status: int, sentence: str) -> JSONResponse:
    """The sentence may quote what was sent, and JSON may hold half a character (\\ud800)."""
    return JSONResponse({"error": sentence.encode("utf-8", "replace").decode()}, status)


async def _refused(request: Request, error: Exception) -> Response:
    """An address or a method that is not there."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    offered = ", ".join(f"{PREFIX}/{name}" for name in ENDPOINTS)
    said = {
        404: f"There is nothing here; there are: {offered}, {PREFIX}/openapi.json.",
        405: "This address is asked by another method: GET where nothing is given, else POST.",
    }
    return failed(status, said.get(status, "This request cannot be answered."))  # fmt: skip


async def _read(request: Request) -> object:
    """The request's JSON; TooLongError, or ValueError if it is none."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            raise TooLongError(MOST)
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ValueError("The body of the request must be valid JSON.") from error


# What it all means, for programs.


def _described(endpoint: Endpoint) -> dict[str, Any]:
    extra: dict[str, Any] = {"description": _sentences(endpoint)}
    if endpoint.parameters:
        schema = {
            "type": "object",
            "properties": {one.name: one.json_schema for one in endpoint.parameters},
            "required": [one.name for one in endpoint.parameters if one.required],
            "additionalProperties": False,
        }
        content = {"application/json": {"schema": schema}}
        extra["requestBody"] = {"required": True, "content": content}
    return extra


def _sentences(endpoint: Endpoint) -> str:
    shown = f" As {PNG}: {endpoint.picture}." if endpoint.picture else ""
    return f"{endpoint.about} Returns {endpoint.returns}.{shown}"


def _responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
    if endpoint.picture:
        content[PNG] = {"schema": {"type": "string", "format": "binary"}}
    schema = {"type": "object", "properties": {"error": {"type": "string"}}}
    refused = {"content": {"application/json": {"schema": schema}}}
    why = {400: "What was asked for cannot be: one sentence."}
    if endpoint.picture:
        why |= {
            403: "That model is not offered here.", 413: MOST,
            429: "Too many requests are being drawn.",
        }  # fmt: skip
    why[500] = "Drawing failed, or an error that the log explains under the number."
    if endpoint.parameters:  # what has a body is also refused by `playground.hosting.gate`
        why[503] = "Too many visitors are drawing at this moment."
    said = {status: {"description": text, **refused} for status, text in why.items()}
    return {200: {"description": endpoint.returns, "content": content}, **said}
