#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Peers behind the device: frames get there and back, and the device reports a peer that cannot be opened or
goes away.
"""

import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from net_env import OTHER, OWN, Env, ethernet, pattern, udp4
from nic import DEADLINE, Softnic

OFFER = "+all,-IN_ORDER,-RING_PACKED"


def frame(number, size=64):
    return udp4(number.to_bytes(8, "big") + pattern(size))


# The first socket that is to be a wire gets its name when a file of the test's is gone.
SLOW_NAME = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int renameat2(int from, const char *old, int to, const char *new, unsigned int flags)
{
    static int seen;
    char waits[200];

    snprintf(waits, sizeof(waits), "%s.waits", new);
    if (!strcmp(new + strlen(new) - 5, "/wire") && !seen++) {
        close(open(waits, O_CREAT | O_WRONLY, 0600));
        while (access(waits, F_OK) == 0)
            usleep(1000);
    }
    return (int)syscall(SYS_renameat2, from, old, to, new, flags);
}
"""


class Plain(unittest.TestCase):
    def test_sink_takes_all(self):
        with Env("--peer", "sink") as env:
            for number in range(20):
                env.send(frame(number))
            self.assertEqual(env.frames(), [])
            env.finish()

    def test_loop_sends_back(self):
        with Env("--peer", "loop") as env:
            for number in range(20):
                env.send(frame(number, 10 * number))
                (_, got), = env.frames(count=1)
                self.assertEqual(got, frame(number, 10 * number))
                if number == 10:
                    break
            env.finish()

    def test_echo_swaps_addresses(self):
        with Env("--peer", "echo") as env:
            data = pattern(100)
            env.send(ethernet(data, 0x88b5, to=OTHER, source=OWN))
            (_, got), = env.frames(count=1)
            self.assertEqual(got, ethernet(data, 0x88b5, to=OWN, source=OTHER))
            env.finish()

    def test_source_numbers_its_frames(self):
        with Env("--peer", "source:200", "--mac", "52:54:00:12:34:56", buffers=30) as env:
            got = [data for _, data in env.frames(count=30)]
            numbers = [struct.unpack_from(">Q", data, 42)[0] for data in got]
            self.assertEqual(numbers, list(range(30)))
            self.assertEqual({len(data) for data in got}, {200})
            self.assertEqual({data[:6] for data in got}, {OWN})
            self.assertEqual(len({data[34:36] for data in got}), 30)  # source ports: flows
            self.assertTrue(all(sum16(data[14:34]) == 0xffff for data in got))
            env.finish()

    def test_source_has_a_smallest_frame(self):
        with Env("--peer", "source", buffers=4) as env:
            self.assertEqual({len(data) for _, data in env.frames(count=4)}, {60})
            env.finish()

    def test_source_waits_for_buffers(self):
        """No frame is skipped while there is no room."""
        with Env("--peer", "source", buffers=2) as env:
            got = [data for _, data in env.frames(count=2)]
            time.sleep(0.05)
            for _ in range(3):
                env.receive[0].add(writable=[2048])
            env.receive[0].kick()
            got += [data for _, data in env.frames(count=3)]
            self.assertEqual([struct.unpack_from(">Q", data, 42)[0] for data in got],
                             list(range(5)))
            env.finish()


class Limit(unittest.TestCase):
    """A rate so low that the test is over before the next frame is due."""

    def test_loop_loses_what_comes_too_early(self):
        with Env("--limit", "0.001pps:5", features=("CTRL_VQ", "DEVICE_STATS")) as env:
            for number in range(20):
                env.send(frame(number))
            self.assertEqual([data for _, data in env.frames(count=5)], [frame(i) for i in range(5)])
            self.assertEqual(env.frames(), [])
            # STATS_GET of TX_BASIC and TX_SPEED: drops; frames and bytes over the allowance.
            env.command(8, 0, room=8)
            ask = struct.pack("<HHIQ", 1, 0, 0, 1 << 16 | 1 << 19)
            _, data = env.command(8, 1, ask, room=400)
            self.assertEqual(struct.unpack_from("<Q", data, 8 + 32)[0], 15)
            self.assertEqual(struct.unpack_from("<QQ", data, 8 + 48 + 8), (15, 15 * len(frame(0))))
            env.finish()

    def test_each_direction_has_its_own(self):
        with Env("--limit", "0.001pps:7", "--peer", "source", buffers=20) as env:
            for number in range(10):
                env.send(frame(number))
            got = [struct.unpack_from(">Q", data, 42)[0] for _, data in env.frames(count=7)]
            self.assertEqual(got, list(range(7)))
            self.assertEqual(env.frames(), [])
            env.finish()


def sum16(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    return (total & 0xffff) + (total >> 16)


class Captures(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="softnic-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, frames, link=1, name="in.pcap", cut=0, caplen=None):
        data = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link)
        for payload in frames:
            data += struct.pack("<IIII", 0, 0, caplen or len(payload), len(payload))
            data += payload[:caplen]
        path = self.folder / name
        path.write_bytes(data[:len(data) - cut])
        return path

    def test_frames_come_from_a_file_once(self):
        frames = [frame(i, 50 + i) for i in range(12)]
        with Env("--peer", f"pcap:{self.file(frames)}:", buffers=20) as env:
            self.assertEqual([data for _, data in env.frames(count=12)], frames)
            time.sleep(0.05)
            self.assertEqual(env.frames(), [])
            env.finish()

    def test_frames_wait_for_buffers(self):
        frames = [frame(i) for i in range(10)]
        with Env("--peer", f"pcap:{self.file(frames)}:", buffers=4) as env:
            got = [data for _, data in env.frames(count=4)]
            for _ in range(6):
                env.receive[0].add(writable=[2048])
            env.receive[0].kick()
            got += [data for _, data in env.frames(count=6)]
            self.assertEqual(got, frames)
            env.finish()

    def test_frames_go_to_a_file(self):
        path = self.folder / "out.pcap"
        frames = [frame(i, 64 + i) for i in range(15)]
        with Env("--peer", f"pcap::{path}") as env:
            for each in frames:
                env.send(each)
            env.finish()
        data, at, got, times = path.read_bytes(), 24, [], []
        self.assertEqual(data[:4], struct.pack("=I", 0xa1b23c4d))  # times in nanoseconds
        while at < len(data):
            seconds, nanoseconds, size, full = struct.unpack_from("=IIII", data, at)
            self.assertEqual(size, full)
            got.append(data[at + 16:at + 16 + size])
            times.append((seconds, nanoseconds))
            at += 16 + size
        self.assertEqual(got, frames)
        self.assertEqual(times, sorted(times))
        self.assertTrue(any(nanoseconds % 1000 for _, nanoseconds in times))
        self.assertAlmostEqual(times[-1][0], time.time(), delta=3600)

    def test_frames_captured_in_part_are_left_out(self):
        path = self.file([frame(1, 200)], caplen=60)
        with Env("--peer", f"pcap:{path}:", buffers=4) as env:
            env.driver.wait_for(lambda: "captured in part" in env.nic.stderr())
            self.assertEqual(env.frames(), [])
            env.finish()

    def test_file_that_ends_too_early_is_an_error(self):
        path = self.file([frame(1), frame(2)], cut=10)
        with Env("--peer", f"pcap:{path}:", buffers=4) as env:
            self.assertEqual([data for _, data in env.frames(count=1)], [frame(1)])
            env.driver.wait_for(lambda: "in.pcap" in env.nic.stderr())
            env.finish()


class Wire(unittest.TestCase):
    """Two devices, back to back."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="softnic-")
        self.addCleanup(folder.cleanup)
        self.path = f"{folder.name}/wire"

    def test_two_devices_back_to_back(self):
        with Env("--peer", f"unix:{self.path}") as one, Env("--peer", f"unix:{self.path}") as two:
            for number in range(10):
                one.send(frame(number))
                (_, got), = two.frames(count=1)
                self.assertEqual(got, frame(number))
                two.send(frame(100 + number, 900))
                (_, got), = one.frames(count=1)
                self.assertEqual(got, frame(100 + number, 900))
            one.finish()
            two.finish()

    def test_either_may_go_and_come_again(self):
        with Env("--peer", f"unix:{self.path}") as one:
            for number in range(3):
                with Env("--peer", f"unix:{self.path}") as two:
                    two.send(frame(number))
                    (_, got), = one.frames(count=1)
                    self.assertEqual(got, frame(number))
                    two.finish()
                one.driver.wait_for(lambda: one.nic.stderr().count("is gone") == number + 1)
                one.send(frame(50))  # lost, as on a cut cable
            one.finish()

    def test_listener_goes_and_the_other_listens(self):
        with Env("--peer", f"unix:{self.path}") as one:
            with Env("--peer", f"unix:{self.path}") as two:
                one.send(frame(1))
                two.frames(count=1)
                one.finish()
                two.driver.wait_for(lambda: "is gone" in two.nic.stderr())
                with Env("--peer", f"unix:{self.path}") as three:
                    three.send(frame(2))
                    (_, got), = two.frames(count=1)
                    self.assertEqual(got, frame(2))
                    three.finish()
                two.finish()

    def test_two_that_would_listen_meet(self):
        """One begins to listen between another's looking for a listener and its listening."""
        library = f"{self.path}.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, "-xc", "-"], input=SLOW_NAME,
                       text=True, check=True)
        with Env("--peer", f"unix:{self.path}") as one, \
                Env("--peer", f"unix:{self.path}", prefix=["env", f"LD_PRELOAD={library}"]) as two:
            one.send(frame(1))
            two.frames(count=1)
            one.finish()
            two.driver.wait_for(lambda: os.path.exists(f"{self.path}.waits"))
            with Env("--peer", f"unix:{self.path}") as three:
                os.unlink(f"{self.path}.waits")
                two.driver.wait_for(lambda: "has another already" in two.nic.stderr())
                three.send(frame(2))
                (_, got), = two.frames(count=1)
                self.assertEqual(got, frame(2))
                three.finish()
            two.finish()

    def test_stranger_cannot_hurt(self):
        with Env("--peer", f"unix:{self.path}") as env:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
                stranger.connect(self.path)
                stranger.send(b"x" * 70000)  # no frame is that long
                stranger.send(b"x")          # a runt
                stranger.send(frame(3))
                env.driver.wait_for(lambda: "no frame" in env.nic.stderr())
                got = [data for _, data in env.frames(count=1)]
                while got[-1] != frame(3):
                    got += [data for _, data in env.frames(count=1)]
            env.driver.wait_for(lambda: "is gone" in env.nic.stderr())
            env.finish()

    def kept_waiting(self, env):
        return pathlib.Path(f"{self.path}.trace").read_text().count(" PEER waits")

    def test_frame_that_finds_no_buffer_keeps_its_peer_waiting(self):
        """Only a wait is traced, not each frame. Each is sent when the one before has arrived."""
        with Env("--peer", f"unix:{self.path}", "--lossless", "--trace", f"{self.path}.trace",
                 buffers=60) as env:
            queue = env.receive[0]
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
                stranger.connect(self.path)
                for number in range(60):
                    stranger.send(frame(number))
                    env.driver.wait_for(lambda: queue.poll() > number)
                    if number == 0:  # its coming brought no frame
                        before = self.kept_waiting(env)
                self.assertEqual(self.kept_waiting(env), before)
                stranger.send(frame(60))
                env.driver.wait_for(lambda: self.kept_waiting(env) > before)
                queue.add(writable=[2048])
                queue.kick()
                env.driver.wait_for(lambda: queue.poll() > 60)
                self.assertEqual(self.kept_waiting(env), before + 1)
            self.assertEqual([data for _, data in env.frames(count=61)], list(map(frame, range(61))))
            env.driver.wait_for(lambda: "is gone" in env.nic.stderr())
            env.finish()


def tap_possible():
    return os.geteuid() == 0 and os.path.exists("/dev/net/tun")


@unittest.skipUnless(tap_possible(), "needs root and /dev/net/tun")
class Tap(unittest.TestCase):
    def setUp(self):
        self.name = f"sn{os.getpid() % 100000}"
        made = subprocess.run(["ip", "tuntap", "add", self.name, "mode", "tap"],
                              capture_output=True, text=True)
        if made.returncode:
            self.skipTest(made.stderr.strip())
        self.addCleanup(subprocess.run, ["ip", "link", "del", self.name])
        # The kernel must send no frames of its own through it.
        subprocess.run(["sysctl", "-qw", f"net.ipv6.conf.{self.name}.disable_ipv6=1"],
                       capture_output=True)
        subprocess.run(["ip", "link", "set", self.name, "up"], check=True)

    def test_frames_go_both_ways(self):
        with Env("--peer", f"tap:{self.name}") as env, socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5)) as wire:
            wire.settimeout(DEADLINE)
            wire.bind((self.name, 0x88b5))
            env.send(ethernet(pattern(90), 0x88b5, to=b"\xff" * 6))
            self.assertEqual(wire.recv(2000), ethernet(pattern(90), 0x88b5, to=b"\xff" * 6))
            wire.send(ethernet(pattern(80), 0x88b5))
            (_, got), = env.frames(count=1)
            self.assertEqual(got, ethernet(pattern(80), 0x88b5))
            env.finish()

    def test_interface_that_is_down_loses_frames(self):
        subprocess.run(["ip", "link", "set", self.name, "down"], check=True)
        with Env("--peer", f"tap:{self.name}") as env:
            env.send(frame(1))
            env.finish()


class Refusals(unittest.TestCase):
    """A peer that cannot be opened: an error at the start, with the remedy."""

    def refused(self, peer, *words):
        nic = Softnic("--peer", peer, ready=False)
        status = nic.wait()
        text = "\n".join(nic.lines)
        self.assertIn(status, (1, 2), text)
        for word in words:
            self.assertIn(word, text)

    def test_unknown(self):
        self.refused("loops", "loops", "pcap:IN:OUT")

    def test_arguments(self):
        self.refused("loop:3", "nothing behind a colon")
        self.refused("tap", "tap:NAME")
        self.refused("pcap:", "pcap:IN:OUT")

    def test_sizes(self):
        for size in ("", "0", "49", "65550", "-1", "60x", " 60", "1e3",
                     "99999999999999999999"):
            self.refused(f"source:{size}", "bytes of a frame")

    def test_names(self):
        self.refused("tap:" + 16 * "x", "too long")
        self.refused("unix:" + 200 * "x", "characters at most")
        self.refused("unix:/nowhere/at/all", "/nowhere/at/all")

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            wrong = pathlib.Path(folder, "wrong")
            self.refused(f"pcap:{wrong}:", str(wrong))
            wrong.write_bytes(b"")
            self.refused(f"pcap:{wrong}:", "Ethernet")
            wrong.write_bytes(b"\x00" * 100)
            self.refused(f"pcap:{wrong}:", "Ethernet")
            wrong.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 113))
            self.refused(f"pcap:{wrong}:", "LINUX_SLL")
            self.refused(f"pcap::{folder}/not/there", "not/there")
            self.refused(f"pcap:{folder}:", folder)
            wrong.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            os.link(wrong, f"{folder}/same")
            self.refused(f"pcap:{wrong}:{folder}/same", f"{folder}/same: it is read or written here already; name another file")
            self.assertEqual(wrong.stat().st_size, 24)

    def test_nothing_but_a_socket_is_removed(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "file")
            path.write_text("mine")
            self.refused(f"unix:{path}", str(path))
            self.assertEqual(path.read_text(), "mine")


if __name__ == "__main__":
    unittest.main()
