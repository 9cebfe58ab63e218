"""Where a document's files lie: a folder of the deployment, of an FTP server, or a bucket.

The surprise: the folder of a bucket is the bucket itself, and its files' names are whole keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.connections.access import OpenConnection
from apps.core.errors import ValidationError

MEMBERS = {"FileSystem": "filesystem", "FTP": "ftp", "S3": "s3"}
FILE_ADAPTORS = tuple(f"{name}{suffix}" for name in MEMBERS for suffix in ("Export", "Import"))


@dataclass(frozen=True)
class Place:
    """All texts may be templates. An export reads only the file `name`, and none called `in_progress`."""

    kind: str
    directory: str = ""
    starts_with: str = ""
    ends_with: str = ""
    backup_to: str = ""
    name: str = ""
    in_progress: str = ""
    region: str = ""
    encryption: str = ""

    def folder(self, connection: OpenConnection, directory: str | None = None) -> str:
        return self._below(connection, self.directory if directory is None else directory)

    def backup(self, connection: OpenConnection, of_file: str) -> str:
        """Where files go that were read; empty when they are to be deleted."""
        given = of_file if of_file and self.kind != "s3" else self.backup_to
        return self._below(connection, given) if given else ""

    def path(self, folder: str, name: str) -> str:
        return f"{folder.rstrip('/')}/{name}" if folder else name

    def _below(self, connection: OpenConnection, directory: str) -> str:
        """A folder of the deployment lies in the connection's. Elsewhere a leading slash means the server's root."""
        if self.kind != "filesystem":
            return directory
        root = str(getattr(connection.document, "directory", ""))
        return "/".join(part.strip("/") for part in (root, directory) if part.strip("/"))


def place_of(document: Mapping[str, Any]) -> Place:
    """Raises ValidationError naming the member."""
    adaptor = str(document.get("adaptorType") or "FileSystemExport")
    kind = MEMBERS[adaptor.removesuffix("Export").removesuffix("Import")]
    place = document.get(kind) or {}
    if kind == "s3":
        if not place.get("bucket"):
            raise ValidationError("is required", field="s3.bucket")
        backup, prefix = place.get("backupBucket") or "", place.get("keyPrefix") or ""
        return Place(
            kind=kind,
            directory=place["bucket"],
            starts_with=place.get("keyStartsWith") or "",
            ends_with=place.get("keyEndsWith") or "",
            backup_to=f"{backup}/{prefix}".rstrip("/") if backup else "",
            name=place.get("fileKey") or "",
            region=place.get("region") or "",
            encryption=place.get("serverSideEncryptionType") or "",
        )
    return Place(
        kind=kind,
        directory=place.get("directoryPath") or "",
        starts_with=place.get("fileNameStartsWith") or "",
        ends_with=place.get("fileNameEndsWith") or "",
        backup_to=place.get("backupDirectoryPath") or "",
        name=place.get("fileName") or "",
        in_progress=place.get("inProgressFileName") or "",
    )
