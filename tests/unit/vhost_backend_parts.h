/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the vhost-user back end share. */
#ifndef VIONET_TESTS_VHOST_BACKEND_PARTS_H
#define VIONET_TESTS_VHOST_BACKEND_PARTS_H

#include "tests/unit/vhost_backend.h"

struct wire_region {
	uint64_t guest, size, user, offset;
};

#define BACKEND_FDS 8

struct wire_header {
	uint32_t request, flags, size;
};

struct wire_message {
	struct wire_header header;
	union {
		uint8_t bytes[512];
		uint64_t u64;
		struct {
			uint32_t index, num;
		} state;
		struct {
			uint32_t index, flags;
			uint64_t desc, used, avail, log;
		} address;
		struct {
			uint32_t count, padding;
			struct wire_region region[8];
		} table;
		struct {
			uint64_t padding;
			struct wire_region region;
		} single;
		struct {
			uint32_t offset, size, flags;
			uint8_t bytes[256];
		} config;
		struct {
			uint64_t size, offset;
			uint16_t queues, queue_size;
		} inflight;
	};
	int fd[BACKEND_FDS];
	unsigned int fds;
};

/* A whole message; false: there is none any more. */
bool backend_receive(struct backend *b, int fd, struct wire_message *m);

/* The first `size` bytes of a message, and a descriptor so many times. */
void backend_send_bytes(int fd, struct wire_message *m, size_t size, int passed,
			unsigned int times);

/* Send a reply, with the fault that is set, and with a descriptor if `passed` is one; false: the
 * session is over. */
bool backend_reply(struct backend *b, struct wire_message *m, int passed);

/* Keep the first thing that the front end did wrong. */
void backend_violation(struct backend *b, const char *text, uint64_t value);

/* Close a descriptor that came in a message. */
void backend_drop_fd(struct backend *b, int fd);

void backend_forget_regions(struct backend *b);
void backend_add_region(struct backend *b, const struct wire_region *r, int fd);
bool backend_remove_region(struct backend *b, const struct wire_region *r);

/* Where we have mapped an address of the front end; NULL is counted. */
void *backend_translate(struct backend *b, uint64_t address, size_t size,
			bool user);

void backend_rings_open(struct backend *b);

/* Until the next kick. Size and addresses stay. */
void backend_ring_stop(struct backend_queue *q);

/* Send back what is in the transmit rings. */
void backend_echo(struct backend *b);

#endif
