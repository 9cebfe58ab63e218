"""Files through a connection: where its document leads, and what it means when nobody answers there."""

from collections.abc import Iterator
from contextlib import contextmanager

from apps.connections import marks
from apps.connections.access import OpenConnection
from apps.connections.documents import FilesystemDocument, FtpDocument, S3Document
from apps.connections.models import Connection
from apps.core import gateway
from apps.core.gateway import GatewayError, InvalidRequest, Mode, SendContext
from apps.core.gateway.files import Files
from apps.core.gateway.files.ftp import FtpTarget, open_ftp
from apps.core.gateway.files.s3 import S3Store, S3Target
from apps.core.gateway.files.sftp_target import SftpTarget, open_sftp
from apps.core.gateway.permits import permit
from apps.core.gateway.transactions import refuse_in_transaction


@contextmanager
def open_files(
    connection: OpenConnection, *, context: SendContext, region: str = "", encryption: str = ""
) -> Iterator[Files]:
    """One session, that does one thing at a time. A failed connect marks the connection offline. GatewayError.

    `region` and `encryption` are a step's own, for S3.
    """
    refuse_in_transaction()
    if context.mode is Mode.REPLAY:
        yield Files(context)  # that goes nowhere
        return
    try:
        match connection.document:
            case FilesystemDocument():
                yield Files(context)
            case S3Document() as s3:
                target = S3Target(s3.key_id, s3.secret, region or s3.region, s3.endpoint, encryption)
                yield Files(context, S3Store(target, context))
            case FtpDocument() as ftp:
                with permit(context), _session(connection, ftp) as store:
                    yield Files(context, store)
            case _:
                raise InvalidRequest(f"The connection {connection.name} is of type {connection.type}: it has no files.")
    except GatewayError as error:
        if marks.cannot_be_reached(error):
            marks.mark_offline(connection, reason=error.message)
        raise


def _session(connection: OpenConnection, ftp: FtpDocument):  # type: ignore[no-untyped-def] # one of two stores' contexts
    if ftp.kind == "sftp":
        return open_sftp(
            SftpTarget(
                ftp.host, ftp.user, ftp.port, password=ftp.password, key=ftp.key, passphrase=ftp.passphrase,
                host_key=ftp.host_key or known_host_key(connection, ftp),
                learn=lambda found: learn_host_key(connection, ftp, found),
            )
        )  # fmt: skip
    tls = gateway.Tls(verify=ftp.tls.verify, ca=ftp.tls.ca)
    return open_ftp(FtpTarget(ftp.host, ftp.user, ftp.port, password=ftp.password, secured=ftp.kind == "ftps", tls=tls))


def known_host_key(connection: OpenConnection, ftp: FtpDocument) -> str:
    """What this server showed the first time; empty for one that was never met, or is another server by now."""
    place, _, key = connection.host_key.partition(" ")
    return key if place == _place(ftp) else ""


def learn_host_key(connection: OpenConnection, ftp: FtpDocument, key: str) -> None:
    """The first sight of a server: from now on it must show the same key."""
    if connection.id is not None:
        rows = Connection.objects.filter(pk=connection.id, host_key=connection.host_key)
        rows.update(host_key=f"{_place(ftp)} {key}")


def _place(ftp: FtpDocument) -> str:
    return f"{ftp.host}:{ftp.port}"
