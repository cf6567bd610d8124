"""Carry frames between two network devices, each some time late: a long line, for kernels that have no netem.

    python delaying.py DEVICE DEVICE SECONDS

Standard library only, for Linux. It says "carrying" when it begins, and ends with its standard input.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections import deque

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE = 263, 15, 23, 33
"""packet(7), linux/if_packet.h and asm-generic/socket.h; Python has no names for them."""

EVERY_PROTOCOL = 3
LARGEST = 1 << 17
ROOM = 1 << 24


def opened(device: str) -> socket.socket:
    """All frames that come in by the device, with what their sender left to hardware: checksums and segmentation."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    packets.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
    packets.bind((device, EVERY_PROTOCOL))
    packets.setblocking(False)
    return packets


def carry(one: socket.socket, other: socket.socket, seconds: float) -> None:
    late: deque[tuple[float, socket.socket, bytes]] = deque()
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(max(0.0, late[0][0] - time.monotonic()) if late else None):
                if key.fileobj is sys.stdin:
                    return
                take(key.fileobj, key.data, late, time.monotonic() + seconds)
            while late and late[0][0] <= time.monotonic():
                _, out, frame = late.popleft()
                send(out, frame)


def take(
    source: socket.socket, out: socket.socket, late: deque[tuple[float, socket.socket, bytes]], due: float
) -> None:
    while True:
        try:
            late.append((due, out, source.recv(LARGEST)))
        except (BlockingIOError, OSError):
            return


def send(out: socket.socket, frame: bytes) -> None:
    try:
        out.send(frame)
    except OSError:  # as on any line, what cannot be carried is lost
        return


if __name__ == "__main__":
    devices = [opened(name) for name in sys.argv[1:3]]
    print("carrying", flush=True)
    carry(*devices, float(sys.argv[3]))
