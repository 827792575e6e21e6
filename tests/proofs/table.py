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


RING = ["driver/ring/slow_path.c", "driver/ring/kick.c", "driver/state/health.c"]
SLOW_PATH = "driver/ring/slow_path.c"


def ring_sizes(layout, sizes):
    """The smallest and the largest in ./check, the others with --all."""
    return [Variant(f"{size} entries", f"-DLAYOUT={layout} -DSIZE={size}", quick=size in (sizes[0], sizes[-1])) for size in sizes]


PROOFS = [
    Proof("split", "ring.c", RING, ring_sizes("VN_SPLIT", (2, 8, 256, 32768)), [
        Mutant("the id of a used entry is not compared with the size", "32768 entries", SLOW_PATH,
               "if (id >= queue->size)\n\t\tvn_queue_break(queue, VN_QERR_ID_RANGE, id, queue->size);\n\telse if (queue->slots",
               "if (queue->slots"),
        Mutant("the id is read once more after it was checked", "2 entries", "driver/ring/split.h",
               "*index = in_order ? place : id;\n\t\tif (UNLIKELY(id != expected)) {\n"
               "\t\t\tif (!in_order && !vn_split_found(queue, id, back))\n\t\t\t\treturn 0;",
               "*index = in_order ? place : id;\n\t\tif (UNLIKELY(id != expected)) {\n"
               "\t\t\tif (!in_order && !vn_split_found(queue, id, back))\n\t\t\t\treturn 0;\n"
               "\t\t\tif (!in_order)\n\t\t\t\t*index = vn_load32(&ring->used->ring[place].id);"),
        Mutant("an index is not masked", "8 entries", "driver/ring/split.h",
               "uint32_t place = c->at & c->limit;\n\tvolatile struct split_desc", "uint32_t place = c->at;\n\tvolatile struct split_desc",
               quick=False),
    ]),
]
