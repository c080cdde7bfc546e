# SPDX-License-Identifier: Apache-2.0
"""soket wait: until endpoints accept, or are free; then a command."""
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import termios
import threading
import time

import pytest

from harness.clock import Deadline, until
from harness.net import listener
from harness.rights import run_as_nobody
from harness.run import DEVNULL, Program, Soket, binary, clean_env, one_clear_line, soket


def listening(address="127.0.0.1", port=0, family=socket.AF_INET):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(16)
    return sock


@pytest.fixture
def server():
    with listening() as sock:
        yield sock


@pytest.fixture
def nobodys():
    """A port that nobody listens on, and that the kernel gives to nobody else: it is bound here."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        yield sock


def at(sock):
    return f"127.0.0.1:{sock.getsockname()[1]}"


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


# --- ready --------------------------------------------------------------------------------------------------------------

def test_a_server_that_is_there_is_ready_at_once_and_nothing_is_said(server):
    done = soket("wait", at(server))
    assert (done.status, done.out, done.err) == (0, "", "")


def test_the_server_sees_a_connection_that_ends_without_a_byte(server):
    assert soket("wait", at(server)).status == 0
    end, _ = server.accept()
    with end:
        assert end.recv(1) == b""


def test_a_server_that_comes_up_is_seen_soon(nobodys):
    with Soket("wait", "--json", "-v", at(nobodys)) as p:
        deadline = Deadline(10, "some tries")
        until(lambda: ticks_of_tries(p) >= 1, deadline, "the wait to sleep")
        came = time.monotonic()
        nobodys.listen(16)
        p.event("ready")
        assert time.monotonic() - came < 0.5  # 100 ms, and a busy machine
        assert p.wait() == 0


def ticks_of_tries(program):
    """How often it has given the processor away to wait: a try and its pause are at least one."""
    with open(f"/proc/{program.pid}/status", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt"))


def test_all_of_them_must_be_ready(server, nobodys, short_path):
    path = os.path.join(short_path, "s")
    with Soket("wait", "--json", at(server), at(nobodys), path) as p:
        assert p.event("ready")["endpoint"] == f"tcp://{at(server)}"
        nobodys.listen(16)
        assert p.event("ready", count=2)["endpoint"] == f"tcp://{at(nobodys)}"
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path)
            unix.listen(4)
            assert p.event("ready", count=3)["endpoint"] == f"unix:{path}"
            assert p.wait() == 0
    end = p.event("end")
    assert (end["how"], end["done"], end["missing"]) == ("done", 3, 0)
    ready = p.event("ready")
    assert ready["after_ns"] > 0 and ready["tries"] >= 1 and ready["time"].endswith("Z")


def test_with_any_one_is_enough(server, nobodys):
    done = soket("wait", "--any", "--json", at(nobodys), at(server))
    assert done.status == 0, done
    events = {e["event"]: e for e in lines(done.out)}
    assert events["ready"]["endpoint"] == f"tcp://{at(server)}"
    assert events["missing"]["endpoint"] == f"tcp://{at(nobodys)}"


@pytest.mark.parametrize("family, address, text", [
    (socket.AF_INET, "127.0.0.1", "localhost:{}"),
    (socket.AF_INET, "127.0.0.1", "{}"),
    (socket.AF_INET, "127.0.0.1", ":{}"),
    (socket.AF_INET6, "::1", "[::1]:{}"),
    (socket.AF_INET6, "::1", "localhost:{}"),
    (socket.AF_INET6, "::1", "tcp6://localhost:{}"),
])
def test_the_forms_of_an_endpoint_mean_what_they_mean_to_connect(family, address, text):
    try:
        sock = listening(address, 0, family)
    except OSError:
        pytest.skip("no IPv6 here")
    with sock:
        assert soket("wait", text.format(sock.getsockname()[1])).status == 0


@pytest.mark.parametrize("kind, scheme", [(socket.SOCK_STREAM, "unix"), (socket.SOCK_SEQPACKET, "unix-seqpacket")])
@pytest.mark.parametrize("abstract", [False, True])
def test_unix_sockets_can_be_waited_for(kind, scheme, abstract, short_path):
    path = f"@soket-wait-{os.getpid()}-{scheme}" if abstract else os.path.join(short_path, "s")
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.bind("\0" + path[1:] if abstract else path)
        assert soket("wait", f"{scheme}:{path}", "-t", "150ms").status == 5  # bound, but it does not listen
        sock.listen(4)
        assert soket("wait", f"{scheme}:{path}").status == 0


# --- time is up ---------------------------------------------------------------------------------------------------------

def test_when_time_is_up_the_error_says_what_was_seen_last(nobodys):
    began = time.monotonic()
    done = soket("wait", at(nobodys), "-t", "300ms")
    assert done.status == 5 and done.out == ""
    assert 0.3 <= time.monotonic() - began < 3
    text, hint = one_clear_line(done)
    assert "timed out after 300 ms" in text and "refused" in text and at(nobodys) in text
    assert hint


@pytest.mark.parametrize("endpoint, words", [
    ("no-such-host.invalid:80", "no-such-host.invalid"),
    ("unix:/nonexistent/x.sock", "no such socket: /nonexistent/x.sock"),
])
def test_what_is_not_there_yet_is_waited_for(endpoint, words):
    done = soket("wait", endpoint, "-t", "300ms", env=clean_env(RES_OPTIONS="timeout:1 attempts:1"))
    assert done.status == 5 and words in one_clear_line(done)[0]


def test_of_several_each_that_is_missing_is_told_with_what_was_seen(server, nobodys):
    done = soket("wait", at(server), at(nobodys), "unix:/nonexistent/x", "-t", "200ms")
    assert done.status == 5
    text, rest = one_clear_line(done)
    assert "2 of 3" in text
    below = done.err.splitlines()[1:]
    assert any(at(nobodys) in line and "refused" in line for line in below), done.err
    assert any("unix:/nonexistent/x" in line and "no such socket" in line for line in below), done.err
    assert not any(at(server) in line for line in below)
    assert "--timeout" in rest


def test_json_tells_the_same(server, nobodys):
    done = soket("wait", "--json", at(server), at(nobodys), "-t", "200ms")
    assert done.status == 5
    events = lines(done.out)
    assert [e["event"] for e in events] == ["ready", "missing", "end"]
    assert events[1]["kind"] == "refused" and at(nobodys) in events[1]["text"] and events[1]["tries"] >= 2
    assert events[2]["how"] == "timeout"
    (error,) = lines(done.err)
    assert (error["event"], error["kind"]) == ("error", "timeout")


def test_a_server_that_drops_what_comes_gives_no_answer(pair):
    with Program([*pair.a.wrap, binary(), "wait", f"{pair.silent4}:80", "timeout=100ms", "-t", "600ms"]) as p:
        assert p.wait() == 5
        assert "does not answer" in p.err.text()


def test_no_route_is_waited_for_too(pair):
    with Program([*pair.a.wrap, binary(), "wait", "10.94.0.1:80", "-t", "200ms"]) as p:
        assert p.wait() == 5
        assert "unreachable" in p.err.text()


def test_a_server_of_another_machine_is_seen_when_it_comes(pair):
    with listener(pair.b, pair.b4) as first:
        port = first.getsockname()[1]
    with Program([*pair.a.wrap, binary(), "wait", "--json", f"{pair.b4}:{port}"]) as p:
        def serve():
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((pair.b4, port))
            sock.listen(4)
            return sock
        with pair.b.inside(serve):
            p.event("ready")
            assert p.wait() == 0


def test_a_try_that_hangs_does_not_keep_the_others_waiting(pair):
    """The whole time is what --timeout says, also while a try has not ended."""
    with listener(pair.a, pair.a4) as sock:
        words = [f"{pair.silent4}:80", f"{pair.a4}:{sock.getsockname()[1]}", "-t", "400ms", "--json"]
        with Program([*pair.a.wrap, binary(), "wait", *words]) as p:
            assert p.event("ready")["after_ns"] < 300_000_000
            assert p.wait() == 5
            assert p.event("end")["after_ns"] < 2_000_000_000


def test_pauses_do_not_burn_the_processor(nobodys):
    with Soket("wait", "-t", "1500ms", at(nobodys)) as p:
        assert p.ended(10)
        assert p.cpu_seconds() <= 0.2
        assert p.wait() == 5


def test_an_interval_is_kept(nobodys):
    done = soket("wait", "--json", "--interval", "20ms", "-t", "1s", at(nobodys))
    tries = next(e["tries"] for e in lines(done.out) if e["event"] == "missing")
    assert 10 <= tries <= 51


# --- what waiting cannot mend -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, part", [
    ([], "missing"),
    (["--free"], "missing"),
    (["echo:"], "echo"),
    (["127.0.0.1:0"], "port 0"),
    (["unix:/" + "x" * 120], "107"),
    (["127.0.0.1:80", "retry=3"], "retry"),
    (["127.0.0.1:80", "backlog=3"], "backlog"),
    (["127.0.0.1:80", "nonsense=3"], "nonsense"),
    (["listen:127.0.0.1:80"], "listen:"),
    (["--free", "dial:127.0.0.1:80"], "dial:"),
    (["127.0.0.1:80", "-t", "5"], "--timeout"),
    (["127.0.0.1:80", "--interval", "0s"], "--interval"),
    (["127.0.0.1:80", "--"], "command"),
    (["--free", "192.0.2.1:80"], "192.0.2.1"),
])
def test_what_is_wrong_with_the_words_ends_it_at_once(words, part):
    done = soket("wait", *words, deadline=5)
    assert done.status == 2 and part in one_clear_line(done)[0], done


def test_missing_permission_ends_it_at_once(tmp_path, short_path):
    path = os.path.join(short_path, "s")
    os.chmod(short_path, 0o755)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen(4)
        os.chmod(path, 0o600)
        if os.geteuid() != 0:
            pytest.skip("needs root, to become somebody else")
        done = run_as_nobody(str(tmp_path), "wait", path)
    assert done.status == 6 and "permission denied" in one_clear_line(done)[0]


# --- free ---------------------------------------------------------------------------------------------------------------

def test_a_port_that_somebody_listens_on_is_not_free(server):
    done = soket("wait", "--free", at(server), "-t", "200ms")
    assert done.status == 5 and "in use" in one_clear_line(done)[0]


def test_it_is_free_when_the_server_has_gone(server):
    with Soket("wait", "--free", "--json", at(server)) as p:
        until(lambda: ticks_of_tries(p) >= 1, Deadline(10), "the wait to sleep")
        server.close()
        p.event("free")
        assert p.wait() == 0


def test_clients_that_are_left_over_do_not_count(server):
    """After a server has closed its connections they stay in TIME_WAIT; a new one can start anyhow."""
    client = socket.create_connection(server.getsockname())
    end, _ = server.accept()
    end.close()
    client.close()
    address = at(server)
    server.close()
    assert soket("wait", "--free", address, "-t", "2s").status == 0


def test_without_a_host_both_families_must_be_free():
    try:
        sock = listening("::1", 0, socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with sock:
        port = sock.getsockname()[1]
        assert soket("wait", "--free", f":{port}", "-t", "100ms").status == 5
        assert soket("wait", "--free", f"127.0.0.1:{port}", "-t", "2s").status == 0


def test_a_system_port_can_be_asked_about_without_root(tmp_path):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        first = int(f.read())
    free = next((p for p in range(1, first) if soket("wait", "--free", f":{p}", "-t", "10ms").status == 0), None)
    if free is None:
        pytest.skip("every port is for everybody here")
    assert run_as_nobody(str(tmp_path), "wait", "--free", f":{free}", "-t", "2s").status == 0
    if os.geteuid() == 0:
        with listening("127.0.0.1", free):
            done = run_as_nobody(str(tmp_path), "wait", "--free", f":{free}", "-t", "100ms")
            assert done.status == 5, done


def test_a_socket_file_is_free_when_nobody_listens_any_more(short_path):
    path = os.path.join(short_path, "s")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen(4)
        assert soket("wait", "--free", path, "-t", "100ms").status == 5
    assert os.path.exists(path)
    assert soket("wait", "--free", path, "-t", "2s").status == 0
    assert os.path.exists(path)  # asking takes nothing away


def test_asking_leaves_the_port_as_it_was(nobodys):
    """Nothing stays bound: a program that does not reuse addresses can have the port at once."""
    port = nobodys.getsockname()[1]
    nobodys.close()
    assert soket("wait", "--free", f"127.0.0.1:{port}", "-t", "2s").status == 0
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))


# --- the command --------------------------------------------------------------------------------------------------------

def test_the_command_runs_when_all_are_ready_and_its_status_is_ours(server):
    done = soket("wait", at(server), "--", "sh", "-c", "echo ran; exit 7")
    assert (done.status, done.out, done.err) == (7, "ran\n", "")


def test_the_command_is_the_same_process(server):
    with Soket("wait", at(server), "--", "sh", "-c", "echo $$") as p:
        assert p.wait() == 0
        assert int(p.out.text()) == p.pid


def test_a_signal_that_ends_the_command_is_seen_by_who_waits_for_us(server):
    assert soket("wait", at(server), "--", "sh", "-c", "kill -TERM $$").status == -signal.SIGTERM


def test_the_command_gets_our_input_and_environment_and_no_descriptor(server):
    script = "cat; echo $MARK; ls /proc/self/fd | wc -l"
    done = soket("wait", at(server), "--", "sh", "-c", script, stdin=b"input\n", env=clean_env(MARK="kept"))
    assert done.out.split() == ["input", "kept", "4"], done  # 0, 1, 2, and the directory


def test_the_command_gets_the_limit_of_descriptors_that_we_were_given(server):
    script = 'ulimit -Sn 321; exec "$0" wait "$1" -- sh -c "ulimit -Sn"'
    with Program(["sh", "-c", script, binary(), at(server)]) as p:
        assert p.wait() == 0 and p.out.text() == "321\n"


def test_without_a_server_the_command_does_not_run(nobodys):
    done = soket("wait", at(nobodys), "-t", "100ms", "--", "echo", "ran")
    assert done.status == 5 and done.out == ""


@pytest.mark.parametrize("command, hint", [("soket-no-such-command", "PATH"), ("./plain", "chmod")])
def test_a_command_that_cannot_be_started_is_status_10(server, command, hint, tmp_path):
    (tmp_path / "plain").write_text("")
    done = soket("wait", at(server), "--", command, cwd=tmp_path, env=clean_env(PATH="/usr/bin:/bin"))
    text, said = one_clear_line(done)
    assert done.status == 10 and command in text and hint in said


def test_with_json_stdout_is_the_commands(server):
    done = soket("wait", "--json", at(server), "--", "echo", "ran")
    assert done.out == "ran\n"
    assert [e["event"] for e in lines(done.err)] == ["ready", "end"]


# --- being told, and being stopped --------------------------------------------------------------------------------------

def test_verbose_says_what_is_ready(server):
    done = soket("wait", "-v", at(server))
    assert done.status == 0 and at(server) in done.err and "is ready" in done.err


def test_quiet_says_nothing_but_the_error(server, nobodys):
    assert soket("wait", "-q", at(server)).err == ""
    one_clear_line(soket("wait", "-q", at(nobodys), "-t", "100ms"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_command_does_not_run(nobodys, number):
    with Soket("wait", at(nobodys), "--", "echo", "ran") as p:
        until(lambda: ticks_of_tries(p) >= 1, Deadline(10), "the wait to sleep")
        assert p.stop(number) == -number
        assert p.out.text() == ""


class Screen:
    """soket wait on a terminal of its own."""

    def __init__(self, *words, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(binary(), [binary(), "wait", *words], clean_env(TERM="xterm"))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.text = ""

    def until(self, part, deadline):
        while part not in self.text:
            assert select.select([self.fd], [], [], deadline.left(f"{part!r} in {self.text!r}"))[0]
            try:
                self.text += os.read(self.fd, 65536).decode()
            except OSError:
                raise AssertionError(f"ended: {self.text!r}") from None

    def end(self, deadline):
        """The status, once everything is read."""
        while True:
            assert select.select([self.fd], [], [], deadline.left(f"the end; {self.text!r}"))[0]
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                piece = b""
            if not piece:
                break
            self.text += piece.decode()
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_terminal_shows_on_one_line_what_is_missing_and_why(server, nobodys):
    screen = Screen(at(server), at(nobodys), "unix:/nonexistent/s", "-t", "20s", columns=120)
    deadline = Deadline(15)
    screen.until("1 of 3 ready", deadline)
    screen.until("no such socket", deadline)
    assert "refused" in screen.text and "\n" not in screen.text
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.end(deadline) == -signal.SIGTERM


def test_a_terminal_is_left_with_what_became_ready_and_no_rest_of_the_line(nobodys):
    screen = Screen(at(nobodys), "-t", "20s", "--", "echo", "ran")
    deadline = Deadline(15)
    screen.until("refused", deadline)
    nobodys.listen(4)
    assert screen.end(deadline) == 0
    last = screen.text[screen.text.rindex("\033[K") + 3:].splitlines()
    assert len(last) == 2 and "is ready" in last[0] and last[1] == "ran", screen.text


def test_a_long_list_stays_on_one_line_of_the_terminal(nobodys):
    screen = Screen(*[f"unix:/nonexistent/a-name-that-is-rather-long-{i}" for i in range(20)], "-t", "900ms")
    deadline = Deadline(15)
    assert screen.end(deadline) == 5
    drawn = [part.split("\033[K")[0] for part in screen.text.split("\r")[1:] if part.startswith("waiting")]
    assert drawn and all(len(line) < 80 for line in drawn), drawn


def test_many_endpoints_at_once():
    socks = [listening() for _ in range(40)]
    try:
        done = soket("wait", "--json", *[at(s) for s in socks])
        assert done.status == 0 and len([e for e in lines(done.out) if e["event"] == "ready"]) == 40
    finally:
        for s in socks:
            s.close()


def test_servers_that_come_while_many_wait(nobodys):
    """Ten waiting processes, one server: all of them see it."""
    programs = [Soket("wait", at(nobodys), stdin=DEVNULL) for _ in range(10)]
    for p in programs:
        until(lambda p=p: ticks_of_tries(p) >= 1, Deadline(10), "the waits to sleep")
    threading.Thread(target=lambda: nobodys.listen(64)).start()
    assert [p.wait() for p in programs] == [0] * 10


# --- datagrams ----------------------------------------------------------------------------------------------------------

def test_a_datagram_endpoint_is_there_when_it_answers_an_empty_message():
    with Soket("link", "--json", "udp://127.0.0.1:0", "echo:") as echo:
        done = soket("wait", f"udp://127.0.0.1:{echo.port()}", "-t", "10s")
        assert done.status == 0, done


def test_a_datagram_endpoint_that_refuses_or_is_silent_is_waited_for_and_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        done = soket("wait", f"udp://127.0.0.1:{silent.getsockname()[1]}", "-t", "1.3s")
        assert done.status == 5 and "silent" in done.err and "proves nothing" in done.err, done
        port = silent.getsockname()[1]
    done = soket("wait", f"udp://127.0.0.1:{port}", "-t", "300ms")
    assert done.status == 5 and "refused" in done.err, done


def test_a_udp_port_is_waited_for_until_it_is_free():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        done = soket("wait", "--free", f"udp://127.0.0.1:{port}", "-t", "300ms")
        assert done.status == 5 and f"pid {os.getpid()}" in done.err, done
        with Soket("wait", "--free", f"udp://127.0.0.1:{port}", "-v") as p:
            held.close()
            assert p.wait() == 0
