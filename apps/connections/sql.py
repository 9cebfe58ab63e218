"""SQL through a connection: where its document leads, and what it means when nobody answers there."""

from collections.abc import Iterator
from contextlib import contextmanager

from apps.connections import marks
from apps.connections.access import OpenConnection
from apps.connections.documents import RdbmsDocument
from apps.core import gateway
from apps.core.gateway import GatewayError, InvalidRequest, SendContext
from apps.core.gateway.sql import Session, SqlTarget, session
from apps.core.gateway.sql.target import Engine, SslMode

ENGINES: dict[str, Engine] = {"mysql": "mysql", "mariadb": "mysql", "postgresql": "postgresql", "sqlite": "sqlite"}


def sql_target(connection: OpenConnection) -> SqlTarget:
    """Raises InvalidRequest for a connection of another type."""
    document = connection.document
    if not isinstance(document, RdbmsDocument):
        raise InvalidRequest(f"The connection {connection.name} is of type {connection.type}, not rdbms.")
    tls = document.tls
    return SqlTarget(
        engine=ENGINES[document.engine],
        database=document.database,
        host=document.host,
        port=document.port,
        user=document.user,
        password=document.password,
        ssl=_ssl(document),
        tls=gateway.Tls(
            verify=tls.verify, ca=tls.ca, certificate=tls.certificate, key=tls.key, passphrase=tls.passphrase
        )
        if tls
        else gateway.Tls(),
    )


@contextmanager
def open_session(connection: OpenConnection, *, context: SendContext) -> Iterator[Session]:
    """A session; a failed connect marks the connection offline. Raises GatewayError."""
    try:
        with session(sql_target(connection), context) as opened:
            yield opened
    except GatewayError as error:
        if marks.cannot_be_reached(error):
            marks.mark_offline(connection, reason=error.message)
        raise


def _ssl(document: RdbmsDocument) -> SslMode:
    """With a certificate of ours or theirs the server must be who it says, unless disableStrictSSL."""
    if document.tls is None:
        return "prefer"
    return "verify" if document.tls.verify else "require"
