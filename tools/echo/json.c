/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet echo --json`. */
#include "tools/echo/echo.h"

#include <jansson.h>

#include "tools/shared/common.h"
#include "tools/shared/envelope.h"

static json_t *json_echo_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_answer_names(const struct echo_counts *counts)
{
	json_t *object = json_object();

	for (int i = 0; i < ANSWER_KINDS; i++)
		json_object_set_new(object, answer_names[i], json_echo_number(counts->answered[i]));
	return object;
}

int echo_print_json(const struct echo_results *results)
{
	const struct echo_counts *counts = &results->counts;

	return envelope_print("echo", json_pack(
					      "{s:s, s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:i}",
					      "device", clean(results->device),
					      "host", envelope_host(),
					      "duration_s", results->duration_s,
					      "received", json_echo_number(counts->received),
					      "answered", json_echo_number(results->answered),
					      "kinds", json_answer_names(counts),
					      "completed", json_echo_number(results->sent),
					      "refused", json_echo_number(results->invalid),
					      "dropped", json_echo_number(results->dropped),
					      "exit_code", results->code));
}
