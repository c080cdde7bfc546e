# SPDX-License-Identifier: Apache-2.0
"""soket demo: a service, a relay in front of it, a client through both."""
import re
import signal

import pytest

from harness.ends import dial_tcp, round_trip
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
