/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: finding the peer that a text names; what peers have in common.
 * Never: moves a frame.
 * Read next: peer_plain.c (loop, echo, sink, source), peer_tap.c, peer_pcap.c,
 * peer_unix.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/peer/internal.h"
#include "softnic/text.h"

enum argument { ARGUMENT_NONE, ARGUMENT_OPTIONAL, ARGUMENT_NEEDED };

static const struct {
	const char *name, *form;
	enum argument argument;
	int (*open)(const char *text, struct device *device, struct peer **peer);
} kinds[] = {
	{ "loop", "loop", ARGUMENT_NONE, peer_open_mirror },
	{ "echo", "echo", ARGUMENT_NONE, peer_open_swap },
	{ "sink", "sink", ARGUMENT_NONE, peer_open_sink },
	{ "source", "source[:SIZE]", ARGUMENT_OPTIONAL, peer_open_source },
	{ "tap", "tap:NAME", ARGUMENT_NEEDED, peer_open_tap },
	{ "pcap", "pcap:IN:OUT", ARGUMENT_NEEDED, peer_open_pcap },
	{ "unix", "unix:PATH", ARGUMENT_NEEDED, peer_open_unix },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

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

static int unknown(const char *text)
{
	char forms[256] = "";
	size_t i;

	for (i = 0; i < KINDS; i++) {
		strcat(forms, i ? ", " : "");
		strcat(forms, kinds[i].form);
	}
	complain("there is no peer \"%s\"; take one of %s", text, forms);
	return -EINVAL;
}

int peer_open(const char *text, struct device *device, struct peer **peer)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text), i;
	const char *argument = colon ? colon + 1 : NULL;

	*peer = NULL;
	for (i = 0; i < KINDS; i++)
		if (strlen(kinds[i].name) == length &&
		    !memcmp(kinds[i].name, text, length))
			break;
	if (i == KINDS)
		return unknown(text);
	if (kinds[i].argument == ARGUMENT_NONE && argument)
		return peer_error(-EINVAL, "%s takes nothing behind a colon",
				  kinds[i].name);
	if (kinds[i].argument == ARGUMENT_NEEDED && (!argument || !*argument))
		return peer_error(-EINVAL, "%s wants more: %s", kinds[i].name,
				  kinds[i].form);
	return kinds[i].open(argument, device, peer);
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
