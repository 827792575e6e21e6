#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What cannot be driven is refused, with a message that says what to do and a fixed exit status;
and binding never leaves a function without a driver."""

import sys

sys.dont_write_bytecode = True

import lab  # noqa: E402

NIC = lab.NIC
INFO = f"{lab.VIONET} info {NIC}"


class Open(lab.Case):
    def expect(self, command, status, *texts, options=()):
        guest = self.run_guest(command, *options, status=status)
        for text in texts:
            self.assertIn(text, guest.output)
        return guest

    def test_without_access_platform(self):
        self.expect(INFO, 3, f"{NIC}: the device does not offer ACCESS_PLATFORM",
                    "iommu_platform=on",
                    options=("--bind", "--device-props", "iommu_platform=off"))

    def test_refused_features(self):
        """QEMU refuses FEATURES_OK to a driver that leaves ACCESS_PLATFORM out."""
        guest = self.expect(f"{INFO} --assume-iommu --avoid ACCESS_PLATFORM", 3,
                            f"{NIC}: the device refuses this set of features: ", "VERSION_1",
                            options=("--bind",))
        self.assertNotIn("ACCESS_PLATFORM", guest.output)

    def test_legacy_only(self):
        guest = self.expect(
            INFO, 3, f"{NIC}: ", "legacy",
            options=("--bind", "--device-props",
                     "disable-legacy=off,disable-modern=on,iommu_platform=off"))
        self.assertNotIn("mapped", guest.output)

    def test_another_device(self):
        self.expect(INFO, 3, "8086:10d3 is not a virtio-net function",
                    options=("--bind", "--device-props", "driver=e1000e"))

    def test_not_bound(self):
        self.expect(INFO, 3, f"{NIC}: ", f"vionet bind {NIC}")

    def test_bound_to_the_kernel_driver(self):
        self.expect(f"modprobe virtio_net; sleep 1; {INFO}", 3, "virtio-pci",
                    f"vionet bind {NIC}")

    def test_no_such_function(self):
        self.expect(f"{lab.VIONET} info 0000:00:13.0", 3, "0000:00:13.0")

    def test_no_iommu(self):
        self.expect(INFO, 3, "IOMMU group", "intel_iommu=on", options=("--iommu", "none"))

    def test_no_interrupt_remapping(self):
        self.expect(INFO, 3, "allow_unsafe_interrupts",
                    options=("--bind", "--iommu-props", "intremap=off"))

    def test_busy_group(self):
        """Another process drives it: refused after the 2 s that a dying process may need."""
        self.expect(f"{lab.VIONET} dump {NIC} & sleep 2; {INFO}; status=$?; kill -INT %1; wait; "
                    "exit $status", 3, "another process", options=("--bind",))

    def test_group_not_viable(self):
        self.expect(
            f"modprobe virtio_net; {lab.VIONET} bind {NIC}; echo bind $?; {INFO}", 3,
            "bind 3", "0000:00:05.1 is bound to virtio-pci",
            options=("--device-props", "multifunction=on,addr=0x5.0x0",
                     "--qemu-arg=-device",
                     "--qemu-arg=virtio-net-pci,addr=0x5.0x1,disable-legacy=on,iommu_platform=on,"
                     "romfile="))

    def test_too_little_locked_memory(self):
        self.expect(f"ulimit -l 256; {lab.VIONET} dump {NIC}", 4, "locked memory", "256",
                    "LimitMEMLOCK", options=("--user",))

    def test_no_permission(self):
        self.expect(f"setpriv --reuid 1000 --clear-groups {lab.VIONET} info {NIC}", 4,
                    "/dev/vfio/", options=("--bind",))


class Bind(lab.Case):
    DRIVER = f"readlink /sys/bus/pci/devices/{NIC}/driver || echo none"

    def test_there_and_back(self):
        guest = self.run_guest(
            f"modprobe virtio_net; {self.DRIVER}; {lab.VIONET} list; {lab.VIONET} bind {NIC};"
            f"{self.DRIVER}; {lab.VIONET} list; {lab.VIONET} unbind {NIC}; {self.DRIVER};"
            "sleep 2; ls /sys/class/net")
        drivers = [line.split("/")[-1] for line in guest.output.splitlines() if "drivers/" in line]
        self.assertEqual(drivers, ["virtio-pci", "vfio-pci", "virtio-pci"], guest.output)
        self.assertRegex(guest.output, r"(?m)^(eth|ens|enp)\w+$")

    def refused(self, setup, text, *options, end=""):
        """Bind fails, and the function has the driver that it had."""
        guest = self.run_guest(
            f"modprobe virtio_net; sleep 1; {setup}; {lab.VIONET} bind {NIC}; echo status $?;"
            f"{self.DRIVER}; cat /sys/bus/pci/devices/{NIC}/driver_override; {end}", *options)
        self.assertIn(text, guest.output)
        self.assertIn("status 3", guest.output)
        self.assertIn("drivers/virtio-pci", guest.output)
        self.assertIn("(null)", guest.output)
        return guest

    def test_interface_in_use(self):
        name = "$(ls /sys/bus/pci/devices/" + NIC + "/virtio*/net)"
        guest = self.refused(
            f"ip addr add 198.51.100.1/24 dev {name}; ip link set {name} up", "198.51.100.1",
            end=f"{lab.VIONET} bind --force {NIC} && {self.DRIVER}")
        self.assertIn("drivers/vfio-pci", guest.output)

    def test_no_iommu_group(self):
        self.refused("true", "IOMMU", "--iommu", "none")

    def test_unbind_while_in_use(self):
        guest = self.run_guest(
            f"{lab.VIONET} dump {NIC} & sleep 2; {lab.VIONET} unbind {NIC}; echo status $?;"
            f"{self.DRIVER}; kill -INT %1; wait %1; echo dump $?; {lab.VIONET} unbind {NIC};"
            f"{self.DRIVER}", "--bind", "--with-module", "virtio_net")
        self.assertIn("status 3", guest.output)
        self.assertRegex(guest.output, r"process \d+|vionet")
        self.assertIn("dump 0", guest.output)
        drivers = [line.split("/")[-1] for line in guest.output.splitlines() if "drivers/" in line]
        self.assertEqual(drivers, ["vfio-pci", "virtio-pci"], guest.output)


if __name__ == "__main__":
    lab.main()
