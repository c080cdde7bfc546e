# SPDX-License-Identifier: Apache-2.0
"""What the documents say is so: each command line in them runs, each file they name is there.

A command line is run as it stands, but on loopback: the kernel picks its ports, its paths lie in the test's directory, and what it
dials is a server of the test. A line that this file does not know how to run fails."""
import base64
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness import layerlines, looking, msglines
from harness.clock import Deadline, until
from harness.ends import EchoServer, Server, dial_tcp, dial_unix
from harness.page import need_page
from harness.run import ROOT, Soket, binary, clean_env, soket

TOP = pathlib.Path(ROOT)
README = (TOP / "README.md").read_text(encoding="utf-8")
ADRS = sorted((TOP / "docs/adr").glob("*.md"))
PAGES = sorted(p for p in TOP.rglob("*.md") if not any(
    part.startswith((".", "build")) or part == "node_modules" for part in p.relative_to(TOP).parts))
OPENS = ("connect", "listen", "link")
ANSWERS = {"./handler": b"handled hello\n", "cat": b"hello\n"}  # others: anything
HANDLER = "#!/bin/sh\nread line\necho \"handled $line\"\n"


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def section(title):
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, title
    return found.group(1)


def one_liners():
    rows = [cells(line) for line in section("What to type").splitlines() if line.startswith("|")][2:]
    return [row[2].strip("`").replace("\\|", "|") for row in rows]


def shell_lines(text):
    """Each line of each sh block, without its remark."""
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    return [re.sub(r"\s+# .*", "", line).strip() for line in lines if line.strip() and not line.startswith("#")]


def tables():
    done = subprocess.run([binary(), "help", "--json"], env=clean_env(), capture_output=True, text=True, check=True, timeout=20)
    return {row["command"]: row for row in map(json.loads, done.stdout.splitlines()) if "command" in row}


COMMANDS = tables()
EXAMPLES = [e["line"] for command in COMMANDS.values() for e in command["examples"]]


# --- a line, taken apart ------------------------------------------------------------------------------------------------

class Line:
    """command, endpoints [(text, [options])], flags, the words after --, and where stdin and stdout are redirected."""

    def __init__(self, text):
        words = shlex.split(text)
        assert words.pop(0) == "soket", text
        self.text = text
        self.command = words.pop(0)
        self.stdin = self.take_redirection(words, "<")
        self.stdout = self.take_redirection(words, ">")
        self.after = words[words.index("--") + 1:] if "--" in words else []
        self.flags, self.endpoints = [], []
        self.read(words[:words.index("--")] if "--" in words else words)

    @staticmethod
    def take_redirection(words, sign):
        if sign not in words:
            return None
        at = words.index(sign)
        words.pop(at)
        return words.pop(at)

    def read(self, words):
        takes = {"--" + f["flag"]: f["argument"] for f in COMMANDS[self.command]["flags"]}
        takes.update({"-" + f["letter"]: f["argument"] for f in COMMANDS[self.command]["flags"] if f["letter"]})
        words = list(words)
        while words:
            word = words.pop(0)
            if word.startswith("-") and word != "-":
                assert word in takes, f"{self.text}: {word} is no flag of {self.command}"
                self.flags += [word, words.pop(0)] if takes[word] else [word]
            elif re.match(r"[a-z][a-z0-9-]*=", word):
                self.endpoints[-1][1].append(word)
            else:
                self.endpoints.append((word, []))

    def role(self, i):
        return "listen" if i == 0 and self.command in ("listen", "link") else "dial"


def explained(endpoint, options=(), role=""):
    done = soket("explain", "--json", role + endpoint, *options)
    assert done.status == 0, f"{role}{endpoint} {' '.join(options)}: {done}"
    return json.loads(done.out)


# --- a line, run on loopback --------------------------------------------------------------------------------------------

class Stage:
    """The same line with endpoints that a test can reach."""

    def __init__(self, line, directory):
        self.line, self.directory = line, pathlib.Path(directory)
        self.servers, self.path, self.deadline = [], None, Deadline(20, line.text)
        self.words = [line.command, *([] if line.command == "connect" else ["--json"]), *self.flags()]
        for i, (text, options) in enumerate(line.endpoints if line.command in OPENS else []):
            self.words += [self.place(text, options, i), *options]
        if line.after:
            self.words += ["--", *self.program(line.after)]

    def flags(self):
        return ["127.0.0.0/8" if re.fullmatch(r"[\d.]+/\d+", f) else f for f in self.line.flags]

    def program(self, words):
        if not words[0].startswith("./"):
            return words
        path = self.directory / words[0]
        path.write_text(HANDLER, encoding="ascii")
        path.chmod(0o700)
        return [str(path), *words[1:]]

    def place(self, text, options, i):
        facts = explained(text, options)
        kind = facts["transport"]
        listens = self.line.role(i) == "listen" and kind in ("tcp", "unix")
        if listens:
            return self.listening(facts)
        if kind == "tcp":
            return self.server(EchoServer if self.line.command != "link" or not self.is_one_way() else Server)
        if kind == "unix":
            return self.server(EchoServer, os.fspath(self.directory / "s"))
        if kind == "file":
            (self.directory / "log").write_bytes(b"hello\n")
            return f"file:{self.directory}/log"
        assert kind in ("echo", "exec", "pty", "stdio"), f"{self.line.text}: cannot be run: {text}"
        return text

    def is_one_way(self):
        return any(text.startswith("file:") for text, _ in self.line.endpoints)

    def listening(self, facts):
        if facts["transport"] == "tcp":
            return "tcp://127.0.0.1:0"
        self.path = f"@soket-docs-{os.getpid()}" if facts["kind"] == "abstract" else os.fspath(self.directory / "l")
        return self.path

    def server(self, make, path=None):
        made = make(family=1, address=path) if path else make()
        self.servers.append(made)
        return made.endpoint

    def dial(self, program):
        if not self.path:
            return dial_tcp(program.address(), self.deadline)
        program.event("listening")
        return dial_unix("\0" + self.path[1:] if self.path[0] == "@" else self.path, self.deadline)

    def run(self):
        getattr(self, self.line.command)()
        for server in self.servers:
            server.close()

    def connect(self):
        done = soket(*self.words, stdin=b"hello\n")
        assert (done.status, done.out) == (0, "hello\n"), done

    def listen(self):
        with Soket(*self.words, stdin=subprocess.PIPE, cwd=self.directory) as p:
            with self.dial(p) as client:
                client.send_bytes(b"hello\n", self.deadline)
                client.end_writing()
                if self.line.after:
                    said = client.read_all(self.deadline)
                    assert said == ANSWERS.get(self.line.after[0], said) != b""
                    p.send_signal(signal.SIGTERM)
                else:
                    p.out.wait(lambda r: r.bytes == b"hello\n", self.deadline, "what the client said")
                    p.close_stdin()
            assert p.wait() == 0, p.said()

    def link(self):
        with Soket(*self.words, cwd=self.directory) as p:
            if self.is_one_way():
                self.see_the_file_and_what_is_added(p)
            else:
                self.see_an_answer(p)

    def see_an_answer(self, program):
        with self.dial(program) as client:
            client.send_bytes(b"echo hel''lo; exit\n" if "pty:" in self.line.text else b"hello\n", self.deadline)
            got = b""
            while b"hello" not in got:
                piece = client.read_some(4096, self.deadline)
                assert piece, f"ended after {got!r}"
                got += piece
        program.send_signal(signal.SIGTERM)
        program.wait()

    def see_the_file_and_what_is_added(self, program):
        with self.servers[0].accept(self.deadline) as end:
            for expected in (b"hello\n", b"more\n"):
                got = b""
                while len(got) < len(expected):
                    got += end.read_some(4096, self.deadline)
                assert got == expected
                with open(self.directory / "log", "ab") as f:
                    f.write(b"more\n")
        program.send_signal(signal.SIGTERM)
        program.wait()

    def explain(self):
        words = shlex.split(self.line.text)[1:]
        done = soket(*words)
        assert done.status == 0 and done.out and not done.err, done
        if "--json" in words:
            assert [json.loads(row) for row in done.out.splitlines()]

    def help(self):
        done = soket(*shlex.split(self.line.text)[1:])
        assert done.status == 0 and done.out, done

    def view(self):
        need_page()
        with Soket(*shlex.split(self.line.text)[1:]) as p:
            p.out.wait(lambda r: r.text().startswith("http://") and r.text().endswith("/\n"), self.deadline, "the page's address")
            url = urllib.parse.urlsplit(p.out.text().strip())
            with dial_tcp((url.hostname, url.port), self.deadline) as end:
                end.send_bytes(f"GET {url.path}hello?close=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), self.deadline)
                assert end.read_some(15, self.deadline).startswith(b"HTTP/1.1 200")
            assert p.stop(signal.SIGINT) == 0

    def serve(self):
        """The directory of the line is there at the first address that is told."""
        for name in ("dist", "site"):
            (self.directory / name).mkdir()
            (self.directory / name / f"{name}.txt").write_text("x")
        (self.directory / "here.txt").write_text("x")
        words = [str(self.directory / "site") if w == "~/site" else re.sub(r"^(any|tls://|):\d+$", r"\1:0", w) for w in shlex.split(self.line.text)[2:]]
        shown = next((f"{w.rsplit('/', 1)[-1]}.txt" for w in words[:1] if w.endswith(("dist", "site"))), "here.txt")
        with Soket("serve", *words, "--json", cwd=str(self.directory)) as p:
            url = p.event("serving")["url"]
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
            with opener.open(urllib.request.Request(url, headers=self.login(words)), timeout=10) as answer:
                assert answer.status == 200 and f"./{shown}" in answer.read().decode()

    @staticmethod
    def login(words):
        user = next((words[i + 1] for i, w in enumerate(words) if w == "--auth"), None)
        return {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}

    def demo(self):
        with Soket("demo") as p:
            p.out.wait(lambda r: b"soket connect" in r.bytes, self.deadline, "the demo")
            assert p.stop(signal.SIGINT) == 0


def run_completion(line, directory):
    """`source <(soket completion SHELL)` in that shell; soket is then known to it."""
    shell = re.search(r"completion (\w+)", line).group(1)
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    os.symlink(binary(), f"{directory}/soket")
    text = {
        "bash": f"{line}\ncomplete -p soket",
        "zsh": f"autoload -U compinit; compinit -u -D\n{line}\nprint -r -- soket ${{_comps[soket]}}",
        "fish": f"{line}\ncomplete -C 'soket conn'",
    }[shell]
    words = [shell, "-f", "-c", text] if shell == "zsh" else [shell, "-c", text]
    env = clean_env(PATH=f"{directory}:{os.environ['PATH']}", HOME=directory, XDG_CONFIG_HOME=directory)
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and re.search(r"soket\s+_?\w|_soket|connect", done.stdout), (done.stdout, done.stderr)


def run_line(line, directory):
    if "soket completion" in line:
        run_completion(line, directory)
    elif layerlines.is_one(line) and line.split()[1] != "serve":
        layerlines.LayerLine(line, directory).perform()
    elif line.split()[1] in OPENS and " udp:" in line:
        msglines.Messages(line, directory).perform()
    elif line.split()[1] in looking.COMMANDS:
        looking.Looking(line, directory).perform()
    else:
        Stage(Line(line), directory).run()


def test_the_readme_has_at_least_ten_one_liners_and_they_use_every_command_that_opens_something():
    lines = one_liners()
    assert len(lines) >= 10 and len(set(lines)) == len(lines)
    assert {"connect", "listen", "link", "explain"} <= {line.split()[1] for line in lines}


@pytest.mark.parametrize("line", one_liners())
def test_a_one_liner_of_the_readme_does_its_work(line, short_path):
    run_line(line, short_path)


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_of_the_manuals_does_its_work(line, short_path):
    run_line(line, short_path)


@pytest.mark.parametrize("line", [line for line in one_liners() + EXAMPLES if line.split()[1] in OPENS])
def test_the_endpoints_of_a_line_take_their_options_in_their_places(line):
    parts = Line(line)
    assert parts.endpoints or parts.after
    for i, (text, options) in enumerate(parts.endpoints):
        facts = explained(text, options)
        assert facts["opens"], f"{text} is of a later version"
        if facts["transport"] in ("tcp", "unix"):
            explained(text, options, f"{parts.role(i)}:")
        assert {o["key"] for o in facts["options"] if o["written"]} == {o.split("=")[0] for o in options}


@pytest.mark.parametrize("line", shell_lines(README))
def test_a_line_in_a_block_of_the_readme_is_right(line, short_path):
    if line.startswith("./dev"):
        usage = subprocess.run([TOP / "dev", "help"], capture_output=True, text=True, check=True, timeout=20).stdout
        doors = re.findall(r"^  ([a-z]+)", usage, re.M)
        assert line.split()[1] in doors and len(doors) > 5, line
    elif line.startswith("LANG="):
        setting, words = line.split(" ", 1)
        env = clean_env(LC_ALL="", LANG=setting.split("=")[1])
        said = soket(*shlex.split(words)[1:], env=env)
        assert said.status == 0 and said.out != soket(*shlex.split(words)[1:]).out, "not translated"
    else:
        run_line(line, short_path)


# --- what the documents say of the tables -------------------------------------------------------------------------------

def test_the_endpoints_in_the_readme_are_read_as_it_says():
    texts = [code for line in section("How endpoints are written").splitlines() if line.startswith("| `")
             for code in re.findall(r"`([^`]+)`", cells(line)[0])]
    assert len(texts) > 15
    for text in texts:
        words = shlex.split(text)
        if words[0] == "--":
            assert soket("connect", *words, stdin=b"b\na\n").out == "a\nb\n"
        else:
            role = "listen:" if words[0].isdigit() else ""  # a number alone is explained as a port
            assert len(words) == 1 and explained(words[0], role=role)["opens"], text


def test_the_statuses_in_the_readme_are_those_of_help():
    rows = [cells(line) for line in section("Promises").splitlines() if re.match(r"\| \d", line)]
    said = soket("help").out.split("Exit status\n")[1].split("\n\n")[0]
    assert [f"{number:<4}{meaning}" for number, meaning in rows] == [line.strip() for line in said.splitlines()]


def test_the_message_in_the_readme_is_the_one_that_soket_gives():
    sample = re.search(r"```\n(soket: address in use.*?\n.*?)\n```", README).group(1)
    shape = re.escape(sample)
    variable = {"8080": r"\d+", "8081": r"\d+", "4312": r"\d+", "node": r"\S+", re.escape("~/shop"): r"\S+", re.escape("3 h"): ".+"}
    for word, any_other in variable.items():
        assert word in shape, word
        shape = shape.replace(word, any_other)
    with Server() as holder:
        done = soket("listen", f"127.0.0.1:{holder.port}")
    assert re.fullmatch(shape, done.err.strip()), (shape, done.err)


def test_every_command_and_flag_that_the_readme_names_is_there():
    named = {code.split()[1] for code in re.findall(r"`(soket [a-z][^`]*)`", README)}
    assert named and named <= set(COMMANDS), named - set(COMMANDS)
    flags = {f["flag"] for c in COMMANDS.values() for f in c["flags"]} | {"exec", "ssl-verify"}  # ncat's
    used = set(re.findall(r"`--([a-z-]+)`", README + (TOP / "CHANGELOG.md").read_text(encoding="utf-8")))
    assert used and used <= flags, used - flags


def test_the_changelog_names_this_version_every_command_and_every_scheme_that_opens():
    text = (TOP / "CHANGELOG.md").read_text(encoding="utf-8")
    version = soket("--version").out.split()[1]
    newest = re.search(r"^## \[([\d.]+)\].*?\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert newest.group(1) == version
    for name in COMMANDS:
        assert f"`{name}`" in newest.group(2), name
    listed = set(re.findall(r"[a-z0-9-]+", re.search(r"^- tcp, .*?\.$", newest.group(2), re.M | re.S).group(0)))
    schemes = [json.loads(row) for row in soket("help", "--json", "endpoints").out.splitlines()]
    opening = {s["scheme"] for s in schemes if "scheme" in s and not s["later"]}
    assert len(opening) > 10 and opening <= listed, opening - listed


# --- files --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(TOP)))
def test_the_links_of_a_document_lead_to_files(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target) and not target.startswith("#"):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"


def test_the_readme_links_to_what_a_reader_needs():
    targets = set(re.findall(r"\]\(([^)\s]+)\)", README))
    assert {"docs/library.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs/adr", "bench/README.md"} <= targets


def test_the_place_for_the_measured_numbers_is_marked_once():
    assert len(re.findall(r"<!-- bench:begin.*?-->\n(?:\|.*\n)+<!-- bench:end -->", README)) == 1


def test_decisions_are_numbered_without_a_gap():
    assert len(ADRS) >= 15
    assert [int(p.name[:4]) for p in ADRS] == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("page", ADRS, ids=lambda p: p.stem)
def test_a_decision_has_its_five_parts_and_none_is_empty(page):
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {int(page.name[:4])}\. \S", text)
    parts = re.split(r"^## (.*)\n", text, flags=re.M)[1:]
    assert parts[::2] == ["Context", "Options", "Evidence", "Decision", "When to look again"]
    for title, body in zip(parts[::2], parts[1::2]):
        assert len(body.strip()) > 30, f"{page.name}: {title}"
    assert len(re.findall(r"^\d\. ", parts[3], re.M)) >= 2, "one option is no decision"


@pytest.mark.parametrize("page", ADRS, ids=lambda p: p.stem)
def test_the_sources_and_tests_that_a_decision_names_are_there(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:base|sys|endpoint|loop|io|transport|link|relay|cli)/[a-z_]+\.[ch])`", text):
        assert (TOP / "src" / name).exists(), name
    tests = "".join(p.read_text(encoding="utf-8") for p in (TOP / "tests").rglob("test_*.py") if p != pathlib.Path(__file__))
    for name in re.findall(r"`(?:\.\.\.)?_?(test_\w+|both_\w+)`", text):
        assert re.search(rf"def \w*{name}\(", tests), name
