"""Tries whether a connection works: on demand, saved or not, and in the background for one that is offline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction

from apps.connections import files, mail, marks, sending, sql, tokens
from apps.connections.access import OpenConnection, open_row
from apps.connections.documents import (
    EmailDocument,
    FilesystemDocument,
    FtpDocument,
    HttpDocument,
    Ping,
    RdbmsDocument,
    S3Document,
)
from apps.connections.http import make_request, matches
from apps.connections.media import read_body
from apps.connections.models import Connection
from apps.core import clock
from apps.core.errors import DomainError
from apps.core.gateway import BadResponse, GatewayError, Response
from apps.core.vault import VaultError
from apps.engine.paths import MISSING
from apps.engine.xml_paths import compile_answer_getter
from apps.work import services as work
from apps.work.kinds import Claim, WorkKind

log = structlog.get_logger(__name__)
PING_TIMEOUT = 20.0
LONGEST_PAUSE = 300.0
REFUSED_LOGIN = (401, 403, 407)


@dataclass(frozen=True)
class PingResult:
    """`code` is a stable word for what went wrong, `status` the target's HTTP status where there was one."""

    ok: bool
    message: str = ""
    code: str = ""
    status: int | None = None


def ping(connection: OpenConnection) -> PingResult:
    """One try, now. A success brings an offline connection back; a failed connect marks it offline."""
    try:
        result = _try(connection)
    except DomainError as error:
        result = PingResult(ok=False, message=error.message, code=error.code)
        if isinstance(error, GatewayError) and marks.cannot_be_reached(error):
            marks.mark_offline(connection, reason=error.message)
    if result.ok and connection.id is not None:
        marks.mark_online(connection_id=connection.id, organization_id=connection.organization_id)
    return result


def _try(connection: OpenConnection) -> PingResult:
    match connection.document:
        case HttpDocument() as document:
            if connection.is_own and connection.id is not None:
                connection = tokens.fresh(connection)
            return _judge(document, _send(connection, document.ping))
        case RdbmsDocument():
            with sql.open_session(connection, context=sending.send_context(connection, step="ping")) as session:
                list(session.query("SELECT 1"))
            return PingResult(ok=True)
        case EmailDocument():
            with mail.open_mail_session(connection, context=sending.send_context(connection, step="ping")) as mails:
                mails.probe()
            return PingResult(ok=True)
        case S3Document() as document if not document.ping_bucket:
            return PingResult(ok=True)  # its keys can be tried on a bucket only
        case FilesystemDocument() | FtpDocument() | S3Document() as document:
            with files.open_files(connection, context=sending.send_context(connection, step="ping")) as found:
                found.probe(getattr(document, "ping_bucket", ""))
            return PingResult(ok=True)


def _send(connection: OpenConnection, ping: Ping) -> Response:
    request = make_request(
        connection,
        method=ping.method,
        relative_uri=ping.relative_uri,
        body=ping.body.encode(),
        effect="read",
        timeout=PING_TIMEOUT,
    )
    return sending.send(connection, request, context=sending.send_context(connection, step="ping"))


def _judge(document: HttpDocument, response: Response) -> PingResult:
    """Without a ping address any answer will do that is no refused login and no fault of the server."""
    status, ping = response.status, document.ping
    bad = not response.ok if ping.relative_uri else status in REFUSED_LOGIN or status >= 500
    body = _read(document, response) if ping.fail_path or ping.success_path or ping.error_path else None
    if ping.fail_path and matches(body, ping.fail_path, ping.fail_values):
        bad = True
    if ping.success_path and not matches(body, ping.success_path, ping.success_values):
        bad = True
    if not bad:
        return PingResult(ok=True, status=status)
    shown = compile_answer_getter(ping.error_path)(body) if ping.error_path else MISSING
    text = response.body[:300].decode("utf-8", "replace") if shown is MISSING or shown is None else str(shown)
    return PingResult(ok=False, message=f"The target answered {status}: {text}", code="ping_failed", status=status)


def _read(document: HttpDocument, response: Response) -> Any:
    media_type = document.success_media_type if response.ok else document.error_media_type
    try:
        return read_body(response, media_type=media_type)
    except BadResponse:
        return None  # a path leads to nothing in what cannot be read


def ping_in_background(claims: list[Claim]) -> None:
    for claim in claims:
        _ping_once(claim)


def _ping_once(claim: Claim) -> None:
    with transaction.atomic():
        # Locked, so that one who marks it offline just now sees this ping end, and starts another.
        row = Connection.objects.select_for_update().filter(pk=claim.target_id).first()
        if row is None or row.offline_since is None or row.needs_reconnect:
            work.finish([claim])
            return
    failure = _background_failure(row)
    with transaction.atomic():
        if not failure:
            marks.mark_online(connection_id=row.id, organization_id=row.organization_id)
            work.finish([claim])
            return
        offline_for = (clock.now() - row.offline_since).total_seconds()
        pause = min(max(marks.FIRST_PING_SECONDS, offline_for / 2), LONGEST_PAUSE)
        work.wait_seconds(claim, pause, reason=failure)


def _background_failure(row: Connection) -> str:
    """Empty when the connection works. What cannot even be opened stays offline until someone changes it."""
    try:
        result = _try(open_row(row))
    except GatewayError as error:
        return error.message
    except (DomainError, VaultError) as error:
        log.warning("an offline connection cannot be opened", connection=row.hex_id, error=str(error))
        return str(error)
    return "" if result.ok else result.message


WORK_KIND = WorkKind(name=marks.PING, handle=ping_in_background)


def ping_answer(result: PingResult) -> Mapping[str, Any]:
    """The Celigo documents' PingResult."""
    if result.ok:
        return {"code": result.status or 200}
    return {"code": result.status or 422, "errors": [{"code": result.code, "message": result.message}]}
