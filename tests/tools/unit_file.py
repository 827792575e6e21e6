# SPDX-License-Identifier: BSD-3-Clause
"""A unit of docs/systemd, and the confinement by system calls that systemd would make of it."""

import ctypes
import os
import pathlib
import re
import subprocess

UNITS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "systemd"
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_NETLINK": 16}
CLONE_NEWNET = 0x40000000


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


class Unit:
    def __init__(self, name):
        self.text = (UNITS / name).read_text()

    def values(self, key):
        return re.findall(rf"(?m)^{key}=(.*)$", self.text)

    def command(self, instance, programs, runtime):
        line = self.values("ExecStart")[0].replace("/usr/bin", programs).replace("%t", runtime)
        return re.sub("%[iI]", instance, line).replace("%%", "%").split()

    def calls(self):
        """The names that the list leaves; each line adds or takes away."""
        left = set()
        for value in self.values("SystemCallFilter"):
            names = expand(value.lstrip("~").split())
            left = left - names if value.startswith("~") else left | names
        # systemd's own, for whatever it starts.
        return left | expand(["@default"]) | {"execve"}

    def families(self):
        return [FAMILIES[name] for name in self.values("RestrictAddressFamilies")[0].split()]


def expand(names):
    found = set()
    for name in names:
        if not name.startswith("@"):
            found.add(name)
            continue
        done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True,
                              text=True, check=True, timeout=90)
        members = [line.strip() for line in done.stdout.splitlines()[1:]]
        found |= expand([member for member in members if member and not member.startswith("#")])
    return found


def confine(unit, network=False):
    """What a child does before its program: as systemd, but that a forbidden call kills it."""
    calls, families = sorted(unit.calls()), unit.families()
    library, libc = ctypes.CDLL("libseccomp.so.2"), ctypes.CDLL(None)
    library.seccomp_init.restype = ctypes.c_void_p
    allow, kill = 0x7fff0000, 0x80000000

    def enter():
        if network and libc.unshare(CLONE_NEWNET) != 0:
            os._exit(99)
        context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(kill)))
        for call in calls:
            number = library.seccomp_syscall_resolve_name(call.encode())
            if number < 0 or call == "socket":
                continue
            library.seccomp_rule_add_array(context, ctypes.c_uint32(allow), number, 0, None)
        for family in families:
            equal = Comparison(0, 4, family, 0)
            library.seccomp_rule_add_array(context, ctypes.c_uint32(allow),
                                           library.seccomp_syscall_resolve_name(b"socket"), 1,
                                           ctypes.byref(equal))
        if library.seccomp_load(context) != 0:
            os._exit(98)
    return enter
