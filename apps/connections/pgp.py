"""Files encrypted with OpenPGP, in and out. The surprise: plain text lies in a temporary file of ours meanwhile, since
what is read may be larger than memory; the library is loaded with the first key.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from apps.connections.documents.pgp import PgpKeys
from apps.core.errors import ValidationError
from apps.engine.formats import FormatError

PIECE = 256 * 1024


@contextmanager
def decrypted(stream: BinaryIO, keys: PgpKeys) -> Iterator[BinaryIO]:
    """What a file says. Raises FormatError for one that these keys do not open, ValidationError without a key."""
    key = own_key(keys)
    with tempfile.TemporaryDirectory(prefix="junction-") as folder:
        sealed, plain = Path(folder) / "sealed", Path(folder) / "plain"
        with sealed.open("wb") as copy:
            shutil.copyfileobj(stream, copy, PIECE)
        try:
            _library().decrypt_file(sealed, plain, decryptor=key)
        except RuntimeError as error:
            raise FormatError(f"The file cannot be decrypted: {_said(error)}") from None
        sealed.unlink()
        with plain.open("rb") as opened:
            yield opened


def encrypted(pieces: Iterable[bytes], keys: PgpKeys) -> Iterator[bytes]:
    """The armored message. Raises ValidationError without a key."""
    receiver = receivers_key(keys)
    with tempfile.TemporaryDirectory(prefix="junction-") as folder:
        plain, sealed = Path(folder) / "plain", Path(folder) / "sealed"
        with plain.open("wb") as copy:
            for piece in pieces:
                copy.write(piece)
        try:
            _library().encrypt_file(plain, sealed, recipients=[receiver])
        except RuntimeError as error:
            raise FormatError(f"The file cannot be encrypted: {_said(error)}") from None
        plain.unlink()
        with sealed.open("rb") as message:
            while piece := message.read(PIECE):
                yield piece


def check_keys(keys: PgpKeys) -> None:
    """Raises ValidationError naming the one that is none."""
    if keys.public:
        receivers_key(keys)
    if keys.private:
        own_key(keys)


def receivers_key(keys: PgpKeys) -> Any:
    if not keys.public:
        raise ValidationError("The connection has no public key to encrypt files with.", field="pgp.publicKey")
    try:
        return _library().Cert.from_bytes(keys.public.encode())
    except RuntimeError as error:
        raise ValidationError(f"pgp.publicKey: is no OpenPGP key: {_said(error)}.", field="pgp.publicKey") from None


def own_key(keys: PgpKeys) -> Any:
    if not keys.private:
        raise ValidationError("The connection has no private key to decrypt files with.", field="pgp.privateKey")
    try:
        return _library().Tsk.from_bytes(keys.private.encode()).decryptor(keys.passphrase or None)
    except RuntimeError as error:
        wrong = f"pgp.privateKey: cannot be used, with this pgp.passphrase: {_said(error)}."
        raise ValidationError(wrong, field="pgp.privateKey") from None


def _library() -> Any:
    return import_module("pysequoia")


def _said(error: RuntimeError) -> str:
    """The first line: the others are where in the library it was."""
    return str(error).partition("\n")[0].rstrip(".")
