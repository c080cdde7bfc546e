# SPDX-License-Identifier: Apache-2.0
"""Looking at the machine where much is closed: no netlink, as in containers; a /proc that hides processes; no /proc; very many
sockets; namespaces that may not be entered."""
import json
import os
import resource
import shutil
import socket

import pytest

from harness.clock import Deadline
from harness.rights import as_nobody, without_netlink
from harness.run import Finished, Program, soket

ME = os.getpid()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_known_machine = pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="the filter knows two machines")
NETLINK_CLOSED = "netlink is closed here: the list is from /proc/net"


def rows(done):
    assert done.status == 0, done
    return [json.loads(row) for row in done.out.splitlines()]


def run(*words, **options):
    with Program(words, deadline=30, **options) as p:
        return Finished(p, p.wait())


# --- no netlink ---------------------------------------------------------------------------------------------------------

@needs_known_machine
@pytest.mark.parametrize("family,host", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_without_netlink_ports_come_from_proc_net_and_that_is_said(family, host):
    with socket.create_server((host, 0), family=family) as s:
        done = soket("ports", "--json", f"port={s.getsockname()[1]}", before=without_netlink)
    (row,) = rows(done)
    assert (row["state"], row["local_address"], row["protocol"]) == ("listen", host, "tcp")
    assert [p["pid"] for p in row["processes"]] == [ME]
    assert row["accept_limit"] is None and row["drops"] is None  # what /proc/net does not tell is not made up
    assert NETLINK_CLOSED in done.err


@needs_known_machine
def test_without_netlink_connections_are_listed_too():
    with socket.create_server(("127.0.0.1", 0)) as s, socket.create_connection(s.getsockname()) as c:
        done = soket("flows", "--json", f"port={c.getsockname()[1]}", before=without_netlink)
    assert {r["local_port"] for r in rows(done)} == {s_port for s_port in {r["remote_port"] for r in rows(done)}}
    assert len(rows(done)) == 2 and all(r["rtt_ns"] is None for r in rows(done))
    assert NETLINK_CLOSED in done.err


@needs_known_machine
def test_without_netlink_a_unix_socket_and_a_datagram_socket_are_there(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as u, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as d:
        u.bind(path)
        u.listen(1)
        d.bind(("127.0.0.1", 0))
        assert [r["path"] for r in rows(soket("ports", "--json", f"path={path}", before=without_netlink))] == [path]
        (row,) = rows(soket("ports", "--json", "udp", f"port={d.getsockname()[1]}", before=without_netlink))
    assert row["state"] == "bound"


@needs_known_machine
def test_without_netlink_the_holder_of_a_taken_port_is_still_named():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        done = soket("listen", f"127.0.0.1:{port}", before=without_netlink)
        page = soket("who", str(port), before=without_netlink)
    assert done.status == 7 and f"(pid {ME}, you)" in done.err
    assert f"(pid {ME}, you)" in page.out and NETLINK_CLOSED in page.err


@needs_known_machine
def test_without_netlink_nothing_can_be_closed_and_that_is_said():
    with socket.create_server(("127.0.0.1", 0)) as s, socket.create_connection(s.getsockname()):
        done = soket("close", f"port={s.getsockname()[1]}", before=without_netlink)
        assert done.status == 6 and "netlink" in done.err, done
        accepted, _ = s.accept()
        accepted.close()


# --- a /proc that hides -------------------------------------------------------------------------------------------------

def in_private_proc(tmp_path, mount, *words):
    """Run soket as nobody where /proc is mounted anew, in a mount namespace of its own."""
    if not shutil.which("unshare"):
        pytest.skip("unshare (util-linux) is not installed")
    prefix, path = as_nobody(str(tmp_path))
    tried = run("unshare", "-m", "sh", "-c", mount)
    if tried.status != 0:
        pytest.skip(f"mounting is not permitted here: {tried.err.strip()}")
    return run("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh", *prefix, path, *words)


@needs_root
@pytest.mark.parametrize("mount", ["mount -t proc -o hidepid=2 proc /proc", "mount -t proc -o hidepid=1 proc /proc",
                                   "mount -t proc -o subset=pid proc /proc", "mount -t tmpfs none /proc"])
def test_where_proc_hides_processes_their_sockets_are_shown_and_a_line_says_so(tmp_path, mount):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        listed = in_private_proc(tmp_path, mount, "ports", "--json", f"port={port}")
        page = in_private_proc(tmp_path, mount, "who", str(port))
        taken = in_private_proc(tmp_path, mount, "listen", f"127.0.0.1:{port}")
    (row,) = rows(listed)
    assert (row["local_port"], row["processes"]) == (port, None)
    assert "without its process" in listed.err or "without their processes" in listed.err, listed
    assert page.status == 0 and "which cannot be seen" in page.out
    assert taken.status == 7 and "which cannot be seen" in taken.err, taken


# --- very many ----------------------------------------------------------------------------------------------------------

def test_as_many_sockets_as_there_may_be_are_all_listed():
    """The limit of descriptors bounds it; each is found, with its process, in one look."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, 15000) - 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    made = []
    try:
        for _ in range(most):
            u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            u.bind(("127.0.0.1", 0))
            made.append(u)
        done = soket("ports", "udp", "--json", f"pid={ME}", deadline=Deadline(60, "very many").seconds)
        ports = {u.getsockname()[1] for u in made}
    finally:
        for u in made:
            u.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {r["local_port"] for r in rows(done)} == ports
    assert "may be missing" not in done.err


# --- namespaces ---------------------------------------------------------------------------------------------------------

@needs_root
def test_without_root_other_namespaces_are_counted_and_not_entered(tmp_path):
    prefix, path = as_nobody(str(tmp_path))
    if not shutil.which("unshare"):
        pytest.skip("unshare (util-linux) is not installed")
    with Program(["unshare", "-n", "sh", "-c", "echo in; read x"], stdin=-1) as other:
        other.out.wait(lambda r: b"in" in r.bytes, Deadline(10, "a namespace"), "a namespace")
        done = run(*prefix, path, "ports", "--all-netns", "--json")
        refused = run(*prefix, path, "ports", "--netns", str(other.pid))
    assert done.status == 0, done
    assert refused.status == 6 and "root" in refused.err, refused
