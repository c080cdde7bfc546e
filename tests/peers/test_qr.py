# SPDX-License-Identifier: Apache-2.0
"""soket serve --qr, read back as a phone does: the drawing becomes a picture on a dark and on a light ground, and zbar reads the URL."""
import re

import pytest

from harness.http import tree
from harness.run import Soket, clean_env, command
from harness.services import need

pytestmark = pytest.mark.peers
DARK, LIGHT = 0, 255
HALVES = {" ": (LIGHT, LIGHT), "▄": (LIGHT, DARK), "▀": (DARK, LIGHT), "█": (DARK, DARK)}
COLOURS = {"40": DARK, "107": LIGHT}


def of_halves(lines):
    """Rows of modules; a line of half blocks holds two."""
    rows = []
    for line in lines:
        assert line.startswith("\x1b[38;5;16;48;5;231m") and line.endswith("\x1b[0m"), line
        cells = [HALVES[c] for c in re.sub("\x1b\\[[0-9;]*m", "", line)]
        rows += [[upper for upper, _ in cells], [lower for _, lower in cells]]
    return rows


def of_blanks(lines):
    """The same where two blanks of a colour are a module."""
    for line in lines:
        assert line.endswith("\x1b[0m") and line.isascii(), line
    return [[COLOURS[colour] for colour in re.findall("\x1b\\[([0-9]+)m  ", line)] for line in lines]


def picture(rows, ground, path, scale=5, around=20):
    """A PGM file of it, as it lies on a terminal of that ground."""
    width, blank = len(rows[0]) * scale + 2 * around, bytes([ground])
    side, frame = blank * around, blank * width * around
    body = b"".join((side + b"".join(bytes([cell]) * scale for cell in row) + side) * scale for row in rows)
    path.write_bytes(b"P5 %d %d 255\n" % (width, len(rows) * scale + 2 * around) + frame + body + frame)


@pytest.mark.parametrize("ground", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("locale, parse", [("C.UTF-8", of_halves), ("C", of_blanks)], ids=["utf8", "ascii"])
def test_the_url_is_read_from_the_drawing(locale, parse, ground, tmp_path):
    zbar = need("zbarimg")
    site = tree(tmp_path / "site", {"a.txt": "a"})
    with Soket("serve", str(site), "127.0.0.1:0", "--qr", env=clean_env(LC_ALL=locale), deadline=30) as p:
        p.err.wait(lambda r: b"serving " in r.bytes, p.deadline, "the announcement")
        p.stop()
        said = p.err.text()
    rows = parse([line for line in said.splitlines() if "\x1b[" in line])
    assert len({len(row) for row in rows}) == 1
    for edge in (rows[:2], rows[-2:], [row[:2] for row in rows], [row[-2:] for row in rows]):
        assert {cell for row in edge for cell in row} == {LIGHT}, "two modules of white lie around it"
    picture(rows, ground, tmp_path / "code.pgm")
    seen = command(zbar, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(tmp_path / "code.pgm"), deadline=30)
    url = re.search(r"http://127\.0\.0\.1:\d+/", said).group()
    assert seen.out.strip() == url, (seen, said)
