#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A function that cannot be driven is refused, with a message that names the remedy and a fixed exit status;
and bind never leaves a function without a driver."""

import contextlib
import os
import socket
import sys
import threading

sys.dont_write_bytecode = True

import common  # noqa: E402

NIC = common.NIC
INFO = f"{common.VIONET} info {NIC}"


# Two functions of one device, which is one group.
SIBLINGS = ("--device-props", "multifunction=on,addr=0x5.0x0", "--qemu-arg=-netdev",
            "--qemu-arg=user,id=other,restrict=on,ipv6=off", "--qemu-arg=-device",
            "--qemu-arg=virtio-net-pci,netdev=other,addr=0x5.0x1,disable-legacy=on,iommu_platform=on,"
            "romfile=")
SECOND = "0000:00:05.1"


class Refusal(common.Stepped):
    def expect(self, command, status, *texts, options=(), **more):
        guest = self.run_guest(command, *options, status=status, **more)
        for text in texts:
            self.assertIn(text, guest.output)
        return guest


class Function(Refusal):
    """What is wrong with the function itself."""

    environments = "vm native asan tsan"

    def info(self):
        return f"{self.vionet} info {self.nic}"

    def test_without_access_platform(self):
        self.expect(self.info(), 3, f"{self.nic}: the device does not offer ACCESS_PLATFORM",
                    "iommu_platform=on; if this is hardware behind a real IOMMU, assert that with "
                    "--assume-iommu", vm=["--bind", "--device-props", "iommu_platform=off"],
                    native=["--features", "-ACCESS_PLATFORM"])

    def test_refused_features(self):
        """QEMU refuses FEATURES_OK to a driver that leaves ACCESS_PLATFORM out; the software device
        may refuse anything."""
        guest = self.expect(f"{self.info()} --assume-iommu --avoid ACCESS_PLATFORM", 3,
                            f"{self.nic}: the device refuses this set of features: ", "VERSION_1",
                            "; leave some of them out with --avoid",
                            vm=["--bind"], native=["--fault", "B05"])
        self.assertNotIn("ACCESS_PLATFORM", guest.output)

    def test_another_device(self):
        self.expect(self.info(), 3, "not a virtio-net function",
                    vm=["--bind", "--device-props", "driver=e1000e"], native=["--fault", "A01"])


class Open(Refusal):

    def test_legacy_only(self):
        guest = self.expect(
            INFO, 3, f"{NIC}: ", "legacy",
            options=("--bind", "--device-props",
                     "disable-legacy=off,disable-modern=on,iommu_platform=off"))
        self.assertNotIn("mapped", guest.output)

    def said(self, status, *texts):
        """What the next step said, with each of these."""
        said = self.step(status)
        for text in texts:
            self.assertIn(text, said)
        return said

    def test_with_another_driver(self):
        """One guest for all that leaves the function as it is."""
        self.run_steps(f"{common.STEP}; step {INFO}; step {common.VIONET} info 0000:00:13.0;"
                       f"for command in info bind unbind; do step {common.VIONET} $command 00:1d.0; done;"
                       f"{common.interface()} step {INFO}")
        self.said(3, f"{NIC}: bound to ", f"; run: vionet bind {NIC}")
        self.said(3, "0000:00:13.0")
        # A 9p device is no NIC, whatever its driver: the message does not suggest to bind it.
        for _ in ("info", "bind", "unbind"):
            said = self.said(3, "it is a virtio 9P device (1af4:1049), not a virtio-net function")
            self.assertNotIn("vionet bind", said)
        self.said(3, "virtio-pci", f"vionet bind {NIC}")

    def test_bound(self):
        """Another user may not open it; what another process drives is refused after the 2 s that a dying one may need."""
        self.run_steps(f"{common.STEP}; step setpriv --reuid 1000 --clear-groups {INFO};"
                       f"{common.dumping(NIC)} step {INFO}; kill -INT %1; wait", "--bind")
        self.said(4, "/dev/vfio/")
        self.said(3, "another process")

    def test_no_iommu(self):
        self.expect(INFO, 3, "IOMMU group", "intel_iommu=on", options=("--iommu", "none"))

    def test_no_interrupt_remapping(self):
        self.expect(INFO, 3, "allow_unsafe_interrupts",
                    options=("--bind", "--iommu-props", "intremap=off"))

    def test_group_not_viable(self):
        self.expect(
            f"modprobe virtio_net; {common.VIONET} bind {NIC}; echo bind $?; {INFO}", 3,
            "bind 3", "0000:00:05.1 is bound to virtio-pci", f"vionet bind --group {NIC}",
            options=SIBLINGS)

    def test_too_little_locked_memory(self):
        self.expect(f"ulimit -l 256; {common.VIONET} dump {NIC}", 4, "locked memory", "0 of 256 KiB",
                    "prlimit", options=("--user",))


class Bind(common.Case):
    DRIVER = f"readlink /sys/bus/pci/devices/{NIC}/driver || echo none"

    def test_there_and_back(self):
        guest = self.run_guest(
            f"modprobe virtio_net; {self.DRIVER}; {common.VIONET} list; {common.VIONET} bind {NIC};"
            f"{self.DRIVER}; {common.VIONET} list; {common.VIONET} unbind {NIC}; {self.DRIVER};"
            f"{common.interface(driver='')} ls /sys/class/net;"
            f"{common.VIONET} bind {NIC} & {common.VIONET} bind {NIC}; one=$?; wait $!; echo both $one $?; {self.DRIVER};"
            # Where SIGKILL ends a bind: before and after the old driver was unbound.
            f"cd /sys/bus/pci/devices/{NIC}; {common.VIONET} unbind {NIC};"
            f"echo vfio-pci >driver_override; {common.VIONET} list; {common.VIONET} unbind {NIC}; {self.DRIVER};"
            f"echo vfio-pci >driver_override; echo {NIC} >driver/unbind; {common.VIONET} list;"
            f"{common.VIONET} unbind {NIC}; {self.DRIVER}")
        drivers = [line.split("/")[-1] for line in guest.output.splitlines() if "drivers/" in line]
        self.assertEqual(drivers, ["virtio-pci", "vfio-pci", "virtio-pci", "vfio-pci", "virtio-pci", "virtio-pci"],
                         guest.output)
        remedy = f"run: vionet bind {NIC}, or for its kernel driver: vionet unbind {NIC}"
        cut_off = f": a bind or unbind was cut off (driver_override names vfio-pci); {remedy}"
        self.assertIn(f"    bound to virtio-pci{cut_off}\n", guest.output)
        self.assertIn(f"{NIC}: it is with its kernel driver virtio-pci already, driver_override was cleared\n", guest.output)
        self.assertIn(f"    without driver{cut_off}\n", guest.output)
        self.assertIn(f"{NIC}: no driver -> virtio-pci", guest.output)
        self.assertRegex(guest.output, r"(?m)^(eth|ens|enp)\w+$")
        # Two at once: the second one finds what the first one has done.
        self.assertIn("both 0 0", guest.output)
        self.assertEqual(guest.output.count(f"{NIC}: virtio-pci -> vfio-pci"), 2, guest.output)

    def refused(self, setup, text, *options, end=""):
        """Bind fails, and the function has the driver that it had."""
        guest = self.run_guest(
            f"{common.interface()} {setup}; {common.VIONET} bind {NIC}; echo status $?;"
            f"{self.DRIVER}; cat /sys/bus/pci/devices/{NIC}/driver_override; {end}", *options)
        self.assertIn(text, guest.output)
        self.assertIn("status 3", guest.output)
        self.assertIn("drivers/virtio-pci", guest.output)
        self.assertIn("(null)", guest.output)
        return guest

    def test_interface_in_use(self):
        name = "$(ls /sys/bus/pci/devices/" + NIC + "/virtio*/net)"
        guest = self.refused(
            f"ip addr add 198.51.100.1/24 dev {name}; ip link set {name} up", "198.51.100.1",
            end=f"{common.VIONET} bind --force {NIC} && {self.DRIVER}")
        self.assertIn("drivers/vfio-pci", guest.output)

    def test_interface_of_others(self):
        """An interface in another namespace, an upper interface in one; a program that captures."""
        name = "$(ls /sys/bus/pci/devices/" + NIC + "/virtio*/net)"
        bind = f"{common.VIONET} bind {NIC}; echo status $?"
        guest = self.run_guest(
            f"{common.interface()} name={name}; ip netns add box; {self.DRIVER};"
            f"ip link set $name netns box; {bind}; ip -n box link set $name netns 1;"
            f"ip link add link $name name mv0 type macvlan; ip link set mv0 netns box; {bind};"
            "ip -n box link del mv0;"
            f"ip link set $name up; ip route add 10.9.9.0/24 dev $name table 77; {bind};"
            "ip route flush table 77; tcpdump -i $name -w /dev/null 2>/tmp/tcpdump & capture=$!;"
            f"until grep -q 'listening on' /tmp/tcpdump; do kill -0 $capture || break; sleep 0.1; done; {bind};"
            f"kill $capture; wait $capture; {self.DRIVER}; {bind}; {self.DRIVER}")
        self.assertIn("its network interface is in another network namespace", guest.output)
        self.assertIn("carries mv0 in another network namespace", guest.output)
        self.assertIn("has routes (table 77)", guest.output)
        self.assertRegex(guest.output, r"is up and process \d+ \(tcpdump\) captures on it")
        self.assertEqual([line for line in guest.output.splitlines() if line.startswith("status")],
                         [*["status 3"] * 4, "status 0"], guest.output)
        drivers = [line.split("/")[-1] for line in guest.output.splitlines() if "drivers/" in line]
        self.assertEqual(drivers, ["virtio-pci", "virtio-pci", "vfio-pci"], guest.output)

    def test_siblings(self):
        """Both functions of a group: bound together, driven by one process, not by two."""
        guest = self.run_guest(
            f"modprobe virtio_net; {common.VIONET} bind {NIC} {SECOND} && {common.VIONET} list &&"
            f"{self.program('tests/vm/vm_siblings')} {NIC} {SECOND} || exit 1;"
            f"{common.dumping(SECOND)} {INFO}; echo status $?; kill -INT %1; wait;"
            f"{common.VIONET} unbind --group {NIC} && {self.DRIVER}; {common.VIONET} unbind {NIC};"
            "echo status $?", *SIBLINGS)
        for text in ("to go back: vionet unbind 0000:00:05.0 0000:00:05.1", "siblings: good",
                     "it is open already, in this process", "child: 0000:00:05.1: group",
                     "(vionet) has it open, and the functions of a group are driven by one process",
                     "status 3", f"{SECOND}: vfio-pci -> virtio-pci", "drivers/virtio-pci",
                     f"{NIC}: it is with its kernel driver virtio-pci already", "status 0"):
            self.assertIn(text, guest.output)
        self.assert_no_faults(guest)

    def test_no_iommu_group(self):
        self.refused("true", "IOMMU", "--iommu", "none")

    def test_unbind_while_in_use(self):
        guest = self.run_guest(
            f"{common.dumping(NIC)} {common.VIONET} unbind {NIC}; echo status $?;"
            f"{self.DRIVER}; kill -INT %1; wait %1; echo dump $?; {common.VIONET} unbind {NIC};"
            f"{self.DRIVER}", "--bind", "--with-module", "virtio_net")
        self.assertIn("status 3", guest.output)
        self.assertRegex(guest.output, r"process \d+|vionet")
        self.assertIn("dump 0", guest.output)
        drivers = [line.split("/")[-1] for line in guest.output.splitlines() if "drivers/" in line]
        self.assertEqual(drivers, ["vfio-pci", "virtio-pci"], guest.output)


class Virtual(common.Case):
    """A physical function and its virtual ones (QEMU 11)."""

    qemu = "11"
    PHYSICAL, VIRTUAL = "0000:01:00.0", "0000:01:00.1"
    NICS = ("--no-nic", "--qemu-arg=-device",
            "--qemu-arg=pcie-root-port,id=rp0,chassis=1,slot=1,addr=0x3",
            *(f"--qemu-arg={word}" for name in "vp" for word in (
                "-netdev", f"user,id={name},restrict=on,ipv6=off")),
            *(f"--qemu-arg={word}" for place, more in (("0x0.0x1", "sriov-pf=f,netdev=v"),
                                                        ("0x0.0x0", "id=f,netdev=p"))
              for word in ("-device", f"virtio-net-pci,bus=rp0,addr={place},{more},"
                           "disable-legacy=on,iommu_platform=on,romfile=")))

    def test_they_keep_the_physical_one(self):
        number = f"/sys/bus/pci/devices/{self.PHYSICAL}/sriov_numvfs"
        guest = self.run_guest(
            f"{common.interface(self.PHYSICAL)} echo 1 >{number}; {common.interface(self.VIRTUAL, driver='')}"
            f"{common.VIONET} bind {self.VIRTUAL} && {common.VIONET} list && {common.VIONET} info {self.VIRTUAL};"
            f"{common.VIONET} bind {self.PHYSICAL}; echo ended $?;"
            f"{common.dumping(self.VIRTUAL)}"
            f"{common.VIONET} bind --force {self.PHYSICAL}; echo ended $?; cat {number};"
            f"kill -INT %1; wait; {common.VIONET} unbind {self.VIRTUAL}; echo 0 >{number};"
            f"{common.VIONET} bind {self.PHYSICAL} && {common.VIONET} info {self.PHYSICAL}; echo ended $?",
            *self.NICS)
        for text in (f"{self.VIRTUAL}: virtio-pci -> vfio-pci", "type1v2",
                     f"would be removed with its driver: remove it first (echo 0 > {number}); run: vionet "
                     f"bind {self.PHYSICAL}",
                     "its 1 virtual function would be removed with its driver; remove it first",
                     f"has {self.VIRTUAL} open", f"{self.PHYSICAL}: virtio-pci -> vfio-pci"):
            self.assertIn(text, guest.output)
        self.assertEqual([line for line in guest.output.splitlines() if line.startswith("ended")],
                         ["ended 3", "ended 3", "ended 0"], guest.output)
        self.assertNotIn("does not answer", guest.output)


class Sockets(Refusal):
    """Names of sockets that lead nowhere."""

    environments = "native asan"

    def info(self, path, status, *texts, before=()):
        process = common.native.Process([*before, self.vionet, "info", f"vfio-user:{path}"])
        self.addCleanup(process.end)
        self.assertEqual(process.wait(), status, process.output)
        for text in texts:
            self.assertIn(text, process.output)

    def test_no_socket(self):
        self.info(self.folder / "none", 3, f"{self.folder}/none: there is no such socket")

    def test_not_a_socket(self):
        (self.folder / "file").touch()
        self.info(self.folder / "file", 2, "this is a file, not a socket")
        self.info(self.folder, 2, "not a socket")

    def test_no_listener(self):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.folder / "left"))
        self.info(self.folder / "left", 3, "no process listens at this socket")

    def test_bad_names(self):
        self.info("", 2, "a path is wanted")
        self.info("/" + 200 * "a", 2, "the path has 201 bytes")

    def test_another_protocol(self):
        """A server with another protocol."""
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.folder / "other"))
            other.listen()
            answer = threading.Thread(target=self.answer_in_http, args=(other,))
            answer.start()
            self.info(self.folder / "other", 1, f"{self.folder}/other: ")
            answer.join(10)

    def answer_in_http(self, listener):
        client, _ = listener.accept()
        with client:
            client.recv(100)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                while client.recv(100):
                    pass

    def test_busy(self):
        """The device serves one driver at a time, and that one goes on."""
        run = self.guest([self.vionet, "pktgen", self.nic, "--rate", "2k", "--interval", "0.1", "--json",
                          "--linger", "2"], native=["--peer", "loop", "--lossless"])
        run.wait_line("TX ")
        self.info(f"{self.folder}/nic", 3, f"process {run.process.pid} has it; end that first")
        after = len(run.lines)
        run.wait_line("TX ", after=after)
        run.interrupt()
        self.assertEqual(run.wait(), 0, run.output)
        result = common.result_of(run)
        self.assertEqual(result["rx"]["own"], result["tx"]["sent"])


class Permission(Refusal):
    environments = "native"

    def test_another_users(self):
        """Root may connect everywhere: so root's socket, as another user. Without root: an own socket whose
        mode forbids it."""
        device = self.environment.device()
        self.addCleanup(device.end)
        before = []
        if os.geteuid() == 0:
            before = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]
            self.folder.chmod(0o755)
        else:
            device.path.chmod(0)
        process = common.native.Process([*before, self.vionet, "info", self.nic])
        self.addCleanup(process.end)
        self.assertEqual(process.wait(), 4, process.output)
        self.assertIn("no permission to connect", process.output)


if __name__ == "__main__":
    common.main()
