# SPDX-License-Identifier: BSD-3-Clause
"""
Looks at faults of the software device: a function for each, which sees what --list-faults says.

Owns: the list that a file of tests fills, and the tests that each is seen.
Never: knows a fault.
Read next: test_faults.py, test_faults_space.py.
"""

import unittest

from nic import Softnic
from raw import Driver

LEAST = "-all,+VERSION_1,+ACCESS_PLATFORM,+RING_RESET,+MAC,+MTU,+STATUS,+SPEED_DUPLEX"


def looking(looks):
    """A decorator: the function sees the fault: it returns True, or a list of pairs that are equal."""
    def look(*names, options=(), vectors=0, features=LEAST):
        def note(function):
            for name in names:
                looks[name] = (function, ["--peer", "sink", "--features", features, *options], vectors)
            return function
        return note
    return look


class Case(unittest.TestCase):
    looks = {}

    def seen(self, name, *fault):
        function, options, vectors = self.looks[name]
        with Softnic(*options, *fault) as nic:
            with Driver(nic.path, find=False) as driver:
                if vectors:
                    driver.set_vectors(vectors)
                seen = function(driver)
            nic.stop()
            self.assertIn(nic.status, (0, 3), nic.lines)
        return bool(seen)

    def test_each_is_seen(self):
        for name in self.looks:
            with self.subTest(name):
                self.assertTrue(self.seen(name, "--fault", name))

    def test_none_is_seen_without(self):
        """The looks can fail: those that need not wait for something see nothing here."""
        for name in self.looks:
            if name[0] in "AB":
                with self.subTest(name):
                    self.assertFalse(self.seen(name))
