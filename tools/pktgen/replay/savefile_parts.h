/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of savefile.h have in common. */
#ifndef VIONET_TOOLS_PKTGEN_SAVEFILE_PARTS_H
#define VIONET_TOOLS_PKTGEN_SAVEFILE_PARTS_H

#include <stddef.h>

#include "tools/pktgen/replay/savefile.h"

/* The most that is looked at in one piece: the longest frame, and what stands in front. */
#define SAVEFILE_PIECE_MAX (SAVEFILE_FRAME_MAX + 64u)
#define SAVEFILE_INTERFACES_MAX 65536u
#define SAVEFILE_ETHERNET 1u

/* The unit of time stamps: 10^-exponent or 2^-exponent seconds. */
struct savefile_unit {
	bool binary;
	uint8_t exponent; /* 0 to 127 */
};

struct savefile_interface {
	struct savefile_unit unit;
	uint16_t link_type;
	uint8_t fcs;	  /* bytes of it that frames were captured with */
	uint32_t snaplen; /* 0: no limit */
	int64_t offset_s;
};

struct savefile {
	int fd;
	char *name;
	uint64_t size;
	uint8_t *window;
	uint32_t window_size, window_used;
	uint64_t window_at;

	bool ng, big_endian;
	uint64_t at;	/* of the next record or block */
	uint64_t begin; /* of the first one */
	uint64_t blocks, frames;
	uint64_t interfaces_seen;
	struct savefile_interface *interface; /* of this section; pcap has one */
	uint32_t interfaces, interfaces_room;
};

/* Bytes of the file, until the next call; NULL, with the error, if they cannot be read. `result` is the
 * errno then. Bounds are the caller's. */
const uint8_t *savefile_bytes(struct savefile *file, uint64_t offset, uint32_t count, int *result,
			      struct savefile_error *error);
/* Fill `error`. `what` is the kind of a block, or NULL. Returns -EINVAL. */
int savefile_refuse(const struct savefile *file, uint64_t offset, const char *what,
		    struct savefile_error *error, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same with what errno means. Returns `result`. */
int savefile_fail(const struct savefile *file, int result, struct savefile_error *error);
/* Refuses what is no Ethernet, by its name. */
int savefile_check_link(const struct savefile *file, uint64_t offset, uint32_t link_type, uint32_t interface,
			struct savefile_error *error);

uint32_t savefile_load16(const struct savefile *file, const uint8_t *from);
uint32_t savefile_load32(const struct savefile *file, const uint8_t *from);
uint64_t savefile_load64(const struct savefile *file, const uint8_t *from);

/* Time stamps to nanoseconds since 1970; what does not fit is the nearest that does. */
int64_t savefile_time(const struct savefile_interface *interface, uint64_t ticks);
/* Lengths as the frame has them on the wire, its FCS taken away. */
void savefile_trim(const struct savefile_interface *interface, struct savefile_frame *frame);
/* One interface more. Returns 0 or -ENOMEM. */
int savefile_add_interface(struct savefile *file, const struct savefile_interface *interface);

int savefile_open_pcap(struct savefile *file, struct savefile_error *error);
int savefile_next_pcap(struct savefile *file, struct savefile_frame *frame, struct savefile_error *error);
int savefile_next_pcapng(struct savefile *file, struct savefile_frame *frame,
			 struct savefile_error *error);

#endif
