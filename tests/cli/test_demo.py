# SPDX-License-Identifier: Apache-2.0
"""soket demo: a service, a relay in front of it, a client through both."""
import os
import re
import signal
import socket

import pytest

from harness.clock import Deadline
from harness.ends import dial_tcp, round_trip
from harness.page import Page, need_page
from harness.run import Soket, soket


def started(*words):
    """A demo that has shown its command to try: (program, the ports that something listens on)."""
    p = Soket("demo", *words)
    p.out.wait(lambda r: re.search(rb"soket (connect|explain)", r.bytes), p.deadline, "the command to try")
    return p, [
        int(block.group(1)) for block in re.finditer(r"tcp://127\.0\.0\.1:(\d+)\n(?:.+\n)*? +role +listens",
                                                     p.out.text())]


def test_it_shows_a_service_a_relay_and_what_went_through():
    p, ports = started()
    text = p.out.text()
    assert len(set(ports)) >= 2, text
    assert re.search(r"echo", text, re.I) and re.search(r"relay", text, re.I) and re.search(r"client", text, re.I)
    assert re.search(r"dynamic|private|user|registered", text), "the port class is told"
    assert re.search(r"listen", text, re.I), "roles are told"
    assert re.search(r"\d[\d.,]* ?([KMG]i?B|bytes?)", text) and re.search(r"\d[\d.]* ?(ns|µs|us|ms)", text)
    p.stop(signal.SIGINT)


def test_everything_it_started_serves_until_ctrl_c_and_then_it_sums_up():
    p, ports = started()
    for port in ports:
        with dial_tcp(("127.0.0.1", port), p.deadline) as end:
            round_trip(end, b"hello from another terminal", p.deadline)
    before = len(p.out.bytes) + len(p.err.bytes)
    assert p.stop(signal.SIGINT) == 0
    assert len(p.out.bytes) + len(p.err.bytes) > before, "no summary"
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            dial_tcp(("127.0.0.1", port), p.deadline)


def test_two_demos_run_side_by_side():
    first, ports_first = started()
    second, ports_second = started()
    assert not set(ports_first) & set(ports_second)
    for p in (first, second):
        assert p.stop(signal.SIGINT) == 0


def test_the_command_it_offers_works():
    p, _ = started()
    line = re.search(r"soket connect (\S+)", p.out.text())
    assert line, p.out.text()
    done = soket("connect", line.group(1), stdin=b"typed\n")
    assert (done.status, done.out) == (0, "typed\n")
    p.stop(signal.SIGINT)


def test_no_escape_sequence_reaches_a_pipe():
    p, _ = started()
    p.stop(signal.SIGINT)
    assert b"\x1b" not in p.out.bytes and b"\x1b" not in p.err.bytes


def started_json(**options):
    p = Soket("demo", "--json", **options)
    return p, p.event("demo")


def ends_of(url):
    host, port = re.match(r"\w+://([\d.]+):(\d+)", url).groups()
    return host, int(port)


def test_the_udp_echo_answers():
    p, demo = started_json()
    assert 0 < demo["udp_round_trip_min_ns"] <= demo["udp_round_trip_median_ns"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(p.deadline.left())
        s.connect(ends_of(demo["udp_echo"]))
        s.send(b"hello")
        assert s.recv(100) == b"hello"
    assert p.stop(signal.SIGINT) == 0


class DemoPage(Page):
    """The page as the demo offers it: through its relay."""

    def __init__(self, program, demo):
        self.program = program
        self.url = demo["page"]
        self.own = self.address = ends_of(self.url)
        self.token = self.url.rstrip("/").rsplit("/", 1)[1]


def test_the_page_through_the_relay_shows_both_links_of_the_chain():
    need_page()
    p, demo = started_json()
    page = DemoPage(p, demo)
    assert page.own == ends_of(demo["web_relay"]) != ends_of(demo["web"])
    with page.events(want="hello,socket,links") as events:
        hello = events.until("hello")
        this = events.until("socket", lambda e: e["chain"])
        links = events.until("links", lambda e: sum(r["this"] for r in e["links"]) == 2)
    assert hello["page"] == "demo" and hello["pid"] == p.pid
    assert this["peer"]["process"]["pid"] == p.pid, "the relay is in between"
    rows = {r["id"]: r for r in links["links"]}
    outer, inner = rows[this["chain"][0]], rows[this["id"]]
    assert len(this["chain"]) == 1 and outer["this"] and inner["this"]
    assert outer["kind"] == "link" and outer["from"].endswith(f":{events.local[1]}") and outer["to"] == demo["web"]
    assert inner["kind"] == "served" and inner["from"] == f"tcp://{this['peer']['ip']}:{this['peer']['port']}"
    assert page.request("POST", f"links/{outer['id']}/end")[0] in (204, 404)
    assert p.stop(signal.SIGINT) == 0


def test_a_link_of_the_chain_can_be_ended():
    need_page()
    p, demo = started_json()
    page = DemoPage(p, demo)
    with page.events(want="socket") as events:
        link = events.until("socket", lambda e: e["chain"])["chain"][0]
        assert page.end(link) == 204
        assert events.one() is None or events.seen[-1][0] == "socket"
    assert p.stop(signal.SIGINT) == 0


def test_the_web_server_has_files_and_its_directory_goes_with_it(tmp_path):
    need_page()
    env = {**os.environ, "TMPDIR": str(tmp_path), "LC_ALL": "C.UTF-8"}
    p, demo = started_json(env=env)
    assert demo["fetch_bytes"] == 32 * 1024 * 1024 and demo["fetch_duration_ns"] > 0
    made = list(tmp_path.iterdir())
    assert len(made) == 1 and {f.name for f in made[0].iterdir()} == {"index.html", "zeros"}
    page = DemoPage(p, demo)
    for through in (demo["web"], demo["web_relay"]):
        page.address = ends_of(through)
        status, headers, body = page.request("GET", "/", whole=True)
        assert status == 200 and b"A file that soket serves" in body and "Content-Security-Policy" not in headers
        assert page.request("GET", "/zeros", {"Range": "bytes=1-3"}, whole=True)[::2] == (206, b"\0\0\0")
        assert page.request("GET", "/../etc/passwd", whole=True)[0] in (400, 404)
        assert page.get("hello")[0] == 200
    assert p.stop(signal.SIGTERM) == 0
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path):
    need_page()
    missing = tmp_path / "missing"
    done = soket("demo", env={**os.environ, "TMPDIR": str(missing), "LC_ALL": "C.UTF-8"}, deadline=20)
    assert done.status == 1 and "TMPDIR" in done.err


def test_ctrl_c_ends_it_with_pages_open():
    need_page()
    p, demo = started_json()
    readers = [DemoPage(p, demo).events() for _ in range(3)]
    for r in readers:
        r.until("links")
    p.send_signal(signal.SIGINT)
    assert p.wait(Deadline(5, "the end")) == 0
