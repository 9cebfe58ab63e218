"""Mail through a connection: where its document leads, and what it means when nobody answers there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from apps.connections import marks
from apps.connections.access import OpenConnection
from apps.connections.documents import EmailDocument
from apps.core import gateway
from apps.core.gateway import GatewayError, InvalidRequest, SendContext
from apps.core.gateway.smtp import MailServer, MailSession, Security, open_mail


def email_document(connection: OpenConnection) -> EmailDocument:
    if not isinstance(connection.document, EmailDocument):
        raise InvalidRequest(f"The connection {connection.name} is of type {connection.type}, not email.")
    return connection.document


@contextmanager
def open_mail_session(connection: OpenConnection, *, context: SendContext) -> Iterator[MailSession]:
    """A session; a failed connect marks the connection offline. Raises GatewayError."""
    document = email_document(connection)
    server = MailServer(
        host=document.host,
        port=document.port,
        security=cast(Security, document.security),
        user=document.user,
        password=document.password,
        tls=gateway.Tls(verify=document.tls.verify, ca=document.tls.ca),
    )
    try:
        with open_mail(server, context) as session:
            yield session
    except GatewayError as error:
        if marks.cannot_be_reached(error):
            marks.mark_offline(connection, reason=error.message)
        raise
