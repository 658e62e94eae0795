"""The modules of the page that runs in a browser, as files, so that Node can load them."""

from pathlib import Path

from playground.live import page_files


def page_modules(folder: Path) -> None:
    """Write them all below a folder."""
    for path, text in page_files.modules().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text)
