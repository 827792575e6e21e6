# SPDX-License-Identifier: BSD-3-Clause
"""Firmware's virtio-net drivers, on QEMU 11's client of vfio-user: each fetches a file by TFTP, and goes."""

import binascii
import os
import re
import shutil
import subprocess

from .cell import COUNT, Cell, Verdict
from .driven import HERE, Driven, common, peer
from .peers import fetched

MEMORY = "512M"
OWN, HOST = "192.0.2.2", "192.0.2.1"
BLOCK = 1428  # of the file in a frame

IPXE = f"""#!ipxe
ifopen net0
set net0/ip {OWN}
set net0/netmask 255.255.255.0
imgfetch tftp://{HOST}/file && imgfetch tftp://{HOST}/whole ||
ifclose net0
poweroff
"""

SHELL = ["connect -r", f"ifconfig -s eth0 static {OWN} 255.255.255.0 {HOST}", "fs0:",
         f"tftp -s {BLOCK} {HOST} file got", "disconnect -r", "reset -s"]

# Each at its prompt.
U_BOOT = [f"setenv ipaddr {OWN}", f"setenv serverip {HOST}", "setenv autoload no", "virtio scan",
          f"tftpboot 0x8000000 {HOST}:file", "crc32 0x8000000 $filesize", "reset"]


class Firmware(Driven, Cell, peer.Case):
    """One boot; what it says is `serial`."""

    programs = ()

    def cell(self):
        root, self.netns = fetched(self, "firmware"), f"vionet-firmware-{os.getpid()}"
        qemu = subprocess.run([HERE / "../vm/fetch-qemu", "11"], capture_output=True, text=True, check=False)
        if qemu.returncode != 0:
            self.skipTest(qemu.stderr.strip())
        if os.geteuid() != 0:
            self.skipTest("a tap in a network namespace needs root")
        self.file = self.folder / "file"
        self.file.write_bytes(bytes(range(256)) * (COUNT * BLOCK // 256))
        with common.namespace_with_taps([("tap0", f"{HOST}/24")], self.netns):
            server = self.start(["ip", "netns", "exec", self.netns, "python3", "-B", HERE / "tftp.py", HOST, self.file], "tftp")
            self.until(server, "ready")
            nic = self.softnic("--peer", "tap:tap0")
            firmware = self.start([qemu.stdout.strip(), *self.machine(nic.path), *self.arguments(root)], "serial")
            self.follow(firmware)
            self.assertTrue(peer.wait_until(lambda: not firmware.alive(), seconds=peer.LIMIT))
            nic.stop()
            server.kill(peer.signal.SIGTERM)
        self.serial, self.asked = firmware.text(), server.text()
        blocks, again, whole = map(int, re.search(r"blocks (\d+), again (\d+), whole (\d+)", self.asked).groups())
        version = re.search(rf"/{self.package}_([^_+]+)", (root / "packages").read_text())[1]
        return self.checked(Verdict(blocks, blocks - again, again, int(whole != 1 or not self.whole())), version)

    def until(self, program, text, count=1):
        self.assertTrue(peer.wait_until(lambda: program.text().count(text) >= count, program.alive, peer.LIMIT),
                        program.text()[-2000:])

    def follow(self, firmware):
        """What is to be typed."""

    @staticmethod
    def machine(path):
        return ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-M", "q35", "-accel", "tcg",
                "-cpu", "max", "-m", MEMORY, "-object", f"memory-backend-memfd,id=m0,size={MEMORY},share=on",
                "-machine", "memory-backend=m0", "-serial", "stdio", "-device",
                '{"driver":"vfio-user-pci","addr":"0x5","socket":{"type":"unix","path":"%s"}}' % path]


class Ipxe(Firmware):
    """It has no serial console in Debian's build: it says by names of files what it did."""

    name, known, package = "iPXE, vfio-user", ("PCI-05",), "ipxe"

    def arguments(self, root):
        script = self.folder / "script"
        script.write_text(IPXE)
        return ["-kernel", root / "usr/lib/ipxe/ipxe.lkrn", "-initrd", script]

    def whole(self):
        return "asked whole" in self.asked


class Ovmf(Firmware):
    name, known, package = "OVMF (VirtioNetDxe), vfio-user", ("PCI-24",), "ovmf"

    def arguments(self, root):
        firmware = root / "usr/share/OVMF"
        shutil.copy(firmware / "OVMF_VARS_4M.fd", self.folder / "vars")
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        (self.disk / "startup.nsh").write_text("\r\n".join(SHELL) + "\r\n")
        return ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={firmware}/OVMF_CODE_4M.fd",
                "-drive", f"if=pflash,format=raw,unit=1,file={self.folder}/vars",
                "-drive", f"format=raw,file=fat:rw:{self.disk},if=none,id=d", "-device", "ide-hd,drive=d,bootindex=1"]

    def whole(self):
        got = self.disk / "got"
        return got.exists() and got.read_bytes() == self.file.read_bytes()


class UBoot(Firmware):
    name, known, package = "U-Boot, vfio-user", ("GEN-01",), "u-boot-qemu"

    def arguments(self, root):
        return ["-bios", root / "usr/lib/u-boot/qemu-x86_64/u-boot.rom"]

    def follow(self, firmware):
        self.until(firmware, "stop autoboot")
        for number, line in enumerate(["", *U_BOOT]):
            self.until(firmware, "=> ", number)
            firmware.process.stdin.write(line.encode() + b"\n")
            firmware.process.stdin.flush()

    def whole(self):
        found = re.search(r"==> ([0-9a-f]{8})", self.serial)
        return bool(found) and int(found[1], 16) == binascii.crc32(self.file.read_bytes())
