# SPDX-License-Identifier: Apache-2.0
"""The live page as its browser sees it: requests, and the events that are read from it."""
import contextlib
import http.client
import json
import socket
import urllib.parse

import pytest

from .run import soket

WITHOUT = "built without the live page"


def need_page():
    """Skip where the binary has no page."""
    if WITHOUT in soket("view", "udp::0").err:
        pytest.skip("this soket was built without the live page")


class Page:
    """The page of a program that runs with --json; `through`: another socket address that leads to it."""

    def __init__(self, program, through=None):
        self.program = program
        self.url = program.event("view")["url"]
        parts = urllib.parse.urlsplit(self.url)
        self.own = (parts.hostname, parts.port)
        self.address = through or self.own
        self.token = parts.path.strip("/")

    @property
    def deadline(self):
        return self.program.deadline

    def request(self, method, path, headers=None, body=None, whole=False):
        """(status, headers, body) of one request; `path` is behind the token unless `whole`."""
        with contextlib.closing(http.client.HTTPConnection(*self.address, timeout=self.deadline.left())) as c:
            c.request(method, path if whole else f"/{self.token}/{path}", body=body, headers=headers or {})
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path, **headers):
        return self.request("GET", path, headers)

    def end(self, link, **headers):
        return self.request("POST", f"links/{link}/end", headers)[0]

    def events(self, **query):
        return Events(self, query)


class Events:
    """Somebody who reads events: the newest of each kind, and all that came."""

    def __init__(self, page, query):
        self.page = page
        self.connection = http.client.HTTPConnection(*page.address, timeout=page.deadline.left())
        self.connection.request("GET", f"/{page.token}/events?" + urllib.parse.urlencode(query))
        self.local = self.connection.sock.getsockname()[:2]
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.answer.close()
        self.connection.close()

    def one(self):
        """The next event: (name, data); None at the end."""
        name = None
        self.page.deadline.left("an event of the page")
        while line := self.answer.readline():
            key, _, value = line.decode().rstrip("\n").partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                self.seen.append((name, json.loads(value)))
                return self.seen[-1]
        return None

    def until(self, name, condition=lambda data: True):
        """The next event of that name for which the condition holds."""
        while event := self.one():
            if event[0] == name and condition(event[1]):
                return event[1]
        raise AssertionError(f"the events ended before {name}; seen {self.seen[-3:]}")


def silent(address, request):
    """A client that sends a request and reads nothing, with the smallest buffer there is."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    s.connect(address)
    s.sendall(request)
    return s
