/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations that are sent: what is refused has a sentence; frames of what is not are as long as they say, and the same
 * in a buffer that had another one before. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/pktgen/model/otg.h"
#include "tools/pktgen/packet/signature.h"
#include "tools/pktgen/packet/template.h"

const char *const fuzz_words[] = { "increment", "decrement", "values", "random", "count", "step", "auto", "ipv6", "ipv4",
				   "udp", "tcp", "gre", "custom", "checksum_present", "65535", "4294967295", "0", "bad",
				   "segment_list", "pad_tlv", "length", "options", "extension_headers", NULL };

#define FRAME_ROOM 65600

static void build_frames(const struct template *template)
{
	static uint8_t fresh[FRAME_ROOM + 1], again[FRAME_ROOM + 1];
	static const uint64_t numbers[] = { 3, 0, 1, 1000003, INT64_MAX };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t size = template_size(template, numbers[i]);
		uint32_t length;

		assert(size <= template_size_max(template) && size >= template_headers(template));
		fresh[template_padded(template, size)] = 0xa5;
		length = template_build(template, fresh, size, numbers[i], numbers[i], true);
		assert(length == template_padded(template, size) && length <= FRAME_ROOM && fresh[length] == 0xa5);
		assert(template_build(template, again, size, numbers[i], numbers[i], i == 0) == length);
		for (uint32_t j = 0; j < template_signatures(template, size); j++) {
			uint32_t at = template_signature_at(template, size, j);

			assert(at >= template_headers(template) && at + SIGNATURE_SIZE <= size);
			signature_write(fresh + at, 1, 2, 3);
			signature_write(again + at, 1, 2, 3);
		}
		assert(memcmp(fresh, again, length) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct template_place place = { .mtu = 0 };
	struct traffic_error error;
	struct traffic traffic;

	if (otg_read_text((const char *)bytes, size, &traffic, &error) != 0)
		return 0;
	for (size_t i = 0; i < traffic.flows; i++) {
		struct template *template;

		if (template_compile(&traffic.flow[i], &place, &template, &error) != 0) {
			assert(template == NULL && error.path[0] && strlen(error.text) > strlen(error.path) + 3);
			continue;
		}
		build_frames(template);
		template_free(template);
	}
	traffic_free(&traffic);
	return 0;
}
