"""Where the page and its endpoints are behind a proxy that serves a path."""

import pytest
from browser import ran
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.api import http
from playground.api.attach import attach
from playground.hosting.preview import base_of
from playground.hosting.settings import Settings
from playground.page.hosting.blocks import Page

ROOT = "https://school.example/x"


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("", "/api/v1"), ("/x", "/api/v1"), ("/x/", "/api/v1"), ("/x", "/x/api/v1"),
        (ROOT, "/api/v1"),
    ],
)  # fmt: skip
def test_the_endpoints_are_there_whether_a_proxy_takes_its_path_off_or_not(root, path):
    async def beside():  # gradio wants a loop
        return attach(Page(analytics_enabled=False), Settings()).routes

    app = Starlette(routes=ran(beside()))
    with TestClient(app, root_path=root) as client:
        assert len(client.get(f"{path}/samplers").json()["samplers"]) > 3
        assert client.post(f"{path}/draw", json={}).status_code == 400
        said = client.get(f"{path}/openapi.json").json()
        assert client.get(f"{path}/nothing").status_code == 404
    assert "/draw" in said["paths"]
    assert said["servers"] == [{"url": f"{root.rstrip('/')}{http.PREFIX}"}]


@pytest.mark.parametrize(
    ("root", "base"),
    [("", "http://here"), ("/x/", "http://here/x"), (ROOT, ROOT), (f"{ROOT}/", ROOT)],
)
def test_a_root_path_may_be_a_path_or_a_whole_address(root, base):
    assert base_of({"headers": [(b"host", b"here")], "root_path": root}) == base
