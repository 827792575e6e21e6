# SPDX-License-Identifier: BSD-3-Clause
"""The command line of vionet-vm."""

import argparse
import math
import os

from . import actions, arch, backends, nics, peers, result
from .limits import BOOT_LIMIT

EPILOG = """\
The guest sees this machine's files (read only, with its own changes in memory), so every program
here runs there too, in the same folder. Options of a NIC (--netdev, --device-props, --queues, --pcap, --peer)
may begin with its name ("nic1:packed=on"); those without are matched by their order. Exit status: the command's; 124 after
--timeout; 125 when the guest did not start or died, when an --at was not reached, and with --check-stderr
when QEMU complained; 130 when interrupted twice. The NICs are 0000:00:05.0, 0000:00:06.0, ...; the command finds them in
$VM_NICS. See vionet-vm(1)."""


def parser():
    p = argparse.ArgumentParser(
        prog="vionet-vm", epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [sweep FILE] [options] -- COMMAND [ARGUMENT...]",
        description="Runs a command in a QEMU guest that has virtio-net devices behind an IOMMU.")
    add_machine(p.add_argument_group("the machine"))
    add_nics(p.add_argument_group("test NICs"))
    add_guest(p.add_argument_group("inside the guest"))
    add_watching(p.add_argument_group("watching"))
    p.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    return p


def add_machine(g):
    g.add_argument("--arch", choices=tuple(arch.MACHINES), default=arch.HOST,
                   help="the machine that is emulated (default: this one's, %(default)s)")
    g.add_argument("--qemu", metavar="PATH",
                   help="the QEMU to run (default: qemu-system-ARCH; on riscv64 11), or 10 or 11: one that fetch-qemu brings")
    g.add_argument("--kernel", metavar="IMAGE",
                   help="a kernel image, what fetch-kernel takes (default: 6.12; on s390x backports, on riscv64 custom), or custom, custom-7.3: those "
                        "that build-kernel builds")
    g.add_argument("--modules", metavar="DIR",
                   help="lib/modules/VERSION of that image; without it nothing is loaded")
    g.add_argument("--iommu", choices=("intel", "virtio", "amd", "smmuv3", "zpci", "riscv", "none"),
                   help="default: intel on x86_64, smmuv3 on aarch64, zpci on s390x, riscv on riscv64")
    g.add_argument("--iommu-props", metavar="K=V,...", default="", help="properties of the IOMMU")
    g.add_argument("--memory", metavar="SIZE", default="1G", help="default: %(default)s")
    g.add_argument("--smp", metavar="N", default="2", help="default: %(default)s")
    g.add_argument("--shared-memory", action="store_true",
                   help="guest memory in a memfd (set by itself with vhost-user and vfio-user)")
    g.add_argument("--append", metavar="ARGS", action="append", default=[], help="kernel arguments")
    g.add_argument("--qemu-arg", metavar="ARG", action="append", default=[],
                   help="one raw argument for QEMU; repeatable, write --qemu-arg=-foo")


def add_nics(g):
    g.add_argument("--nic", metavar="N", type=int, help="how many (default: as many as the options name, or one)")
    g.add_argument("--no-nic", action="store_true", help="none")
    g.add_argument("--topology", metavar="KIND", default="root",
                   help="where they are: root (default), root-port (each behind one, for reset and hot plug), bridge (one "
                        "group), multifunction (one device), sriov:N (N virtual functions; needs --qemu 11)")
    g.add_argument("--root-port", action="store_const", dest="topology", const="root-port",
                   help="--topology root-port")
    g.add_argument("--vfio-user", metavar="SOCKET", action="append", default=[],
                   help="a function behind the vfio-user server that listens there, at the place "
                        "after the NICs (repeatable; needs --qemu 11)")
    g.add_argument("--netdev", metavar="BODY", action="append", default=[],
                   help="a QEMU netdev without id (default: frames go nowhere)")
    g.add_argument("--peer", metavar="KIND", action="append", default=[],
                   help=f"what is behind it, in place of a --netdev: {peers.NAMES}; the last one without a name in front "
                        "is that of all the others too")
    g.add_argument("--backend", metavar="KIND",
                   help=f"what is behind all NICs, started and ended with the guest: {backends.NAMES}")
    g.add_argument("--device-props", metavar="K=V,...", action="append", default=[],
                   help="properties of the device, over the defaults; also driver=NAME. The last one without a name in "
                        "front is that of all the others too")
    g.add_argument("--queues", metavar="N", action="append", default=[],
                   help="queue pairs; the netdev must be a tap or vhost-user")


def add_guest(g):
    g.add_argument("--bind", action="store_true", help="bind the NICs to vfio-pci first")
    g.add_argument("--user", action="store_true",
                   help="run as uid 1000 that owns the VFIO group, with 8 MiB of memlock; "
                        "includes --bind")
    g.add_argument("--hugepages", metavar="N", type=int, default=0, help="reserve N pages of 2 MiB")
    g.add_argument("--packed", action="store_true",
                   help="nothing of this machine's files: busybox, the command's program and its libraries in memory (set by "
                        "itself for another --arch)")
    g.add_argument("--snapshot", action="store_true",
                   help="start from a snapshot of a guest that has booted, which the first run of its kind makes")
    g.add_argument("--add", metavar="FILE[:PATH]", action="append", default=[],
                   help="with --packed: this file or folder too, with the libraries of programs (repeatable)")
    g.add_argument("--sysroot", metavar="DIR", default="/",
                   help="with --packed: where the libraries are, for another --arch")
    g.add_argument("--with-module", metavar="NAME", action="append", default=[],
                   help="load this kernel module too (repeatable)")
    g.add_argument("--env", metavar="K=V", action="append", default=[])
    g.add_argument("--share", metavar="DIR", action="append", default=[],
                   help="this folder is writable for the guest, at the same path (repeatable)")
    g.add_argument("--timeout", metavar="S", type=float, help="kill the guest S seconds after the command's start")
    g.add_argument("--boot-timeout", metavar="S", type=float, default=BOOT_LIMIT,
                   help="end a guest whose command has not started after S seconds; default: %(default)s")
    g.add_argument("--at", metavar=("MARK", "ACTION"), nargs=2, action="append", default=[],
                   help="when the command has printed MARK (empty: at once), do this to the machine: " + actions.NAMES +
                        "; one after the other, each MARK is looked for behind the one before")


def add_watching(g):
    g.add_argument("--pcap", metavar="FILE", action="append", default=[],
                   help="QEMU writes the frames of the first NIC here; repeat for the next NIC")
    g.add_argument("--trace", metavar="FILE", help="QEMU writes its trace here")
    g.add_argument("--trace-events", metavar="E,...", default="",
                   help="more trace events, e.g. virtio_queue_notify")
    g.add_argument("--log", metavar="FILE", help="the guest's kernel log, in full")
    g.add_argument("--stderr-file", metavar="FILE", help="what QEMU says on its own stderr")
    g.add_argument("--check-stderr", action="store_true",
                   help="fail with 125 when QEMU says anything there")
    g.add_argument("--monitor", metavar="SOCKET", help="a QMP socket; the NICs are nic0, nic1, ...")
    g.add_argument("--json", metavar="FILE", help="write what came of it here: status, times, actions, IOMMU faults")
    g.add_argument("--junit", metavar="FILE", help="the same as one test case of JUnit's XML")
    g.add_argument("--print-qemu", action="store_true", help="print QEMU's command line")


def parse(argv):
    p = parser()
    options = p.parse_args(argv)
    try:
        check(options)
    except ValueError as e:
        p.error(str(e))
    return options


def check(o):
    if not o.command:
        raise ValueError("no command; usage: vionet-vm [options] -- COMMAND")
    if o.modules and not o.kernel:
        raise ValueError("--modules goes with --kernel IMAGE")
    if o.modules and not all(os.path.isfile(f"{o.modules}/modules.{name}") for name in ("dep", "builtin")):
        raise ValueError(f"--modules {o.modules}: no modules.dep and modules.builtin in it; lib/modules/VERSION is wanted")
    for name, seconds in (("--timeout", o.timeout), ("--boot-timeout", o.boot_timeout)):
        if seconds is not None and not 0 < seconds < math.inf:
            raise ValueError(f"{name} {seconds}: seconds, above 0")
    if o.hugepages < 0:
        raise ValueError(f"--hugepages {o.hugepages}: how many, 0 or more")
    check_machine(o)
    o.bridges, o.physical_function, o.placeholders = [], None, []
    backends.check(o)
    o.nics = backends.place(o, nics.make(o))
    for folder in o.share:
        if not os.path.isdir(folder):
            raise ValueError(f"--share {folder}: no such folder")
    for pair in o.env:
        if not pair.partition("=")[0].isidentifier() or "=" not in pair:
            raise ValueError(f"--env {pair}: not NAME=VALUE")
    o.bind = o.bind or o.user
    check_files(o)
    o.share = [os.path.realpath(f) for f in o.share]
    o.actions = actions.plan(o)
    if o.snapshot and (o.arch != "x86_64" or o.bridges or any(action.what == "reset" for action in o.actions)):
        raise ValueError("--snapshot: on x86_64, with the functions on the root bus, and without --at reset")


def check_written(o):
    written = [("--json", o.json), ("--junit", o.junit), ("--log", o.log), ("--stderr-file", o.stderr_file),
               ("--trace", o.trace), ("--monitor", o.monitor)]
    for option, path in written + [("--pcap", path) for path in (nics.split_owner(p)[1] for p in o.pcap)]:
        if path is not None:
            result.check_place(option, path)


def check_files(o):
    check_written(o)
    o.packed = o.packed or o.arch != arch.HOST
    if not o.packed and (o.add or o.sysroot != "/"):
        raise ValueError("--add and --sysroot go with --packed")
    if o.packed and (o.share or o.user):
        raise ValueError("--share and --user need this machine's files: no --packed, no other --arch")
    for name in o.add:
        if not os.path.exists(name.partition(":")[0]):
            raise ValueError(f"--add {name}: no such file")


def check_machine(o):
    machine = arch.MACHINES.get(o.arch)
    if not machine:
        raise ValueError(f"--arch {o.arch}: not known; one of: {' '.join(arch.MACHINES)}")
    o.iommu = o.iommu or machine.iommus[0]
    if o.iommu not in machine.iommus:
        raise ValueError(f"--iommu {o.iommu}: {o.arch} has {', '.join(machine.iommus)}")
    if o.iommu_props and not arch.iommu_device(o):
        raise ValueError(f"--iommu-props: {o.iommu} has none")
    kind, colon, _ = o.topology.partition(":")
    if kind not in nics.TOPOLOGIES or bool(colon) != (kind == "sriov"):
        raise ValueError(f"--topology {o.topology}: one of root, root-port, bridge, multifunction, sriov:N")
    if kind == "sriov" and o.qemu != "11":
        raise ValueError("--topology sriov:N needs --qemu 11")
    if o.vfio_user and kind != "root":
        raise ValueError("--vfio-user has its functions on the root bus: no --topology")
    o.qemu = o.qemu or machine.emulator or machine.qemu
