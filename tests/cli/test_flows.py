# SPDX-License-Identifier: Apache-2.0
"""soket flows: what is connected, how well, and whose it is. Each connection is of the test's own; what is said of it is compared with
what was really sent, with the kernel's answers to the socket's own program (TCP_INFO), and with ss."""
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest

from harness import net, wire
from harness.clock import Deadline, until
from harness.ends import Server
from harness.net import listener
from harness.rights import run_as_nobody
from harness.run import Program, Reader, Soket, clean_env, command, one_clear_line, soket
from harness.services import need

FAMILIES = pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SECOND = 10**9


class Pair:
    """A TCP connection: `dialled` and `accepted`. Nobody else has the listener's port, so it names the two."""

    def __init__(self, family=socket.AF_INET, server=None):
        self.server = server or Server(family)
        self.dialled = socket.socket(family)
        self.dialled.connect(self.server.address)
        self.accepted = self.server.sock.accept()[0]
        for s in (self.dialled, self.accepted):
            s.settimeout(Deadline(20).left())
        self.filter = f"port={self.server.port}"

    def close(self):
        for s in (self.dialled, self.accepted, self.server):
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def flows(*words, status=0, **options):
    done = soket("flows", "--json", *words, **options)
    assert done.status == status, done
    return [json.loads(line) for line in done.out.splitlines()]


def ends(rows, server):
    """(row of the end that accepted, row of the end that dialled)."""
    assert len(rows) == 2, rows
    accepted = next(r for r in rows if r["local_port"] == server.port)
    dialled = next(r for r in rows if r["remote_port"] == server.port)
    return accepted, dialled


def send(sock, other, n):
    """n bytes from one end to the other, all of them read."""
    thread = threading.Thread(target=sock.sendall, args=(b"x" * n,), daemon=True)
    thread.start()
    left = n
    while left:
        piece = other.recv(min(left, 1 << 20))
        assert piece
        left -= len(piece)
    thread.join()


def tcp_info(sock):
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return {"rtt_us": struct.unpack_from("=I", raw, 8 + 4 * 15)[0], "cwnd": struct.unpack_from("=I", raw, 8 + 4 * 18)[0],
            "retrans": struct.unpack_from("=I", raw, 8 + 4 * 23)[0]}


# --- what is listed -----------------------------------------------------------------------------------------------------

@FAMILIES
def test_a_connection_is_listed_with_both_ends_its_process_and_who_dialled(family):
    with Pair(family) as pair:
        accepted, dialled = ends(flows(pair.filter), pair.server)
        address = pair.server.address[0]
        assert accepted["local_address"] == accepted["remote_address"] == address
        assert accepted["remote_port"] == dialled["local_port"] == pair.dialled.getsockname()[1]
        assert (accepted["direction"], dialled["direction"]) == ("in", "out")
        assert accepted["direction_from"] == dialled["direction_from"] == "listener"
        for row, sock in ((accepted, pair.accepted), (dialled, pair.dialled)):
            assert (row["protocol"], row["state"]) == ("tcp", "established")
            assert row["family"] == ("ipv6" if family == socket.AF_INET6 else "ipv4")
            assert [(p["pid"], p["fd"]) for p in row["processes"]] == [(os.getpid(), sock.fileno())]
            assert row["inode"] == os.fstat(sock.fileno()).st_ino
            assert row["cookie"] == struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, 57, 8))[0]


def test_an_ipv4_client_of_a_dual_stack_listener_is_recognised():
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::", 0))
        server.listen()
        with socket.create_connection(("127.0.0.1", server.getsockname()[1])) as client, server.accept()[0]:
            rows = flows(f"port={server.getsockname()[1]}")
            accepted = next(r for r in rows if r["local_port"] == server.getsockname()[1])
            dialled = next(r for r in rows if r["local_port"] == client.getsockname()[1])
            assert accepted["local_address"] == "::ffff:127.0.0.1"
            assert (accepted["direction"], dialled["direction"]) == ("in", "out")


def test_where_nobody_listens_any_more_the_direction_is_a_guess_and_marked():
    with Pair() as pair:
        pair.server.close()
        accepted, dialled = ends(flows(pair.filter), pair.server)
        assert dialled["direction"] == "out"
        assert accepted["direction_from"] == dialled["direction_from"] == "range"
        table = soket("flows", pair.filter).out
        assert re.search(r" out\? ", table), table


def test_bytes_are_counted_exactly_each_way_also_after_an_end():
    with Pair() as pair:
        send(pair.dialled, pair.accepted, 1_234_567)
        send(pair.accepted, pair.dialled, 4321)
        accepted, dialled = ends(flows(pair.filter), pair.server)
        assert (dialled["bytes_sent"], dialled["bytes_received"]) == (1_234_567, 4321)
        assert (accepted["bytes_sent"], accepted["bytes_received"]) == (4321, 1_234_567)
        pair.dialled.shutdown(socket.SHUT_WR)
        assert pair.accepted.recv(1) == b""
        rows = until(lambda: [r for r in flows(pair.filter) if r["state"] == "close-wait"], Deadline(10), "the end")
        assert rows[0]["bytes_received"] == 1_234_567


def test_a_queue_that_is_not_read_is_shown():
    with Pair() as pair:
        pair.dialled.sendall(b"x" * 5000)
        until(lambda: ends(flows(pair.filter, "--interval", "0"), pair.server)[0]["receive_queue"] == 5000, Deadline(10), "a queue")


def test_what_listens_is_not_a_connection_and_time_wait_is_only_in_all():
    with Pair() as pair:
        pair.dialled.shutdown(socket.SHUT_WR)
        assert pair.accepted.recv(1) == b""
        pair.accepted.close()
        assert pair.dialled.recv(1) == b""
        assert flows(pair.filter) == []
        states = {r["state"] for r in flows("--all", pair.filter)}
        assert states == {"listen", "time-wait"}
        assert {r["state"] for r in flows(pair.filter, "state=time-wait")} == {"time-wait"}
        assert {r["sent_rate"] for r in flows("--all", pair.filter)} == {None}


def test_a_connected_udp_socket_is_a_flow_and_a_bound_one_is_not():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        client.connect(server.getsockname())
        port = server.getsockname()[1]
        rows = flows("udp", f"port={port}")
        assert [(r["protocol"], r["local_port"], r["remote_port"]) for r in rows] == [("udp", client.getsockname()[1], port)]
        assert rows[0]["direction"] == "out" and rows[0]["sent_rate"] is None and rows[0]["rtt_ns"] is None


def test_unix_connections_are_listed_where_they_are_asked_for(short_path):
    path = f"{short_path}/s"
    with Server(socket.AF_UNIX, address=path) as server, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        with server.sock.accept()[0] as accepted:
            inodes = {os.fstat(s.fileno()).st_ino: s for s in (client, accepted)}
            rows = {r["inode"]: r for r in flows("unix", "pid=%d" % os.getpid()) if r["inode"] in inodes}
            assert set(rows) == set(inodes)
            mine, other = (rows[os.fstat(s.fileno()).st_ino] for s in (client, accepted))
            assert (mine["direction"], other["direction"]) == ("out", "in")
            assert mine["peer_path"] == other["path"] == path and mine["peer_inode"] == other["inode"]
            assert not [r for r in flows() if r["protocol"].startswith("unix")]


# --- rates, times, limits -----------------------------------------------------------------------------------------------

class Stream:
    """Bytes without end from `sock`, so many a second (0: as fast as it goes), in small pieces; `taker` reads them."""

    def __init__(self, sock, taker, rate):
        self.sock, self.rate = sock, rate
        self.stop = threading.Event()
        self.sent = 0
        self.threads = [threading.Thread(target=self._send, daemon=True), threading.Thread(target=self._take, args=(taker,), daemon=True)]
        for t in self.threads:
            t.start()

    def _send(self):
        began = time.monotonic()
        while not self.stop.wait(0.01 if self.rate else 0):
            n = int((time.monotonic() - began) * self.rate) - self.sent if self.rate else 65536
            try:
                self.sock.sendall(b"x" * n)
            except OSError:
                return
            self.sent += n

    @staticmethod
    def _take(taker):
        try:
            while taker.recv(1 << 20):
                pass
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.threads[0].join(10)


def test_the_rate_is_what_is_really_sent():
    with Pair() as pair, Stream(pair.dialled, pair.accepted, 2_000_000):
        def near():
            accepted, dialled = ends(flows(pair.filter, "--interval", "500ms"), pair.server)
            assert dialled["received_rate"] == accepted["sent_rate"] == 0
            return all(abs(rate - 2e6) < 2e5 for rate in (dialled["sent_rate"], accepted["received_rate"]))
        until(near, Deadline(20), "a rate of 2 MB/s")  # a busy machine may miss it once
        assert len(flows(pair.filter, "rate>1MB")) == 2
        assert len(flows(pair.filter, "sent-rate>1MB")) == 1
        assert flows(pair.filter, "rate>100MB") == []


def test_the_rates_of_a_stream_add_up_to_its_bytes():
    with Pair() as pair, Stream(pair.dialled, pair.accepted, 1_000_000):
        with Soket("flows", "--watch", "--json", "--interval", "100ms", pair.filter, "direction=out") as p:
            p.event("flow", count=12)
            rows = p.events("flow")[:12]
            p.stop()
        stamps = [r["time"] for r in rows]
        assert stamps == sorted(stamps) and len(set(stamps)) == 12
        assert rows[0]["sent_rate"] is None
        total = sum(r["sent_rate"] * 0.1 for r in rows[1:])
        moved = rows[-1]["bytes_sent"] - rows[0]["bytes_sent"]
        assert moved > 0 and abs(total - moved) < 0.5 * moved, (total, moved)


def test_one_look_has_no_rates_and_takes_no_time():
    with Pair() as pair:
        began = time.monotonic()
        rows = flows(pair.filter, "--interval", "0")
        assert len(rows) == 2 and {r["sent_rate"] for r in rows} == {None}
        assert time.monotonic() - began < 5
        assert {r["sent_rate"] for r in flows(pair.filter, "--interval", "10ms")} == {0}


def test_round_trip_time_and_window_are_what_the_kernel_tells_the_program():
    with Pair() as pair:
        send(pair.dialled, pair.accepted, 100_000)
        dialled = ends(flows(pair.filter), pair.server)[1]
        own = tcp_info(pair.dialled)
        assert dialled["rtt_ns"] == own["rtt_us"] * 1000
        assert dialled["congestion_window"] == own["cwnd"]
        assert 0 < dialled["rtt_min_ns"] <= dialled["rtt_ns"] * 8


def test_every_number_is_that_of_ss():
    need("ss")
    with Pair() as pair:
        send(pair.dialled, pair.accepted, 300_000)
        done = command("ss", "-tinH", f"dport = :{pair.server.port}")
        text = done.out
        row = ends(flows(pair.filter), pair.server)[1]

        def number(name):
            found = re.search(rf"\b{name}:([\d.]+)", text)
            return float(found.group(1)) if found else 0

        assert row["bytes_sent"] == number("bytes_sent")
        assert row["bytes_acknowledged"] == number("bytes_acked")
        assert row["congestion_window"] == number("cwnd")
        assert abs(row["rtt_ns"] / 1e6 - number("rtt")) < 0.002
        assert abs(row["rtt_min_ns"] / 1e6 - number("minrtt")) < 0.002
        assert row["segments_sent"] == number("segs_out")
        assert row["mss"] == number("mss")
        assert f" {row['congestion']} " in text.replace("\n", " ").replace("\t", " ")


def test_a_program_that_writes_little_limits_itself():
    with Pair() as pair, Stream(pair.dialled, pair.accepted, 100_000):
        until(lambda: ends(flows(pair.filter), pair.server)[1]["limited_by"] == "application", Deadline(20), "a trickle")


def test_a_receiver_that_does_not_read_limits():
    with Pair() as pair:
        pair.dialled.setblocking(False)
        sent = 0
        with pytest.raises(BlockingIOError):
            while sent < 1 << 30:
                sent += pair.dialled.send(b"x" * 65536)
        until(lambda: ends(flows(pair.filter), pair.server)[1]["limited_by"] == "receiver", Deadline(30), "a full window")
        assert len(flows(pair.filter, "limited=receiver")) == 1


@pytest.fixture
def slow(can_netns):
    """40 ms each way."""
    if wire.missing():
        pytest.skip(wire.missing())
    with wire.Wire(delay=0.04) as w:
        yield w


@pytest.fixture
def lossy(can_netns):
    """Every 20th large packet from a is lost."""
    if wire.missing():
        pytest.skip(wire.missing())
    with wire.Wire(delay=0.005, lose=20) as w:
        yield w


class FarPair:
    """A connection from machine a to machine b of a wire."""

    def __init__(self, w, family=socket.AF_INET):
        self.wire = w
        self.server = listener(w.b, w.b6 if family == socket.AF_INET6 else w.b4, family)
        self.port = self.server.getsockname()[1]
        self.dialled = w.a.inside(lambda: socket.create_connection(self.server.getsockname()[:2], timeout=20))
        self.accepted = self.server.accept()[0]
        self.accepted.settimeout(20)

    def row(self, *words, machine=None):
        rows = flows("--netns", (machine or self.wire.a).name, f"port={self.port}", *words)
        assert len(rows) <= 1
        return rows[0] if rows else None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for s in (self.dialled, self.accepted, self.server):
            s.close()


@FAMILIES
def test_a_long_way_shows_as_round_trip_time(slow, family):
    with FarPair(slow, family) as pair:
        send(pair.dialled, pair.accepted, 20_000)
        row = pair.row()
        assert 79e6 < row["rtt_min_ns"] < 400e6 and 79e6 < row["rtt_ns"] < 400e6, row
        assert row["direction"] == "out" and pair.row(machine=slow.b)["direction"] == "in"
        assert pair.row("rtt>60ms") and not pair.row("rtt>5s")
        assert pair.row("rtt<5s", "min-rtt>60ms")


def test_a_network_that_is_full_limits(slow):
    with FarPair(slow) as pair:
        pair.dialled.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        with Stream(pair.dialled, pair.accepted, 0):
            until(lambda: pair.row()["limited_by"] == "network", Deadline(20), "a full congestion window")


def test_a_lossy_way_shows_retransmits_and_they_are_no_bytes_sent(lossy):
    with FarPair(lossy) as pair:
        send(pair.dialled, pair.accepted, 400_000)
        row = pair.row()
        assert lossy.lost > 0 and row["retransmits"] >= lossy.lost / 2
        assert row["retransmits"] == tcp_info(pair.dialled)["retrans"]
        assert row["bytes_retransmitted"] > 0
        assert row["bytes_sent"] == 400_000
        assert pair.row("retrans>0") and not pair.row("retrans>100000")
        assert pair.row(machine=lossy.b)["bytes_received"] == 400_000


# --- age ----------------------------------------------------------------------------------------------------------------

def test_the_age_of_a_silent_connection_is_known_and_of_a_busy_one_at_least_and_at_most():
    with Pair() as pair:
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 0.5, Deadline(5), "half a second")
        row = ends(flows(pair.filter), pair.server)[1]
        age = (time.monotonic() - began + 0.1) * 1e9
        assert 0.4e9 <= row["age_least_ns"] <= age and row["age_most_ns"] == row["age_least_ns"], row
        send(pair.dialled, pair.accepted, 1)
        row = ends(flows(pair.filter), pair.server)[1]
        age = (time.monotonic() - began + 0.1) * 1e9
        assert row["age_least_ns"] <= age <= row["age_most_ns"]  # at most: since this program began
        started = row["processes"][0]["age_ns"]
        assert row["age_most_ns"] >= started - SECOND


def test_watching_knows_when_a_connection_came_and_says_when_it_has_gone():
    with Server() as server:
        with Soket("flows", "--watch", "--json", "--interval", "50ms", f"port={server.port}") as p:
            with Pair(server=server) as first:
                p.event("flow", count=2)
                dialled = first.dialled.getsockname()[1]
                row = p.event("flow", where=lambda e: e["local_port"] == dialled)
                cookie = row["cookie"]
                first.server = Server()
            gone = p.event("gone", where=lambda e: e["cookie"] == cookie)
            assert (gone["local_port"], gone["remote_port"]) == (dialled, server.port) and gone["time"] >= row["time"]
            assert gone["bytes_sent"] == 0
            with Pair(server=server) as second:
                port = second.dialled.getsockname()[1]
                second.dialled.sendall(b"x" * 1000)
                second.accepted.recv(1000)
                rows = [p.event("flow", where=lambda e: e["local_port"] == port, count=n) for n in (1, 2, 3, 4)]
                for row in rows:
                    assert row["age_most_ns"] is not None and 0 <= row["age_most_ns"] - row["age_least_ns"] < 10 * SECOND
                assert rows[0]["age_least_ns"] < rows[3]["age_least_ns"]
                assert rows[0]["sent_rate"] is not None  # all it has done, it has done since the look before
                second.server = Server()
            p.event("gone", count=4)
            p.stop()
        assert not [e for e in p.events("gone") if e["cookie"] == cookie][1:]


# --- filters, order, other namespaces -----------------------------------------------------------------------------------

def test_filters_combine():
    with Pair() as pair:
        mine = pair.filter
        assert len(flows(mine, "state=established")) == 2
        assert flows(mine, "state=close-wait") == []
        assert len(flows(mine, f"pid={os.getpid()}")) == 2
        assert flows(mine, "process=there-is-no-such-program") == []
        assert len(flows(mine, "remote=127.0.0.0/8")) == 2
        assert flows(mine, "remote=10.0.0.0/8") == []
        assert len(flows(mine, "direction=in")) == 1
        assert len(flows(mine, "age<1h")) == 2
        assert flows(mine, "rtt>10m") == []


def test_sorting_puts_the_first_first():
    with Server() as server:
        pairs = [Pair(server=server) for _ in range(3)]
        for i, pair in enumerate(pairs):
            send(pair.dialled, pair.accepted, (2, 3, 1)[i] * 10_000)
        words = (f"port={server.port}", "direction=out", "--interval", "10ms", "--sort")
        assert [r["bytes_sent"] for r in flows(*words, "sent")] == [30_000, 20_000, 10_000]
        assert [r["bytes_sent"] for r in flows(*words, "bytes")] == [30_000, 20_000, 10_000]
        local = [r["local_port"] for r in flows(*words, "local")]
        assert local == sorted(local)
        rtt = [r["rtt_ns"] for r in flows(*words, "rtt")]
        assert rtt == sorted(rtt, reverse=True)
        for key in ("rate", "received", "retrans", "queue", "age", "remote", "process", "state"):
            assert len(flows(*words, key)) == 3
        done = soket("flows", "--sort", "ret")
        assert done.status == 2 and "retrans" in done.err
        for pair in pairs:
            pair.close()


def test_another_namespace_is_looked_into_by_name_and_by_process(machine):
    with listener(machine, "127.0.0.1") as server:
        port = server.getsockname()[1]
        with machine.inside(lambda: socket.create_connection(server.getsockname())), server.accept()[0]:
            assert flows(f"port={port}") == []
            assert len(flows("--netns", machine.name, f"port={port}")) == 2
            with Program([*machine.wrap, sys.executable, "-c", "print('{\"event\":\"up\"}', flush=True); input()"],
                         stdin=subprocess.PIPE) as inside:
                inside.event("up")
                rows = flows("--netns", str(inside.pid), f"port={port}")
                assert len(rows) == 2 and {r["processes"][0]["pid"] for r in rows} == {os.getpid()}
            rows = flows("--all-netns", f"port={port}")
            assert len(rows) == 2 and {r["netns_name"] for r in rows} == {machine.name}
            assert {r["sent_rate"] for r in rows} == {0}
    done = soket("flows", "--netns", "there-is-none")
    assert done.status == 2 and one_clear_line(done)


# --- everything ---------------------------------------------------------------------------------------------------------

def ss_rows(text):
    """{(state, local, remote): (unread, unacknowledged, {(name, pid)})} of ss -tanpH."""
    states = {"LISTEN": "listen", "ESTAB": "established", "TIME-WAIT": "time-wait", "CLOSE-WAIT": "close-wait",
              "FIN-WAIT-2": "fin-wait-2", "FIN-WAIT-1": "fin-wait-1"}
    rows = {}
    for line in text.splitlines():
        state, unread, unsent, local, remote, *rest = line.split()
        owners = set(re.findall(r'\("([^"]*)",pid=(\d+)', " ".join(rest)))
        rows[states.get(state, state), local, "" if state == "LISTEN" else remote] = (unread, unsent, owners)
    return rows


def own_rows(text):
    rows = {}
    lines = text.splitlines()
    assert lines[0].split() == ["STATE", "LOCAL", "DIR", "REMOTE", "UNREAD", "UNACKED", "PROCESS"]
    columns = [lines[0].index(word) for word in ("LOCAL", "DIR", "REMOTE", "UNREAD", "PROCESS")]
    for line in lines[1:]:
        cells = [line[a:b].strip() for a, b in zip([0, *columns], [*columns, None])]
        state, local, _, remote, numbers, process = cells
        unread, unsent = numbers.split()
        owners = {tuple(p.rsplit(" ", 1)) for p in process.split(", ") if p}
        rows[state, local, remote] = (unread, unsent, owners)
    return rows


def test_all_lists_what_ss_lists_field_by_field(machine):
    need("ss")
    with listener(machine, "127.0.0.1") as four, listener(machine, "::1", socket.AF_INET6) as six:
        made = []

        def connect():
            for server in (four, six):
                for i in range(20):
                    sock = socket.socket(server.family)
                    sock.connect(server.getsockname())
                    other = server.accept()[0]
                    made.append((sock, other))
                    if i % 4 == 1:
                        sock.sendall(b"x" * 100)
                    if i % 4 == 2:
                        sock.shutdown(socket.SHUT_WR)
                    if i % 4 == 3:
                        sock.shutdown(socket.SHUT_WR)
                        other.recv(1)
                        other.close()
                        sock.recv(1)
                        sock.close()
        machine.inside(connect)
        until(lambda: "100 " in command(*machine.wrap, "ss", "-tanH").out, Deadline(10), "the bytes")
        theirs = ss_rows(command(*machine.wrap, "ss", "-tanpH").out)
        ours = own_rows(soket("flows", "--all", "--netns", machine.name).out)
        assert len(theirs) == len(ours) == 2 + 2 * (15 * 2 + 5)
        assert theirs.keys() == ours.keys()
        assert theirs == ours
        for pair in made:
            for sock in pair:
                sock.close()


def test_all_with_a_filter_shows_what_matches_and_json_has_the_same_rows():
    with Pair() as pair:
        text = soket("flows", "--all", pair.filter).out.splitlines()
        assert len(text) == 4 and [line.split()[0] for line in text[1:]] == ["established", "established", "listen"]
        assert all(f" {os.getpid()}" in line for line in text[1:])
        assert sorted(r["state"] for r in flows("--all", pair.filter)) == ["established", "established", "listen"]
        assert len(soket("flows", "--all", pair.filter, f"process={open('/proc/self/comm').read().strip()}").out.splitlines()) == 4


@needs_root
def test_tens_of_thousands_are_listed_whole(machine):
    n = 12_000  # outgoing connections have 14,000 ports that are found quickly
    # a port in TIME_WAIT is else given again after a second
    assert command(*machine.wrap, "sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse").status == 0
    if int(command(*machine.wrap, "cat", "/proc/sys/net/ipv4/tcp_max_tw_buckets").out) < n:
        pytest.skip("the kernel keeps fewer TIME_WAIT sockets")
    with listener(machine, "127.0.0.1") as server:
        def connect():
            for _ in range(n):
                with socket.socket() as sock:
                    sock.connect(server.getsockname())
                    with server.accept()[0] as other:
                        sock.shutdown(socket.SHUT_WR)
                        other.recv(1)
                    sock.recv(1)
        machine.inside(connect)
        lines = soket("flows", "--all", "--netns", machine.name).out.splitlines()
        ports = {line.split()[1] for line in lines if line.startswith("time-wait")}
        assert len(lines) - 2 == len(ports) == n  # the title, and who listens


# --- people -------------------------------------------------------------------------------------------------------------

def test_a_pipe_gets_every_column_and_no_colour():
    with Pair() as pair:
        send(pair.dialled, pair.accepted, 5000)
        lines = soket("flows", pair.filter).out.splitlines()
        assert len(lines) == 3 and "\033" not in "".join(lines)
        for title in ("LOCAL", "REMOTE", "PROCESS", "OUT/S", "IN/S", "RTT", "AGE", "STATE", "SENT", "RECEIVED", "WINDOW"):
            assert title in lines[0]
        assert f"127.0.0.1:{pair.server.port}" in lines[1] and str(os.getpid()) in lines[1] and "4.88 KiB" in lines[1]


def terminal(*words, rows=24, columns=80, until_text=None, keys=()):
    """Run soket on a terminal of that size, type keys once something is shown, end it with q. (status, what it wrote)"""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    reader = Reader(main)
    with Soket(*words, stdin=other, stdout=other, stderr=other, env=clean_env(TERM="xterm"), session=True) as p:
        os.close(other)
        if until_text:
            for key, shown in ((b"", until_text), *keys, (b"q", "")):
                os.write(main, key)
                reader.wait(lambda r: shown in r.text(), p.deadline, shown)
        status = p.wait()
    return status, reader.finish(Deadline(10)).decode()


def test_on_a_terminal_of_80_columns_no_line_is_wider():
    with Pair(socket.AF_INET6) as pair:
        status, text = terminal("flows", pair.filter)
        assert status == 0
        lines = text.replace("\r", "").splitlines()
        assert len(lines) >= 3 and all(len(line) <= 80 for line in lines), lines
        assert "PROCESS" in lines[0] and "RTT" in lines[0]


def test_the_live_table_sorts_by_key_and_ends_with_q():
    with Pair() as pair:
        status, text = terminal("flows", "--watch", pair.filter, columns=140, until_text="2 connections",
                                keys=((b"b", "[Bytes]"), (b"p", "[Process]"), (b"\033[B", "[Process]"), (b"r", "[Rate]")))
        assert status == 0
        assert "quits" in text and str(pair.server.port) in text


def test_a_name_that_would_steer_the_terminal_is_printed_plainly():
    hostile = b"\033[2J\nx\x07"
    program = ("import ctypes,socket,sys\n"
               "ctypes.CDLL(None).prctl(15, %r)\n"
               "s = socket.create_server(('127.0.0.1', 0)); c = socket.create_connection(s.getsockname()); a = s.accept()\n"
               "print('{\"event\":\"up\",\"port\":%%d}' %% s.getsockname()[1], flush=True); input()\n") % hostile
    with Program([sys.executable, "-c", program], stdin=subprocess.PIPE) as p:
        port = p.event("up")["port"]
        for words in ((), ("--all",), ("--watch", "--interval", "50ms")):
            with Soket("flows", *words, f"port={port}") as shown:
                shown.out.wait(lambda r: str(p.pid) in r.text(), shown.deadline, "the process")
                shown.stop()
            lines = shown.out.text()
            assert "\033" not in lines and "\x07" not in lines and "\\x1b[2J\\x0ax\\x07" in lines
        rows = flows(f"port={port}")
        assert rows[0]["processes"][0]["name"] == hostile.decode()


def test_without_root_what_belongs_to_others_has_no_process_and_one_line_says_so(short_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to give it up")
    with Pair() as pair:
        done = run_as_nobody(short_path, "flows", pair.filter)
        assert done.status == 0 and len(done.out.splitlines()) == 3
        said = done.err.strip().splitlines()
        assert len(said) == 1 and "2 sockets are shown without their process" in said[0] and "root" in said[0]
        done = run_as_nobody(short_path, "flows", "--json", pair.filter)
        assert [json.loads(line)["processes"] for line in done.out.splitlines()] == [None, None]
        done = run_as_nobody(short_path, "flows", "--all", pair.filter)
        shown = [line for line in done.out.splitlines()[1:] if not line.startswith("time-wait")]  # of others, on the same port
        assert "3 sockets are shown without" in done.err and len(shown) == 3
        assert run_as_nobody(short_path, "flows", "-q", pair.filter).err == ""


def test_a_pipe_that_nobody_reads_ends_it():
    with Pair() as pair:
        with Soket("flows", "--watch", "--json", "--interval", "20ms", pair.filter, stdout="raw") as p:
            reader = p.take("stdout")
            assert os.read(reader, 10)
            os.close(reader)
            p.wait(Deadline(10, "the end of a stream without a reader"))


@pytest.mark.parametrize("words, expected", [
    (("frobnicate=1",), "frobnicate"),
    (("rtt>fast",), "fast"),
    (("--interval", "soon"), "soon"),
    (("--netns", "x", "--all-netns"), "--netns"),
])
def test_what_cannot_be_meant_is_refused_with_a_hint(words, expected):
    done = soket("flows", *words)
    assert done.status == 2 and expected in one_clear_line(done)[0] + done.err


def test_a_connection_that_ends_between_the_looks_does_no_harm():
    """Churn: connections come and go all the time; whatever is shown is whole."""
    with Server() as server:
        stop = threading.Event()

        def churn():
            while not stop.is_set():
                with socket.create_connection(server.address) as c, server.sock.accept()[0] as a:
                    c.sendall(b"x")
                    a.recv(1)
        thread = threading.Thread(target=churn, daemon=True)
        thread.start()
        try:
            for _ in range(10):
                for row in flows("--interval", "20ms", f"port={server.port}"):
                    assert row["sent_rate"] is None or row["sent_rate"] >= 0
                    assert row["age_least_ns"] >= 0
        finally:
            stop.set()
            thread.join()


def test_nothing_is_an_empty_table_and_one_line():
    done = soket("flows", "port=1", "state=syn-sent")
    assert done.status == 0 and "no connection matches" in done.err and len(done.out.splitlines()) == 1


def test_a_rate_is_not_filtered_by_where_there_is_only_one_look():
    done = soket("flows", "-i", "0", "rate>1MB")
    assert done.status == 2
    one_clear_line(done)


def test_connections_of_several_namespaces_are_told_apart():
    reason = net.missing()
    if reason:
        pytest.skip(reason)
    with net.Pair() as pair:
        server = net.listener(pair.b, pair.b4)
        client = pair.a.inside(lambda: socket.create_connection((pair.b4, server.getsockname()[1])))
        done = soket("flows", "--all-netns", f"port={server.getsockname()[1]}")
        client.close()
        server.close()
    assert "NETNS" in done.out.splitlines()[0] and pair.a.name in done.out and pair.b.name in done.out
