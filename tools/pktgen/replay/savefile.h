/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads capture files of Ethernet frames: pcap (microseconds and nanoseconds, both byte orders) and
 * pcapng (sections of both byte orders, interfaces each with its own unit of time).
 *
 * libpcap reads no pcapng whose interfaces differ, and says nothing of where a file is damaged; so both
 * are read here. A file is read through a window, with pread: one that shrinks meanwhile is an error
 * and not a signal. Nothing in it is trusted.
 */
#ifndef VIONET_TOOLS_PKTGEN_SAVEFILE_H
#define VIONET_TOOLS_PKTGEN_SAVEFILE_H

#include <stdbool.h>
#include <stdint.h>

/* The longest frame of a file: libpcap's limit too. */
#define SAVEFILE_FRAME_MAX 262144u

struct savefile;

struct savefile_frame {
	const uint8_t *data; /* until the next call */
	uint32_t captured;   /* bytes at `data`, without FCS */
	uint32_t length;     /* on the wire, without FCS; at least `captured` */
	bool timed;	     /* simple packet blocks have no time */
	int64_t time_ns;     /* since 1970 */
	uint32_t interface;  /* in its section */
	uint64_t number;     /* in the file, from 1 */
};

/* "FILE: block 12 at offset 4096 (enhanced packet): ..." */
struct savefile_error {
	char text[384];
};

/* Returns 0; -EINVAL (no capture file, or damaged), or another errno (it cannot be read). */
int savefile_open(struct savefile **file, const char *path, struct savefile_error *error);
/* The same of an open file, which is closed with it, or on failure. */
int savefile_open_fd(struct savefile **file, int fd, const char *name, struct savefile_error *error);
void savefile_close(struct savefile *file); /* NULL is allowed */

/* The next frame. Returns 1; 0 at the end; or as savefile_open. */
int savefile_next(struct savefile *file, struct savefile_frame *frame, struct savefile_error *error);
void savefile_rewind(struct savefile *file);

const char *savefile_name(const struct savefile *file);
const char *savefile_format(const struct savefile *file); /* "pcapng" */
/* Interfaces that were described so far, in all sections. */
uint64_t savefile_interfaces(const struct savefile *file);

#endif
