# SPDX-License-Identifier: BSD-3-Clause
"""
Texts and exit statuses of the command before a device is started: help, mistyped words, options without
effect, and each failure, the same on every transport. No root.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from test_tools import DEADLINE, PLAIN, VIONET, Case

COMMANDS = ("list", "bind", "unbind", "info", "set", "stats", "pktgen", "dump")
SOCKETS = ("vfio-user:", "vhost-user:")
NOBODY = 65534


def vionet(*arguments, before=(), **more):
    done = subprocess.run([*PLAIN, *before, VIONET, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=DEADLINE, **more)
    return done.returncode, done.stdout, done.stderr


class Help(unittest.TestCase):
    def test_each_command_has_it_in_each_form(self):
        for command in COMMANDS:
            whole = vionet(command, "--help")
            self.assertEqual((whole[0], whole[2]), (0, ""), command)
            self.assertIn(f"Usage: vionet {command} ", whole[1])
            for form in ((command, "-h"), (command, "-?"), ("help", command)):
                self.assertEqual(vionet(*form), whole, form)
        for form in ("help", "--help", "-h", "-?", "help help", "help -h", "help --help"):
            code, text, _ = vionet(*form.split())
            self.assertEqual(code, 0)
            self.assertIn("Usage: vionet COMMAND", text)

    def test_what_a_device_may_be(self):
        for command in ("info", "set", "stats", "pktgen", "dump"):
            text = " ".join(vionet(command, "--help")[1].split())
            for words in ("0000:00:04.0", "vfio-user:PATH", "vhost-user:PATH,server"):
                self.assertIn(words, text, command)

    def test_an_unknown_option_leads_to_the_commands_help(self):
        for command in COMMANDS:
            code, _, errors = vionet(command, "--foo")
            self.assertEqual(code, 2)
            self.assertIn("'--foo'", errors)
            self.assertIn(f"Try `vionet {command} --help'", errors)

    def test_a_mistyped_command(self):
        for typed, meant in (("pktgne", "pktgen"), ("lst", "list"), ("liist", "list"),
                             ("umbind", "unbind"), ("stat", "stats"), ("dumb", "dump"),
                             ("PKTGEN", "pktgen"), ("Inof", "info")):
            for form in (typed,), ("help", typed), (typed, "--help"):
                code, _, errors = vionet(*form)
                self.assertEqual(code, 2)
                self.assertIn(f"'{typed}' is not a command; did you mean 'vionet {meant}'?", errors)
        for typed in "frobnicate", "x", "", "tcpdump":
            code, _, errors = vionet(typed)
            self.assertEqual(code, 2)
            self.assertIn(f"'{typed}' is not a command; see 'vionet help'\n", errors)
        self.assertIn("vionet COMMAND --count", vionet("--count", "3")[2])


class List(unittest.TestCase):
    """The functions of this machine, whatever it has."""

    @staticmethod
    def functions():
        """The virtio-net functions in sysfs."""
        root, found = "/sys/bus/pci/devices", []
        for address in os.listdir(root):
            with open(f"{root}/{address}/vendor", encoding="ascii") as vendor, \
                 open(f"{root}/{address}/device", encoding="ascii") as device:
                if (vendor.read().strip(), device.read().strip()) in (("0x1af4", "0x1041"),
                                                                     ("0x1af4", "0x1000")):
                    found.append(address)
        return found

    def test_json(self):
        if not os.path.isdir("/sys/bus/pci/devices"):  # a machine without PCI
            self.assertEqual(vionet("list", "--json")[:2], (1, ""))
            return
        version = vionet("--version")[1].split()[1]
        code, text, errors = vionet("list", "--json")
        self.assertEqual((code, errors), (0, ""))
        found = json.loads(text)
        self.assertEqual((found["command"], found["schema"], found["version"]),
                         ("list", 1, version))
        self.assertCountEqual([one["address"] for one in found["functions"]], self.functions())
        self.assertEqual(vionet("list", "--json", before=("sh", "-c", "exec \"$@\" >/dev/full",
                                                          "sh"))[0], 1)


class NoEffect(unittest.TestCase):
    """An option that changes nothing is refused before anything is opened."""

    def refused(self, words, command, *options, device="vfio-user:/nowhere"):
        code, _, errors = vionet(command, device, *options)
        self.assertEqual(code, 2, (options, errors))
        self.assertIn(words, errors, options)
        self.assertEqual(errors.count("\n"), 1)

    def test_of_chance_where_there_is_none(self):
        self.refused("--seed has no effect with --stream and one --size", "pktgen", "--seed", "1",
                     "--stream", "2", "--size", "60")
        self.assertEqual(vionet("pktgen", "vfio-user:/nowhere", "--seed", "1", "--stream", "2",
                                "--size", "60-61")[0], 3)

    def test_of_sending_where_nothing_is_sent(self):
        for option, value in (
                ("rate", "5"), ("size", "60"), ("burst", "4"), ("seed", "1"), ("vlan", "3"),
                ("src-mac", "02:00:00:00:00:01"), ("dst-mac", "02:00:00:00:00:01"), ("ttl", "3"),
                ("src-ip", "1.2.3.4"), ("dst-ip", "1.2.3.4"), ("src-port", "1"), ("dst-port", "1"),
                ("linger", "1")):
            for order in (("--rx-only", f"--{option}", value), (f"--{option}={value}", "--rx-only")):
                self.refused(f"--{option} has no effect with --rx-only", "pktgen", *order)
        self.refused("--linger has no effect with --no-rx", "pktgen", "--no-rx", "--linger", "1")
        self.refused("leave nothing to do", "pktgen", "--no-rx", "--rx-only")

    def test_limits_of_times(self):
        """The bounds in the message are the real ones."""
        for option, most in ("reset-timeout", 600), ("control-timeout", 60), ("reply-timeout", 600):
            for value in "0", f"{most}.001", "11min", "2h", "20000d", "-1", "", "1e3":
                self.refused(f"--{option} '{value}': a time above 0 to {most} s is wanted", "info",
                             f"--{option}={value}")
            self.assertEqual(vionet("info", "vfio-user:/nowhere", f"--{option}", f"{most}")[0], 3)

    def test_options_of_another_transport(self):
        for option in ",server", ",wait=5", ",read-only":
            self.refused(f"'{option}' is an option of vhost-user", "info",
                         device=f"vfio-user:/nowhere{option}")
        self.refused("'wait' is said twice", "info", device="vhost-user:/nowhere,wait=1,server,wait=1")

    def test_pairs(self):
        self.refused("--cpus: 2 CPUs, but 1 thread", "pktgen", "--cpus", "0,1")
        queues = "--queues", "2", "--set", "queues=3"
        for command, *more in ("pktgen",), ("dump",), ("echo", "192.0.2.2"), ("tap",):
            self.refused("--queues 2 and --set queues=3: give one of them", command, *more, *queues)
        self.refused("--queues 2 and --set queues=3: give one of them", "test", "/nowhere", *queues, device="ndr")
        self.refused("has no effect with -w", "dump", "-w", "/nowhere/file", "-x")
        self.refused("--all has no effect with --json", "stats", "--json", "--all")

    def test_features(self):
        for command, *setting in (("info",), ("pktgen",), ("dump",), ("stats",),
                                  ("set", "rx-usecs=5")):
            self.refused("--want and --avoid both name CTRL_RX", command, *setting, "--want",
                         "CTRL_VLAN,CTRL_RX", "--avoid", "MQ,ctrl_rx")
            self.refused("--want MAC: it is accepted anyway", command, *setting, "--want", "MAC")
            self.refused("--want IPSEC: this driver makes no use", command, *setting, "--want", "IPSEC")
            self.refused("--want bit 120: this driver makes no", command, *setting, "--want", "120")
        self.refused("--avoid CTRL_RX: a setting needs it", "set", "promisc=on", "--avoid", "CTRL_RX")
        self.refused("--avoid CTRL_VLAN: a setting needs it", "pktgen", "--set", "vlan=5", "--avoid",
                     "CTRL_VLAN")
        # Nor what that depends on.
        self.refused("--avoid CTRL_VQ: a setting needs it", "set", "promisc=on", "--avoid", "CTRL_VQ")
        # Also of features that are accepted anyway.
        for setting, feature in (("rx-usecs=50", "NOTF_COAL"), ("tx-frames=9", "CTRL_VQ"),
                                 ("rx-usecs@1=5", "VQ_NOTF_COAL"), ("rss=all", "RSS"),
                                 ("mac=02:00:00:00:00:01", "CTRL_MAC_ADDR"),
                                 ("offloads=none", "CTRL_GUEST_OFFLOADS")):
            self.refused(f"--avoid {feature}: a setting needs it", "set", setting, "--avoid", feature)
        self.refused("--avoid CTRL_VQ: --want CTRL_RX needs it", "info", "--want", "CTRL_RX",
                     "--avoid", "CTRL_VQ,MQ")
        self.refused("--avoid GUEST_CSUM: --want GUEST_TSO4 needs it", "info", "--want",
                     "GUEST_ECN,GUEST_TSO4", "--avoid", "0,1")

    def test_what_a_backend_has_anyway(self):
        for option in "--assume-iommu", "--writable-rings":
            self.refused(f"{option} has no effect on a vhost-user back end", "info", option,
                         device="vhost-user:/nowhere")
        self.assertEqual(vionet("info", "vhost-user:/nowhere,read-only", "--writable-rings")[0], 3)

    def test_iommu_said_twice(self):
        """Which one holds is not a matter of their order."""
        for first, second in ("--no-iommu", "--iommu=type1"), ("--iommu=iommufd", "--no-iommu"), ("--no-iommu", "--iommu=auto"):
            self.refused("leave one of them out", "info", first, second)
        self.refused("--no-iommu is for PCI functions", "info", "--no-iommu", device="vfio-user:/nowhere")

    def test_no_such_name(self):
        for command in "bind", "unbind":
            self.refused("no vDPA device of this machine; 'vionet list' shows both", command, device="vdpa-none")

    def test_vf_token(self):
        """Before anything is bound."""
        good = "83d7e1bf-6c4a-4b5f-9d0e-2f6a5c1b8e34"
        for token in "", "x", "New", good[:-1], good + "0", good.replace("-", "0"), good[:-1] + "g":
            self.refused("a UUID is wanted", "bind", "--vf-token", token, device="ffff:00:00.0")
        self.assertEqual(vionet("bind", "ffff:00:00.0", "--vf-token", good)[0], 3)

    def test_units_of_counts(self):
        for command in "pktgen", "dump", "stats":
            self.refused("with k, M or G behind", command, "--count", "1T")


class Beside(Case):
    """Options of the open have no effect if another process has the device."""

    def test_another_process_has_the_device(self):
        holder = self.hold("rx-usecs=5")
        for command, *arguments in (("stats", "--set", "rx-usecs=6"), ("stats", "--no-hugepages"),
                                    ("set", "rx-usecs=6", "--avoid", "MQ"),
                                    ("set", "rx-usecs=6", "--hold")):
            _, errors = self.run_tool(command, *arguments, code=2)
            self.assertIn("another process has it", errors)
            self.assertIn("no effect; leave", errors)
        # Nothing was set meanwhile.
        self.assertEqual(self.set("rx-usecs=7")["rx-usecs"]["before"], "5")
        self.end(holder)


class Opening(unittest.TestCase):
    """One table of exit codes for what can be wrong with a socket."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="open-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def listen(self, name, answer=None):
        """A socket with a listener that replies so (None: never)."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path(name))
        listener.listen(8)
        self.addCleanup(listener.close)
        if answer is not None:
            threading.Thread(target=self.serve, args=(listener, answer), daemon=True).start()

    @staticmethod
    def serve(listener, answer):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            peer.sendall(answer)
            peer.close()

    def check(self, device, code, *words, before=(), **more):
        found, _, errors = vionet("info", device, before=before, **more)
        self.assertEqual(found, code, errors)
        for word in words:
            self.assertIn(word, errors)
        self.assertEqual(errors.count("\n"), 1, errors)
        return errors

    def as_nobody(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to be somebody else")
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def test_no_server(self):
        left_over = socket.socket(socket.AF_UNIX)
        left_over.bind(self.path("left_over"))
        left_over.close()
        self.listen("hangs-up", b"")
        for kind in SOCKETS:
            self.check(f"{kind}{self.path('none')}", 3, "no such socket")
            self.check(f"{kind}{self.path('left_over')}", 3, "no process listens")
            self.check(f"{kind}{self.path('hangs-up')}", 3)

    def test_bad_names(self):
        for kind in SOCKETS:
            self.check(kind, 2)
            self.check(kind + 200 * "x", 2, "107")

    def test_no_permission(self):
        more = self.as_nobody()
        self.listen("closed")
        os.chmod(self.path("closed"), 0o600)
        os.mkdir(self.path("locked"), 0o700)
        for kind in SOCKETS:
            for name in "closed", "locked/socket":
                self.check(f"{kind}{self.path(name)}", 4, **more)
        self.check(f"vhost-user:{self.path('new')},server,wait=1", 4, **more)

    def test_no_permission_to_write(self):
        more = self.as_nobody()
        os.mkdir(self.path("locked"), 0o700)
        for path in self.path("file"), self.path("locked/file"):
            code, _, errors = vionet("dump", "vfio-user:/nowhere", "-w", path, **more)
            self.assertEqual(code, 4, errors)
            self.assertIn(f"-w {path}: no permission to write it; see", errors)

    def test_no_peer_connects(self):
        device = f"vhost-user:{self.path('socket')},server,wait=1"
        code, _, errors = vionet("info", device)
        self.assertEqual(code, 3)
        self.assertEqual(errors.splitlines()[0], f"vionet: {device}: waiting for a back end to connect")
        self.assertEqual(errors.count("\n"), 2)

    def test_who_cannot_listen_does_not_wait(self):
        self.listen("taken")
        with open(self.path("file"), "w", encoding="ascii"):
            pass
        for name, code in ("taken", 3), ("file", 2), ("none/socket", 3):
            errors = self.check(f"vhost-user:{self.path(name)},server,wait=60", code)
            self.assertNotIn("waiting", errors)


class Ending(Case):
    """A device that disappears while it runs: 5, whichever process has it."""

    def test_the_device_goes(self):
        tool = self.start("pktgen", "--rate", "1k", "--interval", "20ms")
        self.assertIn("TX", tool.stdout.readline())
        self.nic.process.send_signal(signal.SIGKILL)
        output, errors = tool.communicate(timeout=DEADLINE)
        self.assertEqual(tool.returncode, 5, output + errors)

    def tearDown(self):
        self.nic.process.kill()
        self.nic.process.wait()
        for process in self.running:
            process.kill()
            process.communicate()
        self.nic.status = -signal.SIGKILL
        self.nic.process.stdout.close()
        self.nic.close()
        os.unlink(self.nic.trace)

    def test_a_closed_output_is_reported_once(self):
        read, write = os.pipe()
        os.close(read)
        tool = subprocess.Popen([*PLAIN, VIONET, "pktgen", self.device, "--duration", "0.3",
                                 "--interval", "50ms"], stdout=write, stderr=subprocess.PIPE,
                                text=True)
        os.close(write)
        _, errors = tool.communicate(timeout=DEADLINE)
        self.assertEqual((tool.returncode, errors.count("Broken pipe")), (1, 1), errors)
        for command in "info", "stats":
            read, write = os.pipe()
            os.close(read)
            tool = subprocess.Popen([*PLAIN, VIONET, command, self.device, "--json"],
                                    stdout=write, stderr=subprocess.PIPE, text=True)
            os.close(write)
            _, errors = tool.communicate(timeout=DEADLINE)
            self.assertEqual((tool.returncode, errors), (1, "vionet: standard output: Broken pipe\n"))


if __name__ == "__main__":
    unittest.main()
