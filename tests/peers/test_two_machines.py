# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces as two machines: IPv4 and IPv6, one family black-holed, a wire that breaks."""
import json
import socket
import time

import pytest

from harness import data as pattern
from harness import net
from harness.ends import End, dial_tcp, together
from harness.run import PIPE, Soket, soket

pytestmark = [pytest.mark.peers, pytest.mark.netns]


@pytest.mark.parametrize("host", ["10.93.0.2", "[fd93::2]"], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("mover", ["copy", "splice", "auto"])
def test_bytes_go_from_one_machine_to_the_other_and_back(pair, host, mover):
    content = pattern.whole(1, 8_000_000)
    with Soket("link", "--json", f"tcp://{host}:0", "echo:", wrap=pair.b.wrap) as server:
        port = server.port()
        done = soket("connect", f"--mover={mover}", f"{host}:{port}", wrap=pair.a.wrap, stdin=content, deadline=40)
        assert done.status == 0 and done.raw == content, done.err


def test_any_listens_for_the_other_machine_in_both_families(pair):
    with Soket("link", "--json", "any:0", "echo:", wrap=pair.b.wrap) as server:
        port = server.port()
        for host in ("10.93.0.2", "[fd93::2]"):
            done = soket("connect", f"{host}:{port}", wrap=pair.a.wrap, stdin=b"hello")
            assert (done.status, done.out) == (0, "hello"), done


def test_a_port_alone_is_not_seen_by_the_other_machine(pair):
    with Soket("link", "--json", "0", "echo:", wrap=pair.b.wrap) as server:
        port = server.port()
        for host in ("10.93.0.2", "[fd93::2]"):
            done = soket("connect", f"{host}:{port}", wrap=pair.a.wrap, stdin=b"hello")
            assert done.status == 4, done


def test_a_link_local_address_with_its_zone_is_reached(pair):
    addresses = json.loads(pair.b.ip("-json", "addr", "show", "dev", "wire").stdout)[0]["addr_info"]
    local = next((a["local"] for a in addresses if a.get("scope") == "link" and a["family"] == "inet6"), None)
    if not local:
        pytest.skip("the namespace has no link-local address")
    with Soket("link", "--json", "any:0", "echo:", wrap=pair.b.wrap) as server:
        done = soket("connect", f"[{local}%wire]:{server.port()}", "retry=20", wrap=pair.a.wrap, stdin=b"hello")
        assert (done.status, done.out) == (0, "hello"), done


HOSTS = {"six-silent": [net.Pair.silent6, net.Pair.b4], "four-silent": [net.Pair.silent4, net.Pair.b6],
         "both": [net.Pair.b6, net.Pair.b4], "both-silent": [net.Pair.silent6, net.Pair.silent4]}


@pytest.fixture
def named():
    reason = net.missing()
    if reason:
        pytest.skip(reason)
    with net.Pair(HOSTS) as p:
        yield p


@pytest.mark.parametrize("name", ["six-silent", "four-silent", "both"])
def test_a_family_that_is_black_holed_is_not_noticed(named, name):
    """RFC 8305: the other family is tried 250 ms later, and wins."""
    with Soket("link", "--json", "any:0", "echo:", wrap=named.b.wrap) as server:
        port = server.port()
        took = []
        for _ in range(3):
            begin = time.monotonic()
            done = soket("connect", f"{name}:{port}", wrap=named.a.wrap, stdin=b"hello")
            took.append(time.monotonic() - begin)
            assert (done.status, done.out) == (0, "hello"), done
        assert min(took) < 1.0, took


def test_both_families_silent_are_one_deadline_together(named):
    begin = time.monotonic()
    done = soket("connect", "both-silent:80", "timeout=700ms", wrap=named.a.wrap, stdin=b"")
    took = time.monotonic() - begin
    assert done.status == 5 and 0.6 <= took < 3, (took, done)


def test_a_family_can_be_asked_for(named):
    with Soket("link", "--json", "any:0", "echo:", wrap=named.b.wrap) as server:
        port = server.port()
        for words, family in ((["family=4"], "."), (["family=6"], ":")):
            done = soket("connect", "--json", f"both:{port}", *words, wrap=named.a.wrap, stdin=b"hello")
            assert done.status == 0 and done.out == "hello", done
        done = soket("connect", f"six-silent:{port}", "family=6", "timeout=400ms", wrap=named.a.wrap, stdin=b"hello")
        assert done.status == 5, done


def test_interface_and_bind_choose_the_way_out(pair):
    listener = net.listener(pair.b, pair.b4)
    with listener:
        port = listener.getsockname()[1]
        for word in (f"bind={pair.a4}", "interface=wire"):
            with Soket("connect", f"10.93.0.2:{port}", word, wrap=pair.a.wrap, stdin=PIPE) as p:
                listener.settimeout(p.deadline.left())
                sock, address = listener.accept()
                assert address[0] == pair.a4
                sock.close()
        done = soket("connect", f"10.93.0.2:{port}", "interface=lo", "timeout=500ms", wrap=pair.a.wrap, stdin=b"")
        assert done.status in (4, 5), done


def test_a_wire_that_breaks_ends_a_link_with_user_timeout(pair):
    """Nothing answers any more: with user-timeout= the kernel gives up, and soket says timed out and how much was
    delivered."""
    listener = net.listener(pair.b, pair.b4)
    with listener:
        port = listener.getsockname()[1]
        p = Soket("connect", "--json", f"10.93.0.2:{port}", "user-timeout=700ms", wrap=pair.a.wrap, stdin=PIPE)
        listener.settimeout(p.deadline.left())
        sock, _ = listener.accept()
        end = End(sock.fileno(), sock.fileno(), sock)
        feeder = End(-1, p.take("stdin"))
        feeder.send(1, 1000, p.deadline)
        end.receive(1, 1000, p.deadline, to_end=False)
        pair.b.ip("link", "set", "wire", "down")
        together(lambda: feeder.pump(1, p.deadline), lambda: p.wait())
        assert p.wait() == 1, p.said()
        closed = p.event("closed")
        assert closed["how"] == "failed" and closed["sent"] >= 1000, closed
        feeder.close()
        end.close()


def test_a_relay_joins_two_networks_that_do_not_know_each_other(pair):
    """Machine b relays from its IPv6 address to a server that only listens on its IPv4 loopback."""
    with Soket("link", "--json", "tcp://127.0.0.1:0", "echo:", wrap=pair.b.wrap) as target:
        with Soket("link", "--json", "tcp://[fd93::2]:0", f"127.0.0.1:{target.port()}", wrap=pair.b.wrap) as relay:
            address = ("fd93::2", relay.port())
            end = pair.a.inside(lambda: dial_tcp(address, relay.deadline, socket.AF_INET6))
            with end:
                together(lambda: (end.send(1, 3_000_000, relay.deadline), end.end_writing()),
                         lambda: end.receive(1, 3_000_000, relay.deadline))
            assert relay.event("opened")["from"].startswith("tcp://[fd93::1]:")
