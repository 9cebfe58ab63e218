"""Mail through a mail server of a connection's own: one session, mail by mail. The write kind is `none`.

The surprise: a mail whose text was under way when the line broke may have been taken; one that was not, was not.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, Literal

from django.core.mail.message import BadHeaderError, sanitize_address

from .connector import ssl_context
from .context import DEFAULT_TLS, Mode, SendContext, Tls
from .errors import Category, ConnectFailed, Disconnected, InvalidRequest, MailFailed
from .files.dialing import dial
from .mail import Mail, check, message_of, recorded, refused
from .permits import permit
from .transactions import refuse_in_transaction

ANSWER_SECONDS = 60.0
Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """`security`: `tls` from the first byte on, `starttls` before the login, or `none`. Without `user` no login."""

    host: str
    port: int
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = DEFAULT_TLS


@contextmanager
def open_mail(server: MailServer, context: SendContext) -> Iterator[MailSession]:
    """Outside of live mode nobody is called. Raises GatewayError."""
    refuse_in_transaction()
    if context.mode is not Mode.LIVE:
        yield MailSession(server, context, None)
        return
    with permit(context):
        client = _connect(server)
        try:
            yield MailSession(server, context, client)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()


class MailSession:
    def __init__(self, server: MailServer, context: SendContext, client: smtplib.SMTP | None) -> None:
        self._server, self._context, self._client = server, context, client

    def send(self, mail: Mail) -> dict[str, str]:
        """The recipients that were refused while others were taken, with the server's words. Raises GatewayError.

        MailFailed is the mail's own trouble; Disconnected ends the session.
        """
        check(mail)
        return recorded(mail, self._context, lambda: self._deliver(mail)) or {}

    def probe(self) -> None:
        if self._client is not None:
            self._ask(self._client.noop)

    def _deliver(self, mail: Mail) -> dict[str, str]:
        if self._client is None:
            raise RuntimeError("a mail is delivered in live mode alone")
        client = self._client
        try:
            message = message_of(mail)
            made: Any = message.message()  # Django's own, which takes the end of lines
            content = made.as_bytes(linesep="\r\n")
        except BadHeaderError as error:
            raise InvalidRequest(f"The mail cannot be sent: {error}.") from error
        try:
            self._ask(lambda: client.mail(bare(mail.sender)), what=f"the sender {mail.sender}")
            declined: dict[str, tuple[int, bytes]] = {}
            everyone = [bare(address) for address in message.recipients()]
            for address in everyone:
                code, said = self._answer(lambda address=address: client.rcpt(address))
                if code not in (250, 251):
                    declined[address] = (code, said)
            if len(declined) == len(everyone):
                code, said = next(iter(declined.values()))
                raise refused(code, said, what=", ".join(declined))
            self._ask(lambda: client.data(content), maybe_sent=True)
        except MailFailed:
            with suppress(OSError, smtplib.SMTPException):
                client.rset()  # the next mail begins anew
            raise
        return {address: f"{code} {said.decode(errors='replace')}" for address, (code, said) in declined.items()}

    def _ask(self, ask: Any, *, what: str = "", maybe_sent: bool = False) -> None:
        code, said = self._answer(ask, maybe_sent=maybe_sent)
        if not 200 <= code < 300:
            raise refused(code, said, what=what)

    def _answer(self, ask: Any, *, maybe_sent: bool = False) -> tuple[int, bytes]:
        try:
            code, said = ask()
        except smtplib.SMTPDataError as error:
            return error.smtp_code, _bytes(error.smtp_error)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Disconnected(f"{self._server.host} hung up: {error}.", maybe_sent=maybe_sent) from error
        return code, _bytes(said)


def bare(address: str) -> str:
    """Without the name before it, and with its host as it is asked for on the wire."""
    return parseaddr(sanitize_address(address, "utf-8"))[1]


def _connect(server: MailServer) -> smtplib.SMTP:
    client = _Guarded(server)
    try:
        code, said = client.connect(server.host, server.port)
        if code != 220:
            raise ConnectFailed(f"{server.host} answered {code} {_bytes(said).decode(errors='replace')}.")
        client.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            client.starttls(context=ssl_context(server.tls))
            client.ehlo_or_helo_if_needed()
        if server.user:
            client.login(server.user, server.password)
    except ConnectFailed:
        client.close()
        raise
    except ssl.SSLError as error:
        client.close()
        raise ConnectFailed(
            f"{server.host} and we do not agree on TLS: {error}.", category=Category.CONFIGURATION
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        client.close()
        raise ConnectFailed(
            f"{server.host} refuses the login of {server.user}: {error.smtp_code}.", category=Category.CONFIGURATION
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        client.close()
        raise ConnectFailed(f"{server.host}: {error}", category=Category.CONFIGURATION) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise ConnectFailed(f"{server.host}:{server.port} does not answer as a mail server: {error}.") from error
    except BaseException:
        client.close()
        raise
    return client


class _Guarded(smtplib.SMTP):
    """The library's client, over a socket to an address that was checked."""

    def __init__(self, server: MailServer) -> None:
        super().__init__(local_hostname="junction", timeout=ANSWER_SECONDS)
        self._server, self._host = server, server.host  # `_host` is the name that STARTTLS verifies

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        line = dial(host, port, timeout=timeout)
        if self._server.security != "tls":
            return line
        try:
            return ssl_context(self._server.tls).wrap_socket(line, server_hostname=host)
        except BaseException:
            line.close()
            raise


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()
