# SPDX-License-Identifier: Apache-2.0
"""The kinds of endpoint of the both-ends matrix: how each is written on soket's command line, and how a test gets its
far end.

A kind is a row: what it can do decides which scenarios make sense for it. `Place` is a kind at its place in one
link."""
import array
import errno
import os
import signal
import socket

from . import data as pattern
from .clock import TooLate, until
from .ends import End, Server, dial_tcp, dial_unix
from .run import Program, Soket


class ExecEnd(End):
    """The child's own stdin and stdout, passed to the test by harness/holder.c."""

    def __init__(self, control, rfd, wfd, pid):
        super().__init__(rfd, wfd)
        self.control, self.pid = control, pid

    def let_go(self, deadline):
        """The child closes its copies: from now on only the test holds this end."""
        self.control.settimeout(deadline.left("the child"))
        self.control.sendall(b"c")
        assert self.control.recv(1) == b"c"

    def exit(self, status=0):
        try:
            self.control.sendall(bytes([ord("x"), status]))
        except OSError:
            pass  # it was killed before

    def finish(self):
        """Close both ends, then let the child exit."""
        super().close()
        self.exit()
        self.control.close()

    close = finish
    reset = finish

    def hand_over(self, holder):
        """The child never let go, so it holds the end already."""
        End.close(self)
        return Killable(self.pid)


class Killable:
    """A process that is not our child (soket's), to be killed by its id."""

    def __init__(self, pid):
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)

    def send_signal(self, number):
        signal.pidfd_send_signal(self.pidfd, number)

    def close(self):
        os.close(self.pidfd)


class FileSink(End):
    """A file that soket writes: read when soket has ended."""

    def __init__(self, path, place):
        super().__init__(-1, -1)
        self.path, self.place = path, place

    def receive(self, seed, n, deadline, to_end=True, sizes=None, offset=0):
        if not to_end:
            until(lambda: os.path.exists(self.path) and os.path.getsize(self.path) >= offset + n, deadline,
                  "the file's growth")
        else:
            self.place.soket.wait(deadline)
        with open(self.path, "rb") as f:
            f.seek(offset)
            done = 0
            while done < n:
                piece = f.read(min(pattern.PIECE, n - done))
                assert piece, f"the file ends after {done} of {n} bytes"
                assert piece == pattern.data(seed, offset + done, len(piece)), f"differs after {done} bytes"
                done += len(piece)
            assert not to_end or not f.read(1), "the file has more bytes than were sent"
        return n

    def receive_some(self, seed, deadline, most=1 << 62):
        self.place.soket.wait(deadline)
        n = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        return self.receive(seed, n, deadline)


class FileSource(End):
    """A file that soket reads: its bytes were there before."""

    def __init__(self):
        super().__init__(-1, -1)

    def send(self, seed, n, deadline, sizes=None, offset=0):
        self.sent += n
        return n

    def pump(self, seed, deadline):
        return 0

    def end_writing(self):
        pass


class Kind:
    def __init__(self, name, place, one_way=False, half_closes=True, can_reset=True, can_die=True, bulk=64 << 20,
                 layered=False):
        self.name, self.place = name, place
        self.one_way = one_way          # reads or writes, as its option says
        self.half_closes = half_closes  # can end its bytes and go on reading
        self.can_reset = can_reset
        self.can_die = can_die
        self.bulk = bulk
        self.layered = layered  # bytes change on the way: always copied


class Place:
    """One side of a link under test. `gives` and `takes`: bytes come from it, bytes go to it."""

    def __init__(self, kind, first, gives, takes, tmp, holder, content=None):
        self.kind, self.first, self.gives, self.takes = kind, first, gives, takes
        self.dir, self.holder, self.content = str(tmp), holder, content
        self.path = os.path.join(self.dir, ("a" if first else "b") + kind.name)
        self.soket = None
        self.keeps = False  # a child keeps its copies of the descriptors, to be killed with them
        self.prepare()

    def prepare(self):
        pass

    def close(self):
        pass


class TcpPlace(Place):
    def prepare(self):
        self.server = None if self.first else Server()
        self.words = ["tcp://127.0.0.1:0"] if self.first else [self.server.endpoint]

    def meet(self, deadline):
        return dial_tcp(self.soket.address(), deadline) if self.first else self.server.accept(deadline)

    def close(self):
        if self.server:
            self.server.close()


class UnixPlace(Place):
    scheme, type = "unix", socket.SOCK_STREAM

    def prepare(self):
        self.server = None if self.first else Server(socket.AF_UNIX, self.type, self.path)
        self.words = [f"{self.scheme}:{self.path}"]

    def meet(self, deadline):
        if not self.first:
            return self.server.accept(deadline)
        self.soket.event("listening", deadline)
        return dial_unix(self.path, deadline, self.type)

    def close(self):
        if self.server:
            self.server.close()


class SeqpacketPlace(UnixPlace):
    scheme, type = "unix-seqpacket", socket.SOCK_SEQPACKET


class LayerPlace(Place):
    """A layer over TCP. The far end of it is another soket, which gives the bytes inside to a unix socket: what the test holds."""

    scheme, far_options = "", []

    def prepare(self):
        self.server = self.far = None
        self.inner = self.path + "far"
        self.words = [f"{self.scheme}://127.0.0.1:0"]
        if self.first:
            return
        self.server = Server(socket.AF_UNIX, socket.SOCK_STREAM, self.inner)
        self.far = Soket("link", "--json", "--once", f"{self.scheme}://127.0.0.1:0", f"unix:{self.inner}")
        listening = self.far.event("listening")
        self.words = [f"{self.scheme}://127.0.0.1:{listening['port']}", *self.trust(listening)]

    @staticmethod
    def trust(listening):
        return [f"pin={listening['pin']}"] if "pin" in listening else []

    def meet(self, deadline):
        if not self.first:
            return self.server.accept(deadline)
        listening = self.soket.event("listening", deadline)
        self.far = Soket("link", "--json", "--once", f"unix:{self.inner}",
                         f"{self.scheme}://127.0.0.1:{listening['port']}", *self.trust(listening))
        self.far.event("listening", deadline)
        return dial_unix(self.inner, deadline, socket.SOCK_STREAM)

    def close(self):
        if self.far:
            self.far.close()
        if self.server:
            self.server.close()


class TlsPlace(LayerPlace):
    scheme = "tls"


class WsPlace(LayerPlace):
    scheme = "ws"


class WssPlace(LayerPlace):
    scheme = "wss"


class StdioPlace(Place):
    words = ["-"]

    def meet(self, deadline):
        return End(self.soket.take("stdout"), self.soket.take("stdin"))


class FilePlace(Place):
    def prepare(self):
        self.words = [f"file:{self.path}", "read=yes" if self.gives else "write=yes"]
        if self.gives:
            with open(self.path, "wb") as f:
                seed, n = self.content or (0, 0)
                if seed is None:
                    f.truncate(n)
                else:
                    for at in range(0, n, pattern.PIECE):
                        f.write(pattern.view(seed, at, min(pattern.PIECE, n - at)))

    def meet(self, deadline):
        return FileSource() if self.gives else FileSink(self.path, self)

    def close(self):
        if os.path.exists(self.path):
            os.unlink(self.path)


class FifoPlace(Place):
    def prepare(self):
        os.mkfifo(self.path)
        self.words = [f"pipe:{self.path}", "read=yes" if self.gives else "write=yes"]
        self.rfd = -1 if self.gives else os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def meet(self, deadline):
        if self.takes:
            rfd, self.rfd = self.rfd, -1
            return End(rfd, -1)
        return End(-1, until(self._open_to_write, deadline, "soket to open the pipe"))

    def _open_to_write(self):
        try:
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as e:
            if e.errno != errno.ENXIO:
                raise
            if self.soket.ended():
                raise TooLate(f"soket ended before it opened the pipe: {self.soket.said()}") from e
            return None

    def close(self):
        if self.rfd >= 0:
            os.close(self.rfd)


class ExecPlace(Place):
    options = []

    def prepare(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.words = [f"exec:{self.holder} pass {self.path}", *self.options]

    def meet(self, deadline):
        self.listener.settimeout(deadline.left("the child"))
        control = self.listener.accept()[0]
        control.settimeout(deadline.left("the child"))
        fds = array.array("i")
        _, extra, _, _ = control.recvmsg(1, socket.CMSG_LEN(2 * fds.itemsize))
        for level, kind, content in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
        assert len(fds) == 2
        pid = int.from_bytes(control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")
        end = ExecEnd(control, fds[0], fds[1], pid)
        if not self.keeps:
            end.let_go(deadline)
        return end

    def close(self):
        self.listener.close()


class PtyPlace(ExecPlace):
    options = ["pty=yes", "raw=yes"]


KINDS = {k.name: k for k in [
    Kind("tcp", TcpPlace),
    Kind("unix", UnixPlace),
    Kind("seqpacket", SeqpacketPlace),
    Kind("tls", TlsPlace, can_reset=False, can_die=False, layered=True),
    Kind("ws", WsPlace, can_reset=False, can_die=False, layered=True),
    Kind("wss", WssPlace, can_reset=False, can_die=False, layered=True),
    Kind("stdio", StdioPlace),
    Kind("file", FilePlace, one_way=True, can_reset=False, can_die=False),
    Kind("fifo", FifoPlace, one_way=True),
    Kind("exec", ExecPlace),
    Kind("pty", PtyPlace, half_closes=False, bulk=4 << 20),
]}


def holder_of(holder):
    """A function that starts a process which holds the given descriptors and nothing else."""
    return lambda fds: Program([holder, "hold"], pass_fds=tuple(fds), stdout="read")
