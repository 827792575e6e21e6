#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet as the front end of dpdk-testpmd, which has DPDK's vhost-user back end (net_vhost).

    python3 tests/vhost_user/testpmd.py [CLASS.METHOD]...
"""

import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import flows  # noqa: E402
import peer  # noqa: E402
from environment import native  # noqa: E402


class Frames(peer.Testpmd):
    def turn_round(self, *options, device=None, size=1024):
        """Every frame comes back once, unchanged and in order."""
        report = json.loads(self.vionet("pktgen", device or self.device(), "--json", "--rate", "2k",
                                        "--duration", "1", "--linger", "20", "--interval", "0",
                                        "--queue-size", size, *options))
        rx = report["rx"]
        for what in "lost", "duplicates", "reordered", "damaged", "out_of_window":
            self.assertEqual(rx[what], 0, report)
        self.assertGreater(report["tx"]["sent"], 1000)
        self.assertEqual(rx["own"], report["tx"]["sent"], report)
        return report

    def test_frames_come_back(self):
        testpmd = self.run_testpmd("mac")
        sent = self.turn_round("--size", "imix")["tx"]["sent"]
        sent += self.turn_round("--size", "60-1514", "--mode", "interrupt")["tx"]["sent"]
        sent += self.turn_round("--avoid", "MRG_RXBUF", size=2048)["tx"]["sent"]
        self.assertEqual(self.stop(testpmd), {"RX": sent, "TX": sent})

    def test_it_connects_to_us(self):
        testpmd = self.run_testpmd("io", "queues=1,client=1", wait=False)
        self.turn_round(device=self.device(",server,wait=60"))
        self.assertTrue(testpmd.alive())
        self.assertFalse(self.socket.exists())

    def test_waiting_is_reported(self):
        text = self.vionet("info", self.device(",server,wait=1"), status=3)
        self.assertIn("waiting for a back end to connect", text)
        self.assertIn("no back end has connected in time", text)

    def test_only_sending(self):
        testpmd = self.run_testpmd("rxonly")
        self.vionet("pktgen", self.device(), "--count", "20k", "--rate", "50k", "--no-rx",
                    "--interval", "0")
        self.assertEqual(self.stop(testpmd)["RX"], 20000)

    def test_only_receiving(self):
        self.run_testpmd("txonly")
        lines = self.vionet("dump", self.device(), "-c", "2000").splitlines()
        self.assertEqual(len(lines), 2000)
        self.assertTrue(all("udp" in line.lower() for line in lines), lines[0])

    def test_as_described(self):
        self.run_testpmd("io", "queues=2")
        info = json.loads(self.vionet("info", "--json", self.device()))
        self.assertEqual(info["transport"], "vhost-user")
        self.assertIn("VERSION_1", info["features"]["negotiated"])
        self.assertNotIn("ACCESS_PLATFORM", info["features"]["offered"])

    def test_it_could_translate(self):
        """A back end that can translate addresses by messages (IOTLB) is not asked to."""
        self.run_testpmd("mac", "queues=1,iommu-support=1")
        self.turn_round()


class Pairs(peer.Testpmd):
    def test_four_pairs(self):
        """Each queue of the back end gets its share, and sends it back on its own pair."""
        testpmd = self.run_testpmd("mac", "queues=4", more=["--rxq=4", "--txq=4"])
        done = subprocess.run([peer.BUILD / "tests/vhost_user/survive", self.device(), "8000", "4"],
                              capture_output=True, text=True, timeout=peer.STEP_TIMEOUT)
        self.assertEqual(done.stdout,
                         "frames 8000 reconnects 0 lost 0 duplicates 0 alien 0\n", done.stderr)
        self.assertEqual(self.stop(testpmd), {"RX": 8000, "TX": 8000})


class Flows(peer.Testpmd):
    """Of a configuration: each by itself."""

    def turn_round(self, mode, *options):
        testpmd = self.run_testpmd(mode)
        config = self.folder / "flows.json"
        config.write_text(json.dumps({"ports": [{"name": "a", "location": self.device()}], "flows": flows.mixed("a", "a")}))
        report = json.loads(self.vionet("pktgen", "--config", config, "--json", "--linger", "20", "--interval", "0",
                                        "--queue-size", "1024", *options))
        for flow in report["flows"]:
            self.assertEqual((flow["tx"]["frames"], flow["rx"]["frames"]), (flows.EACH, flows.EACH), flow)
            self.assertEqual(flow["tx"]["bytes"], flow["rx"]["bytes"])
            self.assertEqual({what: count for what, count in flow["order"].items() if count}, {"unique": flows.EACH})
            self.assertEqual(flow["latency_ns"]["count"], flows.EACH)
        whole = 4 * flows.EACH
        self.assertEqual((report["tx"]["sent"], report["rx"]["own"], report["rx"]["not_ours"]), (whole, whole, 0))
        self.assertEqual(self.stop(testpmd), {"RX": whole, "TX": whole})

    def test_unchanged(self):
        self.turn_round("io")

    def test_with_other_addresses(self):
        self.turn_round("mac", "--mode", "interrupt")


class Layouts(peer.Testpmd):
    """Whatever the two negotiate, frames come back."""

    def turn(self, *options, taken):
        self.run_testpmd("mac")
        info = json.loads(self.vionet("info", "--json", self.device(), *options))
        self.assertEqual({name for name in info["features"]["negotiated"]
                          if name in ("RING_PACKED", "IN_ORDER", "EVENT_IDX", "INDIRECT_DESC",
                                      "MRG_RXBUF")}, taken)
        for mode in "poll", "interrupt":
            report = json.loads(self.vionet(
                "pktgen", self.device(), *options, "--mode", mode, "--json", "--rate", "2k",
                "--duration", "1", "--linger", "20", "--interval", "0", "--size", "imix",
                "--queue-size", "1024"))
            self.assertEqual(report["rx"]["own"], report["tx"]["sent"], report)
            for what in "lost", "duplicates", "reordered", "damaged":
                self.assertEqual(report["rx"][what], 0, report)

    def test_packed_in_order(self):
        self.turn(taken={"RING_PACKED", "IN_ORDER", "EVENT_IDX", "INDIRECT_DESC", "MRG_RXBUF"})

    def test_packed(self):
        self.turn("--avoid", "IN_ORDER,EVENT_IDX,MRG_RXBUF", taken={"RING_PACKED", "INDIRECT_DESC"})

    def test_split_in_order(self):
        self.turn("--avoid", "RING_PACKED",
                  taken={"IN_ORDER", "EVENT_IDX", "INDIRECT_DESC", "MRG_RXBUF"})

    def test_split(self):
        self.turn("--avoid", "RING_PACKED,IN_ORDER", "--avoid", "EVENT_IDX,INDIRECT_DESC",
                  taken={"MRG_RXBUF"})


class Crash(peer.Testpmd):
    def test_it_is_noticed(self):
        testpmd = self.run_testpmd("mac")
        pktgen = native.Process([peer.BUILD / "vionet", "pktgen", self.device(), "--rate", "10k",
                                 "--duration", "600", "--interval", "0.1"])
        self.addCleanup(pktgen.end)
        self.assertTrue(native.wait_until(lambda: re.search("RX *[1-9]", pktgen.output),
                                          lambda: None not in pktgen.lines), pktgen.output)
        testpmd.kill()
        self.assertNotEqual(pktgen.process.wait(peer.STEP_TIMEOUT), 0)
        pktgen.wait()
        self.assertIn("back end", pktgen.output)

    def test_the_next_goes_on(self):
        """Killed under traffic and started again: what it had taken is lost, no more."""
        testpmd = self.run_testpmd("mac", name="first")
        survive = subprocess.Popen([peer.BUILD / "tests/vhost_user/survive", self.device(), "60000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (survive.kill(), survive.wait()))
        self.assertIn("a quarter", survive.stderr.readline())
        testpmd.kill()
        self.socket.unlink()
        self.run_testpmd("mac", name="second")
        out, err = survive.communicate(timeout=peer.STEP_TIMEOUT)
        self.assertEqual(survive.returncode, 0, err)
        words = dict(zip(out.split()[::2], map(int, out.split()[1::2])))
        self.assertEqual(words["reconnects"], 1, out)
        self.assertEqual(words["alien"], 0, out)
        # Frames that the first had taken from the rings and not completed: bursts of 32.
        self.assertLessEqual(words["lost"], 128, out)
        self.assertLessEqual(words["duplicates"], 128, out)


class OwnMemory(peer.Testpmd):
    def test_frames_of_our_own_memory(self):
        """Sent without a copy: the file, from an offset on, is a region of its own."""
        testpmd = self.run_testpmd("rxonly")
        done = subprocess.run([peer.BUILD / "tests/vm/vm_zero_copy", self.device(), "20000", "file"],
                              capture_output=True, text=True, timeout=peer.STEP_TIMEOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("300 of 300 places are free", done.stdout)
        self.assertEqual(self.stop(testpmd)["RX"], 20000)


class Forward(peer.Testpmd):
    """examples/forward with testpmd on both sides, or on one; the pool is on both."""

    def forward(self, *devices):
        program = self.start([peer.BUILD / "examples/forward", *devices], "forward")
        self.assertTrue(peer.wait_until(lambda: "without a copy" in program.text(), program.alive),
                        program.text())
        return program

    def end(self, program):
        program.kill(signal.SIGINT)
        counts = re.search(r"forwarded (\d+) and (\d+) frames", program.text())
        self.assertIsNotNone(counts, program.text())
        return tuple(map(int, counts.groups()))

    def test_between_two(self):
        """One sends as fast as it can, the other counts what it receives: all that was forwarded."""
        first = self.run_testpmd("rxonly", name="counter")
        counter, self.socket = self.device(), self.folder / "second"
        self.run_testpmd("txonly", name="sender")
        program = self.forward(self.device(), counter)
        time.sleep(1)
        forwarded, back = self.end(program)
        self.assertGreater(forwarded, 1000)
        self.assertEqual(back, 0)
        self.assertEqual(self.stop(first)["RX"], forwarded)

    def test_there_and_back(self):
        """From the software device to testpmd, which sends every frame back the same way."""
        self.run_testpmd("io")
        wire = native.Wire(self.folder)
        self.addCleanup(wire.close)
        device = native.Device(self.folder, ["--strict", "--lossless", "--peer",
                                             f"unix:{wire.path}"])
        self.addCleanup(device.end)
        program = self.forward(f"vfio-user:{self.folder}/nic", self.device())
        wire.accept()
        wire.socket.settimeout(peer.STEP_TIMEOUT)
        sent = got = 0
        while got < 20_000:
            # testpmd drops what finds no room.
            while sent < 20_000 and sent - got < 64:
                wire.socket.send(self.frame(sent))
                sent += 1
            self.assertEqual(wire.socket.recv(2000), self.frame(got))
            got += 1
        self.assertEqual(self.end(program), (20_000, 20_000))
        self.assertEqual(device.stop(), 0, device.output)

    @staticmethod
    def frame(number):
        size = 60 + number % 1455
        return (b"\x52\x54\x00\x12\x34\x56\x02\x00\x00\x00\x00\x01\x88\xb5"
                + number.to_bytes(4, "big") + bytes((number + i) & 0xff for i in range(18, size)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
