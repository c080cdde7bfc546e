# SPDX-License-Identifier: Apache-2.0
"""The workload `start`: how long a command that only explains takes, from its start until it has ended."""
from harness import LOAD, Figure, Workload, must_be_whole

RUNS = 200


def start(bench, contender):
    """load.c starts it 200 times, one after the other: Python's own start of a process would be in the figure."""
    _, said = bench.tell([LOAD, "start", RUNS, *contender.command(contender.start)], timeout=60)
    must_be_whole(said)
    return {"ms": said["median_ms"], "p99_ms": said["p99_ms"]}


WORKLOADS = (
    Workload("start", f"soket explain 80, the whole process, median of {RUNS}", ("soket", "true"),
             (Figure("ms", "median ms"), Figure("p99_ms", "p99 ms")), start, against="true"),
)
