/* SPDX-License-Identifier: BSD-3-Clause */
/* Received frames: whatever is in them, all that is found lies in the frame, and nothing is read behind the bytes that are
 * there. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tools/dump/decode.h"
#include "tools/pktgen/packet/parse.h"

const char *const fuzz_words[] = { "\x81\x00", "\x88\x47", "\x86\xdd", "\x08\x00", "\x45", "\x60", "\x12\xb5", "\x2f", NULL };

/* A line of printable characters, whatever the frame has. */
static void line(const uint8_t *frame, uint32_t available, uint32_t total)
{
	char text[DECODE_LINE_MAX];

	decode_line(frame, available, total, text, sizeof(text));
	assert(memchr(text, '\0', sizeof(text)) != NULL);
	for (const char *at = text; *at != '\0'; at++)
		assert(*at >= ' ' && *at < 0x7f);
}

/* The first byte says how many bytes of the frame are in later segments. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint32_t available = size ? (uint32_t)size - 1 : 0;
	uint32_t total = available + (size ? bytes[0] % 64U : 0);
	uint8_t *frame = malloc(available + 1);
	struct packet_view view;
	struct signature found;
	int at;

	assert(frame);
	frame = realloc(frame, available ? available : 1);
	assert(frame);
	if (available)
		memcpy(frame, bytes + 1, available);
	packet_parse(frame, available, total, &view);
	assert(view.end <= total && view.l3 <= available && view.l4 <= available);
	assert(view.l3 == 0 || (view.version == 4 || view.version == 6));
	assert(view.payload <= available + 60);
	at = packet_signature(frame, available, total, &found);
	assert(at < 0 || (uint32_t)at + SIGNATURE_SIZE <= available);
	packet_sums_right(frame, available, bytes != NULL && size && (bytes[0] & 64));
	line(frame, available, total);
	free(frame);
	return 0;
}
