# SPDX-License-Identifier: BSD-3-Clause
"""What differs between the machines that QEMU emulates."""

import dataclasses
import platform

HOST = platform.machine()


@dataclasses.dataclass(frozen=True)
class Machine:
    name: str
    model: str  # QEMU's -M
    cpu: str
    iommus: tuple  # the first is the default
    console: str
    serial: tuple  # a UART with the chardev "log"
    words: tuple = ()  # for the kernel's command line
    bus: str = "pci"  # of the guest's own virtio devices

    @property
    def qemu(self):
        return f"qemu-system-{self.name}"


MACHINES = {m.name: m for m in (
    Machine("x86_64", "q35", "max", ("intel", "virtio", "amd", "none"), "ttyS0", ("-device", "isa-serial,chardev=log"),
            ("no_timer_check", "mitigations=off", "tsc=reliable")),
    # "impdef" is the emulator's own, quick way to sign pointers.
    Machine("aarch64", "virt,gic-version=3", "max,pauth-impdef=on", ("smmuv3", "virtio", "none"), "ttyAMA0",
            ("-serial", "chardev:log"), ("mitigations=off",)),
    Machine("s390x", "s390-ccw-virtio", "max", ("zpci",), "ttysclp0", ("-device", "sclpconsole,chardev=log"), (), "ccw"),
)}


def model_of(o):
    """-M: the SMMU is a part of the machine."""
    model = MACHINES[o.arch].model
    return model + ",iommu=smmuv3" if o.iommu == "smmuv3" else model


def iommu_device(o):
    """The IOMMU's driver and properties where it is a device; else None."""
    return {"intel": ("intel-iommu", {"intremap": "on", "caching-mode": "on"}),
            "amd": ("amd-iommu", {"intremap": "on"}),
            "virtio": ("virtio-iommu-pci", {"addr": "0x4"})}.get(o.iommu)


def iommu_words(o):
    """For the kernel's command line. On x86 a virtio-iommu remaps no interrupts."""
    if o.iommu == "virtio" and o.arch == "x86_64":
        return ["vfio_iommu_type1.allow_unsafe_interrupts=1", "iommufd.allow_unsafe_interrupts=1"]
    return ["intel_iommu=on"] if o.iommu == "intel" else []
