# SPDX-License-Identifier: Apache-2.0
"""TLS: what goes through it, how it ends, who is trusted, and what is said where it fails."""
import os
import re
import select
import signal
import socket
import ssl

import pytest

from harness import data as pattern
from harness.certs import Certs, Cut, PythonServer, TlsEnd, Trickle, client_context, dial, echo_all, server_context
from harness.clock import Deadline, until
from harness.ends import EchoServer, Gone, Server, dial_tcp, round_trip, together
from harness.rights import as_nobody
from harness.run import PIPE, Finished, Program, Soket, command, one_clear_line, sanitized, soket

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
VERSIONS = [pytest.param(V12, id="1.2"), pytest.param(V13, id="1.3")]
MANY = 5_000_000


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))


def serve(*words, flags=(), options=(), deadline=30, **more):
    """A soket that listens with TLS and does what the words say with each client."""
    return Soket("link", "--json", *flags, "tls://127.0.0.1:0", *options, *(words or ("echo:",)), deadline=deadline, **more)


def connect(port, *options, stdin=b"", flags=(), host="127.0.0.1", **more):
    return soket("connect", *flags, f"tls://{host}:{port}", *options, stdin=stdin, **more)


def trusting(certs, version=None):
    return client_context(certs, version)


# --- what goes through it


@pytest.mark.parametrize("kind", ["ec", "rsa", "ed25519"])
def test_megabytes_go_both_ways_between_two_sokets(kind, certs):
    cert = certs.cert(f"server-{kind}", kind=kind)
    content = pattern.whole(1, MANY)
    with serve(options=cert.options) as p:
        done = connect(p.port(), f"ca={certs.ca.cert}", stdin=content, deadline=30)
        assert (done.status, done.err) == (0, ""), done
        assert done.raw == content
        closed = p.event("closed")
        assert (closed["sent"], closed["received"], closed["how"]) == (MANY, MANY, "done")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_python_client_gets_its_bytes_back(version, certs):
    content = pattern.whole(2, MANY)
    with serve(options=certs.server.options) as p:
        with dial(p.address(), trusting(certs, version), p.deadline, name="localhost") as end:
            assert end.exchange(content) == content
        assert p.event("closed")["how"] == "done"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_python_server_gets_all_and_answers_all(version, certs):
    content = pattern.whole(3, MANY)
    with PythonServer(server_context(certs.server, version), echo_all) as server:
        done = connect(server.port, f"ca={certs.ca.cert}", stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done
        assert not server.failures


@pytest.mark.parametrize("flags", [[], ["--threads", "2"], ["--mover", "copy"]], ids=["plain", "threads", "copy"])
def test_a_relay_of_tls_on_both_sides(flags, certs):
    content = pattern.whole(4, MANY)
    with serve(options=certs.server.options) as far:
        with serve(f"tls://127.0.0.1:{far.port()}", f"ca={certs.ca.cert}", options=certs.server.options, flags=flags) as near:
            done = connect(near.port(), f"ca={certs.ca.cert}", stdin=content, deadline=30)
            assert (done.status, done.err) == (0, "") and done.raw == content, done


def test_one_byte_at_a_time(certs):
    """The handshake of both sides, and what comes behind it."""
    content = pattern.whole(5, 20_000)
    with serve(options=certs.server.options) as p, Trickle(p.address()) as slow:
        done = connect(slow.port, f"ca={certs.ca.cert}", stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done
        with dial(slow.address, trusting(certs, V12), p.deadline, name="localhost") as end:
            assert end.exchange(content) == content


def test_a_client_that_is_not_ready_to_read_stops_the_server_and_loses_nothing(certs):
    with Server() as server, serve(server.endpoint, options=certs.server.options) as p:
        with dial(p.address(), trusting(certs), p.deadline, name="localhost") as client, server.accept(p.deadline) as end:
            most = 64 << 20
            n = end.fill(6, most, p.deadline, quiet_ms=300)
            assert n < most / 2, "nothing stops the server"
            with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
                rss = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
            assert rss < 64 << 10 or sanitized(), f"{rss} KiB"
            end.end_writing()
            got = client.exchange(b"")
            assert got == pattern.whole(6, n)


def test_a_server_that_is_not_ready_to_read_stops_the_client_and_loses_nothing(certs):
    with Server() as server, serve(server.endpoint, options=certs.server.options) as p:
        with dial(p.address(), trusting(certs), p.deadline, name="localhost") as client, server.accept(p.deadline) as end:
            most, n, poll = 64 << 20, 0, select.poll()
            poll.register(client.sock, select.POLLOUT)
            client.sock.setblocking(False)
            rest = b""
            while n < most and poll.poll(300):
                if not rest:
                    n += client.tls.write(pattern.view(6, n, 65536))
                    rest = client.outgoing.read()
                try:
                    rest = rest[client.sock.send(rest):]
                except BlockingIOError:
                    pass
            assert n < most / 2, "nothing stops the client"
            with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
                rss = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
            assert rss < 64 << 10 or sanitized(), f"{rss} KiB"
            client.sock.setblocking(True)
            together(lambda: (client.sock.sendall(rest), client.end_writing()), lambda: end.receive(6, n, p.deadline))


def test_hundreds_of_clients_at_once(certs):
    n = 300
    context = trusting(certs)
    with serve(options=certs.server.options, deadline=60) as p:
        address = p.address()
        ends = []
        for i in range(n):  # all are connected before the first speaks
            sock = socket.create_connection(address)
            ends.append(TlsEnd(sock, context, p.deadline, name="localhost"))
        for end in ends:
            end.handshake()
        for i, end in enumerate(ends):
            end.send(b"%d" % i)
        for i, end in enumerate(ends):
            end.end_writing()
            assert end.read_all() == b"%d" % i
            end.close()
        p.event("closed", count=n)
        assert not p.events("failed")


def test_hundreds_of_clients_on_two_threads(certs):
    n = 200
    with serve(options=certs.server.options, flags=["--threads", "2"], deadline=60) as p:
        address, context = p.address(), trusting(certs)

        def client(first):
            def work():
                for i in range(first, n, 4):
                    with dial(address, context, p.deadline, name="localhost") as end:
                        assert end.exchange(b"%d" % i * 1000) == b"%d" % i * 1000
            return work
        together(*[client(first) for first in range(4)])
        p.event("closed", count=n)
        assert not p.events("failed")


@pytest.mark.parametrize("how", [["sni=localhost"], ["pin"]], ids=["name", "pin"])
def test_inside_a_unix_socket(how, certs, short_path):
    content = pattern.whole(7, 1_000_000)
    path = os.path.join(short_path, "s")
    options = [f"ca={certs.ca.cert}", *how] if how != ["pin"] else [f"pin={certs.pin(certs.server)}"]
    with Soket("link", "--json", f"tls+unix:{path}", *certs.server.options, "echo:") as p:
        p.event("listening")
        done = soket("connect", f"tls+unix:{path}", *options, stdin=content)
        assert (done.status, done.err) == (0, "") and done.raw == content, done
        with dial(path, trusting(certs), p.deadline, name="localhost") as end:
            assert end.exchange(b"hello") == b"hello"


def test_inside_a_unix_socket_without_a_name_is_refused_before_anything_is_dialled(short_path):
    done = soket("connect", f"tls+unix:{short_path}/none")
    assert done.status == 2, done
    text, hint = one_clear_line(done)
    assert "sni=" in hint and "pin=" in hint


def test_from_tls_to_a_unix_socket(certs, short_path):
    with EchoServer(socket.AF_UNIX, address=f"{short_path}/t") as server, serve(f"unix:{server.address}", options=certs.server.options) as p:
        done = connect(p.port(), f"ca={certs.ca.cert}", stdin=pattern.whole(8, 500_000))
        assert done.status == 0 and done.raw == pattern.whole(8, 500_000), done


def test_the_program_of_a_client_is_told_its_address(certs):
    with Soket("listen", "--json", "tls://127.0.0.1:0", *certs.server.options, "--", "sh", "-c",
               "echo $SOKET_PROTOCOL $SOKET_REMOTE_ADDRESS $SOKET_REMOTE_PORT $SOKET_LOCAL_ADDRESS $SOKET_LOCAL_PORT") as p:
        with dial(p.address(), trusting(certs), p.deadline, name="localhost") as end:
            protocol, *rest = end.read_all().decode().split()
            mine = end.sock.getsockname()
            assert rest == [mine[0], str(mine[1]), "127.0.0.1", str(p.port())]
            assert protocol in ("tls", "tcp")


# --- how it ends


def test_the_answer_comes_after_our_end(certs):
    """sort says nothing before its input has ended."""
    with Soket("listen", "--json", "tls://127.0.0.1:0", *certs.server.options, "--", "sort") as p:
        done = connect(p.port(), f"ca={certs.ca.cert}", stdin=b"c\nb\na\n")
        assert (done.status, done.out, done.err) == (0, "a\nb\nc\n", ""), done


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_has_ended_hears_the_whole_answer(version, certs):
    lines = b"".join(b"%07d\n" % i for i in range(300_000, 0, -1))
    with Soket("listen", "--json", "tls://127.0.0.1:0", *certs.server.options, "--", "sort") as p:
        with dial(p.address(), trusting(certs, version), p.deadline, name="localhost") as end:
            assert end.exchange(lines) == b"".join(b"%07d\n" % i for i in range(1, 300_001))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_server_sees_our_end_and_its_answer_arrives_whole(version, certs):
    seen = []

    def work(end):
        seen.append(end.read_all())
        end.exchange(pattern.whole(9, MANY))

    with PythonServer(server_context(certs.server, version), work) as server:
        done = connect(server.port, f"ca={certs.ca.cert}", stdin=b"that is all")
        assert (done.status, done.err) == (0, "") and done.raw == pattern.whole(9, MANY), done
        assert seen == [b"that is all"] and not server.failures


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_ends_first_gets_the_rest(version, certs):
    """Its close_notify is not the end of what we say."""
    seen = []

    def work(end):
        end.end_writing()
        seen.append(end.read_all())

    with PythonServer(server_context(certs.server, version), work) as server:
        with Soket("connect", "--half-open", f"tls://127.0.0.1:{server.port}", f"ca={certs.ca.cert}", stdin=PIPE) as p:
            fd = p.take("stdin")
            until(lambda: server.ends and server.ends[0].tls.version(), p.deadline, "the handshake")
            os.write(fd, b"still here")
            os.close(fd)
            assert p.wait() == 0, p.said()
        until(lambda: server.done, server.deadline, "the server's end")
        assert seen == [b"still here"] and not server.failures


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("n", [0, 1, 3_000_000])
def test_a_server_that_drops_the_connection_has_cut_its_answer_short(n, version, certs):
    content = pattern.whole(10, n)

    def work(end):
        end.read_all()
        if n:
            end.send(content)

    with PythonServer(server_context(certs.server, version), work) as server:
        done = connect(server.port, f"ca={certs.ca.cert}")
        assert done.status == 9, done
        assert done.raw == content
        text, _ = one_clear_line(done)
        assert "cut short" in text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_drops_the_connection_fails_its_link(version, certs):
    with Server() as server, serve(server.endpoint, options=certs.server.options) as p:
        client = dial(p.address(), trusting(certs, version), p.deadline, name="localhost")
        with server.accept(p.deadline) as end:
            client.send(b"half a sen")
            client.sock.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while piece := end.read_some(deadline=p.deadline):
                    got += piece
            except Gone:
                pass
            assert got == b"half a sen"
        error = p.event("closed")["error"]
        client.close()
        assert "cut short" in error["text"] and error["hint"], p.said()
        with dial(p.address(), trusting(certs), p.deadline, name="localhost"):
            server.accept(p.deadline).close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_says_its_end_and_leaves_at_once_is_no_failure(version, certs):
    """Its kernel answers with a reset where a ticket of ours lies unread there; all was said before that."""
    with serve("discard:", options=certs.server.options) as p:
        for i in range(20):
            with dial(p.address(), trusting(certs, version), p.deadline, name="localhost") as end:
                end.send(b"all of it")
                end.end_writing()
            until(lambda: len(p.events("closed") + p.events("failed")) == i + 1, p.deadline, "the link's end")
            assert not p.events("failed"), p.said()
            closed = p.event("closed", count=i + 1)
            assert (closed["sent"], closed["how"]) == (9, "done"), p.said()


def test_a_reset_is_not_taken_for_an_end(certs):
    def work(end):
        end.read(5)
        end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with PythonServer(server_context(certs.server), work) as server, Soket(
            "connect", f"tls://127.0.0.1:{server.port}", f"ca={certs.ca.cert}", stdin=PIPE) as p:
        os.write(p.stdin, b"hello")
        status = p.wait()
        assert status not in (0, 70), p.said()
        one_clear_line(Finished(p, status))


def test_everything_arrives_where_the_answer_is_not_read_at_once(certs):
    with PythonServer(server_context(certs.server), lambda end: end.exchange(pattern.whole(11, MANY))) as server:
        with Soket("connect", f"tls://127.0.0.1:{server.port}", f"ca={certs.ca.cert}", stdout="raw") as p:
            until(lambda: server.ends, p.deadline, "the client")
            fd, got = p.take("stdout"), b""
            while piece := os.read(fd, 4000):
                got += piece
            os.close(fd)
            assert p.wait() == 0 and got == pattern.whole(11, MANY)


# --- who is trusted


def test_the_printed_pin_is_taken_as_it_stands():
    with serve() as p:
        listening = p.event("listening")
        done = connect(p.port(), f"pin={listening['pin']}", stdin=b"hello")
        assert (done.status, done.out, done.err) == (0, "hello", ""), done
        assert re.fullmatch("([0-9A-F]{2}:){31}[0-9A-F]{2}", listening["fingerprint"])
        pem = ssl.get_server_certificate(p.address())
        printed = command("openssl", "x509", "-noout", "-fingerprint", "-sha256", stdin=pem.encode())
        assert listening["fingerprint"] in printed.out


def test_the_pin_is_said_in_plain_words_too():
    with Soket("listen", "tls://127.0.0.1:0") as p:
        said = p.err.wait(lambda r: r.text() if "pin=" in r.text() and r.text().endswith("\n") else "", p.deadline, "the pin")
        assert "a certificate was made for 127.0.0.1, localhost" in said and "fingerprint: " in said
        port = int(re.search(r"127\.0\.0\.1:(\d+)", said)[1])
        pin = re.search(r"pin=sha256//\S+", said)[0]
        done = connect(port, pin, stdin=b"hello")
        assert (done.status, done.err) == (0, "")
        assert p.wait() == 0 and p.out.text() == "hello"


def test_a_made_certificate_names_every_address_that_is_listened_on():
    with Soket("link", "--json", "tls://any:0", "echo:") as p:
        pem = ssl.get_server_certificate(("127.0.0.1", p.port()))
        text = command("openssl", "x509", "-noout", "-ext", "subjectAltName", stdin=pem.encode()).out
        own = command("hostname", "-I").out.split()
        for name in ["DNS:localhost", "IP Address:127.0.0.1", f"DNS:{socket.gethostname()}"] + [f"IP Address:{a}" for a in own if "." in a]:
            assert name in text, text


def test_a_made_certificate_is_good_for_those_who_trust_it(tmp_path):
    with serve() as p:
        (tmp_path / "pem").write_text(ssl.get_server_certificate(p.address()), encoding="ascii")
        done = connect(p.port(), f"ca={tmp_path}/pem", stdin=b"hello")
        assert (done.status, done.out, done.err) == (0, "hello", ""), done
        context = client_context()
        context.load_verify_locations(tmp_path / "pem")
        context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
        with dial(p.address(), context, p.deadline, name="127.0.0.1") as end:
            assert end.exchange(b"hello") == b"hello"


def pins(right):
    wrong = right[:10] + ("A" if right[10] != "A" else "B") + right[11:]
    return {"right": right, "wrong": wrong}


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_pin_that_is_another_is_refused_and_the_real_one_is_said(kind, certs):
    cert = certs.cert(f"server-{kind}", kind=kind)
    pin = pins(certs.pin(cert))
    with serve(options=cert.options) as p:
        assert connect(p.port(), f"pin={pin['right']}", stdin=b"hello").out == "hello"
        done = connect(p.port(), f"pin={pin['wrong']}", stdin=b"secret")
        assert done.status == 6, done
        text, _ = one_clear_line(done)
        assert pin["right"] in text and done.raw == b""
        assert not [e for e in p.events("closed") if e["sent"] == len(b"secret")]


def test_a_pin_beside_a_ca_needs_both(certs):
    pin = pins(certs.pin(certs.server))
    with serve(options=certs.server.options) as p:
        assert connect(p.port(), f"pin={pin['right']}", f"ca={certs.ca.cert}").status == 0
        assert connect(p.port(), f"pin={pin['wrong']}", f"ca={certs.ca.cert}").status == 6
        assert connect(p.port(), f"pin={pin['right']}", f"ca={another(certs).cert}").status == 6


@pytest.mark.parametrize("pin", ["", "sha256//", "sha256//AAAA", "hello", "sha256//" + "!" * 44, "sha256//" + "A" * 44, "00" * 31])
def test_a_pin_that_is_none_is_refused_before_anything_is_dialled(pin):
    with Server() as server:
        done = connect(server.port, f"pin={pin}")
        assert done.status == 2, done
        assert "pin" in one_clear_line(done)[0]
        server.sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.sock.accept()


def bad(certs):
    return {
        "expired": (certs.cert("expired", begin="20200101000000Z", end="20210203040506Z"), ["expired", "2021-02-03"], "renewed"),
        "future": (certs.cert("future", begin="20980405060708Z"), ["not valid before", "2098-04-05"], "clock"),
        "name": (certs.cert("other-name", sans=("DNS:one.example", "DNS:*.two.example", "IP:192.0.2.1")),
                 ["127.0.0.1", "one.example", "*.two.example", "192.0.2.1"], "sni="),
        "nameless": (certs.cert("nameless", sans=()), ["127.0.0.1", "no name"], "sni="),
        "self-signed": (certs.cert("alone", self_signed=True), ["self-signed"], "pin="),
        "issuer": (certs.cert("of-another", by=another(certs).name), ["Another Root"], "ca="),
    }


def another(certs):
    return certs.cert("other-ca", "Another Root", self_signed=True, extensions=["basicConstraints=critical,CA:TRUE"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("what", ["expired", "future", "name", "nameless", "self-signed", "issuer"])
def test_a_certificate_that_is_not_good_is_refused_in_words(what, version, certs):
    cert, words, help_ = bad(certs)[what]
    with PythonServer(server_context(cert, version), echo_all) as server:
        done = connect(server.port, f"ca={certs.ca.cert}", stdin=b"secret")
        assert done.status == 6 and done.raw == b"", done
        text, hint = one_clear_line(done)
        for word in words:
            assert word in text, text
        assert help_ in hint, hint
        until(lambda: server.done, server.deadline, "the server's failure")
        assert server.failures
        if what == "self-signed":
            assert certs.pin(cert) in hint
            assert connect(server.port, f"pin={certs.pin(cert)}", stdin=b"x").out == "x"
        once = connect(server.port, "verify=no", stdin=b"hello")
        assert (once.status, once.out) == (0, "hello"), once


def test_without_ca_the_system_does_not_know_our_issuer(certs):
    with serve(options=certs.server.options) as p:
        done = connect(p.port())
        assert done.status == 6, done
        text, hint = one_clear_line(done)
        assert "Test Root" in text and "ca=" in hint
        failed = p.event("failed")["error"]
        assert failed["text"] and failed["hint"]


def test_an_issuer_in_between(certs):
    certs.issuer("mid", "Test Intermediate", by="ca")
    leaf = certs.cert("leaf", by="mid")
    with serve(options=leaf.options) as p:
        assert connect(p.port(), f"ca={certs.ca.cert}", stdin=b"x").out == "x"
    with serve(options=[f"cert={leaf.cert}", f"key={leaf.key}"]) as p:
        done = connect(p.port(), f"ca={certs.ca.cert}")
        assert done.status == 6, done
        text, hint = one_clear_line(done)
        assert "Test Intermediate" in text and "between" in hint


@pytest.mark.parametrize("sans, host, is_good", [
    (("DNS:localhost",), "localhost", True), (("DNS:localhost",), "127.0.0.1", False), (("IP:127.0.0.1",), "127.0.0.1", True),
    (("IP:127.0.0.1",), "localhost", False), (("IP:::1",), "[::1]", True), (("IP:127.0.0.1",), "[::1]", False),
    (("DNS:127.0.0.1",), "127.0.0.1", False)])
def test_names_and_addresses_of_a_certificate(sans, host, is_good, certs):
    cert = certs.cert("sans-" + "-".join(sans).replace(":", "_"), sans=sans)
    with Soket("link", "--json", f"tls://{host}:0", *cert.options, "echo:") as p:
        done = connect(p.port(), f"ca={certs.ca.cert}", host=host, stdin=b"x")
        assert done.status == (0 if is_good else 6), done
        assert done.out == ("x" if is_good else "")


@pytest.mark.parametrize("name, is_good", [("a.two.example", True), ("A.Two.Example", True), ("two.example", False),
                                           ("a.b.two.example", False), ("one.example", True), ("one.example.", None)])
def test_the_name_of_sni_is_what_is_checked(name, is_good, certs):
    cert = certs.cert("other-name", sans=("DNS:one.example", "DNS:*.two.example", "IP:192.0.2.1"))
    with serve(options=cert.options) as p:
        done = connect(p.port(), f"ca={certs.ca.cert}", f"sni={name}", stdin=b"x")
        assert done.status in (0, 6) if is_good is None else done.status == (0 if is_good else 6), done


def test_verify_no_is_said_once(certs):
    with serve(options=certs.server.options) as far, Soket("link", "tcp://127.0.0.1:0", f"tls://127.0.0.1:{far.port()}", "verify=no") as p:
        said = p.err.wait(lambda r: r.text() if "listening on" in r.text() else "", p.deadline, "listening")
        port = int(re.search(r"on tcp://127\.0\.0\.1:(\d+)", said)[1])
        for _ in range(3):
            with dial_tcp(("127.0.0.1", port), p.deadline) as end:
                round_trip(end, b"hello", p.deadline)
        p.stop()
        assert p.err.text().count("verify=no") == 1, p.err.text()


# --- several certificates, protocols, clients' certificates, versions


def shown(address, name, deadline):
    """The common name of the certificate that a server shows for a name."""
    context = client_context(verify=False)
    with dial(address, context, deadline, name=name) as end:
        der = end.tls.getpeercert(binary_form=True)
        end.exchange(b"")
    text = command("openssl", "x509", "-noout", "-subject", stdin=ssl.DER_cert_to_PEM_cert(der).encode()).out
    return text.split("=")[-1].strip()


def test_the_name_that_is_asked_for_chooses_the_certificate(certs):
    one, two = certs.cert("one", sans=("DNS:one.example",)), certs.cert("two", sans=("DNS:two.example", "DNS:*.two.example"), kind="rsa")
    with serve(options=[*one.options, *two.options]) as p:
        for name, expected in (("one.example", "one"), ("two.example", "two"), ("x.two.example", "two"), ("three.example", "one"),
                               (None, "one"), ("TWO.example", "two")):
            assert shown(p.address(), name, p.deadline) == expected, name
        for name in ("one.example", "two.example"):
            assert connect(p.port(), f"ca={certs.ca.cert}", f"sni={name}", stdin=b"x").out == "x"


def test_certificate_and_key_in_one_file(certs, tmp_path):
    path = certs.server.both(tmp_path / "both")
    with serve(options=[f"cert={path}"]) as p:
        assert connect(p.port(), f"ca={certs.ca.cert}", stdin=b"x").out == "x"


@pytest.mark.parametrize("ours, theirs, agreed", [("h2,http/1.1", ["http/1.1", "h2"], "h2"), ("http/1.1", ["h2", "http/1.1"], "http/1.1"),
                                                  ("h2", None, None), (None, ["h2"], None)])
def test_a_protocol_inside_is_agreed_on(ours, theirs, agreed, certs):
    with serve(options=[*certs.server.options, *([f"alpn={ours}"] if ours else [])]) as p:
        context = trusting(certs)
        if theirs:
            context.set_alpn_protocols(theirs)
        with dial(p.address(), context, p.deadline, name="localhost") as end:
            assert end.tls.selected_alpn_protocol() == agreed
            assert end.exchange(b"x") == b"x"


def test_a_protocol_that_nobody_shares_is_refused_on_both_sides(certs):
    with serve(options=[*certs.server.options, "alpn=h2"]) as p:
        done = connect(p.port(), f"ca={certs.ca.cert}", "alpn=smtp,imap")
        assert done.status == 9, done
        assert "smtp,imap" in one_clear_line(done)[0]
        assert "alpn=h2" in p.event("failed")["error"]["text"]
        assert connect(p.port(), f"ca={certs.ca.cert}", "alpn=smtp,h2", stdin=b"x").out == "x"


@pytest.mark.parametrize("alpn", ["", ",", "h2,", ",h2", "h2,,x", "x" * 256])
def test_protocols_that_are_no_list_are_refused(alpn):
    done = connect(1, f"alpn={alpn}")
    assert done.status == 2, done
    assert "alpn" in one_clear_line(done)[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_needs_a_certificate_that_is_signed_for_it(version, certs):
    theirs = another(certs)
    wrong = certs.cert("client-of-another", by=theirs.name, sans=())
    with serve(options=[*certs.server.options, f"client-ca={certs.ca.cert}"]) as p:
        context = trusting(certs, version)
        context.load_cert_chain(certs.client.chain, certs.client.key)
        with dial(p.address(), context, p.deadline, name="localhost") as end:
            assert end.exchange(b"hello") == b"hello"
        for i, cert in enumerate((None, wrong)):
            context = trusting(certs, version)
            if cert:
                context.load_cert_chain(cert.chain, cert.key)
            with pytest.raises((ssl.SSLError, Cut, OSError)):
                with dial(p.address(), context, p.deadline, name="localhost") as end:
                    end.exchange(b"hello")
            error = p.event("failed", count=i + 1)["error"]
            assert error["kind"] == "denied" and "certificate" in error["text"], error
        assert len(p.events("closed")) <= 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("what", ["issuer", "expired", "alone"])
def test_of_a_clients_certificate_it_is_said_what_is_not_good(what, version, certs):
    cert, word = {"issuer": (certs.cert("client-of-another", by=another(certs).name, sans=()), "Another Root"),
                  "expired": (certs.cert("expired", begin="20200101000000Z", end="20210203040506Z"), "2021-02-03"),
                  "alone": (certs.cert("alone", self_signed=True), "self-signed")}[what]
    with serve(options=[*certs.server.options, f"client-ca={certs.ca.cert}"]) as p:
        context = trusting(certs, version)
        context.load_cert_chain(cert.chain, cert.key)
        with pytest.raises((ssl.SSLError, Cut, OSError)):
            with dial(p.address(), context, p.deadline, name="localhost") as end:
                end.exchange(b"hello")
        error = p.event("failed")["error"]
        assert error["kind"] == "denied" and word in error["text"], error
        assert "client" in error["text"] + error["hint"] and "verify=no" not in error["hint"] and "pin=" not in error["hint"], error


def test_client_ca_holds_for_every_certificate(certs):
    one = certs.cert("one", sans=("DNS:one.example",))
    with serve(options=[*certs.server.options, *one.options, f"client-ca={certs.ca.cert}"]) as p:
        for name in ("localhost", "one.example"):
            words = [f"ca={certs.ca.cert}", f"sni={name}"]
            assert connect(p.port(), *words, *certs.client.options, stdin=b"x").out == "x"
            assert connect(p.port(), *words, stdin=b"x").status == 6


def test_our_certificate_as_a_client(certs):
    wrong = certs.cert("client-of-another", by=another(certs).name, sans=())
    with serve(options=[*certs.server.options, f"client-ca={certs.ca.cert}"]) as p:
        ca = f"ca={certs.ca.cert}"
        assert connect(p.port(), ca, *certs.client.options, stdin=b"x").out == "x"
        none = connect(p.port(), ca, stdin=b"x")
        assert none.status == 6, none
        text, hint = one_clear_line(none)
        assert "wants a certificate" in text and "cert=" in hint
        other = connect(p.port(), ca, *wrong.options, stdin=b"x")
        assert other.status == 6, other
        assert "does not take our certificate" in one_clear_line(other)[0]


def test_a_server_of_tls_1_2_wants_a_certificate(certs):
    context = server_context(certs.server, V12)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certs.ca.cert)
    with PythonServer(context, echo_all) as server:
        assert connect(server.port, f"ca={certs.ca.cert}", *certs.client.options, stdin=b"x").out == "x"
        done = connect(server.port, f"ca={certs.ca.cert}", stdin=b"x")
        assert done.status == 6, done
        assert "certificate" in one_clear_line(done)[0]


def test_an_older_version_than_is_wanted(certs):
    with PythonServer(server_context(certs.server, V12), echo_all) as server:
        done = connect(server.port, f"ca={certs.ca.cert}", "tls-min=1.3")
        assert done.status == 9, done
        assert "TLS 1.3" in one_clear_line(done)[0]
        assert connect(server.port, f"ca={certs.ca.cert}", "tls-min=1.2", stdin=b"x").out == "x"
    with serve(options=[*certs.server.options, "tls-min=1.3"]) as p:
        with pytest.raises((ssl.SSLError, OSError)):
            dial(p.address(), trusting(certs, V12), p.deadline, name="localhost")
        assert "version" in p.event("failed")["error"]["text"]
        with dial(p.address(), trusting(certs, V13), p.deadline, name="localhost") as end:
            assert end.exchange(b"x") == b"x"


def old(context):
    """Only TLS 1.1, which the library has, but nobody should want."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_1_is_not_spoken(certs):
    with PythonServer(old(server_context(certs.server)), echo_all) as server:
        done = connect(server.port, f"ca={certs.ca.cert}")
        assert done.status == 9, done
        assert "version" in one_clear_line(done)[0]
    with serve(options=certs.server.options) as p:
        with pytest.raises((ssl.SSLError, OSError)):
            dial(p.address(), old(trusting(certs)), p.deadline, name="localhost")
        assert "version" in p.event("failed")["error"]["text"]


@pytest.mark.parametrize("cipher", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA"])
def test_ciphers_without_forward_secrecy_or_authentication_are_not_spoken(cipher, certs):
    cert = certs.cert("server-rsa", kind="rsa")
    context = server_context(cert, V12)
    context.set_ciphers(cipher)
    with PythonServer(context, echo_all) as server:
        done = connect(server.port, f"ca={certs.ca.cert}")
        assert done.status == 9 and "cipher" in one_clear_line(done)[0], done
    with serve(options=cert.options) as p:
        context = trusting(certs, V12)
        context.set_ciphers(cipher)
        with pytest.raises((ssl.SSLError, OSError)):
            dial(p.address(), context, p.deadline, name="localhost")
        assert "cipher" in p.event("failed")["error"]["text"]


# --- coming back


@pytest.mark.parametrize("version", VERSIONS)
def test_a_relay_comes_back_to_a_server_with_its_session(version, certs):
    reused = []

    def work(end):
        reused.append(end.tls.session_reused)
        echo_all(end)

    with PythonServer(server_context(certs.server, version), work) as server:
        with Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint, f"ca={certs.ca.cert}") as p:
            for _ in range(4):
                with dial_tcp(p.address(), p.deadline) as end:
                    end.send_bytes(b"hello", p.deadline)
                    end.end_writing()
                    assert end.read_all(p.deadline) == b"hello"
        assert reused == [False, True, True, True] and not server.failures


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_comes_back_to_us_with_its_session(version, certs):
    with serve(options=certs.server.options) as p:
        context = trusting(certs, version)
        with dial(p.address(), context, p.deadline, name="localhost") as end:
            assert end.exchange(b"one") == b"one"
            session = end.tls.session
        sock = socket.create_connection(p.address())
        with TlsEnd(sock, context, p.deadline, name="localhost") as end:
            end.tls.session = session
            end.handshake()
            assert end.tls.session_reused
            assert end.exchange(b"two") == b"two"


def test_a_session_is_no_way_round_a_clients_certificate(certs):
    """Whoever comes back was let in before; with client-ca= and resumption the link works as the first did."""
    with serve(options=[*certs.server.options, f"client-ca={certs.ca.cert}"]) as far:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"tls://127.0.0.1:{far.port()}", f"ca={certs.ca.cert}", *certs.client.options) as p:
            for _ in range(3):
                with dial_tcp(p.address(), p.deadline) as end:
                    round_trip(end, b"hello", p.deadline)
                    end.end_writing()
                    end.expect_end(p.deadline)
        assert not far.events("failed")


# --- peers that do not speak it, or not to the end


@pytest.mark.parametrize("said, heard", [(b"SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0-OpenSSH_9.9"), (b"220 mail.example ESMTP\r\n", "220 mail.example"),
                                         (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request"), (b"\x00\x1b[2J\xff", ".")])
def test_of_a_server_that_is_none_its_words_are_told(said, heard):
    with Server() as server, Soket("connect", f"tls://127.0.0.1:{server.port}", stdin=PIPE) as p:
        with server.accept(p.deadline) as end:
            end.send_bytes(said, p.deadline)
            status = p.wait()
        assert status == 9, p.said()
        text, _ = one_clear_line(Finished(p, status))
        assert "no TLS server" in text and heard in text and "\x1b" not in text


def test_a_server_that_goes_without_a_word():
    with Server() as server, Soket("connect", f"tls://127.0.0.1:{server.port}", stdin=PIPE) as p:
        with server.accept(p.deadline) as end:
            end.read_some(deadline=p.deadline)
        status = p.wait()
        assert status in (4, 9), p.said()
        one_clear_line(Finished(p, status))


def test_a_server_that_says_nothing_is_given_up():
    with Server() as server:
        done = connect(server.port, "timeout=300ms")
        assert done.status == 5, done
        one_clear_line(done)


def served(p, certs):
    with dial(p.address(), trusting(certs), p.deadline, name="localhost") as end:
        assert end.exchange(b"hello") == b"hello"


NO_TLS = {
    "http": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1"), "ssh": (b"SSH-2.0-x\r\n", "SSH-2.0-x"),
    "proxy": (b"CONNECT x:443 HTTP/1.1\r\n\r\n", "CONNECT x:443"), "zeros": (bytes(64), ""), "noise": (b"\x16\x03\x01" + b"\xff" * 300, ""),
    "half a hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 20, ""), "alert": (b"\x15\x03\x03\x00\x02\x02\x28", ""),
    "one byte": (b"\x16", ""), "ssl2": (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80", ""),
    "application data": (b"\x17\x03\x03\x00\x05hello", ""),
}


@pytest.mark.parametrize("what", NO_TLS)
def test_a_client_that_speaks_something_else_fails_and_others_are_served(what, certs):
    said, heard = NO_TLS[what]
    with serve(options=certs.server.options) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.send_bytes(said, p.deadline)
            end.end_writing()
            try:
                while end.read_some(deadline=p.deadline):
                    pass
            except Gone:
                pass
        error = p.event("failed")["error"]
        assert heard in error["text"] and error["text"], error
        served(p, certs)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_looking_whether_the_port_is_open_does_not_end_a_listener(how, certs):
    with Soket("listen", "--json", "tls://127.0.0.1:0", *certs.server.options, stdin=PIPE) as p:
        os.close(p.take("stdin"))
        for _ in range(3):
            end = dial_tcp(p.address(), p.deadline)
            getattr(end, how)()
        with dial(p.address(), trusting(certs), p.deadline, name="localhost") as end:
            end.exchange(b"for the terminal")
        assert p.wait() == 0, p.said()
        assert "for the terminal" in p.out.text() + p.err.text()


def test_a_handshake_that_fails_does_not_end_a_listener(certs):
    with Soket("listen", "tls://127.0.0.1:0", *certs.server.options) as p:
        said = p.err.wait(lambda r: r.text() if "\n" in r.text() else "", p.deadline, "listening")
        port = int(re.search(r"127\.0\.0\.1:(\d+)", said)[1])
        assert connect(port).status == 6
        done = connect(port, f"ca={certs.ca.cert}", stdin=b"hello")
        assert done.status == 0, done
        assert p.wait() == 0 and p.out.text() == "hello", p.said()


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "stalls"])
def test_a_handshake_that_stalls_is_ended_and_others_are_served_meanwhile(first, certs):
    with serve(options=[*certs.server.options, "timeout=300ms"]) as p:
        with dial_tcp(p.address(), p.deadline) as stalled:
            if first:
                stalled.send_bytes(first, p.deadline)
            served(p, certs)
            try:
                while stalled.read_some(deadline=p.deadline):
                    pass
            except Gone:
                pass
        assert p.event("failed")["error"]["kind"] == "timeout", p.said()
        served(p, certs)


def test_a_drop_at_a_time_is_no_way_to_stay(certs):
    """The whole handshake has the time of timeout=, however often something comes."""
    with serve(options=[*certs.server.options, "timeout=300ms"]) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.send_bytes(b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb", p.deadline)  # a hello of 16 KiB, which never comes to its end
            poll = select.poll()
            poll.register(end.rfd, select.POLLIN)
            while not poll.poll(3):
                p.deadline.left("the end of the handshake")
                end.send_bytes(b"\x03", p.deadline)
        assert p.event("failed")["error"]["kind"] == "timeout", p.said()


def test_stalled_handshakes_count_among_the_links(certs):
    with serve(options=[*certs.server.options, "timeout=500ms"], flags=["--max", "2"]) as p:
        stalled = [dial_tcp(p.address(), p.deadline) for _ in range(6)]
        served(p, certs)  # once those before it are given up
        p.event("failed", count=2)
        for end in stalled:
            end.close()
        served(p, certs)


@pytest.mark.parametrize("garbage", [b"\x17\x03\x03\x00\x20" + b"x" * 32, b"\x17\x03\x03\xff\xff" + b"x" * 65535, b"\x99" * 100,
                                     b"\x16\x03\x03\x00\x04\x00\x00\x00\x00", b"GET / HTTP/1.1\r\n\r\n"],
                         ids=["forged", "too long", "no record", "hello request", "plain text"])
@pytest.mark.parametrize("version", VERSIONS)
def test_garbage_behind_the_handshake_fails_the_link_alone(version, garbage, certs):
    with serve(options=certs.server.options) as p:
        with dial(p.address(), trusting(certs), p.deadline, name="localhost") as other:
            with dial(p.address(), trusting(certs, version), p.deadline, name="localhost") as end:
                end.send(b"before")
                assert end.read() == b"before"
                end.sock.sendall(garbage)
                with pytest.raises((ssl.SSLError, Cut, OSError)):
                    assert end.read_all() or True
                    raise Cut
            error = p.event("closed")["error"]
            assert error["text"] and error["hint"], error
            assert other.exchange(b"still here") == b"still here"
        served(p, certs)


def test_garbage_from_a_server_fails_the_link(certs):
    def work(end):
        end.send(b"before")
        end.sock.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        end.read_all()

    with PythonServer(server_context(certs.server), work) as server, Soket(
            "connect", f"tls://127.0.0.1:{server.port}", f"ca={certs.ca.cert}", stdin=PIPE) as p:
        status = p.wait()
        assert status in (1, 9) and p.out.text() == "before", p.said()
        one_clear_line(Finished(p, status))


def test_renegotiation_is_refused_and_the_server_lives(certs):
    with serve(options=certs.server.options) as p, Program(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{p.port()}", "-tls1_2", "-legacy_server_connect"], stdin=PIPE) as client:
        os.write(client.stdin, b"hello\n")
        client.out.wait(lambda r: b"hello\n" in r.bytes, client.deadline, "the echo")
        os.write(client.stdin, b"R\n")
        assert client.wait() != 0
        assert "no renegotiation" in client.err.text().lower(), client.said()
        p.event("closed")
        served(p, certs)


def test_handshakes_that_fail_leave_nothing_behind(certs):
    with serve(options=[*certs.server.options, "timeout=200ms"], deadline=60) as p:
        served(p, certs)
        before = len(os.listdir(f"/proc/{p.pid}/fd"))
        for i in range(100):
            with dial_tcp(p.address(), p.deadline) as end:
                end.send_bytes(list(NO_TLS.values())[i % len(NO_TLS)][0], p.deadline)
        p.event("failed", count=100)
        served(p, certs)
        until(lambda: len(os.listdir(f"/proc/{p.pid}/fd")) <= before, p.deadline, "descriptors to be closed")


# --- files that are not good


def broken(certs, tmp_path):
    """Options, what must be named in the error, and the status; paths that nobody may read are tried as nobody."""
    good, other = certs.server, certs.cert("one", sans=("DNS:one.example",))
    with open(good.cert, encoding="ascii") as f:
        pem = f.read()
    for name, text in (("empty", ""), ("cut", pem[:len(pem) // 2]), ("junk", "hello\n"),
                       ("bad64", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), ("zeros", "\0" * 100)):
        (tmp_path / name).write_text(text, encoding="ascii")
    certs.openssl("pkey", "-in", good.key, "-aes256", "-passout", "pass:x", "-out", f"{tmp_path}/locked")
    (tmp_path / "dir").mkdir()
    cert, key = good.options
    return {
        "key of another": ([cert, f"key={other.key}"], [other.key, good.chain]),
        "no cert file": ([f"cert={tmp_path}/none", key], ["cert=", "none", "No such file"]),
        "no key file": ([cert, f"key={tmp_path}/none"], ["key=", "none", "No such file"]),
        "no client-ca file": ([cert, key, f"client-ca={tmp_path}/none"], ["client-ca=", "none", "No such file"]),
        **{f"{name} cert": ([f"cert={tmp_path}/{name}", key], ["cert=", name]) for name in ("empty", "cut", "junk", "bad64", "zeros", "dir")},
        **{f"{name} key": ([cert, f"key={tmp_path}/{name}"], ["key=", name]) for name in ("empty", "junk", "zeros", "dir")},
        **{f"{name} client-ca": ([cert, key, f"client-ca={tmp_path}/{name}"], ["client-ca=", name]) for name in ("empty", "cut", "junk", "dir")},
        "locked key": ([cert, f"key={tmp_path}/locked"], ["key=", "locked", "passphrase"]),
        "cert without its key": ([cert], [good.chain]),
        "key without a cert": ([key], ["cert", "key"]),
        "more keys": ([cert, key, f"key={other.key}"], ["1", "2"]),
        "cert is a key": ([f"cert={good.key}", key], ["cert=", good.key]),
        "empty name": (["cert=", key], ["cert"]),
    }


BROKEN = ["key of another", "no cert file", "no key file", "no client-ca file", "empty cert", "cut cert", "junk cert", "bad64 cert", "zeros cert",
          "dir cert", "empty key", "junk key", "zeros key", "dir key", "empty client-ca", "cut client-ca", "junk client-ca", "dir client-ca",
          "locked key", "cert without its key", "key without a cert", "more keys", "cert is a key", "empty name"]


@pytest.mark.parametrize("what", BROKEN)
def test_files_that_are_not_good_are_named_before_anything_listens(what, certs, tmp_path):
    options, words = broken(certs, tmp_path)[what]
    done = soket("listen", "tls://127.0.0.1:0", *options)
    assert done.status == 2 and "listening" not in done.err, done
    text, _ = one_clear_line(done)
    for word in words:
        assert word in done.err, done.err
    assert len(text) < 400


@pytest.mark.parametrize("option", ["ca", "cert", "key"])
def test_files_of_a_client_that_are_not_good_are_named_before_anything_is_dialled(option, certs, tmp_path):
    (tmp_path / "junk").write_text("hello\n", encoding="ascii")
    with Server() as server:
        for path in ("none", "junk"):
            more = [f"cert={certs.client.chain}"] if option == "key" else []
            done = connect(server.port, *more, f"{option}={tmp_path}/{path}")
            assert done.status == 2, done
            text, _ = one_clear_line(done)
            assert f"{option}=" in text and path in text
        server.sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.sock.accept()


@pytest.mark.parametrize("which", ["cert", "key", "client-ca", "ca"])
@pytest.mark.parametrize("where", ["file", "directory"])
def test_a_file_that_may_not_be_read_is_denied(which, where, certs, tmp_path):
    wrap, path = as_nobody(str(tmp_path))
    os.chmod(tmp_path.parent, 0o755)
    os.chmod(tmp_path.parent.parent, 0o755)
    files = {"cert": certs.server.chain, "key": certs.server.key, "client-ca": certs.ca.cert, "ca": certs.ca.cert}
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700 if where == "directory" else 0o755)
    for name, source in files.items():
        with open(source, encoding="ascii") as f:
            text = f.read()
        for to, mode in ((tmp_path / name, 0o644), (shut / name, 0o600 if where == "file" else 0o644)):
            to.write_text(text, encoding="ascii")
            os.chmod(to, mode)
    options = [f"{n}={(shut if n == which else tmp_path) / n}" for n in (("cert", "key") if which in ("cert", "key") else (which,))]
    words = ["connect", "tls://127.0.0.1:1"] if which == "ca" else ["listen", "tls://127.0.0.1:0"]
    with Program([*wrap, path, *words, *options], cwd="/") as p:
        status = p.wait()
        assert status == 6, p.said()
        text, _ = one_clear_line(Finished(p, status))
        assert f"{which}=" in text and "Permission denied" in text, text


def test_a_key_that_others_may_read_is_warned_about(certs, tmp_path):
    for mode, is_open in ((0o644, True), (0o600, False), (0o640, False)):
        key = tmp_path / f"key{mode:o}"
        with open(certs.server.key, encoding="ascii") as f:
            key.write_text(f.read(), encoding="ascii")
        os.chmod(key, mode)
        with Soket("listen", "tls://127.0.0.1:0", f"cert={certs.server.chain}", f"key={key}") as p:
            said = p.err.wait(lambda r: r.text() if "listening on" in r.text() else "", p.deadline, "listening")
            port = int(re.search(r"127\.0\.0\.1:(\d+)", said)[1])
            assert connect(port, f"ca={certs.ca.cert}", stdin=b"x").status == 0
            assert p.wait() == 0
            assert (str(key) in p.err.text()) == is_open, p.err.text()


def test_a_client_takes_no_certificate_that_others_cannot_pair(certs):
    done = connect(1, f"cert={certs.client.chain}", f"key={certs.server.key}")
    assert done.status == 2, done
    assert certs.server.key in one_clear_line(done)[0]


# --- reading the files again


def install(cert, directory):
    for source, name in ((cert.chain, "cert"), (cert.key, "key")):
        with open(source, encoding="ascii") as f:
            text = f.read()
        (directory / f"{name}.new").write_text(text, encoding="ascii")
        os.chmod(directory / f"{name}.new", 0o600)
        os.replace(directory / f"{name}.new", directory / name)


@pytest.mark.parametrize("flags", [[], ["--threads", "2"]], ids=["plain", "threads"])
def test_sighup_takes_new_files_and_drops_no_link(flags, certs, tmp_path):
    one, two = certs.cert("one", sans=("DNS:one.example",)), certs.cert("two", sans=("DNS:two.example", "DNS:*.two.example"), kind="rsa")
    install(one, tmp_path)
    with serve(options=[f"cert={tmp_path}/cert", f"key={tmp_path}/key"], flags=flags) as p:
        with dial(p.address(), client_context(verify=False), p.deadline) as old_link:
            old_link.send(b"before")
            assert old_link.read() == b"before"
            for cert in (two, one, two):
                install(cert, tmp_path)
                p.send_signal(signal.SIGHUP)
                until(lambda: shown(p.address(), None, p.deadline) == cert.name, p.deadline, f"the certificate {cert.name}")
            assert old_link.exchange(b"after") == b"after"
        assert p.stop() == 0 and not p.events("failed")


@pytest.mark.parametrize("breaks", ["junk", "missing", "another key"])
def test_sighup_with_files_that_are_not_good_keeps_the_old_and_says_so(breaks, certs, tmp_path):
    one = certs.cert("one", sans=("DNS:one.example",))
    install(one, tmp_path)
    with serve(options=[f"cert={tmp_path}/cert", f"key={tmp_path}/key"]) as p:
        assert shown(p.address(), None, p.deadline) == "one"
        if breaks == "junk":
            (tmp_path / "cert").write_text("hello", encoding="ascii")
        elif breaks == "missing":
            (tmp_path / "key").unlink()
        else:
            with open(certs.server.key, encoding="ascii") as f:
                (tmp_path / "key").write_text(f.read(), encoding="ascii")
        p.send_signal(signal.SIGHUP)
        until(lambda: [e for e in p.events() if str(tmp_path) in str(e) and e["event"] != "listening"] or str(tmp_path) in p.err.text(),
              p.deadline, "what is wrong with the files")
        assert shown(p.address(), None, p.deadline) == "one"
        install(certs.server, tmp_path)
        p.send_signal(signal.SIGHUP)
        until(lambda: shown(p.address(), None, p.deadline) == "server", p.deadline, "the new certificate")
        assert p.stop() == 0


def test_sighup_reads_client_ca_again_and_keeps_a_made_certificate(certs, tmp_path):
    """There is a file to read again, so SIGHUP does not end it."""
    with open(another(certs).cert, encoding="ascii") as f:
        (tmp_path / "ca").write_text(f.read(), encoding="ascii")
    with serve(options=[f"client-ca={tmp_path}/ca"]) as p:
        pin = p.event("listening")["pin"]
        assert connect(p.port(), f"pin={pin}", *certs.client.options, stdin=b"x").status == 6
        with open(certs.ca.cert, encoding="ascii") as f:
            (tmp_path / "ca").write_text(f.read(), encoding="ascii")
        p.send_signal(signal.SIGHUP)
        until(lambda: p.ended() or connect(p.port(), f"pin={pin}", *certs.client.options, stdin=b"x").out == "x", p.deadline, "the new client-ca")
        assert not p.ended(), p.said()
        assert p.stop() == 0


def test_sessions_survive_sighup(certs, tmp_path):
    install(certs.server, tmp_path)
    with serve(options=[f"cert={tmp_path}/cert", f"key={tmp_path}/key"]) as p:
        context = trusting(certs)
        with dial(p.address(), context, p.deadline, name="localhost") as end:
            end.exchange(b"one")
            session = end.tls.session
        p.send_signal(signal.SIGHUP)
        with TlsEnd(socket.create_connection(p.address()), context, p.deadline, name="localhost") as end:
            end.tls.session = session
            end.handshake()
            assert end.exchange(b"two") == b"two"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_a_new_client_ca_does_not_know_does_not_come_back_with_its_session(version, certs, tmp_path):
    for to, source in (("ca", certs.ca.cert), ("ca.new", another(certs).cert)):
        with open(source, encoding="ascii") as f:
            (tmp_path / to).write_text(f.read(), encoding="ascii")
    install(certs.server, tmp_path)
    with serve(options=[f"cert={tmp_path}/cert", f"key={tmp_path}/key", f"client-ca={tmp_path}/ca"]) as p:
        context = trusting(certs, version)
        context.load_cert_chain(certs.client.chain, certs.client.key)
        with dial(p.address(), context, p.deadline, name="localhost") as end:
            assert end.exchange(b"one") == b"one"
            session = end.tls.session
        os.replace(tmp_path / "ca.new", tmp_path / "ca")
        p.send_signal(signal.SIGHUP)
        fresh = trusting(certs, version)
        fresh.load_cert_chain(certs.client.chain, certs.client.key)

        def is_refused(context, session):
            with TlsEnd(socket.create_connection(p.address()), context, p.deadline, name="localhost") as end:
                if session:
                    end.tls.session = session
                try:
                    end.handshake()
                    return end.exchange(b"two") != b"two"
                except (ssl.SSLError, Cut, OSError):
                    return True
        until(lambda: is_refused(fresh, None), p.deadline, "the new client-ca")
        assert is_refused(context, session)


def test_a_quick_sender_to_a_listener_is_heard(certs):
    """It says all, says its end and leaves, as `openssl s_client` does where its input has ended."""
    for _ in range(10):
        with Soket("listen", "--json", "tls://127.0.0.1:0", *certs.server.options) as p:
            with dial(p.address(), trusting(certs), p.deadline, name="localhost") as end:
                end.send(b"all of it")
                end.end_writing()
            until(lambda: p.ended() or p.events("failed"), p.deadline, "the end")
            assert not p.events("failed") and p.wait() == 0, p.said()
            assert "all of it" in p.out.text()


def test_wait_waits_for_a_handshake_that_is_done(certs):
    with serve("echo:", options=certs.server.options) as p:
        done = soket("wait", f"tls://127.0.0.1:{p.port()}", f"ca={certs.ca.cert}", "--timeout", "10s")
        assert done.status == 0, done
        done = soket("wait", f"tls://127.0.0.1:{p.port()}", "--timeout", "300ms")
        assert done.status != 0 and "issuer" in done.err, done
