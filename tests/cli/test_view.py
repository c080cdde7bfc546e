# SPDX-License-Identifier: Apache-2.0
"""The live page's server: who may ask, what is told, and that nothing it does disturbs what it shows. page/PROTOCOL.md"""
import gzip
import http.client
import json
import os
import signal
import socket
import time

import pytest

from harness.clock import Deadline, until
from harness.ends import dial_tcp, round_trip
from harness.page import Page, need_page, silent
from harness.rights import as_nobody
from harness.run import Program, Soket, command, soket


@pytest.fixture(autouse=True)
def page_is_there():
    need_page()


def view(*words, **options):
    p = Soket("view", "--json", *words, **options)
    return Page(p)


def linked(*words, **options):
    """A relay to echo: with the page."""
    p = Soket("link", "--json", "--view", *words, "tcp://127.0.0.1:0", "echo:", **options)
    return Page(p)


# --- who may ask

def test_the_page_has_its_headers_and_both_forms():
    page = view()
    status, headers, body = page.get("")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and b"<" in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    status, packed, content = page.get("", **{"Accept-Encoding": "gzip"})
    assert (status, packed["Content-Encoding"]) == (200, "gzip") and gzip.decompress(content) == body
    assert page.get("", **{"If-None-Match": packed["ETag"], "Accept-Encoding": "gzip"})[0] == 304
    status, headers, nothing = page.request("HEAD", "")
    assert (status, nothing) == (200, b"") and int(headers["Content-Length"]) == len(body)


def test_nothing_is_there_without_the_token():
    page = view()
    token = page.token
    assert len(token) == 32 and set(token) <= set("0123456789abcdef")
    for path in ("/", "/events", f"/{token}", f"/{token[:-1]}/", f"/{token}0/", f"/{token.upper()}x/", f"/{'0' * 32}/", "//",
                 f"//{token}/", f"/./{token}/", f"/%{ord(token[0]):x}{token[1:]}/", f"/{token}/nope", f"/{token}/../{token}/"):
        assert page.request("GET", path, whole=True)[0] == 404, path
    assert page.request("POST", f"/{'0' * 32}/links/1/end", whole=True)[0] == 404


def test_the_token_is_new_each_time():
    assert view().token != view().token


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "10.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example"])
def test_a_name_that_somebody_elses_dns_leads_here_is_refused(host):
    page = view()
    for path in ("", "events", "hello"):
        assert page.get(path, Host=host)[0] == 421


def test_names_of_this_machine_are_hosts_with_any_port():
    page = view()
    for host in ("localhost", "127.0.0.1", "[::1]", f"localhost:{page.own[1]}", "127.0.0.1:1", "LOCALHOST:80"):
        assert page.get("hello", Host=host)[0] == 200, host


def test_other_pages_cannot_end_links():
    page = linked()
    with dial_tcp(page.program.address(), page.deadline) as client:
        round_trip(client, b"x", page.deadline)
        link = page.program.event("opened")["link"]
        own = f"http://{page.own[0]}:{page.own[1]}"
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": f"{own}0"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}, {"Origin": own, "Sec-Fetch-Site": "cross-site"}):
            assert page.end(link, **headers) == 403, headers
        assert page.request("GET", f"links/{link}/end")[0] == 405
        round_trip(client, b"still here", page.deadline)
        assert page.end(link, **{"Origin": own, "Sec-Fetch-Site": "same-origin"}) == 204


def test_methods_and_words_that_are_not_known_have_clear_answers():
    page = view()
    for method, path, status in (("POST", "", 405), ("PUT", "events", 405), ("DELETE", "links/1/end", 405), ("POST", "links/0/end", 404),
                                 ("POST", "links/-1/end", 404), ("POST", "links/99999999999999999999/end", 404),
                                 ("POST", "links/x/end", 404), ("POST", "links//end", 405), ("GET", "links", 404), ("HEAD", "events", 200)):
        assert page.request(method, path)[0] == status, (method, path)


# --- what is told

def test_the_socket_is_the_one_that_the_events_come_through():
    page = view()
    with page.events(want="hello,socket") as events:
        hello, this = events.until("hello"), events.until("socket")
    assert hello["pid"] == page.program.pid and hello["page"] == "view" and hello["command"].startswith("view")
    assert (this["peer"]["ip"], this["peer"]["port"]) == events.local
    assert (this["local"]["ip"], this["local"]["port"]) == page.own
    assert this["peer"]["process"]["pid"] == os.getpid() and this["local"]["process"]["pid"] == page.program.pid
    assert this["state"] == "established" and this["rtt_ns"] > 0 and this["sent"] > 0 and this["received"] > 0
    assert this["chain"] == [] and this["tls"] is None and this["requests"] == 1


def test_the_socket_is_as_ss_sees_it():
    page = view()
    with page.events(want="socket") as events:
        for _ in range(4):
            events.until("socket")
        seen = command("ss", "-tinH", "src", f"{page.own[0]}:{page.own[1]}", "dst", f"{events.local[0]}:{events.local[1]}").out
        this = events.until("socket")
    words = dict(w.split(":", 1) for w in seen.split() if ":" in w and "." not in w.split(":")[0])
    assert seen.startswith("ESTAB") and this["congestion"] in seen.split()
    assert this["mss"] == int(words["mss"]) and this["cwnd"] == int(words["cwnd"])
    assert this["received"] == int(words["bytes_received"])
    assert this["sent"] >= int(words["bytes_sent"]) > 0
    assert this["age_ns"] >= 3_000_000_000


def test_ports_and_flows_are_what_the_commands_print():
    page = linked()
    port = page.program.port()
    with dial_tcp(page.program.address(), page.deadline) as client:
        round_trip(client, b"x" * 5000, page.deadline)
        with page.events(ports=f"{port}", flows=f"port={port}", want="ports,flows") as events:
            ports, flows = events.until("ports"), events.until("flows", lambda e: e["flows"])
        listed = [json.loads(line) for line in soket("ports", "--json", str(port)).out.splitlines()]
        live = [json.loads(line) for line in soket("flows", "--json", f"port={port}").out.splitlines()]
    assert [p["inode"] for p in ports["ports"]] == [p["inode"] for p in listed] and len(listed) == 1
    assert set(ports["ports"][0]) == set(listed[0]) and ports["filter"] == str(port) and ports["total"] == 1
    assert {f["inode"] for f in flows["flows"]} == {f["inode"] for f in live} and flows["total"] == len(live) == 2
    assert set(flows["flows"][0]) == set(live[0])
    assert ports["ports"][0]["processes"][0]["pid"] == page.program.pid


def test_a_filter_that_does_not_parse_is_told_with_its_place():
    page = view()
    with page.events(ports="tcp   user=me bogus=1", flows="port=80", want="ports,flows") as events:
        trouble = events.until("trouble")
        assert events.until("flows")["filter"] == "port=80"
    assert trouble["of"] == "ports" and "bogus" in trouble["text"] and trouble["at"] == 14
    for bad in ("%", "%00", "x" * 2000):
        status, _, _ = page.request("HEAD", f"events?ports={bad}")
        assert status == 200
        with page.events(**{"ports": "\x00" if bad == "%00" else bad, "want": "ports"}) as events:
            assert events.until("trouble")["of"] == "ports"


def test_links_come_with_what_they_carry():
    page = linked("--threads", "4")
    with dial_tcp(page.program.address(), page.deadline) as client, page.events(want="links") as events:
        round_trip(client, b"12345", page.deadline)
        opened = page.program.event("opened")

        def there(e):
            return any(row["id"] == opened["link"] and row["received"] == 5 for row in e["links"])

        links = events.until("links", there)
    row = next(row for row in links["links"] if row["id"] == opened["link"])
    assert row["kind"] == "link" and row["from"] == opened["from"] and row["to"] == opened["to"] and row["state"] == "open"
    assert row["sent"] == 5 and row["mover"] == ["copy", "copy"] and row["requests"] is None and not row["this"]
    own = [row for row in links["links"] if row["kind"] == "served"]
    assert len(own) == 1 and own[0]["this"] and own[0]["requests"] == 1
    assert links["total"] == 2 and row["from_layers"] == []


def test_layers_are_named():
    p = Soket("link", "--json", "--view", "ws://127.0.0.1:0", "echo:")
    page = Page(p)
    with dial_tcp(p.address(), p.deadline) as client, page.events(want="links") as events:
        client.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", p.deadline)
        row = events.until("links", lambda e: e["total"] == 2 and any(r["state"] == "open" and r["kind"] == "link" for r in e["links"]))
    assert next(r for r in row["links"] if r["kind"] == "link")["from_layers"] == ["ws"]


def test_life_is_told_as_it_happens():
    page = view()
    with page.events(want="life") as events:
        assert page.get("hello?close=1")[1]["Connection"] == "close"
        life = [events.until("life", lambda e: not e["this"]) for _ in range(4)]
    assert [e["what"] for e in life] == ["opened", "request", "answered", "closed"]
    assert len({e["id"] for e in life}) == 1 and [e["at_ns"] for e in life] == sorted(e["at_ns"] for e in life)
    assert life[1]["method"] == "GET" and life[1]["path"] == "/hello" and life[1]["bytes"] > 0
    assert life[2]["status"] == 200 and life[2]["bytes"] > 0
    assert life[3]["by"] == "us" and life[3]["received"] == life[1]["bytes"] and life[3]["sent"] > life[2]["bytes"]
    assert life[0]["peer"] == life[3]["peer"] and life[0]["peer"].startswith("127.0.0.1:")
    assert page.token not in str(events.seen)


def test_what_says_the_same_is_not_sent_again():
    page = view()
    with page.events(ports=f"{page.own[1]}", want="ports,socket") as events:
        for _ in range(6):
            events.until("socket")
    assert len([1 for name, _ in events.seen if name == "ports"]) == 1


def test_a_link_is_ended_on_its_own_thread():
    page = linked("--threads", "4")
    clients = [dial_tcp(page.program.address(), page.deadline) for _ in range(8)]
    for c in clients:
        round_trip(c, b"x", page.deadline)
    page.program.event("opened", count=8)
    opened = {e["from"].rsplit(":", 1)[1]: e["link"] for e in page.program.events("opened")}
    victim = clients[3]
    link = opened[str(victim.sock.getsockname()[1])]
    assert page.end(link) == 204
    closed = page.program.event("closed", where=lambda e: e["link"] == link)
    assert closed["how"] == "cut"
    assert page.end(link) == 404
    for c in clients:
        if c is not victim:
            round_trip(c, b"y", page.deadline)
        c.close()
    assert page.program.stop(signal.SIGINT) == 0


def test_the_page_can_end_its_own_connection():
    page = view()
    with page.events(want="socket") as events:
        this = events.until("socket")["id"]
        assert page.end(this) == 204
        with pytest.raises((http.client.IncompleteRead, ConnectionError, AssertionError)):
            while True:
                events.until("socket")


def test_a_relay_of_another_process_is_no_link_of_ours():
    """Chains of links of one process: test_demo.py."""
    page = linked()
    relay = Soket("link", "--json", "tcp://127.0.0.1:0", f"tcp://{page.own[0]}:{page.own[1]}")
    outside = Page(page.program, through=relay.address())
    with outside.events(want="socket") as events:
        this = events.until("socket")
    assert this["chain"] == [] and this["peer"]["process"] == {"pid": relay.pid, "name": "soket"}


# --- nothing disturbs what is shown

def test_a_reader_that_does_not_read_slows_nobody():
    page = linked()
    deaf = silent(page.own, f"GET /{page.token}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    with dial_tcp(page.program.address(), page.deadline) as client, page.events(want="links") as events:
        for _ in range(4):
            events.until("links")
            round_trip(client, b"z" * 100000, page.deadline)
    before = memory(page.program.pid)
    with page.events(want="socket") as events:
        for _ in range(5):
            events.until("socket")
    assert memory(page.program.pid) - before < 4 * 1024 * 1024
    deaf.close()
    assert page.program.stop(signal.SIGINT) == 0


def memory(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_readers_have_a_limit_and_come_back_when_others_go():
    page = view()
    readers = [page.events(want="hello") for _ in range(32)]
    assert all(r.status == 200 and r.until("hello")["pid"] == page.program.pid for r in readers)
    with page.events(want="hello") as more:
        assert more.status == 503
    for r in readers:
        r.close()

    def one_more():
        with page.events(want="hello,socket") as again:
            return again.status == 200

    until(one_more, page.deadline, "a place for a reader", pause=0.1)


def test_links_that_come_and_go_quickly_are_told_and_counted():
    page = linked("--threads", "2")
    with page.events(want="links") as events:
        end = Deadline(3, "links")
        n = 0
        while time.monotonic() < end.end - 0.2:
            with dial_tcp(page.program.address(), page.deadline) as client:
                client.send_bytes(b"x", page.deadline)
            n += 1
        events.until("links", lambda e: e["total"] == 1)
    assert n > 100
    assert page.program.stop(signal.SIGINT) == 0


def test_while_nobody_reads_nothing_is_done():
    page = linked()
    with page.events(want="links") as events:
        events.until("links")
    assert not page.program.ended(1.5)
    before = page.program.cpu_seconds()
    assert not page.program.ended(3)
    assert page.program.cpu_seconds() - before <= 0.02


def test_both_families_have_it():
    page = view()
    port = page.own[1]
    assert Page(page.program, through=("::1", port)).get("hello")[0] == 200
    assert Page(page.program, through=("127.0.0.1", port)).get("hello")[0] == 200


def test_over_tls_it_says_so():
    p = Soket("view", "--json", "tls://127.0.0.1:0")
    url = p.event("view")["url"]
    assert url.startswith("https://")
    done = command("curl", "-sk", "--max-time", "10", "-N", "-m", "3", url + "events?want=socket")
    assert '"tls":"TLSv1.3"' in done.out, done
    p.stop(signal.SIGINT)


# --- beginning and end

def test_ctrl_c_ends_it_with_pages_open():
    page = view()
    readers = [page.events() for _ in range(5)]
    for r in readers:
        r.until("ports")
    assert page.program.stop(signal.SIGINT) == 0
    for r in readers:
        r.close()


def test_a_relay_with_pages_open_ends_in_its_grace():
    page = linked("--threads", "2")
    readers = [page.events() for _ in range(3)]
    for r in readers:
        r.until("links")
    assert page.program.stop(signal.SIGTERM) == 0


def test_people_get_the_address_on_stdout():
    p = Soket("view")
    p.out.wait(lambda r: r.text().startswith("http://127.0.0.1:") and r.text().endswith("/\n"), p.deadline, "the address")
    assert p.stop(signal.SIGINT) == 0


def test_link_says_where_the_page_is_and_keeps_stdout_for_the_bytes():
    p = Soket("listen", "--view", "tcp://127.0.0.1:0")
    p.err.wait(lambda r: "live page: http://127.0.0.1:" in r.text(), p.deadline, "the address")
    assert p.stop(signal.SIGINT) in (0, 1) and p.out.text() == ""


def test_it_is_for_this_machine_only():
    for endpoint in ("any:0", "0.0.0.0:0"):
        done = soket("view", endpoint)
        assert done.status == 2 and "this machine only" in done.err and "ssh -L" in done.err
    for endpoint in ("udp::0", "/tmp/x.sock", "ws://:0", "-"):
        assert soket("view", endpoint).status == 2


def test_a_port_in_use_is_explained():
    page = view()
    done = soket("view", f"127.0.0.1:{page.own[1]}")
    assert done.status == 7 and "soket" in done.err and str(page.program.pid) in done.err


def test_as_nobody_it_sees_what_nobody_may(tmp_path):
    prefix, path = as_nobody(tmp_path)
    if not prefix:
        pytest.skip("needs root, to become nobody")
    with socket.socket() as listening:  # root's: its process cannot be seen
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        with Program([*prefix, path, "link", "--json", "--view", "tcp://127.0.0.1:0", "echo:"], cwd="/") as p:
            page = Page(p)
            with page.events(ports=f"{port}", want="ports,socket") as events:
                ports = events.until("ports")
                this = events.until("socket")
            assert ports["hidden"] == 1 and ports["ports"][0]["processes"] is None
            assert this["peer"]["process"] is None and this["local"]["process"]["pid"] == p.pid


def test_after_rights_are_dropped_processes_are_still_seen():
    """The relay's thread is under Landlock by then, the page's is not."""
    page = linked()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with page.events(ports=f"{listening.getsockname()[1]}", want="ports") as events:
            assert events.until("ports")["ports"][0]["processes"][0]["pid"] == os.getpid()


def test_serve_shows_who_reads_its_files(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    p = Soket("serve", "--json", "--view", "--auth", "ana:secret", tmp_path, "tcp://127.0.0.1:0")
    page = Page(p)
    c = http.client.HTTPConnection(*p.address(), timeout=p.deadline.left())
    for _ in range(2):
        c.request("GET", "/a.txt", headers={"Authorization": "Basic YW5hOnNlY3JldA=="})
        assert c.getresponse().read() == b"hello"
    with page.events(want="hello,links") as events:
        hello = events.until("hello")
        links = events.until("links", lambda e: any(r["requests"] == 2 for r in e["links"]))
    row = next(r for r in links["links"] if r["requests"] == 2)
    assert row["kind"] == "served" and row["from"] == f"tcp://127.0.0.1:{c.sock.getsockname()[1]}" and not row["this"]
    assert hello["page"] == "serve" and "secret" not in hello["command"] and "--auth ***" in hello["command"]
    assert page.end(row["id"]) == 204
    c.close()
    assert p.stop(signal.SIGINT) == 0


def test_passwords_on_the_way_are_not_shown():
    p = Soket("link", "--json", "--view", "tcp://127.0.0.1:0", "tcp://127.0.0.1:9", "via=socks5://ana:secret@127.0.0.1:9")
    with Page(p).events(want="hello") as events:
        command = events.until("hello")["command"]
    assert "secret" not in command and "via=socks5://***@127.0.0.1:9" in command


def test_the_whole_page_is_small():
    need_page()
    with Soket("view", "--json", deadline=20) as p:
        page = Page(p)
        sizes = [len(page.get(name, **{"Accept-Encoding": "gzip"})[2]) for name in ("", "page.js", "page.css")]
        assert all(sizes) and sum(sizes) < 150_000, sizes
