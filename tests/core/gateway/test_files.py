import os
import threading

import pytest

from apps.core import gateway
from apps.core.gateway.files import Files
from apps.core.gateway.roots import Root


@pytest.fixture
def root(settings, tmp_path):
    settings.JUNCTION_FILE_ROOT = tmp_path / "files"
    folder = tmp_path / "files" / "acme"
    folder.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
def files(root):
    return Files(gateway.SendContext(organization="acme"))


def read(files, path):
    with files.read(path) as (stream, _):
        return stream.read()


def test_a_file_is_written_listed_read_moved_and_deleted(files, root):
    info = files.write("in/a.csv", [b"id\n", b"1\n"])

    assert (info.path, info.size) == ("in/a.csv", 5)
    assert [found.path for found in files.list_files("in")] == ["in/a.csv"]
    assert read(files, "in/a.csv") == b"id\n1\n"
    assert files.move("in/a.csv", "done/2026").path == "done/2026/a.csv"
    assert files.list_files("in") == []
    files.delete("done/2026/a.csv")
    files.delete("done/2026/a.csv")
    with pytest.raises(gateway.FileMissing, match="done/2026/a"):
        read(files, "done/2026/a.csv")


def test_name_filters_mind_the_case_and_both_must_hold(files):
    for name in ("orders-1.csv", "orders-2.CSV", "Orders-3.csv", "orders-4.txt"):
        files.write(name, [b""])

    assert [f.name for f in files.list_files(starts_with="orders", ends_with=".csv")] == ["orders-1.csv"]


def test_the_etag_changes_with_the_content(files):
    first = files.write("a", [b"1"])
    os.utime(Root("acme").path / "a", ns=(1, 1))

    assert files.list_files()[0].etag != first.etag


@pytest.mark.parametrize(
    "path", ["../umbrella/x", "/etc/passwd", "a/../../x", "..", "a\0b", "", "/", "a" * 5000, "./../x"]
)
def test_no_path_leads_out(files, path):
    for use in (lambda: read(files, path), lambda: files.write(path, [b"x"]), lambda: files.delete(path)):
        with pytest.raises((gateway.FileRefused, gateway.FileMissing)):
            use()


@pytest.mark.parametrize("link_to", ["../../outside", "/etc", "../../outside/secret.txt"])
def test_no_symbolic_link_leads_out(files, root, link_to):
    (root / "link").symlink_to(link_to)

    for use in (
        lambda: read(files, "link"),
        lambda: read(files, "link/secret.txt"),
        lambda: files.write("link/new", [b"x"]),
        lambda: files.write("link", [b"x"]),
        lambda: files.list_files("link"),
        lambda: files.move("link/secret.txt", "here"),
    ):
        with pytest.raises(gateway.FileRefused):
            use()
    assert (root.parent.parent / "outside" / "secret.txt").read_text() == "secret"
    assert not (root.parent.parent / "outside" / "new").exists()


def test_a_link_within_the_folder_is_followed(files, root):
    files.write("real/deep/a.txt", [b"here"])
    (root / "short").symlink_to("real/deep")
    (root / "absolute").symlink_to(root / "real")
    (root / "real" / "file").symlink_to("../real/deep/a.txt")

    assert read(files, "short/a.txt") == read(files, "absolute/deep/a.txt") == read(files, "real/file") == b"here"


def test_links_in_a_circle_end(files, root):
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")

    with pytest.raises(gateway.FileRefused, match="symbolic links"):
        read(files, "a/x")


def test_swapping_a_folder_for_a_link_while_reading_never_leads_out(files, root):
    """The race that a check before an open loses."""
    files.write("spot/secret.txt", [b"ours"])
    (root / "evil").symlink_to("../../outside")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for source, destination in (("spot", "kept"), ("evil", "spot"), ("spot", "evil"), ("kept", "spot")):
                (root / source).rename(root / destination)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(read(files, "spot/secret.txt"))
            except (gateway.FileRefused, gateway.FileMissing):
                continue
    finally:
        stop.set()
        thread.join()
    assert seen <= {b"ours"}


def test_pipes_and_folders_are_no_files(files, root):
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()

    assert files.list_files() == []
    for name in ("pipe", "folder"):
        with pytest.raises(gateway.FileRefused):
            read(files, name)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(files, root):
    files.write("a.txt", [b"old"])

    def broken():
        yield b"new"
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        files.write("a.txt", broken())
    assert [path.name for path in root.iterdir()] == ["a.txt"]
    assert read(files, "a.txt") == b"old"


def test_a_file_in_the_making_is_not_seen(files, root):
    def watch():
        yield b"half"
        assert files.list_files() == []
        yield b"whole"

    files.write("a.txt", watch())
    assert [f.name for f in files.list_files()] == ["a.txt"]


def test_plan_reads_and_captures_the_rest(files, root):
    files.write("a.txt", [b"x"])
    recorder = gateway.MemoryRecorder()
    plan = Files(gateway.SendContext(organization="acme", mode=gateway.Mode.PLAN, recorder=recorder))

    assert read(plan, "a.txt") == b"x"
    plan.write("b.txt", [b"y"])
    plan.move("a.txt", "done")
    plan.delete("a.txt")

    assert [path.name for path in root.iterdir()] == ["a.txt"]
    assert [(e.method, e.url, e.planned) for e in recorder.exchanges] == [
        ("READ", "file:///a.txt", False),
        ("WRITE", "file:///b.txt", True),
        ("MOVE", "file:///a.txt", True),
        ("DELETE", "file:///a.txt", True),
    ]


@pytest.mark.parametrize("organization", ["", "..", "a/b", ".hidden", "a\0"])
def test_an_organization_is_one_folder(settings, tmp_path, organization):
    settings.JUNCTION_FILE_ROOT = tmp_path
    with pytest.raises(gateway.FileRefused, match="organization"):
        Files(gateway.SendContext(organization=organization))


def test_organizations_do_not_see_each_other(files):
    files.write("a.txt", [b"x"])

    assert Files(gateway.SendContext(organization="umbrella")).list_files() == []
