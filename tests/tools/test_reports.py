# SPDX-License-Identifier: BSD-3-Clause
"""
Files of `vionet pktgen` for other programs, and its limits.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "softnic"))

from nic import DEADLINE, Softnic  # noqa: E402
from reports import check_junit, check_schema, results_of_page  # noqa: E402
from test_tools import PLAIN, VIONET  # noqa: E402

SANDBOX = [] if "san/" in VIONET else ["--sandbox"]  # sanitizers make system calls of their own


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="reports-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_pktgen(self, *arguments, device=("--lossless",), code=0):
        """To be read at self.folder, and what was printed."""
        with Softnic(*device) as nic:
            done = subprocess.run([*PLAIN, VIONET, "pktgen", f"vfio-user:{nic.path}", "--rate", "20k", "--interval", "0",
                                   *arguments], capture_output=True, text=True, timeout=DEADLINE, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.errors = done.stderr
        return done.stdout

    def rows(self, name):
        with (self.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def test_tables(self):
        (self.folder / "flows.csv").write_text(100 * "what was there before\n")
        found = json.loads(self.run_pktgen("--count", "400", "--flows", "5", "--csv-flows", "flows.csv", "--csv-streams",
                                           "streams.csv", "--json"))
        check_schema("pktgen", found)
        flow, = self.rows("flows.csv")
        whole, = found["flows"]
        self.assertEqual((flow["name"], flow["tx.frames"], flow["order.lost"], flow["latency_ns.max"]),
                         ("flow", "400", "0", str(whole["latency_ns"]["max"])))
        self.assertEqual(float(flow["reordering.ratio"]), 0)
        self.assertNotIn("displaced", flow)
        self.assertNotIn("reordering.extent", flow)
        self.assertEqual(len(flow), sum(len(value) if isinstance(value, dict) else 1 for value in whole.values()) - 4)
        streams = self.rows("streams.csv")
        self.assertEqual([(row["flow"], int(row["stream"]), int(row["tx_frames"]), int(row["rx_frames"]), int(row["lost"]))
                          for row in streams], [("flow", number, 80, 80, 0) for number in range(5)])
        self.assertEqual(max(int(row["latency_ns.max"]) for row in streams), whole["latency_ns"]["max"])

    def test_all_from_a_sandbox(self):
        """Which opens no file at the end."""
        options = ["csv", "csv-flows", "csv-streams", "html", "hdr", "junit"]
        self.run_pktgen("--count", "100", *SANDBOX, *[word for name in options for word in (f"--{name}", name)])
        self.assertGreaterEqual(len(self.rows("csv")), 1)  # a busy machine takes more than one interval
        self.assertEqual([len(self.rows(name)) for name in options[1:3]], [1, 1])
        self.assertEqual(results_of_page(self.folder / "html")["flows"][0]["tx"]["frames"], 100)
        self.assertRegex((self.folder / "hdr").read_text(), r"Total count +=  +100\]")
        case, = check_junit(self.folder / "junit", 1, 0)
        self.assertEqual((case.get("classname"), case.get("name")), ("vionet.pktgen", "flow, measured"))

    def test_limits(self):
        text = self.run_pktgen("--count", "100", "--max-loss", "0", "--max-latency", "99.9%:1h", "--junit", "junit")
        self.assertIn("kept      flow, loss: at most 0 %, and it is 0 %\n", text)
        self.assertIn("kept      flow, latency p99.9: at most ", text)
        check_junit(self.folder / "junit", 2, 0)
        found = json.loads(self.run_pktgen("--count", "100", "--max-loss", "50%", "--max-latency", "0.001us", "--junit", "junit",
                                           "--json", code=6))
        check_schema("pktgen", found)
        self.assertEqual([limit["kept"] for limit in found["limits"]], [True, False])
        self.assertEqual(found["exit_code"], 6)
        check_junit(self.folder / "junit", 2, 1)

    def test_loss(self):
        """Ten of a hundred come back."""
        limited = ("--limit", "0.001pps:10")
        for ratio, code in (("90%", 0), ("89%", 6)):
            text = self.run_pktgen("--count", "100", "--linger", "50ms", "--max-loss", ratio, device=limited, code=code)
            self.assertIn(f"at most {ratio[:-1]} %, and it is 90 %", text)

    def test_nothing_that_could_come_back(self):
        text = self.run_pktgen("--count", "10", "--size", "42", "--linger", "50ms", "--max-loss", "50%", "--max-latency", "1", code=6)
        self.assertEqual(text.count("NOT KEPT"), 2)
        self.assertIn("loss: at most 50 %, and it is not known: no frame had a number", text)

    def test_refused(self):
        for arguments, text in ((("--no-rx", "--max-loss", "0"), "--max-loss has no effect with --no-rx"),
                                (("--max-loss", "2"), "--max-loss '2': a share is wanted"),
                                (("--max-latency", "0"), "--max-latency '0'")):
            self.run_pktgen(*arguments, code=2)
            self.assertIn(text, self.errors)
            self.assertEqual(self.errors.count("\n"), 1)
        self.run_pktgen("--count", "1", "--junit", "/nowhere/file", code=1)
        self.assertIn("/nowhere/file: No such file or directory", self.errors)


if __name__ == "__main__":
    unittest.main()
