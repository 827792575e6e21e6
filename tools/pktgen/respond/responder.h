/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host at one port of the generator: it answers ARP, neighbour discovery and ping for its own
 * addresses, and finds the MAC address of its gateway.
 *
 * responder_open; responder_set_mac when the device is open; then the hook's calls, from threads of the
 * queues. The control thread asks responder_gateway until it knows.
 */
#ifndef VIONET_TOOLS_PKTGEN_RESPONDER_H
#define VIONET_TOOLS_PKTGEN_RESPONDER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/engine/hook.h"
#include "tools/shared/answer.h"
#include "tools/shared/network.h"

#define RESPONDER_TRIES 10
#define RESPONDER_RETRY_NS 500000000ull

struct responder_options {
	bool respond; /* answer; without it the gateway's questions only */
	uint32_t addresses;
	struct network address[ANSWER_ADDRESSES_MAX]; /* our own, each with its network */
	bool have_gateway;
	struct network gateway; /* one address */
};

enum responder_gateway {
	RESPONDER_NO_GATEWAY, /* none was asked for */
	RESPONDER_ASKING,
	RESPONDER_FOUND,
	RESPONDER_SILENT, /* no answer to RESPONDER_TRIES requests */
};

struct responder;

/* `port`: the engine's number of it; frames of other ports are left alone. NULL: no memory. */
struct responder *responder_open(const struct responder_options *options, uint32_t port);
void responder_close(struct responder *responder); /* NULL is allowed */
void responder_set_mac(struct responder *responder, const uint8_t mac[6]);
struct engine_responder responder_hook(struct responder *responder);

/* `mac` is the gateway's if it was found. */
enum responder_gateway responder_gateway(const struct responder *responder, uint8_t mac[6]);
/* Why there is none: "no answer from the gateway 10.0.0.1 ...". */
void responder_describe_silence(const struct responder *responder, char *text, uint32_t room);

/* Answers so far, by kind. */
void responder_counts(const struct responder *responder, uint64_t answered[ANSWER_KINDS]);

#endif
