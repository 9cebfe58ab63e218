"""The same files, the same operations, on real servers of three kinds."""

import os
from contextlib import ExitStack, contextmanager

import pytest

from apps.core import gateway
from apps.core.gateway.files import Files
from apps.core.gateway.files.ftp import FtpTarget, open_ftp
from apps.core.gateway.files.sftp import SftpTarget, fingerprint_of, open_sftp
from tests import file_servers
from tests.file_servers import PASSWORD, USER

CONTEXT = gateway.SendContext(organization="acme")


@pytest.fixture(params=["sftp", "ftp", "ftps"])
def place(request, tmp_path):
    """(what opens a session, the folder behind it)"""
    root = tmp_path / "root"
    root.mkdir()
    if request.param == "sftp":
        with file_servers.sftp_server(root) as server:
            target = SftpTarget("127.0.0.1", USER, server.port, password=PASSWORD, host_key=server.host_key)
            yield (lambda: open_sftp(target)), root
        return
    with file_servers.ftp_server(root, secured=request.param == "ftps", folder=tmp_path) as server:
        tls = gateway.Tls(ca=server.certificate)
        secured = request.param == "ftps"
        target = FtpTarget("localhost", USER, server.port, password=PASSWORD, secured=secured, tls=tls)
        yield (lambda: open_ftp(target)), root


@contextmanager
def opened(place, **context):
    with place[0]() as store:
        yield Files(gateway.SendContext(organization="acme", **context), store)


def test_a_file_is_written_listed_read_moved_and_deleted(place):
    root = place[1]
    with opened(place) as files:
        info = files.write("in/deep/a.csv", [b"id\n", b"1\n"])
        assert (info.path, info.name, info.size) == ("in/deep/a.csv", "a.csv", 5)
        (root / "in" / "deep" / "folder").mkdir()
        [listed] = files.list_files("in/deep")
        assert (listed.path, listed.size) == ("in/deep/a.csv", 5)
        with files.read("in/deep/a.csv") as (stream, found):
            assert stream.read() == b"id\n1\n" and found.etag == listed.etag
        files.write("in/deep/a.csv", [b"new"])
        assert (root / "in" / "deep" / "a.csv").read_bytes() == b"new"
        assert files.move("in/deep/a.csv", "done/2026").path == "done/2026/a.csv"
        assert files.list_files("in/deep") == [] and (root / "done" / "2026" / "a.csv").exists()
        files.delete("done/2026/a.csv")
        files.delete("done/2026/a.csv")
        assert list((root / "done" / "2026").iterdir()) == []


def test_names_are_chosen_by_their_ends_and_half_written_files_are_not_seen(place):
    for name in ("a.csv", "b.csv", "a.txt", ".junction-1"):
        (place[1] / name).write_text("x")
    with opened(place) as files:
        assert [info.name for info in files.list_files("", starts_with="a", ends_with=".csv")] == ["a.csv"]
        assert [info.name for info in files.list_files("/")] == ["a.csv", "a.txt", "b.csv"]


def test_a_long_file_is_read_from_any_place_in_it(place):
    content = os.urandom(5_000_001)
    (place[1] / "long.bin").write_bytes(content)
    with opened(place) as files, files.read("long.bin") as (stream, _):
        assert stream.read(10) == content[:10]
        stream.seek(4_000_000)
        assert stream.read() == content[4_000_000:]
        stream.seek(1)
        assert b"".join(iter(lambda: stream.read(100_000), b"")) == content[1:]


def test_what_breaks_while_it_is_written_leaves_nothing(place):
    def broken():
        yield b"half"
        raise RuntimeError("the source broke")

    with opened(place) as files, pytest.raises(RuntimeError):
        files.write("a.csv", broken())
    assert list(place[1].iterdir()) == []


def test_paths_do_not_climb_and_carry_no_commands(place):
    with opened(place) as files:
        for path in ("../a", "in/../../a", "a\r\nDELE b", "a\x00b", "", "/"):
            with pytest.raises(gateway.FileRefused):
                files.write(path, [b"x"])
        with pytest.raises(gateway.FileMissing), files.read("missing.csv"):
            pass
        with pytest.raises(gateway.FileMissing):
            files.move("missing.csv", "done")


def test_a_plan_writes_nothing_and_a_transaction_opens_nothing(place, db):
    from django.db import transaction

    recorder = gateway.MemoryRecorder()
    with opened(place, mode=gateway.Mode.PLAN, recorder=recorder) as files:
        assert files.write("a.csv", [b"x"]) is None
        with transaction.atomic(), pytest.raises(gateway.InTransaction):
            files.list_files()
    assert list(place[1].iterdir()) == [] and [exchange.planned for exchange in recorder.exchanges] == [True]


def test_addresses_that_are_not_allowed_are_not_dialled(place, settings):
    settings.JUNCTION_ALLOW_NETWORKS = []
    with pytest.raises(gateway.AddressRefused), opened(place):
        pass


def test_a_server_that_is_not_the_known_one_gets_no_password(tmp_path):
    with ExitStack() as stack:
        first = stack.enter_context(file_servers.sftp_server(tmp_path))
        other = stack.enter_context(file_servers.sftp_server(tmp_path))
        learned = []
        with open_sftp(SftpTarget("127.0.0.1", USER, first.port, password=PASSWORD, learn=learned.append)):
            pass
        [pinned] = learned
        assert pinned.startswith("ssh-ed25519 SHA256:")
        with open_sftp(SftpTarget("127.0.0.1", USER, first.port, password=PASSWORD, host_key=pinned)) as store:
            assert list(store.list_files("", starts_with="")) == []
        target = SftpTarget("127.0.0.1", USER, other.port, password=PASSWORD, host_key=pinned)
        with pytest.raises(gateway.ConnectFailed, match="host key"), open_sftp(target):
            pass


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_a_private_key_logs_in(tmp_path, passphrase):
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    text = key.export_private_key("openssh", passphrase=passphrase or None, rounds=50).decode()
    with file_servers.sftp_server(tmp_path, user_key=key.convert_to_public()) as server:
        with open_sftp(SftpTarget("127.0.0.1", USER, server.port, key=text, passphrase=passphrase)) as store:
            assert list(store.list_files("", starts_with="")) == []
        wrong = SftpTarget("127.0.0.1", USER, server.port, key=text, passphrase="wrong" if passphrase else "")
        if passphrase:
            with pytest.raises(gateway.ConnectFailed, match="private key"), open_sftp(wrong):
                pass


@pytest.mark.parametrize("kind", ["sftp", "ftp"])
def test_a_wrong_password_is_told_as_one(tmp_path, kind):
    server = file_servers.sftp_server(tmp_path) if kind == "sftp" else file_servers.ftp_server(tmp_path)
    with server as running:
        target = {"sftp": SftpTarget, "ftp": FtpTarget}[kind]("127.0.0.1", USER, running.port, password="wrong")
        opens = (open_sftp if kind == "sftp" else open_ftp)(target)
        with pytest.raises(gateway.ConnectFailed, match="refuses the login") as info, opens:
            pass
        assert info.value.category is gateway.Category.CONFIGURATION


def test_a_certificate_that_nobody_vouches_for_gets_no_password(tmp_path):
    with file_servers.ftp_server(tmp_path, secured=True, folder=tmp_path) as server:
        target = FtpTarget("localhost", USER, server.port, password=PASSWORD, secured=True)
        with pytest.raises(gateway.ConnectFailed, match="TLS"), open_ftp(target):
            pass


def test_nobody_there_is_a_failed_connect(tmp_path):
    with file_servers.ftp_server(tmp_path) as server:
        port = server.port
    for opens in (open_ftp(FtpTarget("127.0.0.1", USER, port)), open_sftp(SftpTarget("127.0.0.1", USER, port))):
        with pytest.raises(gateway.ConnectFailed), opens:
            pass


def test_a_fingerprint_reads_as_other_tools_print_it():
    import asyncssh
    import paramiko

    key = asyncssh.generate_private_key("ssh-ed25519")
    ours = paramiko.PKey.from_type_string("ssh-ed25519", key.public_data)
    assert fingerprint_of(ours) == f"ssh-ed25519 {key.get_fingerprint()}"
