/* SPDX-License-Identifier: BSD-3-Clause */
/* What `vionet test` found, as plain numbers: text, JSON, JUnit's XML and pages are made of this. */
#ifndef VIONET_TOOLS_TEST_RESULTS_H
#define VIONET_TOOLS_TEST_RESULTS_H

#include "tools/pktgen/histogram.h"
#include "tools/pktgen/report/limit.h"
#include "tools/test/options.h"
#include "tools/test/rfc2544.h"
#include "tools/test/soak.h"

struct device_path;

struct test_latency { /* ns; of all trials of a size */
	double load;
	unsigned int trials;
	struct histogram all;
};

/* What was found for one size of frames. */
struct test_size {
	uint32_t size;		    /* with FCS */
	char name[16];		    /* "64 bytes" */
	double line;		    /* frames a second of the link; 0: not stated */
	double max_load, min_load;  /* between which was searched */
	double least;		    /* --min-throughput; 0: none */
	size_t first_trial, trials; /* in the log */
	double seconds;
	size_t goals;
	struct mlr_goal goal[MLR_GOALS_MAX];
	struct mlr_result result[MLR_GOALS_MAX];
	bool have_burst;
	struct back_to_back_result burst;
	struct test_latency *latency; /* owned; NULL: not measured */
};

/* What a soak came to at a time: sums since its start. */
struct test_sample {
	double at_s;
	uint64_t sent, received, lost;
};

/* When there are so many, every second one goes. */
#define TEST_SAMPLES_MAX 2048

#define TEST_LIMITS_MAX (TEST_SIZES_MAX * MLR_GOALS_MAX + 4)

struct test_results {
	const struct test_options *options;
	const struct device_path *device;
	struct trial_log log;
	struct test_size *size; /* owned */
	size_t sizes;
	struct soak soak;
	struct test_sample sample[TEST_SAMPLES_MAX];
	size_t samples;
	unsigned int sample_every, sample_skipped; /* looks at it for each one kept */
	struct report_limit limit[TEST_LIMITS_MAX];
	size_t limits;
	double seconds;
	int code;
};

/* How the trials differ from those of RFC 2544, one a line; NULL behind the last. */
const char *const *test_deviations(const struct test_results *results);

/* "regular", "above max rate", "below min rate", "too wide". */
const char *test_irregular_word(enum mlr_irregular irregular);

/* Bits a second on the wire of so many frames with FCS. */
double test_wire_bps(double frames, uint32_t size);

/* The printers. They return an exit code; what has gone wrong has been said. */
void test_print_text(const struct test_results *results);
void test_print_trial(void *context, const struct trial_result *result);
int test_write_junit(const struct test_results *results, const char *file);
/* --json, --csv, --html, --hdr. */
int test_write_json(const struct test_results *results);

#endif
