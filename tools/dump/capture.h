/* SPDX-License-Identifier: BSD-3-Clause */
/* Choose frames with a filter expression and write them to a pcap file. Every failure is printed
 * where it is found. */
#ifndef VIONET_TOOLS_CAPTURE_H
#define VIONET_TOOLS_CAPTURE_H

#include <pcap/pcap.h>
#include <stdint.h>
#include <time.h>

#include "tools/shared/frame_filter.h"

struct capture {
	const char *path;   /* NULL: no file */
	pcap_t *handle;	    /* "dead": it only compiles and describes */
	pcap_dumper_t *dumper;
	struct frame_filter filter;
	int error;     /* errno of the first failed write, 0 so far */
	int64_t whole; /* bytes of the file that are known to be written */
};

/*
 * Prepare. `filter`: an expression, "" for all frames. `path`: file to create,
 * "-" for standard output, or NULL. Returns an exit code; on failure nothing is
 * left behind.
 */
int capture_open(struct capture *capture, const char *filter, const char *path,
		 uint32_t snaplen);

/* Write a frame. Errors show at the next flush. */
void capture_write(struct capture *capture, const struct timespec *time,
		   const uint8_t *frame, uint32_t kept, uint32_t total);

/* Make sure that everything has reached the file. On an error the file is cut
 * behind its last whole record, and CODE_FAILED is returned. */
int capture_flush(struct capture *capture);

/* Flush and release. Returns an exit code. */
int capture_close(struct capture *capture);

#endif
