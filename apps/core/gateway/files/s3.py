"""Objects of S3 as files: `bucket/key` is a path. Calls go through the gateway's HTTP, guard and limits included.

The surprise: there are no folders, and no names that change. An object appears whole when its last part has arrived.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, cast
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from yarl import URL

from apps.core import clock

from ..context import SendContext
from ..errors import BadResponse, Category, ConnectFailed, FileMissing, FileRefused, GatewayError
from ..http import send
from ..messages import Request, Response
from .signing import path_of, query_of, signed_headers
from .store import CHUNK, FileInfo, remote_path

PART = 8 * 1024 * 1024
ANSWER_SECONDS = 120.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_REGION = re.compile(r"[a-z0-9-]{1,40}\Z")
_CONFIGURATION = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "AllAccessDisabled", "NoSuchBucket")


@dataclass(frozen=True, slots=True)
class S3Target:
    """`endpoint` empty: Amazon's own. Another one is asked by path, `endpoint/bucket/key`."""

    key_id: str
    secret: str = field(repr=False)
    region: str = "us-east-1"
    endpoint: str = ""
    encryption: str = ""


class S3Store:
    def __init__(self, target: S3Target, context: SendContext) -> None:
        """`context` as of the caller's; the single calls of an operation are not recorded on their own."""
        if not _REGION.match(target.region):
            raise FileRefused(f"{target.region!r} is not a region.")
        self._target, self._context = target, replace(context, recorder=None)

    def address(self, path: str) -> str:
        return f"s3://{path.lstrip('/')}"

    def list_files(self, folder: str, *, starts_with: str) -> Iterator[FileInfo]:
        """All keys that begin so, names of folders left out; the name of each is its whole key."""
        bucket, prefix = _split(folder, needs_key=False)
        prefix = f"{prefix}{starts_with}"
        more: dict[str, str] = {}
        while True:
            query = {"list-type": "2", "prefix": prefix, **more}
            answer = _xml(self._call("GET", bucket, "", query=query))
            for one in answer.iter():
                if _name(one) == "Contents":
                    facts = {_name(fact): fact.text or "" for fact in one}
                    if not facts["Key"].endswith("/"):
                        yield _listed(bucket, facts)
            following = next((e.text for e in answer if _name(e) == "NextContinuationToken"), None)
            if not following:
                return
            more = {"continuation-token": following}

    @contextmanager
    def open_file(self, path: str) -> Iterator[tuple[BinaryIO, FileInfo]]:
        bucket, key = _split(path)
        info = self._status(bucket, key)

        def read(offset: int, size: int) -> bytes:
            ranged = {"Range": f"bytes={offset}-{offset + size - 1}", "If-Match": f'"{info.etag}"'}
            return self._call("GET", bucket, key, headers=ranged).body

        with io.BufferedReader(_Parts(read, info.size), CHUNK) as stream:
            yield cast(BinaryIO, stream), info

    def write(self, path: str, chunks: Iterable[bytes], *, temporary: str) -> FileInfo:
        bucket, key = _split(path)
        parts = _parts(chunks)
        first, second = next(parts, b""), next(parts, None)
        sealed = {"x-amz-server-side-encryption": self._target.encryption} if self._target.encryption else {}
        if second is None:
            self._call("PUT", bucket, key, body=first, headers=sealed)
            return self._status(bucket, key)
        begun = _xml(self._call("POST", bucket, key, query={"uploads": ""}, headers=sealed))
        upload = next((e.text or "" for e in begun if _name(e) == "UploadId"), "")
        try:
            tags = [
                self._call("PUT", bucket, key, body=part, query={"partNumber": str(number), "uploadId": upload})
                for number, part in enumerate(_again(first, second, parts), start=1)
            ]
            listed = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{answer.headers['ETag']}</ETag></Part>"
                for number, answer in enumerate(tags, start=1)
            )
            body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
            _xml(self._call("POST", bucket, key, body=body, query={"uploadId": upload}))
        except BaseException:
            with suppress(GatewayError):
                self._call("DELETE", bucket, key, query={"uploadId": upload})
            raise
        return self._status(bucket, key)

    def move(self, path: str, to_folder: str) -> FileInfo:
        """A copy, then the original goes. Of the key only its last name is kept."""
        bucket, key = _split(path)
        to_bucket, prefix = _split(to_folder, needs_key=False)
        moved = f"{prefix}{'' if not prefix or prefix.endswith('/') else '/'}{key.rpartition('/')[2]}"
        source = {"x-amz-copy-source": path_of(f"/{bucket}/{key}")}
        _xml(self._call("PUT", to_bucket, moved, headers=source))
        if (to_bucket, moved) != (bucket, key):
            self._call("DELETE", bucket, key)
        return self._status(to_bucket, moved)

    def delete(self, path: str) -> None:
        bucket, key = _split(path)
        with suppress(FileMissing):
            self._call("DELETE", bucket, key)

    def _status(self, bucket: str, key: str) -> FileInfo:
        answer = self._call("HEAD", bucket, key)
        stamp = answer.headers.get("Last-Modified")
        return FileInfo(
            path=f"{bucket}/{key}",
            name=key,
            size=int(answer.headers.get("Content-Length", "0")),
            modified=parsedate_to_datetime(stamp).astimezone(UTC) if stamp else datetime.fromtimestamp(0, UTC),
            etag=answer.headers.get("ETag", "").strip('"'),
        )

    def _call(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Response:
        url = f"{self._base(bucket)}/{path_of(key)}" + (f"?{query_of(query)}" if query else "")
        target = self._target
        fields = signed_headers(
            method=method, url=url, headers=headers or {}, body=body, key_id=target.key_id, secret=target.secret,
            region=target.region, now=clock.now(),
        )  # fmt: skip
        is_read = method in ("GET", "HEAD")
        request = Request(
            method, url, fields, body, "read" if is_read else "write", "none" if is_read else "natural",
            timeout=ANSWER_SECONDS, follow_redirects=False,
        )  # fmt: skip
        answer = send(request, context=self._context)
        if not answer.ok:
            raise _refused(answer, bucket, key)
        return answer

    def _base(self, bucket: str) -> str:
        if self._target.endpoint:
            return str(URL(self._target.endpoint)).rstrip("/") + f"/{bucket}"
        host = f"s3.{self._target.region}.amazonaws.com"
        # A name with dots is in nobody's certificate.
        return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}"


class _Parts(io.RawIOBase):
    """An object read a part at a time, all of the same content or not at all."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self._size = read, size
        self._at = 0
        self._held, self._held_at = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        start = self._at - self._held_at
        if not 0 <= start < len(self._held):
            self._held, self._held_at, start = self._read(self._at, PART), self._at, 0
        piece = self._held[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def _split(path: str, *, needs_key: bool = True) -> tuple[str, str]:
    """(bucket, key). A key's own slashes are kept as they are."""
    bucket, _, key = path.lstrip("/").partition("/")
    if not _BUCKET.match(bucket):
        raise FileRefused(f"{bucket!r} is not the name of a bucket.")
    if key or needs_key:
        remote_path(key)
    return bucket, key


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        while size >= PART:
            whole = b"".join(held)
            yield whole[:PART]
            held, size = [whole[PART:]], len(whole) - PART
    if size:
        yield b"".join(held)


def _again(first: bytes, second: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest


def _xml(answer: Response) -> Element:
    """The answer's root; an error may come with status 200, begun before it was known."""
    try:
        root = cast(Element, fromstring(answer.body))
    except (ParseError, DefusedXmlException) as error:
        raise BadResponse(f"S3 answered no XML: {error}.") from error
    if _name(root) == "Error":
        raise BadResponse(f"S3 answered {_said(root)}.", category=Category.TRANSIENT)
    return root


def _refused(answer: Response, bucket: str, key: str) -> GatewayError:
    place = f"{bucket}/{key}".rstrip("/")
    code, said = "", f"status {answer.status}"
    with suppress(ParseError, DefusedXmlException):
        root = fromstring(answer.body)
        code, said = next((e.text or "" for e in root if _name(e) == "Code"), ""), _said(root)
    if answer.status == 412:
        return FileRefused(f"{place} changed while it was read.")
    if code in _CONFIGURATION or answer.status in (301, 307, 400, 401, 403):
        return ConnectFailed(f"S3 refuses {place}: {said}.", category=Category.CONFIGURATION)
    if answer.status == 404:
        return FileMissing(f"There is no {place} on S3.")
    return BadResponse(f"S3 answered {said} for {place}.", category=Category.TRANSIENT)


def _said(root: Element) -> str:
    facts = {_name(fact): fact.text or "" for fact in root}
    return f"{facts.get('Code', '')} {facts.get('Message', '')}".strip()


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _listed(bucket: str, facts: Mapping[str, str]) -> FileInfo:
    return FileInfo(
        path=f"{bucket}/{facts['Key']}",
        name=facts["Key"],
        size=int(facts.get("Size") or 0),
        modified=datetime.fromisoformat(facts["LastModified"].replace("Z", "+00:00")),
        etag=facts.get("ETag", "").strip('"'),
    )
