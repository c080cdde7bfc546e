# SPDX-License-Identifier: Apache-2.0
"""Workloads between standard streams: a sender joins its input to a socket, a receiver the socket to its output."""
import filecmp
import functools
import os
import shutil
import subprocess
import time

from harness import Failed, Figure, Workload, must_listen

GIB = 2**30
TIMEOUT = 60
compared = set()                # contenders whose copy of the file was read again; once each is enough


def commands(bench, contender, family):
    """(the sender's words, the receiver's words, where the receiver listens)"""
    port = next(bench.ports)
    path = f"{bench.folder}/u-{port}"
    templates = contender.unix if family == "unix" else contender.tcp
    sender, receiver = (contender.command(template, L=port, U=path) for template in templates)
    return sender, receiver, path if family == "unix" else port


def transfer(bench, contender, family, n_bytes, source, target):
    """One transfer: from starting the sender until both have ended. `source()` gives the sender's input."""
    sending, receiving, where = commands(bench, contender, family)
    receiver = bench.start(receiving, stdout=target)
    must_listen(receiver, where)
    stdin = source()
    began = time.monotonic()
    try:
        sender = bench.start(sending, stdin=stdin)
    finally:
        os.close(stdin)
    sender.must_end_well(TIMEOUT)
    receiver.must_end_well(TIMEOUT)
    took = time.monotonic() - began
    return {
        "gb_per_s": n_bytes / took / 1e9,
        "sender_s_per_gb": sender.account.cpu_s() / n_bytes * 1e9,
        "receiver_s_per_gb": receiver.account.cpu_s() / n_bytes * 1e9,
    }


def pipe(bench, contender, family):
    """head -c 2G /dev/zero | sender -> receiver > /dev/null"""
    n_bytes = 2 * GIB

    def source():
        r, w = os.pipe()
        try:
            bench.start(["head", "-c", str(n_bytes), "/dev/zero"], stdout=w)
        finally:
            os.close(w)
        return r

    with open(os.devnull, "wb") as target:
        return transfer(bench, contender, family, n_bytes, source, target)


def file(bench, contender):
    """sender < file -> receiver > file; the copy must have the size, and once for each contender the bytes."""
    source, target = f"{bench.folder}/source", f"{bench.folder}/target"
    make_files(source, target, GIB)
    try:
        with open(target, "wb") as f:
            result = transfer(bench, contender, "tcp", GIB, lambda: os.open(source, os.O_RDONLY), f)
        if os.path.getsize(target) != GIB:
            raise Failed(f"{os.path.getsize(target)} bytes arrived instead of {GIB}")
        if contender.name not in compared and not filecmp.cmp(source, target, shallow=False):
            raise Failed("the copy differs")
        compared.add(contender.name)
        return result
    finally:
        if os.path.exists(target):
            os.unlink(target)


def make_files(source, target, size):
    """The source, once a run of the benches, of bytes that cannot be mistaken for others; and before each transfer a
    target, which opening cuts to nothing. It is for virtual machines, where a page of memory is several times slower
    when the host has taken it back: the pages that it frees are fresh, for every contender alike."""
    if not os.path.exists(source):
        with open(source, "wb") as f:
            subprocess.run(["head", "-c", str(size), "/dev/urandom"], stdout=f, check=True, timeout=TIMEOUT)
    shutil.copyfile(source, target)


NAMES = ("soket", "nc", "socat", "socat-1M")
FIGURES = (Figure("gb_per_s", "GB/s"), Figure("sender_s_per_gb", "sender CPU s/GB"),
           Figure("receiver_s_per_gb", "receiver CPU s/GB"))

WORKLOADS = (
    Workload("pipe-tcp", "head -c 2G /dev/zero | connect → listen > /dev/null, TCP", NAMES, FIGURES,
             functools.partial(pipe, family="tcp"), against="nc"),
    Workload("file-tcp", "a file of 1 GiB in memory over TCP into another one", NAMES, FIGURES, file, against="nc"),
    Workload("pipe-unix", "head -c 2G /dev/zero | connect → listen > /dev/null, unix socket", NAMES, FIGURES,
             functools.partial(pipe, family="unix"), against="nc"),
)
