# SPDX-License-Identifier: Apache-2.0
"""Limits: descriptors, links at once, memory."""
import os
import resource
import signal
import socket
import threading

import pytest

from harness.clock import Deadline, until
from harness.ends import EchoServer, dial_tcp, round_trip, together
from harness.run import Program, Soket, binary, clean_env, sanitized


def few_descriptors(n):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


@pytest.mark.parametrize("target", ["tcp", "echo", "exec"])
def test_200_clients_with_64_descriptors_are_all_served_without_spinning(target):
    """Each client speaks as soon as it is connected and stays until it was answered; then the next has its turn."""
    clients = 200 if target != "exec" else 60
    with EchoServer() as server:
        words = {"tcp": [server.endpoint], "echo": ["echo:"], "exec": ["--", "cat"]}[target]
        with Soket("link", "--json", "tcp://127.0.0.1:0", *words, before=few_descriptors(64), deadline=60) as p:
            address = p.address()
            ends = [dial_tcp(address, p.deadline) for _ in range(clients)]
            for i, end in enumerate(ends):
                end.send(i % 4, 1000 + i, p.deadline)
            before = p.cpu_seconds()
            assert not p.ended(0.5)
            assert p.cpu_seconds() - before < 0.3, "it spins at the limit"
            for i, end in enumerate(ends):
                end.receive(i % 4, 1000 + i, p.deadline, to_end=False)
                end.close()
            p.event("closed", count=clients)
            assert not [e for e in p.events("closed") if e["how"] != "done"]
            assert not p.events("failed")


def test_a_link_that_cannot_get_its_second_descriptor_is_not_lost():
    """An odd limit: the accept gets the last one, the dial none. It waits, or it says so; it does not hang silently."""
    with EchoServer() as server:
        for limit in (20, 21, 22, 23):
            with Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint, before=few_descriptors(limit),
                       deadline=30) as p:
                try:
                    address = p.address()
                except AssertionError:
                    assert p.wait() == 8, p.said()
                    continue
                ends = [dial_tcp(address, p.deadline) for _ in range(30)]
                for end in ends:
                    end.send_bytes(b"hello", p.deadline)
                for end in ends:
                    got = end.read_some(5, p.deadline)
                    assert got == b"hello", p.said()
                    end.close()


def test_no_descriptor_at_all_is_8_or_a_link_and_never_a_crash():
    for limit in range(5, 14):  # the loader itself needs one or two
        with Program([binary(), "connect", "tcp://127.0.0.1:1", "timeout=300ms"], before=few_descriptors(limit),
                     env=clean_env(ASAN_OPTIONS="detect_leaks=0")) as p:  # the search for leaks needs descriptors
            status = p.wait(Deadline(5))
            assert status in (4, 5, 8), (limit, status, p.said())
            assert p.err.text().startswith("soket: "), p.said()


def raise_own_limit(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        pytest.skip(f"descriptors are limited to {hard}, and {n} are needed")
    if soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))


@pytest.mark.slow
def test_8800_links_live_in_one_process():
    links = 8800
    raise_own_limit(20000)
    limit = few_descriptors(20000)
    with Soket("link", "--max", "9000", "--json", "tcp://127.0.0.1:0", "echo:", before=limit, deadline=120) as target:
        with Soket("link", "--max", "9000", "--json", "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{target.port()}",
                   before=limit, deadline=120) as p:
            address = p.address()
            resident = resident_bytes(p.pid)
            ends = []
            for i in range(links):
                ends.append(dial_tcp(address, p.deadline))
                if i % 500 == 499:
                    p.event("opened", count=i + 1)
            p.event("opened", count=links)
            for i, end in enumerate(ends):
                end.send_bytes(i.to_bytes(8, "big"), p.deadline)
            for i, end in enumerate(ends):
                assert end.read_some(8, p.deadline) == i.to_bytes(8, "big")
            grown = (resident_bytes(p.pid) - resident) / links
            if not sanitized():
                assert grown < 2048, f"{grown:.0f} bytes of user memory a link"
            before = p.cpu_seconds()
            assert not p.ended(0.3)
            assert p.cpu_seconds() - before < 0.1, "idle links cost CPU"
            for end in ends:
                end.close()
            p.event("closed", count=links)
            assert not [e for e in p.events("closed") if e["how"] != "done" or e["sent"] != 8 or e["received"] != 8]


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_max_bounds_the_links_at_once_and_serves_everyone():
    with Soket("link", "--json", "--max", "5", "tcp://127.0.0.1:0", "echo:") as p:
        address = p.address()
        ends = [dial_tcp(address, p.deadline) for _ in range(20)]
        for end in ends:
            end.send_bytes(b"x", p.deadline)
        p.event("opened", count=5)
        assert not p.ended(0.2) and len(p.events("opened")) == 5
        for end in ends:
            assert end.read_some(1, p.deadline) == b"x"
            end.close()
        p.event("closed", count=20)


def test_the_memory_of_a_link_is_bounded_when_its_reader_does_not_read():
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        address = p.address()
        with dial_tcp(address, p.deadline) as end:
            round_trip(end, b"x", p.deadline)
            before = resident_bytes(p.pid)
            ends = [dial_tcp(address, p.deadline) for _ in range(10)]
            for one in ends:
                assert one.fill(1, 96 << 20, p.deadline, quiet_ms=20) < 96 << 20
            grown = resident_bytes(p.pid) - before
            if not sanitized():
                assert grown < 8 << 20, f"{grown >> 10} KiB for ten links that wait"
            for one in ends:
                one.close()


def test_many_short_links_leave_no_memory_behind():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:") as p:
        address = p.address()

        def some(n):
            for _ in range(n):
                with dial_tcp(address, p.deadline) as end:
                    round_trip(end, b"x" * 100, p.deadline)
        some(200)
        p.event("closed", count=200)
        before, descriptors = resident_bytes(p.pid), len(os.listdir(f"/proc/{p.pid}/fd"))
        some(1000)
        p.event("closed", count=1200)
        until(lambda: len(os.listdir(f"/proc/{p.pid}/fd")) <= descriptors, p.deadline, "descriptors to be closed")
        if not sanitized():
            assert resident_bytes(p.pid) - before < 512 << 10


def test_clients_that_come_all_at_once_are_all_served():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:") as p:
        address = p.address()
        served = []
        lock = threading.Lock()

        def client():
            for _ in range(25):
                with dial_tcp(address, p.deadline) as end:
                    round_trip(end, b"x" * 100, p.deadline)
                with lock:
                    served.append(1)
        together(*[client] * 16)
        assert len(served) == 400
        p.event("closed", count=400)


def test_a_child_per_client_is_bounded_by_max():
    with Soket("listen", "--json", "--max", "3", "tcp://127.0.0.1:0", "--", "cat") as p:
        address = p.address()
        ends = [dial_tcp(address, p.deadline) for _ in range(9)]
        for end in ends:
            end.send_bytes(b"x", p.deadline)
        p.event("opened", count=3)
        until(lambda: len(children(p.pid)) == 3, p.deadline, "three children")
        assert not p.ended(0.2) and len(children(p.pid)) == 3
        for end in ends:
            assert end.read_some(1, p.deadline) == b"x"
            end.close()
        p.send_signal(signal.SIGTERM)
        p.wait()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return f.read().split()


def test_a_listener_of_a_small_backlog_still_serves_everyone():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "backlog=1", "echo:") as p:
        address = p.address()

        def client():
            with dial_tcp(address, p.deadline, socket.AF_INET) as end:
                round_trip(end, b"x" * 100, p.deadline)
        together(*[client] * 20)
