# SPDX-License-Identifier: Apache-2.0
"""soket serve: what is answered to good requests."""
import base64
import gzip
import json
import os
import re
import signal
import subprocess
import time
from email.utils import formatdate, parsedate_to_datetime

import pytest

from harness.clock import until
from harness.http import Client, Serve, tree
from harness.run import soket

WORDS = ("\n".join(f"line {i} of a text that is worth compressing" for i in range(400)) + "\n").encode()
BIG = bytes(range(256)) * 4096  # 1 MiB: leaves by sendfile
FILES = {
    "index.html": "<!DOCTYPE html><title>home</title>", "small.txt": "hello\n", "empty": b"", "words.txt": WORDS, "big.bin": BIG,
    "sub/deeper/file.json": "{}", "with space & <mark>.html": "odd", "style.css": "a{}", "app.js": "1", "clip.mp4": b"\0\0\0\x18ftyp", "noext": "text\n",
    "binary": b"\0\1\2", ".hidden": "secret", ".git/config": "secret", ".well-known/security.txt": "Contact: x", "readme.md": "# hi",
    "in": "->small.txt", "indir": "->sub", "out": "->/etc/passwd", "outdir": "->/etc", "up": "->../..", "dangling": "->nowhere",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tree(str(tmp_path_factory.mktemp("site")), FILES)


@pytest.fixture
def site(root):
    with Serve(root) as p:
        yield p


@pytest.mark.parametrize("name", ["small.txt", "empty", "words.txt", "big.bin", "sub/deeper/file.json", "in", "indir/deeper/file.json"])
def test_a_file_comes_whole(name, site, root):
    with open(os.path.join(root, name), "rb") as f:
        content = f.read()
    a = site.get("/" + name)
    assert a.status == 200 and a.body == content
    assert a["Content-Length"] == str(len(content)) and a["Accept-Ranges"] == "bytes"
    assert parsedate_to_datetime(a["Last-Modified"]).timestamp() == int(os.stat(os.path.join(root, name)).st_mtime)
    assert re.fullmatch(r'"[0-9a-f-]+"', a["ETag"]) and abs(parsedate_to_datetime(a["Date"]).timestamp() - time.time()) < 5


@pytest.mark.parametrize("name, kind", [
    ("index.html", "text/html; charset=utf-8"), ("style.css", "text/css; charset=utf-8"), ("app.js", "text/javascript; charset=utf-8"),
    ("sub/deeper/file.json", "application/json"), ("clip.mp4", "video/mp4"), ("noext", "text/plain; charset=utf-8"),
    ("binary", "application/octet-stream"), ("readme.md", "text/markdown; charset=utf-8")])
def test_a_file_has_its_type(name, kind, site):
    assert site.get("/" + name)["Content-Type"] == kind


def test_head_is_get_without_the_body(site):
    for name in ("small.txt", "big.bin", "", "sub/"):
        with site.client() as c:
            a, b = c.get("/" + name), c.get("/" + name, method="HEAD")
            skip = ("Date",)
            assert [f for f in a.fields if f[0] not in skip] == [f for f in b.fields if f[0] not in skip]
            assert b.body == b"" and c.get("/small.txt").body == b"hello\n"


def test_a_connection_goes_on_for_many_requests(site):
    with site.client() as c:
        for i in range(200):
            assert c.get("/small.txt" if i % 2 else "/big.bin").status == 200


def test_pipelined_requests_are_answered_in_order(site):
    with site.client() as c:
        one = b"GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n"
        two = b"GET /words.txt HTTP/1.1\r\nHost: a\r\n\r\n"
        c.send((one + two) * 500)
        for _ in range(500):
            assert c.answer().body == b"hello\n"
            assert c.answer().body == WORDS


def test_a_request_that_comes_byte_by_byte_is_answered(site):
    with site.client() as c:
        for b in b"GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n":
            c.send(bytes([b]))
        assert c.answer().body == b"hello\n"


def test_http_1_0_ends_unless_it_asks_to_go_on(site):
    with site.client() as c:
        c.send("GET /small.txt HTTP/1.0\r\n\r\n")
        a = c.answer()
        assert a.body == b"hello\n" and a["Connection"] == "close" and c.is_over()
    with site.client() as c:
        for _ in range(3):
            c.send("GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            a = c.answer()
            assert a.body == b"hello\n" and a["Connection"] == "keep-alive"


def test_close_is_honoured(site):
    with site.client() as c:
        assert c.get("/big.bin", Connection="close")["Connection"] == "close" and c.is_over()


def test_options_say_what_is_allowed(site):
    for target in ("/", "/small.txt", "*", "/nothing"):
        a = site.get(target, method="OPTIONS")
        assert a.status == 204 and a["Allow"] == "GET, HEAD, OPTIONS" and a["Content-Length"] is None


@pytest.mark.parametrize("method, status", [("POST", 405), ("PUT", 405), ("DELETE", 405), ("PATCH", 405), ("TRACE", 405), ("BREW", 501)])
def test_other_methods_are_refused_and_the_connection_goes_on(method, status, site):
    with site.client() as c:
        a = c.get("/small.txt", method=method, body=b"x" * 10 if method in ("POST", "PUT") else None)
        assert a.status == status
        if status == 405:
            assert a["Allow"] == "GET, HEAD, OPTIONS"
            assert c.get("/small.txt").body == b"hello\n"


def test_absolute_targets_are_paths(site):
    assert site.get("http://localhost/small.txt").body == b"hello\n"
    assert site.get("http://localhost?x", method="GET").status == 200


def test_queries_do_not_matter_for_files(site):
    assert site.get("/small.txt?v=1&x=%ZZ").body == b"hello\n"


# --- directories


def test_a_directory_shows_its_index(site):
    assert site.get("/").body == FILES["index.html"].encode()


def test_a_directory_without_a_slash_is_sent_there(site):
    a = site.get("/sub?x=1")
    assert a.status == 301 and a["Location"] == "/sub/?x=1"
    assert site.get("/small.txt/").status == 404


def test_a_listing_shows_what_is_there(root):
    names = {"b dir/": None, "a.txt": "1234", "<b>&\"'.txt": "x", "new\nline": "y", "%41": "z"}
    with Serve(tree(os.path.join(root, "list"), names)) as p:
        a = p.get("/")
        assert a.status == 200 and a["Content-Type"] == "text/html; charset=utf-8"
        page = a.text
        assert page.index('href="./b%20dir/"') < page.index('href="./%2541"') < page.index('href="./a.txt"')
        assert "&lt;b&gt;&amp;&quot;&#39;.txt" in page and "<b>" not in page and 'href="./new%0Aline"' in page
        assert "<script" not in page and "default-src 'none'" in a["Content-Security-Policy"]
        for href in re.findall(r'href="(\./[^"]+)"', page):
            assert p.get("/" + href[2:]).status == 200, href


@pytest.mark.parametrize("query, first", [("", "a"), ("?sort=size", "a"), ("?sort=size&order=desc", "c"), ("?sort=name&order=desc", "c"),
                                          ("?sort=time", "b"), ("?sort=nonsense&order=x", "a")])
def test_a_listing_is_sorted(query, first, tmp_path):
    tree(tmp_path, {"a": "1", "b": "22", "c": "333"})
    for i, name in enumerate("bca"):
        os.utime(tmp_path / name, (1e9 + i, 1e9 + i))
    with Serve(tmp_path) as p:
        assert re.findall(r'href="\./(\w)"', p.get("/" + query).text)[0] == first


def test_a_listing_as_json(tmp_path):
    tree(tmp_path, {"a b.txt": "1234", "dir/": None, b"\xff\xfe".decode("utf-8", "surrogateescape"): "bad name"})
    os.mkfifo(tmp_path / "fifo")
    with Serve(tmp_path) as p:
        rows = json.loads(p.get("/", Accept="application/json").body)
        by = {r["url"]: r for r in rows}
        assert rows[0]["name"] == "dir" and by["dir/"]["type"] == "directory"
        assert by["a%20b.txt"]["size"] == 4 and by["a%20b.txt"]["type"] == "file" and by["fifo"]["type"] == "other"
        assert parsedate_to_datetime(formatdate(0)) and by["a%20b.txt"]["mtime"].endswith("Z")
        assert by["%FF%FE"]["name"] == "\ufffd\ufffd" and p.get("/%FF%FE").body == b"bad name"
        assert p.get("/fifo").status == 403


def test_a_listing_speaks_indonesian(tmp_path):
    with Serve(tmp_path) as p:
        assert "Direktori ini kosong" in p.get("/", Accept_Language="id-ID,id;q=0.9,en;q=0.5").text
        assert "is empty" in p.get("/", Accept_Language="en-GB,id;q=0.5").text
        assert "is empty" in p.get("/").text


def test_a_directory_of_100000_files_is_listed_while_others_are_served(tmp_path):
    big = tmp_path / "many"
    big.mkdir()
    for i in range(100_000):
        os.close(os.open(big / f"file-{i:06}", os.O_CREAT | os.O_WRONLY))
    tree(tmp_path, {"small.txt": "hello\n"})
    with Serve(tmp_path, deadline=60) as p, p.client(seconds=50) as slow, p.client() as quick:
        slow.send("GET /many/ HTTP/1.1\r\nHost: a\r\n\r\n")
        assert quick.get("/small.txt").body == b"hello\n"
        assert slow.answer().body.count(b'href="./file-') == 100_000


def test_no_listing(root):
    with Serve(os.path.join(root, "sub"), "--no-listing") as p:
        assert p.get("/").status == 403 and p.get("/deeper/file.json").status == 200


# --- what is not there, or not for everybody


@pytest.mark.parametrize("target", ["/nothing", "/sub/nothing", "/small.txt/x", "/.hidden", "/.git/config", "/sub/.git", "/" + "x" * 300])
def test_what_is_not_there(target, site):
    assert site.get(target).status == 404


@pytest.mark.parametrize("target", ["/out", "/outdir/passwd", "/outdir/", "/up/", "/up/etc/passwd"])
def test_links_that_lead_out_are_refused(target, site):
    a = site.get(target)
    assert a.status == 403 and b"root:" not in a.body


@pytest.mark.parametrize("target, status", [
    ("/../../etc/passwd", 400), ("/sub/../../etc/passwd", 400), ("/%2e%2e/%2e%2e/etc/passwd", 400), ("/..%2f..%2fetc/passwd", 400),
    ("/%2e%2e%2fetc%2fpasswd", 400), ("/sub%2fdeeper", 400), ("/small.txt%00.html", 400), ("/%", 400), ("/%4", 400), ("/%zz", 400),
    ("/..%c0%af../etc/passwd", 404), ("/..\\..\\etc\\passwd", 404), ("//etc/passwd", 404), ("/sub//deeper/./file.json", 200),
    ("/sub/../small.txt", 200), ("/%73mall.txt", 200), ("/sub/%2e%2e/small.txt", 200), ("/sub/..", 200)])
def test_paths_that_climb_or_are_odd(target, status, site):
    a = site.get(target)
    assert a.status == status and b"root:" not in a.body, a


def test_follow_and_hidden(root):
    with Serve(root, "--follow", "--hidden") as p:
        assert b"root:" in p.get("/out").body and b"root:" in p.get("/outdir/passwd").body
        assert p.get("/.hidden").body == b"secret" and p.get("/dangling").status == 404
        tree(root, {"dots/.x": "1"})
        assert ".x" in p.get("/dots/").text


def test_well_known_is_there(site):
    assert site.get("/.well-known/security.txt").status == 200


def test_spa_gives_its_page_for_every_path(root):
    with Serve(root, "--spa") as p:
        assert p.get("/some/route").body == FILES["index.html"].encode()
        assert p.get("/small.txt").body == b"hello\n"
        assert p.get("/missing.js").status == 404, "a script that is missing is no page"
        assert p.get("/user/john.doe", Accept="text/html").status == 200


def test_cors(root):
    with Serve(root, "--cors") as p:
        for name in ("small.txt", "big.bin", "nothing"):
            assert p.get("/" + name, Origin="http://x")["Access-Control-Allow-Origin"] == "*"
        a = p.get("/small.txt", method="OPTIONS", Origin="http://x", Access_Control_Request_Method="GET", Access_Control_Request_Headers="x-a")
        assert a.status == 204 and a["Access-Control-Allow-Headers"] == "x-a" and "GET" in a["Access-Control-Allow-Methods"]


def test_headers_are_added_to_every_answer(root):
    with Serve(root, "--header", "Cache-Control: no-store", "--header", "X-A: b c") as p:
        for name in ("small.txt", "big.bin", "nothing"):
            a = p.get("/" + name)
            assert a["Cache-Control"] == "no-store" and a["X-A"] == "b c", a


@pytest.mark.parametrize("text", ["nonsense", ": x", "Content-Length: 3", "a b: c", "x: a\nb: c"])
def test_malformed_headers_are_refused(text, root):
    done = soket("serve", root, ":0", "--header", text)
    assert done.status == 2 and "--header" in done.err


# --- conditions


def test_conditions(site):
    a = site.get("/small.txt")
    tag, date = a["ETag"], a["Last-Modified"]
    old = "Thu, 01 Jan 1998 00:00:00 GMT"
    for fields, status in [
            ({"If_None_Match": tag}, 304), ({"If_None_Match": "W/" + tag}, 304), ({"If_None_Match": '"x", ' + tag}, 304), ({"If_None_Match": "*"}, 304),
            ({"If_None_Match": '"x"'}, 200), ({"If_Modified_Since": date}, 304), ({"If_Modified_Since": old}, 200),
            ({"If_Modified_Since": "nonsense"}, 200), ({"If_None_Match": '"x"', "If_Modified_Since": date}, 200),
            ({"If_Match": tag}, 200), ({"If_Match": "*"}, 200), ({"If_Match": '"x"'}, 412), ({"If_Match": "W/" + tag}, 412),
            ({"If_Unmodified_Since": old}, 412), ({"If_Unmodified_Since": date}, 200), ({"If_Match": tag, "If_Unmodified_Since": old}, 200)]:
        with site.client() as c:
            b = c.get("/small.txt", **fields)
            assert b.status == status, (fields, b)
            if status == 304:
                assert b["ETag"] == tag and b["Content-Length"] is None and b["Last-Modified"] == date
            assert c.get("/small.txt").status == 200


@pytest.mark.parametrize("size", [6, 20_000])
def test_a_file_that_is_rewritten_is_seen_at_once(size, tmp_path):
    path = tmp_path / "f"
    with Serve(tmp_path) as p, p.client() as c:
        tags = set()
        for i in range(30):
            content = bytes([65 + i % 26]) * size
            if i % 2:
                path.write_bytes(content)
            else:
                (tmp_path / "t").write_bytes(content)
                os.rename(tmp_path / "t", path)
            a = c.get("/f")
            assert a.body == content, i
            tags.add(a["ETag"])
        assert c.get("/f").body == content and c.get("/f").body == content
        path.write_bytes(b"z" * size)
        assert c.get("/f").body == b"z" * size
        path.unlink()
        assert c.get("/f").status == 404


# --- ranges


@pytest.mark.parametrize("field, first, last", [("bytes=0-0", 0, 0), ("bytes=5-9", 5, 9), ("bytes=1048000-", 1048000, 1048575), ("bytes=-5", 1048571, 1048575),
                                                 ("bytes=0-99999999999999999999999", 0, 1048575), ("bytes=-99999999", 0, 1048575),
                                                 ("bytes=0-4,5-9", 0, 9), ("bytes= 3-4 , 4-8", 3, 8), ("BYTES=0-1", 0, 1)])
def test_one_range(field, first, last, site):
    a = site.get("/big.bin", Range=field)
    assert a.status == 206 and a["Content-Range"] == f"bytes {first}-{last}/{len(BIG)}" and a.body == BIG[first:last + 1]


@pytest.mark.parametrize("field", ["bytes=1048576-", "bytes=9999999-99999999", "bytes=-0"])
def test_a_range_beyond_the_end(field, site):
    a = site.get("/big.bin", Range=field)
    assert a.status == 416 and a["Content-Range"] == f"bytes */{len(BIG)}"


@pytest.mark.parametrize("field", ["bytes=", "bytes=a-b", "bytes=5-4", "bytes=-", "lines=1-2", "bytes=1-2;3-4", "bytes", "bytes=0-1,x"])
def test_a_malformed_range_is_not_honoured(field, site):
    a = site.get("/big.bin", Range=field)
    assert a.status == 200 and a.body == BIG


def parts_of(a):
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\S+)", a["Content-Type"])[1].encode()
    pieces = a.body.split(b"--" + boundary)
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n"
    for piece in pieces[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        at = re.search(rb"Content-Range: bytes (\d+)-(\d+)/(\d+)", head)
        yield int(at[1]), int(at[2]), content[:-2]


def test_several_ranges(site):
    a = site.get("/big.bin", Range="bytes=100-199,0-9,-4,50000-120000")
    assert a.status == 206
    got = list(parts_of(a))
    assert [(f, l) for f, l, _ in got] == [(100, 199), (0, 9), (1048572, 1048575), (50000, 120000)]
    for first, last, content in got:
        assert content == BIG[first:last + 1]


def test_a_thousand_ranges_cost_no_more_than_the_file(site):
    a = site.get("/big.bin", Range="bytes=" + ",".join(f"{i * 10}-{i * 10 + 1}" for i in range(1000)))
    assert a.status == 200 and a.body == BIG
    a = site.get("/big.bin", Range="bytes=" + ",".join("0-" for _ in range(1000)))
    assert a.status == 206 and a["Content-Range"] == f"bytes 0-{len(BIG) - 1}/{len(BIG)}"


def test_if_range(site):
    a = site.get("/big.bin")
    for condition, status in [(a["ETag"], 206), ('"x"', 200), ("W/" + a["ETag"], 200), (a["Last-Modified"], None), ("Thu, 01 Jan 1998 00:00:00 GMT", 200)]:
        b = site.get("/big.bin", Range="bytes=0-4", If_Range=condition)
        assert status in (None, b.status), (condition, b)


def test_a_large_sparse_file_by_ranges(tmp_path):
    with open(tmp_path / "sparse", "wb") as f:
        f.truncate(10 << 30)
        f.seek((10 << 30) - 5)
        f.write(b"tail!")
    with Serve(tmp_path) as p:
        assert p.get("/sparse", Range="bytes=-5").body == b"tail!"
        assert p.get("/sparse", method="HEAD")["Content-Length"] == str(10 << 30)
        assert p.get("/sparse", Range="bytes=5000000000-5000000009").body == b"\0" * 10


# --- codings


def test_text_is_compressed_on_the_fly(site):
    a = site.get("/words.txt", Accept_Encoding="gzip, deflate")
    assert a["Content-Encoding"] == "gzip" and a["Vary"] == "Accept-Encoding" and gzip.decompress(a.body) == WORDS
    assert len(a.body) < len(WORDS) / 3
    plain = site.get("/words.txt")
    assert plain["Vary"] == "Accept-Encoding" and plain["ETag"] != a["ETag"]
    assert site.get("/words.txt", Accept_Encoding="gzip", If_None_Match=a["ETag"]).status == 304


def test_a_large_text_is_compressed_as_it_is_sent(tmp_path):
    content = WORDS * 300
    tree(tmp_path, {"large.txt": content})
    with Serve(tmp_path) as p, p.client() as c:
        a = c.get("/large.txt", Accept_Encoding="gzip")
        assert a["Transfer-Encoding"] == "chunked" and gzip.decompress(a.body) == content
        assert c.get("/large.txt").body == content
        c.send("GET /large.txt HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
        b = c.answer()
        assert b["Transfer-Encoding"] is None and gzip.decompress(b.body) == content


@pytest.mark.parametrize("field, coded", [("identity", False), ("gzip;q=0", False), ("br", False), ("*", True), ("gzip;q=0.1, identity;q=0.5", False),
                                          ("GZIP", True), ("deflate, gzip;q=1.0, *;q=0.5", True), ("gzip;q=nonsense", False)])
def test_a_coding_is_what_the_client_likes(field, coded, site):
    assert (site.get("/words.txt", Accept_Encoding=field)["Content-Encoding"] == "gzip") == coded


def test_what_is_compressed_already_or_small_is_not_compressed(site):
    for name in ("big.bin", "small.txt", "clip.mp4"):
        assert site.get("/" + name, Accept_Encoding="gzip")["Content-Encoding"] is None


def test_no_compress(root):
    with Serve(root, "--no-compress") as p:
        assert p.get("/words.txt", Accept_Encoding="gzip").body == WORDS


def test_compressed_siblings(tmp_path):
    tree(tmp_path, {"a.js": "plain", "a.js.gz": gzip.compress(b"plain"), "a.js.br": "br!", "a.js.zst": "zst!", "old.css": "plain", "old.css.br": "stale"})
    os.utime(tmp_path / "old.css.br", (1, 1))
    with Serve(tmp_path) as p:
        for accept, coding, body in [("br, gzip, zstd", "br", b"br!"), ("gzip, zstd", "zstd", b"zst!"), ("gzip", "gzip", None), ("gzip;q=1, br;q=0.5", "gzip", None),
                                     ("identity", None, b"plain"), ("br;q=0", None, b"plain")]:
            a = p.get("/a.js", Accept_Encoding=accept)
            assert a["Content-Encoding"] == coding and a["Content-Type"] == "text/javascript; charset=utf-8" and a["Vary"] == "Accept-Encoding", (accept, a)
            assert (gzip.decompress(a.body) if coding == "gzip" else a.body) == (body or b"plain")
        assert p.get("/a.js", Accept_Encoding="br", Range="bytes=0-1").body == b"br"
        assert p.get("/old.css", Accept_Encoding="br").body == b"plain"


# --- passwords


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_auth(root):
    with Serve(root, "--auth", "ana:se:cret", "--auth", "bob:b") as p:
        for field, status in [(None, 401), (basic("ana", "se:cret"), 200), (basic("bob", "b"), 200), (basic("ana", "b"), 401), (basic("", ""), 401),
                              ("Basic !!!", 401), ("Bearer x", 401), (basic("ana", "se:cret")[:-3], 401)]:
            a = p.get("/small.txt", **({"Authorization": field} if field else {}))
            assert a.status == status, field
            assert (a["WWW-Authenticate"] or "").startswith("Basic realm=") == (status == 401)


HASHES = [["openssl", "passwd", "-6", "geheim"], ["openssl", "passwd", "-5", "geheim"], ["htpasswd", "-nbB", "x", "geheim"],
          ["sh", "-c", "printf geheim | argon2 somesalt -id -e"], ["sh", "-c", "printf geheim | argon2 somesalt -i -e"]]


@pytest.mark.parametrize("make", HASHES, ids=["sha512", "sha256", "bcrypt", "argon2id", "argon2i"])
def test_auth_by_a_hash(make, root, tmp_path):
    hashed = subprocess.run(make, capture_output=True, text=True, check=True, timeout=20).stdout.strip().removeprefix("x:")
    (tmp_path / "users").write_text(f"# people\n\nana:{hashed}\n")
    with Serve(root, "--auth-file", str(tmp_path / "users")) as p, p.client() as c:
        for _ in range(2):
            assert c.get("/small.txt", Authorization=basic("ana", "geheim")).body == b"hello\n"
            assert c.get("/small.txt", Authorization=basic("ana", "falsch")).status == 401
            assert c.get("/small.txt", Authorization=basic("eve", "geheim")).status == 401


@pytest.mark.parametrize("line", ["ana:plain", "ana", ":$6$x$y", "ana:$6$", "ana:$argon2id$nonsense", "ana:" + "$" * 2000])
def test_a_bad_file_of_users_is_refused_with_its_line(line, root, tmp_path):
    (tmp_path / "users").write_text(f"# c\n{line}\n")
    done = soket("serve", root, ":0", "--auth-file", str(tmp_path / "users"))
    assert done.status == 2 and "line 2" in done.err, done


# --- where it is served


def test_it_finds_a_free_port_near_8080(root, tmp_path):
    with Serve(root, at=None) as a, Serve(root, at=None) as b:
        ports = [p.event("listening")["port"] for p in (a, b)]
        assert ports[0] != ports[1]
        assert b.get("/small.txt").body == b"hello\n"


def test_it_tells_every_url(root):
    with Serve(root, at="any:0") as p:
        port = p.event("listening")["port"]
        urls = p.event("serving")
        assert urls["url"].endswith(f":{port}/") and urls["dir"] == os.path.realpath(root)


def test_a_unix_socket(root, tmp_path):
    with Serve(root, at=f"unix:{tmp_path}/s") as p:
        p.event("listening")
        with Client(f"{tmp_path}/s") as c:
            assert c.get("/small.txt").body == b"hello\n" and c.get("/big.bin").body == BIG


def test_both_families(root):
    with Serve(root, at=":0") as p:
        port = p.event("listening")["port"]
        for host in ("127.0.0.1", "::1"):
            with Client((host, port)) as c:
                assert c.get("/small.txt").body == b"hello\n"


@pytest.mark.parametrize("words, status", [(["/nonexistent"], 2), (["index.html"], 2), ([".", "udp::8080"], 2), ([".", "ws://:1"], 2), ([".", ":1", "more"], 2),
                                           ([".", ":0", "--redirect", ":0"], 2), ([".", ":0", "--auth", "x"], 2)])
def test_what_cannot_be_served(words, status, root):
    done = soket("serve", *words, cwd=root)
    assert done.status == status and done.err, done


def test_threads(root):
    with Serve(root, "--threads", "4") as p:
        clients = [p.client() for _ in range(40)]
        for _ in range(5):
            for c in clients:
                c.send("GET /words.txt HTTP/1.1\r\nHost: a\r\n\r\n")
            for c in clients:
                assert c.answer().body == WORDS


def test_the_log_in_the_combined_format(root):
    with Serve(root, "--log", "combined") as p:
        p.get("/small.txt?a=1", User_Agent='x"y\\z', Referer="http://r/")
        p.get("/nothing")
        until(lambda: bytes(p.out.bytes).count(b'HTTP/1.1"') == 2, p.deadline, "two lines")
        lines = [line for line in p.out.bytes.decode().splitlines() if "HTTP/1.1" in line]
        assert re.fullmatch(r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /small\.txt\?a=1 HTTP/1\.1" 200 6 "http://r/" "x\\"y\\\\z"', lines[0])
        assert '" 404 ' in lines[1]


def test_the_log_as_json(root):
    with Serve(root, "--log", "json", "--auth", "ana:x") as p:
        p.get("/small.txt", Authorization=basic("ana", "x"))
        line = p.event("request")
        assert (line["method"], line["target"], line["status"], line["sent"], line["user"], line["remote"]) == ("GET", "/small.txt", 200, 6, "ana", "127.0.0.1")


def test_it_stops_at_once_when_nobody_asks_for_anything_and_finishes_answers(root):
    with Serve(root) as p, p.client() as idle, p.client() as busy:
        idle.get("/small.txt")
        busy.send("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        busy.until(1000)
        began = time.monotonic()
        p.send_signal(signal.SIGTERM)
        assert idle.is_over()
        busy.rest()
        assert p.wait() == 0 and time.monotonic() - began < 5


def test_rate_is_kept(root):
    with Serve(root, at="127.0.0.1:0 rate=2MB") as p:
        began = time.monotonic()
        assert p.get("/big.bin").body == BIG
        assert time.monotonic() - began > 0.3
