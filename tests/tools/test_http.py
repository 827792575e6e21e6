# SPDX-License-Identifier: BSD-3-Clause
"""`vionet pktgen --listen` and `--view` with the software device: an OTG client from setting to fetching, a run of the
command line that clients look at, the examples of docs/pktgen-http.md, what is left when a device or terminal goes."""

import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "front"), str(HERE.parent / "softnic")]

from front_case import Client, flow, wait_until  # noqa: E402
from nic import Softnic  # noqa: E402
from test_tools import DEADLINE, PLAIN, VIONET, Case  # noqa: E402


# It listens some time after its socket has a name.
SLOW_LISTEN = """
#include <sys/syscall.h>
#include <unistd.h>

int listen(int fd, int backlog)
{
    usleep(300000);
    return (int)syscall(SYS_listen, fd, backlog);
}
"""


class Serving(Case):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="http-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket = self.folder / "vionet.api"

    def serve(self, *arguments, **environment):
        process = subprocess.Popen([*PLAIN, VIONET, "pktgen", *arguments, "--listen", f"unix:{self.socket}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, **environment})
        self.running.append(process)
        wait_until(lambda: self.socket.exists() or process.poll() is not None, "a server")
        self.assertIsNone(process.poll(), process.poll() is not None and process.communicate())
        return process, Client(f"unix:{self.socket}")

    def set(self, client, *flows, **more):
        return client.call("POST", "/config", {
            "ports": [{"name": "p1", "location": self.device}], "flows": flows} | more)

    def test_who_sees_the_socket_gets_through(self):
        slow = self.folder / "slow.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", slow, "-xc", "-"], input=SLOW_LISTEN, text=True, check=True)
        process, client = self.serve(LD_PRELOAD=str(slow))
        self.assertEqual(client.call("GET", "/capabilities/version")["api_spec_version"][:2], "1.")
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o600)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=DEADLINE)
        self.assertEqual(os.listdir(self.folder), ["slow.so"])

    def test_nothing_comes_back(self):
        """A client does not wait for the end of the run to hear that all of a flow is lost."""
        sink = Softnic("--peer", "sink")
        self.addCleanup(sink.close)
        _, client = self.serve()
        client.call("POST", "/config", {"ports": [{"name": "p1", "location": f"vfio-user:{sink.path}"}],
                                        "flows": [flow("f", rx="p1", pps=1000, frames=50)]})
        client.transmit("start")
        wait_until(lambda: client.flows()["f"].get("loss") == 100, "the loss")
        self.assertEqual([client.flows()["f"][key] for key in ("frames_tx", "frames_rx", "transmit")], [50, 0, "stopped"])

    def test_the_life_of_a_run(self):
        process, client = self.serve()
        numbered = flow("numbered", rx="p1", pps=2000, frames=400)
        numbered["metrics"]["latency"] = {"enable": True, "mode": "cut_through"}
        tagged = flow("tagged", rx="p1", pps=500)
        tagged["packet"][2] = {"choice": "udp", "udp": {"src_port": {
            "choice": "values", "values": [5000, 5001], "metric_tags": [{"name": "port"}]}}}
        captures = [{"name": "c", "port_names": ["p1"], "format": "pcapng"}]
        self.assertEqual(self.set(client, numbered, tagged, captures=captures), {"warnings": []})
        client.call("POST", "/control/state", {"choice": "port", "port": {
            "choice": "capture", "capture": {"state": "start"}}})
        client.transmit("start", "numbered")
        wait_until(lambda: client.flows()["numbered"]["transmit"] == "stopped", "the end of 400 frames")
        got = wait_until(lambda: (now := client.flows()["numbered"])["frames_rx"] == 400 and now, "all frames")
        self.assertEqual((got["frames_tx"], got["bytes_tx"], got["loss"]), (400, 400 * 64, 0))
        self.assertLessEqual(got["latency"]["minimum_ns"], got["latency"]["average_ns"])
        self.assertEqual(client.flows()["tagged"]["frames_tx"], 0)
        status, _, capture = client.ask("POST", "/monitor/capture", json.dumps({"port_name": "p1"}),
                                        {"Content-Type": "application/json"})
        self.assertEqual((status, capture[:4].hex()), (200, "0a0d0d0a"))
        (self.folder / "file").write_bytes(capture)
        read = subprocess.run(["tcpdump", "-nr", self.folder / "file"], capture_output=True, text=True, check=True)
        self.assertEqual(read.stdout.count("UDP"), 400)
        # Another one begins; paused, resumed, faster, stopped.
        client.transmit("start", "tagged")
        wait_until(lambda: len(client.flows()["tagged"]["tagged_metrics"]) == 2, "both values")
        client.transmit("pause")
        self.assertEqual([client.flows()[name]["transmit"] for name in ("tagged", "numbered")], ["paused", "stopped"])
        paused = wait_until(lambda: (now := client.flows()["tagged"])["frames_rx"] == now["frames_tx"] and now, "a rest")
        client.call("PATCH", "/config", {"choice": "flows", "flows": {
            "property_names": ["rate"], "flows": [flow("tagged", rx="p1", pps=4000)]}})
        self.assertEqual(client.flows()["tagged"]["frames_tx"], paused["frames_tx"])
        client.transmit("resume", "tagged")
        wait_until(lambda: client.flows()["tagged"]["frames_tx"] > 1000, "more frames")
        # Beside it the first one anew: its numbers come again, and are no duplicates.
        client.transmit("start", "numbered")
        wait_until(lambda: client.flows()["numbered"]["frames_rx"] == 400, "all frames again")
        client.transmit("start", "numbered")
        got = wait_until(lambda: (now := client.flows()["numbered"])["frames_rx"] == 400 and now, "and once more")
        self.assertEqual((got["frames_tx"], got["loss"]), (400, 0))
        self.assertRegex(client.ask("GET", "/metrics")[2].decode(),
                         r'(?m)^vionet_pktgen_flow_duplicate_frames_total\{flow="numbered",.*\} 0$')
        self.assertEqual(client.flows()["tagged"]["loss"], 0)
        client.transmit("stop")
        got = wait_until(lambda: (now := client.flows()["tagged"])["frames_rx"] == now["frames_tx"] and now, "all frames")
        self.assertEqual((got["transmit"], got["loss"]), ("stopped", 0))
        self.assertEqual(sum(row["frames_rx"] for row in got["tagged_metrics"]), got["frames_rx"])
        text = client.ask("GET", "/metrics")[2].decode()
        self.assertRegex(text, r'(?m)^vionet_pktgen_flow_tx_frames_total\{flow="tagged",port="p1"\} \d{4,}$')
        self.assertRegex(text, r'(?m)^vionet_pktgen_port_link_up\{port="p1"\} 1$')
        # What the device refuses changes nothing.
        big = flow("big", rx="p1", size={"choice": "fixed", "fixed": 9000})
        for method, path, body in (("PATCH", "/config/append", [{"choice": "flows", "flows": [big]}]),
                                   ("POST", "/config", {"ports": [{"name": "p1", "location": self.device}], "flows": [big]})):
            errors = client.call(method, path, body, 400)["errors"]
            self.assertEqual((len(errors), ".size: 8996 bytes" in errors[0]), (1, True), errors)
            self.assertEqual(list(client.flows()), ["numbered", "tagged"])
        # On the same port, which stays open.
        self.set(client, flow("other", rx="p1", frames=10))
        client.transmit("start")
        wait_until(lambda: client.flows()["other"]["frames_rx"] == 10)
        self.end(process)
        self.assertFalse(self.socket.exists())

    def test_captures_of_a_file(self):
        """Of a run of the command line, whose ports are there from the beginning; without clients they are only named."""
        file = self.folder / "captures.json"
        file.write_text(json.dumps({"ports": [{"name": "p1", "location": self.device}], "flows": [flow("f", rx="p1", pps=1000)],
                                    "captures": [{"name": "c", "port_names": ["p1"]}]}))
        process, client = self.serve("--config", str(file), "--interval", "0")
        client.call("POST", "/control/state", {"choice": "port", "port": {"choice": "capture", "capture": {"state": "start"}}})
        before = client.flows()["f"]["frames_rx"]
        wait_until(lambda: client.flows()["f"]["frames_rx"] > before + 10, "frames")
        status, _, capture = client.ask("POST", "/monitor/capture", json.dumps({"port_name": "p1"}),
                                        {"Content-Type": "application/json"})
        self.assertEqual(status, 200, capture)
        self.assertGreater(len(capture), 24 + 10 * 76)
        self.end(process)
        done = subprocess.run([*PLAIN, VIONET, "pktgen", "--config", "-"], input=file.read_text().replace(
            '"metrics"', '"duration": {"choice": "fixed_packets", "fixed_packets": {"packets": 5}}, "metrics"'),
            capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("-: captures are started by clients, of which there are none without --listen", done.stderr)

    def test_a_run_of_the_command_line(self):
        process, client = self.serve(self.device, "--rate", "1k", "--interval", "0")
        (name, running), = wait_until(lambda: (now := client.flows()) and
                                      next(iter(now.values()))["frames_tx"] > 10 and now.items(), "frames")
        self.assertEqual(running["transmit"], "started")
        config = client.call("GET", "/config")
        self.assertEqual(config["ports"][0]["location"], self.device)
        refused = client.call("POST", "/config", config, 400)
        self.assertIn("the configuration is that of the command line", refused["errors"][0])
        config["flows"][0]["rate"] = {"choice": "pps", "pps": 5000}
        client.call("PATCH", "/config", {"choice": "flows", "flows": {
            "property_names": ["rate"], "flows": config["flows"]}})
        before = client.flows()[name]["frames_tx"]
        wait_until(lambda: client.flows()[name]["frames_tx"] > before + 1000)
        client.transmit("stop")  # its end, as if all had been sent
        output, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 0, errors)
        self.assertGreater(int(re.search(r"sent (\d+) frames", output)[1]), 1000)
        self.assertIn("requested 5.000 kpps at last: changed, or paused, on the way\n", output)

    def test_a_run_that_waits_for_its_last_frames(self):
        """Which do not come: clients may look on, and change nothing."""
        nic = Softnic("--limit", "0.001pps:10")
        self.addCleanup(nic.close)
        process, client = self.serve(f"vfio-user:{nic.path}", "--count", "100", "--rate", "10k", "--linger", "1h")
        config = client.call("GET", "/config")
        rate = json.dumps({"choice": "flows", "flows": {"property_names": ["rate"], "flows": config["flows"]}})
        headers = {"Content-Type": "application/json"}
        refused = wait_until(lambda: (got := client.ask("PATCH", "/config", rate, headers))[0] == 400 and got[2],
                             "the end of sending")
        self.assertEqual(json.loads(refused)["errors"], ["the run is ending"])
        self.assertEqual([each["frames_rx"] for each in client.flows().values()], [10])
        wait_until(lambda: process.send_signal(signal.SIGINT) or process.poll() is not None, "the end at once")

    def test_receiving_only(self):
        """There are no flows, whatever the configuration has; what arrives is counted."""
        file = self.folder / "flows.json"
        file.write_text(json.dumps({"ports": [{"name": "p1", "location": self.device}],
                                    "flows": [flow(name, rx="p1") for name in "abcde"]}))
        for arguments in ([self.device], ["--config", str(file)]):
            process, client = self.serve(*arguments, "--rx-only")
            self.assertEqual(client.flows(), {})
            self.assertIn('vionet_pktgen_flow_rx_frames_total{flow="received",port=""} 0\n',
                          client.ask("GET", "/metrics")[2].decode())
            client.call("PATCH", "/config", {"choice": "flows", "flows": {
                "property_names": ["rate"], "flows": [flow("e", rx="p1", pps=5)]}}, 400)
            self.end(process)

    def test_a_warm_up_of_tagged_streams(self):
        """What is not counted is not lost."""
        process, client = self.serve("--warmup", "100")
        tagged = flow("tagged", rx="p1", pps=5000, frames=300)
        tagged["packet"][2] = {"choice": "udp", "udp": {"src_port": {
            "choice": "values", "values": [5000, 5001, 5002], "metric_tags": [{"name": "port"}]}}}
        self.set(client, tagged)
        client.transmit("start")
        got = wait_until(lambda: (now := client.flows()["tagged"])["frames_rx"] == 300 and now, "all frames")
        self.assertEqual([(row["frames_tx"], row["frames_rx"], row["loss"]) for row in got["tagged_metrics"]],
                         [(100, 100, 0)] * 3)
        self.end(process)

    def test_ports_without_flows(self):
        """Of a file: clients add flows. Without clients there is nothing to do."""
        file = self.folder / "ports.json"
        file.write_text(json.dumps({"ports": [{"name": "p1", "location": self.device}]}))
        done = subprocess.run([*PLAIN, VIONET, "pktgen", "--config", file], capture_output=True, text=True,
                              timeout=DEADLINE)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("it has no flows", done.stderr)
        process, client = self.serve("--config", str(file))
        wait_until(lambda: client.call("GET", "/config") != {}, "the file's ports")
        client.call("PATCH", "/config/append", [{"choice": "flows", "flows": [flow("a", rx="p1", frames=20)]}])
        client.transmit("start")
        wait_until(lambda: client.flows()["a"]["frames_rx"] == 20, "all frames")
        self.end(process)

    def test_a_device_that_goes_away(self):
        process, client = self.serve()
        self.set(client, flow("a", rx="p1"))
        client.transmit("start")
        self.nic.process.kill()
        wait_until(lambda: client.call("GET", "/config") == {}, "the end of the configuration")
        answer = client.call("POST", "/config", {"ports": [{"name": "p", "location": self.device}]}, 500)
        self.assertEqual(answer["kind"], "internal")
        self.assertIn(self.device, answer["errors"][0])
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=DEADLINE)
        self.assertEqual(process.returncode, 5, errors)
        self.nic.check = lambda: None

    def test_refused(self):
        done = subprocess.run([*PLAIN, VIONET, "pktgen", "--listen", "127.0.0.1:0", "--sandbox"],
                              capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--listen", done.stderr)

        for option in ("--rate=1k", "--count=3", "--capture=/nowhere/x", "--rx-only"):
            done = subprocess.run([*PLAIN, VIONET, "pktgen", "--listen", "127.0.0.1:0", option], capture_output=True,
                                  text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"{option.split('=')[0]} has no effect with --listen and no device", done.stderr)

    def test_the_examples(self):
        """Those of the page, as they stand there."""
        text = (HERE.parent.parent / "docs" / "pktgen-http.md").read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
        self.assertEqual(len(blocks), 4)
        process, _ = self.serve()
        script = "set -euo pipefail\n" + "\n".join(blocks).replace("vfio-user:/tmp/nic0", self.device)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=DEADLINE,
                              env=os.environ | {"XDG_RUNTIME_DIR": str(self.folder)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn('"errors"', done.stdout)
        self.assertIn('vionet_pktgen_flow_rx_frames_total{flow="f1",port="p1"} 300\n', done.stdout)
        self.assertTrue(done.stdout.startswith('{"warnings":[]}'))
        self.assertEqual((self.folder / "p1.pcapng").read_bytes()[:4].hex(), "0a0d0d0a")
        self.end(process)


class View(Serving):
    """On a terminal of its own, its summary in a file."""

    test_the_life_of_a_run = test_a_run_of_the_command_line = test_a_device_that_goes_away = None
    test_ports_without_flows = test_a_warm_up_of_tagged_streams = test_receiving_only = None
    test_a_run_that_waits_for_its_last_frames = test_refused = test_the_examples = None

    def view(self, *arguments):
        master, slave = pty.openpty()
        self.output = self.folder / "output"
        with self.output.open("w") as output:
            process = subprocess.Popen([*PLAIN, VIONET, "pktgen", self.device, "--view", "--json", *arguments],
                                       stdin=slave, stdout=output, stderr=slave, start_new_session=True,
                                       env=os.environ | {"TERM": "screen-256color", "LC_ALL": "C.UTF-8"})
        os.close(slave)
        self.running.append(process)
        seen = b""
        until = time.monotonic() + DEADLINE
        while not re.search(rb"received [1-9]", seen):
            self.assertLess(time.monotonic(), until, seen)
            seen += os.read(master, 65536)
        return process, master

    def test_keys(self):
        process, master = self.view("--rate", "1k")
        os.write(master, b"+q")
        while process.poll() is None:
            try:
                os.read(master, 65536)
            except OSError:
                pass
        os.close(master)
        result = json.loads(self.output.read_text())
        self.assertEqual((process.returncode, result["interrupted"]), (0, True))
        self.assertGreater(result["tx"]["sent"], 0)
        self.assertEqual(result["rx"]["own"], result["tx"]["sent"])

    def test_a_lost_terminal(self):
        process, master = self.view("--rate", "1k")
        os.close(master)
        self.assertEqual(process.wait(DEADLINE), 0)
        result = json.loads(self.output.read_text())
        self.assertEqual(result["rx"]["own"], result["tx"]["sent"])


if __name__ == "__main__":
    unittest.main()
