#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vionet-vm itself: where the NICs are, what is behind them, what --at does to the machine, what it writes down."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest.mock
import xml.etree.ElementTree as xml

sys.dont_write_bytecode = True

import common  # noqa: E402

PROGRAM = common.ROOT / "tests/vm/vionet-vm"
COUNT = 500


class Case(common.Case):
    snapshot = False

    def run_json(self, command, *options, **more):
        """The guest, and what it wrote down."""
        guest = self.run_guest(command, "--json", self.folder / "json", *options, **more)
        return guest, json.loads((self.folder / "json").read_text())


class Places(Case):
    GROUPS = 'for n in $VM_NICS; do echo "$n group $(basename $(readlink /sys/bus/pci/devices/$n/iommu_group))"; done;'
    SEND = f"for n in $VM_NICS; do {common.VIONET} pktgen $n --count 100 --no-rx; done"

    def check_places(self, topology, *addresses, groups, options=(), command=SEND):
        guest, came = self.run_json(self.GROUPS + command, "--bind", "--topology", topology, *options)
        found = dict(line.split(" group ") for line in guest.lines if line and " group " in line)
        self.assertEqual(tuple(found), addresses, guest.output)
        self.assertEqual(len(set(found.values())), groups)
        self.assertEqual([nic["address"] for nic in came["nics"]], list(addresses))
        if command == self.SEND:
            self.assertEqual(guest.output.count("completed 100, refused 0"), len(addresses), guest.output)
        self.assert_no_faults(guest)
        self.assertEqual((came["status"], came["faults"], came["qemu_said"]), (0, [], []))

    def test_behind_a_bridge(self):
        self.check_places("bridge", "0000:01:01.0", "0000:01:02.0", groups=1, options=["--nic", 2])

    def test_one_device(self):
        self.check_places("multifunction", *(f"0000:00:05.{i}" for i in range(3)), groups=1, options=["--nic", 3])


class VirtualFunctions(Places):
    """Each has a group of its own. The physical function stays Linux's."""

    qemu = "11"

    def test_behind_a_bridge(self):
        self.check_places("sriov:2", "0000:01:00.1", "0000:01:00.2", groups=2)

    def test_one_device(self):
        """vionet knows what they are: the physical function is not taken from them."""
        guest, _ = self.run_json(f"{common.VIONET} list; {common.VIONET} bind 0000:01:00.0 2>&1; true", "--bind",
                                 "--topology", "sriov:1")
        self.assertIn("virtual functions would be removed with its driver", guest.output.replace("its 1 virtual function "
                      "would", "virtual functions would"))


class Amd(Case):
    def test_behind_an_amd_iommu(self):
        guest, came = self.run_json(Places.SEND, "--packed", "--bind", "--iommu", "amd", "--add", common.VIONET, "--nic", "2")
        self.assertEqual(guest.output.count("completed 100, refused 0"), 2, guest.output)
        self.assertIn("AMD-Vi", guest.log.read_text())
        self.assertEqual((came["iommu"], came["faults"]), ("amd", []))


class Peers(Case):
    def test_each_kind_and_properties_by_name(self):
        """Echo behind the first, a source behind the second with a packed ring, a capture played to the third."""
        frames = list(common.mixed_frames(50))
        pcap = self.folder / "played.pcap"
        pcap.write_bytes(b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(8) + b"\xff\xff\0\0\1\0\0\0" + b"".join(
            bytes(8) + 2 * len(frame).to_bytes(4, "little") + frame for frame in frames))
        nics = [f"0000:00:{5 + i:02x}.0" for i in range(4)]
        command = f"""
            {common.VIONET} pktgen {nics[0]} --count {COUNT} --rate 1k --linger 5 --size 60-1514
            {common.VIONET} info {nics[1]} | grep -o RING_PACKED | head -1
            {common.VIONET} dump {nics[1]} -c 5 | cut -c1-200
            {common.VIONET} dump {nics[2]} -c {len(frames)} >/dev/null
            {common.VIONET} pktgen {nics[3]} --count {COUNT} --rate 5k --no-rx"""
        guest, came = self.run_json(command, "--bind", "--device-props", "nic1:packed=on", "--peer", "echo", "--peer",
                                    "nic1:source:100", "--peer", f"nic2:pcap:{pcap}", "--peer", "nic3:sink",
                                    "--at", f"listening on {nics[2]}", "play:nic2")
        self.assertEqual([nic["properties"] for nic in came["nics"]], [{}, {"packed": "on"}, {}, {}])
        self.assertIn("RING_PACKED", guest.output)
        self.assertIn(f"{len(frames)} frames received, {len(frames)} matched", guest.output)
        peers = {peer["nic"]: peer for peer in came["peers"]}
        self.assertEqual([peers[f"nic{i}"]["kind"] for i in range(4)], ["echo", "source", "pcap", "sink"])
        self.assertEqual((peers["nic0"]["received"], peers["nic0"]["sent"]), (COUNT, COUNT), came)
        self.assertGreaterEqual(peers["nic1"]["sent"], 5)
        self.assertEqual(peers["nic2"]["sent"], len(frames))
        self.assertEqual((peers["nic3"]["received"], peers["nic3"]["sent"]), (COUNT, 0))
        self.assert_no_faults(guest)


class Behind(Case):
    """What --backend starts carries the frames, and ends with the guest."""

    def need(self, *programs):
        for program in programs:
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed (scripts/setup peers)")

    @staticmethod
    def pktgen(nic, *options):
        return f"{common.VIONET} pktgen {nic} --count {COUNT} --rate 1k --size 60-1514 {' '.join(options)}"

    def assert_back(self, guest, times):
        self.assertEqual(guest.output.count(f"completed {COUNT}, refused 0"), times, guest.output)
        self.assertEqual(guest.output.count(f"ours {COUNT}, not ours 0"), times, guest.output)
        self.assertEqual(guest.output.count("lost 0, duplicates 0, reordered 0, damaged 0"), times, guest.output)


class Backend(Behind):
    @staticmethod
    def commands_with(word):
        """The process ids of programs with this word in their command."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if word.encode() in path.read_bytes().split(b"\0"):
                    found.append(path.parent.name)
            except OSError:
                pass
        return found

    def test_testpmd(self):
        """It sends back what it gets at two ports, and has counted it."""
        self.need("dpdk-testpmd")
        # QEMU 7.2 crashes once a queue of such a device has an interrupt.
        guest, came = self.run_json(
            f"for nic in $VM_NICS; do {self.pktgen('$nic', '--linger 20 --mode poll --writable-rings')} || exit; done",
            "--bind", "--backend", "testpmd", "--nic", 2, "--check-stderr")
        self.assert_back(guest, 2)
        self.assertEqual(came["backend"], {"kind": "testpmd", "rx": 2 * COUNT, "tx": 2 * COUNT, "alive": True})
        self.assertEqual(came["qemu_said"], [])
        self.assert_no_faults(guest)

    def test_testpmd_dies_with_us(self):
        self.need("dpdk-testpmd")
        run = subprocess.Popen([sys.executable, PROGRAM, "--backend", "testpmd", "--", "sleep", "1000"])
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        word = f"--file-prefix=vionet-{run.pid}"
        self.assertTrue(common.native.wait_until(lambda: self.commands_with(word), lambda: run.poll() is None))
        run.kill()
        self.assertTrue(common.native.wait_until(lambda: not self.commands_with(word)))

    def test_open_vswitch(self):
        """From one port of the switch to the other. It drops frames while it learns that a port is up, and at the first
        use of a page: one side sends until the other has enough."""
        self.need("ovs-vsctl", "unshare")
        first, second = "0000:00:05.0", "0000:00:06.0"
        guest, came = self.run_json(
            f"""{common.VIONET} pktgen {first} --rate 1k --duration 600 --no-rx --mode poll --writable-rings >/dev/null &
            {common.VIONET} pktgen {second} --rx-only --duration 200 --count {COUNT} --mode poll --writable-rings""",
            "--bind", "--backend", "ovs", "--nic", 2, "--check-stderr")
        self.assertRegex(guest.output, r"duplicates 0, reordered 0, damaged 0")
        self.assertGreaterEqual(int(re.search(r"(?m)^RX  received (\d+) frames", guest.output)[1]), COUNT)
        self.assertEqual((came["backend"], came["qemu_said"]), ({"kind": "ovs", "alive": True}, []))
        self.assert_no_faults(guest)


class SoftnicBackend(Behind):
    qemu = "11"

    def setUp(self):
        super().setUp()
        self.ours = {"VIONET_SOFTNIC": str(common.BUILD / "vionet-softnic")}
        self.need(self.ours["VIONET_SOFTNIC"])

    def test_vfio_user(self):
        """vionet-softnic as two functions, which send back what they get."""
        guest, came = self.run_json(
            f"for nic in $VM_NICS; do {self.pktgen('$nic', '--linger 5')} || exit; done", "--bind", "--backend", "softnic",
            "--nic", 2, "--check-stderr", env=self.ours)
        self.assert_back(guest, 2)
        self.assertEqual(came["backend"], {"kind": "softnic", "alive": True})
        self.assert_no_faults(guest)

    def test_vhost_user(self):
        """Behind QEMU's own function, for the kernel's driver."""
        guest, came = self.run_json(
            common.interface() + "echo $(cat /sys/bus/pci/devices/$VM_NICS/virtio*/net/*/address)", "--iommu", "none",
            "--backend", "softnic-vhost", env=self.ours)
        self.assertIn("52:54:00:12:34:56", guest.output)


class VdpaBackend(Behind):
    kernel = "custom"

    def test_simulators(self):
        """Two simulators of the guest's kernel, each with its address."""
        guest, came = self.run_json(
            "i=56; for nic in $VM_NICS; do "
            + self.pktgen("$nic", "--linger 5 --dst-mac 52:54:00:12:34:$i") + " || exit; i=57; done",
            "--iommu", "none", "--backend", "vdpa-sim", "--nic", 2)
        self.assert_back(guest, 2)
        self.assertEqual(came["backend"], {"kind": "vdpa-sim", "alive": True})


class Packed(Case):
    def test_nothing_of_this_machine(self):
        """The command's program with its libraries, what --add names, busybox, and no more."""
        (self.folder / "text").write_text("added")
        guest, came = self.run_json([common.VIONET, "pktgen", common.NIC, "--count", str(COUNT), "--no-rx"], "--packed", "--bind")
        self.assertRegex(guest.output, common.sent(COUNT))
        self.assert_no_faults(guest)
        guest, _ = self.run_json(f"cat /place; ls /etc /home 2>&1; {common.VIONET} --version", "--packed", "--add",
                                 f"{self.folder}/text:/place", "--add", common.VIONET, "--add", "/bin/bash")
        self.assertIn("added", guest.output)
        self.assertIn("ls: /etc: No such file or directory", guest.output)
        self.assertIn("vionet 0", guest.output)

    def test_a_library_is_missing(self):
        guest = self.run_guest([common.VIONET], "--packed", "--sysroot", self.folder, status=125)
        self.assertIn(f"which is not below {self.folder}; see --sysroot", guest.output)


class Snapshot(Case):
    def test_started_from_twice(self):
        """The first run makes one; the second has the same boot, another function in the same place, another command, other files,
        its own clock."""
        random, used = [], []
        for number in (1, 2):
            (self.folder / "text").write_text(f"file {number}")
            command = (f"cat /place; echo; head -c 8 /dev/urandom | xxd -p; date +%s;"
                       f"{common.VIONET} pktgen {common.NIC} --count {COUNT + number} --linger 5")
            guest, came = self.run_json(command, "--packed", "--snapshot", "--bind", "--peer", "echo", "--add",
                                        f"{self.folder}/text:/place", "--add", common.VIONET, "--append", f"vionet.test={self.folder.name}",
                                        "--device-props", f"packed={'on' if number == 2 else 'off'}")
            self.assertRegex(guest.output, rf"(?m)^RX  received {COUNT + number} frames, .* ours {COUNT + number}, not ours 0$")
            self.assertRegex(guest.output, common.sent(COUNT + number))
            self.assert_no_faults(guest)
            at = guest.wait_line(f"file {number}")
            self.assertLess(abs(float(guest.lines[at + 2]) - time.time()), 250)
            random.append(guest.lines[at + 1])
            used.append(came["snapshot"])
        self.assertEqual(used, ["made", "used"])
        self.assertNotEqual(random[0], random[1])

    def test_written_slowly(self):
        """What QEMU has passed on is not yet in the file."""
        zstd, slow, whole = shutil.which("zstd"), self.folder / "zstd", self.folder / "whole"
        slow.write_text(f"""#!/bin/sh
            [ "$1" = -1cq ] || exec {zstd} "$@"
            {zstd} "$@" >{whole}; sleep 2; cat {whole}
        """)
        slow.chmod(0o755)
        with unittest.mock.patch.dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}"):
            _, came = self.run_json("true", "--packed", "--snapshot", "--append", f"vionet.test={self.folder.name}")
        self.assertEqual(came["snapshot"], "made")


class Migration(Case):
    def test_under_traffic(self):
        """From one QEMU to another and on to a third, while frames go out and come back. What the first has taken from a
        ring or from the wire, and has not passed on, ends with it, or is passed on by both: none on a quiet machine, a dozen
        on a busy one."""
        command = f"{common.VIONET} pktgen {common.NIC} --count 3000 --rate 300 --linger 5 --interval 0.5; echo status $?"
        guest, came = self.run_json(command, "--packed", "--add", common.VIONET, "--bind", "--peer", "echo",
                                    "--at", "pps", "migrate", "--at", "pps", "migrate")
        self.assertEqual([(a["action"], a["error"]) for a in came["actions"]], [("migrate", None)] * 2, guest.output)
        self.assertEqual(came["boots"], 1)
        self.assert_no_faults(guest)
        status = int(re.search(r"(?m)^status (\d+)", guest.output)[1])
        lost, twice, others = re.search(r"(?m)^ *lost (\d+), duplicates (\d+), (.*)$", guest.output).groups()
        self.assertEqual(others, "reordered 0, damaged 0, out of window 0")
        self.assertLess(int(lost) + int(twice), 100, guest.output)
        self.assertTrue(status == 0 or (status == 1 and int(lost) > 0), guest.output + "\n" + guest.tail())

    def test_target_that_dies(self):
        """The machine goes on where it is."""
        qemu = self.folder / "qemu"
        qemu.write_text('#!/bin/bash\n[[ " $* " != *" -incoming "* ]] && exec qemu-system-x86_64 "$@"\n')
        qemu.chmod(0o755)
        guest, came = self.run_json("echo before; echo before; echo after", "--qemu", qemu, "--packed",
                                    "--at", "before", "migrate", "--at", "before", "link-down", status=125)
        self.assertEqual([(a["action"], a["error"]) for a in came["actions"]], [("migrate", "QEMU is gone"), ("link-down", None)])
        self.assertIn("after", guest.output)


class At(Case):
    def test_actions(self):
        """In one boot and another: link changes, stop and cont, unplug under traffic, plug, reset."""
        nics = ("0000:01:00.0", "0000:02:00.0")
        command = f"""
            [ $VM_BOOT = 1 ] || {{ echo "once more"; {common.VIONET} pktgen {nics[1]} --count 100 --no-rx; exit; }}
            {common.VIONET} pktgen {nics[0]} --duration 200 --rate 1k --interval 0.5 2>&1 & pid=$!
            wait $pid; echo "first ended with $?"
            until [ -e /sys/bus/pci/devices/{nics[1]} ]; do sleep 0.1; done
            echo "there it is"
            {common.VIONET} bind {nics[1]} && {common.VIONET} pktgen {nics[1]} --count 100 --no-rx
            echo "the end"; sleep 200"""
        guest, came = self.run_json(command, "--bind", "--topology", "root-port", "--nic", 2, "--junit",
                                    self.folder / "junit", "--at", "pps", "link-down", "--at", "the link is down", "link-up",
                                    "--at", "the link is up", "stop", "--at", "", "cont", "--at", "pps", "unplug:nic0",
                                    "--at", "first ended with 5", "plug:nic1", "--at", "the end", "reset")
        self.assertEqual([(a["action"], a["error"]) for a in came["actions"]],
                         [(name, None) for name in ("link-down", "link-up", "stop", "cont", "unplug:nic0", "plug:nic1",
                                                    "reset")], guest.output)
        self.assertEqual((came["status"], came["boots"]), (0, 2))
        self.assertEqual(guest.output.count("completed 100, refused 0"), 2, guest.output)
        suite = xml.parse(self.folder / "junit").getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("1", "0"))
        self.assert_no_faults(guest)

    def test_what_is_not_reached_is_a_failure(self):
        guest, came = self.run_json("echo one", "--at", "two", "stop", status=125)
        self.assertIn("--at 'two' stop: not done, its mark was not seen", guest.output)
        self.assertEqual((came["status"], came["actions"][0]["seconds"]), (125, None))


class Sweep(common.Case):
    """Each line of a table is a run."""

    def sweep(self, table, *options, command):
        file = self.folder / "table"
        file.write_text(table)
        return subprocess.run([sys.executable, PROGRAM, "sweep", file, *options, "--", *command], capture_output=True,
                              text=True, check=False)

    def test_a_table(self):
        command = ["sh", "-c", f"test $COUNT != 0 && {common.VIONET} pktgen {common.NIC} --count $COUNT --no-rx"]
        done = self.sweep("iommu device-props bind COUNT\nintel packed=on yes 10\n\nvirtio - yes 20 # split\n"
                          "none - - 0\n", "--packed", "--add", common.VIONET, "--json", self.folder / "json", "--junit",
                          self.folder / "junit", command=command)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("3 of 3 runs, 1 failed", done.stderr)
        runs = json.loads((self.folder / "json").read_text())
        self.assertEqual([(run["name"], run["status"], run["iommu"]) for run in runs],
                         [("iommu=intel device-props=packed=on bind=yes COUNT=10", 0, "intel"),
                          ("iommu=virtio device-props=- bind=yes COUNT=20", 0, "virtio"),
                          ("iommu=none device-props=- bind=- COUNT=0", 1, "none")], done.stderr)
        self.assertEqual([n for n in ("sent 10 ", "sent 20 ") if n in done.stdout], ["sent 10 ", "sent 20 "])
        suite = xml.parse(self.folder / "junit").getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("3", "1"))

    def test_tables_that_are_wrong(self):
        """Found before anything runs."""
        for table, sentence in (("iommu\n", "a line of column names and at least one of values"),
                                ("iommu smp\nintel\n", "table:2: 1 values for 2 columns"),
                                ("iommu\nintel\nring\n", "argument --iommu: invalid choice: 'ring'")):
            done = self.sweep(table, command=["true"])
            self.assertEqual(done.returncode, 2)
            self.assertIn(sentence, done.stderr)


class Usage(common.Case):
    """Wrong usage has one sentence and status 2. No guest starts."""

    environments = "native"

    def refused(self, *options, command=("true",)):
        done = subprocess.run([sys.executable, PROGRAM, *options, "--", *command], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_sentences(self):
        for options, sentence in {
            ("--iommu", "smmuv3"): "--iommu smmuv3: x86_64 has intel, virtio, amd, none",
            ("--topology", "ring"): "--topology ring: one of root, root-port, bridge, multifunction, sriov:N",
            ("--topology", "sriov:2"): "--topology sriov:N needs --qemu 11",
            ("--topology", "sriov:9", "--qemu", "11"): "N virtual functions, 1 to 7",
            ("--topology", "sriov:2", "--qemu", "11", "--nic", "3"): "says how many NICs there are",
            ("--topology", "multifunction", "--nic", "9"): "at most 8 NICs",
            ("--nic", "1", "--device-props", "a=1", "--device-props", "b=2"): "--device-props: 2 of them for 1 NICs",
            ("--nic", "2", "--device-props", "nic2:a=1"): "nic2: the last of 2 NICs is nic1",
            ("--nic", "17"): "at most 16 NICs",
            ("--no-nic", "--peer", "nic0:echo"): "--no-nic excludes",
            ("--peer", "mirror"): "--peer mirror: one of echo, sink, source[:SIZE], pcap:FILE",
            ("--peer", "source:1"): "SIZE is 22 to 65535 bytes",
            ("--peer", "pcap:/nowhere/file"): "No such file or directory",
            ("--peer", f"pcap:{__file__}"): "not a pcap file",
            ("--peer", "echo", "--netdev", "user"): "nic0 has both a --peer and a --netdev",
            ("--queues", "2"): "--queues needs --netdev tap",
            ("--queues", "none"): "--queues none: queue pairs, 1 to 128",
            ("--at", "x", "explode"): "--at: explode: not an action; one of: plug[:nicN]",
            ("--at", "x", "unplug"): "--at: unplug needs --topology root-port",
            ("--at", "x", "link-up:nic3"): "--at: link-up:nic3: there is no nic3",
            ("--at", "x", "stop:nic0"): "--at: stop takes no NIC",
            ("--at", "x", "play", "--peer", "echo"): "--at: play: nic0 has no --peer that sends by itself",
            ("--backend", "passt"): "--backend passt: one of testpmd[:MODE], ovs, softnic[:PEER], softnic-vhost[:PEER], vdpa-sim, vhost-net",
            ("--backend", "ovs:x"): "--backend ovs:x: one of",
            ("--backend", "testpmd:csum"): "MODE is one of io, mac, rxonly, txonly",
            ("--backend", "testpmd", "--netdev", "user"): "--backend excludes --netdev: it makes the netdevs",
            ("--backend", "testpmd", "--peer", "echo"): "--backend excludes --peer",
            ("--backend", "testpmd", "--vfio-user", "/x"): "--backend excludes --vfio-user",
            ("--backend", "testpmd", "--no-nic"): "--backend excludes --no-nic",
            ("--backend", "testpmd", "--snapshot"): "--backend excludes --snapshot",
            ("--backend", "testpmd", "--pcap", "/x"): "--backend excludes --pcap: its frames do not pass through QEMU",
            ("--backend", "testpmd", "--packed", "--at", "x", "migrate"): "--backend excludes --at migrate",
            ("--backend", "testpmd", "--iommu", "none"): "with --iommu none needs --qemu 11 (or 10)",
            ("--backend", "ovs", "--queues", "2"): "ovs excludes --queues",
            ("--backend", "softnic"): "softnic needs --qemu 11, which has vfio-user",
            ("--backend", "softnic", "--qemu", "11", "--device-props", "a=b"): "the functions are not QEMU's",
            ("--backend", "softnic-vhost"): "softnic-vhost needs --qemu 11 (or 10)",
            ("--backend", "softnic-vhost", "--qemu", "11", "--bind"): "softnic-vhost excludes --bind",
            ("--backend", "vdpa-sim", "--kernel", "6.1"): "vdpa-sim needs --kernel custom",
            ("--backend", "vdpa-sim", "--bind"): "vdpa-sim excludes --bind",
            ("--add", "/bin/sh"): "--add and --sysroot go with --packed",
            ("--packed", "--add", "/nowhere"): "--add /nowhere: no such file",
            ("--snapshot", "--root-port"): "--snapshot: on x86_64, with the functions on the root bus",
            ("--snapshot", "--at", "x", "reset"): "--snapshot: on x86_64, with the functions on the root bus, and without --at reset",
            ("--at", "x", "migrate"): "--at: migrate needs --packed",
            ("--packed", "--pcap", "/x", "--at", "x", "migrate"): "a capture of --pcap would begin anew",
            ("--packed", "--user"): "--share and --user need this machine's files",
            ("--env", "1=2"): "--env 1=2: not NAME=VALUE",
        }.items():
            with self.subTest(options=options):
                self.assertIn(sentence, self.refused(*options).replace("\n", " "))
        self.assertIn("no command", self.refused(command=()))

    def test_missing_programs(self):
        """Said before anything starts, with the package."""
        cases = {"testpmd": "dpdk-testpmd is not installed: apt install dpdk-dev",
                 "ovs": "ovs-vsctl is not installed: apt install openvswitch-switch-dpdk"}
        if not os.path.exists("/dev/vhost-net"):
            cases["vhost-net"] = "/dev/vhost-net is not there; load the module as root: modprobe vhost_net"
        for kind, sentence in cases.items():
            done = subprocess.run([sys.executable, PROGRAM, "--backend", kind, "--", "true"], capture_output=True, text=True,
                                  check=False, env={"PATH": "/nowhere"})
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertIn(sentence, done.stderr)


if __name__ == "__main__":
    common.main()
