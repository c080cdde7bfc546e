# SPDX-License-Identifier: Apache-2.0
"""Diagnosis: a failure about a port or a socket's name says who is in the way, and what to do. What it advises is tried: a port that
it offers is bound, a command that it offers is run."""
import contextlib
import ctypes
import json
import os
import re
import shutil
import socket
import sys
import threading
import time

import pytest

from harness.clock import Deadline, until
from harness.ends import Gone, dial_tcp, dial_unix
from harness.rights import run_as_nobody
from harness.run import PIPE, Program, Soket, binary, clean_env, command, one_clear_line, sanitized, soket

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SHARE = [(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)]
AGE = r"\d[\d.]* (ms|s|min|us)"


def listening(address=("127.0.0.1", 0), family=socket.AF_INET, kind=socket.SOCK_STREAM, options=(), listens=True):
    s = socket.socket(family, kind)
    for option in options:
        s.setsockopt(*option)
    s.bind(address)
    if listens and kind != socket.SOCK_DGRAM:
        s.listen(50)
    return s


def port_of(s):
    return s.getsockname()[1]


def held(holder, *socks, **options):
    """A program that has these sockets, which the test then has no more."""
    p = Program([holder, "hold"], pass_fds=[s.fileno() for s in socks], **options)
    for s in socks:
        s.close()
    return p


def free_port():
    """A port that nobody has, in either family."""
    for _ in range(50):
        with listening(listens=False) as s, socket.socket(socket.AF_INET6) as six:
            try:
                six.bind(("::1", port_of(s)))
            except OSError:
                continue
            return port_of(s)
    raise AssertionError("no port is free")


def binds(port, address="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        try:
            s.bind((address, port))
        except OSError:
            return False
    return True


@pytest.fixture
def place(tmp_path):
    """A home directory, and a program's directory in it."""
    (tmp_path / "shop").mkdir()
    return {"home": str(tmp_path), "shop": str(tmp_path / "shop"),
            "env": clean_env(HOME=str(tmp_path), XDG_RUNTIME_DIR=str(tmp_path))}


def taken(hint, pid, env=None):
    """The command that the hint offers, without a terminal: it names who would be ended, and ends nobody."""
    words = re.search(r"(?<!sudo )soket (take \S+)$", hint)[1].split()
    done = soket(*words, env=env)
    assert done.status == 2 and f"pid {pid}" in done.err, (words, done)


# --- address in use -----------------------------------------------------------------------------------------------------

LISTENERS = {
    "listen": (7, lambda at: ["listen", at]),
    "link": (7, lambda at: ["link", at, "echo:"]),
    "run": (7, lambda at: ["run", "-p", f"web={at.rsplit(':', 1)[1]}", "--", "true"]),
    "wait": (5, lambda at: ["wait", "--free", at, "--timeout", "0.3s"]),
}


@pytest.mark.parametrize("which", LISTENERS)
def test_a_port_that_is_taken_names_who_has_it_and_since_when(which, holder, place):
    status, words = LISTENERS[which]
    s = listening()
    port = port_of(s)
    with held(holder, s, cwd=place["shop"]) as p:
        done = soket(*words(f"127.0.0.1:{port}"), env=place["env"])
        assert done.status == status and done.out == "", done
        text, hint = one_clear_line(done)
        assert "address in use" in text and str(port) in text
        assert re.search(rf"holder \(pid {p.pid}, you\)(?: on 127\.0\.0\.1:{port})?, ~/shop, {AGE}$", text), text
        taken(hint, p.pid)
        assert not p.ended()


@pytest.mark.parametrize("which", LISTENERS)
def test_the_port_that_is_offered_instead_is_free_and_written_as_the_command_wants_it(which, holder, place):
    status, words = LISTENERS[which]
    s = listening()
    port = port_of(s)
    nexts = []
    with contextlib.suppress(OSError):
        nexts = [listening(("127.0.0.1", port + 1))]  # the first that comes to mind is taken too
    with held(holder, s):
        _, hint = one_clear_line(soket(*words(f"127.0.0.1:{port}"), env=place["env"]))
        offered = re.search(r"try (\S+?),? or", hint)[1]
        number = int(re.search(r"(\d+)$", offered)[1])
        assert number not in (0, port, port + 1) and binds(number)
        if which == "run":
            assert offered in (str(number), f"web={number}"), hint  # -p wants NAME=PORT
        elif which != "wait":
            assert offered == f"127.0.0.1:{number}"
    for s in nexts:
        s.close()


def test_json_says_it_too(holder, place):
    s = listening()
    with held(holder, s, cwd=place["shop"]) as p:
        done = soket("listen", "--json", f"127.0.0.1:{port_of_pid(p)}", env=place["env"])
        error = json.loads(done.err)
        assert done.status == 7 and error["kind"] == "in-use" and f"(pid {p.pid}, you)" in error["text"]
        assert "soket take" in error["hint"] and error["errno"] == 98


def port_of_pid(p):
    return json.loads(soket("ports", "--json", f"pid={p.pid}").out.splitlines()[0])["local_port"]


@pytest.mark.parametrize("has, wants, where", [
    ("0.0.0.0", "127.0.0.1:{}", " on 0.0.0.0:{}"),
    ("127.0.0.1", "any:{}", " on 127.0.0.1:{}"),
    ("127.0.0.1", "{}", " on 127.0.0.1:{}"),
    ("127.0.0.1", "localhost:{}", " on 127.0.0.1:{}"),
    ("::1", "[::1]:{}", ""),
    ("::", "127.0.0.1:{}", " on [::]:{}"),
])
def test_where_the_holder_sits_is_told_when_it_is_another_address(has, wants, where, holder):
    try:
        s = listening((has, 0), socket.AF_INET6 if ":" in has else socket.AF_INET)
    except OSError:
        pytest.skip("no IPv6 here")
    port = port_of(s)
    with held(holder, s, cwd="/") as p:
        done = soket("listen", wants.format(port))
        text, hint = one_clear_line(done)
        assert done.status == 7 and f"holder (pid {p.pid}, you){where.format(port)}, /, " in text, done
        taken(hint, p.pid)


def test_a_port_that_another_address_has_is_not_in_the_way(holder):
    s = listening(("127.0.0.2", 0))
    with held(holder, s) as p, Soket("listen", "--json", f"127.0.0.1:{port_of_pid(p)}", stdin=PIPE) as q:
        q.event("listening")


@pytest.mark.parametrize("order", [("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2")], ids=["after", "before"])
def test_of_two_that_have_the_port_the_one_in_the_way_is_named(order, holder):
    first = listening((order[0], 0))
    port = port_of(first)
    with held(holder, first) as one, held(holder, listening((order[1], port))) as two:
        p, other = (two, one) if order[1] == "127.0.0.1" else (one, two)
        for wants in (f"127.0.0.1:{port}", f"localhost:{port}", str(port)):
            text, _ = one_clear_line(soket("listen", wants))
            assert f"pid {p.pid}" in text and f"pid {other.pid}" not in text, text


def test_the_highest_port_has_no_neighbour_above(holder):
    try:
        s = listening(("127.0.0.1", 65535))
    except OSError:
        pytest.skip("somebody has port 65535")
    with held(holder, s) as p:
        text, hint = one_clear_line(soket("listen", "127.0.0.1:65535"))
        assert f"pid {p.pid}" in text and re.search(r"try 127\.0\.0\.1:(\d+)", hint)[1] != "65536"


def fork_child(code):
    program = ("import os, socket, sys\ns = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\npid = os.fork()\n"
               "if pid == 0: sys.stdin.read(); os._exit(0)\n" + code +
               "print(s_port, pid, flush=True)\nsys.stdin.read()\n")
    p = Program([sys.executable, "-c", program], stdin=PIPE)
    p.port, p.child = map(int, p.out.wait(lambda r: b"\n" in r.bytes and r.text().splitlines()[0], p.deadline, "the port").split())
    return p


def test_a_child_that_a_fork_left_with_the_port_is_named():
    with fork_child("s_port = s.getsockname()[1]; s.close()\n") as p:
        text, hint = one_clear_line(soket("listen", f"127.0.0.1:{p.port}"))
        assert f"(pid {p.child}, you)" in text and str(p.pid) not in text.replace(str(p.child), "")
        taken(hint, p.child)


def test_a_parent_and_its_child_are_told_as_one_and_more():
    with fork_child("s_port = s.getsockname()[1]\n") as p:
        text, hint = one_clear_line(soket("listen", f"127.0.0.1:{p.port}"))
        assert f"(pid {p.pid}, you) and 1 more" in text
        taken(hint, p.pid)


@contextlib.contextmanager
def lease(place):
    """soket run -p web, whose command does not listen."""
    with Soket("run", "-p", "web", "--", "sh", "-c", "echo $PORT; read x; true", stdin=PIPE, env=place["env"], cwd=place["shop"]) as p:
        p.leased = int(p.out.wait(lambda r: b"\n" in r.bytes and r.text(), p.deadline, "the port"))
        yield p
        p.close_stdin()
        p.wait()


def test_a_lease_is_told_as_one_with_its_name(place):
    """A program that does not reuse addresses is kept out; ours, which does, is kept out by a second run alone."""
    with lease(place) as p:
        done = soket("run", "-p", f"other={p.leased}", "--", "true", env=place["env"], cwd=place["home"])
        text, hint = one_clear_line(done)
        assert done.status == 7 and f"pid {p.pid}" in text and "web" in text and place["shop"] in text, done
        assert f"kill {p.pid}" in hint or "soket take" in hint
        done = soket("wait", "--free", f"127.0.0.1:{p.leased}", "--timeout", "0.2s", env=place["env"])
        text, hint = one_clear_line(done)
        assert done.status == 5 and f"soket run (pid {p.pid}, you), a lease for web" in text, done


def test_dialling_a_lease_says_that_its_program_does_not_listen_yet(place):
    with lease(place) as p:
        done = soket("connect", f"127.0.0.1:{p.leased}", env=place["env"])
        text, hint = one_clear_line(done)
        assert done.status == 4 and f"soket run (pid {p.pid}, you), a lease for web" in text and "does not listen yet" in text, done
        assert "soket wait" in hint


def test_a_port_of_a_client_s_connection_is_told_as_that_and_take_is_not_advised(holder):
    """Such a port is not bound: soket take has nobody to end there."""
    with listening() as server:
        client = socket.create_connection(server.getsockname())
        port = port_of(client)
        with held(holder, client) as p:
            done = soket("listen", f"127.0.0.1:{port}")
            if done.status != 7:
                pytest.skip("this kernel lets a server have the port of a connection")
            text, hint = one_clear_line(done)
            assert f"a connection of holder (pid {p.pid}, you)" in text and "try 127.0.0.1:" in hint
            assert "soket take" not in hint, hint


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
@pytest.mark.parametrize("scheme, kind", [("", socket.SOCK_STREAM), ("unix-seqpacket:", socket.SOCK_SEQPACKET)])
def test_a_unix_socket_in_use_names_who_listens_there(scheme, kind, abstract, holder, short_path):
    name = f"@soket-diagnosis-{os.getpid()}-{scheme}" if abstract else os.path.join(short_path, "s")
    s = listening(name.replace("@", "\0"), socket.AF_UNIX, kind)
    with held(holder, s, cwd="/") as p:
        done = soket("listen", scheme + name)
        text, hint = one_clear_line(done)
        assert done.status == 7 and name in text and re.search(rf"holder \(pid {p.pid}, you\), /, {AGE}$", text), done
        taken(hint, p.pid)


def test_a_path_that_a_socket_of_another_type_has_names_who_listens_there(holder, short_path):
    name = os.path.join(short_path, "s")
    s = listening(name, socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with held(holder, s, cwd="/") as p:
        done = soket("listen", name)
        text, _ = one_clear_line(done)
        assert done.status == 7 and name in text and f"holder (pid {p.pid}, you)" in text, done


def test_a_path_that_is_no_socket_is_told_as_that(short_path):
    name = os.path.join(short_path, "s")
    with open(name, "w", encoding="ascii"):
        pass
    for words in (["listen", name], ["connect", "unix:" + name]):
        done = soket(*words)
        text, _ = one_clear_line(done)
        assert done.status in (4, 7) and "not a socket" in text, done
        assert "left behind" not in text


# --- in the way of somebody without rights ------------------------------------------------------------------------------

@needs_root
@pytest.mark.parametrize("words", [["listen"], ["link"]], ids=str)
def test_who_cannot_be_seen_is_told_honestly(words, holder, short_path):
    s = listening()
    port = port_of(s)
    with held(holder, s) as p:
        done = run_as_nobody(short_path, *words, f"127.0.0.1:{port}", *(["echo:"] if words == ["link"] else []))
        text, hint = one_clear_line(done)
        assert done.status == 7 and "a program of root, which cannot be seen" in text, done
        assert str(p.pid) not in text and f"sudo soket take {port}" in hint
        assert binds(int(re.search(r"try 127\.0\.0\.1:(\d+)", hint)[1]))


@needs_root
def test_who_cannot_be_seen_on_a_path_is_told_honestly(holder, short_path):
    name = f"@soket-diagnosis-{os.getpid()}-root"
    s = listening(name.replace("@", "\0"), socket.AF_UNIX)
    with held(holder, s) as p:
        done = run_as_nobody(short_path, "listen", name)
        text, hint = one_clear_line(done)
        assert done.status == 7 and "cannot be seen" in text and str(p.pid) not in text.replace(name, ""), done
        assert f"sudo soket take {name}" in hint


@needs_root
def test_who_cannot_be_seen_and_listens_elsewhere_is_told_honestly(holder, short_path):
    s = listening(("127.0.0.2", 0))
    port = port_of(s)
    with held(holder, s):
        done = run_as_nobody(short_path, "connect", f"127.0.0.1:{port}")
        text, hint = one_clear_line(done)
        assert done.status == 4 and "a program of root, which cannot be seen" in text and f"127.0.0.2:{port}" in text, done
        assert f"soket connect 127.0.0.2:{port}" in hint


def first_free():
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        return int(f.read())


@needs_root
@pytest.mark.parametrize("words, offers", [
    (["listen", "127.0.0.1:80"], "127.0.0.1:"), (["listen", "any:80"], "any:"), (["listen", "[::1]:80"], "[::1]:"),
    (["link", "127.0.0.1:80", "echo:"], "127.0.0.1:"), (["run", "-p", "web=80", "--", "true"], "web=")], ids=lambda v: v[0] if isinstance(v, list) else v)
def test_a_system_port_without_the_rights_says_which_rule_and_offers_another(words, offers, short_path):
    first = first_free()
    if first <= 80:
        pytest.skip(f"everybody may listen on port 80 here (net.ipv4.ip_unprivileged_port_start is {first})")
    done = run_as_nobody(short_path, *words)
    text, hint = one_clear_line(done)
    assert done.status == 6 and "permission denied" in text and "80" in text and str(first) in text, done
    assert "net.ipv4.ip_unprivileged_port_start" in hint
    offered = re.search(r"try (\S*?)(\d+),", hint)
    assert offered and int(offered[2]) >= first and binds(int(offered[2])) and offered[1] in (offers, "" if offers == "web=" else offers), hint


# --- refused ------------------------------------------------------------------------------------------------------------

class Failure:
    def __init__(self, text, hint):
        self.text, self.hint = text, hint

    def __repr__(self):
        return f"<{self.text!r} / {self.hint!r}>"


def by_connect(endpoint, **options):
    done = soket("connect", endpoint, **options)
    assert done.status == 4 and done.out == "", done
    return Failure(*one_clear_line(done))


def by_retrying(endpoint, **options):
    done = soket("connect", endpoint, "retry=2", **options)
    assert done.status == 4, done
    return Failure(*one_clear_line(done))


def by_wait(endpoint, **options):
    done = soket("wait", endpoint, "--timeout", "0.3s", **options)
    assert done.status == 5 and "timed out after 300 ms" in done.err, done
    return Failure(*one_clear_line(done))


def knock(address, deadline):
    """A client of a relay, until the relay has given it up."""
    with dial_tcp(address, deadline) as end, contextlib.suppress(Gone):
        assert end.read_all(deadline) == b""


def by_link(endpoint, **options):
    with Soket("link", "--json", "tcp://127.0.0.1:0", endpoint, **options) as p:
        knock(p.address(), p.deadline)
        error = p.event("failed")["error"]
        assert error["kind"] == "refused", error
        return Failure(error["text"], error["hint"])


def by_link_once(endpoint, **options):
    with Soket("link", "--once", "--json", "tcp://127.0.0.1:0", endpoint, **options) as p:
        knock(p.address(), p.deadline)
        assert p.wait() == 4, p.said()
        error = p.events("error")[-1] if p.events("error") else p.events("failed")[-1]["error"]
        return Failure(error["text"], error["hint"])


class ApiError(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("sys", ctypes.c_int), ("at", ctypes.c_int), ("text", ctypes.c_char * 256),
                ("hint", ctypes.c_char * 192)]


def library():
    path = os.path.join(os.path.dirname(binary()), "src", "libsoket.so")
    if sanitized() or not os.path.exists(path):
        pytest.skip("the shared library cannot be loaded from here")
    lib = ctypes.CDLL(path)
    lib.soket_dial.restype = lib.soket_listen.restype = ctypes.c_void_p
    return lib


def by_api(endpoint, env=None):
    error = ApiError()
    assert not library().soket_dial(endpoint.encode(), 5000, ctypes.byref(error))
    assert error.kind == 4
    return Failure(error.text.decode(), error.hint.decode())


DIALS = pytest.mark.parametrize("dial", [by_connect, by_retrying, by_wait, by_link, by_link_once, by_api],
                                ids=["connect", "retry", "wait", "link", "once", "api"])


@DIALS
def test_where_nobody_listens_that_is_said(dial):
    port = free_port()
    got = dial(f"127.0.0.1:{port}")
    assert "nothing listens" in got.text and f"127.0.0.1:{port}" in got.text and "pid" not in got.text, got
    assert got.hint


@DIALS
@pytest.mark.parametrize("has, dialled", [("::1", "127.0.0.1"), ("127.0.0.1", "[::1]"), ("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.9.9.9")])
def test_who_listens_on_another_address_is_named_with_it(dial, has, dialled, holder):
    family = socket.AF_INET6 if ":" in has else socket.AF_INET
    try:
        s = listening((has, free_port()), family)
    except OSError:
        pytest.skip("no IPv6 here")
    port = port_of(s)
    with held(holder, s) as p:
        got = dial(f"{dialled}:{port}")
        there = f"[{has}]:{port}" if ":" in has else f"{has}:{port}"
        assert f"nobody listens on tcp://{dialled}:{port}" in got.text and f"holder (pid {p.pid}, you) listens on {there}" in got.text, got
        assert f"soket connect {there}" in got.hint


@DIALS
def test_who_listens_on_every_address_of_the_other_family_is_named(dial, holder):
    only = (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        s = listening(("::", free_port()), socket.AF_INET6, options=[only])
    except OSError:
        pytest.skip("no IPv6 here")
    port = port_of(s)
    with held(holder, s) as p:
        got = dial(f"127.0.0.1:{port}")
        assert f"holder (pid {p.pid}, you) listens on [::]:{port}" in got.text and f"soket connect [::1]:{port}" in got.hint, got


@DIALS
def test_who_has_bound_the_port_and_does_not_listen_is_named(dial, holder):
    s = listening(options=[(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)], listens=False)
    port = port_of(s)
    if not soket("ports", str(port)).out:
        pytest.skip("this kernel does not tell about bound sockets")
    with held(holder, s) as p:
        got = dial(f"127.0.0.1:{port}")
        assert f"holder (pid {p.pid}, you) has bound 127.0.0.1:{port}" in got.text and "not listen" in got.text and got.hint, got


def test_who_has_bound_it_on_another_address_is_not_waited_for(holder):
    """When it does come to listen, nobody is there where we dial."""
    s = listening(("127.0.0.2", free_port()), listens=False)
    port = port_of(s)
    with held(holder, s):
        assert "wait until it does" not in by_connect(f"127.0.0.1:{port}").hint


@DIALS
def test_who_has_the_port_for_udp_alone_is_named(dial, holder):
    s = listening(("127.0.0.1", free_port()), kind=socket.SOCK_DGRAM)
    port = port_of(s)
    with held(holder, s) as p:
        got = dial(f"127.0.0.1:{port}")
        assert f"holder (pid {p.pid}, you)" in got.text and f"udp://127.0.0.1:{port}" in got.text, got
        assert str(port) in got.hint


@DIALS
def test_a_socket_s_file_that_was_left_behind_is_told_as_that(dial, short_path):
    name = os.path.join(short_path, "s")
    listening(name, socket.AF_UNIX).close()
    got = dial(name)
    assert name in got.text and "left behind" in got.text and got.hint, got


@DIALS
def test_an_abstract_name_that_nobody_has_is_told_as_that(dial):
    name = f"@soket-nobody-{os.getpid()}"
    got = dial(name)
    assert f"nobody has the name {name}" in got.text and got.hint, got


@DIALS
@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_who_has_bound_a_name_and_does_not_listen_is_named(dial, abstract, holder, short_path):
    name = f"@soket-bound-{os.getpid()}" if abstract else os.path.join(short_path, "s")
    s = listening(name.replace("@", "\0"), socket.AF_UNIX, listens=False)
    with held(holder, s) as p:
        got = dial(name)
        assert f"holder (pid {p.pid}, you) has bound {name}" in got.text and "not listen" in got.text and got.hint, got


@pytest.mark.parametrize("kind, scheme", [(socket.SOCK_SEQPACKET, "unix-seqpacket:"), (socket.SOCK_DGRAM, "unix-dgram:")])
def test_a_unix_socket_of_another_type_is_told_with_its_scheme(kind, scheme, holder, short_path):
    name = os.path.join(short_path, "s")
    with held(holder, listening(name, socket.AF_UNIX, kind)):
        got = by_connect(name)
        assert name in got.text and "type" in got.text and scheme in got.hint, got


def test_the_address_that_is_advised_can_be_dialled(holder):
    with listening(("127.0.0.2", free_port())) as s:
        got = by_connect(f"127.0.0.1:{port_of(s)}")
        words = re.search(r"soket (connect \S+)$", got.hint)[1].split()
        with Soket(*words) as p:
            s.settimeout(Deadline(10).left())
            s.accept()[0].close()
            assert p.wait() == 0


def test_localhost_is_this_machine_too(holder):
    s = listening(("127.0.0.2", free_port()))
    port = port_of(s)
    with held(holder, s) as p:
        for endpoint in (f"localhost:{port}", str(port), f":{port}"):
            got = by_connect(endpoint)
            assert f"pid {p.pid}" in got.text and f"127.0.0.2:{port}" in got.hint, got


def test_names_of_strangers_do_not_steer_the_terminal(holder, tmp_path):
    copy = str(tmp_path / "ev\x1b[31m\nil")
    shutil.copy(holder, copy)
    near, s = listening(("127.0.0.2", free_port())), listening()
    dialled, port = port_of(near), port_of(s)
    place = tmp_path / "a\x1b]0;x\x07\nb"
    place.mkdir()
    with held(copy, near, s, cwd=str(place)) as p:
        for words in (["connect", f"127.0.0.1:{dialled}"], ["listen", f"127.0.0.1:{port}"],
                      ["wait", f"127.0.0.1:{dialled}", "--timeout", "0.1s"]):
            done = soket(*words)
            one_clear_line(done)
            assert f"(pid {p.pid}, you)" in done.err and len(done.err.splitlines()) == 2, done
            assert not [c for c in done.err.replace("\n", "") if ord(c) < 32], done


def test_a_long_name_and_directory_leave_the_rest_readable(holder, tmp_path):
    place = tmp_path
    for _ in range(4):
        place = place / ("directory-é" * 8)
    place.mkdir(parents=True)
    near = listening()
    port = port_of(near)
    with held(holder, near, cwd=str(place)) as p:
        done = soket("listen", f"127.0.0.1:{port}")
        text, hint = one_clear_line(done)
        assert f"(pid {p.pid}, you)" in text and re.search(rf", {AGE}$", text), text
        assert "\\x" not in text and "\ufffd" not in text, text  # no half characters
        taken(hint, p.pid)


# --- rights that were dropped -------------------------------------------------------------------------------------------

def test_dialling_has_dropped_its_rights_and_names_the_process_all_the_same(holder):
    s = listening(("127.0.0.2", free_port()))
    port = port_of(s)
    with held(holder, s) as p:
        done = soket("connect", "-v", f"127.0.0.1:{port}")
        if "Landlock" not in done.err or "no Landlock" in done.err:
            pytest.skip("the kernel has no Landlock here")
        assert "rights that are not needed are dropped" in done.err
        assert done.status == 4 and f"holder (pid {p.pid}, you) listens on 127.0.0.2:{port}" in done.err, done


def rights_are_dropped(p):
    """What could be foreseen has been: from now on other processes cannot be looked at."""
    p.err.wait(lambda r: "rights" in r.text() or "Landlock" in r.text(), p.deadline, "the rights to be dropped")


def test_a_server_that_comes_while_we_try_again_is_reached():
    port = free_port()
    with Soket("connect", "-v", f"127.0.0.1:{port}", "retry=forever") as p:
        rights_are_dropped(p)
        with listening(("127.0.0.1", port)) as s:
            s.settimeout(Deadline(10).left())
            s.accept()[0].close()
            assert p.wait() == 0, p.said()


def test_who_was_foreseen_and_has_gone_is_not_named(holder):
    s = listening(("127.0.0.2", free_port()))
    port = port_of(s)
    with held(holder, s) as first, Soket("connect", "-v", f"127.0.0.1:{port}", "retry=4") as p:
        rights_are_dropped(p)
        first.stop()
        with held(holder, listening(("127.0.0.3", port))):
            assert p.wait() == 4
        assert f"127.0.0.3:{port}" in p.err.text() and f"pid {first.pid}" not in p.err.text(), p.said()


# --- other namespaces ---------------------------------------------------------------------------------------------------

INSIDE = "import socket, sys\ns = socket.socket(); s.bind(('0.0.0.0', int(sys.argv[1]))); s.listen()\nprint('up', flush=True)\nsys.stdin.read()\n"


def inside(wrap, port):
    p = Program([*wrap, sys.executable, "-c", INSIDE, str(port)], stdin=PIPE)
    p.out.wait(lambda r: b"up" in r.bytes, p.deadline, "the server")
    return p


@DIALS
def test_who_listens_in_another_namespace_is_named_with_the_way_there(dial, machine):
    port = free_port()
    with inside(machine.wrap, port) as p:
        got = dial(f"127.0.0.1:{port}")
        assert f"(pid {p.pid}, you)" in got.text and "another network namespace" in got.text, got
        assert f"ip netns exec {machine.name} soket connect" in got.hint and str(port) in got.hint


def test_a_namespace_without_a_name_is_reached_by_its_process():
    wrap = ["unshare", "--net"]
    if not shutil.which("unshare") or command(*wrap, "true").status != 0:
        pytest.skip("network namespaces cannot be made here")
    port = free_port()
    with inside(wrap, port) as p:
        got = by_connect(f"127.0.0.1:{port}")
        assert f"(pid {p.pid}, you)" in got.text and f"nsenter -t {p.pid} -n soket connect" in got.hint, got


# --- a relay whose target refuses ---------------------------------------------------------------------------------------

def test_a_relay_says_it_for_each_client_in_words(holder):
    s = listening(("127.0.0.2", free_port()))
    port = port_of(s)
    with held(holder, s) as p, Soket("link", "tcp://127.0.0.1:0", f"127.0.0.1:{port}") as link:
        line = link.err.wait(lambda r: "\n" in r.text() and r.text(), link.deadline, "listening")
        address = ("127.0.0.1", int(re.search(r":(\d+)$", line.splitlines()[0])[1]))
        for n in (1, 2):
            knock(address, link.deadline)
            text = link.err.wait(lambda r: r.text().count(f"soket connect 127.0.0.2:{port}") >= n and r.text(), link.deadline, "the hint")
            assert text.count(f"holder (pid {p.pid}, you) listens on 127.0.0.2:{port}") == n, text


@pytest.mark.parametrize("threads", ["1", "4"])
def test_two_hundred_clients_that_fail_at_once_are_told_the_same_and_soon(threads, holder):
    s = listening(("127.0.0.2", free_port()))
    port = port_of(s)
    with held(holder, s) as p, Soket("link", "--json", "-t", threads, "tcp://127.0.0.1:0", f"127.0.0.1:{port}") as link:
        address = link.address()
        began = time.monotonic()
        clients = [threading.Thread(target=lambda: [knock(address, link.deadline) for _ in range(10)]) for _ in range(20)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        link.event("failed", count=200)
        assert time.monotonic() - began < Deadline(8).seconds
        errors = [e["error"] for e in link.events("failed")]
        assert len(errors) == 200
        assert all(f"holder (pid {p.pid}, you) listens on 127.0.0.2:{port}" in e["text"] and e["hint"] for e in errors), errors
        assert link.cpu_seconds() < 3


def test_a_relay_tells_what_is_so_now_and_not_what_was(holder):
    """What a first client was told is not told to one that comes seconds later, when it is no more so."""
    s = listening(("127.0.0.2", free_port()))
    port = port_of(s)
    with Soket("link", "--json", "tcp://127.0.0.1:0", f"127.0.0.1:{port}") as link, held(holder, s) as p:
        knock(link.address(), link.deadline)
        assert f"127.0.0.2:{port}" in link.event("failed")["error"]["text"]
        p.stop()
        told = []

        def is_told():
            knock(link.address(), link.deadline)
            told.append(link.event("failed", count=len(told) + 2)["error"]["text"])
            return "nothing listens" in told[-1]
        until(is_told, Deadline(10), "the new state to be told", pause=0.05)


def test_a_unix_client_of_a_relay_is_told_too(holder, short_path):
    s = listening(("127.0.0.2", free_port()))
    port = port_of(s)
    name = os.path.join(short_path, "s")
    with held(holder, s) as p, Soket("link", "--json", name, f"127.0.0.1:{port}") as link:
        link.event("listening")
        with dial_unix(name, link.deadline) as end, contextlib.suppress(Gone):
            assert end.read_all(link.deadline) == b""
        assert f"holder (pid {p.pid}, you)" in link.event("failed")["error"]["text"]


# --- the library --------------------------------------------------------------------------------------------------------

def test_the_library_s_listener_names_who_has_the_port(holder):
    s = listening()
    port = port_of(s)
    with held(holder, s, cwd="/") as p:
        error = ApiError()
        assert not library().soket_listen(f"127.0.0.1:{port}".encode(), ctypes.byref(error))
        assert error.kind == 7 and f"holder (pid {p.pid}, you), /, " in error.text.decode()
        taken(error.hint.decode(), p.pid)


# --- waiting ------------------------------------------------------------------------------------------------------------

def test_a_wait_that_is_over_carries_what_it_saw_last(holder):
    s, near = listening(), listening(("127.0.0.2", free_port()))
    port, other = port_of(s), port_of(near)
    with held(holder, s, near, cwd="/") as p:
        done = soket("wait", f"127.0.0.1:{other}", f"127.0.0.1:{free_port()}", "--timeout", "0.3s")
        assert done.status == 5 and "2 of 2" in done.err, done
        assert f"holder (pid {p.pid}, you) listens on 127.0.0.2:{other}" in done.err and "nothing listens" in done.err
        done = soket("wait", "--json", "--free", f"127.0.0.1:{port}", "--timeout", "0.3s")
        missing, = [e for e in done.events if e["event"] == "missing"]
        assert missing["kind"] == "in-use" and f"holder (pid {p.pid}, you), /, " in missing["text"], missing
