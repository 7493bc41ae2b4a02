from __future__ import annotations

import asyncio
import io
import os
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from affect_client._body_async import body_chunks
from affect_client._multipart import Multipart, Part
from affect_client.errors import (
    ClipChangedError,
    ClipIsFolderError,
    ClipNotFoundError,
    EmptyClipError,
    UnreadableClipError,
)
from affect_client.uploads import CHUNK_BYTES, ClipSource, OnUpload, Upload

DATA = bytes(range(256)) * 1000  # four chunks


def asynchronously(body: Multipart, on_upload: OnUpload | None = None) -> list[bytes]:
    async def read() -> list[bytes]:
        return [chunk async for chunk in body_chunks(body, on_upload)]

    return asyncio.run(read())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "clip one.mp4"
    path.write_bytes(DATA)
    return path


class Pipe(io.RawIOBase):
    """What cannot say its size or be read again."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return self._data.readinto(cast("bytearray", buffer))


def test_a_path_bytes_and_files_give_the_same_bytes_again_and_again(path: Path) -> None:
    with path.open("rb") as file, tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(DATA)
        spooled.seek(0)
        sources: list[ClipSource] = [
            path,
            str(path),
            DATA,
            bytearray(DATA),
            memoryview(DATA),
            io.BytesIO(DATA),
        ]
        for source in (*sources, file, cast("BinaryIO", spooled)):
            upload = Upload.of(source)
            assert upload.size == len(DATA)
            for _ in range(2):
                chunks = list(upload.chunks())
                assert b"".join(chunks) == DATA
                assert max(map(len, chunks)) == CHUNK_BYTES
                assert not upload.spent
        assert not file.closed


def test_names_are_kept(path: Path) -> None:
    with path.open("rb") as file:
        assert Upload.of(file).name == Upload.of(path).name == "clip one.mp4"
    assert Upload.of(b"x").name == "clip"
    assert Upload.of(b"x", "mine.mp4").name == Upload.of(path, "mine.mp4").name == "mine.mp4"


def test_a_file_object_is_read_from_where_it_stands(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(100)
        upload = Upload.of(file)
        assert upload.size == len(DATA) - 100
        assert b"".join(upload.chunks()) == DATA[100:]
        assert b"".join(upload.chunks()) == DATA[100:]


def test_a_pipe_is_read_once_and_has_no_size(tmp_path: Path) -> None:
    upload = Upload.of(cast("BinaryIO", Pipe(DATA)))
    assert (upload.size, upload.spent) == (None, False)
    assert b"".join(upload.chunks()) == DATA
    assert (upload.size, upload.spent) == (None, True)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(DATA))
    writer.start()
    upload = Upload.of(fifo)
    assert (upload.size, upload.name) == (None, "fifo")
    assert b"".join(upload.chunks()) == DATA
    writer.join()
    assert upload.spent


def test_what_is_no_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipNotFoundError, match=r"missing\.mp4"):
        Upload.of(tmp_path / "missing.mp4")
    with pytest.raises(ClipIsFolderError):
        Upload.of(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(EmptyClipError, match=r"empty\.mp4"):
        Upload.of(tmp_path / "empty.mp4")
    with pytest.raises(EmptyClipError):
        Upload.of(b"")
    file = io.BytesIO(DATA)
    file.read()
    with pytest.raises(EmptyClipError):
        Upload.of(file)
    with pytest.raises(UnreadableClipError):
        Upload.of("nul\0byte")
    with pytest.raises(UnreadableClipError):
        Upload.of(tmp_path / "empty.mp4" / "below a file")


@pytest.mark.parametrize("clip", [None, 3, ["a"], io.StringIO("text")])
def test_other_types_are_a_type_error(clip: object) -> None:
    with pytest.raises(TypeError):
        Upload.of(clip)  # type: ignore[arg-type]


def test_a_file_that_shrinks_while_it_is_sent(path: Path) -> None:
    upload = Upload.of(path)
    chunks = upload.chunks()
    next(chunks)
    os.truncate(path, CHUNK_BYTES + 10)
    with pytest.raises(ClipChangedError, match=f"had {len(DATA)} bytes and ended after"):
        list(chunks)


def test_a_file_that_grows_while_it_is_sent_is_sent_to_its_size(path: Path) -> None:
    upload = Upload.of(path)
    with path.open("ab") as file:
        file.write(b"more")
    assert b"".join(upload.chunks()) == DATA


def test_a_file_that_is_gone_before_it_is_sent(path: Path) -> None:
    upload = Upload.of(path)
    path.unlink()
    with pytest.raises(UnreadableClipError, match="cannot be opened"):
        list(upload.chunks())


class Failing(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        if size:
            raise OSError(5, "Input/output error")
        return b""


def test_a_disk_that_fails(path: Path) -> None:
    body = Multipart([Part("data", Upload.of(Failing(DATA)))])
    with pytest.raises(UnreadableClipError, match="Input/output error"):
        list(body.chunks())
    with pytest.raises(UnreadableClipError, match="Input/output error"):
        asynchronously(body)


@pytest.mark.parametrize("clip", [DATA, b"x"])
def test_progress_starts_at_nothing_and_ends_with_the_size(clip: bytes) -> None:
    seen: list[tuple[int, int | None]] = []
    body = Multipart([Part("options", b"{}"), Part("data", Upload.of(clip))])
    for run in (body.chunks, lambda told: asynchronously(body, told)):
        seen.clear()
        list(run(lambda sent, total: seen.append((sent, total))))
        assert seen[0] == (0, len(clip))
        assert seen[-1] == (len(clip), len(clip))
        assert [sent for sent, _ in seen] == sorted({sent for sent, _ in seen})


def test_a_body_that_is_given_up_while_its_file_is_opened_closes_it_too() -> None:
    begun, go_on, opened = threading.Event(), threading.Event(), io.BytesIO(DATA)

    def slowly() -> io.BytesIO:
        begun.set()
        go_on.wait(30)
        return opened

    async def impatient() -> None:
        upload = Upload(slowly, "clip", len(DATA), repeatable=True)

        async def whole() -> None:
            async for _ in body_chunks(Multipart([Part("data", upload)]), None):
                pass

        task = asyncio.ensure_future(whole())
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not opened.closed
        go_on.set()

    asyncio.run(impatient())
    assert opened.closed


def test_a_body_that_is_given_up_closes_its_file(path: Path) -> None:
    async def some() -> None:
        chunks = body_chunks(body, None)
        async for _ in chunks:
            break
        await anext(chunks)
        await chunks.aclose()

    body = Multipart([Part("data", Upload.of(path))])
    chunks = body.chunks()
    next(chunks)
    next(chunks)
    assert open_files(path) == 1
    chunks.close()
    asyncio.run(some())
    assert open_files(path) == 0


def open_files(path: Path) -> int:
    links = (link for link in Path("/proc/self/fd").iterdir() if link.exists())
    return sum(link.resolve() == path for link in links)
