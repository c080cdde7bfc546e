# SPDX-License-Identifier: Apache-2.0
"""Real servers, unmodified, on a port that soket run has leased."""
import http.client
import os
import pwd

import pytest

from harness.clock import until
from harness.run import Soket, clean_env, soket
from harness.services import answers, need

NODE = "require('http').createServer((q, r) => r.end('hello from node')).listen(process.env.PORT)"
NODE_FD = "require('http').createServer((q, r) => r.end('hello from node')).listen({fd: 3})"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "runtime").mkdir(mode=0o700)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "hello").write_text("hello from a file", encoding="ascii")
    return {"env": clean_env(XDG_RUNTIME_DIR=str(tmp_path / "runtime")), "cwd": str(tmp_path / "work"), "deadline": 60}


def get(address, port, path="/hello"):
    connection = http.client.HTTPConnection(address, port, timeout=10)
    connection.request("GET", path)
    body = connection.getresponse().read().decode()
    connection.close()
    return body


def serves(place, words, body, *flags, addresses=("127.0.0.1",)):
    with Soket("run", "--json", "-p", "web", *flags, "--", *words, **place) as p:
        port = p.event("leased")["port"]
        answers(port, p, p.deadline)
        for address in addresses:
            assert get(address, port) == body
        assert soket("run", "-p", "web", "--", "true", **place).status == 7
        p.stop()
    return port


def nginx_words(tmp_path):
    """nginx with a configuration in which its port is still a word."""
    path = need("nginx")
    directory = tmp_path / "nginx"
    (directory / "tmp").mkdir(parents=True)
    user = pwd.getpwuid(os.getuid()).pw_name
    temps = "".join(f"{kind}_temp_path {directory}/tmp/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (directory / "template").write_text(f"""daemon off; worker_processes 2; pid {directory}/nginx.pid; error_log {directory}/error.log;
{f"user {user};" if os.geteuid() == 0 else ""}
events {{ worker_connections 64; }}
http {{ access_log off; {temps} server {{ listen @PORT@; listen [::]:@PORT@ ipv6only=on; root {tmp_path}/work; }} }}
""", encoding="ascii")
    script = (f"sed s/@PORT@/$PORT/g {directory}/template > {directory}/nginx.conf && "
              f"exec {path} -p {directory} -c {directory}/nginx.conf -e {directory}/error.log")
    return ["sh", "-c", script]


def test_the_web_server_of_python(place):
    need("python3")
    serves(place, ["sh", "-c", "exec python3 -m http.server $PORT"], "hello from a file", addresses=("127.0.0.1", "localhost"))


def test_the_web_server_of_python_in_both_families(place):
    need("python3")
    serves(place, ["sh", "-c", "exec python3 -m http.server --bind :: $PORT"], "hello from a file", addresses=("127.0.0.1", "::1"))


def test_node(place):
    serves(place, [need("node"), "-e", NODE], "hello from node", addresses=("127.0.0.1", "::1"))


def test_node_with_a_socket_that_is_handed_over(place):
    """Which takes one descriptor, and so must find both families behind it."""
    serves(place, [need("node"), "-e", NODE_FD], "hello from node", "--activate", addresses=("127.0.0.1", "::1"))


def test_nginx(place, tmp_path):
    os.chmod(tmp_path, 0o755)
    serves(place, nginx_words(tmp_path), "hello from a file", addresses=("127.0.0.1", "::1"))


def test_socat_with_and_without_reuseaddr(place):
    """socat sets SO_REUSEADDR where it is asked to, and its newer versions by themselves."""
    need("socat")
    words = ["sh", "-c", "exec socat TCP-LISTEN:$PORT,%s SYSTEM:'echo hello'"]
    with Soket("run", "--json", "--", "sh", "-c", words[2] % "reuseaddr", **place) as p:
        port = p.event("leased")["port"]
        answers(port, p, p.deadline)
        assert p.wait() == 0
    done = soket("run", "--", "sh", "-c", words[2] % "so-reuseaddr=0", **place)
    assert done.status != 0 and "--drop-at-exec" in done.err, done


def test_the_same_server_twice_on_the_same_port_at_once_after_the_other(place):
    need("python3")
    words = ["sh", "-c", "exec python3 -m http.server $PORT"]
    assert serves(place, words, "hello from a file") == serves(place, words, "hello from a file")


def test_a_server_that_is_there_is_seen_in_the_list_of_leases(place):
    need("python3")
    with Soket("run", "--json", "-p", "web", "--", "sh", "-c", "exec python3 -m http.server $PORT", **place) as p:
        port = p.event("leased")["port"]
        answers(port, p, p.deadline)
        done = soket("ports", "--leases", "--json", **place)
        if done.status == 2 or done.status == 70:
            pytest.skip("soket ports has no --leases yet")
        until(lambda: str(port) in soket("ports", "--leases", "--json", **place).out, p.deadline, "the lease")
        p.stop()
