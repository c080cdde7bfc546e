# SPDX-License-Identifier: Apache-2.0
"""Deadlines. Every wait of every test is bounded by one of these; none is a plain sleep.

SOKET_TEST_PATIENCE=N makes all deadlines N times longer (sanitizers, busy machines)."""
import os
import time

PATIENCE = float(os.environ.get("SOKET_TEST_PATIENCE", "1"))


class TooLate(AssertionError):
    """A deadline has passed."""


class Deadline:
    def __init__(self, seconds, what=""):
        self.what = what
        self.seconds = seconds * PATIENCE
        self.end = time.monotonic() + self.seconds

    def left(self, doing=""):
        """Seconds left; raises TooLate when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TooLate(f"not within {self.seconds:g} s: {doing or self.what}")
        return left

    def left_ms(self, doing=""):
        return int(self.left(doing) * 1000) + 1


def until(condition, deadline, doing, pause=0.002):
    """Wait until condition() is true, for things that the kernel gives no event for. Returns what it returned."""
    while True:
        value = condition()
        if value:
            return value
        deadline.left(doing)
        time.sleep(pause)
