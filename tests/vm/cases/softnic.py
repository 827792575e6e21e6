#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Linux's own virtio_net against our software device: QEMU 11 has
it as a PCI function over vfio-user, with the host's kernel on a tap behind it.

One guest drives many functions in turn, a row of a table each: guest/virtio-net does with the
interface what an administrator would and records the results; this file checks them. The same
rows with QEMU's own function, in place of ours, show that the checks are right.

  tshark, tcpdump and the kernel's counters check the checksums; the device checks the driver.
"""

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import common  # noqa: E402

SOFTNIC = common.BUILD / "vionet-softnic"
SCRIPT = common.ROOT / "tests/vm/guest/virtio-net"
NETNS = f"vionet-softnic-{os.getpid()}"
COUNT = 8_000

# Bits of the features, and what ethtool calls them where it shows them.
CSUM, GUEST_CSUM, HOST_TSO4, MRG_RXBUF, MQ = 0, 1, 11, 15, 22
INDIRECT, EVENT_IDX, VERSION_1, PACKED, IN_ORDER, NOTIFICATION_DATA, RING_RESET = (
    28, 29, 32, 34, 35, 38, 40)
NOTF_COAL, HASH_REPORT, RSS = 53, 57, 60
IN_ETHTOOL = {CSUM: "tx-checksum-ip-generic", HOST_TSO4: "tx-tcp-segmentation",
              GUEST_CSUM: "rx-checksumming"}

# The device's summary without a violation and without a DMA fault.
# Linux 6.12 needs the pages of zeroes that Debian's configuration gives it: with init_on_alloc=0, old memory reaches
# the device as num_buffers (NET-13) and as ids in indirect tables of packed rings (PACKED-14).
BLAMELESS = r"drivers 1, .*\bviolations 0, .*\bDMA faults 0\b"


@dataclasses.dataclass
class Row:
    """One function: how it is offered and what Linux makes of it."""

    name: str
    ours: str = ""       # arguments of vionet-softnic
    props: str = ""      # the same for QEMU's virtio-net-pci
    has: tuple = ()      # feature bits that must be negotiated
    lacks: tuple = ()    # ... and must not
    steps: str = ""      # for guest/virtio-net
    whole: bool = True   # frames on the tap are complete: checksums right, at most 1514 bytes


def address(number, end):
    return f"10.77.{number + 1}.{end}"


class Results:
    """What guest/virtio-net recorded of one row."""

    def __init__(self, folder):
        self.folder = folder

    def text(self, name):
        return (self.folder / name).read_text(errors="replace")

    def statuses(self):
        return dict(line.split() for line in self.text("status").splitlines())

    def bits(self):
        return {i for i, c in enumerate(self.text("bits").strip()) if c == "1"}

    def numbers(self, name):
        """'name: number' and 'Name   number   0.0' lines."""
        found = re.findall(r"(?m)^\s*([\w. -]+?)(?::|\s)\s*(\d+)\b", self.text(name))
        return {key: int(value) for key, value in found}

    def interrupts(self, before, after):
        """How many each queue ('input.0') has made between the two."""
        first, last = self.interrupt_counts(before), self.interrupt_counts(after)
        return {name: last[name] - first[name] for name in last}

    def interrupt_counts(self, name):
        lines = [line.split() for line in self.text(name).splitlines()]
        return {words[-1].partition("-")[2]: sum(int(w) for w in words[1:] if w.isdigit())
                for words in lines}

    def switches(self, name):
        return dict(re.findall(r"(?m)^\s*([\w-]+): (on|off)\b", self.text(name)))

    def megabits(self, name):
        end = json.loads(self.text(name))["end"]
        return end["sum_received"]["bits_per_second"] / 1e6

    def names(self, start):
        return [p.name for p in self.folder.glob(start + "*")]


class Table(common.Case):
    processors = 2  # one alone may send all its flows by one queue
    snapshot = False
    qemu = "11"
    expected = re.compile("^$")  # what QEMU says all the same

    @contextlib.contextmanager
    def background(self, *command, **more):
        """A program in the namespace, ended with the test."""
        process = subprocess.Popen(["ip", "netns", "exec", NETNS, *map(str, command)],
                                   stdin=subprocess.DEVNULL, **more)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(common.native.STEP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def in_namespace(self, *command):
        return subprocess.run(["ip", "netns", "exec", NETNS, *command], capture_output=True,
                              text=True, check=True).stdout

    @contextlib.contextmanager
    def host(self, rows, multi_queue=()):
        """The side behind the functions: taps, a server for iperf3, a capture of every tap. At the end the
        host's kernel has counted no wrong checksum."""
        taps = [(f"tap{i}", address(i, 1) + "/24", *(["multi_queue"] if i in multi_queue else []))
                for i, _ in enumerate(rows)]
        with common.namespace_with_taps(taps, NETNS), contextlib.ExitStack() as stack:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            stack.enter_context(self.background("iperf3", "-s", **quiet))
            for i, _ in enumerate(rows):
                stack.enter_context(self.background(
                    "tcpdump", "-i", f"tap{i}", "-U", "-c", 500, "-w", self.folder / f"{i}.pcap",
                    "icmp or tcp", **quiet))
            yield stack
            wrong = self.in_namespace("nstat", "-asz", "*CsumErrors", "IpInHdrErrors", "TcpInErrs")
            counts = dict(re.findall(r"(?m)^(\w+)\s+(\d+)", wrong))
            self.assertGreaterEqual(len(counts), 5, wrong)
            self.assertEqual(set(counts.values()), {"0"}, wrong)

    def drive(self, rows, *options):
        """Boots the guest, which goes through the rows; its end."""
        results = self.folder / "results"
        results.mkdir()
        commands = [f"{SCRIPT} {results}/{i} 0000:00:{5 + i:02x}.0 {address(i, 1)} "
                    f"{address(i, 2)} {row.steps}" for i, row in enumerate(rows)]
        guest = self.run_guest("; ".join(commands), "--iommu", "none", "--with-module",
                               "virtio_net", "--share", results, *options, netns=NETNS)
        said = [line for line in guest.complaints.read_text().splitlines() if not self.expected.search(line)]
        self.assertEqual(said, [])
        return [Results(results / str(i)) for i, _ in enumerate(rows)]

    def check_row(self, row, number, results):
        with self.subTest(row=row.name):
            failed = {name: results.text(name) for name, status in results.statuses().items()
                      if status != "0"}
            self.assertEqual(failed, {})
            self.check_features(row, results)
            self.check_traffic(results)
            for step in row.steps.split():
                getattr(self, "check_" + step, lambda _: None)(results)
            if row.whole:
                self.check_capture(self.folder / f"{number}.pcap")
            print(f"{row.name:24} {results.megabits('sent'):7.0f} Mbit/s out "
                  f"{results.megabits('received'):7.0f} in", file=sys.stderr)

    def check_features(self, row, results):
        bits = results.bits()
        self.assertLessEqual({VERSION_1, *row.has}, bits)
        self.assertEqual(bits & set(row.lacks), set())
        switches = results.switches("features")
        for bit, name in IN_ETHTOOL.items():
            if bit in bits:
                self.assertEqual(switches[name], "on", name)
        self.assertEqual(results.numbers("channels")["Combined"] >= 1, True)

    def check_traffic(self, results):
        for name in results.names("ping"):
            self.assertRegex(results.text(name), r"(\d+) packets transmitted, \1 received, 0% pack")
        for name in results.names("sent") + results.names("received"):
            self.assertGreater(results.megabits(name), 1, name)
        self.assertEqual(results.numbers("checksums-before"), results.numbers("checksums-after"))
        stats = json.loads(results.text("errors"))[0]["stats64"]
        for way in ("rx", "tx"):
            self.assertGreater(stats[way]["packets"], 200)
            wrong = {k: v for k, v in stats[way].items() if v and "error" in k}
            self.assertEqual(wrong, {})

    def check_queues(self, results):
        counts = results.interrupts("queues-before", "queues-after")
        for queue in ("input.0", "input.1", "output.0", "output.1"):
            self.assertGreater(counts[queue], 0, counts)

    def check_rss(self, results):
        """All weight on one queue: the frames come there."""
        for queue in (0, 1):
            counts = results.interrupts(f"steered-before-{queue}", f"steered-after-{queue}")
            self.assertGreater(counts[f"input.{queue}"], 20, counts)
            self.assertLess(counts[f"input.{1 - queue}"], counts[f"input.{queue}"] / 5, counts)

    def check_offloads(self, results):
        self.assertEqual(results.switches("features-off")["tx-checksumming"], "off")

    def check_rings(self, results):
        self.assertRegex(results.text("rings-after"), r"Current hardware settings:\nRX:\s+64\n")

    def check_capture(self, pcap):
        rows = common.tshark(pcap, ["frame.len", "ip.checksum.status", "icmp.checksum.status", "tcp.checksum.status",
                                    "tcp.checksum", "tcp.checksum_calculated"],
                             "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")
        self.assertEqual(len(rows), 500)
        for length, ip, icmp, tcp, *sums in rows:
            self.assertLessEqual(int(length), 1514)
            # Linux writes a sum of 0 as 0xffff, which is as right; tshark calls it wrong (RFC 1624): one frame in 65,536.
            if sums == ["0xffff", "0x0000"]:
                tcp = "1"
            self.assertEqual((ip, tcp or icmp), ("1", "1"))


class Control(Table):
    """QEMU's own function in place of ours, with the same checks."""

    ROWS = [
        Row("split", has=(EVENT_IDX, INDIRECT, MRG_RXBUF, CSUM, HOST_TSO4), lacks=(PACKED,),
            steps="offloads again", whole=False),
        Row("packed, bare", props="packed=on,event_idx=off,indirect_desc=off,mrg_rxbuf=off,"
            "csum=off,guest_csum=off,gso=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,"
            "guest_ufo=off,guest_uso4=off,guest_uso6=off,host_tso4=off,host_tso6=off,"
            "host_ecn=off,host_ufo=off,host_uso=off",
            has=(PACKED,), lacks=(EVENT_IDX, INDIRECT, MRG_RXBUF, CSUM, GUEST_CSUM)),
        Row("two queues", props="mq=on,rss=on,vectors=6", has=(MQ, RSS), steps="queues rss",
            whole=False),
    ]

    def test_qemus_own_function(self):
        several = {i for i, row in enumerate(self.ROWS) if "mq=on" in row.props}
        with self.host(self.ROWS, several):
            options = []
            for i, row in enumerate(self.ROWS):
                queues = ",queues=2" if i in several else ""
                options += ["--netdev", f"tap,ifname=tap{i}{queues}", "--device-props",
                            row.props + ",iommu_platform=off,mac=52:54:00:12:34:%02x" % i]
            for i, results in enumerate(self.drive(self.ROWS, *options)):
                self.check_row(self.ROWS[i], i, results)


NO_OFFLOADS = ",".join("-" + name for name in (
    "csum", "host_tso4", "host_tso6", "host_ecn", "host_uso", "guest_csum", "guest_tso4",
    "guest_tso6", "guest_ecn", "guest_uso4", "guest_uso6", "guest_hdrlen", "ctrl_guest_offloads"))


class Served(Table):
    """With vionet-softnic, which checks the driver too."""

    def setUp(self):
        super().setUp()
        if not SOFTNIC.exists():
            self.skipTest(f"{SOFTNIC} is not built")

    def server(self, stack, number, row, peer=None):
        """The device, ready for its driver; it ends with it."""
        path, said = self.folder / f"{number}.sock", self.folder / f"{number}.said"
        process = stack.enter_context(self.background(
            SOFTNIC, "--listen", path, "--once", "--peer", peer or f"tap:tap{number}",
            "--mac", f"52:54:00:12:34:{number:02x}", *row.ours.split(),
            stdout=stack.enter_context(open(said, "wb")), stderr=subprocess.STDOUT))
        self.assertTrue(common.native.wait_until(path.exists, lambda: process.poll() is None),
                        f"{row.name}: the device does not listen: {said.read_text()}")
        return process, path, said

    def check_verdict(self, row, process, said):
        with self.subTest(row=row.name, what="verdict"):
            status = process.wait(common.native.STEP_TIMEOUT)
            self.assertRegex(said.read_text(), BLAMELESS)
            self.assertEqual(status, 0)


class SoftwareDevice(Served):
    """Over vfio-user to Linux's virtio_net, which violates no requirement."""

    RINGS = [
        Row("split", "--features -ring_packed", has=(EVENT_IDX, INDIRECT, MRG_RXBUF),
            lacks=(PACKED,)),
        Row("split, bare", "--features -ring_packed,-event_idx,-indirect_desc,-mrg_rxbuf",
            lacks=(PACKED, EVENT_IDX, INDIRECT, MRG_RXBUF)),
        Row("split, notification data", "--features -ring_packed,+notification_data",
            has=(NOTIFICATION_DATA,), lacks=(PACKED,)),
        Row("packed", "--features +ring_packed", has=(PACKED, EVENT_IDX, INDIRECT, MRG_RXBUF)),
        Row("packed, bare", "--features +ring_packed,-event_idx,-indirect_desc,-mrg_rxbuf",
            has=(PACKED,), lacks=(EVENT_IDX, INDIRECT, MRG_RXBUF)),
        Row("packed, notification data", "--features +ring_packed,+notification_data",
            has=(PACKED, NOTIFICATION_DATA)),
        # Linux 6.12 does not know IN_ORDER, and works without it.
        Row("in order offered", "--features +in_order", lacks=(IN_ORDER,)),
    ]
    NETWORK = [
        Row("no offloads", "--features " + NO_OFFLOADS, lacks=(CSUM, GUEST_CSUM, HOST_TSO4)),
        Row("offloads", has=(CSUM, GUEST_CSUM, HOST_TSO4), steps="offloads"),
        Row("two queues", "--queues 2", has=(MQ, RSS, HASH_REPORT), steps="queues rss"),
        Row("other ring sizes", has=(RING_RESET, NOTF_COAL), steps="rings coalesce"),
        Row("a second life", "--features -ring_packed", steps="again"),
    ]

    def table(self, rows, host):
        servers = [self.server(host, i, row) for i, row in enumerate(rows)]
        options = [word for _, path, _ in servers for word in ("--vfio-user", path)]
        for i, results in enumerate(self.drive(rows, *options)):
            self.check_row(rows[i], i, results)
            self.check_verdict(rows[i], servers[i][0], servers[i][2])

    def test_rings(self):
        with self.host(self.RINGS) as host:
            self.table(self.RINGS, host)

    def test_network(self):
        with self.host(self.NETWORK) as host:
            self.table(self.NETWORK, host)


class FrontEnd(Served):
    """The same driver on QEMU's own function, whose rings vionet-softnic serves over vhost-user."""

    expected = re.compile("warning: vhost-user backend supports VHOST_USER_PROTOCOL_F_CONFIG but QEMU does not")

    ROWS = [
        # Of the reset of one queue QEMU tells its back end nothing: it must not be offered.
        Row("vhost-user, split", has=(EVENT_IDX, INDIRECT, MRG_RXBUF, CSUM, HOST_TSO4), lacks=(PACKED, RING_RESET),
            steps="again"),
        Row("vhost-user, packed", props="packed=on", has=(PACKED, EVENT_IDX, INDIRECT)),
        Row("vhost-user, two queues", "--queues 2", props="mq=on,vectors=6", has=(MQ,), steps="queues"),
    ]

    def test_qemus_front_end(self):
        with self.host(self.ROWS) as host:
            servers, options = [], []
            for i, row in enumerate(self.ROWS):
                servers.append(self.server(host, i, dataclasses.replace(row, ours="--vhost-user " + row.ours)))
                queues = ",queues=2" if "mq=on" in row.props else ""
                options += ["--netdev", f"vhost-user,path={servers[i][1]}{queues}", "--device-props",
                            ",".join(filter(None, (row.props, "iommu_platform=off,mac=52:54:00:12:34:%02x" % i)))]
            for i, results in enumerate(self.drive(self.ROWS, *options)):
                self.check_row(self.ROWS[i], i, results)
                self.check_verdict(self.ROWS[i], servers[i][0], servers[i][2])


class Vionet(Served):
    """Our own driver on both sides of the socket: in the guest it has the function through the
    kernel's VFIO and QEMU's IOMMU, which maps page by page what the driver maps."""

    def test_through_an_iommu(self):
        row = Row("vionet", "--lossless")
        with common.namespace_with_taps([], NETNS), contextlib.ExitStack() as stack:
            process, path, said = self.server(stack, 0, row, peer="loop")
            guest = self.run_guest(
                [common.VIONET, "pktgen", common.NIC, "--count", COUNT, "--size", "60-1514", "--rate",
                 "2kpps", "--linger", "2", "--mode", "interrupt", "--json"],
                "--bind", "--vfio-user", path, netns=NETNS)
            self.assertEqual(guest.complaints.read_text(), "")
            self.assert_no_faults(guest)
            self.check_verdict(row, process, said)
        result = json.loads(guest.output[guest.output.index("{"):])
        self.assertEqual(result["tx"]["completed"], COUNT)
        self.assertEqual(result["rx"]["own"], COUNT)
        self.assertGreater(result["rx"]["interrupts"], 0)
        for what in ("lost", "duplicates", "reordered", "damaged"):
            self.assertEqual(result["rx"][what], 0, what)


if __name__ == "__main__":
    common.main()
