# SPDX-License-Identifier: BSD-3-Clause
"""
Checks for the faults of the software device: one function for each fault, which detects what --list-faults says of it.
"""

import unittest

from nic import Softnic
from raw import Driver

LEAST = "-all,+VERSION_1,+ACCESS_PLATFORM,+RING_RESET,+MAC,+MTU,+STATUS,+SPEED_DUPLEX"


def checking(checks):
    """A decorator: the function detects the fault: it returns True, or a list of pairs that are equal."""
    def check(*names, options=(), vectors=0, features=LEAST):
        def register(function):
            for name in names:
                checks[name] = (function, ["--peer", "sink", "--features", features, *options], vectors)
            return function
        return register
    return check


class Case(unittest.TestCase):
    checks = {}

    def detected(self, name, *fault):
        function, options, vectors = self.checks[name]
        with Softnic(*options, *fault) as nic:
            with Driver(nic.path, find=False) as driver:
                if vectors:
                    driver.set_vectors(vectors)
                detected = function(driver)
            nic.stop()
            self.assertIn(nic.status, (0, 3), nic.lines)
        return bool(detected)

    def test_each_is_detected(self):
        for name in self.checks:
            with self.subTest(name):
                self.assertTrue(self.detected(name, "--fault", name))

    def test_none_is_detected_without(self):
        """The checks can fail: those that need not wait detect nothing here."""
        for name in self.checks:
            if name[0] in "AB":
                with self.subTest(name):
                    self.assertFalse(self.detected(name))
