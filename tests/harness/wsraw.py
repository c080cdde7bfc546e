# SPDX-License-Identifier: Apache-2.0
"""A WebSocket peer that does what it is told, right or wrong: frames are put together here, bit by bit."""
import base64
import hashlib
import os
import socket
import struct

from .clock import Deadline
from .ends import Gone, Server

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def masked(content, key):
    pad = (key * (len(content) // 4 + 1))[:len(content)]
    return (int.from_bytes(content, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(content), "big")


def frame(opcode, content=b"", mask=None, last=True, bits=0, length=None, form=None):
    """A frame. `mask` are 4 bytes, or None; `bits` those that are reserved (0x40 is that of compression); `length` what it says of
    its length, where that is not true; `form` 7, 16 or 64: how its length is written."""
    n = len(content) if length is None else length
    form = form or (7 if n < 126 else 16 if n < 65536 else 64)
    head = bytes([(0x80 if last else 0) | bits | opcode])
    m = 0x80 if mask is not None else 0
    head += (bytes([m | n]) if form == 7 else struct.pack("!BH", m | 126, n) if form == 16 else struct.pack("!BQ", m | 127, n))
    return head + (mask + masked(content, mask) if mask is not None else content)


def close_content(code, reason=b""):
    return struct.pack("!H", code) + reason


def request(host="127.0.0.1", path="/", fields=(), without=(), line=None):
    """A client's request. `fields` are added, those whose names are in `without` left out."""
    rows = [("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Version", "13")]
    rows = [r for r in rows if r[0] not in without] + list(fields)
    return "\r\n".join([line or f"GET {path} HTTP/1.1", *(f"{k}: {v}" for k, v in rows), "", ""]).encode("latin-1")


class Head:
    """The head of a request or an answer: its first line and its fields, by lower-case names."""

    def __init__(self, content):
        lines = content.decode("latin-1").split("\r\n")
        self.line = lines[0]
        self.fields = [tuple(x.strip() for x in line.split(":", 1)) for line in lines[1:] if line]

    @property
    def status(self):
        return int(self.line.split()[1])

    def get(self, name):
        return next((v for k, v in self.fields if k.lower() == name.lower()), None)


class Peer:
    """One end of a WebSocket connection over a socket. `mask` is what its frames carry: 4 bytes for a client."""

    def __init__(self, sock, deadline=None, mask=None):
        self.sock, self.deadline, self.mask = sock, deadline or Deadline(20, "a WebSocket peer"), mask
        self.rest = b""
        self.head = None

    # bytes

    def send_bytes(self, content):
        self.sock.settimeout(self.deadline.left("writing to soket"))
        try:
            self.sock.sendall(content)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Gone(str(e)) from e

    def trickle(self, content):
        """Byte by byte, each in a packet of its own as far as one can tell it."""
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(content)):
            self.send_bytes(content[i:i + 1])

    def more(self):
        self.sock.settimeout(self.deadline.left(f"reading from soket behind {self.rest[:80]!r}"))
        try:
            piece = self.sock.recv(1 << 18)
        except ConnectionResetError:
            return False
        self.rest += piece
        return bool(piece)

    def read(self, n):
        while len(self.rest) < n:
            if not self.more():
                raise Gone(f"ended within {self.rest[:100]!r}")
        ret, self.rest = self.rest[:n], self.rest[n:]
        return ret

    def read_head(self):
        while b"\r\n\r\n" not in self.rest:
            if not self.more():
                raise Gone(f"ended within the head {self.rest!r}")
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        self.head = Head(head)
        return self.head

    def read_all(self):
        while self.more():
            pass
        ret, self.rest = self.rest, b""
        return ret

    # frames

    def send(self, opcode, content=b"", **more):
        more.setdefault("mask", self.mask)
        self.send_bytes(frame(opcode, content, **more))

    def receive(self):
        """(opcode, content, is the last, is masked, reserved bits) of the next frame."""
        first, second = self.read(2)
        n = second & 0x7f
        if n == 126:
            n, = struct.unpack("!H", self.read(2))
        elif n == 127:
            n, = struct.unpack("!Q", self.read(8))
        key = self.read(4) if second & 0x80 else None
        content = self.read(n)
        return first & 0xf, masked(content, key) if key else content, bool(first & 0x80), key is not None, first & 0x70

    def message(self):
        """(opcode, content) of the next message. Control frames are passed over, but pings are answered; a Close raises Closed."""
        kind, content = None, b""
        while True:
            opcode, piece, last, _, _ = self.receive()
            if opcode == CLOSE:
                raise Closed(piece)
            if opcode == PING:
                self.send(PONG, piece)
            elif opcode != PONG:
                kind = opcode if kind is None else kind
                content += piece
                if last:
                    return kind, content

    def messages(self):
        """The contents of all that come, to the Close, and its code; None where there is none."""
        got = []
        try:
            while True:
                got.append(self.message()[1])
        except Closed as e:
            return got, e.code

    def close_code(self):
        """The code of the Close that comes, and what it gives as the reason; messages before it are passed over."""
        try:
            while True:
                self.message()
        except Closed as e:
            return e.code, e.reason

    def say_close(self, code=1000, reason=b""):
        self.send(CLOSE, b"" if code is None else close_content(code, reason))

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Closed(Exception):
    def __init__(self, content):
        super().__init__(content)
        self.code = struct.unpack("!H", content[:2])[0] if len(content) >= 2 else None
        self.reason = content[2:].decode("utf-8")


def dial(address, deadline=None, **ask):
    """A client whose handshake was answered with 101."""
    peer = knock(address, deadline, **ask)
    head = peer.read_head()
    assert head.status == 101 and head.get("Sec-WebSocket-Accept") == accept_of(KEY), head.fields
    return peer


def connect(address, deadline=None):
    """A client that has said nothing yet."""
    deadline = deadline or Deadline(20, "a WebSocket client")
    return Peer(socket.create_connection(tuple(address[:2]), deadline.left()), deadline, mask=b"\x11\x92\x3f\xe4")


def knock(address, deadline=None, **ask):
    """A client that has sent its request."""
    peer = connect(address, deadline)
    host = f"{address[0]}:{address[1]}"
    peer.send_bytes(request(**{"host": host, **ask}))
    return peer


def answer(key, fields=()):
    return ("\r\n".join(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                         f"Sec-WebSocket-Accept: {accept_of(key)}", *(f"{k}: {v}" for k, v in fields), "", ""])).encode("latin-1")


class WsServer(Server):
    """Each connection, once its handshake is done, is given to work(peer) in a thread. `answer(head)` are the bytes of the answer;
    work() is called whatever they are. `failures` are those of work."""

    def __init__(self, work, answer=None, seconds=20, **options):
        super().__init__(**options)
        self.work, self.answer, self.deadline = work, answer or (lambda head: answer_to(head)), Deadline(seconds, "a WebSocket server")
        self.failures, self.heads, self.done = [], [], 0
        self.serve_each(self._serve, self.deadline)

    def _serve(self, sock):
        try:
            with Peer(sock, self.deadline) as peer:
                self.heads.append(peer.read_head())
                peer.send_bytes(self.answer(peer.head))
                self.work(peer)
        except Exception as e:  # noqa: B902 - for the test to look at
            self.failures.append(e)
        self.done += 1

    @property
    def endpoint(self):
        return f"ws://127.0.0.1:{self.port}"


def answer_to(head, fields=()):
    return answer(head.get("Sec-WebSocket-Key"), fields)


def echo(peer):
    """Send each message back, and the Close."""
    while True:
        opcode, content, last, _, bits = peer.receive()
        if opcode == CLOSE:
            peer.send(CLOSE, content)
            return
        if opcode == PING:
            peer.send(PONG, content)
        elif opcode != PONG:
            peer.send(opcode, content, last=last, bits=bits)


def random_mask():
    return os.urandom(4)
