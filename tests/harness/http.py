# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 as bytes: requests as they are written, answers parsed strictly."""
import os
import socket

from .clock import Deadline
from .run import Soket

STRICT = b"\r\n"


class Broken(AssertionError):
    """What came is no answer."""


class Answer:
    def __init__(self, status, fields, body, interim):
        self.status, self.fields, self.body, self.interim = status, fields, body, interim

    def __getitem__(self, name):
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        assert len(values) < 2, (name, values)
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"<{self.status} {self.fields} {len(self.body)} bytes {self.body[:200]!r}>"


class Client:
    """A connection to an HTTP server."""

    def __init__(self, address, seconds=20, tls=None):
        self.deadline = Deadline(seconds, "an HTTP client")
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(self.deadline.left())
        self.sock.connect(address)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.buffer = bytearray()

    def send(self, data):
        self.sock.settimeout(self.deadline.left("sending"))
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def more(self):
        self.sock.settimeout(self.deadline.left("an answer"))
        piece = self.sock.recv(1 << 16)
        self.buffer += piece
        return piece

    def until(self, n):
        while len(self.buffer) < n:
            if not self.more():
                raise Broken(f"the answer ends after {len(self.buffer)} bytes of {n}: {self.buffer[:200]!r}")
        got = bytes(self.buffer[:n])
        del self.buffer[:n]
        return got

    def line(self):
        while STRICT not in self.buffer:
            if not self.more():
                raise Broken(f"the connection ended within a line: {self.buffer!r}")
        at = self.buffer.index(STRICT)
        line = self.until(at + 2)[:-2]
        assert b"\n" not in line and b"\r" not in line, line
        return line

    def head(self):
        version, status, *_ = self.line().split(b" ", 2)
        assert version == b"HTTP/1.1", version
        fields = []
        while line := self.line():
            name, _, value = line.decode("latin-1").partition(":")
            assert name and name.strip() == name and value.startswith(" "), line
            fields.append((name, value.strip()))
        return int(status), fields

    def answer(self, method="GET"):
        interim = []
        status, fields = self.head()
        while 100 <= status < 200:
            interim.append(status)
            status, fields = self.head()
        a = Answer(status, fields, b"", interim)
        if method == "HEAD" or status in (204, 304):
            return a
        assert not (a["Content-Length"] and a["Transfer-Encoding"]), a
        if a["Transfer-Encoding"]:
            assert a["Transfer-Encoding"] == "chunked", a
            a.body = self.chunks()
        elif a["Content-Length"] is not None:
            a.body = self.until(int(a["Content-Length"]))
        else:
            a.body = self.rest()
        return a

    def chunks(self):
        body = bytearray()
        while n := int(self.line(), 16):
            body += self.until(n)
            assert self.line() == b""
        assert self.line() == b""
        return bytes(body)

    def rest(self):
        while self.more():
            pass
        got = bytes(self.buffer)
        self.buffer.clear()
        return got

    def is_over(self):
        """The server has ended the connection, and sent nothing more."""
        try:
            while self.more():
                pass
        except ConnectionResetError:
            pass
        return self.buffer == b""

    def get(self, target="/", method="GET", body=None, host="localhost", **fields):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
        lines += [f"{n.replace('_', '-')}: {v}" for n, v in fields.items()]
        if body is not None and "Transfer_Encoding" not in fields and "Content_Length" not in fields:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + (body or b""))
        return self.answer(method)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def tree(root, files):
    """Make files (name: content) below a directory; a name that ends in a slash is a directory, a content that is a str and begins
    with '->' a symbolic link."""
    for name, content in files.items():
        path = os.path.join(root, name)
        os.makedirs(path if name.endswith("/") else os.path.dirname(path), exist_ok=True)
        if name.endswith("/"):
            continue
        if isinstance(content, str) and content.startswith("->"):
            os.symlink(content[2:], path)
            continue
        with open(path, "wb") as f:
            f.write(content.encode() if isinstance(content, str) else content)
    return root


class Serve(Soket):
    """soket serve on a port of loopback that the kernel picks."""

    def __init__(self, root, *flags, at="127.0.0.1:0", deadline=30, **more):
        super().__init__("serve", str(root), *(at.split() if at else ()), "--json", *flags, deadline=deadline, **more)

    @property
    def where(self):
        event = self.event("listening")
        return event["path"] if "path" in event else (event["address"].strip("[]"), event["port"])

    def client(self, **more):
        return Client(self.where, **more)

    def get(self, target="/", **more):
        with self.client() as c:
            return c.get(target, **more)
