# SPDX-License-Identifier: BSD-3-Clause
"""The libraries that a program wants, read from the file itself: of any machine, also where it does not run."""

import os
import struct

MACHINES = {"x86_64": 62, "aarch64": 183, "s390x": 22, "riscv64": 243}
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_RPATH, DT_RUNPATH = 1, 5, 15, 29
FOLDERS = ("lib/{0}-linux-gnu", "usr/lib/{0}-linux-gnu", "lib64", "usr/lib64", "lib", "usr/lib", "usr/local/lib")


class Elf:
    """A 64-bit ELF file: machine, interpreter, the libraries it needs and where it says they are."""

    def __init__(self, data):
        self.data, self.order = data, "<" if data[5] == 1 else ">"
        self.machine, = self.unpack("H", 18)
        table, = self.unpack("Q", 32)
        size, count = self.unpack("HH", 54)
        self.segments = [self.unpack("IIQQQQ", table + i * size) for i in range(count)]
        self.interpreter = next((self.text(s[2]) for s in self.segments if s[0] == PT_INTERP), None)
        self.needed, self.paths = self.dynamic()

    def unpack(self, layout, at):
        return struct.unpack_from(self.order + layout, self.data, at)

    def text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()

    def offset(self, address):
        """Where in the file what is loaded at this address is."""
        for kind, _, offset, start, _, length in self.segments:
            if kind == PT_LOAD and start <= address < start + length:
                return offset + address - start
        raise ValueError("an address outside of all segments")

    def dynamic(self):
        entries = []
        for kind, _, at, _, _, length in self.segments:
            if kind == PT_DYNAMIC:
                entries = [self.unpack("QQ", at + i) for i in range(0, length, 16)]
        strings = next((self.offset(value) for tag, value in entries if tag == DT_STRTAB), 0)
        named = [(tag, self.text(strings + value)) for tag, value in entries if tag in (DT_NEEDED, DT_RPATH, DT_RUNPATH)]
        return ([name for tag, name in named if tag == DT_NEEDED],
                [path for tag, name in named if tag != DT_NEEDED for path in name.split(":")])


def read(path):
    """An Elf, or None for any other file."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:5] != b"\x7fELF\2":
        return None
    try:
        return Elf(data)
    except (struct.error, ValueError, IndexError):
        raise ValueError(f"{path}: an ELF file that is cut off or broken") from None


def libraries(path, machine, sysroot):
    """{the path in the guest: the file here} of all that a program is loaded with. FileNotFoundError: one is not there."""
    found, waiting = {}, [path]
    while waiting:
        program = waiting.pop()
        elf = read(program)
        if not elf:
            continue
        if elf.machine != MACHINES[machine]:
            raise ValueError(f"{program}: not a program for {machine}")
        folders = [p.replace("$ORIGIN", os.path.dirname(program)) for p in elf.paths] + [
            os.path.join(sysroot, folder.format(machine)) for folder in FOLDERS]
        wanted = {elf.interpreter: os.path.join(sysroot, elf.interpreter.lstrip("/"))} if elf.interpreter else {}
        for name in elf.needed:
            file = next((f for f in (os.path.join(folder, name) for folder in folders) if os.path.exists(f)), None)
            if not file:
                raise FileNotFoundError(f"{program} needs {name}, which is not below {sysroot}; see --sysroot")
            wanted[in_guest(file, sysroot)] = file
        for place, file in wanted.items():
            if place not in found:
                found[place] = file
                waiting.append(file)
    return found


def in_guest(file, sysroot):
    """Files of a sysroot are at its paths, all others where they are here."""
    root = os.path.join(os.path.realpath(sysroot), "")
    real = os.path.join(os.path.realpath(os.path.dirname(file)), os.path.basename(file))
    return "/" + real[len(root):] if root != "/" and real.startswith(root) else os.path.abspath(file)
