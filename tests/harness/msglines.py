# SPDX-License-Identifier: Apache-2.0
"""Command lines of the documents that speak of datagrams: run as they stand, but with ports and files of the test."""
import os
import pathlib
import re
import shlex
import signal
import socket
import threading

from .clock import Deadline
from .run import Soket, soket

PACKET = 188


def transport_stream(packets=70, every=10, ticks=27_000_000 // 100):
    """Null payload with a clock (PCR) in each tenth packet, a hundredth of a second apart. ISO/IEC 13818-1, 2.4.3."""
    made = bytearray()
    for i in range(packets):
        head = bytes([0x47, 0x01, 0x00, 0x30 | i % 16])
        if i % every == 0:
            base, extension = divmod(ticks * (i // every), 300)
            clock = (base << 15 | 0x7E00 | extension).to_bytes(6, "big")
            field = bytes([7, 0x10]) + clock
        else:
            field = bytes([0])
        made += (head + field).ljust(PACKET, bytes([i % 251]))
    return bytes(made)


class Echo(threading.Thread):
    """A UDP server that sends back what it gets, and keeps it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.got = []
        self.start()

    def run(self):
        while True:
            try:
                message, peer = self.socket.recvfrom(70000)
            except OSError:
                return
            if message == b"the end of the test":
                return
            self.got.append(message)
            self.socket.sendto(message, peer)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"the end of the test", ("127.0.0.1", self.port))
        self.join(10)
        self.socket.close()


class Messages:
    """One line: each udp endpoint that is dialled is an echo of the test, each that is listened on has a port of the kernel's."""

    def __init__(self, text, directory):
        self.words = shlex.split(text)[1:]
        self.directory = pathlib.Path(directory)
        self.deadline = Deadline(20, text)
        self.echo = Echo()
        listens = self.words[0] in ("listen", "link")
        for i, word in enumerate(self.words):
            if word.startswith("udp:"):
                self.words[i] = "udp://127.0.0.1:0" if listens else f"udp://127.0.0.1:{self.echo.port}"
                listens = False
            elif word.startswith("file:"):
                listens = False
        self.words = [w for w in self.words if not re.match(r"(interface|source)=", w)]

    def perform(self):
        try:
            if self.words[0] == "connect":
                self.connect()
            elif any(w.startswith("file:") for w in self.words):
                self.send_file()
            else:
                self.serve()
        finally:
            self.echo.close()

    def connect(self):
        done = soket(*[w for w in self.words if w not in ("<",)], stdin=b"hello\n")
        assert done.status == 0 and done.out == "hello\n", done

    def send_file(self):
        content = transport_stream()
        name = next(w for w in self.words if w.startswith("file:"))[5:]
        (self.directory / name).write_bytes(content)
        done = soket(*self.words, cwd=self.directory, deadline=20)
        assert done.status == 0 and b"".join(self.echo.got) == content, done

    def serve(self):
        with Soket(*self.words[:1], "--json", *self.words[1:], stdin=os.open(os.devnull, os.O_RDONLY)) as p:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(self.deadline.left())
                client.connect(("127.0.0.1", p.port()))
                client.send(b"hello\n")
                if self.words[0] == "link":
                    assert client.recv(100) == b"hello\n"
                else:
                    p.out.wait(lambda r: b"hello\n" in r.bytes, self.deadline, "what the client said")
            assert p.stop(signal.SIGTERM) == 0, p.said()
