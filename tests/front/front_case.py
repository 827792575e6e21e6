# SPDX-License-Identifier: BSD-3-Clause
"""The terminal view and the HTTP interface on an engine that is faked (front_host.c): what test_*.py here share."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

HOST = os.path.join(os.environ["VIONET_BUILD"], "tests", "front", "front_host")
DEADLINE = 60  # of a wait for what is sure to come


def port(name, location=None):
    return {"name": name, "location": location or f"vfio-user:/nowhere/{name}"}


def flow(name, tx="p1", rx="p2", pps=1000, frames=None, **more):
    """As an OTG client would write it."""
    made = {"name": name, "tx_rx": {"choice": "port", "port": {"tx_name": tx, "rx_names": [rx]}},
            "packet": [{"choice": "ethernet"}, {"choice": "ipv4"}, {"choice": "udp"}],
            "size": {"choice": "fixed", "fixed": 64}, "rate": {"choice": "pps", "pps": pps},
            "metrics": {"enable": True}}
    if frames:
        made["duration"] = {"choice": "fixed_packets", "fixed_packets": {"packets": frames}}
    return made | more


def config(*flows):
    return {"ports": [port("p1"), port("p2")], "flows": list(flows)}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=DEADLINE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self.path)


class Client:
    """An ordinary OTG client: HTTP and JSON, nothing of ours."""

    def __init__(self, address):
        self.address = address

    def connection(self):
        if self.address.startswith("unix:"):
            return UnixConnection(self.address[5:])
        return http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=DEADLINE)

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, bytes) of a request, as it comes."""
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def call(self, method, path, message=None, expect=200):
        headers = {"Content-Type": "application/json"} if message is not None else {}
        status, found, body = self.ask(method, path, None if message is None else json.dumps(message), headers)
        assert status == expect, (status, body)
        assert found["Content-Type"] == "application/json", found
        return json.loads(body)

    def transmit(self, state, *names, expect=200):
        return self.call("POST", "/control/state", {"choice": "traffic", "traffic": {
            "choice": "flow_transmit", "flow_transmit": {"state": state, "flow_names": list(names)}}}, expect)

    def flows(self, **request):
        return {each["name"]: each for each in self.call("POST", "/monitor/metrics", {
            "choice": "flow", "flow": request})["flow_metrics"]}


def wait_until(condition, what="it"):
    until = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < until, f"{what} does not come"
        time.sleep(0.02)
    return found


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="front-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return pathlib.Path(self.folder, name)

    def read(self, name):
        return self.path(name).read_text()

    def file(self, name, text):
        self.path(name).write_text(text)
        return str(self.path(name))

    def serve(self, *options, address=None):
        """A host that listens; its client."""
        with self.path("errors").open("w") as errors, self.path("output").open("w") as output:
            self.host = subprocess.Popen([HOST, "--listen", address or f"unix:{self.folder}/api", *options],
                                         stdout=output, stderr=errors)
        self.addCleanup(self.end)
        found = wait_until(lambda: re.search(r"listening at (\S+)\n", self.read("errors")) or
                           self.host.poll() is not None, "a server")
        assert found is not True, self.read("errors")
        return Client(found[1])

    def end(self, expect=0):
        """In order, whatever was done to it."""
        if self.host is None:
            return
        host, self.host = self.host, None
        if host.poll() is None:
            host.send_signal(signal.SIGTERM)
        status = host.wait(DEADLINE)
        text = self.read("errors")
        self.assertEqual(status, expect, text)
        self.assertNotIn("Sanitizer", text)
