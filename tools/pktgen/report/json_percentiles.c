/* SPDX-License-Identifier: BSD-3-Clause */
#include <jansson.h>

#include "tools/pktgen/report/percentile.h"
#include "tools/pktgen/report/report.h"

json_t *json_percentiles(const struct histogram *histogram)
{
	struct percentile line;
	json_t *array = json_array();

	percentile_start(&line, histogram);
	while (percentile_next(&line))
		json_array_append_new(array, json_pack("[f, I, I]", 100 * line.share,
						       (json_int_t)line.value,
						       (json_int_t)line.count));
	return array;
}
