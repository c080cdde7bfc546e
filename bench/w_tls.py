# SPDX-License-Identifier: Apache-2.0
"""Workloads of TLS: clients of tls.c, the contender that takes the TLS off, an endpoint without TLS, all on 127.0.0.1.

The relay's commands are in peers.py (`tls`). All of them have the same certificate and key, and do the same: tls.c asks for
one version, one cipher and one group. There is no "direct": the far endpoints have no TLS.
"""
import functools
import os
import subprocess

from harness import PATIENCE, TLS, Failed, Figure, Workload, hear
from w_relay import BULK, IDLE, cpu_of, idle_links, peak_mib, per, used

AT_ONCE, LINKS = 64, 1000


def relay(bench, contender, far):
    make_certificate(bench.folder)
    return bench.relay(contender, far, kind="tls")


def make_certificate(folder):
    """cert.pem, key.pem, and both.pem for those who want them in one file: P-256, signed by itself, made once."""
    cert, key, both = (os.path.join(folder, name + ".pem") for name in ("cert", "key", "both"))
    if os.path.exists(both):
        return
    words = ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost "
             "-addext subjectAltName=DNS:localhost,IP:127.0.0.1").split()
    try:
        subprocess.run([*words, "-keyout", key, "-out", cert], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=10)
    except subprocess.CalledProcessError as e:
        raise Failed(f"no certificate: {(e.stderr.strip().splitlines() or ['openssl said nothing'])[-1]}") from e
    except (OSError, subprocess.SubprocessError) as e:
        raise Failed(f"no certificate: {e}") from e
    with open(both, "w", opener=functools.partial(os.open, mode=0o600)) as out:
        for path in (key, cert):
            with open(path) as part:
                out.write(part.read())


def bulk(bench, contender, direction):
    """The far end takes a port that it is told, as it and the client are one program."""
    far = next(bench.ports)
    port, process = relay(bench, contender, far)
    before = cpu_of(process)
    said = bench.client(direction, port, far, bench.seconds, program=TLS)
    return {
        "gbps": said["gbps"],
        "cpu_s_per_gb": per(used(process, before), said["n_bytes"], 1e9),
        "peak_mib": peak_mib(process),
    }


def handshakes(bench, contender, command):
    """The relay's CPU is looked at when the client is ready, behind the handshakes that get the first tickets."""
    port, process = relay(bench, contender, bench.endpoint("echo"))
    hold_r, hold_w = os.pipe()              # the client begins when this closes
    try:
        client, answer = bench.talker([TLS, command, port, AT_ONCE, bench.seconds], stdin=hold_r)
        with answer:
            hear(client, answer, PATIENCE)
            before = cpu_of(process)
            os.close(hold_w)
            hold_w = None
            said = hear(client, answer, bench.seconds + PATIENCE)
            cpu = used(process, before)
            client.must_end_well(5)
    finally:
        os.close(hold_r)
        if hold_w is not None:
            os.close(hold_w)
    if not said["n"]:
        raise Failed("not one handshake was done")
    return {
        "per_s": said["per_s"],
        "cpu_ms": per(cpu, said["n"], 1e3),
        "p50_ms": said["p50_us"] / 1e3,
        "p99_ms": said["p99_us"] / 1e3,
        "peak_mib": peak_mib(process),
    }


def idle(bench, contender):
    n = min(LINKS, (bench.descriptors - 200) // 2)
    return idle_links(bench, *relay(bench, contender, bench.endpoint("echo")), n, program=TLS)


HANDSHAKES = (Figure("per_s", "handshakes/s"), Figure("cpu_ms", "CPU ms each"), Figure("p50_ms", "p50 ms"),
              Figure("p99_ms", "p99 ms"), Figure("peak_mib", "peak MiB"))

RELAYS = ("soket", "nginx", "haproxy", "stunnel", "socat")


def workload(name, title, figures, run, contenders=RELAYS):
    return Workload(name, f"TLS 1.3 taken off, {title}", contenders, figures, run, against="nginx")


WORKLOADS = (
    workload("tls-bulk", "bulk, AES-256-GCM, 1 connection, from the client of TLS", BULK,
             functools.partial(bulk, direction="up"), (*RELAYS, "socat-1M")),
    workload("tls-bulk-down", "bulk, AES-256-GCM, 1 connection, to the client of TLS", BULK,
             functools.partial(bulk, direction="down"), (*RELAYS, "socat-1M")),
    workload("tls-full", f"full handshakes, ECDSA P-256, {AT_ONCE} at once, one byte and its echo each", HANDSHAKES,
             functools.partial(handshakes, command="full")),
    workload("tls-resumed", f"resumed handshakes, {AT_ONCE} at once, one byte and its echo each", HANDSHAKES,
             functools.partial(handshakes, command="resumed")),
    # socat is a process for each link, and takes half a minute to open them.
    workload("tls-idle", f"{LINKS:,} idle links", IDLE, idle, RELAYS[:-1]),
)
