# SPDX-License-Identifier: Apache-2.0
"""What a contender uses: CPU time and memory of a process and all its children.

Three ways, tried in this order; `Accounts` takes the first that works on this machine:

v2     a control group of its own under cgroup v2: cpu.stat, and memory.current where the memory controller is on
v1     the same under the older hierarchies: cpuacct.usage, memory.usage_in_bytes
proc   no control group can be made: /proc/PID/stat of the session (every contender starts one). CPU comes in ticks of
       10 ms, and the kernel's memory is not seen

A group counts processes that have ended, and cannot be left by forking twice; that is why it is preferred.
"""
import os
import re
import subprocess
import time

NAMES = ("v2", "v1", "proc")


def read(path):
    """The text of a file, or "" where there is none (any more)."""
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def mounts(kind, option=None):
    """Where file systems of this kind (with this option) are mounted."""
    for line in read("/proc/mounts").splitlines():
        _, folder, fs, options = line.split()[:4]
        if fs == kind and (option is None or option in options.split(",")):
            yield folder


def own_group():
    """Our own group below the mount point of cgroup v2."""
    found = re.search(r"^0::(/.*)$", read("/proc/self/cgroup"), re.M)
    return found[1].lstrip("/") if found else ""


class Group:
    """A control group of each hierarchy in `folders`; the first one is asked who is in it."""

    def __init__(self, folders):
        self.folders = []
        try:
            for folder in folders:
                os.mkdir(folder)
                self.folders.append(folder)
        except OSError:
            self.close()
            raise

    def join(self):
        """Move the calling process in; for a child between fork and exec."""
        for folder in self.folders:
            with open(folder + "/cgroup.procs", "w") as f:
                f.write(str(os.getpid()))

    def watch(self, pid):
        """Told the first process; a group knows anyhow."""

    def pids(self):
        return [int(pid) for pid in read(self.folders[0] + "/cgroup.procs").split()]

    def close(self):
        """Remove the group, for which its processes must have ended; the kernel may need a moment to believe it."""
        deadline = time.monotonic() + 2
        while self.folders and time.monotonic() < deadline:
            try:
                os.rmdir(self.folders[-1])
                self.folders.pop()
            except FileNotFoundError:
                self.folders.pop()
            except OSError:
                time.sleep(0.02)


class GroupV2(Group):
    def __init__(self, parent, name):
        super().__init__([f"{parent}/{name}"])

    def cpu_s(self):
        found = re.search(r"^usage_usec (\d+)", read(self.folders[0] + "/cpu.stat"), re.M)
        return int(found[1]) / 1e6 if found else 0.0

    def memory(self):
        text = read(self.folders[0] + "/memory.current")
        return int(text) if text else None


class GroupV1(Group):
    def __init__(self, parents, name):
        super().__init__([f"{parent}/{name}" for parent in parents])

    def cpu_s(self):
        return int(read(self.folders[0] + "/cpuacct.usage") or 0) / 1e9

    def memory(self):
        text = read(self.folders[1] + "/memory.usage_in_bytes") if len(self.folders) > 1 else ""
        return int(text) if text else None


class Session:
    """The processes of one session, from /proc. Read it before the process is reaped: a zombie still has its times."""

    def __init__(self):
        self.pid = None

    def join(self):
        pass

    def watch(self, pid):
        self.pid = pid

    def stats(self):
        """(pid, state, fields from the state on) of each process of the session."""
        for name in filter(str.isdigit, os.listdir("/proc")):
            fields = read(f"/proc/{name}/stat").rpartition(")")[2].split()
            if fields and int(fields[3]) == self.pid:
                yield int(name), fields[0], fields

    def pids(self):
        return [pid for pid, state, _ in self.stats() if state not in "ZX"]

    def cpu_s(self):
        """User and system time, and that of the children that were reaped: fields 14 to 17 of proc(5)."""
        ticks = sum(int(x) for _, _, fields in self.stats() for x in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self):
        return None

    def close(self):
        pass


class Accounts:
    """Makes accounts of the best kind that works here, or of the one that is asked for."""

    def __init__(self, kind=None):
        self.count = 0
        for self.kind, self.make in self.candidates():
            if kind in (None, self.kind) and self.works():
                return
        raise SystemExit(f"bench: no accounting of the kind {kind} on this machine")

    def candidates(self):
        v2 = list(mounts("cgroup2"))
        v1 = [next(mounts("cgroup", option), None) for option in ("cpuacct", "memory")]
        whole = [folder for folder in v2 if "memory" in read(folder + "/cgroup.subtree_control").split()]
        for parent in whole:
            yield "v2", lambda name, parent=parent: GroupV2(parent, name)
        if v1[0]:
            yield "v1", lambda name: GroupV1([parent for parent in v1 if parent], name)
        for mount in v2:                    # CPU only: the top, or below ourselves where that is ours to divide
            for parent in (mount, os.path.join(mount, own_group())):
                yield "v2", lambda name, parent=parent: GroupV2(parent, name)
        yield "proc", lambda name: Session()

    def works(self):
        """Try it with a process that does nothing."""
        account = None
        try:
            account = self.open()
            subprocess.run(["true"], preexec_fn=account.join, check=True, timeout=5)
            return True
        except (OSError, subprocess.SubprocessError):
            return False
        finally:
            if account:
                account.close()

    def open(self):
        self.count += 1
        return self.make(f"soket-bench-{os.getpid()}-{self.count}")
