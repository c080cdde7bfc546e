# SPDX-License-Identifier: Apache-2.0
"""What every behaviour test can use. SOKET is the binary under test (default build/soket)."""
import os
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import net  # noqa: E402
from harness.run import Program  # noqa: E402


@pytest.fixture(scope="session")
def holder(tmp_path_factory):
    """The small helper program, compiled once."""
    out = tmp_path_factory.mktemp("holder") / "holder"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness", "holder.c")
    subprocess.run([os.environ.get("CC", "cc").split()[0], "-O1", "-w", "-o", str(out), source], check=True, timeout=60)
    os.chmod(out.parent, 0o755)
    return str(out)


@pytest.fixture(autouse=True)
def programs_end_with_the_test():
    yield
    Program.close_all()


@pytest.fixture
def short_path():
    """A directory in memory whose path is short enough for the names of unix sockets."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="skt", dir=memory) as d:
        yield d


@pytest.fixture(scope="session")
def can_netns():
    reason = net.missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def pair(can_netns):
    with net.Pair() as p:
        yield p


@pytest.fixture
def machine(can_netns):
    with net.Machine() as m:
        yield m
