"""Frames and messages as they pass by, in whatever pieces."""

import struct

import pytest

from netwright.serving.grpc.frames import DATA, END_STREAM, HEADERS, Frames, Messages, Unexpected


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


@pytest.mark.parametrize("piece", [1, 2, 7, 9, 1000])
def test_frames_are_found_in_pieces_of_any_size(piece: int) -> None:
    heads, data = [], b""

    def on_data(stream: int, part: memoryview) -> None:
        nonlocal data
        assert stream == 5
        data += part

    frames = Frames(lambda *head: heads.append(head), on_data, skip=4)
    whole = b"skip" + frame(HEADERS, 4, 5, b"abc") + frame(DATA, 0, 5, b"hello") + frame(DATA, END_STREAM, 5)
    for at in range(0, len(whole), piece):
        frames.feed(memoryview(whole[at : at + piece]))
    assert heads == [(HEADERS, 4, 5), (DATA, 0, 5), (DATA, END_STREAM, 5)]
    assert data == b"hello"


def test_padded_data_is_not_of_grpc() -> None:
    with pytest.raises(Unexpected):
        Frames(lambda *head: None).feed(memoryview(frame(DATA, 0x8, 1, b"\1a\0")))


@pytest.mark.parametrize("piece", [1, 3, 5, 8, 1000])
def test_only_an_unfinished_message_counts(piece: int) -> None:
    messages, held = Messages(), 0
    whole = b"\0\0\0\0\3abc" + b"\0\0\0\0\0" + b"\1\0\0\0\x10" + b"x" * 9
    for at in range(0, len(whole), piece):
        more = messages.feed(memoryview(whole[at : at + piece]))
        held = more if messages.is_new else held + more
    assert held == 9


def test_a_message_that_ends_releases_what_it_held() -> None:
    messages = Messages()
    assert messages.feed(memoryview(b"\0\0\0\0\5ab")) == 2
    assert not messages.is_new
    assert messages.feed(memoryview(b"cde\0\0\0\0\2x")) == 1
    assert messages.is_new


@pytest.mark.parametrize("piece", [1, 9, 12, 1000])
def test_it_stops_before_the_payload_of_a_frame_where_it_is_told_to(piece: int) -> None:
    frames = Frames(lambda kind, flags, stream: kind == HEADERS)
    whole = frame(DATA, 0, 1, b"abc") + frame(HEADERS, 4, 3, b"hello") + frame(DATA, 0, 3, b"d")
    passed, at = b"", 0
    while len(passed) < 12 + 9:
        part = whole[at : at + piece]
        size = frames.feed(memoryview(part))
        passed, at = passed + part[:size], at + size
    assert passed == whole[: 12 + 9]
    assert frames.left == 5
    assert frames.feed(memoryview(whole[at:])) == len(whole) - at
