# SPDX-License-Identifier: Apache-2.0
"""The harness: contenders as processes with an account each, interleaved rounds, medians, and the table.

How it works: a workload is a row with figures and a function `run(bench, contender)` that starts everything afresh,
measures once, ends everything and returns {figure: value}, or raises Failed. `measure` calls it for contender A, B,
C, then again, so that a disturbance of the machine meets all of them. What a run starts is in `bench.running`, and is
ended by its process ids, whatever happened. Waiting is for an event, with a deadline.
"""
import ctypes
import dataclasses
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import time

from account import Accounts, read
from goals import AT_LEAST, GOALS
from peers import ROOT

OUT = os.path.join(ROOT, "build", "bench")
LOAD = os.path.join(OUT, "load")
FARM = os.path.join(OUT, "farm")
DGRAM = os.path.join(OUT, "dgram")
TLS = os.path.join(OUT, "tls")
WS = os.path.join(OUT, "ws")
PATIENCE = 30                   # seconds that a client may take longer than it was asked to
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """This run has no result; the text says why."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A column of the table. The first one of a workload is what it is about, and has spread and ratios."""
    key: str
    title: str


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    contenders: tuple           # the names of those that take part
    figures: tuple
    run: object                 # function(bench, contender) -> {figure key: value}
    against: str = "direct"     # whose first figure the ratios in the table are to


# ---- processes ----

class Process:
    """A process, and all that it starts, with an account of its own. Standard error goes to a file."""

    def __init__(self, bench, argv, stdin=None, stdout=None):
        self.argv = argv
        self.account = bench.accounts.open()
        self.log = f"{bench.folder}/log-{bench.accounts.count}"
        try:
            with open(self.log, "wb") as log:
                self.popen = subprocess.Popen(argv, stdin=stdin or subprocess.DEVNULL, stderr=log,
                                              stdout=stdout or subprocess.DEVNULL,
                                              start_new_session=True, preexec_fn=self.enter)
        except (OSError, subprocess.SubprocessError) as e:
            self.account.close()
            raise Failed(f"{argv[0]} does not start: {e}") from e
        self.account.watch(self.popen.pid)
        self.pidfd = os.pidfd_open(self.popen.pid)
        bench.running.append(self)

    def enter(self):
        """Between fork and exec: into the account; and to end with the harness, should that be killed. By SIGTERM, for
        which a contender of several processes ends them all."""
        self.account.join()
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    def has_ended(self, timeout=0.0):
        """Waits for the process itself, not for its children. It is not reaped: its times can still be read."""
        watch = select.poll()
        watch.register(self.pidfd, select.POLLIN)
        return bool(watch.poll(timeout * 1000))

    def status(self):
        """The exit status of a process that has ended, or minus the signal that killed it."""
        info = os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if info is None:
            return None
        return info.si_status if info.si_code == os.CLD_EXITED else -info.si_status

    def must_end_well(self, timeout):
        if not self.has_ended(timeout):
            raise Failed(f"{self.argv[0]} did not end within {timeout:.0f} s")
        if self.status() != 0:
            raise Failed(f"{self.argv[0]} ended with status {self.status()}: {self.complaint()}")

    def complaint(self):
        return (read(self.log).strip().splitlines() or ["it said nothing"])[-1][:200]

    def memory_of(self, field):
        """A line of /proc/PID/status such as VmRSS, in bytes, over all processes of the account."""
        total = 0
        for pid in self.account.pids():
            for line in read(f"/proc/{pid}/status").splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        """SIGTERM, and SIGKILL half a second later, to every process of the account that is left."""
        for sig, patience in ((signal.SIGTERM, 0.5), (signal.SIGKILL, 3)):
            pids = self.account.pids()
            for pid in pids:
                kill(pid, sig)
            if not pids or self.all_gone(patience):
                break
        try:
            self.popen.wait(1)
        except subprocess.TimeoutExpired:
            print(f"bench: {self.argv[0]} (pid {self.popen.pid}) does not end", file=sys.stderr)
        os.close(self.pidfd)
        self.account.close()

    def all_gone(self, patience):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.popen.poll()
            if not self.account.pids():
                return True
            time.sleep(0.01)
        return False


def kill(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass


# ---- ports and paths that are listened on ----

def is_listening_tcp(port):
    """The listening sockets come first in these files: stop behind them, there may be 60,000 in TIME_WAIT."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(path) as f:
                next(f)
                for line in f:
                    fields = line.split()
                    if fields[3] != "0A":
                        break
                    if int(fields[1].rpartition(":")[2], 16) == port:
                        return True
        except (OSError, StopIteration):
            continue
    return False


def is_listening_unix(path):
    """The flag 0x10000 is __SO_ACCEPTCON; the file alone may be there before listen()."""
    for line in read("/proc/net/unix").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[7] == path and int(fields[3], 16) & 0x10000:
            return True
    return False


def is_bound_udp(port):
    for path in ("/proc/net/udp", "/proc/net/udp6"):
        for line in read(path).splitlines()[1:]:
            if int(line.split()[1].rpartition(":")[2], 16) == port:
                return True
    return False


def must_listen(process, where, timeout=5, is_listening=None):
    """Waits without connecting: one who serves a single client must not lose it. `where` is a port or a path."""
    is_listening = is_listening or (is_listening_tcp if isinstance(where, int) else is_listening_unix)
    deadline = time.monotonic() + timeout
    while not is_listening(where):
        if process.has_ended(0.005):
            raise Failed(f"{process.argv[0]} ended before it listened: {process.complaint()}")
        if time.monotonic() > deadline:
            raise Failed(f"{process.argv[0]} does not listen on {where}: {process.complaint()}")


def ports():
    """Free ports, none twice, outside the range from which the kernel takes those of clients where that leaves any."""
    low, high = (int(x) for x in read("/proc/sys/net/ipv4/ip_local_port_range").split() or (32768, 60999))
    span = (10000, low) if low >= 12000 else (high + 1, 65536) if high <= 60000 else (10000, 65536)
    size = span[1] - span[0]
    for n in range(size):
        port = span[0] + (os.getpid() * 131 + n) % size
        if not is_listening_tcp(port) and not is_bound_udp(port):
            yield port
    raise Failed("no free port is left")


# ---- the bench: what every workload needs ----

class Bench:
    def __init__(self, folder, seconds, descriptors, account=None):
        self.folder = folder            # for configurations, logs, sockets and files; in memory where possible
        self.seconds = seconds          # that a timed run takes
        self.descriptors = descriptors  # that a process may have
        self.accounts = Accounts(account)
        self.ports = ports()
        self.running = []

    def start(self, argv, stdin=None, stdout=None):
        return Process(self, argv, stdin, stdout)

    def stop_all(self):
        """Last started, first ended: a client before its relay, so that the relay has nothing left to wait for."""
        while self.running:
            self.running.pop().stop()

    def endpoint(self, *command, program=LOAD):
        """Starts `load sink`, `load echo` or `dgram echo`; returns its port."""
        return self.tell([program, *command])[1]["port"]

    def talker(self, argv, stdin=None):
        """Starts a program that prints lines of JSON; returns the process, and its output for `hear`. Close it."""
        r, w = os.pipe()
        try:
            process = self.start([str(word) for word in argv], stdin=stdin, stdout=w)
        except Failed:
            os.close(r)
            raise
        finally:
            os.close(w)
        return process, os.fdopen(r)

    def tell(self, argv, timeout=5, stdin=None):
        """Starts a program that prints a line of JSON; returns the process and what it said."""
        process, answer = self.talker(argv, stdin)
        with answer:
            return process, hear(process, answer, timeout)

    def client(self, command, port, *rest, program=LOAD):
        """Runs a client of `load` to its end; returns what it measured. No connection of it may have failed."""
        process, said = self.tell([program, command, port, *rest], timeout=self.seconds + PATIENCE)
        process.must_end_well(5)
        must_be_whole(said)
        return said

    def relay(self, contender, far, kind="relay"):
        """Starts a contender that relays to the port `far`; returns its port, and the process (None for direct). `kind`
        is the field that has the command: relay, udp, tls or ws."""
        template = getattr(contender, kind)
        if not template:
            return far, None
        port = next(self.ports)
        process = self.start(contender.command(template, self.folder, L=port, D=far, descriptors=self.descriptors))
        must_listen(process, port, is_listening=is_bound_udp if kind == "udp" else is_listening_tcp)
        return port, process


def hear(process, answer, timeout):
    """The next line of JSON that a talker says."""
    if not select.select([answer], [], [], timeout)[0]:
        raise Failed(f"no answer of {' '.join(process.argv)} within {timeout:.0f} s")
    line = answer.readline()
    if not line:
        process.has_ended(1)
        raise Failed(f"{os.path.basename(process.argv[0])} {process.argv[1]}: {process.complaint()}")
    return json.loads(line)


def must_be_whole(said):
    if said["failed"]:
        raise Failed(f"{said['failed']} connections, runs or datagrams failed")


# ---- rounds ----

def measure(bench, workload, contenders, rounds):
    """{contender: [one result a round]}; a result is {figure: value}, or {"error": text}."""
    results = {contender.name: [] for contender in contenders}
    for i in range(rounds):
        for contender in contenders:
            note(f"{workload.name}: round {i + 1} of {rounds}: {contender.name}")
            results[contender.name].append(measure_once(bench, workload, contender))
    note("")
    return results


def measure_once(bench, workload, contender):
    try:
        return workload.run(bench, contender)
    except Failed as e:
        note("")
        print(f"bench: {workload.name}: {contender.name}: {e}", file=sys.stderr)
        return {"error": str(e)}
    finally:
        bench.stop_all()


def note(text):
    """One line of progress, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


# ---- what the results say ----

def values(results, name, key):
    """A figure of a contender in the rounds that have it."""
    return [r[key] for r in results.get(name, ()) if r.get(key) is not None]


def median(results, name, key):
    found = values(results, name, key)
    return statistics.median(found) if found else None


def spread(results, name, key):
    """(largest - smallest) / median."""
    found = values(results, name, key)
    middle = statistics.median(found) if found else 0
    return (max(found) - min(found)) / middle if len(found) > 1 and middle else None


def ratio(results, name, other, key):
    """The median over the rounds of this contender's figure to the other's in the same round."""
    pairs = [(a.get(key), b.get(key)) for a, b in zip(results.get(name, ()), results.get(other, ()))]
    found = [a / b for a, b in pairs if a is not None and b]
    return statistics.median(found) if found else None


def judge(workload, results):
    """The goals of a workload, each with what was measured: [{goal, measured, verdict}]."""
    titles = {figure.key: figure.title for figure in workload.figures}
    verdicts = []
    for key, bound, value, against in GOALS.get(workload.name, ()):
        got = ratio(results, "soket", against, key) if against else median(results, "soket", key)
        text = f"{titles[key]} {bound} {value:g}" + (f" × {against}" if against else "")
        if got is None:
            verdict = "not measured"
        else:
            verdict = "reached" if (got >= value if bound == AT_LEAST else got <= value) else "MISSED"
        verdicts.append({"goal": text, "measured": got, "verdict": verdict})
    return verdicts


# ---- printing and keeping ----

def number(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(heads, rows, right=()):
    """Markdown; the columns in `right` are aligned to the right."""
    lines = ["| " + " | ".join(heads) + " |",
             "|" + "".join("--:|" if i in right else "---|" for i in range(len(heads)))]
    lines += ["| " + " | ".join(number(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def results_table(workload, results):
    first, rest = workload.figures[0], workload.figures[1:]
    heads = ["contender", first.title, "spread", f"× {workload.against}", *(f.title for f in rest), "rounds"]
    rows = []
    for name, runs in results.items():
        row = [name, median(results, name, first.key), spread(results, name, first.key),
               ratio(results, name, workload.against, first.key)]
        row += [median(results, name, figure.key) for figure in rest]
        row.append(f"{sum('error' not in r for r in runs)}/{len(runs)}")
        rows.append(row)
    return table(heads, rows, range(1, len(heads)))


def goals_table(verdicts):
    return table(["goal", "measured", "verdict"], [list(v.values()) for v in verdicts], (1,))


def save(workload, record):
    """Everything of one workload, each round of it, in build/bench/NAME.json."""
    path = os.path.join(OUT, workload.name + ".json")
    with open(path + ".new", "w") as f:
        json.dump(record, f, indent=1)
        f.write("\n")
    os.replace(path + ".new", path)


def build_programs():
    """Compiles load.c, farm.c, dgram.c, tls.c and ws.c where they, or what they share, are newer than their programs."""
    os.makedirs(OUT, exist_ok=True)
    shared = os.path.getmtime(os.path.join(ROOT, "bench", "common.h"))
    for program, libraries in ((LOAD, ()), (FARM, ()), (DGRAM, ()), (WS, ()), (TLS, ("-lssl", "-lcrypto"))):
        source = os.path.join(ROOT, "bench", os.path.basename(program) + ".c")
        if os.path.exists(program) and os.path.getmtime(program) >= max(shared, os.path.getmtime(source)):
            continue
        cc = os.environ.get("CC", "cc").split()
        subprocess.run([*cc, "-O2", "-std=gnu11", "-Wall", "-Wextra", "-pthread", "-o", program, source,
                        *libraries], check=True, timeout=120)
