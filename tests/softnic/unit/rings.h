/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of rings of both layouts share: cmocka, and the bed with assertions. */
#ifndef SOFTNIC_RINGS_H
#define SOFTNIC_RINGS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ring_env.h"

static inline struct buffer take(void)
{
	struct buffer buffer;

	assert_int_equal(ring_take(bed.queue, &buffer), 1);
	return buffer;
}

static inline void empty(void)
{
	struct buffer buffer;

	assert_int_equal(ring_take(bed.queue, &buffer), 0);
}

static inline void clean(void)
{
	assert_int_equal(bed.violations, 0);
	assert_int_equal(bed.dma_faults, 0);
	bed_stop();
}

static inline uint64_t offset_of(const struct element *element)
{
	return (uint64_t)(element->address - bed.memory);
}

#endif
