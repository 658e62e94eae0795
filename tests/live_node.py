"""Asks the browser's modules in Node."""

import json
from pathlib import Path

from playground.live import node

ANSWERS = Path(__file__).parent / "live" / "answers.mjs"


def answers(questions: list[dict]) -> list:
    """The answers of one process to all questions (see live/answers.mjs)."""
    return json.loads(node.run(ANSWERS, given=json.dumps(questions)))
