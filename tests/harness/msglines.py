# SPDX-License-Identifier: Apache-2.0
"""Sockets that keep messages apart: what a test holds of a datagram peer or target. Each wait has the deadline of its socket."""
import os
import select
import socket
import threading

from .clock import Deadline, TooLate

SO_RCVBUFFORCE = 33
ROOM = 70000  # more than any datagram has
BUFFER = 8 << 20


def host_of(endpoint_host):
    return f"[{endpoint_host}]" if ":" in endpoint_host else endpoint_host


class Talker:
    """One socket of messages. `to` is where send() goes where it is not connected."""

    def __init__(self, sock, deadline=None, to=None):
        self.sock = sock
        self.deadline = deadline or Deadline(30, "messages")
        self.to = to
        self.sources = []  # of each message that came
        sock.setblocking(False)
        _widen(sock)

    @property
    def address(self):
        return self.sock.getsockname()

    @property
    def port(self):
        return self.address[1]

    @property
    def endpoint(self):
        address = self.address
        if self.sock.family == socket.AF_UNIX:
            scheme = "unix-dgram" if self.sock.type == socket.SOCK_DGRAM else "unix-seqpacket"
            return f"{scheme}:{_name(address)}"
        return f"udp://{host_of(address[0])}:{address[1]}"

    def _wait(self, what, doing, seconds=None):
        poll = select.poll()
        poll.register(self.sock, what)
        if seconds is not None:
            return bool(poll.poll(int(seconds * 1000)))
        while not poll.poll(self.deadline.left_ms(doing)):
            pass
        return True

    def send(self, message, to=None):
        to = to or self.to
        while True:
            try:
                return self.sock.sendto(message, to) if to else self.sock.send(message)
            except BlockingIOError:
                self._wait(select.POLLOUT, f"sending a message of {len(message)} bytes")

    def receive(self, doing="a message"):
        """The next message; b"" is one too."""
        return self.receive_from(doing)[0]

    def receive_from(self, doing="a message"):
        """The next message and whose it is."""
        while True:
            self._wait(select.POLLIN, doing)
            try:
                message, source = self.sock.recvfrom(ROOM)
            except BlockingIOError:
                continue
            self.sources.append(source)
            return message, source

    def receive_n(self, n):
        return [self.receive(f"message {i + 1} of {n}") for i in range(n)]

    def is_silent(self, seconds=0.0):
        """Whether nothing is there, nor comes within that time."""
        return not self._wait(select.POLLIN, "", seconds)

    def ask(self, message, to=None):
        self.send(message, to)
        return self.receive(f"an answer to {message[:40]!r}")

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def _widen(sock):
    """Room for bursts: a test that loses its own messages proves nothing."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)


def _name(address):
    """A unix address as an endpoint has it."""
    return "@" + address[1:].decode() if isinstance(address, bytes) else address


def udp(host="127.0.0.1", port=0, to=None, deadline=None):
    """A UDP socket on that address, connected to `to` (host, port) where that is given."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, port))
    if to:
        sock.connect(to)
    return Talker(sock, deadline)


def udp_to(soket, host=None, source=None, deadline=None):
    """A UDP peer of what soket listens on; from a source address of its own where that is given."""
    address, port = soket.address()
    host = host or address
    return udp(source or ("::1" if ":" in host else "127.0.0.1"), to=(host, port), deadline=deadline or soket.deadline)


def unix(path=None, to=None, deadline=None, kind=socket.SOCK_DGRAM):
    """A unix socket with that name ("@name": abstract, None: one of the kernel's choice), connected to `to`."""
    sock = socket.socket(socket.AF_UNIX, kind)
    if path is not None:
        sock.bind(real(path))
    elif kind == socket.SOCK_DGRAM:
        sock.bind("")
    if to is not None:
        sock.connect(real(to))
    return Talker(sock, deadline)


def real(path):
    """The name as the kernel has it."""
    return b"\0" + path[1:].encode() if path.startswith("@") else path


class Answering:
    """A target that answers each message by what answer(message) says (None: nothing), to whoever sent it."""

    def __init__(self, talker, answer=lambda message: message):
        self.talker = talker
        self.answer = answer
        self.came = []  # (message, source)
        self.changed = threading.Condition()
        self.end = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def endpoint(self):
        return self.talker.endpoint

    def _serve(self):
        poll = select.poll()
        poll.register(self.talker.sock, select.POLLIN)
        poll.register(self.end[0], select.POLLIN)
        while True:
            if any(fd == self.end[0] for fd, _ in poll.poll()):
                return
            try:
                message, source = self.talker.sock.recvfrom(ROOM)
            except OSError:  # also an ICMP error of an answer before
                continue
            with self.changed:
                self.came.append((message, source))
                self.changed.notify_all()
            answer = self.answer(message)
            if answer is not None and source:
                try:
                    self.talker.sock.sendto(answer, source)
                except OSError:
                    pass

    def wait(self, n, deadline):
        """Until n messages have come."""
        with self.changed:
            while len(self.came) < n:
                self.changed.wait(deadline.left(f"{n} messages, {len(self.came)} have come"))

    def sources(self):
        with self.changed:
            return {source for _, source in self.came}

    def messages(self):
        with self.changed:
            return [message for message, _ in self.came]

    def close(self):
        if self.thread:
            os.write(self.end[1], b"x")
            self.thread.join()
            self.thread = None
            self.talker.close()
            for fd in self.end:
                os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def echo(host="127.0.0.1", port=0, **options):
    """A UDP server that sends back what comes."""
    return Answering(udp(host, port), **options)


def counts(event):
    """(sent, received) messages of an event, and its losses by name, those that are not 0."""
    names = ("dropped", "overflowed", "unreachable", "too_long", "turned_away")
    return (event["messages_sent"], event["messages_received"]), {n: event[f"messages_{n}"] for n in names
                                                                 if event[f"messages_{n}"]}


def totals(soket):
    """The sum that `--stats` gave, of a soket that has ended."""
    events = soket.events("stats")
    assert len(events) == 1, soket.said()
    return counts(events[0])


__all__ = ["Answering", "BUFFER", "Talker", "TooLate", "counts", "echo", "host_of", "real", "totals", "udp", "udp_to", "unix"]
