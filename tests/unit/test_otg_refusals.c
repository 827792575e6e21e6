/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations that are refused (tools/pktgen/model): where, and in which words. The first thing that is wrong is said. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/model/otg.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
/* A text that may have a NUL in it. */
#define TEXT(text) text, sizeof(text) - 1
/* What stands in line 5 of a configuration that is good otherwise; in the packet of its flow. */
#define FLOW(text) TEXT("ports: [{name: p}, {name: q}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: p}}\n  " text "\n")
#define FILES(text) FLOW("x-vionet: {" text "}")
#define PACKET(text) FLOW("packet: [" text "]")

static const struct refusal {
	const char *text;
	size_t length;
	const char *wanted; /* line:column: text */
} refusals[] = {
	/* no text, no YAML, no JSON */
	{ TEXT("\000"),
	  "1:1: a NUL byte: this is no text" },
	{ TEXT("ports: [\nflows: }"),
	  "2:8: not YAML: did not find expected node content" },
	{ TEXT("ports:\n\t- name: p\n"),
	  "2:1: not YAML: a tab cannot indent; use blanks" },
	{ TEXT("ports:\n- name: p\n location: x\n"),
	  "3:2: not YAML: a key and a colon are wanted here; is it indented like its neighbours?" },
	{ TEXT("ports: [{name: \"p\\q\"}]"),
	  "1:18: not YAML: found unknown escape character" },
	{ TEXT("ports: [{name: \"p\\u0000\"}]"),
	  "1:16: a text with a NUL byte in it" },
	{ TEXT("ports: [{name: \377}]"),
	  "1:16: not a text in UTF-8: invalid leading UTF-8 octet" },
	{ TEXT("{\"ports\": [{\"name\": \"p\"}"),
	  "2:1: not YAML: did not find expected ',' or ']'" },
	{ TEXT("a: 1\n---\nb: 2\n"),
	  "2:1: a second document; one file has one configuration" },
	{ TEXT("ports: &a [{name: p}]\nflows: *a\n"),
	  "2:8: aliases (*name) are not supported; write the value out" },
	{ TEXT("ports: !!seq [{name: p}]\n"),
	  "1:8: tags (!...) are not supported; leave it out" },
	{ TEXT("ports: [{name: !!str 5}]\n"),
	  "1:16: tags (!...) are not supported; leave it out" },
	{ TEXT("[1, 2]: 3\n"),
	  "1:1: a key is a word, not an object or a list" },
	{ TEXT("ports: []\nflows: []\nports: []\n"),
	  "3:1: ports is there twice in one object, first in line 1; leave one out" },
	{ TEXT("5"),
	  "1:1: an object is wanted, not a value" },
	{ TEXT("- ports"),
	  "1:1: an object is wanted, not a list" },
	{ TEXT("just words"),
	  "1:1: an object is wanted, not a value" },
	/* ports and the whole */
	{ TEXT("port: []"),
	  "1:1: port: unknown; did you mean ports?" },
	{ TEXT("more: 1"),
	  "1:1: more: unknown" },
	{ TEXT("ports: p"),
	  "1:8: ports: a list is wanted, not a value" },
	{ TEXT("ports: {name: p}"),
	  "1:8: ports: a list is wanted, not an object" },
	{ TEXT("ports: [p]"),
	  "1:9: ports[0]: an object is wanted, not a value" },
	{ TEXT("ports: [null]"),
	  "1:9: ports[0]: name is missing" },
	{ TEXT("ports: [{}]"),
	  "1:9: ports[0]: name is missing" },
	{ TEXT("ports: [{location: x}]"),
	  "1:9: ports[0]: name is missing" },
	{ TEXT("ports: [{name: [p]}]"),
	  "1:16: ports[0].name: a list: a text is wanted" },
	{ TEXT("ports: [{name: \"\"}]"),
	  "1:16: ports[0].name: '': a text of 1 to 255 bytes is wanted" },
	{ TEXT("ports: [{name: \"a\\tb\"}]"),
	  "1:16: ports[0].name: 'a?b': control characters are not possible" },
	{ TEXT("ports: [{name: p, location: {}}]"),
	  "1:29: ports[0].location: an object: a text is wanted" },
	{ TEXT("ports: [{name: p, speed: 5}]"),
	  "1:19: ports[0].speed: unknown; known here: name, location" },
	{ TEXT("ports:\n- name: p\n- name: q\n- name: p\n"),
	  "4:9: ports[2].name: ports[0] has this name; names are unique" },
	{ TEXT("ports: [{name: p}]\nflows: [{name: p, tx_rx: {port: {tx_name: p}}}]\n"),
	  "2:16: flows[0].name: ports[0] has this name; names are unique" },
	{ TEXT("ports: []\nlags: [{name: x}]\n"),
	  "2:1: lags: not supported" },
	{ TEXT("ports: []\nlayer1: [{name: x}]\n"),
	  "2:1: layer1: not supported" },
	{ TEXT("ports: []\ndevices: [{name: x}]\n"),
	  "2:1: devices: not supported" },
	{ TEXT("ports: []\nlldp: [{name: x}]\n"),
	  "2:1: lldp: not supported" },
	{ TEXT("ports: []\nstateful_flows: [{name: x}]\n"),
	  "2:1: stateful_flows: not supported" },
	{ TEXT("ports: []\negress_only_tracking: [{name: x}]\n"),
	  "2:1: egress_only_tracking: not supported" },
	{ TEXT("ports: []\nevents: [{name: x}]\n"),
	  "2:1: events: not supported" },
	{ TEXT("options: {port_options: {location_preemption: 1}}"),
	  "1:47: options.port_options.location_preemption: '1': true or false is wanted" },
	{ TEXT("options: {port_options: {data_integrity: true}}"),
	  "1:26: options.port_options.data_integrity: not supported" },
	{ TEXT("options: {port_options: {frame_ordering_mode: {choice: rfc2889}}}"),
	  "1:56: options.port_options.frame_ordering_mode.choice: 'rfc2889': only no_ordering is supported" },
	{ TEXT("options: {flow_options: {packet_loss_duration: true}}"),
	  "1:26: options.flow_options.packet_loss_duration: not supported" },
	{ TEXT("options: {protocol_options: {auto_return_ports: true}}"),
	  "1:11: options.protocol_options: not supported" },
	{ TEXT("options: {port_optoins: {}}"),
	  "1:11: options.port_optoins: unknown; did you mean port_options?" },
	/* captures that flows name */
	{ FILES("replay: {}"), "5:22: flows[0].x-vionet.replay: file is missing" },
	{ FILES("replay: {file: a, fast: 1}"),
	  "5:32: flows[0].x-vionet.replay.fast: unknown; known here: file, speed, loops, loop_gap, max_gap, oversize, "
	  "truncated, src_mac, dst_mac, map, map_port" },
	{ FILES("replay: {file: a, speed: [1]}"),
	  "5:39: flows[0].x-vionet.replay.speed: a text is wanted, as the option of the command line has it" },
	{ FILES("replay: {file: a, map: x}"), "5:37: flows[0].x-vionet.replay.map: a list is wanted, not a value" },
	{ FILES("replay: {file: a}, pad: false"),
	  "5:33: flows[0].x-vionet.pad: x-vionet.replay is there too, which decides it; leave one of them out" },
	{ FILES("replay: {file: a}}\n  size: {fixed: 99"),
	  "6:3: flows[0].size: x-vionet.replay is there too, which decides it; leave one of them out" },
	{ FILES("replay: {file: a}}\n  metrics: {enable: true"),
	  "6:3: flows[0].metrics: x-vionet.replay is there too, which decides it; leave one of them out" },
	{ FILES("replay: {file: a, speed: 2x}, rate: 5pps"),
	  "5:32: flows[0].x-vionet.replay.speed: the flow has a rate too; leave one of them out" },
	{ FILES("template: a"), "5:24: flows[0].x-vionet.template: an object is wanted, not a value" },
	{ FILES("template: {file: a, frame: 0}"),
	  "5:41: flows[0].x-vionet.template.frame: '0': a whole number from 1 to 4294967295 is wanted" },
	{ FILES("template: {file: a}}\n  packet: [{choice: udp}]\n  payload: {"),
	  "6:3: flows[0].packet: x-vionet.template is there too, which decides it; leave one of them out" },
	/* flows */
	{ TEXT("flows: [{}]"),
	  "1:9: flows[0]: name is missing" },
	{ TEXT("flows: [null]"),
	  "1:9: flows[0]: name is missing" },
	{ TEXT("flows: [{name: f}]"),
	  "1:9: flows[0]: tx_rx is missing" },
	{ TEXT("flows: [{name: f, tx_rx: {}}]"),
	  "1:26: flows[0].tx_rx: port is missing" },
	{ TEXT("flows: [{name: f, tx_rx: {choice: port}}]"),
	  "1:26: flows[0].tx_rx: port is missing" },
	{ TEXT("flows: [{name: f, tx_rx: {port: {}}}]"),
	  "1:33: flows[0].tx_rx.port: tx_name is missing" },
	{ TEXT("flows: [{name: f, tx_rx: {port: {tx_name: p}}}]"),
	  "1:43: flows[0].tx_rx.port.tx_name: there is no port of this name: ports is empty" },
	{ TEXT("ports: [{name: p}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: r}}\n"),
	  "4:27: flows[0].tx_rx.port.tx_name: there is no port of this name" },
	{ TEXT("ports: [{name: p}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: p, rx_names: [p, r]}}\n"),
	  "4:44: flows[0].tx_rx.port.rx_names[1]: there is no port of this name" },
	{ TEXT("ports: [{name: p}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: p, rx_names: [p, p]}}\n"),
	  "4:44: flows[0].tx_rx.port.rx_names[1]: a port that is named already" },
	{ TEXT("ports: [{name: p}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: p, rx_name: p, rx_names: [p]}}\n"),
	  "4:42: flows[0].tx_rx.port.rx_names: rx_name is there too; leave one out" },
	{ TEXT("flows:\n- name: f\n  tx_rx: {device: {tx_names: [a]}}\n"),
	  "3:11: flows[0].tx_rx.device: not supported; give port with tx_name and rx_names" },
	{ TEXT("flows:\n- name: f\n  tx_rx: {choice: device, device: {tx_names: [a]}}\n"),
	  "3:27: flows[0].tx_rx.device: not supported; give port with tx_name and rx_names" },
	{ FLOW("pakcet: []"),
	  "5:3: flows[0].pakcet: unknown; did you mean packet?" },
	{ FLOW("name: g"),
	  "5:3: name is there twice in one object, first in line 3; leave one out" },
	{ FLOW("egress_packet: [{choice: ethernet}]"),
	  "5:3: flows[0].egress_packet: not supported" },
	{ FLOW("size: 64"),
	  "5:9: flows[0].size: an object is wanted, not a value" },
	{ FLOW("size: {fixed: 5}"),
	  "5:17: flows[0].size.fixed: '5': a whole number from 18 to 65561 is wanted" },
	{ FLOW("size: {fixed: 70000}"),
	  "5:17: flows[0].size.fixed: '70000': a whole number from 18 to 65561 is wanted" },
	{ FLOW("size: {fixed: -64}"),
	  "5:17: flows[0].size.fixed: '-64': a whole number from 18 to 65561 is wanted" },
	{ FLOW("size: {fixed: 064}"),
	  "5:17: flows[0].size.fixed: '064': a whole number from 18 to 65561 is wanted" },
	{ FLOW("size: {fixed: 64.0}"),
	  "5:17: flows[0].size.fixed: '64.0': a whole number from 18 to 65561 is wanted" },
	{ FLOW("size: {fixed: big}"),
	  "5:17: flows[0].size.fixed: 'big': a whole number from 18 to 65561 is wanted" },
	{ FLOW("size: {fixed: [64]}"),
	  "5:17: flows[0].size.fixed: a list: a whole number from 18 to 65561 is wanted" },
	{ FLOW("size: {choice: increment, fixed: 64}"),
	  "5:29: flows[0].size.fixed: choice says increment; leave one of them out" },
	{ FLOW("size: {fixed: 64, random: {}}"),
	  "5:21: flows[0].size.random: only one of fixed and random is possible" },
	{ FLOW("size: {choice: incremental}"),
	  "5:18: flows[0].size.choice: no such choice; did you mean increment?" },
	{ FLOW("size: {choice: {}}"),
	  "5:18: flows[0].size.choice: a word is wanted, not an object" },
	{ FLOW("size: {increment: {start: 100, end: 99}}"),
	  "5:21: flows[0].size.increment: start is above end" },
	{ FLOW("size: {increment: {step: 0}}"),
	  "5:28: flows[0].size.increment.step: '0': a whole number from 1 to 65561 is wanted" },
	{ FLOW("size: {random: {min: 1519}}"),
	  "5:18: flows[0].size.random: min is above max" },
	{ FLOW("size: {weight_pairs: {predefined: imx}}"),
	  "5:37: flows[0].size.weight_pairs.predefined: 'imx': did you mean imix?" },
	{ FLOW("size: {weight_pairs: {custom: []}}"),
	  "5:33: flows[0].size.weight_pairs.custom: an empty list; give one pair or more" },
	{ FLOW("size: {weight_pairs: {choice: custom}}"),
	  "5:24: flows[0].size.weight_pairs: custom is missing" },
	{ FLOW("size: {weight_pairs: {custom: [{size: 64, weight: 0}]}}"),
	  "5:33: flows[0].size.weight_pairs.custom: all weights are 0" },
	{ FLOW("size: {weight_pairs: {custom: [{size: 64, weight: -1}]}}"),
	  "5:53: flows[0].size.weight_pairs.custom[0].weight: '-1': a number from 0 to 1000000000000 is wanted" },
	{ FLOW("rate: {pps: 0}"),
	  "5:15: flows[0].rate.pps: '0': a whole number from 1 to 1000000000000 is wanted" },
	{ FLOW("rate: {pps: 1.5}"),
	  "5:15: flows[0].rate.pps: '1.5': a whole number from 1 to 1000000000000 is wanted" },
	{ FLOW("rate: {bps: 671}"),
	  "5:15: flows[0].rate.bps: '671': a whole number from 672 to 100000000000000 is wanted" },
	{ FLOW("rate: {gbps: 100001}"),
	  "5:16: flows[0].rate.gbps: '100001': a whole number from 1 to 100000 is wanted" },
	{ FLOW("rate: {percentage: 100.5}"),
	  "5:22: flows[0].rate.percentage: '100.5': a number from 0.001 to 100 is wanted" },
	{ FLOW("rate: {percentage: 0}"),
	  "5:22: flows[0].rate.percentage: '0': a number from 0.001 to 100 is wanted" },
	{ FLOW("rate: {percentage: nan}"),
	  "5:22: flows[0].rate.percentage: 'nan': a number from 0.001 to 100 is wanted" },
	{ FLOW("rate: {pps: 1, percentage: 5}"),
	  "5:18: flows[0].rate.percentage: only one of pps and percentage is possible" },
	{ FLOW("rate: {tbps: 1}"),
	  "5:10: flows[0].rate.tbps: unknown; did you mean bps?" },
	{ FLOW("duration: {fixed_packets: {packets: 0}}"),
	  "5:39: flows[0].duration.fixed_packets.packets: '0': a whole number from 1 to 4294967295 is wanted" },
	{ FLOW("duration: {fixed_packets: {packets: 4294967296}}"),
	  "5:39: flows[0].duration.fixed_packets.packets: '4294967296': a whole number from 1 to 4294967295 is wanted" },
	{ FLOW("duration: {fixed_seconds: {seconds: 0}}"),
	  "5:39: flows[0].duration.fixed_seconds.seconds: '0': a number from 1e-09 to 316224000 is wanted" },
	{ FLOW("duration: {fixed_seconds: {seconds: -1}}"),
	  "5:39: flows[0].duration.fixed_seconds.seconds: '-1': a number from 1e-09 to 316224000 is wanted" },
	{ FLOW("duration: {burst: {packets: 0}}"),
	  "5:31: flows[0].duration.burst.packets: '0': a whole number from 1 to 4294967295 is wanted" },
	{ FLOW("duration: {burst: {inter_burst_gap: {bytes: 1, nanoseconds: 1}}}"),
	  "5:50: flows[0].duration.burst.inter_burst_gap.nanoseconds: only one of bytes and nanoseconds is possible" },
	{ FLOW("duration: {continuous: {delay: {nanoseconds: soon}}}"),
	  "5:48: flows[0].duration.continuous.delay.nanoseconds: 'soon': a number from 0 to 3.16224e+17 is wanted" },
	{ FLOW("duration: {for_ever: {}}"),
	  "5:14: flows[0].duration.for_ever: unknown; known here: continuous, fixed_packets, fixed_seconds, burst" },
	{ FLOW("metrics: {enable: yes}"),
	  "5:21: flows[0].metrics.enable: 'yes': true or false is wanted" },
	{ FLOW("metrics: {enable: \"true\"}"),
	  "5:21: flows[0].metrics.enable: 'true': true or false is wanted" },
	{ FLOW("metrics: {latency: {enable: true}}"),
	  "5:12: flows[0].metrics: latency needs enable: true here" },
	{ FLOW("metrics: {enable: true, latency: {mode: middle}}"),
	  "5:43: flows[0].metrics.latency.mode: 'middle': one of store_forward, cut_through is wanted" },
	{ FLOW("metrics: {rx_tx_ratio: {value: 2}}"),
	  "5:34: flows[0].metrics.rx_tx_ratio.value: only 1 is supported: each frame comes once" },
	{ FLOW("metrics: {rx_tx_ratio: {rx_count: {}}}"),
	  "5:27: flows[0].metrics.rx_tx_ratio.rx_count: not supported" },
	{ FLOW("metrics: {rx_tx_ratio: {choice: rx_count}}"),
	  "5:35: flows[0].metrics.rx_tx_ratio.rx_count: not supported" },
	{ FLOW("metrics: {predefined_metric_tags: {rx_name: true}}"),
	  "5:38: flows[0].metrics.predefined_metric_tags.rx_name: not supported" },
	{ FLOW("payload: {fixed: {pattern: \"abc\"}}"),
	  "5:30: flows[0].payload.fixed.pattern: 'abc': 1 to 65535 bytes in hexadecimal are wanted, two digits each" },
	{ FLOW("payload: {fixed: {pattern: \"xy\"}}"),
	  "5:30: flows[0].payload.fixed.pattern: 'xy': 1 to 65535 bytes in hexadecimal are wanted, two digits each" },
	{ FLOW("payload: {increment_byte: {start: 5}}"),
	  "5:29: flows[0].payload.increment_byte: nothing is to be in it" },
	{ FLOW("payload: {random: {}}"),
	  "5:13: flows[0].payload.random: unknown; known here: fixed, increment_byte, decrement_byte, increment_word, decrement_word" },
	{ FLOW("x-vionet: {arrival: bursty}"),
	  "5:23: flows[0].x-vionet.arrival: 'bursty': one of constant, poisson is wanted" },
	{ FLOW("x-vionet: {rate: fast}"),
	  "5:20: flows[0].x-vionet.rate: 'fast': wanted: max; frames a second (10k, 1.5Mpps; 0.001 to 1Tpps); bits a second (100Mbit, 2.5Gbit; to 100Tbit); or per cent of the link (50%)" },
	{ FLOW("x-vionet: {offload: {segment_size: 10}}"),
	  "5:38: flows[0].x-vionet.offload.segment_size: '10': a whole number from 64 to 65535 is wanted" },
	{ FLOW("x-vionet: {payload: numbered}\n  payload: {fixed: {}}"),
	  "5:14: flows[0].x-vionet.payload: the flow has payload too; leave one of them out" },
	{ FLOW("x-vionet: {more: 1}"),
	  "5:14: flows[0].x-vionet.more: unknown; known here: arrival, rate, packets, seconds, delay, offload, payload, pad, seed, template, replay" },
	{ FLOW("x-vionet: 5"),
	  "5:13: flows[0].x-vionet: an object is wanted, not a value" },
	{ FLOW("x-other: {a: 1}"),
	  "5:3: flows[0].x-other: unknown; known here: name, tx_rx, packet, egress_packet, size, rate, duration, metrics, payload, x-vionet" },
	/* packets */
	{ FLOW("packet: {ethernet: {}}"),
	  "5:11: flows[0].packet: a list is wanted, not an object" },
	{ PACKET("5"),
	  "5:12: flows[0].packet[0]: an object is wanted, not a value" },
	{ PACKET("{choice: gtpv2}"),
	  "5:21: flows[0].packet[0].gtpv2: not supported" },
	{ PACKET("{gtpv2: {}}"),
	  "5:13: flows[0].packet[0].gtpv2: not supported" },
	{ PACKET("{choice: rsvp, rsvp: {}}"),
	  "5:27: flows[0].packet[0].rsvp: not supported" },
	{ PACKET("{ipv5: {}}"),
	  "5:13: flows[0].packet[0].ipv5: unknown; did you mean ipv4?" },
	{ PACKET("{ipv4: {}, udp: {}}"),
	  "5:23: flows[0].packet[0].udp: only one of ipv4 and udp is possible" },
	{ PACKET("{choice: ipv4, ipv6: {}}"),
	  "5:27: flows[0].packet[0].ipv6: choice says ipv4; leave one of them out" },
	{ PACKET("{choice: ipv7}"),
	  "5:21: flows[0].packet[0].choice: no such choice; did you mean ipv4?" },
	{ PACKET("{custom: {}}"),
	  "5:21: flows[0].packet[0].custom: bytes is missing" },
	{ PACKET("{choice: custom}"),
	  "5:12: flows[0].packet[0]: custom is missing" },
	{ PACKET("{custom: {bytes: \"0x123\"}}"),
	  "5:29: flows[0].packet[0].custom.bytes: '0x123': 1 to 65535 bytes in hexadecimal are wanted, two digits each" },
	{ PACKET("{custom: {bytes: \"12 3 4\"}}"),
	  "5:29: flows[0].packet[0].custom.bytes: '12 3 4': 1 to 65535 bytes in hexadecimal are wanted, two digits each" },
	{ PACKET("{custom: {bytes: \"12\", metric_tags: [{name: a}]}}"),
	  "5:35: flows[0].packet[0].custom.metric_tags: not supported" },
	{ PACKET("{ethernet: {src: 5}}"),
	  "5:29: flows[0].packet[0].ethernet.src: an object is wanted, not a value" },
	{ PACKET("{ethernet: {source: {value: 5}}}"),
	  "5:24: flows[0].packet[0].ethernet.source: unknown; known here: dst, src, ether_type, pfc_queue" },
	{ PACKET("{ethernet: {src: {value: 02:00:00:00:00}}}"),
	  "5:37: flows[0].packet[0].ethernet.src.value: '02:00:00:00:00': an Ethernet address is wanted, such as 02:00:00:00:00:01" },
	{ PACKET("{ethernet: {src: {value: 5}}}"),
	  "5:37: flows[0].packet[0].ethernet.src.value: '5': an Ethernet address is wanted, such as 02:00:00:00:00:01" },
	{ PACKET("{ethernet: {src: {choice: auto}}}"),
	  "5:38: flows[0].packet[0].ethernet.src.auto: not supported; leave the field out, and it is set" },
	{ PACKET("{vlan: {id: {value: 4096}}}"),
	  "5:32: flows[0].packet[0].vlan.id.value: '4096': a whole number from 0 to 4095 is wanted" },
	{ PACKET("{vlan: {priority: {value: 8}}}"),
	  "5:38: flows[0].packet[0].vlan.priority.value: '8': a whole number from 0 to 7 is wanted" },
	{ PACKET("{vlan: {id: {values: []}}}"),
	  "5:33: flows[0].packet[0].vlan.id.values: an empty list; give one value or more" },
	{ PACKET("{vlan: {id: {values: [1, 5000]}}}"),
	  "5:37: flows[0].packet[0].vlan.id.values[1]: '5000': a whole number from 0 to 4095 is wanted" },
	{ PACKET("{vlan: {id: {values: 7}}}"),
	  "5:33: flows[0].packet[0].vlan.id.values: a list is wanted, not a value" },
	{ PACKET("{vlan: {id: {increment: {count: 0}}}}"),
	  "5:44: flows[0].packet[0].vlan.id.increment.count: '0': a whole number from 1 to 4294967295 is wanted" },
	{ PACKET("{vlan: {id: {increment: {start: -1}}}}"),
	  "5:44: flows[0].packet[0].vlan.id.increment.start: '-1': a whole number from 0 to 4095 is wanted" },
	{ PACKET("{vlan: {id: {increment: {stop: 5}}}}"),
	  "5:37: flows[0].packet[0].vlan.id.increment.stop: unknown; did you mean step?" },
	{ PACKET("{vlan: {id: {random: {min: 5, max: 4}}}}"),
	  "5:33: flows[0].packet[0].vlan.id.random: min is above max" },
	{ PACKET("{vlan: {id: {choice: value, values: [1]}}}"),
	  "5:40: flows[0].packet[0].vlan.id.values: choice says value; leave one of them out" },
	{ PACKET("{vlan: {id: {value: 1, increment: {}}}}"),
	  "5:35: flows[0].packet[0].vlan.id.increment: only one of value and increment is possible" },
	{ PACKET("{vlan: {id: {valeu: 1}}}"),
	  "5:25: flows[0].packet[0].vlan.id.valeu: unknown; did you mean value?" },
	{ PACKET("{vlan: {id: {metric_tags: [{name: a}, {name: b}]}}}"),
	  "5:38: flows[0].packet[0].vlan.id.metric_tags: 2 of them; 1 is the most" },
	{ PACKET("{vlan: {id: {metric_tags: [{}]}}}"),
	  "5:39: flows[0].packet[0].vlan.id.metric_tags[0]: name is missing" },
	{ PACKET("{vlan: {id: {metric_tags: [{name: a, offset: 4}]}}}"),
	  "5:57: flows[0].packet[0].vlan.id.metric_tags[0].offset: a part of a field is not supported; give 0, or leave it out" },
	{ PACKET("{vlan: {id: {metric_tags: [{name: a, length: 4}]}}}"),
	  "5:57: flows[0].packet[0].vlan.id.metric_tags[0].length: a part of a field is not supported; give 12, or leave it out" },
	{ PACKET("{ipv4: {src: {value: 10.0.0}}}"),
	  "5:33: flows[0].packet[0].ipv4.src.value: '10.0.0': an IPv4 address is wanted, such as 198.18.0.1" },
	{ PACKET("{ipv4: {src: {value: \"::1\"}}}"),
	  "5:33: flows[0].packet[0].ipv4.src.value: '::1': an IPv4 address is wanted, such as 198.18.0.1" },
	{ PACKET("{ipv4: {src: {auto: {choice: dhcp}}}}"),
	  "5:26: flows[0].packet[0].ipv4.src.auto: not supported; give a value" },
	{ PACKET("{ipv4: {priority: {raw: {value: 1}, dscp: {}}}}"),
	  "5:48: flows[0].packet[0].ipv4.priority.dscp: only one of raw and dscp is possible" },
	{ PACKET("{ipv4: {priority: {choice: tos, raw: {value: 1}}}}"),
	  "5:44: flows[0].packet[0].ipv4.priority.raw: choice says tos; leave one of them out" },
	{ PACKET("{ipv4: {priority: {choice: high}}}"),
	  "5:39: flows[0].packet[0].ipv4.priority.choice: no such choice here, or not supported; it may be raw" },
	{ PACKET("{ipv4: {priority: {dscp: {phb: {value: 64}}}}}"),
	  "5:51: flows[0].packet[0].ipv4.priority.dscp.phb.value: '64': a whole number from 0 to 63 is wanted" },
	{ PACKET("{ipv4: {priority: {dscp: {php: {value: 6}}}}}"),
	  "5:38: flows[0].packet[0].ipv4.priority.dscp.php: unknown; did you mean phb?" },
	{ PACKET("{ipv4: {header_checksum: {value: 6}}}"),
	  "5:38: flows[0].packet[0].ipv4.header_checksum.value: unknown; known here: generated, custom" },
	{ PACKET("{ipv4: {header_checksum: {generated: fine}}}"),
	  "5:49: flows[0].packet[0].ipv4.header_checksum.generated: 'fine': one of good, bad is wanted" },
	{ PACKET("{ipv4: {header_checksum: {choice: custom}}}"),
	  "5:37: flows[0].packet[0].ipv4.header_checksum: custom is missing" },
	{ PACKET("{ipv4: {header_checksum: {custom: 65536}}}"),
	  "5:46: flows[0].packet[0].ipv4.header_checksum.custom: '65536': a whole number from 0 to 65535 is wanted" },
	{ PACKET("{ipv4: {header_checksum: {metric_tags: [{name: a}]}}}"),
	  "5:38: flows[0].packet[0].ipv4.header_checksum.metric_tags: not supported; a checksum has no tags" },
	{ PACKET("{ipv4: {options: {}}}"),
	  "5:29: flows[0].packet[0].ipv4.options: a list is wanted, not an object" },
	{ PACKET("{ipv4: {options: [{choice: nop}]}}"),
	  "5:39: flows[0].packet[0].ipv4.options[0].choice: no such choice; it may be router_alert, custom or others" },
	{ PACKET("{ipv4: {options: [{custom: {value: \"0\"}}]}}"),
	  "5:47: flows[0].packet[0].ipv4.options[0].custom.value: '0': 1 to 38 bytes in hexadecimal are wanted, two digits each" },
	{ PACKET("{ipv4: {options: [{custom: {type: {number: {value: 5}}}}]}}"),
	  "5:47: flows[0].packet[0].ipv4.options[0].custom.type.number: unknown; known here: copied_flag, option_class, option_number" },
	{ PACKET("{ipv6: {src: {value: \"1:2:3\"}}}"),
	  "5:33: flows[0].packet[0].ipv6.src.value: '1:2:3': an IPv6 address is wanted, such as 2001:db8::1" },
	{ PACKET("{ipv6: {dst_usids: {locator: {}}}}"),
	  "5:20: flows[0].packet[0].ipv6.dst_usids: not supported; give dst" },
	{ PACKET("{ipv6_extension_header: {routing: {segment_routing_usid: {tag: {}}}}}"),
	  "5:47: flows[0].packet[0].ipv6_extension_header.routing.segment_routing_usid: not supported; give segment_routing" },
	{ PACKET("{ipv6_extension_header: {choice: hop_by_hop}}"),
	  "5:45: flows[0].packet[0].ipv6_extension_header.choice: no such choice here, or not supported; it may be routing" },
	{ PACKET("{icmp: {choice: timestamp}}"),
	  "5:28: flows[0].packet[0].icmp.choice: no such choice here, or not supported; it may be echo" },
	{ PACKET("{icmp: {type: {value: 5}}}"),
	  "5:20: flows[0].packet[0].icmp.type: unknown; known here: echo" },
	{ PACKET("{udp: {length: {choice: auto}}}"),
	  "5:36: flows[0].packet[0].udp.length.auto: not supported; leave the field out, and it is set" },
	{ PACKET("{gre: {checksum_present: {values: [0, 1]}}}"),
	  "5:37: flows[0].packet[0].gre.checksum_present: it decides what the header looks like: the same value in all frames is wanted" },
	{ PACKET("{tcp: {ctl_syn: {value: 2}}}"),
	  "5:36: flows[0].packet[0].tcp.ctl_syn.value: '2': a whole number from 0 to 1 is wanted" },
	/* captures */
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: c}]\n"),
	  "2:12: captures[0]: port_names is missing" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{port_names: [p]}]\n"),
	  "2:12: captures[0]: name is missing" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: c, port_names: [q]}]\n"),
	  "2:35: captures[0].port_names[0]: there is no port of this name" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: c, port_names: []}]\n"),
	  "2:34: captures[0].port_names: an empty list; name a port" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: p, port_names: [p]}]\n"),
	  "2:19: captures[0].name: ports[0] has this name; names are unique" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: c, port_names: [p], packet_size: 65536}]\n"),
	  "2:52: captures[0].packet_size: '65536': a whole number from 1 to 65535 is wanted" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: c, port_names: [p], format: erf}]\n"),
	  "2:47: captures[0].format: 'erf': one of pcap, pcapng is wanted" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: c, port_names: [p], filters: [{choice: custom}]}]\n"),
	  "2:39: captures[0].filters: not supported; give x-vionet.filter, in tcpdump's words" },
	{ TEXT("ports: [{name: p}]\ncaptures: [{name: c, port_names: [p], overwrite: maybe}]\n"),
	  "2:50: captures[0].overwrite: 'maybe': true or false is wanted" },
};

static void otg_refuses(const char *text, size_t length, const char *wanted)
{
	struct traffic traffic = { .ports = 7 };
	struct traffic_error error;
	char said[400];

	assert_int_equal(otg_read_text(text, length, &traffic, &error), -EINVAL);
	snprintf(said, sizeof(said), "%u:%u: %s", error.line, error.column, error.text);
	assert_string_equal(said, wanted);
	assert_int_equal(traffic.ports, 0);
	assert_null(traffic.flow);
}

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(refusals); i++)
		otg_refuses(refusals[i].text, refusals[i].length, refusals[i].wanted);
}

/* `count` times a text, between two others. */
static char *repeated(const char *begin, const char *text, size_t count, const char *end)
{
	size_t size = strlen(begin) + count * strlen(text) + strlen(end) + 1;
	char *all = malloc(size), *at = all;

	assert_non_null(all);
	at = stpcpy(at, begin);
	for (size_t i = 0; i < count; i++)
		at = stpcpy(at, text);
	stpcpy(at, end);
	return all;
}

static void otg_refuses_repeated(const char *begin, const char *text, size_t count,
				 const char *end, const char *wanted)
{
	char *all = repeated(begin, text, count, end);

	otg_refuses(all, strlen(all), wanted);
	free(all);
}

/* Nothing of that size is of use, and reading ends before memory or time does. */
static void test_limits(void **state)
{
	(void)state;
	otg_refuses_repeated("ports: ", "[", 500, "",
			     "1:47: more than 40 objects and lists in each other; nothing of the model is so deep");
	otg_refuses_repeated("ports: ", "{a: ", 5000, "",
			     "1:164: more than 40 objects and lists in each other; nothing of the model is so deep");
	otg_refuses_repeated("", "# a line that says nothing at all\n", 500000, "",
			     "0:0: more than 16 MiB; no configuration is so long");
	otg_refuses_repeated("a: [", "1, ", 1100000, "]", "1:3145727: more than 1048576 values; give fewer");
	otg_refuses_repeated("ports: [", "{name: p}, ", 65, "]", "1:8: ports: 65 of them; 64 is the most");
	otg_refuses_repeated("flows: [", "{name: p}, ", 4097, "]",
			     "1:8: flows: 4097 of them; 4096 is the most");
	otg_refuses_repeated("ports: [{name: ", "x", 256, "}]",
			     "1:16: ports[0].name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...': a text of 1 to 255 bytes is wanted");
}

/* More keys than any object has: looking for the same one among them stays cheap. */
static void test_many_keys(void **state)
{
	char text[16384] = "ports: []\n";
	size_t used = strlen(text);

	(void)state;
	for (int i = 0; i < 300; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "k%d: 1\n", i);
	otg_refuses(text, used, "257:1: an object with more than 256 keys; none has so many");
}

/* Every prefix of a good file is refused or read, and nothing else happens. */
static void test_cut_short(void **state)
{
	static const char text[] =
		"ports: [{name: \"p\\u00e4\", location: 'vfio-user:/x'}]\nflows:\n- name: f\n"
		"  tx_rx: {port: {tx_name: \"p\\u00e4\"}}\n  packet:\n  - ethernet: {src: {value: 02:00:00:00:00:01}}\n"
		"  - ipv4: {src: {increment: {start: 10.0.0.1, count: 5}, metric_tags: [{name: a}]}}\n"
		"  - udp: {dst_port: {values: [1, 2, 3]}}\n  size: {weight_pairs: {custom: [{size: 64}, {size: 100}]}}\n";
	struct traffic traffic;
	struct traffic_error error;

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		int result = otg_read_text(text, length, &traffic, &error);

		assert_true(result == 0 || (result == -EINVAL && error.text[0] != '\0'));
		traffic_free(&traffic);
	}
	assert_int_equal(otg_read_text(text, sizeof(text) - 1, &traffic, &error), 0);
	assert_string_equal(traffic.port[0].name, "p\xc3\xa4");
	traffic_free(&traffic);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests_name("otg_refusals", tests, NULL, NULL);
}
