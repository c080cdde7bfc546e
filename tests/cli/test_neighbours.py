# SPDX-License-Identifier: Apache-2.0
"""What others do beside a link: a second soket on the same path, programs that have ended, clients that leave, limits of the shell."""
import os
import signal
import socket
import subprocess

from harness.clock import Deadline, until
from harness.ends import dial_tcp, dial_unix
from harness.run import PIPE, Soket, binary, soket


def test_a_second_listener_does_not_become_the_client_of_the_first(short_path):
    path = f"{short_path}/u.sock"
    with Soket("listen", "--json", path, stdin=PIPE) as first:
        first.event("listening")
        assert soket("listen", path).status == 7
        with dial_unix(path, first.deadline) as client:
            client.send_bytes(b"the only client", first.deadline)
            client.end_writing()
            assert first.wait() == 0
        assert first.out.text() == "the only client"


def test_a_program_that_has_ended_gives_its_place_to_the_next_client():
    with Soket("listen", "--json", "--max", "1", "tcp://127.0.0.1:0", "--", "echo", "hello") as p:
        with dial_tcp(p.address(), p.deadline) as silent, dial_tcp(p.address(), p.deadline) as second:
            assert silent.read_some(6, p.deadline) == b"hello\n"
            assert second.read_some(6, p.deadline) == b"hello\n"


def test_a_client_that_leaves_while_its_target_is_dialled_is_let_go():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "tcp://127.0.0.1:1", "retry=forever") as p:
        address = p.address()
        before = len(os.listdir(f"/proc/{p.pid}/fd"))
        for _ in range(20):
            dial_tcp(address, p.deadline).reset()
        p.event("failed", count=20)
        until(lambda: len(os.listdir(f"/proc/{p.pid}/fd")) <= before, p.deadline, "the descriptors")


def test_a_file_at_the_limit_of_the_shell_is_an_error_and_no_signal(tmp_path):
    out = tmp_path / "out"
    line = f"ulimit -f 100; head -c 1000000 /dev/zero | {binary()} connect echo: > {out}; exit ${{PIPESTATUS[1]}}"
    done = subprocess.run(["bash", "-c", line], stderr=subprocess.PIPE, timeout=20, check=False,
                          preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_DFL))
    assert done.returncode == 1 and b"102400 bytes delivered" in done.stderr, done


def test_a_file_behind_a_symbolic_link_is_written(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "two" / "target").touch()
    (tmp_path / "one" / "link").symlink_to("../two/target")
    assert soket("link", "text:hi", f"file:{tmp_path}/one/link").status == 0
    assert (tmp_path / "two" / "target").read_text(encoding="ascii") == "hi"


def test_a_stream_becomes_messages_that_the_sinks_buffer_takes(tmp_path):
    data = os.urandom(300000)
    (tmp_path / "data").write_bytes(data)
    name = f"@soket-test-{os.getpid()}"
    with Soket("link", "--json", "--once", f"unix-seqpacket:{name}", f"file:{tmp_path}/got") as receiver:
        receiver.event("listening")
        assert soket("link", f"file:{tmp_path}/data", f"unix-seqpacket:{name}", "sndbuf=4K").status == 0
        assert receiver.wait() == 0
    assert (tmp_path / "got").read_bytes() == data


def test_a_line_that_a_terminal_would_cut_is_an_error():
    done = soket("connect", "pty:wc -c", stdin=b"a" * 10000 + b"\n")
    assert done.status == 8 and "raw=yes" in done.err, done


def test_stopping_connect_ends_the_whole_family_of_its_program(tmp_path):
    mark = tmp_path / "pid"
    with Soket("connect", "--", "sh", "-c", f"sleep 300 & echo $! > {mark}.new; mv {mark}.new {mark}; wait", stdin=PIPE) as p:
        until(mark.exists, p.deadline, "the grandchild")
        grandchild = int(mark.read_text(encoding="ascii"))
        p.stop()
        until(lambda: not os.path.exists(f"/proc/{grandchild}"), Deadline(5), "its end")


def test_what_a_client_left_behind_is_delivered_once_its_target_is_there(short_path):
    path = f"{short_path}/u.sock"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Soket("link", "--json", path, f"tcp://127.0.0.1:{port}", "retry=forever") as p:
        p.event("listening")
        with dial_unix(path, p.deadline) as client:
            client.send_bytes(b"left behind", p.deadline)
        with Soket("listen", "--json", f"tcp://127.0.0.1:{port}") as server:
            assert server.wait() == 0
            assert server.out.text() == "left behind"
