# SPDX-License-Identifier: Apache-2.0
"""Real servers of the tests' own: their files are in a directory of the test, their ports are the kernel's, and each is ended
by its id."""
import getpass
import os
import pwd
import shutil
import socket

import pytest

from .clock import Deadline, until
from .run import Program, Soket


def need(*programs):
    """The paths of real programs; skips with their names where one is missing."""
    paths = [shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") for p in programs]
    gone = [p for p, path in zip(programs, paths) if not path]
    if gone:
        pytest.skip(f"not installed: {', '.join(gone)}")
    return paths if len(paths) > 1 else paths[0]


def free_ports(n):
    """n ports that nobody listens on now. A listener of the kernel's choice is better where the program can."""
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in made]
    for s in made:
        s.close()
    return ports


def answers(port, program, deadline):
    """Wait until something listens on a port of loopback."""
    def tried():
        if program.ended():
            raise AssertionError(f"ended with {program.wait()}: {program.said()}")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    until(tried, deadline, f"port {port}", pause=0.01)


def relay_to(port, *flags):
    """A soket relay to a port of loopback."""
    return Soket("link", "--json", *flags, "tcp://127.0.0.1:0", f"tcp://127.0.0.1:{port}", deadline=120)


def nginx(directory, root):
    """(program, port) of an nginx that serves root."""
    path = need("nginx")
    port = free_ports(1)[0]
    os.makedirs(f"{directory}/tmp", exist_ok=True)
    user = pwd.getpwuid(os.getuid()).pw_name
    temps = "".join(f"{kind}_temp_path {directory}/tmp/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    with open(f"{directory}/nginx.conf", "w", encoding="ascii") as f:
        f.write(f"""daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;
{f"user {user};" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{ access_log off; default_type application/octet-stream; types {{ text/html html; }} {temps}
server {{ listen 127.0.0.1:{port}; root {root}; }} }}
""")
    program = Program([path, "-p", directory, "-c", f"{directory}/nginx.conf", "-e", f"{directory}/error.log"], deadline=120)
    answers(port, program, Deadline(20, "nginx"))
    return program, port


def sshd(directory):
    """(program, port, words for ssh and scp) of an OpenSSH server with a key of its own."""
    server, keygen = need("sshd", "ssh-keygen")
    need("ssh", "scp")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # where the server's unprivileged part lives
    for name in ("host", "user"):
        Program([keygen, "-q", "-t", "ed25519", "-N", "", "-f", f"{directory}/{name}"]).wait()
    shutil.copy(f"{directory}/user.pub", f"{directory}/authorized_keys")
    os.chmod(directory, 0o700)
    os.chmod(f"{directory}/authorized_keys", 0o600)
    port = free_ports(1)[0]
    with open(f"{directory}/sshd_config", "w", encoding="ascii") as f:
        f.write(f"""ListenAddress 127.0.0.1:{port}
HostKey {directory}/host
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
Subsystem sftp internal-sftp
""")
    program = Program([server, "-D", "-e", "-f", f"{directory}/sshd_config"], deadline=120)
    answers(port, program, Deadline(20, "sshd"))
    options = ["-F", "none", "-i", f"{directory}/user", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
               "-o", f"UserKnownHostsFile={directory}/known", "-o", "LogLevel=ERROR"]
    return program, port, options, getpass.getuser()


def vsftpd(directory, root, passive):
    """(program, port) of an anonymous FTP server; its passive connections use the one port `passive`."""
    path = need("vsftpd")
    if os.geteuid() != 0:
        pytest.skip("vsftpd needs root")
    port = free_ports(1)[0]
    os.makedirs(f"{directory}/empty", exist_ok=True)
    with open(f"{directory}/vsftpd.conf", "w", encoding="ascii") as f:
        f.write(f"""listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root={root}
anon_upload_enable=YES
anon_world_readable_only=NO
write_enable=YES
anon_umask=022
ftp_username={'ftp' if has_user('ftp') else 'nobody'}
nopriv_user=nobody
secure_chroot_dir={directory}/empty
pasv_enable=YES
pasv_address=127.0.0.1
pasv_addr_resolve=NO
pasv_min_port={passive}
pasv_max_port={passive}
pasv_promiscuous=YES
connect_from_port_20=NO
xferlog_enable=NO
seccomp_sandbox=NO
isolate_network=NO
""")
    os.chmod(f"{directory}/vsftpd.conf", 0o600)
    program = Program([path, f"{directory}/vsftpd.conf"], deadline=120)
    answers(port, program, Deadline(20, "vsftpd"))
    return program, port


def has_user(name):
    try:
        pwd.getpwnam(name)
        return True
    except KeyError:
        return False
