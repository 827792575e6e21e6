# SPDX-License-Identifier: BSD-3-Clause
"""The page of jobs for the generator shows what they really print."""

import unittest

import cookbook


class Jobs(unittest.TestCase):
    def test_all(self):
        found = cookbook.sections(cookbook.PAGE.read_text())
        self.assertGreaterEqual(len(found), 20)
        for section in found:
            with self.subTest(job=section.title):
                self.job(section)

    def job(self, section):
        run = cookbook.Run()
        failures = []
        for number, command, expected in section.steps:
            printed, status = run.step(command, expected)
            wrong = cookbook.same(expected, printed)
            if wrong is not None:
                failures.append(f"line {number + 1}, {command} (status {status}): wanted {wrong!r}, printed:\n" + "\n".join(printed))
        self.assertEqual(failures + run.end(), [])


if __name__ == "__main__":
    unittest.main()
