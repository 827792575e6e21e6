# SPDX-License-Identifier: BSD-3-Clause
"""A driver in front of vionet-softnic: the device, and what its report says of the driver."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("..", "../softnic", "../vhost_user", "../vm/cases"):
    sys.path.insert(0, str((HERE / folder).resolve()))

import common  # noqa: E402, F401
import drivers as vhost_user  # noqa: E402, F401
import peer  # noqa: E402, F401
import vduse  # noqa: E402, F401
from nic import Softnic  # noqa: E402


class Driven:
    """The device that checks, and its report."""

    side = "drivers"
    netns = ""

    @property
    def report(self):
        return self.folder / "report.json"

    def softnic(self, *options):
        prefix = ("ip", "netns", "exec", self.netns) if self.netns else ()
        nic = Softnic("--report", self.report, "--lossless", *options, prefix=prefix)
        self.addCleanup(nic.close)
        return nic

    def checked(self, verdict, version=""):
        """With what the device, which has ended, found."""
        report = json.loads(self.report.read_text())
        broken = [row for row in report["requirements"] if row["verdict"] == "broken"]
        verdict.faults = report["dma_faults"]
        verdict.violations = [row["id"] for row in broken if row["strength"] != "should"]
        verdict.warnings = [row["id"] for row in broken if row["strength"] == "should"]
        verdict.cases = {row["id"]: f"{row['count']} times, first: {row['first']}" for row in broken}
        verdict.version = version
        return verdict
