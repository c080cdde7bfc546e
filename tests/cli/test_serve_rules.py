# SPDX-License-Identifier: Apache-2.0
"""soket serve: what the RFCs ask for at the edges, and what may not be learned or changed."""
import gzip
import mmap
import os
import time

import pytest

from harness.clock import until
from harness.http import Serve, tree

WORDS = b"a line that is worth compressing\n" * 300
SCRIPT = b"let a = 1;\n" * 300
OLD = "Thu, 01 Jan 1998 00:00:00 GMT"
NEXT = b"GET /small.txt HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def root(tmp_path):
    return tree(tmp_path / "site", {"index.html": "<title>home</title>", "small.txt": "hello\n", "words.txt": WORDS, "app.js": SCRIPT,
                                    "app.js.gz": gzip.compress(SCRIPT), "sub/x": "1", "out": "->/etc"})


@pytest.fixture
def site(root):
    with Serve(root) as p:
        yield p


@pytest.fixture
def up(root):
    with Serve(root, "--upload") as p:
        yield p


# --- the body of a refusal is not the file


def is_plain(a):
    """The body is words, and no field says that they are something else."""
    assert a.body.startswith(str(a.status).encode()) and a["Content-Type"].startswith("text/plain")
    assert a["Content-Encoding"] is None, "the body is not coded"
    assert a["ETag"] is None and a["Last-Modified"] is None, "they are the file's"


@pytest.mark.parametrize("name, coding", [("words.txt", "identity"), ("words.txt", "gzip"), ("app.js", "gzip")])
def test_a_condition_that_fails_is_answered_in_plain_words(name, coding, site):
    a = site.get("/" + name, Accept_Encoding=coding, If_Match='"x"')
    assert a.status == 412
    is_plain(a)


def test_a_range_beyond_a_compressed_sibling_is_answered_in_plain_words(site):
    a = site.get("/app.js", Accept_Encoding="gzip", Range="bytes=99999-")
    assert a.status == 416 and a["Content-Range"] == f"bytes */{len(gzip.compress(SCRIPT))}"
    is_plain(a)


def test_parts_of_a_compressed_sibling_have_the_type_of_the_whole(site):
    whole = site.get("/app.js", Accept_Encoding="gzip")
    a = site.get("/app.js", Accept_Encoding="gzip", Range="bytes=0-0,5-6")
    assert whole["Content-Encoding"] == a["Content-Encoding"] == "gzip" and a.status == 206
    assert a.body.count(b"Content-Type: " + whole["Content-Type"].encode() + b"\r\n") == 2


# --- conditions of an upload (RFC 9110, 13.1: the method is not to be performed)


@pytest.mark.parametrize("fields", [{"If_Match": '"bogus"'}, {"If_Match": 'W/"bogus"'}, {"If_Unmodified_Since": OLD}, {"If_None_Match": "its tag"}])
def test_an_upload_whose_condition_fails_changes_nothing(fields, up, root):
    if "If_None_Match" in fields:
        fields = {"If_None_Match": up.get("/small.txt")["ETag"]}
    assert up.get("/small.txt", method="PUT", body=b"new", **fields).status == 412
    assert (root / "small.txt").read_bytes() == b"hello\n"


@pytest.mark.parametrize("field", ["*", '"x"'])
def test_an_upload_that_expects_a_file_makes_none(field, up, root):
    assert up.get("/new", method="PUT", body=b"new", If_Match=field).status == 412
    assert not (root / "new").exists()


def test_an_upload_whose_condition_holds_is_done(up, root):
    tag = up.get("/small.txt")["ETag"]
    assert up.get("/small.txt", method="PUT", body=b"1", If_Match=tag).status == 204
    assert up.get("/small.txt", method="PUT", body=b"2", If_None_Match='"other"').status == 204
    assert (root / "small.txt").read_bytes() == b"2"


def test_a_condition_of_an_upload_does_not_tell_what_is_outside(up):
    there, not_there = (up.get(f"/out/{name}", method="PUT", body=b"x", If_None_Match="*").status for name in ("passwd", "no-such-name"))
    assert there == not_there == 403


# --- what is between two requests


TRAILERS = {
    "a bare LF": b"0\n\r\n", "a bare LF at the end": b"0\r\n\n", "a bare LF behind a field": b"0\r\nX: y\n\r\n", "a blank before the colon": b"0\r\nX : y\r\n\r\n",
    "a folded field": b"0\r\nX: a\r\n b\r\n\r\n", "a NUL": b"0\r\nX: a\0b\r\n\r\n", "no colon": b"0\r\nnonsense\r\n\r\n", "a bare CR": b"0\r\nX: a\rY: b\r\n\r\n",
}


@pytest.mark.parametrize("case", TRAILERS)
def test_malformed_trailers_are_refused(case, up, root):
    with up.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" + TRAILERS[case] + NEXT)
        a = c.answer()
        assert a.status == 400 and a["Connection"] == "close" and c.is_over(), a
    assert not (root / "f").exists()


def test_good_trailers_are_passed_over(up, root):
    with up.client() as c:
        c.send(b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=b\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\n\r\n" + NEXT)
        assert c.answer().status == 201 and c.answer().body == b"hello\n"
    assert (root / "f").read_bytes() == b"hello"


@pytest.mark.parametrize("pieces", [[b"\r\n" + NEXT], [b"\r", b"\n" + NEXT], [b"\r\n", NEXT]],
                         ids=["together", "within", "behind"])
def test_an_empty_line_before_a_request_in_pieces(pieces, site):
    with site.client() as c:
        for piece in pieces:
            c.send(piece)
            time.sleep(0.05)  # a piece by itself
        assert c.answer().body == b"hello\n"


def test_answers_of_every_kind_stay_in_step(site):
    requests = [("GET", "/small.txt", ""), ("HEAD", "/words.txt", ""), ("GET", "/nothing", ""), ("OPTIONS", "*", ""), ("GET", "/small.txt", "Range: bytes=99-\r\n"),
                ("GET", "/small.txt", "Range: bytes=1-2\r\n"), ("GET", "/small.txt", "If-None-Match: *\r\n"), ("DELETE", "/x", ""), ("GET", "/sub/", ""),
                ("GET", "/words.txt", "Accept-Encoding: gzip\r\n"), ("HEAD", "/words.txt", "Accept-Encoding: gzip\r\n"), ("GET", "/sub", ""),
                ("HEAD", "/sub/", ""), ("HEAD", "/nothing", ""), ("GET", "/words.txt", "Range: bytes=0-1,5-9\r\n"), ("HEAD", "/small.txt", "If-None-Match: *\r\n")]
    expected = [200, 200, 404, 204, 416, 206, 304, 405, 200, 200, 200, 301, 200, 404, 206, 304]
    with site.client() as c:
        c.send("".join(f"{m} {t} HTTP/1.1\r\nHost: a\r\n{f}\r\n" for m, t, f in requests) * 70)
        for _ in range(70):
            assert [c.answer(m).status for m, _, _ in requests] == expected


# --- targets and fields


def test_an_absolute_target_with_a_query_and_no_path_is_the_root(site):
    assert site.get("http://localhost?a=/small.txt").body == b"<title>home</title>"


def test_an_absolute_target_without_a_host_is_refused(site):
    assert site.get("http:///small.txt").status == 400


def send_lines(p, *lines):
    with p.client() as c:
        c.send("\r\n".join(["GET /words.txt HTTP/1.1", "Host: a", *lines, "", ""]))
        return c.answer()


def test_a_list_may_be_in_several_lines(site):
    tag = site.get("/words.txt")["ETag"]
    assert send_lines(site, 'If-None-Match: "x"', f"If-None-Match: {tag}").status == 304
    assert send_lines(site, 'If-Match: "x"', f"If-Match: {tag}").status == 200
    assert send_lines(site, "Accept-Encoding: br", "Accept-Encoding: gzip")["Content-Encoding"] == "gzip"


def test_a_weight_may_have_blanks_before_it(site):
    assert site.get("/words.txt", Accept_Encoding="gzip ; q=0")["Content-Encoding"] is None
    assert site.get("/words.txt", Accept_Encoding="gzip ; q=0.5")["Content-Encoding"] == "gzip"


def test_an_upgrade_that_is_not_spoken_is_passed_over(site):
    with site.client() as c:
        c.send("GET /small.txt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n")
        c.send(NEXT)
        assert c.answer().body == b"hello\n" and c.answer().body == b"hello\n"


def test_connect_opens_nothing(site):
    with site.client() as c:
        c.send(b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n" + NEXT)
        a = c.answer()
        assert a.status in (400, 405) and a["Connection"] == "close" and c.is_over()


MALFORMED = {"no digits": "/%zz", "climbs": "/../x", "long": "/" + "a/" * 3000}


@pytest.mark.parametrize("target", ["/nothing", "/out/passwd", "/small.txt/", *(pytest.param(MALFORMED[c], id=c) for c in MALFORMED)])
def test_refusals_too_have_the_fields_of_the_command_line(target, root):
    with Serve(root, "--cors", "--header", "X-A: b") as p:
        a = p.get(target, Origin="http://x")
        assert a.status >= 400 and a["X-A"] == "b" and a["Access-Control-Allow-Origin"] == "*", a


def test_a_refusal_with_uploads_names_the_methods_that_it_allows(up):
    a = up.get("/small.txt", method="DELETE")
    assert a.status == 405 and a["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"


# --- links


def test_a_relative_link_that_stays_inside_is_followed(root, site):
    os.symlink("../small.txt", root / "sub" / "up")
    assert site.get("/sub/up").body == b"hello\n"


def test_an_absolute_link_that_stays_inside_is_followed(root, site):
    os.symlink(root / "small.txt", root / "absolute")
    assert site.get("/absolute").body == b"hello\n"


@pytest.mark.parametrize("target", ["loop", "/etc/passwd", "../../etc/passwd", "/proc/self/cwd/../../etc/passwd", "/proc/self/root/etc/passwd", "/dev/stdin"])
def test_links_that_lead_nowhere_good(target, root, site):
    os.symlink(target, root / "loop")
    a = site.get("/loop")
    assert a.status == 403 and b"root:" not in a.body


def test_a_file_that_becomes_a_link_outwards_is_refused_at_once(root, site):
    path = root / "small.txt"
    for _ in range(3):
        assert site.get("/small.txt").status == 200
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert site.get("/small.txt").status == 403
    path.unlink()
    path.mkdir()
    assert site.get("/small.txt").status == 301


# --- tags and what is kept


def test_a_tag_is_another_one_when_the_content_is(root, site):
    path = root / "small.txt"
    before = os.stat(path)
    tag = site.get("/small.txt")["ETag"]
    path.write_bytes(b"HELLO\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as cp -p and rsync -a do
    a = site.get("/small.txt", If_None_Match=tag)
    assert a.status == 200 and a.body == b"HELLO\n"


def test_what_a_program_writes_by_mmap_is_seen(root, site):
    path = root / "mapped"
    path.write_bytes(b"a" * 1000)
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 1000) as m:
        m[0] = ord("b")
        time.sleep(0.3)  # the file has settled
        assert site.get("/mapped").body[:1] == b"b" and site.get("/mapped").body[:1] == b"b"
        m[0] = ord("c")
        assert site.get("/mapped").body[:1] == b"c"


def test_a_text_that_shrinks_while_it_is_compressed_does_not_end_well(root, site):
    content = os.urandom(8 << 20).hex().encode()
    (root / "large.txt").write_bytes(content)
    with site.client() as c:
        c.send("GET /large.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        assert c.head()[0] == 200
        c.until(1000)
        os.truncate(root / "large.txt", 1 << 20)
        try:
            rest = c.rest()
        except ConnectionResetError:
            rest = b""
        assert not rest.endswith(b"0\r\n\r\n"), "it looks whole"


# --- the log


def lines_of(p, n):
    until(lambda: bytes(p.out.bytes).count(b'HTTP/1.1"') >= n, p.deadline, f"{n} lines")
    return [line for line in bytes(p.out.bytes).splitlines() if b'HTTP/1.1"' in line]


@pytest.mark.parametrize("agent, logged", [
    ("plain", b'"plain"'), ("a\tb", b'"a\\x09b"'), ("\u009b31m", b'"\\xc2\\x9b31m"'), ("\udcff", b'"\\xff"')])
def test_what_a_client_says_cannot_command_the_terminal(agent, logged, root):
    with Serve(root, "--log", "combined") as p:
        p.get("/small.txt", User_Agent=agent)
        assert lines_of(p, 1)[0].endswith(logged)


def test_a_download_that_is_cut_is_logged(root):
    (root / "big").write_bytes(b"x" * (30 << 20))
    with Serve(root, "--log", "combined", deadline=6) as p:
        with p.client() as c:
            c.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            c.until(5000)
        line = lines_of(p, 1)[0]
        assert b'"GET /big HTTP/1.1" 200 ' in line and b" 31457280 " not in line


def test_the_log_tells_the_bytes_of_every_kind_of_answer(root):
    with Serve(root, "--log", "combined") as p:
        with p.client() as c:
            sizes = [len(c.get(t, method=m, **f).body) for t, m, f in (
                ("/words.txt", "GET", {}), ("/words.txt", "HEAD", {}), ("/words.txt", "GET", {"Accept_Encoding": "gzip"}), ("/words.txt", "GET", {"Range": "bytes=5-9"}),
                ("/words.txt", "GET", {"If_None_Match": "*"}), ("/sub/", "GET", {}))]
        logged = [line.split(b'HTTP/1.1" ')[1].split()[1] for line in lines_of(p, 6)]
        assert logged == [str(n).encode() if n else b"-" for n in sizes]


@pytest.mark.parametrize("what", ["a link outwards", "a dangling link", "a pipe"])
def test_an_upload_that_wants_to_replace_nothing_replaces_nothing(what, up, root):
    if what == "a pipe":
        os.mkfifo(root / "there")
    else:
        os.symlink("/etc/passwd" if what == "a link outwards" else "nowhere", root / "there")
    before = os.lstat(root / "there")
    assert up.get("/there", method="PUT", body=b"new", If_None_Match="*").status in (403, 412)
    assert os.lstat(root / "there").st_ino == before.st_ino


def test_an_absolute_link_to_a_directory_inside_is_a_directory(root, site):
    os.symlink(root / "sub", root / "absolute")
    assert site.get("/absolute").status == 301 and site.get("/absolute/x").body == b"1"
    a = site.get("/absolute/")
    assert a.status == 200 and 'href="./x"' in a.text
    assert site.get("/absolute/nothing").status == 404


def test_an_absolute_link_to_a_directory_inside_is_listed_as_one(root):
    os.symlink(root / "sub", root / "absolute")
    (root / "index.html").unlink()
    with Serve(root) as p:
        assert 'href="./absolute/"' in p.get("/").text
