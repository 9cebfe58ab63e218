"""A mail server on loopback that keeps what it takes, and refuses or hangs up as it is told."""

import threading
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class Server(Controller):
    """On whatever port is free."""

    def factory(self) -> SMTP:
        return SMTP(self.handler, hostname="mail.example")

    async def _create_server(self):
        server = await super()._create_server()
        self.port = server.sockets[0].getsockname()[1]
        return server


class Mailbox:
    """`letters`: what was delivered, parsed. `answers`: SMTP replies to the next messages, in turn; then 250."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answers: list[str] = []
        self.lock = threading.Lock()
        self.controller = Server(self, hostname="127.0.0.1", port=0, ready_timeout=30)

    async def handle_DATA(self, server, session, envelope) -> str:
        with self.lock:
            answer = self.answers.pop(0) if self.answers else "250 taken"
            if answer.startswith("2"):
                letter = message_from_bytes(envelope.content, policy=policy.default)
                letter["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
                self.letters.append(letter)
        return answer

    @property
    def subjects(self) -> list[str]:
        return [str(letter["Subject"]) for letter in self.letters]

    @property
    def texts(self) -> list[str]:
        return [letter.get_body().get_content().replace("\r\n", "\n") for letter in self.letters]

    @property
    def port(self) -> int:
        return self.controller.port

    def start(self) -> "Mailbox":
        self.controller.start()
        return self

    def stop(self) -> None:
        self.controller.stop(no_assert=True)

    def use(self, settings) -> None:
        """Lets a test's process send through it: pytest-django has put a backend of its own in the way."""
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", self.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
