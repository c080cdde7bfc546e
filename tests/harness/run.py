# SPDX-License-Identifier: Apache-2.0
"""Starting soket and other programs, reading what they say, ending them."""
import json
import os
import select
import signal
import subprocess
import threading

from .clock import Deadline, TooLate

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PIPE = subprocess.PIPE
DEVNULL = subprocess.DEVNULL


def binary():
    return os.path.abspath(os.environ.get("SOKET", os.path.join(ROOT, "build", "soket")))


def sanitized():
    """Whether the binary under test carries a sanitizer, whose memory is its own."""
    with open(binary(), "rb") as f:
        return b"__asan_init" in f.read()


def clean_env(**more):
    """The environment of this process with messages in English and no colour."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "SOKET_FAULT", "LISTEN_"))}
    env.update(LC_ALL="C.UTF-8", NO_COLOR="1", TERM="dumb")
    env.update(more)
    return env


def read_proc(pid, name):
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as f:
            return f.read().replace("\0", " ").strip()
    except OSError as e:
        return e.strerror


def tree(pid, depth=0):
    """What a process that should have ended does, and what its children do: a line each, for the message of a failure."""
    try:
        fds = {n: os.readlink(f"/proc/{pid}/fd/{n}") for n in sorted(os.listdir(f"/proc/{pid}/fd"), key=int)[:12]}
    except OSError as e:
        fds = e.strerror
    stat = read_proc(pid, "stat").rsplit(")", 1)[-1].split()
    lines = [f"{'  ' * depth}{pid} {read_proc(pid, 'cmdline')!r} state {stat[:1]} waits in {read_proc(pid, 'wchan')}, "
             f"call {read_proc(pid, 'syscall')}, {fds}"]
    for child in read_proc(pid, f"task/{pid}/children").split()[:8]:
        if child.isdigit() and depth < 4:
            lines += tree(int(child), depth + 1)
    return lines


class Reader(threading.Thread):
    """Takes a stream as it comes, so that its writer never waits, and lets others wait for what it brings."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self.fd = fd
        self.bytes = bytearray()
        self.events = []
        self.ended = False
        self.changed = threading.Condition()
        self._parsed = 0
        self.start()

    def run(self):
        while True:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:  # a terminal that was hung up
                piece = b""
            with self.changed:
                if piece:
                    self.bytes += piece
                    self._parse()
                else:
                    self.ended = True
                self.changed.notify_all()
            if not piece:
                os.close(self.fd)
                return

    def _parse(self):
        while True:
            end = self.bytes.find(b"\n", self._parsed)
            if end < 0:
                return
            line = bytes(self.bytes[self._parsed:end])
            self._parsed = end + 1
            if line.startswith(b"{"):
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and "event" in event:
                    self.events.append(event)

    def wait(self, condition, deadline, doing):
        """Until condition(self) is true; what it returned. TooLate when the stream ends before."""
        with self.changed:
            while True:
                value = condition(self)
                if value:
                    return value
                if self.ended:
                    raise TooLate(f"the stream ended: {doing}; it held {self.text()[-2000:]!r}")
                self.changed.wait(deadline.left(f"{doing}; so far {self.text()[-2000:]!r}"))

    def finish(self, deadline):
        with self.changed:
            while not self.ended:
                self.changed.wait(deadline.left("the end of an output"))
        return bytes(self.bytes)

    def text(self):
        return self.bytes.decode("utf-8", "replace")


class Program:
    """A process of a test. Ended, if need be, when the block or the test ends."""

    started = []

    def __init__(self, words, stdin=DEVNULL, stdout="read", stderr="read", env=None, cwd=None, before=None, pass_fds=(),
                 deadline=30, session=False):
        self.words = [os.fspath(w) if not isinstance(w, int) else str(w) for w in words]
        self.deadline = Deadline(deadline, " ".join(self.words))
        self.process = subprocess.Popen(
            self.words, stdin=stdin, stdout=PIPE if stdout in ("read", "raw") else stdout,
            stderr=PIPE if stderr in ("read", "raw") else stderr, env=env or clean_env(), cwd=cwd, bufsize=0,
            preexec_fn=before, pass_fds=pass_fds, start_new_session=session)
        self.pid = self.process.pid
        self.lock = threading.Lock()
        self.pidfd = os.pidfd_open(self.pid)
        self.stdin = self._own(self.process.stdin)
        self.stdout = self._own(self.process.stdout)
        self.stderr = self._own(self.process.stderr)
        self.out = Reader(self._give("stdout")) if stdout == "read" else None
        self.err = Reader(self._give("stderr")) if stderr == "read" else None
        Program.started.append(self)

    @staticmethod
    def _own(stream):
        if stream is None:
            return None
        fd = os.dup(stream.fileno())
        stream.close()
        return fd

    def _give(self, name):
        fd = getattr(self, name)
        setattr(self, name, None)
        return fd

    def take(self, name):
        """A raw descriptor ("stdin", "stdout") that the caller closes from now on."""
        return self._give(name)

    def close_stdin(self):
        if self.stdin is not None:
            os.close(self._give("stdin"))

    def event(self, name, deadline=None, count=1, where=None):
        """The count-th event of that name, on whichever stream it comes."""
        def found(reader):
            events = [e for e in reader.events if e["event"] == name and (where is None or where(e))]
            return events[count - 1] if len(events) >= count else None

        readers = [r for r in (self.out, self.err) if r]
        deadline = deadline or self.deadline
        while True:
            for reader in readers:
                with reader.changed:
                    event = found(reader)
                if event:
                    return event
            if all(r.ended for r in readers):
                raise TooLate(f"ended with {self.process.poll()} before event {name} no. {count}: {self.said()}")
            last = [r for r in readers if not r.ended]
            left = deadline.left(f"event {name} no. {count} of {' '.join(self.words)}; {self.said()}")
            with last[0].changed:  # an event of the other stream is seen at the next turn
                if not found(last[0]) and not last[0].ended:
                    last[0].changed.wait(min(left, 0.02 if len(last) > 1 else left))

    def events(self, name=None):
        found = [e for r in (self.out, self.err) if r for e in r.events]
        return [e for e in found if name is None or e["event"] == name]

    def said(self):
        out = self.out.text()[-3000:] if self.out else None
        err = self.err.text()[-3000:] if self.err else None
        return f"stdout {out!r} stderr {err!r}"

    def ended(self, seconds=0):
        """Whether it ends within that time."""
        return bool(select.select([self.pidfd], [], [], seconds)[0])

    def wait(self, deadline=None):
        """The exit status once it has ended and its outputs are read; negative for a signal."""
        deadline = deadline or self.deadline
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        if not poll.poll(deadline.left_ms()):
            raise TooLate("\n".join([f"still runs after {deadline.seconds:g} s: {' '.join(self.words)}; {self.said()}", *tree(self.pid)]))
        with self.lock:
            status = self.process.wait()
        for reader in (self.out, self.err):
            if reader:
                reader.finish(deadline)
        return status

    def send_signal(self, number):
        with self.lock:
            if self.process.poll() is None:
                os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=10):
        self.send_signal(number)
        return self.wait(Deadline(seconds, "end after a signal"))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        with self.lock:
            if self.process.poll() is None:
                os.kill(self.pid, signal.SIGKILL)
                self.process.wait()
        for name in ("stdin", "stdout", "stderr"):
            fd = self._give(name)
            if fd is not None:
                os.close(fd)
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        if self in Program.started:
            Program.started.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @classmethod
    def close_all(cls):
        for program in list(cls.started):
            program.close()


class Soket(Program):
    """soket itself. `wrap` are words before it (setpriv, ip netns exec)."""

    def __init__(self, *words, wrap=(), **options):
        super().__init__([*wrap, binary(), *words], **options)

    def address(self, count=1):
        """(host, port) of the count-th listening event."""
        event = self.event("listening", count=count)
        return event["address"], event["port"]

    def port(self):
        return self.address()[1]


class Finished:
    """What a command that has ended gave."""

    def __init__(self, program, status):
        self.status = status
        self.out = program.out.text() if program.out else ""
        self.err = program.err.text() if program.err else ""
        self.raw = bytes(program.out.bytes) if program.out else b""
        self.events = program.events()

    def __repr__(self):
        return f"<status {self.status} stdout {self.out[-2000:]!r} stderr {self.err[-2000:]!r}>"


def soket(*words, stdin=None, deadline=15, **options):
    """Run soket to its end; `stdin` are bytes for it, or a descriptor, or None for none."""
    feed = isinstance(stdin, bytes)
    with Soket(*words, stdin=PIPE if feed else (DEVNULL if stdin is None else stdin), deadline=deadline,
               **options) as p:
        if feed:
            feed_bytes(p.take("stdin"), stdin, p.deadline)
        return Finished(p, p.wait())


def command(*words, stdin=None, deadline=15, **options):
    """The same for another program."""
    feed = isinstance(stdin, bytes)
    with Program(words, stdin=PIPE if feed else (DEVNULL if stdin is None else stdin), deadline=deadline,
                 **options) as p:
        if feed:
            feed_bytes(p.take("stdin"), stdin, p.deadline)
        return Finished(p, p.wait())


def feed_bytes(fd, content, deadline):
    """Write all and close, from a thread, so that the reader may end early."""
    def work():
        rest = memoryview(content)
        os.set_blocking(fd, False)
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        try:
            while rest:
                poll.poll(deadline.left_ms())
                try:
                    rest = rest[os.write(fd, rest[:65536]):]
                except BlockingIOError:
                    continue
        except (OSError, TooLate):
            pass
        os.close(fd)
    threading.Thread(target=work, daemon=True).start()


def one_clear_line(finished, kind=None):
    """The error of a failed command: one line that says it, and one that says what to do. Returns both."""
    lines = [line for line in finished.err.splitlines() if line.strip()]
    errors = [i for i,
              line in enumerate(lines) if line.startswith("soket: ") and not line.startswith("soket: listening")]
    assert len(errors) == 1, f"not one line that says what failed: {finished}"
    text = lines[errors[0]]
    hint = lines[errors[0] + 1:]
    assert hint, f"no hint: {finished}"
    assert len(text) > len("soket: ") + 10, text
    return text, " ".join(hint)
