"""Nothing leaves the machine: no device id, no reports, no look-ups, nothing written at home."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DRAW = (
    "from playground.page import serving; from playground.page.page import build; "
    "from playground.page.hosting.host import Host; from playground.recipe import Recipe; "
    "page = build(); host = Host(page, serving.settings(), serving.stalled); "
    "host.launch(server_name='127.0.0.1', prevent_thread_lock=True, quiet=True); "
    "session = serving.ready('emoji-world'); *_, last = session.submit([Recipe(steps=2)]); "
    "page.close(); print(last.networks)"
)


STRACE = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg", "-o"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """An empty home, after the page was served and a picture drawn by ONNX Runtime.

    Beside it lies what the process said to sockets, where strace is installed.
    """
    home = tmp_path_factory.mktemp("quiet") / "home"
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_", "HF_"))}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    traced = [*STRACE, str(home.with_name("calls"))] if shutil.which("strace") else []
    done = subprocess.run(
        [*traced, sys.executable, "-c", DRAW],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "ONNX Runtime" in done.stdout
    return home


def test_nothing_is_written_at_home(home):
    assert [str(path) for path in home.rglob("*")] == []


def test_nobody_is_called(home):
    """Sockets to other machines, name servers included; those of this machine are its own."""
    calls = home.with_name("calls")
    if not calls.exists():
        pytest.skip("needs strace")
    outside = [
        line
        for line in calls.read_text().splitlines()
        if re.search(r"AF_INET6?\b", line) and not re.search(r"127\.0\.0\.1|::1", line)
    ]
    assert outside == []
