"""A node's secrets: given by JUNCTION_SECRET_KEY and JUNCTION_KEYS, or made once in the data directory, mode 0600."""

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from apps.core.environment import refuse, text

FILE = "secrets.json"
# Commands that only look, or ask for an installation that is there: these leave no file behind where there is none.
LOOKING = {"alive", "check", "createkey", "doctor", "gaps", "help", "resetpassword", "scheduler", "web", "worker"}


@dataclass(frozen=True)
class Secrets:
    """`vault` lists (key id, 32 bytes), newest first: the first encrypts, all decrypt. Not `kept`: of this process."""

    django: str
    vault: list[tuple[str, bytes]]
    kept: bool = True


def load_secrets(data_dir: Path) -> Secrets:
    """Ends the process with a sentence when a key cannot be read or the data directory cannot be used."""
    given, keys = text("JUNCTION_SECRET_KEY"), text("JUNCTION_KEYS")
    if given and len(given) < 32:
        refuse("JUNCTION_SECRET_KEY", "must be at least 32 characters long")
    try:
        vault = parse_keys(keys)
    except ValueError as error:
        refuse("JUNCTION_KEYS", error)
    if given and vault:
        return Secrets(given, vault)
    path = data_dir / FILE
    try:
        if not path.exists() and looks_only(sys.argv[1:]):
            return Secrets(given or secrets.token_urlsafe(48), vault or parse_keys(new_vault_key()), kept=False)
        if not path.exists():
            write_new(path)
        stored = json.loads(path.read_text())
        return Secrets(given or stored["django"], vault or parse_keys(stored["vault"]))
    except OSError as error:
        refuse("JUNCTION_DATA", f"the directory cannot be used ({error})")
    except (ValueError, KeyError) as error:
        refuse("JUNCTION_DATA", f"{path} is damaged ({error!r}); restore it from a backup, or its secrets are lost")


def looks_only(arguments: list[str]) -> bool:
    """Whether `manage.py` was called so. A process without the secrets can read nothing that is encrypted with them."""
    return bool(LOOKING.intersection(arguments[:1]) or {"--help", "-h"}.intersection(arguments))


def parse_keys(keys: str) -> list[tuple[str, bytes]]:
    """`id:base64,id:base64`, newest first. Raises ValueError, which never repeats the key."""
    found = []
    for number, part in enumerate(filter(None, keys.split(",")), start=1):
        key_id, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        except ValueError:
            key = b""
        if not key_id or len(key) != 32:
            raise ValueError(f"vault key {number} must read id:base64 of 32 bytes")
        found.append((key_id, key))
    return found


def new_vault_key() -> str:
    return f"k{secrets.token_hex(3)}:{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"


def write_new(path: Path) -> None:
    """Two processes may start at once: the file appears whole, and the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{FILE}.{os.getpid()}")
    part.unlink(missing_ok=True)  # left by a process that was killed and had our id
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        json.dump({"django": secrets.token_urlsafe(48), "vault": new_vault_key()}, handle)
        handle.flush()
        os.fsync(handle.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass  # another process won: its secrets are the node's
    finally:
        part.unlink()
