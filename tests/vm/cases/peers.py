#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Third-party peers behind the function: the host's kernel on a tap, DPDK's vhost-user."""

import json
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

COUNT = 20_000


class Kernel(common.Case):
    def test_ping(self):
        """The kernel resolves our address and gets 1,000 answers to 1,000 pings."""
        with common.namespace_with_tap() as netns:
            guest = self.guest([common.BUILD / "examples/echo", common.NIC, "192.0.2.2"], "--bind",
                               "--netdev", "tap,ifname=tap0", netns=netns)
            guest.wait_line("answering")
            # The kernel keeps some ninety while it looks for the address: one reply first.
            subprocess.run(["ip", "netns", "exec", netns, "ping", "-q", "-c", "1", "-w", "60", "192.0.2.2"], check=True,
                           stdout=subprocess.DEVNULL)
            done = subprocess.run(
                ["ip", "netns", "exec", netns, "ping", "-q", "-c", "1000", "-i", "0.005", "-W", "5",
                 "-s", "1000", "192.0.2.2"], capture_output=True, text=True, check=False)
            self.assertIn("1000 packets transmitted, 1000 received, 0% packet loss", done.stdout)
            neighbours = subprocess.run(["ip", "-n", netns, "neigh", "show", "dev", "tap0"],
                                        capture_output=True, text=True, check=True).stdout
            self.assertIn("52:54:00:12:34:56", neighbours)
            guest.interrupt()
            self.assertEqual(guest.wait(), 0, guest.output)
            self.assert_no_faults(guest)

    def test_ping_without_a_reply_is_noticed(self):
        """The same ping to an address without a host: the test above can fail."""
        with common.namespace_with_tap() as netns:
            guest = self.guest([common.BUILD / "examples/echo", common.NIC, "192.0.2.3"], "--bind",
                               "--netdev", "tap,ifname=tap0", netns=netns)
            guest.wait_line("answering")
            done = subprocess.run(
                ["ip", "netns", "exec", netns, "ping", "-q", "-c", "3", "-i", "0.2", "-W", "1",
                 "192.0.2.2"], capture_output=True, text=True, check=False)
            self.assertIn(" 0 received", done.stdout)
            guest.interrupt()
            self.assertEqual(guest.wait(), 0, guest.output)


class Router(common.Stepped):
    """The host's kernel sends every frame back, as a router between two networks. QEMU gives it what the driver
    leaves to the device as it is, and the driver what the kernel then has: one packet of many segments, in several buffers."""

    def route(self, netns):
        """By way of ourselves. The MAC address of the router."""
        def inside(*command):
            return subprocess.run(["ip", "netns", "exec", netns, *command], check=True, capture_output=True, text=True).stdout
        inside("sysctl", "-qw", *(f"net.{setting}" for setting in (
            "ipv6.conf.tap0.disable_ipv6=0", "ipv4.ip_forward=1", "ipv6.conf.all.forwarding=1", "ipv4.conf.all.send_redirects=0",
            "ipv4.conf.tap0.send_redirects=0", "ipv4.conf.all.rp_filter=0", "ipv4.conf.tap0.rp_filter=0")))
        inside("ip", "addr", "add", "fd09::1/64", "dev", "tap0", "nodad")
        for target, us in ("198.19.0.1", "192.0.2.2"), ("2001:2:0:8000::1", "fd09::2"):
            inside("ip", "route", "add", target, "via", us)
            inside("ip", "neighbour", "add", us, "lladdr", "52:54:00:12:34:56", "dev", "tap0")
        return json.loads(inside("ip", "-j", "link", "show", "tap0"))[0]["address"]

    def packets(self, netns):
        """That the kernel received, and sent."""
        return [int(subprocess.run(["ip", "netns", "exec", netns, "cat", f"/sys/class/net/tap0/statistics/{way}_packets"], check=True,
                                   capture_output=True, text=True).stdout) for way in ("rx", "tx")]

    def check(self, frames):
        found = json.loads(self.step())
        rx = found["rx"]
        self.assertEqual(found["tx"]["sent"], frames)
        # Of a router, which gives others and makes the hop limit smaller.
        self.assertEqual((rx["own"], rx["other_macs"], rx["bytes"] - rx["not_ours_bytes"]), (frames, frames, found["tx"]["bytes"]))
        self.assertEqual([rx[what] for what in ("lost", "duplicates", "reordered", "damaged")], [0] * 4, rx)

    def test_segments_in_one_packet(self):
        with common.namespace_with_tap() as netns:
            run = f"step {common.VIONET} pktgen {common.NIC} --dst-mac {self.route(netns)} --rate 500 --linger 20 --json --interval 0"
            segments = "--tcp --size 9000 --offload checksum,segment:1000 --count 450 --want GUEST_CSUM,GUEST_TSO4,GUEST_TSO6"
            guest = self.run_steps(f"{common.STEP}; {run} {segments}; {run} {segments} --ipv6; {run} --count 200 --size imix --flows 8",
                                   "--bind", "--netdev", "tap,ifname=tap0", netns=netns)
            for frames in 450, 450, 200:
                self.check(frames)
            self.assert_no_faults(guest)
            # Nine segments are one packet, both ways; the kernel says a few words of its own.
            received, sent = self.packets(netns)
            self.assertEqual(received, 50 + 50 + 200)
            self.assertIn(sent, range(received, received + 100))


class VhostUser(common.Case):
    """dpdk-testpmd is the device behind QEMU's; it reads guest memory by itself, with addresses
    that the vIOMMU translates for it (IOTLB)."""

    def both_ways(self, mode):
        """testpmd sends back what it gets; nothing is lost, doubled or damaged on either way."""
        guest = self.run_guest(
            [common.VIONET, "pktgen", common.NIC, "--count", COUNT, "--size", "60-1514", "--rate",
             "2kpps", "--linger", "20", "--json", "--mode", mode, "--queue-size", "1024",
             "--writable-rings"], "--bind", "--backend", "testpmd", "--device-props",
            "rx_queue_size=1024,tx_queue_size=1024", "--json", self.folder / "json")
        result = common.result_of(guest)
        self.assertEqual(result["tx"]["sent"], COUNT)
        self.assertEqual(result["tx"]["completed"], COUNT)
        self.assertEqual(result["rx"]["own"], COUNT)
        self.assertEqual(result["rx"]["interrupts"] > 0, mode == "interrupt")
        for what in ("lost", "duplicates", "reordered", "damaged"):
            self.assertEqual(result["rx"][what], 0, what)
        # testpmd's counters: it was testpmd that carried the frames.
        behind = json.loads((self.folder / "json").read_text())["backend"]
        self.assertGreaterEqual(min(behind["rx"], behind["tx"]), COUNT, behind)
        said = guest.complaints.read_text()
        self.assertNotIn("falling back on userspace virtio", said)
        self.assertEqual(said, "")
        self.assert_no_faults(guest)


class VhostUserPolling(VhostUser):
    def test_both_ways(self):
        """Without interrupts: QEMU 7.2 without KVM crashes once a queue of a vhost-user device
        has one."""
        self.both_ways("poll")


class VhostUserInterrupts(VhostUser):
    qemu = "11"

    def test_both_ways(self):
        self.both_ways("interrupt")


if __name__ == "__main__":
    common.main()
