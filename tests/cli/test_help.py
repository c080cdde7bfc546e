# SPDX-License-Identifier: Apache-2.0
"""Help, manual and completion: all of them say what the tables say, and nothing else."""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unicodedata

import pytest

from harness.run import ROOT, binary, clean_env

SECONDS = 20


def soket(*words, env=None, **more):
    return subprocess.run([binary(), *words], env=env or clean_env(), capture_output=True, text=True, timeout=SECONDS, **more)


def tables(*words, env=None):
    """What `soket help --json WORDS` says, an object for each line."""
    done = soket("help", "--json", *words, env=env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


COMMANDS = ["connect", "listen", "link", "serve", "view", "ports", "flows", "who", "explain", "wait", "free", "run", "take", "close", "demo", "help",
            "completion"]
TOPICS = [["--help"], ["help"], ["help", "endpoints"], ["help", "tcp"]] + [[name, "--help"] for name in COMMANDS]


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


# --- help ---------------------------------------------------------------------------------------------------------------

def test_the_commands_are_those_that_this_file_knows():
    assert [c["command"] for c in tables()] == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_lists_each_flag_with_its_meaning(name):
    done = soket(name, "--help")
    (table,) = tables(name)
    said = " ".join(done.stdout.split())
    assert done.returncode == 0 and done.stderr == ""
    for flag in table["flags"]:
        assert "--" + flag["flag"] in said
        assert " ".join(flag["help"].split()) in said
    for example in table["examples"]:
        assert example["line"] in said
    assert {"help", "json", "verbose", "quiet"} <= {flag["flag"] for flag in table["flags"]}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_the_same_by_every_way_to_ask(name):
    asked = soket(name, "--help").stdout
    assert soket(name, "-h").stdout == asked
    assert soket("help", name).stdout == asked
    assert soket(name, "anything", "--help", "--nonsense").stdout == asked


def test_help_of_endpoints_lists_every_scheme_and_option():
    said = soket("help", "endpoints").stdout
    for scheme in tables("endpoints"):
        assert re.search(rf"^  {scheme['scheme']} ", said, re.M)
        for option in scheme["options"]:
            assert f"  {option['key']}=" in said


def test_help_of_a_scheme_lists_its_options():
    for scheme in tables("endpoints"):
        said = soket("help", scheme["scheme"]).stdout
        assert all(f"  {option['key']}=" in said for option in scheme["options"])


@pytest.mark.parametrize("topic", TOPICS, ids=" ".join)
@pytest.mark.parametrize("language", ["C.UTF-8", "id_ID.UTF-8"])
def test_help_stays_within_eighty_columns(topic, language):
    said = soket(*topic, env=clean_env(LC_ALL=language)).stdout
    too_long = [line for line in said.splitlines() if columns(line) > 80 and not line.startswith("  soket ")]
    assert said and not too_long


def test_overview_names_commands_flags_and_exit_statuses():
    said = soket("--help").stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", said, re.M)
    for status in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70]:
        assert re.search(rf"^  {status} ", said, re.M)


def test_no_word_at_all_gets_a_short_overview_on_standard_error():
    done = soket()
    assert done.returncode == 2 and done.stdout == ""
    assert all(name in done.stderr for name in COMMANDS)
    assert len(done.stderr.splitlines()) < 15


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version_is_one_line(flag):
    done = soket(flag)
    assert done.returncode == 0 and re.fullmatch(r"soket \d+\.\d+\.\d+\n", done.stdout)


# --- mistakes -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, text, hint", [
    (["conect"], "conect", "soket connect"),
    (["lsiten"], "lsiten", "soket listen"),
    (["zzzzzz"], "zzzzzz", "soket --help"),
    (["example.com:80"], "example.com:80", "soket connect example.com:80"),
    (["8080"], "8080", "soket connect 8080"),
    (["-v", "explain", "80"], "-v", "after the command"),
    (["--nonsense"], "--nonsense", "soket --help"),
    (["help", "conect"], "conect", "soket help connect"),
    (["help", "endpoint"], "endpoint", "soket help endpoints"),
    (["help", "zzzzzz"], "zzzzzz", "endpoints"),
    (["help", "connect", "listen"], "listen", "usage:"),
    (["connect", "--statss"], "--statss", "--stats"),
    (["connect", "--zzzzzz"], "--zzzzzz", "soket connect --help"),
    (["completion", "bsh"], "bsh", "soket completion bash"),
    (["completion"], "shell", "bash|zsh|fish"),
    (["completion", "bash", "fish"], "fish", "usage:"),
    (["manual", "zzzzzz"], "zzzzzz", "each command"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_mistake_gets_one_line_a_hint_and_status_2(words, text, hint):
    done = soket(*words)
    assert done.returncode == 2 and done.stdout == ""
    said, below = done.stderr.splitlines()
    assert said.startswith("soket: ") and text in said
    assert below.startswith("       ") and hint in below
    as_json = soket(*words, "--json")
    error = json.loads(as_json.stderr)
    assert as_json.returncode == 2 and as_json.stdout == ""
    assert (error["event"], error["kind"]) == ("error", "usage")
    assert text in error["text"] and hint in error["hint"]


@pytest.mark.parametrize("words", [["--help"], ["help", "endpoints"], ["help", "--json"], ["completion", "bash"], ["--version"],
                                   ["manual"]], ids=" ".join)
def test_output_that_the_disk_does_not_take_is_an_error(words):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([binary(), *words], env=clean_env(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and len(done.stderr.splitlines()) == 1


def test_closed_standard_output_is_an_error():
    done = subprocess.run(["sh", "-c", 'exec "$0" help >&-', binary()], env=clean_env(), stderr=subprocess.PIPE, text=True,
                          timeout=SECONDS)
    assert done.returncode == 1 and "standard output" in done.stderr


def test_closed_standard_input_and_error_do_no_harm():
    done = subprocess.run(["sh", "-c", 'exec "$0" help <&- 2>&-', binary()], env=clean_env(), stdout=subprocess.PIPE, text=True,
                          timeout=SECONDS)
    assert done.returncode == 0 and done.stdout == soket("help").stdout


# --- manual -------------------------------------------------------------------------------------------------------------

def section(source, title):
    """A section of scdoc source, without the markup."""
    found = re.search(rf"^# {title}\n\n(.*?)(?=^# |\Z)", source, re.M | re.S).group(1)
    return re.sub(r"\\(.)|\*|\+\+$", lambda m: m.group(1) or "", found, flags=re.M)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_synopsis_of_the_manual_is_the_usage_of_the_help(name):
    (table,) = tables(name)
    manual = soket("manual", name).stdout
    said = " ".join(soket(name, "-h").stdout.split())
    assert section(manual, "SYNOPSIS").strip().splitlines() == table["usage"]
    assert all(" ".join(line.split()) in said for line in table["usage"])
    for flag in table["flags"]:
        assert "--" + flag["flag"] in section(manual, "FLAGS")


@pytest.mark.parametrize("page", COMMANDS + ["soket", "endpoints"])
@pytest.mark.skipif(not shutil.which("scdoc"), reason="needs scdoc")
def test_a_manual_page_is_sound_scdoc(page):
    source = soket("manual", page).stdout
    made = subprocess.run(["scdoc"], input=source, capture_output=True, text=True, timeout=SECONDS)
    assert made.returncode == 0, made.stderr
    assert ".TH" in made.stdout


def test_the_manual_of_endpoints_lists_every_scheme_and_option():
    manual = soket("manual", "endpoints").stdout
    schemes, options = section(manual, "SCHEMES"), section(manual, "OPTIONS")
    for scheme in tables("endpoints"):
        assert re.search(rf"^{scheme['scheme']}$", schemes, re.M)
        for option in scheme["options"]:
            assert re.search(rf"^{option['key']}=", options, re.M)


def test_the_build_makes_a_page_for_each_command():
    build = pathlib.Path(ROOT, "man", "meson.build").read_text(encoding="utf-8")
    pages = re.search(r"manual_pages = \{(.*?)\}", build, re.S).group(1)
    assert re.findall(r"'([a-z]+)': '[17]'", pages) == ["soket"] + COMMANDS + ["endpoints"]


# --- completion ---------------------------------------------------------------------------------------------------------

SHELLS = ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_script_lists_everything(shell):
    script = soket("completion", shell).stdout
    for command in tables():
        assert re.search(rf"\b{command['command']}\b", script)
        for flag in command["flags"]:
            assert re.search(rf"(--|-l ){flag['flag']}\b", script)
    for scheme in tables("endpoints"):
        assert re.search(rf"\b{scheme['scheme']}\b", script)
        for option in scheme["options"]:
            assert re.search(rf"\b{option['key']}\b", script)
            assert all(choice in script for choice in option.get("choices", []))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_script_has_no_syntax_error(shell):
    if not shutil.which(shell):
        pytest.skip(f"needs {shell}")
    for language in ["C.UTF-8", "id_ID.UTF-8"]:
        script = soket("completion", shell, env=clean_env(LC_ALL=language)).stdout
        done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, timeout=SECONDS)
        assert (done.returncode, done.stderr) == (0, "")


class Terminal:
    """A shell on a terminal of its own, in which `soket` prints its words as <word><word>END."""

    def __init__(self, argv, setup, directory):
        pid, self.fd = pty.fork()
        if pid == 0:
            env = clean_env(PS1="$ ", HOME=str(directory), HISTFILE="", INPUTRC="/dev/null")
            os.chdir(directory)
            os.execvpe(argv[0], argv, env)
        self.pid = pid
        self.text = ""
        self.do(setup + "; echo REA''DY\n", "READY")

    def do(self, keys, end):
        """Type the keys; what the terminal shows up to `end`."""
        deadline = time.monotonic() + SECONDS
        self.text = ""
        os.write(self.fd, keys.encode())
        while end not in self.text:
            assert select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0], self.text
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        return self.text

    def words(self, keys):
        shown = self.do(keys + "\n", ">END")
        return re.findall(r"<([^<>]*)>", shown[shown.rindex("\n<") if "\n<" in shown else 0:])

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


# What is typed (a tab asks for completion), and the words that the program must get.
TYPED = [
    ("conn\t", ["connect"]),
    ("connect --mov\tspl\t", ["connect", "--mover", "splice"]),
    ("connect --mover=spl\t", ["connect", "--mover=splice"]),
    ("connect unix-seqp\tx", ["connect", "unix-seqpacket:x"]),
    ("connect dial:unix-seqp\tx", ["connect", "dial:unix-seqpacket:x"]),
    ("connect tcp://h:80 nodel\tn\t", ["connect", "tcp://h:80", "nodelay=no"]),
    ("connect h:80 user-t\t3s", ["connect", "h:80", "user-timeout=3s"]),
    ("connect tls+unix:x alp\th2", ["connect", "tls+unix:x", "alpn=h2"]),
    ("connect tls://h:443 nodel\tn\t", ["connect", "tls://h:443", "nodelay=no"]),
    ("connect exec:cat stderr=jo\t", ["connect", "exec:cat", "stderr=join"]),
    ("connect --idle 5s h:80 nodel\tn\t", ["connect", "--idle", "5s", "h:80", "nodelay=no"]),
    ("link :80 unix-seqp\tx unl\tn\t", ["link", ":80", "unix-seqpacket:x", "unlink=no"]),
    ("connect unix:./only-t\t", ["connect", "unix:./only-this"]),
    ("connect ./only-t\t", ["connect", "./only-this"]),
    ("connect h:80 -- cat ./only-t\t", ["connect", "h:80", "--", "cat", "./only-this"]),
    ("help endp\t", ["help", "endpoints"]),
    ("completion zs\t", ["completion", "zsh"]),
]


@pytest.fixture(scope="module")
def terminals(tmp_path_factory):
    """A terminal for each shell, started when it is first asked for."""
    directory = tmp_path_factory.mktemp("completion")
    (directory / "only-this").write_text("")
    started = {}
    show = "soket() { printf '<%s>' \"$@\"; echo END; }; "

    def terminal(shell):
        if not shutil.which(shell):
            pytest.skip(f"needs {shell}")
        if shell not in started:
            (directory / f"soket.{shell}").write_text(soket("completion", shell).stdout, encoding="utf-8")
            if shell == "bash":
                argv = ["bash", "--norc", "--noprofile", "-i"]
                setup = show + "bind 'set enable-bracketed-paste off' 2>/dev/null; source ./soket.bash"
            else:
                argv = ["zsh", "-f", "-i"]
                setup = (show + "autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' insert-tab false; "
                         "source ./soket.zsh")
            started[shell] = Terminal(argv, setup, directory)
        return started[shell]

    yield terminal
    for one in started.values():
        one.close()


@pytest.mark.parametrize("typed, words", TYPED, ids=lambda v: v.strip().replace("\t", "^") if isinstance(v, str) else "")
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_on_a_terminal_completes(terminals, shell, typed, words):
    assert terminals(shell).words("soket " + typed) == words


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish_completes(tmp_path):
    (tmp_path / "only-this").write_text("")
    (tmp_path / "soket.fish").write_text(soket("completion", "fish").stdout, encoding="utf-8")
    lines = [typed.split("\t")[0] for typed, _ in TYPED if typed.count("\t") == 1]
    wanted = [words[-1] for typed, words in TYPED if typed.count("\t") == 1]
    script = "source soket.fish\n" + "".join(f"complete -C 'soket {line}'; echo ---\n" for line in lines)
    done = subprocess.run(["fish", "--no-config", "-c", script], env=clean_env(HOME=str(tmp_path)), cwd=tmp_path, capture_output=True,
                          text=True, timeout=60)
    assert done.stderr == ""
    offers = done.stdout.split("---\n")[:-1]
    for line, word, offer in zip(lines, wanted, offers, strict=True):
        candidates = [c.split("\t")[0] for c in offer.splitlines()]
        assert any(c and word.startswith(c) and c.startswith(line.split(" ")[-1]) for c in candidates), (line, candidates)


# --- Indonesian ---------------------------------------------------------------------------------------------------------

CATALOGUE = pathlib.Path(binary()).parent / "po" / "id" / "LC_MESSAGES" / "soket.mo"
needs_catalogue = pytest.mark.skipif(not CATALOGUE.exists(), reason="this build has no catalogue")


def texts(tree):
    """Every text for people in a table."""
    for key in ["summary", "description", "help", "what"]:
        if tree.get(key):
            yield tree[key]
    for rows in ["flags", "examples", "options"]:
        for row in tree.get(rows, []):
            yield from texts(row)


@needs_catalogue
@pytest.mark.parametrize("topic", [[], ["endpoints"]], ids=["commands", "endpoints"])
@pytest.mark.parametrize("env", [
    {"LC_ALL": "id_ID.UTF-8"},
    {"LC_ALL": "", "LANG": "id_ID.UTF-8"},
    {"LC_ALL": "", "LC_MESSAGES": "id_ID", "LANG": "en_US.UTF-8"},
    {"LC_ALL": "", "LANG": "de_DE.UTF-8", "LANGUAGE": "id:en"},
], ids=str)
def test_every_text_speaks_indonesian_without_the_locale_installed(topic, env):
    english = [text for tree in tables(*topic) for text in texts(tree)]
    indonesian = [text for tree in tables(*topic, env=clean_env(**env)) for text in texts(tree)]
    assert len(english) == len(indonesian)
    assert [a for a, b in zip(english, indonesian) if a == b] == []


@needs_catalogue
@pytest.mark.parametrize("topic", TOPICS, ids=" ".join)
def test_help_in_indonesian_leaves_no_sentence_in_english(topic):
    english = soket(*topic).stdout.splitlines()
    indonesian = set(soket(*topic, env=clean_env(LC_ALL="id_ID.UTF-8")).stdout.splitlines())
    names = {scheme["scheme"] for scheme in tables("endpoints")}
    names |= {word for c in tables() for f in c["flags"] for word in f.get("choices") or []}
    same = {"  " + example["line"] for command in tables() for example in command["examples"]}

    def is_prose(line):
        words = re.findall(r"[A-Za-z_-]+", line)
        return line not in same and not re.match(r"  (soket |.*[:=|-].*$)", line) and not all(w in names or w.isupper() for w in words)

    assert [line for line in english if line in indonesian and is_prose(line)] == []


@needs_catalogue
@pytest.mark.parametrize("env", [
    {"LC_ALL": "C"}, {"LC_ALL": "C", "LANGUAGE": "id"}, {"LC_ALL": "en_US.UTF-8"}, {"LC_ALL": "en_US.UTF-8", "LANGUAGE": "en:id"},
    {"LC_ALL": "xx_XX.UTF-8"}, {"LC_ALL": "../../x"}, {"LC_ALL": "x" * 5000},
], ids=lambda env: str(env)[:60])
def test_other_languages_get_english(env):
    assert soket("help", env=clean_env(**env)).stdout == soket("help").stdout


@needs_catalogue
def test_a_child_sees_the_environment_as_it_was():
    env = clean_env(LC_ALL="", LANG="id_ID.UTF-8")
    done = soket("connect", "--", "env", env=env, stdin=subprocess.DEVNULL)
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert done.returncode == 0 and seen["LANG"] == "id_ID.UTF-8"
    assert "LANGUAGE" not in seen and "LOCPATH" not in seen
