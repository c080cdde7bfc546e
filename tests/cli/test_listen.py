# SPDX-License-Identifier: Apache-2.0
"""soket listen: accepts; joins the first client to stdin and stdout, or runs a command for each."""
import os
import signal
import socket
import stat

import pytest

from harness import data as pattern
from harness.clock import Deadline, until
from harness.ends import Gone, dial_tcp, dial_unix, together
from harness.run import PIPE, Finished, Soket, one_clear_line, soket


def test_the_first_client_is_joined_to_stdin_and_stdout():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", stdin=PIPE) as p:
        with dial_tcp(p.address(), p.deadline) as client:
            os.write(p.stdin, b"from stdin")
            p.close_stdin()
            client.send_bytes(b"from the client", p.deadline)
            client.end_writing()
            assert client.read_all(p.deadline) == b"from stdin"
        assert p.wait() == 0
        assert p.out.text() == "from the client"
        closed = p.event("closed")
        assert (closed["sent"], closed["received"]) in ((15, 10), (10, 15)), closed


def test_listening_ends_with_the_first_client():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", stdin=PIPE) as p:
        address = p.address()
        with dial_tcp(address, p.deadline) as client:
            p.event("opened")
            p.close_stdin()
            client.end_writing()
            client.expect_end(p.deadline)
        assert p.wait() == 0
        with pytest.raises(ConnectionRefusedError):
            dial_tcp(address, p.deadline)


def test_keep_waits_for_the_next_client():
    with Soket("listen", "-k", "--json", "tcp://127.0.0.1:0", stdin=PIPE) as p:
        for i in range(3):
            with dial_tcp(p.address(), p.deadline) as client:
                client.send_bytes(f"client {i}\n".encode(), p.deadline)
                client.end_writing()
                p.out.wait(lambda r, i=i: f"client {i}\n".encode() in r.bytes, p.deadline, "a client's line")
        p.send_signal(signal.SIGTERM)
        p.wait()


def test_without_a_host_it_listens_on_loopback_of_both_families_on_one_port():
    with Soket("listen", "--json", ":0", "--", "cat") as p:
        found = {p.event("listening", count=i)["address"]: p.event("listening", count=i)["port"] for i in (1, 2)}
        assert set(found) == {"127.0.0.1", "::1"} and len(set(found.values())) == 1, found
        for address in found.items():
            with dial_tcp(address, p.deadline) as client:
                client.send_bytes(b"hello", p.deadline)
                client.end_writing()
                assert client.read_all(p.deadline) == b"hello"


def test_without_json_the_address_is_said_on_stderr():
    with Soket("listen", "tcp://127.0.0.1:0", stdin=PIPE) as p:
        line = p.err.wait(lambda r: r.text() if "\n" in r.text() else "", p.deadline, "the line")
        assert line.startswith("soket: listening on tcp://127.0.0.1:"), line
        port = int(line.split("\n")[0].rsplit(":", 1)[1])
        with dial_tcp(("127.0.0.1", port), p.deadline) as client:
            client.send_bytes(b"x", p.deadline)
            p.out.wait(lambda r: r.bytes == b"x", p.deadline, "a byte")


def test_a_command_runs_for_each_client():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "cat") as p:
        address = p.address()

        def client(seed):
            def work():
                with dial_tcp(address, p.deadline) as end:
                    together(lambda: (end.send(seed, 300_000, p.deadline), end.end_writing()),
                             lambda: end.receive(seed, 300_000, p.deadline))
            return work
        together(*[client(seed) for seed in range(30, 38)])
        for i in range(8):
            closed = p.event("closed", count=i + 1)
            assert (closed["sent"], closed["received"], closed["how"]) == (300_000, 300_000, "done")
        assert not p.err.text()


def test_a_command_s_environment_has_both_addresses():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "env") as p:
        address = p.address()
        with dial_tcp(address, p.deadline) as client:
            mine = client.sock.getsockname()
            env = dict(line.split("=", 1) for line in client.read_all(p.deadline).decode().splitlines() if "=" in line)
    expected = {"SOKET_PROTOCOL": "tcp", "SOKET_REMOTE_ADDRESS": "127.0.0.1", "SOKET_REMOTE_PORT": str(mine[1]),
                "SOKET_LOCAL_ADDRESS": "127.0.0.1", "SOKET_LOCAL_PORT": str(address[1]),
                "PROTO": "TCP", "TCPREMOTEIP": "127.0.0.1", "TCPREMOTEPORT": str(mine[1]),
                "TCPLOCALIP": "127.0.0.1", "TCPLOCALPORT": str(address[1])}
    assert {k: env.get(k) for k in expected} == expected


def test_the_environment_of_a_unix_client_has_no_ports(short_path):
    path = os.path.join(short_path, "s")
    with Soket("listen", "--json", path, "--", "env") as p:
        p.event("listening")
        with dial_unix(path, p.deadline) as client:
            env = dict(line.split("=", 1) for line in client.read_all(p.deadline).decode().splitlines() if "=" in line)
    assert env.get("SOKET_PROTOCOL") == "unix" and "TCPREMOTEIP" not in env and not env.get("SOKET_REMOTE_PORT")


def test_once_ends_after_one_link():
    with Soket("listen", "--json", "--once", "tcp://127.0.0.1:0", "--", "cat") as p:
        with dial_tcp(p.address(), p.deadline) as client:
            client.send_bytes(b"x", p.deadline)
            client.end_writing()
            assert client.read_all(p.deadline) == b"x"
        assert p.wait() == 0


@pytest.mark.parametrize("scheme, kind", [("unix", socket.SOCK_STREAM), ("unix-seqpacket", socket.SOCK_SEQPACKET)])
def test_a_unix_socket_file_has_its_mode_and_is_removed_at_the_end(scheme, kind, short_path):
    path = os.path.join(short_path, "s")
    with Soket("listen", "--json", f"{scheme}:{path}", "mode=0600", "--", "cat") as p:
        assert p.event("listening")["path"] == path
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with dial_unix(path, p.deadline, kind) as client:
            client.send_bytes(b"hello", p.deadline)
            client.end_writing()
            assert client.read_all(p.deadline) == b"hello"
        p.stop()
        assert not os.path.exists(path)


def test_unlink_no_leaves_the_socket_file(short_path):
    path = os.path.join(short_path, "s")
    with Soket("listen", "--json", path, "unlink=no", "--", "cat") as p:
        p.event("listening")
        p.stop()
    assert os.path.exists(path)


def test_an_abstract_name_is_listened_on():
    name = f"skt-test-listen-{os.getpid()}"
    with Soket("listen", "--json", f"@{name}", "--", "cat") as p:
        p.event("listening")
        with dial_unix("\0" + name, p.deadline) as client:
            client.send_bytes(b"hello", p.deadline)
            client.end_writing()
            assert client.read_all(p.deadline) == b"hello"


@pytest.mark.parametrize("words, allowed", [
    (["--allow", "127.0.0.0/8"], True),
    (["--allow", "127.0.0.1"], True),
    (["--allow", "10.0.0.0/8"], False),
    (["--allow", "10.0.0.0/8", "--allow", "127.0.0.1/32"], True),
    (["--deny", "127.0.0.0/8"], False),
    (["--deny", "10.0.0.0/8"], True),
    (["--allow", "127.0.0.0/8", "--deny", "127.0.0.1/32"], False),
    (["--deny", "::/0"], True),
    (["--allow", "::1/128"], False),
], ids=lambda x: "_".join(x) if isinstance(x, list) else str(x))
def test_access_lists_decide_by_address_and_deny_wins(words, allowed):
    with Soket("listen", "--json", *words, "--stats", "tcp://127.0.0.1:0", "--", "echo", "welcome") as p:
        with dial_tcp(p.address(), p.deadline) as client:
            try:
                got = client.read_all(p.deadline)
            except Gone:
                got = b""
            assert got == (b"welcome\n" if allowed else b"")
        if allowed:
            p.event("closed")
        p.stop()
        stats = p.event("stats")
        assert (stats["links"], stats["refused"]) == ((1, 0) if allowed else (0, 1)), stats


def test_a_wrong_access_list_is_a_usage_error():
    for wrong in ("127.0.0.1/33", "example.com", "::1/129", "", "127.0.0.1/"):
        done = soket("listen", "tcp://127.0.0.1:0", "--allow", wrong, "--", "cat")
        assert done.status == 2, (wrong, done)


def test_idle_ends_a_link_where_nothing_moves_and_only_that():
    with Soket("listen", "--json", "--idle", "400ms", "tcp://127.0.0.1:0", "--", "cat") as p:
        address = p.address()
        with dial_tcp(address, p.deadline) as quiet, dial_tcp(address, p.deadline) as busy:
            started = Deadline(1.2)
            rounds = 0
            try:
                while started.left() > 0.05:
                    busy.send_bytes(b"x", p.deadline)
                    assert busy.read_some(1, p.deadline) == b"x"
                    rounds += 1
                    if p.events("closed"):
                        break
                    p.ended(0.05)  # a round every 50 ms
            except AssertionError as e:
                if "not within" not in str(e):
                    raise
            try:
                assert quiet.read_some(1, p.deadline) == b""
            except Gone:
                pass
            assert rounds > 2
            closed = p.event("closed")
            assert closed["how"] == "idle" and closed["link"] == 1, closed
            busy.send_bytes(b"y", p.deadline)
            assert busy.read_some(1, p.deadline) == b"y"


def test_max_lets_the_next_client_wait_for_its_turn():
    with Soket("listen", "--json", "--max", "1", "tcp://127.0.0.1:0", "--", "cat") as p:
        address = p.address()
        first = dial_tcp(address, p.deadline)
        first.send_bytes(b"1", p.deadline)
        assert first.read_some(1, p.deadline) == b"1"
        with dial_tcp(address, p.deadline) as second:
            second.send_bytes(b"2", p.deadline)
            assert not p.ended(0.2) and len(p.events("opened")) == 1
            first.close()
            assert second.read_some(1, p.deadline) == b"2"


def test_threads_share_the_work_and_serve_everyone():
    with Soket("listen", "--json", "--threads", "2", "tcp://127.0.0.1:0", "--", "cat") as p:
        address = p.address()
        for i in range(30):
            with dial_tcp(address, p.deadline) as client:
                client.send(40 + i % 4, 5000, p.deadline)
                client.end_writing()
                client.receive(40 + i % 4, 5000, p.deadline)
        p.event("closed", count=30)
        numbers = [e["link"] for e in p.events("closed")]
        assert len(set(numbers)) == 30, numbers
        assert p.stop() in (0, 143, -signal.SIGTERM)


def test_stats_sum_up_at_the_end():
    with Soket("listen", "--json", "--stats", "tcp://127.0.0.1:0", "--", "cat") as p:
        for _ in range(3):
            with dial_tcp(p.address(), p.deadline) as client:
                client.send(1, 1000, p.deadline)
                client.end_writing()
                client.receive(1, 1000, p.deadline)
        p.event("closed", count=3)
        p.stop()
        stats = p.event("stats")
        assert {k: stats[k] for k in ("links", "failed", "refused", "sent", "received")} == \
            {"links": 3, "failed": 0, "refused": 0, "sent": 3000, "received": 3000}
        assert stats["duration_ns"] > 0


def pass_listener(sock, extra_env=""):
    """Options that hand a listening socket to soket as systemd does: descriptor 3, LISTEN_FDS, LISTEN_PID."""
    fd = sock.fileno()

    def before():
        if fd != 3:
            os.dup2(fd, 3)
        os.set_inheritable(3, True)
    script = f'LISTEN_PID=$$ LISTEN_FDS=1 {extra_env} exec "$@"'
    return {"before": before, "pass_fds": [3], "wrap": ["sh", "-c", script, "sh"]}


@pytest.mark.parametrize("name", ["fd:3", "fd:web"])
def test_a_socket_handed_over_by_systemd_is_an_endpoint(name, holder):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        address = sock.getsockname()
        options = pass_listener(sock, "LISTEN_FDNAMES=web")
        with Soket("listen", "--json", name, "--", holder, "fds", **options) as p:
            with dial_tcp(address, p.deadline) as client:
                assert client.read_all(p.deadline) == b"0\n1\n2\n", "the handed socket stays out of children"
            with dial_tcp(address, p.deadline) as client:
                assert client.read_all(p.deadline) == b"0\n1\n2\n"


def test_a_name_that_systemd_did_not_hand_over_is_a_clear_error():
    done = soket("listen", "fd:web", "--", "cat")
    assert done.status not in (0, 70)
    text, _ = one_clear_line(done)
    assert "web" in text


def test_a_descriptor_that_is_not_open_is_a_clear_error():
    done = soket("listen", "fd:77", "--", "cat")
    assert done.status not in (0, 70)
    text, _ = one_clear_line(done)
    assert "77" in text


def vsock_reason():
    """Why vsock cannot be tried here, or ""."""
    if not hasattr(socket, "AF_VSOCK") or not os.path.exists("/dev/vsock"):
        return "this kernel has no vsock"
    try:
        with socket.socket(socket.AF_VSOCK) as s, socket.socket(socket.AF_VSOCK) as c:
            s.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
            s.listen(1)
            c.settimeout(1)
            c.connect((1, s.getsockname()[1]))
    except OSError as e:
        return f"vsock has no loopback here (vsock_loopback): {e}"
    return ""


def test_vsock_carries_bytes_over_loopback():
    reason = vsock_reason()
    if reason:
        pytest.skip(reason)
    with Soket("listen", "--json", "vsock://any:4294967295", "--", "cat") as p:
        port = p.event("listening")["port"]
        done = soket("connect", f"vsock://local:{port}", stdin=pattern.whole(1, 1_000_000))
        assert done.status == 0 and done.raw == pattern.whole(1, 1_000_000)


def test_a_child_sees_descriptors_0_1_and_2_and_no_others(holder):
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", holder, "fds") as p:
        with dial_tcp(p.address(), p.deadline) as first, dial_tcp(p.address(), p.deadline) as second:
            assert first.read_all(p.deadline) == second.read_all(p.deadline) == b"0\n1\n2\n"


def test_a_child_on_a_terminal_sees_descriptors_0_1_and_2_and_no_others(holder):
    with Soket("link", "--json", "tcp://127.0.0.1:0", f"pty:{holder} fds") as p:
        with dial_tcp(p.address(), p.deadline) as client:
            assert client.read_all(p.deadline).split() == [b"0", b"1", b"2"]


def test_a_child_starts_with_no_signal_ignored_or_blocked(holder):
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", holder, "signals") as p:
        with dial_tcp(p.address(), p.deadline) as client:
            assert client.read_all(p.deadline) == b"end\n"


def test_no_zombie_stays_after_a_child_has_ended():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "true") as p:
        for i in range(5):
            with dial_tcp(p.address(), p.deadline) as client:
                client.read_all(p.deadline)
            p.event("closed", count=i + 1)
        until(lambda: not children(p.pid), p.deadline, "children to be reaped")


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            found += f.read().split()
    return [int(c) for c in found]


def test_a_child_that_cannot_be_started_fails_its_link_and_not_the_listener(tmp_path):
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", str(tmp_path / "none")) as p:
        try:
            address = p.address()
        except AssertionError:
            finished = Finished(p, p.wait())
            assert finished.status == 10, finished  # found before the first client: as good
            return
        for i in range(2):
            with dial_tcp(address, p.deadline) as client:
                try:
                    assert client.read_all(p.deadline) == b""
                except Gone:
                    pass
            failed = p.event("failed", count=i + 1)
            assert failed["error"]["kind"] == "child" and str(tmp_path / "none") in failed["error"]["text"], failed
