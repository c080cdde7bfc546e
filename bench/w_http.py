# SPDX-License-Identifier: Apache-2.0
"""Workloads of a file server: wrk asks each contender for the same files over 127.0.0.1.

The servers' commands are in peers.py (`http`). The files are random bytes in memory, made by each run."""
import functools
import os
import re
import shutil
import socket
import subprocess
import time

from harness import Failed, Figure, Workload, is_listening_tcp, must_listen
from w_relay import MIB, cpu_of, peak_mib, per, used

CONNECTIONS = 64
FILES = {"1k": 1024, "64k": 64 * 1024, "10m": 10 * MIB}


def site(bench):
    """The directory that is served. All may read it: some servers change their user."""
    folder = os.path.join(bench.folder, "site")
    if not os.path.isdir(folder):
        os.makedirs(folder)
        os.chmod(bench.folder, 0o755)
        for name, size in FILES.items():
            with open(os.path.join(folder, name), "wb") as f:
                f.write(os.urandom(size))
    return folder


def server(bench, contender):
    port = next(bench.ports)
    process = bench.start(contender.command(contender.http, bench.folder, L=port, D=site(bench), descriptors=bench.descriptors))
    must_listen(process, port, is_listening=is_listening_tcp)
    return port, process


def wrk(port, name, seconds):
    """Requests, and what they took: 64 connections kept alive, one thread."""
    path = shutil.which("wrk")
    if not path:
        raise Failed("wrk is not installed")
    done = subprocess.run([path, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "20s", f"http://127.0.0.1:{port}/{name}"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 30)
    n = re.search(r"(\d+) requests in ([\d.]+)(m?s|m),", done.stdout)
    if done.returncode or not n or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise Failed(f"wrk: {done.stdout.strip()[-300:]} {done.stderr.strip()[-200:]}")
    took = {m[1]: time_of(m[2]) for m in re.finditer(r"^\s+(50|99)%\s+(\S+)$", done.stdout, re.M)}
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    return int(n[1]), rate, took


def time_of(text):
    """'1.23ms' in microseconds."""
    n, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(n) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[unit]


def requests(bench, contender, name):
    port, process = server(bench, contender)
    wrk(port, name, 1)  # warm: nothing of it is measured
    before = cpu_of(process)
    n, rate, took = wrk(port, name, bench.seconds)
    return {"per_s": rate, "cpu_us": per(used(process, before), n, 1e6), "p50_us": took.get("50"), "p99_us": took.get("99"),
            "peak_mib": peak_mib(process)}


def idle(bench, contender):
    """Memory before and with idle connections that have had an answer each, then CPU over a second."""
    port, process = server(bench, contender)
    n = min(contender.clients, bench.descriptors - 500)
    time.sleep(0.3)
    user, everything = process.memory_of("VmRSS"), process.account.memory()
    clients = []
    try:
        for _ in range(n):
            clients.append(socket.create_connection(("127.0.0.1", port), timeout=10))
            clients[-1].sendall(b"GET /1k HTTP/1.1\r\nHost: a\r\n\r\n")
            if not clients[-1].recv(4096).startswith(b"HTTP/1.1 200 "):
                raise Failed("no answer")
        time.sleep(0.5)
        user_with, everything_with = process.memory_of("VmRSS"), process.account.memory()
        before = cpu_of(process)
        time.sleep(1)
        cpu = used(process, before)
    except OSError as e:
        raise Failed(f"{len(clients)} of {n} connections: {e}") from e
    finally:
        for c in clients:
            c.close()
    return {"user_b": (user_with - user) / n, "all_b": None if everything is None else (everything_with - everything) / n,
            "before_mib": user / MIB, "with_mib": user_with / MIB, "idle_cpu": cpu * 100, "links": n}


FIGURES = (Figure("per_s", "requests/s"), Figure("cpu_us", "CPU µs each"), Figure("p50_us", "p50 µs"), Figure("p99_us", "p99 µs"),
           Figure("peak_mib", "peak MiB"))
IDLE = (Figure("user_b", "user B/connection"), Figure("all_b", "user + kernel B/connection"), Figure("before_mib", "MiB before"),
        Figure("with_mib", "MiB with"), Figure("idle_cpu", "CPU % idle"), Figure("links", "connections"))
SERVERS = ("soket", "nginx", "lighttpd", "h2o", "python")

WORKLOADS = (
    *(Workload(f"http-{name}", f"file server, a file of {size:,} bytes, 64 connections kept alive", SERVERS, FIGURES,
               functools.partial(requests, name=name)) for name, size in FILES.items()),
    Workload("http-idle", "file server, 10,000 idle connections kept alive", SERVERS[:-1], IDLE, idle),
)
