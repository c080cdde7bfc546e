# SPDX-License-Identifier: Apache-2.0
"""Running soket without rights."""
import ctypes
import os
import shutil
import struct

import pytest

from .run import Finished, Program, binary


def as_nobody(tmp):
    """Words that run a command as nobody, and a binary that nobody can reach."""
    if os.geteuid() != 0:
        return [], binary()
    if not shutil.which("setpriv"):
        pytest.skip("setpriv (util-linux) is not installed")
    os.chmod(tmp, 0o755)
    copy = os.path.join(tmp, "soket")
    shutil.copy(binary(), copy)
    os.chmod(copy, 0o755)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], copy


def run_as_nobody(tmp, *words):
    prefix, path = as_nobody(tmp)
    with Program([*prefix, path, *words], cwd="/", deadline=15) as p:
        status = p.wait()
        return Finished(p, status)


def without_netlink():
    """For preexec_fn: from now on this process and its children get EPERM for a netlink socket, as in many containers. seccomp(2),
    a filter of classic BPF: the number of the call, then its first argument."""
    numbers = {"x86_64": 41, "aarch64": 198}  # socket(2)
    allow, refuse = 0x7FFF0000, 0x00050000 | 1  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM
    program = [(0x20, 0, 0, 0), (0x15, 0, 3, numbers[os.uname().machine]),  # not socket(2): allow
               (0x20, 0, 0, 16), (0x15, 0, 1, 16), (0x06, 0, 0, refuse), (0x06, 0, 0, allow)]  # AF_NETLINK
    code = b"".join(struct.pack("HBBI", *row) for row in program)
    room = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxP", len(program), ctypes.addressof(room))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, fprog, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        raise OSError(ctypes.get_errno(), "seccomp")
