# SPDX-License-Identifier: Apache-2.0
"""Workloads of WebSocket: a client of ws.c, the contender between it and an echo over plain TCP, all on 127.0.0.1.

The relay's commands are in peers.py (`ws`): soket, and a relay on npm's `ws` (Debian's node-ws)."""
import functools

from harness import WS, Figure, Workload
from w_relay import cpu_of, peak_mib, per, used


def messages(bench, contender, size):
    port, relay = bench.relay(contender, bench.endpoint("echo", program=WS), kind="ws")
    before = cpu_of(relay)
    said = bench.client("messages", port, size, bench.seconds, program=WS)
    return {
        "per_s": said["per_s"],
        "cpu_us": per(used(relay, before), said["n"], 1e6),
        "gbps": said["gbps"],
        "peak_mib": peak_mib(relay),
    }


FIGURES = (Figure("per_s", "messages/s"), Figure("cpu_us", "CPU µs each"), Figure("gbps", "Gbit/s"), Figure("peak_mib", "peak MiB"))
RELAYS = ("soket", "node-ws")


def workload(name, size):
    return Workload(name, f"WebSocket relay, messages of {size:,} bytes to an echo and back, 1 connection", RELAYS, FIGURES,
                    functools.partial(messages, size=size), against="node-ws")


WORKLOADS = (workload("ws-64", 64), workload("ws-64k", 64 * 1024))
