#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The unit tests that want a kernel with VFIO or huge pages, where they skip nothing."""

import sys

sys.dont_write_bytecode = True

import lab  # noqa: E402


class Units(lab.Case):
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
