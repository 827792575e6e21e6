# SPDX-License-Identifier: BSD-3-Clause
"""bench/guest --interfaces: `vionet tap` beside the kernel's virtio_net, two functions of one guest, in turn."""

import json
import os
import re
import statistics
import subprocess
import sys

import common

SCRIPT = common.ROOT / "bench/guest-interfaces"
FUNCTIONS = (common.NIC, "0000:00:06.0")
WHAT = {"out": "TCP out, Mbit/s", "in": "TCP in, Mbit/s", "ping": "ping, ms"}


def value_of(what, text):
    """Mbit/s that arrived, or the mean time of a ping."""
    if what == "ping":
        return float(re.search(r"= [\d.]+/([\d.]+)/", text).group(1))
    return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e6


def runs(o, folder):
    """A list of values for each of (who, what)."""
    command = [SCRIPT, common.VIONET, *FUNCTIONS, o.seconds, o.rounds]
    options = ["--bind", "--with-module", "tun", "--smp", "2"]
    options += [] if o.translated else ["--append", "iommu.passthrough=1"]
    netns = f"vionet-bench-{os.getpid()}"
    with common.namespace_with_taps([(f"tap{i}", f"10.9.{i}.1/24") for i in (0, 1)], netns):
        server = subprocess.Popen(["ip", "netns", "exec", netns, "iperf3", "-s"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            guest = common.Guest(folder, list(map(str, command)), *options,
                                 "--netdev", "tap,ifname=tap0", "--netdev", "tap,ifname=tap1",
                                 "--device-props", "mac=52:54:00:09:00:00", "--device-props", "mac=52:54:00:09:00:01",
                                 netns=netns, timeout=200 + 8 * o.rounds * (o.seconds + 4))
            guest.wait()
        finally:
            server.terminate()
            server.wait()
    found = {}
    for who, what, text in re.findall(r"(?ms)^== run (\S+) (\w+)\n(.*?)^== end$", guest.output):
        found.setdefault((who, what), []).append(value_of(what, text))
    if len(found) < 2 * len(WHAT):
        sys.exit(f"bench: the guest ended early:\n{guest.output}\n{guest.tail()}")
    return found


def report(found):
    print(f"{'':18}{'tap':>10}{'virtio_net':>12}   tap : virtio_net by rounds: min median max")
    for what, title in WHAT.items():
        ours, theirs = found["tap", what], found["virtio_net", what]
        ratio = [a / b for a, b in zip(ours, theirs)]
        print(f"{title:18}{statistics.median(ours):10.2f}{statistics.median(theirs):12.2f}"
              f"{min(ratio):34.2f}{statistics.median(ratio):7.2f}{max(ratio):7.2f}")


def main(o, folder):
    found = runs(o, folder)
    report(found)
    print(f"{o.rounds} rounds without KVM; load of the machine at the end: {os.getloadavg()[0]:.1f}")
    return {f"{who} {what}": values for (who, what), values in found.items()}
