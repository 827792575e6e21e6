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
    faults: tuple = ()  # QEMU's trace events, where only this machine has them
    emulator: str = ""  # for --qemu, where this machine's own does not do

    @property
    def qemu(self):
        return f"qemu-system-{self.name}"


MACHINES = {m.name: m for m in (
    Machine("x86_64", "q35", "max", ("intel", "virtio", "amd", "none"), "ttyS0", ("-device", "isa-serial,chardev=log"),
            ("no_timer_check", "mitigations=off", "tsc=reliable")),
    # "impdef" is the emulator's own, quick way to sign pointers.
    Machine("aarch64", "virt,gic-version=3", "max,pauth-impdef=on", ("smmuv3", "virtio", "none"), "ttyAMA0",
            ("-serial", "chardev:log"), ("mitigations=off",), faults=("smmuv3_record_event",)),
    Machine("s390x", "s390-ccw-virtio", "max", ("zpci",), "ttysclp0", ("-device", "sclpconsole,chardev=log"), (), "ccw"),
    # Interrupts by messages pass the IOMMU as memory does: only functions of VFIO's are translated.
    Machine("riscv64", "virt,aia=aplic-imsic", "max", ("riscv", "virtio", "none"), "ttyS0", ("-serial", "chardev:log"),
            ("iommu.passthrough=1",), faults=("riscv_iommu_flt",), emulator="11"),
)}


def model_of(o):
    """-M: SMMU and RISC-V's IOMMU are a part of the machine."""
    return MACHINES[o.arch].model + {"smmuv3": ",iommu=smmuv3", "riscv": ",iommu-sys=on"}.get(o.iommu, "")


def iommu_device(o):
    """The IOMMU's driver and properties where it is a device; else None."""
    if o.iommu == "virtio" and o.arch == "riscv64":
        # Writes to the interrupt controller (its pages for the supervisor) are not translated.
        return "virtio-iommu-pci", {"addr": "0x4", "reserved-regions": ["0x28000000:0x28ffffff:1"]}
    return {"intel": ("intel-iommu", {"intremap": "on", "caching-mode": "on"}),
            "amd": ("amd-iommu", {"intremap": "on"}),
            "virtio": ("virtio-iommu-pci", {"addr": "0x4"})}.get(o.iommu)


def iommu_words(o):
    """For the kernel's command line. On x86 a virtio-iommu remaps no interrupts, on RISC-V none does."""
    if o.arch == "riscv64" or (o.iommu == "virtio" and o.arch == "x86_64"):
        return ["vfio_iommu_type1.allow_unsafe_interrupts=1", "iommufd.allow_unsafe_interrupts=1"]
    return ["intel_iommu=on"] if o.iommu == "intel" else []
