/* SPDX-License-Identifier: BSD-3-Clause */
/* What all kinds of peers have in common. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/peer/internal.h"
#include "softnic/text.h"

int peer_error(int error, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	complain("peer %s", text);
	return error;
}

const uint8_t *peer_linear(const struct frame *frame, uint8_t *room)
{
	uint32_t at = 0;
	unsigned int i;

	if (frame->parts == 1)
		return frame->part[0].address;
	if (frame->length > PEER_FRAME_MAX)
		return NULL;
	for (i = 0; i < frame->parts; i++) {
		uint32_t piece = frame->part[i].length;

		if (piece > frame->length - at)
			piece = frame->length - at;
		memcpy(room + at, frame->part[i].address, piece);
		at += piece;
	}
	return room;
}

void peer_frame(struct frame *frame, const struct element *element)
{
	memset(frame, 0, sizeof(*frame));
	frame->part = element;
	frame->parts = 1;
	frame->length = element->length;
}

void peer_free(struct peer *peer)
{
	free(peer);
}
