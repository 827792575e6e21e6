/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection to a peer in this process: what the driver sends and receives on it are bytes in memory, by calls that the
 * linker puts under the driver's (--wrap). Connecting and locking are replaced too.
 */
#ifndef VIONET_TESTS_FUZZ_WIRE_H
#define VIONET_TESTS_FUZZ_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_BYTES (1u << 21)
#define WIRE_FDS 64

/* Called whenever the driver has sent something: take it from fuzz_wire_sent. */
extern void (*fuzz_wire_peer)(void);

/* No connection, no peer. `pieces`: whatever the driver receives comes in pieces that the input cuts. */
void fuzz_wire_begin(bool pieces);

/* Is there a connection that neither side has ended? */
bool fuzz_wire_open(void);

/* What the driver has sent and nobody has taken; take `size` bytes of it. */
const uint8_t *fuzz_wire_sent(size_t *size);
void fuzz_wire_take(size_t size);
/* The last descriptor that came along, which the taker has to close; -1: none. */
int fuzz_wire_take_fd(void);

/* Send to the driver. Copies of the descriptors go with the first byte. */
void fuzz_wire_send(const void *bytes, size_t size, const int *fds, unsigned int count);

/* Words of messages, wherever they lie. */
static inline uint32_t fuzz_wire_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t fuzz_wire_get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The peer ends the connection. */
void fuzz_wire_hang_up(void);

#endif
