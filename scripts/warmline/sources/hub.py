"""Files of dataset repositories on the Hugging Face hub: fetched once, and held to what they were then.

HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN and HF_HOME are heeded by huggingface_hub itself.
"""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx2
import huggingface_hub
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from warmline.lineage import complete_files, digests
from warmline.lineage.errors import NotHere, UserError
from warmline.sources import origins
from warmline.sources.origins import HubFile

SECONDS_FOR_AN_ANSWER = 10.0


def fetch(file: HubFile, path: Path) -> None:
    """Bring a file, or the member of an archive, to `path` and record its SHA-256 beside it.

    Raises UserError if the hub does not give it, or gives another one than the configuration or the record names.
    """
    downloaded = _download(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_files.replacing(path) as partial:
        with _opened(downloaded, file) as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target)
        _check(file, path, digests.of_file(partial))


@contextlib.contextmanager
def _opened(downloaded: Path, file: HubFile) -> Iterator[IO[bytes]]:
    """What is read of a file. Raises UserError if it is no archive, or one without the member."""
    if file.member is None:
        with downloaded.open("rb") as source:
            yield source
        return
    if not zipfile.is_zipfile(downloaded):
        raise UserError(f"{file.file} of the dataset {file.hub} is no zip archive. Remove `member`.")
    with zipfile.ZipFile(downloaded) as archive:
        if file.member not in archive.namelist():
            raise UserError(
                f"{file.file} of the dataset {file.hub} holds no {file.member}, but {archive.namelist()[:20]}. "
                "Correct `member`."
            )
        with archive.open(file.member) as source:
            yield source


def _check(file: HubFile, path: Path, sha256: str) -> None:
    """Hold what was fetched to what the configuration and the record expect, and record it."""
    known = origins.recorded(path)
    for expected, who, remedy in (
        (file.sha256, "the configuration expects", "correct `sha256` in the configuration"),
        (known, f"{origins.record_of(path)} records from before", f"delete {origins.record_of(path)}"),
    ):
        if expected is not None and expected != sha256:
            raise UserError(
                f"{file.stored} of {file.hub} at {file.revision}: its sha256 is {sha256}, {who} {expected}: the file "
                f"has changed upstream. If the new file is the right one, {remedy}."
            )
    complete_files.write_text(origins.record_of(path), f"{sha256}  {path.name}\n")


def is_reachable() -> bool:
    """Whether the hub answers."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    try:
        httpx2.head(huggingface_hub.constants.ENDPOINT, timeout=SECONDS_FOR_AN_ANSWER)
    except httpx2.HTTPError:
        return False
    return True


def size(file: HubFile) -> int:
    """The bytes that are to be downloaded for a file: none if the hub's cache has it. Raises UserError as `fetch`."""
    where = {"repo_type": "dataset", "revision": file.revision}
    if isinstance(huggingface_hub.try_to_load_from_cache(file.hub, file.file, **where), str):
        return 0
    with _explained(file):
        url = huggingface_hub.hf_hub_url(file.hub, file.file, **where)
        return huggingface_hub.get_hf_file_metadata(url).size or 0


def _download(file: HubFile) -> Path:
    with _explained(file):
        return Path(huggingface_hub.hf_hub_download(file.hub, file.file, repo_type="dataset", revision=file.revision))


@contextlib.contextmanager
def _explained(file: HubFile) -> Iterator[None]:
    """What the hub says of a file that it does not give, in words of the configuration."""
    what = f"{file.file} of the dataset {file.hub} at {file.revision}"
    try:
        yield
    # A gated repository is a kind of repository that is not found: the order decides.
    except GatedRepoError as error:
        raise UserError(
            f"{what} is gated. Accept its terms at {huggingface_hub.constants.ENDPOINT}/datasets/{file.hub} and set "
            "HF_TOKEN."
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{what}: the hub has no such dataset, or it is private. Correct `hub`, or set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise UserError(f"{what}: the dataset has no such commit. Correct `revision`.") from error
    except RemoteEntryNotFoundError as error:
        raise UserError(f"{what}: there is no such file at that commit. Correct `file`.") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        reason = "HF_HUB_OFFLINE is set" if huggingface_hub.constants.HF_HUB_OFFLINE else "the hub cannot be reached"
        raise NotHere(
            f"{what} is not in the cache of the hub ({huggingface_hub.constants.HF_HUB_CACHE}), and {reason}. Fetch it "
            "where there is a network, or name a local copy under `path`."
        ) from error
    except HfHubHTTPError as error:
        raise NotHere(f"{what} could not be had from the hub: {error}. Try again later.") from error
