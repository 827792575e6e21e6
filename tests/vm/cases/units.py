#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The unit tests that want a kernel with VFIO or huge pages, where they skip nothing; and that a guest
whose kernel dies while it boots is started again."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402


# A QEMU that dies so many times, after its script: $log is the guest's log, $ctl leads to `run`.
DIES = """#!/bin/bash
if [[ $1 != --version ]] && (( $(wc -l < "$0.deaths") < {deaths} )); then
    echo one >> "$0.deaths"
    log=$(printf '%s\\n' "$@" | sed -n 's/^file,id=log,path=\\([^,]*\\).*/\\1/p')
    ctl=$(printf '%s\\n' "$@" | sed -n 's/^socket,id=c-ctl,fd=//p')
    {deed}
    exit 0
fi
exec qemu-system-x86_64 "$@"
"""
TIMER = "Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug"
OOPS = "Oops: int3: 0000 [#1] PREEMPT SMP NOPTI"
BUG = "BUG: unable to handle page fault for address: ffffc90000013f68"


class Boot(common.Case):
    """A kernel that dies before the first command: the guest starts again, twice at most."""

    def dying(self, deaths, *deeds):
        qemu = self.folder / "qemu"
        qemu.write_text(DIES.format(deaths=deaths, deed="; ".join(deeds)))
        qemu.chmod(0o755)
        (self.folder / "qemu.deaths").write_text("")
        return "--qemu", qemu

    @staticmethod
    def says(text):
        return f'echo "[    0.1] {text}" >> "$log"'

    def test_once_more(self):
        wire = self.wire()
        guest = self.guest("echo there; exit 7", *self.dying(2, self.says(TIMER)), "--netdev",
                           wire.netdev)
        self.assertEqual(guest.wait(), 7, guest.output + guest.tail())
        self.assertEqual(guest.output.count("once more"), 2)
        self.assertEqual(guest.output.count(f'while it booted ("{TIMER}"'), 2)
        self.assertEqual(guest.output.count("there"), 1)

    def ends(self, retries, *dying):
        guest = self.guest("echo there", *self.dying(*dying))
        self.assertEqual(guest.wait(), 125)
        self.assertEqual(guest.output.count("once more"), retries, guest.output)

    def test_not_for_ever(self):
        for text in (TIMER, OOPS, BUG):
            with self.subTest(text):
                self.ends(2, 3, self.says(text))

    def test_not_without_a_panic(self):
        self.ends(0, 1, self.says("reboot: Power down"))

    def test_not_after_the_first_command(self):
        """The command may be the cause."""
        self.ends(0, 1, 'echo started >&"$ctl"', self.says(TIMER))

    def dies(self, deaths, text):
        guest = self.guest("echo there", *self.dying(deaths, 'echo started >&"$ctl"', self.says(text)))
        self.assertEqual(guest.wait(), 0, guest.output)

    def dies_at_first(self):
        self.dies(0 if common.AGAIN in os.environ else 1, OOPS)

    def dies_always(self):
        self.dies(1, OOPS)

    def dies_of_something_else(self):
        self.dies(1, TIMER)

    def test_a_fault_of_the_emulator(self):
        """Then a test runs once more, and only then."""
        mine = {name: value for name, value in os.environ.items() if name != common.AGAIN}
        for name, runs, failed in (("at_first", 2, 1), ("always", 2, 2), ("of_something_else", 1, 1)):
            done = subprocess.run([sys.executable, __file__, f"Boot.dies_{name}"], env=mine, capture_output=True,
                                  text=True, check=False)
            self.assertEqual((done.stderr.count("Ran 1 test"), done.stderr.count("FAIL:")), (runs, failed), done.stderr)
            self.assertEqual(done.returncode, 0 if failed < runs else 1, done.stderr)


class Units(common.Case):
    def whole(self, name, *options):
        guest = self.run_guest([common.BUILD / "tests" / f"test_{name}"], *options)
        self.assertRegex(guest.output, r"\[  PASSED  \] [1-9]\d* test")
        self.assertNotIn("SKIPPED", guest.output)

    def test_memory(self):
        """It reserves huge pages itself, in a guest without other users of them."""
        self.whole("memory")

    def test_container(self):
        self.whole("container", "--bind")


if __name__ == "__main__":
    common.main()
