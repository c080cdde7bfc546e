# SPDX-License-Identifier: Apache-2.0
"""The machine a bench runs on: what is printed about it, and the setting that is pinned while it runs."""
import contextlib
import os
import platform
import resource

from account import read

CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"
WANTED = "cubic"


@contextlib.contextmanager
def pinned_congestion(memo):
    """Pin the congestion control, give what there is to say about it, and restore the old one whatever happens.
    The old one stands in the file `memo` meanwhile: a run that is killed cannot restore it, the next one does."""
    before = read(memo).strip() or read(CONGESTION).strip()
    pinned = False
    try:
        if before != WANTED:
            write(memo, before)
            pinned = write(CONGESTION, WANTED)
        yield describe_congestion(before)
    finally:
        if pinned:
            write(CONGESTION, before)
        if os.path.exists(memo):
            os.unlink(memo)


def write(path, text):
    try:
        with open(path, "w") as f:
            f.write(text)
        return True
    except OSError:
        return False


def describe_congestion(before):
    now = read(CONGESTION).strip()
    if now == WANTED:
        return now if before == now else f"{now} (pinned for this run; {before} before and after)"
    warning = f"{now or 'unknown'}, and it could not be pinned to {WANTED}"
    if now == "bbr":
        warning += ": bbr paces loopback, the numbers of TCP mean nothing"
    return warning


def raise_limits():
    """As many descriptors as are allowed; returns that number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 65536
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def processor():
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def facts():
    """What a reader must know to compare these numbers with others."""
    return {
        "kernel": platform.release(),
        "cores": f"{len(os.sched_getaffinity(0))} ({processor()})",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "load before": " ".join(f"{x:.2f}" for x in os.getloadavg()),
    }
