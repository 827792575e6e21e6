# SPDX-License-Identifier: BSD-3-Clause
"""The results as one page of Markdown."""

import datetime

from .cell import COUNT

TITLES = {"peers": ("What is behind the driver", "Frames that vionet's driver sent, and what became of them."),
          "drivers": ("Drivers in front of vionet-softnic",
                      "Frames that passed the driver; the device checks each requirement of the specification on it.")}


def number(value):
    return "-" if value is None else str(value)


def rows_of(side, results):
    if side == "peers":
        yield "| behind the driver | sent | arrived | lost | damaged | IOMMU faults | |"
        yield "|---|---|---|---|---|---|---|"
    else:
        yield "| driver | version | sent | arrived | lost | damaged | IOMMU faults | it must, and does not | it should | |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
    for r in results:
        v = r.verdict
        if v is None:
            counts = [""] * 5
        else:
            counts = [number(n) for n in (v.sent, v.returned, v.lost, v.damaged, v.faults)]
        if side == "drivers":
            counts.insert(0, "" if v is None else v.version)
            counts += ["" if v is None else ", ".join(ids or ()) or "none"
                       for ids in ((None, None) if v is None else (v.violations, v.warnings))]
        why = f": {r.why.splitlines()[-1]}" if r.why else ""
        yield f"| {r.name} | {' | '.join(counts)} | {r.state}{why} |"


def page(results):
    day = datetime.date.today().isoformat()
    lines = [f"# Peers and drivers, {day}", "",
             f"Each row is a run of {COUNT:,} frames or more, made by `tests/grid --all`. Damaged: also twice, or out",
             "of order. What the ids of requirements mean, and what was found, is in `docs/softnic.md`."]
    for side, (title, text) in TITLES.items():
        here = [r for r in results if r.side == side]
        if here:
            lines += ["", f"## {title}", "", text, "", *rows_of(side, here)]
    return "\n".join(lines) + "\n"
