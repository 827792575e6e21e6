/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done while a call fails: the life of a device on one transport, or another use of the library. */
#ifndef VIONET_TESTS_FAIL_NTH_SCENARIO_H
#define VIONET_TESTS_FAIL_NTH_SCENARIO_H

#include "tests/unit/test.h"

#include <stdio.h>

#include <vionet/vionet.h>

#include "tests/fail_nth/inject.h"

#define REPORT_STEPS 8

/* A step that failed. */
struct report_step {
	char what[64], text[VIONET_ERROR_TEXT_MAX];
	int result, again; /* and its second try */
};

/* Of one run; in memory that the runner sees. */
struct report {
	struct nth_failure failure[NTH_FAILURES];
	unsigned int calls, steps;
	struct report_step step[REPORT_STEPS];
	char why[512];		  /* it is wrong; "": all is well */
	void *frames[NTH_FRAMES]; /* of what is left over */
	int frame_count;
};
extern struct report *report;

struct scenario {
	const char *name;
	void (*set_up)(void); /* once, before all runs; NULL: nothing */
	/* In the process of a run: all of it, from open to close. */
	void (*run)(void);
	void (*tear_down)(void);
};

/* The programs': ends with one without a name. */
extern const struct scenario scenarios[];

/* What is wrong; the first counts. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A call of the library that returns 0 or a negative errno. If it fails there has to be a failure, a text and an errno that
 * fits, and it is done once more. Returns the last result.
 */
#define STEP(call)                                    \
	({                                            \
		step_begin();                         \
		int result_ = (call);                 \
		if (step_failed(#call, result_))      \
			step_again(result_ = (call)); \
		result_;                              \
	})
void step_begin(void);
bool step_failed(const char *what, int result);
void step_again(int result);

/* Once, whatever it returns. */
#define LAST_STEP(call)                           \
	({                                        \
		step_begin();                     \
		(void)step_failed(#call, (call)); \
	})

/* The life of a device: what it offers is done. `between` moves frames of a device that does nothing by itself; NULL. */
struct life {
	int (*open)(const struct vionet_open_options *options, struct vionet_device **device);
	unsigned int pairs;
	unsigned int vectors; /* 0: as many as there are queues */
	uint64_t avoid;	      /* features */
	void (*between)(void);
	int (*more)(struct vionet_device *device); /* what only this transport has; NULL */
	bool moves;				   /* that alone is done, between frames */
};
void live(const struct life *life);

#endif
