# SPDX-License-Identifier: BSD-3-Clause
"""QEMU's command line.

Places on the bus: 3 and 0x11... root ports, 4 virtio-iommu, 5... the NICs and then the functions of
vfio-user servers (up to 0x14), 0x1a... file shares, 0x1d the root file system, 0x1e the serial
channels.
"""

import json
import re
import subprocess

FIRST_NIC = 5
TRACE_EVENTS = ("virtio_set_status", "vtd_dmar_fault", "vtd_frr_new", "virtio_iommu_report_fault")
# Not part of the test: these devices bypass the IOMMU and never show up in its faults.
PLAIN = "disable-legacy=on,iommu_platform=off"


def major_version(program):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)\.", said)
    return int(found.group(1)) if found else 0


def split_props(text):
    """'a=1,b=x,,y' -> {'a': '1', 'b': 'x,y'}: a doubled comma is a comma, as QEMU has it."""
    pieces = [p.replace("\0", ",") for p in text.replace(",,", "\0").split(",") if p]
    return {k: v for k, _, v in (p.partition("=") for p in pieces)}


def join_props(driver, props):
    escaped = [f"{k}={v.replace(',', ',,')}" for k, v in props.items()]
    return ",".join([driver] + escaped)


def quote(path):
    return str(path).replace(",", ",,")


def nth(items, i, default=""):
    return items[min(i, len(items) - 1)] if items else default


def nic_addresses(o):
    if o.root_port:
        return [f"0000:{i + 1:02x}:00.0" for i in range(o.nic)]
    return [f"0000:00:{FIRST_NIC + i:02x}.0" for i in range(o.nic + len(o.vfio_user))]


def machine(o, image):
    args = ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-M", "q35", "-accel", "tcg,thread=multi",
            "-cpu", "max", "-smp", o.smp, "-m", o.memory,
            "-kernel", image.kernel, "-initrd", image.initrd, "-append", kernel_arguments(o)]
    if o.shared_memory or o.vfio_user or any(n.startswith("vhost-user") for n in o.netdev):
        args += ["-object", f"memory-backend-memfd,id=m0,size={o.memory},share=on",
                 "-machine", "memory-backend=m0"]
    return args


def kernel_arguments(o):
    # The second line is what these tests can do without at boot, a third of it.
    words = ["console=ttyS0", "panic=-1", "no_timer_check", "random.trust_cpu=on", "loglevel=7" if o.log else "quiet",
             "mitigations=off", "nokaslr", "lsm=capability", "audit=0", "nowatchdog", "tsc=reliable", "cryptomgr.notests",
             "rodata=off"]
    if o.iommu == "intel":
        words.append("intel_iommu=on")
    if o.iommu == "virtio":
        words += ["vfio_iommu_type1.allow_unsafe_interrupts=1", "iommufd.allow_unsafe_interrupts=1"]
    return " ".join(words + o.append)


def iommu(o):
    if o.iommu == "intel":
        driver, props = "intel-iommu", {"intremap": "on", "caching-mode": "on"}
    elif o.iommu == "virtio":
        driver, props = "virtio-iommu-pci", {"addr": "0x4"}
    else:
        return []
    props.update(split_props(o.iommu_props))
    return ["-device", join_props(driver, props)]


def netdev(o, i):
    kind, _, rest = o.netdev[i].partition(",")
    props = split_props(rest)
    args = []
    if kind == "tap" and "fd" not in props and "fds" not in props:
        props = {"script": "no", "downscript": "no", **props}
    if kind == "vhost-user" and "path" in props:
        path = {k: props.pop(k) for k in ("path", "server") if k in props}
        args = ["-chardev", join_props("socket", {"id": f"vhost{i}", **path})]
        props["chardev"] = f"vhost{i}"
    if o.queues > 1:
        props.setdefault("queues", str(o.queues))
    return args + ["-netdev", join_props(kind, {"id": f"n{i}", **props})]


def device(o, i):
    extra = split_props(nth(o.device_props, i))
    driver = extra.pop("driver", "virtio-net-pci")
    props = {"id": f"nic{i}", "netdev": f"n{i}", "romfile": ""}
    props.update({"bus": f"rp{i}"} if o.root_port else {"addr": hex(FIRST_NIC + i)})
    if driver.startswith("virtio-net-pci"):
        props["iommu_platform"] = "on"
        if driver == "virtio-net-pci":
            props["disable-legacy"] = "on"
        if o.queues > 1:
            props.update({"mq": "on", "vectors": str(2 * o.queues + 2)})
    props.update(extra)
    return ["-device", join_props(driver, props)]


def nic(o, i):
    args = []
    if o.root_port:
        place = 0x3 if i == 0 else 0x10 + i
        args += ["-device", f"pcie-root-port,id=rp{i},chassis={i + 1},slot={i + 1},addr={place:#x}"]
    args += netdev(o, i) + device(o, i)
    if i < len(o.pcap):
        args += ["-object", f"filter-dump,id=dump{i},netdev=n{i},file={quote(o.pcap[i])}"]
    return args


def vfio_user(o, i):
    return ["-device", json.dumps({
        "driver": "vfio-user-pci", "id": f"vfio-user{i}", "addr": hex(FIRST_NIC + o.nic + i),
        "socket": {"type": "unix", "path": o.vfio_user[i]}})]


def nine_p(tag, path, address, readonly):
    """A folder of this machine for the guest, over 9p."""
    mode = ",readonly=on" if readonly else ""
    return ["-fsdev", f"local,id={tag},path={quote(path)},security_model=none,multidevs=remap{mode}",
            "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag},addr={address:#x},{PLAIN}"]


def files(o):
    args = nine_p("root", "/", 0x1d, readonly=True)
    for i, folder in enumerate(o.share):
        args += nine_p(f"share{i}", folder, 0x1c - i, readonly=False)
    return args


def monitor(o, kind, chardev):
    """QEMU 11 complains of -mon; the older ones know nothing else."""
    if o.qemu_version >= 11:
        return ["-object", f"monitor-{kind},id=m-{kind},chardev={chardev}"]
    return ["-mon", f"chardev={chardev},mode={'control' if kind == 'qmp' else 'readline'}"]


def channels(o, log, sockets):
    """ttyS0 is the kernel's; a virtio-serial port for each socket, but 'tty' is a console, hvc0,
    and 'monitor' is QEMU's own."""
    args = ["-chardev", f"file,id=log,path={quote(log)}", "-device", "isa-serial,chardev=log",
            "-device", f"virtio-serial-pci,id=serial,addr=0x1e,{PLAIN}"]
    for name, sock in sockets.items():
        args += ["-chardev", f"socket,id=c-{name},fd={sock.fileno()}"]
        if name == "monitor":
            args += monitor(o, "hmp", "c-monitor")
        else:
            kind = "virtconsole" if name == "tty" else "virtserialport"
            args += ["-device", f"{kind},chardev=c-{name},name={name}"]
    return args


def trace_events(o):
    more = [e for e in o.trace_events.split(",") if e]
    return [*TRACE_EVENTS, *more] if o.trace else []


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
    args = [o.qemu] + machine(o, image) + iommu(o)
    for i in range(o.nic):
        args += nic(o, i)
    for i in range(len(o.vfio_user)):
        args += vfio_user(o, i)
    return args + files(o) + channels(o, log, sockets) + watching(o) + o.qemu_arg
