/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/report/limit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/format.h"
#include "tools/shared/common.h"

void limit_of_ratio(struct report_limit *limit, double most, double measured)
{
	limit->kept = measured <= most;
	snprintf(limit->wanted, sizeof(limit->wanted), "at most %g %%", 100 * most);
	snprintf(limit->measured, sizeof(limit->measured), "%g %%", 100 * measured);
}

void limit_of_latency(struct report_limit *limit, unsigned int per_mille, uint64_t most_ns, uint64_t measured_ns)
{
	char text[32];

	limit->kept = measured_ns <= most_ns;
	snprintf(limit->name, sizeof(limit->name), "latency p%g", per_mille / 10.0);
	snprintf(limit->wanted, sizeof(limit->wanted), "at most %s", format_time((double)most_ns, text));
	snprintf(limit->measured, sizeof(limit->measured), "%s", format_time((double)measured_ns, text));
}

void limits_print(const struct report_limit *limit, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%s  %s, %s: %s, and it is %s\n", limit[i].kept ? "kept    " : "NOT KEPT", limit[i].subject,
		       limit[i].name, limit[i].wanted, limit[i].measured);
}

double limit_need_ratio(const char *option, const char *text, double least, double below)
{
	char *end;
	double value = strtod(text, &end);

	if (*end == '%') {
		value /= 100;
		end++;
	}
	if (text[0] < '0' || text[0] > '9' || strpbrk(text, "xXeEnN") != NULL || *end != '\0' ||
	    !(value >= least && value < below))
		refuse_usage("%s '%.40s': a share is wanted, such as 0.5%% or 0.005, from %g%% to "
			     "%s%g%%",
			     option, clean(text), least * 100, below > 1 ? "" : "less than ",
			     fmin(below, 1) * 100);
	return value;
}

void limit_need_latency(const char *option, const char *text, unsigned int *per_mille, uint64_t *ns)
{
	const char *colon = strchr(text, ':');
	struct parse_error error;
	char word[32];

	*per_mille = 990;
	if (colon != NULL) {
		snprintf(word, sizeof(word), "%.*s", colon - text < 31 ? (int)(colon - text) : 31, text);
		*per_mille = (unsigned int)(1000 * limit_need_ratio(option, word, 0.001, 1.0001) + 0.5);
		text = colon + 1;
	}
	need_parsed(parse_duration(option, text, 0, ns, &error), &error);
}
