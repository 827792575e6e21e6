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


FOR_ALL = ("json", "junit", "help")


class Table:
    def __init__(self, path):
        try:
            text = sys.stdin.read() if path == "-" else pathlib.Path(path).read_text()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise ValueError(f"{path}: not a text")
        lines = [(i, words_of(path, i, line, comments=True)) for i, line in enumerate(text.splitlines(), 1)]
        lines = [(i, words) for i, words in lines if words]
        if len(lines) < 2:
            raise ValueError(f"{path}: a line of column names and at least one of values")
        self.path, self.columns, self.rows = path, lines[0][1], lines[1:]
        for column in self.columns:
            if column in FOR_ALL:
                raise ValueError(f"{path}:{lines[0][0]}: '{column}' is for all runs: no column, but beside the table as --{column}")
        for number, words in lines[1:]:
            if len(words) != len(self.columns):
                raise ValueError(f"{path}:{number}: {len(words)} values for {len(self.columns)} columns")

    def name(self, row):
        return " ".join(f"{column}={value}" for column, value in zip(self.columns, row))

    def arguments(self, number, row):
        words = []
        for column, value in zip(self.columns, row):
            if value == "-":
                continue
            if column.isupper():
                words += ["--env", f"{column}={value}"]
            else:
                words += [f"--{column}"] + (
                    [] if value == "yes" else words_of(self.path, number, value) if column == "at" else [value])
        return words

    def parse(self, common, command):
        """(name, options) of each run: all are looked at before the first one starts."""
        for number, row in self.rows:
            try:
                yield self.name(row), options.parse([*common, *self.arguments(number, row), *command])
            except SystemExit:
                print(f"vionet-vm: with line {number} of {self.path}", file=sys.stderr)
                raise


def words_of(path, number, text, **how):
    try:
        return shlex.split(text, **how)
    except ValueError as e:
        raise ValueError(f"{path}:{number}: {e}") from None


def split(argv):
    """(FILE, options, the command with its dashes)."""
    if not argv or argv[0] in ("-h", "--help", "--"):
        print("usage: vionet-vm sweep FILE [options] -- COMMAND [ARGUMENT...]\n" + __doc__.split("\n", 1)[1])
        sys.exit(0 if argv[:1] in (["-h"], ["--help"]) else 2)
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[0], argv[1:at], argv[at:]


def main(argv, run_once):
    """All runs, one after the other; the worst of their statuses: 0 or 1, 128+N for a signal."""
    file, common, command = split(argv)
    try:
        runs = list(Table(file).parse(common, command))
    except OSError as e:
        print(f"vionet-vm: {file}: {e.strerror}", file=sys.stderr)
        return 2
    except ValueError as e:
        print(f"vionet-vm: {e}", file=sys.stderr)
        return 2
    width = max(len(name) for name, _ in runs)
    came = []
    for name, o in runs:
        session.say(name)
        begin = time.monotonic()
        status, what = run_once(o)
        came.append((name, {"name": name, **what}))
        session.say(f"{name:{width}}  {'ok' if status == 0 else result.why(what)}  {time.monotonic() - begin:.1f} s")
        if status == 130 or session.ending():
            break
    problems = result.save(runs[0][1], [what for _, what in came], came)
    for problem in problems:
        session.say(problem)
    failed = sum(what["status"] != 0 for _, what in came)
    session.say(f"{len(came)} of {len(runs)} runs, {failed} failed")
    return status if status == 130 or session.ending() else int(failed > 0 or bool(problems))
