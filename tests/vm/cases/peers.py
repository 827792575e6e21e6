#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Third-party peers behind the function: the host's kernel on a tap, DPDK's vhost-user."""

import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

COUNT = 20_000

# Both of its threads on both cores: with one core each, the polling one starves the other.
TESTPMD = ["dpdk-testpmd", "--lcores", "0@(0-1),1@(0-1)", "--no-huge", "-m", "512", "--no-pci",
           "--file-prefix", f"vionet-{os.getpid()}"]


class Kernel(common.Case):
    def test_ping(self):
        """The kernel resolves our address and gets 1,000 answers to 1,000 pings."""
        with common.namespace_with_tap() as netns:
            guest = self.guest([common.BUILD / "examples/echo", common.NIC, "192.0.2.2"], "--bind",
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


class VhostUser(common.Case):
    """dpdk-testpmd is the device behind QEMU's; it reads guest memory by itself, with addresses
    that the vIOMMU translates for it (IOTLB)."""

    def tell(self, backend, *commands):
        backend.stdin.write("".join(c + "\n" for c in commands))
        backend.stdin.flush()

    def backend(self, *commands):
        path = self.folder / "vhost.sock"
        out = open(self.folder / "testpmd.log", "wb")
        self.addCleanup(out.close)
        backend = subprocess.Popen(
            [*TESTPMD, "--vdev", f"net_vhost0,iface={path},iommu-support=1", "--", "-i",
             "--port-topology=loop", "--total-num-mbufs=8192", "--no-lsc-interrupt",
             # Otherwise it waits for the guest before it obeys, and drops the first frames.
             "--disable-link-check", "--no-flush-rx"],
            stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(self.end, backend)
        self.tell(backend, *commands)
        self.assertTrue(common.native.wait_until(path.exists, lambda: backend.poll() is None),
                        (self.folder / "testpmd.log").read_text())
        return backend, path

    def end(self, process):
        if process.poll() is None:
            process.terminate()
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
        try:
            process.wait(common.native.STEP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def both_ways(self, mode):
        """testpmd sends back what it gets; nothing is lost, doubled or damaged on either way."""
        # For each new page of our buffers it requests the translation from QEMU, and would drop the frame
        # meanwhile; also when the guest does not run for long.
        backend, path = self.backend("set fwd io retry", "set burst tx delay 1000 retry 60000",
                                     "start")
        guest = self.run_guest(
            [common.VIONET, "pktgen", common.NIC, "--count", COUNT, "--size", "60-1514", "--rate",
             "2kpps", "--linger", "20", "--json", "--mode", mode, "--queue-size", "1024",
             "--writable-rings"], "--bind", "--netdev", f"vhost-user,path={path}",
            "--iommu-props", "device-iotlb=on", "--device-props",
            "ats=on,rx_queue_size=1024,tx_queue_size=1024")
        self.tell(backend, "stop", "show port stats all", "quit")
        backend.wait(common.native.STEP_TIMEOUT)
        text = guest.output
        result = json.loads(text[text.index("\n{") if "\n{" in text else text.index("{"):])
        self.assertEqual(result["tx"]["sent"], COUNT)
        self.assertEqual(result["tx"]["completed"], COUNT)
        log = (self.folder / "testpmd.log").read_text()
        self.assertEqual(result["rx"]["own"], COUNT, log)
        self.assertEqual(result["rx"]["interrupts"] > 0, mode == "interrupt")
        for what in ("lost", "duplicates", "reordered", "damaged"):
            self.assertEqual(result["rx"][what], 0, what)
        # testpmd's counters: it was testpmd that carried the frames.
        self.assertGreaterEqual(max(map(int, re.findall(r"RX-packets: (\d+)", log))), COUNT, log)
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
