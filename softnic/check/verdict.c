/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the verdict on the driver: what was broken, how often, how that is said.
 * Never: knows how a duty is seen to be broken.
 * Read next: duties_transport.def, duties_rings.def, duties_net.def.
 */
#include "softnic/check/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

enum strength { MUST, IMPLIED, SHOULD };

#define LINES_MAX 8u /* of one duty */

static struct duty {
	const char *id;
	enum strength strength;
	const char *text;
	unsigned int broken;
} duties[] = {
#define DUTY(id, strength, text) { id, strength, text, 0 },
#include "softnic/check/requirements_transport.def"
#include "softnic/check/requirements_rings.def"
#include "softnic/check/requirements_net.def"
#undef DUTY
};

#define DUTY_COUNT (sizeof(duties) / sizeof(duties[0]))

/* An ID that is in no list is held to be a must: tests/build/requirements finds it. */
static struct duty *find_duty(const char *id)
{
	static struct duty unknown = { "?", MUST, "", 0 };

	for (size_t i = 0; i < DUTY_COUNT; i++)
		if (strcmp(duties[i].id, id) == 0)
			return &duties[i];
	return &unknown;
}

void breach(struct device *device, const char *id, const char *format, ...)
{
	struct duty *duty = find_duty(id);
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (duty->strength != SHOULD || device->options->strict)
		device->breaches++;
	else
		device->advice++;
	trace(device, "BREACH %s %s", id, text);
	if (duty->broken++ >= LINES_MAX)
		return;
	fprintf(stderr, "%s%s: %s%s\n", id, duty->strength == SHOULD ? " (should)" : "",
		text, duty->broken == LINES_MAX ? " (more are only counted)" : "");
}

int judge_verdict(const struct device *device)
{
	return device->breaches + device->faults > 0 ? 3 : 0;
}

void judge_list(FILE *out)
{
	static const char *const word[] = { "must", "implied", "should" };

	for (size_t i = 0; i < DUTY_COUNT; i++)
		fprintf(out, "%-10s %-8s %s\n", duties[i].id,
			word[duties[i].strength], duties[i].text);
}

void trace_line(struct device *device, const char *format, ...)
{
	struct timespec now;
	va_list arguments;

	clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(device->trace, "%" PRId64 ".%06ld ", (int64_t)now.tv_sec,
		now.tv_nsec / 1000);
	va_start(arguments, format);
	vfprintf(device->trace, format, arguments);
	va_end(arguments);
	fputc('\n', device->trace);
}
