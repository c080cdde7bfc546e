# SPDX-License-Identifier: Apache-2.0
"""Seeded bytes whose every position is known, so that a receiver compares each byte and not only a sum.

The bytes of a seed repeat with a prime period of about 1 MiB: a lost, doubled or moved piece of any power-of-two size
shows."""
import functools
import random

PERIOD = 1048573
PIECE = 1 << 18


@functools.lru_cache(maxsize=8)
def _block(seed):
    block = random.Random(seed).randbytes(PERIOD)
    return block + block[:PIECE]


def data(seed, offset, n):
    """n bytes (at most PIECE) of the seed's stream from offset on."""
    assert n <= PIECE
    start = offset % PERIOD
    return _block(seed)[start:start + n]


def view(seed, offset, n):
    """The same without a copy."""
    start = offset % PERIOD
    return memoryview(_block(seed))[start:start + min(n, PIECE)]


def whole(seed, n):
    """The first n bytes in one piece."""
    block = _block(seed)[:PERIOD]
    return (block * (n // PERIOD + 1))[:n]


def random_sizes(seed, most=65536):
    """An endless row of sizes: around the edges that matter, and between them."""
    rng = random.Random(seed)
    edges = [1, 2, 3, 7, 64, 511, 1448, 4095, 4096, 4097, 16383, 16384, 16385, 32768, 65483, 65535, 65536]
    edges = [e for e in edges if e <= most]
    while True:
        yield rng.choice(edges) if rng.random() < 0.5 else rng.randint(1, most)


def first_difference(got, expected):
    for i, (x, y) in enumerate(zip(got, expected)):
        if x != y:
            return i
    return min(len(got), len(expected))
