"""Pictures by key, in a folder or in S3: every picture of a job is named by its key, never carried along."""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio.to_thread
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from bridge.errors import ConfigError, NotFound, StorageUnavailable

LOG = logging.getLogger("vfr.storage")

_KEY = re.compile(r"(?!\.)[A-Za-z0-9._=@-]{1,128}(?:/(?!\.)[A-Za-z0-9._=@-]{1,128}){0,15}", re.ASCII)
"""Parts that begin with no dot, so neither ``..`` nor a hidden file; S3 takes 1024 bytes, a file name 255."""
_PROBE = "readiness/probe"
"""What :meth:`Blobs.check` writes and reads; all replicas share it."""
_RETRIES = 4
"""How often a request to S3 is tried again."""
_RETRY_TIME = timedelta(seconds=20)
"""After this the caller hears of S3's trouble; the job engine has longer breath than a request."""


class Blobs:
    """A store of bytes. Writing is atomic: nobody ever reads half a picture, whoever is killed."""

    def __init__(self, url: str) -> None:
        """Open the store; a folder is made and looked at, of S3 nothing is asked yet.

        Args:
            url: ``file:///path``, or ``s3://bucket/prefix`` with the usual variables of the environment:
                ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``, and ``AWS_ENDPOINT_URL`` for
                another server than Amazon's, which may be ``http://…``.

        Raises:
            ConfigError: the address is neither, or strangers may write to the folder.
        """
        self._folder = _folder(url) if url.startswith("file:") else None
        self._store = LocalStore(self._folder) if self._folder else _s3(url)

    async def put(self, key: str, data: bytes, *, once: bool = False) -> bool:
        """Write a blob.

        Args:
            key: parts of letters, digits and ``._=@-`` with slashes between them.
            data: the whole blob.
            once: leave a blob that is there already as it is.

        Returns:
            Whether the blob was written; False only with ``once``. Of many at the same time at most one gets
            True: none does when S3 took the blob and its answer was lost on the way.

        Raises:
            StorageUnavailable: the store is down or full; nothing of this key was changed.
        """
        with _trouble():
            try:
                await obstore.put_async(
                    self._store, self._safe(key), data, mode="create" if once else "overwrite"
                )
            except AlreadyExistsError:
                return False
        return True

    async def get(self, key: str) -> bytes:
        """Read a blob.

        Raises:
            NotFound: there is none of this key.
            StorageUnavailable: the store is down.
        """
        with _trouble():
            try:
                found = await obstore.get_async(self._store, self._safe(key))
            except FileNotFoundError as error:
                raise NotFound("This picture is not kept any more, or never was.") from error
            return (await found.bytes_async()).to_bytes()

    async def exists(self, key: str) -> bool:
        """Say whether there is a blob of this key."""
        with _trouble(), suppress(FileNotFoundError):
            await obstore.head_async(self._store, self._safe(key))
            return True
        return False

    async def names(self, prefix: str) -> list[str]:
        """Return the keys of all blobs below a prefix, in order: ``a/b`` has ``a/b/c`` below it, not ``a/bc``."""
        with _trouble():
            self._safe(prefix)
            found = [
                blob["path"] async for batch in obstore.list(self._store, prefix=prefix) for blob in batch
            ]
            return sorted(name for name in found if self._inside(name))

    async def delete(self, prefix: str) -> int:
        """Delete the blob of this key and all blobs below it; return how many there were.

        Doing it again is harmless, and what a killed writer left behind goes too.
        """
        names = await self.names(prefix)
        if prefix not in names and await self.exists(prefix):
            names.append(prefix)
        with _trouble():
            for name in names:
                with suppress(FileNotFoundError):  # somebody else deletes too
                    await obstore.delete_async(self._store, name)
            if self._folder:
                await anyio.to_thread.run_sync(_tidy, self._folder / prefix)
        return len(names)

    async def check(self) -> None:
        """Write and read a few bytes.

        Raises:
            StorageUnavailable: one of them fails; the sentence says why where that is known.
        """
        await self.put(_PROBE, b"ready")
        try:
            await self.get(_PROBE)
        except NotFound as error:
            raise StorageUnavailable("The store of pictures forgets what was written.") from error

    def _safe(self, key: str) -> str:
        if not _KEY.fullmatch(key) or not self._inside(key):
            raise NotFound("There is no picture of that name.")
        return key

    def _inside(self, key: str) -> bool:
        """Say whether a key leads to where it says: obstore would follow a link out of the folder."""
        parts = accumulate(key.split("/"), "{}/{}".format, initial=str(self._folder))
        return not self._folder or not any(os.path.islink(part) for part in parts)  # noqa: PTH114 - a Path takes 5 times as long


def _folder(url: str) -> Path:
    """Make the folder, and make sure that nobody else can plant links in it."""
    path = Path(unquote(urlsplit(url).path))
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        status = os.fstat(handle)
        os.close(handle)
    except OSError as error:
        words = (
            f"The folder of pictures, {path}, can't be used ({error.strerror}). Please name a real folder."
        )
        raise ConfigError(words) from error
    if status.st_mode & stat.S_IWOTH or status.st_uid not in {0, os.geteuid()}:
        raise ConfigError(
            f"Others may write to the folder of pictures, {path}. Please give it to this user alone."
        )
    return path.resolve()


def _s3(url: str) -> ObjectStore:
    address = urlsplit(url)
    if address.scheme != "s3" or not address.netloc:
        raise ConfigError(f"VFR_BLOBS_URL says {url!r}; it takes file:///folder or s3://bucket/prefix.")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    return S3Store(
        address.netloc,
        prefix=address.path.strip("/") or None,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": "3s",
            "timeout": "30s",
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": _RETRY_TIME},
    )


def _tidy(folder: Path) -> None:
    """Remove empty folders, and the ``name#1`` of writers that were killed."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _trouble() -> Iterator[None]:
    """Turn what the store says into our error; the log gets the details, which name folders and hosts."""
    try:
        yield
    except (BaseError, OSError) as error:
        LOG.warning("the store of pictures: %s", str(error).partition("\n")[0])
        full = getattr(error, "errno", None) == errno.ENOSPC or f"(os error {errno.ENOSPC})" in str(error)
        words = "is full" if full else "can't be used now"
        raise StorageUnavailable(f"The store of pictures {words}. Please try again later.") from error
