"""The data directory: one embedded process at a time uses it, and says so in a file that the second one reads."""

import fcntl
import os
from pathlib import Path
from typing import TextIO

FILE = "up.lock"


class DirectoryInUseError(Exception):
    """The message says who holds it."""


def lock(directory: Path, *, address: str) -> TextIO:
    """Held until the returned file is closed or the process ends, however it ends."""
    directory.mkdir(parents=True, exist_ok=True)
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
