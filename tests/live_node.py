"""Asks the browser's modules in Node, which comes from PyPI with the other requirements of tests."""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent / "live"
NODE = Path(sys.executable).with_name("node")
LONGEST = 120  # seconds of one process


def run(script: str, *arguments: str, given: str = "") -> str:
    """What a script of tests/live writes."""
    done = subprocess.run(
        [NODE, HERE / script, *arguments], input=given, capture_output=True, text=True,
        timeout=LONGEST, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def answers(questions: list[dict]) -> list:
    """The answers of one process to all questions (see live/answers.mjs)."""
    return json.loads(run("answers.mjs", given=json.dumps(questions)))
