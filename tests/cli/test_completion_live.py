# SPDX-License-Identifier: Apache-2.0
"""Completion of what is there at the moment: ports, processes, connections, namespaces, and the filters made of them."""
import json
import os
import re
import shutil
import socket
import subprocess

import pytest

from harness.run import binary, clean_env, one_clear_line, soket
from test_help import Terminal

SAFE = re.compile(r"[A-Za-z0-9._+@%/:,=<>-]+")
NAME = "skt-complete"  # of a process: at most 15 bytes are kept


def offered(kind, prefix=""):
    """{word: what it is}"""
    done = soket("complete", kind, *([prefix] if prefix else []))
    assert done.status == 0 and done.err == "", done
    return dict((line.split("\t") + [""])[:2] for line in done.out.splitlines())


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def port_of(sock):
    return str(sock.getsockname()[1])


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A process of a name of its own that listens on a port: (name, port)."""
    directory = tmp_path_factory.mktemp("named")
    script = ("import os, socket, sys\n"
              "open('/proc/self/comm', 'w').write(sys.argv[1])\n"
              "s = socket.create_server(('127.0.0.1', 0))\n"
              "print(s.getsockname()[1], flush=True)\n"
              "sys.stdin.read()\n")
    p = subprocess.Popen(["/usr/bin/python3", "-c", script, NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=directory)
    yield NAME, p.stdout.readline().strip()
    p.stdin.close()
    p.wait(10)
    p.stdout.close()


def hostile(name):
    """The same with a name that a shell or a terminal would take to mean something."""
    return subprocess.Popen(["/usr/bin/python3", "-c", "import socket, sys\nopen('/proc/self/comm', 'wb').write(bytes.fromhex(sys.argv[1]))\n"
                             "s = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\nsys.stdin.read()\n",
                             name.hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


# --- the words ----------------------------------------------------------------------------------------------------------

def test_a_port_that_is_listened_on_is_offered_with_what_it_is(named):
    name, port = named
    assert offered("port", port) == {port: f"tcp {name}"}


def test_a_port_that_nobody_has_is_not_offered(server):
    port = port_of(server)
    server.close()
    assert port not in offered("port", port)


def test_only_what_begins_with_the_prefix_is_offered(server):
    port = port_of(server)
    found = offered("port", port[:3])
    assert port in found and all(word.startswith(port[:3]) for word in found)


def test_ports_are_sorted_as_numbers_and_come_once(server):
    with socket.create_server(("127.0.0.2", int(port_of(server)))):
        words = soket("complete", "port").out.splitlines()
    numbers = [int(line.split("\t")[0]) for line in words]
    assert numbers == sorted(set(numbers)) and int(port_of(server)) in numbers


def test_a_udp_port_is_offered_too():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert offered("port", port_of(sock))[port_of(sock)].startswith(("udp", "tcp"))


def test_processes_that_have_sockets_are_offered(named):
    name, port = named
    assert name in offered("process")
    assert name in offered("pid").values()


def test_connections_are_offered_by_their_far_end(server):
    with socket.create_connection(server.getsockname()) as client:
        far = f"127.0.0.1:{client.getsockname()[1]}"
        assert far in offered("connection", far)


def test_users_with_sockets_are_offered(server):
    words = offered("user")
    assert "me" in words and len(words) >= 2


def test_namespaces_are_offered(machine):
    assert machine.name in offered("netns")


def test_paths_of_unix_sockets_are_offered(short_path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"{short_path}/s")
        sock.listen(1)
        assert f"{short_path}/s" in offered("path", short_path)


def test_services_and_interfaces_are_offered():
    assert "https" in offered("service", "http")
    assert "lo" in offered("interface")


def test_json_has_an_object_for_each_word(named):
    name, port = named
    (row,) = [json.loads(line) for line in soket("complete", "port", port, "--json").out.splitlines()]
    assert row == {"word": port, "what": f"tcp {name}"}


@pytest.mark.parametrize("words, part", [([], "missing"), (["prt"], "prt"), (["port", "8", "9"], "9")])
def test_a_mistake_is_said(words, part):
    done = soket("complete", *words)
    assert done.status == 2 and part in one_clear_line(done)[0]


@pytest.mark.parametrize("name", [b"$(reboot)", b"a;b", b"`x`", b"a b", b"-rf", b"\x1b[31mred", b"new\nline", b"'quote", b"*"])
def test_a_word_that_a_shell_could_take_to_mean_something_is_left_out(name):
    p = hostile(name)
    try:
        port = p.stdout.readline().strip()
        assert all(SAFE.fullmatch(word) and word[0] != "-" for word in offered("process"))
        line = soket("complete", "port", port).out
        assert line.startswith(port) and line.count("\n") == 1 and "\x1b" not in line  # the description is made visible
    finally:
        p.stdin.close()
        p.wait(10)
        p.stdout.close()


# --- filters ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["ports-filter", "flows-filter"])
def test_the_keys_of_a_filter_are_offered_with_their_help(kind):
    words = offered(kind, "us")
    assert "user=" in words and words["user="]


def test_the_values_of_a_key_are_offered_whole(named):
    name, port = named
    assert f"process={name}" in offered("ports-filter", "process=")
    assert f"process={name}" in offered("ports-filter", f"process={name[:5]}")
    assert "user=me" in offered("flows-filter", "user=")
    assert port in offered("ports-filter", port[:4])


def test_a_key_of_flows_is_no_key_of_ports():
    assert any(word.startswith("rtt") for word in offered("flows-filter", "rt"))
    assert not any(word.startswith("rtt") for word in offered("ports-filter", "rt"))


# --- in real shells -----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def shells(tmp_path_factory):
    """A function that gives a terminal with a shell, in which the real soket is found and `soket` shows its words."""
    directory = tmp_path_factory.mktemp("shells")
    (directory / "bin").mkdir()
    (directory / "bin" / "soket").symlink_to(binary())
    path = f"PATH={directory}/bin:$PATH; "
    show = path + "soket() { printf '<%s>' \"$@\"; echo END; }; "
    started = {}

    def shell(name):
        if not shutil.which(name):
            pytest.skip(f"needs {name}")
        if name not in started:
            (directory / f"soket.{name}").write_text(soket("completion", name).out, encoding="utf-8")
            if name == "bash":
                argv = ["bash", "--norc", "--noprofile", "-i"]
                setup = show + ("bind 'set enable-bracketed-paste off' 2>/dev/null; bind 'set completion-query-items 0'; "
                                "bind 'set page-completions off'; source ./soket.bash")
            else:
                argv = ["zsh", "-f", "-i"]
                setup = show + "autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' insert-tab false; source ./soket.zsh"
            started[name] = Terminal(argv, setup, directory)
        return started[name]

    yield shell
    for one in started.values():
        one.close()


def shortest(kind, word):
    """The fewest characters of a word that belong to no other word of that kind."""
    others = [w for w in offered(kind) if w != word]
    n = next(n for n in range(1, len(word) + 1) if not any(w.startswith(word[:n]) for w in others))
    return word[:n]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("command", ["who", "take", "ports", "connect", "explain", "wait"])
def test_a_port_is_completed(shells, shell, command, named):
    _, port = named
    kind = "ports-filter" if command == "ports" else "port"
    assert shells(shell).words(f"soket {command} {shortest(kind, port)}\t") == [command, port]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_key_of_a_filter_and_its_value_are_completed_one_after_the_other(shells, shell, named):
    assert shells(shell).words("soket ports proces\tskt-comp\t") == ["ports", f"process={NAME}"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize("command", ["flows", "close"])
def test_a_value_of_a_flow_filter_is_completed(shells, shell, command):
    assert shells(shell).words(f"soket {command} user=m\t") == [command, "user=me"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_namespace_is_completed_behind_its_flag(shells, shell, machine):
    for typed in ("--netns ", "--netns="):
        words = shells(shell).words(f"soket ports {typed}{machine.name[:-1]}\t")
        assert words[0] == "ports" and "".join(words[1:]).replace("--netns", "").lstrip("=").startswith(machine.name[:-1])


def fish(line, directory):
    if not shutil.which("fish"):
        pytest.skip("needs fish")
    (directory / "bin").mkdir(exist_ok=True)
    if not (directory / "bin" / "soket").exists():
        (directory / "bin" / "soket").symlink_to(binary())
    (directory / "soket.fish").write_text(soket("completion", "fish").out, encoding="utf-8")
    done = subprocess.run(["fish", "--no-config", "-c", f"source soket.fish\ncomplete -C '{line}'"], cwd=directory, capture_output=True,
                          env=clean_env(HOME=str(directory), PATH=f"{directory}/bin:{os.environ['PATH']}"), text=True, timeout=60)
    assert done.stderr == ""
    return dict((row.split("\t") + [""])[:2] for row in done.stdout.splitlines())


@pytest.mark.parametrize("command", ["who", "take", "ports", "connect", "wait"])
def test_fish_completes_a_port_with_what_it_is(command, named, tmp_path):
    name, port = named
    assert fish(f"soket {command} {port[:4]}", tmp_path)[port] == f"tcp {name}"


def test_fish_completes_filters(named, tmp_path):
    assert "user=" in fish("soket ports us", tmp_path)
    assert f"process={NAME}" in fish("soket flows process=skt", tmp_path)


def test_fish_completes_a_namespace(machine, tmp_path):
    assert machine.name in fish(f"soket ports --netns {machine.name[:-1]}", tmp_path)


def test_bash_lists_words_with_what_they_are(shells, named, server):
    """Two tabs on what is not clear yet list the words, each with its process."""
    terminal = shells("bash")
    name, port = named
    shown = terminal.do("soket who \t\t", f"{port}  (tcp {name})")
    shown += terminal.do("\x15echo DO''NE\n", "DONE")
    assert port_of(server) in shown
