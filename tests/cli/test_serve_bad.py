# SPDX-License-Identifier: Apache-2.0
"""soket serve: bad input, slow and hostile clients, and limits."""
import os
import resource
import socket
import threading
import time

import pytest

from harness.clock import until
from harness.http import Broken, Client, Serve, tree
from harness.rights import as_nobody
from harness.run import sanitized

BIG = bytes(range(256)) * 4096


@pytest.fixture
def site(tmp_path):
    tree(tmp_path, {"small.txt": "hello\n", "big.bin": BIG})
    with Serve(tmp_path) as p:
        yield p


def refused(site, data, status):
    """The server answers with that status, and closes, so that nothing behind it is a request."""
    with site.client() as c:
        c.send(data)
        a = c.answer()
        assert a.status == status and a["Connection"] == "close", a
        assert c.is_over(), "more than one answer"
    assert site.get("/small.txt").body == b"hello\n"


HOST = b"Host: a\r\n"
GET = b"GET /small.txt HTTP/1.1\r\n"
NEXT = GET + HOST + b"\r\n"

SMUGGLING = {
    "both lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "both lengths, the other way": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    "the same length twice": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    "a list of lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    "a signed length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\nhello", 400),
    "a negative length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n\r\nhello", 400),
    "a hexadecimal length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x5\r\n\r\nhello", 400),
    "an empty length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\nhello", 400),
    "an endless length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nhello", 400),
    "an unknown coding": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "chunked twice": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked is not last": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", (400, 501)),
    "a coding with a tab": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", (400, 501)),
    "a coding in HTTP/1.0": (b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a folded field": (GET + HOST + b"X: a\r\n b\r\n\r\n", 400),
    "a folded first field": (GET + b" X: a\r\n" + HOST + b"\r\n", 400),
    "bare LF": (b"GET /small.txt HTTP/1.1\nHost: a\n\r\n\r\n", 400),
    "a bare LF among CRLF": (GET + HOST + b"X: a\nY: b\r\n\r\n", 400),
    "a bare CR": (GET + HOST + b"X: a\rY: b\r\n\r\n", 400),
    "a NUL": (GET + HOST + b"X: a\0b\r\n\r\n", 400),
    "a control character": (GET + HOST + b"X: a\x01b\r\n\r\n", 400),
    "a blank before the colon": (GET + b"Host : a\r\n\r\n", 400),
    "a tab before the colon": (GET + HOST + b"X\t: a\r\n\r\n", 400),
    "no colon": (GET + HOST + b"nonsense\r\n\r\n", 400),
    "no name": (GET + HOST + b": x\r\n\r\n", 400),
    "a name with a blank": (GET + HOST + b"a b: x\r\n\r\n", 400),
    "no host": (GET + b"\r\n", 400),
    "two hosts": (GET + HOST + b"Host: b\r\n\r\n", 400),
    "the same host twice": (GET + HOST + HOST + b"\r\n", 400),
    "a host with a path": (GET + b"Host: a/b\r\n\r\n", 400),
    "a host with a comma": (GET + b"Host: a,b\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "no version": (b"GET /small.txt\r\n" + HOST + b"\r\n", 400),
    "lower case": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    "two blanks": (b"GET  /small.txt HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a blank in the target": (b"GET /small txt HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a control character in the target": (b"GET /sm\x7fall HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a target that is no path": (b"GET small.txt HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an asterisk": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "another scheme": (b"GET ftp://a/b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "CONNECT": (b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "an expectation": (GET + HOST + b"Expect: wonders\r\n\r\n", 417),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
    "binary": (bytes(range(128, 256)), 400),
    "an SSH client": (b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    "a head that is too long": (GET + HOST + b"X: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    "a target that is too long": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "an endless target": (b"GET /" + b"a" * 100_000, 414),
    "too many fields": (GET + HOST + b"X: a\r\n" * 200 + b"\r\n", 431),
    "100,000 fields": (GET + HOST + b"X: a\r\n" * 100_000 + b"\r\n", 431),
}


@pytest.mark.parametrize("case", SMUGGLING)
def test_what_could_be_two_requests_is_refused(case, site):
    data, status = SMUGGLING[case]
    with site.client() as c:
        try:
            c.send(data + NEXT)
        except (BrokenPipeError, ConnectionResetError):
            pass
        a = c.answer()
        assert a.status in (status if isinstance(status, tuple) else (status,)), a
        assert a["Connection"] == "close" and c.is_over(), "more than one answer"
    assert site.get("/small.txt").body == b"hello\n"


CHUNKS = {"no size": b"\r\n", "a bare LF": b"5\nhello\r\n0\r\n\r\n", "a sign": b"+5\r\nhello\r\n0\r\n\r\n", "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
          "a blank in front": b" 5\r\nhello\r\n0\r\n\r\n", "no end of the chunk": b"5\r\nhelloX\r\n0\r\n\r\n", "a bare LF behind it": b"5\r\nhello\n0\r\n\r\n",
          "too large a size": b"fffffffffffffffff\r\n", "a size of letters": b"xyz\r\n", "endless extensions": b"5;" + b"a" * 100_000,
          "a bare LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n", "a bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n"}


@pytest.mark.parametrize("case", CHUNKS)
def test_bad_chunks_are_refused(case, tmp_path):
    with Serve(tmp_path, "--upload") as p, p.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS[case])
        a = c.answer()
        assert a.status == 400 and a["Connection"] == "close" and c.is_over(), a
        assert "f" not in os.listdir(tmp_path)


def test_empty_lines_before_a_request_are_passed_over(site):
    with site.client() as c:
        c.send(b"\r\n" + NEXT)
        assert c.answer().body == b"hello\n"


def test_a_body_that_nobody_wants_is_passed_over(site):
    with site.client() as c:
        for _ in range(3):
            assert c.get("/small.txt", method="POST", body=b"x" * 50_000).status == 405
            assert c.get("/small.txt", body=b"y" * 100).body == b"hello\n"


def test_a_huge_body_that_nobody_wants_ends_the_connection(site):
    with site.client() as c:
        c.send(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9999999999\r\n\r\n" + b"x" * 1000)
        a = c.answer()
        assert a.status == 405 and a["Connection"] is None
        assert c.is_over()


# --- slow, gone, many


def test_a_head_that_does_not_come_whole_gets_408(tmp_path):
    with Serve(tmp_path, deadline=40) as p, p.client(seconds=30) as c:
        c.send(GET)
        began = time.monotonic()
        assert c.answer().status == 408 and c.is_over()
        assert 8 < time.monotonic() - began < 14


def test_an_idle_connection_is_closed(tmp_path):
    tree(tmp_path, {"small.txt": "hello\n"})
    with Serve(tmp_path, "--idle", "1s") as p, p.client() as c, p.client() as quiet:
        began = time.monotonic()
        for _ in range(4):
            assert c.get("/small.txt").status == 200
            time.sleep(0.4)  # less than the limit: it stays
        assert quiet.is_over() and c.is_over()
        assert time.monotonic() - began < 6


def test_a_reader_that_stops_is_given_up_and_one_that_is_slow_is_not(tmp_path):
    tree(tmp_path, {"huge": b"x" * (24 << 20)})
    with Serve(tmp_path, "--idle", "1s", deadline=40) as p, p.client(seconds=30) as slow, p.client() as stopped:
        stopped.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
        slow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        slow.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
        got = 0
        began = time.monotonic()
        while time.monotonic() - began < 3:
            got += len(slow.sock.recv(200_000))
            time.sleep(0.1)
        while got < 24 << 20:
            piece = slow.sock.recv(1 << 20)
            assert piece, "the slow reader was cut"
            got += len(piece)
        with pytest.raises((Broken, ConnectionResetError)):
            stopped.until(24 << 20)
        assert p.get("/huge", method="HEAD").status == 200


def test_clients_that_leave_in_the_middle_cost_nothing(tmp_path):
    tree(tmp_path, {"huge": b"x" * (8 << 20), "small.txt": "hello\n"})
    with Serve(tmp_path) as p:
        p.event("listening")
        fds = len(os.listdir(f"/proc/{p.pid}/fd"))
        for i in range(60):
            with p.client() as c:
                c.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n" * (1 + i % 3))
                if i % 2:
                    c.until(1000)
        assert p.get("/small.txt").body == b"hello\n"
        until(lambda: len(os.listdir(f"/proc/{p.pid}/fd")) <= fds + 3, p.deadline, "descriptors back")


@pytest.mark.parametrize("change", ["shrinks", "grows", "is replaced", "is removed"])
def test_a_file_that_changes_while_it_is_sent(change, tmp_path):
    n = 16 << 20
    path = tmp_path / "huge"
    path.write_bytes(b"x" * n)
    with Serve(tmp_path) as p, p.client() as c:
        c.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
        status, fields = c.head()
        assert status == 200 and dict(fields)["Content-Length"] == str(n)
        c.until(1000)
        if change == "shrinks":
            os.truncate(path, n // 2)
        elif change == "grows":
            with open(path, "ab") as f:
                f.write(b"y" * 1000)
        elif change == "is replaced":
            (tmp_path / "new").write_bytes(b"z" * n)
            os.rename(tmp_path / "new", path)
        else:
            path.unlink()
        if change == "shrinks":
            with pytest.raises((Broken, ConnectionResetError)):
                c.until(n - 1000)
        else:
            assert c.until(n - 1000) == b"x" * (n - 1000)
            c.get("/")


def test_at_the_limit_of_descriptors_nothing_spins_or_dies(tmp_path):
    tree(tmp_path, {f"f{i}": b"x" * 100_000 for i in range(30)})

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    with Serve(tmp_path, before=limit) as p:
        clients = [p.client() for _ in range(60)]
        for i, c in enumerate(clients):
            c.send(f"GET /f{i % 30} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        done = 0
        for c in clients:
            a = c.answer()
            assert a.status in (200, 503), a
            done += a.status == 200
        assert done > 30 and p.cpu_seconds() < (20 if sanitized() else 3)


def test_the_most_connections_at_once(tmp_path):
    tree(tmp_path, {"small.txt": "hello\n"})
    with Serve(tmp_path, "--max", "2") as p, p.client() as a, p.client() as b, p.client() as c:
        assert a.get("/small.txt").status == 200 and b.get("/small.txt").status == 200
        c.send(NEXT)
        c.sock.settimeout(0.4)
        with pytest.raises(TimeoutError):
            c.sock.recv(10)
        a.close()
        assert c.answer().body == b"hello\n"


def test_access_lists(tmp_path):
    tree(tmp_path, {"small.txt": "hello\n"})
    with Serve(tmp_path, "--deny", "127.0.0.0/8") as p, p.client() as c:
        assert c.is_over()


# --- what the file system has


def test_pipes_devices_and_sockets_are_refused_and_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(tmp_path / "socket"))
    if os.geteuid() == 0:
        os.mknod(tmp_path / "null", 0o20666, os.makedev(1, 3))
    with Serve(tmp_path) as p:
        for name in os.listdir(tmp_path):
            assert p.get("/" + name).status in (403, 500), name
    s.close()


def test_what_may_not_be_read(tmp_path):
    os.makedirs(tmp_path / "site" / "closed")
    tree(tmp_path / "site", {"secret": "x", "open": "y"})
    os.chmod(tmp_path / "site" / "secret", 0)
    os.chmod(tmp_path / "site" / "closed", 0)
    prefix, path = as_nobody(tmp_path)
    for d in [tmp_path, *tmp_path.parents]:
        if d.stat().st_mode & 5 != 5 and str(d) != "/":
            os.chmod(d, 0o755)
    os.environ["SOKET"], before = path, os.environ.get("SOKET")
    try:
        with Serve(tmp_path / "site", wrap=prefix) as p:
            assert p.get("/open").body == b"y"
            assert p.get("/secret").status == 403 and p.get("/closed/").status == 403 and p.get("/closed/x").status == 403
    finally:
        os.environ.pop("SOKET") if before is None else os.environ.update(SOKET=before)


def test_a_directory_that_is_removed_while_it_is_served(tmp_path):
    site = tmp_path / "site"
    tree(site, {"small.txt": "hello\n"})
    with Serve(site) as p:
        assert p.get("/small.txt").status == 200
        os.unlink(site / "small.txt")
        os.rmdir(site)
        assert p.get("/small.txt").status == 404 and p.get("/").status in (200, 404)


def test_many_files_at_once(tmp_path):
    tree(tmp_path, {f"f{i}": str(i) * 3000 for i in range(400)})
    with Serve(tmp_path) as p, p.client() as c:
        for _ in range(2):
            for i in range(400):
                assert c.get(f"/f{i}").body == (str(i) * 3000).encode()
        assert len(os.listdir(f"/proc/{p.pid}/fd")) < 160


def test_many_clients_at_once(tmp_path):
    tree(tmp_path, {"big.bin": BIG})
    with Serve(tmp_path, deadline=60) as p:
        failures = []

        def work():
            try:
                with Client(p.where, seconds=50) as c:
                    for _ in range(5):
                        assert c.get("/big.bin").body == BIG
            except Exception as e:  # noqa: B902 - for the test to look at
                failures.append(e)
        threads = [threading.Thread(target=work) for _ in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(55)
        assert not failures
