# SPDX-License-Identifier: BSD-3-Clause
"""What the guest boots: a kernel, and an initramfs made of busybox, modules and guest/init.

The initramfs is kept in the cache folder; what changes with every run (guest/agent's settings and
the command) is a second small archive behind it, which the kernel unpacks into the same place.
"""

import hashlib
import lzma
import os
import pathlib
import shlex
import shutil
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay", "vfio_pci",
           "vfio_iommu_type1")


class ImageError(Exception):
    pass


class Image:
    """The kernel, the initrd of this run and the folder of the kernel's modules (or None)."""

    def __init__(self, options, settings, folder):
        self.kernel, self.modules = find_kernel(options)
        self.kernel = uncompressed(self.kernel)
        settings["MODULES"] = str(self.modules or "")
        base = initramfs(self.modules, module_names(options))
        self.initrd = pathlib.Path(folder, "initrd")
        with open(self.initrd, "wb") as out:
            out.write(base.read_bytes())
            out.write(archive({"conf": shell_settings(settings), "job": job(options)}))


def cache_folder():
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(root, "vionet")


def fetch(script, *arguments):
    """What this script beside vionet-vm fetched: a path, or None after its own message."""
    got = subprocess.run([HERE / script, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return None if got.returncode else got.stdout.strip()


def find_qemu(name):
    """The program for --qemu: a path, a name in $PATH, or 10 or 11."""
    fetched = name in ("10", "11")
    found = fetch("fetch-qemu", name) if fetched else shutil.which(name)
    if not found:
        raise ImageError(f"no QEMU {name}" if fetched else f"{name}: not found; run scripts/setup vm")
    return found


def find_kernel(o):
    if o.kernel and os.path.isfile(o.kernel):
        return os.path.abspath(o.kernel), pathlib.Path(o.modules).resolve() if o.modules else None
    name = o.kernel or "6.12"
    kind, _, version = name.partition("-")
    got = fetch("build-kernel", version or "6.12") if kind == "custom" else fetch("fetch-kernel", name)
    if not got:
        raise ImageError("no kernel")
    root = pathlib.Path(got)
    return str(next(root.glob("boot/vmlinuz-*"))), next(root.glob("lib/modules/*"))


def uncompressed(kernel):
    """The path of the ELF image inside, kept in the cache, if QEMU can enter it directly (PVH); else the image
    as it is. To unpack itself takes an emulated kernel a second, and one in a guest of a guest a minute."""
    data = pathlib.Path(kernel).read_bytes()
    if data[0x202:0x206] != b"HdrS":
        return kernel
    path = cache_folder() / f"vmlinux-{hashlib.sha256(data).hexdigest()[:16]}"
    if not path.exists():
        elf = payload(data)
        if not has_pvh_entry(elf):
            return kernel
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


def module_names(o):
    iommu = ("virtio_iommu",) if o.iommu == "virtio" else ()
    physical = ("virtio_net",) if o.physical_function else ()
    return (*MODULES[:-2], *iommu, *MODULES[-2:], *physical, *o.with_module)


def plain_name(path):
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


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


def busybox():
    found = shutil.which("busybox")
    if not found:
        raise ImageError("no busybox (package busybox-static): run scripts/setup vm")
    return pathlib.Path(found).read_bytes()


def initramfs(modules, names):
    """The path of the cached initramfs for these modules."""
    files = module_files(modules, names) if modules else []
    scripts = {n: (HERE / "guest" / n).read_bytes() for n in ("init", "agent")}
    key = hashlib.sha256(repr(("v2", str(modules), files, scripts)).encode()).hexdigest()[:16]
    path = cache_folder() / f"initramfs-{key}"
    if not path.exists():
        save(path, build(modules, files, scripts))
    return path


def build(modules, files, scripts):
    content = {"bin/busybox": busybox(), **scripts}
    loading = [f"{i:02d}-{plain_name(f)}.ko" for i, f in enumerate(files)]
    for name, file in zip(loading, files):
        content[f"modules/{name}"] = unsigned(plain_module(modules / file))
    return archive(content, ("bin", "modules", "proc", "sys", "dev"))


def save(path, data):
    """Two runs may do this at once: the last one to finish wins, with the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as f:
        f.write(data)
    os.rename(f.name, path)


def archive(content, folders=()):
    """A cpio archive (the 'newc' format) of these files, all executable."""
    out = [entry(name, 0o040755) for name in folders]
    out += [entry(name, 0o100755, data) for name, data in content.items()]
    return b"".join(out + [entry("TRAILER!!!", 0)])


def entry(name, mode, data=b""):
    raw = name.encode() + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
    return pad4(head) + pad4(data)


def pad4(data):
    return data + bytes(-len(data) % 4)


def shell_settings(settings):
    lines = [f"{k}={shlex.quote(str(v))}" for k, v in settings.items()]
    return ("\n".join(lines) + "\n").encode()


def job(o):
    """The script that becomes the command; it runs in the host's /bin/sh."""
    env = {k: os.environ[k] for k in ("TERM", "LANG", "LC_ALL", "XDG_CACHE_HOME")
           if k in os.environ}
    env.update(pair.split("=", 1) for pair in o.env)
    lines = ["echo $$ >/run/vm/pid"]
    lines += [f"export {k}={shlex.quote(v)}" for k, v in env.items()]
    lines += [f"cd {shlex.quote(os.getcwd())} || exit 126", "exec " + shlex.join(o.command)]
    return ("\n".join(lines) + "\n").encode()
