/* SPDX-License-Identifier: BSD-3-Clause */
/* Received frames, as a host at a port answers them, and as its gateway's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/packet.h>

#include "tests/fuzz/fuzz.h"
#include "tools/pktgen/respond/responder.h"

/* Types, protocols, our addresses. */
const char *const fuzz_words[] = { "\x08\x06", "\x86\xdd", "\x81", "\x0a\x09", "\x3a\xff", "\x87", "\x88", NULL };

static struct responder *make_responder(const char *gateway)
{
	static const char *const ours[] = { "10.9.0.2/24", "fd09::2/64", "fe80::2/64" };
	struct responder_options options = { .respond = true, .addresses = 3, .have_gateway = true };
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct responder *responder;

	for (int i = 0; i < 3; i++)
		if (!network_read(ours[i], strlen(ours[i]), &options.address[i]))
			abort();
	if (!network_read(gateway, strlen(gateway), &options.gateway))
		abort();
	responder = responder_open(&options, 0);
	assert(responder != NULL);
	responder_set_mac(responder, mac);
	return responder;
}

/* The first byte says how it is cut into pieces, and whether its checksum is complete. */
static void answer(struct responder *responder, const uint8_t *bytes, uint32_t size)
{
	struct engine_responder hook = responder_hook(responder);
	const struct engine_place place = { 0 };
	uint32_t total = size - 1, first = total < bytes[0] ? total : bytes[0];
	uint8_t *copy = malloc(size), *reply = malloc(size + 90);
	struct vionet_packet second = { .data = copy + first, .length = total - first };
	struct vionet_packet packet = { .data = copy, .length = first, .next = &second, .total_length = total, .segments = 2, .flags = bytes[0] & 1, .csum_start = bytes[0], .csum_offset = 2 };

	assert(copy != NULL && reply != NULL);
	memcpy(copy, bytes + 1, total);
	if (hook.answer(hook.context, &place, &packet, reply, size + 90) > size + 90 ||
	    memcmp(copy, bytes + 1, total) != 0)
		abort();
	free(copy);
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const gateways[] = { "10.9.0.1", "fe80::1" };

	for (int i = 0; i < 2 && size > 0; i++) {
		struct responder *responder = make_responder(gateways[i]);

		answer(responder, bytes, (uint32_t)size);
		responder_close(responder);
	}
	return 0;
}
