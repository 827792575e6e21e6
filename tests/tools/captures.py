# SPDX-License-Identifier: BSD-3-Clause
"""
Capture files for tests: made by hand, and read by tools that nobody here wrote.
"""

import json
import os
import struct
import subprocess

from nic import DEADLINE


def pcap(records, nanoseconds=True, order="<", link=1):
    """`records`: (time in ns, frame) or (time in ns, frame, length on the wire)."""
    made = struct.pack(order + "IHHIIII", 0xa1b23c4d if nanoseconds else 0xa1b2c3d4, 2, 4, 0, 0, 65535, link)
    unit = 1 if nanoseconds else 1000
    for time_ns, frame, *length in records:
        made += struct.pack(order + "IIII", time_ns // 10**9, time_ns % 10**9 // unit, len(frame),
                            *(length or [len(frame)])) + frame
    return made


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order="<"):
    return block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1), order)


def interface(resolution=6, order="<"):
    return block(1, struct.pack(order + "HHIHHBxxxHH", 1, 0, 0, 9, 1, resolution, 0, 0), order)


def enhanced(number, ticks, frame, order="<"):
    return block(6, struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xffffffff, len(frame), len(frame)) +
                 frame, order)


def tshark(path, *arguments):
    """Its lines. Checksums are looked at."""
    done = subprocess.run(["tshark", "-n", "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
                           "-o", "tcp.check_checksum:TRUE", *arguments], capture_output=True, text=True,
                          timeout=DEADLINE, check=True)
    return done.stdout.splitlines()


def complaints(path):
    """What tshark has against frames of the file. What a UDP port or the first bytes seem to say of the payload is not asked."""
    return tshark(path, "-d", "udp.port==1-65535,data", "-Y", "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || "
                  "tcp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0")


def frames(path, *arguments):
    """The bytes of the frames, as tshark sees them."""
    found = json.loads("\n".join(tshark(path, "-T", "json", "-x", "-j", "frame", *arguments)) or "[]")
    return [bytes.fromhex(packet["_source"]["layers"]["frame_raw"][0]) for packet in found]


class Tcpdump:
    """Captures what comes from the device at an interface of the kernel's, and ends after `count` frames."""

    def __init__(self, name, path, count, *filters):
        self.process = subprocess.Popen(
            ["tcpdump", "-i", name, "-Q", "in", "-c", str(count), "-w", path, "-U", "-Z", "root", "--nano",
             "-s", "2048", "-B", "16384", "--immediate-mode", *filters], stderr=subprocess.PIPE, text=True)
        while "listening on" not in (line := self.process.stderr.readline()):
            assert line, "tcpdump did not start"

    def wait(self):
        errors = self.process.communicate(timeout=DEADLINE)[1]
        assert self.process.returncode == 0, errors

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)
    return path


def capinfos(path):
    """The file is whole. Its number of frames, its interfaces."""
    done = subprocess.run(["capinfos", "-M", "-T", "-r", "-c", "-I", path], capture_output=True, text=True,
                          timeout=DEADLINE, check=True)
    return int(done.stdout.split("\t")[1]), done.stdout
