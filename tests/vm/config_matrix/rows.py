# SPDX-License-Identifier: BSD-3-Clause
"""The rows of the matrix: the configuration of a device, and the check of it. """

import dataclasses
import typing

from config_matrix import checks

BITS = {"MTU": 3, "STATUS": 16, "MRG_RXBUF": 15, "CTRL_VQ": 17, "CTRL_RX": 18, "CTRL_VLAN": 19,
        "CTRL_RX_EXTRA": 20, "GUEST_ANNOUNCE": 21, "MQ": 22, "CTRL_MAC_ADDR": 23,
        "INDIRECT_DESC": 28, "EVENT_IDX": 29, "RING_PACKED": 34, "IN_ORDER": 35,
        "RING_RESET": 40, "SUSPEND": 43, "DEVICE_STATS": 50, "NOTF_COAL": 53, "HASH_REPORT": 57,
        "RSS": 60, "SPEED_DUPLEX": 63}

COLUMNS = {"qemu7": "QEMU 7.2", "qemu11": "QEMU 11.1", "softnic": "softnic"}


@dataclasses.dataclass
class Row:
    name: str
    check: typing.Callable = checks.echo
    qemu: str = ""  # properties of virtio-net-pci
    softnic: tuple = ()  # options of vionet-softnic
    offer: str = "-RING_PACKED"  # its --features
    args: str = ""  # options of vm_features
    need: str = ""  # features that must have been negotiated
    lacks: str = ""  # features that must not
    tap: int = 0  # a tap with so many queues
    absent: tuple = ()  # columns whose device is known not to have it
    command: str = ""  # another command than vm_features in the guest; its output is checked
    kinds: tuple = ()  # offloads: vm_offload sends them to a kernel (host.py)
    covered: tuple = ()  # columns where another test covers it

    def arguments(self):
        need = [f"need={self.need}"] if self.need else []
        return [*self.args.split(), *need]


def offloads(name, *kinds, **more):
    """softnic's cell is softnic/test_driver_offload.py."""
    return Row(name, checks.offloads, tap=1, kinds=kinds, covered=("softnic",),
               command="{offload} {nic} --to 02:00:00:00:00:01 --to4 10.0.0.1 --to6 fd00::1 "
                       "--count 20 " + " ".join(kinds) + "; echo status $?", **more)


def both_rings(name, **more):
    """The same row with a packed ring."""
    offer = more.pop("offer", "").split(",")
    need = [n for n in more.pop("need", "").split(",") if n]
    qemu = [q for q in more.pop("qemu", "").split(",") if q]
    for packed in (False, True):
        ring = "RING_PACKED"
        yield Row(f"{'packed' if packed else 'split'}{name}",
                  qemu=",".join(qemu + ["packed=on"] * packed),
                  offer=",".join([o for o in offer if o] + [("+" if packed else "-") + ring]),
                  need=",".join(need + [ring] * packed), lacks=more.get("lacks", ""),
                  **{k: v for k, v in more.items() if k != "lacks"})


NO_QEMU = ("qemu7", "qemu11")

ROWS = [
    # ---- the rings ----
    *both_rings(""),
    *both_rings("-in-order", qemu="in_order=on", offer="+IN_ORDER", need="IN_ORDER",
                absent=("qemu7",)),
    *both_rings("-no-event-idx", qemu="event_idx=off", offer="-EVENT_IDX", lacks="EVENT_IDX"),
    *both_rings("-no-indirect", qemu="indirect_desc=off", offer="-INDIRECT_DESC",
                lacks="INDIRECT_DESC"),
    *both_rings("-no-mrg-rxbuf", qemu="mrg_rxbuf=off", offer="-MRG_RXBUF", lacks="MRG_RXBUF"),
    Row("queue-64", checks.sizes, args="rx_size=64 tx_size=64"),
    Row("queue-16-packed", checks.sizes, "packed=on", offer="+RING_PACKED", need="RING_PACKED",
        args="rx_size=16 tx_size=16"),
    Row("queue-1024", checks.sizes, "rx_queue_size=1024", ("--queue-size", "1024"),
        args="rx_size=1024 tx_size=256"),
    # ---- the function ----
    Row("page-per-vq", qemu="page-per-vq=on", softnic=("--notify-multiplier", "4096")),
    Row("ats", qemu="ats=on", absent=("softnic",)),
    Row("vectors-0", checks.vectors(0), "vectors=0", ("--vectors", "0")),
    # One vector is for the configuration: the queues are polled.
    Row("vectors-1", checks.vectors(0), "vectors=1", ("--vectors", "1")),
    Row("vectors-2", checks.vectors(2), "vectors=2", ("--vectors", "2")),
    Row("polling", checks.vectors(0), args="poll=1"),
    Row("transitional", checks.transitional,
        "disable-legacy=off,iommu_platform=off", ("--transitional",),
        command="{vionet} info {nic}; echo status $?; {vionet} info --assume-iommu {nic}; "
                "cat /sys/bus/pci/devices/{nic}/device"),
    # ---- several queues ----
    Row("mq-2", checks.spread(2), "mq=on,vectors=6", args="pairs=2", need="MQ", tap=2),
    Row("mq-4", checks.spread(4), "mq=on,vectors=10", args="pairs=4", need="MQ", tap=4),
    Row("mq-4-packed", checks.spread(4), "mq=on,vectors=10,packed=on", offer="+RING_PACKED",
        args="pairs=4", need="MQ,RING_PACKED", tap=4),
    Row("rss", checks.rss(False), "mq=on,vectors=10,rss=on", args="pairs=4", need="RSS", tap=4),
    Row("rss-hash", checks.rss(True), "mq=on,vectors=10,rss=on,hash=on", args="pairs=4",
        need="RSS,HASH_REPORT", tap=4),
    Row("hash", checks.hash_report, "hash=on", offer="-RING_PACKED,-RSS", need="HASH_REPORT",
        args="avoid=RSS", tap=1),
    # ---- commands ----
    Row("mac", checks.mac, need="CTRL_VQ,CTRL_MAC_ADDR,CTRL_RX"),
    Row("filters", checks.filters, need="CTRL_RX,CTRL_RX_EXTRA"),
    Row("vlan", checks.vlan, need="CTRL_RX,CTRL_VLAN"),
    Row("announce", checks.announce, need="GUEST_ANNOUNCE"),
    Row("coalescing", checks.coalescing, need="NOTF_COAL", absent=NO_QEMU),
    Row("statistics", checks.statistics, need="DEVICE_STATS", absent=NO_QEMU),
    # ---- configuration ----
    Row("jumbo", checks.jumbo, "host_mtu=9000", ("--mtu", "9000"), need="MTU,MRG_RXBUF"),
    Row("jumbo-one-buffer", checks.jumbo, "host_mtu=9000,mrg_rxbuf=off", ("--mtu", "9000"),
        "-RING_PACKED,-MRG_RXBUF", "buffer=9100", "MTU", "MRG_RXBUF"),
    Row("link", checks.link, need="STATUS"),
    Row("speed", checks.speed, "speed=25000,duplex=full", ("--speed", "25000"),
        need="SPEED_DUPLEX"),
    # ---- packets with offloads, to a kernel ----
    offloads("csum", "csum4", "csum6"),
    offloads("tso", "tso4", "tso6"),
    offloads("tso-packed", "tso4", "tso6", qemu="packed=on"),
    offloads("uso", "uso4", "uso6", qemu="host_uso=on", absent=("qemu7",)),
    offloads("tunnel", "tunnel4", "tunnelsum4", "tunnel6", "tunnelsum6",
             qemu="host_tunnel=on,host_tunnel_csum=on", absent=("qemu7",)),
    # ---- failure and suspend ----
    *both_rings("-queue-reset", check=checks.queue_reset, qemu="queue_reset=on",
                need="RING_RESET"),
    *both_rings("-resize", check=checks.resize, qemu="queue_reset=on", need="RING_RESET"),
    *both_rings("-needs-reset", check=checks.needs_reset),
    Row("recover", checks.recover),
    Row("suspend", checks.suspend, offer="+SUSPEND", need="SUSPEND", absent=NO_QEMU),
]


def find(name):
    return next(r for r in ROWS if r.name == name)
