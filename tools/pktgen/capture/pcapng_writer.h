/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of a pcapng file, made in memory, in the machine's byte order. Source: draft-ietf-opsawg-pcapng. */
#ifndef VIONET_TOOLS_PKTGEN_PCAPNG_WRITER_H
#define VIONET_TOOLS_PKTGEN_PCAPNG_WRITER_H

#include <stdbool.h>
#include <stdint.h>

/* A comment is cut at this length. */
#define PCAPNG_COMMENT_MAX 200u
/* What a block has beside the frame, at most. */
#define PCAPNG_OVERHEAD (96u + PCAPNG_COMMENT_MAX)
/* Of a header block, at most. */
#define PCAPNG_HEADER_MAX 2048u

struct pcapng_interface {
	char name[64];	       /* "p1" */
	char description[128]; /* the device's name */
	uint8_t mac[6];
	uint64_t bits_per_second; /* 0: not known */
	uint32_t snaplen;	  /* 0: whole frames */
	const char *filter;	  /* text, or NULL */
};

struct pcapng_frame {
	const uint8_t *data;
	uint32_t captured, length;
	uint32_t interface;
	uint64_t time_ns; /* since 1970 */
	bool sent;
	uint32_t queue;
	uint64_t dropped;    /* frames that are missing in front of it; 0: none */
	const char *comment; /* NULL: none */
};

struct pcapng_stats {
	uint64_t start_ns, end_ns, now_ns; /* since 1970 */
	uint64_t received;		   /* frames that passed */
	uint64_t accepted;		   /* by the filter */
	uint64_t dropped;		   /* that did not fit */
};

/* Each returns how many bytes it wrote at `to`: at most PCAPNG_HEADER_MAX, of a frame at most
 * PCAPNG_OVERHEAD more than is captured. */
uint32_t pcapng_write_section(uint8_t *to, const char *hardware, const char *system, const char *program);
uint32_t pcapng_write_interface(uint8_t *to, const struct pcapng_interface *interface);
uint32_t pcapng_write_frame(uint8_t *to, const struct pcapng_frame *frame);
uint32_t pcapng_write_stats(uint8_t *to, uint32_t interface, const struct pcapng_stats *stats);

/* How many of the `size` bytes at `from` are whole blocks. */
uint64_t pcapng_whole(const uint8_t *from, uint64_t size);

#endif
