# SPDX-License-Identifier: Apache-2.0
"""The promises of the design, by name: nothing lost, both ends, no waiting for the gone, diagnosis, closed by default,
bounded, honest, same face. The both-ends matrix is in conform/."""
import fcntl
import json
import os
import stat
import struct
import tempfile
import termios
import time
import tty

import pytest

from harness import data as pattern
from harness.clock import Deadline
from harness.ends import EchoServer, End, Gone, Server, dial_tcp, round_trip, together
from harness.rights import run_as_nobody
from harness.run import PIPE, Soket, one_clear_line, soket

MOVERS = ["copy", "splice", "auto"]


# nothing-lost

@pytest.mark.parametrize("mover", MOVERS)
def test_nothing_lost_when_the_sender_leaves_at_once_and_the_reader_is_slow(mover):
    """All was accepted by the kernel and the sender is gone: the bytes are with soket alone."""
    n = 3 << 20
    with Server() as server, Soket("link", "--json", "--once", f"--mover={mover}", "tcp://127.0.0.1:0",
                                   server.endpoint) as p:
        client = dial_tcp(p.address(), p.deadline)
        with server.accept(p.deadline) as end:
            together(lambda: (client.send(1, n, p.deadline), client.end_writing()),
                     lambda: end.receive(1, n // 2, p.deadline, to_end=False, sizes=iter(lambda: 8192, 0)))
            end.receive(1, n - n // 2, p.deadline, offset=n // 2)
        client.close()
        assert p.wait() == 0
        assert p.event("closed")["sent"] == n


@pytest.mark.parametrize("mover", MOVERS)
def test_nothing_lost_says_which_side_failed_and_how_much_was_delivered(mover):
    with Server() as server, Soket("link", "--json", "--once", f"--mover={mover}", "tcp://127.0.0.1:0",
                                   server.endpoint) as p:
        client = dial_tcp(p.address(), p.deadline)
        end = server.accept(p.deadline)
        client.send(1, 100_000, p.deadline)
        end.receive(1, 100_000, p.deadline, to_end=False)
        end.reset()
        try:
            client.pump(1, p.deadline)
        finally:
            client.close()
        assert p.wait() == 1
        closed = p.event("closed")
        assert closed["how"] == "failed" and closed["sent"] >= 100_000
        assert str(server.port) in closed["error"]["text"], closed


@pytest.mark.parametrize("mover", MOVERS)
def test_nothing_lost_of_what_came_before_a_reset(mover):
    """The sender's bytes were read by soket before the RST came: the other side gets them, then hears of the end."""
    with Server() as server, Soket("link", "--json", "--once", f"--mover={mover}", "tcp://127.0.0.1:0",
                                   server.endpoint) as p:
        client = dial_tcp(p.address(), p.deadline)
        with server.accept(p.deadline) as end:
            client.send(1, 50_000, p.deadline)
            end.receive(1, 1, p.deadline, to_end=False)  # soket has begun to read
            until_read(client)
            client.reset()
            rest = b""
            try:
                while True:
                    piece = end.read_some(deadline=p.deadline)
                    if not piece:
                        break
                    rest += piece
            except Gone:
                pass
            assert rest == pattern.whole(1, 50_000)[1:]


def until_read(end):
    """Until the peer's kernel has acknowledged everything that end wrote (SIOCOUTQ is 0)."""
    deadline = Deadline(5)
    while struct.unpack("i", fcntl.ioctl(end.wfd, termios.TIOCOUTQ, b"\0" * 4))[0]:
        deadline.left("acknowledgement")
        time.sleep(0.001)
    time.sleep(0.02)  # and soket has had the time to read what its kernel has


def test_nothing_lost_on_the_way_to_a_child_that_ends_early_is_told():
    """In link, a child that leaves bytes unread is an error with the count."""
    with Soket("link", "--json", "--once", "tcp://127.0.0.1:0", "--", "head", "-c", "10") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.pump(1, p.deadline)
        assert p.wait() != 0
        assert p.event("closed")["how"] == "failed"


# both-ends

@pytest.mark.parametrize("mover", MOVERS)
def test_both_ends_no_timer_cuts_a_direction_that_goes_on(mover):
    """The answer comes 1.5 s after the end of the question, with silence between."""
    with Server() as server, Soket("link", "--json", "--once", f"--mover={mover}", "tcp://127.0.0.1:0",
                                   server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as client, server.accept(p.deadline) as end:
            client.send_bytes(b"question", p.deadline)
            client.end_writing()
            assert end.read_all(p.deadline) == b"question"
            assert not p.ended(1.5)
            end.send_bytes(b"answer", p.deadline)
            end.end_writing()
            assert client.read_all(p.deadline) == b"answer"
        assert p.wait() == 0


def test_both_ends_a_child_hears_the_end_of_its_input_and_still_answers():
    done = soket("connect", "--", "sh", "-c", "cat >/dev/null; sleep 0.8; echo late", stdin=b"question")
    assert (done.status, done.out) == (0, "late\n"), done


def test_both_ends_linger_cuts_when_it_is_set():
    with Server() as server, Soket("link", "--json", "--once", "tcp://127.0.0.1:0", server.endpoint,
                                   "linger=300ms") as p:
        with dial_tcp(p.address(), p.deadline) as client, server.accept(p.deadline) as end:
            end.end_writing()
            client.expect_end(p.deadline)
            begin = time.monotonic()
            p.event("closed", Deadline(5))
            assert time.monotonic() - begin > 0.1


# no-waiting-for-the-gone

def ends_by_itself(p, seconds):
    begin = time.monotonic()
    p.wait(Deadline(seconds, "the end of connect after its peer"))
    return time.monotonic() - begin


def terminal():
    """(master, slave) of a raw terminal."""
    master, slave = os.openpty()
    tty.setraw(slave)
    return master, slave


def test_no_waiting_for_the_gone_on_a_pipe_that_stays_open():
    with Server() as server:
        p = Soket("connect", server.endpoint, stdin=PIPE)
        with server.accept(p.deadline) as end:
            end.send_bytes(b"goodbye", p.deadline)
        took = ends_by_itself(p, 4)
        assert p.wait() == 0 and p.out.text() == "goodbye"
        assert took < 2.5


@pytest.mark.parametrize("command", ["connect", "listen"])
def test_no_waiting_for_the_gone_on_a_terminal_at_once(command):
    took = []
    for _ in range(3):  # time itself is tested: one quick round of three is enough on a busy machine
        master, slave = terminal()
        with Server() as server:
            if command == "connect":
                p = Soket("connect", server.endpoint, stdin=slave, stdout=slave, session=True)
                end = server.accept(p.deadline)
            else:
                p = Soket("listen", "--json", "tcp://127.0.0.1:0", stdin=slave, stdout=slave, session=True)
                end = dial_tcp(p.address(), p.deadline)
            end.send_bytes(b"goodbye", p.deadline)
            end.close()
            took.append(ends_by_itself(p, 4))
            assert p.wait() == 0
            seen = End(master, -1)
            os.close(slave)
            assert b"goodbye" in seen.read_some(100, p.deadline)
            seen.close()
        if took[-1] < 0.35:
            return
    raise AssertionError(f"on a terminal it took {took} s")


def test_no_waiting_for_the_gone_in_listen_on_a_pipe():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", stdin=PIPE) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.send_bytes(b"goodbye", p.deadline)
        ends_by_itself(p, 4)
        assert p.wait() == 0 and p.out.text() == "goodbye"


def test_no_waiting_for_the_gone_but_a_stdin_that_keeps_delivering_is_carried_to_its_end():
    """The peer has ended its bytes and still reads: 1.6 s of pieces, 80 ms apart, all arrive."""
    with Server() as server:
        p = Soket("connect", server.endpoint, stdin=PIPE)
        with server.accept(p.deadline) as end:
            end.end_writing()
            for i in range(20):
                os.write(p.stdin, b"piece %02d\n" % i)
                assert not p.ended(0.08), f"ended after piece {i}"
            p.close_stdin()
            assert end.read_all(p.deadline) == b"".join(b"piece %02d\n" % i for i in range(20))
        assert p.wait() == 0


def test_no_waiting_for_the_gone_never_drops_a_stdin_that_has_bytes():
    """The peer ends at once and reads 8 MiB of stdin: all of it."""
    n = 8 << 20
    with Server() as server:
        p = Soket("connect", server.endpoint, stdin=PIPE)
        with server.accept(p.deadline) as end:
            end.end_writing()
            feeder = End(-1, p.take("stdin"))
            together(lambda: (feeder.send(1, n, p.deadline), feeder.end_writing()),
                     lambda: end.receive(1, n, p.deadline))
        assert p.wait() == 0


@pytest.mark.parametrize("how", ["flag", "option"])
def test_no_waiting_for_the_gone_half_open_keeps_it_open(how):
    words = ["--half-open"] if how == "flag" else []
    with Server() as server:
        p = Soket(*(["connect", *words, server.endpoint] if how == "flag"
                    else ["link", "--once", "stdio:", "half-open=yes", server.endpoint]), stdin=PIPE)
        with server.accept(p.deadline) as end:
            end.end_writing()
            assert not p.ended(1.2)
            os.write(p.stdin, b"late words")
            p.close_stdin()
            assert end.read_all(p.deadline) == b"late words"
        assert p.wait() == 0


def test_no_waiting_for_the_gone_with_stdin_from_a_file_sends_all_of_it(tmp_path):
    (tmp_path / "f").write_bytes(pattern.whole(1, 5_000_000))
    with Server() as server, open(tmp_path / "f", "rb") as f:
        p = Soket("connect", server.endpoint, stdin=f)
        with server.accept(p.deadline) as end:
            end.end_writing()
            end.receive(1, 5_000_000, p.deadline)
        assert p.wait() == 0


# diagnosis

def test_diagnosis_each_failure_is_a_line_that_says_it_and_a_line_that_helps(tmp_path):
    with Server() as closed:
        refused = closed.endpoint
    with Server() as busy:
        for words, status, facts in [
            (["connect", refused], 4, ["refused", refused.split("//")[1]]),
            (["listen", busy.endpoint, "--", "cat"], 7, ["in use", busy.endpoint.split("//")[1], str(os.getpid())]),
            (["connect", "--", str(tmp_path / "none")], 10, [str(tmp_path / "none")]),
            (["connect", f"{tmp_path}/none.sock"], 4, [f"{tmp_path}/none.sock"]),
        ]:
            done = soket(*words, stdin=b"")
            assert done.status == status, done
            text, hint = one_clear_line(done)
            for fact in facts:
                assert fact in text, (fact, text)
            assert hint.strip()


def test_diagnosis_quiet_still_says_errors():
    with Server() as closed:
        refused = closed.endpoint
    done = soket("connect", "-q", refused, stdin=b"")
    assert done.status == 4 and "refused" in done.err


def test_diagnosis_in_use_offers_another_port_or_a_way_to_take_it():
    with Server() as busy:
        _, hint = one_clear_line(soket("listen", busy.endpoint, "--", "cat"))
    assert "try" in hint and ("take" in hint or ":" in hint), hint


# closed-by-default

def test_closed_by_default_a_port_alone_listens_on_loopback_only():
    with Soket("listen", "--json", "0", "--", "cat") as p:
        p.event("listening", count=2)
        addresses = {local for local, state in listening_sockets(p)}
        assert addresses <= {"0100007F", "00000000000000000000000001000000"}, addresses


def listening_sockets(program):
    """(local address in hex, state) of the program's listening TCP sockets, from /proc."""
    inodes = set()
    for fd in os.listdir(f"/proc/{program.pid}/fd"):
        try:
            target = os.readlink(f"/proc/{program.pid}/fd/{fd}")
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{program.pid}/net/{table}", encoding="ascii") as f:
            for line in f.readlines()[1:]:
                words = line.split()
                if words[9] in inodes and words[3] == "0A":
                    found.append((words[1].split(":")[0], words[3]))
    return found


def test_closed_by_default_any_opens_every_interface_when_asked():
    with Soket("listen", "--json", "any:0", "--", "cat") as p:
        p.event("listening")
        assert any(set(local) == {"0"} for local, _ in listening_sockets(p))


def test_closed_by_default_no_shell_reads_a_command(tmp_path):
    mark = tmp_path / "mark"
    done = soket("connect", f"exec:/bin/echo a; touch {mark}", stdin=b"")
    assert done.out == f"a; touch {mark}\n" and not mark.exists()
    done = soket("connect", "--", "/bin/echo", f"$(touch {mark})", f"`touch {mark}`", stdin=b"")
    assert not mark.exists() and "$(" in done.out


def test_closed_by_default_what_a_client_sends_is_never_a_command(tmp_path):
    mark = tmp_path / "mark"
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "cat") as p, dial_tcp(p.address(), p.deadline) as end:
        round_trip(end, f"; touch {mark}\n`touch {mark}`\n".encode(), p.deadline)
    assert not mark.exists()


def test_closed_by_default_no_new_privileges_while_serving():
    """The process holds only the rights it still needs: at least no_new_privs before the first byte from the
    network."""
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            round_trip(end, b"x", p.deadline)
            with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
                status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"


def test_closed_by_default_a_socket_file_is_for_its_owner():
    """Nobody else may write to it unless the umask or mode= says so."""
    with tempfile.TemporaryDirectory(prefix="skt") as d:
        path = os.path.join(d, "s")
        with Soket("listen", "--json", path, "--", "cat", before=lambda: os.umask(0o022)) as p:
            p.event("listening")
            assert stat.S_IMODE(os.stat(path).st_mode) & 0o022 == 0


# bounded

@pytest.mark.parametrize("mover", MOVERS)
def test_bounded_a_full_side_slows_the_other(mover):
    with Server() as server, Soket("link", "--json", f"--mover={mover}", "tcp://127.0.0.1:0", server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as client, server.accept(p.deadline) as end:
            n = client.fill(1, 64 << 20, p.deadline)
            assert n < 64 << 20
            before = p.cpu_seconds()
            assert not p.ended(0.3)
            assert p.cpu_seconds() - before < 0.05, "it spins while the reader does not read"
            end.receive(1, n, p.deadline, to_end=False)


# honest

@pytest.mark.parametrize("mover", MOVERS)
def test_honest_counts_are_what_was_delivered_under_every_mover(mover):
    n = 5_000_011
    with EchoServer() as server, Soket("link", "--json", "--stats", f"--mover={mover}", "tcp://127.0.0.1:0",
                                       server.endpoint) as p:
        for _ in range(2):
            with dial_tcp(p.address(), p.deadline) as end:
                together(lambda: (end.send(1, n, p.deadline), end.end_writing()), lambda: end.receive(1, n, p.deadline))
        p.event("closed", count=2)
        p.stop()
        assert [(e["sent"], e["received"]) for e in p.events("closed")] == [(n, n)] * 2
        stats = p.event("stats")
        assert (stats["sent"], stats["received"], stats["links"]) == (2 * n, 2 * n, 2)


def test_honest_a_holder_that_cannot_be_seen_is_said_so(short_path):
    """Another user's process holds the port: its name may be missing, but not silently."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    with Server() as busy:
        done = run_as_nobody(short_path, "listen", busy.endpoint, "--", "cat")
    assert done.status == 7, done
    text, _ = one_clear_line(done)
    assert busy.endpoint.split("//")[1] in text
    assert str(os.getpid()) not in text
    assert any(word in text + done.err for word in ("another user", "cannot be seen", "not visible", "may not see",
                                                    "root", "other user")), done


# same-face

ENDPOINTS = ["tcp://127.0.0.1:80", "127.0.0.1:80", "[::1]:80", ":80", "80", "/run/x.sock", "@name", "-", "exec:true",
             "tcp://example.org:https",
             "tls://[2001:db8::1]:8443 alpn=h2", "vsock://2:1024", "file:/etc/hosts"]


@pytest.mark.parametrize("text", ENDPOINTS)
def test_same_face_the_canonical_form_means_the_same(text):
    """parse(print(e)) == e, as explain tells it."""
    def canonical(t):
        done = soket("explain", "--json", t)
        assert done.status == 0, done
        found = find(json.loads(done.out.splitlines()[0]), "endpoint")
        assert found, done.out
        return found
    once = canonical(text)
    assert canonical(once) == once


def find(value, key):
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        for v in value:
            found = find(v, key)
            if found:
                return found
    return None


@pytest.mark.parametrize("kind, status, words", [
    ("usage", 2, ["connect", "nosuch:x"]),
    ("refused", 4, ["connect", "REFUSED"]),
    ("in-use", 7, ["listen", "BUSY", "--", "cat"]),
    ("child", 10, ["connect", "--", "/no/such/program"]),
])
def test_same_face_status_and_json_kind_agree(kind, status, words):
    with Server() as closed:
        refused = closed.endpoint
    with Server() as busy:
        words = [{"REFUSED": refused, "BUSY": busy.endpoint}.get(w, w) for w in words]
        done = soket(words[0], "--json", *words[1:], stdin=b"")
    assert done.status == status, done
    errors = [e for e in done.events if e["event"] in ("error", "failed")]
    assert errors, done
    error = errors[-1].get("error", errors[-1])
    assert error["kind"] == kind and error["text"], done


def test_same_face_messages_follow_the_language_and_json_does_not():
    with Server() as closed:
        refused = closed.endpoint
    env = {k: v for k, v in os.environ.items() if not k.startswith("LC_")}
    env.update(LANG="id_ID.UTF-8", LANGUAGE="id")
    done = soket("connect", "--json", refused, stdin=b"", env=env)
    error = [e for e in done.events if e["event"] in ("error", "failed")][-1]
    assert error.get("kind", error.get("error", {}).get("kind")) == "refused" and done.status == 4
