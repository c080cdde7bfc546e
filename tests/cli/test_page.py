# SPDX-License-Identifier: Apache-2.0
"""The live page itself: its size, its words and shapes (tests/page), and how it behaves in a browser on a made-up machine."""
import json
import os
import shutil
import subprocess

import pytest

from harness.page import Page, need_page
from harness.run import ROOT, Soket

MODULES = f"{ROOT}/page/node_modules"
LARGEST = 150_000  # bytes of the whole page, compressed


def node(*files, needs, **env):
    """Run tests of Node; each file and each test in it has a name of its own in what is printed."""
    if not shutil.which("node"):
        pytest.skip("Node is not installed")
    for module in needs:
        if not os.path.isdir(f"{MODULES}/{module}"):
            pytest.skip(f"{module} is not there: run npm ci in page/")
    done = subprocess.run(["node", "--test", *(f"{ROOT}/tests/page/{f}" for f in files)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=280, env={**os.environ, **env})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "# pass 0" not in done.stdout, done.stdout


def test_words_of_both_languages_and_shapes():
    node("words.test.mjs", "shapes.test.mjs", needs=[])


def test_in_a_browser_on_a_made_up_machine():
    program = shutil.which("chromium")
    if not program:
        pytest.skip("no Chromium is installed")
    node("live.test.mjs", needs=["esbuild", "playwright-core"], CHROMIUM=program)


def test_the_page_is_small_and_needs_nobody_else():
    need_page()
    total = 0
    with Soket("view", "--json") as p:
        page = Page(p)
        for name in ("", "page.js", "page.css"):
            status, headers, body = page.get(name, **{"Accept-Encoding": "gzip"})
            assert status == 200 and headers["Content-Encoding"] == "gzip"
            total += len(body)
            text = page.get(name)[2].decode()
            for word in ("https://", "//cdn", "@import", "eval("):
                assert word not in text or name == "page.js" and word == "https://", (name, word)
    assert 10_000 < total < LARGEST, f"{total} bytes"


def test_the_lock_names_no_registry_and_every_package_has_its_digest():
    with open(f"{ROOT}/page/package-lock.json", encoding="utf-8") as f:
        lock = json.load(f)
    with open(f"{ROOT}/page/package.json", encoding="utf-8") as f:
        wanted = json.load(f)
    packages = {name: p for name, p in lock["packages"].items() if name}
    assert packages and all("integrity" in p and "resolved" not in p for p in packages.values())
    for group in ("dependencies", "devDependencies"):
        for name, version in wanted[group].items():
            assert packages[f"node_modules/{name}"]["version"] == version, "an exact version"
