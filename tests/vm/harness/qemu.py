# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's command line.

Places on the bus: 3 and 0x11... root ports and bridges, 4 virtio-iommu, 5... the NICs and then the functions of
vfio-user servers (up to 0x14), 0x1a... file shares, 0x1d the root file system, 0x1e the serial
channels.
"""

import json
import pathlib
import re
import subprocess

from . import arch
from .nics import FIRST_NIC, split_props

TRACE_EVENTS = ("virtio_set_status", "vtd_dmar_fault", "vtd_frr_new", "virtio_iommu_report_fault")
# Not part of the test: these devices bypass the IOMMU and never show up in its faults.
PLAIN = "disable-legacy=on,iommu_platform=off"


def major_version(program):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)\.", said)
    return int(found.group(1)) if found else 0


def join_props(driver, props):
    escaped = [f"{k}={str(v).replace(',', ',,')}" for k, v in props.items()]
    return ",".join([driver] + escaped)


def quote(path):
    return str(path).replace(",", ",,")


def nic_addresses(o):
    if o.vdpa_devices:
        return [f"vhost-vdpa:/dev/vhost-vdpa-{i}" for i in range(o.vdpa_devices)]
    return [nic.address for nic in o.nics] + [
        f"0000:00:{FIRST_NIC + len(o.nics) + i:02x}.0" for i in range(len(o.vfio_user))]


def clear_away(o):
    """The sockets that a QEMU made, and another one does not make where one is."""
    made = [path for nic in o.nics for path in re.findall(r"local\.path=([^,]+)", nic.netdev)]
    for path in (*made, *([o.monitor] if o.monitor else [])):
        pathlib.Path(path).unlink(missing_ok=True)


def shares_memory(o):
    """Whether another process serves the functions."""
    return o.shared_memory or o.vfio_user or any(nic.netdev.startswith("vhost-user") for nic in o.nics)


def machine(o, image):
    model = arch.MACHINES[o.arch]
    args = ["-nodefaults", "-no-user-config", "-display", "none",
            "-M", arch.model_of(o), "-accel", "tcg,thread=multi",
            "-cpu", model.cpu, "-smp", o.smp, "-m", o.memory,
            "-kernel", image.kernel, "-initrd", image.initrd, "-append", kernel_arguments(o)]
    if not any(action.what == "reset" for action in o.actions):
        args.append("-no-reboot")
    if shares_memory(o):
        args += ["-object", f"memory-backend-memfd,id=m0,size={o.memory},share=on",
                 "-machine", "memory-backend=m0"]
    return args


def kernel_arguments(o):
    # What these tests can do without at boot, a third of it.
    model = arch.MACHINES[o.arch]
    words = [f"console={model.console}", "panic=-1", "random.trust_cpu=on", "loglevel=7" if o.log else "quiet",
             "nokaslr", "lsm=capability", "audit=0", "nowatchdog", "cryptomgr.notests", "rodata=off", *model.words]
    return " ".join(words + arch.iommu_words(o) + o.append)


def iommu(o):
    found = arch.iommu_device(o)
    if not found:
        return []
    driver, props = found
    props = {**props, **split_props(o.iommu_props)}
    if any(isinstance(value, list) for value in props.values()):
        return ["-device", json.dumps({"driver": driver, **props})]
    return ["-device", join_props(driver, props)]


def netdev(nic):
    i = nic.number
    kind, _, rest = nic.netdev.partition(",")
    props = split_props(rest)
    args = []
    if kind == "tap" and "fd" not in props and "fds" not in props:
        props = {"script": "no", "downscript": "no", **props}
    if kind == "vhost-user" and "path" in props:
        path = {k: props.pop(k) for k in ("path", "server") if k in props}
        args = ["-chardev", join_props("socket", {"id": f"vhost{i}", **path})]
        props["chardev"] = f"vhost{i}"
    if nic.queues > 1:
        props.setdefault("queues", str(nic.queues))
    return args + ["-netdev", join_props(kind, {"id": f"n{i}", **props})]


def device(nic):
    """The driver and its properties."""
    extra = dict(nic.props)
    driver = extra.pop("driver", "virtio-net-pci")
    props = {"id": nic.name, "netdev": f"n{nic.number}", "romfile": "", **nic.place}
    if driver.startswith("virtio-net-pci"):
        props["iommu_platform"] = "on"
        if driver == "virtio-net-pci":
            props["disable-legacy"] = "on"
        if nic.queues > 1:
            props.update({"mq": "on", "vectors": str(2 * nic.queues + 2)})
    return driver, {**props, **extra}


def nics(o):
    args = [word for text in o.bridges for word in ("-device", text)]
    everyone = o.nics + ([o.physical_function] if o.physical_function else [])
    for nic in everyone:
        args += netdev(nic)
    for nic in reversed(everyone) if o.topology == "multifunction" else everyone:
        if not nic.absent:
            args += ["-device", join_props(*device(nic))]
    for nic in everyone:
        if nic.pcap:
            args += ["-object", f"filter-dump,id=dump{nic.number},netdev=n{nic.number},file={quote(nic.pcap)}"]
    return args


def vfio_user_place(o, i):
    return {"addr": hex(FIRST_NIC + len(o.nics) + i)}


def vfio_user(o, i):
    return ["-device", json.dumps({
        "driver": "vfio-user-pci", "id": f"vfio-user{i}", **vfio_user_place(o, i),
        "socket": {"type": "unix", "path": o.vfio_user[i]}})]


def nine_p(tag, path, address, readonly):
    """A folder of this machine for the guest, over 9p."""
    mode = ",readonly=on" if readonly else ""
    return ["-fsdev", f"local,id={tag},path={quote(path)},security_model=none,multidevs=remap{mode}",
            "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag},addr={address:#x},{PLAIN}"]


def files(o):
    if o.packed:
        return []
    args = nine_p("root", "/", 0x1d, readonly=True)
    for i, folder in enumerate(o.share):
        args += nine_p(f"share{i}", folder, 0x1c - i, readonly=False)
    return args


def monitor(o, kind, chardev):
    """QEMU 11 complains of -mon; the older ones know nothing else."""
    if o.qemu_version >= 11:
        return ["-object", f"monitor-{kind},id=m-{chardev},chardev={chardev}"]
    return ["-mon", f"chardev={chardev},mode={'control' if kind == 'qmp' else 'readline'}"]


def channels(o, log, sockets):
    """The UART is the kernel's; a virtio-serial port for each socket, but 'tty' is a console, hvc0,
    and 'monitor' and 'control' are QEMU's own."""
    model = arch.MACHINES[o.arch]
    place = f"pci,id=serial,addr=0x1e,{PLAIN}" if model.bus == "pci" else "ccw,id=serial"
    args = ["-chardev", f"file,id=log,path={quote(log)},append=on", *model.serial, "-device", f"virtio-serial-{place}"]
    for name, sock in sockets.items():
        args += ["-chardev", f"socket,id=c-{name},fd={sock.fileno()}"]
        if name in ("monitor", "control"):
            args += monitor(o, "hmp" if name == "monitor" else "qmp", f"c-{name}")
        else:
            kind = "virtconsole" if name == "tty" else "virtserialport"
            args += ["-device", f"{kind},chardev=c-{name},name={name}"]
    return args


def trace_events(o):
    more = [e for e in o.trace_events.split(",") if e]
    return [*TRACE_EVENTS, *arch.MACHINES[o.arch].faults, *more] if o.trace else []


def watching(o):
    args = []
    if o.trace:
        args += ["-D", o.trace]
    if o.monitor:
        path = quote(o.monitor)
        args += ["-chardev", f"socket,id=c-qmp,path={path},server=on,wait=off"]
        args += monitor(o, "qmp", "c-qmp")
    return args


def command_line(o, image, log, sockets):
    args = [o.qemu] + machine(o, image) + iommu(o) + nics(o)
    for i in range(len(o.vfio_user)):
        args += vfio_user(o, i)
    for place in reversed(o.placeholders):
        args += ["-device", join_props("pci-testdev", place)]
    return args + files(o) + channels(o, log, sockets) + watching(o) + o.qemu_arg
