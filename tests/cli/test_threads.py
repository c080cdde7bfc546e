# SPDX-License-Identifier: Apache-2.0
"""Several threads are one relay: limits hold over all of them, and children of one do not disturb the links of another."""
from harness.ends import dial_tcp
from harness.run import Soket


def test_max_holds_over_all_threads():
    with Soket("listen", "--json", "--max", "1", "--threads", "2", "tcp://127.0.0.1:0", "--", "cat") as p:
        first = dial_tcp(p.address(), p.deadline)
        first.send_bytes(b"1", p.deadline)
        assert first.read_some(1, p.deadline) == b"1"
        with dial_tcp(p.address(), p.deadline) as second:
            second.send_bytes(b"2", p.deadline)
            assert not p.ended(0.2) and len(p.events("opened")) == 1
            first.close()
            assert second.read_some(1, p.deadline) == b"2"


def test_links_close_on_one_thread_while_another_starts_children():
    """Between fork and exec a child holds a copy of every descriptor: none may bring events for a link that is gone."""
    with Soket("listen", "--json", "--threads", "2", "tcp://127.0.0.1:0", "--", "cat", deadline=60) as p:
        for i in range(300):
            with dial_tcp(p.address(), p.deadline) as client:
                client.send(i % 4, 5000, p.deadline)
                client.end_writing()
                client.receive(i % 4, 5000, p.deadline)
        p.event("closed", count=300)
        assert all(e["how"] == "done" for e in p.events("closed"))
