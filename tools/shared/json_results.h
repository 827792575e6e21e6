/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics and settings as JSON: for `--json`, and on the control socket. */
#ifndef VIONET_TOOLS_JSON_RESULTS_H
#define VIONET_TOOLS_JSON_RESULTS_H

#include "tools/shared/apply_settings.h"
#include "tools/shared/stats_collector.h"

struct control_migration;
struct json_t;

/* An object, which the caller releases; NULL: no memory. */
struct json_t *json_stats(const struct stats_report *report);
struct json_t *json_settings(const struct setting_results *results);
struct json_t *json_migration(const struct control_migration *migration);

/* Print an object. Return an exit code; what has gone wrong has been said. */
int json_print_stats(const struct stats_report *report);

/* `from`: its name before; the process that has it. */
int json_print_migration(const struct control_migration *migration, const char *from,
			 const char *in_use_by);

/* `device`: its name if this process has it, with `held`; NULL: `in_use_by` has it. */
int json_print_settings(const struct setting_results *results, const char *device,
			bool held, const char *in_use_by);

#endif
