/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the way to a process that has a device: a device belongs to one process at a
 * time, so `vionet stats` and `vionet set` ask the one that has it. Never: knows what
 * a request means.
 *
 * The socket is an abstract one (it goes with its process), named after the device.
 * One line of JSON asks, one answers. Only the same user or root is listened to, and
 * believed.
 */
#ifndef VIONET_TOOLS_HOLDER_H
#define VIONET_TOOLS_HOLDER_H

#include <jansson.h>
#include <stdint.h>

#define HOLDER_LINE_MAX (1 << 20)

struct holder {
	int fd;	    /* -1: nobody can ask */
	int client; /* -1: nobody asks now */
	uint64_t deadline_ns;
	size_t have;
	char line[16384];
};

/* Answers a request. Returns an object, which the caller releases. */
typedef json_t *holder_answer(void *context, const json_t *request);

/* Let others ask about the device of this name. Without a socket it works too. */
void holder_open(struct holder *holder, const char *device);
void holder_close(struct holder *holder);

/* Answer who asks, if anybody does; does not wait. */
void holder_serve(struct holder *holder, holder_answer *answer, void *context);

/*
 * Ask the process that has the device of this name. Takes 2 s at most.
 *
 * Returns 0 with `*reply`, which the caller releases; -ENOENT if no such process
 * listens; -EACCES if it is another user's; -ETIMEDOUT; -EIO if it answers nonsense.
 */
int holder_ask(const char *device, const json_t *request, json_t **reply);

#endif
