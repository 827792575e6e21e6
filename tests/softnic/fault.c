/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: which misbehaviours are switched on (rows of the catalogue of faults).
 * Never: misbehaves: each part asks fault() where it could.
 * Read next: fault_transport.def, fault_rings.def, fault_net.def.
 */
#include <errno.h>
#include <string.h>

#include "judge.h"

static struct row {
	const char *name;
	const char *text;
	bool on;
} rows[] = {
#define FAULT(name, text) { name, text, false },
#include "fault_transport.def"
#include "fault_rings.def"
#include "fault_net.def"
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

unsigned int fault_changes(void)
{
	return changes;
}

int fault_parse(const char *names, char unknown[16])
{
	for (;;) {
		size_t length = strcspn(names, ",");
		struct row *row = find_row(names, length);

		if (row == NULL) {
			snprintf(unknown, 16, "%.*s", (int)length, names);
			return -EINVAL;
		}
		row->on = true;
		if (names[length] == '\0')
			return 0;
		names += length + 1;
	}
}

int fault_switch(struct device *device, const char *name, bool on)
{
	struct row *row = find_row(name, strlen(name));

	if (row == NULL)
		return -EINVAL;
	row->on = on;
	changes++;
	trace(device, "FAULTS %s %s", name, on ? "on" : "off");
	return 0;
}

void fault_list(FILE *out)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		fprintf(out, "%-4s %s\n", rows[i].name, rows[i].text);
}
