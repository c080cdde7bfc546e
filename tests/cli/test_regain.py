# SPDX-License-Identifier: Apache-2.0
"""Listening on an interface that goes away and comes back, as one that is pulled out or whose VPN reconnects does: under its name, with
another index."""
import pytest

from harness.clock import until
from harness.run import Soket, soket

UDP = "udp://any:0", "interface=wire"
RELAYS = [pytest.param("tcp", ["tcp://any:0", "interface=wire"], id="tcp"), pytest.param("udp", UDP, id="udp"),
          pytest.param("udp", [*UDP, "--threads", "2"], id="udp-threads"),
          pytest.param("udp", ["udp://239.1.2.3:0", "interface=wire"], id="group"),
          pytest.param("udp", ["udp://232.1.2.3:0", "source=10.93.0.1", "interface=wire"], id="one-source")]


def asks(pair, scheme, address, port, word):
    """What the peer gets for it; a peer of datagrams waits half a second."""
    answer = soket("connect", f"{scheme}://{address}:{port}", "interface=wire", *(["linger=500ms"] if scheme == "udp" else []),
                   stdin=word, wrap=pair.a.wrap)
    return answer.out.encode()


def notices(p):
    return [e["text"] for e in p.events("notice")]


@pytest.mark.parametrize("scheme, endpoint", RELAYS)
def test_it_is_listened_on_again(scheme, endpoint, pair):
    p = Soket("link", "--json", *endpoint, "echo:", wrap=pair.b.wrap)
    port = p.port()
    address = endpoint[0].split("/")[2].split(":")[0].replace("any", pair.b4)
    is_group = address != pair.b4
    for round_ in range(3):
        word = b"round %d" % round_
        if round_:
            pair.tear()
            until(lambda: len(notices(p)) == 2 * round_ - 1, p.deadline, "the notice that it is gone")
            pair.lay()
            until(lambda: len(notices(p)) == 2 * round_, p.deadline, "the notice that it is back")
        if is_group:
            asks(pair, scheme, address, port, word)
            until(lambda: len(p.events("opened")) == round_ + 1, p.deadline, "the session of a message to the group")
        else:
            assert asks(pair, scheme, address, port, word) == word
    gone, back = notices(p)[:2]
    assert "wire is gone" in gone and "wire is back: listening on it again" in back
    assert p.stop() == 0


def test_of_other_interfaces_nothing_is_said(pair):
    p = Soket("link", "--json", *UDP, "echo:", wrap=pair.b.wrap)
    port = p.port()
    pair.b.ip("link", "add", "other", "type", "veth", "peer", "name", "another")
    pair.b.ip("link", "del", "other")
    pair.b.ip("link", "set", "wire", "mtu", "1400")
    assert asks(pair, "udp", pair.b4, port, b"still there") == b"still there"
    assert notices(p) == []


def test_more_often_than_a_socket_has_room_for_memberships(pair):
    p = Soket("listen", "--json", "udp://239.1.2.3:0", "interface=wire", wrap=pair.b.wrap)
    port = p.port()
    for i in range(25):
        pair.tear()
        until(lambda: len(notices(p)) == 2 * i + 1, p.deadline, "the notice that it is gone")
        pair.lay()
        until(lambda: len(notices(p)) == 2 * i + 2, p.deadline, "the notice that it is back")
    assert not [n for n in notices(p) if "cannot" in n]
    soket("connect", f"udp://239.1.2.3:{port}", "interface=wire", stdin=b"heard", wrap=pair.a.wrap)
    until(lambda: p.out.text() == "heard", p.deadline, "what was sent to the group")
