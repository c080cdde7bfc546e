# SPDX-License-Identifier: Apache-2.0
"""Workloads of datagrams: clients and endpoints of dgram.c, the contender between them, all on 127.0.0.1.

The relay's commands are in peers.py (`udp`, `pace`). A datagram that is lost costs nothing but shows, as "lost %": UDP promises
no more. One that arrives other than it was sent, merged, split or with another peer, and the run has no result.
"""
import functools
import os
import struct
import time

from harness import DGRAM, PATIENCE, Failed, Figure, Workload, hear, must_be_whole
from w_relay import MIB, cpu_of, peak_mib, per, used

PEERS, PEER_BYTES = 100, 64
IDLE_S = 3
PACE_S, PACE_MBIT, PACE_CHUNK = 10, 20, 1316        # seven packets of an MPEG transport stream to a datagram


def lost_percent(said):
    return said["lost"] / said["sent"] * 100 if said["sent"] else None


def flow(bench, contender, size, how):
    """One way. The receiver takes a port that it is told, as it and the sender are one program."""
    far = next(bench.ports)
    port, relay = bench.relay(contender, far, kind="udp")
    before = cpu_of(relay)
    said = bench.client("flow", port, far, size, bench.seconds, how, program=DGRAM)
    return {
        "per_s": said["per_s"],
        "cpu_us": per(used(relay, before), said["n"], 1e6),
        "lost": lost_percent(said),
        "gbps": said["gbps"],
        "peak_mib": peak_mib(relay),
        "late": said["late"],
    }


def peers(bench, contender):
    port, relay = bench.relay(contender, bench.endpoint("echo", program=DGRAM), kind="udp")
    before = cpu_of(relay)
    said = bench.client("peers", port, PEERS, bench.seconds, PEER_BYTES, program=DGRAM)
    if not said["n"]:
        raise Failed("not one datagram was answered")
    return {
        "per_s": said["per_s"],
        "cpu_us": per(used(relay, before), said["n"], 1e6),
        "p50_us": said["p50_us"],
        "p99_us": said["p99_us"],
        "lost": lost_percent(said),
        "peak_mib": peak_mib(relay),
    }


def idle(bench, contender):
    """Memory before and with idle sessions, then CPU over a few seconds in which nothing happens."""
    n = min(contender.sessions, bench.descriptors - 200)
    port, relay = bench.relay(contender, bench.endpoint("echo", program=DGRAM), kind="udp")
    time.sleep(0.2)                         # children and pools that are made after bind()
    user, everything = relay.memory_of("VmRSS"), relay.account.memory()
    hold_r, hold_w = os.pipe()              # the client holds its sockets until this closes
    try:
        _, said = bench.tell([DGRAM, "idle", port, n, 60], timeout=60, stdin=hold_r)
        must_be_whole(said)
        time.sleep(0.5)
        user_with, everything_with = relay.memory_of("VmRSS"), relay.account.memory()
        before = cpu_of(relay)
        time.sleep(IDLE_S)
        cpu = used(relay, before)
    finally:
        os.close(hold_r)
        os.close(hold_w)
    return {
        "user_b": (user_with - user) / n,
        "all_b": None if everything is None else (everything_with - everything) / n,
        "before_mib": user / MIB,
        "with_mib": user_with / MIB,
        "idle_cpu": cpu / IDLE_S * 100,
        "sessions": n,
        "setup_s": said["setup_s"],
    }


def numbered_chunks(path, count):
    """A file in which each chunk begins with its number, for the receiver to know when it was due."""
    filler = bytes(PACE_CHUNK - 8)
    with open(path, "wb") as f:
        for i in range(count):
            f.write(struct.pack("=Q", i) + filler)


def pace(bench, contender):
    """A file at a fixed rate; the receiver has the kernel's time of each arrival."""
    count = PACE_S * PACE_MBIT * 1000000 // 8 // PACE_CHUNK
    path = os.path.join(bench.folder, "chunks")
    numbered_chunks(path, count)
    receiver, answer = bench.talker([DGRAM, "paced", PACE_MBIT * 1000000, PACE_CHUNK, count])
    with answer, open(path, "rb") as chunks:
        port = hear(receiver, answer, 5)["port"]
        words = contender.command(contender.pace, D=port, chunk=PACE_CHUNK, mbit=PACE_MBIT)
        sender = bench.start(words, stdin=chunks)
        sender.must_end_well(PACE_S + PATIENCE)
        said = hear(receiver, answer, 5)
    must_be_whole(said)
    return {
        "share": said["share"] * 100,
        "p99_ms": said["p99_ms"],
        "max_ms": said["max_ms"],
        "lost": said["lost"] / count * 100,
        "seconds": said["seconds"],
        "cpu": cpu_of(sender) / PACE_S * 100,
    }


FLOW = (Figure("per_s", "datagrams/s"), Figure("cpu_us", "CPU µs each"), Figure("lost", "lost %"), Figure("gbps", "Gbit/s"),
        Figure("peak_mib", "peak MiB"))
TWO_WAY = (Figure("per_s", "round trips/s"), Figure("cpu_us", "CPU µs each"), Figure("p50_us", "p50 µs"),
           Figure("p99_us", "p99 µs"), Figure("lost", "lost %"), Figure("peak_mib", "peak MiB"))
IDLE = (Figure("user_b", "user B/session"), Figure("all_b", "user + kernel B/session"), Figure("before_mib", "MiB before"),
        Figure("with_mib", "MiB with"), Figure("idle_cpu", "CPU % idle"), Figure("sessions", "sessions"),
        Figure("setup_s", "set-up s"))
PACE = (Figure("share", "% within 1 ms"), Figure("p99_ms", "p99 ms"), Figure("max_ms", "max ms"), Figure("lost", "lost %"),
        Figure("seconds", "seconds"), Figure("cpu", "CPU %"))

RELAYS = ("soket", "nginx", "socat", "direct")


def one_way(name, size, how, title):
    return Workload(name, f"UDP relay, one way, {size:,} bytes, {title}", RELAYS, FLOW,
                    functools.partial(flow, size=size, how=how))


WORKLOADS = (
    one_way("udp-64", 64, "mmsg", "separate datagrams"),
    one_way("udp-1400", 1400, "mmsg", "separate datagrams"),
    one_way("udp-64-gso", 64, "gso", "UDP_SEGMENT and UDP_GRO at the ends"),
    one_way("udp-1400-gso", 1400, "gso", "UDP_SEGMENT and UDP_GRO at the ends"),
    Workload("udp-peers", f"UDP relay, {PEERS} peers, {PEER_BYTES} bytes to an echo and back", RELAYS, TWO_WAY, peers),
    Workload("udp-idle", "UDP relay, 10,000 idle sessions (socat: 500)", RELAYS[:-1], IDLE, idle, against="nginx"),
    Workload("udp-pace", f"a file in datagrams of {PACE_CHUNK:,} bytes at {PACE_MBIT} Mbit/s for {PACE_S} s", ("soket",),
             PACE, pace, against="soket"),
)
