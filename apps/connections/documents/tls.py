"""How a connection secures its line."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Tls:
    verify: bool = True
    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


DEFAULT_TLS = Tls()
