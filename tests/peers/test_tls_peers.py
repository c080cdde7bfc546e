# SPDX-License-Identifier: Apache-2.0
"""TLS with real peers on both sides: openssl, curl, nginx, haproxy, stunnel, socat, a web server of Python."""
import functools
import getpass
import hashlib
import http.server
import os
import re
import threading

import pytest

from harness import data as pattern
from harness.certs import Certs, server_context
from harness.clock import Deadline, until
from harness.ends import dial_tcp
from harness.run import PIPE, Program, Soket, command, feed_bytes, soket
from harness.services import answers, free_ports, need, nginx

pytestmark = pytest.mark.peers
MANY = 3_000_000
VERSIONS = ["tls1_2", "tls1_3"]


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))


def serve(*words, options=(), flags=(), deadline=60, **more):
    return Soket("link", "--json", *flags, "tls://127.0.0.1:0", *options, *(words or ("echo:",)), deadline=deadline, **more)


def connect(port, *options, stdin=b"", **more):
    return soket("connect", f"tls://127.0.0.1:{port}", *options, stdin=stdin, deadline=30, **more)


@pytest.fixture
def site(short_path):
    """(root, port) of an nginx without TLS; its file is `small`."""
    root = os.path.join(short_path, "root")
    os.mkdir(root)
    os.chmod(short_path, 0o755)
    with open(f"{root}/small", "wb") as f:
        f.write(pattern.whole(1, MANY))
    _, port = nginx(short_path, root)
    return root, port


# --- openssl


def s_client(port, *words, **options):
    return Program([need("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *words], stdin=PIPE, **options)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_s_client_sends_and_gets_megabytes(kind, version, certs):
    cert = certs.cert(f"server-{kind}", kind=kind)
    content = pattern.whole(2, MANY)
    with serve(options=cert.options) as p, s_client(p.port(), f"-{version}", "-quiet", "-CAfile", certs.ca.cert, "-verify_return_error",
                                                    "-nocommands") as client:
        feed_bytes(client.take("stdin"), content, client.deadline)
        client.out.wait(lambda r: len(r.bytes) >= MANY, client.deadline, "the echo")
        assert bytes(client.out.bytes) == content


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_s_server_takes_what_we_send_and_its_words_arrive(kind, version, certs):
    cert = certs.cert(f"server-{kind}", kind=kind)
    port = free_ports(1)[0]
    with Program([need("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert.chain, "-key", cert.key, f"-{version}", "-rev"],
                 deadline=60) as server:
        server.out.wait(lambda r: b"ACCEPT" in r.bytes, server.deadline, "s_server")
        lines = b"".join(b"line %d\n" % i for i in range(1000))
        with Soket("connect", f"tls://127.0.0.1:{port}", f"ca={certs.ca.cert}", stdin=PIPE) as p:
            fd = p.take("stdin")
            os.write(fd, lines)
            p.out.wait(lambda r: r.bytes.count(b"\n") == 1000, p.deadline, "the answers")
            os.close(fd)
            assert p.wait() in (0, 9)  # s_server -rev may leave without a close
            assert p.out.text().splitlines() == [f"line {i}"[::-1] for i in range(1000)]


@pytest.mark.parametrize("version", VERSIONS)
def test_s_server_gets_megabytes_whole(version, certs):
    port = free_ports(1)[0]
    content = pattern.whole(3, MANY)
    with Program([need("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certs.server.chain, "-key", certs.server.key,
                  f"-{version}", "-quiet", "-naccept", "1"], stdin=PIPE, deadline=60) as server:
        until(lambda: command("ss", "-Hltn", f"sport = :{port}").out, server.deadline, "s_server")
        with Soket("connect", f"tls://127.0.0.1:{port}", f"ca={certs.ca.cert}", stdin=PIPE) as p:
            feed_bytes(p.take("stdin"), content, p.deadline)
            server.out.wait(lambda r: len(r.bytes) >= MANY, server.deadline, "all of it")
            assert bytes(server.out.bytes) == content


@pytest.mark.parametrize("version", VERSIONS)
def test_s_client_comes_back_with_its_session(version, certs, tmp_path):
    with serve("text:hello", options=certs.server.options) as p:
        with s_client(p.port(), f"-{version}", "-sess_out", f"{tmp_path}/session", "-CAfile", certs.ca.cert) as first:
            first.out.wait(lambda r: b"hello" in r.bytes and os.path.exists(f"{tmp_path}/session"), first.deadline, "the first session")
            first.close_stdin()
            first.wait()
            assert "New, TLSv1" in first.out.text()
        with s_client(p.port(), f"-{version}", "-sess_in", f"{tmp_path}/session", "-CAfile", certs.ca.cert) as second:
            second.out.wait(lambda r: b"hello" in r.bytes, second.deadline, "the second session")
            assert "Reused, TLSv1" in second.out.text(), second.said()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_relay_comes_back_to_s_server(version, certs):
    port = free_ports(1)[0]
    with Program([need("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certs.server.chain, "-key", certs.server.key,
                  f"-{version}", "-www"], deadline=60) as server:
        server.out.wait(lambda r: b"ACCEPT" in r.bytes, server.deadline, "s_server")
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"tls://127.0.0.1:{port}", f"ca={certs.ca.cert}") as p:
            pages = []
            for _ in range(3):
                with dial_tcp(p.address(), p.deadline) as end:
                    end.send_bytes(b"GET / HTTP/1.0\r\n\r\n", p.deadline)
                    pages.append(end.read_all(p.deadline).decode())
        assert [re.findall("(New|Reused), TLSv1", page) for page in pages] == [["New"], ["Reused"], ["Reused"]]


def test_key_updates_of_s_client_are_followed(certs):
    """k renews its own key, K wants a new one of ours too; each command must be alone in what s_client reads."""
    with serve(options=certs.server.options) as p, s_client(p.port(), "-tls1_3", "-CAfile", certs.ca.cert) as client:
        for i, word in enumerate((b"one\n", b"two\n", b"three\n", b"four\n")):
            os.write(client.stdin, word)
            client.out.wait(lambda r, word=word: word in r.bytes, client.deadline, "the echo")
            os.write(client.stdin, b"kK"[i % 2:i % 2 + 1] + b"\n")
            client.err.wait(lambda r, i=i: r.bytes.count(b"KEYUPDATE") == i + 1, client.deadline, "the key update")
        assert not p.events("failed") + p.events("closed")


@pytest.mark.parametrize("group", ["X25519", "P-256", "P-384"])
def test_groups_of_keys(group, certs):
    with serve("text:hello", options=certs.server.options) as p, s_client(p.port(), "-groups", group, "-CAfile", certs.ca.cert) as client:
        client.out.wait(lambda r: b"hello" in r.bytes, client.deadline, "the text")


@pytest.mark.parametrize("cipher", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                                    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_ciphers(cipher, certs):
    words = ["-tls1_3", "-ciphersuites"] if cipher.startswith("TLS_") else ["-tls1_2", "-cipher"]
    with serve("text:hello", options=certs.server.options) as p, s_client(p.port(), *words, cipher) as client:
        client.out.wait(lambda r: b"hello" in r.bytes, client.deadline, "the text")
        assert f"Cipher is {cipher}" in client.out.text()


def test_s_time_opens_many(certs):
    """Full handshakes one behind the other; s_time drops each connection without a word."""
    with serve(options=certs.server.options) as p:
        done = command(need("openssl"), "s_time", "-connect", f"127.0.0.1:{p.port()}", "-new", "-time", "1", "-CAfile", certs.ca.cert)
        assert done.status == 0 and re.search(r"[1-9]\d* connections in", done.out), done
        assert connect(p.port(), f"ca={certs.ca.cert}", stdin=b"x").out == "x"


# --- curl


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("http_, alpn", [("--http1.1", "http/1.1"), ("--http1.0", "http/1.0"), ("--http2", "http/1.1"), ("--no-alpn", "")])
def test_curl_gets_a_file_over_https(http_, alpn, version, certs, site, tmp_path):
    with serve(f"tcp://127.0.0.1:{site[1]}", options=[*certs.server.options, *([f"alpn={alpn}"] if alpn else [])]) as p:
        done = command(need("curl"), "-sS", "--fail", http_, f"--tlsv{version}", "--tls-max", version, "--cacert", certs.ca.cert, "-o",
                       f"{tmp_path}/got", f"https://localhost:{p.port()}/small", deadline=30)
        assert done.status == 0, done
        assert (tmp_path / "got").read_bytes() == pattern.whole(1, MANY)
        p.event("closed")
        assert not p.events("failed")


def test_curl_takes_the_printed_pin(site):
    with serve(f"tcp://127.0.0.1:{site[1]}") as p:
        pin = p.event("listening")["pin"]
        url = f"https://127.0.0.1:{p.port()}/small"
        words = [need("curl"), "-sS", "--fail", "-k", "-o", "/dev/null"]
        done = command(*words, "--pinnedpubkey", pin, url)
        assert done.status == 0, done
        wrong = pin[:10] + ("A" if pin[10] != "A" else "B") + pin[11:]
        assert command(*words, "--pinnedpubkey", wrong, url).status == 90


def test_curl_that_trusts_nobody_is_refused_and_a_file_arrives_for_the_next(certs, site):
    with serve(f"tcp://127.0.0.1:{site[1]}", options=certs.server.options) as p:
        url = f"https://127.0.0.1:{p.port()}/small"
        assert command(need("curl"), "-sS", "-o", "/dev/null", url).status == 60
        assert p.event("failed")["error"]["text"]
        assert command(need("curl"), "-sS", "--cacert", certs.ca.cert, "-o", "/dev/null", url).status == 0


def test_curl_shows_a_certificate_of_its_own(certs, site):
    with serve(f"tcp://127.0.0.1:{site[1]}", options=[*certs.server.options, f"client-ca={certs.ca.cert}"]) as p:
        words = [need("curl"), "-sS", "--fail", "--cacert", certs.ca.cert, "-o", "/dev/null", f"https://127.0.0.1:{p.port()}/small"]
        assert command(*words).status != 0
        done = command(*words, "--cert", certs.client.chain, "--key", certs.client.key)
        assert done.status == 0, done


def test_thirty_curls_at_once(certs, site):
    with serve(f"tcp://127.0.0.1:{site[1]}", options=certs.server.options, flags=["--threads", "2"]) as p:
        url = f"https://127.0.0.1:{p.port()}/small"
        done = command(need("curl"), "-sS", "--fail", "--parallel", "--parallel-max", "30", "--cacert", certs.ca.cert,
                       *[w for _ in range(30) for w in ("-o", "/dev/null", url)], "-w", "%{size_download}\n", deadline=60)
        assert done.status == 0 and done.out.split() == [str(MANY)] * 30, done


def test_curl_through_a_relay_that_speaks_tls_for_it(certs, site, tmp_path):
    """plain HTTP on this side, TLS on the way, a TLS end before the server."""
    with serve(f"tcp://127.0.0.1:{site[1]}", options=certs.server.options) as far:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"tls://127.0.0.1:{far.port()}", f"ca={certs.ca.cert}", deadline=60) as near:
            done = command(need("curl"), "-sS", "--fail", "-o", f"{tmp_path}/got", f"http://127.0.0.1:{near.port()}/small", deadline=30)
            assert done.status == 0 and (tmp_path / "got").read_bytes() == pattern.whole(1, MANY), done


# --- a web server of Python


def ask(port, certs, request, *options, ends=False):
    """What a web server answers: status, head, body, what soket said. `ends`: our side has ended before the answer comes."""
    with Soket("connect", f"tls://127.0.0.1:{port}", f"ca={certs.ca.cert}", *options, stdin=PIPE) as p:
        os.write(p.stdin, request)
        if ends:
            p.close_stdin()
        status = p.wait()
        return status, *bytes(p.out.bytes).partition(b"\r\n\r\n")[::2], p.err.text()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def test_a_web_server_of_python(certs, tmp_path):
    (tmp_path / "file").write_bytes(pattern.whole(4, MANY))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    server.socket = server_context(certs.server).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        status, head, body, err = ask(server.server_port, certs, b"GET /file HTTP/1.0\r\n\r\n")
        assert b" 200 " in head and body == pattern.whole(4, MANY), (status, err, len(body))
        assert status == 9 and "cut short" in err  # http.server ends without a close_notify
    finally:
        server.shutdown()
        server.server_close()


# --- nginx


def nginx_with(directory, http_part):
    """An nginx of our own configuration, with {port} in it."""
    path, port = need("nginx"), free_ports(1)[0]
    os.makedirs(f"{directory}/tmp", exist_ok=True)
    temps = "".join(f"{kind}_temp_path {directory}/tmp/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(f"{directory}/nginx.conf", "w", encoding="ascii") as f:
        f.write(f"""daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log info;
{f"user {getpass.getuser()};" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{ access_log off; default_type application/octet-stream; {temps} {http_part.replace("@PORT@", str(port))} }}
""")
    program = Program([path, "-p", directory, "-c", f"{directory}/nginx.conf", "-e", f"{directory}/error.log"], deadline=120)
    answers(port, program, Deadline(20, "nginx"))
    return program, port


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_nginx_as_the_server(version, certs, short_path):
    os.chmod(short_path, 0o755)
    with open(f"{short_path}/file", "wb") as f:
        f.write(pattern.whole(5, MANY))
    cert = certs.server
    _, port = nginx_with(short_path, f"server {{ listen 127.0.0.1:@PORT@ ssl; ssl_certificate {cert.chain}; ssl_certificate_key {cert.key};"
                                     f" ssl_protocols {version}; root {short_path}; }}")
    get = b"GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for _ in range(3):
        status, head, body, err = ask(port, certs, get, "alpn=http/1.1")
        assert b" 200 " in head and body == pattern.whole(5, MANY), (status, err, head)
        assert (status, err) == (0, "")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_nginx_answers_where_our_input_has_ended_before(version, certs, short_path):
    """As in: printf 'GET ...' | soket connect tls://host:443. What nginx has not written when it sees the end it never writes, over TCP too;
    and it ends without a close_notify then. What it has written arrives."""
    cert = certs.server
    _, port = nginx_with(short_path, f"server {{ listen 127.0.0.1:@PORT@ ssl; ssl_certificate {cert.chain}; ssl_certificate_key {cert.key};"
                                     f" ssl_protocols {version}; return 200 {'x' * 3000}; }}")
    for i in range(20):
        status, head, body, err = ask(port, certs, b"GET / HTTP/1.0\r\n\r\n", ends=True)
        assert b" 200 " in head and body == b"x" * 3000, (i, status, err, len(body))
        assert status in (0, 1, 9), err


def test_nginx_wants_a_certificate_of_ours(certs, short_path):
    cert = certs.server
    _, port = nginx_with(short_path, f"server {{ listen 127.0.0.1:@PORT@ ssl; ssl_certificate {cert.chain}; ssl_certificate_key {cert.key};"
                                     f" ssl_client_certificate {certs.ca.cert}; ssl_verify_client on; return 200 $ssl_client_s_dn; }}")
    get = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    status, _, body, err = ask(port, certs, get, *certs.client.options)
    assert (status, err) == (0, "") and b"CN=client" in body
    assert b"No required SSL certificate" in ask(port, certs, get)[2]


def test_nginx_as_a_client(certs, site, short_path):
    """proxy_pass https, verified, to a soket before a server without TLS."""
    with serve(f"tcp://127.0.0.1:{site[1]}", options=certs.server.options) as p:
        os.mkdir(f"{short_path}/front")
        _, port = nginx_with(f"{short_path}/front", f"""server {{ listen 127.0.0.1:@PORT@; location / {{ proxy_pass https://127.0.0.1:{p.port()};
proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs.ca.cert}; proxy_ssl_name localhost; proxy_ssl_server_name on; }} }}""")
        for i in range(4):
            done = command(need("curl"), "-sS", "--fail", "-o", f"{short_path}/got", f"http://127.0.0.1:{port}/small", deadline=30)
            assert done.status == 0, done
            with open(f"{short_path}/got", "rb") as f:
                assert f.read() == pattern.whole(1, MANY)
        p.event("closed", count=4)
        assert not p.events("failed")
        for closed in p.events("closed"):  # nginx ends without a close_notify of its own where it has got ours
            assert closed["how"] == "done" or "cut short" in closed["error"]["text"], closed
            assert closed["received"] > MANY


# --- haproxy, stunnel, socat


def test_haproxy_on_both_sides(certs, site, tmp_path):
    """haproxy takes TLS, passes it on with TLS to a soket; before haproxy there is a soket too."""
    path, port = need("haproxy"), free_ports(1)[0]
    pem = certs.server.both(tmp_path / "both.pem")
    with serve(f"tcp://127.0.0.1:{site[1]}", options=certs.server.options) as far:
        (tmp_path / "haproxy.cfg").write_text(f"""global
  maxconn 100
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen it
  bind 127.0.0.1:{port} ssl crt {pem}
  server far 127.0.0.1:{far.port()} ssl verify required ca-file {certs.ca.cert} sni str(localhost)
""", encoding="ascii")
        with Program([path, "-db", "-f", f"{tmp_path}/haproxy.cfg"], deadline=60) as proxy:
            answers(port, proxy, Deadline(20, "haproxy"))
            for _ in range(3):
                status, _, body, err = ask(port, certs, b"GET /small HTTP/1.0\r\n\r\n")
                assert body == pattern.whole(1, MANY), (status, err, len(body), proxy.said())
                assert (status, err) == (0, "")


def stunnel(directory, certs, port, target, is_client):
    path = need("stunnel")
    with open(f"{directory}/conf", "w", encoding="ascii") as f:
        f.write(f"""foreground = yes
pid =
syslog = no
debug = 4
[it]
client = {'yes' if is_client else 'no'}
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{target}
""" + (f"CAfile = {certs.ca.cert}\nverifyChain = yes\ncheckIP = 127.0.0.1\n" if is_client else
            f"cert = {certs.server.chain}\nkey = {certs.server.key}\n"))
    program = Program([path, f"{directory}/conf"], deadline=60)
    answers(port, program, Deadline(20, "stunnel"))
    return program


def test_stunnel_as_the_client(certs, site, tmp_path):
    need("stunnel")
    port = free_ports(1)[0]
    with serve(f"tcp://127.0.0.1:{site[1]}", options=certs.server.options) as p:
        stunnel(tmp_path, certs, port, p.port(), True)
        for _ in range(3):
            done = command(need("curl"), "-sS", "--fail", "-o", f"{tmp_path}/got", f"http://127.0.0.1:{port}/small", deadline=30)
            assert done.status == 0 and (tmp_path / "got").read_bytes() == pattern.whole(1, MANY), done


def test_stunnel_as_the_server(certs, site, tmp_path):
    need("stunnel")
    port = free_ports(1)[0]
    stunnel(tmp_path, certs, port, site[1], False)
    for _ in range(3):
        status, _, body, err = ask(port, certs, b"GET /small HTTP/1.0\r\n\r\n")
        assert body == pattern.whole(1, MANY), (status, err, len(body))
        assert (status, err) == (0, "")


def test_socat_as_the_client(certs):
    content = pattern.whole(6, MANY)
    with Soket("listen", "--json", "tls://127.0.0.1:0", *certs.server.options, "--", "sha256sum", deadline=60) as p:
        done = command(need("socat"), "-t20", "-", f"OPENSSL:localhost:{p.port()},pf=ip4,cafile={certs.ca.cert}", stdin=content, deadline=30)
        assert done.status == 0, done
        assert hashlib.sha256(content).hexdigest() in done.out


def test_socat_as_the_server(certs, tmp_path):
    content = pattern.whole(7, MANY)
    port = free_ports(1)[0]
    pem = certs.server.both(tmp_path / "both.pem")
    with Program([need("socat"), f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,cert={pem},verify=0", "EXEC:cat"], deadline=60) as server:
        until(lambda: command("ss", "-Hltn", f"sport = :{port}").out, server.deadline, "socat")
        with Soket("connect", f"tls://127.0.0.1:{port}", f"ca={certs.ca.cert}", stdin=PIPE) as p:
            fd = p.take("stdin")
            feed_bytes(os.dup(fd), content, p.deadline)
            p.out.wait(lambda r: len(r.bytes) >= MANY, p.deadline, "the echo")
            os.close(fd)
            assert bytes(p.out.bytes) == content
