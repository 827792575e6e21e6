# SPDX-License-Identifier: BSD-3-Clause
"""The command line of tests/vm/run."""

import argparse
import os

# QEMU's own small network, which takes every frame and lets none out of this machine.
NOWHERE = "user,restrict=on,ipv6=off"

EPILOG = """\
The guest sees this machine's files (read only, with its own changes in memory), so every program
here runs there too, in the same folder. Exit status: the command's; 124 after --timeout; 125 when
the guest did not start or died, and with --check-stderr when QEMU complained; 130 when
interrupted twice. The NICs are 0000:00:05.0, 0000:00:06.0, ... (0000:01:00.0, ... with
--root-port); the command finds them in $VM_NICS. See tests/vm/README.md."""


def parser():
    p = argparse.ArgumentParser(
        prog="tests/vm/run", epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [options] -- COMMAND [ARGUMENT...]",
        description="Runs a command in a QEMU guest that has virtio-net devices behind an IOMMU.")
    add_machine(p.add_argument_group("the machine"))
    add_nics(p.add_argument_group("test NICs"))
    add_guest(p.add_argument_group("inside the guest"))
    add_watching(p.add_argument_group("watching"))
    p.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    return p


def add_machine(g):
    g.add_argument("--qemu", metavar="PATH", default="qemu-system-x86_64",
                   help="the QEMU to run, or 10 or 11: one that tests/vm/fetch-qemu brings")
    g.add_argument("--kernel", metavar="IMAGE",
                   help="a kernel image, what tests/vm/fetch-kernel takes (default: 6.12), or custom, "
                        "custom-7.3: the ones that tests/vm/build-kernel builds")
    g.add_argument("--modules", metavar="DIR",
                   help="lib/modules/VERSION of that image; without it nothing is loaded")
    g.add_argument("--iommu", choices=("intel", "virtio", "none"), default="intel")
    g.add_argument("--iommu-props", metavar="K=V,...", default="", help="properties of the IOMMU")
    g.add_argument("--memory", metavar="SIZE", default="1G", help="default: %(default)s")
    g.add_argument("--smp", metavar="N", default="2", help="default: %(default)s")
    g.add_argument("--shared-memory", action="store_true",
                   help="guest memory in a memfd (set by itself with vhost-user and vfio-user)")
    g.add_argument("--append", metavar="ARGS", action="append", default=[], help="kernel arguments")
    g.add_argument("--qemu-arg", metavar="ARG", action="append", default=[],
                   help="one raw argument for QEMU; repeatable, write --qemu-arg=-foo")


def add_nics(g):
    g.add_argument("--nic", metavar="N", type=int, help="how many (default: one for each --netdev, or one)")
    g.add_argument("--no-nic", action="store_true", help="none")
    g.add_argument("--vfio-user", metavar="SOCKET", action="append", default=[],
                   help="a function behind the vfio-user server that listens there, at the place "
                        "after the NICs (repeatable; needs --qemu 11)")
    g.add_argument("--netdev", metavar="BODY", action="append", default=[],
                   help="a QEMU netdev without id (default: frames go nowhere); the n-th is the "
                        "n-th NIC's")
    g.add_argument("--device-props", metavar="K=V,...", action="append", default=[],
                   help="properties of the device, over the defaults; also driver=NAME. The n-th "
                        "is the n-th NIC's, the last one is that of all the others too")
    g.add_argument("--queues", metavar="N", type=int, default=1,
                   help="queue pairs; the netdev must be a tap or vhost-user")
    g.add_argument("--root-port", action="store_true",
                   help="each NIC behind a PCI Express root port (for reset and hot unplug)")


def add_guest(g):
    g.add_argument("--bind", action="store_true", help="bind the NICs to vfio-pci first")
    g.add_argument("--user", action="store_true",
                   help="run as uid 1000 that owns the VFIO group, with 8 MiB of memlock; "
                        "includes --bind")
    g.add_argument("--hugepages", metavar="N", type=int, default=0, help="reserve N pages of 2 MiB")
    g.add_argument("--with-module", metavar="NAME", action="append", default=[],
                   help="load this kernel module too (repeatable)")
    g.add_argument("--env", metavar="K=V", action="append", default=[])
    g.add_argument("--share", metavar="DIR", action="append", default=[],
                   help="this folder is writable for the guest, at the same path (repeatable)")
    g.add_argument("--timeout", metavar="S", type=float, help="kill the guest after S seconds")


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
        raise ValueError("no command; usage: tests/vm/run [options] -- COMMAND")
    if o.modules and not o.kernel:
        raise ValueError("--modules goes with --kernel IMAGE")
    count_nics(o)
    kinds = {n.split(",")[0] for n in o.netdev}
    if o.queues > 1 and (not o.netdev or kinds - {"tap", "vhost-user"}):
        raise ValueError("--queues needs --netdev tap,ifname=... or vhost-user,path=...: "
                         "QEMU's other netdevs have one queue")
    for folder in o.share:
        if not os.path.isdir(folder):
            raise ValueError(f"--share {folder}: no such folder")
    for pair in o.env:
        if not pair.partition("=")[0].isidentifier() or "=" not in pair:
            raise ValueError(f"--env {pair}: not NAME=VALUE")
    o.bind = o.bind or o.user
    o.share = [os.path.realpath(f) for f in o.share]


def count_nics(o):
    if o.no_nic:
        if o.nic or o.netdev:
            raise ValueError("--no-nic excludes --nic and --netdev")
        o.nic = 0
    elif o.nic is None:
        o.nic = len(o.netdev) or (0 if o.vfio_user else 1)
    if o.nic + len(o.vfio_user) > 16:
        raise ValueError("at most 16 NICs")
    if o.vfio_user and o.root_port:
        raise ValueError("--vfio-user has its functions on the root bus: no --root-port")
    if len(o.netdev) > o.nic:
        raise ValueError(f"{len(o.netdev)} netdevs for {o.nic} NICs")
    o.netdev += [NOWHERE] * (o.nic - len(o.netdev))
