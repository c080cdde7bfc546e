# SPDX-License-Identifier: Apache-2.0
"""nc, ncat and socat, as client and as server against soket, to the end of both sides' bytes."""
import os
import signal

import pytest

from harness import data as pattern
from harness.clock import until
from harness.ends import EchoServer, End, Server
from harness.run import PIPE, Program, Soket, binary, command, feed_bytes
from harness.services import free_ports, need

pytestmark = pytest.mark.peers
QUESTION = pattern.whole(1, 3_000_001)
ANSWER = pattern.whole(2, 2_000_003)

# How each sends its stdin to 127.0.0.1:PORT, ends its bytes, and goes on reading to the end of the answer.
CLIENTS = {
    "nc.openbsd": ["nc.openbsd", "-N", "127.0.0.1", "{port}"],
    "ncat": ["ncat", "127.0.0.1", "{port}"],
    "socat": ["socat", "-t", "20", "-", "TCP:127.0.0.1:{port}"],
}
# How each listens once, sends its stdin, and prints what comes.
SERVERS = {
    "nc.openbsd": ["nc.openbsd", "-N", "-l", "127.0.0.1", "{port}"],
    "ncat": ["ncat", "-l", "127.0.0.1", "{port}"],
    "socat": ["socat", "-t", "20", "-", "TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr"],
}


# These, when they listen, leave once their client's bytes have ended and nothing waits in their queue, whatever their
# stdin would still have brought: their client waits for all of the answer.
LEAVES_AT_THE_END_OF_ITS_CLIENT = {"ncat", "nc.openbsd"}


def converse(name, endpoint):
    """soket connect sends QUESTION to a server of that name and gets everything of ANSWER."""
    with Soket("connect", endpoint, "retry=5", stdin=PIPE) as p:
        end = End(-1, p.take("stdin"))
        end.send_bytes(QUESTION, p.deadline)
        if name in LEAVES_AT_THE_END_OF_ITS_CLIENT:
            p.out.wait(lambda r: len(r.bytes) >= len(ANSWER), p.deadline, "the answer")
        end.close()
        assert p.wait() == 0, p.said()
        assert bytes(p.out.bytes) == ANSWER, (len(p.out.bytes), p.err.text())


def words_of(row, port):
    path = need(row[0])
    return [path, *[w.format(port=port) for w in row[1:]]]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_asks_ends_and_gets_the_answer_of_a_soket_that_runs_a_command(name):
    """The command answers only after it has heard the end of the question: half-close on the way through."""
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "sh", "-c", "wc -c; echo end") as p:
        done = command(*words_of(CLIENTS[name], p.port()), stdin=QUESTION, deadline=30)
        assert done.out.split() == [str(len(QUESTION)), "end"], done


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_and_a_soket_on_a_pipe_exchange_everything(name):
    with Soket("listen", "--json", "tcp://127.0.0.1:0", stdin=PIPE) as p:
        feed_bytes(p.take("stdin"), ANSWER, p.deadline)
        done = command(*words_of(CLIENTS[name], p.port()), stdin=QUESTION, deadline=30)
        assert done.raw == ANSWER, (len(done.raw), done.err)
        assert p.wait() == 0
        assert bytes(p.out.bytes) == QUESTION


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_through_a_relay_to_an_echo_server(name):
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        done = command(*words_of(CLIENTS[name], p.port()), stdin=QUESTION, deadline=30)
        assert done.raw == QUESTION, (len(done.raw), done.err)
        closed = p.event("closed")
        assert (closed["sent"], closed["received"], closed["how"]) == (len(QUESTION), len(QUESTION), "done")


@pytest.mark.parametrize("name", SERVERS)
def test_soket_connects_to_a_server_of_another_tool_and_both_get_everything(name):
    port = free_ports(1)[0]
    with Program(words_of(SERVERS[name], port), stdin=PIPE) as server:
        feed_bytes(server.take("stdin"), ANSWER, server.deadline)
        until(lambda: listens(server.pid, port), server.deadline, "the server's listening")
        converse(name, f"tcp://127.0.0.1:{port}")
        server.wait()
        assert bytes(server.out.bytes) == QUESTION


def listens(pid, port):
    """Whether a listening socket of that port is there, without touching it: a probe would be the server's one client."""
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as f:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in f.readlines()[1:])


@pytest.mark.parametrize("name", SERVERS)
def test_a_relay_dials_a_server_of_another_tool(name):
    port = free_ports(1)[0]
    with Program(words_of(SERVERS[name], port), stdin=PIPE) as server:
        feed_bytes(server.take("stdin"), ANSWER, server.deadline)
        until(lambda: listens(server.pid, port), server.deadline, "the server's listening")
        with Soket("link", "--json", "--once", "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{port}") as p:
            converse(name, f"tcp://127.0.0.1:{p.port()}")
            assert p.wait() == 0
        server.wait()
        assert bytes(server.out.bytes) == QUESTION


@pytest.mark.parametrize("name", ["nc.openbsd", "socat"])
def test_unix_sockets_of_other_tools_are_dialled(name, short_path):
    path = os.path.join(short_path, "s")
    row = {"nc.openbsd": ["nc.openbsd", "-N", "-U", "-l", path], "socat": ["socat", "-t", "20", "-", f"UNIX-LISTEN:{path}"]}[name]
    with Program([need(row[0]), *row[1:]], stdin=PIPE) as server:
        feed_bytes(server.take("stdin"), ANSWER, server.deadline)
        until(lambda: os.path.exists(path), server.deadline, "the socket file")
        converse(name, path)
        server.wait()
        assert bytes(server.out.bytes) == QUESTION


def test_socat_runs_soket_as_its_child():
    """soket between two pipes that another relay made."""
    socat = need("socat")
    with EchoServer() as server:
        done = command(socat, "-t", "20", "-", f"EXEC:{binary()} connect 127.0.0.1\\:{server.port}", stdin=QUESTION, deadline=30)
        assert done.raw == QUESTION, (len(done.raw), done.err)


def test_a_socat_that_is_killed_is_noticed():
    socat = need("socat")
    with Server() as server, Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p:
        with Program([socat, "-", f"TCP:127.0.0.1:{p.port()}"], stdin=PIPE) as client, server.accept(p.deadline) as end:
            os.write(client.stdin, b"x")
            assert end.read_some(1, p.deadline) == b"x"
            client.stop(signal.SIGKILL)
            end.expect_end(p.deadline)
        p.event("closed")
