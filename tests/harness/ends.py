# SPDX-License-Identifier: Apache-2.0
"""The far ends of a link: what a test holds in its hand of the thing that soket is joined to."""
import errno
import os
import select
import socket
import struct
import threading

from . import data as pattern
from .clock import Deadline


class Gone(Exception):
    """The other side took the connection away while we wrote or read."""


GONE = (errno.EPIPE, errno.ECONNRESET, errno.EIO, errno.ENOTCONN, errno.ECONNABORTED, errno.ESHUTDOWN)


class End:
    """One end of a byte stream: what is written to `wfd` arrives at soket, what soket writes is read from `rfd`.
    Either may be -1. Both may be one descriptor."""

    piece = 65536  # largest write

    def __init__(self, rfd, wfd, sock=None):
        self.rfd, self.wfd, self.sock = rfd, wfd, sock
        self.sent = self.received = 0
        for fd in {rfd, wfd} - {-1}:
            os.set_blocking(fd, False)

    # writing

    def send(self, seed, n, deadline, sizes=None, offset=0):
        """Write n bytes of the seed's stream from offset on. Raises Gone."""
        done = 0
        while done < n:
            size = min(n - done, next(sizes) if sizes else self.piece)
            self._write_all(pattern.view(seed, offset + done, size), deadline)
            done += size
        return done

    def send_bytes(self, content, deadline):
        rest = memoryview(content)
        while rest:
            self._write_all(rest[:self.piece], deadline)
            rest = rest[self.piece:]

    def _write_all(self, piece, deadline):
        while piece:
            n = self.write_some(piece)
            if n is None:
                self._wait(self.wfd, select.POLLOUT, deadline, f"writing after {self.sent} bytes")
            else:
                piece = piece[n:]

    def write_some(self, piece):
        """What write(2) took, or None where it must wait."""
        try:
            n = os.write(self.wfd, piece)
        except BlockingIOError:
            return None
        except OSError as e:
            if e.errno in GONE:
                raise Gone(str(e)) from e
            raise
        self.sent += n
        return n

    def fill(self, seed, most, deadline, quiet_ms=60):
        """Write until nothing more is taken for quiet_ms, or `most` bytes are. Returns the bytes written."""
        poll = select.poll()
        poll.register(self.wfd, select.POLLOUT)
        done = 0
        while done < most:
            deadline.left(f"filling, {done} bytes taken")
            n = self.write_some(pattern.view(seed, done, min(self.piece, most - done)))
            if n is not None:
                done += n
            elif not [e for e in poll.poll(quiet_ms) if e[1] & select.POLLOUT]:
                return done
        return done

    def pump(self, seed, deadline):
        """Write without an end, until the other side is gone."""
        done = 0
        try:
            while True:
                piece = pattern.view(seed, done, self.piece)
                self._write_all(piece, deadline)
                done += len(piece)
        except Gone:
            return self.sent

    def end_writing(self):
        """Say that our bytes have ended, and go on reading."""
        if self.sock:
            self.sock.shutdown(socket.SHUT_WR)
        elif self.wfd >= 0:
            os.close(self.wfd)
            if self.rfd == self.wfd:
                self.rfd = -1
        self.wfd = -1

    # reading

    def read_some(self, most=pattern.PIECE, deadline=None):
        """What has come, b"" at the end. A terminal that was hung up has ended; a reset connection raises Gone."""
        while True:
            self._wait(self.rfd, select.POLLIN, deadline, f"reading after {self.received} bytes")
            try:
                piece = os.read(self.rfd, most)
            except BlockingIOError:
                continue
            except OSError as e:
                if e.errno == errno.EIO:
                    return b""
                if e.errno in GONE:
                    raise Gone(str(e)) from e
                raise
            self.received += len(piece)
            return piece

    def receive(self, seed, n, deadline, to_end=True, sizes=None, offset=0):
        """Read n bytes, compare each with the seed's stream from offset on; then, with to_end, see the end."""
        done = 0
        while done < n:
            most = min(n - done, next(sizes) if sizes else pattern.PIECE)
            piece = self.read_some(most, deadline)
            assert piece, f"ended after {done} of {n} bytes"
            expected = pattern.data(seed, offset + done, len(piece))
            assert piece == expected, f"byte {done + pattern.first_difference(piece, expected)} differs"
            done += len(piece)
        if to_end:
            self.expect_end(deadline)
        return done

    def receive_some(self, seed, deadline, most=1 << 62):
        """Read to the end or the loss of the connection; all must be a beginning of the seed's stream. Returns its
        length."""
        done = 0
        try:
            while done < most:
                piece = self.read_some(min(pattern.PIECE, most - done), deadline)
                if not piece:
                    break
                assert piece == pattern.data(seed, done, len(piece)), f"differs after {done} bytes"
                done += len(piece)
        except Gone:
            pass
        return done

    def read_all(self, deadline):
        pieces = []
        while True:
            piece = self.read_some(deadline=deadline)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)

    def expect_end(self, deadline):
        piece = self.read_some(deadline=deadline)
        assert piece == b"", f"{len(piece)} bytes more than were sent"

    # ending

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None
        else:
            for fd in {self.rfd, self.wfd} - {-1}:
                os.close(fd)
        self.rfd = self.wfd = -1

    finish = close

    def reset(self):
        """End as rudely as the kind can: TCP sends RST; others leave with bytes unread."""
        if self.sock and self.sock.family in (socket.AF_INET, socket.AF_INET6):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def hand_over(self, holder):
        """Let another process be the only one that holds this end: ends this process's part. Returns it, to be
        killed."""
        program = holder({self.rfd, self.wfd} - {-1})
        self.close()
        return program

    @staticmethod
    def _wait(fd, what, deadline, doing):
        poll = select.poll()
        poll.register(fd, what)
        while not poll.poll(deadline.left_ms(doing)):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def of_socket(sock):
    return End(sock.fileno(), sock.fileno(), sock)


def dial_tcp(address, deadline, family=None):
    """A connected End; address is (host, port)."""
    family = family or (socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(deadline.left("connecting"))
    sock.connect(tuple(address[:2]))
    return of_socket(sock)


def dial_unix(path, deadline, kind=socket.SOCK_STREAM):
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.settimeout(deadline.left("connecting"))
    sock.connect(path)
    return of_socket(sock)


class Server:
    """A listening socket of the test."""

    def __init__(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, address=None, backlog=4096):
        self.sock = socket.socket(family, kind)
        if family == socket.AF_UNIX:
            self.sock.bind(address)
        else:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind(address or (("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
        self.sock.listen(backlog)
        self.address = self.sock.getsockname()

    @property
    def port(self):
        return self.address[1]

    @property
    def endpoint(self):
        if self.sock.family == socket.AF_UNIX:
            scheme = "unix" if self.sock.type == socket.SOCK_STREAM else "unix-seqpacket"
            return f"{scheme}:{self.address}"
        host = self.address[0]
        return f"tcp://[{host}]:{self.port}" if ":" in host else f"tcp://{host}:{self.port}"

    def accept(self, deadline):
        self.sock.settimeout(deadline.left("a connection"))
        sock = self.sock.accept()[0]
        return of_socket(sock)

    def serve_each(self, serve, deadline):
        """Give every client to serve(its socket), each in a thread of its own, until this is closed or the deadline has passed."""
        def work():
            while True:
                try:
                    end = self.accept(deadline)
                except (OSError, AssertionError):
                    return
                threading.Thread(target=serve, args=(end.sock,), daemon=True).start()
        threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class EchoServer(Server):
    """Sends back what comes, each connection in a thread, to the end of its bytes. Many may be served; none is
    remembered."""

    def __init__(self, *args, seconds=60, **options):
        super().__init__(*args, **options)
        self.deadline = Deadline(seconds)
        self.served = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                end = self.accept(self.deadline)
            except (OSError, AssertionError):
                return
            self.served += 1
            threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end):
        try:
            while True:
                piece = end.read_some(65536, self.deadline)
                if not piece:
                    break
                end.send_bytes(piece, self.deadline)
            end.end_writing()
        except (OSError, Gone, AssertionError):
            pass
        end.close()


def together(*jobs):
    """Run the jobs in threads at the same time and return what each returned; the first failure is raised."""
    results = [None] * len(jobs)
    failures = []

    def run(i):
        try:
            results[i] = jobs[i]()
        except BaseException as e:  # noqa: B902 - handed to the caller
            failures.append(e)

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(1, len(jobs))]
    for t in threads:
        t.start()
    run(0)
    for t in threads:
        t.join()
    if failures:
        raise failures[0]
    return results


def round_trip(end, content, deadline):
    """Send and get the same bytes back."""
    end.send_bytes(content, deadline)
    got = b""
    while len(got) < len(content):
        piece = end.read_some(len(content) - len(got), deadline)
        assert piece, f"ended after {len(got)} of {len(content)} bytes"
        got += piece
    assert got == content
