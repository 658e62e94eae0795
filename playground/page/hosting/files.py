"""Which files gradio deletes when they are old: its own lists, gone over as they are."""

from collections.abc import Iterator


class Listed:
    """One of gradio's sets of files. Its thread that deletes goes over a copy: requests add to the
    set meanwhile, which would end that thread, and with it all deleting, for good.
    """

    def __init__(self, files: set[str]):
        self._files = files

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._files))

    def __isub__(self, deleted: set[str]) -> "Listed":
        self._files -= deleted
        return self
