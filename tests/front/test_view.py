# SPDX-License-Identifier: BSD-3-Clause
"""The terminal view on a pseudo-terminal: what is on the screen, keys, sizes, and every end."""

import fcntl
import json
import os
import pathlib
import pty
import random
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from display import Display, Stream
from front_case import DEADLINE, HOST, Case, Client, config, flow, wait_until

# Of a terminal that has no repeated characters (\x1b[nb), which pyte does not know.
LEAVES = b"\x1b[?1049l"


class Terminal:
    """A host on a terminal of its own, which is its controlling one; `screen` is what a user sees."""

    def __init__(self, case, *options, columns=80, rows=24, term="screen-256color", output=None, errors=None,
                 **environment):
        self.case, self.raw = case, b""
        self.master, slave = pty.openpty()
        fcntl.fcntl(self.master, fcntl.F_SETFL, os.O_NONBLOCK)
        self.screen = Display(columns, rows)
        self.stream = Stream(self.screen)
        self.resize(columns, rows, signal_it=False)
        self.before = termios.tcgetattr(self.master)
        env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "LINES", "COLUMNS")}
        env |= {"LC_ALL": "C.UTF-8"} | environment | ({} if term is None else {"TERM": term})
        if term is None:
            env.pop("TERM", None)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([HOST, "--view", *options], stdin=slave, stdout=output or slave,
                                        stderr=errors or slave,
                                        env=env, preexec_fn=take_terminal)
        os.close(slave)
        case.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.hang_up()

    def hang_up(self):
        if self.master is not None:
            os.close(self.master)
            self.master = None

    def resize(self, columns, rows, signal_it=True):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if signal_it:
            self.screen.resize(rows, columns)

    def take(self, timeout=0.05):
        """What came meanwhile."""
        while select.select([self.master], [], [], timeout)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has it open any more
                return False
            self.raw += data
            self.stream.feed(data)
            timeout = 0
        return True

    def type(self, keys):
        os.write(self.master, keys.encode())

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def see(self, pattern):
        """Wait until a line has it."""
        def look():
            self.take()
            return next((found for line in self.lines() if (found := re.search(pattern, line))), None)
        try:
            return wait_until(look, pattern)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n" + "\n".join(self.lines())) from None

    def end(self, expect=0, output=True):
        """It ends; the terminal is as it was."""
        until = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            self.case.assertLess(time.monotonic(), until, "it does not end\n" + "\n".join(self.lines()))
            self.take()
        self.take()
        self.case.assertEqual(self.process.returncode, expect, self.raw[-2000:])
        self.case.assertNotIn(b"Sanitizer", self.raw)
        if output:
            self.case.assertEqual(termios.tcgetattr(self.master), self.before)
            self.case.assertIn(LEAVES, self.raw)
            self.after = self.raw.rpartition(LEAVES)[2].decode()
            self.case.assertIn(b"\x1b[?25h", self.raw)  # a cursor again


class Case(Case):
    def flows(self, *flows):
        return "--config", self.file("config.json", json.dumps(config(*flows)))


class Screen(Case):
    def test_80_by_24(self):
        terminal = Terminal(self, *self.flows(flow("first", pps=1000), flow("lossy", pps=64000, tx="p2", rx="p1")))
        terminal.see(r"^vionet pktgen  sending .* 00:0\d:\d\d$")
        terminal.see(r"^PORT +LINK +TX pps TX bit/s +RX pps RX bit/s +DROPPED TX")
        terminal.see(r"^p1 +10G +1\.\d\d\d k +\d+\.\d k")
        terminal.see(r"^first +sending +(999\.\d|1\.\d\d\d k)")
        terminal.see(r"^lossy +sending +6\d\.\d\d k +6\d\.\d\d k +\d{3,} +20\.0 us +[▁-█]")
        terminal.see(r"^first  sending, wanted 1.000 kpps")
        terminal.see(r"^latency +5\.0 us +7\.0 us +9\.0 us +20\.0 us +50\.0 us +99\.0 us$")
        terminal.see(r"^MESSAGES \(0\)$")
        terminal.see(r"^q end +space pause")
        terminal.type("q")
        terminal.end()
        self.assertRegex(terminal.after, r"summary: first sent \d+\r\nsummary: lossy sent \d+\r\n$")

    def test_200_by_60(self):
        terminal = Terminal(self, *self.flows(flow("first", pps=1000), flow("lossy", pps=64000)), columns=200, rows=60)
        terminal.see(r"^PORT +LOCATION .* SENT +RECEIVED +DROPPED +FULL TX pps, last minute")
        terminal.see(r"^p1 +vfio-user:/nowhere/p1 +10G")
        terminal.see(r"^p2 +1 ")
        terminal.see(r"^FLOW +STATE +WANTED .* p50 +p99 +MAX TX pps, last minute")
        terminal.see(r"^jitter 0\.7 us  streams 1")
        terminal.see(r"^lost +[▁-█ ]* +[\d.]+ k?pps")

    def test_a_small_one_has_what_matters_most(self):
        terminal = Terminal(self, *self.flows(flow("first", pps=1000), flow("lossy", pps=64000)), columns=40, rows=10)
        terminal.see(r"^vionet pktgen  sending$")
        terminal.see(r"^p1 +10G +\S+( k)?")
        terminal.see(r"^first +sending +\S+( k)? +\S+")
        terminal.see(r"^q end")
        terminal.resize(10, 3)
        terminal.see("^too small$")
        terminal.resize(20, 4)
        terminal.see("^vionet pktgen")
        terminal.type("q")
        terminal.end()

    def test_another_size_while_it_runs(self):
        terminal = Terminal(self, *self.flows(flow("first", pps=1000)))
        terminal.see("^first +sending")
        for columns, rows, sign in ((200, 60, "LOCATION"), (80, 24, "^q end +space"), (132, 43, "WANTED"),
                                    (40, 10, r"^q end  \? help"), (80, 24, "^MESSAGES")):
            terminal.resize(columns, rows)
            terminal.see(sign)
            terminal.see("^first +sending")
        for number in range(60):  # while it draws
            terminal.resize(41 + number, 12 + number % 9)
            terminal.take(0)
        terminal.resize(80, 24)
        terminal.see("^q end +space pause")
        terminal.type("q")
        terminal.end()

    def test_many_flows(self):
        terminal = Terminal(self, *self.flows(*(flow(f"flow-{number}", pps=100 * number + 100) for number in range(200))))
        terminal.see(r"^FLOW .* 1-6 of 200 $|^FLOW .* 1-\d of 200$")
        terminal.see("^flow-0 ")
        terminal.type("\x1b[F")  # End
        terminal.see("-200 of 200")
        terminal.see("^flow-199 +sending")
        terminal.see("^flow-199  sending, wanted 20.00 kpps")
        terminal.type("\x1b[H\x1b[B\x1b[B")
        terminal.see("^flow-2  sending")
        terminal.type("4")
        terminal.see("(1-21|3-23) of 200")
        terminal.type("\x1b[6~")
        terminal.see("^flow-23 ")
        terminal.see("^flow-23 .*[▁-█]")  # there are rates by which to sort
        terminal.type("oo")
        terminal.see("by TX")
        terminal.type("g")
        wait_until(lambda: terminal.take() and terminal.lines()[2].startswith("flow-19"))
        terminal.type("O")
        terminal.see(r"by TX \(reversed\)")

    def test_names_of_all_kinds(self):
        terminal = Terminal(self, *self.flows(flow("負荷"), flow("é" * 40)))
        terminal.see("^負 ?荷 +sending")
        terminal.see("^é{14} sending")

    def test_without_utf_8(self):
        terminal = Terminal(self, *self.flows(flow("é"), flow("b")), LC_ALL="C")
        terminal.see(r"^b +sending.*[.:=+*#-]$")
        terminal.type("q")
        terminal.end()
        self.assertLess(max(terminal.raw.partition(LEAVES)[0]), 128)

    def test_colours(self):
        for no_color, expect in (("", True), ("1", False)):
            terminal = Terminal(self, *self.flows(flow("first")), NO_COLOR=no_color)
            terminal.see("^first +sending")
            terminal.type("q")
            terminal.end()
            self.assertEqual(re.search(rb"\x1b\[(\d+;)*3[1-7](;\d+)*m", terminal.raw) is not None, expect)

    def test_a_terminal_without_colours(self):
        terminal = Terminal(self, *self.flows(flow("first")), term="vt100")
        terminal.see("^first +sending")
        terminal.type("q")
        wait_until(lambda: terminal.process.poll() is not None or not terminal.take())
        self.assertEqual(termios.tcgetattr(terminal.master), terminal.before)


class Keys(Case):
    def setUp(self):
        super().setUp()
        self.terminal = Terminal(self, *self.flows(flow("a", pps=1000), flow("b", pps=2000)))
        self.terminal.see("^a +sending")

    def test_rates(self):
        for key, rate in (("+", "1.100"), ("-", "1.000"), (">", "2.000"), ("<", "1.000")):
            self.terminal.type(key)
            self.terminal.see(rf"^rate {rate} kpps$")
            self.terminal.see(rf"^a  sending, wanted {rate} kpps")
        self.terminal.type("a+")
        self.terminal.see("all flows")
        self.terminal.see(r"^rate 2.200 kpps each$")

    def test_pause_of_all(self):
        self.terminal.type("a ")
        self.terminal.see("^vionet pktgen  paused")
        self.terminal.type(" ")
        self.terminal.see("^vionet pktgen  sending")

    def test_pause_and_stop(self):
        self.terminal.type(" ")
        self.terminal.see("^a +paused")
        self.terminal.see("^b +sending")
        self.terminal.type(" ")
        self.terminal.see("^a +sending")
        self.terminal.type("\x1b[Bs")
        self.terminal.see("^b +stopped")
        self.terminal.type(" ")
        self.terminal.see("^it is stopped: s starts it")
        self.terminal.type("s")
        self.terminal.see("^b +sending")
        self.terminal.type("as")
        self.terminal.see("^a +stopped|summary")

    def test_panes(self):
        for key, sign in (("2", "vfio-user:/nowhere/p1|^p1 +10G"), ("3", "^PORT +QUEUE"), ("4", "^FLOW +STATE"),
                          ("5", r"^jitter 0\.7 us"), ("6", r"^MESSAGES \(0\)"), ("?", "^KEYS"), ("?", "^FLOW"),
                          ("\t", "^PORT +LINK"), ("\x1b", "^q end"), ("\r", "^jitter"), ("\r", "^PORT"), ("x", r"\? shows the keys")):
            self.terminal.type(key)
            self.terminal.see(sign)
        self.terminal.type("\x0c")  # as if another program had written on it
        self.terminal.see("^a +sending")

    def test_random_keys(self):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        keys = ["+", "-", ">", "<", " ", "a", "o", "O", "1", "2", "3", "4", "5", "6", "?", "\t", "\r", "\x1b[A", "\x1b[B",
                "\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F", "\x1b", "\x1bO", "\xff", "\x00", "\x0c", "é"]
        for _ in range(500):
            self.terminal.type(chance.choice(keys))
            if chance.randrange(10) == 0:
                self.terminal.resize(chance.randrange(1, 220), chance.randrange(1, 70))
            self.terminal.take(0)
            self.assertIsNone(self.terminal.process.poll(), f"seed {seed}")
        self.terminal.resize(80, 24)
        self.terminal.type("1")
        self.terminal.see("^vionet pktgen")


class Ends(Case):
    """Each gives the terminal back, and then says what came of the run."""

    def start(self, *options, **more):
        terminal = Terminal(self, *(options or self.flows(flow("a", pps=1000))), **more)
        terminal.see("^a +sending|^vionet pktgen")
        return terminal

    def test_by_itself(self):
        terminal = self.start(*self.flows(flow("a", pps=1000, frames=300)))
        terminal.end()
        self.assertRegex(terminal.after, "summary: a sent 300\r\n$")

    def test_by_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            terminal = self.start()
            terminal.process.send_signal(number)
            terminal.end()
            self.assertIn("summary: a sent", terminal.after)

    def test_by_control_c(self):
        terminal = self.start()
        terminal.type("\x03")
        terminal.end()
        self.assertIn("summary: a sent", terminal.after)

    def test_control_z_is_no_key(self):
        terminal = self.start()
        terminal.type("\x1a")
        terminal.process.send_signal(signal.SIGTSTP)
        terminal.see("shows the keys")
        terminal.type("q")
        terminal.end()

    def test_stopped_and_continued(self):
        terminal = self.start()
        terminal.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: pathlib.Path(f"/proc/{terminal.process.pid}/stat").read_text().split()[2] == "T")
        terminal.take()
        terminal.screen.reset()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.see("^a +sending")  # all of it is drawn anew
        terminal.see("^q end")

    def test_messages_are_kept_for_the_end(self):
        terminal = self.start(*self.flows(flow("a")), "--say", "a message \x1b[2J")
        terminal.process.send_signal(signal.SIGUSR2)
        terminal.see(r"^a message .* 0$")
        terminal.see(r"^MESSAGES \(1\)")
        terminal.type("q")
        terminal.end()
        self.assertRegex(terminal.after, "vionet: a message [^\n]* 0\r\nsummary: a sent")

    def test_messages_to_a_file_are_there_at_once(self):
        with self.path("errors").open("w") as errors:
            terminal = Terminal(self, *self.flows(flow("a")), "--say", "noted", errors=errors)
        terminal.see("^a +sending")
        terminal.process.send_signal(signal.SIGUSR2)
        terminal.see("^noted 0$")
        wait_until(lambda: self.read("errors") == "vionet: noted 0\n")
        terminal.type("q")
        terminal.end()
        self.assertEqual(self.read("errors"), "vionet: noted 0\n")

    def test_a_device_that_fails(self):
        terminal = self.start()
        terminal.process.send_signal(signal.SIGUSR1)
        terminal.end(expect=5)
        self.assertRegex(terminal.after, "vionet: the device is gone, as was asked for\r\nsummary: a sent")

    def test_a_crash(self):
        terminal = self.start(*self.flows(flow("a")), "--crash")
        terminal.process.send_signal(signal.SIGUSR2)
        terminal.end(expect=-signal.SIGABRT)

    def test_a_lost_terminal(self):
        """It ends in order; its summary is where standard output still is something."""
        output = self.path("output")
        with output.open("w") as file:
            terminal = self.start(*self.flows(flow("a")), output=file)
        terminal.hang_up()
        self.assertEqual(terminal.process.wait(DEADLINE), 0)
        self.assertRegex(output.read_text(), r"^summary: a sent \d+\n$")

    def test_a_terminal_that_nobody_reads(self):
        """The run goes on, and ends in time."""
        output = self.path("output")
        with output.open("w") as file:
            terminal = self.start(*self.flows(flow("a", frames=2000)), columns=200, rows=60, output=file)
        for number in range(200):  # more than a pseudo-terminal holds, none of it is read
            terminal.type("\x0c")
            time.sleep(0.01)
        self.assertEqual(terminal.process.wait(DEADLINE), 0)
        self.assertEqual(output.read_text(), "summary: a sent 2000\n")

    def test_with_clients(self):
        address = f"unix:{self.folder}/api"
        terminal = self.start("--listen", address)
        terminal.see("^vionet pktgen  no configuration")
        terminal.see(f"^listening at {address}")
        client = Client(address)
        client.call("POST", "/config", config(flow("by-http", pps=1000)))
        client.transmit("start")
        terminal.see("^by-http +sending")
        client.transmit("pause")
        terminal.see("^by-http +paused")
        terminal.type(" ")
        wait_until(lambda: terminal.take() and client.flows()["by-http"]["transmit"] == "started")
        # What is typed is in the configuration: a client can go back to what it had set.
        terminal.type("+")
        terminal.see("^rate 1.100 kpps$")
        made = client.call("GET", "/config")
        self.assertEqual(made["flows"][0]["rate"], {"choice": "pps", "pps": 1100})
        client.call("PATCH", "/config", {"choice": "flows", "flows": {
            "property_names": ["rate"], "flows": [flow("by-http", pps=1000)]}})
        terminal.see("^by-http  sending, wanted 1.000 kpps")
        client.call("POST", "/config", config(flow("another"), flow("third")))
        terminal.see("^another +stopped")
        client.call("POST", "/config", {})
        terminal.see("^vionet pktgen  no configuration")
        terminal.type("q")
        terminal.end()


class Refused(Case):
    def test_terminals_that_cannot(self):
        for term, text in (("dumb", "the terminal 'dumb' cannot move its cursor; leave --view out"),
                           ("no-such-terminal", "'no-such-terminal' is not in terminfo; set TERM"),
                           (None, "TERM is not set")):
            terminal = Terminal(self, *self.flows(flow("a")), term=term)
            terminal.end(expect=2, output=False)
            self.assertRegex(terminal.raw.decode(), f"^vionet: --view: .*{text}[^\n]*\r\n$")
            self.assertEqual(termios.tcgetattr(terminal.master), terminal.before)

    def test_no_terminal(self):
        done = subprocess.run([HOST, "--view", *self.flows(flow("a", frames=10))], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=DEADLINE, env=os.environ | {"TERM": "dumb"})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "plain lines\nsummary: a sent 10\n", ""))


if __name__ == "__main__":
    unittest.main()
