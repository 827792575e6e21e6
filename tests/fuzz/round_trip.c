/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/round_trip.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg.h"

static char *round_written(const struct traffic *traffic)
{
	char *text = otg_write_json(traffic);

	assert(text != NULL);
	return text;
}

void fuzz_round_trip(const struct traffic *traffic)
{
	struct traffic_error error;
	struct traffic again;
	char *first = round_written(traffic), *second;

	if (otg_read_text(first, strlen(first), &again, &error) != 0) {
		fprintf(stderr, "%u:%u: %s\n%s", error.line, error.column, error.text, first);
		abort();
	}
	second = round_written(&again);
	if (strcmp(first, second) != 0) {
		fprintf(stderr, "%s\n%s", first, second);
		abort();
	}
	free(first);
	free(second);
	traffic_free(&again);
}
