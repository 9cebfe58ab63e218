"""aiohttp with the address guard built in: names are checked when they resolve and again when a socket is made.

The second check sees the very address that is about to be dialled, so an answer that changes in between gains nothing,
and IP literals, which never pass a resolver, are met as well.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import ssl
import tempfile
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from apps.core.networks import AllowedNetwork

from .addresses import check_address, select_addresses
from .context import Tls
from .errors import Category, ConnectFailed

CONNECT_TIMEOUT = 10.0
# Shorter than the five seconds at which common servers hang up: less chance to write into a closing connection.
KEEPALIVE_SECONDS = 4.0
MAX_CONNECTIONS = 512

# The host that the call under way names, for exceptions that are given by name.
dialled_host: ContextVar[str] = ContextVar("dialled_host", default="")


class GuardedResolver(AbstractResolver):
    """The system's resolver, minus the addresses that may not be reached."""

    def __init__(self, allow: tuple[AllowedNetwork, ...]) -> None:
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        kept = select_addresses(
            (_numeric(info[4]) for info in infos), port=port, host=host.rstrip(".").lower(), allow=self._allow
        )
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=_numeric(info[4]), port=port, family=info[0], proto=info[2], flags=flags)
            for info in infos
            if _numeric(info[4]) in kept
        ]

    async def close(self) -> None:
        """Nothing is held."""


def open_session(allow: tuple[AllowedNetwork, ...]) -> aiohttp.ClientSession:
    """A pool without cookies, proxies, automatic decompression, redirects or hidden repetition."""

    def make_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, proto, _, address = info
        check_address(_numeric(address), port=address[1], host=dialled_host.get(), allow=allow)
        return socket.socket(family=family, type=kind, proto=proto)

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=GuardedResolver(allow),
            socket_factory=make_socket,
            limit=MAX_CONNECTIONS,
            keepalive_timeout=KEEPALIVE_SECONDS,
            ttl_dns_cache=10,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("Content-Type",),
        headers={"User-Agent": "Junction", "Accept-Encoding": "gzip, deflate"},
    )
    # aiohttp repeats PUT and DELETE on its own when a kept connection breaks; whether that is right, we decide.
    session._retry_connection = False
    return session


def _numeric(address: tuple[Any, ...]) -> str:
    """The address of a sockaddr, with its zone, which the guard must see."""
    if len(address) == 4 and address[3]:
        return f"{address[0].partition('%')[0]}%{address[3]}"
    return str(address[0])


@lru_cache(maxsize=256)
def ssl_option(tls: Tls) -> ssl.SSLContext | bool:
    """What aiohttp takes as `ssl`: True is its own verifying context."""
    if tls == Tls():
        return True
    return ssl_context(tls)


def ssl_context(tls: Tls) -> ssl.SSLContext:
    """A client context; ConnectFailed names the certificate or key that cannot be used."""
    context = ssl.create_default_context()
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        if tls.ca:
            context.load_verify_locations(cadata=tls.ca)
        if tls.certificate:
            _load_certificate(context, tls)
    except (ssl.SSLError, ValueError) as error:
        what = "client certificate or its key" if tls.certificate else "certificate authority"
        raise ConnectFailed(f"The {what} cannot be used: {error}.", category=Category.CONFIGURATION) from error
    return context


def _load_certificate(context: ssl.SSLContext, tls: Tls) -> None:
    # The ssl module reads certificates from files only; this one is ours alone and gone at once.
    handle, name = tempfile.mkstemp(prefix="junction-tls-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{tls.certificate}\n{tls.key}\n")
        context.load_cert_chain(name, password=tls.passphrase or "")
    finally:
        Path(name).unlink()


def pem_file(text: str) -> str:
    """A private file with this PEM text, for libraries that take a path only; one per text and process."""
    return _pem_file(text, os.getpid())


@lru_cache(maxsize=64)
def _pem_file(text: str, pid: int) -> str:
    folder = Path(tempfile.mkdtemp(prefix=f"junction-pem-{pid}-"))
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.pem"
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)
