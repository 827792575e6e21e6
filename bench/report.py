# SPDX-License-Identifier: BSD-3-Clause
"""Prints the results of bench/run as tables, verdicts and a page. """

import collections
import html
import statistics

DIRECTIONS = ["tx", "rx", "forward"]
SHARE_TARGET = 0.5  # of the packets of the bare ring
CORE = 0.95  # of the time of both cores, at least, for the bare ring
APART = 1.35  # times: two values that differ by more are not of one class
# Features that may differ: MQ changes nothing for one pair, EVENT_IDX is what its rows are about.
MAY_DIFFER = 1 << 22 | 1 << 29


# ---- comparable runs ----

def classes_of(probes):
    """Round trips of a cache line, in classes: a new one begins at the next that is APART."""
    limits = []
    ordered = sorted(probes)
    for low, high in zip(ordered, ordered[1:]):
        if high > APART * low:
            limits.append((low * high) ** 0.5)
    return limits


def runs_in(part):
    """Every run in a part of what was measured, however deep."""
    if isinstance(part, dict) and "before" in part and "after" in part:
        yield part
    elif isinstance(part, (dict, list)):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from runs_in(inner)


def limits_of(data):
    return classes_of([run[when] for run in runs_in(data) for when in ("before", "after")])


def class_of(run, limits):
    """The class of a run; none if it changed during the run."""
    before, after = (sum(run[when] > limit for limit in limits) for when in ("before", "after"))
    return before if before == after else None


def pairs_of(runs, limits, what="cycles"):
    """(first, second) of neighbours whose four probes are of one class."""
    for first, second in zip(runs[::2], runs[1::2]):
        seen = {class_of(run, limits) for run in (first, second)}
        if len(seen) == 1 and None not in seen and first[what] > 0 and second[what] > 0:
            yield first, second


# ---- ratios ----

def target_of(row):
    return 1.0 if "vectorised" in row["layout"] else 0.75


def summary_of(row, limits):
    """Medians, and the ratio by pairs; without an equal pair the row has no verdict."""
    runs = row["runs"]
    result = {name: statistics.median(run["cycles"] for run in runs if run["driver"] == name)
              for name in ("vionet", "dpdk")}
    result["mpps"] = {name: statistics.median(run["mpps"] for run in runs if run["driver"] == name)
                      for name in ("vionet", "dpdk")}
    pairs = list(pairs_of(runs, limits))
    ratios = [ours["cycles"] / theirs["cycles"] for ours, theirs in pairs]
    result["pairs"] = len(ratios)
    result["kicks"] = max(run["kicks"] for run in runs if run["driver"] == "vionet")
    if ratios:
        result["ratio"] = [min(ratios), statistics.median(ratios), max(ratios)]
        result["met"] = result["ratio"][1] <= target_of(row)
    return result


def number(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def verdict_of(summary):
    if summary["dpdk"] == 0:  # its vectorised receive does nothing for less than 4
        return "no peer"
    return "met" if summary.get("met") else "MISSED" if "met" in summary else "no pair"


def first_cells(row, s):
    """What both tables of rows begin with."""
    ratio = s.get("ratio", [None] * 3)
    return [row["layout"], row["direction"], str(row["size"]), str(row["burst"]),
            number(s["mpps"]["vionet"]), number(s["mpps"]["dpdk"]), number(s["vionet"]),
            number(s["dpdk"]), number(ratio[0], 2), number(ratio[1], 2), number(ratio[2], 2),
            str(s["pairs"]), verdict_of(s)]


FIRST = ["ring", "way", "size", "burst", "Mpps", "DPDK", "cycles", "DPDK", "min", "ratio", "max",
         "pairs", "target"]
HEADINGS = [*FIRST, "instr.", "DPDK", "ratio", "target", "found", "DPDK", "kicks"]
NOTE = "found: buffers that the back end found in a turn that found some, at most 32."
PEER_HEADINGS = [*FIRST, "filled", "DPDK", "idle %", "DPDK", "kicks"]
PEER_TITLE = "against net_vhost of dpdk-testpmd, one queue pair"
PEER_NOTE = """\
Mpps here are as much the back end's as the driver's: net_vhost copies every packet, and while our
driver receives it makes them too. Where calls found nothing to do (idle %), the back end was the
slower side: receiving and forwarding are bound by it whatever the driver does, and only cycles
compare the drivers. filled: packets in a call that moved some, of the burst asked for."""


def instructions_of(data, row):
    table = data.get("instructions", {}).get(f"{row['layout']} {row['size']}", {})
    key = f"{row['direction']} {row['burst']}"
    return table.get(f"{key} vionet"), table.get(f"{key} dpdk")


def found_of(row, driver):
    """How many buffers the back end moves in one poll iteration: how far it is behind the driver."""
    counts = [run["peer"] for run in row["runs"] if run["driver"] == driver and run["peer"]["turns"]]
    return statistics.median(peer["moved"] / peer["turns"] for peer in counts) if counts else None


def lines_of(data, limits):
    """The rows against our back end, as cells of text."""
    for row in (row for table in data.get("cycles", {}).values() for row in table):
        s = summary_of(row, limits)
        ours, theirs = instructions_of(data, row)
        by_count = ours / theirs if ours and theirs else None
        count_target = 1.0 if "vectorised" in row["layout"] else 0.5
        counted = "-" if by_count is None else "met" if by_count <= count_target else "MISSED"
        yield [*first_cells(row, s), number(ours), number(theirs), number(by_count, 2), counted,
               *(number(found_of(row, name)) for name in ("vionet", "dpdk")), str(s["kicks"])]


def idle_of(run):
    """Calls that found nothing to do, in percent."""
    calls = run["empty"] + run["bursts"] + run["interrupted"]
    return 100 * run["empty"] / calls if calls else 100


def peer_lines_of(data, limits):
    """The rows against net_vhost, with those that it refuses."""
    for layout, rows in data.get("net_vhost", {}).items():
        if isinstance(rows, dict):
            yield [layout, "refused", *["-"] * (len(PEER_HEADINGS) - 2)]
            continue
        for row in rows:
            s = summary_of(row, limits)
            by_name = {name: [run for run in row["runs"] if run["driver"] == name]
                       for name in ("vionet", "dpdk")}
            yield [*first_cells(row, s),
                   *(number(statistics.median(run["average_burst"] for run in by_name[name]))
                     for name in by_name),
                   *(number(statistics.median(map(idle_of, by_name[name])), 0) for name in by_name),
                   str(s["kicks"])]


# ---- sentences ----

def peer_sentences(data):
    for layout, rows in data.get("net_vhost", {}).items():
        if isinstance(rows, dict):
            yield f"net_vhost refuses {layout}: {rows['refused']}"
        elif len({int(value, 16) & ~MAY_DIFFER for value in rows[0]["features"].values()}) > 1:
            yield f"{layout}: features differ: {rows[0]['features']}"


def undisturbed_pairs(runs, limits):
    """Pairs of a run of the bare ring and one of a path. Pairs in which the bare ring was interrupted are
    left out: they would flatter the path. A path that was interrupted itself stays."""
    pairs = [(bare, ours) for bare, ours in pairs_of(runs, limits, "mpps") if bare["cpu"] >= CORE]
    best = {}
    for bare, _ in pairs:
        at = class_of(bare, limits)
        best[at] = max(best.get(at, 0), bare["mpps"])
    return [(bare, ours) for bare, ours in pairs
            if bare["mpps"] * APART >= best[class_of(bare, limits)]]


def share_sentences(data, limits):
    """Each packed path beside the bare ring; the verdict is about the cheapest, by its cycles."""
    paths = []
    for layout, table in data.get("share", {}).items():
        for direction, runs in table.items():
            pairs = undisturbed_pairs(runs, limits)
            name, share = f"{layout} {direction}", None
            cycles = statistics.median(run["cycles"] for run in runs[1::2]) or float("inf")
            if pairs:
                bare, ours = (statistics.median(run["mpps"] for run in part) for part in zip(*pairs))
                shares = [ours["mpps"] / bare["mpps"] for bare, ours in pairs]
                share = statistics.median(shares)
                yield (f"beside the bare ring, {name}: {ours:.1f} of {bare:.1f} Mpps, {cycles:.1f} "
                       f"cycles; share {share:.2f} ({min(shares):.2f} to {max(shares):.2f}, "
                       f"{len(pairs)} pairs of {len(runs) // 2})")
            else:
                yield f"beside the bare ring, {name}: in no pair had the ring both cores for itself"
            paths.append((cycles, name, share))
    if paths:
        _, name, share = min(paths)
        verdict = "no pair" if share is None else "met" if share >= SHARE_TARGET else "MISSED"
        yield (f"cheapest packed path, {name}: {number(share, 2)} of the bare ring's packets of 64 "
               f"bytes, target {SHARE_TARGET}: {verdict} (a back end that copies nothing reads the "
               "descriptor of 16 bytes only)")


def flat_of(series, limits):
    """Medians of cycles at each point, from runs of the commonest class of core-to-core latency only."""
    seen = collections.Counter(class_of(run, limits) for run in runs_in(series))
    del seen[None]
    if not seen:
        return [None] * len(series["at"])
    best = seen.most_common(1)[0][0]
    chosen = [[run["cycles"] for run in runs if class_of(run, limits) == best and run["cycles"] > 0]
              for runs in series["runs"]]
    return [statistics.median(cycles) if cycles else None for cycles in chosen]


def flat_sentences(data, limits):
    for name, got in data.get("flat", {}).items():
        for what, series in got.items():
            medians = flat_of(series, limits)
            text = f"cycles, {name}, {what}: " + ", ".join(
                f"{at}: {number(cycles)}" for at, cycles in zip(series["at"], medians))
            if None in medians:
                yield text + "; no verdict: the latency changed its class"
            else:
                yield text + f"; max/min {max(medians) / min(medians):.2f}"


def other_sentences(data):
    for run in data.get("bare", []):
        yield (f"bare ring: {run['mpps']:.1f} Mpps (line there and back {run['probe']:.0f} ns, "
               f"{run['cpu'] * 100:.0f} % of the cores)")
    for layout, results in data.get("latency", {}).items():
        for name, got in results.items():
            yield (f"latency, {layout}, {name}: p50 {got['p50']} ns, p99 {got['p99']} ns, "
                   f"p99.9 {got['p999']} ns of {got['rounds']}")
    opened = [table[0]["opened"] for table in data.get("cycles", {}).values() if table]
    for driver in ("vionet", "dpdk"):
        if opened:
            yield (f"{driver}: open to first packet "
                   f"{statistics.median(one[driver]['open_ms'] for one in opened):.1f} ms (median of "
                   f"{len(opened)}), resident {max(one[driver]['resident_kib'] for one in opened)} KiB")
    if "generator" in data:
        yield f"vionet pktgen: resident {data['generator']} KiB"
    for name, size in data.get("libraries", {}).items():
        yield f"libraries, {name}: {size // 1024} KiB"


def sentences(data, limits):
    return [*peer_sentences(data), *share_sentences(data, limits), *flat_sentences(data, limits),
            *other_sentences(data)]


# ---- printing ----

def print_table(headings, lines):
    table = [headings, *lines]
    widths = [max(len(line[i]) for line in table) for i in range(len(headings))]
    for line in table:
        print("  ".join(cell.ljust(w) if i < 2 else cell.rjust(w)
                        for i, (cell, w) in enumerate(zip(line, widths))))


def print_all(data):
    limits = limits_of(data)
    if data.get("cycles"):
        print_table(HEADINGS, lines_of(data, limits))
        print(NOTE)
    if data.get("net_vhost"):
        print(f"\n{PEER_TITLE}")
        print_table(PEER_HEADINGS, peer_lines_of(data, limits))
        print(f"{PEER_NOTE}\n")
    for sentence in sentences(data, limits):
        print(sentence)


# ---- the page ----

def bars(title, values):
    """Ours beside theirs, one pair of bars a name; plain SVG."""
    top = max([v for _, a, b in values for v in (a, b) if v] or [1])
    parts = [f'<h3>{html.escape(title)}</h3><svg width="900" height="{len(values) * 34 + 10}">']
    for i, (name, ours, theirs) in enumerate(values):
        y = 34 * i
        parts.append(f'<text x="290" y="{y + 18}" text-anchor="end">{html.escape(name)}</text>')
        for value, colour, at in ((ours, "#2a6", y + 3), (theirs, "#999", y + 16)):
            if value:
                width = 520 * value / top
                parts.append(f'<rect x="300" y="{at}" width="{width:.1f}" height="12" '
                             f'fill="{colour}"/><text x="{305 + width:.1f}" y="{at + 10}" '
                             f'font-size="11">{value:.1f}</text>')
    return "".join(parts) + "</svg>"


def table_of(headings, lines):
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>"
                   for line in lines)
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    return f"<table><tr>{head}</tr>{rows}</table>"


def bars_of_rows(what, lines):
    """Cycles, of the rows with queues of 256 and bursts of 32."""
    return bars(f"{what}: cycles a packet, queue of 256, bursts of 32",
                [(line[0], float(line[6]), float(line[7])) for line in lines])


def write_page(data, path):
    limits = limits_of(data)
    lines, peer = list(lines_of(data, limits)), list(peer_lines_of(data, limits))
    body = ["<!doctype html><meta charset=utf-8><title>vionet beside DPDK</title><style>body{font:14px "
            "sans-serif}td,th{padding:1px 8px;text-align:right}</style><h1>vionet beside DPDK</h1>",
            f"<p>{html.escape(data['machine'])}, {html.escape(data['date'])}. Green: vionet. "
            "Grey: DPDK's virtio driver. Ratios by pairs of neighbouring runs.</p>"]
    for direction in DIRECTIONS:
        chosen = [line for line in lines if line[1] == direction and line[2:4] == ["256", "32"]]
        body.append(bars_of_rows(direction, chosen))
        body.append(bars(f"{direction}: user instructions a packet",
                         [(line[0], *[None if c == "-" else float(c) for c in line[13:15]])
                          for line in chosen]))
    body.append(table_of(HEADINGS, lines))
    body.append(f"<p>{html.escape(NOTE)}</p>")
    if peer:
        body.append(f"<h2>{html.escape(PEER_TITLE)}</h2><p>{html.escape(PEER_NOTE)}</p>")
        body.extend(bars_of_rows(direction, [line for line in peer if line[1] == direction])
                    for direction in DIRECTIONS)
        body.append(table_of(PEER_HEADINGS, peer))
    body.append("<ul>" + "".join(f"<li>{html.escape(sentence)}</li>"
                                 for sentence in sentences(data, limits)) + "</ul>")
    path.write_text("\n".join(body))
