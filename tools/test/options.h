/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of `vionet test`. */
#ifndef VIONET_TOOLS_TEST_OPTIONS_H
#define VIONET_TOOLS_TEST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/config_options.h"
#include "tools/pktgen/load_options.h"
#include "tools/shared/common.h"
#include "tools/test/mlrsearch.h"

#define TEST_SIZES_MAX 32
#define TEST_FCS 4
#define TEST_IMIX 0 /* in size[], until the headers are known */

enum test_method {
	TEST_THROUGHPUT,
	TEST_LATENCY,
	TEST_LOSS,
	TEST_BACK_TO_BACK,
	TEST_NDR,
	TEST_SOAK,
};

struct test_options {
	enum test_method method;
	struct device_options device; /* of both; its name is the first's */
	/* What is sent: flow 0 from the first device, flow 1 from the second. */
	struct config_arguments config;
	struct load_arguments load;
	struct traffic traffic;
	const char *name[2];
	unsigned int names;
	bool one_direction;
	uint32_t size[TEST_SIZES_MAX]; /* with FCS, as RFC 2544 counts */
	unsigned int sizes;
	uint32_t mix_size, mix_longest; /* of "imix": the mean, which stands for it in size[]; 0: not asked for */
	bool standard_sizes; /* those that do not fit are left out */
	struct rate rate, max_rate, min_rate;
	uint64_t trial_ns, initial_ns, sum_ns, pause_ns, linger_ns, longest_ns;
	double exceed_ratio, width, step;
	double loss_ratio[MLR_GOALS_MAX]; /* ndr: of the goals, rising */
	size_t loss_ratios;
	unsigned int repeats;
	/* Limits. */
	struct rate min_throughput; /* RATE_MAX: none */
	double max_loss;	    /* negative: none */
	unsigned int latency_per_mille;
	uint64_t max_latency_ns;
	uint64_t min_frames;
	/* How to send. */
	uint32_t queues, queue_size;
	struct cpu_list cpus;
	int mode;
	/* Output. */
	bool json;
	const char *csv, *html, *hdr, *junit;
	uint64_t given; /* which options were, a bit each: options.c's */
};

/* By the method's number; NULL behind the last. */
extern const char *const test_method_words[];

/* Fill `options` from the command line; leaves the program where it is bad. */
void test_parse(int argc, char **argv, struct test_options *options);

#endif
