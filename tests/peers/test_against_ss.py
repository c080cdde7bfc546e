# SPDX-License-Identifier: Apache-2.0
"""soket ports and flows against ss and lsof, field by field, with sockets that the test made."""
import array
import json
import os
import re
import shutil
import socket
import subprocess

import pytest

from harness import net
from harness.clock import Deadline, until
from harness.run import binary, clean_env

PEERS = {name: shutil.which(name) for name in ("ss", "lsof")}


def need(name):
    if not PEERS[name]:
        pytest.skip(f"{name} is not installed")
    return PEERS[name]


def lines(*words, wrap=()):
    done = subprocess.run([*wrap, *words], env=clean_env(), capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.splitlines()


def rows(*words, wrap=()):
    return [json.loads(line) for line in lines(binary(), *words, "--json", "-q", wrap=wrap)]


def by_inode(found):
    return {row["inode"]: row for row in found if row["inode"]}


def inode(sock):
    return os.fstat(sock.fileno()).st_ino


class Zoo:
    """Sockets of every kind, and children that share some of them."""

    def __init__(self, tmp):
        self.sockets, self.children, self.names = {}, [], {}
        self.tmp = tmp
        self.ip()
        self.unix()
        self.shared = self.listen("shared by a fork", socket.AF_INET, ("127.0.0.1", 0))
        self.child = self.fork()

    def keep(self, name, sock):
        self.sockets[name] = sock
        return sock

    def listen(self, name, family, address, backlog=7, **options):
        sock = socket.socket(family, socket.SOCK_STREAM)
        for option in options.get("options", ()):
            sock.setsockopt(*option)
        sock.bind(address)
        sock.listen(backlog)
        return self.keep(name, sock)

    def ip(self):
        only = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        both = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        group = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        v4 = self.listen("tcp, IPv4", socket.AF_INET, ("127.0.0.1", 0))
        self.waiting = self.keep("a client that waits", socket.create_connection(v4.getsockname()))
        self.listen("tcp, every IPv4 address", socket.AF_INET, ("0.0.0.0", 0), 0)
        self.listen("tcp, IPv6 only", socket.AF_INET6, ("::", 0), 11, options=[only])
        self.listen("tcp, dual-stack", socket.AF_INET6, ("::", 0), 4096, options=[both])
        self.listen("tcp, IPv6 loopback", socket.AF_INET6, ("::1", 0))
        first = self.listen("group 0", socket.AF_INET, ("127.0.0.1", 0), options=[group])
        for i in (1, 2):
            self.listen(f"group {i}", socket.AF_INET, first.getsockname(), options=[group])
        for name, family, address in (("udp, IPv4", socket.AF_INET, "127.0.0.1"), ("udp, any IPv6", socket.AF_INET6, "::")):
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind((address, 0))
            self.keep(name, sock)

    def unix(self):
        for kind, name in ((socket.SOCK_STREAM, "stream"), (socket.SOCK_SEQPACKET, "seqpacket"), (socket.SOCK_DGRAM, "dgram")):
            for where in (str(self.tmp / name), f"\0soket-{os.getpid()}-{name}"):
                sock = socket.socket(socket.AF_UNIX, kind)
                sock.bind(where)
                if kind != socket.SOCK_DGRAM:
                    sock.listen(6)
                self.keep(f"unix {name} {'abstract' if where[0] == chr(0) else 'path'}", sock)
        odd = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        odd.bind(str(self.tmp / "odd \x1b[31m name"))
        odd.listen(1)
        self.keep("unix with an escape sequence", odd)

    def fork(self):
        """A process that has the sockets of this one, and ends when the test does."""
        hold, mine = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(mine)
            os.read(hold, 1)
            os._exit(0)
        os.close(hold)
        self.mine = mine
        return pid

    def close(self):
        os.close(self.mine)
        os.waitpid(self.child, 0)
        for sock in self.sockets.values():
            sock.close()


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    made = Zoo(tmp_path_factory.mktemp("zoo"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def ports(zoo):
    return by_inode(rows("ports"))


def holders(row):
    return {(p["pid"], p["fd"]) for p in row["processes"] or ()}


WAITS = ("a client that waits",)


def test_every_socket_of_the_zoo_is_listed_once(zoo, ports):
    missing = [name for name, sock in zoo.sockets.items() if name not in WAITS and inode(sock) not in ports]
    assert not missing
    assert inode(zoo.waiting) not in ports


def test_what_the_test_made_is_what_is_shown(zoo, ports):
    for name, sock in zoo.sockets.items():
        if name in WAITS:
            continue
        row = ports[inode(sock)]
        assert row["uid"] == os.geteuid(), name
        assert {pid for pid, _ in holders(row)} == {os.getpid(), zoo.child}, name
        assert (os.getpid(), sock.fileno()) in holders(row), name
        if sock.family == socket.AF_UNIX:
            assert row["path"] == sock.getsockname().replace("\0", "@") if isinstance(sock.getsockname(), str) else \
                row["path"] == sock.getsockname().decode().replace("\0", "@"), name
        else:
            assert (row["local_address"], row["local_port"]) == sock.getsockname()[:2], name


# --- ss ----------------------------------------------------------------------------------------------------------------

def ss_rows(*words, wrap=()):
    """By inode: state, the two queues, local address, uid, holders."""
    found = {}
    for line in lines(need("ss"), "-Hnepl", "-O", *words, wrap=wrap):
        number = re.search(r"\bino:(\d+)", line) or re.search(r" (\d+) +\* 0", line)
        if not number:
            continue
        fields = line.split()
        found[int(number.group(1))] = {
            "protocol": fields[0], "state": fields[1], "queue": int(fields[2]), "limit": int(fields[3]), "local": fields[4],
            "uid": int(m.group(1)) if (m := re.search(r"\buid:(\d+)", line)) else 0,
            "v6only": "v6only:1" in line, "cookie": int(m.group(1), 16) if (m := re.search(r"\bsk:([0-9a-f]+)", line)) else 0,
            "holders": {(int(pid), int(fd)) for pid, fd in re.findall(r"pid=(\d+),fd=(\d+)", line)},
        }
    return found


def as_ss_writes(row):
    """The local end as ss prints it."""
    address = row["local_address"]
    if row["family"] == "ipv6" and address == "::":
        return "[::]" if row["_v6only"] else "*"
    return f"[{address}]" if row["family"] == "ipv6" else address


def test_ip_sockets_are_those_of_ss(zoo, ports):
    theirs = ss_rows("-tu")
    for name, sock in zoo.sockets.items():
        if sock.family == socket.AF_UNIX or name in WAITS:
            continue
        mine, ss = ports[inode(sock)], theirs[inode(sock)]
        address, port = ss["local"].rsplit(":", 1)
        mine["_v6only"] = ss["v6only"] or sock.type == socket.SOCK_DGRAM and False
        assert mine["protocol"] == ss["protocol"], name
        assert mine["local_port"] == int(port), name
        assert as_ss_writes(mine) == address, name
        assert mine["uid"] == ss["uid"], name
        assert mine["cookie"] == ss["cookie"], name
        assert holders(mine) == ss["holders"], name
        if sock.type == socket.SOCK_STREAM:
            assert (mine["state"], ss["state"]) == ("listen", "LISTEN"), name
            assert (mine["accept_queue"], mine["accept_limit"]) == (ss["queue"], ss["limit"]), name
        else:
            assert (mine["state"], ss["state"]) == ("bound", "UNCONN"), name
            assert mine["receive_queue"] == ss["queue"], name


def test_the_client_that_waits_is_counted(zoo, ports):
    assert ports[inode(zoo.sockets["tcp, IPv4"])]["accept_queue"] == 1
    assert ports[inode(zoo.sockets["tcp, IPv4"])]["accept_limit"] == 7


def test_a_path_with_an_escape_sequence_is_never_printed_raw(zoo):
    done = subprocess.run([binary(), "ports", "unix"], env=clean_env(), capture_output=True, timeout=30, check=True)
    assert b"\x1b" not in done.stdout
    assert b"odd \\x1b[31m name" in done.stdout


def test_unix_sockets_are_those_of_ss(zoo, ports):
    kinds = {"u_str": "unix", "u_seq": "unix-seqpacket", "u_dgr": "unix-dgram"}
    theirs = {}
    for line in lines(need("ss"), "-Hnpxl", "-O"):
        fields = re.match(r"(\S+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(.*?) (\d+)\s+\* (\d+)", line)
        if fields:
            theirs[int(fields.group(6))] = (fields, {(int(p), int(f)) for p, f in re.findall(r"pid=(\d+),fd=(\d+)", line)})
    for name, sock in zoo.sockets.items():
        if sock.family != socket.AF_UNIX:
            continue
        mine, (ss, held) = ports[inode(sock)], theirs[inode(sock)]
        assert mine["protocol"] == kinds[ss.group(1)], name
        assert holders(mine) == held, name
        if "escape" not in name:
            assert mine["path"] == ss.group(5), name
        if sock.type != socket.SOCK_DGRAM:
            assert (mine["accept_queue"], mine["accept_limit"]) == (int(ss.group(3)), int(ss.group(4))), name


def test_ports_lists_no_fewer_listeners_than_ss():
    def once():
        before = set(ss_rows("-tu"))
        mine = set(by_inode(rows("ports", "tcp", "udp")))
        after = set(ss_rows("-tu"))
        return before & after <= mine and mine & before <= after | mine
    until(once, Deadline(10), "a moment in which nothing changes between the two lists")


# --- lsof --------------------------------------------------------------------------------------------------------------

def test_holders_are_those_of_lsof(zoo, ports):
    found, pid, fd = {}, None, None
    for line in lines(need("lsof"), "-nP", "-a", "-p", f"{os.getpid()},{zoo.child}", "-i", "-F", "pfni"):
        kind, value = line[0], line[1:]
        if kind == "p":
            pid = int(value)
        elif kind == "f":
            fd = int(value) if value.isdigit() else None
        elif kind == "n" and "->" not in value:
            found.setdefault((pid, fd), value)
    for name, sock in zoo.sockets.items():
        if sock.family == socket.AF_UNIX or name in WAITS:
            continue
        row = ports[inode(sock)]
        for holder in holders(row):
            address, port = found[holder].rsplit(":", 1)
            written = row["local_address"] if row["family"] == "ipv4" else f"[{row['local_address']}]"
            assert int(port) == row["local_port"], name
            assert address in (written, "*"), name


# --- connections -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("family, host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_connections_are_those_of_ss(family, host):
    with socket.socket(family) as server:
        server.bind((host, 0))
        server.listen(1)
        with socket.socket(family) as client:
            client.connect(server.getsockname())
            peer = server.accept()[0]
            with peer:
                peer.sendall(b"x" * 1000)
                mine = by_inode(rows("flows", f"port={server.getsockname()[1]}", "--interval", "0"))
                theirs = ss_connections(server.getsockname()[1])
                for sock, unread in ((client, 1000), (peer, 0)):
                    row, ss = mine[inode(sock)], theirs[inode(sock)]
                    assert (row["local_address"], row["local_port"]) == sock.getsockname()[:2]
                    assert (row["remote_address"], row["remote_port"]) == sock.getpeername()[:2]
                    assert row["state"] == "established"
                    assert row["receive_queue"] == unread == ss["queue"]
                    assert holders(row) == ss["holders"] == {(os.getpid(), sock.fileno())}
                    assert row["cookie"] == ss["cookie"]


def ss_connections(port):
    found = {}
    for line in lines(need("ss"), "-Htnep", "-O", f"( sport = :{port} or dport = :{port} )"):
        number = re.search(r"\bino:(\d+)", line)
        if number:
            found[int(number.group(1))] = {
                "queue": int(line.split()[1]), "cookie": int(re.search(r"\bsk:([0-9a-f]+)", line).group(1), 16),
                "holders": {(int(p), int(f)) for p, f in re.findall(r"pid=(\d+),fd=(\d+)", line)}}
    return found


# --- other namespaces --------------------------------------------------------------------------------------------------

@pytest.fixture
def machine():
    why = net.missing()
    if why:
        pytest.skip(why)
    made = net.Machine()
    yield made
    made.close()


def test_sockets_of_another_namespace_are_seen_from_here(machine):
    sock = machine.inside(lambda: socket.create_server(("0.0.0.0", 8080)))
    with sock:
        assert inode(sock) not in by_inode(rows("ports", "8080"))
        for words in (["--netns", machine.name], ["--all-netns"]):
            row = by_inode(rows("ports", "8080", *words))[inode(sock)]
            assert (row["local_address"], row["local_port"]) == ("0.0.0.0", 8080)
            assert holders(row) == {(os.getpid(), sock.fileno())}
            assert row["netns_name"] == machine.name
        assert inode(sock) in by_inode(rows("ports", "8080", wrap=machine.wrap))


def test_a_socket_in_flight_between_processes_is_listed_without_a_holder(zoo):
    """Its only descriptor is inside of a message that nobody has received."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    sock = socket.create_server(("127.0.0.1", 0))
    number, port = inode(sock), sock.getsockname()[1]
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sock.fileno()]))])
    sock.close()
    try:
        row = by_inode(rows("ports", str(port)))[number]
        assert row["processes"] is None
    finally:
        left.close()
        right.close()
