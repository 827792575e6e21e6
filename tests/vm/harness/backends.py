# SPDX-License-Identifier: BSD-3-Clause
"""What is behind all NICs with --backend: a program that is started before the guest and ended behind it."""

import os
import pathlib
import shutil
import subprocess

from . import background, ovs, testpmd
from .session import Over

NAMES = "testpmd[:MODE], ovs, softnic[:PEER], softnic-vhost[:PEER], vdpa-sim, vhost-net"
# What a back end has no place for, and why.
EXCLUDED = {
    "netdev": "it makes the netdevs", "peer": "it is behind the NICs itself", "vfio_user": "it makes the functions",
    "no_nic": "it is behind NICs", "snapshot": "its functions are not QEMU's own",
    "pcap": "its frames do not pass through QEMU",
}
QEMUS = ("10", "11")


def refuse(text):
    raise ValueError(f"--backend {text}")


# ---- when the options are read ----

def check(o):
    """Whether they go together. What the kind needs of the machine is set."""
    o.backend_kind, colon, o.backend_argument = (o.backend or "").partition(":")
    o.vdpa_devices = 0
    if not o.backend:
        return
    if o.backend_kind not in KINDS or (colon and o.backend_kind not in ("testpmd", "softnic", "softnic-vhost")):
        refuse(f"{o.backend}: one of {NAMES}")
    for name, why in EXCLUDED.items():
        if getattr(o, name):
            refuse(f"excludes --{name.replace('_', '-')}: {why}")
    if any(what.partition(":")[0] == "migrate" for _, what in o.at):
        refuse("excludes --at migrate: it stays with the QEMU that it began with")
    if o.queues and o.backend_kind != "testpmd":
        refuse(f"{o.backend_kind} excludes --queues: one queue pair is all that it is given; testpmd takes more")
    KINDS[o.backend_kind].check(o)


def check_translation(o):
    if o.iommu == "none" and o.qemu not in QEMUS:
        refuse(f"{o.backend_kind} with --iommu none needs --qemu 11 (or 10): QEMU 7.2 crashes there")


def place(o, nics):
    """The NICs that are left for QEMU."""
    if o.backend_kind == "softnic":
        o.vfio_user = [None] * len(nics)
        return []
    if o.backend_kind == "vdpa-sim":
        o.vdpa_devices = len(nics)
        return []
    if o.backend and o.iommu == "intel" and o.backend_kind != "softnic-vhost":
        if "device-iotlb" not in o.iommu_props:
            o.iommu_props = ",".join(filter(None, ("device-iotlb=on", o.iommu_props)))
        for nic in nics:
            nic.props.setdefault("ats", "on")
    return nics


# ---- running it ----

def need(program, package):
    found = shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if not found:
        raise Over(125, f"{program} is not installed: apt install {package}")
    return found


def require(o):
    """Whether what the back end needs of this machine is there."""
    if o.backend:
        KINDS[o.backend_kind].require()


class Backend:
    """Programs in a folder, which all end with it."""

    def __init__(self, o, folder):
        self.o, self.folder = o, pathlib.Path(folder) / "backend"
        self.folder.mkdir()
        self.processes, self.counts = [], {}
        try:
            self.begin()
        except BaseException as e:
            self.stop()
            if isinstance(e, (ovs.Failed, subprocess.CalledProcessError)):
                raise Over(125, f"--backend {o.backend}: {e}\n{self.text()}".rstrip()) from None
            raise

    @classmethod
    def check(cls, o):
        check_translation(o)

    @staticmethod
    def require():
        pass

    def begin(self):
        pass

    def start(self, command, name, env=None, front=()):
        self.processes.append(background.Process(command, self.folder / f"{name}.log", env, front=front))
        return self.processes[-1]

    def wait_for(self, process, ready):
        if not background.wait_until(ready, process.alive):
            raise Over(125, f"--backend {self.o.backend}: it does not listen:\n{process.text()}")

    def stop(self):
        self.lived = all(process.alive() for process in self.processes)
        for process in reversed(self.processes):
            process.kill()

    def text(self):
        """The end of what they said."""
        return "\n".join("\n".join(process.text().splitlines()[-15:]) for process in self.processes)

    def result(self):
        return {"kind": self.o.backend_kind, **self.counts, "alive": self.lived}

    lived = True


class Testpmd(Backend):
    @classmethod
    def check(cls, o):
        check_translation(o)
        if o.backend_argument not in ("", *testpmd.MODES):
            refuse(f"{o.backend}: MODE is one of {', '.join(testpmd.MODES)}")

    @staticmethod
    def require():
        need(testpmd.PROGRAM, "dpdk-dev librte-net-vhost23 librte-mempool-ring23")

    def begin(self):
        nics, pairs = self.o.nics, max(nic.queues for nic in self.o.nics)
        translates = int(self.o.iommu != "none")
        paths = [self.folder / nic.name for nic in nics]
        process = self.start(
            testpmd.command(self.o.backend_argument or "io",
                            [f"iface={path},queues={pairs},iommu-support={translates}" for path in paths],
                            f"vionet-{os.getpid()}", self.folder / "commands",
                            # Otherwise it waits for the guest before it obeys.
                            more=["--port-topology=loop", "--no-lsc-interrupt", "--disable-link-check",
                                  f"--rxq={pairs}", f"--txq={pairs}"]),
            "testpmd", {"XDG_RUNTIME_DIR": str(self.folder)})
        for nic, path in zip(nics, paths):
            self.wait_for(process, lambda path=path: background.listens(path))
            nic.netdev = f"vhost-user,path={path}"

    def stop(self):
        for process in self.processes:
            self.lived = process.alive()
            self.counts = {way.lower(): count for way, count in testpmd.stop(process).items()}


class OpenVswitch(Backend):
    """Each NIC is at a port of one switch, which connects to QEMU: only such ports translate addresses."""

    @staticmethod
    def require():
        for program in ovs.PROGRAMS:
            need(program, "openvswitch-switch-dpdk")

    def begin(self):
        translates = "true" if self.o.iommu != "none" else "false"
        self.switch = ovs.Switch(self.folder, self.start,
                                 settings=[f"other_config:vhost-iommu-support={translates}"])
        for nic in self.o.nics:
            self.switch.add_client(nic.name)
            nic.netdev = f"vhost-user,path={self.folder}/{nic.name},server=on"


class Softnic(Backend):
    """vionet-softnic: the functions themselves, over vfio-user."""

    options = ()

    @classmethod
    def check(cls, o):
        if o.qemu != "11":
            refuse("softnic needs --qemu 11, which has vfio-user; softnic-vhost is behind a function of QEMU's")
        if o.device_props or o.topology != "root":
            refuse("softnic excludes --device-props and --topology: the functions are not QEMU's")

    @classmethod
    def require(cls):
        cls.program()

    @staticmethod
    def program():
        """Beside this program where it is built, else where programs are."""
        built = pathlib.Path(__file__).resolve().parents[3] / "build/vionet-softnic"
        return os.environ.get("VIONET_SOFTNIC") or (str(built) if built.exists() else need("vionet-softnic", "vionet"))

    def begin(self):
        self.give([self.serve(i) for i in range(len(self.o.vfio_user) or len(self.o.nics))])

    def serve(self, number):
        path = self.folder / f"nic{number}"
        process = self.start([self.program(), "--listen", path, *self.options, "--mac", f"52:54:00:12:34:{0x56 + number:02x}",
                              "--peer", self.o.backend_argument or "loop"], path.name)
        self.wait_for(process, path.exists)
        return str(path)

    def give(self, paths):
        self.o.vfio_user = paths


class SoftnicVhost(Softnic):
    """The same behind a function of QEMU's, over vhost-user."""

    options = ("--vhost-user",)

    @classmethod
    def check(cls, o):
        if o.qemu not in QEMUS:
            refuse("softnic-vhost needs --qemu 11 (or 10): QEMU 7.2 crashes without an IOMMU in front of vhost-user")
        if o.bind:
            refuse("softnic-vhost excludes --bind: it does not translate addresses; softnic does, with --qemu 11")

    def give(self, paths):
        for nic, path in zip(self.o.nics, paths):
            nic.netdev = f"vhost-user,path={path}"
            nic.props.setdefault("iommu_platform", "off")


class VdpaSimulator(Backend):
    """vDPA devices of the guest's own kernel, which send each frame back that is for their address."""

    ADD = ("i=0; while [ $i -lt {count} ]; do vdpa dev add name vdpa$i mgmtdev vdpasim_net mac 52:54:00:12:34:$((56 + i))"
           " || exit 125; i=$((i + 1)); done; exec \"$@\"")

    @classmethod
    def check(cls, o):
        o.kernel = o.kernel or "custom"
        if not o.kernel.startswith("custom"):
            refuse("vdpa-sim needs --kernel custom: Debian's kernels have no vdpa_sim_net")
        if o.bind or o.packed or o.user or o.device_props or o.topology != "root":
            refuse("vdpa-sim excludes --bind, --user, --packed, --device-props and --topology: there is no PCI function, "
                   "and vdpa(8) is this machine's")
        o.with_module += ["vdpa_sim", "vdpa_sim_net", "vhost_vdpa"]

    @staticmethod
    def require():
        need("vdpa", "iproute2")


class VhostNet(Backend):
    @classmethod
    def check(cls, o):
        pass

    @staticmethod
    def require():
        if not os.access("/dev/vhost-net", os.R_OK | os.W_OK):
            why = "may not be opened by this user" if os.path.exists("/dev/vhost-net") else "is not there"
            raise Over(125, f"--backend vhost-net: /dev/vhost-net {why}; load the module as root: modprobe vhost_net. "
                            "Without it: --backend testpmd, or vionet-vm --with-module vhost_net --with-module tun, and "
                            "vionet-vm with a tap and vhost=on in that guest")

    def begin(self):
        for nic in self.o.nics:
            nic.netdev = f"tap,ifname=vm{os.getpid()}n{nic.number},vhost=on"


KINDS = {"testpmd": Testpmd, "ovs": OpenVswitch, "softnic": Softnic, "softnic-vhost": SoftnicVhost, "vdpa-sim": VdpaSimulator, "vhost-net": VhostNet}


def make(o, folder):
    return KINDS[o.backend_kind](o, folder) if o.backend else None


def command(o):
    """The guest's command, behind what makes its vDPA devices."""
    if not o.vdpa_devices:
        return o.command
    return ["sh", "-c", VdpaSimulator.ADD.format(count=o.vdpa_devices), "sh", *o.command]
