"""Checkpoints of the Hugging Face Hub: what is here already, and downloading what is not.

Only settings, vocabularies and .safetensors files are downloaded. A token is found as
huggingface_hub finds it: the variable HF_TOKEN, or what `hf auth login` has stored.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from playground.models import checkpoints, memory
from playground.models.checkpoints import INDEX
from playground.models.source import Source

SETTINGS = (".json", ".txt", ".model")  # of tokenizers too
Report = Callable[[int, int], None]  # bytes done, bytes in all; raises to stop


class HubError(ValueError):
    """Why the Hub did not give a checkpoint, and what to do."""


@dataclass(frozen=True, eq=False)
class Listing:
    """A repository at one commit: its files and their bytes."""

    source: Source  # with the commit as revision
    sizes: dict[str, int]

    def files_of(self, component: str) -> dict[str, int]:
        """By name within the component's folder."""
        begins = f"{component}/"
        mine = {name[len(begins) :]: n for name, n in self.sizes.items() if name.startswith(begins)}
        return {name: size for name, size in mine.items() if "/" not in name}


def cached(source: Source) -> tuple[Source, Path] | None:
    """The checkpoint in the Hub's cache on this machine, with its commit; None if there is none."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.where, INDEX, revision=source.revision or None)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return replace(source, revision=folder.name), folder


def download(source: Source, report: Report, settings_alone: bool = False) -> tuple[Source, Path]:
    """The checkpoint's folder in the Hub's cache, downloaded as far as it is not there.

    What cannot be drawn with, or would not fit into memory or onto the disk, is refused before its
    weights are downloaded. Raises HubError, CheckpointError, UnknownFamilyError, and what `report`
    raises.
    """
    with _said_in_words(source):
        listing = _listing(source)
        if INDEX not in listing.sizes:
            raise HubError(_no_index(listing))
        # By the name that was asked for, so that the cache knows which commit it stands for.
        folder = Path(_fetch(source, INDEX, lambda _: None)).parent
        _, named = checkpoints.read_index(folder)
        wanted = _wanted(listing, named, settings_alone)
        total = sum(listing.sizes[name] for name in wanted)
        if not settings_alone:
            memory.require(total, memory.most_free(), source.label)
        _require_disk(folder, wanted, listing)
        done = 0
        for name in wanted:
            seen = _Counted(report, done, total)
            _fetch(listing.source, name, seen)
            done += listing.sizes[name]
            report(done, total)
    return listing.source, folder


class _Counted:
    """Adds up a file's bytes as they come, and says them with those of the files before."""

    def __init__(self, report: Report, before: int, total: int):
        self._report, self._done, self._total = report, before, total

    def __call__(self, more: int) -> None:
        self._done += more
        self._report(min(self._done, self._total), self._total)


def _listing(source: Source) -> Listing:
    from huggingface_hub import HfApi

    told = HfApi().model_info(
        source.where, revision=source.revision or None, files_metadata=True, timeout=20
    )
    sizes = {file.rfilename: file.size or 0 for file in told.siblings or ()}
    return Listing(replace(source, revision=told.sha or source.revision), sizes)


def _wanted(listing: Listing, named: dict, settings_alone: bool) -> list[str]:
    """The files to download: settings first, so that what is wrong is known early."""
    small, large = [], []
    for name, (library, kind) in named.items():
        files = listing.files_of(name)
        small += [f"{name}/{file}" for file in files if file.endswith(SETTINGS)]
        if settings_alone or kind.endswith(checkpoints.WEIGHTLESS):
            continue
        chosen = checkpoints.choose(
            listing.source.label, name, library, listing.source.variant, files
        )
        large += [f"{name}/{file}" for file in files if _belongs(file, chosen)]
    return small + large


def _belongs(file: str, chosen: str) -> bool:
    """Whether it is the chosen file of weights, or a part that the chosen index names."""
    if not chosen.endswith(".json"):
        return file == chosen
    stem, _, variant = chosen.removesuffix(".json").partition(".safetensors.index")
    marked = re.escape(variant)
    return bool(
        re.fullmatch(rf"{stem}{marked}-\d+-of-\d+\.safetensors", file)
        or re.fullmatch(rf"{stem}-\d+-of-\d+{marked}\.safetensors", file)
    )


def _fetch(source: Source, name: str, seen: Callable[[int], None]) -> str:
    from huggingface_hub import hf_hub_download
    from tqdm import tqdm

    class Bar(tqdm):
        """Shows nothing and says how many bytes came. Of the two bars that Xet storage has for a
        file, the one of writing it to the disk is left out.
        """

        def __init__(self, *_, **options):
            super().__init__(disable=True, total=options.get("total"))
            self._counts = "reconstructing" not in (options.get("desc") or "")
            self.update(options.get("initial") or 0)

        def update(self, n=1):
            if self._counts:
                seen(int(n or 0))

    return hf_hub_download(source.where, name, revision=source.revision or None, tqdm_class=Bar)


def _require_disk(folder: Path, wanted: list[str], listing: Listing) -> None:
    missing = sum(listing.sizes[name] for name in wanted if not (folder / name).exists())
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise HubError(
            f"{listing.source.label} needs {memory.said(missing)} of disk and {memory.said(free)} "
            "are free: make room, or set HF_HOME to a folder on another disk."
        )


def _no_index(listing: Listing) -> str:
    single = sorted(name for name in listing.sizes if name.endswith(".safetensors"))
    if single and "/" not in single[0]:
        return (
            f"{listing.source.label} is no diffusers checkpoint (no {INDEX}): download one of its "
            f"files, such as {single[0]}, and give its path."
        )
    return f"{listing.source.label} is no diffusers checkpoint: it has no {INDEX}; choose another."


@contextmanager
def _said_in_words(source: Source) -> Iterator[None]:
    """Every way in which the Hub fails, as one sentence."""
    from huggingface_hub import errors

    where, at = source.label, f" at {source.revision}" if source.revision else ""
    try:
        yield
    except errors.GatedRepoError as error:
        raise HubError(
            f"{where} is gated: accept its terms on https://huggingface.co/{where}, then give a "
            "token: set HF_TOKEN, or run “hf auth login”."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{where} has no revision {source.revision!r}: check it.") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            f"The Hub has no model {where} that you may see: check how it is written; if it is "
            "private, set HF_TOKEN or run “hf auth login”; for a folder here write ./" + where + "."
        ) from error
    except errors.EntryNotFoundError as error:
        raise HubError(f"A file of {where}{at} could not be found: try again.") from error
    except OSError as error:  # no network, time-outs and what the Hub answers too
        if getattr(error, "errno", None) == 28:
            raise HubError(f"The disk is full: make room for {where} and try again.") from error
        raise HubError(_no_network(where)) from error
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2"):
            raise HubError(_no_network(where)) from error
        raise


def _no_network(where: str) -> str:
    if os.environ.get("HF_HUB_OFFLINE"):
        return f"{where} is not on this machine, and HF_HUB_OFFLINE forbids to download it."
    return (
        f"{where} is not on this machine and the Hub cannot be reached: check the network and try "
        "again, or give the path of a folder."
    )
