/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the peers know of each other. */
#ifndef SOFTNIC_PEER_INTERNAL_H
#define SOFTNIC_PEER_INTERNAL_H

#include "softnic/net/net.h"
#include "softnic/peer/peer.h"

/* The largest frame that goes through a socket or a file. */
#define PEER_FRAME_MAX 65550u
/* A device gives no more pieces than a transmit buffer has; what has more is joined. */
#define PEER_PARTS_MAX 64u

struct iovec;

/* Each opens with what follows the colon of its name (NULL: no colon). */
int peer_open_mirror(const char *text, struct device *device, struct peer **peer);
int peer_open_swap(const char *text, struct device *device, struct peer **peer);
int peer_open_sink(const char *text, struct device *device, struct peer **peer);
int peer_open_source(const char *text, struct device *device, struct peer **peer);
int peer_open_tap(const char *text, struct device *device, struct peer **peer);
int peer_open_pcap(const char *text, struct device *device, struct peer **peer);
int peer_open_unix(const char *text, struct device *device, struct peer **peer);

/* Say why a peer cannot be opened. Returns `error`, which is negative. */
int peer_error(int error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The frame in one piece: its own if it has one, else copied to `room` (of at least
 * PEER_FRAME_MAX bytes). NULL: longer than that. */
const uint8_t *peer_linear(const struct frame *frame, uint8_t *room);

/* A frame that lies in one piece at `element`. */
void peer_frame(struct frame *frame, const struct element *element);

/* A peer that is nothing but memory. */
void peer_free(struct peer *peer);

#endif
