/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts the user instructions of a piece of code, exactly: between stepping_begin() and
 * stepping_end() each one raises SIGTRAP, for the trap flag is set, and the handler
 * counts. What the two cost themselves is measured with nothing between them.
 *
 * Only in the thread that calls them, and only for code without a system call (the
 * instruction behind one is not counted). x86-64.
 */
#ifndef VIONET_BENCH_STEPPING_H
#define VIONET_BENCH_STEPPING_H

#include <signal.h>
#include <stdint.h>
#include <string.h>

static volatile uint64_t stepping_count;

static void stepping_trap(int number)
{
	(void)number;
	stepping_count++;
}

/* Past the red zone, where a function may keep what it does not push. */
#define STEPPING_CHANGE_FLAGS(how)             \
	__asm__ __volatile__("sub $128, %%rsp\n\t" \
			     "pushfq\n\t"          \
			     how ", (%%rsp)\n\t"   \
			     "popfq\n\t"           \
			     "add $128, %%rsp" ::: "memory", "cc")

static inline __attribute__((always_inline)) void stepping_begin(void)
{
	STEPPING_CHANGE_FLAGS("orq $0x100");
}

static inline __attribute__((always_inline)) void stepping_end(void)
{
	STEPPING_CHANGE_FLAGS("andq $~0x100");
}

/* To be called once; returns what begin and end count by themselves. */
static uint64_t stepping_open(void)
{
	struct sigaction action = { .sa_handler = stepping_trap };

	sigaction(SIGTRAP, &action, NULL);
	stepping_count = 0;
	stepping_begin();
	stepping_end();
	return stepping_count;
}

#endif
