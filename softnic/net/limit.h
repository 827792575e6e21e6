/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rate limit with a known answer: a token bucket that holds `depth` frames and is filled at
 * a rate. A frame that finds it empty is lost. Counted from the first frame on, so that no
 * rounding adds up: of N ns at most depth + N * rate frames pass, and never fewer of those
 * that were offered evenly.
 */
#ifndef SOFTNIC_NET_LIMIT_H
#define SOFTNIC_NET_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit {
	uint64_t milli; /* thousandths of a frame a second; 0: no limit */
	uint64_t depth; /* frames that pass at once after a pause; at least 1 */
	uint64_t start; /* when the first frame came; 0: none did */
	uint64_t spent; /* frames that passed, or that ran over while it was full */
};

/* RATE[:FRAMES], RATE such as 100000, 100k, 1.5Mpps. Returns 0, or -EINVAL. */
int limit_parse(const char *text, struct limit *limit);

/* May a frame pass at `now` (ns)? */
bool limit_take(struct limit *limit, uint64_t now);

/* The frame that took last did not pass after all, and is to be offered again. */
void limit_return(struct limit *limit);

#endif
