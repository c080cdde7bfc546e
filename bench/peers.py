# SPDX-License-Identifier: Apache-2.0
"""The contenders: soket, its peers, and the two that show the limit. A table, and what each one needs to be started.

In a command, {program} is the path that was found, {L} the port to listen on, {D} the port to dial, {U} the path of a
unix socket, {folder} the folder of the run, {config}, {udp_config} and {tls_config} a file with the row's configuration. All peers
relay with one thread, as soket does by default; stunnel has one for each connection and socat a process, which nothing changes.
"""
import dataclasses
import os
import re
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SBIN = ":/usr/local/sbin:/usr/sbin:/sbin"

# {connections} is how many clients the limit of descriptors allows: haproxy refuses to start with more.
HAPROXY = """global
    nbthread 1
    maxconn {connections}
defaults
    mode tcp
    timeout connect 5s
    timeout client 120s
    timeout server 120s
{extra}
listen bench
    bind 127.0.0.1:{L}
    server far 127.0.0.1:{D}
"""
HAPROXY_SPLICE = "    option splice-auto\n    option splice-request\n    option splice-response"

NGINX = """{module}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
events {{ worker_connections {descriptors}; }}
stream {{
    server {{
        listen 127.0.0.1:{L} backlog=4096;
        proxy_pass 127.0.0.1:{D};
        proxy_timeout 300s;
        proxy_half_close on;
    }}
}}
"""
# A session of UDP takes two of its connections, one of which has no descriptor. {sessions} is that for all descriptors.
NGINX_UDP = """{module}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
events {{ worker_connections {sessions}; }}
stream {{
    server {{
        listen 127.0.0.1:{L} udp rcvbuf=8m;
        proxy_pass 127.0.0.1:{D};
        proxy_timeout 300s;
    }}
}}
"""
# The certificate of a relay that takes TLS off is {folder}/cert.pem, its key {folder}/key.pem, both.pem has the two. The
# clients ask for TLS 1.3 only; where a peer would speak older versions too, it is told the same.
HAPROXY_TLS = HAPROXY.replace("bind 127.0.0.1:{L}", "bind 127.0.0.1:{L} ssl crt {folder}/both.pem ssl-min-ver TLSv1.3")
NGINX_TLS = NGINX.replace("listen 127.0.0.1:{L}", "listen 127.0.0.1:{L} ssl").replace("proxy_half_close on;", """\
proxy_half_close on;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        ssl_protocols TLSv1.3;
        ssl_session_tickets on;""")
# Without `debug` it writes lines about every connection.
STUNNEL = """foreground = yes
pid =
debug = err
[bench]
accept = 127.0.0.1:{L}
connect = 127.0.0.1:{D}
cert = {folder}/cert.pem
key = {folder}/key.pem
sslVersionMin = TLSv1.3
"""
# Debian builds the stream module as a file of its own; elsewhere it may be compiled in.
# File servers: one worker, no log, and connections kept alive for as long as they are used; otherwise as they come.
NGINX_HTTP = """daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log error;
events {{ worker_connections {descriptors}; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    server {{ listen 127.0.0.1:{L} backlog=4096; root {D}; }}
}}
"""
LIGHTTPD_HTTP = """server.bind = "127.0.0.1"
server.port = {L}
server.document-root = "{D}"
server.max-keep-alive-requests = 1000000000
server.max-keep-alive-idle = 300
server.max-connections = {clients}
server.max-fds = {descriptors}
"""
H2O_HTTP = """num-threads: 1
max-connections: {descriptors}
http1-request-timeout: 300
error-log: {folder}/h2o.log
hosts:
  bench:
    listen: {{ host: 127.0.0.1, port: {L} }}
    paths: {{ "/": {{ file.dir: {D} }} }}
"""
NGINX_MODULES = ("/usr/lib/nginx/modules/ngx_stream_module.so", "/usr/lib64/nginx/modules/ngx_stream_module.so")

SOCAT_RELAY = "{program} TCP-LISTEN:{L},bind=127.0.0.1,reuseaddr,fork,backlog=4096 TCP:127.0.0.1:{D}"
SOCAT_UDP = "{program} UDP-LISTEN:{L},bind=127.0.0.1,reuseaddr,fork,rcvbuf=8388608 UDP:127.0.0.1:{D}"
SOCAT_TLS = ("OPENSSL-LISTEN:{L},bind=127.0.0.1,reuseaddr,fork,backlog=4096,cert={folder}/cert.pem,key={folder}/key.pem,"
             "verify=0,openssl-min-proto-version=TLS1.3 TCP:127.0.0.1:{D}")


@dataclasses.dataclass
class Contender:
    name: str
    programs: tuple = ()           # the first that is found is the one
    version: str = ""              # what to append to hear its version
    relay: str = ""                # the command that relays from {L} to {D}
    config: str = ""               # its configuration
    extra: str = ""                # more lines for it
    udp: str = ""                  # the command that relays datagrams from {L} to {D}
    udp_config: str = ""           # its configuration
    tls: str = ""                  # the command that takes TLS off at {L} and relays to {D}
    tls_config: str = ""           # its configuration
    http: str = ""                 # the command that serves the files of {D} at {L}
    http_config: str = ""          # its configuration
    ws: str = ""                   # the command that relays a WebSocket at {L} to {D}
    pace: str = ""                 # sends stdin to {D} in datagrams of {chunk} bytes at {mbit} Mbit/s
    tcp: tuple = ()                # (from stdin to a socket, from a socket to stdout) over TCP
    unix: tuple = ()               # the same over a unix socket
    start: str = ""                # for the workload `start`
    ports: str = ""                # lists who listens, with processes
    flows: str = ""                # lists every TCP socket, with processes
    lease: str = ""                # runs `true`, with a port of its own where it can
    idle: int = 5000               # idle links to ask for; fewer where each is a process
    clients: int = 10000           # idle clients of HTTP to ask for: lighttpd counts two descriptors for each
    sessions: int = 10000          # idle sessions of UDP to ask for, likewise
    must_say: str = ""             # the program is another one of that name where its help lacks this
    path: str = dataclasses.field(default="", init=False)
    said: str = dataclasses.field(default="", init=False)

    def find(self):
        """Look for the program; self.path stays empty where it is absent."""
        for program in self.programs:
            path = shutil.which(program, path=os.environ.get("PATH", os.defpath) + SBIN)
            if not path:
                continue
            self.path = os.path.abspath(path)
            self.said = self.first_line()
            if self.must_say in self.said:
                return
            self.path = ""

    def first_line(self):
        """What the program says about its version: the first line with a number such as 1.2."""
        if not self.version:
            return ""
        try:
            done = subprocess.run([self.path, self.version], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=5)
        except (OSError, subprocess.SubprocessError):
            return ""
        lines = done.stdout.splitlines()
        return next((line.strip() for line in lines if re.search(r"\d+\.\d+", line)), "unknown version")[:80]

    @property
    def is_there(self):
        return bool(self.path) or not self.programs

    def command(self, template, folder="", **values):
        """The words of a command, its configuration written into `folder`."""
        for field in ("config", "udp_config", "tls_config", "http_config"):
            if "{" + field + "}" in template:
                values[field] = f"{folder}/{self.name}.conf"
                with open(values[field], "w") as f:
                    f.write(self.configuration(getattr(self, field), folder, values))
        return [word.format(program=self.path, folder=folder, **values) for word in template.split()]

    def configuration(self, text, folder, values):
        descriptors = values["descriptors"]
        module = next((f"load_module {m};" for m in NGINX_MODULES if os.path.exists(m)), "")
        return text.format(folder=folder, module=module, extra=self.extra, L=values["L"], D=values["D"],
                           descriptors=descriptors - 100, sessions=2 * descriptors,
                           connections=min(6500, (descriptors - 200) // 2), clients=(descriptors - 200) // 2)


def soket():
    """The binary under test: $SOKET, or the one that `./dev build` makes."""
    return os.environ.get("SOKET") or os.path.join(ROOT, "build", "soket")


CONTENDERS = (
    # The limit: no relay at all.
    Contender("direct"),
    Contender("soket", (soket(),), "--version",
              relay="{program} link 127.0.0.1:{L} 127.0.0.1:{D}",
              udp="{program} link udp://127.0.0.1:{L} rcvbuf=8M udp://127.0.0.1:{D}",
              tls="{program} link tls://127.0.0.1:{L} cert={folder}/cert.pem key={folder}/key.pem tcp://127.0.0.1:{D}",
              ws="{program} link ws://127.0.0.1:{L} tcp://127.0.0.1:{D}",
              http="{program} serve {D} 127.0.0.1:{L} --idle 300s",
              pace="{program} connect udp://127.0.0.1:{D} frame=chunk={chunk} pace={mbit}Mbit",
              tcp=("{program} connect 127.0.0.1:{L}", "{program} listen 127.0.0.1:{L}"),
              unix=("{program} connect {U}", "{program} listen {U}"),
              start="{program} explain 80",
              ports="{program} ports", flows="{program} flows --all", lease="{program} run -- true"),
    Contender("haproxy", ("haproxy",), "-v", relay="{program} -db -f {config}", config=HAPROXY,
              tls="{program} -db -f {tls_config}", tls_config=HAPROXY_TLS),
    Contender("haproxy-splice", ("haproxy",), "-v", relay="{program} -db -f {config}", config=HAPROXY,
              extra=HAPROXY_SPLICE),
    Contender("nginx", ("nginx",), "-v", relay="{program} -e {folder}/nginx.log -c {config}", config=NGINX,
              udp="{program} -e {folder}/nginx.log -c {udp_config}", udp_config=NGINX_UDP,
              tls="{program} -e {folder}/nginx.log -c {tls_config}", tls_config=NGINX_TLS,
              http="{program} -e {folder}/nginx.log -c {http_config}", http_config=NGINX_HTTP),
    Contender("lighttpd", ("lighttpd",), "-v", clients=9500, http="{program} -D -f {http_config}", http_config=LIGHTTPD_HTTP),
    Contender("h2o", ("h2o",), "-v", http="{program} -c {http_config}", http_config=H2O_HTTP),
    Contender("python", ("python3",), "-V", http="{program} -m http.server --bind 127.0.0.1 --directory {D} {L}"),
    Contender("node-ws", ("node", "nodejs"), "--version", ws="{program} " + os.path.join(ROOT, "bench", "ws_relay.js") + " {L} {D}"),
    Contender("stunnel", ("stunnel4", "stunnel"), "-version", tls="{program} {tls_config}", tls_config=STUNNEL),
    Contender("socat", ("socat",), "-V", relay=SOCAT_RELAY, udp=SOCAT_UDP, idle=500, sessions=500,
              tls="{program} " + SOCAT_TLS,
              tcp=("{program} -u STDIN TCP:127.0.0.1:{L}",
                   "{program} -u TCP-LISTEN:{L},bind=127.0.0.1,reuseaddr STDOUT"),
              unix=("{program} -u STDIN UNIX:{U}", "{program} -u UNIX-LISTEN:{U} STDOUT")),
    Contender("socat-1M", ("socat",), "-V", tls="{program} -b 1048576 " + SOCAT_TLS,
              tcp=("{program} -b 1048576 -u STDIN TCP:127.0.0.1:{L}",
                   "{program} -b 1048576 -u TCP-LISTEN:{L},bind=127.0.0.1,reuseaddr STDOUT"),
              unix=("{program} -b 1048576 -u STDIN UNIX:{U}", "{program} -b 1048576 -u UNIX-LISTEN:{U} STDOUT")),
    # Only OpenBSD's: others of that name have other options, and some have no unix sockets.
    Contender("nc", ("nc.openbsd", "nc"), "-h", must_say="OpenBSD",
              tcp=("{program} -N 127.0.0.1 {L}", "{program} -l 127.0.0.1 {L}"),
              unix=("{program} -N -U {U}", "{program} -l -U {U}")),
    # The limit of `start`: a program that does nothing.
    Contender("true", ("true",), start="{program}", lease="{program}"),
    Contender("ss", ("ss",), "-V", ports="{program} -tulnp", flows="{program} -tanp"),
    Contender("netstat", ("netstat",), "--version", ports="{program} -tulnp", flows="{program} -tanp"),
    Contender("lsof", ("lsof",), "-v", ports="{program} -nP -i", flows="{program} -nP -iTCP"),
)


def find_all(names):
    """The contenders of these names, or all of them; each is looked for."""
    table = {contender.name: contender for contender in CONTENDERS}
    found = [table[name] for name in names] if names else list(CONTENDERS)
    for contender in found:
        contender.find()
    return found
