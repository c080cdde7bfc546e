# SPDX-License-Identifier: Apache-2.0
"""A build without the live page says so, wherever it is asked for."""
import pytest

from harness.page import WITHOUT
from harness.run import soket


@pytest.mark.parametrize("words", [("view",), ("view", "--json"), ("link", "--view", "tcp://127.0.0.1:0", "echo:"),
                                   ("listen", "--view", "tcp://127.0.0.1:0", "--", "cat")])
def test_a_build_without_the_page_says_so(words):
    if WITHOUT not in soket("view", "udp::0").err:
        pytest.skip("this soket has the page")
    done = soket(*words)
    assert done.status == 2 and WITHOUT in done.err and "Node.js" in done.err
