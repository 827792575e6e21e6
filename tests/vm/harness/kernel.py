# SPDX-License-Identifier: BSD-3-Clause
"""What is fetched for a guest: QEMU, a kernel, and its modules."""

import hashlib
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
DEFAULT = {"s390x": "backports",  # the first of Debian's for it with VFIO
           "riscv64": "custom"}  # Debian's have no iommufd
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64", "s390x": "s390x"}


class ImageError(Exception):
    pass


def cache_folder():
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(root, "vionet")


def fetch(script, *arguments):
    """What this script beside vionet-vm fetched: a path, or None after its own message."""
    got = subprocess.run([HERE / script, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return None if got.returncode else got.stdout.strip()


def find_qemu(name, machine):
    """The program for --qemu: a path, a name in $PATH, or 10 or 11."""
    fetched = name in ("10", "11")
    found = fetch("fetch-qemu", *other(machine), name) if fetched else shutil.which(name)
    if not found:
        raise ImageError(f"no QEMU {name}" if fetched else f"{name}: not found; run scripts/setup vm")
    return found


def other(machine):
    return [] if machine == "x86_64" else ["--arch", machine]


def find_kernel(o):
    """The image and the folder of its modules, or None."""
    if o.kernel and os.path.isfile(o.kernel):
        return os.path.abspath(o.kernel), pathlib.Path(o.modules).resolve() if o.modules else None
    name = o.kernel or DEFAULT.get(o.arch, "6.12")
    kind, _, version = name.partition("-")
    if kind == "custom":
        got = fetch("build-kernel", *other(o.arch), *([version] if version else []))
    elif o.arch not in DEBIAN:
        raise ImageError(f"no kernel of Debian's for {o.arch}; take --kernel custom")
    else:
        got = fetch("fetch-kernel", *([] if o.arch == "x86_64" else ["--arch", DEBIAN[o.arch]]), name)
    if not got:
        raise ImageError("no kernel")
    root = pathlib.Path(got)
    found = next(root.glob("boot/vmlinuz-*"), None), next(root.glob("lib/modules/*"), None)
    if None in found:
        raise ImageError(f"no whole kernel in {root}: remove that folder, and it is fetched again")
    return str(found[0]), found[1]


def uncompressed(kernel):
    """The path of the ELF image inside, kept in the cache, if QEMU can enter it directly (PVH); else the image
    as it is. To unpack itself takes an emulated kernel a second, and one in a guest of a guest a minute."""
    data = pathlib.Path(kernel).read_bytes()
    if data[0x202:0x206] != b"HdrS":
        return kernel
    path = cache_folder() / f"vmlinux-{hashlib.sha256(data).hexdigest()[:16]}"
    if not path.exists():
        try:
            elf = payload(data)
            if not has_pvh_entry(elf):
                return kernel
        except (struct.error, lzma.LZMAError, OSError, subprocess.CalledProcessError):
            return kernel  # broken, or no zstd: its own code has to do it, or to say what is wrong
        save(path, elf)
    return str(path)


def payload(image):
    """What a bzImage unpacks (Documentation/arch/x86/boot.rst, payload_offset); empty if it is packed in another
    way than Debian's."""
    start = (image[0x1f1] + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
    packed = image[start:start + struct.unpack_from("<I", image, 0x24c)[0]]
    if packed.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(packed)
    if packed.startswith(b"\x28\xb5\x2f\xfd"):  # its size, 4 bytes, stands behind it
        return subprocess.run(["zstd", "-dcq"], input=packed[:-4], stdout=subprocess.PIPE, check=True).stdout
    return b""


def has_pvh_entry(elf):
    """Whether a note says where a boot loader may enter it in 32-bit mode (XEN_ELFNOTE_PHYS32_ENTRY, 18)."""
    if elf[:5] != b"\x7fELF\2":
        return False
    table, = struct.unpack_from("<Q", elf, 0x20)
    size, count = struct.unpack_from("<HH", elf, 0x36)
    for at in range(table, table + size * count, size):
        kind, _, start = struct.unpack_from("<IIQ", elf, at)
        length, = struct.unpack_from("<Q", elf, at + 0x20)
        if kind == 4 and struct.pack("<II4s", 8, 18, b"Xen\0")[4:] in elf[start:start + length]:  # PT_NOTE
            return True
    return False


def plain_name(path):
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def has_module(modules, name):
    listed = (modules / "modules.dep").read_text() + (modules / "modules.builtin").read_text()
    return name.replace("-", "_") in {plain_name(word.rstrip(":")) for word in listed.split()}


def module_files(modules, names):
    """The files of these modules and of what they need, in loading order; built-in ones are not
    listed."""
    text = (modules / "modules.dep").read_text().splitlines()
    needs = {f: rest.split() for f, _, rest in (line.partition(":") for line in text)}
    by_name = {plain_name(f): f for f in needs}
    builtin = {plain_name(f) for f in (modules / "modules.builtin").read_text().split()}
    order = {}
    for name in (n.replace("-", "_") for n in names):
        if name in by_name:
            order.update(dict.fromkeys(needs[by_name[name]][::-1] + [by_name[name]]))
        elif name not in builtin:
            raise ImageError(f"the kernel {modules.name} has no module {name}")
    return list(order)


def unsigned(data):
    """The module without the signature at its end, which takes time to check."""
    magic = b"~Module signature appended~\n"
    if not data.endswith(magic):
        return data
    length = int.from_bytes(data[-len(magic) - 4:-len(magic)], "big")
    return data[:-len(magic) - 12 - length]


def plain_module(path):
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    return path.read_bytes()


def save(path, data):
    """Two runs may do this at once: the last one to finish wins, with the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as f:
        f.write(data)
    os.rename(f.name, path)
