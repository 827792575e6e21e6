/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket of the process that has a device: a device belongs to one process at a
 * time, so `vionet stats` and `vionet set` ask the one that has it (control_client.h).
 *
 * The socket lies in a directory that only its owner can write (socket_directory.h) and is
 * named after the device. A lock beside it says whether its process lives: a socket that was
 * left is replaced, one that is listened at never. One line asks, one answers; the same user
 * and root are answered. What a line means is control_requests.h's.
 */
#ifndef VIONET_TOOLS_CONTROL_SERVER_H
#define VIONET_TOOLS_CONTROL_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "tools/shared/socket_directory.h"

struct control_server {
	int fd;	    /* -1: no socket */
	int client; /* -1: none */
	int lock;
	int spare; /* closed to take a client where descriptors have run out */
	struct socket_directory directory;
	uint64_t deadline_ns;
	char *answer; /* that is being sent; NULL: the request is still read */
	size_t size, sent; /* of the answer */
	size_t have;
	char line[16384];
};

/* Answers a line. Returns a line, which is freed, or NULL: nothing is answered. */
typedef char *control_answer(void *context, const char *line);

/*
 * Let others ask about the device of this name. Without a socket it works too: that is said,
 * unless another process serves this device already: -EBUSY. Returns 0 or a negative errno.
 */
int control_server_open(struct control_server *server, const char *device);
void control_server_close(struct control_server *server);

/* Remove the files and nothing else. For a signal handler. */
void control_server_unlink(const struct control_server *server);

/* Answer a client, if there is one; does not wait. An answer may take several calls. */
void control_server_serve(struct control_server *server, control_answer *answer,
			  void *context);

#endif
