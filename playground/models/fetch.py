"""Bring a model onto this machine: downloaded as far as it is not here, and its weights hashed."""

from collections.abc import Callable

from playground.models import hub, offered, source, specs, weights
from playground.models.checkpoints import CheckpointError
from playground.models.headers import DamagedFileError
from playground.models.single import MissingSettingsError
from playground.models.specs import ModelSpec, NotHereError

Report = Callable[[str, int, int], None]  # what is done, bytes done, bytes in all; raises to stop
DOWNLOADING, READING = "downloading", "reading"


def fetched(name: str, report: Report = lambda *_: None) -> ModelSpec:
    """The model of that name, all its files here and checked, and its digest known.

    Raises a ValueError with one sentence for what cannot be fetched or drawn with, and what
    `report` raises. Nothing is asked of the Hub for a model that is here and whole.
    """
    offered.check(name)

    def downloading(done: int, total: int) -> None:
        report(DOWNLOADING, done, total)

    try:
        spec = specs.get(name)
    except NotHereError:
        spec = specs.get(hub.download(source.read(name), downloading)[0].text)
    except MissingSettingsError as missing:
        hub.download(missing.settings, downloading, settings_alone=True)
        spec = specs.get(name)
    except (CheckpointError, DamagedFileError):
        if not _on_the_hub(name):
            raise
        spec = specs.get(hub.download(source.read(name), downloading)[0].text)
    if not spec.built_in:
        _hash(spec, report)
    return spec


def _on_the_hub(name: str) -> bool:
    return source.read(name).kind == source.HUB


def _hash(spec: ModelSpec, report: Report) -> None:
    """File by file, so that one may stop between two."""
    sizes = {file: file.stat().st_size for file in spec.checkpoint.files}
    done, total = 0, sum(sizes.values())
    for file, size in sizes.items():
        report(READING, done, total)
        weights.sha256(file)
        done += size
