# SPDX-License-Identifier: Apache-2.0
"""Signals to soket, to its neighbours and to its children."""
import os
import select
import signal
import socket
import time

import pytest

from harness.clock import Deadline, until
from harness.ends import EchoServer, Gone, Server, dial_tcp, dial_unix, round_trip, together
from harness.kinds import holder_of
from harness.run import PIPE, Soket

STOPPED = (0, 128 + signal.SIGTERM, 128 + signal.SIGINT, -signal.SIGTERM, -signal.SIGINT)


def refuses(address, deadline):
    def tried():
        try:
            dial_tcp(address, deadline).close()
            return False
        except OSError:
            return True
    return until(tried, deadline, "new clients to be refused")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_stopping_refuses_new_clients_and_lets_links_end(number):
    with EchoServer() as server, Soket("link", "--json", "--grace", "20s", "tcp://127.0.0.1:0", server.endpoint) as p:
        address = p.address()
        with dial_tcp(address, p.deadline) as end:
            round_trip(end, b"before", p.deadline)
            p.send_signal(number)
            refuses(address, p.deadline)
            together(lambda: (end.send(1, 2_000_000, p.deadline), end.end_writing()),
                     lambda: end.receive(1, 2_000_000, p.deadline))
        assert p.wait() in STOPPED
        closed = p.event("closed", where=lambda e: e["link"] == 1)
        assert closed["how"] == "done" and closed["sent"] == closed["received"] == 2_000_006, closed


def test_without_links_it_stops_at_once():
    with Soket("link", "--json", "--grace", "20s", "tcp://127.0.0.1:0", "echo:") as p:
        p.event("listening")
        assert p.stop(seconds=3) in STOPPED


def test_links_that_outlive_the_grace_are_cut():
    with EchoServer() as server, Soket("link", "--json", "--grace", "300ms", "tcp://127.0.0.1:0", server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            round_trip(end, b"x", p.deadline)
            begin = time.monotonic()
            p.send_signal(signal.SIGTERM)
            p.wait(Deadline(5))
            assert 0.25 <= time.monotonic() - begin < 3
            closed = p.event("closed")
            assert closed["how"] == "cut" and closed["sent"] == 1, closed
            try:
                assert end.read_some(1, p.deadline) == b""
            except Gone:
                pass


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_second_signal_cuts_at_once(second):
    with EchoServer() as server, Soket("link", "--json", "--grace", "60s", "tcp://127.0.0.1:0", server.endpoint) as p:
        address = p.address()
        with dial_tcp(address, p.deadline) as end:
            round_trip(end, b"x", p.deadline)
            p.send_signal(signal.SIGTERM)
            refuses(address, p.deadline)
            assert not p.ended(0.1)
            p.send_signal(second)
            p.wait(Deadline(3))
            assert p.event("closed", where=lambda e: e["link"] == 1)["how"] == "cut"


def test_stopping_leaves_no_orphan_and_no_zombie():
    """Also of a child that ignores SIGTERM."""
    script = r'exec:sh -c "trap \"\" TERM HUP; echo $$; exec sleep 62"'
    with Soket("link", "--json", "--grace", "100ms", "tcp://127.0.0.1:0", script, "kill=200ms") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            child = int(end.read_some(100, p.deadline))
            watch = os.pidfd_open(child)
            p.send_signal(signal.SIGTERM)
            p.wait(Deadline(6))
            assert select.select([watch], [], [], 0.5)[0], "an orphan is left"
            assert not os.path.exists(f"/proc/{child}"), "a zombie is left"
            os.close(watch)


@pytest.mark.parametrize("mover", ["copy", "splice", "auto"])
def test_a_neighbour_that_is_stopped_and_continued_loses_nothing(mover):
    """The server is a soket of its own, stopped in the middle of 32 MiB."""
    n = 32 << 20
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:") as server:
        with Soket("link", "--json", f"--mover={mover}", "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{server.port()}") as p:
            with dial_tcp(p.address(), p.deadline) as end:
                def receive():
                    end.receive(1, n // 4, p.deadline, to_end=False)
                    server.send_signal(signal.SIGSTOP)
                    before = p.cpu_seconds()
                    assert not p.ended(0.3)
                    idle = p.cpu_seconds() - before
                    server.send_signal(signal.SIGCONT)
                    end.receive(1, n - n // 4, p.deadline, offset=n // 4)
                    assert idle < 0.2, "it spins while its neighbour is stopped"
                together(lambda: (end.send(1, n, p.deadline), end.end_writing()), receive)
            assert p.event("closed")["how"] == "done"


def test_soket_itself_stopped_and_continued_loses_nothing():
    n = 16 << 20
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            def receive():
                for i in range(8):
                    end.receive(1, n // 8, p.deadline, to_end=i == 7, offset=i * (n // 8))
                    p.send_signal(signal.SIGSTOP)
                    p.send_signal(signal.SIGCONT)
            together(lambda: (end.send(1, n, p.deadline), end.end_writing()), receive)


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_neighbour_that_is_killed_ends_its_link_and_no_other(who, holder):
    with Server() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        ends = []
        for _ in range(2):
            client = dial_tcp(p.address(), p.deadline)
            ends.append((client, server.accept(p.deadline)))
        (client, target), (other_client, other_target) = ends
        victim, left = (client, target) if who == "client" else (target, client)
        victim.send(1, 1000, p.deadline)
        left.receive(1, 1000, p.deadline, to_end=False)
        process = victim.hand_over(holder_of(holder))
        process.send_signal(signal.SIGKILL)
        left.expect_end(p.deadline)
        left.close()
        p.event("closed")
        other_client.send(2, 1000, p.deadline)
        other_target.receive(2, 1000, p.deadline, to_end=False)
        other_client.close()
        other_target.close()


def test_killed_and_started_again_at_once_on_the_same_port():
    with EchoServer() as server:
        with Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
            address = p.address()
            ends = [dial_tcp(address, p.deadline) for _ in range(5)]
            for end in ends:
                round_trip(end, b"x", p.deadline)
            assert p.stop(signal.SIGKILL) == -signal.SIGKILL
        with Soket("link", "--json", f"tcp://127.0.0.1:{address[1]}", server.endpoint) as p:
            p.event("listening")
            with dial_tcp(address, p.deadline) as end:
                round_trip(end, b"again", p.deadline)
        for end in ends:
            end.close()


def test_stopped_with_links_open_and_started_again_at_once_on_the_same_port():
    """Here soket closes first, so that its side of the connections is in TIME_WAIT."""
    with EchoServer() as server:
        with Soket("link", "--json", "--grace", "0s", "tcp://127.0.0.1:0", server.endpoint) as p:
            address = p.address()
            with dial_tcp(address, p.deadline) as end:
                round_trip(end, b"x", p.deadline)
                p.stop()
        with Soket("link", "--json", f"tcp://127.0.0.1:{address[1]}", server.endpoint) as p:
            p.event("listening")
            with dial_tcp(address, p.deadline) as end:
                round_trip(end, b"again", p.deadline)


@pytest.mark.parametrize("scheme, kind", [("unix", socket.SOCK_STREAM), ("unix-seqpacket", socket.SOCK_SEQPACKET)])
def test_killed_and_started_again_at_once_over_the_socket_file_it_left(scheme, kind, short_path):
    path = os.path.join(short_path, "s")
    for _ in range(3):
        with Soket("link", "--json", f"{scheme}:{path}", "echo:") as p:
            p.event("listening")
            with dial_unix(path, p.deadline, kind) as end:
                round_trip(end, b"x", p.deadline)
            p.stop(signal.SIGKILL)
        assert os.path.exists(path)


def test_the_socket_file_of_another_is_not_removed_at_the_end(short_path):
    """Somebody replaced the file while soket ran: it is theirs now."""
    path = os.path.join(short_path, "s")
    with Soket("listen", "--json", path, "--", "cat") as p:
        p.event("listening")
        os.unlink(path)
        with Server(socket.AF_UNIX, address=path):
            p.stop()
            assert os.path.exists(path)


def test_connect_stops_at_ctrl_c():
    with Server() as server:
        p = Soket("connect", server.endpoint, stdin=PIPE)
        with server.accept(p.deadline):
            p.stop(signal.SIGINT, seconds=8)


def test_connect_still_opening_stops_at_ctrl_c():
    with Server() as server:
        endpoint = server.endpoint
    p = Soket("connect", endpoint, "retry=forever", stdin=PIPE)
    assert not p.ended(0.3)
    assert p.stop(signal.SIGINT, seconds=3) != 0


def test_a_child_gets_the_end_of_its_input_and_not_a_signal_when_the_client_ends():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "sh", "-c",
               'trap "echo hit" TERM HUP INT; cat; echo fine') as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.send_bytes(b"words ", p.deadline)
            end.end_writing()
            assert end.read_all(p.deadline) == b"words fine\n"


def test_a_terminal_that_hangs_up_is_the_end_of_stdin():
    """The window is closed: the server hears the end, and soket ends when the server has."""
    master, slave = os.openpty()
    with Server() as server:
        p = Soket("connect", server.endpoint, stdin=slave, stdout=slave, stderr=slave, session=True)
        os.close(slave)
        with server.accept(p.deadline) as end:
            os.close(master)
            try:
                end.expect_end(p.deadline)
            except Gone:
                pass
        p.wait(Deadline(8))


def test_a_long_transfer_survives_many_signals_that_mean_nothing():
    """SIGWINCH, SIGCHLD and SIGCONT interrupt system calls; nothing may come of it."""
    n = 8 << 20
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            def receive():
                done = 0
                while done < n:
                    step = min(256 << 10, n - done)
                    end.receive(1, step, p.deadline, to_end=False, offset=done)
                    done += step
                    for number in (signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT):
                        p.send_signal(number)
                end.expect_end(p.deadline)
            together(lambda: (end.send(1, n, p.deadline), end.end_writing()), receive)
        assert p.event("closed")["received"] == n
