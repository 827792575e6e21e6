/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of the command line, and what was measured. */
#ifndef VIONET_TOOLS_REPORT_LIMIT_H
#define VIONET_TOOLS_REPORT_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report_limit {
	uint32_t size;	  /* of vionet test: with FCS */
	char subject[64]; /* "64 bytes", a flow */
	char name[48];	  /* "NDR", "loss", "latency p99" */
	char wanted[48], measured[48];
	bool kept;
};

/* "at most 0.5 %", "at most 100 us", with "it is ...", and whether it is kept. */
void limit_of_ratio(struct report_limit *limit, double most, double measured);
void limit_of_latency(struct report_limit *limit, unsigned int per_mille, uint64_t most_ns, uint64_t measured_ns);

void limits_print(const struct report_limit *limit, size_t count);

/* Values of options: "0.5%", "0.005"; "99.9%:100us", "100us" (99 %). They leave the program where the text is bad. */
double limit_need_ratio(const char *option, const char *text, double least, double below);
void limit_need_latency(const char *option, const char *text, unsigned int *per_mille, uint64_t *ns);

/* A test of JUnit's XML. */
struct report_case {
	const char *subject, *name;
	double seconds;
	const struct report_limit *limit; /* NULL: there is none */
};

/* `code`: what the run ended with; `class`: "vionet.test.ndr". Returns an exit code. */
int report_junit(const char *file, const char *class, const struct report_case *cases, size_t count, double seconds,
		 int code);

#endif
