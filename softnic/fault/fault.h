/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The faults by name. Only users, texts and tests know a fault by its id ("C07" of the
 * command line): code that names one that is not listed does not compile.
 */
#ifndef SOFTNIC_FAULT_FAULT_H
#define SOFTNIC_FAULT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

struct device;

enum fault {
#define FAULT(id, name, text) FAULT_##name,
#include "softnic/fault/transport.def"
	FAULT_RINGS_BEGIN,
	FAULT_RINGS_BEFORE = FAULT_RINGS_BEGIN - 1,
#include "softnic/fault/rings.def"
	FAULT_NET_BEGIN,
	FAULT_NET_BEFORE = FAULT_NET_BEGIN - 1,
#include "softnic/fault/net.def"
	FAULT_COUNT
#undef FAULT
};

const char *fault_id(enum fault fault);
bool fault_is_on(const struct device *device, enum fault fault);
/* The number that was given with it ("C16=7"), or else `usual`. */
uint64_t fault_value(const struct device *device, enum fault fault, uint64_t usual);
/* Counts the changes at run time: kept answers are void when it moves. */
unsigned int fault_changes(void);

#endif
