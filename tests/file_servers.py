"""Other people's file servers on loopback: SFTP (asyncssh), FTP and FTPS (pyftpdlib), S3 (moto)."""

import asyncio
import logging
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

USER, PASSWORD = "shop", "correct horse"
REGION, KEY_ID, SECRET = "eu-central-1", "AKIDEXAMPLE", "secret-access-key"


@dataclass
class Server:
    """`root` is the folder that its user sees as `/`."""

    port: int
    root: Path
    host_key: str = ""
    certificate: str = ""
    sessions: int = 0


@contextmanager
def sftp_server(root: Path, *, user_key: object = None, port: int = 0) -> Iterator[Server]:
    """A login by password, or by `user_key`, a public key."""
    import asyncssh

    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    loop = asyncio.new_event_loop()
    key = asyncssh.generate_private_key("ssh-ed25519")
    connections: list[object] = []
    server = Server(0, root, host_key=key.export_public_key().decode().strip())

    class Door(asyncssh.SSHServer):
        def connection_made(self, conn: object) -> None:
            server.sessions += 1
            connections.append(conn)

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return user_key is None

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

        def public_key_auth_supported(self) -> bool:
            return user_key is not None

        def validate_public_key(self, username: str, key: object) -> bool:
            return username == USER and key == user_key

    async def begin() -> object:
        return await asyncssh.create_server(
            Door, "127.0.0.1", port, server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root)),
        )  # fmt: skip

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()  # a loop of its own thread: the test's own thread may have one that runs
    listening = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    server.port = listening.get_port()

    async def end() -> None:
        listening.close()
        await listening.wait_closed()
        for connection in connections:
            connection.abort()
            await connection.wait_closed()
        await asyncio.sleep(0.01)  # transports close a turn of the loop later

    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def ftp_server(root: Path, *, secured: bool = False, folder: Path | None = None) -> Iterator[Server]:
    """`secured`: TLS for logins and transfers, by a certificate of its own made in `folder`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it stands on asyncore
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
        from pyftpdlib.servers import FTPServer

    logging.getLogger("pyftpdlib").setLevel(logging.ERROR)
    users = DummyAuthorizer()
    users.add_user(USER, PASSWORD, str(root), perm="elradfmwMT")
    members: dict[str, object] = {"authorizer": users}
    certificate = ""
    if secured:
        assert folder is not None
        certificate = certified(folder)
        members |= {
            "certfile": str(folder / "server.pem"), "tls_control_required": True, "tls_data_required": True,
        }  # fmt: skip
    handler = type("Handler", (TLS_FTPHandler if secured else FTPHandler,), members)
    listening = FTPServer(("127.0.0.1", 0), handler)
    server = Server(listening.address[1], root, certificate=certificate)
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            listening.serve_forever(timeout=0.02, blocking=False, handle_exit=False)
        listening.close_all()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        done.set()
        thread.join(10)


@contextmanager
def s3_server() -> Iterator[str]:
    """The server's address; everything in it is gone when it ends."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")):
        pass  # what is stored outlives a server within a process
    try:
        yield url
    finally:
        server.stop()


def certified(folder: Path) -> str:
    """Makes `server.pem`, key and certificate for `localhost`, and answers the certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "server.pem").write_bytes(private + public)
    return public.decode()
