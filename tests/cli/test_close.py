# SPDX-License-Identifier: Apache-2.0
"""soket close: connections end in the kernel, and processes go on. Every connection here is one of the test's own, in a
namespace of its own where the filter could touch others."""
import errno
import gzip
import json
import os
import socket
import sys

import pytest

from harness.clock import Deadline
from harness.ends import Server
from harness.net import listener
from harness.rights import as_nobody
from harness.run import Finished, Program, clean_env, one_clear_line, soket

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="ending connections takes root")
FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])


def config():
    try:
        with gzip.open("/proc/config.gz", "rt") as f:
            return f.read()
    except OSError:
        return "CONFIG_INET_DIAG_DESTROY=y"


needs_destroy = pytest.mark.skipif("CONFIG_INET_DIAG_DESTROY=y" not in config(), reason="this kernel cannot end connections")


DIALS_TWICE = """
import socket, sys
address = ("127.0.0.1", int(sys.argv[1]))
s = socket.create_connection(address)
print('{"event":"up"}', flush=True)
try:
    s.recv(1)
except OSError as e:
    print(e.errno)
s = socket.create_connection(address)
print("again", flush=True)
"""


class Pair:
    """A TCP connection: `dialled` and `accepted`."""

    def __init__(self, family=socket.AF_INET, server=None):
        self.server = server or Server(family)
        self.dialled = socket.socket(family)
        self.dialled.connect(self.server.address)
        self.accepted = self.server.sock.accept()[0]
        for s in (self.dialled, self.accepted):
            s.settimeout(Deadline(10).left())

    @property
    def port(self):
        """Of the end that dialled. Other connections may have it too."""
        return self.dialled.getsockname()[1]

    @property
    def filter(self):
        """Both ends and nothing else: the kernel gives the port of a listener to nobody."""
        return f"port={self.server.port}"

    def is_alive(self):
        self.dialled.sendall(b"x")
        return self.accepted.recv(1) == b"x"

    def close(self):
        for s in (self.dialled, self.accepted):
            s.close()
        self.server.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def fate(sock):
    """The errno that reading gives, or 0 at an orderly end."""
    try:
        return 0 if sock.recv(1) == b"" else None
    except OSError as e:
        return e.errno


def rows(done):
    return [json.loads(line) for line in done.out.splitlines()]


@needs_root
@needs_destroy
@FAMILIES
def test_a_connection_ends_for_both_processes_and_they_go_on(family):
    with Pair(family) as pair:
        done = soket("close", pair.filter, "direction=out")
        assert (done.status, done.out) == (0, ""), done
        assert "1 connection closed" in done.err
        assert fate(pair.dialled) == errno.ECONNABORTED
        assert fate(pair.accepted) == errno.ECONNRESET
        with Pair(family, pair.server) as other:  # the server listens on
            assert other.is_alive()


@needs_root
@needs_destroy
def test_only_what_matches_is_closed():
    with Pair() as one, Pair() as other:
        assert soket("close", one.filter).status == 0
        assert fate(one.dialled) in (errno.ECONNABORTED, errno.ECONNRESET)
        assert other.is_alive()


@needs_root
@needs_destroy
def test_both_ends_match_a_port_and_the_one_that_goes_with_the_other_counts_as_closed():
    with Pair() as pair:
        done = soket("close", "--json", pair.filter)
        assert done.status == 0
        events = rows(done)
        end = events.pop()
        assert end["event"] == "end" and end["matched"] == 2 and end["closed"] + end["gone"] == 2, end
        assert (end["failed"], end["spared"], end["dry_run"]) == (0, 0, False)
        assert [e["event"] for e in events if e["event"] not in ("closed", "gone")] == []
        ports = {(e["local_port"], e["remote_port"]) for e in events}
        assert ports == {(pair.port, pair.server.port), (pair.server.port, pair.port)}
        assert {p["pid"] for e in events for p in e["processes"]} == {os.getpid()}


@needs_root
@needs_destroy
def test_a_connected_udp_socket_is_closed():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        other.bind(("127.0.0.1", 0))
        sock.connect(other.getsockname())
        sock.settimeout(Deadline(10).left())
        port = sock.getsockname()[1]
        done = soket("close", "udp", f"port={other.getsockname()[1]}", "-v")
        assert done.status == 0, done
        assert f"closed: udp 127.0.0.1:{port} - 127.0.0.1:{other.getsockname()[1]}" in done.err
        assert fate(sock) == errno.ECONNABORTED


@needs_root
@needs_destroy
def test_hundreds_are_closed_at_once_in_a_namespace_and_none_elsewhere(machine):
    made = []
    with Pair() as here, listener(machine, "127.0.0.1") as server:
        def connect():
            for _ in range(300):
                sock = socket.create_connection(server.getsockname())
                made.append((sock, server.accept()[0]))
        machine.inside(connect)
        done = soket("close", "--netns", machine.name, f"port={server.getsockname()[1]}", "direction=in", "--json")
        assert done.status == 0, done
        end = rows(done)[-1]
        assert end["matched"] == 300 and end["closed"] + end["gone"] == 300, end
        for dialled, accepted in made:
            dialled.settimeout(10)
            assert fate(dialled) == errno.ECONNRESET
            assert fate(accepted) == errno.ECONNABORTED
            dialled.close()
            accepted.close()
        assert here.is_alive()


@needs_root
@needs_destroy
def test_time_wait_goes_only_where_it_is_asked_for(machine):
    with listener(machine, "127.0.0.1") as server:
        def connect():
            sock = socket.create_connection(server.getsockname())
            other = server.accept()[0]
            sock.shutdown(socket.SHUT_WR)
            assert other.recv(1) == b""
            other.close()
            assert sock.recv(1) == b""
            sock.close()
        machine.inside(connect)
        assert soket("close", "--netns", machine.name, f"port={server.getsockname()[1]}").status == 1
        done = soket("close", "--netns", machine.name, "state=time-wait")
        assert done.status == 0 and "1 connection closed" in done.err, done
        assert soket("close", "--netns", machine.name, "state=time-wait").status == 1


def test_a_dry_run_names_what_would_be_closed_and_closes_nothing():
    with Pair() as pair:
        done = soket("close", "--dry-run", pair.filter)
        assert done.status == 0 and "2 connections would be closed" in done.err, done
        assert f"127.0.0.1:{pair.port} - 127.0.0.1:{pair.server.port}" in done.err
        assert f"pid {os.getpid()}" in done.err
        end = rows(soket("close", "--dry-run", "--json", pair.filter))[-1]
        assert end["matched"] == 2 and end["closed"] == 0 and end["dry_run"]
        assert pair.is_alive()


@needs_root
@needs_destroy
def test_verbose_names_each_and_quiet_says_nothing():
    with Pair() as one, Pair() as other:
        done = soket("close", "-v", one.filter, "direction=out")
        assert f"closed: tcp 127.0.0.1:{one.port} - 127.0.0.1:{one.server.port} established" in done.err, done
        done = soket("close", "-q", other.filter)
        assert (done.status, done.out, done.err) == (0, "", "")


def test_without_a_filter_nothing_is_closed():
    done = soket("close")
    assert done.status == 2
    text, hint = one_clear_line(done)
    assert "filter" in text and "soket close" in hint


def test_where_nothing_matches_the_status_is_one():
    with Server() as server:
        port = server.port  # it listens, and nobody is connected
        done = soket("close", f"port={port}")
        assert done.status == 1
        text, hint = one_clear_line(done)
        assert "no connection matches" in text and "soket flows" in hint
        done = soket("close", "--json", f"port={port}")
        assert done.status == 1 and rows(done)[-1]["matched"] == 0


def test_what_listens_is_not_for_close():
    with Server() as server:
        done = soket("close", "state=listen", f"port={server.port}")
        assert done.status == 2 and "soket take" in one_clear_line(done)[1]
        server.sock.setblocking(False)
        with pytest.raises(BlockingIOError):  # it still listens
            server.sock.accept()


def test_a_unix_connection_cannot_be_closed_and_that_is_said():
    done = soket("close", "unix")
    assert done.status == 2 and "TCP and UDP" in one_clear_line(done)[0]


def test_a_wrong_filter_is_pointed_at():
    done = soket("close", "prt=80")
    assert done.status == 2 and "prt" in done.err and "port" in done.err


def test_without_the_rights_it_says_so_and_nothing_ends(short_path):
    if os.geteuid() != 0:
        with Pair() as pair:
            done = soket("close", pair.filter)
            assert done.status == 6 and pair.is_alive()
        return
    prefix, path = as_nobody(short_path)
    with Pair() as pair:
        with Program([*prefix, path, "close", pair.filter], cwd="/") as p:
            done = Finished(p, p.wait())
        assert done.status == 6, done
        text, hint = one_clear_line(done)
        assert "administrators" in text and "CAP_NET_ADMIN" in hint
        assert pair.is_alive()
        with Program([*prefix, path, "close", "--json", pair.filter], cwd="/") as p:
            done = Finished(p, p.wait())
        assert done.status == 6 and rows(done)[-1]["failed"] == 2 and rows(done)[-1]["closed"] == 0, done


@needs_root
@needs_destroy
def test_the_connection_of_this_session_is_spared_unless_it_is_asked_for():
    with Pair() as pair:
        # as sshd says it: the client, then the server
        ssh = {"SSH_CONNECTION": f"127.0.0.1 {pair.port} 127.0.0.1 {pair.server.port}"}
        done = soket("close", pair.filter, env=clean_env(**ssh))
        assert done.status == 6 and "--mine" in done.err, done
        assert pair.is_alive()
        done = soket("close", "--json", pair.filter, env=clean_env(**ssh))
        assert rows(done)[-1]["spared"] == 2 and pair.is_alive()
        assert soket("close", "--mine", pair.filter, env=clean_env(**ssh)).status == 0
        assert fate(pair.dialled) in (errno.ECONNABORTED, errno.ECONNRESET)


@needs_root
@needs_destroy
def test_a_nonsense_session_spares_nothing_and_breaks_nothing():
    for text in ("", "x", "1.2.3.4 a 5.6.7.8 b", "9" * 500, "::1 1 ::1 99999999999999999999"):
        with Pair() as pair:
            assert soket("close", pair.filter, env=clean_env(SSH_CONNECTION=text)).status == 0
            assert fate(pair.dialled) in (errno.ECONNABORTED, errno.ECONNRESET)


@needs_root
@needs_destroy
def test_a_program_is_told_and_dials_again():
    with Server() as server:
        with Program([sys.executable, "-c", DIALS_TWICE, str(server.port)]) as p:
            accepted = server.sock.accept()[0]
            p.event("up")
            assert soket("close", f"port={server.port}", f"pid={p.pid}").status == 0
            again = server.sock.accept()[0]
            assert p.wait() == 0
            assert str(errno.ECONNABORTED) in p.out.text() and "again" in p.out.text(), p.said()
            accepted.close()
            again.close()
