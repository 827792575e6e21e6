/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile client of the software device, in one process with it: the device's own loop runs, and each time it would wait
 * the client does one thing that the input says. Memory, rings and descriptors are the same whatever the client speaks.
 */
#ifndef VIONET_TESTS_FUZZ_HOSTILE_H
#define VIONET_TESTS_FUZZ_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "softnic/transport.h"

/* The client's memory, as a file that the device maps; where the device finds it; its rings, each in three pages. */
#define HOSTILE_MEMORY ((size_t)512 << 10)
#define HOSTILE_IOVA 0x100000u
#define HOSTILE_QUEUES 5u
#define HOSTILE_RING(queue) ((uint64_t)(queue)*0x3000u)
#define HOSTILE_DATA 0x10000u
#define HOSTILE_SIZE 16u

struct hostile {
	int fd;	    /* the connection; -1: none */
	int memory; /* the file */
	uint8_t *at;
	int event[HOSTILE_QUEUES]; /* eventfds: kicks of vhost-user, or interrupts */
	uint8_t features[16];	   /* that are accepted in a proper beginning */
};
extern struct hostile hostile;

/* One step: of the protocol's own kinds. */
typedef void hostile_step(unsigned int what);

/* Run an input against a device with this transport; `option` for its command line, NULL: none. */
void hostile_run(const uint8_t *bytes, size_t size, const struct transport *transport, const char *option, hostile_step *step);

/* A message while it is made, of numbers in little-endian. */
struct hostile_message {
	uint8_t bytes[16 + 4200];
	size_t size;
};
extern struct hostile_message hostile_message;

void hostile_put(uint64_t value, size_t size);

void hostile_send(const void *bytes, size_t size, const int *fds, unsigned int count);

#endif
