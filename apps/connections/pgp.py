"""Files encrypted with OpenPGP, in and out. The surprise: plain text lies in a temporary file of ours meanwhile, since
what is read may be larger than memory; the library is loaded with the first key. A message may be packed, so a process
of its own opens it, whose file the system lets grow no further than an archive's.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from apps.connections.documents.pgp import PgpKeys
from apps.core.errors import ValidationError
from apps.engine.formats import FormatError, archives

PIECE = 256 * 1024
OPENING = Path(__file__).with_name("pgp_opening.py")


@contextmanager
def decrypted(stream: BinaryIO, keys: PgpKeys) -> Iterator[BinaryIO]:
    """What a file says. Raises ValidationError without a key, FormatError for a file that these keys do not open or
    that unpacks to more than is allowed.
    """
    own_key(keys)
    with tempfile.TemporaryDirectory(prefix="junction-") as folder:
        sealed, plain = Path(folder) / "sealed", Path(folder) / "plain"
        with sealed.open("wb") as copy:
            shutil.copyfileobj(stream, copy, PIECE)
        _open(sealed, plain, keys)
        sealed.unlink()
        with plain.open("rb") as opened:
            yield opened


def _open(sealed: Path, plain: Path, keys: PgpKeys) -> None:
    """The surprise: the library holds the interpreter while it decrypts, which is why none of ours waits for it."""
    most = archives.most_unpacked(sealed.stat().st_size)
    asked = {
        "sealed": str(sealed),
        "plain": str(plain),
        "most": most,
        "private": keys.private,
        "passphrase": keys.passphrase,
    }
    opening = subprocess.run(  # noqa: S603 - our own interpreter and script; the key is told by no argument
        [sys.executable, "-I", str(OPENING)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env={},
        check=False,
    )
    if opening.returncode == 0:
        return
    if plain.exists() and plain.stat().st_size >= most:
        raise FormatError("The file is encrypted and unpacks to more than is allowed")
    why = _said(opening.stdout) or f"its process ended with {opening.returncode}"
    raise FormatError(f"The file cannot be decrypted: {why}")


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


def _said(error: object) -> str:
    """The first line: the others are where in the library it was."""
    return str(error).partition("\n")[0].rstrip(".")
