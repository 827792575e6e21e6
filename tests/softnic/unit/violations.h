/* SPDX-License-Identifier: BSD-3-Clause */
/* A violation of each requirement that the rings check, as tables: one for split rings,
 * one for packed ones. */
#ifndef SOFTNIC_BREAKING_H
#define SOFTNIC_BREAKING_H

#include "ring_env.h"

#define INDIRECT BIT(FT_INDIRECT_DESC)
#define EVENT BIT(FT_EVENT_IDX)
#define ORDER BIT(FT_IN_ORDER)

struct breaking {
	const char *id; /* NULL: the end of a table */
	bool packed;
	uint64_t features;
	void (*act)(void);
};

extern const struct breaking split_breakings[], packed_breakings[];

/* The device takes all that is there; and gives it back. */
void take_all(void);
void give_all(void);

/* Violations in either layout. */
void area_odd(void);
void indirect_unasked(void);
void watch_with_buffer(void);
void kicks_unwanted(void);

/* Split: a head that no queue has. */
void head_outside(void);

/* Packed: write a descriptor. */
void entry(unsigned int i, uint32_t length, uint16_t flags);

#endif
