#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The unit tests that want a kernel with VFIO or huge pages, where they skip nothing; and that a guest
whose kernel dies while it boots is started again."""

import sys

sys.dont_write_bytecode = True

import lab  # noqa: E402


# A QEMU whose guest dies so many times: it leaves what is looked for in the guest's log.
DIES = """#!/bin/bash
if [[ $1 != --version ]] && (( $(wc -l < "$0.deaths") < {deaths} )); then
    echo one >> "$0.deaths"
    log=$(printf '%s\\n' "$@" | sed -n 's/^file,id=log,path=//p')
    echo "Oops: {oops}: 0000 [#1] PREEMPT SMP NOPTI" > "$log"
    exit 0
fi
exec qemu-system-x86_64 "$@"
"""


class Boot(lab.Case):
    processors = 1

    def dying(self, deaths, oops="int3"):
        qemu = self.folder / "qemu"
        qemu.write_text(DIES.format(deaths=deaths, oops=oops))
        qemu.chmod(0o755)
        (self.folder / "qemu.deaths").touch()
        return "--qemu", qemu

    def test_once_more(self):
        wire = self.wire()
        guest = self.guest("echo there; exit 7", *self.dying(2), "--netdev", wire.netdev)
        self.assertEqual(guest.wait(), 7, guest.output + guest.tail())
        self.assertEqual(guest.output.count("once more"), 2)
        self.assertEqual(guest.output.count("there"), 1)

    def test_not_for_ever(self):
        guest = self.guest("echo there", *self.dying(3))
        self.assertEqual(guest.wait(), 125)
        self.assertEqual(guest.output.count("once more"), 2)

    def test_not_for_another_reason(self):
        guest = self.guest("echo there", *self.dying(1, "general protection fault"))
        self.assertEqual(guest.wait(), 125)
        self.assertNotIn("once more", guest.output)


class Units(lab.Case):
    processors = 1

    def whole(self, name, *options):
        guest = self.run_guest([lab.BUILD / "tests" / f"test_{name}"], *options)
        self.assertRegex(guest.output, r"\[  PASSED  \] [1-9]\d* test")
        self.assertNotIn("SKIPPED", guest.output)

    def test_memory(self):
        """It reserves its huge pages itself, where nobody else has any."""
        self.whole("memory")

    def test_container(self):
        self.whole("container", "--bind")


if __name__ == "__main__":
    lab.main()
