# SPDX-License-Identifier: Apache-2.0
"""A real browser, by playwright-core: the live page, and the pages that soket serves."""
import json
import os
import re
import shutil
import socket
import subprocess

import pytest

from harness.ends import EchoServer, dial_tcp
from harness.http import Serve, tree
from harness.page import need_page
from harness.run import ROOT, Soket, soket

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


def browse(scenario, url, **options):
    program = next((p for p in map(shutil.which, BROWSERS) if p), None)
    if not program:
        pytest.skip("no Chromium is installed")
    if not shutil.which("node") or not os.path.isdir(f"{ROOT}/page/node_modules/playwright-core"):
        pytest.skip("playwright-core is not there: run npm ci in page/")
    done = subprocess.run(["node", f"{ROOT}/tests/page/browser.mjs", scenario, url, program, json.dumps(options)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen.pop("trouble") == [], "the browser's console complains"
    return seen


TITLES = {"en-US": ("The socket that this page came through", "What is a socket?"), "id-ID": ("Socket yang dilalui halaman ini", "Apa itu socket?")}


@pytest.mark.parametrize("locale, width, dark", [("en-US", 1280, False), ("id-ID", 360, True), ("en-US", 768, True)])
def test_every_section_of_the_live_page(locale, width, dark):
    need_page()
    with Soket("view", "--json", deadline=100) as p:
        url = p.event("view")["url"]
        seen = browse("sections", url, locale=locale, width=width, dark=dark)
        port = re.search(r":(\d+)/", url)[1]
        assert (seen["title"]["socket"], seen["title"]["learn"]) == TITLES[locale] and seen["lang"] == locale[:2]
        assert set(seen["wide"].values()) == {0}, "it scrolls sideways"
        assert seen["ends"][1] == f"127.0.0.1:{port}" and seen["ends"][0] != seen["ends"][1]
        assert seen["life"] == ["SYN", "SYN + ACK", "ACK", "GET /hello", "200", "FIN", "FIN + ACK"]
        assert port in seen["ports"] and any("chrom" in c for c in seen["map"])


def test_the_page_shows_its_own_socket_as_ss_sees_it():
    need_page()
    with Soket("view", "--json", deadline=60) as p:
        url = p.event("view")["url"]
        port = re.search(r":(\d+)/", url)[1]
        browser = subprocess.Popen(["true"])
        browser.wait()
        seen = browse("numbers", url, wait=500)
        assert seen["state"] == "ESTABLISHED" and f"process {p.pid}" in seen["processes"][1] and "chrom" in seen["processes"][0]
        assert seen["ends"][1] == f"127.0.0.1:{port}"


def test_through_a_relay_the_page_shows_both_links():
    need_page()
    with Soket("demo", "--json", deadline=90) as p:
        seen = browse("numbers", p.event("demo")["page"], wait=2500)
        assert len(seen["chain"]) >= 2, seen


def test_a_link_is_ended_by_a_click():
    need_page()
    with EchoServer() as server, Soket("link", "127.0.0.1:0", server.endpoint, "--view", "--json", deadline=60) as p:
        with dial_tcp(p.address(), p.deadline) as client:
            client.sock.sendall(b"x")
            assert client.sock.recv(1) == b"x"
            own = "%s:%d" % client.sock.getsockname()[:2]
            seen = browse("end", p.event("view")["url"], link=own)
            assert not any(own in f for f in seen["left"])
            client.sock.settimeout(5)
            try:
                assert client.sock.recv(1) == b""
            except ConnectionResetError:
                pass


def test_filters_are_those_of_the_command():
    need_page()
    with socket.create_server(("127.0.0.1", 0)) as s, Soket("view", "--json", deadline=60) as p:
        port = s.getsockname()[1]
        bad, expected = "prot=tcp", soket("ports", "prot=tcp")
        seen = browse("filter", p.event("view")["url"], bad=bad, good=f"port={port}", n=1)
        assert expected.status == 2 and seen["ports"] == [str(port)]
        assert re.sub(r"^soket: ", "", expected.err.splitlines()[0]) in seen["said"]


def test_the_page_by_keyboard_and_in_another_language():
    need_page()
    with Soket("view", "--json", deadline=60) as p:
        seen = browse("keyboard", p.event("view")["url"])
        assert seen["title"] == seen["again"] == TITLES["id-ID"][0]
        assert seen["second"] == "tab-links" and seen["last"] == ["tab-learn", "true"]


def test_a_page_and_its_listing_and_an_upload(tmp_path):
    site = tree(tmp_path / "site", {"sub/x.txt": "x", "a.txt": "1234567890"})
    (tmp_path / "naïve & <b>.txt").write_text("up")
    with Serve(site, "--upload", deadline=60) as p:
        url = p.event("serving")["url"]
        seen = browse("listing", url, files=[str(tmp_path / "naïve & <b>.txt")], name="naïve & <b>.txt", width=360)
        assert seen["wide"] == 0 and "naïve & <b>.txt" in seen["before"]
        assert seen["after"].index("naïve & <b>.txt") < seen["after"].index("a.txt")
    assert (site / "naïve & <b>.txt").read_text() == "up"


def test_a_page_over_tls(tmp_path):
    tree(tmp_path, {"index.html": "<title>secure</title><link rel=icon href=data:,>hello"})
    with Serve(tmp_path, at="tls://127.0.0.1:0", deadline=60) as p:
        assert browse("load", p.event("serving")["url"]) == {"status": 200, "title": "secure", "text": "hello"}


def test_a_video_is_sought_by_ranges(tmp_path):
    tree(tmp_path, {"index.html": "<link rel=icon href=data:,><video src=clip.webm preload=metadata muted></video>"})
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=12", "-vf", "noise=alls=90:allf=t", "-c:v", "libvpx", "-b:v", "6M", "-deadline", "realtime",
                    "-cpu-used", "8", str(tmp_path / "clip.webm")], check=True, timeout=80, stdin=subprocess.DEVNULL)
    assert os.path.getsize(tmp_path / "clip.webm") > 3 << 20
    with Serve(tmp_path, "--log", "json", deadline=90) as p:
        seen = browse("video", p.event("serving")["url"], name="clip.webm")
        at, length, ready = seen["at"]
        assert abs(at - length * 0.9) < 1 and ready >= 2
        ranges = [r for r in seen["asked"] if r]
        assert any(not r.startswith("bytes=0-") for r in ranges), seen
        assert {e["status"] for e in p.events("request") if e["target"] == "/clip.webm"} <= {200, 206, 304}
