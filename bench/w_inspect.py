# SPDX-License-Identifier: Apache-2.0
"""Workloads that look at the machine: who listens, what is connected, and a command on a port of its own.

How it works: a farm (farm.c) puts the sockets there, where it may in a network namespace of its own, and stands still. Then `load
start` starts the contender again and again in that namespace, its output thrown away, and gives the median: nsenter is paid once, by
nobody. Before that each contender runs once, with its lines counted: who leaves out what is there has no result.
"""
import functools
import os
import pty
import select
import shutil
import struct
import subprocess
import termios
import time
from fcntl import ioctl

from harness import FARM, LOAD, Failed, Figure, Workload, must_be_whole
from peers import SBIN

PROCESSES, PAIRS = 500, 19              # 500 listening sockets and 19,000 ends of connections
TIME_WAIT = 69000
WATCHED = (40, 250)                     # processes and pairs: 20,000 connected sockets, each one is a row
WATCH_S, WARM_S = 10, 3                 # CPU is counted over the ten seconds after the first three
RUNS = {"soket": 15, "ss": 15, "true": 50}
RUNS_OTHERS = 5                         # of the slow ones
SCREEN = (24, 80)


def scale():
    """SOKET_BENCH_FARM=0.1 makes the farms a tenth, to see whether all of this works; the numbers mean nothing then."""
    return float(os.environ.get("SOKET_BENCH_FARM", "1"))


def scaled(n):
    return max(1, round(n * scale()))


# ---- the farm ----

class Farm:
    """Sockets that stand still; `wrap` are the words that run a command beside them."""

    def __init__(self, bench, processes, pairs, time_wait=0):
        _, said = bench.tell([FARM, scaled(processes), pairs, scaled(time_wait) if time_wait else 0], timeout=90)
        self.sockets, self.time_wait = said["sockets"], said["time_wait"]
        self.listening = scaled(processes)
        self.wrap = [] if not said["namespace"] else [nsenter(), f"--net=/proc/{said['pid']}/ns/net", "--"]
        if time_wait and self.time_wait < scaled(time_wait) * 0.97:
            raise Failed(f"only {self.time_wait} sockets are in TIME_WAIT; the kernel keeps no more (tcp_max_tw_buckets)")


def nsenter():
    found = shutil.which("nsenter", path=os.environ.get("PATH", os.defpath) + SBIN)
    if not found:
        raise Failed("nsenter (util-linux) is not installed")
    return found


# ---- a command, again and again ----

def lines_of(argv):
    """How many lines it writes."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    except (OSError, subprocess.SubprocessError) as e:
        raise Failed(f"{argv[0]} does not run: {e}") from e
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)} ended with status {done.returncode}: {done.stderr[-200:].decode(errors='replace')}")
    return done.stdout.count(b"\n")


def timed(bench, contender, argv, wrap=()):
    runs = RUNS.get(contender, RUNS_OTHERS)
    _, said = bench.tell([*wrap, LOAD, "start", runs, *argv], timeout=90)
    must_be_whole(said)
    return {"ms": said["median_ms"], "p99_ms": said["p99_ms"]}


def listed(bench, contender, template, farm, least):
    """The median of a command beside a farm, of which it must list `least` sockets."""
    argv = contender.command(template)
    lines = lines_of([*farm.wrap, *argv])
    if lines < least:
        raise Failed(f"{' '.join(argv)} wrote {lines} lines where {least} sockets are")
    return {**timed(bench, contender.name, argv, farm.wrap), "lines": lines}


def ports_idle(bench, contender):
    """On the machine as it is: whatever listens here. Without lsof, whose status is 1 where it can name no process."""
    argv = contender.command(contender.ports)
    return {**timed(bench, contender.name, argv), "lines": lines_of(argv)}


def ports_farm(bench, contender):
    farm = Farm(bench, PROCESSES, PAIRS)
    return listed(bench, contender, contender.ports, farm, farm.listening)


def flows(bench, contender, time_wait):
    farm = Farm(bench, PROCESSES, PAIRS, time_wait)
    # lsof knows of no socket without a process, which those in TIME_WAIT are
    there = farm.sockets + (farm.time_wait if contender.name != "lsof" else 0)
    return listed(bench, contender, contender.flows, farm, int(there * 0.97))


# ---- soket flows --watch ----

def pictures(master, seconds):
    """Take what comes to the terminal for that long; how many bytes that were."""
    deadline, n = time.monotonic() + seconds, 0
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([master], [], [], left)[0]:
            break
        try:
            n += len(os.read(master, 65536))
        except OSError as e:
            raise Failed(f"the terminal was closed: {e}") from e
    return n


def watch(bench, contender):
    """The share of one core that a live table takes, on a terminal of 80 columns."""
    farm = Farm(bench, *WATCHED)
    master, slave = pty.openpty()
    try:
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SCREEN, 0, 0))
        words = ["env", "TERM=xterm", *contender.command("{program} flows --watch")]
        process = bench.start([*farm.wrap, *words], stdin=slave, stdout=slave)
        pictures(master, WARM_S)
        before, began = process.account.cpu_s(), time.monotonic()
        n_bytes = pictures(master, WATCH_S)
        used, took = process.account.cpu_s() - before, time.monotonic() - began
        if process.has_ended():
            raise Failed(f"soket flows --watch ended: {process.complaint()}")
        if n_bytes == 0:
            raise Failed(f"soket flows --watch drew nothing in {WATCH_S} s")
        return {"cpu": used / took, "kb_per_s": n_bytes / took / 1000, "rss_mib": process.memory_of("VmRSS") / 2**20}
    finally:
        os.close(master)
        os.close(slave)


# ---- soket run -- true ----

def run_true(bench, contender):
    """The same for `true` alone, right afterwards, so that what disturbs the one disturbs the other."""
    said = timed(bench, "true", contender.command(contender.lease))
    alone = timed(bench, "true", ["true"])
    return {**said, "over_ms": said["ms"] - alone["ms"]}


LISTERS = ("soket", "ss", "netstat", "lsof")
FIGURES = (Figure("ms", "median ms"), Figure("p99_ms", "p99 ms"), Figure("lines", "lines"))

WORKLOADS = (
    Workload("ports-idle", "who listens, with processes; this machine as it is", LISTERS[:3], FIGURES, ports_idle, against="ss"),
    Workload("ports-farm", f"who listens, beside {PROCESSES} processes with {PROCESSES * (1 + 2 * PAIRS):,} sockets", LISTERS,
             FIGURES, ports_farm, against="ss"),
    Workload("flows-farm", "every TCP socket with its process, in the same farm", LISTERS, FIGURES,
             functools.partial(flows, time_wait=0), against="ss"),
    Workload("flows-timewait", f"the same with {TIME_WAIT:,} sockets in TIME_WAIT beside", LISTERS, FIGURES,
             functools.partial(flows, time_wait=TIME_WAIT), against="ss"),
    Workload("flows-watch", f"soket flows --watch, {2 * WATCHED[0] * WATCHED[1]:,} connections, over {WATCH_S} s", ("soket",),
             (Figure("cpu", "share of a core"), Figure("kb_per_s", "kB/s drawn"), Figure("rss_mib", "MiB resident")), watch,
             against="soket"),
    Workload("run-true", "soket run -- true, the whole process", ("soket", "true"),
             (Figure("ms", "median ms"), Figure("over_ms", "ms over true"), Figure("p99_ms", "p99 ms")), run_true, against="true"),
)
