/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet forward --json`. */
#include "tools/forward/forward.h"

#include <jansson.h>

#include "tools/shared/common.h"
#include "tools/shared/envelope.h"

static json_t *json_forward_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_forward_port(const struct forward_port_results *port)
{
	const struct port_counts *counts = &port->counts;

	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"device", clean(port->device),
		"received", json_forward_number(counts->received),
		"received_bytes", json_forward_number(port->rx.bytes),
		"sent", json_forward_number(counts->sent),
		"sent_bytes", json_forward_number(port->tx.bytes),
		"completed", json_forward_number(port->tx.completed),
		"flooded", json_forward_number(counts->flooded),
		"filtered", json_forward_number(counts->filtered),
		"copied", json_forward_number(counts->copied),
		"summed", json_forward_number(counts->summed),
		"full", json_forward_number(counts->full),
		"unable", json_forward_number(counts->unable),
		"starved", json_forward_number(counts->starved),
		"refused", json_forward_number(port->tx.invalid),
		"dropped", json_forward_number(forward_dropped(&port->rx)));
}

int forward_print_json(const struct forward_results *results)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < results->count; i++)
		json_array_append_new(array, json_forward_port(&results->port[i]));
	return envelope_print("forward", json_pack(
						 "{s:o, s:f, s:b, s:b, s:i, s:o, s:o, s:o, s:i}",
						 "host", envelope_host(),
						 "duration_s", results->duration_s,
						 "straight", (int)results->straight,
						 "shared_pool", (int)results->shared,
						 "stations", (int)results->stations,
						 "stations_moved", json_forward_number(results->moved),
						 "stations_replaced", json_forward_number(results->replaced),
						 "devices", array,
						 "exit_code", results->code));
}
