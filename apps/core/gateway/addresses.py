"""Which addresses connections may reach; the check works on resolved addresses, so spelling cannot get around it.

`is_global` alone is not enough: it passes NAT64 and 6to4 (which carry an IPv4 address inside), and its answer differs
between Python versions. So the networks are listed, and `is_global` is asked as well.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings

from apps.core.networks import AllowedNetwork

from .errors import AddressRefused, Category, ConnectFailed, InvalidRequest

REFUSED: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::1/128", "loopback"),
    ("::ffff:0:0/96", "IPv4-mapped"),
    ("::/96", "IPv4-compatible"),
    ("::ffff:0:0:0/96", "IPv4-translated"),
    ("64:ff9b::/96", "NAT64"),
    ("64:ff9b:1::/48", "NAT64"),
    ("100::/64", "discard"),
    ("2001::/32", "Teredo"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
)
_REFUSED = tuple((ip_network(text), why) for text, why in REFUSED)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?\Z", re.IGNORECASE)


def allow_entries(organization: str = "") -> tuple[AllowedNetwork, ...]:
    """The deployment's exceptions as they are now, for calls of this organization."""
    return tuple(one for one in settings.JUNCTION_ALLOW_NETWORKS if one.organization in ("", organization))


@lru_cache(maxsize=4096)
def refusal(address: str) -> str | None:
    """Why this address is out of bounds for connections, or None."""
    parsed = ip_address(address)
    if parsed.version == 6 and parsed.scope_id is not None:
        return "link-local"
    for network, why in _REFUSED:
        if parsed.version == network.version and parsed in network:
            return why
    return None if parsed.is_global and not parsed.is_multicast else "reserved"


def check_address(address: str, *, port: int, host: str, allow: Sequence[AllowedNetwork]) -> None:
    """Raise AddressRefused unless `address` is public or one of `allow` covers it."""
    why = refusal(address)
    if why is not None and not _excepted(address, port=port, host=host, allow=allow):
        raise AddressRefused(
            f"{host}:{port} leads to {address}, a {why} address. If that is meant, the deployment can allow it "
            f"in JUNCTION_ALLOW_NETWORKS."
        )


def select_addresses(addresses: Iterable[str], *, port: int, host: str, allow: Sequence[AllowedNetwork]) -> list[str]:
    """Those of a name's addresses that may be dialled.

    One refused address condemns the name (half-public answers are how rebinding starts), unless the deployment
    excepts one of the others: then that is what was meant, as with `localhost` and its second address ::1.
    """
    found = list(dict.fromkeys(addresses))
    kept = [a for a in found if refusal(a) is None or _excepted(a, port=port, host=host, allow=allow)]
    if len(kept) == len(found) or any(_excepted(a, port=port, host=host, allow=allow) for a in kept):
        return kept
    for address in found:
        check_address(address, port=port, host=host, allow=allow)
    return kept


def resolve_checked(host: str, port: int) -> list[str]:
    """The addresses of `host` that may be dialled, for transports that block; AddressRefused or ConnectFailed."""
    if not host or not (_HOST.match(host) or _is_literal(host)):
        raise InvalidRequest(f"{host!r} is not a host name.", category=Category.CONFIGURATION)
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectFailed(f"The name {host} does not resolve: {error.strerror or error}.") from error
    return select_addresses((str(info[4][0]) for info in infos), port=port, host=_fold(host), allow=allow_entries())


def _excepted(address: str, *, port: int, host: str, allow: Sequence[AllowedNetwork]) -> bool:
    if not allow:
        return False
    parsed = ip_address(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return any(entry.admits(address=mapped or parsed, port=port, host=_fold(host)) for entry in allow)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _fold(host: str) -> str:
    return host.rstrip(".").lower()
