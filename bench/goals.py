# SPDX-License-Identifier: Apache-2.0
"""The goals: what soket must reach in each workload. Data; harness.py judges.

A row is (figure, "at least" or "at most", value, against). With `against`, the value is a ratio of soket's figure to
that contender's in the same round; the median of the rounds' ratios is judged. Without it, soket's median is judged.
"""
AT_LEAST, AT_MOST = "at least", "at most"

GOALS = {
    "relay-bulk-1": (
        ("gbps", AT_LEAST, 1.2, "haproxy-splice"),
        ("gbps", AT_LEAST, 0.70, "direct"),
        ("cpu_s_per_gb", AT_MOST, 0.08, None),
    ),
    "relay-bulk-16": (
        ("gbps", AT_LEAST, 1.05, "haproxy-splice"),
        ("gbps", AT_LEAST, 0.75, "direct"),
        ("cpu_s_per_gb", AT_MOST, 0.085, None),
    ),
    "relay-requests-64": (
        ("per_s", AT_LEAST, 1.1, "nginx"),
        ("cpu_us", AT_MOST, 7.2, None),
    ),
    "relay-requests-1000": (
        ("per_s", AT_LEAST, 1.2, "haproxy"),
        ("cpu_us", AT_MOST, 12, None),
    ),
    "relay-rate": (
        ("per_s", AT_LEAST, 1.05, "haproxy"),
        ("cpu_us", AT_MOST, 33, None),
    ),
    "relay-idle": (
        ("user_b", AT_MOST, 512, None),
        ("all_b", AT_MOST, 6000, None),
        ("before_mib", AT_MOST, 4, None),
        ("idle_cpu", AT_MOST, 0.05, None),       # "no CPU": what a clock tick may charge by mistake
    ),
    "pipe-tcp": (
        ("gb_per_s", AT_LEAST, 1.3, "nc"),
    ),
    "file-tcp": (
        ("gb_per_s", AT_LEAST, 1.4, "nc"),
        ("sender_s_per_gb", AT_MOST, 0.06, None),
    ),
    "pipe-unix": (
        ("gb_per_s", AT_LEAST, 1.4, "nc"),
    ),
    "start": (
        ("ms", AT_MOST, 5, None),
    ),
    "ports-idle": (
        ("ms", AT_MOST, 0.5, "ss"),
    ),
    "ports-farm": (
        ("ms", AT_MOST, 0.35, "ss"),
    ),
    "flows-farm": (
        ("ms", AT_MOST, 0.4, "ss"),
    ),
    "flows-timewait": (
        ("ms", AT_MOST, 0.5, "ss"),
    ),
    "flows-watch": (
        ("cpu", AT_MOST, 0.10, None),
    ),
    "udp-64": (
        ("per_s", AT_LEAST, 2.3, "nginx"),
        ("cpu_us", AT_MOST, 1.1, None),
    ),
    "udp-1400": (
        ("per_s", AT_LEAST, 1.9, "nginx"),
    ),
    "udp-64-gso": (
        ("per_s", AT_LEAST, 8, "nginx"),
    ),
    "udp-1400-gso": (
        ("per_s", AT_LEAST, 7, "nginx"),
    ),
    "udp-peers": (
        ("per_s", AT_LEAST, 1.8, "nginx"),
    ),
    "udp-idle": (
        ("user_b", AT_MOST, 1024, None),
        ("idle_cpu", AT_MOST, 0.05, None),       # as for relay-idle
    ),
    "udp-pace": (
        ("share", AT_LEAST, 99, None),
    ),
    "tls-bulk": (
        ("gbps", AT_LEAST, 1.1, "nginx"),
        ("cpu_s_per_gb", AT_MOST, 0.85, "nginx"),
    ),
    "tls-full": (
        ("cpu_ms", AT_MOST, 1.05, "nginx"),
    ),
    "tls-resumed": (                             # the best of its peers is one of these
        ("cpu_ms", AT_MOST, 1.05, "nginx"),
        ("cpu_ms", AT_MOST, 1.05, "haproxy"),
    ),
    "tls-idle": (
        ("user_b", AT_MOST, 1, "haproxy"),
        ("user_b", AT_MOST, 1, "nginx"),
        ("all_b", AT_MOST, 1, "haproxy"),
        ("all_b", AT_MOST, 1, "nginx"),
    ),
    "ws-64": (
        ("per_s", AT_LEAST, 2, "node-ws"),
    ),
    "ws-64k": (
        ("per_s", AT_LEAST, 2, "node-ws"),
    ),
    "http-1k": (
        ("per_s", AT_LEAST, 1.15, "nginx"),
        ("per_s", AT_LEAST, 0.95, "lighttpd"),
        ("cpu_us", AT_MOST, 4.0, None),
    ),
    "http-64k": (
        ("per_s", AT_LEAST, 1.0, "nginx"),
        ("cpu_us", AT_MOST, 8.8, None),
    ),
    "http-10m": (
        ("per_s", AT_LEAST, 0.98, "nginx"),
        ("cpu_us", AT_MOST, 1.0, "nginx"),
    ),
    "http-idle": (
        ("user_b", AT_MOST, 1024, None),
        ("before_mib", AT_MOST, 4, None),
    ),
    "run-true": (
        ("over_ms", AT_MOST, 5, None),
    ),
}
