# SPDX-License-Identifier: Apache-2.0
"""Facts about bind(2) that leases rely on (src/inspect/freeport.c, ADR 0019)."""
import errno
import os
import socket

import pytest

GATE = "127.83.75.84"
V4, V6 = socket.AF_INET, socket.AF_INET6


def made(family, reuse=False, only6=True):
    s = socket.socket(family)
    if family == V6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only6)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    return s


def tried(family, address, port, reuse, listens=False, only6=True):
    """0, or the errno of bind() or listen()."""
    with made(family, reuse, only6) as s:
        try:
            s.bind((address, port))
            if listens:
                s.listen()
            return 0
        except OSError as e:
            return e.errno


def share(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


@pytest.fixture
def held():
    """A port that is bound on every address of both families, and does not listen."""
    for _ in range(64):
        with made(V4) as v4, made(V6) as v6:
            v4.bind(("0.0.0.0", 0))
            port = v4.getsockname()[1]
            try:
                v6.bind(("::", port))
            except OSError:
                continue
            share(v4)
            share(v6)
            yield port
            return


EVERY = [(V4, "0.0.0.0", True), (V4, "127.0.0.1", True), (V6, "::1", True), (V6, "::", True), (V6, "::", False)]


@pytest.mark.parametrize("family, address, only6", EVERY)
def test_a_bound_socket_that_does_not_listen_lets_those_with_so_reuseaddr_listen(held, family, address, only6):
    assert tried(family, address, held, True, listens=True, only6=only6) == 0


@pytest.mark.parametrize("family, address, only6", EVERY + [(V4, GATE, True)])
def test_it_is_in_the_way_of_those_without(held, family, address, only6):
    """Also though SO_REUSEADDR was set after it was bound."""
    assert tried(family, address, held, False, only6=only6) == errno.EADDRINUSE


def test_of_two_gates_one_passes_even_after_the_first_was_made_shareable():
    with made(V4) as first:
        first.bind((GATE, 0))
        port = first.getsockname()[1]
        assert tried(V4, GATE, port, False) == errno.EADDRINUSE
        share(first)
        assert tried(V4, GATE, port, False) == errno.EADDRINUSE
        assert tried(V4, "0.0.0.0", port, True) == 0


def left_in_time_wait():
    with made(V4, True) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname(), timeout=10) as client:
            server.accept()[0].close()
            client.recv(1)
        return server.getsockname()[1]


def test_connections_in_time_wait_are_in_the_way_of_the_wildcard_and_not_of_the_gate():
    port = left_in_time_wait()
    assert tried(V4, "0.0.0.0", port, False) == errno.EADDRINUSE
    assert tried(V4, GATE, port, False) == 0
    assert tried(V4, "0.0.0.0", port, True) == 0


@pytest.mark.parametrize("how", ["bind4", "bind6", "connect"])
def test_the_kernel_hands_a_held_port_to_nobody(can_netns, machine, how):
    """With a range of eight ports, of which four are held."""
    def work():
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as f:
            f.write("40000 40007")
        with socket.create_server(("127.0.0.1", 30000)) as server:
            kept = []
            for port in range(40000, 40007, 2):
                for family, address in ((V4, "0.0.0.0"), (V6, "::")):
                    s = made(family, True)
                    s.bind((address, port))
                    kept.append(s)
            found = set()
            for _ in range(64):
                s = made(V6 if how == "bind6" else V4, True)
                try:
                    if how == "connect":
                        s.connect(server.getsockname())
                    else:
                        s.bind(("::" if how == "bind6" else "0.0.0.0", 0))
                    found.add(s.getsockname()[1])
                except OSError:
                    pass
                kept.append(s)
            for s in kept:
                s.close()
            return found
    found = machine.inside(work)
    assert found and found <= {40001, 40003, 40005, 40007}


def test_a_wildcard_socket_on_the_loopback_interface_takes_both_families_and_nobody_from_outside(pair):
    def listening():
        s = made(V6, only6=False)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        s.bind(("::", 0))
        s.listen()
        return s

    with pair.b.inside(listening) as server:
        port = server.getsockname()[1]

        def dial(address):
            with socket.socket(V6 if ":" in address else V4) as s:
                s.settimeout(10)
                return s.connect_ex((address, port))
        for address in ("127.0.0.1", "::1"):
            assert pair.b.inside(lambda a=address: dial(a)) == 0
        for address in (pair.b4, pair.b6):
            assert pair.a.inside(lambda a=address: dial(a)) == errno.ECONNREFUSED


def test_binding_to_an_interface_needs_no_rights():
    """Linux >= 5.7; before that, two sockets are handed over."""
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            made(V6).setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
            os._exit(0)
        except OSError:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
