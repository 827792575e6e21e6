#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Flows of a file that passt answers, each in its own way: ARP, DHCP, a TCP connection's first segment, datagrams and
pings that come back with their numbers. What the generator counts is what tshark finds in its capture.

    python3 tests/vhost_user/passt_flows.py [CLASS.METHOD]...
"""

import collections
import json
import os
import pathlib
import socket
import sys
import unittest

for folder in (".", "../softnic", "../tools"):
    sys.path.insert(0, str((pathlib.Path(__file__).resolve().parent / folder).resolve()))
import captures  # noqa: E402
import flows  # noqa: E402
import passt  # noqa: E402
import peer  # noqa: E402
from flows import fixed, header, value  # noqa: E402

SERVER, TCP, UDP = "192.0.2.9", 7070, 7071
# The kernel lets this group ping; a program that listens, and returns datagrams.
LISTENING = """ip addr add 192.0.2.9/32 dev veth1
echo "0 0" >/proc/sys/net/ipv4/ping_group_range
/usr/bin/env python3 "$PASST_TEST" serve
"""
ASKED = {"arp": 3, "dhcp": 4, "syn": 20, "udp": 200, "ping": 100}
GUEST, GATEWAY = "192.0.2.2", "192.0.2.1"
OURS = "52:54:00:12:34:56"
# DHCPDISCOVER: BOOTP's fields, the magic number, its option and the end.
DISCOVER = (b"\1\1\6\0" + b"vio1" + bytes(20) + bytes.fromhex(OURS.replace(":", "")) + bytes(10 + 192)
            + bytes.fromhex("63825363" "350101" "ff")).hex()


def flow(name, size, *packet, pps=50, tracked=False):
    """`size` without FCS."""
    return flows.flow(name, "a", "a", pps, ASKED[name], fixed(size + 4), *packet, tracked=tracked, **{"x-vionet": {"pad": False}})


def asking():
    to_all = header("ethernet", dst=value("ff:ff:ff:ff:ff:ff"), src=value(OURS))
    to_server = (header("ethernet", dst=value("9a:55:9a:55:9a:55"), src=value(OURS)),
                 header("ipv4", src=value(GUEST), dst=value(SERVER)))
    ports = {"choice": "increment", "increment": {"start": 40000, "step": 1, "count": 20}}
    return [
        flow("arp", 42, to_all, header("arp", sender_hardware_addr=value(OURS), sender_protocol_addr=value(GUEST),
                                       target_protocol_addr=value(GATEWAY))),
        flow("dhcp", 42 + len(DISCOVER) // 2, to_all, header("ipv4", src=value("0.0.0.0"), dst=value("255.255.255.255")),
             header("udp", src_port=value(68), dst_port=value(67)), header("custom", bytes=DISCOVER)),
        flow("syn", 54, *to_server, header("tcp", src_port=ports, dst_port=value(TCP), ctl_syn=value(1), ctl_ack=value(0),
                                           window=value(8192))),
        flow("udp", 300, *to_server, header("udp", src_port=value(40000), dst_port=value(UDP)), pps=400, tracked=True),
        flow("ping", 100, *to_server, {"choice": "icmp", "icmp": header("echo", identifier=value(77))}, pps=200, tracked=True)]


def serve():
    """Comes back when it listens; the one that serves lives as long as the network."""
    listener = socket.create_server((SERVER, TCP), backlog=64)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((SERVER, UDP))
    if os.fork() == 0:
        while listener:
            data, sender = datagrams.recvfrom(1 << 16)
            datagrams.sendto(data, sender)


class Answers(passt.Case):
    lab, helper = passt.LAB + LISTENING, __file__
    programs = [*passt.Case.programs, "tshark"]

    def test_each_flow_is_answered(self):
        config, pcapng = self.folder / "flows.json", self.folder / "all.pcapng"
        config.write_text(json.dumps({"ports": [{"name": "a", "location": self.device()}], "flows": asking()}))
        # The numbered ones end last: when all of these are back, so are the other answers.
        found = json.loads(self.vionet("pktgen", "--config", config, "--json", "--interval", "0", "--capture", pcapng,
                                       "--linger", "20"))
        rx, sent = found["rx"], {each["name"]: each["tx"]["frames"] for each in found["flows"]}
        self.assertEqual(sent, ASKED)
        returned = ASKED["udp"] + ASKED["ping"]
        self.assertEqual((rx["own"], rx["not_ours"]), (returned, sum(ASKED.values()) - returned), rx)
        self.assertEqual([rx[what] for what in ("lost", "duplicates", "reordered", "damaged", "damaged_not_ours")], [0] * 5)
        self.assertEqual([each["latency_ns"]["count"] for each in found["flows"][-2:]], [ASKED["udp"], ASKED["ping"]])
        self.assertEqual(found["capture"]["written"], 2 * sum(ASKED.values()))
        came = captures.tshark(pcapng, "-Y", "frame.packet_flags_direction == 1", "-T", "fields", *(f"-e{name}" for name in (
            "arp.opcode", "arp.src.proto_ipv4", "dhcp.option.dhcp", "dhcp.ip.your", "tcp.flags", "tcp.ack_raw", "tcp.dstport",
            "udp.srcport", "icmp.type")))
        self.assertEqual(collections.Counter(line.strip() for line in came), {
            f"2\t{GATEWAY}": ASKED["arp"], f"2\t{GUEST}\t\t\t\t67": ASKED["dhcp"], str(UDP): ASKED["udp"], "0": ASKED["ping"],
            **{f"0x0012\t1\t{40000 + i}": 1 for i in range(ASKED["syn"])}})
        self.assertEqual(captures.complaints(pcapng), [])
        # passt recorded the same frames.
        self.assertEqual(len(passt.frames_of(self.capture)), 2 * sum(ASKED.values()))
        self.assertTrue(self.passt.alive(), self.passt.text())


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        unittest.main(verbosity=2)
