# SPDX-License-Identifier: Apache-2.0
"""Fault injection: every system call and every allocation of each command fails once, in turn.

No fatal signal, no endless loop, and never exit 0 with output missing or wrong. Needs the build with -Dfaults=true,
whose path is in SOKET_FAULTS; there, SOKET_FAULT=NAME:N[:ERRNO] fails the N-th call of NAME, and
SOKET_FAULT_COUNT=FILE writes how many calls there were."""
import os
import signal
import threading

import pytest

from harness import data as pattern
from harness.clock import Deadline, TooLate, until
from harness.ends import End, Gone, Server, dial_tcp, together
from harness.run import DEVNULL, PIPE, Program, clean_env
from harness.services import free_ports

CONTENT = pattern.whole(9, 20_000)
EACH = 400       # at most so many numbers of one call: in practice, every one
SECONDS = 8      # one run's deadline
FAILURES = 14    # enough to see what is wrong

# How a call fails in life; EIO for the others.
ERRNO = {
    "socket": "EMFILE", "bind": "EADDRINUSE", "listen": "EADDRINUSE", "accept4": "EMFILE", "connect": "ECONNREFUSED",
    "shutdown": "ECONNRESET", "socketpair": "EMFILE", "getsockopt": "ENOPROTOOPT", "setsockopt": "ENOPROTOOPT",
    "getsockname": "ENOBUFS", "getpeername": "ENOBUFS", "recv": "ECONNRESET", "recvmsg": "ECONNRESET", "send": "ENOBUFS",
    "write": "ENOSPC", "splice": "EINVAL", "sendfile": "EINVAL", "pipe2": "ENFILE", "open": "EACCES", "fcntl": "EINVAL", "ioctl": "EINVAL",
    "epoll_create1": "EMFILE", "epoll_ctl": "ENOMEM", "epoll_wait": "EINTR", "eventfd": "EMFILE", "fork": "EAGAIN",
    "poll": "EINTR", "thread": "EAGAIN",
    "pidfd_open": "EMFILE", "alloc": "ENOMEM", "lseek": "EINVAL", "fstat": "EIO",
}


@pytest.fixture(scope="module")
def faulty():
    path = os.environ.get("SOKET_FAULTS")
    if not path:
        pytest.skip("SOKET_FAULTS does not name a build with fault injection")
    return os.path.abspath(path)


class Run:
    """One run of a command with one fault."""

    def __init__(self, path, words, stdin, fault="", count="", stdout="read"):
        env = clean_env()
        if fault:
            env["SOKET_FAULT"] = fault
        if count:
            env["SOKET_FAULT_COUNT"] = count
        self.program = Program([path, *words], stdin=stdin, stdout=stdout, env=env, deadline=SECONDS)
        self.deadline = self.program.deadline


def quietly(work):
    """What work() returns, or None where the other side broke it."""
    try:
        return work()
    except (Gone, OSError, AssertionError) as e:
        if isinstance(e, TooLate) and "not within" in str(e):
            raise
        return None


def feed(program):
    end = End(-1, program.take("stdin"))
    quietly(lambda: end.send_bytes(CONTENT, program.deadline))
    end.close()


# Each scenario runs the command once and returns (exit status, whether the output is whole).

def explain(path, holder, **fault):
    run = Run(path, ["explain", "192.168.1.1:80"], DEVNULL, **fault)
    status = run.program.wait()
    lines = run.program.out.text().count("\n")
    return run, status, lines == explain.lines if explain.lines else lines > 5


explain.lines = 0


def echo_until(over, server, run):
    """Serve: each client gets its bytes back when they have ended."""
    server.sock.settimeout(0.01)
    while not over.is_set():
        try:
            sock = server.sock.accept()[0]
        except TimeoutError:
            continue
        end = End(sock.fileno(), sock.fileno(), sock)
        quietly(lambda end=end: end.send_bytes(end.read_all(run.deadline), run.deadline))
        end.close()


def connect_tcp(path, holder, **fault):
    with Server() as server:
        run = Run(path, ["connect", server.endpoint], PIPE, **fault)
        over = threading.Event()

        def go():
            feed(run.program)
            try:
                return run.program.wait()
            finally:
                over.set()
        _, status = together(lambda: echo_until(over, server, run), go)
        return run, status, bytes(run.program.out.bytes) == CONTENT


def connect_exec(path, holder, **fault):
    run = Run(path, ["connect", "--", holder, "cat"], PIPE, **fault)
    feed(run.program)
    status = run.program.wait()
    return run, status, bytes(run.program.out.bytes) == CONTENT


def client_of(run, port):
    """A client that sends CONTENT and reads to the end: what it got, or None where nobody listened to the end of the
    command. The port is the test's: a listening event that was lost keeps nobody from being served."""
    def dial():
        try:
            return dial_tcp(("127.0.0.1", port), run.deadline)
        except OSError:
            return "none" if run.program.ended() else None
    end = until(dial, run.deadline, "a listener or the command's end")
    if end == "none":
        return None
    with end:
        quietly(lambda: (end.send_bytes(CONTENT, run.deadline), end.end_writing()))
        return quietly(lambda: end.read_all(run.deadline))


def events_are_whole(run, port):
    """On exit 0, what was told on stdout is whole and right."""
    kinds = [e["event"] for e in run.program.events()]
    listening = run.program.events("listening")
    closed = run.program.events("closed")
    return kinds == ["listening", "opened", "closed"] and listening[0]["port"] == port and \
        (closed[0]["sent"], closed[0]["received"]) == (len(CONTENT), len(CONTENT))


def listen_stdio(path, holder, **fault):
    port = free_ports(1)[0]
    run = Run(path, ["listen", "--json", f"tcp://127.0.0.1:{port}"], PIPE, **fault)
    got = together(lambda: client_of(run, port), lambda: feed(run.program))[0]
    status = run.program.wait()
    return run, status, got == CONTENT and bytes(run.program.out.bytes) == CONTENT


def listen_exec(path, holder, **fault):
    port = free_ports(1)[0]
    run = Run(path, ["listen", "--json", "--once", f"tcp://127.0.0.1:{port}", "--", holder, "cat"], DEVNULL, **fault)
    got = client_of(run, port)
    status = run.program.wait()
    return run, status, got == CONTENT and events_are_whole(run, port)


def link_tcp(path, holder, **fault):
    port = free_ports(1)[0]
    with Server() as server:
        run = Run(path, ["link", "--json", "--once", f"tcp://127.0.0.1:{port}", server.endpoint], DEVNULL, **fault)
        over = threading.Event()

        def go():
            try:
                got = client_of(run, port)
                return got, run.program.wait()
            finally:
                over.set()
        _, (got, status) = together(lambda: echo_until(over, server, run), go)
        return run, status, got == CONTENT and events_are_whole(run, port)


SCENARIOS = [explain, connect_tcp, connect_exec, listen_stdio, listen_exec, link_tcp]


def sample(n):
    """1..n, or EACH of them, evenly."""
    if n <= EACH:
        return list(range(1, n + 1))
    return sorted({1 + round(i * (n - 1) / (EACH - 1)) for i in range(EACH)})


def attempt(scenario, faulty, holder, fault):
    """None when the promises hold, else what went wrong."""
    try:
        run, status, whole = scenario(faulty, holder, fault=fault)
    except TooLate as e:
        return f"{fault}: {e}"
    except AssertionError as e:
        return f"{fault}: {e}"
    finally:
        Program.close_all()
    said = run.program.said()
    if status < 0:
        return f"{fault}: ended by signal {-status}: {said}"
    if status == 70:
        return f"{fault}: calls it a bug of its own: {said}"
    if status == 0 and not whole:
        return f"{fault}: exit 0, and the output is not whole: {said}"
    its_own = (128 + signal.SIGPIPE, 128 + signal.SIGTERM) if scenario is connect_exec else ()
    if status not in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, *its_own):
        return f"{fault}: exit status {status}: {said}"
    words = run.program.err.text() + run.program.out.text()
    if status != 0 and "soket: " not in words and '"error"' not in words:
        return f"{fault}: exit {status} without a word: {said}"
    return None


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_every_call_fails_once_and_the_command_survives_or_says_so(scenario, faulty, holder, tmp_path):
    counts = tmp_path / "counts"
    run, status, whole = scenario(faulty, holder, count=str(counts))
    assert status == 0 and whole, run.program.said()
    if scenario is explain:
        explain.lines = run.program.out.text().count("\n")
    Program.close_all()
    calls = {}
    for line in counts.read_text(encoding="ascii").splitlines():
        name, n = line.split()
        calls[name] = max(calls.get(name, 0), int(n))
    assert "alloc" in calls and len(calls) > (1 if scenario is explain else 5), calls
    total = Deadline(60, scenario.__name__)
    wrong, tried = [], 0
    for name, n in sorted(calls.items()):
        for number in sample(n):
            total.left()
            failure = attempt(scenario, faulty, holder, f"{name}:{number}:{ERRNO.get(name, 'EIO')}")
            tried += 1
            if failure:
                wrong.append(failure)
            if len(wrong) >= FAILURES:
                raise AssertionError(f"{len(wrong)} of {tried}:\n" + "\n".join(wrong))
    assert not wrong, f"{len(wrong)} of {tried}:\n" + "\n".join(wrong)
    assert tried > (5 if scenario is explain else 40), calls


# accept(2): these say something about one connection or about now, not about the listener.
PASSING = ["ECONNABORTED", "EINTR", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EPERM", "EPROTO", "ENETDOWN",
           "ENOPROTOOPT", "EHOSTDOWN",
           "ENONET", "EHOSTUNREACH", "EOPNOTSUPP", "ENETUNREACH"]
# These say that the listener itself is broken.
FATAL = ["EBADF", "EINVAL", "22", "88", "14"]


@pytest.mark.parametrize("name", PASSING)
@pytest.mark.parametrize("scenario", [listen_stdio, listen_exec, link_tcp], ids=lambda s: s.__name__)
def test_an_accept_that_fails_in_passing_is_tried_again_and_the_client_is_served(scenario, name, faulty, holder):
    run, status, whole = scenario(faulty, holder, fault=f"accept4:1:{name}")
    assert status == 0 and whole, run.program.said()


@pytest.mark.parametrize("name", FATAL)
@pytest.mark.parametrize("scenario", [listen_exec, link_tcp], ids=lambda s: s.__name__)
def test_an_accept_on_a_broken_listener_ends_with_an_error_or_is_survived(scenario, name, faulty, holder):
    failure = attempt(scenario, faulty, holder, f"accept4:1:{name}")
    assert not failure, failure
