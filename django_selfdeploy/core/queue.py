"""What the kernel knows of a listening unix socket: who waits in its queue, who is still connected.

By netlink (sock_diag(7), NETLINK_SOCK_DIAG with unix_diag): no privilege, no program, about a millisecond.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
REQUEST_DUMP = 0x301
MESSAGE_ERROR, MESSAGE_DONE = 2, 3
SHOW_NAME, SHOW_QUEUE = 0x01, 0x10
ATTRIBUTE_NAME, ATTRIBUTE_QUEUE = 0, 4
ESTABLISHED, LISTEN = 1, 10

_header = struct.Struct("=IHHII")
_question = struct.Struct("=BBHIIIII")
_socket = struct.Struct("=BBBBIII")
_attribute = struct.Struct("=HH")


@dataclass(frozen=True)
class Queue:
    """`waiting` connections are not yet accepted, `open` ones are; `listening` is False when nobody listens."""

    listening: bool
    waiting: int
    open: int

    @property
    def empty(self) -> bool:
        return self.waiting == 0 and self.open == 0


def of(path: str) -> Queue:
    """The queue of the socket that was bound at `path`. Raises OSError where the kernel refuses netlink."""
    wanted = os.fsencode(path)
    listening, waiting, opened = False, 0, 0
    for state, name, queued in _sockets():
        if name != wanted:
            continue
        if state == LISTEN:
            listening, waiting = True, waiting + queued
        elif state == ESTABLISHED:
            opened += 1
    return Queue(listening, waiting, opened)


def _sockets() -> Iterator[tuple[int, bytes, int]]:
    """State, name and queue length of every listening or connected unix socket of this network namespace."""
    states = (1 << LISTEN) | (1 << ESTABLISHED)
    anything = 0xFFFFFFFF
    question = _question.pack(socket.AF_UNIX, 0, 0, states, 0, SHOW_NAME | SHOW_QUEUE, anything, anything)
    header = _header.pack(_header.size + len(question), SOCK_DIAG_BY_FAMILY, REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(2)
        netlink.send(header + question)
        while True:
            data = netlink.recv(1 << 17)
            offset = 0
            while offset + _header.size <= len(data):
                length, kind, *_ = _header.unpack_from(data, offset)
                if kind == MESSAGE_DONE:
                    return
                if kind == MESSAGE_ERROR:
                    number = -struct.unpack_from("=i", data, offset + _header.size)[0]
                    raise OSError(number, "the kernel refuses sock_diag")
                yield _parsed(data[offset + _header.size : offset + length])
                offset += (length + 3) & ~3


def _parsed(message: bytes) -> tuple[int, bytes, int]:
    state = _socket.unpack_from(message)[2]
    name, queued = b"", 0
    offset = _socket.size
    while offset + _attribute.size <= len(message):
        length, kind = _attribute.unpack_from(message, offset)
        if length < _attribute.size:
            break
        value = message[offset + _attribute.size : offset + length]
        if kind == ATTRIBUTE_NAME:
            name = value.rstrip(b"\0")
        elif kind == ATTRIBUTE_QUEUE:
            queued = struct.unpack_from("=I", value)[0]
        offset += (length + 3) & ~3
    return state, name, queued
