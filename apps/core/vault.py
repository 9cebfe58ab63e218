"""Encrypts secrets at rest: AES-GCM under a key per purpose, bound to the row that holds them.

Purpose and row are authenticated but not stored: an envelope copied to another row does not open there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

MASK = "******"

_VERSION = 1
_NONCE = 12
_TAG = 16
_KEY_BYTES = 32


class VaultError(Exception):
    """A secret cannot be sealed or opened."""


class NoKeysError(VaultError):
    """JUNCTION_KEYS is empty, or a key in it is not 32 bytes long."""


class UnknownKeyError(VaultError):
    """Sealed under a key that JUNCTION_KEYS does not list (any more)."""


class CannotOpenError(VaultError):
    """Damaged, or sealed for another row or purpose."""


class MaskError(VaultError):
    """`******` was written where no secret is stored."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: {MASK} stands for a stored secret, but none is stored here.")
        self.path = path


def encrypt(plaintext: bytes, *, purpose: str, row: object) -> bytes:
    """The envelope of `plaintext` for this purpose (`connection.secret`) and row (its id), under the newest key."""
    key_id, key = _keys()[0]
    head = bytes((_VERSION, len(key_id.encode()))) + key_id.encode()
    nonce = os.urandom(_NONCE)
    return head + nonce + _cipher(key, purpose).encrypt(nonce, plaintext, _bound(head, purpose, row))


def decrypt(envelope: bytes | memoryview, *, purpose: str, row: object) -> bytes:
    """Raises UnknownKeyError or CannotOpenError."""
    head, key_id, sealed = _parse(bytes(envelope))
    key = dict(_keys()).get(key_id)
    if key is None:
        raise UnknownKeyError(f"This secret is sealed under key {key_id!r}, which JUNCTION_KEYS does not list.")
    try:
        return _cipher(key, purpose).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(head, purpose, row))
    except InvalidTag:
        raise CannotOpenError(
            f"This secret does not open as {purpose!r} of row {row}: it is damaged, was sealed for another row, "
            f"or key {key_id!r} has changed its value."
        ) from None


def encrypt_json(document: Any, *, purpose: str, row: object) -> bytes:
    return encrypt(orjson.dumps(document), purpose=purpose, row=row)


def decrypt_json(envelope: bytes | memoryview, *, purpose: str, row: object) -> Any:
    """The document; an empty envelope, as a column's default is, holds an empty one."""
    return orjson.loads(decrypt(envelope, purpose=purpose, row=row)) if envelope else {}


def needs_rotation(envelope: bytes | memoryview) -> bool:
    """Whether it was sealed under another key than the newest."""
    return bool(envelope) and _parse(bytes(envelope))[1] != _keys()[0][0]


def rotate(envelope: bytes | memoryview, *, purpose: str, row: object) -> bytes:
    """The same secret under the newest key; unchanged if it is there already."""
    if not needs_rotation(envelope):
        return bytes(envelope)
    return encrypt(decrypt(envelope, purpose=purpose, row=row), purpose=purpose, row=row)


def mask(document: Any, secret_paths: Iterable[str]) -> Any:
    """A copy with `******` at every secret path that holds something. `*` in a path stands for any key or item."""
    for path in secret_paths:
        document = _masked(document, path.split("."))
    return document


def unmask(new: Any, stored: Any, secret_paths: Iterable[str] | None = None) -> Any:
    """A copy of `new` where `******` is what `stored` has there; MaskError where it has nothing.

    Items of lists belong together by `_id`, `id` or `name` if they have one, else by position. With `secret_paths`,
    `******` elsewhere is ordinary text.
    """
    wanted = None if secret_paths is None else [path.split(".") for path in secret_paths]
    return _unmasked(new, stored, wanted, ())


def _keys() -> Sequence[tuple[str, bytes]]:
    keys: Sequence[tuple[str, bytes]] = settings.JUNCTION_KEYS
    if not keys:
        raise NoKeysError("JUNCTION_KEYS is empty: there is no key to seal secrets with.")
    return keys


@lru_cache(maxsize=128)
def _cipher(key: bytes, purpose: str) -> AESGCM:
    if len(key) != _KEY_BYTES:
        raise NoKeysError(f"A key in JUNCTION_KEYS is {len(key)} bytes long; {_KEY_BYTES} are needed.")
    derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"junction vault " + purpose.encode()).derive(key)
    return AESGCM(derived)


def _bound(head: bytes, purpose: str, row: object) -> bytes:
    return head + b"\0" + purpose.encode() + b"\0" + str(row).encode()


def _parse(envelope: bytes) -> tuple[bytes, str, bytes]:
    """(head, key id, nonce and ciphertext)."""
    end = 2 + envelope[1] if len(envelope) > 1 else 0
    if not end or envelope[0] != _VERSION or len(envelope) < end + _NONCE + _TAG:
        raise CannotOpenError("This is not a sealed secret, or it was cut short.")
    try:
        return envelope[:end], envelope[2:end].decode(), envelope[end:]
    except UnicodeDecodeError:
        raise CannotOpenError("This is not a sealed secret: its key id cannot be read.") from None


def _masked(value: Any, path: Sequence[str]) -> Any:
    if not path:
        return value if value in (None, "") else MASK
    key, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        chosen = value.keys() if key == "*" else {key} & value.keys()
        return {k: _masked(v, rest) if k in chosen else v for k, v in value.items()} if chosen else value
    if isinstance(value, list):
        return [_masked(item, rest if key == "*" else path) for item in value]
    return value


def _unmasked(new: Any, stored: Any, wanted: list[list[str]] | None, path: tuple[str, ...]) -> Any:
    if isinstance(new, Mapping):
        known = stored if isinstance(stored, Mapping) else {}
        return {key: _unmasked(value, known.get(key), wanted, (*path, str(key))) for key, value in new.items()}
    if isinstance(new, list):
        known_items = stored if isinstance(stored, list) else []
        return [
            _unmasked(item, _counterpart(item, index, known_items), wanted, (*path, str(index)))
            for index, item in enumerate(new)
        ]
    if new != MASK or (wanted is not None and not any(_matches(path, pattern) for pattern in wanted)):
        return new
    if stored is None:
        raise MaskError(".".join(path) or "document")
    return stored


def _counterpart(item: Any, index: int, stored: list[Any]) -> Any:
    if isinstance(item, Mapping):
        for name in ("_id", "id", "name"):
            if name in item and item[name] != MASK:
                return next((old for old in stored if isinstance(old, Mapping) and old.get(name) == item[name]), None)
    return stored[index] if index < len(stored) else None


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """As in `mask`: a pattern may leave out the positions in lists, or name them by `*`; below a hit all is secret."""
    if not pattern:
        return True
    if not path:
        return False
    if pattern[0] in ("*", path[0]) and _matches(path[1:], pattern[1:]):
        return True
    return path[0].isdigit() and _matches(path[1:], pattern)
