# SPDX-License-Identifier: Apache-2.0
"""soket serve --upload: files come whole or not at all, and what was cut is gone on with."""
import json
import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness.clock import until
from harness.http import Serve, tree

CONTENT = bytes(range(256)) * 2000


def part(name):
    return f".{name}.part"


def form(*files, boundary="X" * 20, field="file", end=True):
    body = b""
    for name, content in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"'
        head += f'; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n' if name is not None else "\r\n\r\n"
        body += head.encode("utf-8", "surrogateescape") + content + b"\r\n"
    return body + (f"--{boundary}--\r\n".encode() if end else b""), f"multipart/form-data; boundary={boundary}"


def post(client, *files, target="/", **fields):
    body, kind = form(*files)
    return client.get(target, method="POST", body=body, Content_Type=kind, **fields)


@pytest.fixture
def up(tmp_path):
    with Serve(tmp_path, "--upload") as p:
        yield p


def test_put_makes_a_file_and_replaces_it(up, tmp_path):
    with up.client() as c:
        a = c.get("/a%20b.bin", method="PUT", body=CONTENT)
        assert a.status == 201 and a["Location"] == "/a%20b.bin" and (tmp_path / "a b.bin").read_bytes() == CONTENT
        os.chmod(tmp_path / "a b.bin", 0o640)
        assert c.get("/a%20b.bin", method="PUT", body=b"new").status == 204
        assert (tmp_path / "a b.bin").read_bytes() == b"new" and (tmp_path / "a b.bin").stat().st_mode & 0o777 == 0o640
        assert c.get("/a%20b.bin").body == b"new"
        assert c.get("/empty", method="PUT", body=b"").status == 201 and (tmp_path / "empty").read_bytes() == b""
    assert sorted(os.listdir(tmp_path)) == ["a b.bin", "empty"]


def test_put_in_chunks(up, tmp_path):
    with up.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(CONTENT), 777):
            piece = CONTENT[i:i + 777]
            c.send(b"%x;x=y\r\n%s\r\n" % (len(piece), piece))
        c.send(b"0\r\nTrailer: x\r\n\r\n")
        assert c.answer().status == 201 and (tmp_path / "f").read_bytes() == CONTENT
        assert c.get("/f").body == CONTENT, "the connection goes on behind the body"


def test_a_client_that_expects_to_be_told_is_told(up, tmp_path):
    with up.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        c.until(0)
        while b"\r\n\r\n" not in c.buffer:
            c.more()
        assert c.buffer.startswith(b"HTTP/1.1 100 ")
        c.send(b"hello")
        a = c.answer()
        assert (a.interim, a.status) == ([100], 201)
        c.send(b"PUT /no/dir HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        a = c.answer()
        assert (a.interim, a.status) == ([], 409)


def test_uploads_need_the_flag(tmp_path):
    with Serve(tmp_path) as p, p.client() as c:
        assert c.get("/f", method="PUT", body=b"x").status == 405
        assert post(c, ("f", b"x")).status == 405
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("target, status", [("/dir/", 400), ("/dir", 409), ("/nothing/f", 409), ("/.hidden", 404), ("/a/../../f", 400), ("/%2e%2e/f", 400),
                                            ("/file/f", 409), ("/out/f", 403), ("/" + "n" * 256, 400), ("/a%00b", 400)])
def test_where_a_file_cannot_be_put(target, status, tmp_path):
    tree(tmp_path, {"dir/": None, "file": "x", "out": "->/tmp"})
    before = sorted(os.listdir(tmp_path))
    with Serve(tmp_path, "--upload") as p:
        assert p.get(target, method="PUT", body=b"x").status == status
        assert sorted(os.listdir(tmp_path)) == before and not os.path.exists("/tmp/f")


def test_a_link_is_replaced_and_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("keep")
    site = tree(tmp_path / "site", {"link": "->../outside"})
    with Serve(site, "--upload") as p:
        assert p.get("/link", method="PUT", body=b"new").status == 204
    assert outside.read_text() == "keep" and not os.path.islink(site / "link") and (site / "link").read_text() == "new"


def test_a_limit_of_size(tmp_path):
    with Serve(tmp_path, "--upload", "--upload-max", "1K") as p:
        assert p.get("/f", method="PUT", body=b"x" * 1024).status == 201
        assert p.get("/g", method="PUT", body=b"x" * 1025).status == 413
        with p.client() as c:
            c.send(b"PUT /h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n1\r\nx\r\n0\r\n\r\n")
            assert c.answer().status == 413
        with p.client() as c:
            assert post(c, ("i", b"x" * 1025)).status == 413
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("at", [0, 1, 100, 65_536, len(CONTENT) - 1])
@pytest.mark.parametrize("how", ["end", "reset"])
def test_an_upload_that_is_cut_is_gone_on_with(at, how, up, tmp_path):
    total = len(CONTENT)
    (tmp_path / "f").write_bytes(b"old")
    with up.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % total + CONTENT[:at])
        until(lambda: os.path.exists(tmp_path / part("f")) and os.path.getsize(tmp_path / part("f")) == at, up.deadline, "what was sent")
        if how == "reset":
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert (tmp_path / "f").read_bytes() == b"old"

    def asks():
        a = up.get("/f", method="PUT", body=b"", Content_Range=f"bytes */{total}")
        return a if a.status == 202 else None
    a = until(asks, up.deadline, "the lock")
    assert a["Upload-Offset"] == str(at)
    middle = (at + total) // 2
    if middle > at:
        a = up.get("/f", method="PUT", body=CONTENT[at:middle], Content_Range=f"bytes {at}-{middle - 1}/{total}")
        assert a.status == 202 and a["Upload-Offset"] == str(middle)
        assert (tmp_path / "f").read_bytes() == b"old"
    a = up.get("/f", method="PUT", body=CONTENT[middle:], Content_Range=f"bytes {middle}-{total - 1}/{total}")
    assert a.status == 204 and (tmp_path / "f").read_bytes() == CONTENT and os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("field, status", [("bytes 5-9/10", 416), ("bytes 0-4/3", 400), ("bytes 4-0/10", 400), ("bytes 0-9/10", 400), ("nonsense", 400),
                                           ("bytes */10", 400), ("bytes 0-99999999999999999999/*", 400)])
def test_pieces_that_do_not_fit(field, status, up, tmp_path):
    a = up.get("/f", method="PUT", body=b"hello", Content_Range=field)
    assert a.status == status
    if status == 416:
        assert a["Upload-Offset"] == "0"
    assert "f" not in os.listdir(tmp_path)


def test_the_same_upload_twice_at_a_time(up, tmp_path):
    with up.client() as one:
        one.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        until(lambda: os.path.exists(tmp_path / part("f")), up.deadline, "the first")
        assert up.get("/f", method="PUT", body=b"other").status == 409
        one.send(b"world")
        assert one.answer().status == 201 and (tmp_path / "f").read_bytes() == b"helloworld"


def test_many_uploads_to_one_name_leave_one_of_them(up, tmp_path):
    contents = [bytes([65 + i]) * 200_000 for i in range(8)]
    done = []

    def work(content):
        for _ in range(50):
            status = up.get("/f", method="PUT", body=content).status
            done.append(status)
            if status != 409:
                return
            time.sleep(0.02)
    threads = [threading.Thread(target=work, args=(c,)) for c in contents]
    for t in threads:
        t.start()
    for t in threads:
        t.join(25)
    assert set(done) <= {201, 204, 409} and (tmp_path / "f").read_bytes() in contents and os.listdir(tmp_path) == ["f"]


def test_if_none_match_keeps_what_is_there(up, tmp_path):
    assert up.get("/f", method="PUT", body=b"1", If_None_Match="*").status == 201
    assert up.get("/f", method="PUT", body=b"2", If_None_Match="*").status == 412
    assert up.get("/f", method="PUT", body=b"2", Content_Encoding="gzip").status == 415
    assert (tmp_path / "f").read_bytes() == b"1"


# --- forms


def test_a_form_uploads_several_files(up, tmp_path):
    names = ["a.txt", "with space.bin", "ümlaut.txt", "q%22uote.txt", "C:\\dir\\old.txt", "deep/er.txt"]
    os.mkdir(tmp_path / "dir")
    with up.client() as c:
        a = post(c, *[(n, n.encode() * 1000) for n in names], (None, b"a field"), ("", b""), target="/dir/")
        assert a.status == 303 and a["Location"] == "."
        a = post(c, ("x", b"1"), target="/dir/", Accept="application/json")
        assert a.status == 201 and json.loads(a.body) == {"files": [{"name": "x", "size": 1}]}
        assert c.get("/dir/").status == 200
    assert sorted(os.listdir(tmp_path / "dir")) == sorted(["a.txt", "with space.bin", "ümlaut.txt", 'q"uote.txt', "old.txt", "er.txt", "x"])
    assert (tmp_path / "dir" / "a.txt").read_bytes() == b"a.txt" * 1000


def test_a_form_byte_by_byte(up, tmp_path):
    body, kind = form(("a", b"\r\n--XXXX\r\n" * 20), ("b", b"\r\n--" + b"X" * 19 + b"\r"))
    with up.client() as c:
        c.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n")
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for b in body:
            c.send(bytes([b]))
        assert c.answer().status == 303
    assert (tmp_path / "a").read_bytes() == b"\r\n--XXXX\r\n" * 20 and (tmp_path / "b").read_bytes() == b"\r\n--" + b"X" * 19 + b"\r"


@pytest.mark.parametrize("name", ["..", ".", "../../x/..", "a/..", ".hidden", "n" * 256, "a\tb"])
def test_names_that_a_form_may_not_use(name, up, tmp_path):
    with up.client() as c:
        assert post(c, ("good", b"1"), (name, b"2")).status == 400
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("body, kind, status", [
    (b"", "multipart/form-data; boundary=a", 400), (b"x", "multipart/form-data", 415), (b"x", "text/plain", 415), (b"x", "multipart/form-data; boundary=" + "a" * 71, 415),
    (form(("f", b"1"), end=False)[0], form()[1], 400), (b"--a\r\nX: y\r\n\r\n1\r\n--a--\r\n", "multipart/form-data; boundary=a", 400),
    (b"--a\r\n" + b"X: y\r\n" * 5000, "multipart/form-data; boundary=a", 413), (b"--aX\r\n\r\n", "multipart/form-data; boundary=a", 400),
    (b'--a\r\nContent-Disposition: form-data; name="f"; filename="x\r\n\r\n1\r\n--a--\r\n', "multipart/form-data; boundary=a", 400),
    (b'--a\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n--a--\r\n', "multipart/form-data; boundary=a", 400)])
def test_forms_that_are_malformed(body, kind, status, up, tmp_path):
    assert up.get("/", method="POST", body=body, Content_Type=kind).status == status
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("at", [10, 200, 5000])
def test_a_form_that_is_cut_leaves_nothing(at, up, tmp_path):
    body, kind = form(("a", b"x" * 2000), ("b", b"y" * 9000))
    with up.client() as c:
        c.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:at])
        if at > 150:
            until(lambda: os.listdir(tmp_path), up.deadline, "the beginning")
    until(lambda: os.listdir(tmp_path) == [], up.deadline, "the end")


@pytest.mark.parametrize("fields", [{"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "null"}])
def test_pages_of_other_origins_may_not_upload(fields, up, tmp_path):
    with up.client() as c:
        assert post(c, ("f", b"1"), **fields).status == 403
    assert up.get("/f", method="PUT", body=b"x", **fields).status == 403
    assert os.listdir(tmp_path) == []


def test_the_sites_own_page_may_upload(up, tmp_path):
    port = up.event("listening")["port"]
    with up.client() as c:
        body, kind = form(("f", b"1"))
        a = c.get("/", method="POST", body=body, Content_Type=kind, host=f"localhost:{port}", Origin=f"http://localhost:{port}", Sec_Fetch_Site="same-origin")
        assert a.status == 303
    assert os.listdir(tmp_path) == ["f"]


def test_the_page_has_a_form_only_where_it_works(up, tmp_path):
    assert 'enctype="multipart/form-data"' in up.get("/").text
    with Serve(tmp_path) as p:
        assert "<form" not in p.get("/").text


# --- a disk that is full


@pytest.fixture
def small_disk(tmp_path):
    where = tmp_path / "disk"
    where.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(where)], check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (root, CAP_SYS_ADMIN)")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_full_disk(chunked, small_disk):
    (small_disk / "f").write_bytes(b"old")
    big = b"x" * 400_000
    with Serve(small_disk, "--upload") as p:
        with p.client() as c:
            if chunked:
                c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(big) + big + b"\r\n0\r\n\r\n")
            else:
                c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(big) + big)
            assert c.answer().status == 507
        with p.client() as c:
            assert post(c, ("g", big)).status == 507
        assert os.listdir(small_disk) == ["f"] and (small_disk / "f").read_bytes() == b"old"
        assert p.get("/h", method="PUT", body=b"y" * 1000).status == 201


# --- pieces, conditions, and what asking leaves


def test_a_piece_of_nobody_knows_how_much_replaces_nothing(up, tmp_path):
    (tmp_path / "f").write_bytes(b"OLDCONTENT")
    a = up.get("/f", method="PUT", body=b"abc", Content_Range="bytes 0-2/*")
    assert a.status == 202 and a["Upload-Offset"] == "3" and (tmp_path / "f").read_bytes() == b"OLDCONTENT"
    assert up.get("/f", method="PUT", body=b"def", Content_Range="bytes 3-5/6").status == 204
    assert (tmp_path / "f").read_bytes() == b"abcdef" and os.listdir(tmp_path) == ["f"]


def test_a_piece_in_chunks_is_refused_because_its_length_is_not_known(up, tmp_path):
    with up.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-2/3\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")
        assert c.answer().status == 400
    assert os.listdir(tmp_path) == []


def test_what_comes_to_be_there_meanwhile_is_kept_where_nothing_may_be_replaced(up, tmp_path):
    with up.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\nContent-Length: 3\r\n\r\n")
        until(lambda: os.path.exists(tmp_path / part("f")), up.deadline, "the upload")
        (tmp_path / "f").write_bytes(b"mine")
        c.send(b"abc")
        assert c.answer().status == 412
    assert (tmp_path / "f").read_bytes() == b"mine" and os.listdir(tmp_path) == ["f"]


def test_asking_leaves_nothing(up, tmp_path):
    assert up.get("/q", method="PUT", body=b"", Content_Range="bytes */10").status == 202
    assert up.get("/q", method="PUT", body=b"abc", Content_Range="bytes 5-7/10").status == 416
    assert os.listdir(tmp_path) == []
