"""A network of hosts: a switch in a network namespace of its own, and one wire from this machine to it.

The namespace belongs to one process, which ends when its stdin does, at the latest with the tests. The kernel then
removes the namespace, and with it the switch and both ends of every wire: nothing can be left behind.
"""

from __future__ import annotations

import ipaddress
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .waiting import until

BOUND = 10
"""Seconds for one command of iproute2."""

IP = "/sbin/ip"
DELAYING = Path(__file__).with_name("delaying.py")


class Network:
    """The switch, and the addresses of a network 10.X.Y.0/24 that this machine has no other route to.

    Not frozen: it gives out addresses, and is taken down in the end.
    """

    def __init__(self) -> None:
        self.link = f"sd{os.urandom(5).hex()}"
        self.span, self._addresses = str(net := free_network()), net.hosts()
        self._plugged: dict[str, str] = {}
        self._lines: dict[str, subprocess.Popen[bytes]] = {}
        self._process = subprocess.Popen(("unshare", "--net", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._wait_for_namespace()
        self.address = self.new_address()
        self._lay_wire()

    @property
    def pid(self) -> int:
        """The process that holds the switch's namespace. Fails after its end: another may have that id by then."""
        assert self._process.poll() is None, "The network is taken down."
        return self._process.pid

    def new_address(self) -> str:
        return str(next(self._addresses))

    def plug(self, pid: int, address: str) -> str:
        """Connect the network namespace of `pid` as `address`, and return the name of its port on the switch.

        Each side knows the other's hardware address: so a wire that is cut is silent, and never "no route to host".
        """
        port = f"p{address.rpartition('.')[2]}"
        batch(
            f"link add {port} type veth peer name eth0 address {hardware(address)} netns {pid}",
            f"link set {port} master switch up",
            inside=self.pid,
        )
        batch(
            "link set lo up",
            f"address add {address}/24 dev eth0",
            "link set eth0 up",
            f"neighbour replace {self.address} lladdr {hardware(self.address)} dev eth0 nud permanent",
            inside=pid,
        )
        batch(f"neighbour replace {address} lladdr {hardware(address)} dev {self.link} nud permanent")
        self._plugged[port] = port
        return port

    def cut(self, port: str) -> None:
        """Take the wire from the switch: both its ends stay up, and what is sent on either side gets nowhere."""
        batch(f"link set {self._plugged[port]} nomaster", inside=self.pid)

    def heal(self, port: str) -> None:
        batch(f"link set {self._plugged[port]} master switch", inside=self.pid)

    def delay(self, port: str, milliseconds: float) -> None:
        """Add so much to each round trip through the port, half of it each way; 0 takes what was added away."""
        if line := self._lines.pop(port, None):
            line.communicate(timeout=BOUND)
            batch(f"link delete {self._plugged[port]}", f"link set {port} master switch", inside=self.pid)
            self._plugged[port] = port
        if milliseconds:
            self._lengthen(port, milliseconds / 2000)

    def _lengthen(self, port: str, seconds: float) -> None:
        far, near = f"{port}far", f"{port}near"
        batch(
            f"link add {near} type veth peer name {far}",
            f"link set {port} nomaster",
            f"link set {near} promisc on up",
            f"link set {far} master switch up",
            inside=self.pid,
        )
        self._plugged[port] = far
        words = (*inside_of(self.pid), sys.executable, "-I", str(DELAYING), port, near, str(seconds))
        self._lines[port] = line = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert line.stdout and line.stdout.readline() == b"carrying\n", "The frames cannot be carried."

    def close(self) -> None:
        """Remove all of it; returns when this machine's end is gone."""
        for line in self._lines.values():
            line.communicate(timeout=BOUND)
        self._process.communicate(timeout=BOUND)
        until(lambda: self.link not in links(), what=f"{self.link} is removed")

    def _wait_for_namespace(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(b"there\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == b"there\n", "No network namespace can be made."

    def _lay_wire(self) -> None:
        batch(
            "link add switch type bridge",
            "link set switch up",
            inside=self.pid,
        )
        batch(
            f"link add {self.link} address {hardware(self.address)} type veth peer name uplink netns {self.pid}",
            f"address add {self.address}/24 dev {self.link}",
            f"link set {self.link} up",
        )
        batch("link set uplink master switch up", inside=self.pid)


def free_network() -> ipaddress.IPv4Network:
    """A network, by chance, that overlaps none of this machine's routes."""
    taken = tuple(_routes())
    while True:
        net = ipaddress.IPv4Network((f"10.{random.randrange(1, 255)}.{random.randrange(255)}.0", 24))
        if not any(net.overlaps(other) for other in taken):
            return net


def _routes() -> Iterator[ipaddress.IPv4Network]:
    for route in _ip("-4", "route", "show", "table", "all").splitlines():
        if found := re.match(r"(?:\w+ )?(\d[\d.]+(?:/\d+)?) ", route):
            yield ipaddress.IPv4Network(found[1], strict=False)


def links() -> set[str]:
    """The network devices of this machine."""
    return set(os.listdir("/sys/class/net"))


def hardware(address: str) -> str:
    """A locally administered hardware address (IEEE 802: 02 in the first octet) that only `address` has."""
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def batch(*orders: str, inside: int = 0) -> None:
    """Let iproute2 do all the orders, in the network namespace of the process `inside`, or this one's."""
    _ip("-batch", "-", inside=inside, stdin="\n".join((*orders, "")))


def inside_of(pid: int) -> tuple[str, ...]:
    """The words that begin a command in the network namespace of the process."""
    return ("nsenter", f"--net=/proc/{pid}/ns/net")


def _ip(*words: str, inside: int = 0, stdin: str = "") -> str:
    enter = inside_of(inside) if inside else ()
    done = subprocess.run((*enter, IP, *words), input=stdin, capture_output=True, text=True, timeout=BOUND)
    assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{stdin}{done.stderr}"
    return done.stdout
