/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which faults are switched on (rows of the catalogue of faults). Each part calls
 * fault() where it could break a rule.
 */
#include <errno.h>
#include <string.h>

#include "softnic/check/verdict.h"

static struct row {
	const char *name;
	const char *text;
	bool on;
	bool valued;
	uint64_t value; /* as in "C16=7" */
} rows[] = {
#define FAULT(row, text) { #row, text, false, false, 0 },
#include "softnic/fault/transport.def"
#include "softnic/fault/rings.def"
#include "softnic/fault/net.def"
#undef FAULT
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static unsigned int changes;

static struct row *find_row(const char *name, size_t length)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (strlen(rows[i].name) == length &&
		    memcmp(rows[i].name, name, length) == 0)
			return &rows[i];
	return NULL;
}

bool fault_named(const struct device *device, const char *name)
{
	const struct row *row = find_row(name, strlen(name));

	(void)device;
	return row != NULL && row->on;
}

uint64_t fault_value(const struct device *device, const char *name, uint64_t usual)
{
	const struct row *row = find_row(name, strlen(name));

	(void)device;
	return row != NULL && row->valued ? row->value : usual;
}

unsigned int fault_changes(void)
{
	return changes;
}

/* "NAME" or "NAME=NUMBER", of that length. */
static bool set_row(const char *text, size_t length, bool on)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals != NULL ? (size_t)(equals - text) : length;
	struct row *row = find_row(text, name);
	uint64_t value = 0;

	if (row == NULL || (equals != NULL && name + 1 == length))
		return false;
	for (size_t i = name + 1; i < length; i++) {
		if (text[i] < '0' || text[i] > '9' || value > UINT64_MAX / 10 - 1)
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	row->on = on;
	row->valued = equals != NULL;
	row->value = value;
	return true;
}

int fault_parse(const char *names, char unknown[16])
{
	for (;;) {
		size_t length = strcspn(names, ",");

		if (!set_row(names, length, true)) {
			snprintf(unknown, 16, "%.*s", (int)length, names);
			return -EINVAL;
		}
		if (names[length] == '\0')
			return 0;
		names += length + 1;
	}
}

int fault_switch(struct device *device, const char *name, bool on)
{
	if (!set_row(name, strlen(name), on))
		return -EINVAL;
	changes++;
	trace(device, "FAULTS %s %s", name, on ? "on" : "off");
	return 0;
}

void fault_list(FILE *out)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		fprintf(out, "%-4s %s\n", rows[i].name, rows[i].text);
}
