# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd as a vhost-user back end (DPDK's net_vhost), without root, huge pages or hardware."""

import re

from .background import wait_until

PROGRAM = "dpdk-testpmd"
MODES = ("io", "mac", "rxonly", "txonly")
# It waits a minute for room for a frame: nothing is lost while the other side is off the processor, nor while it
# requests the translation of each new page from QEMU.
RETRY = "set fwd {mode} retry\nset burst tx delay 1000 retry 60000\n"


def command(mode, vdevs, prefix, commands, program=PROGRAM, memory=192, more=()):
    """`vdevs`: the properties of each of its ports; `commands`: a file that is written here.

    Both of its threads are on both processors: with one each, the polling one starves the other."""
    commands.write_text(RETRY.format(mode=mode) if mode in ("io", "mac") else "")
    return [program, "--lcores", "0@(0-1),1@(0-1)", "--no-huge", "-m", memory, "--no-pci", "--no-telemetry",
            f"--file-prefix={prefix}", *(f"--vdev=net_vhost{i},{vdev}" for i, vdev in enumerate(vdevs)), "--",
            f"--forward-mode={mode}", "--auto-start", "--no-flush-rx", "--no-mlockall", "--total-num-mbufs=8192",
            f"--cmdline-file={commands}", *more]


def stop(process):
    """End it cleanly, and read its counters: {"RX": n, "TX": n}. Later ones print none after a signal."""
    try:
        process.process.stdin.write(b"\n")
        process.process.stdin.flush()
    except OSError:  # it has ended
        pass
    wait_until(lambda: not process.alive())
    process.kill()
    text = process.text().rpartition("Accumulated forward statistics")[2]
    return {way: int(count) for way, count in re.findall(r"([RT]X)-packets: (\d+)", text)}
