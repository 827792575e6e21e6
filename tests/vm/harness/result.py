# SPDX-License-Identifier: BSD-3-Clause
"""What came of a run, for programs: JSON, and JUnit's XML."""

import json
import os
import re
import xml.etree.ElementTree as xml

# Any of these in QEMU's trace, its stderr or the guest's log is an IOMMU fault.
FAULT = re.compile(r"vtd_dmar_fault|vtd_frr_new|virtio_iommu_report_fault|translation failure|AMD-Vi: Event logged"
                   r"|riscv_iommu_flt|riscv,iommu: Fault|smmuv3_record_event|virtio_iommu_translate no mapping|DMAR: \[DMA|event 0x10 received|zero sized buffers")
# With --backend ovs, which connects to QEMU: no complaint.
EXPECTED = re.compile(r"(?m)^[^\n]*info: QEMU waiting for connection on: [^\n]*\n")
MEANING = {124: "killed after its time limit", 125: "the guest did not start or died, or a check failed"}


def faults(*paths):
    """Lines of QEMU and of the guest's kernel about IOMMU faults."""
    found = []
    for path in filter(None, paths):
        if os.path.isfile(path):
            with open(path, errors="replace") as f:
                found += [line.strip() for line in f if FAULT.search(line)]
    return found


def of_run(o, status, guest, log, complaints):
    """One object for the run."""
    booting, running = guest.seconds() if guest else (None, None)
    return {
        "command": o.command, "status": status, "arch": o.arch, "iommu": o.iommu, "topology": o.topology,
        "kernel": o.kernel or "6.12", "qemu": o.qemu, "qemu_version": getattr(o, "qemu_version", None),
        "nics": [{"name": nic.name, "address": nic.address, "netdev": nic.netdev, "queues": nic.queues,
                  "properties": nic.props} for nic in o.nics],
        "snapshot": guest.snapshot.state if guest and guest.snapshot else None,
        "boots": guest.boots if guest else 0, "boot_s": rounded(booting), "command_s": rounded(running),
        "backend": o.behind.result() if getattr(o, "behind", None) else None,
        "peers": [peer.result() for peer in getattr(o, "peers", ())],
        "actions": [action.result() for action in o.actions],
        "faults": faults(o.trace, log, complaints), "qemu_said": text_of(complaints).splitlines(),
    }


def rounded(seconds):
    return None if seconds is None else round(seconds, 3)


def text_of(path):
    """Of a file: a device or a pipe may have no end."""
    if not path or not os.path.isfile(path):
        return ""
    with open(path, errors="replace") as f:
        return EXPECTED.sub("", f.read())


def why(run):
    """One line for a run that is not well."""
    wrong = [f"--at '{a['mark']}' {a['action']}: {a['error'] or 'its mark was not seen'}"
             for a in run["actions"] if a["error"] or a["seconds"] is None]
    return "; ".join([f"status {run['status']}" + (f" ({MEANING[run['status']]})" if run["status"] in MEANING else "")] + wrong)


def check_place(option, path):
    """What a run is to write is looked at before the run."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise ValueError(f"{option} {path}: there is no folder {folder}")
    if os.path.isdir(path):
        raise ValueError(f"{option} {path}: a folder; a file is wanted")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise ValueError(f"{option} {path}: no permission to write it")


def save(o, value, named_runs):
    """--json and --junit; what could not be written, a line each."""
    problems = []
    for option, path, write, what in ("--json", o.json, save_json, value), ("--junit", o.junit, save_junit, named_runs):
        try:
            if path:
                write(path, what)
        except OSError as e:
            problems.append(f"{option} {path}: {e.strerror}")
    return problems


def in_xml(text):
    """XML 1.0 has no way to write other characters than these."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)


def save_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f, indent=2)
        f.write("\n")


def save_junit(path, named_runs, suite="vionet-vm"):
    """`named_runs`: pairs of a name and a run."""
    runs = list(named_runs)
    root = xml.Element("testsuite", name=suite, tests=str(len(runs)),
                       failures=str(sum(run["status"] != 0 for _, run in runs)))
    for name, run in runs:
        case = xml.SubElement(root, "testcase", classname=suite, name=in_xml(name), time=str(run["command_s"] or 0))
        if run["status"]:
            xml.SubElement(case, "failure", message=in_xml(why(run))).text = in_xml(
                "\n".join(run["qemu_said"] + run["faults"]))
    xml.ElementTree(root).write(path, encoding="unicode", xml_declaration=True)
