/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Failures of what the library calls. A copy of it is linked in which each name of calls.def is nth_NAME: those count, and
 * let the n-th call fail. What the tests themselves call is not counted.
 */
#ifndef VIONET_TESTS_FAIL_NTH_INJECT_H
#define VIONET_TESTS_FAIL_NTH_INJECT_H

#include <stdbool.h>
#include <stddef.h>

/* Among the errors of a call: not one, but a transfer of one byte only. */
#define SHORT (-1)

#define NTH_FAILURES 2
#define NTH_FRAMES 24
#define NTH_CALLS 100000u

/* The n-th call from now (from 1; 0: none) fails with the variant-th of its errors. */
struct nth_failure {
	unsigned int n, variant;
	/* Filled in: */
	bool done, no_variant; /* it has failed; its call has fewer errors, and has not */
	const char *name;
	int error;
	void *frames[NTH_FRAMES];
	int frame_count;
};

struct nth {
	struct nth_failure failure[NTH_FAILURES];
	unsigned int calls;
	bool armed, traces; /* note where each allocation is made */
	/* If not NULL: of each call, which one of those it is that come by the same way. */
	unsigned int *ways;
};
extern struct nth nth;

void nth_arm(void);
void nth_disarm(void);

/* Whether a failure has been made. */
bool nth_made(void);

/* Whether this call is to fail: an errno, SHORT or 0. `errors` end with 0. Sets errno. */
int nth_fails(const char *name, const int *errors);

/* What the library has: allocations, descriptors, bytes mapped. */
struct nth_held {
	unsigned int allocations, descriptors;
	size_t mapped;
};
struct nth_held nth_held(void);

/* Where the first allocation was made that it has since nth_arm. Returns frames. */
int nth_kept(void *frames[NTH_FRAMES]);

#endif
