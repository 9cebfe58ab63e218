"""Zip archives: read member by member within bounds, written with one member. Nothing is unpacked to a path."""

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, BinaryIO, cast

from apps.engine.formats.cursor import FormatError

MOST_MEMBERS = 1000
MOST_BYTES = 4 * 1024**3  # unpacked, of all members
MOST_RATIO = 1000  # of unpacked to packed: more is a bomb
SMALL = 10 * 1024**2  # below this no ratio matters
CHUNK = 256 * 1024
BEGINNING = (1980, 1, 1, 0, 0, 0)


def most_unpacked(packed: int) -> int:
    """How many bytes may come out of so many packed ones."""
    return min(MOST_BYTES, max(SMALL, packed * MOST_RATIO))


class Bounded(io.RawIOBase):
    """A member's bytes as they really come, whatever its header promises. It can be sought by reading it anew."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: list[int]) -> None:
        self.archive, self.info, self.left = archive, info, left
        self.file: IO[bytes] = archive.open(info)
        self.most = most_unpacked(info.compress_size)
        self.read_so_far = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def] # any writable buffer
        got = self.file.read(len(buffer))
        self.read_so_far += len(got)
        self.left[0] -= len(got)
        if self.read_so_far > self.most or self.left[0] < 0:
            raise FormatError(f"The archive's {self.info.filename!r} unpacks to more than is allowed")
        buffer[: len(got)] = got
        return len(got)


def members_of(stream: IO[bytes]) -> Iterator[BinaryIO]:
    """The plain files of an archive in the order it has them. Raises FormatError."""
    with tempfile.TemporaryFile() as copy:  # an archive is read from its end
        stream.seek(0)
        shutil.copyfileobj(stream, copy, CHUNK)
        try:
            with zipfile.ZipFile(copy) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
                if len(infos) > MOST_MEMBERS:
                    raise FormatError(f"The archive holds {len(infos)} files; at most {MOST_MEMBERS} are read")
                left = [MOST_BYTES]
                for info in infos:
                    if info.flag_bits & 1:
                        raise FormatError(f"The archive's {info.filename!r} is encrypted")
                    with io.BufferedReader(Bounded(archive, info, left), CHUNK) as member:
                        yield cast(BinaryIO, member)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise FormatError(f"The file is not packed as file.compressionFormat says: {error}") from None


def zipped(pieces: Iterable[bytes], *, name: str) -> Iterator[bytes]:
    """An archive with one file. Without a time stamp: the same rows twice are the same bytes."""
    with tempfile.TemporaryFile() as copy:
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as archive:
            info = zipfile.ZipInfo(name, BEGINNING)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
        copy.seek(0)
        while piece := copy.read(CHUNK):
            yield piece
