/* SPDX-License-Identifier: BSD-3-Clause */
/* Assertions for the tests of rings of both layouts. */
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

	assert_int_equal(ring_take(env.queue, &buffer), 1);
	return buffer;
}

static inline void empty(void)
{
	struct buffer buffer;

	assert_int_equal(ring_take(env.queue, &buffer), 0);
}

static inline void clean(void)
{
	assert_int_equal(env.violations, 0);
	assert_int_equal(env.dma_faults, 0);
	env_stop();
}

static inline uint64_t offset_of(const struct element *element)
{
	return (uint64_t)(element->address - env.memory);
}

#endif
