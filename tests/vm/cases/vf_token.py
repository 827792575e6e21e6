#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A physical SR-IOV function and a virtual one of it, both driven from user space at the same time."""

import re
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402
import refusals  # noqa: E402

PHYSICAL, VIRTUAL = refusals.Virtual.PHYSICAL, refusals.Virtual.VIRTUAL
WRONG = "83d7e1bf-6c4a-4b5f-9d0e-2f6a5c1b8e34"


class Functions(common.Case):
    kernel = "custom"
    qemu = "11"

    def command(self, text):
        return f"{self.vionet} {text}; echo status $?"

    def pktgen(self, name, *options):
        return self.command(f"pktgen {name} --count 1000 --no-rx {' '.join(options)}")

    def run_steps(self, steps, captures):
        """With the two functions bound and $token put on them; holds each step against its status and text."""
        guest = self.run_guest(
            f"echo Y > /sys/module/vfio_pci/parameters/enable_sriov; {self.vionet} bind --vf-token new {PHYSICAL} "
            f"| tee /tmp/bound; token=$(sed -n 's/.*--vf-token //p' /tmp/bound); echo 1 > /sys/bus/pci/devices/{PHYSICAL}/sriov_numvfs;"
            f"for _ in {{1..600}}; do ls /sys/bus/pci/devices/{VIRTUAL}/vfio-dev/vfio* && break; sleep 0.1; done;"
            f"{self.vionet} list;"
            + ";".join(step[0] for step in steps), *refusals.Virtual.NICS,
            *(f"--qemu-arg={word}" for name, path in captures.items()
              for word in ("-object", f"filter-dump,id=d{name},netdev={name},file={path}")))
        parts = re.split(r"(?m)^status (\d+)(?:\n|\Z)", guest.output)
        steps = [step for step in steps if step[1] is not None]
        for (command, status, text), said, ended in zip(steps, parts[::2], parts[1::2]):
            with self.subTest(command):
                self.assertEqual(int(ended), status, said)
                self.assertRegex(said, text)
        self.assertEqual(len(parts), 2 * len(steps) + 1, guest.output)
        return guest

    def behind(self, text, said):
        """In the background, once it has said that."""
        return (f"{self.vionet} {text} >/tmp/said 2>&1 & pid=$!; until grep -q '{said}' /tmp/said; do kill -0 $pid || break; "
                "sleep 0.1; done")


class Groups(Functions):

    def test_both_at_once(self):
        captures = {name: self.folder / f"{name}.pcap" for name in "pv"}
        token = "--vf-token $token"
        # Opening a physical function resets it, and with it its virtual ones: so it comes first.
        steps = (
            # Nobody has one yet but the kernel, which has made one up, and who bound it.
            (self.pktgen(VIRTUAL, "--iommu type1"), 4, "the kernel wants a VF token, .*; give it: --vf-token UUID"),
            (self.pktgen(VIRTUAL, "--vf-token", WRONG), 4, "this is not the VF token"),
            (self.behind(f"pktgen {PHYSICAL} --rate 1k --no-rx {token}", "TX "), None, "^"),
            (self.pktgen(VIRTUAL, token), 0, common.sent(1000)),
            ("kill -INT $pid; wait $pid; echo status $?", 0, "^"),
            (self.behind(f"dump {VIRTUAL} {token}", "listening on"), None, "^"),
            (self.pktgen(PHYSICAL, "--iommu type1"), 4, "the kernel wants a VF token"),
            (self.pktgen(PHYSICAL, "--vf-token", WRONG), 4, "this is not the VF token"),
            (self.command(f"bind --force {PHYSICAL}"), 0, "already, nothing was done"),
            (self.command(f"unbind {PHYSICAL}"), 3, "virtual function"),
            ("kill -INT $pid; wait $pid; echo status $?", 0, "^"),
            # The last one that the physical function is opened with holds.
            (self.pktgen(PHYSICAL, "--vf-token", WRONG), 0, common.sent(1000)),
            (self.pktgen(VIRTUAL, token), 4, "this is not the VF token"),
            (self.pktgen(VIRTUAL, "--vf-token", WRONG), 0, common.sent(1000)),
            (self.pktgen(VIRTUAL, "--vf-token", "12345"), 2, "the VF token '12345' is no UUID, such as"),
            (self.command(f"info {VIRTUAL} --iommu iommufd {token}"), 2, "before Linux 6.17 only groups do"),
        )
        guest = self.run_steps(steps, captures)
        self.assertRegex(guest.output, "VF token, for these and their virtual functions: --vf-token "
                         r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n")
        sent = {name: len([frame for frame in common.read_pcap(path) if len(frame) == 60])
                for name, path in captures.items()}
        self.assertEqual(sent["v"], 2000)
        self.assertGreater(sent["p"], 1000)
        self.assert_no_faults(guest)


class CharacterDevices(Functions):
    """They take a token since Linux 6.17, and want one."""

    kernel = "custom-7.3"

    def test_tokens(self):
        iommufd = "--iommu iommufd"
        self.run_steps((
            (self.pktgen(VIRTUAL, iommufd), 4, "the kernel wants a VF token"),
            (self.pktgen(VIRTUAL, iommufd, "--vf-token", WRONG), 4, "this is not the VF token"),
            (self.pktgen(VIRTUAL, iommufd, "--vf-token $token"), 0, common.sent(1000)),
            (self.pktgen(PHYSICAL, iommufd, "--vf-token", WRONG), 0, common.sent(1000)),
            (self.pktgen(VIRTUAL, iommufd, "--vf-token", WRONG), 0, common.sent(1000)),
        ), {})


if __name__ == "__main__":
    common.main()
