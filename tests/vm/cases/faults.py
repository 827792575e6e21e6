#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each fault of the software device, on each transport and ring layout where it can occur: the driver ends in time, with the status
and the reason that tests/requirements/faults.tsv has, violates no requirement and corrupts no memory.

What the driver reports of each beyond that is in the unit tests.
"""

import collections
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import common  # noqa: E402

# These faults make the device report violations that are its own: it forgets or changes what the driver
# wrote, skips descriptors, names doorbells that it does not read, or reads from a wrong address on purpose.
DEVICES_OWN = {"B03", "B04", "B08", "B10", "C07", "C10", "C11", "D13", "E07", "E08", "J04", "K02"}

COUNT = "1000"  # frames
SECONDS = 20  # stuck queues, resets that do not end and stopping all have 2 s each, a vhost-user back end 10 s
RINGS = {"split": "-RING_PACKED", "packed": "+RING_PACKED"}
TRANSPORTS = ("vfio-user", "vhost-user")

# D15: the fault is one of both, of which the unit tests have the half that this one cannot make.
BOTH_RINGS = {"D14", "D15", "D19"}

Row = collections.namedtuple("Row", "id does reaction status says")


def rows():
    """Of the catalogue, by id."""
    text = (common.ROOT / "tests/requirements/faults.tsv").read_text(encoding="utf-8")
    return {row.id: row for row in (Row(*line.split("\t")) for line in text.splitlines() if not line.startswith("#"))}


def layouts(name):
    """Where a fault can occur."""
    if name[0] == "D" and name not in BOTH_RINGS:
        return ("split",)
    return ("packed",) if name[0] == "E" else tuple(RINGS)


class Faults(common.Case):
    environments = "native asan"

    def one(self, row, command, device):
        begin = time.monotonic()
        run = self.guest(command, native=["--peer", "loop", "--fault", row.id, *device], checked=False)
        status = run.wait()
        took = time.monotonic() - begin
        said = run.output + "\n" + run.tail()
        self.assertIn(str(status), row.status.split(), said)
        if status:
            self.assertRegex(run.output, r"(?m)^vionet: ", "no reason is given: " + said)
            self.assertRegex(run.output, row.says, said)
        self.assertIsNone(common.native.SANITIZER.search(said), said)
        self.assertLess(took, SECONDS, said)
        if row.id not in DEVICES_OWN:
            self.assertEqual((run.violations(), run.faults()), ([], []), said)
        run.end()

    def has_no_registers(self, name):
        """vhost-user has not what the fault is of. With this --notify it refuses either way."""
        done = subprocess.run([common.native.SOFTNIC, "--vhost-user", "--notify", "write", "--listen", self.folder / "none",
                               "--fault", name], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        return "of PCI or its registers" in done.stderr

    def area(self, letters, command):
        listed = subprocess.run([common.native.SOFTNIC, "--list-faults"], capture_output=True, text=True,
                                check=True).stdout
        names = re.findall(rf"(?m)^([{letters}]\d\d)\b", listed)
        table = rows()
        self.assertTrue(names)
        for name in names:
            for transport in TRANSPORTS if not common.native.SANITIZED else TRANSPORTS[:1]:
                if transport == "vhost-user" and (name[0] == "H" or self.has_no_registers(name)):
                    continue
                for layout in layouts(name) if not common.native.SANITIZED else layouts(name)[-1:]:
                    with self.subTest(fault=name, transport=transport, layout=layout):
                        self.one(table[name], self.command(command, table[name], transport),
                                 [*(["--vhost-user"] if transport == "vhost-user" else []), "--features", RINGS[layout]])

    @staticmethod
    def command(command, row, transport):
        """A run that the fault ends does not end before: on a busy machine ten doorbells may take ten thousand frames."""
        more = COUNT if row.status != "5" else COUNT + "000"
        return [more if word == COUNT else word.replace("vfio-user:", f"{transport}:") for word in command]

    def traffic(self):
        return [self.vionet, "pktgen", self.nic, "--count", COUNT, "--rate", "20k", "--linger",
                "0.05", "--interval", "0"]

    def test_configuration_space(self):
        self.area("A", [self.vionet, "info", self.nic])

    def test_status_and_features(self):
        self.area("B", [self.vionet, "info", self.nic])

    def test_queues(self):
        self.area("C", self.traffic())

    def test_split(self):
        self.area("D", self.traffic())

    def test_packed(self):
        self.area("E", self.traffic())

    def test_frames(self):
        self.area("FG", self.traffic())

    def test_control(self):
        self.area("H", self.traffic())

    def test_interrupts(self):
        self.area("IJK", [*self.traffic(), "--mode", "interrupt"])


class Silent(common.Case):
    """Registers that no other driver reads: a device that returns 0 there is used, and reported."""

    environments = "native asan"

    def run_on(self, command, *softnic):
        return self.run_guest(command, native=["--peer", "loop", "--lossless", *softnic], checked=False)

    def test_is_used(self):
        for fault, name in (("C17", "queue_desc queue_driver queue_device"),
                            ("C06", "queue_enable"), ("C18", "queue_size"),
                            ("C20", "queue_msix_vector"),
                            ("C06,C17,C18", "queue_enable")):
            with self.subTest(fault=fault):
                run = self.run_on([self.vionet, "pktgen", self.nic, "--count", "2000", "--rate", "20k",
                                   "--queue-size", "64", "--json", "--interval", "0"],
                                  "--fault", fault)
                result = common.result_of(run)
                self.assertEqual(result["rx"]["own"], 2000)
                run.end()
                run = self.run_on([self.vionet, "info", "--running", self.nic], "--fault", fault)
                # The size is that of all entries here: a value of 0 is then not reported.
                self.assertIn("reads as 0" if fault != "C18" else "as 0", run.output)
                self.assertIn(name, run.output)
                run.end()

    def test_strictly_it_is_refused(self):
        run = self.run_guest([self.vionet, "info", "--running", "--strict", self.nic], status=1,
                             native=["--fault", "C17"], checked=False)
        self.assertRegex(run.output, "queue_desc: wrote 0x[0-9a-f]+, the device reads back 0, which is "
                         "refused as it was asked for")

    def test_no_reply(self):
        run = self.run_guest([self.vionet, "info", self.nic], status=3, native=["--fault", "A26"],
                             checked=False)
        self.assertIn("it does not answer: its configuration space reads all-ones", run.output)


class Slow(common.Case):
    """A reset that takes 2.5 s, in each command."""

    environments = "native"

    def test_too_slow(self):
        """The message names the limit as given, and the option."""
        for options, limit in (((), "1"), (("--reset-timeout", "0.5"), "0.5")):
            run = self.run_guest([self.vionet, "info", self.nic, *options], status=3,
                                 native=["--reset-time", "2500"])
            self.assertRegex(run.output, rf"has not finished its reset within {limit} s, its "
                             "status reads 0x..; give it longer: --reset-timeout 30$")
            self.assertNotIn("reset_timeout_ms", run.output)

    def test_a_longer_timeout(self):
        run = self.run_guest([self.vionet, "pktgen", self.nic, "--count", "500", "--rate", "10k",
                              "--reset-timeout", "30", "--json", "--interval", "0"],
                             native=["--reset-time", "2500", "--peer", "loop", "--lossless"])
        self.assertIn("reset: waiting, 1 s of 30 s", run.output)
        self.assertIn("reset: waiting, 2 s of 30 s", run.output)
        self.assertEqual(common.result_of(run)["rx"]["own"], 500)

    def test_interrupted(self):
        run = self.guest([self.vionet, "info", self.nic, "--reset-timeout", "10min"],
                         native=["--reset-time", "600000"])
        run.wait_line("reset: waiting")
        run.interrupt()
        self.assertNotEqual(run.wait(), 0)


class Sizes(common.Case):
    """Queues that are smaller than requested: the message names the final size."""

    environments = "vm native"

    def test_cut(self):
        run = self.run_guest(
            f"{self.vionet} pktgen {self.nic} --count 100 --no-rx --queue-size 1024 --json --interval 0",
            vm=["--bind", "--device-props", "rx_queue_size=1024"], native=["--peer", "sink"])
        result = common.result_of(run)
        receive = 1024 if common.ENVIRONMENT is common.vm.Environment else 256
        self.assertEqual((result["rx_queue_size"], result["tx_queue_size"]), (receive, 256))
        said = "queue: 256 entries instead of 1024: the device allows no more than 256"
        self.assertIn(f"transmit {said}", run.output)
        self.assertEqual(f"receive {said}" in run.output, receive == 256)


if __name__ == "__main__":
    common.main()
