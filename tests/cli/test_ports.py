# SPDX-License-Identifier: Apache-2.0
"""soket ports: every socket that waits for others. Each socket is the test's own; what is said of it is compared with what the test
knows, and, field by field, with ss and lsof."""
import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading

import pytest

from harness import net
from harness.clock import Deadline, until
from harness.rights import as_nobody, run_as_nobody
from harness.run import DEVNULL, PIPE, Finished, Program, Reader, Soket, clean_env, command, one_clear_line, soket
from harness.services import need

ME = os.getpid()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def listening(family=socket.AF_INET, address=None, kind=socket.SOCK_STREAM, backlog=50, options=(), listens=True):
    s = socket.socket(family, kind)
    for option in options:
        s.setsockopt(*option)
    s.bind(address if isinstance(address, (str, bytes, tuple)) else (("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
    if listens and kind != socket.SOCK_DGRAM:
        s.listen(backlog)
    return s


def port_of(s):
    return s.getsockname()[1]


def both(any_address=False):
    """A pair of sockets, one of each family, on one port."""
    only = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    for _ in range(50):
        four = listening(address=("0.0.0.0" if any_address else "127.0.0.1", 0))
        try:
            return four, listening(socket.AF_INET6, ("::" if any_address else "::1", port_of(four)), options=[only])
        except OSError:
            four.close()
    raise AssertionError("no port is free on both families")


def ports(*words, **options):
    """The objects of --json."""
    done = soket("ports", "--json", *[str(w) for w in words], **options)
    assert done.status == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


def one(*words, **options):
    found = ports(*words, **options)
    assert len(found) == 1, found
    return found[0]


def table(*words, **options):
    """The rows of the table in a pipe, as {title: cell}."""
    done = soket("ports", *[str(w) for w in words], **options)
    assert done.status == 0, done
    return rows_of(done.out)


def rows_of(text):
    """Cells stand under their titles: columns end where, in every line, two blanks are."""
    lines = text.splitlines()
    if not lines:
        return []
    width = max(map(len, lines))
    lines = [line.ljust(width) for line in lines]
    ink = "".join(" " if all(line[i] == " " for line in lines) else "x" for i in range(width))
    starts = [m.end() for m in re.finditer(r"^ *|  +", ink)] + [width]
    cells = [[line[a:b].strip() for a, b in zip(starts, starts[1:])] for line in lines]
    return [dict(zip(cells[0], row)) for row in cells[1:]]


# --- what is shown of a socket ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("family,address,reach,local", [
    (socket.AF_INET, ("127.0.0.1", 0), "loopback", "127.0.0.1:{}"),
    (socket.AF_INET6, ("::1", 0), "loopback", "[::1]:{}"),
    (socket.AF_INET, ("0.0.0.0", 0), "any", "0.0.0.0:{}"),
    (socket.AF_INET6, ("::", 0), "any", "[::]:{}"),
    (socket.AF_INET, ("127.8.9.10", 0), "loopback", "127.8.9.10:{}"),
])
def test_a_listening_tcp_socket_is_shown_with_all_that_is_known(family, address, reach, local):
    with listening(family, address, backlog=17) as s:
        got = one("tcp", port_of(s))
        process, = got["processes"]
        assert got["local"] == local.format(port_of(s)) and got["local_port"] == port_of(s)
        assert got["local_address"] == address[0]
        assert (got["protocol"], got["state"], got["reach"]) == ("tcp", "listen", reach)
        assert got["family"] == ("ipv6" if family == socket.AF_INET6 else "ipv4")
        assert (got["remote"], got["remote_address"], got["remote_port"], got["path"]) == (None, None, None, None)
        assert got["class"] == ("dynamic" if port_of(s) >= 49152 else "user")
        assert (got["uid"], got["inode"]) == (os.geteuid(), os.fstat(s.fileno()).st_ino)
        assert (got["accept_queue"], got["accept_limit"], got["receive_queue"]) == (0, 17, None)
        assert got["netns"] == os.stat("/proc/self/ns/net").st_ino
        assert (process["pid"], process["fd"], process["uid"]) == (ME, s.fileno(), os.geteuid())
        with open("/proc/self/comm", encoding="utf-8") as f:
            assert process["name"] == f.read().strip()
        with open("/proc/self/cmdline", "rb") as f:
            assert process["command"] == f.read().rstrip(b"\0").replace(b"\0", b" ").decode()
        assert process["age_ns"] > 0 and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", process["started"])
        assert got["lease"] is None


def test_the_accept_queue_is_shown_while_clients_wait():
    with listening(backlog=5) as s:
        clients = [socket.create_connection(s.getsockname()) for _ in range(3)]
        got = until(lambda: [g for g in ports("queue=3", port_of(s))], Deadline(10), "three clients that wait")[0]
        assert (got["accept_queue"], got["accept_limit"]) == (3, 5)
        assert table(port_of(s))[0]["QUEUE"] == "3/5"
        for c in clients:
            c.close()


def test_a_datagram_socket_is_bound_and_shows_what_is_unread_and_dropped():
    with listening(kind=socket.SOCK_DGRAM, options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)]) as s:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(50):
            sender.sendto(bytes(1000), s.getsockname())
        got = one("udp", port_of(s))
        assert (got["protocol"], got["state"], got["accept_queue"]) == ("udp", "bound", None)
        assert got["receive_queue"] > 0 and 0 < got["drops"] < 50
        assert one(f"drops={got['drops']}", port_of(s))["inode"] == got["inode"]
        assert table(port_of(s))[0]["DROPS"] == str(got["drops"])
        assert ports("drops=0", port_of(s)) == []
        sender.close()


def test_a_connected_datagram_socket_waits_for_nobody():
    with listening(kind=socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", 9))
        assert ports(port_of(s)) == []


def test_a_tcp_socket_that_is_bound_and_does_not_listen_holds_its_port():
    with listening(listens=False) as s:
        got = ports(port_of(s))
        if not got and tuple(map(int, os.uname().release.split(".")[:2])) < (6, 8):
            pytest.skip("this kernel does not tell about bound sockets")
        assert [g["state"] for g in got] == ["bound"]
        assert table(port_of(s))[0]["NOTE"] == "not listening"


@pytest.mark.parametrize("kind,word", [(socket.SOCK_STREAM, "unix"), (socket.SOCK_DGRAM, "unix-dgram"),
                                       (socket.SOCK_SEQPACKET, "unix-seqpacket")])
@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_unix_sockets_are_shown_by_their_name(kind, word, abstract, short_path):
    name = f"\0soket-ports-{ME}-{word}" if abstract else os.path.join(short_path, "s")
    with listening(socket.AF_UNIX, name, kind) as s:
        shown = "@" + name[1:] if abstract else name
        got = one(f"path={shown}")
        assert (got["protocol"], got["path"], got["local"], got["reach"]) == (word, shown, shown, "local")
        assert (got["local_port"], got["family"], got["class"]) == (None, None, None)
        assert [p["pid"] for p in got["processes"]] == [ME]
        assert got["inode"] == os.fstat(s.fileno()).st_ino
        assert got["state"] == ("bound" if kind == socket.SOCK_DGRAM else "listen")
        assert one(shown)["inode"] == got["inode"]
        row, = table(shown)
        assert (row["PORT"], row["PROTO"], row["ADDRESS"]) == ("", word, shown)


def test_the_service_of_a_port_has_its_name():
    with net_or_skip() as machine:
        s = machine.inside(lambda: listening(address=("0.0.0.0", 443)))
        got = one("tcp", wrap=machine.wrap)
        assert (got["service"], got["class"]) == ("https", "system")
        s.close()


# --- rows ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("any_address,address", [(True, "any"), (False, "loopback")])
def test_the_two_families_of_one_service_are_one_row(any_address, address):
    four, six = both(any_address)
    row, = table(port_of(four))
    assert (row["ADDRESS"], row["PORT"], row["PROTO"]) == (address, str(port_of(four)), "tcp")
    assert len(ports(port_of(four))) == 2
    six.close()
    row, = table(port_of(four))
    assert row["ADDRESS"] == ("any (IPv4)" if any_address else "127.0.0.1")
    four.close()


def test_a_dual_stack_socket_is_one_socket_and_one_row_of_both_families():
    with listening(socket.AF_INET6, ("::", 0)) as s:
        row, = table(port_of(s))
        assert row["ADDRESS"] == "any"
        assert len(ports(port_of(s), "family=4")) == len(ports(port_of(s), "family=6")) == 1


def test_a_socket_of_one_family_says_which():
    with listening(socket.AF_INET6, ("::", 0), options=[(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)]) as s:
        assert table(port_of(s))[0]["ADDRESS"] == "any (IPv6)"
        assert ports(port_of(s), "family=4") == []


def test_workers_that_share_a_port_are_one_row():
    share = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]
    first = listening(options=share)
    others = [listening(address=first.getsockname(), options=share) for _ in range(3)]
    assert len(ports(port_of(first))) == 4
    row, = table(port_of(first))
    assert row["PROCESS"].endswith(f" {ME}")
    for s in [first, *others]:
        s.close()


def test_a_socket_that_a_fork_shares_names_how_many_have_it():
    program = ("import os, socket, sys\n"
               "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
               "if os.fork() and os.fork(): print(s.getsockname()[1], flush=True)\n"
               "sys.stdin.read()\n")
    with Program([sys.executable, "-c", program], stdin=PIPE) as p:
        port = int(p.out.wait(lambda r: r.text() if "\n" in r.text() else "", p.deadline, "the port"))
        row, = table(port)
        assert re.fullmatch(rf"\S+ {p.pid} \+2", row["PROCESS"]), row
        got = one(port)
        assert len(got["processes"]) == 3 and p.pid in [q["pid"] for q in got["processes"]]
        p.close_stdin()
        p.wait()


def test_rows_are_sorted_by_port_and_unix_sockets_come_last(short_path):
    made = [listening() for _ in range(5)] + [listening(socket.AF_UNIX, os.path.join(short_path, n)) for n in "ba"]
    rows = table(f"pid={ME}")
    numbers = [int(r["PORT"]) for r in rows if r["PORT"]]
    assert numbers == sorted(numbers) and len(numbers) >= 5
    assert [bool(r["PORT"]) for r in rows] == sorted([bool(r["PORT"]) for r in rows], reverse=True)
    assert [r["ADDRESS"] for r in rows if r["ADDRESS"].startswith(short_path)] == [short_path + "/a", short_path + "/b"]
    for s in made:
        s.close()


def test_a_name_with_escape_sequences_does_not_steer_the_terminal():
    name = f"\0evil\x1b[31m\n\x07{ME}"
    with listening(socket.AF_UNIX, name):
        done = soket("ports", f"pid={ME}", "unix")
        assert f"@evil\\x1b[31m\\x0a\\x07{ME}" in done.out and "\x1b" not in done.out and "\x07" not in done.out
        assert f"@evil\x1b[31m\n\x07{ME}" in [g["path"] for g in ports("unix", f"pid={ME}")]


# --- filters ------------------------------------------------------------------------------------------------------------

def test_words_combine():
    four, six = both()
    with listening(kind=socket.SOCK_DGRAM) as u, open("/proc/self/comm", encoding="utf-8") as f:
        name, port, mine = f.read().strip(), port_of(four), f"pid={ME}"

        def n(*words):
            return len(ports(*words))
        assert n(mine, port) == n(mine, f":{port}") == n(mine, f"port={port}") == n(mine, f"{port}-{port}") == 2
        assert n(mine, port, "udp") == 0 and n(mine, port, "tcp") == 2 and n(mine, port, port_of(u)) == 3
        assert n(mine, port, "family=6") == 1 and n(mine, port, "::1") == 1 and n(mine, port, f"127.0.0.1:{port}") == 1
        assert n(mine, port, "user=me") == 2 and n(mine, port, "user!=me") == 0 and n(f"user={os.geteuid()}", mine, port) == 2
        assert n(port, f"process={name}") == 2 and n(port, f"process={name[:3]}*") == 2 and n(port, "process=nobody-has-this") == 0
        assert n(port, f"process={name}", "pid=1") == 0
        assert n(mine, port, "address=any") == 0 and n(mine, port, "loopback") == 2
        assert n(mine, port, "age=..1d") == 2 and n(mine, port, "age>1d") == 0
        assert n(mine, port, "listen") == 2 and n(mine, port, "bound") == 0
    four.close()
    six.close()


@pytest.mark.parametrize("words,points,hints", [
    (["usr=me"], "usr", "user="),
    (["tcp", "ngnix"], "ngnix", "process=ngnix"),
    (["rtt>100ms"], "rtt", "soket flows"),
    (["state=established"], "established", "soket flows"),
    (["70000"], "70000", "65535"),
    (["age"], "age", "'age>DURATION'"),
])
def test_a_wrong_word_is_pointed_at(words, points, hints):
    done = soket("ports", *words)
    text, hint = one_clear_line(done)
    assert done.status == 2 and points in text and hints in hint and not done.out
    assert "^" in done.err
    as_json = soket("ports", "--json", *words)
    error = json.loads(as_json.err)
    assert as_json.status == 2 and error["kind"] == "usage" and error["at"] >= 0 and not as_json.out


def test_nothing_is_an_empty_list_and_one_line():
    with listening(listens=False, kind=socket.SOCK_DGRAM) as s:
        port = port_of(s)
    done = soket("ports", str(port), "user=me")
    assert (done.status, done.out) == (0, "") and len(done.err.splitlines()) == 1 and str(port) in done.err
    done = soket("ports", str(port), "--json")
    assert (done.status, done.out) == (0, "") and f"nothing listens on port {port}" in done.err
    assert soket("ports", "-q", str(port)).err == ""


@pytest.mark.parametrize("words", [["--interval", "1s"], ["--leases", "--watch"], ["--netns", "1", "--all-netns"],
                                   ["--interval", "0", "-w"], ["--", "ls"]])
def test_flags_that_do_not_go_together_are_refused(words):
    done = soket("ports", *words)
    assert done.status == 2 and not done.out
    one_clear_line(done)


def test_no_such_namespace_is_said():
    done = soket("ports", "--netns", "no-such-namespace")
    assert done.status == 2 and "no-such-namespace" in one_clear_line(done)[0]


# --- against others -----------------------------------------------------------------------------------------------------

SS_PROTO = {"tcp": "tcp", "udp": "udp", "u_str": "unix", "u_dgr": "unix-dgram", "u_seq": "unix-seqpacket"}


def ss(*flags):
    """{(protocol, address, port, inode): fields} as ss sees it."""
    done = command(need("ss"), "-Hnpe", *flags)
    assert done.status == 0, done
    found = {}
    for line in done.out.splitlines():
        words = line.split()
        if words[0] not in SS_PROTO or SS_PROTO[words[0]].startswith("unix"):
            continue
        address, port = words[4].rsplit(":", 1)
        inode = int(re.search(r"\bino:(\d+)", line)[1])
        uid = re.search(r"\buid:(\d+)", line)
        found[SS_PROTO[words[0]], address.strip("[]"), int(port), inode] = {
            "state": words[1], "queue": (int(words[2]), int(words[3])), "uid": int(uid[1]) if uid else 0,
            "pids": {int(p) for p in re.findall(r"pid=(\d+)", line)}, "v6only": "v6only:1" in line}
    return found


def test_every_field_agrees_with_ss():
    four, six = both(any_address=True)
    share = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]
    group = [listening(options=share)]
    group += [listening(address=group[0].getsockname(), options=share) for _ in range(2)]
    made = [four, six, *group, listening(socket.AF_INET6), listening(socket.AF_INET6, ("::", 0)), listening(backlog=3),
            listening(kind=socket.SOCK_DGRAM), listening(socket.AF_INET6, kind=socket.SOCK_DGRAM)]
    client = socket.create_connection(made[-3].getsockname())
    theirs = until(lambda: {k: v for k, v in ss("-tul").items() if ME in v["pids"]}, Deadline(10), "ss")
    ours = ports(f"pid={ME}", "tcp", "udp", "state=listen", "state=bound")
    ours = [g for g in ours if g["protocol"] == "udp" or g["state"] == "listen"]
    assert len(ours) == len(theirs) >= len(made)
    for got in ours:
        wildcard = "*" if got["local_address"] == "::" else got["local_address"]
        key = [(got["protocol"], a, got["local_port"], got["inode"]) for a in (got["local_address"], wildcard)]
        other = theirs.get(key[0]) or theirs[key[1]]
        assert other["pids"] == {p["pid"] for p in got["processes"]}
        assert other["uid"] == got["uid"]
        if got["protocol"] == "tcp":
            assert (other["state"], other["queue"]) == ("LISTEN", (got["accept_queue"], got["accept_limit"]))
        else:
            assert (other["state"], other["queue"][0]) == ("UNCONN", got["receive_queue"])
    for s in [client, *made]:
        s.close()


def test_unix_sockets_agree_with_ss(short_path):
    made = [listening(socket.AF_UNIX, os.path.join(short_path, "a")),
            listening(socket.AF_UNIX, f"\0agree-{ME}", socket.SOCK_DGRAM),
            listening(socket.AF_UNIX, os.path.join(short_path, "c"), socket.SOCK_SEQPACKET)]
    done = command(need("ss"), "-Hnxlp")
    theirs = {(SS_PROTO[w[0]], w[4], int(w[5])) for w in map(str.split, done.out.splitlines()) if f"pid={ME}," in w[-1]}
    ours = {(g["protocol"], g["path"], g["inode"]) for g in ports("unix", f"pid={ME}")}
    assert ours == theirs and len(ours) == 3
    for s in made:
        s.close()


def test_processes_agree_with_lsof():
    four, six = both()
    done = command(need("lsof"), "-nP", f"-iTCP:{port_of(four)}", "-sTCP:LISTEN", "-Fpcfn")
    theirs = set()
    for line in done.out.splitlines():
        if line[0] == "p":
            pid = int(line[1:])
        elif line[0] == "f":
            fd = int(line[1:])
        elif line[0] == "n":
            theirs.add((pid, fd, line[1:]))
    ours = {(p["pid"], p["fd"], g["local"]) for g in ports(port_of(four)) for p in g["processes"]}
    assert ours == theirs and len(ours) == 2
    four.close()
    six.close()


# --- namespaces and rights ----------------------------------------------------------------------------------------------

def net_or_skip():
    why = net.missing()
    if why:
        pytest.skip(why)
    return net.Machine()


def test_another_namespace_is_looked_into_by_name_and_by_process():
    with net_or_skip() as machine:
        s = machine.inside(listening)
        with Program([*machine.wrap, "cat"], stdin=PIPE) as inside:
            until(lambda: os.stat(f"/proc/{inside.pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino, inside.deadline,
                  "the program to be in the namespace")
            for which in (machine.name, inside.pid):
                got = one("--netns", which, port_of(s))
                assert [p["pid"] for p in got["processes"]] == [ME]
                assert got["netns"] == os.stat(f"/proc/{inside.pid}/ns/net").st_ino
            assert [g for g in ports(port_of(s)) if g["inode"] == os.fstat(s.fileno()).st_ino] == []
            found = [g for g in ports("--all-netns", port_of(s)) if g["inode"] == os.fstat(s.fileno()).st_ino]
            assert [g["netns_name"] for g in found] == [machine.name]
            row, = [r for r in table("--all-netns", port_of(s), f"netns={machine.name}")]
            assert row["NETNS"] == machine.name
        s.close()


@needs_root
def test_without_root_others_sockets_are_shown_without_their_process_and_a_line_says_so(tmp_path):
    with listening() as s:
        done = run_as_nobody(tmp_path, "ports", str(port_of(s)), "--json")
        got, = [json.loads(line) for line in done.out.splitlines()]
        assert (got["processes"], got["uid"], got["accept_limit"]) == (None, 0, 50)
        assert done.status == 0 and done.err.splitlines() == [
            "soket: 1 socket is shown without its process: it belongs to another user; root sees it"]
        done = run_as_nobody(tmp_path, "ports", str(port_of(s)))
        assert rows_of(done.out)[0]["PROCESS"] == "-" and rows_of(done.out)[0]["USER"] == "root"
        assert run_as_nobody(tmp_path, "ports", "-q", str(port_of(s))).err == ""


@needs_root
def test_without_root_one_s_own_sockets_have_their_process(tmp_path):
    prefix, _ = as_nobody(tmp_path)
    program = ("import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
               "print(s.getsockname()[1], flush=True); sys.stdin.read()")
    with Program([*prefix, "/usr/bin/python3", "-c", program], stdin=PIPE) as p:
        port = p.out.wait(lambda r: r.text().strip() if "\n" in r.text() else "", p.deadline, "the port")
        done = run_as_nobody(tmp_path, "ports", port, "user=me")
        assert f" {p.pid}" in rows_of(done.out)[0]["PROCESS"] and not done.err


# --- leases -------------------------------------------------------------------------------------------------------------

@pytest.fixture
def leases(tmp_path):
    """An environment whose leases nobody else sees."""
    return clean_env(XDG_RUNTIME_DIR=str(tmp_path), HOME=str(tmp_path))


def test_leases_are_listed_and_noted(leases, tmp_path):
    assert soket("ports", "--leases", env=leases).out == ""
    with Soket("run", "-p", "shop", "--", "sh", "-c", "echo $PORT; cat", stdin=PIPE, env=leases, cwd=tmp_path) as p:
        port = p.out.wait(lambda r: r.text().strip() if "\n" in r.text() else "", p.deadline, "the port")
        row, = table("--leases", env=leases)
        assert (row["PORT"], row["NAME"], row["STATE"], row["HELD BY"]) == (port, "shop", "held", str(p.pid))
        got, = ports("--leases", env=leases)
        assert (got["port"], got["name"], got["owner"], got["state"]) == (int(port), "shop", p.pid, "held")
        assert got["directory"] == str(tmp_path) and got["command"].startswith("sh -c")
        assert ports("--leases", port, env=leases) == [got] and ports("--leases", "udp", env=leases) == []
        row, = table(port, env=leases)
        assert row["NOTE"] == "leased: shop"
        assert {(g["state"], g["lease"]) for g in ports(port, env=leases)} == {("bound", "shop")}
        with listening(address=("127.0.0.1", int(port)), options=[(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]):
            row, = table(port, env=leases)  # the hold itself is not a row beside the program's
            assert row["NOTE"] == "leased: shop" and row["PROCESS"].endswith(f" {ME}")
            assert [r["STATE"] for r in table("--leases", env=leases)] == ["listening"]
        p.close_stdin()
        p.wait()
    assert soket("ports", "--leases", env=leases).out == ""


# --- watching -----------------------------------------------------------------------------------------------------------

def test_watch_prints_changes_as_lines_where_there_is_no_terminal():
    with listening() as old, Soket("ports", "--watch", "--interval", "50ms", f"pid={ME}", "tcp") as p:
        p.out.wait(lambda r: f" {port_of(old)} " in r.text(), p.deadline, "what is there")
        with listening() as new:
            port = port_of(new)
            p.out.wait(lambda r: re.search(rf"^\+ +{port} ", r.text(), re.M), p.deadline, "what is new")
        p.out.wait(lambda r: re.search(rf"^- +{port} ", r.text(), re.M), p.deadline, "what has gone")
        assert p.stop() == 0
        lines = p.out.text().splitlines()
        assert len([line for line in lines if f" {port} " in line]) == 2
        assert len([line for line in lines if "PROTO" in line]) == 1


def test_watch_gives_events_as_json():
    with listening() as old, Soket("ports", "--watch", "--interval", "50ms", f"pid={ME}", "tcp", "--json") as p:
        def mine(port):
            return lambda e: e["local_port"] == port
        p.event("present", where=mine(port_of(old)))
        with listening() as new:
            port = port_of(new)
            appeared = p.event("appeared", where=mine(port))
        gone = p.event("gone", where=mine(port))
        assert appeared["inode"] == gone["inode"] and appeared["processes"][0]["pid"] == ME
        assert p.stop(signal.SIGINT) == 0
        assert len([e for e in p.events() if e["local_port"] == port_of(old)]) == 1


def test_watch_ends_when_nobody_reads_any_more():
    with Soket("ports", "--watch", "--interval", "1h", stdout="raw") as p:
        fd = p.take("stdout")
        assert os.read(fd, 1)
        os.close(fd)
        p.wait()


class Screen:
    """soket on a terminal of its own."""

    def __init__(self, *words, rows=12, columns=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        env = clean_env(TERM="xterm")
        del env["NO_COLOR"]
        self.program = Soket(*words, stdin=slave, stdout=slave, env=env, session=True)
        self.reader = Reader(os.dup(self.master))

    def see(self, pattern, doing):
        return self.reader.wait(lambda r: re.search(pattern, r.text(), re.S), self.program.deadline, doing)

    def type(self, keys):
        os.write(self.master, keys)

    def end(self):
        status = self.program.wait()
        assert termios.tcgetattr(self.slave)[:4] == self.before[:4], "the terminal was not put back"
        return status

    def close(self):
        self.program.close()
        os.close(self.slave)
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


@pytest.mark.parametrize("how", [b"q", b"\x03", b"\x04", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_watch_draws_on_a_terminal_and_puts_it_back(how):
    with listening() as old, Screen("ports", "-w", "-i", "50ms", f"pid={ME}", "tcp") as screen:
        screen.see(rf"\x1b\[\?1049h.*PORT.*{port_of(old)} ", "the first picture")
        with listening() as new:
            port = port_of(new)
            screen.see(rf"\x1b\[32m\+ +{port} ", "a new row in green")
        screen.see(rf"\x1b\[2m- +{port} ", "a row that has gone")
        if isinstance(how, bytes):
            screen.type(how)
        else:
            screen.program.send_signal(how)
        assert screen.end() == 0
        screen.see(r"\x1b\[\?25h\x1b\[\?1049l", "the old screen")


def test_watch_erases_a_row_before_it_is_written_and_never_behind_its_last_character():
    with listening(), Screen("ports", "-w", "-i", "50ms", f"pid={ME}", "tcp") as screen:
        screen.see(r"AGE.*AGE", "two pictures")
        screen.type(b"q")
        assert screen.end() == 0
        before = re.findall(r"(\x1b\[H|\n|.)\x1b\[[KJ]", screen.reader.text())
        assert before and set(before) <= {"\x1b[H", "\n"}, before


def test_watch_moves_through_a_list_that_is_longer_than_the_screen():
    made = sorted([listening() for _ in range(30)], key=port_of)
    with Screen("ports", "-w", "-i", "1h", f"pid={ME}", "tcp") as screen:
        screen.see(rf"{port_of(made[0])} .*rows", "the first page")
        assert f" {port_of(made[-1])} " not in screen.reader.text()
        screen.type(b"\x1b[F")
        screen.see(rf"{port_of(made[-1])} ", "the last page")
        fcntl.ioctl(screen.master, termios.TIOCSWINSZ, struct.pack("4H", 50, 80, 0, 0))
        screen.program.send_signal(signal.SIGWINCH)
        screen.see(rf"{port_of(made[-1])} .*{port_of(made[0])} .*{port_of(made[-1])} ", "everything on a larger screen")
        screen.type(b"q")
        assert screen.end() == 0
    for s in made:
        s.close()


def test_a_terminal_s_lines_are_no_wider_than_it_is(short_path):
    long = os.path.join(short_path, "n" * 60)
    with listening(socket.AF_UNIX, long), listening():
        for columns in (40, 80, 133):
            with Screen("ports", f"pid={ME}", columns=columns) as screen:
                assert screen.end() == 0
                screen.see(r"(\n.*){3}", "the title and two rows")
                text = re.sub(r"\x1b\[[0-9;]*m", "", screen.reader.text())
                rows = [line for line in text.replace("\r", "").split("\n") if not line.startswith("soket:")]
                assert len(rows) >= 3 and max(map(len, rows)) <= columns, rows


# --- hard places --------------------------------------------------------------------------------------------------------

def test_sockets_that_come_and_go_while_they_are_read_disturb_nothing():
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            listening().close()

    threads = [threading.Thread(target=churn) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        with listening() as s:
            for _ in range(20):
                assert one("tcp", port_of(s))["processes"][0]["pid"] == ME
    finally:
        stop.set()
        for t in threads:
            t.join()


def test_a_reader_that_goes_away_early_is_no_crash():
    with Soket("ports", "--json", stdout="raw") as p:
        os.close(p.take("stdout"))
        assert p.wait() in (0, 1, -signal.SIGPIPE)


def test_a_full_disk_is_said():
    with open("/dev/full", "wb") as full:
        with Soket("ports", stdout=full) as p:
            done = Finished(p, p.wait())
    with listening():
        assert done.status == 1 and "standard output" in done.err


def test_verbose_shows_the_command_lines():
    with listening() as s:
        assert "COMMAND" not in table(port_of(s))[0]
        assert "pytest" in table("-v", port_of(s))[0]["COMMAND"]
