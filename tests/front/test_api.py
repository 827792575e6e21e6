# SPDX-License-Identifier: BSD-3-Clause
"""The HTTP interface: the whole life of a configuration by an OTG client, every error, and bad clients."""

import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import stat
import struct
import subprocess
import time
import unittest

from front_case import DEADLINE, HOST, Case, config, flow, wait_until

JSON = {"Content-Type": "application/json"}


class Life(Case):
    """As a client does it: set, start, poll, stop, set anew."""

    def test_from_setting_to_the_end(self):
        client = self.serve()
        self.assertEqual(client.call("GET", "/config"), {})
        self.assertEqual(client.call("POST", "/config", config(flow("a", frames=500), flow("lossy b"))),
                         {"warnings": []})
        read = client.call("GET", "/config")
        self.assertEqual([each["name"] for each in read["flows"]], ["a", "lossy b"])
        self.assertEqual(read["ports"][1], {"name": "p2", "location": "vfio-user:/nowhere/p2"})
        self.assertEqual({each["transmit"] for each in client.flows().values()}, {"stopped"})
        self.assertEqual(client.transmit("start"), {"warnings": []})
        self.assertEqual(client.flows()["lossy b"]["transmit"], "started")
        wait_until(lambda: client.flows()["a"]["transmit"] == "stopped", "the end of 500 frames")
        done = client.flows()["a"]
        self.assertEqual((done["frames_tx"], done["frames_rx"], done["bytes_tx"]), (500, 500, 500 * 64))
        self.assertEqual((done["port_tx"], done["port_rx"], done["loss"]), ("p1", "p2", 0))
        self.assertEqual(done["latency"], {"minimum_ns": 5000, "maximum_ns": 99000, "average_ns": 8000})
        wait_until(lambda: client.flows()["lossy b"]["loss"] > 1, "a loss")
        client.transmit("stop")
        stopped = client.flows()
        self.assertEqual(stopped["lossy b"]["transmit"], "stopped")
        self.assertEqual(client.flows()["lossy b"]["frames_tx"], stopped["lossy b"]["frames_tx"])
        # Another one in its place, with nothing left of the first.
        client.call("POST", "/config", config(flow("c")))
        self.assertEqual(list(client.flows()), ["c"])
        client.call("POST", "/config", {})
        self.assertEqual(client.call("GET", "/config"), {})

    def test_pause_and_resume_keep_counters(self):
        client = self.serve()
        client.call("POST", "/config", config(flow("a", pps=100000), flow("b")))
        client.transmit("start", "a")
        wait_until(lambda: client.flows()["a"]["frames_tx"] > 100)
        self.assertEqual(client.flows()["b"]["transmit"], "stopped")
        client.transmit("pause", "a")
        paused = client.flows()["a"]
        self.assertEqual(paused["transmit"], "paused")
        client.transmit("resume", "a")
        self.assertEqual(client.flows()["a"]["transmit"], "started")
        wait_until(lambda: client.flows()["a"]["frames_tx"] > paused["frames_tx"])

    def test_columns_and_names(self):
        client = self.serve()
        client.call("POST", "/config", config(flow("a"), flow("b")))
        self.assertEqual(client.flows(flow_names=["b"], metric_names=["frames_tx", "transmit"]),
                         {"b": {"name": "b", "port_tx": "p1", "port_rx": "p2", "transmit": "stopped",
                                "frames_tx": 0}})
        ports = client.call("POST", "/monitor/metrics", {"choice": "port", "port": {
            "port_names": ["p2"], "column_names": ["link", "speed", "location", "capture"]}})
        self.assertEqual(ports, {"choice": "port_metrics", "port_metrics": [{
            "name": "p2", "location": "vfio-user:/nowhere/p2", "link": "up", "capture": "stopped",
            "speed": 1250000}]})
        # The model's default is ports, all of them, all columns.
        ports = client.call("POST", "/monitor/metrics", {})["port_metrics"]
        self.assertEqual([each["name"] for each in ports], ["p1", "p2"])
        self.assertEqual(set(ports[0]), {"name", "location", "link", "capture", "transmit", "frames_tx",
                                         "frames_rx", "bytes_tx", "bytes_rx", "frames_tx_rate",
                                         "frames_rx_rate", "bytes_tx_rate", "bytes_rx_rate", "speed"})

    def test_rates_are_those_of_the_last_second(self):
        client = self.serve()
        client.call("POST", "/config", config(flow("a", pps=10000)))
        client.transmit("start")
        got = wait_until(lambda: (now := client.flows()["a"])["frames_tx_rate"] > 0 and now, "a rate")
        self.assertAlmostEqual(got["tx_rate_bytes"], 64 * got["frames_tx_rate"], delta=1)
        self.assertAlmostEqual(got["tx_rate_bps"], 8 * got["tx_rate_bytes"], delta=1)
        self.assertAlmostEqual(got["tx_rate_kbps"], got["tx_rate_bps"] / 1e3, delta=1)
        self.assertAlmostEqual(got["tx_l1_rate_bps"], 84 * 8 * got["frames_tx_rate"], delta=1)

    def test_tagged_metrics(self):
        client = self.serve()
        udp = {"choice": "udp", "udp": {"src_port": {
            "choice": "increment", "increment": {"start": 1000, "step": 2, "count": 3},
            "metric_tags": [{"name": "port"}]}}}
        made = flow("a", packet=[{"choice": "ethernet"}, {"choice": "ipv4"}, udp], pps=100000)
        client.call("POST", "/config", config(made))
        self.assertEqual(client.flows()["a"]["tagged_metrics"], [])
        rows = client.flows(tagged_metrics={"include_empty_metrics": True})["a"]["tagged_metrics"]
        self.assertEqual([row["tags"] for row in rows], [[{"name": "port", "value": {
            "choice": "hex", "hex": f"{value:04x}"}}] for value in (1000, 1002, 1004)])
        client.transmit("start")
        wait_until(lambda: len(client.flows()["a"]["tagged_metrics"]) == 3)
        only = client.flows(tagged_metrics={"metric_names": ["frames_rx"],
                                            "filters": [{"name": "port", "values": ["0x3ea"]}]})
        (row,) = only["a"]["tagged_metrics"]
        self.assertEqual(set(row), {"tags", "frames_rx", "loss", "latency"})
        self.assertNotIn("tagged_metrics", client.flows(tagged_metrics={"include": False})["a"])

    def test_tagged_metrics_are_bounded(self):
        """What a request has looked through, of all its flows, holds up the run no longer than that."""
        client = self.serve()
        udp = {"choice": "udp", "udp": {"src_port": {
            "choice": "increment", "increment": {"count": 50000}, "metric_tags": [{"name": "port"}]}}}
        flows = [flow(f"f{number}", packet=[{"choice": "ethernet"}, {"choice": "ipv4"}, udp]) for number in range(5)]
        client.call("POST", "/config", config(*flows))
        client.flows(flow_names=["f0", "f1", "f2", "f3"])
        answer = client.call("POST", "/monitor/metrics", {"choice": "flow"}, 400)
        self.assertIn("more than 10000 rows or 200000 streams", answer["errors"][0])

    def test_changes_of_a_configuration(self):
        client = self.serve()
        client.call("POST", "/config", config(flow("a", pps=1000), flow("b")))
        client.call("PATCH", "/config/append", [{"choice": "flows", "flows": [flow("c")]}])
        client.call("PATCH", "/config/delete", [{"choice": "flows", "flows": ["b"]}])
        self.assertEqual(list(client.flows()), ["a", "c"])
        client.transmit("start")
        client.call("PATCH", "/config", {"choice": "flows", "flows": {
            "property_names": ["rate"], "flows": [flow("a", pps=200000)]}})
        self.assertEqual(client.call("GET", "/config")["flows"][0]["rate"], {"choice": "pps", "pps": 200000})
        self.assertEqual(client.flows()["a"]["transmit"], "started")
        wait_until(lambda: client.flows()["a"]["frames_tx"] > 20000)
        # Others only while nothing is sent.
        for path, body in (("/config/append", [{"choice": "flows", "flows": [flow("d")]}]),
                           ("/config/delete", [{"choice": "flows", "flows": ["a"]}]),
                           ("/config", {"choice": "flows", "flows": {"property_names": ["size"],
                                                                     "flows": [flow("a")]}})):
            self.assertIn("stop them first", client.call("PATCH", path, body, 409)["errors"][0])
        client.transmit("stop")
        bigger = flow("a", size={"choice": "fixed", "fixed": 128})
        client.call("PATCH", "/config", {"choice": "flows", "flows": {
            "property_names": ["size", "rate"], "flows": [bigger]}})
        self.assertEqual(client.call("GET", "/config")["flows"][0]["size"]["fixed"], 128)
        self.assertEqual(client.call("GET", "/config")["flows"][0]["rate"]["pps"], 1000)

    def test_rates_that_the_model_has_not(self):
        """What a client sets holds, whether it knows x-vionet or not."""
        client = self.serve()
        client.call("POST", "/config", config(flow("a") | {"x-vionet": {"rate": "max"}}))
        client.transmit("start")

        def patch(changed):
            client.call("PATCH", "/config", {"choice": "flows", "flows": {"property_names": ["rate"], "flows": [changed]}})
            read, = client.call("GET", "/config")["flows"]
            return read["rate"], read.get("x-vionet", {}).get("rate")

        self.assertEqual(patch(flow("a", pps=2000)), ({"choice": "pps", "pps": 2000}, None))
        self.assertEqual(patch(flow("a", pps=2000) | {"x-vionet": {"rate": "0.5pps"}}),
                         ({"choice": "pps", "pps": 1}, "0.500pps"))
        read, = client.call("GET", "/config")["flows"]
        self.assertEqual(patch(read), ({"choice": "pps", "pps": 1}, "0.500pps"))
        read["rate"] = {"choice": "pps", "pps": 70}
        self.assertEqual(patch(read), ({"choice": "pps", "pps": 70}, None))
        self.assertEqual(patch(flow("a") | {"rate": None, "x-vionet": {"rate": "max"}})[1], "max")

    def test_captures(self):
        """What a port receives, and nothing from before; pcap as the model's default is, or pcapng."""
        client = self.serve()
        made = config(flow("a"), flow("b", tx="p2", rx="p1"))
        made["captures"] = [{"name": "c1", "port_names": ["p1"], "format": "pcapng"},
                            {"name": "c2", "port_names": ["p2"], "packet_size": 20}]
        client.call("POST", "/config", made)

        def capture(state, *names):
            client.call("POST", "/control/state", {"choice": "port", "port": {
                "choice": "capture", "capture": {"state": state, "port_names": list(names)}}})

        def fetch(name):
            status, headers, body = client.ask("POST", "/monitor/capture", json.dumps({"port_name": name}), JSON)
            self.assertEqual((status, headers["Content-Type"]), (200, "application/octet-stream"), body)
            return body

        def states():
            return [each["capture"] for each in client.call("POST", "/monitor/metrics", {})["port_metrics"]]

        client.transmit("start")
        capture("start")
        self.assertEqual(states(), ["started", "started"])
        time.sleep(0.3)  # something passes: how much is all the same
        files = {name: fetch(name) for name in ("p1", "p2")}
        self.assertEqual(states(), ["stopped", "stopped"])
        self.assertEqual((files["p1"][:4].hex(), files["p2"][:4].hex()), ("0a0d0d0a", "4d3cb2a1"))
        for number, name in enumerate(("p1", "p2")):
            for frame, total in self.frames(files[name]):
                self.assertEqual((total, len(frame), frame[14]), (60, 20 if number else 60, number))
        self.assertGreater(len(self.frames(files["p1"])), 2)
        self.assertEqual(fetch("p2"), files["p2"])  # it stays until it is begun anew
        client.transmit("stop")
        # Other flows change nothing about it.
        capture("start", "p1")
        client.call("PATCH", "/config/append", [{"choice": "flows", "flows": [flow("c")]}])
        self.assertEqual(states(), ["started", "stopped"])
        client.call("PATCH", "/config/delete", [{"choice": "flows", "flows": ["c"]}])
        self.assertEqual((states(), fetch("p2")), (["started", "stopped"], files["p2"]))
        client.transmit("stop")
        capture("start", "p2")
        capture("stop", "p2")
        self.assertEqual(self.frames(fetch("p2")), [])
        client.call("POST", "/config", made)
        self.assertEqual(states(), ["stopped", "stopped"])

    def frames(self, data):
        """(bytes, length on the wire) of a file, by another reader than ours."""
        path = self.path("file")
        path.write_bytes(data)
        done = subprocess.run(["tcpdump", "-r", path, "-w", "-", "--time-stamp-precision=nano"], capture_output=True,
                              check=True)
        found, at, data = [], 24, done.stdout
        while at < len(data):
            captured, total = struct.unpack("II", data[at + 8:at + 16])
            found.append((data[at + 16:at + 16 + captured], total))
            at += 16 + captured
        return found

    def test_yaml(self):
        client = self.serve()
        text = "ports:\n- {name: p1, location: 'vfio-user:/nowhere/x'}\n"
        status, _, body = client.ask("POST", "/config", text, {"Content-Type": "application/yaml"})
        self.assertEqual((status, json.loads(body)), (200, {"warnings": []}))
        self.assertEqual(client.call("GET", "/config")["ports"][0]["name"], "p1")

    def test_what_there_is_beside(self):
        client = self.serve()
        version = client.call("GET", "/capabilities/version")
        self.assertEqual(version["api_spec_version"], "1.61.0")
        status, headers, body = client.ask("GET", "/")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; charset=utf-8"))
        for path in ("/config", "/control/state", "/monitor/metrics", "/monitor/capture", "/metrics"):
            self.assertIn(path.encode(), body)
        self.assertEqual(client.ask("HEAD", "/metrics")[::2], (200, b""))
        self.assertEqual(client.call("POST", "/monitor/states", {}),
                         {"choice": "ipv4_neighbors", "ipv4_neighbors": []})
        # A client that starts all protocols first may go on.
        answer = client.call("POST", "/control/state", {"choice": "protocol", "protocol": {
            "choice": "all", "all": {"state": "start"}}})
        self.assertEqual(answer, {"warnings": ["no protocols are configured"]})

    def test_flows_of_a_file(self):
        path = self.file("c.json", json.dumps(config(flow("a", pps=1000))))
        client = self.serve("--config", path)
        wait_until(lambda: client.flows()["a"]["frames_tx"] > 0)
        client.transmit("stop")
        self.assertEqual(self.host.wait(DEADLINE), 0)  # it was sending, and has ended
        self.assertIn("summary: a sent", self.read("output"))


class Errors(Case):
    """In the model's form, each by the path of what is bad; nothing changes by it."""

    def refused(self, status, method, path, message, *texts, kind="validation"):
        answer = self.client.call(method, path, message, status)
        self.assertEqual(set(answer), {"code", "kind", "errors"})
        self.assertEqual((answer["code"], answer["kind"]), (status, kind))
        for text in texts:
            self.assertIn(text, "\n".join(answer["errors"]))

    def test_bad_requests(self):
        self.client = self.serve()
        state = "/control/state"
        metrics = "/monitor/metrics"
        need = "there is no configuration with ports: POST one to /config first"
        self.refused(400, "POST", metrics, {"choice": "flow"}, need)
        self.refused(400, "POST", "/monitor/capture", {"port_name": "p1"}, need)
        self.client.call("POST", "/config", config(flow("a"), flow("b")))
        for message, *texts in (
                ([], "an object is expected"),
                ({}, "choice: it is missing"),
                ({"choice": 3}, "choice: a text is expected, not a whole number"),
                ({"choice": "weather"}, "choice: 'weather' is not supported; it is one of port, protocol, traffic"),
                ({"choice": "traffic"}, "traffic: it is missing"),
                ({"choice": "traffic", "traffik": {}}, "traffik: not supported"),
                ({"choice": "traffic", "traffic": {"choice": "flow_transmit", "flow_transmit": {}}},
                 "traffic.flow_transmit.state: it is missing"),
                ({"choice": "traffic", "traffic": {"choice": "flow_transmit", "flow_transmit": {"state": "fly"}}},
                 "traffic.flow_transmit.state: 'fly' is not supported; it is one of start, stop, pause, resume"),
                ({"choice": "traffic", "traffic": {"choice": "flow_transmit", "flow_transmit": {
                    "state": "start", "flow_names": ["a", "x"]}}},
                 "traffic.flow_transmit.flow_names[1]: 'x' is in no configuration"),
                ({"choice": "traffic", "traffic": {"choice": "flow_transmit", "flow_transmit": {
                    "state": "start", "flow_names": "a"}}},
                 "traffic.flow_transmit.flow_names: a list is expected, not a text"),
                ({"choice": "port", "port": {"choice": "link", "link": {"state": "down"}}},
                 "port.link: not supported"),
                ({"choice": "protocol", "protocol": {"choice": "bgp", "bgp": {}}}, "protocol.bgp: not supported")):
            self.refused(400, "POST", state, message, *texts)
        for message, *texts in (
                ({"choice": "bgpv4"}, "choice: 'bgpv4' is not supported"),
                ({"choice": "flow", "flow": {"flow_names": ["x"]}}, "flow.flow_names[0]: 'x'"),
                ({"choice": "flow", "flow": {"flow_names": ["a"] * 3}}, "flow.flow_names: more names than there are"),
                ({"choice": "flow", "flow": {"metric_names": ["frames"]}}, "flow.metric_names: 'frames'"),
                ({"choice": "flow", "flow": {"tagged_metrics": {"x": 1}}}, "flow.tagged_metrics.x: not supported"),
                ({"choice": "port", "port": {"column_names": [7]}}, "port.column_names: ''"),
                ({"choice": "port", "port": []}, "port: an object is expected, not a list")):
            self.refused(400, "POST", metrics, message, *texts)
        self.refused(400, "POST", "/control/action", {"choice": "port"}, "port: not supported")
        self.refused(400, "POST", "/monitor/states", {"choice": "bgp_prefixes"}, "choice: 'bgp_prefixes'")
        self.refused(400, "POST", "/monitor/capture", {}, "port_name: it is missing")
        self.refused(400, "POST", "/monitor/capture", {"port_name": "x"}, "port_name: 'x' is in no configuration")
        self.refused(400, "POST", "/monitor/capture", {"port_name": "p1"}, "port_name: 'p1' has no capture")
        capture = {"choice": "port", "port": {"choice": "capture", "capture": {"state": "start"}}}
        self.refused(400, "POST", state, capture, "port.capture.port_names: the configuration has no `captures`")
        capture["port"]["capture"]["port_names"] = ["p2"]
        self.refused(400, "POST", state, capture, "port.capture.port_names[0]: the port is in no `captures`")
        self.refused(400, "PATCH", "/config", {"choice": "flows", "flows": {"flows": []}},
                     "flows.property_names: it is missing")
        self.refused(400, "PATCH", "/config", {"choice": "flows", "flows": {
            "property_names": ["rate"], "flows": [flow("x")]}}, "flows.flows[0].name: it is in no configuration")
        self.refused(400, "PATCH", "/config/append", {}, "a list is expected")
        self.refused(400, "PATCH", "/config/append", [{"choice": "flows", "flows": [flow("a")]}], "flows[2].name")
        self.refused(400, "PATCH", "/config/delete", [{"choice": "flows", "flows": ["x"]}], "'x' is in no")
        self.refused(404, "GET", "/confg", None, "/confg: there is no such path")
        self.refused(404, "GET", "/config/", None)
        self.refused(405, "DELETE", "/config", None, "/config has no DELETE; it has GET, POST, PATCH")
        self.assertEqual([each["name"] for each in self.client.call("GET", "/config")["flows"]], ["a", "b"])

    def test_bad_configurations(self):
        self.client = self.serve()
        self.client.call("POST", "/config", config(flow("kept")))
        bad = config(flow("a", packet=[{"choice": "ethernet"}, {"choice": "gtpv2"}]))
        self.refused(400, "POST", "/config", bad, "flows[0].packet[1]", "gtpv2")
        self.refused(400, "POST", "/config", {"ports": [{"name": "p1"}]}, "ports[0].location: it is missing")
        self.refused(400, "POST", "/config", {"ports": [{"name": name, "location": "same"} for name in "ab"]},
                     "ports[1].location: 'same' is named twice")
        self.refused(400, "POST", "/config", config(flow("a", tx="p9")), "flows[0].tx_rx.port.tx_name")
        for name, what in (("replay", {"file": "/etc/passwd"}), ("template", {"file": "/etc/passwd", "frame": 2})):
            named = {"name": "a", "tx_rx": flow("a")["tx_rx"], "x-vionet": {name: what}}
            self.refused(400, "POST", "/config", config(named), f"flows[0].x-vionet.{name}: captures are read for configurations of the command line only")
        status, _, body = self.client.ask("POST", "/config", '{"ports": [\n{"name": ]}', JSON)
        self.assertEqual((status, "line 2" in json.loads(body)["errors"][0]), (400, True), body)
        self.assertEqual(self.client.call("GET", "/config")["flows"][0]["name"], "kept")
        status, _, body = self.client.ask("POST", "/control/state", '{"a": 1, "a": 2}', JSON)
        self.assertEqual(status, 400)
        self.assertIn("line 1", json.loads(body)["errors"][0])

    def test_devices_that_fail(self):
        self.client = self.serve("--fail-open", "3")
        self.refused(500, "POST", "/config", config(flow("a")), "vfio-user:/nowhere/p1: it cannot be opened",
                     kind="internal")
        self.assertEqual(self.client.call("GET", "/config"), {})

    def test_a_bad_use_of_a_device(self):
        self.client = self.serve("--fail-open", "2")
        self.refused(400, "POST", "/config", config(flow("a")), "it cannot be opened")

    def test_a_device_that_goes_away(self):
        self.client = self.serve()
        self.client.call("POST", "/config", config(flow("a")))
        self.client.transmit("start")
        self.host.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.client.call("GET", "/config") == {}, "the end of the configuration")
        self.assertIn("the device is gone", self.read("errors"))
        self.refused(400, "POST", "/monitor/metrics", {}, "there is no configuration")

    def test_rates_that_cannot_be(self):
        self.client = self.serve()
        self.client.call("POST", "/config", config(flow("a")))
        percent = flow("a", rate={"choice": "percentage", "percentage": 50})
        self.refused(400, "PATCH", "/config", {"choice": "flows", "flows": {
            "property_names": ["rate"], "flows": [percent]}}, "the link states no speed")


class BadClients(Case):
    """Whatever they send, others are served."""

    def raw(self, client, data, expect=None):
        """What comes back of bytes; None: it is only sent."""
        connection = client.connection()
        connection.connect()
        self.addCleanup(connection.close)
        connection.sock.sendall(data)
        if expect is None:
            return connection.sock
        got = connection.sock.recv(65536)
        self.assertRegex(got, expect)
        return connection.sock

    def error(self, client, data, status, text):
        """In the model's form, whatever is wrong with the request."""
        sock = self.raw(client, data)
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        body = answer.read()
        self.assertEqual((answer.status, answer.getheader("Content-Type")), (status, "application/json"), body)
        found = json.loads(body)
        self.assertEqual((set(found), found["code"], found["kind"]), ({"code", "kind", "errors"}, status, "validation"))
        self.assertIn(text, found["errors"][0])

    def test_bad_requests_are_answered_in_the_form_of_the_model(self):
        client = self.serve()
        post = b"POST /config HTTP/1.1\r\nHost: localhost\r\n"
        typed = post + b"Content-Type: application/json\r\n"
        for data, status, text in (
                (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + 40000 * b"x" + b"\r\n\r\n", 431,
                 "request line and headers are longer than 32768 bytes"),
                (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + 2000 * b"X: 234567890123\r\n" + b"\r\n", 431, "32768"),
                (b"GET /" + 9000 * b"x" + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "longer than 8192 bytes"),
                (b"GET /" + 200000 * b"x" + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "longer than 8192 bytes"),
                (b"FROB /config HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "/config has no FROB; it has GET, POST, PATCH"),
                (b"GET /confg HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "/confg: there is no such path"),
                (post + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415, "not 'text/plain'"),
                (typed + b"Content-Length: 8388609\r\n\r\n", 413, "the body is longer than 8388608 bytes"),
                (typed + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, "one is expected, once"),
                (typed + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "once"),
                (typed + b"Transfer-Encoding: gzip\r\n\r\n", 501, "only chunked"),
                (typed + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "once"),
                (typed.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0 has none"),
                (typed + b"Content-Length : 2\r\n\r\n{}", 400, "the name of a header has a character that none has"),
                (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, "Host: it is expected once"),
                (b"GET / HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n\r\n", 400, "once"),
                (b"GET http:///config HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "Host: '' is none"),
                (b"GET https://localhost/config HTTP/1.1\r\nHost: localhost\r\n\r\n", 404, "there is no such path"),
                (typed + b"Content-Length: 0\r\n\r\n", 400, "the body is empty; {} drops what there is"),
                (typed + b"Content-Length: 3\r\n\r\n \r\n", 400, "the body is empty"),
                (typed + b"\r\n", 400, "the body is empty")):
            self.error(client, data, status, text)
        client.call("GET", "/config")

    def test_requests_that_are_none(self):
        client = self.serve()
        self.raw(client, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", rb"^(HTTP/1.1 [45]|$)")
        self.raw(client, b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: no\r\n\r\n", rb"^HTTP/1.1 400")
        self.raw(client, b"GET / HTTP/1.1\r\n\r\n", rb"^HTTP/1.1 400")
        # A good one, and garbage in the same packet.
        self.raw(client, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\x00\xff\x00garbage\r\n\r\n", rb"^HTTP/1.1 200")
        self.raw(client, b"POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n", rb"^(HTTP/1.1 400|$)")
        client.call("GET", "/config")

    def test_bodies_that_are_too_long(self):
        client = self.serve()
        head = b"POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.raw(client, head + b"Content-Length: 99999999999\r\n\r\n", rb"^HTTP/1.1 413")
        sock = self.raw(client, head + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + (1 << 20) * b" " + b"\r\n"
        for _ in range(9):
            sock.sendall(chunk)
        sock.sendall(b"0\r\n\r\n")
        self.assertRegex(sock.recv(65536), rb"^HTTP/1.1 413(.|\s)*the body is longer than 8388608 bytes")
        peak = int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path(f"/proc/{self.host.pid}/status").read_text())[1])
        if b"AddressSanitizer" not in pathlib.Path(HOST).read_bytes():
            self.assertLess(peak, 100000)
        client.call("GET", "/config")

    def test_types(self):
        client = self.serve()
        for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/jsonx"}):
            status, _, body = client.ask("POST", "/control/state", "{}", headers)
            self.assertEqual(status, 415, body)
            self.assertIn("application/json", json.loads(body)["errors"][0])
        status, _, _ = client.ask("POST", "/control/state", "{}", {"Content-Type": "application/json; charset=utf-8"})
        self.assertEqual(status, 400)

    def test_pages_of_other_sites(self):
        """They have a name that points here; and no leave to read or to send JSON."""
        client = self.serve(address="127.0.0.1:0")
        for host, expect in (("evil.example", 421), ("127.0.0.1.evil.example", 421), ("localhost:1", 200),
                             ("127.0.0.1", 200), ("[::1]:99", 200), ("LOCALHOST", 200), ("localhost:x", 421),
                             ("[::1]", 200), ("127.5.6.7:80", 200), ("127.1", 421), ("127.0.0.1:80:80", 421),
                             ("128.0.0.1", 421), ("::1", 421), ("", 421), ("x" * 100, 421)):
            status, headers, _ = client.ask("GET", "/config", headers={"Host": host})
            self.assertEqual(status, expect, host)
            self.assertFalse([name for name in headers if name.lower().startswith("access-control")])
        ask = {"Access-Control-Request-Method": "POST"}
        status, headers, _ = client.ask("OPTIONS", "/config", headers={"Origin": "http://localhost:3000", **ask})
        self.assertEqual((status, headers["Allow"]), (405, "GET, POST, PATCH"))
        self.assertEqual(client.ask("OPTIONS", "/config", headers={"Origin": "https://evil.example", **ask})[0], 403)

    def test_pages_of_other_sites_behind_a_forwarded_port(self):
        """ssh forwards a port to the socket, and a browser finds that: a name without a dot is nobody's in the DNS."""
        client = self.serve()
        for host, expect in (("evil.example", 421), ("evil.example:9100", 421), ("127.0.0.1.evil.example", 421), ("8.8.8.8", 421),
                             ("localhost:9100", 200), ("vionet", 200), ("", 200), ("127.0.0.1", 200), ("[2001:db8::1]:80", 200),
                             ("a b", 400), ("localhost/", 400), ("user@localhost", 400)):
            self.assertEqual(client.ask("GET", "/config", headers={"Host": host})[0], expect, host)

    def test_origins(self):
        for address in None, "127.0.0.1:0":
            client = self.serve(address=address)
            for origin, expect in (("http://evil.example", 403), ("null", 403), ("file://", 403), ("https://127.0.0.1.evil.example:1", 403),
                                   ("http://localhost:3000", 200), ("https://[::1]", 200), ("http://127.0.0.1:9100", 200)):
                for method, path, body in ("GET", "/config", None), ("POST", "/config", "{}"):
                    status, _, answer = client.ask(method, path, body, JSON | {"Origin": origin})
                    self.assertEqual(status, expect, (origin, answer))
            self.end()

    def test_targets_in_absolute_form(self):
        """They say the host in the place of the header (RFC 9112, 3.2.2)."""
        for address, evil in (None, 421), ("127.0.0.1:0", 421):
            client = self.serve(address=address)
            for target, host, expect in (
                    ("http://localhost/config", "localhost", 200), ("HTTP://LOCALHOST:80/config", "localhost", 200),
                    ("http://127.0.0.1/config?x=1", "evil.example", 200), ("http://localhost", "localhost", 200),
                    ("http://localhost/confg", "localhost", 404), ("http://evil.example/config", "localhost", evil),
                    ("http://evil.example", "localhost", evil), ("http://user@localhost/config", "localhost", 400)):
                status, _, body = client.ask("GET", target, headers={"Host": host})
                self.assertEqual(status, expect, (target, host, body))
                if target == "http://localhost":
                    self.assertIn(b"/control/state", body)
            self.assertEqual(client.ask("POST", "http://localhost/config", "{}", JSON)[0], 200)
            self.end()

    def test_nothing_behind_what_is_refused(self):
        """Where a request ends is one thing for all who read it: what may be a second one is none."""
        second = b"GET /capabilities/version HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for address in None, "127.0.0.1:0":
            client = self.serve(address=address)
            for method in b"GET", b"POST":
                head = method + b" /config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                for headers in (b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                                b"Content-Length: 0\r\nContent-Length: 2\r\n\r\n", b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
                                b"Content-Length : 2\r\n\r\n", b"Content-Length: +2\r\n\r\n", b"Content-Length: 0, 0\r\n\r\n",
                                b"Content-Length: -1\r\n\r\n", b"Content-Length: \r\n\r\n", b"Content-Length: 0x2\r\n\r\n",
                                b"Transfer-Encoding: chunked, identity\r\n\r\n", b"Transfer-Encoding: xchunked\r\n\r\n",
                                b"Transfer-Encoding : chunked\r\n\r\n", b"Transfer-Encoding: \r\n\r\n", b"Host: localhost\r\n\r\n",
                                b"X\x00: y\r\n\r\n", b" Content-Length: 2\r\n\r\n", b"X Y: z\r\n\r\n"):
                    sock = self.raw(client, head + headers + second)
                    got = b""
                    while part := sock.recv(65536):
                        got += part
                    self.assertRegex(got, rb"^(HTTP/1\.[01] (400|501|415) |$)", (headers, got))
                    self.assertNotIn(b"sdk_version", got, headers)
            client.call("GET", "/config")
            self.end()

    def test_many_connections(self):
        client = self.serve()
        idle = [self.raw(client, b"GET /config HTTP/1.1\r\nHo") for _ in range(30)]
        for sock in idle:
            sock.close()
        client.call("GET", "/config")
        descriptors = wait_until(lambda: (count := len(os.listdir(f"/proc/{self.host.pid}/fd"))) < 20 and count)
        self.assertLess(descriptors, 20)

    def test_one_that_drips(self):
        """A byte now and then does not hold a connection for ever: half a minute is all that a phase has, here two seconds."""
        client = self.serve("--phase", "2000")
        sock = self.raw(client, b"GET /config HTTP/1.1\r\nHost: localhost\r\n")
        sock.settimeout(0.1)
        begin = time.monotonic()
        while time.monotonic() < begin + DEADLINE + 60:
            try:
                sock.sendall(b"x")
                if sock.recv(100) == b"":
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        else:
            self.fail("it is still served")
        client.call("GET", "/capabilities/version")

    def test_random_requests(self):
        """Parts of good ones put together by chance; the seed is printed by a failure."""
        client = self.serve()
        client.call("POST", "/config", config(flow("a"), flow("lossy b")))
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        paths = ["/config", "/config/append", "/config/delete", "/control/state", "/control/action",
                 "/monitor/metrics", "/monitor/states", "/monitor/capture", "/metrics", "/", "/x"]
        words = ["choice", "flow", "port", "traffic", "flow_transmit", "state", "start", "stop", "pause", "resume",
                 "flows", "property_names", "rate", "size", "flow_names", "a", "lossy b", "p1", "metric_names",
                 "tagged_metrics", "filters", "name", "values", "capture", "port_names", "protocol", "all", ""]

        def value(depth):
            kind = chance.randrange(8 if depth else 5)
            if kind == 0:
                return chance.choice([None, True, 0, -1, 1 << 62, 1.5e300])
            if kind < 5:
                return chance.choice(words)
            if kind == 5:
                return [value(depth - 1) for _ in range(chance.randrange(4))]
            made = {chance.choice(words): value(depth - 1) for _ in range(chance.randrange(4))}
            first = chance.choice(words)
            return made | {"choice": first, first: value(depth - 1)}

        for number in range(400):
            body = json.dumps(value(4)).encode()
            if chance.randrange(4) == 0:
                cut = chance.randrange(len(body) + 1)
                body = body[:cut] + bytes(chance.randrange(256) for _ in range(3)) + body[cut:]
            method = chance.choice(["POST", "POST", "POST", "PATCH", "GET"])
            status, headers, answer = client.ask(method, chance.choice(paths), body, JSON)
            where = f"seed {seed}, request {number}: {answer}"
            self.assertIn(status, (200, 400, 404, 405, 409, 415, 500), where)
            if status != 200:
                answer = json.loads(answer)
                self.assertEqual((answer["code"], bool(answer["errors"])), (status, True), where)
        self.assertIsNone(self.host.poll())


class Addresses(Case):
    """Loopback and sockets of files, nothing else."""

    def refused(self, address, *texts, status=2):
        done = subprocess.run([HOST, "--listen", address], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)

    def test_refused(self):
        for address in ("0.0.0.0:80", "[::]:80", "10.0.0.1:80", "192.168.1.1:80", "example.com:80", "80", ":80", "",
                        "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "[::1]", "::1:80", "unix:",
                        "1127.0.0.1:80", "[fe80::1]:80", "[::ffff:10.0.0.1]:80"):
            self.refused(address, "--listen", "neither unix:PATH nor a loopback address with a port")
        self.refused("unix:@name", "sockets without a file have no owner")
        self.refused("unix:/nowhere/at/all", "No such file", status=1)

    def test_loopback(self):
        for address, expect in (("127.0.0.1:0", r"http://127\.0\.0\.1:\d+"), ("localhost:0", r"http://127\.0\.0\.1:\d+"),
                                ("[::1]:0", r"http://\[::1\]:\d+"), ("127.0.0.2:0", r"http://127\.0\.0\.2:\d+")):
            client = self.serve(address=address)
            self.assertRegex(client.address, f"^{expect}$")
            client.call("GET", "/config")
            self.end()

    def test_the_library_is_loaded_for_those_who_listen(self):
        """It brings a dozen others, which no other run has to have."""
        linked = subprocess.run(["ldd", HOST], capture_output=True, text=True, check=True).stdout
        self.assertIn("libjansson", linked)
        self.assertNotIn("libmicrohttpd", linked)
        self.file("libmicrohttpd.so.12", "")
        done = subprocess.run([HOST, "--listen", f"unix:{self.folder}/api"], capture_output=True, text=True,
                              env=os.environ | {"LD_LIBRARY_PATH": self.folder}, timeout=DEADLINE)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, r"^vionet: --listen: \S*libmicrohttpd.so.12: .*; install libmicrohttpd\n$")

    def test_a_port_that_is_in_use(self):
        client = self.serve(address="127.0.0.1:0")
        self.refused(client.address.removeprefix("http://"), "a process listens there already", status=1)

    def test_a_socket_of_a_file(self):
        client = self.serve()
        path = client.address[5:]
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.refused(client.address, "another process of vionet listens there", status=1)
        # What is left of one that died is replaced.
        self.host.kill()
        self.host.wait()
        self.host = None
        self.assertTrue(os.path.exists(path))
        self.serve().call("GET", "/config")
        self.end()
        self.assertEqual(set(os.listdir(self.folder)), {"errors", "output"})

    def test_what_is_never_replaced(self):
        path = self.file("api", "precious")
        self.refused(f"unix:{path}", "no socket of this user's", status=1)
        self.assertEqual(pathlib.Path(path).read_text(), "precious")
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            other.listen()
            self.refused(f"unix:{path}", "a process listens there already", status=1)
        os.chmod(self.folder, 0o777)
        self.refused(f"unix:{path}2", "others can write to its directory", status=1)


class Prometheus(Case):
    def test_the_text(self):
        client = self.serve()
        client.call("POST", "/config", config(flow('a "quoted\\name'), flow("lossy b")))
        client.transmit("start")
        wait_until(lambda: client.flows()["lossy b"]["frames_rx"] > 100)
        status, headers, body = client.ask("GET", "/metrics")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.check(body.decode())

    def check(self, text):
        """The grammar of the format, and what stands together."""
        name = "[a-zA-Z_:][a-zA-Z0-9_:]*"
        label = rf'{name}="(?:[^"\\\n]|\\[\\n"])*"'
        kind, seen, ended = {}, set(), set()
        family = None
        for line in text.splitlines():
            if head := re.fullmatch(rf"# (HELP|TYPE) ({name}) (.+)", line):
                if head[2] != family:
                    self.assertNotIn(head[2], ended, "a family stands together")
                    ended.add(head[2])
                family = head[2]
                if head[1] == "TYPE":
                    kind[family] = head[3]
                    self.assertIn(head[3], ("counter", "gauge", "summary"))
                continue
            sample = re.fullmatch(rf"({name})(?:\{{({label}(?:,{label})*)\}})? (-?[0-9.e+-]+)", line)
            self.assertTrue(sample, line)
            float(sample[3])
            self.assertEqual(re.sub("_(sum|count)$", "", sample[1]) if kind[family] == "summary" else sample[1],
                             family)
            self.assertEqual(sample[1].endswith("_total"), kind[family] == "counter", line)
            self.assertNotIn((sample[1], sample[2]), seen, "each once")
            seen.add((sample[1], sample[2]))
        self.assertTrue(text.endswith("\n"))
        self.assertIn(r'flow="a \"quoted\\name"', text)
        return kind

    def test_without_a_configuration(self):
        client = self.serve()
        self.assertRegex(client.ask("GET", "/metrics")[2].decode(), 'vionet_pktgen_info{version="[^"]+"} 1\n$')

    def test_the_dashboard_asks_for_what_there_is(self):
        client = self.serve()
        client.call("POST", "/config", config(flow("a")))
        names = set(re.findall(r"^# TYPE (\S+)", client.ask("GET", "/metrics")[2].decode(), re.M))
        path = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "grafana", "vionet-pktgen.json")
        dashboard = json.loads(pathlib.Path(path).read_text())
        asked = set(re.findall(r"vionet_pktgen_\w+", json.dumps([
            each["targets"] for each in dashboard["panels"] if "targets" in each] + dashboard["templating"]["list"])))
        self.assertGreater(len(asked), 10)
        self.assertLessEqual({re.sub("_(sum|count)$", "", name) for name in asked}, names)


if __name__ == "__main__":
    unittest.main()
