# SPDX-License-Identifier: Apache-2.0
"""Running soket without rights."""
import os
import shutil

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
