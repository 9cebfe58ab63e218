"""A TCP connection to an address that has been checked, for protocols that have libraries of their own."""

from __future__ import annotations

import socket

from ..addresses import allow_entries, check_address, resolve_checked
from ..errors import ConnectFailed

CONNECT_SECONDS = 10.0


def dial(host: str, port: int, *, timeout: float) -> socket.socket:
    """Tries the name's addresses in turn. `timeout` in seconds stays on the socket for each read and write."""
    last: OSError | None = None
    for address in resolve_checked(host, port):
        try:
            found = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
        except OSError as error:
            last = error
            continue
        found.settimeout(timeout)
        return found
    raise ConnectFailed(f"{host}:{port} cannot be reached: {last or 'it has no address'}.") from last


def dial_again(peer: socket.socket, host: str, port: int, *, timeout: float) -> socket.socket:
    """Another port of the very address that a connection leads to."""
    address = str(peer.getpeername()[0])
    check_address(address, port=port, host=host, allow=allow_entries())
    try:
        return socket.create_connection((address, port), timeout=timeout)
    except OSError as error:
        raise ConnectFailed(f"{host}:{port} cannot be reached for the transfer: {error}.") from error
