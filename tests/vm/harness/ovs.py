# SPDX-License-Identifier: BSD-3-Clause
"""A private Open vSwitch with DPDK: its database, sockets and network namespace are its own."""

import os
import subprocess

from .background import STEP_TIMEOUT, listens, wait_until

# Without huge pages DPDK wants --legacy-mem, or Open vSwitch adds an option that excludes it.
DPDK = "--no-huge --legacy-mem -m 512 --no-pci --no-telemetry"


class Installed:
    """Debian 12's; or another one, below a folder of tests/ports/fetch-root."""

    vsctl, server, tool = "ovs-vsctl", "ovsdb-server", "ovsdb-tool"
    vswitchd = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
    schema = "/usr/share/openvswitch/vswitch.ovsschema"
    dpdk = DPDK

    def __init__(self, root=None):
        if not root:
            return
        self.vsctl, self.server, self.tool, self.vswitchd = (
            str(root / name) for name in ("ovs-vsctl", "ovsdb-server", "ovsdb-tool", "ovs-vswitchd-dpdk"))
        self.schema = str(root) + self.schema
        driver = next(root.glob("usr/lib/*/librte_mempool_ring.so.*"))
        self.dpdk += f" -d {driver}"


PROGRAMS = ["ovs-vsctl", "ovsdb-server", "ovsdb-tool", Installed.vswitchd, "unshare"]


class Failed(Exception):
    pass


class Switch:
    """Runs in `folder`; `start(command, name, env, front)` begins a program of it, and somebody ends that."""

    def __init__(self, folder, start, installed=None, settings=()):
        self.folder, self.start, self.installed = folder, start, installed or Installed()
        self.paths = {name: str(folder) for name in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "XDG_RUNTIME_DIR")}
        self.database = f"unix:{folder}/db"
        subprocess.run([self.installed.tool, "create", folder / "conf", self.installed.schema], check=True,
                       env={**os.environ, **self.paths})
        database = start([self.installed.server, folder / "conf", f"--remote=punix:{folder}/db",
                          f"--unixctl={folder}/db.ctl"], "database", self.paths)
        if not wait_until(lambda: listens(folder / "db"), database.alive):
            raise Failed(database.text())
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true",
                   # As root all of them would share one folder, and only the first would start.
                   f"other_config:dpdk-extra={self.installed.dpdk} --file-prefix={os.path.basename(folder)}",
                   "other_config:pmd-maxsleep=100",
                   # Otherwise each port asks for 800 MB of packet buffers.
                   "other_config:per-port-memory=true", *settings)
        self.run()
        self.vsctl("add-br", "bridge", "--", "set", "bridge", "bridge", "datapath_type=netdev")

    def run(self):
        alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
        self.process = self.start([self.installed.vswitchd, self.database, f"--unixctl={self.folder}/switch.ctl",
                                   "--no-chdir"], "switch", self.paths, alone)

    def add_client(self, name):
        """A port that connects to the socket `name`."""
        self.vsctl("add-port", "bridge", name, "--", "set", "Interface", name, "type=dpdkvhostuserclient",
                   f"options:vhost-server-path={self.folder}/{name}")

    def add_server(self, name):
        """A port that listens at the socket `name`."""
        self.vsctl("add-port", "bridge", name, "--", "set", "Interface", name, "type=dpdkvhostuser")
        # In another network namespace it is not in our list of sockets.
        if not wait_until((self.folder / name).exists, self.process.alive):
            raise Failed(self.process.text())

    def vsctl(self, *arguments):
        done = subprocess.run([self.installed.vsctl, f"--db={self.database}", f"--timeout={STEP_TIMEOUT}", *arguments],
                              capture_output=True, text=True, check=False, env={**os.environ, **self.paths})
        if done.returncode != 0:
            raise Failed(done.stderr + self.text())
        return done.stdout

    def text(self):
        log = self.folder / "switch.log"
        return log.read_text(errors="replace")[-4000:] if log.exists() else ""
