# SPDX-License-Identifier: BSD-3-Clause
"""The checks of a running device. Each takes a Session and returns the text of its cell in the table, or
raises Failed. """

import json

from config_matrix.frames import BROADCAST, OWN, Flow, mixed, toeplitz
from config_matrix.session import WINDOW, NotOffered, check

KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
                    "6a42b73bbeac01fa")


def echo(t):
    frames = t.echo()
    seen = t.command("counters")
    check(int(seen["interrupts"]) > 0, "no interrupt was seen")
    return f"{frames} frames"


def sizes(t):
    asked = dict(a.split("=") for a in t.row.args.split())
    info = t.info()
    for key in ("rx_size", "tx_size"):
        check(info[key] == asked[key], f"{key} is {info[key]}")
    return f"{t.echo()} frames"


def vectors(count):
    def run(t):
        frames = t.echo()
        seen = t.command("counters")
        interrupts, late = int(seen["interrupts"]), int(seen["late"])
        check((interrupts > 0) == (count > 0), f"{interrupts} interrupts")
        check(count == 0 or late == 0, f"{late} bursts came without an interrupt")
        return f"{frames} frames, {interrupts} interrupts"
    return run


def transitional(t, _=None, output=None):
    """QEMU's has an IOMMU only as a modern one: it must be refused. softnic's is driven."""
    if output is None:
        return echo(t)
    check("does not offer ACCESS_PLATFORM" in output, "not refused: " + output)
    check("status 3" in output, "the exit status is not 3: " + output)
    check("0x1000" in output and "virtio-pci" in output,
          "its modern interface was not found: " + output)
    return "refused: no IOMMU; info reads it"


# ---- several queues ----

def flows(count=64):
    return [Flow(i).frame for i in range(count)] * 8


def spread(pairs):
    def run(t):
        frames = t.echo(flows())
        seen = t.command("counters")
        counts = [int(seen[f"rx{i}"]) for i in range(pairs)]
        check(all(counts), f"frames on the queues: {counts}")
        t.command("pairs 1")
        t.echo(flows())
        after = t.command("counters")
        more = [int(after[f"rx{i}"]) - counts[i] for i in range(pairs)]
        check(not any(more[1:]), f"with one pair, frames came on the queues: {more}")
        t.command(f"pairs {pairs}")
        t.echo(flows())
        last = t.command("counters")
        more = [int(last[f"rx{i}"]) - int(after[f"rx{i}"]) for i in range(pairs)]
        check(all(more), f"with all pairs again: {more}")
        return f"{frames} frames as " + "+".join(map(str, counts))
    return run


def tagged(t, flow):
    """(pair, hash report, hash value) that the driver saw for a frame of this flow; the rest of the frame
    must be unchanged."""
    t.wire.send(flow.frame)
    frame = t.receive(5)
    check(frame is not None and frame[12:] == flow.frame[12:], "a frame came back changed")
    return (frame[0], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:8], "big"))


def all_kinds():
    for family in ("4", "6"):
        for protocol in (6, 17, 0):
            for number in range(8):
                yield Flow(number, family, protocol)


def rss(report):
    """The queue of each frame is that which the table has for the hash, computed here."""
    table = [0, 1, 2, 3, 3, 2, 1, 0, 0, 0, 1, 1, 2, 2, 3, 3]

    def run(t):
        t.command(f"rss 0x3f {KEY.hex()} 1 {','.join(map(str, table))}")
        t.command("tag on")
        used = [0] * 4
        for flow in all_kinds():
            value = toeplitz(KEY, flow.tuple)
            pair, kind, seen = tagged(t, flow)
            wanted = table[value % len(table)]
            check(pair == wanted, f"hash {value:#x} came on pair {pair}, not {wanted}")
            if report:
                check((kind, seen) == (flow.report, value),
                      f"reported {kind}, {seen:#x} for {flow.report}, {value:#x}")
            used[pair] += 1
        check(all(used), f"frames on the queues: {used}")
        return "frames as " + "+".join(map(str, used))
    return run


def hash_report(t):
    t.command(f"hash 0x3f {KEY.hex()}")
    t.command("tag on")
    count = 0
    for flow in all_kinds():
        value = toeplitz(KEY, flow.tuple)
        _, kind, seen = tagged(t, flow)
        check((kind, seen) == (flow.report, value),
              f"reported {kind}, {seen:#x} for {flow.report}, {value:#x}")
        count += 1
    return f"{count} hashes"


# ---- commands ----

ANOTHER = bytes.fromhex("020000000077")
THIRD = bytes.fromhex("020000000078")
GROUP, SECOND_GROUP = bytes.fromhex("01005e000077"), bytes.fromhex("01005e000078")


def mac(t):
    info = t.info()
    check(info["mac"] == OWN.hex(), f"the address is {info['mac']}")
    t.command("mode promisc off")
    t.command(f"mac {ANOTHER.hex()}")
    t.to = ANOTHER
    check(t.info()["mac"] == ANOTHER.hex(), "info does not have the new address")
    check(t.arrives(ANOTHER), "a frame for the new address does not arrive")
    check(not t.arrives(OWN), "a frame for the old address arrives")
    t.command("recover")
    check(not t.arrives(OWN), "after a recovery the old address is back")
    check(t.arrives(ANOTHER), "after a recovery the new address is not there")
    t.echo(mixed(100, to=ANOTHER))
    return "old filtered, new arrives"


WHO = {"own": (OWN, None), "another": (ANOTHER, None), "third": (THIRD, None),
       "group": (GROUP, None), "second group": (SECOND_GROUP, None), "broadcast": (BROADCAST, None)}


def filters(t):
    everything = set(WHO)
    t.command("mode promisc on")
    t.expect(WHO, everything)
    t.command("mode promisc off")
    t.expect(WHO, {"own", "broadcast"})
    t.command(f"macs {ANOTHER.hex()} {GROUP.hex()}")
    t.expect(WHO, {"own", "broadcast", "another", "group"})
    t.command("mode allmulti on")
    t.expect(WHO, everything - {"third"})
    t.command("mode allmulti off")
    t.command("mode alluni on")
    t.expect(WHO, everything - {"second group"})
    t.command("mode nomulti on")
    t.expect(WHO, everything - {"group", "second group"})
    t.command("mode nomulti off")
    t.command("mode alluni off")
    t.command("macs - -")
    t.command("mode nobcast on")
    t.expect(WHO, {"own"})
    t.command("mode nobcast off")
    t.address_all()
    t.command("mode nouni on")
    t.expect(WHO, {"broadcast"})
    t.command("mode nouni off")
    t.expect(WHO, {"own", "broadcast"})
    return f"{len(WHO)} addresses, 10 settings"


def vlan(t):
    tags = {"no tag": (OWN, None), "vlan 5": (OWN, 5), "vlan 4094": (OWN, 4094)}
    t.command("mode promisc off")
    t.expect(tags, {"no tag"})
    t.command("vlan add 5")
    t.expect(tags, {"no tag", "vlan 5"})
    t.command("vlan add 4094")
    t.command("vlan delete 5")
    t.expect(tags, {"no tag", "vlan 4094"})
    check("4095" in t.refused("vlan add 4095"), "the refusal does not name the VLAN")
    return "filtered by tag"


def announce(t):
    theirs = t.devices.announce(t)  # how many frames of that kind the emulator itself sends
    want, seen = theirs + 1, []
    while len(seen) < want:
        frame = t.receive(5)
        check(frame is not None, f"{len(seen)} announcements, {want} expected")
        if frame[12:14] == b"\x80\x35":
            seen.append(frame)
    check(all(f[:12] == BROADCAST + OWN and f[22:28] == OWN for f in seen),
          "an announcement is not of our address")
    check(t.command("counters")["announced"] == "1", "more than one was asked for")
    t.echo(count=50)
    return "RARP seen"


def coalescing(t):
    t.command("coalesce 16 200")
    return f"{t.echo()} frames"


def statistics(t):
    before = int(t.command("statistics 0")["rx_packets"])
    frames = t.echo()
    after = int(t.command("statistics 0")["rx_packets"])
    # The frames, and the command for the second reading.
    check(after - before == frames + 1, f"it counted {after - before} for {frames + 1}")
    return f"{frames} frames counted"


# ---- configuration ----

def jumbo(t):
    check(t.info()["mtu"] == "9000", f"the MTU is {t.info()['mtu']}")
    return f"{t.echo(longest=9014, window=4)} frames to 9014"


def link(t):
    check(t.info()["up"] == "1", "the link is not up")
    t.devices.set_link(t, False)
    t.devices.wait_line(t, "link down")
    t.devices.set_link(t, True)
    t.devices.wait_line(t, "link up")
    t.echo()
    check(t.info()["up"] == "1", "the link is not up again")
    return "down and up, by interrupt"


def speed(t):
    info = t.info()
    check((info["speed"], info["duplex"]) == ("25000", "1"),
          f"speed {info['speed']}, duplex {info['duplex']}")
    t.echo()
    return "25000 full"


# ---- offloads ----

def offloads(host, row, output):
    if "not negotiated" in output:
        raise NotOffered(output.strip())
    check("status 0" in output, output.strip())
    return host.check_all(row.kinds, json.loads(output[output.index("{"):output.rindex("}") + 1]))


# ---- failure and suspend ----

def drain(t, seconds=0.5):
    """The frames that still come until none came for so long."""
    count = 0
    while t.receive(seconds) is not None:
        count += 1
    return count


def under_traffic(t, command):
    """A command in the middle of frames: at most as many are lost as the driver reports."""
    frames = list(mixed(2 * (WINDOW - 1), 200))
    t.unexpected.clear()
    for frame in frames[:WINDOW - 1]:
        t.wire.send(frame)
    report = t.command(command)
    for frame in frames[WINDOW - 1:]:
        t.wire.send(frame)
    back = len(t.unexpected) + drain(t)
    owned = int(report["tx_unknown"]) + int(report["rx_lost"])
    lost = len(frames) - back
    check(0 <= lost <= owned, f"{command}: {lost} frames lost, {owned} reported")
    t.echo(count=100)
    return lost, float(report["ms"])


def queue_reset(t):
    lost = slowest = 0
    for command in ("reset rx 0", "reset tx 0") * 5:
        gone, took = under_traffic(t, command)
        lost, slowest = lost + gone, max(slowest, took)
    return f"10 resets, {lost} lost, {slowest:.1f} ms"


def resize(t):
    for side in ("rx", "tx"):
        for size in (64, 16, 256):
            under_traffic(t, f"resize {side} 0 {size}")
            check(t.info()[f"{side}_size"] == str(size), f"{side} does not have {size} entries")
            t.echo()
    if "RING_PACKED" not in t.row.need:
        check("powers of two" in t.refused("resize rx 0 3"), "a size that is no power of two")
    check("512" in t.refused("resize rx 0 512"), "a size above what the device allows")
    t.echo()
    return "64, 16, 256"


def recover(t):
    lost = slowest = 0
    for _ in range(3):
        gone, took = under_traffic(t, "recover")
        lost, slowest = lost + gone, max(slowest, took)
    t.command("again")
    t.echo()
    return f"3 recoveries, {lost} lost, {slowest:.1f} ms; stop, start"


def needs_reset(t):
    """The device sets DEVICE_NEEDS_RESET by itself; the driver recovers it."""
    t.echo(count=50)
    t.devices.make_fail(t)
    words = t.reply("recovery")
    check(words[0] == "recovered", " ".join(words))
    report = dict(w.split("=") for w in words[1:])
    t.echo()
    return f"{report['tx_unknown']} unknown, {report['rx_lost']} lost, {report['ms']} ms"


def suspend(t):
    t.echo()
    t.command("suspend")
    return f"{t.echo()} frames"
