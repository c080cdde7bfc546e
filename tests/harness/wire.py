# SPDX-License-Identifier: Apache-2.0
"""Two machines joined by a wire that takes its time and loses packets: a TUN device in each, and a thread of the test between. It
needs no netem, which not every kernel has."""
import fcntl
import heapq
import itertools
import os
import select
import struct
import threading
import time

from .net import Machine

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
MTU = 1400


def missing():
    """Why there can be no wire, or ""."""
    return "" if os.access("/dev/net/tun", os.R_OK | os.W_OK) else "no /dev/net/tun"


class Wire:
    """Machines `a` and `b`, at 10.95.0.1 and .2, fd95::1 and ::2. A packet takes `delay` seconds; of those with more than 500 bytes
    that come from a, each lose-th is lost (0: none)."""

    a4, b4, a6, b6 = "10.95.0.1", "10.95.0.2", "fd95::1", "fd95::2"

    def __init__(self, delay=0.0, lose=0):
        self.delay, self.lose = delay, lose
        self.lost = 0
        self.a, self.b = Machine(), Machine()
        self.fds = [self._device(m, v4, v6) for m, v4, v6 in ((self.a, self.a4, self.a6), (self.b, self.b4, self.b6))]
        self.end = os.pipe()
        self.thread = threading.Thread(target=self._carry, daemon=True)
        self.thread.start()

    @staticmethod
    def _device(machine, v4, v6):
        def make():
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
            return fd

        fd = machine.inside(make)
        machine.ip("link", "set", "wire", "mtu", str(MTU), "up")
        machine.ip("addr", "add", f"{v4}/24", "dev", "wire")
        machine.ip("addr", "add", f"{v6}/64", "dev", "wire", "nodad")
        return fd

    def _carry(self):
        poll, due, number, large = select.poll(), [], itertools.count(), 0
        for fd in (*self.fds, self.end[0]):
            poll.register(fd, select.POLLIN)
        while True:
            left = max(0, due[0][0] - time.monotonic()) if due else None
            for fd, _ in poll.poll(None if left is None else left * 1000):
                if fd == self.end[0]:
                    return
                try:
                    packet = os.read(fd, 65536)
                except OSError:
                    continue
                if fd == self.fds[0] and len(packet) > 500:
                    large += 1
                    if self.lose and large % self.lose == 0:
                        self.lost += 1
                        continue
                other = self.fds[1] if fd == self.fds[0] else self.fds[0]
                heapq.heappush(due, (time.monotonic() + self.delay, next(number), other, packet))
            while due and due[0][0] <= time.monotonic():
                _, _, other, packet = heapq.heappop(due)
                try:
                    os.write(other, packet)
                except OSError:
                    pass

    def close(self):
        os.close(self.end[1])
        self.thread.join()
        os.close(self.end[0])
        for fd in self.fds:
            os.close(fd)
        self.a.close()
        self.b.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
