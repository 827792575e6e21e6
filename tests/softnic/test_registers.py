# SPDX-License-Identifier: BSD-3-Clause
"""
Registers, status, doorbells and vectors as the specification has them; and a violation of each requirement of
the areas GEN, RSVD and PCI that the device checks.
"""

import os
import socket
import tempfile
import unittest

from nic import DEADLINE, Softnic
from raw import (ACKNOWLEDGE, DRIVER, DRIVER_OK, FAILED, FEATURES_OK, IRQ_REQ, NEEDS_RESET,
                 SUSPEND, Driver)
from raw_rings import SplitQueue

SPLIT_ONLY = "-RING_PACKED"
HEADER = bytes(12)
FRAME = HEADER + bytes.fromhex("0200000000010200000000020800") + bytes(46)


def ready(driver, features=(), **more):
    """To FEATURES_OK, and check it."""
    if not driver.initialize(features, **more):
        raise AssertionError("FEATURES_OK was refused")


def live(driver, features=(), queues=2):
    ready(driver, features)
    made = [SplitQueue(driver, i) for i in range(queues)]
    driver.start()
    return made


# ---- one violation of each requirement: name = ID; the options of the device ----

BREAKS = {}


def breaks(identity, *options, features="-all,+VERSION_1,+ACCESS_PLATFORM,+RING_RESET"):
    def note(function):
        BREAKS[identity] = (function, ["--peer", "sink", "--features", features, *options])
        return function
    return note


@breaks("GEN-01")
def no_acknowledge(d):
    d.reset()
    d.write("device_status", DRIVER)


@breaks("GEN-02")
def bit_off(d):
    ready(d)
    d.write("device_status", ACKNOWLEDGE | DRIVER)


@breaks("GEN-03")
def on_after_failed(d):
    d.reset()
    d.status(ACKNOWLEDGE)
    d.status(FAILED)
    d.status(DRIVER)


@breaks("GEN-05")
def not_offered(d):
    d.initialize(only={"VERSION_1", "ACCESS_PLATFORM", "MQ"})


@breaks("GEN-09", features="-all,+VERSION_1,+ACCESS_PLATFORM,+bit44")
def unknown_bit(d):
    ready(d, {44})


@breaks("GEN-13", features="-all,+VERSION_1,+ACCESS_PLATFORM,+MAC")
def withdraw(d):
    ready(d, {"MAC"})
    d.write("driver_feature_select", 0)
    d.write("driver_feature", 0)


@breaks("GEN-14")
def blind_after_reset(d):
    d.write("device_status", 0)
    d.write("driver_feature", 0)


@breaks("GEN-17")
def no_generation(d):
    d.reset()
    d.bar_read(4, 0, 1)


@breaks("GEN-18", features="-all,+VERSION_1,+ACCESS_PLATFORM,+MTU")
def field_not_offered(d):
    d.reset()
    d.net_config(6, 2)


@breaks("GEN-21")
def queue_before_features(d):
    d.reset()
    d.status(ACKNOWLEDGE)
    d.status(DRIVER)
    d.write("queue_size", 64)


@breaks("GEN-23")
def config_in_negotiation(d):
    d.reset()
    d.status(ACKNOWLEDGE)
    d.status(DRIVER)
    d.bar_write(4, 0, 2, 1)


@breaks("NET-02")
def config_when_live(d):
    live(d)
    d.bar_write(4, 0, 2, 1)


@breaks("GEN-24", features="-all,+VERSION_1,+ACCESS_PLATFORM,+MAC")
def late_feature(d):
    ready(d)
    d.accept({"VERSION_1", "ACCESS_PLATFORM", "MAC"})


@breaks("GEN-25")
def features_ok_unread(d):
    d.reset()
    d.status(ACKNOWLEDGE)
    d.status(DRIVER)
    d.accept({"VERSION_1", "ACCESS_PLATFORM"})
    d.write("device_status", ACKNOWLEDGE | DRIVER | FEATURES_OK)
    d.write("device_status", ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)


@breaks("GEN-27")
def set_up_after_failed(d):
    ready(d)
    d.status(FAILED)
    d.write("queue_size", 64)


@breaks("GEN-28")
def early_ring(d):
    ready(d)
    SplitQueue(d, 1).kick()


@breaks("GEN-31")
def take_live_memory(d):
    queue = live(d)[1]
    d.unmap(queue.areas.iova, queue.areas.size)


@breaks("GEN-32")
def suspend_unasked(d):
    live(d)
    d.status(SUSPEND)


SUSPENDS = "-all,+VERSION_1,+ACCESS_PLATFORM,+SUSPEND"


def suspended(d):
    queues = live(d, {"SUSPEND"})
    d.status(SUSPEND)
    return queues


@breaks("GEN-33", features=SUSPENDS)
def resume_blindly(d):
    suspended(d)
    d.write("device_status", 0x1f)


@breaks("GEN-35", features=SUSPENDS)
def ring_suspended(d):
    suspended(d)[1].kick()


@breaks("GEN-36", features=SUSPENDS)
def write_suspended(d):
    suspended(d)
    d.write("queue_select", 1)
    d.write("queue_enable", 1)
    d.write("config_msix_vector", 0)


@breaks("GEN-37", features=SUSPENDS)
def ring_before_resumed(d):
    queues = suspended(d)
    d.read("device_status")
    d.write("device_status", 0x1f)
    queues[1].kick()


def reset_queue(d, index):
    d.write("queue_select", index)
    d.write("queue_reset", 1)


@breaks("GEN-40")
def reset_unchecked(d):
    queues = live(d, {"RING_RESET"})
    reset_queue(d, 1)
    queues[1].enable()


@breaks("GEN-42")
def nothing_after_reset(d):
    live(d, {"RING_RESET"})
    reset_queue(d, 1)
    d.wait_for(lambda: d.read("queue_reset") == 0)
    d.write("queue_enable", 1)


@breaks("RSVD-01")
def without_version_1(d):
    d.initialize(only={"ACCESS_PLATFORM"})


@breaks("RSVD-03")
def without_platform(d):
    ready(d, only={"VERSION_1"})


@breaks("RSVD-06", features="-all,+VERSION_1,+ACCESS_PLATFORM,+RING_PACKED")
def without_packed(d):
    ready(d)


@breaks("RSVD-07", features="-all,+VERSION_1,+ACCESS_PLATFORM,+ORDER_PLATFORM")
def without_order(d):
    ready(d, only={"VERSION_1", "ACCESS_PLATFORM"})


@breaks("RSVD-10", features="-all,+VERSION_1,+ACCESS_PLATFORM,+SR_IOV")
def with_sr_iov(d):
    ready(d, {"SR_IOV"})


@breaks("RSVD-13", features="-all,+VERSION_1,+ACCESS_PLATFORM,+NOTIF_CONFIG_DATA")
def without_notif_data(d):
    ready(d, only={"VERSION_1", "ACCESS_PLATFORM"})


@breaks("PCI-05")
def wide_read(d):
    d.bar_read(1, 20, 4)


@breaks("PCI-15")
def write_capability(d):
    d.config_write(d.structures[1][3] + 8, 0x1000, 4)


@breaks("PCI-20")
def write_read_only(d):
    d.write("num_queues", 1)


@breaks("PCI-21", features="-all,+VERSION_1,+ACCESS_PLATFORM,+RING_PACKED")
def size_zero(d):
    ready(d, {"RING_PACKED"})
    d.write("queue_size", 0)


@breaks("PCI-22")
def odd_size(d):
    ready(d)
    d.write("queue_size", 100)


@breaks("PCI-23")
def enabled_then_set(d):
    ready(d)
    SplitQueue(d, 0)
    d.write("queue_desc", 0x5000)


@breaks("PCI-24")
def status_after_reset(d):
    d.write("device_status", 0)
    d.write("device_status", ACKNOWLEDGE)


@breaks("PCI-25")
def disable(d):
    ready(d)
    SplitQueue(d, 0)
    d.write("queue_enable", 0)


@breaks("PCI-26")
def reset_taken_as_done(d):
    live(d, {"RING_RESET"})
    reset_queue(d, 1)
    d.write("queue_size", 64)


@breaks("PCI-33")
def reset_not_negotiated(d):
    ready(d)
    d.read("queue_reset")


@breaks("PCI-34")
def ring_nowhere(d):
    live(d)
    d.bar_write(2, 2, 1, 2)


@breaks("PCI-35")
def isr_with_msix(d):
    d.set_vectors(1)
    d.isr()


def window(d, bar, offset, length):
    at = d.structures[5][3]
    d.config_write(at + 4, bar, 1)
    d.config_write(at + 8, offset, 4)
    d.config_write(at + 12, length, 4)
    return d.config(at + 16, length if length in (1, 2, 4) else 4)


@breaks("PCI-39")
def window_unaligned(d):
    window(d, d.structures[1][0], 2, 4)


@breaks("PCI-40")
def window_nowhere(d):
    window(d, d.structures[1][0], 0x3000, 4)


@breaks("PCI-41")
def window_of_three(d):
    window(d, d.structures[1][0], 0, 3)


@breaks("PCI-45", "--vectors", "3")
def vector_beyond(d):
    ready(d)
    d.write("config_msix_vector", 3)


@breaks("PCI-46")
def vector_unread(d):
    ready(d)
    d.write("queue_select", 0)
    d.write("queue_msix_vector", 0)
    SplitQueue(d, 0)


@breaks("PCI-49")
def no_such_queue(d):
    ready(d)
    d.write("queue_select", 30)
    d.write("queue_size", 64)


@breaks("PCI-51")
def wide_ring(d):
    live(d)
    d.bar_write(2, d.multiplier, 1, 4)


@breaks("PCI-52", features="-all,+VERSION_1,+ACCESS_PLATFORM,+NOTIFICATION_DATA")
def narrow_ring(d):
    live(d, {"NOTIFICATION_DATA"})
    d.bar_write(2, d.multiplier, 1, 2)


@breaks("PCI-53")
def wrong_index(d):
    live(d)
    d.bar_write(2, d.multiplier, 0, 2)


@breaks("PCI-54", features="-all,+VERSION_1,+ACCESS_PLATFORM,+NOTIFICATION_DATA")
def wrong_index_in_data(d):
    live(d, {"NOTIFICATION_DATA"})
    d.bar_write(2, d.multiplier, 0, 4)


@breaks("PCI-55", features="-all,+VERSION_1,+ACCESS_PLATFORM,+NOTIF_CONFIG_DATA")
def index_for_config_data(d):
    live(d, {"NOTIF_CONFIG_DATA"})
    d.bar_write(2, d.multiplier, 1, 2)


@breaks("PCI-56",
        features="-all,+VERSION_1,+ACCESS_PLATFORM,+NOTIFICATION_DATA,+NOTIF_CONFIG_DATA")
def index_for_config_data_in_data(d):
    live(d, {"NOTIFICATION_DATA", "NOTIF_CONFIG_DATA"})
    d.bar_write(2, d.multiplier, 1, 4)


class Requirements(unittest.TestCase):
    def test_each_violation_is_reported(self):
        for identity, (function, options) in BREAKS.items():
            with self.subTest(identity), Softnic("--strict", *options) as nic:
                with Driver(nic.path) as driver:
                    function(driver)
                self.assertEqual(nic.stop(), 3, nic.lines)
                found = nic.violations() + nic.violations(should=True)
                self.assertIn(identity, found, nic.lines)

    def test_a_recommendation_fails_only_when_strict(self):
        function, options = BREAKS["RSVD-03"]
        with Softnic(*options) as nic:
            with Driver(nic.path) as driver:
                function(driver)
            self.assertEqual(nic.stop(), 0, nic.lines)
            self.assertEqual(nic.violations(should=True), ["RSVD-03"])


class Registers(unittest.TestCase):
    def device(self, *options):
        nic = Softnic("--peer", "sink", *options)
        self.addCleanup(nic.close)
        driver = Driver(nic.path)
        self.addCleanup(driver.close)
        return nic, driver

    def test_capabilities(self):
        nic, driver = self.device()
        self.assertEqual((driver.config(0, 2), driver.config(2, 2)), (0x1af4, 0x1041))
        self.assertEqual(sorted(driver.structures), [1, 2, 3, 4, 5])
        for kind, (bar, offset, length, _) in driver.structures.items():
            if kind != 5:
                size = driver.region_info(bar)[0]["size"]
                self.assertLessEqual(offset + length, size)
                self.assertEqual(offset % 4, 0)
        nic.check()

    def test_transitional_identity(self):
        _, driver = self.device("--transitional")
        self.assertEqual((driver.config(2, 2), driver.config(8, 1), driver.config(0x2e, 2)),
                         (0x1000, 0, 1))

    def test_the_window_of_pci_cfg(self):
        nic, driver = self.device()
        bar, offset = driver.structures[1][:2]
        self.assertEqual(window(driver, bar, offset + 18, 2), driver.read("num_queues"))
        window(driver, bar, offset + 22, 2)
        driver.config_write(driver.structures[5][3] + 16, 3, 2)
        self.assertEqual(driver.read("queue_select"), 3)
        nic.check()

    def test_status_steps(self):
        nic, driver = self.device("--features", SPLIT_ONLY)
        ready(driver)
        self.assertEqual(driver.read("device_status"), ACKNOWLEDGE | DRIVER | FEATURES_OK)
        driver.start()
        self.assertEqual(driver.read("device_status"), 0xf)
        driver.reset()
        nic.check()

    def test_features_that_are_refused(self):
        nic, driver = self.device("--features", "-MQ")
        self.assertFalse(driver.initialize(only={"VERSION_1", "MQ", "CTRL_VQ"}))
        self.assertEqual(nic.stop(), 3)

    def test_suspend_and_resume(self):
        nic, driver = self.device("--features", SUSPENDS)
        _, transmit = suspended(driver)
        self.assertEqual(driver.read("device_status"), 0x1b)
        driver.write("device_status", 0x1f)
        self.assertEqual(driver.read("device_status"), 0x0f)
        transmit.add(readable=[FRAME])
        transmit.kick()
        transmit.wait(1)
        nic.check()

    def test_reset_of_one_queue(self):
        nic, driver = self.device("--features", "-all,+VERSION_1,+ACCESS_PLATFORM,+RING_RESET")
        _, transmit = live(driver, {"RING_RESET"})
        for _ in range(3):
            transmit.add(readable=[FRAME])
        transmit.kick()
        transmit.wait(3)
        reset_queue(driver, 1)
        self.assertEqual(driver.read("queue_reset"), 1)
        self.assertEqual((driver.read("queue_reset"), driver.read("queue_enable")), (0, 0))
        again = SplitQueue(driver, 1, size=16)
        again.add(readable=[FRAME])
        again.kick()
        again.wait(1)
        nic.check()

    def test_sizes_of_queues(self):
        nic, driver = self.device("--queue-size", "300", "--features", "-all,+VERSION_1,+ACCESS_PLATFORM,+RING_PACKED")
        ready(driver)
        self.assertEqual(driver.read("queue_size"), 256)
        ready(driver, {"RING_PACKED"})
        self.assertEqual(driver.read("queue_size"), 300)
        nic.stop()
        self.assertEqual(nic.violations(), [])

    def test_vectors(self):
        nic, driver = self.device("--vectors", "3", "--features", SPLIT_ONLY)
        driver.set_vectors(3)
        ready(driver)
        transmit = SplitQueue(driver, 1, vector=2)
        driver.start()
        transmit.add(readable=[FRAME])
        transmit.kick()
        driver.wait_interrupt(2)
        self.assertEqual((driver.interrupts(0), driver.interrupts(1)), (0, 0))
        nic.check()

    def test_intx(self):
        nic, driver = self.device("--vectors", "0", "--features", SPLIT_ONLY)
        line = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        driver.vectors = [line]
        driver.set_irqs(0x24, 0, 0, 1, [line])
        self.assertEqual(driver.config(0x3d, 1), 1)
        ready(driver)
        transmit = SplitQueue(driver, 1)
        driver.start()
        transmit.add(readable=[FRAME])
        transmit.kick()
        driver.wait_interrupt(0)
        self.assertEqual(driver.isr() & 1, 1)
        self.assertEqual(driver.isr(), 0)
        transmit.add(readable=[FRAME])
        transmit.kick()
        transmit.wait(2)
        self.assertEqual(driver.interrupts(0), 0, "it is masked until it is unmasked")
        driver.set_irqs(0x11, 0, 0, 1)
        driver.wait_interrupt(0)
        nic.check()

    def test_every_doorbell(self):
        for mode in ("write", "eventfd", "page"):
            for data in ((), ("NOTIFICATION_DATA",), ("NOTIF_CONFIG_DATA",),
                         ("NOTIFICATION_DATA", "NOTIF_CONFIG_DATA")):
                for distance in (0, 4, 4096):
                    if mode == "eventfd" and distance == 0:
                        continue
                    offer = "".join(f",+{name}" for name in data)
                    with self.subTest(mode=mode, data=data, distance=distance), Softnic(
                            "--peer", "sink", "--notify", mode, "--notify-multiplier",
                            str(distance), "--features",
                            "-all,+VERSION_1,+ACCESS_PLATFORM" + offer) as nic:
                        with Driver(nic.path) as driver:
                            self.assertEqual(driver.multiplier, distance)
                            if mode == "eventfd":
                                driver.get_io_fds()
                            elif mode == "page":
                                driver.map_doorbells()
                            _, transmit = live(driver, data)
                            for count in range(1, 4):
                                transmit.add(readable=[FRAME])
                                transmit.kick()
                                transmit.wait(count)
                        nic.check()

    def test_needs_reset_and_unplug_on_command(self):
        folder = tempfile.TemporaryDirectory(prefix="softnic-")
        self.addCleanup(folder.cleanup)
        control = os.path.join(folder.name, "control")
        with Softnic("--peer", "sink", "--features", SPLIT_ONLY, "--control", control) as nic:
            with Driver(nic.path) as driver, socket.socket(socket.AF_UNIX) as line:
                line.connect(control)
                line.settimeout(DEADLINE)
                driver.set_vectors(1)
                asked = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                driver.vectors.append(asked)
                driver.set_irqs(0x24, IRQ_REQ, 0, 1, [asked])
                ready(driver)
                driver.write("config_msix_vector", 0)
                self.assertEqual(driver.read("config_msix_vector"), 0)
                driver.start()
                line.sendall(b"needs-reset\nunplug\nnonsense\n")
                driver.wait_interrupt(0)
                self.assertTrue(driver.read("device_status") & NEEDS_RESET)
                driver.wait_interrupt(1)
                answer = ""
                while "nonsense" not in answer:
                    answer += line.recv(4096).decode()
                self.assertEqual(answer.count("ok\n"), 2)
                self.assertIn("error: nonsense", answer)
            nic.check()


if __name__ == "__main__":
    unittest.main()
