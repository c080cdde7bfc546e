# SPDX-License-Identifier: Apache-2.0
"""Through proxies to a target, and the PROXY protocol: what goes through, who is told to be the client, and what is said where it fails."""
import base64
import socket
import struct
import threading

import pytest

from harness import data as pattern
from harness.certs import Certs, PythonServer, TlsEnd, client_context, echo_all, server_context
from harness.clock import Deadline, until
from harness.ends import EchoServer, Gone, Server, dial_tcp, dial_unix
from harness.run import Soket, clean_env, one_clear_line, soket
from harness.wsraw import WsServer, echo

MANY = 5_000_000


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))


def env(**more):
    """No proxies but those of the test."""
    return {k: v for k, v in clean_env(**more).items() if k in more or not k.lower().endswith("_proxy")}


class Wire:
    """A connection to a proxy of the test."""

    def __init__(self, sock, deadline):
        self.sock, self.deadline, self.rest = sock, deadline, b""

    def read(self, n):
        while len(self.rest) < n:
            self._more()
        ret, self.rest = self.rest[:n], self.rest[n:]
        return ret

    def read_to(self, end):
        while end not in self.rest:
            self._more()
        ret, self.rest = self.rest.split(end, 1)
        return ret

    def _more(self):
        self.sock.settimeout(self.deadline.left("a proxy of the test"))
        piece = self.sock.recv(65536)
        if not piece:
            raise Gone("the client of the proxy ended")
        self.rest += piece

    def send(self, content):
        self.sock.settimeout(self.deadline.left("a proxy of the test"))
        self.sock.sendall(content)


def refused_or_not(connect):
    """(socket, None) or (None, errno)."""
    try:
        return connect(), None
    except OSError as e:
        return None, e.errno


class Proxy(Server):
    """A proxy of the test: socks5, socks4a or CONNECT. `names` are those that only it knows, each with an address; `login` is
    (user, password). `asked` are what it was asked for, `logins` what it was shown. `extra` goes right behind the answer; `one_by_one`
    sends answers a byte at a time."""

    def __init__(self, kind, names=None, login=None, extra=b"", one_by_one=False, seconds=30, **options):
        super().__init__(**options)
        self.kind, self.names, self.login, self.extra, self.one_by_one = kind, names or {}, login, extra, one_by_one
        self.deadline = Deadline(seconds, "a proxy of the test")
        self.asked, self.logins, self.failures = [], [], []
        self.serve_each(self._serve, self.deadline)

    def via(self, login=None, scheme=None):
        at = f"{login[0]}:{login[1]}@" if login else ""
        host = f"[{self.address[0]}]" if ":" in self.address[0] else self.address[0]
        return f"via={scheme or {'connect': 'http'}.get(self.kind, self.kind)}://{at}{host}:{self.port}"

    def _serve(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = Wire(sock, self.deadline)
            far = getattr(self, f"_{self.kind}")(wire)
            if far:
                if wire.rest:
                    far.sendall(wire.rest)
                back = threading.Thread(target=self.copy, args=(far, sock), daemon=True)
                back.start()
                self.copy(sock, far)
                back.join(30)
        except Exception as e:  # noqa: B902 - for the test to look at
            self.failures.append(e)
        sock.close()

    def reach(self, host, port):
        self.asked.append((host, port))
        return refused_or_not(lambda: socket.create_connection((self.names.get(host, host), port), self.deadline.left()))

    def say(self, wire, content):
        if self.one_by_one:
            for i in range(len(content)):
                wire.send(content[i:i + 1])
        else:
            wire.send(content)

    def _socks5(self, wire):
        version, n = wire.read(2)
        methods = wire.read(n)
        assert version == 5
        if self.login:
            if 2 not in methods:
                self.say(wire, b"\x05\xff")
                return None
            self.say(wire, b"\x05\x02")
            assert wire.read(1) == b"\x01"
            got = tuple(wire.read(wire.read(1)[0]).decode() for _ in range(2))
            self.logins.append(got)
            self.say(wire, b"\x01\x00" if got == self.login else b"\x01\x01")
            if got != self.login:
                return None
        else:
            assert 0 in methods
            self.say(wire, b"\x05\x00")
        assert wire.read(3) == b"\x05\x01\x00"
        kind = wire.read(1)[0]
        host = (socket.inet_ntoa(wire.read(4)) if kind == 1 else socket.inet_ntop(socket.AF_INET6, wire.read(16)) if kind == 4
                else wire.read(wire.read(1)[0]).decode())
        far, failed = self.reach(host, *struct.unpack("!H", wire.read(2)))
        code = 0 if far else 5 if failed == 111 else 4
        self.say(wire, bytes([5, code, 0, 3, 5]) + b"bound" + b"\0\1" + (self.extra if far else b""))
        return far

    def _socks4a(self, wire):
        assert wire.read(2) == b"\x04\x01"
        port, = struct.unpack("!H", wire.read(2))
        address = wire.read(4)
        self.logins.append(wire.read_to(b"\0").decode())
        host = wire.read_to(b"\0").decode() if address[:3] == b"\0\0\0" and address[3] else socket.inet_ntoa(address)
        far, _ = self.reach(host, port)
        self.say(wire, bytes([0, 90 if far else 91]) + bytes(6) + (self.extra if far else b""))
        return far

    def _connect(self, wire):
        first, *fields = wire.read_to(b"\r\n\r\n").decode().split("\r\n")
        fields = dict(f.split(": ", 1) for f in fields)
        method, target, version = first.split()
        assert (method, version) == ("CONNECT", "HTTP/1.1") and fields["Host"] == target
        if self.login:
            shown = fields.get("Proxy-Authorization")
            self.logins.append(shown)
            if shown != "Basic " + base64.b64encode(":".join(self.login).encode()).decode():
                self.say(wire, b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
                return None
        host, port = target.rsplit(":", 1)
        far, _ = self.reach(host.strip("[]"), int(port))
        self.say(wire, (b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n" + self.extra) if far else
                 b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nsick")
        return far

    @staticmethod
    def copy(source, sink):
        try:
            source.settimeout(None)
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


KINDS = ["socks5", "socks4a", "connect"]
LOGINS = ["socks5", "connect"]


class Script(Server):
    """A server that sends the same to everybody, and then reads until the client ends, or not."""

    def __init__(self, said, hangs=False, wait=0, seconds=30):
        super().__init__()
        self.said, self.hangs, self.wait, self.deadline = said, hangs, wait, Deadline(seconds)
        self.serve_each(self._serve, self.deadline)

    def _accept(self):
        while True:
            try:
                sock = self.accept(self.deadline).sock
            except (OSError, AssertionError):
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock.settimeout(self.deadline.left())
            if self.wait:
                sock.recv(self.wait)
            sock.sendall(self.said)
            while self.hangs and sock.recv(65536):
                pass
            if not self.hangs:
                sock.shutdown(socket.SHUT_WR)
                sock.recv(65536)
        except OSError:
            pass
        sock.close()


def through(target, *options, stdin=b"hello", **more):
    more.setdefault("env", env())
    return soket("connect", target, *options, stdin=stdin, **more)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


# --- via=: what goes through


@pytest.mark.parametrize("one_by_one", [False, True], ids=["at-once", "trickled"])
@pytest.mark.parametrize("kind", KINDS)
def test_megabytes_go_both_ways(kind, one_by_one):
    content = pattern.whole(1, MANY)
    with EchoServer() as server, Proxy(kind, one_by_one=one_by_one) as proxy:
        done = through(f"127.0.0.1:{server.port}", proxy.via(), stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done
        assert proxy.asked == [("127.0.0.1", server.port)] and not proxy.failures


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mover", ["auto", "copy", "splice"])
def test_each_client_of_a_relay_goes_through(kind, mover):
    content = pattern.whole(2, MANY)
    with EchoServer() as server, Proxy(kind) as proxy:
        with Soket("link", "--json", "--mover", mover, "tcp://127.0.0.1:0", f"127.0.0.1:{server.port}", proxy.via(), env=env()) as p:
            for _ in range(3):
                done = soket("connect", f"127.0.0.1:{p.port()}", stdin=content, deadline=30)
                assert done.status == 0 and done.raw == content
            assert len(proxy.asked) == 3
            closed = p.event("closed", count=3)
            assert (closed["sent"], closed["received"], closed["how"]) == (MANY, MANY, "done")


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_only_the_proxy_knows(kind):
    with EchoServer() as server, Proxy(kind, names={"inside.invalid": "127.0.0.1"}) as proxy:
        done = through(f"inside.invalid:{server.port}", proxy.via())
        assert (done.status, done.out) == (0, "hello"), done
        assert proxy.asked == [("inside.invalid", server.port)]


def test_socks5h_is_socks5():
    with EchoServer() as server, Proxy("socks5", names={"inside.invalid": "127.0.0.1"}) as proxy:
        assert through(f"inside.invalid:{server.port}", proxy.via(scheme="socks5h")).out == "hello"


@pytest.mark.parametrize("kind", ["socks5", "connect"])
def test_an_ipv6_target(kind):
    with EchoServer(socket.AF_INET6) as server, Proxy(kind) as proxy:
        done = through(f"[::1]:{server.port}", proxy.via())
        assert (done.status, done.out) == (0, "hello"), done
        assert proxy.asked == [("::1", server.port)]


def test_an_ipv6_target_is_too_much_for_socks4a():
    with Proxy("socks4a") as proxy:
        done = through("[::1]:80", proxy.via())
        assert done.status == 2, done
        assert "socks5" in one_clear_line(done)[1]


def test_a_proxy_at_an_ipv6_address():
    with EchoServer() as server, Proxy("socks5", family=socket.AF_INET6) as proxy:
        assert through(f"127.0.0.1:{server.port}", proxy.via()).out == "hello"


@pytest.mark.parametrize("kind", LOGINS)
@pytest.mark.parametrize("login, written", [(("user", "secret"), ("user", "secret")), (("u@x", "p:/ %"), ("u%40x", "p%3a%2f%20%25")),
                                            (("ünï", "ß" * 100), ("ünï", "ß" * 100))], ids=["plain", "escaped", "long"])
def test_with_a_password(kind, login, written):
    with EchoServer() as server, Proxy(kind, login=login) as proxy:
        done = through(f"127.0.0.1:{server.port}", proxy.via(written))
        assert (done.status, done.out) == (0, "hello"), done


def test_a_user_of_socks4a():
    with EchoServer() as server, Proxy("socks4a") as proxy:
        done = through(f"127.0.0.1:{server.port}", f"via=socks4a://me@127.0.0.1:{proxy.port}")
        assert (done.status, done.out) == (0, "hello"), done
        assert proxy.logins == ["me"]


@pytest.mark.parametrize("kind", LOGINS)
@pytest.mark.parametrize("login", [("user", "wrong"), None], ids=["wrong", "none"])
def test_a_wrong_password_or_none(kind, login):
    with EchoServer() as server, Proxy(kind, login=("user", "secret")) as proxy:
        done = through(f"127.0.0.1:{server.port}", proxy.via(login))
        assert done.status == 6, done
        text, hint = one_clear_line(done)
        assert str(proxy.port) in text and "via=" in hint and "password" in hint
        assert "wrong" not in done.err and server.served == 0


def test_no_password_is_shown_anywhere():
    login = ("user", "pssst")
    with EchoServer() as server, Proxy("socks5", login=login) as proxy:
        done = through(f"127.0.0.1:{server.port}", proxy.via(login), "-v")
        assert done.status == 0 and "pssst" not in done.err
        done = soket("connect", "--json", f"127.0.0.1:{server.port}", proxy.via(login), stdin=b"hello", env=env())
        assert done.status == 0 and "pssst" not in done.err + done.out
        with Soket("link", "--json", "-v", "tcp://127.0.0.1:0", f"127.0.0.1:{closed_port()}", proxy.via(login), env=env()) as p:
            soket("connect", f"127.0.0.1:{p.port()}")
            p.event("failed")
            assert "pssst" not in p.said()


@pytest.mark.parametrize("kinds", [["socks5", "connect"], ["connect", "socks5"], ["socks4a", "connect", "socks5"],
                                   ["socks5", "socks5", "socks5"]], ids="-".join)
def test_several_proxies_one_through_the_other(kinds):
    content = pattern.whole(3, 500_000)
    with EchoServer() as server:
        proxies = [Proxy(kind) for kind in kinds]
        done = through(f"127.0.0.1:{server.port}", *[p.via() for p in proxies], stdin=content)
        assert (done.status, done.err) == (0, "") and done.raw == content, done
        targets = [p.port for p in proxies[1:]] + [server.port]
        assert [p.asked for p in proxies] == [[("127.0.0.1", port)] for port in targets]
        for p in proxies:
            p.close()


def test_the_second_proxy_has_a_name_that_only_the_first_knows():
    with EchoServer() as server, Proxy("socks5", names={"second.invalid": "127.0.0.1"}) as first:
        with Proxy("connect", names={"inside.invalid": "127.0.0.1"}) as second:
            done = through(f"inside.invalid:{server.port}", first.via(), f"via=http://second.invalid:{second.port}")
            assert (done.status, done.out) == (0, "hello"), done


def test_the_second_of_two_proxies_refuses():
    with Proxy("socks5") as first, Proxy("connect") as second:
        port = closed_port()
        done = through(f"127.0.0.1:{port}", first.via(), second.via())
        assert done.status == 4, done
        text, _ = one_clear_line(done)
        assert str(second.port) in text and str(port) in text


@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_comes_after_our_end(kind):
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "sort") as p, Proxy(kind) as proxy:
        done = through(f"127.0.0.1:{p.port()}", proxy.via(), stdin=b"c\nb\na\n")
        assert (done.status, done.out, done.err) == (0, "a\nb\nc\n", ""), done


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_right_behind_the_answer_are_the_targets(kind):
    with EchoServer() as server, Proxy(kind, extra=b"banner " * 500) as proxy:
        done = through(f"127.0.0.1:{server.port}", proxy.via())
        assert (done.status, done.raw) == (0, b"banner " * 500 + b"hello"), done


def test_tls_inside_a_tunnel(certs):
    with PythonServer(server_context(certs.server), echo_all) as server, Proxy("socks5", names={"localhost": "127.0.0.1"}) as proxy:
        done = through(f"tls://localhost:{server.port}", proxy.via(), f"ca={certs.ca.cert}")
        assert (done.status, done.out) == (0, "hello"), done
        assert proxy.asked == [("localhost", server.port)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_websocket_inside_a_tunnel(kind):
    with WsServer(echo) as server, Proxy(kind) as proxy:
        done = through(server.endpoint, proxy.via())
        assert (done.status, done.out) == (0, "hello"), done
        assert proxy.asked == [("127.0.0.1", server.port)]


def test_wss_through_a_socks_proxy():
    content = pattern.whole(4, MANY)
    with Soket("link", "--json", "wss://127.0.0.1:0", "echo:") as p, Proxy("socks5") as proxy:
        listening = p.event("listening")
        done = through(f"wss://127.0.0.1:{p.port()}", proxy.via(), f"pin={listening['pin']}", stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done


def trusted(certs):
    """The environment in which the tests' CA is one of the system's."""
    return env(SSL_CERT_FILE=certs.ca.cert)


def test_a_proxy_inside_tls(certs):
    content = pattern.whole(5, MANY)
    with EchoServer() as server, Proxy("connect") as proxy:
        with Soket("link", "--json", "tls://127.0.0.1:0", *certs.server.options, f"127.0.0.1:{proxy.port}") as front:
            done = through(f"127.0.0.1:{server.port}", f"via=https://127.0.0.1:{front.port()}", stdin=content, env=trusted(certs), deadline=30)
            assert (done.status, done.err) == (0, "") and done.raw == content, done
            done = through(f"127.0.0.1:{server.port}", f"via=https://127.0.0.1:{front.port()}")
            assert done.status not in (0, 70), done
            text, _ = one_clear_line(done)
            assert "certificate" in done.err and str(front.port()) in text


def test_tls_to_the_target_inside_tls_to_the_proxy(certs):
    with PythonServer(server_context(certs.server), echo_all) as server, Proxy("connect") as proxy:
        with Soket("link", "--json", "tls://127.0.0.1:0", *certs.server.options, f"127.0.0.1:{proxy.port}") as front:
            done = through(server.endpoint, f"via=https://127.0.0.1:{front.port()}", f"ca={certs.ca.cert}", env=trusted(certs))
            assert (done.status, done.out) == (0, "hello"), done


def test_much_goes_up_and_down_through_tls_inside_tls(certs):
    content = pattern.whole(6, MANY)
    with Proxy("connect") as proxy, Soket("link", "--json", "tls://127.0.0.1:0", *certs.server.options, "echo:") as target:
        with Soket("link", "--json", "tls://127.0.0.1:0", *certs.server.options, f"127.0.0.1:{proxy.port}") as front:
            done = through(f"tls://127.0.0.1:{target.port()}", f"ca={certs.ca.cert}", f"via=https://127.0.0.1:{front.port()}",
                           stdin=content, env=trusted(certs), deadline=30)
            assert (done.status, done.err) == (0, "") and done.raw == content, done


def test_an_https_proxy_that_is_the_second(certs):
    with EchoServer() as server, Proxy("connect") as proxy, Proxy("socks5") as first:
        with Soket("link", "--json", "tls://127.0.0.1:0", *certs.server.options, f"127.0.0.1:{proxy.port}") as front:
            done = through(f"127.0.0.1:{server.port}", first.via(), f"via=https://127.0.0.1:{front.port()}", env=trusted(certs))
            assert (done.status, done.out) == (0, "hello"), done


# via=: where it fails


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_that_refuses(kind):
    port = closed_port()
    with Proxy(kind) as proxy:
        done = through(f"127.0.0.1:{port}", proxy.via())
        assert done.status == 4, done
        text, hint = one_clear_line(done)
        assert f"127.0.0.1:{proxy.port}" in text and f"127.0.0.1:{port}" in text and hint


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_that_has_no_address(kind):
    with Proxy(kind) as proxy:
        done = through("nobody.invalid:80", proxy.via())
        assert done.status == 4, done
        text, _ = one_clear_line(done)
        assert "nobody.invalid:80" in text and str(proxy.port) in text


REPLIES = [(1, 4), (2, 6), (3, 4), (4, 4), (5, 4), (6, 5), (7, 9), (8, 9), (99, 4)]


@pytest.mark.parametrize("code, status", REPLIES)
def test_each_reply_of_socks5_has_its_words_and_its_status(code, status):
    with Script(b"\x05\x00" + bytes([5, code, 0, 1]) + bytes(6), hangs=True) as proxy:
        done = through("127.0.0.1:9", f"via=socks5://127.0.0.1:{proxy.port}")
        assert done.status == status, done
        text = one_clear_line(done)[0] if status != 9 else done.err
        assert "127.0.0.1:9" in text and str(proxy.port) in text


@pytest.mark.parametrize("http, status", [("403 Forbidden", 6), ("407 Who", 6), ("400 Bad", 9), ("405 No", 9), ("502 Bad Gateway", 4),
                                          ("503 Busy", 4), ("504 Late", 5), ("301 Moved", 4), ("101 Switching", 4)])
def test_each_answer_of_http_has_its_status(http, status):
    with Script(f"HTTP/1.1 {http}\r\nContent-Length: 3\r\n\r\nwhy".encode(), hangs=True) as proxy:
        done = through("127.0.0.1:9", f"via=http://127.0.0.1:{proxy.port}")
        assert done.status == status, done
        text, _ = one_clear_line(done)
        assert http in text and str(proxy.port) in text


def test_answers_in_between_are_passed_over():
    said = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello"
    with Script(said) as proxy:
        done = through("127.0.0.1:9", f"via=http://127.0.0.1:{proxy.port}")
        assert (done.status, done.out) == (0, "hello"), done


def test_a_length_in_an_answer_to_connect_means_nothing():
    with Script(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nhello") as proxy:
        done = through("127.0.0.1:9", f"via=http://127.0.0.1:{proxy.port}")
        assert (done.status, done.out) == (0, "hello"), done


def test_answers_in_between_without_an_end():
    with Script(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000) as proxy:
        done = through("127.0.0.1:9", f"via=http://127.0.0.1:{proxy.port}")
        assert done.status not in (0, 70), done


@pytest.mark.parametrize("status", ["401 Unauthorized"])
def test_a_proxy_that_asks_for_a_login_by_another_number(status):
    """tinyproxy does that where a password is wrong."""
    with Script(f"HTTP/1.1 {status}\r\n\r\n".encode(), hangs=True) as proxy:
        done = through("127.0.0.1:9", f"via=http://user:wrong@127.0.0.1:{proxy.port}")
        assert done.status == 6, done
        assert "password" in one_clear_line(done)[1]


@pytest.mark.parametrize("scheme", ["socks5", "socks4a", "http"])
def test_a_proxy_that_is_down(scheme):
    port = closed_port()
    done = through("127.0.0.1:9", f"via={scheme}://127.0.0.1:{port}")
    assert done.status == 4, done
    assert f"127.0.0.1:{port}" in one_clear_line(done)[0]


GARBAGE = [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 40, b"\xff" * 40, b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46",
           b"\x05\x02", b"\x05\x77", b"\x04\x5a", b"HTTP/1.1 two hundred\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000]


@pytest.mark.parametrize("said", GARBAGE, ids=range(len(GARBAGE)))
@pytest.mark.parametrize("scheme", ["socks5", "socks4a", "http"])
def test_a_proxy_that_talks_nonsense(scheme, said):
    with Script(said) as proxy:
        done = through("127.0.0.1:9", f"via={scheme}://127.0.0.1:{proxy.port}")
        if scheme == "http" and said.startswith(b"HTTP/1.0 400"):
            assert "400" in done.err
        assert done.status == 9, done
        text, hint = one_clear_line(done)
        assert str(proxy.port) in text and hint
        assert all(c.isprintable() or c == "\n" for c in done.err)


@pytest.mark.parametrize("scheme", ["socks5", "socks4a", "http"])
def test_a_proxy_that_says_nothing(scheme):
    with Script(b"", hangs=True) as proxy:
        done = through("127.0.0.1:9", f"via={scheme}://127.0.0.1:{proxy.port}", "timeout=300ms")
        assert done.status == 5, done
        one_clear_line(done)


def test_a_silent_proxy_is_named():
    with Script(b"", hangs=True) as proxy:
        done = through("127.0.0.1:9", f"via=socks5://127.0.0.1:{proxy.port}", "timeout=300ms")
        assert done.status == 5 and str(proxy.port) in done.err, done


@pytest.mark.parametrize("scheme, said", [("socks5", b""), ("socks5", b"\x05"), ("socks5", b"\x05\x00"), ("socks5", b"\x05\x00\x05\x00\x00\x01\x7f"),
                                          ("socks4a", b""), ("socks4a", b"\x00\x5a\x00"), ("http", b""), ("http", b"HTTP/1.1 200 OK\r\n")],
                         ids=["socks5-first", "socks5-half", "socks5-second", "socks5-late", "socks4a-first", "socks4a-half", "http-first", "http-half"])
def test_a_proxy_that_ends_in_the_middle(scheme, said):
    with Script(said, wait=1) as proxy:
        done = through("127.0.0.1:9", f"via={scheme}://127.0.0.1:{proxy.port}")
        assert done.status == 9, done
        text, hint = one_clear_line(done)
        assert str(proxy.port) in text and "closed" in text and hint


def test_a_proxy_that_resets():
    with Server() as proxy, Soket("connect", "127.0.0.1:9", f"via=socks5://127.0.0.1:{proxy.port}", env=env()) as p:
        proxy.accept(p.deadline).reset()
        assert p.wait() not in (0, 70), p.said()
        assert str(proxy.port) in p.err.text()


def test_a_relay_goes_on_when_one_client_found_no_way():
    port = closed_port()
    with Proxy("socks5") as proxy:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"127.0.0.1:{port}", proxy.via(), env=env()) as p:
            for i in range(3):
                soket("connect", f"127.0.0.1:{p.port()}")
                assert p.event("failed", count=i + 1)["error"]["kind"] == "refused"
            with EchoServer(address=("127.0.0.1", port)):
                assert soket("connect", f"127.0.0.1:{p.port()}", stdin=b"hello").out == "hello"


@pytest.mark.parametrize("value", ["ftp://127.0.0.1:1", "127.0.0.1:1080", "socks5://", "socks5://host:99999", "socks5://a b:1", "socks5://[::1:1080",
                                   "socks5://u%zz:p@host:1", "http://host:80/path"])
def test_what_is_no_address_of_a_proxy(value):
    done = through("127.0.0.1:9", f"via={value}")
    assert done.status == 2, done
    assert "socks5://" in done.err


def test_a_password_in_a_wrong_address_is_not_shown():
    done = through("127.0.0.1:9", "via=socks6://user:pssst@host:1")
    assert done.status == 2 and "pssst" not in done.err, done


@pytest.mark.parametrize("endpoint", ["udp://127.0.0.1:9", "unix:/tmp/x"])
def test_what_no_proxy_can_carry(endpoint):
    done = through(endpoint, "via=socks5://127.0.0.1:1")
    assert done.status == 2, done


# via=env


def test_the_environment_names_the_proxy():
    with EchoServer() as server, Proxy("socks5") as proxy:
        for name in ("ALL_PROXY", "all_proxy"):
            done = through(f"127.0.0.1:{server.port}", "via=env", env=env(**{name: f"socks5://127.0.0.1:{proxy.port}/"}))
            assert (done.status, done.out) == (0, "hello"), done
        assert len(proxy.asked) == 2


def test_the_environment_means_nothing_without_being_asked():
    with EchoServer() as server, Proxy("socks5") as proxy:
        done = through(f"127.0.0.1:{server.port}", env=env(ALL_PROXY=f"socks5://127.0.0.1:{proxy.port}", HTTP_PROXY="http://127.0.0.1:1"))
        assert (done.status, done.out) == (0, "hello"), done
        assert not proxy.asked


@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_an_environment_without_a_proxy(value):
    with EchoServer() as server:
        done = through(f"127.0.0.1:{server.port}", "via=env", env=env(**({} if value is None else {"ALL_PROXY": value})))
        assert (done.status, done.out) == (0, "hello"), done


def test_an_environment_with_nonsense():
    done = through("127.0.0.1:9", "via=env", env=env(ALL_PROXY="nonsense"))
    assert done.status == 2, done
    assert "ALL_PROXY" in done.err


@pytest.mark.parametrize("host, no_proxy, goes_around", [
    ("localhost", "localhost", True), ("localhost", "other,LOCALHOST", True), ("localhost", "*", True), ("localhost", "host", False),
    ("127.0.0.1", "127.0.0.1", True), ("127.0.0.1", "10.0.0.1 127.0.0.1", True), ("127.0.0.1", "0.0.1", False), ("localhost", "", False),
    ("127.0.0.1", "localhost", False)])
def test_who_is_excepted_from_the_proxy(host, no_proxy, goes_around):
    with EchoServer() as server, Proxy("socks5") as proxy:
        done = through(f"{host}:{server.port}", "via=env", env=env(ALL_PROXY=f"socks5://127.0.0.1:{proxy.port}", NO_PROXY=no_proxy))
        assert (done.status, done.out) == (0, "hello"), done
        assert bool(proxy.asked) != goes_around


# --- the PROXY protocol

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source, dest, sport, dport, family=None):
    family = family or ("TCP6" if ":" in source else "TCP4")
    return f"PROXY {family} {source} {dest} {sport} {dport}\r\n".encode()


def v2(source, dest, sport, dport, tlvs=b"", command=1, family=None):
    f = socket.AF_INET6 if ":" in source else socket.AF_INET
    content = socket.inet_pton(f, source) + socket.inet_pton(f, dest) + struct.pack("!HH", sport, dport) + tlvs
    kind = family if family is not None else 0x21 if f == socket.AF_INET6 else 0x11
    return SIGNATURE + bytes([0x20 | command, kind]) + struct.pack("!H", len(content)) + content


def behind(*words, options=(), flags=(), endpoint="tcp://127.0.0.1:0", deadline=30):
    """A soket that is told who its clients are."""
    return Soket("link", "--json", *flags, endpoint, "accept-proxy=yes", *options, *(words or ("echo:",)), deadline=deadline)


def tell(p, header, content=b"hello"):
    """Send a header and what follows; what came back, to the end."""
    with dial_tcp(p.address(), p.deadline) as end:
        try:
            end.send_bytes(header + content, p.deadline)
            end.end_writing()
            return end.read_all(p.deadline)
        except (Gone, OSError):
            return None


def checksum(header):
    """A CRC-32c over all of it, into the four zeros of its field."""
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    crc = 0xffffffff
    for b in header:
        crc = crc >> 8 ^ table[(crc ^ b) & 0xff]
    return struct.pack("!I", crc ^ 0xffffffff)


CRC = b"\x03\x00\x04"
WITHOUT_CRC = v2("192.0.2.7", "198.51.100.1", 4711, 443, CRC + bytes(4))
WITH_CRC = WITHOUT_CRC[:-4] + checksum(WITHOUT_CRC)

TOLD = [("v1-4", v1("192.0.2.7", "198.51.100.1", 4711, 443), "192.0.2.7:4711"),
        ("v1-6", v1("2001:db8::7", "2001:db8::1", 4711, 443), "[2001:db8::7]:4711"),
        ("v2-4", v2("192.0.2.7", "198.51.100.1", 4711, 443), "192.0.2.7:4711"),
        ("v2-6", v2("2001:db8::7", "2001:db8::1", 4711, 443), "[2001:db8::7]:4711"),
        ("v2-more", v2("192.0.2.7", "198.51.100.1", 4711, 443, b"\x01\x00\x02h2\xe0\x03\x00" + b"x" * 768), "192.0.2.7:4711"),
        ("v2-crc", WITH_CRC, "192.0.2.7:4711")]


@pytest.mark.parametrize("header, client", [pytest.param(*t[1:], id=t[0]) for t in TOLD])
def test_the_client_is_who_the_header_says(header, client):
    with behind() as p:
        assert tell(p, header) == b"hello"
        assert p.event("opened")["from"] == f"tcp://{client}"
        assert p.event("closed")["from"] == f"tcp://{client}"


@pytest.mark.parametrize("header", [pytest.param(t[1], id=t[0]) for t in TOLD])
def test_one_byte_at_a_time(header):
    with behind() as p, dial_tcp(p.address(), p.deadline) as end:
        end.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(header)):
            end.send_bytes(header[i:i + 1], p.deadline)
        end.send_bytes(b"hello", p.deadline)
        end.end_writing()
        assert end.read_all(p.deadline) == b"hello"


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN whatever is here\r\n", SIGNATURE + b"\x20\x00\x00\x00",
                                    v2("192.0.2.7", "192.0.2.8", 1, 2, command=0), v2("192.0.2.7", "192.0.2.8", 1, 2, family=0),
                                    SIGNATURE + b"\x21\x00\x00\x00"],
                         ids=["unknown", "unknown-words", "local", "local-with-addresses", "unspecified", "unspecified-empty"])
def test_a_header_that_names_nobody(header):
    """A check of the proxy itself, or a client that it does not know: the connection is its own."""
    with behind() as p:
        assert tell(p, header) == b"hello"
        assert p.event("opened")["from"].startswith("tcp://127.0.0.1:")


MALFORMED = [("no-header", b"GET / HTTP/1.1\r\n\r\n"), ("no-family", b"PROXY \r\n"), ("a family", v1("192.0.2.7", "192.0.2.8", 1, 2, "TCP5")),
             ("an address", v1("192.0.2.777", "192.0.2.8", 1, 2)), ("a port", v1("192.0.2.7", "192.0.2.8", 65536, 2)),
             ("the other family", v1("192.0.2.7", "192.0.2.8", 1, 2, "TCP6")), ("too-long", b"PROXY TCP4 " + b"1" * 200 + b"\r\n"),
             ("a-port-too-few", b"PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n"), ("more", b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n"),
             ("no-CR", b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\nxxxx"), ("two-blanks", b"PROXY TCP4  192.0.2.7 192.0.2.8 1 2\r\n"),
             ("lower-case", b"proxy tcp4 192.0.2.7 192.0.2.8 1 2\r\n"), ("version 3", SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12)),
             ("command 2", SIGNATURE + b"\x22\x11\x00\x0c" + bytes(12)), ("short", SIGNATURE + b"\x21\x11\x00\x04" + bytes(4)),
             ("family 4", SIGNATURE + b"\x21\x41\x00\x0c" + bytes(12)), ("huge", SIGNATURE + b"\x21\x11\xff\xff" + bytes(12)),
             ("wrong-tlv", v2("192.0.2.7", "192.0.2.8", 1, 2, b"\x01\x00\x09x")), ("wrong-crc", WITHOUT_CRC)]


@pytest.mark.parametrize("header", [pytest.param(m[1], id=m[0].replace(" ", "-")) for m in MALFORMED])
def test_a_header_that_is_wrong(header):
    with EchoServer() as server, behind(server.endpoint) as p:
        assert not tell(p, header, b"")
        error = p.event("failed")["error"]
        assert error["kind"] == "peer" and "PROXY" in error["text"] and error["hint"]
        assert server.served == 0
        assert tell(p, v1("192.0.2.7", "198.51.100.1", 4711, 443)) == b"hello"


def test_a_connection_that_ends_within_its_header():
    with behind() as p:
        tell(p, b"", b"")
        assert "without a byte" in p.event("failed")["error"]["text"]
        tell(p, b"PROXY TCP4 1", b"")
        assert "within its PROXY header" in p.event("failed", count=2)["error"]["text"]


@pytest.mark.parametrize("said", [b"", b"PROXY TC", SIGNATURE + b"\x21\x11\x00\x0c"], ids=["nothing", "half", "half-of-v2"])
def test_a_header_that_does_not_come(said):
    with behind(options=["timeout=300ms"]) as p:
        with dial_tcp(p.address(), p.deadline) as slow:
            slow.send_bytes(said, p.deadline)
            assert tell(p, v1("192.0.2.7", "198.51.100.1", 4711, 443)) == b"hello"
            assert p.event("failed")["error"]["kind"] == "timeout"
            try:
                slow.expect_end(p.deadline)
            except Gone:
                pass


@pytest.mark.parametrize("said, more", [(b"PROXY TCP4 ", b"1"), (SIGNATURE + b"\x21\x11\x0f\xff", b"\0")], ids=["v1", "v2"])
def test_a_header_that_trickles_forever_is_ended(said, more):
    """The time is for the whole header, not for each byte."""
    with behind(options=["timeout=500ms"]) as p, dial_tcp(p.address(), p.deadline) as end:
        end.send_bytes(said, p.deadline)

        def one_more():
            try:
                end.send_bytes(more, p.deadline)
            except Gone:
                return True
            return bool(p.events("failed"))
        until(one_more, p.deadline, "the end of a trickling client", pause=0.05)
        assert p.event("failed")["error"]["kind"] in ("timeout", "peer")


def test_who_may_tell():
    with behind(options=["proxy-from=10.0.0.0/8"]) as p:
        assert not tell(p, v1("192.0.2.7", "198.51.100.1", 4711, 443))
        assert p.event("refused")["from"].startswith("tcp://127.0.0.1:")
    for network in ("127.0.0.0/8", "127.0.0.1"):
        with behind(options=[f"proxy-from={network}"]) as p:
            assert tell(p, v1("192.0.2.7", "198.51.100.1", 4711, 443)) == b"hello"


def test_several_networks_may_tell():
    with behind(options=["proxy-from=10.0.0.0/8", "proxy-from=127.0.0.0/8"]) as p:
        assert tell(p, v1("192.0.2.7", "198.51.100.1", 4711, 443)) == b"hello"


def test_without_a_list_only_this_machine_may_tell(pair):
    with Soket("link", "--json", "tcp://any:0", "accept-proxy=yes", "echo:", wrap=pair.b.wrap) as p:
        target = f"{pair.b4}:{p.port()}"
        done = soket("connect", target, stdin=v1("192.0.2.7", "198.51.100.1", 4711, 443) + b"hello", wrap=pair.a.wrap)
        assert done.out == "", done
        assert p.event("refused")["from"].startswith(f"tcp://{pair.a4}:")
    with Soket("link", "--json", "tcp://any:0", "accept-proxy=yes", f"proxy-from={pair.a4}", "echo:", wrap=pair.b.wrap) as p:
        target = f"{pair.b4}:{p.port()}"
        done = soket("connect", target, stdin=v1("192.0.2.7", "198.51.100.1", 4711, 443) + b"hello", wrap=pair.a.wrap)
        assert done.out == "hello", done


@pytest.mark.parametrize("flags, client, is_let_in", [
    (["--allow", "192.0.2.0/24"], "192.0.2.7", True), (["--allow", "192.0.2.0/24"], "198.51.100.7", False),
    (["--deny", "192.0.2.7"], "192.0.2.7", False), (["--deny", "192.0.2.7"], "192.0.2.8", True),
    (["--deny", "2001:db8::/32"], "2001:db8::7", False), (["--allow", "127.0.0.0/8"], "192.0.2.7", False)])
def test_who_is_let_in_is_the_client_and_not_the_proxy(flags, client, is_let_in):
    dest = "::1" if ":" in client else "198.51.100.1"
    with EchoServer() as server, behind(server.endpoint, flags=flags) as p:
        got = tell(p, v2(client, dest, 4711, 443))
        assert (got == b"hello") == is_let_in
        assert server.served == (1 if is_let_in else 0)
        if not is_let_in:
            until(lambda: [e for e in p.events() if client in str(e)], p.deadline, "what was refused")


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"], ids=["unknown", "local"])
@pytest.mark.parametrize("flags, is_let_in", [(["--allow", "192.0.2.0/24"], False), (["--allow", "127.0.0.0/8"], True),
                                              (["--deny", "127.0.0.1"], False)])
def test_a_header_that_names_nobody_speaks_for_its_sender(header, flags, is_let_in):
    with EchoServer() as server, behind(server.endpoint, flags=flags) as p:
        assert (tell(p, header) == b"hello") == is_let_in


def test_the_program_of_a_client_is_told_who_it_is():
    names = "$SOKET_PROTOCOL $SOKET_REMOTE_ADDRESS $SOKET_REMOTE_PORT $SOKET_LOCAL_ADDRESS $SOKET_LOCAL_PORT"
    other = "$PROTO $TCPREMOTEIP $TCPREMOTEPORT $TCPLOCALIP $TCPLOCALPORT"
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "--", "sh", "-c", f"echo {names}; echo {other}") as p:
        for header in (v1("192.0.2.7", "198.51.100.1", 4711, 443), v2("192.0.2.7", "198.51.100.1", 4711, 443)):
            lines = tell(p, header, b"").decode().splitlines()
            assert lines == ["tcp 192.0.2.7 4711 198.51.100.1 443", "TCP 192.0.2.7 4711 198.51.100.1 443"]
        lines = tell(p, v1("2001:db8::7", "2001:db8::1", 4711, 443), b"").decode().splitlines()
        assert lines[0] == "tcp 2001:db8::7 4711 2001:db8::1 443"
        lines = tell(p, b"PROXY UNKNOWN\r\n", b"").decode().splitlines()
        assert lines[0].startswith("tcp 127.0.0.1 ") and lines[0].endswith(f" 127.0.0.1 {p.port()}")


@pytest.mark.parametrize("family", ["127.0.0.1", "[::1]"], ids=["4", "6"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_relay_tells_who_its_client_is(version, family):
    """From soket to soket: the second knows the client of the first."""
    content = pattern.whole(6, MANY)
    with behind(endpoint=f"tcp://{family}:0") as far:
        with Soket("link", "--json", f"tcp://{family}:0", f"tcp://{family}:{far.port()}", f"proxy={version}") as near:
            with dial_tcp(near.address(), near.deadline) as end:
                end.send_bytes(b"hello", near.deadline)
                assert end.read_some(deadline=near.deadline) == b"hello"
                mine = end.sock.getsockname()
                assert far.event("opened")["from"] == f"tcp://{family}:{mine[1]}"
                assert far.event("opened")["from"] == near.event("opened")["from"]
            done = soket("connect", f"tcp://{family}:{near.port()}", stdin=content, deadline=30)
            assert done.status == 0 and done.raw == content


@pytest.mark.parametrize("version, first", [("v1", b"PROXY TCP4 127.0.0.1 127.0.0.1 "), ("v2", SIGNATURE + b"\x21\x11\x00\x0c\x7f\0\0\1\x7f\0\0\1")],
                         ids=["v1", "v2"])
def test_the_header_on_the_wire(version, first):
    with Server() as server:
        with Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint, f"proxy={version}") as p:
            with dial_tcp(p.address(), p.deadline) as client, server.accept(p.deadline) as end:
                client.send_bytes(b"hello", p.deadline)
                client.end_writing()
                got = end.read_all(p.deadline)
                ports = client.sock.getsockname()[1], p.port()
                assert got == first + (b"%d %d\r\n" % ports if version == "v1" else struct.pack("!HH", *ports)) + b"hello"


def test_a_client_that_is_told_is_told_on():
    """Two relays in a row: the last one knows the first client."""
    with behind() as last, behind(f"tcp://127.0.0.1:{last.port()}", "proxy=v2") as first:
        assert tell(first, v1("192.0.2.7", "198.51.100.1", 4711, 443)) == b"hello"
        assert last.event("closed")["from"] == "tcp://192.0.2.7:4711"


def test_a_server_that_speaks_first():
    """The header goes out though the client says nothing."""
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "--", "sh", "-c", "echo welcome $SOKET_REMOTE_ADDRESS") as p:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{p.port()}", "proxy=v1") as near:
            with dial_tcp(near.address(), near.deadline) as end:
                assert end.read_all(near.deadline) == b"welcome 127.0.0.1\n"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_client_without_an_address_is_no_lie(version, short_path):
    """From a unix socket: a header that names nobody, or the path."""
    with behind() as far, Soket("link", "--json", f"unix:{short_path}/p", f"tcp://127.0.0.1:{far.port()}", f"proxy={version}") as p:
        p.event("listening")
        with dial_unix(f"{short_path}/p", p.deadline) as end:
            end.send_bytes(b"hello", p.deadline)
            end.end_writing()
            assert end.read_all(p.deadline) == b"hello"
        assert far.event("closed")["how"] == "done"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_over_a_unix_socket(version, short_path):
    path = f"{short_path}/u"
    with Soket("link", "--json", f"unix:{path}", "accept-proxy=yes", "echo:") as far:
        far.event("listening")
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"unix:{path}", f"proxy={version}") as near:
            with dial_tcp(near.address(), near.deadline) as end:
                end.send_bytes(b"hello", near.deadline)
                end.end_writing()
                assert end.read_all(near.deadline) == b"hello"
                assert far.event("closed")["from"].endswith(f"127.0.0.1:{end.sock.getsockname()[1]}")


def test_tls_behind_a_header(certs):
    with behind(endpoint="tls://127.0.0.1:0", options=certs.server.options) as p:
        sock = socket.create_connection(p.address())
        sock.sendall(v2("192.0.2.7", "198.51.100.1", 4711, 443))
        with TlsEnd(sock, client_context(certs), p.deadline, name="localhost").handshake() as end:
            assert end.exchange(b"hello") == b"hello"
        assert p.event("closed")["from"].endswith("://192.0.2.7:4711")


def test_tls_behind_a_header_between_two_sokets(certs):
    content = pattern.whole(7, MANY)
    with behind(endpoint="tls://127.0.0.1:0", options=certs.server.options) as far:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"tls://127.0.0.1:{far.port()}", "proxy=v2", f"ca={certs.ca.cert}") as near:
            done = soket("connect", f"tcp://127.0.0.1:{near.port()}", stdin=content, deadline=30)
            assert done.status == 0 and done.raw == content, done
            assert far.event("closed")["from"].split("://")[1] == near.event("closed")["from"].split("://")[1]


def test_a_websocket_behind_a_header():
    with behind(endpoint="ws://127.0.0.1:0") as far:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"ws://127.0.0.1:{far.port()}", "proxy=v1") as near:
            assert soket("connect", f"tcp://127.0.0.1:{near.port()}", stdin=b"hello").out == "hello"
            assert far.event("closed")["from"].split("://")[1] == near.event("closed")["from"].split("://")[1]


def test_a_header_through_a_proxy():
    """It is for the target, not for the proxy."""
    with behind() as far, Proxy("socks5") as proxy:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"127.0.0.1:{far.port()}", "proxy=v1", proxy.via(), env=env()) as near:
            assert soket("connect", f"127.0.0.1:{near.port()}", stdin=b"hello").out == "hello"
            assert far.event("closed")["from"] == near.event("closed")["from"]


def test_the_answer_comes_after_our_end_behind_a_header():
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "--", "sort") as p:
        done = soket("connect", f"127.0.0.1:{p.port()}", "proxy=v2", stdin=b"c\nb\na\n")
        assert (done.status, done.out, done.err) == (0, "a\nb\nc\n", ""), done


@pytest.mark.parametrize("flags", [[], ["--threads", "2"]], ids=["plain", "threads"])
def test_hundreds_of_clients_each_with_its_own_address(flags):
    n = 300
    with behind(flags=flags, deadline=60) as p:
        ends = [dial_tcp(p.address(), p.deadline) for _ in range(n)]
        for i, end in enumerate(ends):
            end.send_bytes(v2(f"10.1.{i // 250}.{i % 250}", "10.2.0.1", i + 1, 443) + b"%d" % i, p.deadline)
        for i, end in enumerate(ends):
            assert end.read_some(deadline=p.deadline) == b"%d" % i
            end.close()
        p.event("closed", count=n)
        assert {e["from"] for e in p.events("opened")} == {f"tcp://10.1.{i // 250}.{i % 250}:{i + 1}" for i in range(n)}


def test_splice_is_still_used_behind_headers_and_tunnels():
    """--mover splice is not in their way once both are through."""
    with EchoServer() as server, Proxy("socks5") as proxy:
        with Soket("link", "--json", "--mover", "splice", "tcp://127.0.0.1:0", "accept-proxy=yes", f"127.0.0.1:{server.port}", proxy.via(),
                   env=env()) as p:
            content = pattern.whole(8, MANY)
            done = soket("connect", f"127.0.0.1:{p.port()}", "proxy=v1", stdin=content, deadline=30)
            assert (done.status, done.err) == (0, "") and done.raw == content, done


@pytest.mark.parametrize("option", ["proxy=v3", "accept-proxy=maybe", "proxy-from=nonsense"])
def test_what_the_options_do_not_mean(option):
    done = soket("link", "tcp://127.0.0.1:0", option, "echo:")
    assert done.status == 2, done
    one_clear_line(done)
