# SPDX-License-Identifier: Apache-2.0
"""Certificates of the tests, made with the openssl command when they are first asked for; and the ends of TLS that Python makes."""
import os
import select
import socket
import ssl
import subprocess
import threading

from .clock import Deadline
from .ends import Server

CONFIG = """[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
[ca]
default_ca = here
[here]
dir = {0}
new_certs_dir = {0}/issued
database = {0}/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


class Cert:
    """A certificate with its key: paths, and what both are as options."""

    def __init__(self, directory, name):
        self.name = name
        self.cert, self.key, self.chain = (f"{directory}/{name}.{kind}" for kind in ("pem", "key", "chain"))

    @property
    def options(self):
        return f"cert={self.chain}", f"key={self.key}"

    def both(self, path):
        """Certificate and key in one file, as many servers want it."""
        with open(path, "w", encoding="ascii") as f:
            for part in (self.chain, self.key):
                with open(part, encoding="ascii") as g:
                    f.write(g.read())
        os.chmod(path, 0o600)
        return str(path)


class Certs:
    """A directory with a CA, and what it has signed. `cert()` makes a certificate, or gives the one of that name again."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.made = {}
        self.lock = threading.RLock()
        os.makedirs(f"{self.directory}/issued", exist_ok=True)
        open(f"{self.directory}/index", "w", encoding="ascii").close()
        with open(f"{self.directory}/config", "w", encoding="ascii") as f:
            f.write(CONFIG.format(self.directory))
        self.ca = self.issuer("ca", "Test Root")

    def openssl(self, *words, text=None):
        done = subprocess.run(["openssl", *words], input=text, capture_output=True, text=True, timeout=60, cwd=self.directory, check=False)
        assert done.returncode == 0, f"openssl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def new_key(self, path, kind):
        options = {"ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                   "ed25519": ["ED25519"]}[kind]
        self.openssl("genpkey", "-algorithm", *options, "-out", path)
        os.chmod(path, 0o600)

    def issuer(self, name, common, by=None):
        """One that signs: self-signed, or signed by another."""
        return self.cert(name, common, by=by, extensions=["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"])

    def cert(self, name, common=None, sans=("DNS:localhost", "IP:127.0.0.1", "IP:::1"), by="ca", kind="ec", begin="20200101000000Z",
             end="20991231235959Z", extensions=None, self_signed=False):
        with self.lock:
            if name not in self.made:
                self.made[name] = self._make(name, common or name, sans, by, kind, begin, end, extensions, self_signed)
            return self.made[name]

    def _make(self, name, common, sans, by, kind, begin, end, extensions, self_signed):
        ret = Cert(self.directory, name)
        by = None if name == "ca" or self_signed else self.made[by or "ca"]
        if extensions is None:
            extensions = [f"subjectAltName={','.join(sans)}"] if sans else []
            extensions += ["basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth"]
        extensions = [*extensions, "subjectKeyIdentifier=hash"]
        with open(f"{self.directory}/{name}.ext", "w", encoding="ascii") as f:
            f.write("\n".join(extensions) + "\n")
        self.new_key(ret.key, kind)
        self.openssl("req", "-new", "-config", "config", "-key", ret.key, "-subj", f"/CN={common}", "-out", f"{name}.csr")
        who = ["-selfsign", "-keyfile", ret.key] if by is None else ["-cert", by.cert, "-keyfile", by.key]
        self.openssl("ca", "-batch", "-notext", "-config", "config", *who, "-in", f"{name}.csr", "-out", ret.cert, "-startdate", begin,
                     "-enddate", end, "-extfile", f"{name}.ext")
        with open(ret.chain, "w", encoding="ascii") as f:
            for path in [ret.cert] + ([by.chain] if by and by.name != "ca" else []):
                with open(path, encoding="ascii") as g:
                    f.write(g.read())
        return ret

    # those that many tests use

    @property
    def server(self):
        return self.cert("server")

    @property
    def client(self):
        return self.cert("client", sans=())

    def pin(self, cert):
        """The pin of a certificate as openssl computes it."""
        path = cert.cert
        public = self.openssl("x509", "-in", path, "-noout", "-pubkey")
        with open(f"{path}.pub", "w", encoding="ascii") as f:
            f.write(public)
        self.openssl("pkey", "-pubin", "-in", f"{path}.pub", "-outform", "DER", "-out", f"{path}.der")
        self.openssl("dgst", "-sha256", "-binary", "-out", f"{path}.sum", f"{path}.der")
        return "sha256//" + self.openssl("base64", "-A", "-in", f"{path}.sum").strip()


class Cut(Exception):
    """The connection ended without a close_notify."""


class TlsEnd:
    """One end of a TLS connection, as Python has it: over memory, so that each direction can end by itself."""

    def __init__(self, sock, context, deadline, is_server=False, name=None):
        self.sock, self.deadline = sock, deadline
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, is_server, name)

    def handshake(self):
        self._call(self.tls.do_handshake)
        return self

    def flush(self):
        self.sock.settimeout(self.deadline.left("writing to soket"))
        self.sock.sendall(self.outgoing.read())

    def more(self):
        self.sock.settimeout(self.deadline.left("reading from soket"))
        self._take(self.sock.recv(65536))

    def _take(self, piece):
        if piece:
            self.incoming.write(piece)
        else:
            self.incoming.write_eof()

    def _say_end(self):
        """close_notify, into what is to be sent."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as e:
            assert "APPLICATION_DATA_AFTER_CLOSE_NOTIFY" in str(e), e  # there is something to read

    def _call(self, call, *words):
        while True:
            try:
                ret = call(*words)
            except ssl.SSLWantReadError:
                self.flush()
                self.more()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                raise
            except ssl.SSLError:
                self.flush()  # the alert that says why
                raise
            else:
                self.flush()
                return ret

    def send(self, content):
        self._call(self.tls.write, content)

    def read(self, most=65536):
        """What has come, b"" at the peer's close_notify; Cut at an end without it."""
        try:
            return self._call(self.tls.read, most)
        except ssl.SSLZeroReturnError:
            return b""
        except (ssl.SSLEOFError, ConnectionResetError) as e:
            raise Cut(str(e)) from e

    def read_all(self):
        pieces = []
        while piece := self.read():
            pieces.append(piece)
        return b"".join(pieces)

    def end_writing(self):
        """close_notify, and nothing else: what comes is still read."""
        self._say_end()
        self.flush()

    def exchange(self, content, ends=True):
        """Write all of it, with a close_notify behind it, and read to the peer's, at the same time. What was read."""
        pieces, rest, out, poll, is_over = [], memoryview(content), b"", select.poll(), False
        self.sock.setblocking(False)
        while True:
            try:
                while not is_over:
                    pieces.append(self.tls.read(1 << 18))
                    is_over = not pieces[-1]
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLZeroReturnError:
                is_over = True
            except ssl.SSLEOFError as e:
                raise Cut(str(e)) from e
            while not out and (rest or ends):
                if rest:
                    rest = rest[self.tls.write(rest[:65536]):]
                else:
                    ends = False
                    self._say_end()
                out = self.outgoing.read()
            if is_over and not out:
                return b"".join(pieces)
            poll.register(self.sock, (0 if is_over else select.POLLIN) | (select.POLLOUT if out else 0))
            events = poll.poll(self.deadline.left_ms(f"{len(rest)} bytes to write, {sum(map(len, pieces))} read"))[0][1]
            try:
                if out and events & ~select.POLLIN:
                    out = out[self.sock.send(out):]
                elif not is_over:
                    self._take(self.sock.recv(1 << 18))
            except BlockingIOError:
                pass

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def client_context(certs=None, version=None, verify=True):
    """Of a Python client that trusts the tests' CA, or anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify or not certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(certs.ca.cert)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def server_context(cert, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.chain, cert.key)
    if version:
        context.minimum_version = context.maximum_version = version
    return context


def dial(address, context, deadline, name=None):
    """A Python client that has spoken its handshake."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(deadline.left())
        sock.connect(address)
    else:
        sock = socket.create_connection(tuple(address[:2]), deadline.left())
        # else a close_notify waits for the acknowledgement of what was sent before it, and never leaves where the socket is then closed
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return TlsEnd(sock, context, deadline, name=name).handshake()
    except BaseException:
        sock.close()
        raise


class PythonServer(Server):
    """A TLS server of Python: each connection, once its handshake is done, is given to work(end) in a thread. `failures` are those of
    handshakes and of work."""

    def __init__(self, context, work, seconds=30, **options):
        super().__init__(**options)
        self.context, self.work, self.deadline = context, work, Deadline(seconds, "a TLS server of the test")
        self.failures, self.ends, self.done = [], [], 0
        self.serve_each(self._serve, self.deadline)

    def _serve(self, sock):
        try:
            with TlsEnd(sock, self.context, self.deadline, is_server=True) as end:
                self.ends.append(end)
                end.handshake()
                self.work(end)
        except Exception as e:  # noqa: B902 - for the test to look at
            self.failures.append(e)
        self.done += 1

    @property
    def endpoint(self):
        return f"tls://127.0.0.1:{self.port}"


def echo_all(end):
    """Read to the end, then answer with the same."""
    content = end.read_all()
    end.exchange(content)


class Trickle(Server):
    """A relay of TCP that hands over one byte at a time, up to `most` of each direction; then all as it comes."""

    def __init__(self, target, most=8192):
        super().__init__()
        self.target, self.most, self.deadline = target, most, Deadline(30, "a trickling relay")
        self.serve_each(self._serve, self.deadline)

    def _serve(self, sock):
        try:
            other = socket.create_connection(self.target)
        except OSError:
            sock.close()
            return
        for one, two in ((sock, other), (other, sock)):
            one.settimeout(self.deadline.left())
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._carry, args=(one, two), daemon=True).start()

    def _carry(self, one, other):
        left = self.most
        try:
            while piece := one.recv(65536):
                for i in range(min(left, len(piece))):
                    other.sendall(piece[i:i + 1])
                other.sendall(piece[min(left, len(piece)):])
                left = max(0, left - len(piece))
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
