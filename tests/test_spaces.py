"""What a Space needs: front matter, versions, a container, a preview, and sessions on lent GPUs."""

import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys

import httpx
import numpy as np
import pytest
from huggingface_hub.cli.hf import app as hf
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from playground.hosting import preview
from playground.measuring.docs import ROOT

PACKAGE = importlib.util.find_spec("spaces")
GRADIOS = """<html><head><meta property="og:title" content="Gradio" />
<meta
 property="og:image"
 content="https://elsewhere.example/header.jpg"
/><meta name="twitter:image" content="" /><meta charset="utf-8">
<script>window.gradio_config = {"title": "<meta property=og:title>"};</script></head></html>"""


def front_matter() -> dict[str, str]:
    lines = (ROOT / "README.md").read_text().split("---\n")[1].splitlines()
    return {key: said.strip(' "') for key, _, said in (line.partition(":") for line in lines)}


def test_the_front_matter_asks_for_what_the_requirements_allow():
    asked, required = front_matter(), (ROOT / "requirements.txt").read_text()
    assert asked["sdk"] == "gradio"
    assert asked["python_version"] == "3.12"
    assert (ROOT / asked["app_file"]).exists()
    assert len(asked["short_description"]) <= 60
    low, high = re.search(r"^gradio>=6\.(\d+),<6\.(\d+)$", required, re.M).groups()
    assert int(low) <= int(asked["sdk_version"].split(".")[1]) < int(high)
    low, high = re.search(r"^torch>=2\.(\d+),<=2\.(\d+)", required, re.M).groups()
    assert int(low) <= 8  # ZeroGPU offers 2.8 to 2.11
    assert int(high) >= 11


WORKFLOW = (ROOT / ".github" / "workflows" / "space.yml").read_text()


def test_the_workflow_is_off_without_a_space_and_uploads_what_it_needs():
    assert "if: vars.HF_SPACE != ''" in WORKFLOW
    asked = uploading()
    assert (asked["repo_id"], asked["local_path"], asked["path_in_repo"]) == ("$SPACE", ".", ".")
    for name in asked["include"]:
        assert (ROOT / name.removesuffix("/**")).exists()
    assert {"README.md", front_matter()["app_file"], "requirements.txt"} <= set(asked["include"])
    assert "assets/social.png" in WORKFLOW


def uploading() -> dict:
    """How the installed `hf` reads the workflow's command; it raises what it would refuse."""
    (command,) = re.findall(r"^ +(hf upload (?:.*\\\n)*.*)$", WORKFLOW, re.M)
    arguments = shlex.split(command.replace("\\\n", " "))[1:]
    name, read, rest = hf.resolve_command(hf.make_context("hf", arguments[:1]), arguments)
    return read.make_context(name, rest).params


def test_the_container_holds_what_the_page_needs_and_runs_without_rights():
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    told = [line.split(maxsplit=1) for line in lines if re.match(r"[A-Z]+ ", line)]
    copied = {name for kind, rest in told if kind == "COPY"
              for name in rest.split()[:-1] if not name.startswith("--")}  # fmt: skip
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines()
              if line.startswith("!")}  # fmt: skip
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)
    assert {"app.py", "playground", "assets", "requirements.txt"} <= copied
    kinds = [kind for kind, _ in told]
    assert kinds.index("USER") < kinds.index("CMD")
    # A volume takes its owner from the folder in the image; else models could not be written.
    (made,) = (rest for _, rest in told[: kinds.index("USER")] if "mkdir -p" in rest)
    folder = re.search(r"`(/home/visitor/[^`]+)`", (ROOT / "docs" / "hosting.md").read_text())[1]
    assert f"mkdir -p {folder} " in made
    assert "chown -R visitor" in made
    assert ("USER", "1000") in {(kind, rest.strip()) for kind, rest in told}
    assert "/health" in dict(told)["HEALTHCHECK"]
    assert "3.12" in dict(told)["FROM"]


def test_a_preview_takes_the_place_of_gradios():
    pages = {"/": HTMLResponse(GRADIOS), "/other": HTMLResponse("<script>og:title</script>"),
             "/text": PlainTextResponse(GRADIOS)}  # fmt: skip
    routes = [Route(path, lambda request, one=one: one) for path, one in pages.items()]
    app = Starlette(routes=[*routes, preview.ROUTE], middleware=[Middleware(preview.Preview)])
    client = TestClient(app, base_url="http://play.example")
    page = client.get("/").text
    head, _, rest = page.partition("<script>")
    assert "Gradio" not in head
    assert "elsewhere" not in head
    assert '<meta charset="utf-8">' in head
    assert re.findall(r'og:image" content="([^"]*)"', head) == ["http://play.example/social.png"]
    assert rest == GRADIOS.partition("<script>")[2]
    assert client.get("/other").text == "<script>og:title</script>"
    assert client.get("/text").text == GRADIOS
    behind = client.get("/", headers={"x-forwarded-proto": "https", "x-forwarded-host": 'a"><b'})
    assert "https://a%22%3E%3Cb/social.png" in behind.text
    with Image.open(io.BytesIO(client.get("/social.png").content)) as picture:
        assert picture.size == preview.SIZE


def test_the_served_page_says_whose_it_is(address, browser):
    page = httpx.get(address, timeout=60)
    head = page.text.partition("<script>")[0]
    assert head.count("og:title") == 1
    assert f"<title>{preview.TITLE}</title>" in head
    assert "gradio" not in "".join(re.findall(r"<(?:meta|title)[^>]*>", head)).lower()
    assert "gradio-app" in page.text  # it is the page
    icon = httpx.get(f"{address}/favicon.ico")
    assert icon.headers["content-type"].startswith("image/svg")
    assert httpx.get(f"{address}/social.png").content == preview.PICTURE.read_bytes()


needs_spaces = pytest.mark.skipif(PACKAGE is None, reason="needs the package spaces")


@needs_spaces
def test_a_lent_gpu_draws_what_this_process_draws(tiny_pipeline):
    from playground.engine import zerogpu
    from playground.engine.events import Failure, Picture
    from playground.engine.local import open_session
    from playground.engine.record import RunRecord, records
    from playground.recipe import Recipe

    name = str(tiny_pipeline("sd15"))
    lent, local = zerogpu.open_session(name), open_session(name)
    recipe = Recipe(prompt="a red square", model=name, steps=2, width=64, height=64)
    runs = []
    for session in (lent, local):
        with session.submit([recipe], record=True, visitor="ann") as run:
            *_, last = records(session, run)
        assert isinstance(last, RunRecord)
        runs.append(last)
    assert abs(np.subtract(*[r.picture.image.astype(int) for r in runs])).max() <= 1
    assert runs[0].has_maps == runs[1].has_maps
    assert not lent.busy
    assert lent.price([recipe]).seconds > 0  # measured by now
    assert zerogpu.SHORTEST <= lent.duration(lent.submit([recipe]).asked.tasks) <= zerogpu.LONGEST
    (refused,) = lent.submit([Recipe(model=name, sampler="no")])
    assert isinstance(refused, Failure)
    assert "There is no sampler 'no'" in refused.reason
    order = lent.submit([recipe]).asked
    (there,) = zerogpu.drawn(("/no/such/model", ""), order, 15)
    assert "/no/such/model" in there.sentence  # a process that was forked has only sentences
    stopped = lent.submit([recipe])
    events = iter(stopped)
    next(events)
    stopped.cancel()
    assert not [event for event in events if isinstance(event, Picture)]
    assert lent.decode(runs[0].picture.latents[None]).shape == (1, 64, 64, 3)


@needs_spaces
def test_runs_on_zerogpu_as_spaces_lends_forks_and_releases_them(tiny_pipeline):
    """Its own machinery, but for CUDA: a run, then one stopped, killed, refused, and another."""
    asked = [sys.executable, ROOT / "tests" / "zero_gpu.py", tiny_pipeline("sd15")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(
        asked, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("away") == 0  # of 255, to a session without it
    lent = ["schedule", "allow", "release"]
    assert {name: run["asked"] for name, run in found.items()} == {
        "drawn": lent, "cancelled": lent, "killed": lent, "no quota": ["schedule"], "again": lent,
    }  # fmt: skip
    assert found["drawn"]["events"] == found["again"]["events"] == 5
    assert found["cancelled"] == {"events": 2, "failed": [], "asked": lent}
    assert found["killed"]["failed"] == ["No GPU was lent for this: GPU task aborted."]
    (said,) = found["no quota"]["failed"]
    assert said.startswith("No GPU was lent for this: Space app has reached its GPU limit.")


@needs_spaces
def test_what_spaces_says_is_one_sentence():
    from playground.engine.zerogpu import reason

    class QuotaError(Exception):
        message = "<a href='x'>Sign up</a> to get more GPU time."

    assert reason(QuotaError()) == "No GPU was lent for this: Sign up to get more GPU time."
