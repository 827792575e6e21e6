# SPDX-License-Identifier: BSD-3-Clause
"""
What `vionet info` says of the device: text and JSON agree.
"""

import json
import pathlib
import subprocess
import unittest

from nic import Softnic, binary


class Faces(unittest.TestCase):

    def info(self, device, *options):
        vionet = pathlib.Path(binary()).with_name("vionet")
        done = subprocess.run([vionet, "info", f"vfio-user:{device.path}", *options],
                              capture_output=True, text=True, timeout=90)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_the_json_has_what_the_text_has(self):
        with Softnic("--queues", "2") as device:
            text = self.info(device)
            told = json.loads(self.info(device, "--json"))
        self.assertEqual(sorted(told), sorted((
            "schema", "version", "command", "device", "transport", "status", "broken", "read_back",
            "configuration", "features", "max_queue_pairs", "queue_pairs", "queues_in_device",
            "running", "vectors", "header_size", "steering", "queues", "memory", "pci", "vdpa")))
        self.assertIsNone(told["vdpa"])
        pci = told["pci"]
        self.assertEqual(pci["iommu"], "vfio-user")
        self.assertIsNone(pci["iommu_group"])
        self.assertTrue(pci["reset_supported"])
        for part in pci["capabilities"]:
            self.assertIn(f"at 0x{part['position']:02x}", text)
        names = {part["name"] for part in pci["capabilities"]}
        self.assertLessEqual({"common", "notify", "isr", "device"}, names)
        self.assertIn("BAR 4", {region["name"] for region in pci["regions"]})
        self.assertEqual(len(pci["iova_ranges"]), 1)


if __name__ == "__main__":
    unittest.main()
