"""The data directory: one embedded process at a time uses it, and says so in a file that the second one reads."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

import structlog

log = structlog.get_logger(__name__)
FILE = "up.lock"
# What stands in it, and is nobody else's to read: keys, sessions and hashes, tenants' files, copies of all that.
OWN = ("secrets.json*", "*.sqlite3", "*.sqlite3-*", FILE, "files", "backups")
OTHERS = 0o077


class DirectoryInUseError(Exception):
    """The message says who holds it."""


def lock(directory: Path, *, address: str) -> TextIO:
    """Held until the returned file is closed or the process ends, however it ends. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.fdopen(os.open(directory / FILE, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = handle.read().strip() or "another process"
        handle.close()
        raise DirectoryInUseError(f"{directory} is in use by {holder}") from None
    handle.truncate(0)
    handle.write(f"process {os.getpid()}, which serves {address}")
    handle.flush()
    return handle


def close_to_others(directory: Path) -> list[str]:
    """Takes everybody else's rights from what is there, as after a copy or a restore; the names it did so for."""
    closed = []
    for path in sorted(found for name in OWN for found in directory.glob(name)):
        mode = path.lstat().st_mode
        if path.is_symlink() or not mode & OTHERS:
            continue
        try:
            path.chmod(mode & ~OTHERS)
        except OSError as error:
            log.warning("others may read what is not theirs", path=str(path), error=str(error))
        else:
            closed.append(path.name)
    if closed:
        log.info("took others' rights to files of the data directory", files=closed)
    return closed
