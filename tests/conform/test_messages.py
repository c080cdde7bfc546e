# SPDX-License-Identifier: Apache-2.0
"""The messages matrix: every pair of endpoint kinds that keep messages apart, joined by `soket link A B`. Each case compares every
message, and the counts of the `closed` event.

What makes no sense for a kind is left out by the table here: a seqpacket socket tells an empty message from an end to nobody, and what
made the answers (echo:) says nothing by itself."""
import itertools
import os
import socket

import pytest

from harness import data as pattern
from harness import messages
from harness.ends import Server, dial_unix, together
from harness.messages import counts, udp, udp_to
from harness.run import Soket

LARGE = 65507


class Kind:
    """One kind of endpoint: how soket listens on it and a test speaks to that, and what a test offers to be dialled."""
    empty = True  # empty messages pass
    keeps = True  # nothing is lost where a side is slow
    speaks = True  # can send first

    def __init__(self, directory):
        self.directory = directory

    def close(self):
        pass


class Udp(Kind):
    host = "127.0.0.1"
    keeps = False

    def words(self):
        return [f"udp://{messages.host_of(self.host)}:0"]

    def dial(self, soket):
        return udp_to(soket)

    def target(self):
        self.talker = udp(self.host)
        return self.talker.endpoint

    def met(self, soket, first):
        """The target's end, once its first message has come."""
        got, source = self.talker.receive_from()
        assert got == first
        self.talker.to = source
        return self.talker


class Udp6(Udp):
    host = "::1"


class UnixDgram(Udp):
    keeps = True

    def name(self, side):
        return os.path.join(self.directory, side)

    def words(self):
        return [f"unix-dgram:{self.name('from')}"]

    def dial(self, soket):
        return messages.unix(self.name("peer"), to=self.name("from"), deadline=soket.deadline)

    def target(self):
        self.talker = messages.unix(self.name("to"))
        return self.talker.endpoint


class UnixDgramAbstract(UnixDgram):
    def name(self, side):
        return f"@soket-test-{os.path.basename(self.directory)}-{side}"


class UnixSeqpacket(Kind):
    empty = False

    def words(self):
        return [f"unix-seqpacket:{self.directory}/seq-from"]

    def dial(self, soket):
        end = dial_unix(f"{self.directory}/seq-from", soket.deadline, socket.SOCK_SEQPACKET)
        return messages.Talker(end.sock, soket.deadline)

    def target(self):
        self.server = Server(socket.AF_UNIX, socket.SOCK_SEQPACKET, f"{self.directory}/seq-to")
        return self.server.endpoint

    def met(self, soket, first):
        talker = messages.Talker(self.server.accept(soket.deadline).sock, soket.deadline)
        self.server.close()
        assert talker.receive() == first
        return talker


class Echo(Kind):
    speaks = False

    def target(self):
        return "echo:"


FROM = {"udp4": Udp, "udp6": Udp6, "unix-dgram": UnixDgram, "unix-dgram-abstract": UnixDgramAbstract, "unix-seqpacket": UnixSeqpacket}
TO = {**FROM, "echo": Echo}
# both sides keep their messages without soket: what goes between two seqpacket sockets is a stream's matter (test_both_ends.py)
PAIRS = [(a, b) for a, b in itertools.product(FROM, TO) if not (a == "unix-seqpacket" and b in ("unix-seqpacket", "echo"))]


def cases(keep=lambda a, b: True):
    return pytest.mark.parametrize("a, b", [pytest.param(a, b, id=f"{a}-{b}") for a, b in PAIRS if keep(FROM[a], TO[b])])


class Case:
    """One link under test, met on both sides by a first message. `there` is None where the target is soket's own."""

    first = b"the first message"

    def __init__(self, a, b, directory):
        one, other = os.path.join(directory, "a"), os.path.join(directory, "b")
        for d in (one, other):
            os.mkdir(d)
        self.a, self.b = FROM[a](one), TO[b](other)
        self.soket = Soket("link", "--json", "--stats", *self.a.words(), self.b.target())
        self.soket.event("listening")
        self.here = self.a.dial(self.soket)
        self.here.send(self.first)
        self.there = self.b.met(self.soket, self.first) if self.b.speaks else None
        if not self.there:
            assert self.here.receive() == self.first
        self.sent, self.received = 1, 0 if self.there else 1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for talker in (self.here, self.there):
            if talker:
                talker.close()

    def go(self, sent):
        """Send all from A, and see them come, in order and whole: at B, or back from the echo."""
        self._pass(self.here, self.there or self.here, sent)
        self.sent += len(sent)
        self.received += 0 if self.there else len(sent)

    def come(self, sent):
        if self.there:
            self._pass(self.there, self.here, sent)
            self.received += len(sent)

    @staticmethod
    def _pass(one, other, sent):
        """A reader at the same time: a unix socket holds few messages, and then its sender waits."""
        together(lambda: [one.send(m) for m in sent], lambda: same(other.receive_n(len(sent)), sent))

    def ended_well(self):
        assert self.here.is_silent() and (not self.there or self.there.is_silent()), "more came than was sent"
        assert self.soket.stop() == 0, self.soket.said()
        closed = self.soket.events("closed")
        assert len(closed) == 1 and closed[0]["how"] in ("done", "cut"), self.soket.said()
        assert counts(closed[0]) == ((self.sent, self.received), {}), self.soket.said()


def same(got, sent):
    for i, (x, y) in enumerate(zip(got, sent)):
        assert x == y, f"message {i} of {len(sent)}: {len(x)} bytes {x[:20]!r} instead of {len(y)} bytes {y[:20]!r}"
    assert len(got) == len(sent)


def numbered(i, size):
    return (b"%06d " % i + pattern.data(1, 997 * i, size))[:size]


def is_dgram(kind):
    return issubclass(kind, (Udp, Echo))


def stream_is_no_part(a, b):
    """A seqpacket listener ends by its clients: such a link is stopped with its grace, and is left to the other tests."""
    return a is not UnixSeqpacket


@cases(stream_is_no_part)
def test_boundaries_are_kept_in_both_directions(a, b, short_path):
    sent = [numbered(i, n) for i, n in enumerate([1, 2, 1, 1400, 1400, 1400, 200, 1472, 1473, 9000, 1, 1])]
    with Case(a, b, short_path) as case:
        case.go(sent)
        case.come(sent)
        case.ended_well()


@cases(lambda a, b: stream_is_no_part(a, b) and a.empty and b.empty)
def test_empty_messages_are_messages(a, b, short_path):
    sent = [b"", b"", b"between", b"", b"last", b""]
    with Case(a, b, short_path) as case:
        case.go(sent)
        case.come(sent)
        case.ended_well()


@cases(stream_is_no_part)
def test_500_small_messages_arrive_in_order(a, b, short_path):
    """In bursts that the buffers of loopback hold."""
    with Case(a, b, short_path) as case:
        for burst in range(10):
            sent = [numbered(50 * burst + i, 8 + i % 3) for i in range(50)]
            case.go(sent)
            case.come(sent)
        case.ended_well()


@cases(lambda a, b: a.keeps and b.keeps and b.speaks and stream_is_no_part(a, b))
def test_a_side_that_does_not_read_slows_the_other_and_nothing_is_lost(a, b, short_path):
    n, size = 600, 5000
    with Case(a, b, short_path) as case:
        def send():
            for i in range(n):
                case.here.send(numbered(i, size))

        def take():
            case.there.is_silent(0.1)
            for i in range(n):
                assert case.there.receive(f"message {i}") == numbered(i, size), f"message {i} is another"

        together(send, take)
        case.sent += n
        case.ended_well()


@cases(lambda a, b: stream_is_no_part(a, b) and b.speaks)
def test_both_sides_speak_at_once(a, b, short_path):
    rounds, each = 8, 15
    with Case(a, b, short_path) as case:
        for k in range(rounds):
            there, back = ([numbered(each * k + i, s + 3 * i) for i in range(each)] for s in (100, 700))
            together(lambda there=there: [case.here.send(m) for m in there], lambda back=back: [case.there.send(m) for m in back],
                     lambda there=there: same(case.there.receive_n(each), there),
                     lambda back=back: same(case.here.receive_n(each), back))
        case.sent += rounds * each
        case.received += rounds * each
        case.ended_well()


@cases(stream_is_no_part)
def test_large_messages_arrive_whole(a, b, short_path):
    with Case(a, b, short_path) as case:
        for size in (LARGE, 1, LARGE - 1, LARGE, 32768):
            case.go([numbered(size, size)])
            case.come([numbered(size, size)])
        case.ended_well()


@cases(lambda a, b: a is UnixSeqpacket)
def test_a_seqpacket_client_that_ends_ends_its_link(a, b, short_path):
    """A client with an end of its own ends its link after the linger of the other side; what it sent before has arrived."""
    sent = [numbered(i, n) for i, n in enumerate([1, 1400, 1400, 7, 1])]
    with Case(a, b, short_path) as case:
        case.go(sent)
        case.come(sent)
        case.here.close()
        closed = case.soket.event("closed")
        assert counts(closed) == ((6, 5 if case.there else 6), {}), closed
