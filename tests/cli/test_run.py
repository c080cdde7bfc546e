# SPDX-License-Identifier: Apache-2.0
"""soket run: leases of ports, and a command that should not notice who started it."""
import contextlib
import fcntl
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import sys
import termios
import threading
import time

import pytest

from harness.clock import Deadline, until
from harness.rights import as_nobody
from harness.run import PIPE, Program, Reader, Soket, binary, clean_env, command, one_clear_line, soket

HOLD = ["sh", "-c", "echo $PORT; read x; true"]
SERVER = """
import os, socket, sys
s = socket.socket()
if "reuse" in sys.argv:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(os.environ["PORT"])))
s.listen()
print("up", flush=True)
s.accept()[0].sendall(b"hello")
"""


@pytest.fixture
def place(tmp_path):
    """{env, cwd} with leases and a directory of the test's own."""
    (tmp_path / "runtime").mkdir(mode=0o700)
    (tmp_path / "work").mkdir()
    return {"env": clean_env(XDG_RUNTIME_DIR=str(tmp_path / "runtime")), "cwd": str(tmp_path / "work")}


def leases(place):
    return os.path.join(place["env"]["XDG_RUNTIME_DIR"], "soket", "leases")


def records(place):
    try:
        names = sorted(name for name in os.listdir(leases(place)) if not name.startswith("."))  # those are half-written
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        with contextlib.suppress(FileNotFoundError), open(os.path.join(leases(place), name), encoding="utf-8") as f:
            found.append(json.load(f))
    return found


@contextlib.contextmanager
def holding(place, *flags, words=HOLD, **options):
    """A run whose command prints a line (its port), and waits for the end of its input."""
    with Soket("run", *flags, "--", *words, stdin=PIPE, **{**place, **options}) as p:
        p.first = p.out.wait(lambda r: b"\n" in r.bytes and r.text().splitlines()[0], p.deadline, "the first line")
        yield p
        p.close_stdin()
        p.wait()


def leased(place, *flags, script="env"):
    """The environment of a command."""
    done = soket("run", *flags, "--", "sh", "-c", script, **place)
    assert done.status == 0, done
    return dict(line.split("=", 1) for line in done.out.splitlines() if "=" in line)


def quiet_port(place):
    """A free port that the kernel does not hand to our neighbours."""
    first = random.randrange(10000, 30000)
    return int(soket("free", "--range", f"{first}-{first + 500}", **place).out)


def refused(port, address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        return s.connect_ex((address, port)) != 0


# --- what the command is given ------------------------------------------------------------------------------------------

def test_without_names_there_is_one_port_in_port_only(place):
    env = leased(place)
    assert 1024 <= int(env["PORT"]) <= 65535
    assert not [k for k in env if k.endswith("_PORT") or (k.endswith("_URL") and "localhost" in env[k])]


def test_names_are_upper_case_with_underscores_and_the_first_is_port(place):
    env = leased(place, "-p", "web", "-p", "api-v2=0")
    assert env["PORT"] == env["WEB_PORT"] != env["API_V2_PORT"]
    assert env["WEB_URL"] == f"http://localhost:{env['WEB_PORT']}"
    assert env["API_V2_URL"] == f"http://localhost:{env['API_V2_PORT']}"


def test_a_port_that_was_in_the_environment_is_replaced(place):
    place["env"]["PORT"] = "1"
    place["env"]["LISTEN_FDS"] = "7"
    place["env"]["OTHER"] = "stays"
    env = leased(place)
    assert env["PORT"] != "1" and "LISTEN_FDS" not in env and env["OTHER"] == "stays"


def test_a_name_gets_the_same_port_each_time_and_another_elsewhere(place, tmp_path):
    first = leased(place, "-p", "web")["PORT"]
    assert leased(place, "-p", "web")["PORT"] == first
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        low, high = map(int, f.read().split())
    if low > 21000:
        assert 19999 <= int(first) < low or int(first) > high
        assert leased({**place, "cwd": str(tmp_path)}, "-p", "web")["PORT"] != first
        assert leased(place, "-p", "api")["PORT"] != first


def test_while_the_preferred_port_is_taken_there_is_another(place):
    first = int(leased(place, "-p", "web")["PORT"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        taken.listen()
        second = int(leased(place, "-p", "web")["PORT"])
    assert second != first
    assert int(leased(place, "-p", "web")["PORT"]) == first


def test_the_same_port_again_right_after_its_server_had_clients(place):
    """The server closes first: the port is left in TIME_WAIT."""
    ports = []
    for _ in range(2):
        with Soket("run", "-p", "web", "--", sys.executable, "-c", SERVER, "reuse", **place) as p:
            p.out.wait(lambda r: "up" in r.text(), p.deadline, "the server")
            ports.append(records(place)[0]["port"])
            with socket.create_connection(("127.0.0.1", ports[-1]), timeout=10) as c:
                assert c.recv(10) == b"hello"
                assert p.wait() == 0
    assert ports[0] == ports[1]


def test_inherited_descriptors_stay(place):
    read, write = os.pipe()
    done = soket("run", "-q", "--", sys.executable, "-c", f"import os; os.write({write}, b'hello\\n')", pass_fds=(write,), **place)
    os.close(write)
    assert done.status == 0 and os.read(read, 100) == b"hello\n"
    os.close(read)


def test_our_own_descriptors_do_not_reach_the_command(place):
    done = soket("run", "-q", "-p", "web", "--", "sh", "-c", "ls -l /proc/$$/fd", **place)
    assert "socket:" not in done.out and "leases" not in done.out, done


# --- its end ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 42", 42), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_the_exit_status_is_the_commands(place, script, status):
    assert soket("run", "--", "sh", "-c", script, **place).status == status
    assert records(place) == []


def test_a_command_that_is_not_there(place):
    place["env"]["PATH"] = "/usr/bin:/bin"
    done = soket("run", "--", "no-such-program", **place)
    assert done.status == 10 and "PATH" in done.err and records(place) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
                                    signal.SIGUSR2, signal.SIGRTMIN + 3], ids=int)
def test_signals_are_passed_on(place, number):
    script = "import signal, sys, time\nsignal.signal(int(sys.argv[1]), lambda *a: sys.exit(33))\nprint('up', flush=True)\nwhile True:\n  time.sleep(0.05)"
    with Soket("run", "--", sys.executable, "-c", script, str(int(number)), **place) as p:
        p.out.wait(lambda r: "up" in r.text(), p.deadline, "the command")
        p.send_signal(number)
        assert p.wait() == 33


def test_a_signal_that_ends_the_command_is_in_the_status(place):
    with holding(place, words=["sh", "-c", "echo up; exec sleep 100"]) as p:
        p.send_signal(signal.SIGTERM)
        assert p.wait() == 143
        assert "--drop-at-exec" not in p.err.text()


def test_a_command_that_signals_its_group_is_not_signalled_twice(place):
    script = ("import os, select, signal\nn = []\nsignal.signal(signal.SIGUSR1, lambda *a: n.append(1))\n"
              "signal.signal(signal.SIGUSR2, lambda *a: print(len(n), flush=True))\n"
              "os.kill(0, signal.SIGUSR1)\nprint(len(n), flush=True)\n"
              "while not select.select([0], [], [], 0.05)[0]:\n  pass")
    with holding(place, words=[sys.executable, "-c", script], session=True) as p:
        assert p.first == "1"
        p.send_signal(signal.SIGUSR2)  # taken after SIGUSR1, had that been passed on
        p.out.wait(lambda r: r.text().count("\n") >= 2, p.deadline, "the second line")
        assert p.out.text() == "1\n1\n"


def test_ignored_signals_stay_ignored(place):
    def ignore():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    done = soket("run", "-q", "--", "sh", "-c", "kill -HUP $$; echo alive", before=ignore, **place)
    assert done.out == "alive\n" and done.status == 0


def test_a_caller_that_ignores_the_end_of_children_gets_the_status_too(place):
    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    assert soket("run", "--", "sh", "-c", "exit 5", before=ignore, **place).status == 5


def test_killed_its_command_is_told_to_end_and_the_record_is_taken_away_by_the_next(place):
    with Soket("run", "-p", "web", "--", "sh", "-c", "echo $$; exec sleep 100", stdin=PIPE, **place) as p:
        child = int(p.out.wait(lambda r: b"\n" in r.bytes and r.text(), p.deadline, "the command"))
        watch = os.pidfd_open(child)
        p.stop(signal.SIGKILL)
        assert select.select([watch], [], [], 10)[0], "the command goes on"
        os.close(watch)
    assert len(records(place)) == 1
    with holding(place, "-p", "web") as again:
        assert [r["owner"] for r in records(place)] == [again.pid]


def test_a_record_of_a_pid_that_was_used_again_is_stale(place):
    with holding(place, "-p", "web") as p:
        until(lambda: records(place)[0]["child"], p.deadline, "the whole record")
        name = os.path.join(leases(place), os.listdir(leases(place))[0])
        with open(name, encoding="utf-8") as f:
            record = json.load(f)
        p.close_stdin()
        p.wait()
    record.update(owner=os.getpid(), ticks=record["ticks"] - 1)
    with open(name, "w", encoding="utf-8") as f:
        json.dump(record, f)
    done = soket("run", "-p", "web", "--", "true", **place)
    assert done.status == 0 and records(place) == [], done


# --- at a terminal ------------------------------------------------------------------------------------------------------

class Terminal:
    """A program that has a terminal of its own, which we type at."""

    def __init__(self, words, place):
        self.master, slave = os.openpty()
        self.program = Program(words, stdin=slave, stdout=slave, stderr=slave, session=True,
                               before=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **place)
        os.close(slave)
        self.reader = Reader(os.dup(self.master))

    def type(self, text):
        os.write(self.master, text.encode("ascii"))

    def sees(self, text):
        self.reader.wait(lambda r: text in r.text(), self.program.deadline, f"{text!r} on the terminal")

    def close(self):
        self.program.close()
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


COUNTS = """
import select, signal, sys
n = 0
def hit(*a):
    global n
    n += 1
    print("hit", n, flush=True)
signal.signal(signal.SIGINT, hit)
signal.signal(signal.SIGUSR1, lambda *a: print("usr", flush=True))
print("rea" + "dy", flush=True)
while not select.select([0], [], [], 0.05)[0]:  # a signal right before a wait without end would be seen after it
    pass
sys.stdin.readline()
print("total", n, flush=True)
"""


def test_ctrl_c_reaches_the_command_once(place):
    with Terminal([binary(), "run", "-q", "--", sys.executable, "-c", COUNTS], place) as t:
        t.sees("ready")
        t.type("\x03")
        t.sees("hit 1")
        t.program.send_signal(signal.SIGUSR1)  # taken after SIGINT, had that been passed on
        t.sees("usr")
        t.type("\n")
        t.sees("total 1")
        assert t.program.wait() == 0


def test_ctrl_z_and_fg_work(place):
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("bash is not installed")
    with Terminal([bash, "--norc", "--noprofile", "-i"], place) as t:
        t.type(f"{binary()} run -q -p web -- {sys.executable} -c '{COUNTS}'\n")
        t.sees("\nready")
        soket_pid, child = records(place)[0]["owner"], records(place)[0]["child"]
        t.type("\x1a")
        t.sees("Stopped")
        until(lambda: state(soket_pid) == state(child) == "T", t.program.deadline, "both to stop")
        t.type("fg\n")
        until(lambda: "T" not in (state(soket_pid), state(child)), t.program.deadline, "both to go on")
        t.type("\n")
        t.sees("total 0")
        t.type("echo status=$?.\n")
        t.sees("status=0.")
        t.type("exit\n")
        t.program.wait()


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def test_the_command_is_in_our_process_group(place):
    done = soket("run", "-q", "--", "sh", "-c", "ps -o pgid= -p $$; ps -o pgid= -p $PPID", **place)
    if done.status != 0:
        pytest.skip("ps is not installed")
    assert len(set(done.out.split())) == 1, done


def test_a_terminal_that_hangs_up_ends_the_command(place):
    """Of the hang-up the kernel tells the leader of the session, which is soket here, and nobody else."""
    master, slave = os.openpty()
    with Soket("run", "-q", "--", sys.executable, "-c", COUNTS.replace("select([0]", "select([]"), stdin=slave, session=True,
               before=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **place) as p:
        os.close(slave)
        p.out.wait(lambda r: "ready" in r.text(), p.deadline, "the command")
        os.close(master)
        assert p.wait() == 128 + signal.SIGHUP
        assert records(place) == []


# --- names that run already ---------------------------------------------------------------------------------------------

def test_a_name_that_runs_is_told_with_where_and_since_when(place):
    with holding(place, "-p", "web") as p:
        done = soket("run", "-p", "web", "--", "true", **place)
        text, hint = one_clear_line(done)
        assert done.status == 7
        assert f"http://localhost:{p.first}" in text and f"pid {p.pid}" in text and re.search(r"since .*\d\d:\d\d:\d\d \(", text)
        assert "--join" in hint and f"kill {p.pid}" in hint


def test_join_makes_that_success(place):
    with holding(place, "-p", "web") as p:
        done = soket("run", "-p", "web", "--join", "--", "sh", "-c", "echo started", **place)
        assert done.status == 0 and done.out == "" and f"http://localhost:{p.first}" in done.err, done
        done = soket("run", "--json", "-p", "web", "--join", "--", "true", **place)
        row = json.loads(done.out)
        assert (row["event"], row["port"], row["owner"]) == ("running", int(p.first), p.pid), done
    assert soket("run", "-p", "web", "--join", "--", "sh", "-c", "echo started", **place).out == "started\n"


def test_a_part_of_the_names_cannot_be_joined(place):
    with holding(place, "-p", "web"):
        done = soket("run", "-p", "web", "-p", "api", "--join", "--", "true", **place)
        assert done.status == 7 and "others" in done.err, done


def test_the_same_name_in_another_directory_and_unnamed_ones_start(place, tmp_path):
    with holding(place, "-p", "web") as p:
        assert leased({**place, "cwd": str(tmp_path)}, "-p", "web")["PORT"] != p.first
        assert leased(place)["PORT"] != p.first


def test_of_many_at_once_one_wins(place):
    runs = [Soket("run", "-p", "web", "--", *HOLD, stdin=PIPE, **place) for _ in range(12)]
    deadline = Deadline(30)
    until(lambda: sum(p.ended() for p in runs) == 11, deadline, "the losers")
    winner = [p for p in runs if not p.ended()]
    assert len(winner) == 1
    assert [p.wait() for p in runs if p is not winner[0]] == [7] * 11
    assert [r["owner"] for r in records(place)] == [winner[0].pid]
    winner[0].close_stdin()
    assert winner[0].wait() == 0


# --- records ------------------------------------------------------------------------------------------------------------

def test_the_record_says_who_where_and_what(place):
    with holding(place, "-p", "web", "-p", "api=0") as p:
        until(lambda: all(r["child"] for r in records(place)), p.deadline, "the command's pid")
        rows = {r["name"]: r for r in records(place)}
        assert set(rows) == {"web", "api"} and rows["web"]["port"] == int(p.first)
        row = rows["web"]
        assert row["owner"] == p.pid and row["directory"] == place["cwd"] and "read x" in row["command"]
        with open(f"/proc/{p.pid}/stat", encoding="ascii") as f:
            assert row["ticks"] == int(f.read().rsplit(")", 1)[1].split()[19])
        assert os.stat(leases(place)).st_mode & 0o777 == 0o700
        assert abs(row["since_ns"] / 1e9 - time.time()) < 30
    assert records(place) == []


def unrecorded(place, *wrap, reason):
    done = soket("run", "-p", "web", "--", "sh", "-c", "echo $WEB_PORT", wrap=wrap, **place)
    assert done.status == 0 and done.out.strip().isdigit(), done
    lines = [line for line in done.err.splitlines() if "not recorded" in line]
    assert len(lines) == 1 and reason in lines[0], done


@pytest.fixture
def small(tmp_path):
    """A file system of a few pages."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    where = tmp_path / "small"
    where.mkdir()
    done = command("mount", "-t", "tmpfs", "-o", "size=8k,nr_inodes=8,mode=700", "none", str(where))
    if done.status != 0:
        pytest.skip(f"no tmpfs can be mounted: {done.err}")
    yield where
    command("umount", "-l", str(where))


@pytest.mark.parametrize("made", [False, True], ids=["nothing", "directory"])
def test_a_full_directory_leaves_the_lease_unrecorded(place, small, made):
    place["env"]["XDG_RUNTIME_DIR"] = str(small)
    if made:
        assert soket("run", "--", "true", **place).status == 0
    with contextlib.suppress(OSError):
        with open(small / "fill", "wb", buffering=0) as f:
            while True:
                f.write(b"x" * 4096)
    for i in range(8):
        with contextlib.suppress(OSError):
            (small / str(i)).touch()
    unrecorded(place, reason="No space left")


@pytest.mark.parametrize("made", [False, True], ids=["nothing", "directory"])
def test_a_read_only_directory_leaves_the_lease_unrecorded(place, small, made):
    place["env"]["XDG_RUNTIME_DIR"] = str(small)
    if made:
        assert soket("run", "--", "true", **place).status == 0
    assert command("mount", "-o", "remount,ro", str(small)).status == 0
    unrecorded(place, reason="Read-only file system")


def test_a_directory_of_another_user_leaves_the_lease_unrecorded(place, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to have a directory of another user")
    wrap, _ = as_nobody(tmp_path)
    os.chown(place["env"]["XDG_RUNTIME_DIR"], 65534, 65534)
    unrecorded(place, reason="another user")
    assert wrap


def test_a_link_in_the_place_of_the_directory_is_not_followed(place, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", os.path.join(place["env"]["XDG_RUNTIME_DIR"], "soket"))
    unrecorded(place, reason="not a directory")
    assert os.listdir(tmp_path / "elsewhere") == []


def test_without_a_runtime_directory_the_record_is_in_the_temporary_one(place, tmp_path):
    if os.path.exists(f"/run/user/{os.geteuid()}"):
        pytest.skip("there is a runtime directory")
    del place["env"]["XDG_RUNTIME_DIR"]
    place["env"]["TMPDIR"] = str(tmp_path)
    with holding(place, "-p", "web"):
        where = tmp_path / f"soket-{os.geteuid()}"
        assert len(list((where / "leases").glob("web-*.json"))) == 1 and os.stat(where).st_mode & 0o777 == 0o700


# --- ports that cannot be had -------------------------------------------------------------------------------------------

def test_a_port_that_is_taken_is_explained(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = soket("run", "-p", f"web={port}", "--", "true", **place)
        text, _ = one_clear_line(done)
        assert done.status == 7 and "address in use" in text and str(os.getpid()) in text, done
        assert records(place) == []


@pytest.mark.parametrize("flags", [[], ["--drop-at-exec"]], ids=["held", "dropped"])
def test_a_port_that_another_run_has_leased_is_explained(place, flags):
    port = quiet_port(place)
    with holding(place, *flags, "-p", f"web={port}") as p:
        done = soket("run", "-p", f"api={port}", "--", "true", **place)
        text, _ = one_clear_line(done)
        assert done.status == 7 and "web" in text and str(p.pid) in text and place["cwd"] in text, done


def test_a_lease_of_another_user_is_respected(place, tmp_path):
    """Whose records we do not see."""
    wrap, path = as_nobody(tmp_path)
    if not wrap:
        pytest.skip("needs root, to be two users")
    port = quiet_port(place)
    with holding(place, "-p", f"web={port}"):
        done = command(*wrap, path, "run", "-p", f"web={port}", "--", "true", cwd="/",
                       env=clean_env(TMPDIR=str(tmp_path)))
        assert done.status == 7, done


def test_a_system_port_is_denied_with_what_to_do(tmp_path):
    wrap, path = as_nobody(tmp_path)
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        if int(f.read()) <= 80:
            pytest.skip("port 80 is open to everybody here")
    done = command(*wrap, path, "run", "-p", "web=80", "--", "true", cwd="/")
    assert done.status == 6 and "only root may listen" in done.err, done
    assert re.search(r"try \d+,", done.err), done  # what -p takes


@pytest.mark.parametrize("words", [
    ["-p", "Web", "--", "true"], ["-p", "", "--", "true"], ["-p", "3000", "--", "true"], ["-p", "web=65536", "--", "true"],
    ["-p", "web=-1", "--", "true"], ["-p", "web=x", "--", "true"], ["-p", "web=", "--", "true"], ["-p", "a\x1b[31m", "--", "true"],
    ["-p", "web", "-p", "web", "--", "true"], ["-p", "a-b", "-p", "a_b", "--", "true"], ["-p", "a=3000", "-p", "b=3000", "--", "true"],
    ["--any", "--", "true"], ["--activate", "--drop-at-exec", "--", "true"], ["true"], ["--"], [],
    [word for i in range(33) for word in ("-p", f"n{i}")] + ["--", "true"],
])
def test_bad_words_are_told(place, words):
    done = soket("run", *words, **place)
    assert done.status == 2 and "\x1b" not in done.err, done


# --- programs without SO_REUSEADDR --------------------------------------------------------------------------------------

def test_a_program_without_so_reuseaddr_is_recognised(place):
    done = soket("run", "--", sys.executable, "-c", SERVER, **place)
    assert done.status == 1
    assert len([line for line in done.err.splitlines() if "--drop-at-exec" in line]) == 1, done


def test_it_works_where_the_ports_are_dropped(place):
    with Soket("run", "--drop-at-exec", "-p", "web", "--", sys.executable, "-c", SERVER, **place) as p:
        p.out.wait(lambda r: "up" in r.text(), p.deadline, "the server")
        with socket.create_connection(("127.0.0.1", records(place)[0]["port"]), timeout=10) as c:
            assert c.recv(10) == b"hello"
        assert p.wait() == 0
        assert "--drop-at-exec" not in p.err.text()


def test_a_server_that_was_seen_listening_is_not_suspected(place):
    script = SERVER.replace("s.accept()[0].sendall(b\"hello\")", "input(); sys.exit(3)")
    with Soket("run", "--json", "-p", "web", "--", sys.executable, "-c", script, "reuse", stdin=PIPE, **place) as p:
        p.out.wait(lambda r: "up" in r.text(), p.deadline, "the server")
        assert not p.ended(1.2)  # it is looked for by then
        p.close_stdin()
        assert p.wait() == 1
        assert p.event("ended")["listened"] is True


def test_json_says_what_was_leased_and_how_it_ended(place):
    done = soket("run", "--json", "-p", "web", "--", "sh", "-c", "echo $PORT; exit 3", **place)
    first, last = [json.loads(line) for line in done.err.splitlines()]
    assert first["event"] == "leased" and first["name"] == "web" and first["port"] == int(done.out)
    assert first["record"].startswith(leases(place))
    assert last == {"event": "ended", "status": 3, "listened": False}


# --- handing sockets over -----------------------------------------------------------------------------------------------

ACTIVATED = """
import os, socket, threading
assert os.environ["LISTEN_PID"] == str(os.getpid()), os.environ["LISTEN_PID"]
names = os.environ["LISTEN_FDNAMES"].split(":")
assert len(names) == int(os.environ["LISTEN_FDS"])
print(names, flush=True)
def serve(s, name):
    while True:
        s.accept()[0].sendall(name.encode())
for i, name in enumerate(names):
    threading.Thread(target=serve, args=(socket.socket(fileno=3 + i), name), daemon=True).start()
input()
"""


@pytest.mark.parametrize("flags", [[], ["--any"]], ids=["loopback", "any"])
def test_listening_sockets_are_handed_over_in_both_families(place, flags):
    with holding(place, "--activate", *flags, "-p", "web", "-p", "api=0", words=[sys.executable, "-c", ACTIVATED]) as p:
        assert p.first == "['web', 'api']"
        for record in records(place):
            for address in ("127.0.0.1", "::1", "localhost"):
                with socket.create_connection((address, record["port"]), timeout=10) as c:
                    assert c.recv(10) == record["name"].encode()


def test_clients_of_before_the_start_wait(place):
    """It listens before the command runs: the command needs no time to be there."""
    script = "import os, socket; c = socket.create_connection(('localhost', int(os.environ['PORT']))); print('connected', flush=True); input()"
    with holding(place, "--activate", words=[sys.executable, "-c", script]) as p:
        assert p.first == "connected"


def test_only_loopback_reaches_it_unless_any(pair, place):
    for flags, reached in (([], False), (["--any"], True)):
        with holding(place, "--activate", *flags, "-p", "web", wrap=pair.b.wrap, words=[sys.executable, "-c", ACTIVATED]):
            port = records(place)[0]["port"]

            def dial(address):
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
                    s.settimeout(10)
                    return s.connect_ex((address, port)) == 0
            assert [pair.a.inside(lambda a=a: dial(a)) for a in (pair.b4, pair.b6)] == [reached] * 2
            assert pair.b.inside(lambda: dial("127.0.0.1")) and pair.b.inside(lambda: dial("::1"))


def test_without_ipv6_one_family_is_handed_over(machine, place):
    def off():
        with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w", encoding="ascii") as f:
            f.write("1")
    machine.inside(off)
    with holding(place, "--activate", wrap=machine.wrap, words=[sys.executable, "-c", ACTIVATED]) as p:
        port = records(place)[0]["port"]
        assert p.first == "['unknown']"
        assert machine.inside(lambda: not refused(port))


def test_when_the_command_closes_its_socket_clients_are_refused_and_the_port_stays_held(place):
    script = "import os; print(os.environ['PORT'], flush=True); input(); os.close(3); print('closed', flush=True); import time; input()"
    with Soket("run", "--activate", "--", sys.executable, "-c", script, stdin=PIPE, **place) as p:
        port = int(p.out.wait(lambda r: b"\n" in r.bytes and r.text(), p.deadline, "the command"))
        assert not refused(port)
        os.write(p.stdin, b"\n")
        p.out.wait(lambda r: "closed" in r.text(), p.deadline, "the socket's end")
        assert refused(port) and refused(port, "::1")
        with socket.socket() as s:
            with pytest.raises(OSError):
                s.bind(("127.0.0.1", port))


# --- the storm ----------------------------------------------------------------------------------------------------------

class Storm:
    """Others that take ports of the kernel's choice, by bind(0) and by connect(2), and keep each for a while."""

    def __init__(self):
        self.taken = []  # (port, from, to)
        self.stop = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(3)]

    def one(self, how):
        s = socket.socket(socket.AF_INET6 if how == 1 else socket.AF_INET)
        if how == 2:
            s.connect(self.server.getsockname())
        else:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the kernel may give out more of them
            s.bind(("::" if how == 1 else "0.0.0.0", 0))
        return s

    def run(self, how):
        kept = []
        while not self.stop.is_set():
            try:
                s = self.one(how)
            except OSError:
                continue
            kept.append((s, s.getsockname()[1], time.monotonic()))
            if len(kept) > 100:
                self.let_go(kept.pop(0))
        for item in kept:
            self.let_go(item)

    def let_go(self, item):
        s, port, begin = item
        self.taken.append((port, begin, time.monotonic()))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # no TIME_WAIT
        s.close()

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        for t in self.threads:
            t.join()
        self.server.close()


def test_twenty_runs_in_a_storm_of_others_never_share_a_port(place):
    with Storm() as storm:
        runs = [Soket("run", "-q", "--", *HOLD, stdin=PIPE, deadline=60, **place) for _ in range(20)]
        held = []
        for p in runs:
            port = int(p.out.wait(lambda r: b"\n" in r.bytes and r.text(), p.deadline, "a port"))
            held.append((port, time.monotonic()))
        until(lambda: len(storm.taken) > 3000, Deadline(60), "the storm")
        end = time.monotonic()
        assert sorted(r["port"] for r in records(place)) == sorted(port for port, _ in held)
        for p in runs:
            p.close_stdin()
        assert [p.wait() for p in runs] == [0] * 20
    assert len({port for port, _ in held}) == 20
    since = dict(held)
    assert not [t for t in storm.taken if t[0] in since and t[2] > since[t[0]] and t[1] < end]


def test_twenty_at_once_of_one_name_in_as_many_directories_have_ports_of_their_own(place, tmp_path):
    runs = []
    for i in range(20):
        (tmp_path / str(i)).mkdir()
        runs.append(Soket("run", "-q", "-p", "web", "--", *HOLD, stdin=PIPE, env=place["env"], cwd=tmp_path / str(i)))
    ports = [p.out.wait(lambda r: b"\n" in r.bytes and r.text(), p.deadline, "a port") for p in runs]
    for p in runs:
        p.close_stdin()
        assert p.wait() == 0
    assert len(set(ports)) == 20


def test_it_costs_nothing_while_its_command_rests(place):
    with holding(place, words=["sh", "-c", "echo up; exec sleep 100"]) as p:
        assert not p.ended(1.5)
        before = p.cpu_seconds()
        assert not p.ended(1.5)
        assert p.cpu_seconds() - before <= 0.02
        p.send_signal(signal.SIGTERM)
