# SPDX-License-Identifier: Apache-2.0
"""soket who: one port or one endpoint in full. Every socket and process is the test's own, so that what is said can be compared."""
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from harness import net
from harness.clock import Deadline
from harness.rights import run_as_nobody
from harness.run import PIPE, ROOT, Program, clean_env, one_clear_line, soket

ME = os.getpid()
FAMILIES = pytest.mark.parametrize("family,host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])


def who(*words, **options):
    done = soket("who", *words, "--json", **options)
    assert done.status == 0, done
    return json.loads(done.out)


def listening(host="127.0.0.1", family=socket.AF_INET, backlog=20):
    s = socket.socket(family)
    s.bind((host, 0))
    s.listen(backlog)
    return s


def port_of(s):
    return s.getsockname()[1]


def stat_of(pid):
    """The fields of /proc/PID/stat from the third on."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rsplit(")", 1)[1].split()


@FAMILIES
def test_the_holder_is_described_as_proc_describes_it(family, host):
    with listening(host, family) as s:
        seen = who(str(port_of(s)))
    (holder,) = seen["holders"]
    with open("/proc/self/cmdline", "rb") as f:
        command = f.read().rstrip(b"\0").replace(b"\0", b" ").decode()
    assert (holder["pid"], holder["command"]) == (ME, command)
    assert holder["directory"] == os.getcwd()
    assert holder["program"] == os.readlink("/proc/self/exe")
    assert holder["uid"] == os.geteuid()
    assert holder["netns"] == os.stat("/proc/self/ns/net").st_ino
    began = float(stat_of(ME)[19]) / os.sysconf("SC_CLK_TCK")
    with open("/proc/uptime", encoding="ascii") as f:
        assert abs(float(f.read().split()[0]) - began - holder["age_ns"] / 1e9) < 2
    assert [r["local_port"] for r in seen["sockets"]] == [seen["port"]]


def test_the_parents_go_up_to_init_as_proc_links_them():
    with listening() as s:
        (holder,) = who(str(port_of(s)))["holders"]
    chain, pid = [], ME
    while True:
        pid = int(stat_of(pid)[1])
        if pid == 0:
            break
        chain.append(pid)
    assert [p["pid"] for p in holder["parents"]] == chain
    assert holder["parents_complete"] is True
    for parent in holder["parents"]:
        with open(f"/proc/{parent['pid']}/comm", encoding="utf-8") as f:
            assert parent["name"] == f.read().rstrip("\n")


@FAMILIES
def test_the_clients_of_this_machine_are_named_with_their_programs(family, host):
    with listening(host, family) as s:
        client = "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2]))); print('on', flush=True); sys.stdin.read()"
        with Program([sys.executable, "-c", client, host, str(port_of(s))], stdin=PIPE) as p:
            p.out.wait(lambda r: b"on" in r.bytes, Deadline(10, "a client"), "a client")
            accepted, peer = s.accept()
            with accepted:
                accepted.sendall(b"x" * 1000)
                seen = who(str(port_of(s)))
                (flow,) = seen["connections"]
                assert (flow["remote_address"], flow["remote_port"]) == (peer[0], peer[1])
                assert (flow["state"], flow["bytes_sent"]) == ("established", 1000)
                assert [q["pid"] for q in flow["processes"]] == [ME]
                assert [q["pid"] for q in flow["other_end"]["processes"]] == [p.pid]
                assert flow["other_end"]["local_port"] == peer[1]
                assert flow["rtt_ns"] > 0
                page = soket("who", str(port_of(s)))
    assert "1 client now" in page.out
    assert f" {p.pid} " in page.out.split("1 client now")[1]


def test_the_accept_queue_is_told_with_its_limit():
    with listening(backlog=7) as s:
        clients = [socket.create_connection(s.getsockname()) for _ in range(3)]
        (row,) = who(str(port_of(s)))["sockets"]
        page = soket("who", str(port_of(s))).out
        for c in clients:
            c.close()
    assert (row["accept_queue"], row["accept_limit"]) == (3, 7)
    assert " 3/7 " in page


def test_every_holder_of_a_shared_socket_is_shown():
    with listening() as s:
        child = os.fork()
        if child == 0:
            signal.pause()
            os._exit(0)
        try:
            seen = who(str(port_of(s)))
            page = soket("who", str(port_of(s))).out
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert sorted(h["pid"] for h in seen["holders"]) == sorted([ME, child])
    assert page.count("\nHeld by ") == 2


def test_very_many_clients_are_counted_and_listed_whole_with_v():
    with listening(backlog=64) as s:
        clients = [socket.create_connection(s.getsockname()) for _ in range(30)]
        short, whole = soket("who", str(port_of(s))), soket("who", str(port_of(s)), "-v")
        ports = {port_of(c) for c in clients}
        for c in clients:
            c.close()
    assert "30 clients now" in short.out and "and 10 more: -v shows them" in short.out
    assert {p for p in ports if f":{p} " in whole.out} == ports


def test_a_port_alone_means_tcp_and_udp_and_says_which():
    with listening() as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.bind(("127.0.0.1", port_of(s)))
        number = str(port_of(s))
        assert {r["protocol"] for r in who(number)["sockets"]} == {"tcp", "udp"}
        assert {r["protocol"] for r in who(number + "/udp")["sockets"]} == {"udp"}
        assert {r["protocol"] for r in who("udp:" + number)["sockets"]} == {"udp"}
        assert {r["protocol"] for r in who(number + "/tcp")["sockets"]} == {"tcp"}


def test_an_address_means_what_is_reached_there():
    with listening("127.0.0.2") as s, listening("127.0.0.2") as other:
        number = port_of(s)
        assert number != port_of(other)
        assert len(who(f"127.0.0.2:{number}")["sockets"]) == 1
        assert who(f"127.0.0.1:{number}")["sockets"] == []
        assert who(f"tcp6://:{number}")["sockets"] == []
    with listening("0.0.0.0") as s:
        assert len(who(f"127.0.0.1:{port_of(s)}")["sockets"]) == 1


def test_the_near_end_of_a_connection_is_explained_too():
    with listening() as s, socket.create_connection(s.getsockname()) as c:
        seen = who(f"127.0.0.1:{port_of(c)}")
        page = soket("who", str(port_of(c))).out
        ends = (port_of(c), port_of(s))
    assert seen["sockets"] == []
    (flow,) = seen["connections"]
    assert (flow["local_port"], flow["remote_port"]) == ends
    assert [h["pid"] for h in seen["holders"]] == [ME]
    assert "Nobody waits for clients there" in page and "Used by" in page


def test_connections_to_another_machine_are_told_with_the_programs_here():
    reason = net.missing()
    if reason:
        pytest.skip(reason)
    with net.Pair() as pair:
        server = net.listener(pair.b, pair.b4)
        number = port_of(server)
        client = pair.a.inside(lambda: socket.create_connection((pair.b4, number)))
        with client:
            seen = who(f"{pair.b4}:{number}", wrap=pair.a.wrap)
            page = soket("who", f"{pair.b4}:{number}", wrap=pair.a.wrap).out
            there = who(str(number), "--netns", pair.b.name)
        server.close()
    assert [[p["pid"] for p in f["processes"]] for f in seen["connections"]] == [[ME]]
    assert seen["sockets"] == [] and seen["listen"] is None
    assert "on another machine" in page and f" {ME}" in page
    assert there["sockets"][0]["netns_name"] == pair.b.name
    assert [h["pid"] for h in there["holders"]] == [ME]


@pytest.mark.parametrize("name", ["path", "abstract"])
def test_a_unix_socket_is_told_with_its_clients(tmp_path, name):
    address = str(tmp_path / "s") if name == "path" else f"\0soket-who-{ME}"
    text = address.replace("\0", "@")
    with socket.socket(socket.AF_UNIX) as s, socket.socket(socket.AF_UNIX) as c:
        s.bind(address)
        s.listen(5)
        c.connect(address)
        accepted, _ = s.accept()
        with accepted:
            seen = who(text)
    assert [(r["path"], r["state"]) for r in seen["sockets"]] == [(text, "listen")]
    (flow,) = seen["connections"]
    assert [p["pid"] for p in flow["other_end"]["processes"]] == [ME]
    assert seen["listen"]["possible"] is False and seen["listen"]["kind"] == "in-use"


def test_what_listening_would_meet_is_what_listening_meets():
    with listening() as s:
        taken = str(port_of(s))
        said = who(taken)["listen"]
        met = soket("listen", f":{taken}")
        assert said["possible"] is False and met.status == 7
        assert said["text"].split(", ")[0] in met.err
        assert "soket take" in said["hint"]
    assert who(given_back())["listen"] == {"possible": True, "kind": None, "text": None, "hint": None}


def test_a_system_port_is_not_promised_to_somebody_without_rights(tmp_path):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        first = int(f.read())
    if first <= 79:
        pytest.skip("every port may be listened on here")
    done = run_as_nobody(str(tmp_path), "who", "79/tcp", "--json")
    seen = json.loads(done.out)
    if seen["sockets"]:
        pytest.skip("port 79 is taken here")
    assert seen["listen"]["possible"] is False and seen["listen"]["kind"] == "denied"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_belongs_to_others_is_said_to_be_unseen(tmp_path):
    with listening() as s:
        done = run_as_nobody(str(tmp_path), "who", str(port_of(s)))
    assert done.status == 0
    assert "Held by a program of root, which cannot be seen" in done.out
    assert "belongs to another user; root sees it" in done.err
    assert "sudo soket take" in " ".join(done.out.split())


def test_a_lease_is_shown_with_its_directory(tmp_path):
    env = clean_env(XDG_RUNTIME_DIR=str(tmp_path))
    with Program([os.environ.get("SOKET", f"{ROOT}/build/soket"), "run", "-p", "web", "--", "sh", "-c", "echo $PORT; read x"],
                 stdin=PIPE, env=env, cwd=str(tmp_path)) as p:
        p.out.wait(lambda r: b"\n" in r.bytes, Deadline(10, "the lease"), "the lease")
        number = p.out.text().strip()
        seen = who(number, env=env)
        page = soket("who", number, env=env).out
        p.close_stdin()
        p.wait()
    assert (seen["lease"]["name"], seen["lease"]["owner"], seen["lease"]["directory"]) == ("web", p.pid, str(tmp_path))
    assert "lease" in page and "web" in page
    assert seen["listen"]["possible"] is False


def given_back():
    """A port that nobody has: another test may be handed it at once, but hardly five times."""
    for _ in range(5):
        with listening() as s:
            number = str(port_of(s))
        if not who(number)["holders"]:
            break
    return number


def test_nobody_is_no_failure():
    number = given_back()
    done = soket("who", number)
    assert done.status == 0
    assert "Nobody holds it." in done.out and "it would work" in done.out
    seen = who(number)
    assert (seen["holders"], seen["sockets"], seen["connections"]) == ([], [], [])


def test_a_name_with_escapes_is_never_printed_raw(tmp_path):
    evil = tmp_path / "a\x1b[31mb\nc"
    os.symlink(sys.executable, evil)
    script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); s.accept()"
    with subprocess.Popen([str(evil), "-c", script], stdout=PIPE, text=True) as p:
        number = p.stdout.readline().strip()
        try:
            page, lines = soket("who", number), who(number)
        finally:
            p.kill()
    assert "\x1b" not in page.out and "a\\x1b[31mb\\x0ac" in page.out
    assert lines["holders"][0]["name"].startswith("a\x1b[31mb\nc")


@pytest.mark.parametrize("words", [["0"], ["exec:ls"], ["file:/etc/passwd"], ["70000"], [], ["80", "81"], ["80", "--netns", "no-such"],
                                   ["80", "--netns", "1", "--all-netns"], ["nosuchservice"]])
def test_what_cannot_be_asked_is_refused_with_a_hint(words):
    done = soket("who", *words)
    assert done.status == 2, done
    if words != ["0"]:
        one_clear_line(done)


def test_time_wait_is_counted_and_not_listed():
    with listening() as s:
        c = socket.create_connection(s.getsockname())
        accepted, _ = s.accept()
        accepted.close()  # this end goes first, and keeps the port
        c.recv(1)
        c.close()
        deadline = Deadline(5, "TIME_WAIT")
        while who(str(port_of(s)))["time_wait"] != 1:
            deadline.left("a connection in TIME_WAIT")
        seen = who(str(port_of(s)))
        page = soket("who", str(port_of(s))).out
    assert seen["connections"] == []
    assert "0 clients now, and 1 that has ended (TIME_WAIT)" in page


def test_the_page_fits_80_columns_where_there_is_a_terminal(tmp_path):
    import fcntl
    import pty
    import struct
    import termios
    with listening() as s, socket.create_connection(s.getsockname()):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        done = subprocess.run([os.environ.get("SOKET", f"{ROOT}/build/soket"), "who", str(port_of(s))], stdout=slave,
                              stderr=subprocess.DEVNULL, env=clean_env(), timeout=15, check=False)
        os.close(slave)
        text = b""
        try:
            while piece := os.read(master, 65536):
                text += piece
        except OSError:
            pass
        os.close(master)
    assert done.returncode == 0
    assert max(len(line) for line in text.decode().splitlines()) <= 80


@pytest.mark.parametrize("kind,word", [(socket.SOCK_STREAM, "unix"), (socket.SOCK_SEQPACKET, "unix-seqpacket"),
                                       (socket.SOCK_DGRAM, "unix-dgram")])
def test_a_path_is_of_whatever_type_has_it(tmp_path, kind, word):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.bind(path)
        if kind != socket.SOCK_DGRAM:
            s.listen(1)
        seen = who(path)
        assert soket("take", path).status in (2, 6)  # found, and not ended: it is this very test
    assert [(r["protocol"], r["path"]) for r in seen["sockets"]] == [(word, path)]
    assert [h["pid"] for h in seen["holders"]] == [ME]


def test_a_datagram_server_stays_one_when_a_client_has_connected_to_it(tmp_path):
    path = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as c:
        s.bind(path)
        c.connect(path)
        c.send(b"x")
        (row,) = who(path)["sockets"]
        listed = soket("ports", "--json", f"path={path}")
        taken = soket("listen", path)
    assert row["state"] == "bound" and json.loads(listed.out)["path"] == path
    assert taken.status == 7 and "a connection of" not in taken.err


def test_an_address_that_only_another_namespace_has_is_looked_for_there():
    reason = net.missing()
    if reason:
        pytest.skip(reason)
    with net.Pair() as pair:
        server = net.listener(pair.b, pair.b4)
        seen = who(f"{pair.b4}:{port_of(server)}", "--netns", pair.b.name)
        server.close()
    assert [h["pid"] for h in seen["holders"]] == [ME]


def test_the_drops_of_a_full_accept_queue_are_told_as_ports_tells_them():
    with listening(backlog=0) as s:
        clients = []
        for _ in range(4):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(s.getsockname())
            clients.append(c)
        number = str(port_of(s))
        deadline = Deadline(10, "a drop")
        while not (json.loads(soket("ports", "--json", "tcp", number).out)["drops"] or 0):
            deadline.left("a handshake that was dropped")
        (row,) = who(number)["sockets"]
        for c in clients:
            c.close()
    assert row["drops"] > 0


@pytest.mark.parametrize("command", ["who", "take"])
def test_a_name_that_does_not_resolve_is_not_a_place_that_nobody_holds(command):
    done = soket(command, "no-such-name.invalid:80", *(["--yes"] if command == "take" else []))
    assert done.status == 3, done
    one_clear_line(done)


def test_over_which_protocol_listening_was_tried_is_said():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.bind(("127.0.0.1", 0))
        assert "If you listened there, over TCP" in soket("who", str(u.getsockname()[1])).out
