# SPDX-License-Identifier: Apache-2.0
"""soket connect: the terminal, or the pipe, joined to an endpoint."""
import os
import signal
import socket
import struct
import threading

import pytest

from harness import data as pattern
from harness.clock import Deadline
from harness.ends import EchoServer, End, Server, of_socket, together
from harness.run import PIPE, Soket, command, binary, one_clear_line, soket


def serve_once(server, work, seconds=15):
    """Accept one client in a thread and run work(end, deadline). Returns a function that waits for it and gives its
    result."""
    deadline = Deadline(seconds)
    result = []

    def run():
        try:
            with server.accept(deadline) as end:
                result.append((work(end, deadline), None))
        except BaseException as e:  # noqa: B902 - raised in the test
            result.append((None, e))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait():
        thread.join(deadline.seconds)
        assert result, "the server did not finish"
        if result[0][1]:
            raise result[0][1]
        return result[0][0]
    return wait


def answer(text):
    """Read to the end, then answer."""
    def work(end, deadline):
        got = end.read_all(deadline)
        end.send_bytes(text, deadline)
        return got
    return work


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def test_stdin_goes_to_the_server_and_its_answer_to_stdout(family):
    with Server(family) as server:
        served = serve_once(server, answer(b"the answer\n"))
        done = soket("connect", server.endpoint, stdin=b"the question\n")
        assert served() == b"the question\n"
        assert (done.status, done.out, done.err) == (0, "the answer\n", "")


@pytest.mark.parametrize("form", ["tcp://127.0.0.1:{port}", "127.0.0.1:{port}", "localhost:{port}", ":{port}", "{port}",
                                  "tcp:127.0.0.1:{port}", "dial:tcp://127.0.0.1:{port}", "tcp4://localhost:{port}"])
def test_every_way_to_write_a_local_tcp_address_reaches_it(form):
    with Server() as server:
        served = serve_once(server, answer(b"ok"))
        done = soket("connect", form.format(port=server.port), stdin=b"hello")
        assert (done.status, done.out) == (0, "ok"), done
        assert served() == b"hello"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET], ids=["stream", "seqpacket"])
@pytest.mark.parametrize("name", ["path", "abstract"])
def test_unix_sockets_by_path_and_by_abstract_name(kind, name, short_path):
    path = os.path.join(short_path, "s")
    abstract = f"skt-test-{os.getpid()}-{kind}"
    with Server(socket.AF_UNIX, kind, path if name == "path" else "\0" + abstract) as server:
        served = serve_once(server, answer(b"ok"))
        word = path if name == "path" else "@" + abstract
        scheme = "unix" if kind == socket.SOCK_STREAM else "unix-seqpacket"
        done = soket("connect", f"{scheme}:{word}", stdin=b"hello")
        assert (done.status, done.out) == (0, "ok"), done
        assert served() == b"hello"


@pytest.mark.parametrize("form", ["/{path}", "./s", "@{abstract}"])
def test_a_path_or_an_at_sign_alone_is_a_unix_socket(form, short_path):
    path = os.path.join(short_path, "s")
    abstract = f"skt-test-short-{os.getpid()}"
    with Server(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + abstract if "@" in form else path) as server:
        served = serve_once(server, answer(b"ok"))
        word = form.format(path=path.lstrip("/"), abstract=abstract)
        done = soket("connect", word, stdin=b"hello", cwd=short_path)
        assert (done.status, done.out) == (0, "ok"), done
        assert served() == b"hello"


def test_an_open_socket_is_an_endpoint_by_its_number():
    ours, its = socket.socketpair()
    with its, of_socket(ours) as end:
        with Soket("connect", f"fd:{its.fileno()}", stdin=PIPE, pass_fds=[its.fileno()]) as p:
            its.close()
            os.write(p.stdin, b"hello")
            assert end.read_some(100, p.deadline) == b"hello"
            end.send_bytes(b"ok", p.deadline)
            p.close_stdin()
            end.expect_end(p.deadline)
            end.close()
            assert p.wait() == 0
            assert p.out.text() == "ok"


def test_echo_gives_back_what_it_gets():
    content = pattern.whole(3, 3_000_000)
    done = soket("connect", "echo:", stdin=content)
    assert done.status == 0 and done.raw == content


def test_discard_takes_everything_and_says_nothing():
    done = soket("connect", "discard:", stdin=pattern.whole(3, 3_000_000))
    assert (done.status, done.out, done.err) == (0, "", "")


def test_text_is_its_text():
    done = soket("connect", "text:good morning", stdin=b"")
    assert (done.status, done.out) == (0, "good morning"), done
    done = soket("connect", "text:good morning", "newline=yes", stdin=b"")
    assert (done.status, done.out) == (0, "good morning\n"), done


def test_daytime_is_one_line_with_this_year():
    import time
    done = soket("connect", "daytime:", stdin=b"")
    assert done.status == 0 and done.out.count("\n") == 1 and time.strftime("%Y") in done.out, done


def test_chargen_has_the_lines_of_rfc_864():
    with Soket("connect", "chargen:", stdin=PIPE, stdout="raw") as p:
        end = End(p.take("stdout"), -1)
        got = b""
        while len(got) < 74 * 96:
            got += end.read_some(65536, p.deadline)
        end.close()
        p.wait()
    lines = got[:74 * 96].split(b"\r\n")
    ring = bytes(range(33, 127)) if lines[0][0:1] == b"!" else bytes(range(32, 127))
    for i, line in enumerate(lines[:95]):
        start = i % len(ring)
        assert line == (ring + ring)[start:start + 72], f"line {i}"


def test_a_file_is_copied_out_and_in(tmp_path):
    content = pattern.whole(4, 3_000_001)
    (tmp_path / "in").write_bytes(content)
    done = soket("connect", f"file:{tmp_path}/in", "read=yes", stdin=b"")
    assert done.status == 0 and done.raw == content
    done = soket("connect", f"file:{tmp_path}/out", "write=yes", stdin=content)
    assert done.status == 0 and (tmp_path / "out").read_bytes() == content
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o644 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_part_of_a_file_by_offset_and_length(tmp_path):
    content = pattern.whole(4, 300_000)
    (tmp_path / "in").write_bytes(content)
    done = soket("connect", f"file:{tmp_path}/in", "read=yes", "offset=64K", "length=100000", stdin=b"")
    assert done.status == 0 and done.raw == content[65536:165536]


def test_append_adds_to_a_file_and_write_alone_replaces_it(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"first ")
    assert soket("connect", f"file:{path}", "append=yes", stdin=b"second ").status == 0
    assert soket("connect", f"file:{path}", "append=yes", stdin=b"third").status == 0
    assert path.read_bytes() == b"first second third"
    assert soket("connect", f"file:{path}", "write=yes", stdin=b"new").status == 0
    assert path.read_bytes() == b"new"


def test_follow_goes_on_with_what_is_added_to_a_file(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    with Soket("connect", f"file:{path}", "read=yes", "follow=yes", "--half-open", stdin=PIPE) as p:
        p.out.wait(lambda r: r.bytes == b"one\n", p.deadline, "the first line")
        for i in range(3):
            with path.open("ab") as f:
                f.write(f"more {i}\n".encode())
            p.out.wait(lambda r, i=i: r.bytes.endswith(f"more {i}\n".encode()), p.deadline, "an added line")
        assert p.stop() in (0, 1), "cut, or done"


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path):
    done = soket("connect", f"file:{tmp_path}/none", "read=yes", stdin=b"")
    assert done.status in (2, 4), done
    text, _ = one_clear_line(done)
    assert f"{tmp_path}/none" in text


def test_create_no_does_not_make_the_file(tmp_path):
    done = soket("connect", f"file:{tmp_path}/none", "write=yes", "create=no", stdin=b"x")
    assert done.status != 0 and not (tmp_path / "none").exists()
    one_clear_line(done)


def test_a_command_gets_stdin_and_gives_stdout(holder):
    content = pattern.whole(5, 5_000_000)
    done = soket("connect", "--", holder, "cat", stdin=content)
    assert done.status == 0 and done.raw == content


def test_the_words_of_a_command_reach_it_unchanged():
    words = ["a b", "", "'", '"', "\\", "$HOME", "*", ";", "--json", "é"]
    done = soket("connect", "--", "/usr/bin/printf", "%s|", *words, stdin=b"")
    assert done.out == "".join(w + "|" for w in words), done


def test_exec_text_is_split_into_words_without_a_shell():
    done = soket("connect", 'exec:/usr/bin/printf %s| one "two three" four\\ five $HOME', stdin=b"")
    assert (done.status, done.out) == (0, "one|two three|four five|$HOME|"), done


@pytest.mark.parametrize("status", [0, 1, 3, 70, 255])
def test_the_status_of_a_child_is_passed_on(status):
    assert soket("connect", "--", "sh", "-c", f"exit {status}", stdin=b"").status == status


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
def test_a_child_that_a_signal_ended_gives_128_and_the_signal(name):
    done = soket("connect", "--", "sh", "-c", f"ulimit -c 0; kill -{name} $$", stdin=b"")
    assert done.status == 128 + getattr(signal, f"SIG{name}"), done


def test_the_status_of_a_child_that_outlives_its_output_is_passed_on():
    done = soket("connect", "--", "sh", "-c", "exec >&-; sleep 0.3; exit 9", stdin=b"")
    assert done.status == 9, done


def test_the_stderr_of_a_child_is_kept_apart():
    done = soket("connect", "--", "sh", "-c", "echo out; echo err >&2", stdin=b"")
    assert (done.out, done.err) == ("out\n", "err\n")


def test_stderr_null_drops_it_and_join_mixes_it_in():
    script = 'exec:sh -c "echo out; echo err >&2"'
    done = soket("connect", script, "stderr=null", stdin=b"")
    assert (done.status, done.out, done.err) == (0, "out\n", "")
    done = soket("connect", script, "stderr=join", stdin=b"")
    assert (done.status, done.out, done.err) == (0, "out\nerr\n", "")


def test_the_working_directory_and_environment_of_a_child(tmp_path):
    done = soket("connect", "exec:sh -c \"pwd; echo $A-$B-$HOME\"", f"cwd={tmp_path}", "env=A=1", "env=B=two words",
                 stdin=b"",
                 env={"HOME": "/h", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
    assert (done.status, done.out) == (0, f"{tmp_path}\n1-two words-/h\n"), done


def test_clear_env_leaves_only_what_was_given():
    done = soket("connect", "exec:/usr/bin/env", "clear-env=yes", "env=A=1", stdin=b"")
    assert done.status == 0
    names = {line.split("=", 1)[0] for line in done.out.splitlines()}
    assert "A" in names and "LC_ALL" not in names and "HOME" not in names, names


def test_a_child_on_a_terminal_leads_it_and_sees_its_size(holder):
    done = soket("connect", f"exec:{holder} term", "pty=yes", "rows=33", "cols=111", stdin=b"")
    assert done.status == 0, done
    assert done.out.split() == "tty 1 1 1 rows 33 cols 111 controlling 1 session 1".split(), done


def test_the_pty_scheme_is_a_command_on_a_terminal(holder):
    done = soket("connect", f"pty:{holder} term", "rows=10", "cols=20", stdin=b"")
    assert done.out.split() == "tty 1 1 1 rows 10 cols 20 controlling 1 session 1".split(), done


def test_without_pty_a_child_has_no_terminal(holder):
    done = soket("connect", f"exec:{holder} term", stdin=b"")
    assert done.out.startswith("tty 0 0 "), done


def test_the_status_of_a_child_on_a_terminal_is_passed_on():
    assert soket("connect", 'exec:sh -c "exit 5"', "pty=yes", stdin=b"").status == 5


def test_a_raw_terminal_carries_every_byte_unchanged(holder):
    content = bytes(range(256)) * 40
    with Soket("connect", f"exec:{holder} cat", "pty=yes", "raw=yes", "--half-open", stdin=PIPE) as p:
        end = End(-1, p.take("stdin"))
        end.send_bytes(content, p.deadline)
        p.out.wait(lambda r: len(r.bytes) >= len(content), p.deadline, "the echo")
        assert bytes(p.out.bytes) == content
        end.close()
        p.send_signal(signal.SIGTERM)
        p.wait()


def test_opened_and_closed_events_are_on_stderr_where_stdout_carries_data():
    with Server() as server:
        served = serve_once(server, answer(b"four"))
        done = soket("connect", "--json", server.endpoint, stdin=b"sixsix")
        served()
    assert done.out == "four"
    kinds = [e["event"] for e in done.events]
    assert kinds == ["opened", "closed"], done
    closed = done.events[1]
    assert (closed["sent"], closed["received"], closed["how"]) == (6, 4, "done")
    assert closed["duration_ns"] > 0 and "error" not in closed and "T" in closed["time"]
    assert closed["to"] == server.endpoint


def test_verbose_says_what_was_opened_and_quiet_says_nothing():
    with Server() as server:
        served = serve_once(server, answer(b"x"))
        done = soket("connect", "-v", server.endpoint, stdin=b"")
        served()
        assert str(server.port) in done.err and done.status == 0
        served = serve_once(server, answer(b"x"))
        done = soket("connect", "-q", server.endpoint, stdin=b"")
        served()
        assert (done.status, done.err) == (0, "")


def test_retry_waits_for_a_server_that_starts_later():
    with Server() as server:
        address = server.address
    with Soket("connect", f"tcp://127.0.0.1:{address[1]}", "retry=forever", "-v", stdin=PIPE) as p:
        assert not p.ended(0.3), f"retry gave up: {p.said()}"
        with Server(address=address) as server, server.accept(p.deadline) as end:
            os.write(p.stdin, b"hello")
            p.close_stdin()
            assert end.read_all(p.deadline) == b"hello"
            end.close()
            assert p.wait() == 0


def test_retry_ends_after_its_number_of_tries():
    with Server() as server:
        endpoint = server.endpoint
    done = soket("connect", endpoint, "retry=2", stdin=b"")
    assert done.status == 4
    one_clear_line(done)


def test_linger_cuts_the_other_direction_after_one_has_ended():
    """Time itself is tested: without linger=, --half-open would let stdin go on for ever."""
    with Server() as server:
        p = Soket("connect", "--half-open", server.endpoint, "linger=300ms", stdin=PIPE)
        with server.accept(p.deadline) as end:
            end.end_writing()
            assert not p.ended(0.15)
            p.wait(Deadline(5, "linger to cut"))


def test_sport_and_bind_choose_the_local_address():
    with Server() as chosen:
        port = chosen.port
    with Server() as server:
        served = serve_once(server, lambda end, deadline: (end.sock.getpeername(), end.read_all(deadline)))
        done = soket("connect", server.endpoint, "bind=127.0.0.77", f"sport={port}", stdin=b"")
        assert done.status == 0, done
        assert served()[0] == ("127.0.0.77", port)


OPTIONS = [
    ("nodelay=no", socket.IPPROTO_TCP, socket.TCP_NODELAY, lambda v: v == 0),
    ("nodelay=yes", socket.IPPROTO_TCP, socket.TCP_NODELAY, lambda v: v == 1),
    ("keepalive=yes", socket.SOL_SOCKET, socket.SO_KEEPALIVE, lambda v: v == 1),
    ("keepalive=33s", socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, lambda v: v == 33),
    ("user-timeout=1234ms", socket.IPPROTO_TCP, 18, lambda v: v == 1234),
    ("sndbuf=100000", socket.SOL_SOCKET, socket.SO_SNDBUF, lambda v: 100000 <= v <= 200000),
    ("rcvbuf=100000", socket.SOL_SOCKET, socket.SO_RCVBUF, lambda v: 100000 <= v <= 200000),
    ("priority=4", socket.SOL_SOCKET, socket.SO_PRIORITY, lambda v: v == 4),
    ("tos=16", socket.IPPROTO_IP, socket.IP_TOS, lambda v: v == 16),
    ("dscp=46", socket.IPPROTO_IP, socket.IP_TOS, lambda v: v == 46 << 2),
    ("ttl=17", socket.IPPROTO_IP, socket.IP_TTL, lambda v: v == 17),
    ("mss=900", socket.IPPROTO_TCP, socket.TCP_MAXSEG, lambda v: v <= 900),
]


@pytest.mark.parametrize("word, level, option, right", [pytest.param(*row, id=row[0]) for row in OPTIONS])
def test_an_option_reaches_the_socket(word, level, option, right):
    """The socket is looked at through pidfd_getfd(2), while soket holds it."""
    with Server() as server, Soket("connect", server.endpoint, word, stdin=PIPE) as p:
        with server.accept(p.deadline):
            value = socket_of(p).getsockopt(level, option)
            assert right(value), value


def socket_of(program):
    """A duplicate of the program's only TCP socket."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    for fd in os.listdir(f"/proc/{program.pid}/fd"):
        try:
            if not os.readlink(f"/proc/{program.pid}/fd/{fd}").startswith("socket:"):
                continue
        except OSError:
            continue
        mine = libc.syscall(438, program.pidfd, int(fd), 0)
        if mine < 0:
            pytest.skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
        sock = socket.socket(fileno=mine)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            return sock
    raise AssertionError("no socket")


def test_an_option_of_another_scheme_is_refused_with_the_nearest_word():
    done = soket("connect", "tcp://127.0.0.1:1", "nodeley=yes", stdin=b"")
    assert done.status == 2
    assert "nodelay" in done.err and "nodeley" in done.err


def test_a_message_of_seqpacket_larger_than_a_buffer_is_never_cut_silently(short_path):
    """200,000 bytes in one message: all of them arrive, or soket says that they did not."""
    content = pattern.whole(6, 200_000)
    with Server(socket.AF_UNIX, socket.SOCK_SEQPACKET, os.path.join(short_path, "s")) as server:
        def work(end, deadline):
            end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            end.piece = 1 << 20
            end.send_bytes(content, deadline)
        served = serve_once(server, work)
        done = soket("connect", server.endpoint, stdin=b"")
        served()
        whole = done.status == 0 and done.raw == content
        assert whole or done.status in (1, 8, 9), (done.status, len(done.raw), done.err)
        if done.status:
            one_clear_line(done)


def test_an_empty_seqpacket_message_is_not_the_end(short_path):
    with Server(socket.AF_UNIX, socket.SOCK_SEQPACKET, os.path.join(short_path, "s")) as server:
        def work(end, deadline):
            end.send_bytes(b"before ", deadline)
            end.sock.send(b"")
            end.send_bytes(b"after", deadline)
        served = serve_once(server, work)
        done = soket("connect", server.endpoint, stdin=b"")
        served()
        assert (done.status, done.out) == (0, "before after")


def test_urgent_bytes_are_not_lost():
    with Server() as server:
        def work(end, deadline):
            end.send_bytes(b"before", deadline)
            end.sock.send(b"!", socket.MSG_OOB)
            end.send_bytes(b"after", deadline)
        served = serve_once(server, work)
        done = soket("connect", server.endpoint, stdin=b"")
        served()
        assert (done.status, done.out) == (0, "before!after")


class Screen:
    """A terminal that soket's stderr is; what is written on it."""

    def __init__(self):
        self.master, self.slave = os.openpty()

    def read(self):
        """Everything, once soket has ended."""
        os.close(self.slave)
        end = End(self.master, -1)
        text = end.read_all(Deadline(5)).decode()
        end.close()
        return text


def test_a_rate_line_is_on_the_terminal_while_a_pipe_is_carried_and_a_sum_at_the_end():
    screen = Screen()
    p = Soket("connect", "discard:", stdin=PIPE, stderr=screen.slave)
    for _ in range(8):  # time itself is tested: the line comes by and by
        os.write(p.stdin, b"x" * 50_000)
        assert not p.ended(0.08)
    p.close_stdin()
    assert p.wait() == 0
    text = screen.read()
    assert "\r" in text and "/s" in text, text
    assert "soket: " in text, "no sum at the end"
    assert "391 KiB" in text.rsplit("soket: ", 1)[1], "the sum is of all 400,000 bytes: " + text


def test_a_file_on_stdin_has_percent_and_time_left(tmp_path):
    n = 64 << 20
    (tmp_path / "f").write_bytes(b"x" * n)
    screen = Screen()
    with Server() as server, open(tmp_path / "f", "rb") as f:
        p = Soket("connect", server.endpoint, stdin=f, stderr=screen.slave)
        with server.accept(p.deadline) as end:
            while end.received < n // 2:
                end.read_some(deadline=p.deadline)
            assert not p.ended(0.7)  # half of it is through: the line shows that
            while end.read_some(deadline=p.deadline):
                pass
        assert p.wait() == 0
    text = screen.read()
    assert "%" in text and "left" in text, text


def test_no_rate_line_where_nothing_is_a_terminal_and_none_with_quiet_or_json():
    assert soket("connect", "discard:", stdin=pattern.whole(1, 1_000_000)).err == ""
    for flag in ("-q", "--json"):
        screen = Screen()
        p = Soket("connect", flag, "discard:", stdin=PIPE, stderr=screen.slave)
        os.write(p.stdin, b"x" * 50_000)
        assert not p.ended(0.6)
        p.close_stdin()
        assert p.wait() == 0
        assert "/s" not in screen.read()


def test_two_sokets_carry_a_pipe_from_one_to_the_other():
    content = pattern.whole(7, 20_000_000)
    with Soket("listen", "--json", "tcp://127.0.0.1:0") as listener:
        done = soket("connect", f"tcp://127.0.0.1:{listener.port()}", stdin=content)
        assert done.status == 0
        assert listener.wait() == 0
        assert bytes(listener.out.bytes) == content


def test_stdin_of_a_shell_keeps_its_blocking_mode():
    """soket's stdin is shared with the shell: O_NONBLOCK left on it would break the next command."""
    ours, its = socket.socketpair()
    with ours, its:
        p = Soket("connect", "discard:", stdin=its.fileno())
        ours.sendall(b"x" * 1000)
        ours.shutdown(socket.SHUT_WR)
        assert p.wait() == 0
        assert os.get_blocking(its.fileno())
    r, w = os.pipe()
    p = Soket("connect", "echo:", stdin=r, stdout=w)
    os.close(w)
    p.stop(signal.SIGTERM)
    assert os.get_blocking(r)
    os.close(r)


def test_four_clients_at_once_each_get_their_own_bytes():
    """Four clients of one server at once, each with its own bytes."""
    with EchoServer() as server:
        def client(seed):
            content = pattern.whole(seed, 1_000_000)

            def work():
                done = soket("connect", server.endpoint, stdin=content)
                assert done.status == 0 and done.raw == content
            return work
        together(*[client(seed) for seed in range(20, 24)])


def test_the_binary_starts_fast():
    """Under 5 ms is asked of a quiet machine; here, that nothing slow is done before main()."""
    import time
    times = []
    for _ in range(5):
        begin = time.monotonic()
        command(binary(), "explain", "80")
        times.append(time.monotonic() - begin)
    assert min(times) < 0.1


def test_reset_by_the_server_is_an_error_that_says_so():
    with Server() as server:
        p = Soket("connect", server.endpoint, stdin=PIPE)
        end = server.accept(p.deadline)
        end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()
        assert p.wait() == 1
        text, _ = one_clear_line(p_finished(p))
        assert "reset" in text.lower()


def p_finished(p):
    from harness.run import Finished
    return Finished(p, p.wait())


def test_a_file_is_read_unless_writing_is_asked_for(tmp_path):
    path = tmp_path / "file"
    path.write_text("kept", encoding="ascii")
    assert soket("connect", f"file:{path}").raw == b"kept"
    assert path.read_text(encoding="ascii") == "kept"
