# SPDX-License-Identifier: Apache-2.0
"""Facts about Linux that soket relies on. A kernel where one of these fails needs a change in soket, not in the
test."""
import ctypes
import errno
import os
import select
import socket
import struct

import pytest

TCP_NODELAY, TCP_CONGESTION = socket.TCP_NODELAY, 13
SPLICE_F_NONBLOCK = 2
libc = ctypes.CDLL(None, use_errno=True)
libc.splice.restype = ctypes.c_ssize_t
libc.splice.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint]


def splice(source, sink, n):
    """Bytes moved, or -errno."""
    moved = libc.splice(source, None, sink, None, n, SPLICE_F_NONBLOCK)
    return moved if moved >= 0 else -ctypes.get_errno()


@pytest.fixture
def tcp():
    """(listener, client, accepted): a TCP connection over loopback; the listener's options are set before by the
    test."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    made = [listener]

    def connect():
        client = socket.create_connection(listener.getsockname(), timeout=10)
        accepted = listener.accept()[0]
        accepted.settimeout(10)
        made.extend((client, accepted))
        return client, accepted
    yield listener, connect
    for s in made:
        s.close()


def test_rdhup_with_edge_triggering_arrives_again_after_a_short_read(tcp):
    """A short read is taken for drained; the end that came with the bytes must then be told by the same or another
    event."""
    client, accepted = tcp[1]()
    accepted.setblocking(False)
    epoll = select.epoll()
    epoll.register(accepted.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
    client.sendall(b"x" * 100)
    seen = 0
    while not seen & select.EPOLLIN:
        seen = dict(epoll.poll(10))[accepted.fileno()]
    assert not seen & select.EPOLLRDHUP
    assert len(accepted.recv(4096)) == 100  # short: no second read that would say EAGAIN
    client.shutdown(socket.SHUT_WR)
    events = epoll.poll(10)
    assert events and events[0][1] & select.EPOLLRDHUP and events[0][1] & select.EPOLLIN
    assert accepted.recv(4096) == b""
    epoll.close()


def test_rdhup_that_came_with_bytes_is_in_the_event_that_announces_them(tcp):
    client, accepted = tcp[1]()
    client.sendall(b"x" * 100)
    client.shutdown(socket.SHUT_WR)
    poll = select.poll()
    poll.register(accepted, select.POLLRDHUP)
    assert poll.poll(10_000)
    epoll = select.epoll()
    epoll.register(accepted.fileno(), select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
    assert epoll.poll(10)[0][1] & (select.EPOLLIN | select.EPOLLRDHUP) == select.EPOLLIN | select.EPOLLRDHUP
    epoll.close()


@pytest.mark.parametrize("level, option, value", [
    pytest.param(socket.IPPROTO_TCP, TCP_NODELAY, 1, id="nodelay"),
    pytest.param(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1, id="oobinline"),
    pytest.param(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1, id="keepalive"),
])
def test_an_accepted_tcp_socket_inherits_from_its_listener(tcp, level, option, value):
    listener, connect = tcp
    assert connect()[1].getsockopt(level, option) == 0
    listener.setsockopt(level, option, value)
    assert connect()[1].getsockopt(level, option) != 0


def test_an_accepted_tcp_socket_inherits_the_congestion_control_of_its_listener(tcp):
    listener, connect = tcp
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii") as f:
        available = f.read().split()
    usual = listener.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, 16).rstrip(b"\0").decode()
    others = [name for name in available if name != usual]
    if not others:
        pytest.skip(f"this kernel has no congestion control but {usual}")
    listener.setsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, others[0].encode())
    client, accepted = connect()
    assert accepted.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, 16).rstrip(b"\0").decode() == others[0]
    assert client.getsockopt(socket.IPPROTO_TCP, TCP_CONGESTION, 16).rstrip(b"\0").decode() == usual


def test_recv_stops_at_the_urgent_mark_even_when_urgent_bytes_are_inline(tcp):
    """So a short read does not mean drained on a socket that may carry urgent bytes."""
    listener, connect = tcp
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    client, accepted = connect()
    client.send(b"before")
    client.send(b"!", socket.MSG_OOB)
    client.send(b"after")
    poll = select.poll()
    poll.register(accepted, select.POLLIN)
    whole = b"before!after"
    while len(accepted.recv(64, socket.MSG_PEEK)) < len(b"before"):
        assert poll.poll(10_000)
    first = accepted.recv(64)
    assert first == b"before"
    rest = b""
    while len(first + rest) < len(whole):
        assert poll.poll(10_000)
        rest += accepted.recv(64)
    assert first + rest == whole


def test_an_empty_seqpacket_message_and_the_end_both_read_0_and_only_the_message_has_credentials():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with a, b:
        b.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        b.settimeout(10)
        assert a.send(b"") == 0
        got, extra, _, _ = b.recvmsg(64, socket.CMSG_SPACE(12))
        assert got == b"" and [(level, kind) for level, kind, _ in extra] == [(socket.SOL_SOCKET,
                                                                               socket.SCM_CREDENTIALS)]
        assert struct.unpack("iII", extra[0][2]) == (os.getpid(), os.getuid(), os.getgid())
        a.shutdown(socket.SHUT_WR)
        got, extra, _, _ = b.recvmsg(64, socket.CMSG_SPACE(12))
        assert got == b""
        # some kernels add credentials of nobody (pid 0) to the end as well
        assert [struct.unpack("iII", c)[0] for _, kind, c in extra if kind == socket.SCM_CREDENTIALS] in ([], [0])


def test_a_seqpacket_message_longer_than_the_buffer_is_cut_and_says_so():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with a, b:
        a.send(b"x" * 100)
        got, _, flags, _ = b.recvmsg(10)
        assert len(got) == 10 and flags & socket.MSG_TRUNC
        b.setblocking(False)
        with pytest.raises(BlockingIOError):
            b.recv(100)


def test_splice_from_a_seqpacket_socket_loses_the_rest_of_a_longer_message_or_is_refused():
    """So messages are never spliced: nothing would tell that bytes are gone."""
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    r, w = os.pipe()
    with a, b:
        a.send(b"x" * 100)
        b.setblocking(False)
        moved = splice(b.fileno(), w, 10)
        assert moved in (10, -errno.EINVAL)
        if moved == 10:
            with pytest.raises(BlockingIOError):
                b.recv(200)
        else:
            assert len(b.recv(200)) == 100, "the refusal took nothing"
    os.close(r)
    os.close(w)


def test_splice_into_a_file_opened_to_append_is_refused(tmp_path):
    r, w = os.pipe()
    os.write(w, b"bytes")
    for flags, expected in ((os.O_APPEND, -errno.EINVAL), (0, 5)):
        fd = os.open(tmp_path / "f", os.O_WRONLY | os.O_CREAT | flags)
        assert splice(r, fd, 5) == expected
        os.close(fd)
    os.close(r)
    os.close(w)


def test_a_pipe_end_reopened_through_proc_is_a_new_file_description():
    """So soket can make its own stdin non-blocking without changing the shell's."""
    r, w = os.pipe()
    mine = os.open(f"/proc/self/fd/{r}", os.O_RDONLY | os.O_NONBLOCK)
    assert os.get_blocking(r) and not os.get_blocking(mine)
    os.write(w, b"x")
    assert os.read(mine, 10) == b"x"
    os.close(w)
    assert os.read(mine, 10) == b""
    shared = os.dup(r)
    os.set_blocking(shared, False)
    assert not os.get_blocking(r), "a duplicate shares the flag"
    for fd in (r, mine, shared):
        os.close(fd)


def test_a_fifo_without_a_writer_says_hang_up_only_after_one_was_there(tmp_path):
    """So a FIFO opened for reading waits for its first writer by polling."""
    path = tmp_path / "p"
    os.mkfifo(path)
    r = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(r, select.POLLIN)
    assert poll.poll(0) == [] and os.read(r, 1) == b""
    os.close(os.open(path, os.O_WRONLY))
    assert poll.poll(0) == [(r, select.POLLHUP)]
    os.close(r)


def test_the_terminal_of_a_child_that_ended_still_gives_its_last_bytes_and_then_eio():
    master, slave = os.openpty()
    os.write(slave, b"last")
    os.close(slave)
    assert os.read(master, 100) == b"last"
    with pytest.raises(OSError) as failure:
        os.read(master, 100)
    assert failure.value.errno == errno.EIO
    os.close(master)


def test_a_unix_socket_file_that_nobody_listens_on_refuses(tmp_path, short_path):
    """So a stale file is told from a live one by connecting."""
    path = os.path.join(short_path, "s")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(1)
    with socket.socket(socket.AF_UNIX) as c, pytest.raises(ConnectionRefusedError):
        c.connect(path)


def test_a_port_can_be_bound_again_at_once_after_its_connections_with_reuseaddr(tcp):
    listener, connect = tcp
    client, accepted = connect()
    accepted.close()  # this side closes first: TIME_WAIT stays with it
    assert client.recv(1) == b""
    client.close()
    address = listener.getsockname()
    listener.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(address)
        again.listen(1)


# --- looking at sockets and processes ------------------------------------------------------------------------------------

def ask_for_tcp(message_type, body):
    """Every answer's (family, port) of a dump of listening TCP sockets."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as s:  # NETLINK_SOCK_DIAG
        s.settimeout(10)
        s.send(struct.pack("=IHHII", 16 + len(body), message_type, 0x301, 1, 0) + body)
        found = []
        for _ in range(10_000):
            piece = s.recv(65536)
            while piece:
                n, kind = struct.unpack_from("=IH", piece)
                if kind in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
                    return found if kind == 3 else None
                found.append((piece[16], struct.unpack_from("!H", piece, 20)[0]))
                piece = piece[(n + 3) & ~3:]
    return None


def test_the_older_request_dumps_tcp_of_both_families():
    """One walk over the kernel's table instead of two; inspect/diag_inet.c asks again by family where this fails."""
    with socket.create_server(("127.0.0.1", 0)) as v4, socket.create_server(("::1", 0), family=socket.AF_INET6) as v6:
        old = struct.pack("=BBBB48xII", socket.AF_INET, 0, 0, 0, 1 << 10, 0)
        found = ask_for_tcp(18, old)  # TCPDIAG_GETSOCK
        assert (socket.AF_INET, v4.getsockname()[1]) in found
        assert (socket.AF_INET6, v6.getsockname()[1]) in found


def test_the_directory_of_a_process_belongs_to_its_effective_user():
    """Also where the process may not be dumped, whose other files belong to root then."""
    if os.geteuid() != 0:
        pytest.skip("changing users needs root")
    hold, mine = os.pipe()
    ready, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(mine)
        os.setgid(65534)
        os.setuid(65534)  # which makes it undumpable
        os.write(done, b"x")
        os.read(hold, 1)
        os._exit(0)
    try:
        assert os.read(ready, 1) == b"x"
        assert os.stat(f"/proc/{pid}").st_uid == 65534
        assert os.stat(f"/proc/{pid}/fd").st_uid == 0
    finally:
        for fd in (mine, hold, ready, done):
            os.close(fd)
        os.waitpid(pid, 0)


def test_a_bound_socket_keeps_its_port_from_those_who_let_the_kernel_choose():
    """A lease is a socket that is bound with SO_REUSEADDR and never listens."""
    with socket.socket() as lease:
        lease.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        lease.bind(("0.0.0.0", 0))
        port = lease.getsockname()[1]
        with socket.socket() as plain, pytest.raises(OSError) as refused:
            plain.bind(("127.0.0.1", port))
        assert refused.value.errno == errno.EADDRINUSE
        with socket.socket() as program:
            program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            program.bind(("127.0.0.1", port))
            program.listen(1)
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
