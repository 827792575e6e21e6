# SPDX-License-Identifier: BSD-3-Clause
"""The NICs of a machine: which option is whose, and their places on the bus.

An option of a NIC may say whose it is, "nic1:BODY"; those that do not are matched by their order.
"""

import dataclasses
import re
import threading

from . import peers

# QEMU's own small network, which takes every frame and lets none out of this machine.
NOWHERE = "user,restrict=on,ipv6=off"
FIRST_NIC = 5
MOST = 16
OWNED = re.compile(r"nic(\d+):(.*)", re.DOTALL | re.ASCII)


@dataclasses.dataclass
class Nic:
    number: int
    netdev: str = ""
    props: dict = dataclasses.field(default_factory=dict)
    queues: int = 1
    pcap: str = ""
    peer: str = ""
    absent: bool = False  # at the start
    playing: threading.Event = dataclasses.field(default_factory=threading.Event)  # its peer may send
    address: str = ""
    place: dict = dataclasses.field(default_factory=dict)  # bus and addr, for QEMU

    @property
    def name(self):
        return f"nic{self.number}"


def split_props(text):
    """'a=1,b=x,,y' -> {'a': '1', 'b': 'x,y'}: a doubled comma is a comma, as QEMU has it."""
    pieces = [p.replace("\0", ",") for p in text.replace(",,", "\0").split(",") if p]
    return {k: v for k, _, v in (p.partition("=") for p in pieces)}


def whole_number(text):
    """Of plain digits: isdigit() alone takes more than int() does."""
    return text.isascii() and text.isdigit()


def split_owner(value):
    """'nic1:BODY' -> (1, 'BODY'), 'BODY' -> (None, 'BODY')."""
    match = OWNED.fullmatch(value)
    return (int(match[1]), match[2]) if match else (None, value)


def by_nic(values):
    """(those with a name in front: {number: [body]}, the others in order)."""
    owned, plain = {}, []
    for number, body in map(split_owner, values):
        if number is None:
            plain.append(body)
        else:
            owned.setdefault(number, []).append(body)
    return owned, plain


def count(o):
    """How many NICs the options speak of."""
    named = [n + 1 for values in (o.netdev, o.device_props, o.queues, o.pcap, o.peer) for n in by_nic(values)[0]]
    netdevs = len(by_nic(o.netdev)[1])
    if o.no_nic:
        if o.nic or o.netdev or named:
            raise ValueError("--no-nic excludes --nic and what belongs to a NIC")
        return 0
    if o.nic is not None and o.nic < 0:
        raise ValueError(f"--nic {o.nic}: how many, 0 to {MOST}")
    if o.nic is not None and o.nic < netdevs:
        raise ValueError(f"{netdevs} netdevs for {o.nic} NICs")
    found = o.nic if o.nic is not None else max([netdevs, *named]) or (0 if o.vfio_user else 1)
    if max(named, default=0) > found:
        raise ValueError(f"nic{max(named) - 1}: the last of {found} NICs is nic{found - 1}; see --nic")
    if found + len(o.vfio_user) > MOST:
        raise ValueError(f"at most {MOST} NICs")
    return found


def give(nics, option, values, field, last_for_all=False):
    """Hand the values of an option to their NICs."""
    owned, plain = by_nic(values)
    if len(plain) > len(nics) and (nics or not last_for_all):
        raise ValueError(f"{option}: {len(plain)} of them for {len(nics)} NICs")
    for nic in nics:
        own = plain[nic.number:nic.number + 1] or (plain[-1:] if last_for_all else [])
        for value in own + owned.get(nic.number, []):
            field(nic, value)


def queue_pairs(text):
    if not whole_number(text) or not 1 <= int(text) <= 128:
        raise ValueError(f"--queues {text}: queue pairs, 1 to 128")
    return int(text)


def make(o):
    """The NICs of these options, with their places."""
    nics = [Nic(i) for i in range(count(o))]
    give(nics, "--netdev", o.netdev, lambda nic, text: setattr(nic, "netdev", text))
    give(nics, "--device-props", o.device_props, lambda nic, text: nic.props.update(split_props(text)), True)
    give(nics, "--queues", o.queues, lambda nic, text: setattr(nic, "queues", queue_pairs(text)), True)
    give(nics, "--pcap", o.pcap, lambda nic, text: setattr(nic, "pcap", text))
    give(nics, "--peer", o.peer, lambda nic, text: setattr(nic, "peer", text), True)
    for nic in nics:
        if o.backend:  # backends.py says which one when it has begun
            nic.netdev = "vhost-user"
        if nic.peer and nic.netdev:
            raise ValueError(f"{nic.name} has both a --peer and a --netdev")
        if nic.peer:
            peers.check(nic.peer)
        if nic.queues > 1 and nic.netdev.split(",")[0] not in ("tap", "vhost-user"):
            raise ValueError("--queues needs --netdev tap,ifname=... or vhost-user,path=...: "
                             "QEMU's other netdevs have one queue")
        nic.netdev = nic.netdev or NOWHERE
    kind, _, number = o.topology.partition(":")
    TOPOLOGIES[kind](o, nics, number)
    return nics


# ---- places: what stands before the NICs on QEMU's command line is in o.bridges ----

def root_bus(o, nics, _):
    for nic in nics:
        if o.arch == "s390x":  # each function has a domain of its own
            nic.address = f"{nic.number + 1:04x}:00:00.0"
            continue
        nic.place = {"addr": hex(FIRST_NIC + nic.number)}
        nic.address = f"0000:00:{FIRST_NIC + nic.number:02x}.0"


def root_ports(o, nics, _):
    for nic in nics:
        i = nic.number
        o.bridges.append(f"pcie-root-port,id=rp{i},chassis={i + 1},slot={i + 1},addr={0x3 if i == 0 else 0x10 + i:#x}")
        nic.place = {"bus": f"rp{i}"}
        nic.address = f"0000:{i + 1:02x}:00.0"


def bridge(o, nics, _):
    """Conventional PCI behind one bridge: all of them are in one group."""
    o.bridges.append("pcie-pci-bridge,id=bridge0,addr=0x3")
    for nic in nics:
        nic.place = {"bus": "bridge0", "addr": hex(1 + nic.number)}
        nic.address = f"0000:01:{1 + nic.number:02x}.0"


def multifunction(o, nics, _):
    if len(nics) > 8:
        raise ValueError("--topology multifunction: at most 8 NICs")
    # Function 0 comes last: with it the device is complete.
    for nic in nics:
        nic.place = {"addr": f"{FIRST_NIC:#x}.{nic.number:#x}", "multifunction": "on"}
        nic.address = f"0000:00:{FIRST_NIC:02x}.{nic.number}"


def virtual_functions(o, nics, number):
    """nic0, nic1, ... are the virtual functions; the physical one is "pf", and Linux's virtio_net has it."""
    if not whole_number(number) or not 1 <= int(number) <= 7:
        raise ValueError("--topology sriov:N: N virtual functions, 1 to 7")
    if o.no_nic or o.nic not in (None, int(number)):
        raise ValueError("--topology sriov:N says how many NICs there are: no --nic")
    if len(nics) > int(number):
        raise ValueError(f"{len(nics)} NICs in the options, and {number} virtual functions")
    nics += [Nic(i, NOWHERE) for i in range(len(nics), int(number))]
    o.bridges.append("pcie-root-port,id=rp0,chassis=1,slot=1,addr=0x3")
    for nic in nics:
        nic.place = {"bus": "rp0", "addr": f"0x0.{nic.number + 1:#x}", "sriov-pf": "pf"}
        nic.address = f"0000:01:00.{nic.number + 1}"
    o.physical_function = Nic(len(nics), NOWHERE, {"id": "pf"}, place={"bus": "rp0", "addr": "0x0.0x0"},
                              address="0000:01:00.0")


TOPOLOGIES = {"root": root_bus, "root-port": root_ports, "bridge": bridge, "multifunction": multifunction,
              "sriov": virtual_functions}
