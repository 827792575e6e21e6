/* SPDX-License-Identifier: BSD-3-Clause */
#include <jansson.h>
#include <stdlib.h>

#include "tools/pktgen/model/otg.h"
#include "tools/pktgen/report/report.h"

json_t *json_config(const struct traffic *traffic)
{
	char *text = otg_write_json(traffic);
	json_t *config = text != NULL ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return config != NULL ? config : json_null();
}
