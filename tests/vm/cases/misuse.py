#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet-vm and tests/grid given what they cannot use: one sentence, a fixed status, no traceback, nothing left behind. No
guest boots here."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

sys.dont_write_bytecode = True

import common  # noqa: E402

PROGRAM = common.ROOT / "tests/vm/vionet-vm"
GRID = common.ROOT / "tests/grid"
# A QEMU that never says anything; the folder of the run is its own.
SILENT = """#!/bin/sh
[ "$1" = --version ] || { echo $$ >"$0.pid"; exec sleep 1000; }
"""


class Case(common.Case):
    def setUp(self):
        super().setUp()
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.file("kernel", "no kernel")
        self.qemu_path = self.file("qemu", SILENT)
        self.qemu_path.chmod(0o755)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def start(self, *words, qemu="/bin/true", program=PROGRAM, **more):
        options = ["--qemu", qemu, "--kernel", self.folder / "kernel"] if program == PROGRAM else []
        sweep = list(words[:2]) if words[:1] == ("sweep",) else []
        process = subprocess.Popen([program, *sweep, *options, *words[len(sweep):]], cwd=self.folder, text=True,
                                   stderr=subprocess.PIPE, errors="replace",
                                   **{"stdout": subprocess.DEVNULL, "env": {**os.environ, "TMPDIR": str(self.temporary)}, **more})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def refused(self, status, text, *words, **more):
        with self.subTest(words):
            process = self.start(*words, **more)
            said = process.communicate(timeout=120)[1]
            self.assertNotIn("Traceback", said)
            self.assertIn(text, said)
            self.assertEqual(process.returncode, status, said)
            self.assertEqual(list(self.temporary.iterdir()), [])


class Misuse(Case):
    def test_numbers(self):
        for text, *words in (("--nic -1", "--nic", "-1"), ("--queues \u00b2", "--queues", "\u00b2"),
                             ("--hugepages -5", "--hugepages", "-5"), ("--timeout nan", "--timeout", "nan"),
                             ("--timeout inf", "--timeout", "inf"), ("source:\u00b2: SIZE", "--peer", "source:\u00b2"),
                             ("1 to 7", "--topology", "sriov:\u00b2", "--qemu", "11")):
            self.refused(2, text, *words, "--", "true")

    def test_places_to_write(self):
        """Before the run, not after it."""
        for option in ("--json", "--junit", "--log", "--stderr-file", "--trace", "--monitor", "--pcap"):
            self.refused(2, f"{option} /nowhere/x: there is no folder /nowhere", option, "/nowhere/x", "--", "true")
            self.refused(2, f"{option} {self.folder}: a folder", option, self.folder, "--", "true")

    def test_full_disk(self):
        for option in ("--json", "--junit"):
            self.refused(125, f"{option} /dev/full: No space left on device", option, "/dev/full", "--", "true")

    def test_no_end(self):
        """What has no end is not read to its end."""
        for option in ("--log", "--stderr-file"):
            self.refused(125, "did not start", option, "/dev/zero", "--", "true")
        self.refused(2, "/dev/zero: not a file", "--peer", "pcap:/dev/zero", "--", "true")
        long = self.file("long.pcap", struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, 1) +
                         struct.pack("<IIII", 0, 0, 70000, 70000) + bytes(70000))
        self.refused(2, "a frame of 70000 bytes", "--peer", f"pcap:{long}", "--", "true")

    def test_files(self):
        self.refused(2, "no modules.dep", "--modules", self.folder, "--", "true")
        for name, content in (("short", b"\x7fELF\2\1"), ("broken", b"\x7fELF\2\1" + bytes(range(256)) * 4)):
            self.file(name, content).chmod(0o755)
            self.refused(125, "an ELF file that is cut off or broken", "--packed", "--", f"./{name}")
        os.mkfifo(self.folder / "tmp/pipe")
        os.rename(self.folder / "tmp", self.folder / "added")
        self.temporary.mkdir()
        self.refused(125, "did not start", "--packed", "--add", self.folder / "added", "--", "true")
        self.file("bzimage", b"\xff" * 0x202 + b"HdrS" + b"\0" * 100)
        self.refused(125, "did not start", "--kernel", "bzimage", "--", "true")
        self.refused(125, "Exec format error", "--", "true", qemu="./short")

    def test_temporary_folder(self):
        long = self.folder / ("x" * 120)
        long.mkdir()
        self.refused(125, "set TMPDIR", "--peer", "echo", "--", "true", env={**os.environ, "TMPDIR": str(long)})
        self.assertEqual(list(long.iterdir()), [])

    def test_odd_characters(self):
        odd = os.fsdecode(b"a\x01<&>\xff")
        self.refused(125, "did not start", "--json", "json", "--junit", "xml", "--env", f"A={odd}", "--", odd)
        self.assertEqual(json.loads((self.folder / "json").read_text())["command"], [odd])
        case = xml.parse(self.folder / "xml").getroot()[0]
        self.assertEqual(case.get("name"), "a\ufffd<&>\ufffd")

    def test_tables(self):
        for name, content, text in (
                ("binary", b"iommu\n\xff\xfe\n", "binary: not a text"), ("nul", "iommu\nno\0ne\n", "nul: not a text"),
                ("quotes", "iommu\n'none\n", "quotes:2: No closing quotation"),
                ("at", "at\n\"'x\"\n", "at:2: No closing quotation"), ("json", "json\nx\n", "json:1: 'json' is for all runs"),
                ("choice", "iommu\nnone\nbogus\n", "with line 3 of choice")):
            self.file(name, content)
            self.refused(2, text, "sweep", name, "--", "true")
        self.refused(2, "nowhere: No such file or directory", "sweep", "nowhere", "--", "true")


class Ended(Case):
    """By a signal, before there is a guest: the status says which, QEMU and the run's folder are gone."""

    def end(self, number, *words):
        process = self.start(*words, qemu=self.qemu_path)
        pid = self.folder / "qemu.pid"
        while process.poll() is None and not (pid.exists() and pid.read_text().endswith("\n")):
            time.sleep(0.02)
        self.assertIsNone(process.poll())
        process.send_signal(number)
        said = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 128 + number, said)
        self.assertNotIn("Traceback", said)
        self.gone(int(pid.read_text()))
        self.assertEqual(list(self.temporary.iterdir()), [])
        return said

    def gone(self, pid):
        """The kernel ends it after its parent, if that was interrupted while it started it."""
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                if " Z " in pathlib.Path(f"/proc/{pid}/stat").read_text():
                    return
            except FileNotFoundError:
                return
            time.sleep(0.02)
        self.fail(f"{pid} still runs")

    def test_one_run(self):
        self.end(signal.SIGTERM, "--json", "json", "--", "true")
        self.assertEqual(json.loads((self.folder / "json").read_text())["status"], 128 + signal.SIGTERM)

    def test_sweep(self):
        """No other run begins."""
        self.file("table", "smp\n1\n2\n3\n")
        said = self.end(signal.SIGTERM, "sweep", "table", "--json", "json", "--", "true")
        self.assertIn("1 of 3 runs", said)
        self.assertEqual([run["name"] for run in json.loads((self.folder / "json").read_text())], ["smp=1"])

    def test_fetching(self):
        """While something is fetched, here QEMU's version."""
        self.qemu_path.write_text('#!/bin/sh\necho $$ >"$0.pid"; exec sleep 1000\n')
        self.end(signal.SIGINT, "--", "true")


class Grid(Case):
    def test_misuse(self):
        self.refused(2, "no name has 'nothing such'", "--only", "nothing such", program=GRID)
        self.refused(2, "--output /nowhere/x: there is no folder", "--list", "--output", "/nowhere/x", program=GRID)
        with open("/dev/full", "w") as full:
            self.refused(1, "standard output: No space left on device", "--list", program=GRID, stdout=full)


if __name__ == "__main__":
    common.main()
