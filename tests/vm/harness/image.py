# SPDX-License-Identifier: BSD-3-Clause
"""What the guest boots: a kernel, and an initramfs made of busybox, modules and guest/init.

The initramfs is kept in the cache folder; what changes with every run (guest/agent's settings and
the command) is a second small archive behind it, which the kernel unpacks into the same place. With --packed that
archive also has the programs of the run: the root file system of the guest is then in memory, and nothing of this machine's.
"""

import hashlib
import os
import pathlib
import shlex
import shutil

from . import arch, backends, elf
from .kernel import HERE, ImageError, cache_folder, find_kernel, has_module, module_files, plain_module, plain_name, save, unsigned, \
    uncompressed

MODULES = ("virtio_pci", "virtio_console")
FILES = ("9pnet_virtio", "9p", "overlay")  # for a root file system of this machine's files


class Image:
    """The kernel, the initrd of this run and the folder of the kernel's modules (or None)."""

    def __init__(self, options, settings, folder):
        self.kernel, self.modules = find_kernel(options)
        self.kernel = uncompressed(self.kernel)
        settings["MODULES"] = str(self.modules or "")
        base = initramfs(self.modules, module_names(options, self.modules), busybox(options))
        self.initrd = pathlib.Path(folder, "initrd")
        content, folders = packed(options) if options.packed else ({}, ())
        rest = archive({"conf": shell_settings(settings), "job": job(options), **content}, folders)
        self.later = b""
        if options.snapshot:  # the guest waits for what differs from run to run
            waiting = {"PACKED": settings["PACKED"], "LATER": 1}
            rest, self.later = archive({"conf": shell_settings(waiting)}), rest
        self.initrd.write_bytes(base.read_bytes() + rest)


def module_names(o, modules):
    iommu = ("virtio_iommu",) if o.iommu == "virtio" else ()
    physical = ("virtio_net",) if o.physical_function else ()
    files = () if o.packed else FILES
    type1 = () if o.arch == "riscv64" else ("vfio_iommu_type1",)  # not in Linux
    # Asked for, it is an error that the kernel has none.
    vfio = ("vfio_pci", *type1) if o.bind or modules and has_module(modules, "vfio-pci") else ()
    return (*MODULES, *files, *iommu, *vfio, *physical, *o.with_module)


def busybox(o):
    """The one for its machine."""
    if o.arch != arch.HOST:
        found = find_kernel(o)[0]
        path = pathlib.Path(found).parents[1] / "bin/busybox"
        if not path.exists():
            raise ImageError(f"no busybox for {o.arch} beside {found}: take a kernel of Debian's")
        return path
    found = shutil.which("busybox")
    if not found:
        raise ImageError("no busybox (package busybox-static): run scripts/setup vm")
    return pathlib.Path(found)


def initramfs(modules, names, shell):
    """The path of the cached initramfs for these modules."""
    files = module_files(modules, names) if modules else []
    scripts = {n: (HERE / "guest" / n).read_bytes() for n in ("init", "agent", "port")}
    key = hashlib.sha256(repr(("v4", str(modules), files, scripts, str(shell))).encode()).hexdigest()[:16]
    path = cache_folder() / f"initramfs-{key}"
    if not path.exists():
        save(path, build(modules, files, scripts, shell))
    return path


def build(modules, files, scripts, shell):
    content = {"bin/busybox": shell.read_bytes(), **scripts}
    loading = [f"{i:02d}-{plain_name(f)}.ko" for i, f in enumerate(files)]
    for name, file in zip(loading, files):
        content[f"modules/{name}"] = unsigned(plain_module(modules / file))
    return archive(content, ("bin", "modules", "proc", "sys", "dev"))


def packed(o):
    """The command's program, what --add names, and their libraries, at their own paths: files and folders of an archive."""
    files = {}
    program = o.command[0] if "/" in o.command[0] else shutil.which(o.command[0])
    if o.arch != arch.HOST and "/" not in o.command[0]:
        program = None  # one of busybox's
    if program and os.path.isfile(program):
        files[os.path.abspath(program)] = program
    for name in o.add:
        files.update(named_files(name))
    content = {}
    for place, file in files.items():
        try:
            needed = elf.libraries(file, o.arch, o.sysroot)
        except (OSError, ValueError) as e:
            raise ImageError(f"--packed: {e}") from None
        for path, source in {place: file, **needed}.items():
            content[path.lstrip("/")] = pathlib.Path(source).read_bytes()
    folders = {str(parent) for place in (*content, os.getcwd().lstrip("/") + "/x") for parent in pathlib.Path(place).parents}
    return content, sorted(folders - {"."})


def named_files(name):
    """{path in the guest: file} of one --add, FILE or FOLDER, with :PATH for another place."""
    source, _, place = name.partition(":")
    place = place or os.path.abspath(source)
    if os.path.isfile(source):
        return {place: source}
    found = {}
    for folder, _, files in os.walk(source):
        for file in files:
            path = os.path.join(folder, file)
            if not os.path.isfile(path):
                continue  # a socket, a pipe, a link to nothing
            found[os.path.join(place, os.path.relpath(path, source))] = path
    return found


def archive(content, folders=()):
    """A cpio archive (the 'newc' format) of these files, all executable."""
    out = [entry(name, 0o040755) for name in folders]
    out += [entry(name, 0o100755, data) for name, data in content.items()]
    return b"".join(out + [entry("TRAILER!!!", 0)])


def entry(name, mode, data=b""):
    raw = os.fsencode(name) + b"\0"
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
    return pad4(head) + pad4(data)


def pad4(data):
    return data + bytes(-len(data) % 4)


def shell_settings(settings):
    lines = [f"{k}={shlex.quote(str(v))}" for k, v in settings.items()]
    return os.fsencode("\n".join(lines) + "\n")


def job(o):
    """The script that becomes the command; it runs in the host's /bin/sh."""
    env = {k: os.environ[k] for k in ("TERM", "LANG", "LC_ALL", "XDG_CACHE_HOME")
           if k in os.environ}
    env.update(pair.split("=", 1) for pair in o.env)
    lines = ["echo $$ >/run/vm/pid"]
    lines += [f"export {k}={shlex.quote(v)}" for k, v in env.items()]
    lines += [f"cd {shlex.quote(os.getcwd())} || exit 126", "exec " + shlex.join(backends.command(o))]
    return os.fsencode("\n".join(lines) + "\n")
