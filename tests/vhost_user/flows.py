# SPDX-License-Identifier: BSD-3-Clause
"""Flows of configurations for peers: what they have in common."""

import os
import pathlib
import sys

import peer

os.environ.setdefault("VIONET_BUILD", str(peer.BUILD))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "front"))
import front_case  # noqa: E402

EACH = 1000  # frames of each of the mixed flows
IMIX = {"choice": "weight_pairs", "weight_pairs": {"choice": "predefined", "predefined": "imix"}}
SIZES = {"choice": "increment", "increment": {"start": 100, "end": 1518, "step": 7}}


def value(what):
    return {"choice": "value", "value": what}


def fixed(size):
    return {"choice": "fixed", "fixed": size}


def header(name, **fields):
    return {"choice": name, name: fields}


def flow(name, tx, rx, pps, frames, size, *packet, tracked=True, **more):
    return front_case.flow(name, tx, rx, pps, frames, packet=packet, size=size, metrics={
        "enable": tracked, "latency": {"enable": tracked}}, **more)


def mixed(tx, rx):
    """Four of different kinds: a mix of sizes in 64 streams, a tag, two tags and all sizes, pings. They are told apart
    by their direction."""
    ports = {"choice": "increment", "increment": {"start": 50000, "step": 1, "count": 64}, "metric_tags": [{"name": "port"}]}
    ethernet = header("ethernet", dst=value("02:00:00:00:00:99"))
    double = header("ethernet", dst=value("02:00:00:00:00:99"), ether_type=value(0x88a8))
    return [
        flow(f"{tx}-imix", tx, rx, 1000, EACH, IMIX, ethernet, header("ipv4"), header("udp", src_port=ports)),
        flow(f"{tx}-tag", tx, rx, 900, EACH, fixed(132), ethernet, header("vlan", id=value(100), priority=value(5)), header("ipv4"),
             header("tcp")),
        flow(f"{tx}-tags", tx, rx, 800, EACH, SIZES, double, header("vlan", id=value(200)), header("vlan", id=value(7)),
             header("ipv6"), header("udp")),
        flow(f"{tx}-ping", tx, rx, 700, EACH, fixed(102), ethernet, header("ipv4"), header("icmp"))]
