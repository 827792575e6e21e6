#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Other people's software behind the function: the host's kernel on a tap, DPDK's vhost-user."""

import json
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import lab  # noqa: E402

COUNT = 20_000

# Both of its threads on both cores: with one core each, the polling one starves the other.
TESTPMD = ["dpdk-testpmd", "--lcores", "0@(0-1),1@(0-1)", "--no-huge", "-m", "512", "--no-pci",
           "--file-prefix", "vionet-test"]


class Kernel(lab.Case):
    def test_ping(self):
        """The kernel resolves our address and gets 1,000 answers to 1,000 pings."""
        with lab.namespace_with_tap() as netns:
            guest = self.guest([lab.BUILD / "examples/echo", lab.NIC, "192.0.2.2"], "--bind",
                               "--netdev", "tap,ifname=tap0", netns=netns)
            guest.wait_line("answering")
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

    def test_ping_without_an_answer_is_noticed(self):
        """The same ping to an address that nobody answers for: the test above can fail."""
        with lab.namespace_with_tap() as netns:
            guest = self.guest([lab.BUILD / "examples/echo", lab.NIC, "192.0.2.3"], "--bind",
                               "--netdev", "tap,ifname=tap0", netns=netns)
            guest.wait_line("answering")
            done = subprocess.run(
                ["ip", "netns", "exec", netns, "ping", "-q", "-c", "3", "-i", "0.2", "-W", "1",
                 "192.0.2.2"], capture_output=True, text=True, check=False)
            self.assertIn(" 0 received", done.stdout)
            guest.interrupt()
            self.assertEqual(guest.wait(), 0, guest.output)


class VhostUser(lab.Case):
    """dpdk-testpmd is the device behind QEMU's; it reads guest memory by itself, with addresses
    that the vIOMMU translates for it (IOTLB)."""

    def backend(self, mode):
        path = self.folder / "vhost.sock"
        log = self.folder / "testpmd.log"
        backend = subprocess.Popen(
            [*TESTPMD, "--vdev", f"net_vhost0,iface={path},iommu-support=1", "--",
             f"--forward-mode={mode}", "--port-topology=loop", "--total-num-mbufs=8192",
             "--auto-start", "--no-lsc-interrupt", "--stats-period=1"],
            stdin=subprocess.DEVNULL, stdout=log.open("wb"), stderr=subprocess.STDOUT)
        self.addCleanup(self.end, backend)
        for _ in range(100):
            if path.exists():
                return backend, path
            time.sleep(0.1)
        self.fail((self.folder / "testpmd.log").read_text())

    def end(self, process):
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def test_both_ways(self):
        """testpmd sends back what it gets; nothing is lost, doubled or damaged on either way.

        By polling: QEMU 7.2 without KVM crashes once a queue of a vhost-user device has an
        interrupt. The rings are long, so that a pause of the guest loses nothing."""
        backend, path = self.backend("io")
        guest = self.run_guest(
            [lab.VIONET, "pktgen", lab.NIC, "--count", COUNT, "--size", "60-1514", "--rate",
             "2kpps", "--linger", "2", "--json", "--mode", "poll", "--queue-size", "1024",
             "--writable-rings"], "--bind", "--netdev", f"vhost-user,path={path}",
            "--iommu-props", "device-iotlb=on", "--device-props",
            "ats=on,rx_queue_size=1024,tx_queue_size=1024")
        self.end(backend)
        text = guest.output
        result = json.loads(text[text.index("\n{") if "\n{" in text else text.index("{"):])
        self.assertEqual(result["tx"]["sent"], COUNT)
        self.assertEqual(result["tx"]["completed"], COUNT)
        self.assertEqual(result["rx"]["own"], COUNT)
        for what in ("lost", "duplicates", "reordered", "damaged"):
            self.assertEqual(result["rx"][what], 0, what)
        # What testpmd says of it, and that it really was testpmd that carried the frames.
        log = (self.folder / "testpmd.log").read_text()
        self.assertGreaterEqual(max(map(int, re.findall(r"RX-packets: (\d+)", log))), COUNT)
        said = guest.complaints.read_text()
        self.assertNotIn("falling back on userspace virtio", said)
        self.assertEqual(said, "")
        self.assert_no_faults(guest)


if __name__ == "__main__":
    lab.main()
