"""OpenPGP keys of a connection, for the files that go through it: `pgp` of its document, or older ones of `ftp`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.connections.reading import Reader


@dataclass(frozen=True)
class PgpKeys:
    """`public` is the receiver's, for what is written; `private` our own, for what is read. Armored, as text."""

    public: str = ""
    private: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


NO_KEYS = PgpKeys()


def parse_pgp(document: Mapping[str, Any], *, type: str) -> PgpKeys:
    """Raises ValidationError naming the member."""
    pgp = Reader(document, "").child("pgp", required=False)
    older = Reader(document, "").child("ftp", required=False) if type == "ftp" else Reader({}, "ftp")
    return PgpKeys(
        public=pgp.text("publicKey") or older.text("pgpEncryptKey"),
        private=pgp.text("privateKey") or older.text("pgpDecryptKey"),
        passphrase=pgp.text("passphrase") or older.text("pgpPassphrase"),
    )
