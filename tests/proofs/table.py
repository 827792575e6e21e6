# SPDX-License-Identifier: BSD-3-Clause
"""The proofs: which code, for which sizes, and which changes to it have to be noticed."""
import dataclasses


@dataclasses.dataclass
class Variant:
    name: str
    defines: str
    quick: bool = True


@dataclasses.dataclass
class Mutant:
    """`old`, which `file` has once, becomes `new`."""
    name: str
    variant: str
    file: str
    old: str
    new: str
    quick: bool = True


@dataclasses.dataclass
class Proof:
    name: str
    harness: str
    sources: list
    variants: list
    mutants: list
    options: list = dataclasses.field(default_factory=list)

    def variant(self, name):
        return next(variant for variant in self.variants if variant.name == name)


RING = ["driver/ring/slow_path.c", "driver/ring/kick.c", "driver/state/health.c", "tests/proofs/stubs.c"]
SLOW_PATH = "driver/ring/slow_path.c"
SPLIT = "driver/ring/split.h"
PACKED = "driver/ring/packed.h"
LAYOUTS = {"split": "VN_SPLIT", "split in order": "VN_SPLIT_IN_ORDER", "packed": "VN_PACKED", "packed in order": "VN_PACKED_IN_ORDER"}

NO_RANGE = ("if (id >= queue->size)\n\t\tvn_queue_break(queue, VN_QERR_ID_RANGE, id, queue->size);\n\telse if (queue->slots",
            "if (queue->slots")
POP_WRAP = ("packed_pop_wrap(const struct vionet_queue *queue,\n\t\t\t\t   struct vn_pop *c)\n{\n"
            "\tif (UNLIKELY(c->seq == c->limit))\n\t\tc->seq = 0;\n")
FOUND = "if (!in_order && !vn_split_found(queue, id, back))\n\t\t\t\treturn 0;\n"


def sizes(layout, *numbers):
    """One of them in ./check, the others with --all."""
    return [Variant(f"{size} entries", f"-DLAYOUT={LAYOUTS[layout]} -DSIZE={size}", quick=size == numbers[-1])
            for size in numbers]


def chains():
    for name, layout in LAYOUTS.items():
        common = f"-DLAYOUT={layout} -DSIZE=4"
        yield Variant(f"{name}: push", f"{common} -DPOP=0 -DTABLES_OUT=0", quick="PACKED" not in layout)
        yield Variant(f"{name}: pop", f"{common} -DPOP=1 -DTABLES_OUT=1")
        yield Variant(f"{name}: pop, no tables", f"{common} -DPOP=1 -DTABLES_OUT=0", quick=False)


# Packets lie at this address, see tests/proofs/packets.h. What only makes a state is not followed path by path.
PACKETS = ["-absolute-valid-range", "0x100000-0x1000ff", "-eva-ilevel", "64", "-eva-precision", "1", "-eva-domains", "equality,symbolic-locations",
           "-eva-auto-loop-unroll", "16", "-eva-slevel", "10", "-eva-interprocedural-splits", "-eva-split-limit", "400", "-eva-slevel-function",
           "any_state:0,any_record:0,any_tables:0,any_doorbell:0,any_split:0,any_packed:0,any_pool:0,any_packet:0,any_packets:0,"]
BURST = PACKETS[:-1] + [PACKETS[-1] + "any_available:0,main:100,receive:20,transmit:20,rx_burst:300,rx_single:100,rx_refill_burst:100,"
                        "tx_reclaim_burst:300,tx_push_common:300,tx_burst:100,tx_single:100,packed_pop_0:50,split_pop_0:50,ring_pop_0:50,tx_pop:50,"
                        "split_take_0:20"]
UNCOMMON = PACKETS[:-1] + [PACKETS[-1] + "main:300,transmit:1000,receive:3000,came_back:300,rx_take_buffer:200,vn_receive_uncommon:200,"
                           "rx_start_chain:100,rx_continue_chain:100"]


def bursts():
    for name, layout in LAYOUTS.items():
        def part(of, number, receives, quick, options="-DOFFLOADS=1 -DMERGEABLE=1"):
            return Variant(f"{name}: {of}", f"-DNDEBUG -DTABLES_OUT=0 -DLAYOUT={layout} -DSIZE=2 -DMOST=2 -DRECEIVES={int(receives)} "
                           f"-DPART={number} {options}", quick)
        plain = "-DOFFLOADS=0 -DMERGEABLE=0"
        yield part("receive", 0, True, name == "split")
        yield part("receive, plain", 0, True, False, plain)
        yield part("receive one", 1, True, False)
        yield part("refill", 2, True, False)
        yield part("take back", 0, False, False)
        yield part("push", 1, False, name == "packed")
        yield part("push, plain", 1, False, False, plain)
        yield part("transmit", 2, False, False)
        yield part("transmit one", 3, False, False)


def uncommon():
    def part(name, layout, number, receives, offloads, quick):
        return Variant(name, f"-DNDEBUG -DTABLES_OUT=0 -DLAYOUT={layout} -DSIZE=4 -DRECEIVES={int(receives)} -DPART={number} "
                       f"-DOFFLOADS={int(offloads)}", quick)
    for header in (False, True):
        size = "longer header" if header else "header"
        yield part(f"buffer that came back, {size}", "VN_PACKED" if header else "VN_SPLIT", 0, True, header, False)
        yield part(f"further buffer, {size}", "VN_PACKED" if header else "VN_SPLIT", 1, True, header, False)
        yield part(f"common packet, {size}", "VN_SPLIT", 0, False, header, not header)
        yield part(f"one buffer, {size}", "VN_SPLIT", 1, False, header, True)
    for name, layout in LAYOUTS.items():
        yield part(f"{name}: back", layout, 2, False, True, False)
        yield part(f"{name}: watchdog", layout, 9, True, True, True)


PROOFS = [
    Proof("split", "ring.c", RING, sizes("split", 2, 8, 256, 32768), [
        Mutant("the id of a used entry is not compared with the size", "32768 entries", SLOW_PATH, *NO_RANGE, quick=False),
        Mutant("the id is read once more after it was checked", "2 entries", SPLIT, FOUND,
               FOUND + "\t\t\tif (!in_order)\n\t\t\t\t*index = vn_load32(&ring->used->ring[place].id);\n"),
        Mutant("an index is not masked", "8 entries", SPLIT,
               "uint32_t place = c->at & c->limit;\n\tvolatile struct split_desc", "uint32_t place = c->at;\n\tvolatile struct split_desc",
               quick=False),
    ]),
    Proof("split_in_order", "ring.c", RING, sizes("split in order", 2, 8, 256, 32768), [
        Mutant("an index is not masked", "2 entries", SPLIT,
               "uint32_t place = c->at & c->limit;\n\tvn_slot slot;", "uint32_t place = c->at;\n\tvn_slot slot;"),
        Mutant("a batch is looked for without a mask", "32768 entries", SLOW_PATH, "(at + i) & queue->split.mask", "(at + i)",
               quick=False),
    ]),
    Proof("packed", "ring.c", RING, sizes("packed", 2, 5, 256, 32768), [
        Mutant("the id of a used descriptor is not compared", "32768 entries", SLOW_PATH, *NO_RANGE, quick=False),
        Mutant("the id is read once more after it was checked", "2 entries", PACKED, "slot = c->slots[*index];",
               "if (!in_order)\n\t\t*index = vn_load16(&c->desc->id);\n\tslot = c->slots[*index];"),
        Mutant("the sequence does not wrap", "5 entries", PACKED, POP_WRAP, POP_WRAP.replace("c->seq = 0;", ";"), quick=False),
    ]),
    Proof("packed_in_order", "ring.c", RING, sizes("packed in order", 2, 5, 256, 32768), [
        Mutant("the id of a batch is not compared with the size", "32768 entries", SLOW_PATH,
               "if (id >= queue->size || batch > left ||", "if (batch > left ||", quick=False),
        Mutant("the sequence does not wrap", "2 entries", PACKED, POP_WRAP, POP_WRAP.replace("c->seq = 0;", ";")),
    ]),
    Proof("chains", "chain.c", RING, list(chains()), [
        Mutant("a table is not compared with its length", "split: push", SLOW_PATH, " || count > tables->entries", ""),
        Mutant("a table is taken where none is free", "split: push", SLOW_PATH, "tables->available == 0 || ", "",
               quick=False),
        Mutant("a chain that comes back does not wrap", "packed: pop", SLOW_PATH,
               "if (more >= (uint32_t)(ring->end - ring->used))", "if (more > (uint32_t)(ring->end - ring->used))"),
    ], ["-eva-slevel-function", "vn_ring_push:100"]),
    Proof("bursts", "burst.c", ["driver/ring/slow_path.c", "driver/ring/kick.c", "driver/state/health.c", "tests/proofs/stubs.c"], list(bursts()), [
        Mutant("the id of a used entry is not compared with the size", "split: receive", SLOW_PATH, *NO_RANGE),
        Mutant("the sequence does not wrap", "packed: receive", PACKED, POP_WRAP, POP_WRAP.replace("c->seq = 0;", ";")),
        Mutant("a run goes past the end of the ring", "packed: push", PACKED,
               "const struct vn_push *c, bool receives)\n{\n\tuint32_t positions = (uint32_t)(queue->packed.end - c->desc);",
               "const struct vn_push *c, bool receives)\n{\n\tuint32_t positions = (uint32_t)(queue->packed.end - c->desc) + 1u;",
               quick=False),
    ], BURST),
    Proof("uncommon", "uncommon.c", ["driver/queue/slow_path.c", "driver/queue/rescue.c", "driver/ring/slow_path.c", "driver/ring/kick.c",
                                     "driver/net/packet.c", "driver/state/health.c", "tests/proofs/stubs.c"], list(uncommon()), [
        Mutant("a frame may begin before its buffer", "common packet, header", "driver/queue/transmit.h",
               "length - VIONET_FRAME_MIN <= source->span &&\n\t       offset - header_size <= source->room - length;",
               "length - VIONET_FRAME_MIN <= source->span;"),
        Mutant("what was written is not compared with what there is", "buffer that came back, header", "driver/queue/receive.h",
               "written - r->shortest > r->span", "written < r->shortest", quick=False),
        Mutant("nor in a further buffer", "further buffer, header", "driver/queue/slow_path.c",
               "(written == 0 || written > queue->posted ||", "(written == 0 ||", quick=False),
    ], UNCOMMON),
    Proof("capability", "capability.c", ["pci/capability.c", "tests/proofs/stubs.c"], [Variant("any configuration space", "")], [
        Mutant("MSI-X may run past configuration space", "any configuration space", "pci/capability.c",
               " ||\n\t\t    position + MSIX_LENGTH > VN_PCI_CONFIG_SIZE", ""),
        Mutant("any BAR will do", "any configuration space", "pci/capability.c", "if (cap->bar > VN_REGION_BAR5)", "if (0)"),
        Mutant("a pointer into the header is followed", "any configuration space", "pci/capability.c",
               "if (position < LIST_FIRST)", "if (0)"),
    ], ["-eva-precision", "3", "-eva-slevel-function", "cap_collect:500,cap_check_position:500"]),
    Proof("header", "header.c", ["driver/net/offload.c", "tests/proofs/stubs.c"],
          [Variant("received", "-DRECEIVES=1 -DHEADER_SIZE=24"), Variant("to transmit", "-DRECEIVES=0 -DHEADER_SIZE=24"),
           Variant("received, short", "-DRECEIVES=1 -DHEADER_SIZE=12", quick=False),
           Variant("to transmit, short", "-DRECEIVES=0 -DHEADER_SIZE=12", quick=False)], [
        Mutant("the kind of segments is not masked", "received", "driver/net/offload.c",
               "uint32_t kind = KIND(packet->gso_type & NET_GSO_KIND);\n\tuint8_t tunnel",
               "uint32_t kind = KIND(packet->gso_type);\n\tuint8_t tunnel"),
        Mutant("headers may lie in any order", "to transmit", "driver/net/offload.c", "inner < outer + UDP_HEADER || outer <", "outer <"),
        Mutant("a header may end behind the frame", "to transmit", "driver/net/offload.c",
               " ||\n\t    start + (tcp ? TCP_HEADER : UDP_HEADER) > packet->length)", ")"),
    ]),
    Proof("control", "control.c", ["driver/control/command.c", "driver/control/stats.c", "base/abi.c", "driver/state/health.c",
                                   "tests/proofs/stubs.c"], [Variant("replies, statistics", '-DVIONET_VERSION=\\"0\\"')], [
        Mutant("a result is longer than its room", "replies, statistics", "driver/control/command.c",
               "if (length > command->result_size)\n\t\tlength = command->result_size;\n", ""),
        Mutant("statistics step out of the reply", "replies, statistics", "driver/control/stats.c", " || end > length)", ")"),
        Mutant("counters step out of theirs", "replies, statistics", "driver/control/stats.c", "at + 8 <= end &&", "true &&"),
    ]),
    Proof("vhost_user_stream", "vhost_user_stream.c", ["driver/transport/vhost_user/channel.c", "tests/proofs/stubs.c"],
          [Variant(f"{size} bytes announced", f"-DPAYLOAD={size}", quick=size in (8, 4096)) for size in (0, 8, 40, 268, 4096)], [
        Mutant("any length is believed", "4096 bytes announced", "driver/transport/vhost_user/channel.c",
               "if (header->size > sizeof(union vhost_user_payload))", "if (0)"),
        Mutant("what has come is not counted", "8 bytes announced", "driver/transport/vhost_user/channel.c",
               "to + at, size - at, message, room)", "to + at, size, message, room)"),
    ], ["-eva-precision", "3", "-eva-slevel", "300"]),
    Proof("vhost_user_replies", "vhost_user_replies.c", ["driver/transport/vhost_user/messages.c", "driver/transport/vhost_user/inflight.c",
                                                         "tests/proofs/stubs.c"], [Variant("any message", "")], [
        Mutant("a longer configuration is read than there is", "any message", "driver/transport/vhost_user/messages.c",
               "if (size > VHOST_USER_CONFIG_MAX)", "if (0)"),
        Mutant("one ring more than there are", "any message", "driver/transport/vhost_user/inflight.c",
               "i < VHOST_USER_QUEUES_MAX", "i <= VHOST_USER_QUEUES_MAX"),
    ]),
    Proof("vfio_user", "vfio_user.c", ["pci/vfio_user/region.c", "tests/proofs/stubs.c"],
          [Variant(f"regions, {size} bytes at a time", f"-DDATA_SIZE={size}", quick=size == 100) for size in (8, 100, 4096)], [
        Mutant("a capability lies anywhere", "regions, 100 bytes at a time", "pci/vfio_user/region.c",
               "at > reply->size ||\n\t\t    reply->size - at < sizeof(header)", "0"),
        Mutant("a list of areas may be cut short", "regions, 100 bytes at a time", "pci/vfio_user/region.c",
               "if (first > reply->size)", "if (0)", quick=False),
        Mutant("more areas are noted than have a place", "regions, 100 bytes at a time", "pci/vfio_user/region.c",
               "first < end && region->sparse_count < VN_SPARSE_MAX", "first < end", quick=False),
    ]),
    Proof("vfio_user_version", "vfio_user_version.c", ["pci/vfio_user/version.c", "tests/proofs/stubs.c"], [Variant("any reply, any JSON", "")], [
        Mutant("any length of a transfer is believed", "any reply, any JSON", "pci/vfio_user/version.c",
               "vfu_at_most(data, VN_VU_DATA_MAX)", "(uint32_t)data"),
    ]),
    Proof("softnic", "softnic.c", ["softnic/ring/split.c", "softnic/ring/packed.c", "tests/proofs/stubs.c"],
          [Variant("split", "-DPACKED=0"), Variant("packed", "-DPACKED=1")], [
        Mutant("a chain goes anywhere", "split", "softnic/ring/split.c", "if (unlikely(position >= ring->size))", "if (0)"),
        Mutant("where a chain goes is read once more", "split", "softnic/ring/split.c",
               "position = next;\n", "position = ring->table[position].next;\n"),
        Mutant("a place does not wrap", "packed", "softnic/ring/packed.c", "if (at >= ring->size) {", "if (at > ring->size) {"),
    ], ["-eva-precision", "1", "-eva-slevel", "10", "-eva-partition-history", "2", "-eva-interprocedural-history"]),
]
