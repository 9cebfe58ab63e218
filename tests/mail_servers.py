"""Somebody else's mail server on loopback (aiosmtpd)."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.file_servers import PASSWORD, USER, certified


@dataclass
class Letter:
    sender: str
    recipients: list[str]
    message: EmailMessage


@dataclass
class Post:
    """`answers` are words for a recipient instead of 250; `hang_up_after` ends a line after so many mails."""

    port: int = 0
    certificate: str = ""
    letters: list[Letter] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    sessions: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    to_data: list[str] = field(default_factory=list)  # words instead of taking the next mails; "hang up" does that


@contextmanager
def mail_server(*, folder: Path | None = None, port: int = 0, logs_in: bool = True) -> Iterator[Post]:
    """With `folder`, by STARTTLS alone, with a certificate that is made there."""
    post = Post()

    class Handler:
        async def handle_EHLO(self, server, session, envelope, hostname, responses):
            post.sessions += not session.ssl
            session.host_name = hostname
            return responses

        async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
            said = post.answers.get(address, "250 OK")
            if said.startswith("250"):
                envelope.rcpt_tos.append(address)
            return said

        async def handle_DATA(self, server, session, envelope):
            said = post.to_data.pop(0) if post.to_data else ""
            if said == "hang up":
                server.transport.abort()
                return "421 gone"
            if said:
                return said
            message = message_from_bytes(envelope.content, policy=default)
            post.letters.append(Letter(envelope.mail_from, list(envelope.rcpt_tos), message))
            return "250 taken"

    def authenticate(server, session, envelope, mechanism, data):
        post.logins.append(data.login.decode())
        known = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=known, handled=False)

    options = {"auth_require_tls": folder is not None, "authenticator": authenticate, "auth_required": logs_in}
    if folder is not None:
        post.certificate = certified(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        options |= {"tls_context": context, "require_starttls": True}
    controller = Controller(Handler(), hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    post.port = controller.port
    try:
        yield post
    finally:
        controller.stop()


def free_port() -> int:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
