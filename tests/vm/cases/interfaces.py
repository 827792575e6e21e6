#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A function as an ordinary interface: `vionet tap` on one beside the kernel's own virtio_net on another in the same
guest, then `vionet forward` between the two. guest/interfaces drives them; behind each is a tap of this machine's
kernel. Both kernels check the packets.
"""

import contextlib
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402
from softnic import Results  # noqa: E402

SCRIPT = common.ROOT / "tests/vm/guest/interfaces"
FUNCTIONS = (common.NIC, "0000:00:06.0")
NETNS = f"vionet-interfaces-{os.getpid()}"
FAR = NETNS + "-far"
SIZE = 4 << 20
LEASE = "10.9.0.77"
COUNTERS = ("TcpInErrs", "IpInHdrErrors", "Ip6InHdrErrors", "IcmpInCsumErrors", "TcpInCsumErrors", "UdpInCsumErrors",
            "Icmp6InCsumErrors")
PLAIN = "csum=off,guest_csum=off,gso=off,host_tso4=off,host_tso6=off,guest_tso4=off,guest_tso6=off"


def inside(netns, *command):
    return subprocess.run(["ip", "netns", "exec", netns, *map(str, command)], capture_output=True, text=True, check=True).stdout


class Interfaces(common.Case):
    processors = 2  # as many as this machine has: the driver's thread and the kernel's sender

    def background(self, netns, *command):
        """A program in the namespace, ended with the test."""
        process = subprocess.Popen(["ip", "netns", "exec", netns, *map(str, command)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

    @contextlib.contextmanager
    def network(self):
        """A tap behind each function, with IPv6 too, and a server for iperf3 and for DHCP."""
        with common.namespace_with_taps([(f"tap{i}", f"10.9.{i}.1/24") for i in (0, 1)], NETNS):
            for i in (0, 1):
                inside(NETNS, "sysctl", "-qw", f"net.ipv6.conf.tap{i}.disable_ipv6=0")
                inside(NETNS, "ip", "addr", "add", f"fd09:{i}::1/64", "dev", f"tap{i}", "nodad")
            self.background(NETNS, "iperf3", "-s")
            conf = self.folder / "udhcpd.conf"
            conf.write_text(f"start {LEASE}\nend {LEASE}\ninterface tap0\nlease_file {self.folder}/leases\n"
                            f"pidfile {self.folder}/udhcpd.pid\noption subnet 255.255.255.0\n")
            (self.folder / "leases").touch()
            self.background(NETNS, "busybox", "udhcpd", "-f", conf)
            yield

    def check_stream(self, text):
        """The receiver is told of the end while what the sockets hold, megabytes, is on its way, and stops counting."""
        end = json.loads(text)["end"]
        self.assertIn("sum_sent", end, text)
        self.assertGreaterEqual(end["sum_sent"]["bytes"], SIZE)
        self.assertGreater(end["sum_received"]["bytes"], SIZE // 16)

    def check_results(self, results):
        failed = {name: results.text(name) for name, status in results.statuses().items() if status != "0"}
        self.assertEqual(failed, {})
        for name in results.names("ping"):
            self.assertRegex(results.text(name), r"(\d+) packets transmitted, \1 received, 0% pack")
        streams = results.names("sent") + results.names("received")
        self.assertEqual(len(streams), 8)
        for name in streams:
            self.check_stream(results.text(name))
        for who in ("vionet", "kernel"):
            found = results.numbers(f"checksums-{who}")
            self.assertEqual({name: found[name] for name in COUNTERS}, dict.fromkeys(COUNTERS, 0), who)
        self.assertIn(f"bound {LEASE}", results.text("dhcp"))
        self.assertIn("0 refused", results.text("tap"))

    def check_host(self, netns):
        text = inside(netns, "nstat", "-asz", *COUNTERS)
        found = {name: int(value) for name, value in re.findall(r"(?m)^(\w+)\s+(\d+)", text)}
        self.assertEqual(found, dict.fromkeys(COUNTERS, 0))

    def across(self):
        """Between two namespaces of this machine, through the guest."""
        subprocess.run(["ip", "netns", "add", FAR], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", FAR], check=True)
        inside(NETNS, "ip", "link", "set", "tap1", "netns", FAR)
        inside(FAR, "ip", "link", "set", "lo", "up")
        inside(FAR, "ip", "addr", "add", "10.9.0.3/24", "dev", "tap1")
        inside(FAR, "ip", "link", "set", "tap1", "up")
        inside(FAR, "ip", "addr", "add", "fd09:0::3/64", "dev", "tap1", "nodad")
        for host in ("10.9.0.1", "fd09::1"):
            # Where the guest is off its processor for long, forward drops: no queue may hold the others up.
            self.assertTrue(any(" 0% packet loss" in inside(FAR, "ping", "-q", "-c", 20, "-i", "0.01", "-W", 20, host)
                                for _ in range(10)), host)
            for way in ([], ["-R"]):
                self.check_stream(inside(FAR, "iperf3", "-J", "-n", "4M", "-c", host, *way))
        self.check_host(FAR)

    def drive(self, props):
        folder = self.folder / "results"
        folder.mkdir()
        with self.network():
            guest = self.guest([SCRIPT, common.VIONET, folder, *FUNCTIONS], "--bind", "--with-module", "tun",
                               "--share", folder, *(word for i in (0, 1) for word in ("--netdev", f"tap,ifname=tap{i}")),
                               "--device-props", props + "mac=52:54:00:09:00:00",
                               "--device-props", props + "mac=52:54:00:09:00:01",
                               events=True, netns=NETNS)
            guest.wait_line("== take the link away", 200)
            guest.link(False)
            guest.wait_line("== give it back")
            guest.link(True)
            guest.wait_line("== forwarding")
            self.across()
            guest.interrupt()
            guest.wait()
            results = Results(folder)
            self.check_results(results)
            self.check_host(NETNS)
            self.assert_no_faults(guest)
            self.assertEqual(guest.complaints.read_text(), "")
        return results

    def test_offloads(self):
        results = self.drive("")
        self.assertRegex(results.text("tap"), "transmit checksum TSO4 TSO6.*; receive checksum TSO4 TSO6")
        for who in ("vionet", "kernel"):
            self.assertEqual(results.switches(f"features-{who}")["tx-tcp-segmentation"], "on")
        ports = json.loads(results.text("forward"))["devices"]
        self.assertEqual([port["unable"] for port in ports], [0, 0])

    def test_no_offloads(self):
        """Each packet is whole, and its checksum is looked at on both sides."""
        results = self.drive(PLAIN + ",")
        self.assertIn("transmit none; receive none", results.text("tap"))


if __name__ == "__main__":
    common.main()
