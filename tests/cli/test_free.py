# SPDX-License-Identifier: Apache-2.0
"""soket free: ports that are free now."""
import json
import os
import random
import socket

import pytest

from harness.rights import run_as_nobody
from harness.run import PIPE, Soket, clean_env, one_clear_line, soket


@pytest.fixture
def env(tmp_path):
    """Leases of the test's own."""
    return clean_env(XDG_RUNTIME_DIR=str(tmp_path))


def ports(done):
    assert done.status == 0, done
    return [int(line) for line in done.out.splitlines()]


def bindable(port, kind=socket.SOCK_STREAM):
    """Whether a program without SO_REUSEADDR can bind it on every address of both families."""
    made = []
    try:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            s = socket.socket(family, kind)
            made.append(s)
            if family == socket.AF_INET6:
                s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((address, port))
        return True
    except OSError:
        return False
    finally:
        for s in made:
            s.close()


def quiet_port(env):
    """A free port that the kernel does not hand to our neighbours."""
    first = random.randrange(10000, 30000)
    return ports(soket("free", "--range", f"{first}-{first + 500}", env=env))[0]


def test_one_port_that_can_be_bound(env):
    found = ports(soket("free", env=env))
    assert len(found) == 1 and bindable(found[0])


@pytest.mark.parametrize("n", [2, 50, 400])
def test_many_ports_are_all_different(env, n):
    found = ports(soket("free", str(n), env=env))
    assert len(set(found)) == n


def test_a_range_gives_its_lowest_free_ports_in_order(env):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        found = ports(soket("free", "2", "--range", f"{port}-{min(port + 200, 65535)}", env=env))
        assert port not in found and found == sorted(found) and found[0] > port
        assert all(bindable(p) for p in found)


@pytest.mark.parametrize("family, address", [
    (socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET, "127.5.5.5"),
    (socket.AF_INET6, "::1"), (socket.AF_INET6, "::"),
])
@pytest.mark.parametrize("listens", [False, True], ids=["bound", "listening"])
def test_what_is_bound_on_any_address_is_not_free(env, family, address, listens):
    port = quiet_port(env)
    with socket.socket(family) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((address, port))
        if listens:
            taken.listen()
        done = soket("free", "--range", f"{port}-{port}", env=env)
        assert done.status == 7 and done.out == "", done
    assert ports(soket("free", "--range", f"{port}-{port}", env=env)) == [port]


def test_udp_counts_where_it_is_asked_for(env):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert soket("free", "--udp", "--range", f"{port}-{port}", env=env).status == 7
    found = ports(soket("free", "5", "--udp", env=env))
    assert all(bindable(p) and bindable(p, socket.SOCK_DGRAM) for p in found)


@pytest.mark.parametrize("word, first, last", [("user", 1024, 49151), ("dynamic", 49152, 65535)])
def test_a_class_gives_ports_of_that_class(env, word, first, last):
    found = ports(soket("free", "20", "--class", word, env=env))
    assert len(set(found)) == 20 and all(first <= p <= last for p in found)


def test_json_is_one_object_a_port(env):
    rows = [json.loads(line) for line in soket("free", "3", "--json", "--class", "dynamic", env=env).out.splitlines()]
    assert len(rows) == 3
    assert all(set(row) == {"port", "class"} and row["class"] == "dynamic" for row in rows)


def test_too_few_say_how_many_there_were_and_print_none(env):
    port = quiet_port(env)
    done = soket("free", "2", "--range", f"{port}-{port}", env=env)
    text, hint = one_clear_line(done)
    assert done.status == 7 and done.out == ""
    assert "1 free port" in text and "2 are wanted" in text and "widen" in hint


def test_a_leased_port_is_not_free_even_when_it_was_dropped(env, tmp_path):
    port = quiet_port(env)
    with Soket("run", "--json", "--drop-at-exec", "-p", f"web={port}", "--", "sh", "-c", "echo up; read x",
               stdin=PIPE, env=env, cwd=tmp_path) as p:
        p.out.wait(lambda r: "up" in r.text(), p.deadline, "the command")
        assert bindable(port)
        assert soket("free", "--range", f"{port}-{port}", env=env).status == 7
        p.close_stdin()
        p.wait()
    assert ports(soket("free", "--range", f"{port}-{port}", env=env)) == [port]


@pytest.mark.parametrize("words", [
    ["0"], ["-1"], ["x"], ["70000"], ["1", "2"], ["--range", "9-3"], ["--range", "0-3"], ["--range", "1-65536"], ["--range", "a"],
    ["--range", ""], ["--range", "1-2-3"], ["--class", "none"], ["--range", "3-4", "--class", "user"],
])
def test_bad_words_are_told(env, words):
    done = soket("free", *words, env=env)
    assert done.status == 2 and done.out == "", done
    one_clear_line(done)


def test_system_ports_without_rights_are_denied(tmp_path):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        if int(f.read()) < 1024:
            pytest.skip("every port is open to everybody here")
    done = run_as_nobody(tmp_path, "free", "--class", "system")
    assert done.status == 6 and done.out == "", done


def test_without_ipv6(can_netns, machine, env):
    """In a namespace whose IPv6 is switched off."""
    machine.inside(lambda: write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"))
    done = soket("free", "3", wrap=machine.wrap, env=env)
    assert len(set(ports(done))) == 3


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def test_a_full_stdout_is_an_error(env):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    with open("/dev/full", "w", encoding="ascii") as full:
        assert soket("free", stdout=full, env=env).status == 1
