/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes pcap and pcapng files in memory, good and bad, in both byte orders. */
#ifndef VIONET_TESTS_SAVEFILE_BUILDER_H
#define VIONET_TESTS_SAVEFILE_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pktgen/replay/savefile.h"

#define BUILT_MAX (1u << 20)

struct built {
	bool big;
	size_t size;
	uint8_t bytes[BUILT_MAX];
};

void built_clear(struct built *built, bool big);
void built_put8(struct built *built, unsigned int value);
void built_put16(struct built *built, unsigned int value);
void built_put32(struct built *built, uint32_t value);
void built_put64(struct built *built, uint64_t value);
/* What a frame of these tests has: each byte its place plus `seed`. */
void built_put_frame(struct built *built, uint32_t captured, unsigned int seed);

void built_pcap(struct built *built, uint32_t magic, uint32_t link);
void built_record(struct built *built, uint32_t s, uint32_t fraction, uint32_t captured, uint32_t length);

/* Blocks: begin returns where the length is, end fills it in and pads. */
size_t built_begin(struct built *built, uint32_t type);
void built_end(struct built *built, size_t begin);
void built_section(struct built *built);
/* An interface; options with -1 and 0 are left out. */
void built_interface(struct built *built, unsigned int link, uint32_t snaplen, int resolution, int64_t offset_s,
		     int fcs);
void built_enhanced(struct built *built, uint32_t interface, uint64_t ticks, uint32_t captured, uint32_t length);
void built_simple(struct built *built, uint32_t captured, uint32_t length);
void built_obsolete(struct built *built, unsigned int interface, uint64_t ticks, uint32_t captured);

/* The first `size` bytes as an open file. */
int built_fd(const struct built *built, size_t size);
/* The same by a path, which lasts as long as `fd`. */
void built_path(int fd, char path[64]);
int built_open(const struct built *built, size_t size, struct savefile **file, struct savefile_error *error);

#endif
