/* SPDX-License-Identifier: BSD-3-Clause */
/* Which faults are switched on. Each part calls device_has_fault() where it could break a rule. */
#include <errno.h>
#include <string.h>

#include "softnic/check/verdict.h"

static struct row {
	const char *id;
	const char *text;
	bool on;
	bool valued;
	uint64_t value; /* as in "C16=7" */
} rows[FAULT_COUNT] = {
#define FAULT(id, name, text) [FAULT_##name] = { #id, text, false, false, 0 },
#include "softnic/fault/transport.def"
#include "softnic/fault/rings.def"
#include "softnic/fault/net.def"
#undef FAULT
};

static unsigned int changes;

static struct row *fault_find(const char *id, size_t length)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		if (strlen(rows[i].id) == length && memcmp(rows[i].id, id, length) == 0)
			return &rows[i];
	return NULL;
}

const char *fault_id(enum fault fault)
{
	return rows[fault].id;
}

bool fault_is_on(const struct device *device, enum fault fault)
{
	(void)device;
	return rows[fault].on;
}

uint64_t fault_value(const struct device *device, enum fault fault, uint64_t usual)
{
	(void)device;
	return rows[fault].valued ? rows[fault].value : usual;
}

unsigned int fault_changes(void)
{
	return changes;
}

/* "ID" or "ID=NUMBER", of that length. */
static bool fault_set_row(const char *text, size_t length, bool on)
{
	const char *equals = memchr(text, '=', length);
	size_t id = equals != NULL ? (size_t)(equals - text) : length;
	struct row *row = fault_find(text, id);
	uint64_t value = 0;

	if (row == NULL || (equals != NULL && id + 1 == length))
		return false;
	for (size_t i = id + 1; i < length; i++) {
		if (text[i] < '0' || text[i] > '9' || value > UINT64_MAX / 10 - 1)
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	row->on = on;
	row->valued = equals != NULL;
	row->value = value;
	return true;
}

int fault_parse(const char *ids, char unknown[16])
{
	for (;;) {
		size_t length = strcspn(ids, ",");

		if (!fault_set_row(ids, length, true)) {
			snprintf(unknown, 16, "%.*s", (int)length, ids);
			return -EINVAL;
		}
		if (ids[length] == '\0')
			return 0;
		ids += length + 1;
	}
}

/* Of the transport, what is no matter of PCI and its registers. */
static const enum fault without_registers[] = {
	FAULT_FEATURES_OK_LOST,
	FAULT_VERSION_1_MISSING,
	FAULT_OFFER_CHANGES,
	FAULT_CTRL_VQ_MISSING,
	FAULT_OFFER_ALL,
	FAULT_MAC_MULTICAST,
	FAULT_MTU_TOO_SMALL,
	FAULT_MAX_PAIRS_HUGE,
	FAULT_RSS_LIMITS_ZERO,
	FAULT_SPEED_DUPLEX_INVALID,
	FAULT_DOORBELL_SLOW,
	FAULT_EARLY_DOORBELLS_LOST,
	FAULT_ONE_DOORBELL_LOST,
	FAULT_INTERRUPTS_EARLY,
	FAULT_INTERRUPTS_SPURIOUS,
	FAULT_INTERRUPTS_MISSING,
	FAULT_INTERRUPTS_WRONG_VECTOR,
	FAULT_CONFIG_INTERRUPT_STORM,
	FAULT_VECTOR_COUNTERS_FULL,
	FAULT_ONE_INTERRUPT_LOST,
	FAULT_NEEDS_RESET_TENTH_DOORBELL,
	FAULT_NEEDS_RESET_SILENT,
	FAULT_NEEDS_RESET_FIRST_DOORBELL,
	FAULT_OFFER_SHRINKS,
	FAULT_WRITE_DESCRIPTOR_AREA,
	FAULT_WRITE_ADDRESS_ZERO,
};

static bool fault_has_registers(enum fault fault)
{
	const size_t count = sizeof(without_registers) / sizeof(without_registers[0]);

	for (size_t i = 0; i < count; i++)
		if (without_registers[i] == fault)
			return false;
	return strchr("ABCIJK", rows[fault].id[0]) != NULL;
}

const char *fault_of_registers(void)
{
	for (unsigned int i = 0; i < FAULT_COUNT; i++)
		if (rows[i].on && fault_has_registers(i))
			return rows[i].id;
	return NULL;
}

int fault_switch(struct device *device, const char *id, bool on)
{
	if (!fault_set_row(id, strlen(id), on))
		return -EINVAL;
	changes++;
	trace(device, "FAULTS %s %s", id, on ? "on" : "off");
	return 0;
}

void fault_list(FILE *out)
{
	for (size_t i = 0; i < FAULT_COUNT; i++)
		fprintf(out, "%-4s %s\n", rows[i].id, rows[i].text);
}
