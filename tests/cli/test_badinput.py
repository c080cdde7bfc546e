# SPDX-License-Identifier: Apache-2.0
"""Bad input: each gives its exit status, one clear line, and a hint."""
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time

import pytest

from harness import data as pattern
from harness.clock import Deadline, until
from harness.ends import EchoServer, Gone, Server, dial_tcp, dial_unix, round_trip, together
from harness.rights import run_as_nobody
from harness.run import DEVNULL, PIPE, Finished, Soket, one_clear_line, sanitized, soket

# names and addresses


def test_a_name_that_does_not_resolve_is_3(machine):
    """In a namespace without a network: nothing is asked of anybody."""
    done = soket("connect", "no-such-host.invalid:80", wrap=machine.wrap, stdin=b"")
    assert done.status == 3, done
    text, _ = one_clear_line(done)
    assert "no-such-host.invalid" in text


def test_a_relay_to_a_name_that_does_not_resolve_fails_each_link(machine):
    with Soket("link", "--json", "tcp://127.0.0.1:0", "no-such-host.invalid:80", wrap=machine.wrap) as p:
        address = p.address()
        machine.inside(lambda: dial_tcp(address, p.deadline).close())
        assert p.event("failed")["error"]["kind"] == "resolve"


def test_a_refused_connection_is_4():
    with Server() as server:
        endpoint = server.endpoint
    done = soket("connect", endpoint, stdin=b"")
    assert done.status == 4, done
    text, _ = one_clear_line(done)
    assert "refused" in text and endpoint.split("//")[1] in text


def test_a_unix_socket_that_is_not_there_is_4(short_path):
    path = os.path.join(short_path, "none")
    done = soket("connect", path, stdin=b"")
    assert done.status == 4, done
    assert path in one_clear_line(done)[0]


def test_a_unix_socket_that_nobody_listens_on_is_4(short_path):
    path = os.path.join(short_path, "stale")
    Server(socket.AF_UNIX, address=path).close()
    done = soket("connect", path, stdin=b"")
    assert done.status == 4, done
    assert path in one_clear_line(done)[0]


@pytest.mark.netns
@pytest.mark.parametrize("address", ["10.94.0.5", "[fd94::5]", "10.200.0.1", "[fd00:200::1]"])
def test_an_unreachable_address_is_4(pair, address):
    done = soket("connect", f"{address}:80", wrap=pair.a.wrap, stdin=b"", deadline=8)
    assert done.status == 4, done
    text, _ = one_clear_line(done)
    assert "unreachable" in text.lower() or "no route" in text.lower(), text


@pytest.mark.netns
@pytest.mark.parametrize("address", ["10.93.0.9", "[fd93::9]"])
def test_a_silent_peer_is_5_when_its_time_is_over(pair, address):
    begin = time.monotonic()
    done = soket("connect", f"{address}:80", "timeout=500ms", wrap=pair.a.wrap, stdin=b"")
    took = time.monotonic() - begin
    assert done.status == 5, done
    assert 0.45 <= took < 3
    text, _ = one_clear_line(done)
    assert address in text and "timed out" in text, text


def test_the_wrong_family_says_so():
    done = soket("connect", "tcp4://[::1]:80", stdin=b"")
    assert done.status in (2, 3), done
    one_clear_line(done)


# ports and paths in use

def test_a_port_in_use_is_7_and_names_its_holder():
    with Server() as server:
        done = soket("listen", server.endpoint, "--", "cat")
        assert done.status == 7, done
        text, hint = one_clear_line(done)
        with open("/proc/self/comm", encoding="utf-8") as f:
            name = f.read().strip()
        assert f"127.0.0.1:{server.port}" in text and str(os.getpid()) in text and name in text, text
        assert hint


def test_a_port_in_use_is_an_event_with_json():
    with Server() as server:
        done = soket("listen", "--json", server.endpoint, "--", "cat")
        assert done.status == 7
        errors = [e for e in done.events if e["event"] == "error"]
        assert len(errors) == 1 and errors[0]["kind"] == "in-use" and errors[0]["errno"] == 98 and errors[0]["hint"], done


def test_a_live_unix_socket_is_not_replaced_and_is_7(short_path):
    path = os.path.join(short_path, "s")
    with Server(socket.AF_UNIX, address=path) as server:
        done = soket("listen", path, "--", "cat")
        assert done.status == 7, done
        assert path in one_clear_line(done)[0]
        with dial_unix(path, Deadline(5)) as client:
            client.send_bytes(b"still mine", Deadline(5))
            deadline = Deadline(5)
            while True:  # the connection that soket tried may come first
                with server.accept(deadline) as end:
                    if end.read_some(100, deadline) == b"still mine":
                        break


def test_a_file_that_is_no_socket_is_not_replaced(short_path):
    path = os.path.join(short_path, "precious")
    with open(path, "w", encoding="ascii") as f:
        f.write("content")
    done = soket("listen", f"unix:{path}", "--", "cat")
    assert done.status not in (0, 70), done
    one_clear_line(done)
    with open(path, encoding="ascii") as f:
        assert f.read() == "content"


def test_a_stale_unix_socket_file_is_replaced(short_path):
    path = os.path.join(short_path, "s")
    Server(socket.AF_UNIX, address=path).close()
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    with Soket("listen", "--json", path, "--", "cat") as p:
        p.event("listening")
        with dial_unix(path, p.deadline) as end:
            round_trip(end, b"hello", p.deadline)


# rights

def test_a_privileged_port_without_rights_is_6(short_path):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        if int(f.read()) <= 987:
            pytest.skip("this system lets everybody bind port 987")
    done = run_as_nobody(short_path, "listen", "tcp://127.0.0.1:987", "--", "cat")
    assert done.status == 6, done
    text, hint = one_clear_line(done)
    assert "987" in text and hint


def test_a_socket_file_in_a_directory_without_rights_is_6(short_path, tmp_path):
    os.chmod(tmp_path, 0o700)
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a directory of somebody else")
    done = run_as_nobody(short_path, "listen", f"unix:{tmp_path}/s", "--", "cat")
    assert done.status == 6, done
    one_clear_line(done)


def test_a_file_without_rights_is_6(short_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a file of somebody else")
    path = os.path.join(short_path, "secret")
    with open(path, "w", encoding="ascii") as f:
        f.write("x")
    os.chmod(path, 0o600)
    done = run_as_nobody(short_path, "connect", f"file:{path}", "read=yes")
    assert done.status == 6, done
    assert path in one_clear_line(done)[0]


# a full disk

@pytest.fixture
def small_disk():
    """A file system of 1 MiB."""
    directory = tempfile.mkdtemp(prefix="sktdisk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", directory], capture_output=True, text=True,
                          check=False)
    if made.returncode != 0:
        os.rmdir(directory)
        pytest.skip(f"a small file system cannot be mounted: {made.stderr.strip()}")
    yield directory
    subprocess.run(["umount", "-l", directory], check=True)
    os.rmdir(directory)


def test_a_full_disk_under_a_file_endpoint_is_1_and_says_how_much_was_written(small_disk):
    path = os.path.join(small_disk, "out")
    with Soket("link", "--json", "--once", "tcp://127.0.0.1:0", f"file:{path}", "write=yes") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.pump(1, p.deadline)  # ends when soket has cut it
        assert p.wait() == 1
        closed = p.event("closed")
        assert closed["how"] == "failed" and closed["error"]["kind"] == "io", closed
        assert closed["sent"] == os.path.getsize(path) > 900_000
        with open(path, "rb") as f:
            assert f.read() == pattern.whole(1, closed["sent"])


def test_a_full_disk_under_stdout_is_1(small_disk):
    path = os.path.join(small_disk, "out")
    with Server() as server, open(path, "wb") as out:
        p = Soket("connect", server.endpoint, stdin=DEVNULL, stdout=out)
        with server.accept(p.deadline) as end:
            end.pump(1, p.deadline)
        assert p.wait() == 1
        text, hint = one_clear_line(Finished(p, 1))
        assert ("space" in text.lower() or "full" in text.lower()) and hint
        assert os.path.getsize(path) > 900_000


def test_dev_full_as_stdout_is_1():
    with open("/dev/full", "wb") as out:
        for words in (["connect", "text:hello"], ["explain", "80"], ["explain", "80", "--json"], ["help"]):
            p = Soket(*words, stdin=DEVNULL, stdout=out)
            assert p.wait() == 1, words
            assert p.err.text().strip(), words


# children

@pytest.mark.parametrize("form", ["after", "exec"])
def test_a_command_that_is_not_there_is_10(form, tmp_path):
    path = f"{tmp_path}/none"
    done = soket("connect", *(["--", path] if form == "after" else [f"exec:{path}"]), stdin=b"")
    assert done.status == 10, done
    assert path in one_clear_line(done)[0]


def test_a_command_without_execute_permission_is_10(tmp_path):
    path = tmp_path / "plain"
    path.write_text("#!/bin/sh\n", encoding="ascii")
    done = soket("connect", "--", str(path), stdin=b"")
    assert done.status == 10, done
    one_clear_line(done)


def test_a_working_directory_that_is_not_there_is_10():
    done = soket("connect", "exec:true", "cwd=/no/such/directory", stdin=b"")
    assert done.status == 10, done
    assert "/no/such/directory" in one_clear_line(done)[0]


def test_a_child_that_dies_ends_its_link_and_the_next_is_served():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "sh", "-c", "read line; kill -9 $$") as p:
        for _ in range(2):
            with dial_tcp(p.address(), p.deadline) as end:
                end.send_bytes(b"die\n", p.deadline)
                try:
                    assert end.read_all(p.deadline) == b""
                except Gone:
                    pass
        p.event("closed", count=2)


def test_a_child_that_never_reads_slows_its_client_and_no_other():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "sh", "-c",
               'read line; if [ "$line" = sleep ]; then exec sleep 60; fi; exec cat') as p:
        with dial_tcp(p.address(), p.deadline) as stuck, dial_tcp(p.address(), p.deadline) as other:
            stuck.send_bytes(b"sleep\n", p.deadline)
            assert stuck.fill(1, 64 << 20, p.deadline) < 64 << 20
            other.send_bytes(b"go\n", p.deadline)
            round_trip(other, b"hello", p.deadline)
            with open(f"/proc/{p.pid}/statm", encoding="ascii") as f:
                resident = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            if not sanitized():
                assert resident < 32 << 20


def test_a_child_that_never_reads_is_gone_when_soket_is_stopped():
    with Soket("listen", "--json", "--grace", "0s", "tcp://127.0.0.1:0", "--", "sleep", "61") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            p.event("opened")
            end.fill(1, 64 << 20, p.deadline)
            child = until(lambda: children_of(p.pid), p.deadline, "the child")[0]
            watch = os.pidfd_open(child)
            p.stop()
            assert select.select([watch], [], [], 5)[0], "an orphan is left"
            os.close(watch)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(c) for c in f.read().split()]


# malformed words

MALFORMED = [
    "", "tcp:", "tcp://", "tcp://:99999", "tcp://host:", "tcp://[::1:80", "tcp://[::g]:80", "::1:80", "host:port:80",
    "nosuch://x:1", "tcp://host:nosuchservice", "1.2.3.4:65536", "99999", "-1", "tcp+:", "+tcp:", "unix:", "fd:", "fd:x",
    "exec:", "listen:", "dial:",
    "listen:dial:80", "vsock://x:1", "tcp://a b:80", "tcp://%zz:80", "@", "tcp://host:80/path", "tcp://host:0x50",
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda t: t or "empty")
def test_a_malformed_endpoint_is_2_with_one_clear_line(text):
    done = soket("connect", "--", text) if text.startswith("--") else soket("connect", text, stdin=b"", deadline=5)
    assert done.status == 2, done
    assert done.err.startswith("soket: "), done
    assert done.out == ""


@pytest.mark.parametrize("word, near", [
    ("timeuot=5s", "timeout"), ("nodelay=maybe", "yes"), ("timeout=5", "5s"), ("timeout=5parsecs", "s"), ("ttl=256", "255"),
    ("ttl=0", "1"), ("sndbuf=big", "K"), ("sndbuf=1Q", "K"), ("family=5", "4"),
])
def test_a_wrong_option_is_2_points_at_it_and_offers_the_right_one(word, near):
    done = soket("connect", "tcp://127.0.0.1:1", word, stdin=b"", deadline=5)
    assert done.status == 2, done
    assert "^" in done.err and near in done.err, done


@pytest.mark.parametrize("words, near", [
    (["conect", "80"], "connect"), (["--nosuch"], ""), ([], "help"), (["connect"], ""), (["connect", "80", "90"], "90"),
    (["listen", "80", "--max"], "max"), (["listen", "80", "--max", "x"], "max"), 
    (["listen", "80", "--max", "0"], "max"), (["listen", "80", "--threads", "0"], "threads"),
    (["listen", "80", "--idle", "5"], "idle"), (["listen", "80", "--grase", "5s"], "grace"),
    (["connect", "80", "--mover", "magic"], "splice"), (["listen", "echo:"], "listen"), (["connect", "--"], ""),
], ids=lambda x: " ".join(x) if isinstance(x, list) else "")
def test_a_wrong_command_line_is_2_and_names_what_is_near(words, near):
    done = soket(*words, deadline=5)
    assert done.status == 2, done
    assert near in done.err, done
    assert done.out == ""


def test_hostile_bytes_in_a_word_do_not_reach_the_terminal_raw():
    done = soket("connect", "nosuch:\x1b[31mred\x07", stdin=b"")
    assert done.status == 2
    assert "\x1b" not in done.err and "\x07" not in done.err


def test_an_endpoint_of_a_mebibyte_is_refused_politely():
    done = soket("connect", "tcp://" + "a" * 100_000 + ":80", stdin=b"")
    assert done.status in (2, 8), done
    assert len(done.err) < 200_000


# what the other side may do

def test_a_reader_of_stdout_that_leaves_ends_connect_with_1_and_without_a_signal():
    with Server() as server:
        p = Soket("connect", server.endpoint, stdin=PIPE, stdout="raw")
        with server.accept(p.deadline) as end:
            out = p.take("stdout")
            end.send_bytes(b"first", p.deadline)
            assert os.read(out, 100) == b"first"
            os.close(out)
            end.pump(1, p.deadline)
        assert p.wait() == 1, "SIGPIPE"
        one_clear_line(Finished(p, 1))


def test_a_storm_of_connections_that_reset_before_they_are_accepted_is_survived():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:") as p:
        address = p.address()
        p.send_signal(signal.SIGSTOP)
        for _ in range(500):
            with dial_tcp(address, p.deadline) as end:
                end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        p.send_signal(signal.SIGCONT)
        for _ in range(3):
            with dial_tcp(address, p.deadline) as end:
                round_trip(end, b"hello", p.deadline)
        before = p.cpu_seconds()
        assert not p.ended(0.3)
        assert p.cpu_seconds() - before <= 0.05


def test_readers_that_never_read_do_not_slow_the_others():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:") as p:
        address = p.address()
        deaf = [dial_tcp(address, p.deadline) for _ in range(20)]
        for end in deaf:
            assert end.fill(1, 64 << 20, p.deadline, quiet_ms=20) < 64 << 20
        times = []
        with dial_tcp(address, p.deadline) as end:
            for _ in range(200):
                begin = time.monotonic()
                round_trip(end, b"x" * 64, p.deadline)
                times.append(time.monotonic() - begin)
        times.sort()
        assert times[100] < 0.02, f"median round trip {times[100]:.4f} s"
        for end in deaf:
            end.close()


@pytest.mark.parametrize("mover", ["copy", "splice", "auto"])
def test_socket_buffers_of_4_kib_carry_everything_both_ways(mover):
    n = 3 << 20
    with EchoServer() as server, Soket("link", "--json", f"--mover={mover}", "tcp://127.0.0.1:0", "sndbuf=4K",
                                       "rcvbuf=4K",
                                       server.endpoint, "sndbuf=4K", "rcvbuf=4K") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            together(lambda: (end.send(1, n, p.deadline), end.end_writing()), lambda: end.receive(1, n, p.deadline))
        closed = p.event("closed")
        assert (closed["sent"], closed["received"], closed["how"]) == (n, n, "done")
