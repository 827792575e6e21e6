/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/format.h"

#include <stddef.h>
#include <stdio.h>

const char *format_scaled(double value, const char *unit, char text[32])
{
	static const char prefixes[] = " kMGT";
	size_t step = 0;
	int digits;

	while (value >= 999.95 && step < 4) {
		value /= 1000;
		step++;
	}
	digits = value >= 99.995 ? 1 : value >= 9.9995 ? 2 : 3;
	snprintf(text, 32, "%.*f %.*s%s", digits, value, step > 0 ? 1 : 0,
		 prefixes + step, unit);
	return text;
}

const char *format_time(double ns, char text[32])
{
	const char *unit = "us";
	double value = ns / 1e3;

	if (value >= 9999.95) {
		value /= 1e3;
		unit = "ms";
	}
	if (value >= 9999.95) {
		value /= 1e3;
		unit = "s";
	}
	snprintf(text, 32, "%.1f %s", value, unit);
	return text;
}
