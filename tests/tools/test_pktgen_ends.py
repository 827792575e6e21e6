# SPDX-License-Identifier: BSD-3-Clause
"""
However a run of `vionet pktgen` ends, and whatever happens to what it writes to, the summary is right: each frame that
was sent is counted, and came back.
"""

import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "softnic"))

from captures import capinfos  # noqa: E402
from reports import check_schema, results_of_page  # noqa: E402
from test_tools import DEADLINE, PLAIN, VIONET, Case  # noqa: E402


class Ends(Case):
    """A run without end; what it writes besides its summary is in files."""

    RUN = ("--rate", "2k", "--interval", "50ms")

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="ends-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def pktgen(self, *arguments, **streams):
        process = subprocess.Popen([*PLAIN, VIONET, "pktgen", self.device, *self.RUN, *arguments],
                                   **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams})
        self.running.append(process)
        return process

    def check(self, text, interrupted=True):
        """The summary; all came back."""
        found = json.loads(text)
        check_schema("pktgen", found)
        self.assertEqual((found["interrupted"], found["rx"]["lost"]), (interrupted, 0))
        self.assertGreater(found["tx"]["sent"], 0)
        self.assertEqual((found["tx"]["completed"], found["rx"]["own"]), (found["tx"]["sent"],) * 2)
        return found

    def files(self, full=None):
        """Options of all files, `full` on a full disk."""
        kinds = ("csv", "html", "hdr", "capture")
        return [word for kind in kinds for word in (f"--{kind}", "/dev/full" if kind == full else self.path(kind))]

    def check_files(self, sent, but=None):
        """They have the same frames."""
        if but != "csv":
            _, *rows = (row.split(",") for row in self.read("csv").splitlines())
            self.assertEqual(sum(int(row[2]) for row in rows), sent)
        if but != "html":
            self.assertEqual(results_of_page(pathlib.Path(self.path("html")))["tx"]["sent"], sent)
        if but != "hdr":
            self.assertRegex(self.read("hdr"), rf"Total count += +{sent}\]")
        self.assertEqual(capinfos(self.path("capture"))[0], 2 * sent)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read()

    def test_signals(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            process = self.pktgen("--json", *self.files())
            self.assertIn(b"TX", process.stderr.readline())
            process.send_signal(number)
            output, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, 0, errors)
            self.check_files(self.check(output)["tx"]["sent"])

    def test_a_lost_terminal(self):
        """Of the shell that started it: the kernel says so by a signal."""
        master, slave = pty.openpty()
        with open(self.path("summary"), "w", encoding="ascii") as summary:
            process = subprocess.Popen(["setsid", "--ctty", *PLAIN, VIONET, "pktgen", self.device, *self.RUN, "--json", *self.files()],
                                       stdin=slave, stdout=summary, stderr=slave)
        os.close(slave)
        self.running.append(process)
        self.assertIn(b"TX", os.read(master, 4096))
        os.close(master)
        self.assertEqual(process.wait(DEADLINE), 0)
        self.check_files(self.check(self.read("summary"))["tx"]["sent"])

    def test_nobody_reads_the_live_lines(self):
        """That ends the run."""
        read, write = os.pipe()
        os.close(read)
        process = self.pktgen("--json", *self.files(), stderr=write)
        os.close(write)
        output, _ = process.communicate(timeout=DEADLINE)
        found = self.check(output, interrupted=False)
        self.assertEqual((process.returncode, found["exit_code"]), (1, 1))
        self.check_files(found["tx"]["sent"])

    def test_a_file_for_two(self):
        """Of what a run reads nothing is overwritten, whatever it is called."""
        config = json.dumps({"ports": [{"name": "p"}], "flows": [{"name": "f", "tx_rx": {"port": {"tx_name": "p"}}}]})
        pathlib.Path(self.path("read")).write_text(config, encoding="ascii")
        pathlib.Path(self.path("other")).symlink_to(self.path("read"))
        pathlib.Path(self.path("capture")).write_bytes(bytes.fromhex(
            "d4c3b2a1020004000000000000000000ffff000001000000" "0000000000000000" "3c0000003c000000") + bytes(60))
        before = pathlib.Path(self.path("capture")).read_bytes()
        pathlib.Path(self.path("ring-1.pcap")).symlink_to(self.path("capture"))
        ring = ("--capture", self.path("ring.pcap"), "--capture-files", "3", "--capture-size", "20k")
        template = {"x-vionet": {"template": {"file": self.path("capture"), "frame": 1}}}
        pathlib.Path(self.path("template")).write_text(config.replace('"name": "f"', '"name": "f", ' + json.dumps(template)[1:-1]),
                                                       encoding="ascii")
        for options, words in (
                (("--config", self.path("read"), "--csv", self.path("other")),
                 "--csv {other}: it is read here, and would be overwritten"),
                (("--replay", self.path("capture"), "--capture", self.path("./capture")), "it is read here"),
                (("--capture", "-"), "--capture -: standard output has the summary; name a file"),
                (("--template", self.path("capture"), "--html", self.path("capture")), "--html {capture}: it is read here"),
                (("--config", self.path("template"), "--csv", self.path("capture")), "--csv {capture}: it is read here"),
                (("--replay", self.path("capture"), *ring), "--capture {folder}/ring-1.pcap: it is read here"),
                ((*ring, "--csv", self.path("ring-2.pcap")), "--csv {folder}/ring-2.pcap: --capture writes there"),
                (("--csv", self.path("output")), "--csv {folder}/output: standard output writes there"),
                (("--csv", self.path("new"), "--html", self.path("./new")), "--html {folder}/./new: --csv writes there")):
            with open(self.path("output"), "w", encoding="ascii") as output:
                process = subprocess.run([*PLAIN, VIONET, "pktgen", self.device, *options], stdout=output, stderr=subprocess.PIPE,
                                         text=True, timeout=DEADLINE)
            self.assertEqual((process.returncode, self.read("output")), (2, ""), process.stderr)
            self.assertIn(words.format(other=self.path("other"), capture=self.path("capture"), folder=self.folder), process.stderr)
        self.assertEqual((self.read("read"), pathlib.Path(self.path("capture")).read_bytes()), (config, before))
        self.assertFalse(os.path.exists(self.path("new")))

    def test_full_disks(self):
        """What is full is named; all else is written."""
        for full in "csv", "html", "hdr":
            process = self.pktgen("--json", "--count", "100", *self.files(full))
            output, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual((process.returncode, errors.count(b"/dev/full: No space left on device")), (1, 1), errors)
            self.check(output, interrupted=False)
            self.check_files(100, but=full)
        with open("/dev/full", "wb") as nowhere:
            process = self.pktgen(*self.files(), stdout=nowhere)
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual((process.returncode, errors.count(b"standard output: No space left on device")), (1, 1), errors)
        self.check_files(results_of_page(pathlib.Path(self.path("html")))["tx"]["sent"])


if __name__ == "__main__":
    unittest.main()
