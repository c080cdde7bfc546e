# SPDX-License-Identifier: Apache-2.0
"""Proxies that others wrote: microsocks, Dante, ssh -D, tinyproxy, squid, stunnel; and the PROXY protocol with haproxy, nginx and curl."""
import getpass
import os
import pwd
import socket

import pytest

from harness import data as pattern
from harness.certs import Certs, PythonServer, echo_all, server_context
from harness.clock import Deadline, until
from harness.ends import EchoServer, End, dial_tcp
from harness.run import PIPE, Finished, Program, Soket, binary, clean_env, command, one_clear_line, soket
from harness.services import answers, free_ports, need, nginx, sshd
from harness.wsraw import WsServer, echo

pytestmark = pytest.mark.peers
MANY = 5_000_000


def quiet_env(**more):
    return {k: v for k, v in clean_env(**more).items() if k in more or not k.lower().endswith("_proxy")}


def through(target, *options, stdin=b"hello", **more):
    more.setdefault("env", quiet_env())
    more.setdefault("deadline", 30)
    return soket("connect", target, *options, stdin=stdin, **more)


def kept_open(target, *options, content=b"hello", **more):
    """The same, with an input that does not end before all has come back: some proxies end both directions when one has ended."""
    more.setdefault("env", quiet_env())
    with Soket("connect", target, *options, stdin=PIPE, **more) as p:
        end = End(-1, p.take("stdin"))
        end.send_bytes(content, p.deadline)
        p.out.wait(lambda r: len(r.bytes) >= len(content), p.deadline, "what comes back")
        end.close()
        status = p.wait()
        return Finished(p, status)


@pytest.fixture(scope="session")
def certs(tmp_path_factory):
    return Certs(tmp_path_factory.mktemp("certs"))


def started(words, port, **more):
    program = Program(words, deadline=90, **more)
    answers(port, program, Deadline(20, words[0]))
    return program


def closed_port():
    return free_ports(1)[0]


# --- SOCKS servers


def microsocks(login=None):
    path, port = need("microsocks"), free_ports(1)[0]
    started([path, "-i", "127.0.0.1", "-p", str(port), *(["-u", login[0], "-P", login[1]] if login else [])], port)
    return port


def dante(directory, method="none"):
    path, port = need("danted"), free_ports(1)[0]
    user = getpass.getuser()
    with open(f"{directory}/danted.conf", "w", encoding="ascii") as f:
        f.write(f"""logoutput: {directory}/danted.log
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: {method}
user.privileged: {user}
user.unprivileged: {user}
client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}
socks block {{ from: 0.0.0.0/0 to: 127.0.0.9/32 }}
socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 protocol: tcp }}
socks pass {{ from: 127.0.0.0/8 to: ::/0 protocol: tcp }}
""")
    started([path, "-f", f"{directory}/danted.conf", "-p", f"{directory}/danted.pid"], port)
    return port


@pytest.fixture
def ssh_socks(tmp_path):
    """The port of an ssh -D, whose far end is this machine."""
    directory = tmp_path / "ssh"
    directory.mkdir()
    _, port, options, user = sshd(str(directory))
    socks = free_ports(1)[0]
    started([need("ssh"), *options, "-N", "-D", f"127.0.0.1:{socks}", "-p", str(port), f"{user}@127.0.0.1"], socks)
    return socks


@pytest.fixture(params=["microsocks", "dante", "ssh"])
def socks(request, tmp_path):
    if request.param == "ssh":
        return request.getfixturevalue("ssh_socks")
    return microsocks() if request.param == "microsocks" else dante(tmp_path)


def test_megabytes_through_a_socks_server(socks):
    content = pattern.whole(1, MANY)
    with EchoServer() as server:
        done = kept_open(f"127.0.0.1:{server.port}", f"via=socks5://127.0.0.1:{socks}", content=content)
        assert (done.status, done.err) == (0, "") and done.raw == content, done


def test_a_name_through_a_socks_server(socks):
    with EchoServer() as server:
        done = kept_open(f"localhost:{server.port}", f"via=socks5h://localhost:{socks}")
        assert (done.status, done.out) == (0, "hello"), done


@pytest.mark.parametrize("which", ["dante", "ssh"])
def test_a_half_closed_tunnel_goes_on(which, tmp_path, request):
    port = dante(tmp_path) if which == "dante" else request.getfixturevalue("ssh_socks")
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "--", "sort") as p:
        done = through(f"127.0.0.1:{p.port()}", f"via=socks5://127.0.0.1:{port}", stdin=b"c\nb\na\n")
        assert (done.status, done.out, done.err) == (0, "a\nb\nc\n", ""), done


def test_a_refusal_by_a_socks_server(socks):
    port = closed_port()
    done = through(f"127.0.0.1:{port}", f"via=socks5://127.0.0.1:{socks}")
    text, _ = one_clear_line(done)
    assert str(socks) in text
    if "closed the connection" in text:  # ssh says no more than that
        assert done.status == 9, done
    else:
        assert done.status == 4 and str(port) in text, done


def test_an_ipv6_target_through_microsocks():
    with EchoServer(socket.AF_INET6) as server:
        done = kept_open(f"[::1]:{server.port}", f"via=socks5://127.0.0.1:{microsocks()}")
        assert (done.status, done.out) == (0, "hello"), done


def test_the_password_of_microsocks():
    port = microsocks(("user", "secret"))
    with EchoServer() as server:
        target = f"127.0.0.1:{server.port}"
        assert kept_open(target, f"via=socks5://user:secret@127.0.0.1:{port}").out == "hello"
        for login in ("user:wrong@", ""):
            done = through(target, f"via=socks5://{login}127.0.0.1:{port}")
            assert done.status == 6, done
            assert "password" in one_clear_line(done)[1]


def test_socks4a_with_dante(tmp_path):
    with EchoServer() as server:
        port = dante(tmp_path)
        done = through(f"127.0.0.1:{server.port}", f"via=socks4a://127.0.0.1:{port}")  # it takes no names
        assert (done.status, done.out) == (0, "hello"), done


def test_the_rules_of_dante(tmp_path):
    done = through("127.0.0.9:80", f"via=socks5://127.0.0.1:{dante(tmp_path)}")
    assert done.status == 6, done
    assert "127.0.0.9:80" in one_clear_line(done)[0]


def test_socks4a_with_ssh(ssh_socks):
    with EchoServer() as server:
        assert through(f"localhost:{server.port}", f"via=socks4a://127.0.0.1:{ssh_socks}").out == "hello"


def test_ssh_goes_through_a_socks_server_with_soket(tmp_path):
    """ProxyCommand."""
    directory = tmp_path / "ssh"
    directory.mkdir()
    _, port, options, user = sshd(str(directory))
    proxy = f"{binary()} connect %h:%p via=socks5://127.0.0.1:{microsocks()}"
    content = pattern.whole(2, 2_000_000)
    done = command(need("ssh"), *options, "-o", f"ProxyCommand={proxy}", "-p", str(port), f"{user}@127.0.0.1", "cat; exit 7", stdin=content,
                   env=quiet_env(), deadline=60)
    assert done.status == 7 and done.raw == content, done


def test_tls_and_websockets_through_microsocks(certs):
    port = microsocks()
    with PythonServer(server_context(certs.server), echo_all) as server:
        done = through(f"tls://localhost:{server.port}", f"via=socks5://127.0.0.1:{port}", f"ca={certs.ca.cert}")
        assert (done.status, done.out) == (0, "hello"), done
    with WsServer(echo) as server:
        assert through(server.endpoint, f"via=socks5://127.0.0.1:{port}").out == "hello"


# --- CONNECT


def tinyproxy(directory, login=None, ports=()):
    path, port = need("tinyproxy"), free_ports(1)[0]
    with open(f"{directory}/tinyproxy.conf", "w", encoding="ascii") as f:
        f.write(f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogFile \"{directory}/tinyproxy.log\"\n")
        f.write(f"BasicAuth {login[0]} {login[1]}\n" if login else "")
        f.writelines(f"ConnectPort {p}\n" for p in ports)
    started([path, "-d", "-c", f"{directory}/tinyproxy.conf"], port)
    return port


def squid(directory, login=None):
    path, port = need("squid"), free_ports(1)[0]
    os.chmod(directory, 0o755)  # it runs as a user of its own
    rules = "http_access allow all"
    if login:
        helper = "/usr/lib/squid/basic_ncsa_auth"
        if not os.path.exists(helper):
            pytest.skip(f"squid has no {helper} here")
        made = command("openssl", "passwd", "-apr1", login[1])
        with open(f"{directory}/users", "w", encoding="ascii") as f:
            f.write(f"{login[0]}:{made.out.strip()}\n")
        os.chmod(f"{directory}/users", 0o644)
        rules = f"auth_param basic program {helper} {directory}/users\nacl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all"
    with open(f"{directory}/squid.conf", "w", encoding="ascii") as f:
        user = "cache_effective_user proxy\n" if os.geteuid() == 0 and has_user("proxy") else ""
        f.write(f"""http_port 127.0.0.1:{port}
{rules}
{user}cache deny all
cache_mem 8 MB
access_log none
cache_log /dev/null
pid_filename none
coredump_dir {directory}
shutdown_lifetime 1 seconds
visible_hostname test
netdb_filename none
pinger_enable off
""")
    started([path, "-N", "-f", f"{directory}/squid.conf"], port)
    return port


def has_user(name):
    return name in [u.pw_name for u in pwd.getpwall()]


@pytest.fixture(params=["tinyproxy", "squid"])
def connect_proxy(request, short_path):
    return (tinyproxy if request.param == "tinyproxy" else squid)(short_path)


@pytest.fixture(params=["tinyproxy", "squid"])
def closed_proxy(request, short_path):
    return (tinyproxy if request.param == "tinyproxy" else squid)(short_path, ("user", "secret"))


def test_megabytes_through_connect(connect_proxy):
    content = pattern.whole(3, MANY)
    with Soket("link", "--json", "tcp://127.0.0.1:0", "discard:") as p, EchoServer() as server:
        done = through(f"127.0.0.1:{p.port()}", f"via=http://127.0.0.1:{connect_proxy}", stdin=content)
        assert done.status == 0, done
        assert p.event("closed")["sent"] == MANY
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"localhost:{server.port}", f"via=http://127.0.0.1:{connect_proxy}", env=quiet_env()) as near:
            with dial_tcp(near.address(), near.deadline) as end:
                end.send_bytes(content[:200_000], near.deadline)
                got = b""
                while len(got) < 200_000:
                    got += end.read_some(deadline=near.deadline)
                assert got == content[:200_000]


def test_a_refusal_behind_connect(connect_proxy):
    port = closed_port()
    done = through(f"127.0.0.1:{port}", f"via=http://127.0.0.1:{connect_proxy}")
    assert done.status == 4, done
    text, _ = one_clear_line(done)
    assert str(connect_proxy) in text and str(port) in text


def test_a_login_for_connect(closed_proxy):
    with EchoServer() as server:
        target = f"127.0.0.1:{server.port}"
        with Soket("link", "--json", "tcp://127.0.0.1:0", target, f"via=http://user:secret@127.0.0.1:{closed_proxy}", env=quiet_env()) as p:
            with dial_tcp(p.address(), p.deadline) as end:
                end.send_bytes(b"hello", p.deadline)
                assert end.read_some(deadline=p.deadline) == b"hello", p.said()
        for login in ("user:wrong@", ""):
            done = through(target, f"via=http://{login}127.0.0.1:{closed_proxy}")
            assert done.status == 6, done
            text, hint = one_clear_line(done)
            assert str(closed_proxy) in text and "password" in hint


def test_a_port_that_tinyproxy_does_not_connect_to(tmp_path):
    done = through("127.0.0.1:25", f"via=http://127.0.0.1:{tinyproxy(tmp_path, ports=[443])}")
    assert done.status == 6 and "403" in done.err, done


def test_tls_through_connect(connect_proxy, certs):
    with PythonServer(server_context(certs.server), echo_all) as server:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"tls://localhost:{server.port}", f"ca={certs.ca.cert}",
                   f"via=http://127.0.0.1:{connect_proxy}", env=quiet_env()) as p:
            done = soket("connect", f"127.0.0.1:{p.port()}", stdin=b"hello")
            assert (done.status, done.out) == (0, "hello"), done


def test_three_kinds_in_a_row(tmp_path, certs):
    """microsocks, tinyproxy and Dante; what comes of it reaches a server with TLS."""
    chain = [f"via=socks5://127.0.0.1:{microsocks()}", f"via=http://127.0.0.1:{tinyproxy(tmp_path)}", f"via=socks4a://127.0.0.1:{dante(tmp_path)}"]
    with PythonServer(server_context(certs.server), echo_all) as server:
        done = through(f"tls://127.0.0.1:{server.port}", *chain, f"ca={certs.ca.cert}")
        assert (done.status, done.out) == (0, "hello"), done


def test_stunnel_before_tinyproxy(tmp_path, certs):
    """A proxy that is asked inside TLS."""
    path, port, inner = need("stunnel4"), free_ports(1)[0], tinyproxy(tmp_path)
    with open(f"{tmp_path}/stunnel.conf", "w", encoding="ascii") as f:
        f.write(f"""foreground = yes
pid =
debug = 3
[proxy]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{inner}
cert = {certs.server.chain}
key = {certs.server.key}
""")
    started([path, f"{tmp_path}/stunnel.conf"], port)
    with EchoServer() as server, Soket("link", "--json", "tcp://127.0.0.1:0", f"127.0.0.1:{server.port}", f"via=https://127.0.0.1:{port}",
                                       env=quiet_env(SSL_CERT_FILE=certs.ca.cert)) as p, dial_tcp(p.address(), p.deadline) as end:
        end.send_bytes(b"hello", p.deadline)
        assert end.read_some(deadline=p.deadline) == b"hello", p.said()


# --- the PROXY protocol


@pytest.fixture
def site(short_path):
    root = os.path.join(short_path, "root")
    os.mkdir(root)
    os.chmod(short_path, 0o755)
    with open(f"{root}/small", "wb") as f:
        f.write(pattern.whole(5, 1 << 20))
    return root, nginx(short_path, root)[1]


def haproxy(directory, frontend, server):
    """The port of an haproxy with these words behind `bind` and `server`."""
    path, port = need("haproxy"), free_ports(1)[0]
    with open(f"{directory}/haproxy.cfg", "w", encoding="ascii") as f:
        f.write(f"""global
  maxconn 100
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen test
  bind 127.0.0.1:{port} {frontend}
  server one {server}
""")
    listens(port, Program([path, "-db", "-f", f"{directory}/haproxy.cfg"], deadline=90))
    return port


def listens(port, program):
    """Until the port is bound by a listener, seen without connecting to it."""
    def bound():
        assert not program.ended(), program.said()
        with open("/proc/net/tcp", encoding="ascii") as f:
            return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in f.readlines()[1:])
    until(bound, Deadline(20, "a listener"), f"port {port}", pause=0.01)


@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2"])
def test_haproxy_tells_soket(words, tmp_path):
    content = pattern.whole(6, MANY)
    with Soket("link", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "echo:", deadline=60) as p:
        port = haproxy(tmp_path, "", f"127.0.0.1:{p.port()} {words}")
        with dial_tcp(("127.0.0.1", port), p.deadline) as end:
            end.send_bytes(b"hello", p.deadline)
            assert end.read_some(deadline=p.deadline) == b"hello"
            assert p.event("opened")["from"] == f"tcp://127.0.0.1:{end.sock.getsockname()[1]}"
        done = soket("connect", f"127.0.0.1:{port}", stdin=content, deadline=30)
        assert done.status == 0 and done.raw == content, done
        assert not p.events("failed")


def test_haproxy_tells_soket_with_a_checksum_and_more(tmp_path):
    with Soket("link", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "echo:", deadline=60) as p:
        port = haproxy(tmp_path, "", f"127.0.0.1:{p.port()} send-proxy-v2 proxy-v2-options crc32c,unique-id")
        with dial_tcp(("127.0.0.1", port), p.deadline) as end:
            end.send_bytes(b"hello", p.deadline)
            assert end.read_some(deadline=p.deadline) == b"hello"
            assert p.event("opened")["from"] == f"tcp://127.0.0.1:{end.sock.getsockname()[1]}"


@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2"])
def test_the_checks_of_haproxy_are_taken_for_what_they_are(words, tmp_path):
    """They carry UNKNOWN or LOCAL: the server is up, and soket does not complain."""
    with Soket("link", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "echo:", deadline=60) as p:
        port = haproxy(tmp_path, "", f"127.0.0.1:{p.port()} check inter 50ms {words} check-send-proxy")
        p.event("opened", count=3)
        assert not p.events("failed"), p.said()
        done = soket("connect", f"127.0.0.1:{port}", stdin=b"hello")
        assert done.out == "hello"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_soket_tells_haproxy(version, tmp_path):
    """haproxy passes on to soket what soket has told it: the address goes through three programs."""
    with Soket("link", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "echo:", deadline=60) as far:
        port = haproxy(tmp_path, "accept-proxy", f"127.0.0.1:{far.port()} send-proxy-v2")
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"127.0.0.1:{port}", f"proxy={version}", deadline=60) as near:
            with dial_tcp(near.address(), near.deadline) as end:
                end.send_bytes(b"hello", near.deadline)
                assert end.read_some(deadline=near.deadline) == b"hello"
                assert far.event("opened")["from"] == f"tcp://127.0.0.1:{end.sock.getsockname()[1]}"


def test_haproxy_with_tls_behind_its_header(tmp_path, certs):
    with Soket("link", "--json", "tls://127.0.0.1:0", "accept-proxy=yes", *certs.server.options, "echo:", deadline=60) as p:
        port = haproxy(tmp_path, "", f"127.0.0.1:{p.port()} send-proxy-v2 ssl verify none")
        with dial_tcp(("127.0.0.1", port), p.deadline) as end:
            end.send_bytes(b"hello", p.deadline)
            assert end.read_some(deadline=p.deadline) == b"hello"
            assert p.event("opened")["from"].endswith(f"://127.0.0.1:{end.sock.getsockname()[1]}")


def nginx_that(directory, words, modules=""):
    path = need("nginx")
    user = "user root;" if os.geteuid() == 0 else ""
    with open(f"{directory}/nginx2.conf", "w", encoding="ascii") as f:
        f.write(f"{modules} daemon off; master_process off; pid {directory}/pid2; {user} error_log {directory}/error2; events {{ }}\n{words}\n")
    return Program([path, "-p", str(directory), "-c", f"{directory}/nginx2.conf", "-e", f"{directory}/error2"], deadline=90)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_soket_tells_nginx(version, tmp_path):
    port = free_ports(1)[0]
    temps = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    listens(port, nginx_that(tmp_path, f"""http {{ access_log off; {temps}
server {{ listen 127.0.0.1:{port} proxy_protocol; return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"; }} }}"""))
    with Soket("link", "--json", "tcp://127.0.0.1:0", f"127.0.0.1:{port}", f"proxy={version}", deadline=60) as p:
        with dial_tcp(p.address(), p.deadline) as end:
            end.send_bytes(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", p.deadline)
            got = end.read_all(p.deadline)
            assert got.endswith(b"127.0.0.1 %d %d" % (end.sock.getsockname()[1], p.port())), got


def test_nginx_tells_soket(tmp_path):
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"
    if not os.path.exists(module):
        pytest.skip("not installed: libnginx-mod-stream")
    port = free_ports(1)[0]
    with Soket("listen", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", "--", "sh", "-c", "echo $SOKET_REMOTE_ADDRESS $SOKET_REMOTE_PORT; exec cat",
               deadline=60) as p:
        listens(port, nginx_that(tmp_path, f"stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{p.port()}; proxy_protocol on; }} }}",
                                 f"load_module {module};"))
        with dial_tcp(("127.0.0.1", port), p.deadline) as end:
            end.send_bytes(b"hello\n", p.deadline)
            expected = b"127.0.0.1 %d\nhello\n" % end.sock.getsockname()[1]
            got = b""
            while len(got) < len(expected):
                got += end.read_some(deadline=p.deadline)
            assert got == expected


def test_curl_tells_who_it_is(site):
    curl = need("curl")
    with Soket("link", "--json", "tcp://127.0.0.1:0", "accept-proxy=yes", f"127.0.0.1:{site[1]}", deadline=60) as p:
        url = f"http://127.0.0.1:{p.port()}/small"
        done = command(curl, "-sS", "--fail", "--haproxy-protocol", "-o", "/dev/null", "-w", "%{size_download} %{local_port}", url, deadline=30)
        size, port = done.out.split()
        assert size == str(1 << 20) and p.event("opened")["from"] == f"tcp://127.0.0.1:{port}"
        done = command(curl, "-sS", "--max-time", "10", url, deadline=30)
        assert done.status != 0 and "GET /small" in p.event("failed")["error"]["text"], done
        done = command(curl, "-sS", "--fail", "--haproxy-protocol", "-o", "/dev/null", url, deadline=30)
        assert done.status == 0, done


def test_curl_goes_through_a_relay_to_a_socks_server(site):
    """The relay is a way to the proxy; the proxy is asked by curl."""
    curl = need("curl")
    with Soket("link", "--json", "tcp://127.0.0.1:0", f"127.0.0.1:{microsocks()}", deadline=60) as p:
        done = command(curl, "-sS", "--fail", "--proxy", f"socks5h://127.0.0.1:{p.port()}", "-o", "/dev/null", "-w", "%{size_download}",
                       f"http://localhost:{site[1]}/small", env=quiet_env(), deadline=30)
        assert (done.status, done.out) == (0, str(1 << 20)), done


def test_curl_uses_a_relay_that_goes_through_a_proxy(site, connect_proxy):
    curl = need("curl")
    with Soket("link", "--json", "tcp://127.0.0.1:0", f"localhost:{site[1]}", f"via=http://127.0.0.1:{connect_proxy}", env=quiet_env(), deadline=60) as p:
        url = f"http://127.0.0.1:{p.port()}/small"
        done = command(curl, "-sS", "--fail", "--parallel", *[w for _ in range(10) for w in ("-o", "/dev/null", url)], "-w", "%{size_download}\n",
                       env=quiet_env(), deadline=40)
        assert done.status == 0 and done.out.split() == [str(1 << 20)] * 10, done
