/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two files of the vhost-user back end share. */
#ifndef VIONET_TESTS_VHOST_BACKEND_PARTS_H
#define VIONET_TESTS_VHOST_BACKEND_PARTS_H

#include "tests/unit/vhost_backend.h"

struct wire_region {
	uint64_t guest, size, user, offset;
};

/* Keep the first thing that the front end did wrong. */
void backend_complain(struct backend *b, const char *text, uint64_t value);

/* Close a descriptor that came in a message. */
void backend_drop_fd(struct backend *b, int fd);

void backend_forget_regions(struct backend *b);
void backend_add_region(struct backend *b, const struct wire_region *r, int fd);
bool backend_remove_region(struct backend *b, const struct wire_region *r);

/* Where we have mapped an address of the front end; NULL is counted. */
void *backend_translate(struct backend *b, uint64_t address, size_t size,
			bool user);

/* Send back what is in the transmit ring. */
void backend_turn_round(struct backend *b);

#endif
