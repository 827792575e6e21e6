# SPDX-License-Identifier: BSD-3-Clause
"""vionet-vm sweep: one run for each line of a table of options.

The first line names the columns: options without their dashes ("iommu", "device-props"), or variables of the command's
environment (in capitals); each line after it is a run. Words are separated by blanks and quoted as in a shell, "-" is an
option that is not given, "yes" one without a value, "#" begins a comment.
"""

import pathlib
import shlex
import sys
import time

from . import options, result, session


class Table:
    def __init__(self, path):
        text = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text()
        lines = [(i, shlex.split(line, comments=True)) for i, line in enumerate(text.splitlines(), 1)]
        lines = [(i, words) for i, words in lines if words]
        if len(lines) < 2:
            raise ValueError(f"{path}: a line of column names and at least one of values")
        self.columns = lines[0][1]
        self.rows = [words for _, words in lines[1:]]
        for number, words in lines[1:]:
            if len(words) != len(self.columns):
                raise ValueError(f"{path}:{number}: {len(words)} values for {len(self.columns)} columns")

    def name(self, row):
        return " ".join(f"{column}={value}" for column, value in zip(self.columns, row))

    def arguments(self, row):
        words = []
        for column, value in zip(self.columns, row):
            if value == "-":
                continue
            if column.isupper():
                words += ["--env", f"{column}={value}"]
            else:
                words += [f"--{column}"] + ([] if value == "yes" else shlex.split(value) if column == "at" else [value])
        return words


def split(argv):
    """(FILE, options, the command with its dashes)."""
    if not argv or argv[0] in ("-h", "--help", "--"):
        print("usage: vionet-vm sweep FILE [options] -- COMMAND [ARGUMENT...]\n" + __doc__.split("\n", 1)[1])
        sys.exit(0 if argv[:1] in (["-h"], ["--help"]) else 2)
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[0], argv[1:at], argv[at:]


def main(argv, run_once):
    """All runs, one after the other; the worst of their statuses: 0 or 1, 130 when interrupted."""
    file, common, command = split(argv)
    try:
        table = Table(file)
    except (OSError, ValueError) as e:
        print(f"vionet-vm: {e}", file=sys.stderr)
        return 2
    # Each is looked at before the first one starts.
    runs = [(table.name(row), options.parse([*common, *table.arguments(row), *command])) for row in table.rows]
    width = max(len(name) for name, _ in runs)
    came = []
    for name, o in runs:
        session.say(name)
        begin = time.monotonic()
        status, what = run_once(o)
        came.append((name, {"name": name, **what}))
        session.say(f"{name:{width}}  {'ok' if status == 0 else result.why(what)}  {time.monotonic() - begin:.1f} s")
        if status == 130:
            break
    save(runs[0][1], came)
    failed = sum(what["status"] != 0 for _, what in came)
    session.say(f"{len(came)} of {len(runs)} runs, {failed} failed")
    return 130 if came[-1][1]["status"] == 130 else int(failed > 0)


def save(o, came):
    """--json: a list; --junit: a case for each run."""
    if o.json:
        result.save_json(o.json, [what for _, what in came])
    if o.junit:
        result.save_junit(o.junit, came)
