# SPDX-License-Identifier: Apache-2.0
"""A line of the documentation whose endpoint has layers, or goes through a proxy: run on loopback, with what stands for the far end."""
import re
import shlex
import socket
import subprocess
import threading

from .ends import EchoServer
from .run import Soket, soket

LAYERS = ("tls", "ws", "wss")


def is_one(line):
    return " via=" in line or any(re.match(rf"({'|'.join(LAYERS)})(\+\w+)?:", word) for word in line.split())


def make_certificate(directory):
    """A self-signed certificate for localhost, as the files that the documentation names."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", f"{directory}/key.pem", "-out", f"{directory}/chain.pem"], check=True, capture_output=True, timeout=30)


class Socks:
    """A SOCKS5 proxy for one client: whatever it asks for, it gets the server that is given."""

    def __init__(self, port):
        self.target = port
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        self.sock.settimeout(20)
        client, _ = self.sock.accept()
        client.settimeout(20)
        greeting = client.recv(2)
        client.recv(greeting[1])
        client.sendall(b"\x05\x00")
        kind = client.recv(4)[3]
        client.recv({1: 4, 4: 16}.get(kind) or client.recv(1)[0])
        client.recv(2)
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        server = socket.create_connection(("127.0.0.1", self.target), timeout=20)
        back = threading.Thread(target=self.copy, args=(server, client), daemon=True)
        back.start()
        self.copy(client, server)
        back.join(20)

    @staticmethod
    def copy(source, sink):
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()


class LayerLine:
    def __init__(self, line, directory):
        self.words, self.directory = shlex.split(line)[1:], str(directory)

    def perform(self):
        getattr(self, self.words[0])()

    def layered(self):
        return next(i for i, w in enumerate(self.words) if re.match(rf"({'|'.join(LAYERS)})(\+\w+)?:", w))

    def far(self):
        """A soket that does the far end's part of the layers, and an echo inside. The words that reach it."""
        scheme = self.words[self.layered()].split(":")[0]
        p = Soket("link", "--json", f"{scheme}://127.0.0.1:0", "echo:")
        listening = p.event("listening")
        return p, f"{scheme}://127.0.0.1:{listening['port']}", [f"pin={listening['pin']}"] if "pin" in listening else []

    def connect(self):
        if any(w.startswith("via=") for w in self.words):
            self.connect_via()
            return
        p, endpoint, trust = self.far()
        self.words[self.layered()] = endpoint
        done = soket(*self.words, *trust, stdin=b"hello\n")
        assert (done.status, done.out) == (0, "hello\n"), done
        assert p.stop() == 0

    def connect_via(self):
        with EchoServer() as server:
            proxy = Socks(server.port)
            words = [re.sub(r"(via=.*@|via=\w+://)?([\d.]+|\w[\w.-]*):\d+$", lambda m: f"{m.group(1)}127.0.0.1:{proxy.port}", w)
                     if w.startswith("via=") else w for w in self.words]
            done = soket(*words, stdin=b"hello\n")
            assert (done.status, done.out) == (0, "hello\n"), done
            proxy.close()

    def explain(self):
        if "--connect" not in self.words:
            done = soket(*self.words)
            assert done.status == 0 and done.out and not done.err, done
            return
        p, endpoint, trust = self.far()
        self.words[self.layered()] = endpoint
        done = soket(*self.words, *trust)
        assert done.status == 0 and "verdict" in done.out and not done.err, done
        assert p.stop() == 0

    def link(self):
        at = self.layered()
        scheme = self.words[at].split(":")[0]
        if any(w.startswith("cert=") for w in self.words):
            make_certificate(self.directory)
        with EchoServer() as server:
            words = [*self.words[:at], f"{scheme}://127.0.0.1:0", *self.words[at + 1:-1], server.endpoint]
            with Soket(words[0], "--json", *words[1:], cwd=self.directory) as p:
                listening = p.event("listening")
                trust = [f"pin={listening['pin']}"] if "pin" in listening else ["ca=chain.pem"] if scheme != "ws" else []
                done = soket("connect", f"{scheme}://127.0.0.1:{listening['port']}", *trust, stdin=b"hello\n", cwd=self.directory)
                assert (done.status, done.out) == (0, "hello\n"), done
                assert p.stop() == 0

    def listen(self):
        at = self.layered()
        scheme = self.words[at].split(":")[0]
        self.words[at] = f"{scheme}://127.0.0.1:0"
        with Soket(self.words[0], "--json", *self.words[1:], cwd=self.directory) as p:
            listening = p.event("listening")
            trust = [f"pin={listening['pin']}"] if "pin" in listening else []
            done = soket("connect", f"{scheme}://127.0.0.1:{listening['port']}", *trust, stdin=b"hello\n")
            assert done.status == 0 and (done.out or "hello" in p.out.text()), done
            p.stop()
