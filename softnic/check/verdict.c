/* SPDX-License-Identifier: BSD-3-Clause */
/* The verdict on the driver: what was broken, how often, how that is said. */
#include "softnic/check/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "softnic/text.h"

#define LINES_MAX 8u /* of one requirement */

static struct requirement requirements[] = {
#define REQUIREMENT(id, strength, section, text) { id, strength, section, text, 0, NULL },
#include "softnic/check/requirements_transport.def"
#include "softnic/check/requirements_rings.def"
#include "softnic/check/requirements_net.def"
#undef REQUIREMENT
};

#define REQUIREMENT_COUNT (sizeof(requirements) / sizeof(requirements[0]))

/* An ID that is in no list is held to be a must: tests/build/requirements finds it. */
static struct requirement *verdict_find(const char *id)
{
	static struct requirement unknown = { "?", MUST, "?", "", 0, NULL };

	for (size_t i = 0; i < REQUIREMENT_COUNT; i++)
		if (strcmp(requirements[i].id, id) == 0)
			return &requirements[i];
	return &unknown;
}

void violation(struct device *device, const char *id, const char *format, ...)
{
	struct requirement *requirement = verdict_find(id);
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (device->seen)
		return;
	if (requirement->strength != SHOULD || device->options->strict)
		device->violations++;
	else
		device->warnings++;
	trace(device, "VIOLATION %s %s", id, text);
	if (requirement->broken == 0)
		requirement->first = strdup(text_clean(text));
	if (requirement->broken++ >= LINES_MAX)
		return;
	fprintf(stderr, "%s: \"%s\" (%s): %s%s\n",
		requirement->strength == SHOULD ? "warning" : "violation",
		requirement->section, id, text,
		requirement->broken == LINES_MAX ? " (more are only counted)" : "");
}

const struct requirement *requirement_at(size_t index)
{
	return index < REQUIREMENT_COUNT ? &requirements[index] : NULL;
}

int verdict(const struct device *device)
{
	return device->violations + device->faults + device->protocol_errors > 0 ? 3 : 0;
}

void requirement_list(FILE *out)
{
	static const char *const word[] = { "must", "implied", "should" };

	for (size_t i = 0; i < REQUIREMENT_COUNT; i++)
		fprintf(out, "%-10s %-8s \"%s\": %s\n", requirements[i].id,
			word[requirements[i].strength], requirements[i].section,
			requirements[i].text);
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
