# SPDX-License-Identifier: Apache-2.0
"""soket take: whoever holds a port ends, and nobody else. Every holder here is a program of the test's own, on a port of the
kernel's choice; what must not be ended is watched as well."""
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import sys
import termios
import time

import pytest

from harness.clock import Deadline, until
from harness.rights import as_nobody, run_as_nobody
from harness.run import PIPE, Finished, Program, Reader, Soket, binary, clean_env, command, one_clear_line, soket

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SHARE = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]
AGAIN = [(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)]

PRELUDE = """
import ctypes, os, signal, socket, subprocess, sys
def listening(port=0, *options):
    s = socket.socket()
    for option in options:
        s.setsockopt(socket.SOL_SOCKET, option, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    return s
def up(*words):
    print(*words, flush=True)
def stay():
    while os.read(0, 1):  # ends when the test does; may be called in a handler
        pass
"""


def listening(address=("127.0.0.1", 0), family=socket.AF_INET, kind=socket.SOCK_STREAM, options=()):
    s = socket.socket(family, kind)
    for option in options:
        s.setsockopt(*option)
    s.bind(address)
    if kind != socket.SOCK_DGRAM:
        s.listen(50)
    return s


def port_of(s):
    return s.getsockname()[1]


def held(holder, *socks, word="hold", **options):
    """A program that has these sockets, which the test then has no more."""
    p = Program([holder, word], pass_fds=[s.fileno() for s in socks], **options)
    for s in socks:
        s.close()
    if word == "ignore":
        p.out.wait(lambda r: "ready" in r.text(), p.deadline, "the holder")
    return p


def scripted(code, *words, wrap=(), **options):
    """A Python program; `first` are the words of the line that it prints once it is up."""
    p = Program([*wrap, sys.executable, "-c", PRELUDE + code, *words], stdin=PIPE, **options)
    p.first = p.out.wait(lambda r: b"\n" in r.bytes and r.text().splitlines()[0], p.deadline, "the program").split()
    return p


def take(*words, **options):
    return soket("take", *[str(w) for w in words], **options)


def binds(port, kind=socket.SOCK_STREAM):
    """Whether somebody can have the port now."""
    with socket.socket(socket.AF_INET, kind) as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def gone(*pids):
    """Whether these have ended. A zombie has."""
    def state(pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                return f.read().rsplit(")", 1)[1].split()[0]
        except OSError:
            return "X"
    return all(state(pid) in "XZ" for pid in pids)


def rows(done):
    return [json.loads(line) for line in done.out.splitlines()]


# --- who holds it ends --------------------------------------------------------------------------------------------------

def test_a_listener_is_named_and_ended_and_its_port_is_free(holder, tmp_path):
    s = listening()
    port = port_of(s)
    with held(holder, s, cwd=str(tmp_path)) as p:
        done = take(port, "--yes")
        assert (done.status, done.out) == (0, ""), done
        assert p.ended() and binds(port) and p.wait() == -signal.SIGTERM
        line, = done.err.splitlines()
        assert line.startswith("soket: ") and f"holder (pid {p.pid}, you), {tmp_path}, " in line and str(port) in line, line
        assert "free" in line and "has ended" in line


@pytest.mark.parametrize("form", ["{}", ":{}", "127.0.0.1:{}", "tcp://127.0.0.1:{}", "localhost:{}", "tcp:{}", "any:{}"])
def test_a_port_can_be_written_as_elsewhere(form, holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p:
        assert take(form.format(port), "-y").status == 0
        assert p.ended()


def test_where_nobody_holds_it_that_is_said_and_fine():
    with listening() as s:
        port = port_of(s)
    done = take(port)
    assert (done.status, done.out) == (0, "") and f"{port}" in done.err and "nobody holds" in done.err, done
    assert len(done.err.splitlines()) == 1


def test_quiet_says_nothing(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p:
        done = take(port, "-y", "-q")
        assert (done.status, done.out, done.err) == (0, "", "") and p.ended()
    assert take(port, "-q").err == ""


def test_verbose_tells_each_signal(holder):
    s = listening()
    with held(holder, s, word="ignore") as p:
        done = take(port_of_pid(p), "-y", "-v", "--grace", "100ms")
        assert done.status == 0 and f"asking holder (pid {p.pid}" in done.err and f"killing holder (pid {p.pid}" in done.err, done


def port_of_pid(p):
    """The port of the one socket of a program."""
    done = soket("ports", "--json", f"pid={p.pid}")
    return json.loads(done.out.splitlines()[0])["local_port"]


def test_a_dual_stack_listener_is_ended(holder):
    try:
        s = listening(("::", 0), socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    port = port_of(s)
    with held(holder, s) as p:
        assert take(port, "-y").status == 0
        assert p.ended() and binds(port)


def test_a_socket_that_is_bound_and_does_not_listen_holds_its_port(holder):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = port_of(s)
    if not soket("ports", str(port)).out:
        pytest.skip("this kernel does not tell about bound sockets")
    with held(holder, s) as p:
        assert take(port, "-y").status == 0
        assert p.ended() and binds(port)


def test_a_server_with_clients_ends_and_they_are_not_hit(holder):
    s = listening(options=AGAIN)
    port = port_of(s)
    code = "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\nup('up')\nstay()\n"
    with held(holder, s) as p, scripted(code, str(port)) as client:
        assert take(port, "-y").status == 0
        assert p.ended() and not client.ended()
    with listening(("127.0.0.1", port), options=AGAIN):
        pass


def test_a_udp_port_and_not_the_tcp_port_of_that_number(holder):
    for _ in range(50):
        udp = listening(kind=socket.SOCK_DGRAM)
        try:
            tcp = listening(udp.getsockname())
            break
        except OSError:
            udp.close()
    port = port_of(udp)
    with held(holder, udp) as p, held(holder, tcp) as other:
        done = take(f"udp:{port}", "-y")
        assert done.status == 0 and f"pid {p.pid}" in done.err, done
        assert p.ended() and not other.ended() and binds(port, socket.SOCK_DGRAM)
        assert take(f"udp:{port}").status == 0 and not other.ended()
        assert take(port, "-y").status == 0 and other.ended()


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
@pytest.mark.parametrize("scheme, kind", [("", socket.SOCK_STREAM), ("unix:", socket.SOCK_STREAM),
                                          ("unix-seqpacket:", socket.SOCK_SEQPACKET), ("unix-dgram:", socket.SOCK_DGRAM)])
def test_a_unix_socket_is_ended_by_its_name_and_another_is_not(holder, short_path, scheme, kind, abstract):
    name = f"@soket-take-{os.getpid()}-{scheme}" if abstract else os.path.join(short_path, "s")
    s = listening(name.replace("@", "\0") if abstract else name, socket.AF_UNIX, kind)
    near = listening((name + "x").replace("@", "\0") if abstract else name + "x", socket.AF_UNIX, kind)
    with held(holder, s) as p, held(holder, near) as other:
        done = take(scheme + name, "--yes")
        assert done.status == 0 and f"pid {p.pid}" in done.err and name in done.err, done
        assert p.ended() and not other.ended()
        done = take(scheme + name)
        assert done.status == 0 and "nobody holds" in done.err and not other.ended()


def test_a_path_may_go_through_links_and_be_relative(holder, short_path):
    os.mkdir(os.path.join(short_path, "real"))
    os.symlink("real", os.path.join(short_path, "link"))
    for given in (os.path.join(short_path, "link", "s"), "unix:./s", "unix:../link/s"):
        path = os.path.join(short_path, "real", "s")
        s = listening(path, socket.AF_UNIX)
        with held(holder, s) as p:
            done = take(given, "-y", cwd=os.path.join(short_path, "real"))
            assert done.status == 0 and p.ended(), (given, done)
        os.unlink(path)


# --- many of them -------------------------------------------------------------------------------------------------------

def test_a_group_that_shares_a_port_is_ended_as_a_whole(holder):
    socks = [listening(options=SHARE)]
    socks += [listening(socks[0].getsockname(), options=SHARE) for _ in range(3)]
    port = port_of(socks[0])
    programs = [held(holder, s) for s in socks]
    done = take(port, "-y")
    assert done.status == 0 and "4 processes have ended" in done.err, done
    assert all(p.ended() for p in programs) and binds(port)


def test_a_socket_that_forks_share_ends_all_of_them():
    code = ("s = listening()\npids = [os.getpid()]\n"
            "for _ in range(3):\n"
            "    pid = os.fork()\n"
            "    if pid == 0: stay(); os._exit(0)\n"
            "    pids.append(pid)\n"
            "up(s.getsockname()[1], *pids)\nstay()\n")
    with scripted(code) as p:
        port, *pids = map(int, p.first)
        done = take(port, "-y")
        assert done.status == 0 and "4 processes" in done.err, done
        assert gone(*pids) and binds(port)


def test_a_process_that_holds_it_twice_is_named_once(holder):
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            four = listening()
            try:
                six = listening(("::1", port_of(four)), socket.AF_INET6)
                break
            except OSError:
                four.close()
        else:
            pytest.skip("no port is free on both families")
        port = port_of(four)
        p = stack.enter_context(held(holder, four, six))
        done = take(port, "-y", "--json")
        assert done.status == 0 and [r["event"] for r in rows(done)] == ["terminate", "free"], done
        assert p.ended()


def test_other_ports_and_other_programs_are_left_alone(holder):
    s, near = listening(), listening()
    with held(holder, s) as p, held(holder, near) as other, listening() as mine:
        assert take(port_of_pid(p), "-y").status == 0
        assert p.ended() and not other.ended() and port_of(mine)


@pytest.mark.parametrize("form, kept", [("127.0.0.1:{}", "127.0.0.2"), ("127.0.0.2:{}", "127.0.0.1"), ("tcp6://[::1]:{}", "127.0.0.1")])
def test_with_an_address_who_holds_the_port_of_another_is_not_ended(holder, form, kept):
    """Both can listen there at once: the other is in nobody's way."""
    s = listening((kept, 0))
    port = port_of(s)
    with held(holder, s) as p:
        done = take(form.format(port), "-y")
        assert not p.ended(), done
        assert done.status == 0 and "nobody holds" in done.err, done


@pytest.mark.parametrize("has, form", [("0.0.0.0", "127.0.0.1:{}"), ("127.0.0.2", "any:{}"), ("127.0.0.2", "127.0.0.2:{}"), ("127.0.0.2", "{}")])
def test_who_is_in_the_way_of_an_address_is_ended(holder, has, form):
    s = listening((has, 0))
    port = port_of(s)
    with held(holder, s) as p:
        assert take(form.format(port), "-y").status == 0
        assert p.ended()


def test_a_port_alone_is_meant_on_every_address(pair):
    code = f"s = socket.socket(); s.bind(('{pair.a4}', 0)); s.listen()\nup(s.getsockname()[1])\nstay()\n"
    with inside(pair.a, code) as there:
        assert take(there.first[0], "-y", "--netns", pair.a.name).status == 0
        assert there.ended()


@pytest.mark.parametrize("kind", [socket.SOCK_SEQPACKET, socket.SOCK_DGRAM], ids=["seqpacket", "datagrams"])
def test_a_path_alone_is_not_called_free_where_a_socket_of_another_type_has_it(holder, short_path, kind):
    path = os.path.join(short_path, "s")
    s = listening(path, socket.AF_UNIX, kind)
    with held(holder, s) as p:
        done = take(path)
        assert "is free" not in done.err and f"pid {p.pid}" in done.err, done


def test_a_lease_is_ended_with_its_command(tmp_path):
    env = clean_env(XDG_RUNTIME_DIR=str(tmp_path))
    with Soket("run", "-p", "web", "--", "sh", "-c", "echo $PORT $$; exec sleep 60", env=env, cwd=str(tmp_path)) as p:
        line = p.out.wait(lambda r: b"\n" in r.bytes and r.text(), p.deadline, "the command")
        port, child = map(int, line.split())
        done = take(port, "-y", env=env)
        assert done.status == 0 and f"pid {p.pid}" in done.err, done
        assert p.wait() in (143, -signal.SIGTERM) and gone(child) and binds(port)


# --- patience -----------------------------------------------------------------------------------------------------------

def test_who_ignores_sigterm_is_killed_after_the_grace(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s, word="ignore") as p:
        began = time.monotonic()
        done = take(port, "-y", "--grace", "300ms")
        took = time.monotonic() - began
        assert done.status == 0 and "was killed" in done.err, done
        assert 0.3 <= took < 4 and p.wait() == -signal.SIGKILL and binds(port)


def test_who_ends_by_itself_is_not_killed():
    code = ("s = listening()\n"
            "def end(*a):\n    up('ends'); os._exit(7)\n"
            "signal.signal(signal.SIGTERM, end)\nup(s.getsockname()[1])\nstay()\n")
    with scripted(code) as p:
        began = time.monotonic()
        done = take(p.first[0], "-y")
        assert done.status == 0 and "has ended" in done.err, done
        assert p.wait() == 7 and time.monotonic() - began < 4  # the grace is 5 s: its end was noticed


def test_who_gives_the_port_up_and_lives_on_is_not_killed():
    code = ("s = listening()\n"
            "def end(*a):\n    s.close(); up('closed')\n"
            "signal.signal(signal.SIGTERM, end)\nup(s.getsockname()[1])\nstay()\n")
    with scripted(code) as p:
        done = take(p.first[0], "-y", "--grace", "5s")
        assert done.status == 0 and not p.ended() and binds(int(p.first[0])), done


def test_when_time_is_up_it_says_so_and_kills_nobody(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s, word="ignore") as p:
        began = time.monotonic()
        done = take(port, "-y", "--grace", "20s", "--timeout", "200ms")
        assert done.status == 5 and 0.2 <= time.monotonic() - began < 4
        text, hint = one_clear_line(done)
        assert "still held" in text and str(port) in text and "soket who" in hint
        assert not p.ended()


def test_a_stopped_program_is_ended_too(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p:
        p.send_signal(signal.SIGSTOP)
        done = take(port, "-y", "--grace", "200ms")
        assert done.status == 0 and p.wait() == -signal.SIGKILL and binds(port), done


# --- somebody new -------------------------------------------------------------------------------------------------------

SUPERVISED = """
def serve(port, ready, ask, stop):
    s = listening(port, socket.SO_REUSEPORT)
    def end(*a):
        os.write(ask, b"r")   # the supervisor starts the next,
        os.read(stop, 1)      # and this one goes when that is there: the port is never free in between
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    os.write(ready, s.getsockname()[1].to_bytes(2, "big"))
    stay()
    os._exit(0)
ready, ask, stop = os.pipe(), os.pipe(), os.pipe()
port = 0
for n in range(5):
    pid = os.fork()
    if pid == 0:
        serve(port, ready[1], ask[1], stop[0])
    port = int.from_bytes(os.read(ready[0], 2), "big")
    if n:
        os.write(stop[1], b"x")
    up(port, pid)
    if not os.read(ask[0], 1):
        break
"""


def test_a_service_that_its_supervisor_starts_anew_is_told_and_not_hunted():
    with scripted(SUPERVISED) as p:
        port, first = map(int, p.first)
        done = take(port, "-y")
        assert done.status == 7, done
        text, hint = one_clear_line(done)
        second = int(p.out.wait(lambda r: r.text().count("\n") >= 2 and r.text(), p.deadline, "the next").splitlines()[1].split()[1])
        assert "held again" in text and f"pid {second}" in text and str(port) in text
        assert "supervisor" in hint or "systemctl" in hint
        assert gone(first) and not gone(second) and not p.ended()


def test_a_successor_that_a_holder_forks_is_ended_with_it():
    code = ("s = listening(0, socket.SO_REUSEPORT)\nport = s.getsockname()[1]\n"
            "def fork(*a):\n"
            "    if os.fork() == 0:\n"
            "        signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
            "        s.close()\n"
            "        t = listening(port, socket.SO_REUSEPORT)\n"
            "        up(os.getpid())\n"
            "        stay(); os._exit(0)\n"
            "signal.signal(signal.SIGTERM, fork)\nup(port)\nstay()\n")
    with scripted(code) as p:
        port = int(p.first[0])
        done = take(port, "-y", "--grace", "1500ms")
        assert done.status == 0 and p.wait() == -signal.SIGKILL and binds(port), done
        assert gone(*[int(line) for line in p.out.text().splitlines()[1:]]) and p.out.text().count("\n") >= 2


def test_two_at_once_both_end_well_and_hit_nothing_else(holder):
    s, near = listening(), listening()
    port = port_of(s)
    with held(holder, s, word="ignore") as p, held(holder, near) as other:
        both = [Soket("take", str(port), "-y", "--grace", "300ms") for _ in range(2)]
        assert [t.wait() for t in both] == [0, 0], [t.said() for t in both]
        assert p.wait() == -signal.SIGKILL and not other.ended() and binds(port)


def test_eight_at_once_on_one_that_ends_at_once(holder):
    s, near = listening(), listening()
    port = port_of(s)
    with held(holder, s) as p, held(holder, near) as other:
        all_of_them = [Soket("take", str(port), "-y") for _ in range(8)]
        assert [t.wait() for t in all_of_them] == [0] * 8, [t.said() for t in all_of_them]
        assert p.wait() == -signal.SIGTERM and not other.ended()


# --- asking -------------------------------------------------------------------------------------------------------------

class Asked:
    """soket take at a terminal of its own."""

    def __init__(self, *words, env=None, **options):
        self.master, slave = os.openpty()
        self.program = Program([binary(), "take", *[str(w) for w in words]], stdin=slave, stdout=slave, stderr=slave, session=True,
                               env=env or clean_env(), before=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **options)
        os.close(slave)
        self.reader = Reader(os.dup(self.master))

    def sees(self, text):
        self.reader.wait(lambda r: text in r.text(), self.program.deadline, f"{text!r} on the terminal")

    def answers(self, what):
        self.sees("[y/N]")
        os.write(self.master, what)
        status = self.program.wait()
        os.close(self.master)
        self.master = -1
        self.reader.finish(Deadline(10))
        return status

    def text(self):
        return self.reader.text()

    def close(self):
        self.program.close()
        if self.master >= 0:
            os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"\x04", b"no\n", b"x\n", b" \n", b"\0\n", b"N\n", b"q\n"], ids=repr)
def test_no_and_everything_that_is_not_yes_leaves_the_holder_alone(holder, answer):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p, Asked(port) as asked:
        assert asked.answers(answer) == 1, asked.text()
        assert f"pid {p.pid}" in asked.text() and "stays as it is" in asked.text()
        assert not p.ended() and not binds(port)


@pytest.mark.parametrize("answer", [b"y\n", b"Y\n", b"yes\n"], ids=repr)
def test_yes_ends_it(holder, answer):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p, Asked(port) as asked:
        assert asked.answers(answer) == 0, asked.text()
        assert p.ended() and binds(port)
        named, freed = [asked.text().index(w) for w in (f"holder (pid {p.pid}, you)", "is free")]
        assert named < asked.text().index("[y/N]") < freed


def test_in_indonesian_ya_is_yes_and_tidak_is_not(holder):
    def words():
        return clean_env(LC_ALL="id_ID.UTF-8")
    s = listening()
    port = port_of(s)
    with held(holder, s) as p:
        for answer, status in ((b"tidak\n", 1), (b"ya\n", 0)):
            with Asked(port, env=words()) as asked:
                asked.reader.wait(lambda r: "/" in r.text().rsplit("\n", 1)[-1] and "]" in r.text(), asked.program.deadline, "a question")
                os.write(asked.master, answer)
                assert asked.program.wait() == status, asked.text()
                assert p.ended() == (status == 0)


def test_the_terminal_names_all_of_them_before_it_asks(holder):
    socks = [listening(options=SHARE)]
    socks += [listening(socks[0].getsockname(), options=SHARE) for _ in range(2)]
    port = port_of(socks[0])
    programs = [held(holder, s) for s in socks]
    with Asked(port) as asked:
        asked.sees("[y/N]")
        assert all(f"pid {p.pid}," in asked.text() for p in programs) and "them" in asked.text()
        assert asked.answers(b"n\n") == 1
    assert not any(p.ended() for p in programs)


def test_interrupting_the_question_ends_nobody(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p, Asked(port) as asked:
        assert asked.answers(b"\x03") == -signal.SIGINT
        assert not p.ended()


def test_who_has_ended_before_the_answer_is_not_sought_elsewhere(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p, Asked(port) as asked:
        asked.sees("[y/N]")
        p.stop(signal.SIGKILL)
        assert asked.answers(b"y\n") == 0, asked.text()


def test_who_came_before_the_answer_and_was_not_named_is_not_ended(holder):
    s = listening(options=SHARE)
    port = port_of(s)
    with held(holder, s) as p, Asked(port) as asked:
        asked.sees("[y/N]")
        new = listening(("127.0.0.1", port), options=SHARE)
        with held(holder, new) as newcomer:
            assert asked.answers(b"y\n") == 7, asked.text()
            assert p.ended() and not newcomer.ended() and f"pid {newcomer.pid}" in asked.text()


def test_without_a_terminal_and_without_yes_nothing_is_done(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p:
        for options in ({}, {"stdin": b"y\n"}):
            done = take(port, **options)
            assert done.status == 2, done
            text, hint = one_clear_line(done)
            assert f"holder (pid {p.pid}, you)" in text and "--yes" in hint and f"soket take" in hint
            words = re.search(r"soket (take \S+ --yes)", hint)[1].split()
        assert not p.ended()
        assert soket(*words).status == 0 and p.ended()  # the hint can be copied


def test_without_a_terminal_json_says_it_too(holder):
    s = listening()
    with held(holder, s) as p:
        done = take(port_of_pid(p), "--json")
        error, = [json.loads(line) for line in done.err.splitlines()]
        assert done.status == 2 and error["event"] == "error" and "--yes" in error["hint"] and done.out == "" and not p.ended()


# --- who is never ended -------------------------------------------------------------------------------------------------

def test_our_own_ancestors_are_not_ended():
    with listening() as s:  # this test is the parent of soket
        done = take(port_of(s), "-y")
        assert done.status == 6, done
        text, hint = one_clear_line(done)
        assert f"pid {os.getpid()}" in text and "kill" in hint
        assert not binds(port_of(s))


def test_an_ancestor_further_up_is_not_ended_either():
    code = ("s = listening()\n"
            "p = subprocess.run(['sh', '-c', '\"$0\" take $1 -y; echo status=$?', sys.argv[1], str(s.getsockname()[1])],\n"
            "                   capture_output=True, text=True, timeout=20)\n"
            "up(p.stdout.strip(), os.getpid(), p.stderr)\nstay()\n")
    with scripted(code, binary()) as p:
        assert p.first[0] == "status=6", p.said()
        assert f"pid {p.pid}" in p.out.text() and not p.ended()


def test_where_an_ancestor_is_among_them_none_is_ended(holder):
    with listening(options=SHARE) as mine:
        other = listening(mine.getsockname(), options=SHARE)
        with held(holder, other) as p:
            assert take(port_of(mine), "-y").status == 6
            assert not p.ended()


def test_it_does_not_end_itself():
    """The socket is inherited, and nobody else has it."""
    code = ("s = listening()\ns.set_inheritable(True)\nport = str(s.getsockname()[1])\nr, w = os.pipe()\npid = os.fork()\n"
            "if pid == 0:\n"
            "    os.close(w); os.read(r, 1)\n"
            "    os.execv(sys.argv[1], [sys.argv[1], 'take', port, '-y'])\n"
            "s.close()\nos.close(w)\n"
            "up(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), pid)\n")
    with scripted(code, binary()) as p:
        status, pid = map(int, p.first)
        p.close_stdin()
        p.wait()
        assert status == 6 and f"pid {pid}" in p.err.text(), p.said()


def test_process_1_is_never_ended():
    wrap = ["unshare", "--pid", "--fork", "--mount-proc"]
    if not shutil.which("unshare"):
        pytest.skip("unshare (util-linux) is not installed")
    tried = command(*wrap, "true")
    if tried.status != 0:
        pytest.skip(f"pid namespaces cannot be made here: {tried.err.strip()}")
    code = ("assert os.getpid() == 1\ns = listening()\nport = s.getsockname()[1]\n"
            "p = subprocess.run([sys.argv[1], 'take', str(port), '-y'], capture_output=True, text=True, timeout=20)\n"
            "up(p.returncode, p.stderr)\n")
    with scripted(code, binary(), wrap=wrap) as p:
        assert p.first[0] == "6" and "pid 1)" in p.out.text() and "never ended" in p.out.text(), p.said()
        p.close_stdin()
        assert p.wait() == 0


@needs_root
def test_a_holder_of_somebody_else_is_not_ended_and_sudo_is_named(holder, short_path):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p:
        done = run_as_nobody(short_path, "take", str(port), "-y")
        assert done.status == 6, done
        text, hint = one_clear_line(done)
        assert str(port) in text and "root" in text and f"sudo soket take" in hint and str(port) in hint
        assert not p.ended()
        done = run_as_nobody(short_path, "take", str(port), "--json", "-y")
        assert done.status == 6 and json.loads(done.err)["kind"] == "denied" and not p.ended()


@needs_root
def test_a_holder_that_can_be_seen_and_not_ended_is_named(holder, short_path):
    s = listening()
    port = port_of(s)
    prefix, path = as_nobody(short_path)
    caps = "+sys_ptrace,+dac_read_search"
    prefix = [*prefix, f"--inh-caps={caps}", f"--ambient-caps={caps}"]
    if command(*prefix, "true").status != 0:
        pytest.skip("capabilities cannot be given here")
    with held(holder, s, cwd="/") as p, Program([*prefix, path, "take", str(port), "-y"], cwd="/") as t:
        done = Finished(t, t.wait())
        assert done.status == 6 and not p.ended(), done
        text, hint = one_clear_line(done)
        assert f"holder (pid {p.pid}, root)" in text and "sudo" in hint


@needs_root
def test_somebody_ends_what_is_theirs(holder, short_path):
    prefix, _ = as_nobody(short_path)
    copy = shutil.copy(holder, os.path.join(short_path, "mine"))
    os.chmod(copy, 0o755)
    s = listening()
    port = port_of(s)
    with Program([*prefix, copy, "hold"], pass_fds=[s.fileno()], cwd="/") as p:
        s.close()
        wait_for_name(p, "mine")  # setpriv becomes it, and belongs to nobody only then
        done = run_as_nobody(short_path, "take", str(port), "-y")
        assert done.status == 0 and p.ended() and f"mine (pid {p.pid}, you)" in done.err, done


def wait_for_name(p, name):
    def named():
        with open(f"/proc/{p.pid}/comm", encoding="ascii") as f:
            return f.read().strip() == name
    until(named, Deadline(10), f"the program to be {name}")


# --- what strangers call themselves -------------------------------------------------------------------------------------

EVIL = "ev\x1b[31m\nil\x07"


@pytest.fixture
def evil(holder, tmp_path):
    """A holder whose program and directory have names that would steer a terminal."""
    place = tmp_path / ("dir\x1b]0;x\x07\n")
    place.mkdir()
    copy = str(tmp_path / EVIL)
    shutil.copy(holder, copy)
    s = listening()
    port = port_of(s)
    with held(copy, s, word="hold", cwd=str(place)) as p:
        yield p, port


def test_names_do_not_steer_the_terminal(evil):
    p, port = evil
    said = [take(port).err, take(port, "-v", "--yes").err]
    for text in said:
        assert f"(pid {p.pid}" in text and "ev\\x1b[31m" in text, text
        assert not [c for c in text.replace("\n", "") if ord(c) < 32], text
    assert len(said[0].splitlines()) == 2
    assert all(line.startswith("soket: ") for line in said[1].splitlines()), said[1]
    assert p.ended()


def test_names_do_not_steer_the_terminal_that_is_asked(evil):
    p, port = evil
    with Asked(port) as asked:
        assert asked.answers(b"n\n") == 1
        text = asked.text()
        assert f"(pid {p.pid}" in text and not [c for c in text.replace("\r\n", "") if ord(c) < 32 or ord(c) == 127], text


def test_names_are_whole_in_json(evil):
    p, port = evil
    done = take(port, "-y", "--json")
    assert [r["event"] for r in rows(done)] == ["terminate", "free"], done
    assert rows(done)[0]["name"] == EVIL and "\x1b" not in done.out and done.err == ""


# --- json ---------------------------------------------------------------------------------------------------------------

def test_json_tells_what_is_done(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s, word="ignore") as p:
        done = take(port, "-y", "--json", "--grace", "200ms")
        assert done.status == 0 and done.err == "", done
        asked, killed, free = rows(done)
        assert (asked["event"], killed["event"], free["event"]) == ("terminate", "kill", "free")
        assert [(e["pid"], e["name"]) for e in (asked, killed)] == [(p.pid, "holder")] * 2
        assert all(str(port) in e["endpoint"] for e in (asked, killed, free))
        assert 0 <= asked["after_ns"] < 200_000_000 <= killed["after_ns"] <= free["after_ns"] < 5_000_000_000
    done = take(port, "--json")
    free, = rows(done)
    assert done.status == 0 and free["event"] == "free"


def test_json_tells_a_failure_on_stderr(holder):
    s = listening()
    with held(holder, s, word="ignore") as p:
        done = take(port_of_pid(p), "-y", "--json", "--timeout", "100ms")
        error, = [json.loads(line) for line in done.err.splitlines()]
        assert done.status == 5 and (error["event"], error["kind"]) == ("error", "timeout")
        assert [r["event"] for r in rows(done)] == ["terminate"]


# --- words --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, part", [
    ([], "port"),
    (["0"], "port 0"),
    (["127.0.0.1:0"], "port 0"),
    (["70000"], "70000"),
    (["192.0.2.1:80"], "not one of this machine"),
    (["tcp://[2001:db8::1]:80"], "not one of this machine"),
    (["no such thing"], "no such thing"),
    (["-5"], "-5"),
    (["echo:"], "echo"),
    (["exec:true"], "exec"),
    (["file:/etc/passwd"], "file"),
    (["80", "81"], "81"),
    (["80", "nonsense=1"], "nonsense"),
    (["80", "--grace", "5"], "--grace"),
    (["80", "--timeout", "soon"], "--timeout"),
    (["80", "--", "ls"], "command"),
    (["80", "--netns", "no-such-namespace"], "no-such-namespace"),
])
def test_wrong_words_are_told_with_what_to_do(words, part):
    done = take(*words)
    assert done.status == 2 and done.out == "", done
    text, hint = one_clear_line(done)
    assert part in text + hint, done


@pytest.mark.parametrize("words", [["70000"], ["80", "nonsense=1"], ["no such thing"]])
def test_wrong_words_are_pointed_at(words):
    assert "^" in take(*words).err


def test_a_remote_address_is_for_close():
    done = take("192.0.2.1:80", "-y")
    assert done.status == 2 and "soket close" in one_clear_line(done)[1]


# --- other namespaces ---------------------------------------------------------------------------------------------------

def inside(machine, holder_code="s = listening(int(sys.argv[1]))\nup(s.getsockname()[1])\nstay()\n", port=0):
    return scripted(holder_code, str(port), wrap=machine.wrap)


def test_a_port_of_another_namespace_is_taken_there_and_not_here(machine, holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as here, inside(machine, port=port) as there:
        done = take(port, "-y", "--netns", machine.name)
        assert done.status == 0 and f"pid {there.pid}" in done.err, done
        assert there.ended() and not here.ended()
        done = take(port, "-y", "--netns", machine.name)
        assert done.status == 0 and "nobody holds" in done.err and not here.ended()


def test_a_port_here_is_not_taken_from_another_namespace(machine, holder):
    s = listening()
    port = port_of(s)
    with held(holder, s) as here, inside(machine, port=port) as there:
        assert take(port, "-y").status == 0
        assert here.ended() and not there.ended()


def test_an_address_that_only_the_namespace_has_is_of_this_machine(pair):
    code = f"s = socket.socket(); s.bind(('{pair.a4}', 0)); s.listen()\nup(s.getsockname()[1])\nstay()\n"
    with inside(pair.a, code) as there:
        done = take(f"{pair.a4}:{there.first[0]}", "-y", "--netns", pair.a.name)
        assert done.status == 0 and there.ended(), done


def test_the_advice_repeats_the_namespace(machine):
    with inside(machine) as there:
        done = soket("take", str(there.first[0]), "--netns", machine.name)
        assert done.status == 2 and f"--netns {machine.name} --yes" in " ".join(done.err.split()), done
        assert not there.ended()
