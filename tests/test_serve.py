"""How the page is started: where it listens, what it is not told, and what is refused."""

import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from playground import cli
from playground.hosting.settings import Settings
from playground.measuring.docs import ROOT
from playground.page import serve, serving

IPV6 = ("::", "[::]", "::1", "[::1]")
# In a process of its own, as the page is: gradio reads the variable once, when it is imported.
START = """
import json, sys
from playground.page import serve
places = [serve.listening(host, None) for host in sys.argv[1:]]
import gradio as gr, httpx
found = []
for place in places:
    with gr.Blocks() as page:
        pass
    with serve.unproxied(place["server_name"]):
        page.launch(**place, prevent_thread_lock=True, quiet=True, _frontend=False)
    asked = httpx.get(page.local_url, timeout=60)
    found.append({"url": page.local_url, "status": asked.status_code})
    page.close(verbose=False)
print(json.dumps(found))
"""
CHANGED = ("HTTP_PROXY", "NO_PROXY", "GRADIO_SHARE", serve.NAME)


@pytest.fixture(autouse=True)
def unsaid(monkeypatch):
    """No host is said, and what a test says is forgotten after it."""
    monkeypatch.setenv(serve.NAME, "")
    monkeypatch.delenv(serve.NAME)


def started(*hosts: str, **variables: str) -> list[dict]:
    """What became of a small page at each host (empty: none is given), in such an environment."""
    kept = {name: value for name, value in os.environ.items() if name.upper() not in CHANGED}
    done = subprocess.run(
        [sys.executable, "-c", START, *hosts],
        cwd=ROOT, env=kept | variables, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture
def proxy():
    """The address of a proxy that reaches nothing, as one does that stands on another machine."""

    class Nowhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(502)

        def log_message(self, *_) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Nowhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_page_starts_on_ipv6():
    hosts = [host.strip("[]") for host in IPV6]
    for host, found in zip(hosts, started(*IPV6), strict=True):
        assert found["url"].startswith(f"http://[{host}]:")
        assert found["status"] == 200
    (found,) = started("", **{serve.NAME: "::1"})
    assert found["url"].startswith("http://[::1]:")


def test_a_page_starts_behind_a_proxy(proxy):
    (found,) = started("", HTTP_PROXY=proxy)
    assert found["status"] == 502  # afterwards everything goes through the proxy again


@pytest.mark.parametrize("host", [None, "0.0.0.0", "localhost"])
def test_other_hosts_are_as_they_were_given(monkeypatch, host):
    monkeypatch.delenv(serve.NAME, raising=False)
    assert serve.listening(host, 8080)["server_name"] == host
    assert os.environ.get(serve.NAME) == host


@pytest.mark.parametrize(
    ("asked", "share"), [(None, False), ("0", False), ("True", True), ("1", True)]
)
def test_a_page_is_shared_if_that_is_asked_for(monkeypatch, asked, share):
    """Left to gradio, it is shared on Kaggle, where this variable stands."""
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.delenv("GRADIO_SHARE", raising=False)
    if asked:
        monkeypatch.setenv("GRADIO_SHARE", asked)
    assert serve.listening(None, None)["share"] is share


@pytest.mark.parametrize(
    "before", [{}, {"NO_PROXY": "school.example"}, {"no_proxy": "school.example"}]
)
def test_the_variables_of_a_proxy_are_afterwards_as_before(monkeypatch, before):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    with serve.unproxied("[fe80::1]"):
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"]
        said = os.environ["no_proxy"].split(",")
        assert set(said) == {*serve.HERE, *before.values(), "fe80::1"}
    assert {k: v for k, v in os.environ.items() if k.lower() == "no_proxy"} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "x"], "from 1 to 65535, not 'x'"),
        (["--port", "70000"], "from 1 to 65535, not '70000'"),
        (["--port", "0"], "from 1 to 65535, not '0'"),
        (["--threads", "2"], "ask for --replicas, too"),
    ],
)
def test_options_that_cannot_be_are_one_sentence_and_status_2(capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", *arguments])
    told = capsys.readouterr().err
    assert (ended.value.code, told.count("\n")) == (2, 1)
    assert told.startswith("latent-playground serve: ")
    assert said in told


def test_a_wrong_setting_is_one_sentence_and_status_2(monkeypatch, capsys):
    monkeypatch.setenv("LATENT_PLAYGROUND_VISITORS", "many")
    monkeypatch.setattr(serving, "settings", Settings.from_environment)  # it is read once
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve"])
    told = capsys.readouterr().err
    assert (ended.value.code, told.count("\n")) == (2, 1)
    assert told.startswith("latent-playground: LATENT_PLAYGROUND_VISITORS must be a whole number")
