# SPDX-License-Identifier: Apache-2.0
"""Command lines of the documents that look at the machine, wait, lease or end: run as they stand, but on ports, paths and processes
of the test. What a line names (a port, a path, a program, an address) is replaced by one that the test has made for it."""
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import sys

from .clock import Deadline
from .run import PIPE, Program, Soket, clean_env, soket

HANDLER = "#!/bin/sh\necho went on\n"
PATHS = r"/run/\S+?\.sock"
HOLDER = """
import socket, sys
kind, place = sys.argv[1:]
if kind == "unix":
    s = socket.socket(socket.AF_UNIX)
    s.bind(place)
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
    place = str(s.getsockname()[1])
if kind != "udp":
    s.listen(5)
print(place, flush=True)
sys.stdin.read()
"""


class Looking:
    """One line, and what it needs around it."""

    def __init__(self, text, directory):
        self.words = shlex.split(text)[1:]
        self.text, self.directory = text, pathlib.Path(directory)
        self.deadline = Deadline(20, text)
        self.env = clean_env(XDG_RUNTIME_DIR=str(directory), PATH=f"{directory}:{os.environ['PATH']}")
        self.held = []

    def perform(self):
        try:
            getattr(self, self.words[0])()
        finally:
            for thing in self.held:
                thing.close()

    # what the test makes

    def listener(self):
        s = socket.create_server(("127.0.0.1", 0))
        self.held.append(s)
        return s.getsockname()[1]

    def connection(self):
        """The port of a listener with one connection that both ends keep open."""
        port = self.listener()
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = self.held[-1].accept()
        self.held += [client, accepted]
        return port

    def unix_listener(self):
        path = str(self.directory / "app.sock")
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.listen(5)
        self.held.append(s)
        return path

    def holder(self, kind):
        """(program, its port or path): a process that may be ended."""
        p = Program([sys.executable, "-c", HOLDER, kind, str(self.directory / "app.sock")], stdin=PIPE)
        self.held.append(p)
        p.out.wait(lambda r: b"\n" in r.bytes, self.deadline, "the holder")
        return p, p.out.text().strip()

    def script(self, name):
        path = self.directory / name
        path.write_text(HANDLER, encoding="ascii")
        path.chmod(0o700)

    def replace(self, pattern, value):
        """Put a value of ours in the place of what the line names. Whether it named any."""
        before = list(self.words)
        self.words = [re.sub(pattern, str(value), w) for w in self.words]
        return self.words != before

    def without_redirection(self):
        return self.words[:self.words.index(">")] if ">" in self.words else self.words

    # the commands

    def look(self, expected):
        """To the end, or with --watch until the first picture; it must show what the test has made, if it named that."""
        words = self.without_redirection()
        if "--watch" not in words:
            done = soket(*words, env=self.env)
            assert done.status == 0, done
            assert expected is None or str(expected) in done.out, (expected, done)
            return [json.loads(row) for row in done.out.splitlines()] if "--json" in words else None
        with Soket(*words, env=self.env) as p:
            p.out.wait(lambda r: str(expected or "").encode() in r.bytes and b"\n" in r.bytes, self.deadline, "a first look")
            p.stop(signal.SIGTERM)
        return None

    def ports(self):
        port = self.listener()
        named = self.replace(r"^8080$", port) or self.replace("process=nginx", f"process={self.own_name()}")
        if "class=dynamic" in self.words:
            named = self.replace("class=dynamic", f"port={port}")
        self.look(port if named or len(self.words) == 1 else None)

    def flows(self):
        port = self.connection()
        named = self.replace("process=nginx", f"process={self.own_name()}")
        self.replace("port=5432", f"port={port}")
        self.look(port if named or len(self.words) == 1 or "--all" in self.words else None)

    @staticmethod
    def own_name():
        return pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()

    def who(self):
        named = self.replace(r"^8080$", self.listener())
        if re.search(PATHS, self.text):
            named = self.replace(PATHS, self.unix_listener())
        self.look(f"pid {os.getpid()}" if named else None)

    def wait(self):
        free = "--free" in self.words
        for place in [w for w in self.words if re.fullmatch(r"\S*:\d+", w)]:
            host = "127.0.0.1" if place[0].isdigit() else place.split(":")[0]
            port = self.listener()
            if free:
                self.held.pop().close()
            self.words = [f"{host}:{port}" if w == place else w for w in self.words]
        if re.search(PATHS, self.text):
            self.replace(PATHS, self.unix_listener())
        after = self.words[self.words.index("--") + 1:] if "--" in self.words else []
        if after:
            self.script(after[0])
        done = soket(*self.words, env=self.env, cwd=self.directory)
        assert done.status == 0 and ("went on" in done.out) == bool(after), done

    def free(self):
        done = soket(*self.words)
        ports = [int(row) for row in done.out.split()]
        wanted = int(self.words[1]) if len(self.words) > 1 and self.words[1].isdigit() else 1
        assert done.status == 0 and len(set(ports)) == wanted, done

    def run(self):
        self.replace("api=0", "api")
        server = any("http.server" in w for w in self.words)
        with Soket(*self.words, env=self.env, cwd=self.directory) as p:
            if server:
                said = p.err.wait(lambda r: re.search(r"http://localhost:(\d+)", r.text()), self.deadline, "the lease")
                done = soket("wait", f"127.0.0.1:{said.group(1)}", "--timeout", "10s")
                assert done.status == 0, done
                p.stop(signal.SIGTERM)
            else:
                assert p.wait() == 0 and re.search(r"\d", p.out.text()), p.said()

    def take(self):
        kind = "unix" if re.search(PATHS, self.text) else "udp" if "udp:" in self.text else "tcp"
        program, place = self.holder(kind)
        if not self.replace(r"\b(8080|5353)$", place):
            self.replace(PATHS, place)
        if "-y" not in self.words and "--yes" not in self.words:
            assert soket(*self.words).status == 2 and not program.ended(), "nobody was asked"
            self.words.append("--yes")
        done = soket(*self.words)
        assert done.status == 0 and "is free" in done.err, done
        assert program.ended(5)

    def close(self):
        """Only connections of the test: whatever else the line says, its port is named too."""
        port = self.connection()
        if "state=close-wait" in self.words:
            self.held[-2].close()
        self.replace("(10.0.0.5|192.0.2.0/24)", "127.0.0.1")
        self.replace("port=5432", f"port={port}")
        self.replace("firefox", self.own_name())
        if not any(w.startswith("port=") for w in self.words):
            self.words.append(f"port={port}")
        done = soket(*self.words)
        if "'age>1h'" in self.text:
            assert done.status == 1 and "no connection matches" in done.err, done
        else:
            assert done.status in (0, 6) and done.err, done


COMMANDS = ("ports", "flows", "who", "wait", "free", "run", "take", "close")
