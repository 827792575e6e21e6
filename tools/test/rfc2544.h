/* SPDX-License-Identifier: BSD-3-Clause */
/* Methods of RFC 2544 and RFC 9004 that are no search for a rate. */
#ifndef VIONET_TOOLS_RFC2544_H
#define VIONET_TOOLS_RFC2544_H

#include "tools/test/mlrsearch.h"

/* The goal whose lower bound is the throughput of RFC 2544, section 26.1 (4.10.2 of the draft):
 * a loss in a short trial is final, that there is none has to be seen for `seconds`. */
struct mlr_goal rfc2544_throughput(double seconds, double initial_s, double width);

/* Frame loss rate (26.3): from `max_load` down in steps of `step` (0.1: 10 %) of it, until
 * nothing is lost twice in a row. Each is a result of the log. Returns an exit code. */
int rfc2544_frame_loss(struct trial_path *path, const struct trial_input *first, double step,
		       struct trial_log *log);

struct back_to_back_input {
	uint32_t size;	      /* bytes without FCS */
	uint64_t frames_max;  /* longest burst; RFC 2544: 2 s */
	uint64_t limit_ns;    /* what has not been sent by then is lost */
	unsigned int repeats; /* RFC 2544: at least 50 */
	double throughput;    /* frames a second of the same size; 0: not known */
};

struct back_to_back_result {
	double frames, deviation; /* average of the repeats, standard deviation */
	uint64_t min, max;
	unsigned int repeats;
	bool endless;	    /* the longest burst came through */
	double rate;	    /* frames a second within the bursts */
	double implied_s;   /* RFC 9004: Implied DUT Buffer Time */
	double corrected_s; /* and Corrected; 0: the throughput is not known */
};

/* Back-to-back frames (26.4, RFC 9004): the longest burst without loss. */
int rfc2544_back_to_back(struct trial_path *path, const struct back_to_back_input *input,
			 struct trial_log *log, struct back_to_back_result *result);

#endif
