# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces joined by a veth pair: two machines on one. Needs root; removed at the end."""
import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_number = itertools.count()


def run(*words, check=True):
    return subprocess.run(words, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)


def missing():
    """Why namespaces cannot be made here, or ""."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "ip (iproute2) is not installed"
    name = f"skt{os.getpid()}x{next(_number)}"
    made = run("ip", "netns", "add", name, check=False)
    run("ip", "netns", "del", name, check=False)
    return "" if made.returncode == 0 else f"network namespaces cannot be made: {made.stdout.strip()}"


class Machine:
    """One namespace, with loopback up. `hosts` are its names: {"name": ["address", ...]}."""

    def __init__(self, hosts=None):
        self.name = f"skt{os.getpid()}n{next(_number)}"
        self.etc = f"/etc/netns/{self.name}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        os.makedirs(self.etc)
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        lines += [f"{address} {name}" for name, addresses in (hosts or {}).items() for address in addresses]
        with open(f"{self.etc}/hosts", "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        with open(f"{self.etc}/resolv.conf", "w", encoding="ascii") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    @property
    def wrap(self):
        """Words that run a command in it, with its own hosts file."""
        return ["ip", "netns", "exec", self.name]

    def inside(self, work):
        """Run work() in a thread that is in the namespace: sockets it makes stay there."""
        result = []

        def enter():
            libc = ctypes.CDLL(None, use_errno=True)
            fd = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if libc.setns(fd, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
                result.append((work(), None))
            except BaseException as e:  # noqa: B902 - handed to the caller
                result.append((None, e))
            finally:
                os.close(fd)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        value, failure = result[0]
        if failure:
            raise failure
        return value

    def close(self):
        run("ip", "netns", "del", self.name, check=False)
        shutil.rmtree(self.etc, ignore_errors=True)
        try:
            os.rmdir("/etc/netns")
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Pair:
    """Two machines, `a` and `b`, at 10.93.0.1 and .2, fd93::1 and ::2. `silent4` and `silent6` are addresses on their
    network that nothing answers, not even with a refusal."""

    a4, b4, silent4 = "10.93.0.1", "10.93.0.2", "10.93.0.9"
    a6, b6, silent6 = "fd93::1", "fd93::2", "fd93::9"

    def __init__(self, hosts=None):
        self.a = Machine(hosts)
        self.b = Machine(hosts)
        self.lay()

    def lay(self):
        """The wire between them: an interface of each, with addresses, that is new each time."""
        self.a.ip("link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", self.b.name)
        for machine, v4, v6 in ((self.a, self.a4, self.a6), (self.b, self.b4, self.b6)):
            machine.ip("addr", "add", f"{v4}/24", "dev", "wire")
            machine.ip("addr", "add", f"{v6}/64", "dev", "wire", "nodad")
            machine.ip("link", "set", "wire", "up")
            for silent in (self.silent4, self.silent6):
                machine.ip("neigh", "add", silent, "lladdr", "02:00:00:00:00:99", "dev", "wire", "nud", "permanent")
            machine.ip("route", "replace", "unreachable", "10.94.0.0/24")
            machine.ip("-6", "route", "replace", "unreachable", "fd94::/64")

    def tear(self):
        """Take the interfaces away, with all that was bound to them."""
        self.a.ip("link", "del", "wire")

    def close(self):
        self.a.close()
        self.b.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def listener(machine, address, family=socket.AF_INET):
    """A listening socket in a machine."""
    def work():
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.bind((address, 0))
        sock.listen(64)
        return sock
    return machine.inside(work)
