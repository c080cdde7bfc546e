# SPDX-License-Identifier: Apache-2.0
"""WebSocket: what goes through it, in messages and in bytes, how it ends, who is let in, and what is said where it fails."""
import os
import re
import socket
import struct
import threading
import zlib

import pytest

from harness import data as pattern
from harness import wsraw
from harness.clock import until
from harness.ends import Gone, Server, dial_tcp, dial_unix, round_trip, together
from harness.run import PIPE, Finished, Soket, clean_env, one_clear_line, soket
from harness.wsraw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, WsServer, answer_to, frame

SIZES = [0, 1, 125, 126, 127, 4096, 65535, 65536, 1 << 20]
MANY = 5_000_000
MASK = b"\x37\xfa\x21\x3d"


def serve(*words, options=(), flags=(), deadline=30, **more):
    """A soket that listens for WebSockets and does what the words say with each client."""
    return Soket("link", "--json", *flags, "ws://127.0.0.1:0", *options, *(words or ("echo:",)), deadline=deadline, **more)


def connect(port, *options, stdin=b"", flags=(), **more):
    return soket("connect", *flags, f"ws://127.0.0.1:{port}", *options, stdin=stdin, **more)


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def failed(p, count=1):
    """The error of the count-th client that was not served, or whose link broke."""
    def found():
        events = [e for e in p.events() if e["event"] in ("failed", "closed") and "error" in e]
        return events[count - 1]["error"] if len(events) >= count else None
    return until(found, p.deadline, f"failure no. {count}: {p.said()}")


def still_serves(p):
    with wsraw.dial(p.address(), p.deadline) as peer:
        peer.send(BINARY, b"still here")
        assert peer.message() == (BINARY, b"still here")
        peer.say_close()


# --- bytes


@pytest.mark.parametrize("flags", [[], ["--threads", "2"], ["--mover", "copy"]], ids=["plain", "threads", "copy"])
def test_megabytes_go_both_ways_between_two_sokets(flags):
    content = pattern.whole(1, MANY)
    with serve(flags=flags) as p:
        done = connect(p.port(), stdin=content, deadline=30)
        assert (done.status, done.err) == (0, ""), done
        assert done.raw == content
        closed = p.event("closed")
        assert (closed["sent"], closed["received"], closed["how"]) == (MANY, MANY, "done")


def test_a_relay_of_websockets_on_both_sides():
    content = pattern.whole(2, MANY)
    with serve() as far, serve(f"ws://127.0.0.1:{far.port()}") as near:
        done = connect(near.port(), stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done


def test_the_answer_comes_after_our_end():
    """sort says nothing before its input has ended."""
    with Soket("listen", "--json", "ws://127.0.0.1:0", "--", "sort") as p:
        done = connect(p.port(), stdin=b"c\nb\na\n")
        assert (done.status, done.out, done.err) == (0, "a\nb\nc\n", ""), done


def test_a_long_answer_comes_after_our_end():
    lines = b"".join(b"%07d\n" % i for i in range(300_000, 0, -1))
    with Soket("listen", "--json", "ws://127.0.0.1:0", "--", "sort") as p:
        done = connect(p.port(), stdin=lines, deadline=30)
        assert (done.status, done.err) == (0, "")
        assert done.raw == b"".join(b"%07d\n" % i for i in range(1, 300_001))


def test_the_answer_comes_after_our_end_through_a_relay():
    with Soket("listen", "--json", "ws://127.0.0.1:0", "--", "sort") as far:
        with Soket("link", "--json", "tcp://127.0.0.1:0", f"ws://127.0.0.1:{far.port()}") as near:
            done = soket("connect", f"tcp://127.0.0.1:{near.port()}", stdin=b"c\nb\na\n")
            assert (done.status, done.out, done.err) == (0, "a\nb\nc\n", ""), done


def test_a_server_that_ends_first_gets_the_rest():
    """Its Close is not the end of what we say."""
    with Server() as server, serve(server.endpoint) as p:
        with Soket("connect", "--half-open", f"ws://127.0.0.1:{p.port()}", stdin=PIPE) as client, server.accept(p.deadline) as end:
            end.end_writing()
            os.write(client.stdin, b"still here")
            got = b""
            while len(got) < 10:
                got += end.read_some(deadline=p.deadline)
            client.close_stdin()
            end.expect_end(p.deadline)
            assert got == b"still here" and client.wait() == 0, client.said()


def test_connect_ends_when_the_server_has_ended_though_stdin_is_open():
    with Server() as server, serve(server.endpoint) as p:
        with Soket("connect", f"ws://127.0.0.1:{p.port()}", stdin=PIPE) as client, server.accept(p.deadline) as end:
            end.send_bytes(b"goodbye", p.deadline)
            end.close()
            assert client.wait() == 0 and client.out.text() == "goodbye", client.said()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_messages_become_bytes_of_a_stream_and_back(kind, short_path):
    options = {"family": socket.AF_UNIX, "address": f"{short_path}/s"} if kind == "unix" else {}
    with Server(**options) as server, serve(server.endpoint) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            peer.send(BINARY, b"one ")
            peer.send(TEXT, b"two ")
            peer.send(BINARY, b"")
            peer.send(BINARY, b"thr", last=False)
            peer.send(CONTINUATION, b"ee")
            got = b""
            while len(got) < 13:
                got += end.read_some(deadline=p.deadline)
            assert got == b"one two three"
            end.send_bytes(b"answer", p.deadline)
            assert peer.message() == (BINARY, b"answer")
            end.end_writing()
            assert peer.close_code() == (1000, "")
            peer.send(BINARY, b" and more")
            peer.say_close()
            assert end.read_all(p.deadline) == b" and more"
        assert p.event("closed")["how"] == "done"


def test_a_client_of_bytes_reaches_a_websocket_server():
    """The other way round: who speaks TCP is let in to who speaks WebSocket."""
    with WsServer(wsraw.echo) as server:
        with Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint) as p, dial_tcp(p.address(), p.deadline) as end:
            round_trip(end, pattern.whole(3, 300_000), p.deadline)
            end.end_writing()
            end.expect_end(p.deadline)
        assert p.event("closed")["how"] == "done"
        until(lambda: server.done, server.deadline, "the server's end")
        assert not server.failures


def test_a_program_serves_each_client():
    with Soket("listen", "--json", "ws://127.0.0.1:0", "--", "sh", "-c",
               "echo $SOKET_PROTOCOL $SOKET_REMOTE_ADDRESS $SOKET_REMOTE_PORT $SOKET_LOCAL_ADDRESS $SOKET_LOCAL_PORT; exec cat") as p:
        with wsraw.dial(p.address(), p.deadline) as peer:
            mine = peer.sock.getsockname()
            line = b""
            while not line.endswith(b"\n"):
                line += peer.message()[1]
            protocol, *rest = line.decode().split()
            assert protocol in ("ws", "tcp") and rest == [mine[0], str(mine[1]), "127.0.0.1", str(p.port())]
            peer.send(BINARY, b"hello")
            assert peer.message() == (BINARY, b"hello")
            peer.say_close()
            assert peer.close_code() == (1000, "")


def test_a_program_as_a_client():
    with WsServer(wsraw.echo) as server:
        done = soket("link", f"dial:{server.endpoint}", "--", "sh", "-c", "echo hello; read word; echo $word >&2")
        assert (done.status, done.err) == (0, "hello\n"), done
        until(lambda: server.done, server.deadline, "the server's end")
        assert not server.failures


def test_the_first_client_of_listen_is_joined_to_the_terminal():
    with Soket("listen", "--json", "ws://127.0.0.1:0", stdin=PIPE) as p:
        p.event("listening")
        with wsraw.dial(p.address(), p.deadline) as peer:
            peer.send(TEXT, b"to stdout")
            p.out.wait(lambda r: "to stdout" in r.text(), p.deadline, "what was sent")
            os.write(p.stdin, b"from stdin")
            assert peer.message() == (BINARY, b"from stdin")
            p.close_stdin()
            assert peer.close_code() == (1000, "")
            peer.say_close()
            assert p.wait() == 0


def test_text_is_sent_as_text():
    with serve(options=["text=yes"]) as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.send(TEXT, "grüße".encode())
        assert peer.message() == (TEXT, "grüße".encode())


def test_a_character_is_not_cut_where_text_is_sent():
    with Server() as server, serve(server.endpoint, options=["text=yes"]) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            end.send_bytes("a€".encode()[:2], p.deadline)
            assert peer.message() == (TEXT, b"a")
            end.send_bytes("€".encode()[1:], p.deadline)
            assert peer.message() == (TEXT, "€".encode())


def test_what_is_not_utf8_is_not_sent_as_text():
    done_by = []

    def work(peer):
        done_by.append(peer.read_all())

    with WsServer(work) as server:
        done = connect(server.port, "text=yes", stdin=b"good\xff\xfe")
        assert done.status not in (0, 70), done
        text, hint = one_clear_line(done)
        assert "UTF-8" in text and "binary" in hint


# --- messages


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("kind", [TEXT, BINARY], ids=["text", "binary"])
def test_a_message_comes_back(kind, n):
    content = (b"abcdefg" * (n // 7 + 1))[:n] if kind == TEXT else pattern.whole(4, n)
    with serve() as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.send(kind, content, mask=MASK)
        got = b""
        while len(got) < n:
            opcode, piece = peer.message()
            assert opcode == BINARY
            got += piece
        assert got == content
        peer.say_close()
        assert peer.close_code() == (1000, "")


def test_a_server_masks_nothing_and_a_client_masks_each_frame_anew():
    keys = []

    def work(peer):
        for _ in range(2):
            first, second = peer.read(2)
            assert (first, second & 0x80) == (0x82, 0x80)
            keys.append(peer.read(4))
            peer.read(second & 0x7f)
            peer.send(BINARY, b"next")
        peer.say_close()
        peer.read_all()

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        os.write(p.stdin, b"first")
        p.out.wait(lambda r: r.text() == "next", p.deadline, "an answer")
        os.write(p.stdin, b"second")
        p.out.wait(lambda r: r.text() == "nextnext", p.deadline, "another answer")
        until(lambda: len(keys) == 2, p.deadline, "two frames")
        assert keys[0] != keys[1]
        p.close_stdin()
        assert p.wait() == 0, p.said()
    with serve() as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.send(BINARY, b"hello")
        opcode, content, last, is_masked, bits = peer.receive()
        assert (opcode, content, last, is_masked, bits) == (BINARY, b"hello", True, False, 0)


KEPT = [b"", b"a", b"b" * 125, b"c" * 126, b"", b"d" * 60000, b"end"]


def test_messages_are_kept_between_two_websockets():
    with WsServer(wsraw.echo) as server, serve(server.endpoint) as p, wsraw.dial(p.address(), p.deadline) as peer:
        for content in KEPT:
            peer.send(BINARY, content)
        for content in KEPT:
            assert peer.message() == (BINARY, content)


@pytest.mark.parametrize("n", [65535, 65536, 1 << 20, 5_000_000])
def test_long_messages_are_kept_between_two_websockets(n):
    """max-message says how long a message may be; nothing else does."""
    with WsServer(wsraw.echo) as server, serve(server.endpoint) as p, wsraw.dial(p.address(), p.deadline) as peer:
        content = pattern.whole(5, n)
        peer.send(BINARY, content)
        assert peer.message() == (BINARY, content)


def test_text_stays_text_between_two_websockets():
    with WsServer(wsraw.echo) as server, serve(server.endpoint) as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.send(TEXT, b"words")
        peer.send(BINARY, b"bytes")
        assert [peer.message(), peer.message()] == [(TEXT, b"words"), (BINARY, b"bytes")]


def test_fragments_become_one_message_between_two_websockets():
    with WsServer(wsraw.echo) as server, serve(server.endpoint) as p, wsraw.dial(p.address(), p.deadline) as peer:
        for i in range(50):
            peer.send(BINARY if i == 0 else CONTINUATION, b"%02d" % i, last=i == 49)
            if i % 10 == 0:
                peer.send(PING, b"%d" % i)
        assert peer.message() == (BINARY, b"".join(b"%02d" % i for i in range(50)))


def test_messages_are_kept_to_udp_and_back():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(20)
        with serve(f"udp://127.0.0.1:{udp.getsockname()[1]}") as p, wsraw.dial(p.address(), p.deadline) as peer:
            for content in (b"one", b"", b"two", b"x" * 9000):
                peer.send(BINARY, content)
                got, source = udp.recvfrom(70000)
                assert got == content
            for content in (b"answer", b"", b"y" * 9000, b"z"):
                udp.sendto(content, source)
                assert peer.message() == (BINARY, content)


def test_datagrams_are_kept_to_a_websocket_server():
    with WsServer(wsraw.echo) as server, Soket("link", "--json", "udp://127.0.0.1:0", server.endpoint) as p:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect(("127.0.0.1", p.port()))
            udp.settimeout(20)
            for content in (b"one", b"", b"two", b"x" * 9000):
                udp.send(content)
                assert udp.recv(70000) == content


@pytest.mark.parametrize("far", [False, True], ids=["listening", "dialling"])
def test_messages_are_kept_to_seqpackets_and_back(far, short_path):
    path = f"{short_path}/q"
    if far:
        with WsServer(wsraw.echo) as server, Soket("link", "--json", f"unix-seqpacket:{path}", server.endpoint) as p:
            p.event("listening")
            with dial_unix(path, p.deadline, socket.SOCK_SEQPACKET) as end:
                for content in (b"one", b"two", b"x" * 30000):
                    end.send_bytes(content, p.deadline)
                    assert end.read_some(deadline=p.deadline) == content
        return
    with Server(socket.AF_UNIX, socket.SOCK_SEQPACKET, path) as server, serve(server.endpoint) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            for content in (b"one", b"two", b"x" * 30000):
                peer.send(BINARY, content)
                assert end.read_some(deadline=p.deadline) == content
                end.send_bytes(content, p.deadline)
                assert peer.message() == (BINARY, content)
            peer.say_close()
            end.expect_end(p.deadline)
            end.close()
            assert peer.close_code() == (1000, "")


FRAMES = [("line", b"one\ntwo\n", [b"one", b"two"]), ("len16", b"\0\3one\0\0\0\3two", [b"one", b"", b"two"]),
          ("len32", b"\0\0\0\3one\0\0\0\3two", [b"one", b"two"]), ("chunk=4", b"onetwo11", [b"onet", b"wo11"])]


@pytest.mark.parametrize("how, stream, messages", FRAMES, ids=[f[0] for f in FRAMES])
def test_messages_in_a_stream(how, stream, messages):
    with Server() as server, serve(server.endpoint, options=[f"frame={how}"]) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            end.send_bytes(stream, p.deadline)
            assert [peer.message()[1] for _ in messages] == messages
            for content in messages:
                peer.send(BINARY, content)
            got = b""
            while len(got) < len(stream):
                got += end.read_some(deadline=p.deadline)
            assert got == stream


@pytest.mark.parametrize("how, stream, messages", FRAMES, ids=[f[0] for f in FRAMES])
def test_messages_in_our_own_stream(how, stream, messages):
    got = []

    def work(peer):
        got.append(peer.messages())
        for content in messages:
            peer.send(BINARY, content)
        peer.say_close()

    with WsServer(work) as server:
        done = connect(server.port, f"frame={how}", stdin=stream)
        assert (done.status, done.raw, done.err) == (0, stream, ""), done
        assert got == [(messages, 1000)] and not server.failures


# --- the handshake


def test_what_a_client_asks_for():
    with WsServer(wsraw.echo) as server:
        done = connect(server.port, "path=/a/b?c=d", "protocol=chat,mqtt", "origin=https://page.example", "header=X-One: 1",
                       "header=Authorization: Bearer abc", stdin=b"hello", env=clean_env())
        assert (done.status, done.out) == (0, "hello"), done
        head = server.heads[0]
        assert head.line == "GET /a/b?c=d HTTP/1.1"
        assert head.get("Host") == f"127.0.0.1:{server.port}"
        assert head.get("Upgrade").lower() == "websocket" and head.get("Connection").lower() == "upgrade"
        assert head.get("Sec-WebSocket-Version") == "13" and len(head.get("Sec-WebSocket-Key")) == 24
        assert [p.strip() for p in head.get("Sec-WebSocket-Protocol").split(",")] == ["chat", "mqtt"]
        assert head.get("Origin") == "https://page.example"
        assert head.get("X-One") == "1" and head.get("Authorization") == "Bearer abc"


def test_each_client_has_a_key_of_its_own():
    with WsServer(wsraw.echo) as server:
        for _ in range(2):
            assert connect(server.port).status == 0
        assert server.heads[0].get("Sec-WebSocket-Key") != server.heads[1].get("Sec-WebSocket-Key")


def test_a_path_in_the_address_is_the_path():
    """Whoever pastes a web address is understood, or told how to write it."""
    with WsServer(wsraw.echo) as server:
        done = soket("connect", f"{server.endpoint}/chat", stdin=b"hello")
        if done.status == 0:
            assert server.heads[0].line == "GET /chat HTTP/1.1"
        else:
            assert done.status == 2 and "path=" in done.err, done


@pytest.mark.parametrize("field, value", [("protocol", "a\r\nX: y"), ("header", "X: y\r\nZ: w"), ("origin", "a\nb"), ("path", "/a b")],
                         ids=["protocol", "header", "origin", "path"])
def test_nothing_is_smuggled_into_the_request(field, value):
    with WsServer(wsraw.echo) as server:
        done = connect(server.port, f"{field}={value}")
        assert done.status == 2, done
        assert not server.heads


def test_a_field_without_a_colon_is_refused():
    done = connect(1, "header=nonsense")
    assert done.status == 2, done
    one_clear_line(done)


def test_the_path_that_is_served():
    with serve(options=["path=/chat"]) as p:
        assert connect(p.port(), "path=/chat", stdin=b"hello").out == "hello"
        assert connect(p.port(), "path=/chat?room=1", stdin=b"hello").out == "hello"
        done = connect(p.port(), "path=/other")
        assert done.status == 9, done
        text, hint = one_clear_line(done)
        assert "404" in text and "path" in hint
        error = p.event("failed")["error"]
        assert "404" in error["text"] and "/chat" in error["hint"]
        with wsraw.knock(p.address(), p.deadline, path="/chat/") as peer:
            assert peer.read_head().status == 404


def test_any_path_where_none_is_given():
    with serve() as p:
        assert connect(p.port(), "path=/what/ever", stdin=b"hello").out == "hello"


PROTOCOLS = [("chat,mqtt", "mqtt", "mqtt"), ("chat,mqtt", "mqtt, chat", "chat"), ("chat", "other", None), (None, "chat", None),
             ("chat", None, None)]


@pytest.mark.parametrize("ours, theirs, agreed", PROTOCOLS)
def test_a_protocol_is_agreed_on_or_not(ours, theirs, agreed):
    fields = [("Sec-WebSocket-Protocol", theirs)] if theirs else []
    with serve(options=[f"protocol={ours}"] if ours else []) as p:
        with wsraw.dial(p.address(), p.deadline, fields=fields) as peer:
            assert peer.head.get("Sec-WebSocket-Protocol") == agreed
            peer.send(BINARY, b"hello")
            assert peer.message() == (BINARY, b"hello")


def test_a_server_that_chooses_a_protocol_of_its_own_is_refused():
    with WsServer(wsraw.echo, lambda head: answer_to(head, [("Sec-WebSocket-Protocol", "other")])) as server:
        done = connect(server.port, "protocol=chat")
        assert done.status == 9, done
        assert "subprotocol" in one_clear_line(done)[0]


def own(port):
    return f"http://127.0.0.1:{port}"


ORIGINS = [([], own, 101), ([], lambda port: f"https://127.0.0.1:{port}", 101), ([], lambda port: "http://127.0.0.1:1", 403),
           ([], lambda port: "https://evil.example", 403), ([], lambda port: "null", 403), ([], None, 101),
           (["origin=https://page.example"], lambda port: "https://page.example", 101),
           (["origin=https://page.example"], lambda port: "https://page.example.evil", 403),
           (["origin=https://page.example"], lambda port: "http://page.example", 403),
           (["origin=https://page.example"], own, 403),
           (["origin=https://a.example,https://b.example"], lambda port: "https://b.example", 101),
           (["origin=*"], lambda port: "https://evil.example", 101), (["origin=*"], lambda port: "null", 101)]


@pytest.mark.parametrize("options, origin, status", ORIGINS)
def test_which_pages_are_let_in(options, origin, status):
    with serve(options=options) as p:
        fields = [("Origin", origin(p.port()))] if origin else []
        with wsraw.knock(p.address(), p.deadline, fields=fields) as peer:
            assert peer.read_head().status == status
        if status == 403:
            error = p.event("failed")["error"]
            assert error["kind"] == "denied" and "403" in error["text"] and "origin=" in error["hint"]
            done = connect(p.port(), f"origin={origin(p.port())}")
            assert done.status == 6, done
            assert "403" in one_clear_line(done)[0]


ASKS = [("not GET", {"line": "POST / HTTP/1.1"}, 405), ("old HTTP", {"line": "GET / HTTP/1.0"}, 400),
        ("no Host", {"without": ["Host"]}, 400), ("two Hosts", {"fields": [("Host", "other")]}, 400),
        ("a body", {"fields": [("Content-Length", "5")]}, 400), ("chunks", {"fields": [("Transfer-Encoding", "chunked")]}, 400),
        ("no Upgrade", {"without": ["Upgrade"]}, 426), ("another Upgrade", {"without": ["Upgrade"], "fields": [("Upgrade", "h2c")]}, 426),
        ("no Connection", {"without": ["Connection"]}, 400), ("no version", {"without": ["Sec-WebSocket-Version"]}, 426),
        ("version 8", {"without": ["Sec-WebSocket-Version"], "fields": [("Sec-WebSocket-Version", "8")]}, 426),
        ("no key", {"without": ["Sec-WebSocket-Key"]}, 400),
        ("a short key", {"without": ["Sec-WebSocket-Key"], "fields": [("Sec-WebSocket-Key", "AAAA")]}, 400),
        ("two keys", {"fields": [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]}, 400),
        ("two origins", {"fields": [("Origin", "http://a"), ("Origin", "http://b")]}, 400),
        ("a field without a name", {"fields": [("", "x")]}, 400), ("a blank before the colon", {"fields": [("X ", "y")]}, 400)]


@pytest.mark.parametrize("ask, status", [pytest.param(a[1], a[2], id=a[0].replace(" ", "-")) for a in ASKS])
def test_a_request_that_is_wrong_gets_an_answer(ask, status):
    with serve() as p:
        with wsraw.knock(p.address(), p.deadline, **ask) as peer:
            head = peer.read_head()
            assert head.status == status
            body = peer.read_all()
            assert len(body) == int(head.get("Content-Length")) and body.strip()
            assert "close" in head.get("Connection")
            if status == 426:
                assert head.get("Sec-WebSocket-Version") == "13" and head.get("Upgrade") == "websocket"
        assert str(status) in failed(p)["text"]
        still_serves(p)


def test_upper_and_lower_case_and_lists_make_no_difference():
    with serve() as p:
        ask = {"without": ["Upgrade", "Connection"], "fields": [("uPGRADE", "h2c, WebSocket"), ("CONNECTION", "keep-alive,  UPGRADE")]}
        with wsraw.dial(p.address(), p.deadline, **ask) as peer:
            peer.send(BINARY, b"hello")
            assert peer.message() == (BINARY, b"hello")


def test_a_head_without_an_end_is_too_long():
    with serve() as p:
        with wsraw.connect(p.address(), p.deadline) as peer:
            peer.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n")
            try:
                for _ in range(10_000):
                    peer.send_bytes(b"X-Long: " + b"y" * 1000 + b"\r\n")
            except Gone:
                pass
        assert "431" in failed(p)["text"]
        with wsraw.knock(p.address(), p.deadline, fields=[("X", "y" * 20_000)]) as peer:
            assert peer.read_head().status == 431
        still_serves(p)


def test_a_head_of_many_fields_is_refused_and_one_of_a_few_is_not():
    with serve() as p:
        with wsraw.dial(p.address(), p.deadline, fields=[(f"X-{i}", "y") for i in range(30)]) as peer:
            peer.say_close()
        with wsraw.knock(p.address(), p.deadline, fields=[(f"X-{i}", "y") for i in range(1000)]) as peer:
            assert peer.read_head().status in (400, 431)


def test_one_byte_at_a_time():
    with serve() as p, wsraw.connect(p.address(), p.deadline) as peer:
        peer.trickle(wsraw.request())
        assert peer.read_head().status == 101
        peer.trickle(frame(BINARY, b"hel", MASK, last=False) + frame(PING, b"now", MASK) + frame(CONTINUATION, b"x" * 200, MASK))
        got = b""
        while len(got) < 203:
            opcode, piece, *_ = peer.receive()
            if opcode == PONG:
                assert piece == b"now"
            else:
                got += piece
        assert got == b"hel" + b"x" * 200
        peer.trickle(frame(CLOSE, wsraw.close_content(1000, b"bye"), MASK))
        assert peer.close_code() == (1000, "")


def test_frames_right_behind_the_request():
    with serve() as p, wsraw.connect(p.address(), p.deadline) as peer:
        peer.send_bytes(wsraw.request() + frame(BINARY, b"early", MASK) + frame(CLOSE, wsraw.close_content(1000), MASK))
        assert peer.read_head().status == 101
        assert peer.messages() == ([b"early"], 1000)


def test_frames_right_behind_the_answer():
    def work(peer):
        peer.messages()

    def eager(head):
        return answer_to(head) + frame(BINARY, b"early ") + frame(TEXT, b"bird") + frame(CLOSE, wsraw.close_content(1000))

    with WsServer(work, eager) as server:
        done = connect(server.port)
        assert (done.status, done.out, done.err) == (0, "early bird", ""), done


# a server that is none, or not for us

ANSWERS = [("ssh", b"SSH-2.0-OpenSSH_9.2\r\n", 9, "SSH-2.0-OpenSSH_9.2"), ("page", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 9, "200 OK"),
           ("gone", b"HTTP/1.1 404 Not Found\r\n\r\n", 9, "404 Not Found"), ("denied", b"HTTP/1.1 403 Forbidden\r\n\r\n", 6, "403 Forbidden"),
           ("login", b"HTTP/1.1 401 Unauthorized\r\n\r\n", 6, "401"), ("moved", b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n", 9, "/there"),
           ("binary", b"\x00\x01\x02\xff\xfe\r\n", 9, ""), ("tls", b"\x15\x03\x01\x00\x02\x02\x46", 9, "TLS"),
           ("half", b"HTTP/1.1 101 Switching Proto", 9, "ended"), ("nothing", b"", 9, "ended"),
           ("long", b"HTTP/1.1 101 Yes\r\n" + b"X: y\r\n" * 5000, 9, "16384")]


@pytest.mark.parametrize("said, status, words", [pytest.param(*a[1:], id=a[0]) for a in ANSWERS])
def test_what_a_server_says_that_is_no_websocket_server(said, status, words):
    with WsServer(lambda peer: None, lambda head: said) as server:
        done = connect(server.port)
        assert done.status == status, done
        text, hint = one_clear_line(done)
        assert words in text + hint
        assert all(c.isprintable() or c == "\n" for c in done.err)


@pytest.mark.parametrize("change", ["accept", "upgrade", "connection", "extension", "two accepts", "http/1.0"])
def test_an_answer_that_makes_no_websocket(change):
    def answer(head):
        right = answer_to(head)
        accept = wsraw.accept_of(head.get("Sec-WebSocket-Key")).encode()
        return {"accept": right.replace(accept, b"A" * 27 + b"="), "upgrade": right.replace(b"Upgrade: websocket\r\n", b""),
                "connection": right.replace(b"Connection: Upgrade", b"Connection: close"),
                "extension": answer_to(head, [("Sec-WebSocket-Extensions", "permessage-deflate")]),
                "two accepts": answer_to(head, [("Sec-WebSocket-Accept", accept.decode())]),
                "http/1.0": right.replace(b"HTTP/1.1", b"HTTP/1.0")}[change]

    with WsServer(lambda peer: peer.read_all(), answer) as server:
        done = connect(server.port)
        assert done.status == 9, done
        assert "makes no WebSocket" in one_clear_line(done)[0]


def test_a_server_that_says_nothing_is_left():
    with WsServer(lambda peer: peer.read_all(), lambda head: b"") as server:
        done = connect(server.port, "timeout=300ms")
        assert done.status == 5, done
        text, _ = one_clear_line(done)
        assert str(server.port) in text


def test_a_server_that_trickles_its_answer_forever_is_left():
    def work(peer):
        while True:
            peer.send_bytes(b"X: y\r\n")
            peer.sock.settimeout(0.05)
            try:
                if not peer.sock.recv(1):
                    return
            except TimeoutError:
                pass

    with WsServer(work, lambda head: b"HTTP/1.1 101 Switching Protocols\r\n") as server:
        done = connect(server.port, "timeout=500ms")
        assert done.status == 5, done


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["silent", "half"])
def test_a_client_that_stalls_in_its_handshake_is_ended(said):
    with serve(options=["timeout=300ms"]) as p:
        with wsraw.connect(p.address(), p.deadline) as peer:
            peer.send_bytes(said)
            peer.read_all()
            error = failed(p)
            assert error["kind"] == "timeout", error
        still_serves(p)


def test_a_client_that_trickles_its_request_forever_is_ended():
    """The time is for the whole handshake, not for each byte."""
    with serve(options=["timeout=500ms"]) as p, wsraw.connect(p.address(), p.deadline) as peer:
        peer.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n")

        def one_more():
            try:
                peer.send_bytes(b"X")
            except Gone:
                return True
            return any("error" in e for e in p.events("failed"))
        until(one_more, p.deadline, "the end of a trickling client", pause=0.05)
        assert failed(p)["kind"] == "timeout"


def test_clients_that_stall_keep_nobody_out():
    with serve() as p:
        stalled = [wsraw.connect(p.address(), p.deadline) for _ in range(100)]
        for peer in stalled:
            peer.send_bytes(b"GET / HT")
        still_serves(p)
        for peer in stalled:
            peer.close()


STRANGERS = [("ssh", b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"), ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS"),
             ("zeros", b"\0" * 100, "no WebSocket client"), ("smtp", b"EHLO me\r\n", "EHLO me")]


@pytest.mark.parametrize("said, words", [pytest.param(*s[1:], id=s[0]) for s in STRANGERS])
def test_a_client_that_is_no_websocket_client(said, words):
    with serve() as p:
        with wsraw.connect(p.address(), p.deadline) as peer:
            peer.send_bytes(said)
            peer.read_all()
        error = failed(p)
        assert words in error["text"] and error["kind"] == "peer" and error["hint"]
        still_serves(p)


def test_a_client_that_goes_before_it_has_asked():
    with serve() as p:
        wsraw.connect(p.address(), p.deadline).close()
        assert "before it had asked" in failed(p)["text"]
        still_serves(p)


# --- frames that are wrong

CONTENT = b"0123456789"
BREACHES = [("unmasked", frame(BINARY, CONTENT), 1002), ("reserved 1", frame(BINARY, CONTENT, MASK, bits=0x40), 1002),
            ("reserved 2", frame(BINARY, CONTENT, MASK, bits=0x20), 1002), ("reserved 3", frame(BINARY, CONTENT, MASK, bits=0x10), 1002),
            *[(f"opcode {i}", frame(i, CONTENT, MASK), 1002) for i in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
            ("a long ping", frame(PING, b"x" * 126, MASK), 1002), ("a long Close", frame(CLOSE, b"\x03\xe8" + b"x" * 124, MASK), 1002),
            ("a ping in parts", frame(PING, b"x", MASK, last=False), 1002), ("a Close in parts", frame(CLOSE, b"", MASK, last=False), 1002),
            ("a continuation of nothing", frame(CONTINUATION, CONTENT, MASK), 1002),
            ("a message within a message", frame(BINARY, b"a", MASK, last=False) + frame(BINARY, b"b", MASK), 1002),
            ("bytes that are not UTF-8", frame(TEXT, b"a\xff", MASK), 1007), ("half a character", frame(TEXT, b"a\xe2\x82", MASK), 1007),
            ("a surrogate", frame(TEXT, b"\xed\xa0\x80", MASK), 1007), ("too long a form", frame(TEXT, b"\xc0\xaf", MASK), 1007),
            ("bad UTF-8 in parts", frame(TEXT, b"\xe2", MASK, last=False) + frame(CONTINUATION, b"\x28\xa1", MASK), 1007),
            ("2^63 bytes", frame(BINARY, CONTENT, MASK, length=1 << 63, form=64), 1002),
            ("2^63-1 bytes", frame(BINARY, CONTENT, MASK, length=(1 << 63) - 1, form=64), 1009),
            ("2^64-1 bytes", frame(BINARY, CONTENT, MASK, length=(1 << 64) - 1, form=64), 1002),
            ("a length written too long", frame(BINARY, CONTENT, MASK, form=16), 1002),
            ("a length written much too long", frame(BINARY, CONTENT, MASK, form=64), 1002),
            ("a Close of one byte", frame(CLOSE, b"\x03", MASK), 1002),
            *[(f"Close {c}", frame(CLOSE, wsraw.close_content(c), MASK), 1002) for c in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 65535)],
            ("a reason that is not UTF-8", frame(CLOSE, wsraw.close_content(1000, b"\xff"), MASK), 1007)]
BREACHES = [pytest.param(bad, code, id=name.replace(" ", "-")) for name, bad, code in BREACHES]


@pytest.mark.parametrize("bad, code", BREACHES)
@pytest.mark.parametrize("at_once", [True, False], ids=["at-once", "trickled"])
def test_a_client_that_breaks_the_rules(bad, code, at_once):
    """What was good before is passed on; the Close says what was wrong, and so do we."""
    with Server() as server, serve(server.endpoint) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            peer.send(BINARY, b"good")
            try:
                if at_once:
                    peer.send_bytes(bad)
                else:
                    peer.trickle(bad)
            except Gone:  # it was closed at the first byte that was wrong
                pass
            assert peer.close_code()[0] == code
            got = b""
            try:
                while piece := end.read_some(deadline=p.deadline):
                    got += piece
            except Gone:
                pass
            assert got.startswith(b"good") and len(got) <= 7  # bytes are passed on as they come
        error = failed(p)
        assert error["kind"] == "peer" and len(error["text"]) > 20
        still_alive = dial_tcp(p.address(), p.deadline)
        still_alive.close()


@pytest.mark.parametrize("bad, code", [pytest.param(frame(BINARY, b"x", MASK), 1002, id="masked"),
                                       pytest.param(frame(BINARY, b"x", bits=0x40), 1002, id="reserved"),
                                       pytest.param(frame(3, b"x"), 1002, id="opcode"),
                                       pytest.param(frame(TEXT, b"\xff"), 1007, id="not-utf8"),
                                       pytest.param(frame(BINARY, b"x", length=1 << 62, form=64), 1009, id="2^62-bytes")])
def test_a_server_that_breaks_the_rules(bad, code):
    codes = []

    def work(peer):
        peer.send(BINARY, b"good")
        peer.send_bytes(bad)
        codes.append(peer.close_code()[0])

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        assert p.wait() == 9, p.said()
        assert p.out.text() == "good"
        until(lambda: server.done, server.deadline, "the server's end")
        assert codes == [code], server.failures
        one_clear_line(Finished(p, 9))


def test_what_was_broken_is_said_whole():
    def work(peer):
        peer.send_bytes(frame(BINARY, b"x", bits=0x40))
        peer.read_all()

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        assert p.wait() == 9
        assert "a frame has a reserved bit set that nothing was agreed on" in p.err.text()


def test_a_message_that_is_too_long_is_refused_before_it_has_come():
    with serve(options=["max-message=1000"]) as p:
        with wsraw.dial(p.address(), p.deadline) as peer:
            peer.send(BINARY, b"x" * 1000)
            assert peer.message() == (BINARY, b"x" * 1000)
            peer.send_bytes(frame(BINARY, b"only the beginning", MASK, length=1001, form=16))
            assert peer.close_code()[0] == 1009
        assert "1000 bytes" in failed(p)["text"]


def test_a_message_that_is_too_long_in_its_parts():
    with serve(options=["max-message=1000"]) as p:
        with wsraw.dial(p.address(), p.deadline) as peer:
            peer.send(BINARY, b"x" * 600, last=False)
            peer.send(CONTINUATION, b"x" * 400, last=False)
            peer.send(CONTINUATION, b"x")
            assert peer.close_code()[0] == 1009
        assert "1000 bytes" in failed(p)["text"]


def test_ten_thousand_empty_fragments():
    with serve() as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.send_bytes(frame(BINARY, b"", MASK, last=False) + frame(CONTINUATION, b"", MASK, last=False) * 10_000
                        + frame(CONTINUATION, b"done", MASK))
        assert peer.message() == (BINARY, b"done")


def test_pings_are_answered_with_what_they_hold():
    with serve() as p, wsraw.dial(p.address(), p.deadline) as peer:
        for content in (b"", b"x", b"y" * 125):
            peer.send(PING, content)
            assert peer.receive()[:2] == (PONG, content)
        peer.send(PONG, b"unasked")
        peer.send(BINARY, b"hello")
        assert peer.message() == (BINARY, b"hello")


def test_a_flood_of_pings_takes_no_memory():
    """Whoever does not read its pongs gets the last one, not all of them."""
    with serve() as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.send(BINARY, b"one")
        assert peer.message() == (BINARY, b"one")
        before = rss_kib(p.pid)
        pings = frame(PING, b"x" * 125, MASK) * 500
        for _ in range(300):
            peer.send_bytes(pings)
        peer.send(BINARY, b"two")
        assert peer.message() == (BINARY, b"two")
        assert rss_kib(p.pid) - before < 16 << 10


# --- how it ends


@pytest.mark.parametrize("code", [1000, 1001, None])
def test_a_close_that_is_an_end(code):
    def work(peer):
        peer.send(BINARY, b"all")
        peer.say_close(code)
        peer.read_all()

    with WsServer(work) as server:
        done = connect(server.port)
        assert (done.status, done.out, done.err) == (0, "all", ""), done


@pytest.mark.parametrize("code, reason", [(1011, b"the disk is full"), (1002, b""), (1008, b"not you"), (3000, b""), (4999, b"own")])
def test_a_close_that_is_a_failure(code, reason):
    answers = []

    def work(peer):
        peer.send(BINARY, b"all")
        peer.say_close(code, reason)
        answers.append(peer.close_code())

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        assert p.wait() == 9, p.said()
        assert p.out.text() == "all"
        done = Finished(p, 9)
        lines = [line for line in done.err.splitlines() if line.startswith("soket: ")]
        assert len(lines) == 1 and str(code) in lines[0] and reason.decode() in lines[0], done
        until(lambda: server.done, server.deadline, "the server's end")
        assert answers == [(code, "")], server.failures


def test_a_reason_cannot_play_with_the_terminal():
    def work(peer):
        peer.say_close(1011, b"\x1b[31mred\x07 \xc2\x9b2J")
        peer.read_all()

    with WsServer(work) as server:
        done = connect(server.port)
        assert done.status == 9 and "\x1b" not in done.err and "\x07" not in done.err and "\x9b" not in done.err, done


def test_a_client_that_closes_with_a_failure():
    with serve() as p:
        with wsraw.dial(p.address(), p.deadline) as peer:
            peer.say_close(1011, b"broken")
            assert peer.close_code() == (1011, "")
        error = failed(p)
        assert "1011" in error["text"] and "broken" in error["text"]


@pytest.mark.parametrize("n", [0, 10])
def test_a_server_that_drops_the_connection(n):
    def work(peer):
        if n:
            peer.send(BINARY, b"x" * n)

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        assert p.wait() == 9, p.said()
        assert p.out.text() == "x" * n
        assert "without the WebSocket's Close" in one_clear_line(Finished(p, 9))[0]


def test_a_server_that_drops_the_connection_within_a_message():
    def work(peer):
        peer.send_bytes(frame(BINARY, b"half", length=100))

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        assert p.wait() == 9, p.said()
        assert p.out.text() == "half"


def test_a_reset_is_not_taken_for_an_end():
    def work(peer):
        peer.read(1)
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        os.write(p.stdin, b"hello")
        status = p.wait()
        assert status not in (0, 70), p.said()


def test_data_behind_a_close_means_nothing():
    with Server() as server, serve(server.endpoint) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            peer.send_bytes(frame(BINARY, b"good", MASK) + frame(CLOSE, wsraw.close_content(1000), MASK) + frame(BINARY, b"bad", MASK) + b"\xff" * 50)
            assert end.read_all(p.deadline) == b"good"
            end.close()
            assert peer.close_code()[0] == 1000


@pytest.mark.parametrize("code", [1000, None])
def test_a_close_is_answered_though_stdin_is_open(code):
    """Whoever closes waits for our Close (RFC 6455, section 5.5.1): without it, it takes the end for an accident."""
    answers = []

    def work(peer):
        peer.say_close(code)
        answers.append(peer.close_code())

    with WsServer(work) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        assert p.wait() == 0, p.said()
        until(lambda: server.done, server.deadline, "the server's end")
        assert answers == [(code, "")], server.failures


@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_a_failure_is_not_passed_on_as_a_good_end(how):
    """A relay whose server failed does not tell its client that all is well."""
    def work(peer):
        peer.message()
        peer.send(BINARY, b"half")
        if how == "closed":
            peer.say_close(1011, b"sick")
            peer.read_all()

    with WsServer(work) as server, serve(server.endpoint) as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.send(BINARY, b"hello")
        assert peer.message() == (BINARY, b"half")
        try:
            code = peer.close_code()[0]
        except Gone:
            code = 1006
        assert code not in (1000, 1001, None)
        assert p.event("closed")["how"] == "failed"


def test_a_client_whose_target_is_down_hears_of_it():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with serve(f"tcp://127.0.0.1:{port}") as p:
        done = connect(p.port())
        assert done.status not in (0, 70), done
        assert p.event("failed")["error"]["kind"] == "refused"


def test_what_is_no_text_ends_with_a_close():
    with Server() as server, serve(server.endpoint, options=["text=yes"]) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            end.send_bytes(b"good\xff", p.deadline)
            code, _ = peer.close_code()
            assert code in (1007, 1011)


def test_the_server_closes_the_connection_when_both_have_closed():
    with serve() as p, wsraw.dial(p.address(), p.deadline) as peer:
        peer.say_close()
        assert peer.close_code() == (1000, "")
        assert peer.read_all() == b""
        assert p.event("closed")["how"] == "done"


# --- pings


def test_pings_and_their_numbers():
    with serve(options=["ping=20ms"]) as p, wsraw.dial(p.address(), p.deadline) as peer:
        seen = []
        while len(seen) < 5:
            opcode, content, *_ = peer.receive()
            assert opcode == PING
            seen.append(content)
            peer.send(PONG, content)
        peer.send(BINARY, b"hello")
        while peer.receive()[0] != BINARY:
            pass
        peer.say_close()
        peer.read_all()
        assert len(set(seen)) == 5
        closed = p.event("closed")
        assert closed["ping_ns"] >= closed["best_ping_ns"] > 0


def test_pings_of_the_dialling_side():
    pings = []

    def work(peer):
        while True:
            opcode, content, *_ = peer.receive()
            if opcode == CLOSE:
                peer.say_close()
                return
            pings.append(content)
            peer.send(PONG, content)

    with WsServer(work) as server, Soket("connect", "--json", server.endpoint, "ping=20ms", stdin=PIPE) as p:
        until(lambda: len(pings) >= 3, p.deadline, "pings")
        p.close_stdin()
        assert p.wait() == 0, p.said()
        assert p.event("closed")["ping_ns"] > 0


def test_without_ping_there_are_no_numbers():
    with serve() as p:
        assert connect(p.port(), stdin=b"hello").out == "hello"
        assert "ping_ns" not in p.event("closed")


def test_a_client_that_answers_no_pings_is_given_up():
    with serve(options=["ping=100ms"]) as p, wsraw.dial(p.address(), p.deadline) as peer:
        error = failed(p)
        assert error["kind"] == "timeout" and "ping" in error["text"] and error["hint"]
        peer.read_all()
        still_serves(p)


def test_a_server_that_answers_no_pings_is_given_up():
    with WsServer(lambda peer: peer.read_all()) as server, Soket("connect", server.endpoint, "ping=100ms", stdin=PIPE) as p:
        assert p.wait() == 5, p.said()
        assert "ping" in one_clear_line(Finished(p, 5))[0]


def test_a_wrong_pong_is_no_answer():
    with serve(options=["ping=100ms"]) as p, wsraw.dial(p.address(), p.deadline) as peer:
        try:
            while True:
                opcode, content, *_ = peer.receive()
                assert opcode in (PING, CLOSE)
                peer.send(PONG, b"12345678")
        except Gone:
            pass
        assert failed(p)["kind"] == "timeout"


# --- compression

DEFLATE = [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")]


def deflated(content, level=9, compressor=None):
    c = compressor or zlib.compressobj(level, zlib.DEFLATED, -15)
    return (c.compress(content) + c.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(content, decompressor=None):
    return (decompressor or zlib.decompressobj(-15)).decompress(content + b"\0\0\xff\xff")


def test_messages_are_compressed_between_two_sokets():
    content = b"the same words again " * 100_000
    with serve(options=["deflate=yes"]) as p:
        done = connect(p.port(), "deflate=yes", stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content


def test_random_bytes_survive_compression():
    content = pattern.whole(7, MANY)
    with serve(options=["deflate=yes"]) as p:
        done = connect(p.port(), "deflate=yes", stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content


def test_a_client_that_compresses():
    with serve(options=["deflate=yes"]) as p, wsraw.dial(p.address(), p.deadline, fields=DEFLATE) as peer:
        assert "permessage-deflate" in peer.head.get("Sec-WebSocket-Extensions")
        one, other = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
        for content in (b"words " * 50, b"words " * 50, b"", b"x"):
            peer.send(BINARY, deflated(content, compressor=one), bits=0x40)
            if not content:
                continue
            opcode, got, last, _, bits = peer.receive()
            assert (opcode, last, bits) == (BINARY, True, 0x40)
            assert inflated(got, other) == content
            assert len(got) < 60
        peer.send(BINARY, b"as it is")
        assert inflated(peer.receive()[1], other) == b"as it is"


def test_nothing_is_compressed_where_it_was_not_asked_for():
    with serve(options=["deflate=yes"]) as p, wsraw.dial(p.address(), p.deadline) as peer:
        assert peer.head.get("Sec-WebSocket-Extensions") is None
        peer.send(BINARY, b"x" * 1000)
        assert peer.receive() == (BINARY, b"x" * 1000, True, False, 0)
    with serve() as p, wsraw.dial(p.address(), p.deadline, fields=DEFLATE) as peer:
        assert peer.head.get("Sec-WebSocket-Extensions") is None


@pytest.mark.parametrize("target", ["echo", "ws"])
def test_a_bomb_is_stopped_by_max_message(target):
    bomb = deflated(bytes(300 << 20))
    with WsServer(wsraw.echo) as server:
        with serve(*([server.endpoint] if target == "ws" else []), options=["deflate=yes", "max-message=1M"]) as p:
            with wsraw.dial(p.address(), p.deadline, fields=DEFLATE) as peer:
                reader = threading_reader(peer)
                try:
                    peer.send(BINARY, bomb, bits=0x40)
                except Gone:
                    pass
                reader.join(20)
            error = failed(p)
            assert "bytes" in error["text"] and (target == "ws" or str(1 << 20) in error["text"])
            assert rss_kib(p.pid) < 64 << 10


def threading_reader(peer):
    t = threading.Thread(target=peer.read_all, daemon=True)
    t.start()
    return t


OFFERS = [("permessage-deflate", {}), ("permessage-deflate; server_no_context_takeover", {"server_no_context_takeover"}),
          ("permessage-deflate; client_no_context_takeover", {"client_no_context_takeover"}),
          ("permessage-deflate; server_max_window_bits=9", {"server_max_window_bits=9"}),
          ("permessage-deflate; server_max_window_bits=8", {"server_max_window_bits=8"}),
          ("permessage-deflate; nonsense=1, permessage-deflate", {}),
          ("permessage-deflate; server_max_window_bits=7", None), ("permessage-deflate; server_max_window_bits=16", None),
          ("permessage-deflate; server_max_window_bits", None), ("permessage-deflate; client_max_window_bits=99", None),
          ("permessage-deflate; server_no_context_takeover=1", None), ("x-webkit-deflate-frame", None), ("permessage-deflate; a; a", None)]


@pytest.mark.parametrize("offer, wanted", OFFERS)
def test_what_is_agreed_on_about_compression(offer, wanted):
    with serve(options=["deflate=yes"]) as p:
        with wsraw.dial(p.address(), p.deadline, fields=[("Sec-WebSocket-Extensions", offer)]) as peer:
            agreed = peer.head.get("Sec-WebSocket-Extensions")
            if wanted is None:
                assert agreed is None
                return
            name, *parameters = [x.strip() for x in agreed.split(";")]
            assert name == "permessage-deflate" and set(wanted) <= set(parameters)
            content, bits = b"words and words " * 1000, 15
            for parameter in parameters:
                if parameter.startswith("server_max_window_bits="):
                    bits = max(9, int(parameter.split("=")[1]))
            other = zlib.decompressobj(-bits)
            for _ in range(3):
                peer.send(BINARY, content)
                got = b""
                while len(got) < len(content):
                    if "server_no_context_takeover" in parameters:
                        other = zlib.decompressobj(-bits)
                    got += inflated(peer.receive()[1], other)
                assert got == content


@pytest.mark.parametrize("answer", ["permessage-deflate; client_max_window_bits=7", "permessage-deflate; server_max_window_bits=16",
                                    "permessage-deflate; nonsense", "permessage-deflate, permessage-deflate", "other",
                                    "permessage-deflate; server_no_context_takeover; server_no_context_takeover"])
def test_a_server_that_agrees_to_what_was_not_offered(answer):
    with WsServer(lambda peer: peer.read_all(), lambda head: answer_to(head, [("Sec-WebSocket-Extensions", answer)])) as server:
        done = connect(server.port, "deflate=yes")
        assert done.status == 9 and "makes no WebSocket" in done.err, done


def test_what_cannot_be_inflated_is_refused():
    with serve(options=["deflate=yes"]) as p, wsraw.dial(p.address(), p.deadline, fields=DEFLATE) as peer:
        peer.send(BINARY, b"\xff" * 40, bits=0x40)
        assert peer.close_code()[0] == 1007
        assert "inflate" in failed(p)["text"]


def test_a_continuation_cannot_be_marked_as_compressed():
    with serve(options=["deflate=yes"]) as p, wsraw.dial(p.address(), p.deadline, fields=DEFLATE) as peer:
        content = deflated(b"words " * 50)
        peer.send(BINARY, content[:5], bits=0x40, last=False)
        peer.send(CONTINUATION, content[5:], bits=0x40)
        assert peer.close_code()[0] == 1002


def test_a_compressed_message_in_parts_byte_by_byte():
    with serve(options=["deflate=yes"]) as p, wsraw.dial(p.address(), p.deadline, fields=DEFLATE) as peer:
        content = deflated(b"words and more words " * 20)
        frames = b"".join(frame(BINARY if i == 0 else CONTINUATION, content[i:i + 1], MASK, last=i + 1 == len(content),
                                bits=0 if i else 0x40) for i in range(len(content)))
        peer.trickle(frames)
        got, other = b"", zlib.decompressobj(-15)
        while len(got) < 420:
            got += inflated(peer.receive()[1], other)
        assert got == b"words and more words " * 20


# --- who is slow, and who is many


def test_a_client_that_does_not_read_stops_the_server_and_loses_nothing():
    with Server() as server, serve(server.endpoint) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            most = 64 << 20
            n = end.fill(6, most, p.deadline, quiet_ms=300)
            assert n < most / 2, "nothing stops the server"
            assert rss_kib(p.pid) < 64 << 10
            end.end_writing()
            got, code = peer.messages()
            assert b"".join(got) == pattern.whole(6, n) and code == 1000


def test_a_client_that_does_not_read_what_is_compressed():
    with Server() as server, serve(server.endpoint, options=["deflate=yes"]) as p:
        with wsraw.dial(p.address(), p.deadline, fields=DEFLATE) as peer, server.accept(p.deadline) as end:
            most = 64 << 20
            n = end.fill(6, most, p.deadline, quiet_ms=300)
            assert n < most / 2, "nothing stops the server"
            assert rss_kib(p.pid) < 64 << 10
            end.end_writing()
            other, got = zlib.decompressobj(-15), bytearray()
            while (received := peer.receive())[0] != CLOSE:
                got += inflated(received[1], other)
            assert got == pattern.whole(6, n)


def test_a_target_that_does_not_read_stops_the_client_and_loses_nothing():
    with Server() as server, serve(server.endpoint) as p:
        with wsraw.dial(p.address(), p.deadline) as peer, server.accept(p.deadline) as end:
            content = pattern.whole(8, 1 << 20)
            piece, n = frame(BINARY, content, MASK), 0
            peer.sock.settimeout(0.3)
            rest = memoryview(piece)
            while n < 64:
                try:
                    rest = rest[peer.sock.send(rest):]
                except TimeoutError:
                    break
                if not rest:
                    n, rest = n + 1, memoryview(piece)
            assert n < 32, "nothing stops the client"
            assert rss_kib(p.pid) < 64 << 10
            total = (n + 1) * len(content)

            def more():
                peer.send_bytes(rest)
                peer.say_close()

            def all_of_it():
                done = 0
                while done < total:
                    at = done % len(content)
                    got = end.read_some(min(65536, len(content) - at), p.deadline)
                    assert got == content[at:at + len(got)]
                    done += len(got)
                end.expect_end(p.deadline)
            together(more, all_of_it)


@pytest.mark.parametrize("flags", [[], ["--threads", "2"]], ids=["plain", "threads"])
def test_hundreds_of_clients_at_once(flags):
    n = 300
    with serve(flags=flags, deadline=60) as p:
        address = p.address()
        peers = [wsraw.connect(address, p.deadline) for _ in range(n)]
        for peer in peers:
            peer.send_bytes(wsraw.request())
        for peer in peers:
            assert peer.read_head().status == 101
        for i, peer in enumerate(peers):
            peer.send(BINARY, b"%d" % i)
        for i, peer in enumerate(peers):
            assert peer.message() == (BINARY, b"%d" % i)
            peer.say_close()
            assert peer.close_code() == (1000, "")
            peer.close()
        p.event("closed", count=n)
        assert not p.events("failed")


# --- layers


def pin_of(p):
    return f"pin={p.event('listening')['pin']}"


@pytest.mark.parametrize("scheme", ["wss", "ws+tls"])
def test_inside_tls(scheme):
    content = pattern.whole(9, MANY)
    with Soket("link", "--json", f"{scheme}://127.0.0.1:0", "echo:") as p:
        done = soket("connect", f"{scheme}://127.0.0.1:{p.port()}", pin_of(p), stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done


def test_tls_inside_a_websocket():
    content = pattern.whole(10, 1_000_000)
    with Soket("link", "--json", "tls+ws://127.0.0.1:0", "echo:") as p:
        done = soket("connect", f"tls+ws://127.0.0.1:{p.port()}", pin_of(p), stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done


def test_the_answer_comes_after_our_end_inside_tls():
    with Soket("listen", "--json", "wss://127.0.0.1:0", "--", "sort") as p:
        done = soket("connect", f"wss://127.0.0.1:{p.port()}", pin_of(p), stdin=b"c\nb\na\n")
        assert (done.status, done.out, done.err) == (0, "a\nb\nc\n", ""), done


def test_over_a_unix_socket(short_path):
    content = pattern.whole(11, 1_000_000)
    with Soket("link", "--json", f"ws+unix:{short_path}/w", "echo:") as p:
        p.event("listening")
        done = soket("connect", f"ws+unix:{short_path}/w", stdin=content)
        assert (done.status, done.err) == (0, "") and done.raw == content, done


def test_one_end_has_tls_and_the_other_has_not():
    with serve() as p:
        done = soket("connect", f"wss://127.0.0.1:{p.port()}", "verify=no")
        assert done.status == 9, done
        error = failed(p)
        assert "TLS" in error["text"] and "wss://" in error["hint"]
    with Soket("link", "--json", "wss://127.0.0.1:0", "echo:") as p:
        done = connect(p.port())
        assert done.status == 9, done


# --- what events say


def test_events_name_what_was_dialled():
    with serve() as p, Soket("link", "--json", "tcp://127.0.0.1:0", f"ws://127.0.0.1:{p.port()}") as near:
        done = soket("connect", f"tcp://127.0.0.1:{near.port()}", stdin=b"hello")
        assert done.out == "hello"
        assert p.event("closed")["from"].startswith("ws://127.0.0.1:")
        assert near.event("closed")["to"] == f"ws://127.0.0.1:{p.port()}"


def test_a_refusal_says_what_was_dialled():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    done = connect(port)
    assert done.status == 4, done
    assert f"127.0.0.1:{port}" in one_clear_line(done)[0]


def test_explain_asks_for_the_websocket_itself():
    with serve(options=["path=/chat"]) as p:
        done = soket("explain", "--connect", f"ws://127.0.0.1:{p.port()}", "path=/chat")
        assert done.status == 0, done
        done = soket("explain", "--connect", f"ws://127.0.0.1:{p.port()}", "path=/other")
        assert done.status == 9 and "404" in done.out + done.err, done


def test_a_failed_handshake_says_what_was_dialled():
    for said in (b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n"):
        with WsServer(lambda peer: None, lambda head, said=said: said) as server:
            done = connect(server.port)
            assert done.status == 9 and f"127.0.0.1:{server.port}" in done.err, done
