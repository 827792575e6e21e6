# SPDX-License-Identifier: BSD-3-Clause
"""Starts and ends the devices of the rows, and vm_features: one guest for many functions, or vionet-softnic
without a guest. """

import contextlib
import re
import shlex
import socket
import subprocess
import threading

import common
from config_matrix import host, wires
from config_matrix.rows import BITS
from config_matrix.session import Failed, NotOffered, Session, check
from environment import vm
from environment.process import STEP_TIMEOUT, wait_until

FEATURES = common.BUILD / "tests/vm/vm_features"
OFFLOAD = common.BUILD / "tests/vm/vm_offload"
SOFTNIC = common.BUILD / "vionet-softnic"
# QEMU's messages about rss=on without its eBPF program, and about what make_fail does.
NO_COMPLAINT = r"libbpf:|.*(eBPF|ebpf|RSS)|.*zero sized buffers"


def run_checks(session, row):
    """Run the check of a row whose vm_features is starting; the text of its cell."""
    try:
        session.wait_ready()
    except Failed as e:
        if "does not offer" in str(e) or "not offered" in str(e):
            raise NotOffered(str(e)) from e
        raise
    info = session.info()
    for names, wanted in ((row.need, 1), (row.lacks, 0)):
        for name in filter(None, names.split(",")):
            check(info["negotiated"] >> BITS[name] & 1 == wanted,
                  f"{name} is {'not ' * wanted}negotiated")
    said = row.check(session)
    session.address_all()
    session.command("quit")
    return said


def outcome(function, *arguments):
    try:
        return "ok", function(*arguments)
    except NotOffered as e:
        return "not offered", str(e)
    except (Failed, AssertionError, OSError, KeyError, ValueError) as e:
        return "FAILED", f"{type(e).__name__}: {e}" if not isinstance(e, Failed) else str(e)


class GuestDevices:
    """One guest, a function for each row, one after the other."""

    def __init__(self, folder, column, rows):
        self.folder, self.column, self.rows = folder, column, rows
        self.wires = {r.name: self.wire(i, r) for i, r in enumerate(rows)}
        self.options = ["--smp", "1", "--bind", "--iommu-props", "device-iotlb=on", "--monitor", folder / "qmp",
                        *(("--qemu", "11") if column == "qemu11" else ())]
        for row in rows:
            self.options += ["--netdev", self.wires[row.name].netdev, "--device-props",
                             "mac=52:54:00:12:34:56" + ("," if row.qemu else "") + row.qemu]
        self.qmp = None
        self.guest = common.Guest(self.folder, ["bash", "-c", self.script()], *self.options)
        with contextlib.suppress(AssertionError):  # then each row reports that the guest has ended
            self.guest.wait_line("booted", vm.BOOT_LIMIT)

    def wire(self, i, row):
        name = f"{self.folder.name}-{i}"  # taps of all guests are in one namespace
        if row.kinds:
            return host.Host(self.folder, name.replace("-", ""))
        return wires.Tap(name, row.tap) if row.tap else wires.Datagrams(self.folder, name)

    def nic(self, row):
        return f"0000:00:{5 + self.rows.index(row):02x}.0"

    def script(self):
        lines = ["echo booted"]
        for row in self.rows:
            words = [FEATURES, self.nic(row), row.name, *row.arguments()]
            command = shlex.join(map(str, words))
            if row.command:
                command = row.command.format(vionet=common.VIONET, offload=OFFLOAD, nic=self.nic(row))
            lines.append(f"echo begin {row.name}; {command}; echo ended {row.name} $?")
        return "\n".join(lines)

    def results(self):
        for row in self.rows:
            yield row, *outcome(self.one, row)
            self.end_row(row)
        yield None, *outcome(self.end)

    def one(self, row):
        if row.command:
            self.guest.wait_line(f"ended {row.name} ")
            return row.check(self.wires[row.name], row, self.said(row))
        session = Session(self.wires[row.name], lambda: self.over(row), self, row)
        text = run_checks(session, row)
        at = self.guest.wait_line(f"ended {row.name} ")
        check(self.guest.lines[at].endswith(" 0"), self.said(row))
        return text

    def said(self, row):
        return self.guest.output.partition(f"begin {row.name}\n")[2].partition(
            f"ended {row.name} ")[0]

    def over(self, row):
        """The output of vm_features if it has ended; None if it runs."""
        if f"ended {row.name} " in self.guest.output:
            return self.said(row).strip() or "vm_features ended"
        return None if self.guest.process.poll() is None else "the guest has ended"

    def end_row(self, row):
        """vm_features ends by itself when no frame comes."""
        try:
            self.guest.wait_line(f"ended {row.name} ")
        except AssertionError:
            pass
        self.wires[row.name].close()

    def end(self):
        """The guest as a whole: no access that the IOMMU stopped, and no complaint by QEMU except the one
        that make_fail provokes."""
        status = self.guest.wait()
        self.close()
        check(status == 0, self.guest.output[-2000:])
        faults = self.guest.faults()
        provoked = [f for f in faults if "zero sized buffers" in f]
        check(len(faults) == len(provoked), "; ".join(faults[:3]))
        said = [line for line in self.guest.complaints.read_text().splitlines()
                if line and not re.match(NO_COMPLAINT, line)]
        check(not said, "; ".join(said[:3]))
        return "no fault, no complaint"

    def close(self):
        if self.qmp:
            self.qmp.close()
            self.qmp = None
        self.guest.end()

    # ---- from outside ----

    def monitor(self):
        self.qmp = self.qmp or vm.Monitor(self.folder / "qmp")
        return self.qmp

    def set_link(self, session, up):
        self.monitor().command("set_link", name=f"nic{self.rows.index(session.row)}", up=up)

    def wait_line(self, session, text):
        self.guest.wait_line(f"{session.row.name}: {text}")

    def announce(self, session):
        self.monitor().command("announce-self", **{
            "initial": 50, "max": 100, "rounds": 1, "step": 10,
            "interfaces": [f"nic{self.rows.index(session.row)}"]})
        return 1

    def make_fail(self, session):
        session.send_command("break")  # its reply is lost with the device


class SoftnicDevices:
    """vionet-softnic and vm_features as processes here, new ones for each row."""

    def __init__(self, folder, rows):
        self.folder, self.rows = folder, rows
        self.lines = []

    def results(self):
        for row in self.rows:
            yield row, *outcome(self.one, row)

    def one(self, row):
        if "softnic" in row.absent:
            raise NotOffered("it has no such thing")
        place = self.folder / row.name
        place.mkdir()
        wire = wires.Messages(place / "wire")
        device = subprocess.Popen(
            [SOFTNIC, "--listen", place / "nic", "--once", "--strict", "--control",
             place / "control", "--peer", f"unix:{place}/wire", "--features", row.offer,
             "--lossless", *row.softnic], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        try:
            self.place = place
            return self.with_device(row, wire, device, place)
        finally:
            wire.close()
            device.terminate()
            device.communicate(timeout=STEP_TIMEOUT)

    def with_device(self, row, wire, device, place):
        wire.accept()
        check(wait_until((place / "nic").exists, lambda: device.poll() is None),
              "vionet-softnic does not listen")
        self.lines = []
        driver = subprocess.Popen([FEATURES, f"vfio-user:{place}/nic", row.name,
                                   *row.arguments()], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        reader = threading.Thread(target=self.lines.extend, args=(driver.stdout,), daemon=True)
        self.reader = reader
        reader.start()
        try:
            text = run_checks(Session(wire, lambda: self.over(driver), self, row), row)
            check(driver.wait(STEP_TIMEOUT) == 0, "".join(self.lines))
        finally:
            driver.kill()
            driver.wait()
            reader.join(STEP_TIMEOUT)
            driver.stdout.close()
        said = device.communicate(timeout=STEP_TIMEOUT)[0]
        check(device.returncode == 0, f"vionet-softnic: {said.strip()}")
        return text

    def over(self, driver):
        if driver.poll() is None:
            return None
        self.reader.join(STEP_TIMEOUT)
        return "".join(self.lines).strip() or f"vm_features ended with {driver.returncode}"

    # ---- from outside ----

    def send_command(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(STEP_TIMEOUT)
            s.connect(str(self.place / "control"))
            s.sendall(command.encode() + b"\n")
            answer = s.recv(4096).decode()
        check(re.search(r"(?m)^ok", answer), f"{command}: {answer}")

    def set_link(self, _, up):
        self.send_command("link up" if up else "link down")

    def wait_line(self, session, text):
        check(wait_until(lambda: any(f"{session.row.name}: {text}" in line for line in self.lines),
                         lambda: session.alive() is None), f"the driver does not say '{text}'")

    def announce(self, _):
        self.send_command("announce")
        return 0

    def make_fail(self, _):
        self.send_command("needs-reset")
