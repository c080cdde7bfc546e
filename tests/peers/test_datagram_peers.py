# SPDX-License-Identifier: Apache-2.0
"""Datagrams with the programs that people have: nc, socat, nginx, logger, and the servers of Python."""
import os
import pwd
import socket
import socketserver
import threading

import pytest

from harness import messages
from harness.clock import Deadline, until
from harness.messages import udp, udp_to
from harness.run import PIPE, Program, Soket, command, soket
from harness.services import need


def udp_port():
    """A port that nobody has now."""
    with udp() as spare:
        return spare.port


def has_port(port, program, deadline):
    """Wait until something is bound to a UDP port of IPv4."""
    def bound():
        if program.ended():
            raise AssertionError(f"ended with {program.wait()}: {program.said()}")
        with open("/proc/net/udp", encoding="ascii") as f:
            return any(int(line.split()[1].split(":")[1], 16) == port for line in list(f)[1:])
    until(bound, deadline, f"port {port}", pause=0.01)


def openbsd_nc():
    path = need("nc")
    if "OpenBSD" not in command(path, "-h").err:
        pytest.skip("nc is not the one of OpenBSD")
    return path


def test_nc_talks_to_a_relay():
    with messages.echo() as target, Soket("link", "--json", "udp://127.0.0.1:0", target.endpoint) as p:
        with Program([openbsd_nc(), "-u", "127.0.0.1", str(p.port())], stdin=PIPE) as nc:
            for word in ("hello\n", "again\n"):
                os.write(nc.stdin, word.encode())
                nc.out.wait(lambda r, word=word: r.text().endswith(word), nc.deadline, "the answer")
            assert nc.out.text() == "hello\nagain\n" and target.messages() == [b"hello\n", b"again\n"]


def test_connect_talks_to_nc():
    port = udp_port()
    with Program([openbsd_nc(), "-u", "-l", "127.0.0.1", str(port)], stdin=PIPE) as nc:
        has_port(port, nc, nc.deadline)
        with Soket("connect", f"udp://127.0.0.1:{port}", "linger=100ms", stdin=PIPE) as p:
            os.write(p.stdin, b"question\n")
            nc.out.wait(lambda r: r.text() == "question\n", nc.deadline, "the question")
            os.write(nc.stdin, b"answer\n")
            p.out.wait(lambda r: r.text() == "answer\n", p.deadline, "the answer")
            p.close_stdin()
            assert p.wait() == 0


def test_nc_talks_to_listen():
    with Soket("listen", "--json", "udp://127.0.0.1:0", stdin=PIPE) as p:
        with Program([openbsd_nc(), "-u", "127.0.0.1", str(p.port())], stdin=PIPE) as nc:
            os.write(nc.stdin, b"one")
            p.out.wait(lambda r: r.text() == "one", p.deadline, "the message")
            os.write(p.stdin, b"two")
            nc.out.wait(lambda r: r.text() == "two", nc.deadline, "the answer")


def test_socat_sends_to_a_relay_and_receives_from_one():
    socat, port = need("socat"), udp_port()
    with Program([socat, "-u", f"UDP4-RECVFROM:{port},bind=127.0.0.1,fork", "STDOUT"]) as end:
        has_port(port, end, end.deadline)
        with Soket("link", "--json", "udp://127.0.0.1:0", f"udp://127.0.0.1:{port}") as p:
            assert command(socat, "-u", "STDIN", f"UDP4-SENDTO:127.0.0.1:{p.port()}", stdin=b"through three").status == 0
            end.out.wait(lambda r: r.text() == "through three", end.deadline, "the message")


def test_socat_answers_a_relay():
    socat, port = need("socat"), udp_port()
    with Program([socat, f"UDP4-RECVFROM:{port},bind=127.0.0.1,fork", "EXEC:tr a-z A-Z"]) as end:
        has_port(port, end, end.deadline)
        with Soket("link", "--json", "udp://127.0.0.1:0", f"udp://127.0.0.1:{port}") as p, udp_to(p) as a, udp_to(p) as b:
            a.send(b"from a")
            b.send(b"from b")
            assert (a.receive(), b.receive()) == (b"FROM A", b"FROM B")


def test_socat_sends_to_a_unix_datagram_socket_and_from_one(short_path):
    socat = need("socat")
    path, to = (os.path.join(short_path, n) for n in ("s", "to"))
    with Program([socat, "-u", f"UNIX-RECVFROM:{to},fork", "STDOUT"]) as end:
        until(lambda: os.path.exists(to), end.deadline, "socat's socket", pause=0.01)
        with Soket("link", "--json", f"unix-dgram:{path}", f"unix-dgram:{to}") as p:
            p.event("listening")
            assert command(socat, "-u", "STDIN", f"UNIX-SENDTO:{path}", stdin=b"by name").status == 0
            end.out.wait(lambda r: r.text() == "by name", end.deadline, "the message")


def nginx_stream(directory, listens, target):
    """nginx that relays datagrams of a port of loopback."""
    path = need("nginx")
    user = pwd.getpwuid(os.getuid()).pw_name
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    with open(f"{directory}/nginx.conf", "w", encoding="ascii") as f:
        f.write(f"""{f"load_module {module};" if os.path.exists(module) else ""}
daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;
{f"user {user};" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
stream {{ server {{ listen 127.0.0.1:{listens} udp; proxy_pass 127.0.0.1:{target}; proxy_timeout 20s; }} }}
""")
    program = Program([path, "-p", str(directory), "-c", f"{directory}/nginx.conf", "-e", f"{directory}/error.log"], deadline=60)
    deadline = Deadline(20, "nginx")

    def bound():
        if program.ended():
            said = program.said()
            if "unknown directive" in said:
                pytest.skip("nginx has no stream module")
            raise AssertionError(said)
        with open("/proc/net/udp", encoding="ascii") as f:
            return any(int(line.split()[1].split(":")[1], 16) == listens for line in list(f)[1:])
    until(bound, deadline, "nginx", pause=0.01)
    return program


def several_peers_talk(dial):
    peers = [dial() for _ in range(5)]
    for k in range(4):
        for i, peer in enumerate(peers):
            peer.send(b"%d %d" % (i, k) + bytes(1300 * (k % 2)))
        for i, peer in enumerate(peers):
            assert peer.receive() == b"%d %d" % (i, k) + bytes(1300 * (k % 2))
    for peer in peers:
        peer.close()


def test_nginx_before_soket(tmp_path):
    with messages.echo() as target, Soket("link", "--json", "udp://127.0.0.1:0", target.endpoint) as p:
        port = udp_port()
        nginx_stream(tmp_path, port, p.port())
        several_peers_talk(lambda: udp(to=("127.0.0.1", port)))
        assert len(target.sources()) == 5


def test_soket_before_nginx(tmp_path):
    with messages.echo() as target:
        port = udp_port()
        nginx_stream(tmp_path, port, target.talker.port)
        with Soket("link", "--json", "udp://127.0.0.1:0", f"udp://127.0.0.1:{port}") as p:
            several_peers_talk(lambda: udp_to(p))
            assert len(target.sources()) == 5


def test_what_logger_sends_is_printed():
    path = need("logger")
    with Soket("listen", "--json", "udp://127.0.0.1:0", stdin=PIPE) as p:
        for n, word in enumerate(["disk is full", "disk is empty"]):
            done = command(path, "-n", "127.0.0.1", "-P", str(p.port()), "-d", "-p", "local0.warning", "-t", "tester", word)
            assert done.status == 0, done
            p.out.wait(lambda r, n=n: r.text().count("tester") == n + 1, p.deadline, "the message")
        assert p.out.text().startswith("<132>") and "disk is full" in p.out.text() and "disk is empty" in p.out.text()


def test_logger_writes_to_a_unix_datagram_socket_like_that_of_syslog(short_path):
    path = need("logger")
    log = os.path.join(short_path, "log")
    with Soket("listen", "--json", f"unix-dgram:{log}", stdin=PIPE) as p:
        p.event("listening")
        assert command(path, "-u", log, "-d", "-t", "tester", "to the socket").status == 0
        p.out.wait(lambda r: "to the socket" in r.text(), p.deadline, "the message")


def test_a_log_of_lines_is_sent_to_a_collector():
    with udp() as collector:
        done = soket("connect", collector.endpoint, "frame=line", "linger=50ms", stdin=b"<14>one\n<14>two\n")
        assert done.status == 0 and collector.receive_n(2) == [b"<14>one", b"<14>two"], done


class Upper(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.read().upper())


class Server6(socketserver.UDPServer):
    address_family = socket.AF_INET6


@pytest.mark.parametrize("kind, host", [(socketserver.UDPServer, "127.0.0.1"), (Server6, "::1")])
def test_a_server_of_python_is_relayed_and_connected_to(kind, host):
    with kind((host, 0), Upper) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        endpoint = f"udp://{messages.host_of(host)}:{server.server_address[1]}"
        try:
            done = soket("connect", endpoint, "linger=200ms", stdin=b"hello")
            assert (done.status, done.out) == (0, "HELLO"), done
            with Soket("link", "--json", "udp://127.0.0.1:0", endpoint) as p:
                with udp_to(p) as a, udp_to(p) as b:
                    assert a.ask(b"from a") == b"FROM A" and b.ask(b"from b") == b"FROM B"
        finally:
            server.shutdown()
            thread.join()


def test_a_unix_datagram_server_of_python_answers_the_name_that_was_made(short_path):
    path = os.path.join(short_path, "s")

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request[1].sendto(self.request[0].upper(), self.client_address)

    with socketserver.UnixDatagramServer(path, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            done = soket("connect", f"unix-dgram:{path}", "linger=200ms", stdin=b"hello")
            assert (done.status, done.out) == (0, "HELLO"), done
        finally:
            server.shutdown()
            thread.join()
