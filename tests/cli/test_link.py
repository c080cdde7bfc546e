# SPDX-License-Identifier: Apache-2.0
"""soket link: the relay, one link per pair."""
import json
import os
import re
import socket

import pytest

from harness import data as pattern
from harness.ends import EchoServer, Gone, Server, dial_tcp, dial_unix, round_trip, together
from harness.run import PIPE, Soket, soket


def test_each_client_of_from_gets_its_own_link_to_the_target():
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        address = p.address()

        def client(seed):
            def work():
                with dial_tcp(address, p.deadline) as end:
                    together(lambda: (end.send(seed, 500_000, p.deadline), end.end_writing()),
                             lambda: end.receive(seed, 500_000, p.deadline))
            return work
        together(*[client(seed) for seed in range(50, 58)])
        p.event("closed", count=8)
        opened, closed = p.events("opened"), p.events("closed")
        assert sorted(e["link"] for e in opened) == sorted(e["link"] for e in closed) == list(range(1, 9))
        assert all(e["to"] == server.endpoint and e["from"].startswith("tcp://127.0.0.1:") for e in opened)
        assert all((e["sent"], e["received"], e["how"]) == (500_000, 500_000, "done") for e in closed)
        assert server.served == 8


def test_every_event_is_one_object_a_line_with_an_rfc_3339_time():
    with EchoServer() as server, Soket("link", "--json", "--stats", "tcp://127.0.0.1:0", server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            round_trip(end, b"hello", p.deadline)
            end.end_writing()
            end.expect_end(p.deadline)
        p.event("closed")
        p.stop()
        lines = p.out.text().splitlines()
        kinds = [json.loads(line)["event"] for line in lines]
        assert kinds == ["listening", "opened", "closed", "stats"]
        for line in lines:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", json.loads(line)["time"]), line
        assert p.err.text() == ""


def test_a_target_that_refuses_fails_its_link_and_the_next_is_served():
    with Server() as gone:
        address = gone.address
    with Soket("link", "--json", "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{address[1]}") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            try:
                assert end.read_all(p.deadline) == b""
            except Gone:
                pass
        failed = p.event("failed")
        assert failed["error"]["kind"] == "refused" and failed["error"]["errno"] == 111 and failed["error"]["hint"], failed
        assert str(address[1]) in failed["error"]["text"]
        with EchoServer(address=address), dial_tcp(p.address(), p.deadline) as end:
            round_trip(end, b"hello", p.deadline)


def test_a_refused_link_is_said_in_one_line_with_a_hint_without_json():
    with Server() as gone:
        endpoint = gone.endpoint
    with Soket("link", "tcp://127.0.0.1:0", endpoint) as p:
        line = p.err.wait(lambda r: r.text() if "\n" in r.text() else "", p.deadline, "listening")
        port = int(line.split("\n")[0].rsplit(":", 1)[1])
        dial_tcp(("127.0.0.1", port), p.deadline).close()
        p.err.wait(lambda r: r.text().count("\n") >= 3, p.deadline, "the error and its hint")
        assert "refused" in p.err.text() and endpoint.split("//")[1] in p.err.text()


def test_once_with_a_target_that_refuses_ends_with_4():
    with Server() as gone:
        endpoint = gone.endpoint
    with Soket("link", "--json", "--once", "tcp://127.0.0.1:0", endpoint) as p:
        dial_tcp(p.address(), p.deadline).close()
        assert p.wait() == 4


def test_a_relay_to_a_command_is_a_server_of_that_command():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "--", "tr", "a-z", "A-Z") as p:
        for word in (b"one", b"two"):
            with dial_tcp(p.address(), p.deadline) as end:
                end.send_bytes(word, p.deadline)
                end.end_writing()
                assert end.read_all(p.deadline) == word.upper()


@pytest.mark.parametrize("a, b", [("tcp", "unix"), ("unix", "tcp"), ("tcp6", "tcp")])
def test_a_relay_translates_between_families(a, b, short_path):
    path = os.path.join(short_path, "s")
    target = EchoServer(socket.AF_UNIX, address=os.path.join(short_path, "t")) if b == "unix" else EchoServer()
    with target, Soket("link", "--json", path if a == "unix" else f"{a}://localhost:0" if a == "tcp6" else "tcp://127.0.0.1:0",
                       target.endpoint) as p:
        p.event("listening")
        with (dial_unix(path, p.deadline) if a == "unix" else dial_tcp(p.address(), p.deadline)) as end:
            round_trip(end, pattern.whole(1, 100_000), p.deadline)


def test_a_chain_of_three_relays_carries_everything():
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as first:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{first.port()}") as second:
            with Soket("link", "--json", "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{second.port()}") as third:
                with dial_tcp(third.address(), third.deadline) as end:
                    together(lambda: (end.send(1, 8 << 20, third.deadline), end.end_writing()),
                             lambda: end.receive(1, 8 << 20, third.deadline))


def test_a_file_to_a_server_is_an_upload(tmp_path):
    content = pattern.whole(2, 3_000_000)
    (tmp_path / "f").write_bytes(content)
    with Server() as server:
        with Soket("link", "--json", f"file:{tmp_path}/f", "read=yes", server.endpoint) as p:
            with server.accept(p.deadline) as end:
                assert end.read_all(p.deadline) == content
            assert p.wait() == 0
            assert p.event("closed")["sent"] == len(content)


def test_a_file_to_a_file_is_a_copy(tmp_path):
    content = pattern.whole(2, 3_000_000)
    (tmp_path / "f").write_bytes(content)
    done = soket("link", f"file:{tmp_path}/f", "read=yes", f"file:{tmp_path}/g", "write=yes")
    assert done.status == 0 and (tmp_path / "g").read_bytes() == content


def test_text_to_every_client_and_discard_for_every_client():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "text:welcome") as p:
        for _ in range(2):
            with dial_tcp(p.address(), p.deadline) as end:
                end.end_writing()
                assert end.read_all(p.deadline) == b"welcome"
    with Soket("link", "--json", "tcp://127.0.0.1:0", "discard:") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.send(1, 5_000_000, p.deadline)
            end.end_writing()
            end.expect_end(p.deadline)
        assert p.event("closed")["sent"] == 5_000_000


def test_a_relay_on_a_port_of_echo_gives_everything_back():
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:") as p:
        with dial_tcp(p.address(), p.deadline) as end:
            together(lambda: (end.send(1, 8 << 20, p.deadline), end.end_writing()),
                     lambda: end.receive(1, 8 << 20, p.deadline))
        closed = p.event("closed")
        assert closed["sent"] == closed["received"] == 8 << 20


def test_prefixes_turn_a_place_around():
    """link dial: listen: - the first place dials, the second listens - as far as the roles allow."""
    with Server() as server:
        with Soket("link", "--json", f"dial:{server.endpoint}", "text:hello") as p:
            with server.accept(p.deadline) as end:
                assert end.read_all(p.deadline) == b"hello"
            assert p.wait() == 0


@pytest.mark.parametrize("option, level, name, right", [
    ("nodelay=no", socket.IPPROTO_TCP, socket.TCP_NODELAY, lambda v: v == 0),
    ("ttl=9", socket.IPPROTO_IP, socket.IP_TTL, lambda v: v == 9),
], ids=["nodelay", "ttl"])
def test_options_of_the_target_belong_to_the_target(option, level, name, right):
    """The words after an address are its own: FROM keeps its defaults."""
    with Server() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint, option) as p:
        with dial_tcp(p.address(), p.deadline), server.accept(p.deadline) as end:
            values = {s.getpeername()[1]: s.getsockopt(level, name) for s in connected_sockets(p)}
            assert right(values[server.port]), values
            other = [v for port, v in values.items() if port != server.port]
            assert len(other) == 1 and not right(other[0]), values
            end.close()


def connected_sockets(program):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    for fd in os.listdir(f"/proc/{program.pid}/fd"):
        mine = libc.syscall(438, program.pidfd, int(fd), 0)
        if mine < 0:
            if ctypes.get_errno() in (1, 38):
                pytest.skip(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
            continue
        try:
            s = socket.socket(fileno=mine)
        except OSError:
            os.close(mine)  # no socket
            continue
        try:
            s.getpeername()
            found.append(s)
        except OSError:
            s.close()
    return found


def test_stdin_and_stdout_as_to():
    with Soket("link", "--json", "--once", "tcp://127.0.0.1:0", "-", stdin=PIPE) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            os.write(p.stdin, b"from stdin")
            p.close_stdin()
            end.send_bytes(b"from the client", p.deadline)
            end.end_writing()
            assert end.read_all(p.deadline) == b"from stdin"
        assert p.wait() == 0
        assert p.out.text() == "from the client"


def test_a_link_with_one_place_is_a_usage_error():
    for words in (["link"], ["link", "tcp://127.0.0.1:0"], ["link", "1", "2", "3"], ["link", "echo:", "nosuch:"],
                  ["link", "tcp://127.0.0.1:0", "--"], ["link", "--nosuch", "echo:", "echo:"]):
        done = soket(*words)
        assert done.status == 2, (words, done)
        assert done.err.count("\n") >= 1


def test_family_6_does_not_reach_a_server_of_family_4():
    with Server() as server:
        done = soket("connect", f"localhost:{server.port}", "family=6", stdin=b"")
        assert done.status in (3, 4), done


def test_a_late_client_is_served_while_another_link_stays_idle():
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as idle:
            round_trip(idle, b"first", p.deadline)
            for _ in range(20):
                with dial_tcp(p.address(), p.deadline) as end:
                    round_trip(end, b"x" * 1000, p.deadline)
            round_trip(idle, b"again", p.deadline)


def test_both_ends_of_a_silent_link_may_be_kept_without_cpu():
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            round_trip(end, b"x", p.deadline)
            before = p.cpu_seconds()
            assert not p.ended(0.5)
            assert p.cpu_seconds() - before <= 0.02
