# SPDX-License-Identifier: BSD-3-Clause
"""
Checksums and segmentation, both ways, through a device.
"""

import os
import struct
import subprocess
import tempfile
import unittest

from net_env import (Env, A4, B4, ECN, NEEDS_CSUM, DATA_VALID, RSC_INFO, TCPV4, TCPV6, TUNNEL_CSUM,
                     TUNNEL_IPV4, UDP_L4, UFO, checksum, complete, ethernet, ipv4, ipv6, pattern,
                     pseudo, right, tcp, tcp4, tcp6, udp, udp4)

HOST = ("CSUM", "HOST_TSO4", "HOST_TSO6", "HOST_ECN", "HOST_USO", "HOST_UFO")
GUEST = ("GUEST_CSUM", "GUEST_TSO4", "GUEST_TSO6", "GUEST_ECN", "GUEST_USO4", "GUEST_USO6", "GUEST_UFO")


def read_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, frames = 24, []
    while at < len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return frames


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


class Transmit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "out.pcap")

    def tearDown(self):
        self.folder.cleanup()

    def leave(self, frame, features=HOST, **header):
        """The frames that leave when this is sent."""
        with Env("--peer", f"pcap::{self.path}", features=features) as env:
            env.send(frame, **header)
            env.finish()
        return read_pcap(self.path)

    def witness(self, count):
        """tcpdump finds every checksum right."""
        text = subprocess.run(["tcpdump", "-nvvv", "-r", self.path], capture_output=True, text=True,
                              check=True).stdout
        self.assertEqual(text.count("(correct)") + text.count("[udp sum ok]"), count, text)
        self.assertNotIn("incorrect", text)
        self.assertNotIn("bad", text.replace("bad length", ""), text)

    def test_plain_frame_leaves_as_it_is(self):
        frame = udp4(pattern(100))
        self.assertEqual(self.leave(frame), [frame])

    def test_partial_checksum_is_completed(self):
        for size in (0, 1, 31, 1400):
            frame = udp4(pattern(size), partial=True)
            out = self.leave(frame, flags=NEEDS_CSUM, start=34, offset=6)
            self.assertEqual(out, [udp4(pattern(size))])
        self.witness(1)

    def test_tso4(self):
        payload = pattern(4000)
        out = self.leave(tcp4(payload, partial=True, flags=0x19), flags=NEEDS_CSUM, kind=TCPV4,
                         gso_size=1460, hdr_len=54, start=34, offset=16)
        self.assertEqual([len(frame) - 54 for frame in out], [1460, 1460, 1080])
        self.assertEqual(b"".join(frame[54:] for frame in out), payload)
        self.assertTrue(all(right(frame) for frame in out))
        self.assertEqual([frame[47] for frame in out], [0x10, 0x10, 0x19])
        self.assertEqual([int.from_bytes(frame[38:42], "big") for frame in out], [1000, 2460, 3920])
        self.assertEqual(len({frame[18:20] for frame in out}), 3)
        self.witness(3)

    def test_tso4_with_congestion_bit(self):
        out = self.leave(tcp4(pattern(3000), partial=True, flags=0x90), flags=NEEDS_CSUM,
                         kind=TCPV4 | ECN, gso_size=1460, hdr_len=54, start=34, offset=16)
        self.assertEqual([frame[47] for frame in out], [0x90, 0x10, 0x10])
        self.witness(3)

    def test_tso6(self):
        payload = pattern(3000)
        out = self.leave(tcp6(payload, partial=True), flags=NEEDS_CSUM, kind=TCPV6, gso_size=1440,
                         hdr_len=74, start=54, offset=16)
        self.assertEqual(b"".join(frame[74:] for frame in out), payload)
        self.assertTrue(all(right(frame) for frame in out))
        self.witness(3)

    def test_uso(self):
        payload = pattern(2500)
        out = self.leave(udp4(payload, partial=True), flags=NEEDS_CSUM, kind=UDP_L4, gso_size=1000,
                         hdr_len=42, start=34, offset=6)
        self.assertEqual([len(frame) - 42 for frame in out], [1000, 1000, 500])
        self.assertEqual(b"".join(frame[42:] for frame in out), payload)
        self.assertTrue(all(right(frame) for frame in out))
        self.witness(3)

    def test_ufo(self):
        payload = pattern(3000)
        out = self.leave(udp4(payload, partial=True), flags=NEEDS_CSUM, kind=UFO, gso_size=1480,
                         hdr_len=42, start=34, offset=6)
        datagram = b""
        for frame in out:
            self.assertEqual(checksum(frame[14:34]), 0xffff)
            self.assertEqual((int.from_bytes(frame[20:22], "big") & 0x1fff) * 8, len(datagram))
            datagram += frame[34:]
        self.assertEqual(datagram, udp(payload))
        self.assertEqual(int.from_bytes(out[-1][20:22], "big") & 0x2000, 0)

    def tunnel(self, outer_sum):
        inner = ethernet(ipv4(tcp(pattern(2500), partial=True), 6))
        shell = struct.pack(">HHHH", 50000, 4789, 16 + len(inner), 0) + b"\x08" + bytes(7) + inner
        if outer_sum:
            shell = complete(shell, 17, partial=True)
        features = (*HOST, "HOST_UDP_TUNNEL_GSO", *(("HOST_UDP_TUNNEL_GSO_CSUM",) if outer_sum else ()))
        return self.leave(ethernet(ipv4(shell, 17)), features,
                          flags=NEEDS_CSUM | (TUNNEL_CSUM if outer_sum else 0),
                          kind=TCPV4 | TUNNEL_IPV4, gso_size=1000, hdr_len=104, start=84, offset=16,
                          outer=34, inner=64)

    def test_tunnel(self):
        for outer_sum in (False, True):
            out = self.tunnel(outer_sum)
            self.assertEqual([len(frame) - 104 for frame in out], [1000, 1000, 500])
            for frame in out:
                self.assertTrue(right(frame[50:]))
                self.assertEqual(checksum(frame[14:34]), 0xffff)
                outer = frame[34:]
                self.assertEqual(int.from_bytes(outer[4:6], "big"), len(outer))
                if outer_sum:
                    self.assertEqual(checksum(pseudo(A4, B4, 17, len(outer)) + outer), 0xffff)
                else:
                    self.assertEqual(outer[6:8], b"\0\0")

    def test_frame_in_many_pieces(self):
        with Env("--peer", f"pcap::{self.path}", features=HOST) as env:
            frame = tcp4(pattern(3000), partial=True)
            data = env.virtio(flags=NEEDS_CSUM, kind=TCPV4, gso_size=1460, hdr_len=54, start=34,
                              offset=16) + frame
            env.transmit[0].add(readable=[data[i:i + 97] for i in range(0, len(data), 97)])
            env.transmit[0].kick()
            env.transmit[0].wait(1)
            env.finish()
        out = read_pcap(self.path)
        self.assertEqual(b"".join(f[54:] for f in out), pattern(3000))
        self.witness(3)


class Receive(unittest.TestCase):
    """A loop sends frames back, with the offloads that the driver accepted."""

    LARGE = dict(flags=NEEDS_CSUM, kind=TCPV4, gso_size=1460, hdr_len=54, start=34, offset=16)

    def test_large_packet_is_passed_on(self):
        payload = pattern(4000)
        with Env("--peer", "loop", features=(*HOST, *GUEST, "MRG_RXBUF"), size=1024) as env:
            env.send(tcp4(payload, partial=True), **self.LARGE)
            (head, frame), = env.frames(count=1)
            env.finish()
        self.assertEqual((head["flags"], head["kind"], head["gso_size"], head["hdr_len"]),
                         (NEEDS_CSUM, TCPV4, 1460, 54))
        self.assertEqual((head["start"], head["offset"], head["buffers"]), (34, 16, 4))
        self.assertEqual(frame, tcp4(payload, partial=True))

    def test_large_packet_is_cut_for_others(self):
        payload = pattern(4000)
        for guest in ((), ("GUEST_CSUM",), ("GUEST_CSUM", "GUEST_TSO6")):
            with Env("--peer", "loop", features=(*HOST, *guest, "MRG_RXBUF")) as env:
                env.send(tcp4(payload, partial=True), **self.LARGE)
                found = env.frames(count=3)
                env.finish()
            self.assertEqual(b"".join(frame[54:] for _, frame in found), payload)
            for head, frame in found:
                self.assertTrue(right(frame))
                self.assertEqual((head["kind"], head["gso_size"]), (0, 0))
                self.assertEqual(head["flags"], DATA_VALID if guest else 0)

    def test_partial_checksum(self):
        frame = udp4(pattern(101), partial=True)
        for guest in ((), ("GUEST_CSUM",)):
            with Env("--peer", "loop", features=("CSUM", *guest)) as env:
                env.send(frame, flags=NEEDS_CSUM, start=34, offset=6)
                (head, got), = env.frames(count=1)
                env.finish()
            self.assertEqual(head["flags"], NEEDS_CSUM if guest else 0)
            self.assertEqual(got, frame if guest else udp4(pattern(101)))

    def test_valid_and_wrong_checksums(self):
        good = udp4(pattern(64))
        bad = good[:-1] + bytes([good[-1] ^ 1])
        with Env("--peer", "loop", features=("CSUM", "GUEST_CSUM")) as env:
            env.send(good)
            env.send(bad)
            env.send(ethernet(bytes(60), 0x88b5))
            flags = [head["flags"] for head, _ in env.frames(count=3)]
            env.finish()
        self.assertEqual(flags, [DATA_VALID, 0, 0])

    def test_offloads_at_run_time(self):
        features = (*HOST, *GUEST, "MRG_RXBUF", "CTRL_VQ", "CTRL_GUEST_OFFLOADS")
        payload = pattern(3000)
        with Env("--peer", "loop", features=features, size=4096) as env:
            env.send(tcp4(payload, partial=True), **self.LARGE)
            self.assertEqual(len(env.frames(count=1)), 1)
            self.assertEqual(env.command(5, 0, struct.pack("<Q", 1 << 1))[0], 0)
            env.send(tcp4(payload, partial=True), **self.LARGE)
            found = env.frames(count=3)
            self.assertEqual({head["flags"] for head, _ in found}, {DATA_VALID})
            self.assertEqual(env.command(5, 0, struct.pack("<Q", 0))[0], 0)
            env.send(udp4(partial=True), flags=NEEDS_CSUM, start=34, offset=6)
            (head, frame), = env.frames(count=1)
            self.assertEqual((head["flags"], frame), (0, udp4()))
            env.finish()


class Coalescing(unittest.TestCase):
    FEATURES = ("CSUM", "HOST_TSO4", "HOST_TSO6", "GUEST_CSUM", "GUEST_TSO4", "GUEST_TSO6", "RSC_EXT",
                "MRG_RXBUF")

    def get(self, frames, count, features=FEATURES):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "in.pcap")
            write_pcap(path, frames)
            with Env("--peer", f"pcap:{path}:", features=features) as env:
                found = env.frames(count=count)
                env.finish()
        return found

    def series(self, sizes, build=tcp4, **more):
        data, frames, at = pattern(sum(sizes)), [], 0
        for size in sizes:
            frames.append(build(data[at:at + size], sequence=1000 + at, **more))
            at += size
        return data, frames

    def test_series_becomes_one_packet(self):
        for build, head_size, kind in ((tcp4, 54, TCPV4), (tcp6, 74, TCPV6)):
            data, frames = self.series([1000, 1000, 1000, 200], build)
            (head, frame), = self.get(frames, 1)
            self.assertEqual((head["flags"], head["kind"], head["gso_size"]),
                             (NEEDS_CSUM | RSC_INFO, kind, 1000))
            self.assertEqual((head["start"], head["offset"]), (4, 0))
            self.assertEqual(frame, build(data, sequence=1000, partial=True))

    def test_what_does_not_belong_together(self):
        _, frames = self.series([500, 500])
        later = tcp4(pattern(500), sequence=9000)
        damaged = frames[1][:-1] + bytes([frames[1][-1] ^ 1])
        flagged = tcp4(pattern(1000)[500:], sequence=1500, flags=0x11)
        for second in (later, damaged, flagged, udp4()):
            found = self.get([frames[0], second], 2)
            self.assertEqual([frame for _, frame in found], [frames[0], second])
            self.assertEqual({head["kind"] for head, _ in found}, {0})

    def test_not_without_the_feature(self):
        _, frames = self.series([500, 500])
        found = self.get(frames, 2, [f for f in self.FEATURES if f != "RSC_EXT"])
        self.assertEqual([frame for _, frame in found], frames)


if __name__ == "__main__":
    unittest.main()
