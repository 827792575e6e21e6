# SPDX-License-Identifier: BSD-3-Clause
"""
The jobs of docs/pktgen.md, run as they are written: each command has to print what the page shows.

A section's commands stand behind "$ " in its code blocks, what they print below. Rates, times and other numbers with a point or a
unit may differ, all else has to be there; a line "..." stands for any number of lines. A command that ends with " &" runs until
the section ends, and has to end well. "cat FILE" makes a file that is not there yet.

  tests/tools/cookbook.py --update [NUMBER...]   writes what they print now into the page, which is then to be read
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/pktgen.md"
BUILD = pathlib.Path(os.environ.get("VIONET_BUILD", ROOT / "build"))
DEADLINE = 120  # of a command, on a busy machine
NUMBER = re.compile(r"(?:(?<=\()[-+])?\d[\d.]*(?:\.\d+|e[-+]\d+)(?: ?[kMGTunm]?(?:pps|bit/s|bps|s|%|x|B))?\b%?|\d+ ?(?:[kMGTunm]?(?:pps|bit/s|s)\b|%)")


class Section:
    def __init__(self, title, start):
        self.title, self.start = title, start
        self.steps = []  # (line number, command, lines expected)


def sections(text):
    found, step = [], None
    for number, line in enumerate(text.splitlines()):
        if line.startswith("## "):
            found.append(Section(line[3:], number))
            step = None
        elif line.startswith("    $ "):
            step = (number, line[6:], [])
            found[-1].steps.append(step)
        elif line.startswith("    ") and step and line[4:] != "":
            step[2].append(line[4:])
        elif line.strip() == "" and step and step[2]:
            step[2].append("")
        elif line.strip():
            step = None
    for section in found:
        for _, _, lines in section.steps:
            while lines and not lines[-1]:
                lines.pop()
    return [section for section in found if section.steps]


# What a busy machine adds.
BUSY = re.compile(r"^ *(not reached, though|the device could not follow|\(full \d)")


def plain(line):
    line = re.sub(r"; then [\d.]+ s for frames on their way$", "", line)  # there may be none any more
    line = re.sub(r"\bseed \d+, stream \d+", "seed #, stream #", line)  # of a file they are new each time
    return " ".join(NUMBER.sub("#", line).split())


def same(expected, printed):
    """The first line of `expected` that does not fit, or None."""
    want, got = ([plain(line) for line in lines if not BUSY.match(line)] for lines in (expected, printed))
    at = 0
    anywhere = False
    for line in want:
        if line == "...":
            anywhere = True
            continue
        if anywhere:
            while at < len(got) and got[at] != line:
                at += 1
        if at >= len(got) or got[at] != line:
            return line
        at, anywhere = at + 1, False
    return None if anywhere or at == len(got) else f"nothing more, but: {got[at]}"


class Run:
    """One section, in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="vionet-cookbook-")
        self.background = []
        self.environment = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "COLUMNS": "120", "HOME": self.folder.name,
                            "XDG_RUNTIME_DIR": self.folder.name}
        self.environment.pop("VIONET_LOG", None)

    def step(self, command, expected):
        """What it prints, and its status."""
        path = pathlib.Path(self.folder.name, command[4:])
        if re.fullmatch(r"cat [\w.]+", command) and not path.exists():
            path.write_text("\n".join(expected) + "\n")
        if command.endswith(" &"):
            return self.begin(command[:-2]), 0
        done = subprocess.run(["bash", "-c", command], cwd=self.folder.name, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE, check=False)
        return done.stdout.rstrip("\n").split("\n") if done.stdout else [], done.returncode

    def begin(self, command):
        log = open(os.path.join(self.folder.name, f".log{len(self.background)}"), "w+", encoding="utf-8")
        process = subprocess.Popen(["bash", "-c", "exec " + command], cwd=self.folder.name, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        self.background.append((command, process, log))
        socket = re.search(r"(?:--listen|--vhost-user) (?:unix:)?(\w[\w.]*)", command)
        end = time.monotonic() + DEADLINE
        while socket and not pathlib.Path(self.folder.name, socket[1]).exists():
            if process.poll() is not None or time.monotonic() > end:
                log.seek(0)
                raise AssertionError(f"{command}: {log.read()}")
            time.sleep(0.01)
        return []

    def end(self):
        """Commands of the background that did not end well, with what they said."""
        bad = []
        for command, process, log in reversed(self.background):
            process.terminate()
            status = process.wait(DEADLINE)
            log.seek(0)
            if status not in (0, -15):
                bad.append(f"{command}: status {status}: {log.read()}")
            log.close()
        self.folder.cleanup()
        return bad


def update(numbers):
    lines = PAGE.read_text().splitlines()
    for section in reversed(sections(PAGE.read_text())):
        if numbers and section.title.split(".")[0] not in numbers:
            continue
        run, printed = Run(), []
        for _, command, expected in section.steps:
            printed.append(run.step(command, expected)[0])
        print(f"{section.title}: {run.end() or 'ended well'}")
        for (number, command, expected), output in reversed(list(zip(section.steps, printed))):
            if "..." in expected or command.startswith("cat "):
                continue
            end = number + 1
            while end < len(lines) and lines[end].startswith("    ") and not lines[end].startswith("    $ "):
                end += 1
            lines[number + 1:end] = ["    " + line if line else "" for line in output if not BUSY.match(line)]
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--update"]:
        sys.exit(__doc__)
    update(sys.argv[2:])
