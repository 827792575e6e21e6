#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Memory: the application's own, and how little of it a start takes."""

import re
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402


class OwnMemory(common.Case):
    """Frames are sent from where the application has them."""

    environments = "vm native asan tsan"

    def sent(self, how):
        pcap, count = self.folder / "out.pcap", common.count(20_000)
        guest = self.run_guest([self.program("tests/vm/vm_zero_copy"), self.nic, count, how],
                               capture=pcap, vm=["--bind"])
        self.assertIn("300 of 300 places are free", guest.output)
        frames = [f for f in common.read_pcap(pcap) if f[12:14] == b"\x88\xb5"]
        self.assertEqual(len(frames), count)
        for number, frame in enumerate(frames):
            length = 60 + number % 1455
            body = bytes((number + i) & 0xff for i in range(18, length))
            self.assertEqual(frame[14:], number.to_bytes(4, "big") + body)
        self.assert_no_faults(guest)

    def test_by_its_file(self):
        self.sent("file")

    def test_by_its_address(self):
        """The kernel pins it. A server cannot reach it: refused at once, with the reason."""
        if self.environment.name == "vm":
            self.sent("address")
            return
        run = self.run_guest([self.program("tests/vm/vm_zero_copy"), self.nic, 1, "address"],
                             status=3)
        self.assertIn("vionet_memory_register_fd", run.output)
        self.assert_no_faults(run)


class LargeMtu(common.Case):
    """uid 1000 with 8 MiB of locked memory drives functions that state a large MTU."""

    snapshot = False
    MTU = (4000, 9000, 65535)

    def test_defaults_fit(self):
        nics = [f"0000:00:{5 + i:02x}.0" for i in range(2 * len(self.MTU))]
        options = ["--user"]
        for mtu in self.MTU:
            options += ["--device-props", f"host_mtu={mtu}"]
        for mtu in self.MTU:
            options += ["--device-props", f"host_mtu={mtu},mrg_rxbuf=off"]
        script = "ulimit -l\n" + "\n".join(
            f"{common.VIONET} pktgen {nic} --count 2000 --no-rx --size {size}; echo status $?"
            for nic, mtu in zip(nics, 2 * self.MTU) for size in ("60", f"60-{mtu + 14}"))
        guest = self.run_guest(script, "--nic", len(nics), *options)
        self.assertRegex(guest.output, r"(?m)^8192$")
        self.assertEqual(len(re.findall(common.sent(2000), guest.output)), 12,
                         guest.output)
        self.assertNotRegex(guest.output, "status [1-9]")
        self.assert_no_faults(guest)

    def test_pairs_fit(self):
        """Four pairs at the usual MTU, two at a large one: with --queues and nothing else."""
        rows = [(4, ""), (4, "mrg_rxbuf=off"), (4, "packed=on")]
        for mtu in self.MTU:
            rows += [(2, f"host_mtu={mtu}"), (2, f"host_mtu={mtu},mrg_rxbuf=off")]
        taps = [(f"tap{i}", f"192.0.2.{i + 1}/24", "multi_queue") for i in range(len(rows))]
        options = ["--user", "--queues", "4"]
        for (tap, *_), (_, props) in zip(taps, rows):
            options += ["--netdev", f"tap,ifname={tap}",
                        "--device-props", props or "event_idx=on"]
        script = "\n".join(
            f"{common.VIONET} pktgen 0000:00:{5 + i:02x}.0 --queues {pairs} {how}; echo status $?"
            for i, (pairs, _) in enumerate(rows)
            for how in ("--count 2000", "--rx-only --duration 0.1"))
        with common.namespace_with_taps(taps) as netns:
            guest = self.run_guest("ulimit -l\n" + script, *options, netns=netns)
        self.assertRegex(guest.output, r"(?m)^8192$")
        self.assertEqual(re.findall("status .*", guest.output), 2 * len(rows) * ["status 0"],
                         guest.output)
        self.assertEqual(len(re.findall(common.sent(2000), guest.output)), len(rows), guest.output)
        self.assert_no_faults(guest)

    def test_the_limit_is_raised_once(self):
        """The limit that the message names is enough, to the KiB."""
        guest = self.run_guest(
            f"ulimit -l 64; {common.VIONET} pktgen {common.NIC} --count 100 --no-rx", "--user", status=4)
        need = int(re.search(r"needs (\d+) KiB of locked memory, 0 of 64 KiB are in use; "
                             r"raise the limit: .*prlimit", guest.output).group(1))
        guest = self.run_guest(
            f"(ulimit -l {need - 1}; {common.VIONET} pktgen {common.NIC} --count 100 --no-rx); echo $?;"
            f"ulimit -l {need}; {common.VIONET} pktgen {common.NIC} --count 100 --no-rx", "--user")
        self.assertIn(f"needs {need} KiB", guest.output)
        self.assertRegex(guest.output, common.sent(100))


if __name__ == "__main__":
    common.main()
