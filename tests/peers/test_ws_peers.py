# SPDX-License-Identifier: Apache-2.0
"""WebSocket with programs that others wrote: npm's ws, Python's websockets, Chromium, nginx and curl."""
import asyncio
import http.server
import html
import json
import os
import re
import shutil
import threading

import pytest

from harness import data as pattern
from harness import wsraw
from harness.clock import Deadline
from harness.ends import EchoServer, End, dial_tcp, together
from harness.run import PIPE, Program, Soket, clean_env, command, soket
from harness.services import answers, free_ports, need

pytestmark = pytest.mark.peers

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


def serve(*words, options=(), flags=(), scheme="ws", deadline=60):
    return Soket("link", "--json", *flags, f"{scheme}://127.0.0.1:0", *options, *(words or ("echo:",)), deadline=deadline)


# --- npm's ws


def node_env():
    return clean_env(NODE_PATH="/usr/share/nodejs:/usr/share/node_modules:/usr/lib/nodejs", NODE_TLS_REJECT_UNAUTHORIZED="0", NODE_NO_WARNINGS="1")


@pytest.fixture(scope="session")
def node():
    path = need("node")
    done = command(path, "-e", "require('ws')", env=node_env())
    if done.status != 0:
        pytest.skip("not installed: node-ws (npm's ws)")
    return path


def node_client(node, script, *words, **more):
    """Run a script that has `ws` (an open socket's class), `url`, and rest of the words as `words`; what it printed, as JSON."""
    head = ("const WS = require('ws'); const [url, ...words] = process.argv.slice(1);"
            "const say = x => { console.log(JSON.stringify(x)); };")
    done = command(node, "-e", head + script, *words, env=node_env(), deadline=40, **more)
    assert done.status == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


SIZES = "[0, 1, 125, 126, 65535, 65536, 1 << 20, 5000000]"

# Send one message of each size, and wait for so many bytes back before the next: bytes may come in other pieces.
ECHO_CLIENT = f"""
const ws = new WS(url, {{perMessageDeflate: words[0] === 'deflate', maxPayload: 1 << 30, protocol: undefined}});
const sizes = {SIZES}; let i = 0, got = [], n = 0, sent;
const next = () => {{
    while (i < sizes.length && sizes[i] === 0) {{ ws.send(Buffer.alloc(0)); i++; }}
    if (i === sizes.length) {{ ws.close(1000); return; }}
    sent = Buffer.alloc(sizes[i], 'abcdefghij' + i); got = []; n = 0;
    ws.send(words[1] === 'text' ? sent.toString() : sent);
}};
ws.on('open', next);
ws.on('message', (m, isBinary) => {{
    if (m.length === 0) return;
    got.push(m); n += m.length;
    if (n < sent.length) return;
    say([sizes[i], Buffer.concat(got).equals(sent), isBinary]); i++; next();
}});
ws.on('close', (code, reason) => say(['close', code, reason.toString(), ws.extensions]));
ws.on('error', e => say(['error', e.message]));
"""


@pytest.mark.parametrize("kind", ["binary", "text"])
@pytest.mark.parametrize("deflate", ["deflate", "plain"])
def test_a_node_client_gets_its_messages_back(node, kind, deflate):
    options = (["deflate=yes"] if deflate == "deflate" else []) + (["text=yes"] if kind == "text" else [])
    with serve(options=options) as p:
        said = node_client(node, ECHO_CLIENT, f"ws://127.0.0.1:{p.port()}", deflate, kind)
        assert said[:-1] == [[n, True, kind == "binary"] for n in (1, 125, 126, 65535, 65536, 1 << 20, 5000000)]
        assert said[-1][:3] == ["close", 1000, ""]
        assert ("permessage-deflate" in said[-1][3]) == (deflate == "deflate")
        assert p.event("closed")["how"] == "done"


NODE_SERVER = """
const { WebSocketServer } = require('ws');
const [options] = process.argv.slice(1).map(JSON.parse);
const server = new WebSocketServer({host: '127.0.0.1', port: 0, maxPayload: 1 << 30, ...options}, () => console.log('port ' + server.address().port));
server.on('connection', (ws, request) => {
    console.log('request ' + JSON.stringify([request.url, request.headers.origin, request.headers['x-one'], ws.protocol, ws.extensions]));
    ws.on('message', (m, isBinary) => {
        if (m.toString().startsWith('close ')) { const [, code, why] = m.toString().trim().split(' '); ws.close(+code || undefined, why); }
        else if (m.toString() === 'drop') ws.terminate();
        else if (options.sums) { ws.n = (ws.n || 0) + 1; }
        else ws.send(m, {binary: isBinary});
    });
    ws.on('pong', () => console.log('pong'));
    ws.on('ping', () => console.log('ping'));
    ws.on('close', (code, reason) => console.log('close ' + code));
    ws.on('error', e => console.log('error ' + e.message));
    if (options.ping) ws.ping('now');
});
"""


class NodeServer:
    def __init__(self, node, **options):
        self.program = Program([node, "-e", NODE_SERVER, json.dumps(options)], env=node_env(), deadline=60)
        self.port = int(self.wait_for(r"port (\d+)")[1])
        self.endpoint = f"ws://127.0.0.1:{self.port}"

    def wait_for(self, words):
        return self.program.out.wait(lambda r: re.search(words, r.text()), self.program.deadline, words)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.program.close()


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
def test_a_node_server_answers(node, deflate):
    content = pattern.whole(1, 3_000_000)
    with NodeServer(node, perMessageDeflate=deflate) as server:
        with Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint, *(["deflate=yes"] if deflate else [])) as p:
            with dial_tcp(p.address(), p.deadline) as end:
                together(lambda: end.send(1, len(content), p.deadline), lambda: end.receive(1, len(content), p.deadline, to_end=False))
                end.end_writing()
                end.expect_end(p.deadline)
            assert p.event("closed")["how"] == "done"
        server.wait_for("close 1000")
        assert ("permessage-deflate" in server.program.out.text()) == deflate
        assert "error" not in server.program.out.text()


def test_a_node_server_gets_what_was_asked_for(node):
    with NodeServer(node) as server, Soket("connect", server.endpoint, "path=/a?b=c", "origin=https://page.example", "header=X-One: 1",
                                           "protocol=chat,mqtt", stdin=PIPE) as p:
        os.write(p.stdin, b"hello")
        p.out.wait(lambda r: r.text() == "hello", p.deadline, "the echo")
        p.close_stdin()
        assert p.wait() == 0, p.said()
        got = json.loads(server.wait_for(r"request (.*)\n")[1])
        assert got == ["/a?b=c", "https://page.example", "1", "chat", ""]
        server.wait_for("close 1000")


@pytest.mark.parametrize("code, status", [("1000", 0), ("1001", 0), ("0", 0), ("1011 broken", 9), ("4000 own", 9)])
def test_a_node_server_that_closes(node, code, status):
    with NodeServer(node) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        os.write(p.stdin, f"close {code}\n".encode())
        assert p.wait() == status, p.said()
        for word in code.split() if status else []:
            assert word in p.err.text()


@pytest.mark.parametrize("code", ["1000", "0"])
def test_a_node_server_hears_that_its_close_was_heard(node, code):
    """Else it takes it for an accident, 1006."""
    with NodeServer(node) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        os.write(p.stdin, f"close {code}\n".encode())
        assert p.wait() == 0, p.said()
        server.wait_for(r"close \d+")
        assert f"close {code if code != '0' else 1005}" in server.program.out.text()


ZIPS = [{"serverNoContextTakeover": True}, {"clientNoContextTakeover": True}, {"serverMaxWindowBits": 9, "clientMaxWindowBits": 9},
        {"serverMaxWindowBits": 9, "clientMaxWindowBits": 10, "serverNoContextTakeover": True, "clientNoContextTakeover": True}]


@pytest.mark.parametrize("zipping", ZIPS, ids=range(len(ZIPS)))
def test_kinds_of_compression_with_node(node, zipping):
    """Both ways round: its client and our server, our client and its server."""
    content = b"".join(b"%d words and " % i for i in range(100_000))
    with NodeServer(node, perMessageDeflate={**zipping, "threshold": 0}) as server:
        with Soket("link", "--json", "tcp://127.0.0.1:0", server.endpoint, "deflate=yes") as p, dial_tcp(p.address(), p.deadline) as end:
            together(lambda: end.send_bytes(content, p.deadline), lambda: read_exactly(end, content, p.deadline))
        assert "permessage-deflate" in server.wait_for(r"request (.*)\n")[1]
    script = ECHO_CLIENT.replace("words[0] === 'deflate'", json.dumps({**zipping, "threshold": 0}))
    with serve(options=["deflate=yes"]) as p:
        said = node_client(node, script, f"ws://127.0.0.1:{p.port()}", "deflate", "binary")
        assert all(s[1] for s in said[:-1]) and len(said) == 8 and "permessage-deflate" in said[-1][3]


def read_exactly(end, content, deadline):
    got = bytearray()
    while len(got) < len(content):
        piece = end.read_some(deadline=deadline)
        assert piece, f"ended after {len(got)} bytes"
        got += piece
    assert got == content


def test_a_node_server_that_drops_us(node):
    with NodeServer(node) as server, Soket("connect", server.endpoint, stdin=PIPE) as p:
        os.write(p.stdin, b"drop")
        assert p.wait() == 9, p.said()


def test_a_node_client_that_drops_us(node):
    with serve() as p:
        node_client(node, "const ws = new WS(url); ws.on('open', () => { ws.send('x'); }); ws.on('message', () => ws.terminate());",
                    f"ws://127.0.0.1:{p.port()}")
        assert "without the WebSocket's Close" in p.event("closed")["error"]["text"]


def test_node_pings_and_is_pinged(node):
    with NodeServer(node, ping=True) as server, Soket("connect", "--json", server.endpoint, "ping=30ms", stdin=PIPE) as p:
        server.wait_for("pong")
        server.wait_for(r"(ping\s+(pong\s+)?){3}")
        p.close_stdin()
        assert p.wait() == 0, p.said()
        assert 0 < p.event("closed")["best_ping_ns"] <= p.event("closed")["ping_ns"]


def test_a_node_client_that_is_refused_hears_why(node):
    script = "const ws = new WS(url, {origin: words[0]}); ws.on('error', e => say(e.message)); ws.on('open', () => { say('open'); ws.close(); });"
    with serve(options=["origin=https://page.example", "path=/chat"]) as p:
        url = f"ws://127.0.0.1:{p.port()}"
        assert "403" in node_client(node, script, f"{url}/chat", "https://evil.example")[0]
        assert "404" in node_client(node, script, f"{url}/other", "https://page.example")[0]
        assert node_client(node, script, f"{url}/chat", "https://page.example") == ["open"]


@pytest.mark.parametrize("theirs, agreed", [("['mqtt']", "mqtt"), ("['other', 'mqtt', 'chat']", "chat")])
def test_a_node_client_agrees_on_a_protocol(node, theirs, agreed):
    with serve(options=["protocol=chat,mqtt"]) as p:
        script = f"const ws = new WS(url, {theirs}); ws.on('open', () => {{ say(ws.protocol); ws.close(); }}); ws.on('error', e => say(e.message));"
        assert node_client(node, script, f"ws://127.0.0.1:{p.port()}") == [agreed]


def test_a_node_client_behind_a_relay_of_messages(node):
    """ws to ws: each message of it is one message of the server's."""
    script = """
const ws = new WS(url); const sizes = [1, 0, 125, 126, 30000, 65000]; let i = 0;
ws.on('open', () => sizes.forEach(n => ws.send(Buffer.alloc(n, 'x'))));
ws.on('message', m => { say(m.length); if (++i === sizes.length) ws.close(1000); });
ws.on('close', code => say(code)); ws.on('error', e => say(e.message));"""
    with NodeServer(node) as server, serve(server.endpoint) as p:
        assert node_client(node, script, f"ws://127.0.0.1:{p.port()}") == [1, 0, 125, 126, 30000, 65000, 1000]
        server.wait_for("close 1000")


def test_a_node_client_hears_the_answer_that_comes_after_its_end(node):
    """Its close() waits for our Close; what we say until then is given to it."""
    script = """
const ws = new WS(url); let got = '';
ws.on('open', () => { ws.send('b\\na\\n'); ws.close(1000); });
ws.on('message', m => { got += m; }); ws.on('close', code => say([got, code])); ws.on('error', e => say(e.message));"""
    with Soket("listen", "--json", "ws://127.0.0.1:0", "--", "sort") as p:
        assert node_client(node, script, f"ws://127.0.0.1:{p.port()}") == [["a\nb\n", 1000]]


def test_a_bomb_from_node(node):
    script = """
const ws = new WS(url, {perMessageDeflate: {threshold: 0}});
ws.on('open', () => ws.send(Buffer.alloc(200 << 20)));
ws.on('close', code => say(code)); ws.on('error', e => {});"""
    with serve(options=["deflate=yes", "max-message=1M"]) as p:
        assert node_client(node, script, f"ws://127.0.0.1:{p.port()}")[0] in (1009, 1006)
        assert str(1 << 20) in p.event("closed")["error"]["text"]


def test_node_over_tls(node):
    with serve(scheme="wss") as p:
        said = node_client(node, ECHO_CLIENT, f"wss://127.0.0.1:{p.port()}", "plain", "binary")
        assert said[-2:] == [[5000000, True, True], ["close", 1000, "", ""]]


def test_a_hundred_node_clients_at_once(node):
    script = """
let left = 100, good = 0;
for (let i = 0; i < 100; i++) {
    const ws = new WS(url);
    ws.on('open', () => ws.send('' + i)); ws.on('message', m => { good += m.toString() === '' + i; ws.close(1000); });
    ws.on('close', () => { if (--left === 0) say(good); }); ws.on('error', e => say(e.message));
}"""
    with serve() as p:
        assert node_client(node, script, f"ws://127.0.0.1:{p.port()}") == [100]
        p.event("closed", count=100)


# --- Python's websockets


def test_python_websockets_as_a_client():
    websockets = pytest.importorskip("websockets", reason="not installed: python3-websockets")
    content = pattern.whole(2, 3_000_000)

    async def talk(url):
        async with websockets.connect(url, max_size=None, subprotocols=["chat"]) as ws:
            await ws.send(content)
            got = b""
            while len(got) < len(content):
                got += await ws.recv()
            waiter = await ws.ping()
            await waiter
            return got, ws.subprotocol

    with serve(options=["deflate=yes", "protocol=chat"]) as p:
        got, protocol = asyncio.run(asyncio.wait_for(talk(f"ws://127.0.0.1:{p.port()}"), 30))
        assert got == content and protocol == "chat"
        assert p.event("closed")["how"] == "done"


def test_python_websockets_as_a_server():
    websockets = pytest.importorskip("websockets", reason="not installed: python3-websockets")
    content = pattern.whole(3, 500_000)
    ready, place = threading.Event(), {}

    async def echo(ws, *_):
        async for message in ws:
            await ws.send(message)

    async def run():
        place["loop"], place["stop"] = asyncio.get_running_loop(), asyncio.Event()
        async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
            place["port"] = server.sockets[0].getsockname()[1]
            ready.set()
            await place["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(20)
    with Soket("connect", f"ws://127.0.0.1:{place['port']}", "deflate=yes", stdin=PIPE) as p:
        end = End(-1, p.take("stdin"))
        end.send_bytes(content, p.deadline)
        p.out.wait(lambda r: len(r.bytes) == len(content), p.deadline, "the echo")
        assert bytes(p.out.bytes) == content
        end.close()
        assert p.wait() == 0, p.said()
    place["loop"].call_soon_threadsafe(place["stop"].set)
    thread.join(20)


# --- a browser

PAGE = """<!doctype html><title>ws</title><p id=out>nothing</p><script>
const out = [], sizes = [1, 125, 126, 65535, 65536, 1048576];
const end = () => { document.getElementById('out').textContent = JSON.stringify(out); fetch('/done', {method: 'POST', body: JSON.stringify(out)}); };
const ws = new WebSocket(%(url)s, %(protocols)s);
ws.binaryType = 'arraybuffer';
let i = 0, got = 0, sum = 0;
const next = () => {
    if (i === sizes.length) { ws.close(1000, 'enough'); return; }
    got = 0; sum = 0;
    ws.send(%(text)s ? 'x'.repeat(sizes[i]) : new Uint8Array(sizes[i]).fill(i + 1));
};
ws.onopen = () => { out.push(['open', ws.protocol, ws.extensions]); next(); };
ws.onmessage = m => {
    const isText = typeof m.data === 'string', n = isText ? m.data.length : m.data.byteLength;
    if (isText) { for (const c of m.data) sum += c === 'x'; } else { for (const b of new Uint8Array(m.data)) sum += b === i + 1; }
    got += n;
    if (got < sizes[i]) return;
    out.push([isText ? 'text' : 'binary', got, sum === got]);
    i++; next();
};
ws.onerror = () => out.push(['error']);
ws.onclose = c => { out.push(['close', c.code, c.wasClean]); end(); };
</script>"""


class Site:
    """A page with a script, and a place where it says what it found."""

    def __init__(self):
        site = self
        self.page, self.found, self.event = "", None, threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 - the name of the library
                content = site.page.encode() if self.path == "/" else b""
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self):  # noqa: N802
                site.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                site.event.set()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site():
    s = Site()
    yield s
    s.close()


def browse(site, tmp_path, url, protocols="[]", text=False, flags=()):
    """What a browser finds that opens the site's page, whose script talks to url."""
    browser = next((shutil.which(b) for b in BROWSERS if shutil.which(b)), None)
    if not browser:
        pytest.skip(f"no browser is installed ({', '.join(BROWSERS)})")
    site.page = PAGE % {"url": json.dumps(url), "protocols": protocols, "text": json.dumps(text)}
    words = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path}/profile", *flags,
             "--remote-debugging-port=0", site.origin + "/"]
    with Program(words, deadline=90, env=dict(os.environ, HOME=str(tmp_path))) as p:
        assert site.event.wait(p.deadline.left()), html.unescape(p.said())
        p.stop(seconds=20)
    return site.found


BROWSER_SIZES = [1, 125, 126, 65535, 65536, 1 << 20]


@pytest.mark.parametrize("kind", ["binary", "text"])
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
def test_a_browser_gets_its_messages_back(site, tmp_path, kind, deflate):
    options = [f"origin={site.origin}", "protocol=chat"] + (["deflate=yes"] if deflate else []) + (["text=yes"] if kind == "text" else [])
    with serve(options=options) as p:
        found = browse(site, tmp_path, f"ws://127.0.0.1:{p.port()}/", "['mqtt', 'chat']", kind == "text")
        assert found[0][:2] == ["open", "chat"] and ("permessage-deflate" in found[0][2]) == deflate
        assert found[1:-1] == [[kind, n, True] for n in BROWSER_SIZES]
        assert found[-1] == ["close", 1000, True]
        assert p.event("closed")["how"] == "done"


def test_a_browser_talks_to_a_local_service_of_bytes(site, tmp_path):
    with EchoServer(seconds=90) as server, serve(server.endpoint, options=[f"origin={site.origin}"]) as p:
        found = browse(site, tmp_path, f"ws://127.0.0.1:{p.port()}/")
        assert found[1:-1] == [["binary", n, True] for n in BROWSER_SIZES] and found[-1] == ["close", 1000, True]


def test_a_page_of_another_origin_is_kept_out(site, tmp_path):
    with serve() as p:
        found = browse(site, tmp_path, f"ws://127.0.0.1:{p.port()}/")
        assert found == [["error"], ["close", 1006, False]]
        assert "403" in p.event("failed")["error"]["text"]


def test_a_browser_over_tls(site, tmp_path):
    with serve(scheme="wss", options=["origin=*"]) as p:
        found = browse(site, tmp_path, f"wss://127.0.0.1:{p.port()}/", flags=["--ignore-certificate-errors"])
        assert found[-1] == ["close", 1000, True] and len(found) == len(BROWSER_SIZES) + 2


# --- nginx between, and curl


@pytest.mark.parametrize("inside", ["text", "binary"])
def test_nginx_passes_websockets_on(short_path, inside):
    """A soket client, nginx, a soket server."""
    path, port = need("nginx"), free_ports(1)[0]
    with serve(deadline=60) as p:
        with open(f"{short_path}/c", "w", encoding="ascii") as f:
            user = "user root;" if os.geteuid() == 0 else ""
            temps = "".join(f"{kind}_temp_path {short_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            f.write(f"""daemon off; master_process off; pid {short_path}/pid; {user} events {{ }}
http {{ access_log off; {temps} server {{ listen 127.0.0.1:{port}; location /chat {{
proxy_pass http://127.0.0.1:{p.port()}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }} }}
""")
        program = Program([path, "-p", short_path, "-c", f"{short_path}/c", "-e", f"{short_path}/error"], deadline=60)
        answers(port, program, Deadline(20, "nginx"))
        content = pattern.whole(4, 1_000_000) if inside == "binary" else b"words and words " * 60_000
        options = ["text=yes"] if inside == "text" else []
        done = soket("connect", f"ws://127.0.0.1:{port}", "path=/chat", *options, stdin=content, deadline=30)
        assert (done.status, done.err) == (0, "") and done.raw == content, done
        done = soket("connect", f"ws://127.0.0.1:{port}", "path=/other")
        assert done.status == 9 and "404" in done.err, done


def test_curl_gets_a_proper_answer():
    curl = need("curl")
    with serve() as p:
        url = f"http://127.0.0.1:{p.port()}/"
        done = command(curl, "-sSi", url)
        assert done.status == 0 and done.out.startswith("HTTP/1.1 426 ") and "WebSocket" in done.out, done
        done = command(curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x=y", url)
        assert done.out == "405", done
        done = command(curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"X: {'y' * 20000}", url)
        assert done.out == "431", done


def test_curl_asks_for_a_websocket():
    curl = need("curl")
    with serve("text:welcome") as p:
        done = command(curl, "-sSi", "--max-time", "20", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H",
                       f"Sec-WebSocket-Key: {wsraw.KEY}", f"http://127.0.0.1:{p.port()}/", deadline=30)
        assert done.out.startswith("HTTP/1.1 101 ") and wsraw.accept_of(wsraw.KEY) in done.out and "welcome" in done.out, done
