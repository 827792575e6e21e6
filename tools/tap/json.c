/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet tap --json`. */
#include "tools/tap/results.h"

#include <jansson.h>

#include "tools/shared/common.h"
#include "tools/shared/envelope.h"

static json_t *json_tap_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_tap_to_device(const struct tap_results *results)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
			 "frames", json_tap_number(results->counts.to_device),
			 "bytes", json_tap_number(results->sent_bytes),
			 "completed", json_tap_number(results->completed),
			 "invalid", json_tap_number(results->invalid),
			 "not_sent", json_tap_number(results->counts.not_sent));
}

static json_t *json_tap_to_kernel(const struct tap_results *results)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}",
			 "frames", json_tap_number(results->counts.to_kernel),
			 "bytes", json_tap_number(results->received_bytes),
			 "down", json_tap_number(results->counts.down),
			 "refused", json_tap_number(results->counts.refused),
			 "dropped", json_tap_number(results->dropped));
}

int tap_print_json(const struct tap_results *results)
{
	return envelope_print("tap", json_pack("{s:s, s:s, s:o, s:f, s:i, s:o, s:o, s:i}",
					       "device", clean(results->device),
					       "interface", results->interface,
					       "host", envelope_host(),
					       "duration_s", results->duration_s,
					       "queues", (int)results->queues,
					       "to_device", json_tap_to_device(results),
					       "to_kernel", json_tap_to_kernel(results),
					       "exit_code", results->code));
}
