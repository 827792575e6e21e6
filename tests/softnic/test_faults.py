# SPDX-License-Identifier: BSD-3-Clause
"""
The faults of the bus side: that each does what --list-faults says, as a raw
driver sees it.
"""

import os
import time
import unittest

import faults
from faults import LEAST
from nic import Softnic
from raw import (ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, IRQ_ERR, IRQ_REQ, NEEDS_RESET,
                 Driver)
from raw_rings import SplitQueue

FRAME = bytes(12) + bytes.fromhex("0200000000010200000000020800") + bytes(46)

CHECKS = {}
check = faults.checking(CHECKS)


# ---- registers ----

def after_reset(function):
    def run(d):
        d.find()
        d.write("device_status", 0)
        return function(d)
    return run


def negotiated(function):
    def run(d):
        d.find()
        d.initialize()
        return function(d)
    return run


@check("A25")
@after_reset
def other_id(d):
    d.write("device_status", 0)
    return d.config(2, 2) != 0x1041


@check("B01")
@after_reset
def never_zero(d):
    return d.read("device_status") != 0


@check("B02")
@after_reset
def all_ones(d):
    return d.read("device_status") == 0xff


@check("B03")
@after_reset
def random_status(d):
    return len({d.read("device_status") for _ in range(8)}) > 4


@check("B04")
@after_reset
def does_not_stick(d):
    d.read("device_status")
    d.write("device_status", ACKNOWLEDGE)
    d.write("device_status", ACKNOWLEDGE | DRIVER)
    return d.read("device_status") & (ACKNOWLEDGE | DRIVER) == 0


@check("B05")
@negotiated
def no_features_ok(d):
    return not d.read("device_status") & FEATURES_OK


@check("B06")
@after_reset
def no_version(d):
    return "VERSION_1" not in d.offered()


@check("B07")
@after_reset
def no_platform(d):
    return "ACCESS_PLATFORM" not in d.offered()


@check("B08")
@after_reset
def changing_offer(d):
    return d.offered() != d.offered() or d.read("device_feature") != d.read("device_feature") or (
        d.write("device_feature_select", 0) or d.read("device_feature") != d.read("device_feature"))


@check("B09", features=LEAST + ",+CTRL_VQ,+MQ")
@after_reset
def without_its_base(d):
    return "MQ" in d.offered() and "CTRL_VQ" not in d.offered()


@check("B10")
@after_reset
def everything(d):
    return len(d.offered()) == 128


@check("B11")
@after_reset
def always_needs_reset(d):
    return d.read("device_status") & NEEDS_RESET


@check("B12")
@after_reset
def restless_generation(d):
    return d.read("config_generation") != d.read("config_generation")


@check("B14")
@after_reset
def group_mac(d):
    return d.bar_read(4, 0, 1) & 1


@check("B15")
@after_reset
def small_mtu(d):
    return d.bar_read(4, 10, 2) == 67


@check("B16", features=LEAST + ",+CTRL_VQ,+MQ")
@after_reset
def many_pairs(d):
    return d.bar_read(4, 8, 2) == 0xffff


@check("B18", features=LEAST + ",+CTRL_VQ,+RSS")
@after_reset
def no_room_for_rss(d):
    return (d.bar_read(4, 17, 1), d.bar_read(4, 18, 2)) == (0, 0)


@check("B19")
@after_reset
def odd_speed(d):
    return d.bar_read(4, 12, 4) > 0x7fffffff and d.bar_read(4, 16, 1) > 1


@check("B21")
@after_reset
def one_queue(d):
    return d.read("num_queues") == 1


for name, size in (("C01", 0), ("C02", 100), ("C03", 65535)):
    check(name)(negotiated(lambda d, size=size: d.read("queue_size") == size))


@check("C04")
@negotiated
def size_doubled(d):
    d.write("queue_size", 64)
    return d.read("queue_size") == 128


@check("C05")
@negotiated
def enabled_before(d):
    return d.read("queue_enable") == 1


@check("C06")
@negotiated
def not_enabled_after(d):
    SplitQueue(d, 0)
    return d.read("queue_enable") == 0


@check("C07")
@negotiated
def no_select(d):
    d.write("queue_select", 1)
    return d.read("queue_select") == 0


@check("C08")
@negotiated
def doorbell_outside(d):
    return d.read("queue_notify_off") * d.multiplier >= d.structures[2][2]


@check("C09")
@negotiated
def odd_multiplier(d):
    return d.multiplier == 3


@check("C10")
@negotiated
def one_doorbell(d):
    d.write("queue_select", 1)
    return d.read("queue_notify_off") == 0


@check("C11")
@negotiated
def moving_doorbell(d):
    return d.read("queue_notify_off") != d.read("queue_notify_off")


@check("C12")
@negotiated
def other_vector(d):
    d.write("queue_msix_vector", 2)
    return d.read("queue_msix_vector") == 3


@check("C13")
@negotiated
def other_address(d):
    d.write("queue_desc", 0x1000_0000)
    return d.read("queue_desc") != 0x1000_0000


@check("C17")
@negotiated
def hidden_address(d):
    d.write("queue_driver", 0x1000_0000)
    return d.read("queue_driver") == 0


@check("C18")
@negotiated
def hidden_size(d):
    before = d.read("queue_size")
    d.write("queue_size", 64)
    return before > 0 and d.read("queue_size") == 0


@check("C19=0")
@negotiated
def no_vector(d):
    d.write("queue_msix_vector", 2)
    return d.read("queue_msix_vector") == 0xffff


@check("C20")
@negotiated
def hidden_vector(d):
    d.write("queue_msix_vector", 2)
    return d.read("queue_msix_vector") == 0


# ---- while it runs ----

def live(function):
    def run(d):
        d.find()
        d.initialize()
        if d.vectors:
            d.write("config_msix_vector", 2)
            d.read("config_msix_vector")
        d.transmit = SplitQueue(d, 1, vector=1 if d.vectors else 0xffff)
        d.start()
        return function(d)
    return run


def send(d, count=1):
    """Frames one by one, with a doorbell for each; wait until each is sent."""
    before = d.transmit.poll()
    for i in range(count):
        d.transmit.add(readable=[FRAME])
        d.transmit.kick()
        d.transmit.wait(before + i + 1)


def ring(d, count):
    for _ in range(count):
        d.notify(1)


@check("C14")
@live
def slow_doorbell(d):
    before = time.monotonic()
    ring(d, 3)
    return time.monotonic() - before >= 0.03


@check("C15")
@live
def deaf_at_first(d):
    d.transmit.add(readable=[FRAME])
    d.transmit.kick()
    time.sleep(0.1)
    before = d.transmit.poll()
    d.wait_for(lambda: ring(d, 1) or d.transmit.poll() == 1)
    return before == 0


@check("C16")
@live
def first_doorbell_lost(d):
    d.transmit.add(readable=[FRAME])
    d.transmit.kick()
    d.read("device_status")
    before = d.transmit.poll()
    send(d)
    d.transmit.wait(2)
    return before == 0


@check("I01", vectors=3)
@negotiated
def early_interrupt(d):
    SplitQueue(d, 1, vector=1)
    d.wait_interrupt(1)
    return True


@check("I02", vectors=3)
@live
def interrupts_without_cause(d):
    for _ in range(5):
        d.wait_interrupt(1)
    return True


@check("I03", vectors=3)
@live
def no_interrupt(d):
    send(d, 3)
    return d.interrupts(1) == 0


@check("I04", vectors=3, options=("--vectors", "3"))
@live
def wrong_vector(d):
    send(d)
    d.wait_interrupt(2)
    return d.interrupts(1) == 0


@check("I05", vectors=3)
@live
def config_storm(d):
    for _ in range(5):
        d.wait_interrupt(2)
    return True


@check("I06", options=("--vectors", "0"))
@live
def empty_isr(d):
    send(d)
    return d.isr() == 0


@check("I07", vectors=3)
@live
def interrupts_after_reset(d):
    for vector in range(3):
        d.interrupts(vector)
    d.write("device_status", 0)
    return all(d.interrupts(vector) for vector in range(3))


@check("I09", vectors=3)
@live
def first_interrupt_lost(d):
    send(d)
    before = d.interrupts(1)
    send(d)
    d.wait_interrupt(1)
    return before == 0


@check("I08", vectors=3)
@live
def full_counters(d):
    d.wait_for(lambda: d.interrupts(0) == (1 << 64) - 2)
    return True


@check("J01", vectors=3)
@live
def needs_reset(d):
    ring(d, 9)
    before = d.read("device_status")
    ring(d, 1)
    d.wait_interrupt(2)
    return not before & NEEDS_RESET and d.read("device_status") & NEEDS_RESET


@check("J02", vectors=3)
@live
def needs_reset_silently(d):
    ring(d, 10)
    return d.read("device_status") & NEEDS_RESET and not d.interrupts(2)


@check("J03", vectors=3)
@live
def needs_reset_again(d):
    for _ in range(3):
        ring(d, 1)
        if not d.read("device_status") & NEEDS_RESET:
            return False
        d.initialize()
        d.transmit = SplitQueue(d, 1)
        d.start()
    return True


@check("J04")
@live
def registers_gone(d):
    return d.read("device_status") == 0xff and d.read("num_queues") == 0xffff


def event(d, index):
    fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    d.vectors.append(fd)
    d.set_irqs(0x24, index, 0, 1, [fd])
    ring(d, 10)
    d.wait_interrupt(len(d.vectors) - 1)
    return True


check("J06")(live(lambda d: event(d, IRQ_REQ)))
check("J07")(live(lambda d: event(d, IRQ_ERR)))


@check("J08")
@live
def reset_from_outside(d):
    ring(d, 10)
    return d.read("device_status") == 0


@check("J09")
@live
def writes_after_reset(d):
    used = d.transmit.offsets[2]
    d.write("device_status", 0)
    return d.transmit.areas.read(used, 4) == b"\xa5" * 4


@check("J11", options=())
def queue_reset_for_ever(d):
    d.find()
    d.initialize({"RING_RESET"})
    SplitQueue(d, 1)
    d.start()
    d.write("queue_reset", 1)
    return all(d.read("queue_reset") == 1 for _ in range(10))


@check("J12")
@live
def not_live_any_more(d):
    ring(d, 10)
    return not d.read("device_status") & DRIVER_OK


@check("J13")
@live
def less_after_reset(d):
    before = d.offered()
    d.reset()
    return "MTU" in before and "MTU" not in d.offered()


@check("K02")
@live
def writes_descriptors(d):
    ring(d, 1)
    return d.transmit.areas.read(0, 4) == b"\xa5" * 4


@check("K03")
@live
def writes_to_zero(d):
    memory = d.memory(4096, iova=0)
    ring(d, 1)
    return memory.read(0, 4) == b"\xa5" * 4


@check("K07")
@live
def writes_to_interrupts(d):
    memory = d.memory(4096, iova=0xfee00000)
    ring(d, 1)
    return memory.read(0, 4) == b"\xa5" * 4


class Faults(faults.Case):
    checks = CHECKS

    def test_the_map_stops_a_write(self):
        with Softnic("--peer", "sink", "--features", LEAST, "--fault", "K02,K03,K07",
                     "--trace", "/dev/stderr") as nic:
            with Driver(nic.path) as driver:
                driver.initialize()
                queue = SplitQueue(driver, 1, enable=False)
                descriptors = driver.memory(4096, permissions=1)
                areas = [descriptors.iova] + [queue.areas.iova + at for at in queue.offsets[1:]]
                driver.enable_queue(1, queue.size, areas)
                driver.start()
                driver.notify(1)
                self.assertEqual(descriptors.read(0, 4), bytes(4))
            nic.stop()
        self.assertEqual("\n".join(nic.lines).count("stopped by the map"), 3, nic.lines)


if __name__ == "__main__":
    unittest.main()
