"""Bodies that we write, read back by the standard library's parser of mail."""

from __future__ import annotations

import asyncio
import io
from typing import BinaryIO, cast

from hypothesis import example, given
from hypothesis import strategies as st

from affect_client._body_async import body_chunks
from affect_client._multipart import Multipart, Part
from affect_client.uploads import Upload
from received import Received

DATA = bytes(range(256)) * 1000


class Pipe(io.BytesIO):
    def tell(self) -> int:
        raise io.UnsupportedOperation


def asynchronously(body: Multipart) -> list[bytes]:
    async def read() -> list[bytes]:
        return [chunk async for chunk in body_chunks(body, None)]

    return asyncio.run(read())


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
contents = st.binary(max_size=200) | st.sampled_from([b"\r\n", b"\r\n--", b"--", DATA])


@given(parts=st.lists(contents, min_size=1, max_size=4))
@example([b""])
def test_other_programs_read_the_parts_back(parts: list[bytes]) -> None:
    body = Multipart(
        [
            Part(f"frame{k}", Upload.of(content) if k % 2 and content else content, "f.jpg")
            for k, content in enumerate(parts)
        ]
    )
    data = b"".join(body.chunks())
    assert body.length == len(data)
    assert b"".join(asynchronously(body)) == data
    read = Received("POST", "/", {"content-type": body.media_type}, data).files()
    assert read == {f"frame{k}": ("f.jpg", content) for k, content in enumerate(parts)}


@given(name=names, filename=names)
@example("data", 'a"b\r\nX-Evil: 1.mp4')
@example("data", "\ud800 half of a pair")
def test_no_name_breaks_out_of_its_header(name: str, filename: str) -> None:
    header = Part(name, b"", filename).header()
    lines = header.split(b"\r\n")
    assert len(lines) == 4
    assert lines[0].startswith(b"Content-Disposition: form-data; name=")
    assert lines[1:] == [b"Content-Type: application/octet-stream", b"", b""]
    assert lines[0].count(b'"') == 4
    assert b"\n" not in lines[0]
    assert b"\r" not in lines[0]


def test_a_body_with_a_pipe_has_no_length_and_is_spent_once_read() -> None:
    body = Multipart([Part("data", Upload.of(cast("BinaryIO", Pipe(DATA))))])
    assert body.length is None
    assert not body.spent
    assert DATA in b"".join(body.chunks())
    assert body.spent
