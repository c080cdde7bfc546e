# SPDX-License-Identifier: Apache-2.0
"""Video over datagrams, with ffmpeg at the other end: every frame arrives and decodes, and the time of each datagram is that of its
clock."""
import os
import re
import socket
import struct
import subprocess
import time

import pytest

from harness import net
from harness.clock import Deadline
from harness.msglines import transport_stream
from harness.run import Soket, clean_env, command, soket
from harness.services import need

SECONDS = 3
FRAMES = 25 * SECONDS


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A video of SECONDS with sound, as a transport stream."""
    need("ffmpeg", "ffprobe")
    path = tmp_path_factory.mktemp("clip") / "clip.ts"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={SECONDS}", "-f", "lavfi",
                    "-i", f"sine=440:duration={SECONDS}", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-c:a", "aac", "-f", "mpegts",
                    os.fspath(path)], check=True, timeout=60, stdin=subprocess.DEVNULL)
    return path


def frames(path):
    """How many pictures decode, and what the decoder complained about."""
    done = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames", "-of",
                           "csv=p=0", os.fspath(path)], capture_output=True, text=True, timeout=60, check=True)
    return int(re.search(r"\d+", done.stdout).group(0)), done.stderr


def receiver(path, url, wrap=()):
    """ffmpeg, which writes what it receives until nothing came for two seconds."""
    return subprocess.Popen([*wrap, "ffmpeg", "-loglevel", "error", "-y", "-i", url, "-map", "0", "-c", "copy", "-f", "mpegts", os.fspath(path)],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_env())


def bound(port, deadline, wrap=()):
    """Until some program of that machine has the port."""
    words = [*wrap, "cat", "/proc/net/udp"]
    while f":{port:04X} " not in subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout:
        deadline.left(f"port {port}")
        time.sleep(0.02)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_ffmpeg_receives_and_decodes_every_frame(clip, tmp_path):
    port, out = free_port(), tmp_path / "out.ts"
    with receiver(out, f"udp://127.0.0.1:{port}?timeout=3000000&fifo_size=100000") as ffmpeg:
        bound(port, Deadline(15, "ffmpeg"))
        done = soket("link", f"file:{clip}", f"udp://127.0.0.1:{port}", "pace=pcr", "linger=100ms", deadline=30)
        ffmpeg.communicate(timeout=30)
    assert done.status == 0, done
    assert frames(out) == (FRAMES, "")


@pytest.mark.parametrize("flags", [[], ["-re"]], ids=["at once", "in its time"])
def test_what_ffmpeg_sends_is_recorded_whole(clip, tmp_path, flags):
    out = tmp_path / "out.ts"
    with open(out, "wb") as f, Soket("listen", "--json", "udp://127.0.0.1:0", "rcvbuf=8M", "--idle", "1s", stdout=f, deadline=60) as p:
        port = p.port()
        subprocess.run(["ffmpeg", "-loglevel", "error", *flags, "-i", os.fspath(clip), "-c", "copy", "-map", "0", "-f", "mpegts",
                        f"udp://127.0.0.1:{port}?pkt_size=1316"], check=True, timeout=60, stdin=subprocess.DEVNULL)
        assert p.wait() == 0, p.said()
        closed = p.event("closed")
    assert frames(out) == (FRAMES, "")
    assert closed["messages_overflowed"] == 0 and closed["sent"] == os.path.getsize(out)


def test_a_group_is_streamed_to_another_machine(clip, tmp_path):
    reason = net.missing()
    if reason:
        pytest.skip(reason)
    out = tmp_path / "out.ts"
    with net.Pair() as pair:
        for machine in (pair.a, pair.b):
            machine.ip("route", "add", "239.0.0.0/8", "dev", "wire")
        with open(out, "wb") as f, Soket("listen", "--json", "udp://239.1.2.3:5004", "interface=wire", "--idle", "1s", wrap=pair.b.wrap,
                                         stdout=f, deadline=60) as p:
            p.event("listening")
            done = soket("link", f"file:{clip}", "udp://239.1.2.3:5004", "interface=wire", "pace=pcr", "linger=100ms",
                         wrap=pair.a.wrap, deadline=30)
            assert done.status == 0, done
            assert p.wait() == 0, p.said()
    assert out.read_bytes() == clip.read_bytes()
    assert frames(out) == (FRAMES, "")


def test_ffmpeg_s_rtp_is_recorded_and_counted(clip, tmp_path):
    out = tmp_path / "out.ts"
    with open(out, "wb") as f, Soket("listen", "--json", "udp://127.0.0.1:0", "rtp=yes", "rcvbuf=8M", "--idle", "1s", stdout=f,
                                     deadline=60) as p:
        port = p.port()
        subprocess.run(["ffmpeg", "-loglevel", "error", "-re", "-i", os.fspath(clip), "-c", "copy", "-map", "0", "-f", "rtp_mpegts",
                        f"rtp://127.0.0.1:{port}?pkt_size=1328"], check=True, timeout=60, stdin=subprocess.DEVNULL)
        assert p.wait() == 0, p.said()
        media = p.event("closed")["media"]
    assert frames(out)[0] == FRAMES  # what it says of the last one: ffmpeg's muxer of RTP does not send the end of it
    assert (media["kind"], media["lost"], media["duplicates"], media["reordered"]) == ("rtp", 0, 0, 0)
    assert media["received"] >= (os.path.getsize(clip) - 3 * 1316) // 1316 and media["jitter_ns"] > 0


def test_rtp_between_two_of_us_is_the_same_file(clip, tmp_path):
    out = tmp_path / "out.ts"
    with open(out, "wb") as f, Soket("listen", "--json", "udp://127.0.0.1:0", "rtp=yes", "--idle", "1s", stdout=f, deadline=60) as p:
        done = soket("link", f"file:{clip}", f"udp://127.0.0.1:{p.port()}", "rtp=yes", "pace=pcr", "linger=100ms", deadline=30)
        assert done.status == 0, done
        assert p.wait() == 0, p.said()
        closed = p.event("closed")
    assert out.read_bytes() == clip.read_bytes()
    assert closed["media"]["lost"] == 0 and closed["media"]["received"] == closed["messages_sent"]


def rtp(number, payload=b"x" * 188, kind=33):
    return struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, number * 3600, 0x534F4B45) + payload


def test_what_is_lost_twice_and_late_is_counted(tmp_path):
    with Soket("listen", "--json", "udp://127.0.0.1:0", "rtp=yes", "--idle", "500ms", stdout="read", deadline=30) as p:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", p.port()))
            for number in [65530, 65531, 65531, 65533, 65532, 65535, 65536, 65540]:  # it goes over 16 bits; 65534, 65537 to 65539 lack
                s.send(rtp(number))
            s.send(b"no RTP")
        assert p.wait() == 0, p.said()
        media = p.event("closed")["media"]
    assert media == {"kind": "rtp", "received": 7, "lost": 4, "duplicates": 1, "reordered": 1, "malformed": 1, "resyncs": 0,
                     "jitter_ns": media["jitter_ns"]}


def test_packets_of_a_bare_stream_that_lack_are_counted():
    content = transport_stream(packets=70)
    with Soket("listen", "--json", "udp://127.0.0.1:0", "--idle", "500ms", stdout="read", deadline=30) as p:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", p.port()))
            for i in range(10):
                if i != 4:
                    s.send(content[i * 1316:(i + 1) * 1316])
        assert p.wait() == 0, p.said()
        media = p.event("closed")["media"]
    assert media["kind"] == "ts" and media["received"] == 63 and media["lost"] == 7


# --- time ---------------------------------------------------------------------------------------------------------------

def arrivals(words, count):
    """When each datagram came, by the kernel's own stamp, in seconds after the first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        s.settimeout(Deadline(20, "a datagram").seconds)
        with Soket("link", words[0], f"udp://127.0.0.1:{s.getsockname()[1]}", *words[1:], "linger=50ms", deadline=30) as p:
            times = []
            while len(times) < count:
                _, control, _, _ = s.recvmsg(2048, 256)
                seconds, ns = next(struct.unpack("qq", data[:16]) for level, kind, data in control if level == socket.SOL_SOCKET)
                times.append(seconds + ns / 1e9)
            assert p.wait() == 0, p.said()
    return [t - times[0] for t in times]


def test_a_rate_is_kept(tmp_path):
    (tmp_path / "f").write_bytes(bytes(1316 * 400))
    times = arrivals([f"file:{tmp_path}/f", "pace=8Mbit"], 400)
    due = [i * 1316 * 8 / 8e6 for i in range(400)]
    assert min(t - d for t, d in zip(times, due)) > -0.002, "too early"
    assert sorted(abs(t - d) for t, d in zip(times, due))[len(due) // 2] < 0.005, "half of them are not near their time"


def test_the_clock_of_a_stream_is_kept(tmp_path):
    (tmp_path / "f.ts").write_bytes(transport_stream(packets=700, every=7))  # 7 packets, one datagram, in a hundredth of a second
    times = arrivals([f"file:{tmp_path}/f.ts", "pace=pcr"], 100)
    due = [i * 0.01 for i in range(100)]
    assert min(t - d for t, d in zip(times, due)) > -0.002, "too early"
    assert sorted(abs(t - d) for t, d in zip(times, due))[50] < 0.005, "half of them are not near their time"


def test_a_broken_stream_is_told_and_goes_on(tmp_path):
    good = transport_stream(packets=70)
    (tmp_path / "f.ts").write_bytes(good[:188 * 20] + b"x" * 77 + good[188 * 20:] + good[:50])
    done = command(os.environ.get("SOKET", "build/soket"), "link", "--json", f"file:{tmp_path}/f.ts", "udp://127.0.0.1:9", "pace=pcr",
                   "linger=50ms", deadline=30)
    notices = [e["text"] for e in done.events if e["event"] == "notice"]
    assert notices, done
