# SPDX-License-Identifier: Apache-2.0
"""soket serve and the clients that people use: curl, wget, Python, nginx in front of it, another machine."""
import os
import re
import shutil
import subprocess
import urllib.request

import pytest

from harness.http import Serve, tree
from harness.run import Program, command
from harness.services import answers, free_ports, need

BIG = bytes(range(256)) * 20_000
TREE = {"index.html": '<a href="a%20b.txt">x</a> <a href="sub/">y</a>', "a b.txt": "one\n", "sub/c.txt": "two\n" * 500, "sub/d & e.bin": BIG, "big.bin": BIG}


@pytest.fixture
def site(tmp_path):
    root = tree(tmp_path / "site", TREE)
    with Serve(root, "--upload", deadline=60) as p:
        p.root, p.url = root, p.event("serving")["url"].rstrip("/")
        yield p


def curl(*words, **more):
    need("curl")
    done = command("curl", "-sS", "--noproxy", "*", "--max-time", "20", *words, deadline=30, **more)
    assert done.status == 0, done
    return done


def test_curl_gets_files_and_parts_of_them(site, tmp_path):
    out = tmp_path / "out"
    curl("-o", str(out), site.url + "/big.bin")
    assert out.read_bytes() == BIG
    out.write_bytes(BIG[:100_000])
    curl("-C", "-", "-o", str(out), site.url + "/big.bin")
    assert out.read_bytes() == BIG
    assert curl("-r", "0-4,-3", site.url + "/sub/c.txt").raw.count(b"Content-Range") == 2
    assert curl("--compressed", site.url + "/sub/c.txt").out == TREE["sub/c.txt"]
    assert curl("--http1.0", site.url + "/a%20b.txt").out == "one\n"
    assert curl("-I", site.url + "/big.bin").out.startswith("HTTP/1.1 200 OK")
    assert curl("-L", "-o", os.devnull, "-w", "%{http_code} %{num_redirects}", site.url + "/sub").out == "200 1"


def test_curl_uses_one_connection_for_many_files(site):
    done = curl("-o", os.devnull, "-o", os.devnull, "-o", os.devnull, "-w", "%{num_connects} ", *[site.url + p for p in ("/big.bin", "/a%20b.txt", "/nothing")])
    assert done.out.split() == ["1", "0", "0"]


def test_curl_asks_whether_it_changed(site, tmp_path):
    etag = tmp_path / "etag"
    curl("--etag-save", str(etag), "-o", os.devnull, site.url + "/big.bin")
    assert curl("--etag-compare", str(etag), "-o", os.devnull, "-w", "%{http_code}", site.url + "/big.bin").out == "304"
    assert curl("-z", str(site.root / "big.bin"), "-o", os.devnull, "-w", "%{http_code}", site.url + "/big.bin").out == "304"


def test_curl_uploads_and_goes_on(site, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(BIG)
    assert curl("-T", str(source), "-w", "%{http_code}", site.url + "/up.bin").out == "201"
    assert (site.root / "up.bin").read_bytes() == BIG
    assert curl("-T", "-", "-w", "%{http_code}", site.url + "/piped", stdin=b"from a pipe").out == "201"
    assert (site.root / "piped").read_bytes() == b"from a pipe"
    # its first part, then the rest as curl -C does it
    part = tmp_path / "part"
    part.write_bytes(BIG[:100_000])
    assert curl("-X", "PUT", "--data-binary", f"@{part}", "-H", f"Content-Range: bytes 0-99999/{len(BIG)}", "-w", "%{http_code}", site.url + "/again.bin").out == "202"
    assert curl("-C", "100000", "-T", str(source), "-w", "%{http_code}", site.url + "/again.bin").out == "201"
    assert (site.root / "again.bin").read_bytes() == BIG


def test_curl_fills_in_a_form(site, tmp_path):
    (tmp_path / "n; m.txt").write_text("x" * 100_000)
    assert curl("-F", f'a=@"{tmp_path}/n; m.txt"', "-F", "b=text", "-F", f"c=@{site.root}/a b.txt;filename=d.txt", "-o", os.devnull, "-w", "%{http_code}", site.url + "/sub/").out == "303"
    assert (site.root / "sub" / "n; m.txt").read_text() == "x" * 100_000 and (site.root / "sub" / "d.txt").read_text() == "one\n"


def test_wget_mirrors_and_goes_on(site, tmp_path):
    need("wget")
    where = tmp_path / "mirror"
    where.mkdir()
    done = command("wget", "-q", "--no-proxy", "-T", "15", "-t", "2", "-r", "-np", "-nH", site.url + "/", cwd=str(where), deadline=40)
    assert done.status == 0, done
    for name in ("a b.txt", "sub/c.txt", "sub/d & e.bin"):
        assert (where / name).read_bytes() == (site.root / name).read_bytes(), name
    (where / "big.bin").write_bytes(BIG[:1_000_000])
    assert command("wget", "-q", "--no-proxy", "-c", site.url + "/big.bin", cwd=str(where), deadline=30).status == 0
    assert (where / "big.bin").read_bytes() == BIG


def test_pythons_own_client(site):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(site.url + "/sub/", timeout=10) as a:
        names = re.findall(r'href="\./([^"]+)"', a.read().decode())
    for name in names:
        with opener.open(f"{site.url}/sub/{name}", timeout=10) as a:
            assert a.status == 200 and a.read()
    assert names


def test_behind_nginx(site, tmp_path):
    need("nginx")
    (port,) = free_ports(1)
    conf = tmp_path / "nginx.conf"
    conf.write_text(f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\nevents {{}}\nhttp {{ access_log off; client_max_body_size 0;\n"
                    f" client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;\n"
                    f" upstream soket {{ server {site.url.split('//')[1]}; keepalive 4; }}\n"
                    f" server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://soket; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_request_buffering off; }} }} }}\n")
    with Program(["nginx", "-e", str(tmp_path / "error.log"), "-c", str(conf)], deadline=40) as p:
        answers(port, p, p.deadline)
        url = f"http://127.0.0.1:{port}"
        for _ in range(5):
            assert curl(url + "/big.bin").raw == BIG
        assert curl("-r", "5-9", url + "/big.bin").raw == BIG[5:10]
        assert curl("--compressed", url + "/sub/c.txt").out == TREE["sub/c.txt"]
        assert curl("-T", "-", "-H", "Transfer-Encoding: chunked", "-w", "%{http_code}", url + "/through", stdin=b"x" * 300_000).out == "201"
        assert (site.root / "through").read_bytes() == b"x" * 300_000


@pytest.mark.netns
def test_another_machine_reads_and_writes(pair, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    root = tree(tmp_path / "site", TREE)
    with Serve(root, "--upload", "--auth", "ana:x", at="any:0", wrap=pair.b.wrap, deadline=60) as p:
        port = p.event("listening")["port"]
        for host in ("10.93.0.2", "[fd93::2]"):
            done = subprocess.run([*pair.a.wrap, "curl", "-sS", "--max-time", "20", "-u", "ana:x", f"http://{host}:{port}/big.bin"], capture_output=True, timeout=30)
            assert done.stdout == BIG, done.stderr
            done = subprocess.run([*pair.a.wrap, "curl", "-sS", "--max-time", "20", "-u", "ana:x", "-T", str(root / "big.bin"), f"http://{host}:{port}/copy"], capture_output=True, timeout=30)
            assert (root / "copy").read_bytes() == BIG, done.stderr
            done = subprocess.run([*pair.a.wrap, "curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", f"http://{host}:{port}/big.bin"], capture_output=True, timeout=30)
            assert done.stdout == b"401"
