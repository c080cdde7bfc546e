# SPDX-License-Identifier: Apache-2.0
"""soket serve and what real clients do besides plain gets and puts: cut transfers, codings, climbing, odd names, TLS, access lists, a wire that breaks."""
import gzip
import hashlib
import json
import os
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from harness import data as pattern
from harness.certs import Certs
from harness.clock import Deadline, until
from harness.http import Client, Serve, tree
from harness.run import Program, command
from harness.services import answers, free_ports, need

pytestmark = pytest.mark.peers
MANY = 5_000_000
WORDS = b"a line that is worth compressing\n" * 3000


@pytest.fixture(scope="module")
def big():
    return pattern.whole(1, MANY)


@pytest.fixture
def root(tmp_path, big):
    return tree(tmp_path / "site", {"big.bin": big, "small.txt": "hello\n", "words.txt": WORDS, "empty": b"", "sub/deep/x.txt": "x",
                                    "sub/with space & <b>.txt": "odd", "sub/ümlaut.txt": "u", "sub/100%.txt": "p", "sub/a?b#c.txt": "q"})


@pytest.fixture
def site(root):
    with Serve(root, "--log", "json", deadline=60) as p:
        yield p


def url(p, path="/"):
    return p.event("serving")["url"].rstrip("/") + path


def curl(*words, **more):
    return command(need("curl"), "-sS", "--noproxy", "*", "--max-time", "30", *words, deadline=40, **more)


def digest(content):
    return hashlib.sha256(content).hexdigest()


# --- curl


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_curl_gets_a_file_whole(version, site, big):
    done = curl(version, "-w", "%{stderr}%{http_code} %{http_version}", url(site, "/big.bin"))
    assert done.status == 0 and digest(done.raw) == digest(big)
    assert done.err == "200 1.1"


@pytest.mark.parametrize("field, first, last", [("0-99", 0, 99), ("4999990-", 4999990, MANY - 1), ("-7", MANY - 7, MANY - 1)])
def test_curl_gets_a_range(field, first, last, site, big):
    done = curl("-r", field, url(site, "/big.bin"))
    assert done.status == 0 and done.raw == big[first:last + 1]


def test_curl_goes_on_with_a_download_that_was_cut(site, big, tmp_path):
    out = tmp_path / "got"
    out.write_bytes(big[:1_234_567])
    done = curl("-C", "-", "-o", str(out), url(site, "/big.bin"))
    assert done.status == 0 and digest(out.read_bytes()) == digest(big)
    assert site.event("request", where=lambda e: e["status"] == 206)["sent"] == MANY - 1_234_567
    again = curl("-C", "-", "-o", str(out), "-w", "%{http_code}", url(site, "/big.bin"))
    assert again.out == "416" and digest(out.read_bytes()) == digest(big), "what is complete stays as it is"


def test_curl_decodes_what_is_compressed(site):
    done = curl("--compressed", "-D", "-", url(site, "/words.txt"))
    head, _, body = done.raw.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head.lower() and body == WORDS
    plain = curl(url(site, "/words.txt"))
    assert plain.raw == WORDS


def test_curl_decodes_a_refusal(site):
    done = curl("--compressed", "-H", 'If-Match: "x"', url(site, "/words.txt"))
    assert done.status == 0 and done.raw.startswith(b"412")


def test_curl_hears_that_nothing_is_taken(site):
    done = curl("--data-binary", f"@{site.words[2]}/big.bin", "-w", "%{http_code}", "-o", "/dev/null", url(site, "/small.txt"))
    assert done.out == "405", done
    assert curl("-T", f"{site.words[2]}/small.txt", "-w", "%{http_code}", "-o", "/dev/null", url(site, "/x")).out == "405"


@pytest.mark.parametrize("path", ["/../../../etc/passwd", "/sub/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd"])
def test_curl_does_not_climb(path, site):
    done = curl("--path-as-is", "-w", "%{http_code}", url(site, path))
    assert done.out.endswith("400") and "root:" not in done.out


# --- curl uploads


@pytest.fixture
def up(tmp_path):
    with Serve(tree(tmp_path / "up", {"dir/": None}), "--upload", "--log", "json", deadline=60) as p:
        yield p


@pytest.mark.parametrize("words", [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue"), ("--http1.0",)])
def test_curl_uploads_a_file(words, up, big, tmp_path):
    (tmp_path / "from").write_bytes(big)
    done = curl(*words, "-T", str(tmp_path / "from"), "-w", "%{http_code}", url(up, "/dir/to"))
    assert done.out == "201", done
    assert digest((tmp_path / "up/dir/to").read_bytes()) == digest(big) and os.listdir(tmp_path / "up/dir") == ["to"]


def test_curl_goes_on_with_an_upload_that_was_cut(up, big, tmp_path):
    (tmp_path / "from").write_bytes(big)
    site = tmp_path / "up"
    with up.client() as c:
        c.send(b"PUT /to HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % MANY + big[:1_000_000])
        until((site / ".to.part").exists, up.deadline, "the beginning")

    def asked():
        done = curl("-X", "PUT", "-H", f"Content-Range: bytes */{MANY}", "-H", "Content-Length: 0", "-D", "-", url(up, "/to"))
        offset = [line.split(": ")[1] for line in done.out.splitlines() if line.lower().startswith("upload-offset")]
        return int(offset[0]) if " 202 " in done.out else None  # 409: the server has not seen yet that the first client is gone
    at = until(asked, up.deadline, "the offset")
    assert 0 < at <= 1_000_000
    done = curl("-C", str(at), "-T", str(tmp_path / "from"), "-w", "%{http_code}", url(up, "/to"))
    assert done.out == "201", done
    assert digest((site / "to").read_bytes()) == digest(big) and sorted(os.listdir(site)) == ["dir", "to"]


def test_curl_posts_a_form(up, big, tmp_path):
    (tmp_path / "one").write_bytes(big)
    (tmp_path / 'na"me é.txt').write_bytes(b"two")
    done = curl("-F", f"file=@{tmp_path}/one", "-F", f'file=@"{tmp_path}/na\\"me é.txt"', "-F", "note=hello", "-H", "Accept: application/json", url(up, "/dir/"))
    assert [f["name"] for f in json.loads(done.out)["files"]] == ["one", 'na"me é.txt']
    assert digest((tmp_path / "up/dir/one").read_bytes()) == digest(big) and (tmp_path / 'up/dir/na"me é.txt').read_bytes() == b"two"


def test_curl_shows_its_password(root):
    with Serve(root, "--auth", "ana:se cret") as p:
        assert curl("-u", "ana:se cret", url(p, "/small.txt")).out == "hello\n"
        assert curl("-u", "ana:wrong", "-w", "%{http_code}", "-o", "/dev/null", url(p, "/small.txt")).out == "401"
        assert curl("--anyauth", "-u", "ana:se cret", url(p, "/small.txt")).out == "hello\n"


def test_curl_over_tls_and_from_http(root, tmp_path, big):
    cert = Certs(tmp_path / "certs").server
    http = free_ports(1)[0]
    with Serve(root, "--redirect", f"127.0.0.1:{http}", at=f"tls://127.0.0.1:0 {' '.join(cert.options)}", deadline=60) as p:
        port, ca = p.event("listening")["port"], f"{tmp_path}/certs/ca.pem"
        done = curl("--cacert", ca, f"https://localhost:{port}/big.bin")
        assert done.status == 0 and digest(done.raw) == digest(big)
        answers(http, p, Deadline(10, "the redirect"))
        done = curl("--cacert", ca, "-L", "-w", "\n%{num_redirects} %{url_effective}", f"http://localhost:{http}/small.txt?a=1")
        assert done.out == f"hello\n\n1 https://localhost:{port}/small.txt?a=1", done
        assert curl(f"https://localhost:{port}/").status == 60, "an unknown CA"


def test_curl_over_a_unix_socket(root, short_path, big):
    with Serve(root, at=f"unix:{short_path}/s") as p:
        p.event("listening")
        assert digest(curl("--unix-socket", f"{short_path}/s", "http://localhost/big.bin").raw) == digest(big)


# --- wget


def wget(directory, *words):
    return command(need("wget"), "-nv", "--no-proxy", "--tries=1", "-T", "20", *words, cwd=str(directory), deadline=40)


def files_of(top):
    """Relative path: content, of all files below."""
    found = {}
    for where, _, names in os.walk(os.fsencode(top)):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, os.fsencode(top))] = f.read()
    return found


def test_wget_mirrors_a_listing(root, site, tmp_path):
    (tmp_path / "mirror").mkdir()
    done = wget(tmp_path / "mirror", "-r", "-np", "-nH", "-l", "5", "--restrict-file-names=unix,nocontrol", "-R", "index.html*", "--reject-regex", "[?]sort=",
                url(site, "/"))
    assert done.status == 0, done
    got = {k: v for k, v in files_of(tmp_path / "mirror").items() if not k.startswith(b"robots")}
    assert got == files_of(root)


def test_wget_goes_on(site, big, tmp_path):
    (tmp_path / "big.bin").write_bytes(big[:2_000_000])
    assert wget(tmp_path, "-c", url(site, "/big.bin")).status == 0
    assert digest((tmp_path / "big.bin").read_bytes()) == digest(big)
    assert site.event("request", where=lambda e: e["status"] == 206)["sent"] == MANY - 2_000_000
    assert wget(tmp_path, "-c", url(site, "/big.bin")).status == 0, "it is complete"


def test_wget_gets_only_what_is_newer(site, root, tmp_path):
    for expected in (200, 304):
        assert wget(tmp_path, "-N", url(site, "/small.txt")).status == 0
        assert site.event("request", where=lambda e, s=expected: e["status"] == s)
    os.utime(root / "small.txt", (2e9, 2e9))
    assert wget(tmp_path, "-N", url(site, "/small.txt")).status == 0
    assert len([e for e in site.events("request") if e["status"] == 200]) >= 2 and os.stat(tmp_path / "small.txt").st_mtime == 2e9


# --- Python


def test_urllib_reads_every_url_of_the_json_listing(root, site):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    seen = {}

    def walk(base):
        with opener.open(urllib.request.Request(base, headers={"Accept": "application/json"}), timeout=20) as f:
            rows = json.load(f)
        for row in rows:
            there = urllib.parse.urljoin(base, row["url"])
            if row["type"] == "directory":
                walk(there)
                continue
            with opener.open(there, timeout=20) as f:
                seen[urllib.parse.unquote(urllib.parse.urlsplit(there).path).lstrip("/").encode()] = f.read()
                assert len(f.headers.get_all("Content-Length")) == 1 and int(f.headers["Content-Length"]) == row["size"]
    walk(url(site, "/"))
    assert seen == files_of(root)


def test_urllib_hears_what_is_wrong(site):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path, code in (("/nothing", 404), ("/%zz", 400)):
        with pytest.raises(urllib.error.HTTPError) as e:
            opener.open(url(site, path), timeout=20)
        assert e.value.code == code and e.value.read().startswith(str(code).encode())


# --- behind nginx


@pytest.fixture
def proxied(root, short_path):
    """(the server with uploads, the port of an nginx in front that keeps connections to it)."""
    path = need("nginx")
    port = free_ports(1)[0]
    os.makedirs(f"{short_path}/tmp")
    temps = "".join(f"{kind}_temp_path {short_path}/tmp/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with Serve(root, "--upload", "--log", "json", deadline=60) as p:
        with open(f"{short_path}/nginx.conf", "w", encoding="ascii") as f:
            f.write(f"""daemon off; master_process off; worker_processes 1; pid {short_path}/nginx.pid; error_log {short_path}/error.log;
{"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{ access_log off; {temps}
upstream soket {{ server 127.0.0.1:{p.event("listening")["port"]}; keepalive 8; }}
server {{ listen 127.0.0.1:{port}; client_max_body_size 0;
location / {{ proxy_pass http://soket; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }} }} }}
""")
        with Program([path, "-p", short_path, "-c", f"{short_path}/nginx.conf", "-e", f"{short_path}/error.log"], deadline=60) as front:
            answers(port, front, Deadline(20, "nginx"))
            yield p, port


def test_behind_nginx_everything_is_as_without_it(proxied, big, tmp_path):
    p, port = proxied
    with Client(("127.0.0.1", port)) as c:
        for _ in range(10):
            assert c.get("/small.txt").body == b"hello\n"
            assert c.get("/big.bin").body == big
            assert c.get("/big.bin", Range="bytes=5-9").body == big[5:10]
            a = c.get("/words.txt", Accept_Encoding="gzip")
            assert gzip.decompress(a.body) == WORDS
            assert c.get("/words.txt", Accept_Encoding="gzip", If_None_Match=a["ETag"]).status == 304
            assert c.get("/nothing").status == 404 and c.get("/sub").status == 301
            assert c.get("/small.txt", method="HEAD")["Content-Length"] == "6"
    assert len({e["link"] for e in p.events("request")}) <= 8, "nginx's connections were used again"
    (tmp_path / "from").write_bytes(big)
    assert curl("-T", str(tmp_path / "from"), "-w", "%{http_code}", f"http://127.0.0.1:{port}/new").out == "201"
    assert digest((tmp_path / "site/new").read_bytes()) == digest(big)


def test_the_form_works_behind_nginx(proxied, tmp_path):
    _, port = proxied
    (tmp_path / "from").write_bytes(b"x")
    done = curl("-F", f"file=@{tmp_path}/from", "-H", f"Origin: http://127.0.0.1:{port}", "-H", "Sec-Fetch-Site: same-origin", "-L", "-w", "%{http_code}", "-o",
                "/dev/null", f"http://127.0.0.1:{port}/sub/")
    assert done.out == "200" and (tmp_path / "site/sub/from").read_bytes() == b"x"


# --- two machines


@pytest.mark.netns
@pytest.mark.parametrize("host", ["10.93.0.2", "[fd93::2]"], ids=["ipv4", "ipv6"])
def test_another_machine_gets_files(pair, host, root, big):
    with Serve(root, at="any:0", wrap=pair.b.wrap) as p:
        port = p.event("listening")["port"]
        p.event("serving", where=lambda e: e["url"] == f"http://{host}:{port}/")
        done = command(*pair.a.wrap, need("curl"), "-sSg", "--noproxy", "*", f"http://{host}:{port}/big.bin", deadline=30)
        assert done.status == 0 and digest(done.raw) == digest(big), done.err


@pytest.mark.netns
def test_another_machine_is_kept_out_unless_it_is_asked_in(pair, root):
    words = [*pair.a.wrap, need("curl"), "-sS", "--noproxy", "*", "--max-time", "10"]
    with Serve(root, at=":0", wrap=pair.b.wrap) as p:
        assert command(*words, f"http://10.93.0.2:{p.event('listening')['port']}/").status == 7, "loopback only"
    with Serve(root, "--allow", "10.93.0.1", at="any:0", wrap=pair.b.wrap) as p:
        port = p.event("listening")["port"]
        assert command(*words, f"http://10.93.0.2:{port}/small.txt").out == "hello\n"
        assert command(*words, "-g", f"http://[fd93::2]:{port}/small.txt").status in (52, 56)


@pytest.mark.netns
def test_a_client_whose_wire_breaks_is_given_up(pair, root, big):
    with Serve(root, "--idle", "1s", "--json", at="any:0", wrap=pair.b.wrap, deadline=60) as p:
        port = p.event("listening")["port"]

        def dial():
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            sock.settimeout(10)
            sock.connect(("10.93.0.2", port))
            return sock
        with pair.a.inside(dial) as sock:
            sock.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
            pair.tear()
            closed = p.event("closed")
            assert closed["how"] != "done", closed


def test_many_clients_of_many_kinds_at_once(site, big, tmp_path):
    jobs = []
    for i in range(12):
        out = str(tmp_path / f"out{i}")
        words = [need("curl"), "-sS", "--noproxy", "*", "-o", out, url(site, "/big.bin")] if i % 2 else [need("wget"), "-q", "--no-proxy", "-O", out,
                                                                                                         url(site, "/big.bin")]
        jobs.append((subprocess.Popen(words, stdin=subprocess.DEVNULL), out))
    for job, out in jobs:
        assert job.wait(50) == 0
        with open(out, "rb") as f:
            assert digest(f.read()) == digest(big)
