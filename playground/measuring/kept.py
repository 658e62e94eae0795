"""What a long measurement has found so far, on disk: a stopped one goes on where it was."""

import hashlib
import json
from collections.abc import Callable

from playground.training import export
from playground.training.run import CHECKPOINTS


class Kept:
    """Found values by name, of one stage with these settings and the weights now in assets/.

    A `with` that ends well forgets them, so that the next measurement is a new one.
    """

    def __init__(self, stage: str, *settings):
        of = json.dumps([export.facts("sha256"), settings], sort_keys=True)
        self.file = CHECKPOINTS / stage / f"{hashlib.sha256(of.encode()).hexdigest()[:12]}.jsonl"
        self._found = {}
        if self.file.exists():
            self._found = dict(
                json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()
            )

    def __call__(self, name: str, measure: Callable[[], object]):
        """What was found under `name`, else what `measure` finds now: anything JSON can hold."""
        if name not in self._found:
            self._found[name] = measure()
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with open(self.file, "a", encoding="utf-8") as file:
                file.write(json.dumps([name, self._found[name]]) + "\n")
        return self._found[name]

    def __enter__(self) -> "Kept":
        return self

    def __exit__(self, error, *_) -> None:
        if error is None:
            self.file.unlink(missing_ok=True)
