/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that may be anything, and what a proof demands. */
#ifndef VN_PROOF_ANY_H
#define VN_PROOF_ANY_H

#include <stdbool.h>
#include <stdint.h>

#include "__fc_builtin.h"

/* From `low` to `high`, both included. */
static inline uint32_t any(uint32_t low, uint32_t high)
{
	return Frama_C_unsigned_int_interval(low, high);
}

static inline bool any_bool(void)
{
	return Frama_C_interval(0, 1) != 0;
}

#endif
