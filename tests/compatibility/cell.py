# SPDX-License-Identifier: BSD-3-Clause
"""A cell of the grid: one program on the other side, 10,000 frames, and what became of them."""

import dataclasses
import json
import re
import subprocess
import time
import unittest

COUNT = 10_000
SIZES = ("--size", "60-1514", "--seed", "7")


@dataclasses.dataclass
class Verdict:
    """What was counted; None where nobody on that way can count it."""

    sent: int
    returned: int  # or arrived, where nothing comes back
    lost: int = 0
    damaged: int = 0  # duplicates and those out of order too
    faults: int | None = None  # of an IOMMU
    violations: list | None = None  # ids of requirements that a driver broke
    warnings: list | None = None    # the same of recommendations
    cases: dict | None = None       # of both: how often, and the first time in words
    version: str = ""               # as the program says it

    def well(self):
        return self.sent >= COUNT and self.returned == self.sent and not (self.lost or self.damaged or self.faults)


class Cell:
    """Beside a unittest.TestCase with what is needed to start the program. `cell()` returns the verdict."""

    name = ""
    side = "peers"  # or drivers
    quick = False  # a few seconds, and no guest
    known = ()  # violations that are the program's own, and known

    def runTest(self):
        self.verdict = self.cell()


def of_report(report, faults=None):
    """The verdict of what pktgen says of frames that come back to it."""
    rx = report["rx"]
    return Verdict(report["tx"]["sent"], rx["own"], rx["lost"],
                   rx["damaged"] + rx["duplicates"] + rx["reordered"] + rx["out_of_window"], faults)


def output_of(*command):
    """The first line that a program says of itself, for its version."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def package(name):
    """The version of an installed package, without Debian's part."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
    return re.sub(r"^\d+:|[-+].*", "", done.stdout)


@dataclasses.dataclass
class Result:
    name: str
    side: str
    state: str  # well, bad, failed, not run
    seconds: float
    verdict: Verdict | None = None
    why: str = ""

    def as_json(self):
        return dataclasses.asdict(self)


def run(cell_class):
    """Run it; whatever happens is a Result."""
    case, outcome, start = cell_class(), unittest.TestResult(), time.monotonic()
    try:
        case.run(outcome)
    except KeyboardInterrupt:
        case.doCleanups()  # unittest leaves them out then
        raise
    result = Result(cell_class.name, cell_class.side, "failed", round(time.monotonic() - start, 1))
    if isinstance(getattr(case, "verdict", None), Verdict):
        result.verdict = case.verdict
    if outcome.skipped:
        result.state, result.why = "not run", outcome.skipped[0][1]
    elif not outcome.wasSuccessful():
        result.why = (outcome.errors + outcome.failures)[0][1].strip()
    else:
        bad = set(result.verdict.violations or ()) - set(cell_class.known)
        result.state = "well" if result.verdict.well() and not bad else "bad"
        result.why = f"new violations: {', '.join(sorted(bad))}" if bad else ""
    return result


def of_json(results):
    return json.dumps([result.as_json() for result in results], indent=1)
