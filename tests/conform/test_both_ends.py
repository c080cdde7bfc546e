# SPDX-License-Identifier: Apache-2.0
"""The both-ends matrix: every pair of endpoint kinds, joined by `soket link A B`, in every way that a conversation can
go, moved by each mover. Each case compares every byte, the exit status, and the counts of the `closed` event.

What makes no sense for a kind is left out by the tables here: a file or FIFO goes one way in one link, a terminal
cannot end its bytes and go on reading, a file is never reset or killed, and there is only one standard input."""
import itertools
import signal
import threading

import pytest

from harness import data as pattern
from harness.clock import Deadline
from harness.ends import Gone, together
from harness.kinds import KINDS, ExecEnd, Place, holder_of
from harness.run import DEVNULL, PIPE, Soket

MOVERS = ["copy", "splice", "auto"]
AB, BA = 1, 2  # seeds of the two directions
MIB = 1 << 20

# There is one stdin and one stdout.
NO_PAIR = {("stdio", "stdio")}
PAIRS = [(a, b) for a, b in itertools.product(KINDS, KINDS) if (a, b) not in NO_PAIR]

# What a layer does to the rest does not depend on all of them.
BESIDE_LAYERS = {"tcp", "unix", "stdio", "exec", "file"}


def is_told_apart(a, b, mover):
    """Whether a case is worth its time: where bytes change on the way there is one mover."""
    layered = [k for k in (a, b) if KINDS[k].layered]
    if not layered:
        return True
    return mover == "copy" and (a == b or len(layered) == 1 and bool({a, b} & BESIDE_LAYERS))



def two_way(a, b):
    return not (KINDS[a].one_way or KINDS[b].one_way)


def cases(keep=lambda a, b: True, *more):
    """Parameters (a, b, mover, ...) for the pairs that `keep` keeps, with readable ids."""
    return [pytest.param(a, b, m, *x, id="-".join([a, b, m, *map(str, x)]))
            for (a, b), m, *x in itertools.product(PAIRS, MOVERS, *more) if is_told_apart(a, b, m) and keep(a, b, *x)]


class Case:
    """One link under test. flow: "both", "ab" (bytes from A to B only) or "ba"."""

    def __init__(self, a, b, mover, flow, directory, holder, content=None, keeps=None, seconds=30):
        self.deadline = Deadline(seconds, f"{a} {b} {mover}")
        self.kind = {"a": KINDS[a], "b": KINDS[b]}
        self.flow = flow
        self.place = {}
        self.end = {}
        self.soket = None
        self.mover = mover
        self.make = lambda side: self.kind[side].place(
            self.kind[side], side == "a", flow in ("both", side + self.other(side)), flow in ("both",
                                                                                              self.other(side) + side),
            directory, holder, content)
        self.keeps = keeps

    @staticmethod
    def other(side):
        return "b" if side == "a" else "a"

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        for side in "ab":
            self.place[side]: Place = self.make(side)
        stdio = "stdio" in (self.kind["a"].name, self.kind["b"].name)
        self.soket = Soket("link", "--json", "--once", f"--mover={self.mover}", *self.place["a"].words,
                           *self.place["b"].words,
                           stdin=PIPE if stdio else DEVNULL, stdout="raw" if stdio else "read")
        for side in "ab":
            self.place[side].soket = self.soket
            self.place[side].keeps = self.keeps == side
            self.end[side] = self.place[side].meet(self.deadline)

    def __exit__(self, *exc):
        for end in self.end.values():
            end.close()
        if self.soket:
            self.soket.close()
        for place in self.place.values():
            place.close()

    def closed(self):
        """The link's end, as soket tells it: its exit status and its `closed` event."""
        status = self.soket.wait(self.deadline)
        events = self.soket.events("closed")
        assert len(events) == 1, f"status {status}, {len(events)} closed events: {self.soket.said()}"
        return status, events[0]

    def wind_down(self):
        """A giving side ends; the other hears it, and ends too."""
        first = "a" if self.place["a"].gives else "b"
        one, two = self.end[first], self.end[self.other(first)]
        if self.kind[first].half_closes:
            one.end_writing()
        else:
            one.finish()
        if two.rfd >= 0:
            two.expect_end(self.deadline)
        two.finish()

    def ended_well(self, sent=0, received=0):
        for end in self.end.values():
            end.finish()
        status, event = self.closed()
        counts = {"sent": event["sent"], "received": event["received"], "how": event["how"], "status": status}
        assert counts == {"sent": sent, "received": received, "how": "done", "status": 0}, self.soket.said()

    def ends_first(self, first, n_first, n_second):
        """`first` ends its bytes while the other's go on; half of the other's come after it has heard of the end."""
        one, two = self.end[first], self.end[self.other(first)]
        seed_one, seed_two = (AB, BA) if first == "a" else (BA, AB)
        half_closes = self.kind[self.other(first)].half_closes
        can_end = self.kind[first].half_closes or n_second == 0
        heard = threading.Event()
        half = n_second // 2 if can_end else n_second

        def one_sends():
            one.send(seed_one, n_first, self.deadline)
            if can_end and n_second:
                one.end_writing()
            elif can_end:
                one.finish()

        def two_hears():
            two.receive(seed_one, n_first, self.deadline, to_end=can_end)
            heard.set()

        def two_sends():
            two.send(seed_two, half, self.deadline)
            assert heard.wait(self.deadline.left("the other side's bytes"))
            two.send(seed_two, n_second - half, self.deadline, offset=half)
            if can_end:
                two.end_writing() if half_closes else two.finish()

        def one_hears():
            one.receive(seed_two, n_second, self.deadline, to_end=can_end)

        if n_second:
            together(one_sends, two_hears, two_sends, one_hears)
        else:
            together(one_sends, two_hears)
        if not can_end:
            one.finish()
            two.expect_end(self.deadline)


def sizes_of(a, b):
    """Bytes a side sends in the ordinary scenarios: a terminal carries less at a time."""
    return (60_000, 40_000) if "pty" in (a, b) else (700_001, 500_003)


def flow_from(side, a, b):
    """Both ways where the pair can, else from that side to the other."""
    return "both" if two_way(a, b) else side + Case.other(side)


@pytest.mark.parametrize("a, b, mover, first", cases(lambda a, b, first: True, ["a", "b"]))
def test_one_side_ends_first_and_the_other_goes_on(a, b, mover, first, short_path, holder):
    flow = flow_from(first, a, b)
    n_first, n_second = sizes_of(a, b)
    n_second = n_second if flow == "both" else 0
    seed = AB if first == "a" else BA
    with Case(a, b, mover, flow, short_path, holder, content=(seed, n_first)) as case:
        case.ends_first(first, n_first, n_second)
        case.ended_well(*((n_first, n_second) if first == "a" else (n_second, n_first)))


@pytest.mark.parametrize("a, b, mover", cases(two_way))
def test_both_sides_end_at_once(a, b, mover, short_path, holder):
    n_ab, n_ba = sizes_of(a, b)
    with Case(a, b, mover, "both", short_path, holder) as case:
        deadline = case.deadline

        def speak(side, seed, n):
            def work():
                case.end[side].send(seed, n, deadline)
                if case.kind[side].half_closes:
                    case.end[side].end_writing()
            return work

        def hear(side, seed, n):
            to_end = case.kind[case.other(side)].half_closes
            return lambda: case.end[side].receive(seed, n, deadline, to_end=to_end)

        together(speak("a", AB, n_ab), speak("b", BA, n_ba), hear("a", BA, n_ba), hear("b", AB, n_ab))
        case.ended_well(n_ab, n_ba)


@pytest.mark.parametrize("a, b, mover", cases(lambda a, b: two_way(a,
                                                                   b) and (KINDS[a].half_closes or KINDS[b].half_closes)))
def test_a_late_answer_comes_after_the_question_has_ended(a, b, mover, short_path, holder):
    question, answer = sizes_of(a, b)
    asks = "a" if KINDS[a].half_closes else "b"
    with Case(a, b, mover, "both", short_path, holder) as case:
        one, two = case.end[asks], case.end[case.other(asks)]

        def ask():
            one.send(AB, question, case.deadline)
            one.end_writing()
            one.receive(BA, answer, case.deadline)

        def reply():
            two.receive(AB, question, case.deadline)
            two.send(BA, answer, case.deadline)
            two.finish()

        together(ask, reply)
        case.ended_well(*((question, answer) if asks == "a" else (answer, question)))


def bulk(a, b, mover, n, directory, holder):
    flow = "both" if two_way(a, b) else "ab"
    with Case(a, b, mover, flow, directory, holder, content=(AB, n), seconds=30 + n / (30 * MIB)) as case:
        for end in case.end.values():
            end.piece = 65536 if "seqpacket" in (a, b) else pattern.PIECE
        case.ends_first("a", n, 0)
        case.ended_well(n, 0)


@pytest.mark.parametrize("a, b, mover", cases())
def test_64_mib_one_way(a, b, mover, short_path, holder):
    bulk(a, b, mover, min(KINDS[a].bulk, KINDS[b].bulk), short_path, holder)


@pytest.mark.slow
@pytest.mark.parametrize("a, b, mover", cases(lambda a, b: {a, b} <= {"tcp", "unix"}))
def test_1_gib_one_way(a, b, mover, short_path, holder):
    bulk(a, b, mover, 1 << 30, short_path, holder)


@pytest.mark.parametrize("a, b, mover", cases())
def test_random_sizes_go_both_ways(a, b, mover, short_path, holder):
    n = 100_003 if "pty" in (a, b) else MIB + 7
    flow = flow_from("a", a, b)
    with Case(a, b, mover, flow, short_path, holder, content=(AB, n)) as case:
        jobs = []
        for side, seed in (("a", AB), ("b", BA)):
            if flow not in ("both", side + case.other(side)):
                continue
            one, two = case.end[side], case.end[case.other(side)]
            reads = None if case.kind[case.other(side)].name == "seqpacket" else pattern.random_sizes(seed + 10)
            jobs.append(lambda one=one, seed=seed: one.send(seed, n, case.deadline, pattern.random_sizes(seed)))
            jobs.append(lambda two=two, seed=seed, reads=reads:
                        two.receive(seed, n, case.deadline, to_end=False, sizes=reads))
        together(*jobs)
        case.wind_down()
        case.ended_well(n, n if flow == "both" else 0)


@pytest.mark.parametrize("a, b, mover", cases(lambda a, b: b != "file"))
def test_a_slow_reader_slows_the_writer_and_gets_everything(a, b, mover, short_path, holder):
    flow = flow_from("a", a, b)
    most = 64 * MIB
    small = 100 if b != "seqpacket" else 0
    with Case(a, b, mover, flow, short_path, holder, content=(AB, 2 * MIB)) as case:
        one, two = case.end["a"], case.end["b"]
        if a == "file":
            n = 2 * MIB
        else:
            n = one.fill(AB, most, case.deadline, quiet_ms=30)
            assert n < most, "the reader reads nothing, and still the writer was never slowed"

        slowly = min(small * 997, n)
        two.receive(AB, slowly, case.deadline, to_end=False, sizes=itertools.repeat(997))
        two.receive(AB, n - slowly, case.deadline, to_end=False, offset=slowly)
        case.wind_down()
        case.ended_well(n, 0)


@pytest.mark.parametrize("a, b, mover", cases(lambda a, b: a != "file"))
def test_small_pieces_of_a_slow_writer_arrive_at_once(a, b, mover, short_path, holder):
    flow = flow_from("a", a, b)
    sizes = list(itertools.islice(pattern.random_sizes(5, 2000), 40))
    with Case(a, b, mover, flow, short_path, holder) as case:
        one, two = case.end["a"], case.end["b"]
        done = 0
        for size in sizes:
            one.send(AB, size, case.deadline, offset=done)
            two.receive(AB, size, case.deadline, to_end=False, offset=done)
            done += size
        case.wind_down()
        case.ended_well(done, 0)


def lost(case, who, leave):
    """The end of `who` is lost by leave() while the other side still sends to it: the link ends soon, and says that
    bytes failed."""
    n = 30_000 if "pty" in (case.kind["a"].name, case.kind["b"].name) else 100_000
    other = case.other(who)
    one, two = case.end[who], case.end[other]
    seed_one, seed_two = (AB, BA) if who == "a" else (BA, AB)
    if case.flow == "both":
        together(lambda: one.send(seed_one, n, case.deadline), lambda: two.receive(seed_one, n, case.deadline,
                                                                                   to_end=False))

    def go():
        one.receive(seed_two, n, case.deadline, to_end=False)
        leave(one)

    def send_on():
        two.pump(seed_two, case.deadline)

    def hear():
        if case.flow == "both":
            try:
                two.expect_end(case.deadline)
            except Gone:
                pass
        if isinstance(two, ExecEnd):
            two.exit()

    together(go, send_on, hear)
    two.finish()
    status, event = case.closed()
    to_who = "received" if who == "a" else "sent"
    from_who = "sent" if who == "a" else "received"
    assert event[to_who] >= n, case.soket.said()
    assert event[from_who] == (n if case.flow == "both" else 0), case.soket.said()
    assert two.sent == 0 or event[to_who] <= two.sent, case.soket.said()
    # what a terminal has taken is gone with it, and nobody can tell
    if case.kind[who].name != "pty":
        assert (status, event["how"]) == (1, "failed"), case.soket.said()
        assert event["error"]["text"], event
    else:
        assert status in (0, 1) and event["how"] in ("done", "failed"), case.soket.said()


def can_lose(able):
    def keep(a, b, who):
        one, two = (a, b) if who == "a" else (b, a)
        return able(KINDS[one]) and KINDS[one].name != "file" and KINDS[two].name is not None
    return keep


BIG_FILE = 48 * MIB  # more than all buffers on the way hold


@pytest.mark.parametrize("a, b, mover, who", cases(can_lose(lambda k: k.can_reset), ["a", "b"]))
def test_a_side_that_resets_ends_the_link_with_an_error(a, b, mover, who, short_path, holder):
    seed = BA if who == "a" else AB
    with Case(a, b, mover, flow_from(Case.other(who), a, b), short_path, holder, content=(seed, BIG_FILE)) as case:
        lost(case, who, lambda end: end.reset())


@pytest.mark.parametrize("a, b, mover, who", cases(can_lose(lambda k: k.can_die), ["a", "b"]))
def test_a_side_that_is_killed_ends_the_link(a, b, mover, who, short_path, holder):
    seed = BA if who == "a" else AB
    with Case(a, b, mover, flow_from(Case.other(who), a, b), short_path, holder, content=(seed, BIG_FILE),
              keeps=who) as case:
        victim = case.end[who].hand_over if case.kind[who].name not in ("exec", "pty") else None

        def kill(end):
            program = victim(holder_of(holder)) if victim else end.hand_over(None)
            program.send_signal(signal.SIGKILL)
            program.close()

        lost(case, who, kill)
