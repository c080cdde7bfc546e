# SPDX-License-Identifier: Apache-2.0
"""Workloads of a relay: a client of load.c, the contender, an endpoint of load.c, all on 127.0.0.1."""
import functools
import os
import time

from harness import LOAD, Failed, Figure, Workload, must_be_whole

MIB = 2**20


def cpu_of(process):
    return process.account.cpu_s() if process else None


def used(process, before):
    """CPU seconds since `before`."""
    return process.account.cpu_s() - before if process else None


def peak_mib(process):
    return process.memory_of("VmHWM") / MIB if process else None


def per(amount, n, scale=1.0):
    return None if amount is None else amount / n * scale


def bulk(bench, contender, connections):
    port, relay = bench.relay(contender, bench.endpoint("sink"))
    before = cpu_of(relay)
    said = bench.client("bulk", port, connections, bench.seconds)
    return {
        "gbps": said["gbps"],
        "cpu_s_per_gb": per(used(relay, before), said["n_bytes"], 1e9),
        "peak_mib": peak_mib(relay),
    }


def exchanges(bench, contender, endpoint, command, *rest):
    """`requests` and `rate` differ in the endpoint and the client only."""
    port, relay = bench.relay(contender, bench.endpoint(*endpoint))
    before = cpu_of(relay)
    said = bench.client(command, port, *rest)
    if not said["n"]:
        raise Failed("not one request was answered")
    return {
        "per_s": said["per_s"],
        "cpu_us": per(used(relay, before), said["n"], 1e6),
        "p50_us": said["p50_us"],
        "p99_us": said["p99_us"],
        "peak_mib": peak_mib(relay),
        "unserved": said.get("unserved"),
    }


def requests(bench, contender, connections):
    return exchanges(bench, contender, ("echo",), "requests", connections, bench.seconds, 64)


def rate(bench, contender, at_once):
    return exchanges(bench, contender, ("echo", "once"), "rate", at_once, bench.seconds)


def idle(bench, contender):
    n = min(contender.idle, (bench.descriptors - 200) // 2)
    return idle_links(bench, *bench.relay(contender, bench.endpoint("echo")), n)


def idle_links(bench, port, relay, n, program=LOAD):
    """Memory before and with idle links, then CPU over a second in which nothing happens."""
    time.sleep(0.2)                         # children and pools that are made after listen()
    user, everything = relay.memory_of("VmRSS"), relay.account.memory()
    hold_r, hold_w = os.pipe()              # the client holds its links until this closes
    try:
        _, said = bench.tell([program, "idle", port, n, 60], timeout=60, stdin=hold_r)
        must_be_whole(said)
        time.sleep(0.5)
        user_with, everything_with = relay.memory_of("VmRSS"), relay.account.memory()
        before = cpu_of(relay)
        time.sleep(1)
        cpu = used(relay, before)
    finally:
        os.close(hold_r)
        os.close(hold_w)
    return {
        "user_b": (user_with - user) / n,
        "all_b": None if everything is None else (everything_with - everything) / n,
        "before_mib": user / MIB,
        "with_mib": user_with / MIB,
        "idle_cpu": cpu * 100,
        "links": n,
        "setup_s": said["setup_s"],
    }


BULK = (Figure("gbps", "Gbit/s"), Figure("cpu_s_per_gb", "CPU s/GB"), Figure("peak_mib", "peak MiB"))
REQUESTS = (Figure("per_s", "requests/s"), Figure("cpu_us", "CPU µs each"), Figure("p50_us", "p50 µs"),
            Figure("p99_us", "p99 µs"), Figure("peak_mib", "peak MiB"), Figure("unserved", "never answered"))
RATE = (Figure("per_s", "connections/s"), *REQUESTS[1:-1])
IDLE = (Figure("user_b", "user B/link"), Figure("all_b", "user + kernel B/link"), Figure("before_mib", "MiB before"),
        Figure("with_mib", "MiB with"), Figure("idle_cpu", "CPU % idle"), Figure("links", "links"),
        Figure("setup_s", "set-up s"))

STREAMS = ("direct", "soket", "haproxy-splice", "haproxy", "nginx", "socat")
MESSAGES = ("direct", "soket", "haproxy", "nginx", "socat")

WORKLOADS = (
    Workload("relay-bulk-1", "relay, bulk, 1 connection", STREAMS,
             BULK, functools.partial(bulk, connections=1)),
    Workload("relay-bulk-16", "relay, bulk, 16 connections", STREAMS,
             BULK, functools.partial(bulk, connections=16)),
    Workload("relay-requests-64", "relay, requests of 64 bytes, 64 connections", MESSAGES,
             REQUESTS, functools.partial(requests, connections=64)),
    Workload("relay-requests-1000", "relay, requests of 64 bytes, 1,000 connections", MESSAGES,
             REQUESTS, functools.partial(requests, connections=1000)),
    Workload("relay-rate", "relay, connections a second, 64 at once, one request each", MESSAGES,
             RATE, functools.partial(rate, at_once=64)),
    Workload("relay-idle", "relay, 5,000 idle links (socat: 500)", MESSAGES[1:],
             IDLE, idle, against="haproxy"),
)
