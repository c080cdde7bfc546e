# SPDX-License-Identifier: Apache-2.0
"""soket serve: how connections and the server itself end, TLS, and the way there from http."""
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import time
import urllib.request

import pytest

from harness.certs import Certs, client_context
from harness.clock import Deadline, until
from harness.http import Client, Serve, tree
from harness.rights import as_nobody
from harness.run import binary, sanitized
from harness.services import answers, free_ports

BIG = bytes(range(256)) * (20 << 12)  # 20 MiB: more than the kernel holds for a client
GET = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def root(tmp_path):
    return tree(tmp_path / "site", {"small.txt": "hello\n", "big.bin": BIG, "dir/x": "1"})


# --- a client that has said all it wants to say


@pytest.mark.parametrize("targets", [["/small.txt"], ["/big.bin"], ["/dir/"], ["/small.txt", "/dir/", "/big.bin", "/nothing"]], ids=["small", "big", "listing", "several"])
def test_a_client_that_ends_its_side_gets_all_answers(targets, root):
    with Serve(root) as p, p.client() as c:
        c.send("".join(map(GET.format, targets)))
        c.sock.shutdown(socket.SHUT_WR)
        got = [c.answer() for _ in targets]
        assert c.is_over() and [a.status for a in got] == [404 if t == "/nothing" else 200 for t in targets]
        assert all(a.body == BIG for t, a in zip(targets, got) if t == "/big.bin")


def test_an_upload_whose_sender_ends_its_side_is_answered(root):
    with Serve(root, "--upload") as p, p.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        c.sock.shutdown(socket.SHUT_WR)
        assert c.answer().status == 201 and (root / "f").read_bytes() == b"hello"


@pytest.mark.parametrize("said", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: a", b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello",
                                  b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"], ids=["nothing", "a word", "half a head", "half a body", "half a chunk"])
def test_half_a_request_has_no_answer_that_says_it_went_well(said, root):
    with Serve(root, "--upload") as p, p.client() as c:
        c.send(said)
        c.sock.shutdown(socket.SHUT_WR)
        assert c.rest().split(b" ")[1:2] in ([], [b"400"], [b"408"]) and not (root / "f").exists()
        assert p.get("/small.txt").body == b"hello\n"


def test_a_wrong_password_is_heard_before_the_body_is_sent_whole(root):
    with Serve(root, "--upload", "--auth", "ana:x") as p, p.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eDp5\r\nContent-Length: 99000000\r\n\r\n")
        try:
            for _ in range(20):
                c.send(b"x" * 50_000)
        except OSError:
            pass
        assert c.answer().status == 401
    assert sorted(os.listdir(root)) == ["big.bin", "dir", "small.txt"]


# --- the end of the server


@pytest.mark.parametrize("threads", ["1", "4"])
def test_answers_that_are_being_sent_are_finished(threads, root):
    with Serve(root, "--threads", threads, "--grace", "50s", deadline=60) as p:
        clients = [p.client(seconds=50) for _ in range(8)]
        for c in clients:
            c.send(GET.format("/big.bin"))
            assert c.head()[0] == 200
        until(lambda: len(os.listdir(f"/proc/{p.pid}/task")) >= int(threads), p.deadline, "its threads")
        p.send_signal(signal.SIGTERM)
        assert p.event("stopping")
        for c in clients:
            assert c.until(len(BIG)) == BIG and c.is_over()
        assert p.wait() == 0


def test_nobody_new_is_let_in_while_it_stops(root):
    with Serve(root, "--grace", "50s") as p, p.client() as c:
        c.send(GET.format("/big.bin"))
        c.head()
        p.send_signal(signal.SIGTERM)
        p.event("stopping")
        with pytest.raises(ConnectionRefusedError):
            until(lambda: p.client().close(), Deadline(3, "a refusal"), "a refusal", pause=0.01)
        assert c.until(len(BIG)) == BIG


def test_an_upload_that_comes_while_it_stops_is_finished(root):
    with Serve(root, "--upload", "--grace", "50s") as p, p.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        until((root / ".f.part").exists, p.deadline, "the beginning")
        p.send_signal(signal.SIGTERM)
        p.event("stopping")
        c.send(b"world")
        a = c.answer()
        assert a.status == 201 and a["Connection"] == "close" and c.is_over()
        c.close()
        assert p.wait() == 0 and (root / "f").read_bytes() == b"helloworld"


def test_grace_ends_what_takes_longer(root):
    with Serve(root, "--upload", "--grace", "500ms") as p, p.client() as reads, p.client() as writes:
        reads.send(GET.format("/big.bin"))
        reads.head()
        writes.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        until((root / ".f.part").exists, p.deadline, "the beginning")
        began = time.monotonic()
        p.stop()
        assert 0.4 < time.monotonic() - began < 4
        assert (root / ".f.part").read_bytes() == b"hello" and not (root / "f").exists(), "it can be gone on with"


def test_a_second_signal_cuts_at_once(root):
    with Serve(root, "--grace", "60s") as p, p.client() as c:
        c.send(GET.format("/big.bin"))
        c.head()
        p.send_signal(signal.SIGTERM)
        p.event("stopping")
        began = time.monotonic()
        p.stop()
        assert time.monotonic() - began < 3


def test_with_30_descriptors_everybody_is_served_in_turn(root):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
    with Serve(root, before=limit, deadline=60) as p:
        clients = [p.client(seconds=50) for _ in range(50)]
        for c in clients:
            c.send("GET /big.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=0-999999\r\nConnection: close\r\n\r\n")
        done = [c.answer().status for c in clients]
        assert set(done) <= {206, 503} and done.count(206) > 25
        assert p.cpu_seconds() < (20 if sanitized() else 3)
        assert p.get("/small.txt").body == b"hello\n"


# --- without rights


def test_nobody_serves_and_takes_uploads(tmp_path, monkeypatch):
    site = tree(tmp_path / "site", {"small.txt": "hello\n", "open/": None, "closed/": None})
    os.chmod(site / "open", 0o777)
    prefix, path = as_nobody(tmp_path)
    for d in tmp_path.parents:
        if d.stat().st_mode & 5 != 5 and str(d) != "/":
            os.chmod(d, 0o755)
    if not prefix:
        os.chmod(site / "closed", 0o555)
    monkeypatch.setenv("SOKET", path)
    with Serve(site, "--upload", wrap=prefix) as p:
        assert p.get("/small.txt").body == b"hello\n"
        assert p.get("/open/f", method="PUT", body=b"x").status == 201
        assert p.get("/closed/f", method="PUT", body=b"x").status == 403 and os.listdir(site / "closed") == []
    if prefix:
        assert os.stat(site / "open/f").st_uid == 65534


def test_it_gives_up_the_right_to_gain_rights(root):
    with Serve(root) as p:
        assert p.get("/small.txt").status == 200, "before it answers anybody"
        with open(f"/proc/{p.pid}/status", encoding="ascii") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert status["NoNewPrivs"] == "1"


# --- TLS


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_files_over_tls(version, root, certs):
    with Serve(root, "--upload", at=f"tls://127.0.0.1:0 {' '.join(certs.server.options)}") as p, p.client(tls=client_context(certs, version)) as c:
        assert p.event("serving")["url"].startswith("https://")
        for _ in range(3):
            assert c.get("/big.bin").body == BIG and c.get("/small.txt").body == b"hello\n"
            assert c.get("/big.bin", Range="bytes=5-9").body == BIG[5:10]
        assert c.get("/f", method="PUT", body=BIG[:3_000_001]).status == 201 and (root / "f").read_bytes() == BIG[:3_000_001]
        c.send(GET.format("/small.txt") * 200)
        assert all(c.answer().body == b"hello\n" for _ in range(200))


def test_a_certificate_is_made_where_none_is_given(root):
    with Serve(root, at="tls://127.0.0.1:0") as p:
        event = p.event("listening")
        with p.client(tls=client_context(verify=False)) as c:
            assert c.get("/small.txt").body == b"hello\n"
            der = c.sock.getpeercert(binary_form=True)
        printed = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-fingerprint", "-sha256"], input=der, capture_output=True, check=True, timeout=20)
        assert printed.stdout.decode().strip().endswith("=" + event["fingerprint"])


def test_an_end_over_tls_is_told(root, certs):
    """RFC 8446, 6.1: without close_notify an answer that ends by closing could be cut by anybody."""
    with Serve(root, at=f"tls://127.0.0.1:0 {' '.join(certs.server.options)}") as p, p.client(tls=client_context(certs)) as c:
        c.send("GET /big.bin HTTP/1.0\r\n\r\n")
        assert c.answer().body == BIG and c.sock.recv(1) == b"", "close_notify; Python raises where it is missing"


@pytest.mark.parametrize("said, over_tls", [(GET.format("/small.txt").encode(), True), (b"\x16\x03\x01\x02\x00", True), (b"", True)], ids=["plain HTTP", "a cut hello", "nothing"])
def test_who_does_not_speak_tls_costs_nobody_anything(said, over_tls, root, certs):
    with Serve(root, at=f"tls://127.0.0.1:0 {' '.join(certs.server.options)}") as p:
        with Client(p.where) as c:
            c.send(said)
            c.sock.shutdown(socket.SHUT_WR)
            assert b"hello" not in c.rest()
        with p.client(tls=client_context(certs)) as c:
            assert c.get("/small.txt").body == b"hello\n"


@pytest.fixture
def both(root, certs):
    port = free_ports(1)[0]
    with Serve(root, "--redirect", f"127.0.0.1:{port}", at=f"tls://127.0.0.1:0 {' '.join(certs.server.options)}") as p:
        answers(port, p, Deadline(10, "the redirect"))
        yield p.event("listening")["port"], port


@pytest.mark.parametrize("target, host, to", [
    ("/", "localhost", "https://localhost:{}/"), ("/a%20b?c=d&e", "localhost:80", "https://localhost:{}/a%20b?c=d&e"), ("/x", "[::1]:80", "https://[::1]:{}/x"),
    ("//evil.example/x", "localhost", "https://localhost:{}//evil.example/x"), ("/%0d%0aX-A:%20b", "localhost", "https://localhost:{}/%0d%0aX-A:%20b")])
def test_http_leads_to_https(target, host, to, both):
    https, http = both
    with Client(("127.0.0.1", http)) as c:
        for method in ("GET", "HEAD"):
            a = c.get(target, method=method, host=host)
            assert a.status in (301, 308) and a["Location"] == to.format(https) and a["X-A"] is None


def test_the_redirect_of_an_absolute_target_keeps_its_host(both):
    https, http = both
    with Client(("127.0.0.1", http)) as c:
        assert c.get("http://good.example/x", host="evil.example")["Location"] == f"https://good.example:{https}/x"


@pytest.mark.parametrize("lines", ["GET / HTTP/1.0\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n", "GET / HTTP/1.1\r\nHost:\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n"])
def test_a_redirect_needs_a_host(lines, both):
    with Client(("127.0.0.1", both[1])) as c:
        c.send(lines + "\r\n")
        a = c.answer()
        assert a.status == 400 and a["Location"] is None


def test_the_redirects_port_is_told(root, certs):
    with Serve(root, "--redirect", "127.0.0.1:0", at=f"tls://127.0.0.1:0 {' '.join(certs.server.options)}", deadline=5) as p:
        assert p.event("listening", count=2)["port"]


# --- what is printed


def test_every_url_is_printed_and_each_works(root):
    with Serve(root, at=":0") as p:
        p.event("serving")
        assert p.get("/small.txt").body == b"hello\n", "all have been printed by now"
        urls = {e["url"] for e in p.events("serving")}
        assert urls, "none"
        for there in urls:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(there + "small.txt", timeout=10) as f:
                assert f.read() == b"hello\n"


def test_the_words_for_people_are_not_on_stdout(root):
    with subprocess.Popen([binary(), "serve", str(root), "127.0.0.1:0", "--stats", "--qr"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        time.sleep(0.5)
        p.terminate()
        out, err = p.communicate(timeout=10)
    assert out == b"" and p.returncode == 0
    assert f"serving {root}".encode() in err and b"http://127.0.0.1:" in err and "█".encode() in err and b"0 links" in err


def test_its_events_are_json_lines(root):
    with Serve(root, "--log", "json") as p:
        p.get("/small.txt")
        p.event("closed")
        p.stop()
        events = [json.loads(line) for line in bytes(p.out.bytes).splitlines()]
        assert [e["event"] for e in events][:3] == ["listening", "serving", "opened"] and {"request", "closed"} <= {e["event"] for e in events}
        assert all(e["time"].endswith("Z") for e in events)
