/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames by an expression of libpcap's (pcap-filter(7)). */
#ifndef VIONET_TOOLS_FRAME_FILTER_H
#define VIONET_TOOLS_FRAME_FILTER_H

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>

struct frame_filter {
	struct bpf_program program[2]; /* of frames that are received, and sent */
	bool set; /* else all frames match */
};

/* `text` "" or NULL: all frames. `option` is what to blame, e.g. "filter". Says what is wrong; returns an
 * exit code. It may read files (names of services), and is for use before a sandbox. */
int frame_filter_compile(struct frame_filter *filter, const char *option, const char *text);
void frame_filter_free(struct frame_filter *filter);

/* `sent`: the frame is not "inbound", it is "outbound". Of its `total` bytes `available` are there. Any thread. */
bool frame_filter_match(const struct frame_filter *filter, bool sent, const uint8_t *frame, uint32_t available,
			uint32_t total);

#endif
