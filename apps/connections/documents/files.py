"""Connections to where files lie: a folder of the deployment, an FTP or SFTP server, an S3."""

import re
from dataclasses import dataclass, field

from apps.connections.documents.tls import DEFAULT_TLS, Tls
from apps.connections.reading import Reader
from apps.core.gateway.files.sftp_target import is_host_key

FILE_PORTS = {"ftp": 21, "sftp": 22, "ftps": 21}
HOST = re.compile(r"[A-Za-z0-9_:\[\]]([A-Za-z0-9_.:-]*[A-Za-z0-9_.:\]])?\Z")
_REGION = re.compile(r"[a-z0-9-]{1,40}\Z")


@dataclass(frozen=True)
class FilesystemDocument:
    """`directory` lies in the organization's folder."""

    directory: str = ""


@dataclass(frozen=True)
class FtpDocument:
    """`kind` ftp, sftp or ftps. `host_key` (ours): what the server must show, else what it showed the first time."""

    kind: str
    host: str
    port: int
    user: str
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    host_key: str = ""
    tls: Tls = DEFAULT_TLS


@dataclass(frozen=True)
class S3Document:
    """`endpoint` (ours): another S3 than Amazon's. `ping_bucket`: what a test of the connection lists."""

    key_id: str
    secret: str = field(repr=False)
    region: str = "us-east-1"
    endpoint: str = ""
    ping_bucket: str = ""


def parse_filesystem(filesystem: Reader) -> FilesystemDocument:
    return FilesystemDocument(directory=filesystem.text("directoryPath") or filesystem.text("directory"))


def parse_ftp(ftp: Reader) -> FtpDocument:
    kind = ftp.choice("type", tuple(FILE_PORTS), default="ftp")
    host = ftp.text("hostURI", required=True).removeprefix(f"{kind}://").rstrip("/")
    if not HOST.match(host):
        raise ftp.error("hostURI", "must be a host name or an address, without a path")
    ftp.number("concurrencyLevel", low=1, high=50)
    key, password = ftp.text("authKey"), ftp.text("password")
    if key and kind != "sftp":
        raise ftp.error("authKey", "is for sftp only")
    if not key and not password:
        raise ftp.error("password", "is required" if kind != "sftp" else "is required, or authKey")
    host_key = ftp.text("hostKey")
    if host_key and not is_host_key(host_key):
        raise ftp.error("hostKey", "must be SHA256:…, or a public key as known_hosts has it")
    implicit = kind == "ftps" and ftp.flag("useImplicitFtps")
    return FtpDocument(
        kind=kind,
        host=host,
        port=ftp.number("port", low=1, high=65535) or (990 if implicit else FILE_PORTS[kind]),
        user=ftp.text("username", required=True),
        password=password,
        key=key,
        passphrase=ftp.text("passphrase"),
        host_key=host_key,
        tls=Tls(verify=not ftp.flag("disableStrictSSL"), ca=ftp.text("ca")),
    )


def parse_s3(s3: Reader) -> S3Document:
    endpoint, region = s3.text("endpoint"), s3.text("region") or "us-east-1"
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise s3.error("endpoint", "must start with http:// or https://")
    if not _REGION.match(region):
        raise s3.error("region", f"{region!r} is not a region")
    s3.number("concurrencyLevel", low=1, high=50)
    return S3Document(
        key_id=s3.text("accessKeyId", required=True),
        secret=s3.text("secretAccessKey", required=True),
        region=region,
        endpoint=endpoint,
        ping_bucket=s3.text("pingBucket"),
    )
