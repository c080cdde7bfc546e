# SPDX-License-Identifier: Apache-2.0
"""Real clients and real servers with a relay between them: curl and nginx, ssh, scp and sshd, ftp and vsftpd, a browser."""
import ftplib
import hashlib
import os
import shutil

import pytest

from harness import data as pattern
from harness.run import Program, Soket, binary, command
from harness.services import free_ports, need, nginx, relay_to, sshd, vsftpd

pytestmark = pytest.mark.peers
GIB = 1 << 30


@pytest.fixture
def site(short_path):
    """A directory that nginx serves, with a file of 1 MiB and a page."""
    root = os.path.join(short_path, "root")
    os.mkdir(root)
    os.chmod(short_path, 0o755)
    with open(f"{root}/small", "wb") as f:
        f.write(pattern.whole(1, 1 << 20))
    with open(f"{root}/index.html", "w", encoding="ascii") as f:
        f.write("<!doctype html><title>page</title><p id=p>static</p><script src=script.js></script>"
                "<img src=picture.svg><link rel=stylesheet href=style.css>")
    with open(f"{root}/script.js", "w", encoding="ascii") as f:
        f.write("fetch('small').then(r => r.arrayBuffer()).then(b => "
                "{ document.getElementById('p').textContent = 'loaded ' + b.byteLength; });")
    for name, text in (("picture.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"), ("style.css", "p { color: green }")):
        with open(f"{root}/{name}", "w", encoding="ascii") as f:
            f.write(text)
    _, port = nginx(short_path, root)
    return root, port


def sum_of(path):
    digest = hashlib.blake2b()
    with open(path, "rb") as f:
        while piece := f.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def test_curl_gets_a_mebibyte_through_a_relay_to_nginx(site, tmp_path):
    curl = need("curl")
    with relay_to(site[1]) as relay:
        url = f"http://127.0.0.1:{relay.port()}/small"
        done = command(curl, "-sS", "--fail", "-o", f"{tmp_path}/got", url, url, "-o", f"{tmp_path}/again", deadline=30)
        assert done.status == 0, done
        assert sum_of(f"{tmp_path}/got") == sum_of(f"{tmp_path}/again") == sum_of(f"{site[0]}/small")


def test_curl_uploads_nothing_to_a_page_that_is_not_there_and_hears_why(site):
    curl = need("curl")
    with relay_to(site[1]) as relay:
        done = command(curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{relay.port()}/none", deadline=30)
        assert (done.status, done.out) == (0, "404"), done


def test_fifty_curls_at_once_get_their_files(site):
    curl = need("curl")
    with relay_to(site[1]) as relay:
        url = f"http://127.0.0.1:{relay.port()}/small"
        done = command(curl, "-sS", "--fail", "--parallel", "--parallel-max", "50",
                       *[w for _ in range(50) for w in ("-o", "/dev/null", url)], "-w", "%{size_download}\n", deadline=60)
        assert done.status == 0 and done.out.split() == [str(1 << 20)] * 50, done


@pytest.mark.slow
@pytest.mark.parametrize("mover", ["auto", "copy"])
def test_curl_gets_a_gibibyte_with_range_and_resume(site, mover):
    """The file is a pattern over sparse ground: any piece that comes from a wrong place shows."""
    curl = need("curl")
    root, port = site
    big, got = f"{root}/big", f"{root}/got"
    with open(big, "wb") as f:
        f.truncate(GIB)
        for at in range(0, GIB, 8 << 20):
            f.seek(at)
            f.write(at.to_bytes(8, "big") + pattern.data(2, at, 65536))
    with relay_to(port, f"--mover={mover}") as relay:
        url = f"http://127.0.0.1:{relay.port()}/big"
        part = command(curl, "-sS", "--fail", "--range", f"{8 << 20}-{(24 << 20) - 1}", "-o", got, url, deadline=60)
        assert part.status == 0, part
        with open(big, "rb") as f, open(got, "rb") as g:
            f.seek(8 << 20)
            assert g.read() == f.read(16 << 20)
        # the first 400 MB, then a resume for the rest
        assert command(curl, "-sS", "--fail", "--range", "0-399999999", "-o", got, url, deadline=60).status == 0
        done = command(curl, "-sS", "--fail", "--continue-at", "-", "-o", got, url, deadline=120)
        assert done.status == 0, done
        assert os.path.getsize(got) == GIB and command("cmp", big, got, deadline=60).status == 0
    for path in (big, got):
        os.unlink(path)


@pytest.fixture
def ssh_server(tmp_path):
    directory = tmp_path / "ssh"
    directory.mkdir()
    return sshd(str(directory))


def test_ssh_runs_a_command_through_a_relay(ssh_server):
    _, port, options, user = ssh_server
    with relay_to(port) as relay:
        done = command(need("ssh"), *options, "-p", str(relay.port()), f"{user}@127.0.0.1", "cat; echo done; exit 7",
                       stdin=b"through ssh\n", deadline=30)
        assert (done.status, done.out) == (7, "through ssh\ndone\n"), done


def test_scp_copies_in_and_out_through_a_relay(ssh_server, tmp_path):
    _, port, options, user = ssh_server
    (tmp_path / "f").write_bytes(pattern.whole(3, 20_000_000))
    with relay_to(port) as relay:
        host = f"{user}@127.0.0.1"
        for source, target in ((f"{tmp_path}/f", f"{host}:{tmp_path}/there"), (f"{host}:{tmp_path}/there", f"{tmp_path}/back")):
            done = command(need("scp"), *options, "-P", str(relay.port()), source, target, deadline=60)
            assert done.status == 0, done
        assert sum_of(tmp_path / "f") == sum_of(tmp_path / "there") == sum_of(tmp_path / "back")


def test_ssh_takes_soket_as_its_proxy_command(ssh_server):
    """stdin and stdout of soket are ssh's pipes here."""
    _, port, options, user = ssh_server
    done = command(need("ssh"), *options, "-o", f"ProxyCommand={binary()} connect 127.0.0.1:{port}", f"{user}@anywhere", "echo hello",
                   deadline=30)
    assert (done.status, done.out) == (0, "hello\n"), done


@pytest.fixture
def ftp_site(short_path):
    """(root, port of the control relay): control and passive data both go through a soket each."""
    root = os.path.join(short_path, "ftp")
    os.makedirs(f"{root}/in")
    os.chmod(short_path, 0o755)
    os.chmod(root, 0o755)
    os.chmod(f"{root}/in", 0o777)
    with open(f"{root}/file", "wb") as f:
        f.write(pattern.whole(4, 5_000_000))
    os.chmod(f"{root}/file", 0o644)
    passive = free_ports(1)[0]
    _, port = vsftpd(short_path, root, passive)
    return root, port, passive


class Client(ftplib.FTP):
    """A client that goes to the relay of the data port, whatever port the server names."""
    data_port = 0

    def makepasv(self):
        super().makepasv()
        return "127.0.0.1", self.data_port


def test_an_ftp_session_in_passive_mode_goes_through_relays(ftp_site):
    root, port, passive = ftp_site
    with relay_to(port) as control, relay_to(passive) as data, Client() as client:
        client.data_port = data.port()
        client.connect("127.0.0.1", control.port(), timeout=20)
        client.login()
        got = bytearray()
        assert {"file", "in"} <= set(client.nlst())
        client.retrbinary("RETR file", got.extend)
        assert bytes(got) == pattern.whole(4, 5_000_000)
        with open(f"{root}/file", "rb") as f:
            client.storbinary("STOR in/back", f)
        client.retrbinary("RETR file", got.extend, rest=4_000_000)
        assert bytes(got[5_000_000:]) == pattern.whole(4, 5_000_000)[4_000_000:]
        client.quit()
        data.event("closed", count=4)
        assert all(e["how"] == "done" for e in control.events("closed") + data.events("closed"))
    assert sum_of(f"{root}/in/back") == sum_of(f"{root}/file")


def test_lftp_mirrors_through_relays(ftp_site, tmp_path):
    """lftp trusts the server's passive port, so the relay of the data stands on another address of loopback and the same port."""
    lftp = need("lftp")
    root, port, passive = ftp_site
    with relay_to(port) as control, Soket("link", "--json", f"tcp://127.0.0.2:{passive}", f"tcp://127.0.0.1:{passive}", deadline=60):
        script = (f"set net:max-retries 1; set net:timeout 10; set ftp:use-feat no; set ftp:ssl-allow no; "
                  f"open ftp://127.0.0.1:{control.port()}; get file -o {tmp_path}/got; ls; bye")
        done = command(lftp, "-c", script, deadline=40, env=dict(os.environ, HOME=str(tmp_path)))
        assert done.status == 0, done
        assert sum_of(tmp_path / "got") == sum_of(f"{root}/file")


BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


def test_a_browser_loads_a_page_through_the_relay(site, tmp_path):
    browser = next((shutil.which(b) for b in BROWSERS if shutil.which(b)), None)
    if not browser:
        pytest.skip(f"no browser is installed ({', '.join(BROWSERS)})")
    with relay_to(site[1]) as relay:
        words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                 f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=10000", "--dump-dom",
                 f"http://127.0.0.1:{relay.port()}/"]
        with Program(words, deadline=90, env=dict(os.environ, HOME=str(tmp_path))) as p:
            assert p.wait() == 0, p.said()
            assert f"loaded {1 << 20}" in p.out.text(), p.said()
        assert not relay.events("failed")
        assert len(relay.events("opened")) >= 1


def test_a_relay_started_by_systemd_socket_activation_serves_curl(site):
    """systemd-socket-activate hands the socket over as systemd does."""
    activate, curl = need("systemd-socket-activate", "curl")
    port = free_ports(1)[0]
    with Program([activate, "-l", f"127.0.0.1:{port}", binary(), "link", "fd:3", f"tcp://127.0.0.1:{site[1]}"], deadline=60) as p:
        p.err.wait(lambda r: b"Listening" in r.bytes, p.deadline, "systemd-socket-activate")
        for _ in range(2):
            done = command(curl, "-sS", "--fail", "-o", "/dev/null", "-w", "%{size_download}", f"http://127.0.0.1:{port}/small", deadline=20)
            assert (done.status, done.out) == (0, str(1 << 20)), (done, p.said())
