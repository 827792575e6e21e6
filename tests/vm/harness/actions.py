# SPDX-License-Identifier: BSD-3-Clause
"""What --at does to the machine while the command runs."""

from . import qemu, qmp
from .nics import NOWHERE

NIC_ACTIONS = ("plug", "unplug", "link-down", "link-up", "play")
MACHINE_ACTIONS = ("stop", "cont", "reset", "migrate")
NAMES = ", ".join([f"{name}[:nicN]" for name in NIC_ACTIONS] + list(MACHINE_ACTIONS))


class Action:
    """One --at: its mark, and what is done then. `error`: why it failed."""

    def __init__(self, mark, text, o):
        self.mark, self.text, self.seconds, self.error = mark, text, None, None
        self.what, _, name = text.partition(":")
        if self.what not in NIC_ACTIONS + MACHINE_ACTIONS:
            raise ValueError(f"--at: {text}: not an action; one of: {NAMES}")
        if self.what in MACHINE_ACTIONS:
            if name:
                raise ValueError(f"--at: {self.what} takes no NIC")
            self.nic = None
            if self.what == "migrate" and not o.packed:
                raise ValueError("--at: migrate needs --packed: a guest with files of this machine cannot move")
            if self.what == "migrate" and any(nic.pcap for nic in o.nics):
                raise ValueError("--at: migrate: a capture of --pcap would begin anew")
            if self.what == "migrate" and any(not nic.peer and nic.netdev != NOWHERE for nic in o.nics):
                raise ValueError("--at: migrate needs a --peer, or nothing, behind each NIC: two QEMUs cannot have one netdev")
            return
        self.nic = next((nic for nic in o.nics if nic.name == (name or "nic0")), None)
        if not self.nic:
            raise ValueError(f"--at: {text}: there is no {name or 'nic0'}")
        if self.what == "play" and self.nic.peer.partition(":")[0] not in ("source", "pcap"):
            raise ValueError(f"--at: {text}: {self.nic.name} has no --peer that sends by itself")
        if "plug" in self.what and o.topology != "root-port":
            raise ValueError(f"--at: {self.what} needs --topology root-port")

    def perform(self, session):
        if self.what == "migrate":
            session.migrate()
        else:
            getattr(self, "do_" + self.what.replace("-", "_"))(session.control)

    def do_plug(self, control):
        driver, props = qemu.device(self.nic)
        control.command("device_add", driver=driver, **props)

    def do_unplug(self, control):
        control.command("device_del", id=self.nic.name)

    def do_link_down(self, control):
        control.command("set_link", name=self.nic.name, up=False)

    def do_link_up(self, control):
        control.command("set_link", name=self.nic.name, up=True)

    def do_play(self, control):
        self.nic.playing.set()

    def do_stop(self, control):
        control.command("stop")

    def do_cont(self, control):
        control.command("cont")

    def do_reset(self, control):
        control.command("system_reset")

    def result(self):
        return {"mark": self.mark, "action": self.text, "seconds": self.seconds, "error": self.error}


def plan(o):
    """The actions of --at. A NIC that is plugged before it is unplugged comes later."""
    planned = [Action(mark, text, o) for mark, text in o.at]
    for nic in o.nics:
        first = next((a.what for a in planned if a.nic is nic and "plug" in a.what), "")
        nic.absent = first == "plug"
        if not any(a.nic is nic and a.what == "play" for a in planned):
            nic.playing.set()
    return planned


class Watch:
    """Looks for the marks in what the command prints."""

    HELD = 1 << 16  # bytes that are looked through again

    def __init__(self, actions):
        self.waiting, self.seen = list(actions), {}

    def feed(self, channel, data=b""):
        """The actions that are due now; `channel` is the one of the command's outputs that had the data."""
        seen = (self.seen.get(channel, "") + data.decode(errors="replace").replace("\r", ""))[-self.HELD:]
        while self.waiting and self.waiting[0].mark in seen:
            action = self.waiting.pop(0)
            seen = seen.partition(action.mark)[2] if action.mark else seen
            yield action
        self.seen[channel] = seen


def perform(action, session):
    action.seconds = round(session.seconds()[1], 3)
    try:
        action.perform(session)
    except (qmp.QmpError, OSError) as e:
        action.error = str(e)
