/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: draft-ietf-opsawg-pcapng. */
#include "tools/pktgen/replay/savefile_parts.h"

#include <errno.h>

#define NG_FRAMING 12u /* type, length, and the length again */
#define NG_BYTE_ORDER 0x1a2b3c4du

enum { NG_INTERFACE = 1,
       NG_PACKET = 2, /* obsolete */
       NG_SIMPLE = 3,
       NG_ENHANCED = 6,
       NG_SECTION = 0x0a0d0d0a };
enum { NG_TSRESOL = 9,
       NG_FCSLEN = 13,
       NG_TSOFFSET = 14 };

struct ng_block {
	uint64_t offset;
	uint32_t type, length; /* all of it */
	const char *name;
};

/* The fixed part of a body, by type. */
static const struct ng_kind {
	uint32_t type, fixed;
	const char *name;
} ng_kinds[] = {
	{ NG_SECTION, 16, "section header" },
	{ NG_INTERFACE, 8, "interface description" },
	{ NG_PACKET, 20, "packet, obsolete" },
	{ NG_SIMPLE, 4, "simple packet" },
	{ NG_ENHANCED, 20, "enhanced packet" },
};

static const struct ng_kind *ng_find_kind(uint32_t type)
{
	for (size_t i = 0; i < sizeof(ng_kinds) / sizeof(ng_kinds[0]); i++)
		if (ng_kinds[i].type == type)
			return &ng_kinds[i];
	return NULL;
}

/* `length` bytes of the body. */
static const uint8_t *ng_body(struct savefile *file, const struct ng_block *block, uint32_t length, int *result,
			      struct savefile_error *error)
{
	return savefile_bytes(file, block->offset + 8, length, result, error);
}

/* ---- sections ---- */

/* The byte order is in the body, and the length is of that order. */
static int ng_find_byte_order(struct savefile *file, struct savefile_error *error)
{
	const uint8_t *bytes;
	int result = 0;

	if (file->size - file->at < 12)
		return savefile_refuse(file, file->at, "section header", error,
				       "the file ends within it");
	bytes = savefile_bytes(file, file->at, 12, &result, error);
	if (bytes == NULL)
		return result;
	file->big_endian = false;
	if (savefile_load32(file, bytes + 8) == NG_BYTE_ORDER)
		return 0;
	file->big_endian = true;
	if (savefile_load32(file, bytes + 8) == NG_BYTE_ORDER)
		return 0;
	return savefile_refuse(file, file->at, "section header", error, "it has no byte order");
}

static int ng_take_section(struct savefile *file, const struct ng_block *block, struct savefile_error *error)
{
	int result = 0;
	const uint8_t *body = ng_body(file, block, 16, &result, error);

	if (body == NULL)
		return result;
	if (savefile_load16(file, body + 4) != 1)
		return savefile_refuse(file, block->offset, block->name, error,
				       "version %u.%u is not known", savefile_load16(file, body + 4),
				       savefile_load16(file, body + 6));
	file->interfaces = 0;
	return 0;
}

/* ---- interfaces ---- */

static int ng_take_option(const struct savefile *file, uint32_t code, const uint8_t *value,
			  uint32_t length, struct savefile_interface *interface)
{
	switch (code) {
	case NG_TSRESOL:
		if (length != 1)
			return -EINVAL;
		interface->unit.binary = (value[0] & 0x80) != 0;
		interface->unit.exponent = value[0] & 0x7f;
		return 0;
	case NG_FCSLEN:
		if (length != 1)
			return -EINVAL;
		interface->fcs = value[0];
		return 0;
	case NG_TSOFFSET:
		if (length != 8)
			return -EINVAL;
		interface->offset_s = (int64_t)savefile_load64(file, value);
		return 0;
	default:
		return 0;
	}
}

static int ng_take_options(const struct savefile *file, const struct ng_block *block, const uint8_t *options,
			   uint32_t left, struct savefile_interface *interface,
			   struct savefile_error *error)
{
	while (left >= 4) {
		uint32_t code = savefile_load16(file, options);
		uint32_t length = savefile_load16(file, options + 2);
		uint32_t padded = (length + 3) & ~3u;

		if (code == 0)
			return 0;
		if (padded > left - 4)
			return savefile_refuse(file, block->offset, block->name, error,
					       "its option %u of %u bytes does not fit into it", code,
					       length);
		if (ng_take_option(file, code, options + 4, length, interface) != 0)
			return savefile_refuse(file, block->offset, block->name, error,
					       "its option %u has %u bytes, which is wrong", code,
					       length);
		options += 4 + padded;
		left -= 4 + padded;
	}
	return 0;
}

static int ng_take_interface(struct savefile *file, const struct ng_block *block,
			     struct savefile_error *error)
{
	struct savefile_interface interface = { .unit = { .exponent = 6 } };
	uint32_t length = block->length - NG_FRAMING;
	const uint8_t *body;
	int result = 0;

	if (length > SAVEFILE_PIECE_MAX)
		return savefile_refuse(file, block->offset, block->name, error,
				       "its %u bytes are more than is read", block->length);
	if (file->interfaces == SAVEFILE_INTERFACES_MAX)
		return savefile_refuse(file, block->offset, block->name, error,
				       "more than %u interfaces", SAVEFILE_INTERFACES_MAX);
	body = ng_body(file, block, length, &result, error);
	if (body == NULL)
		return result;
	interface.link_type = (uint16_t)savefile_load16(file, body);
	interface.snaplen = savefile_load32(file, body + 4);
	result = ng_take_options(file, block, body + 8, length - 8, &interface, error);
	return result != 0 ? result : savefile_add_interface(file, &interface);
}

/* ---- packets ---- */

static int ng_finish_frame(struct savefile *file, const struct ng_block *block, uint32_t header,
			   struct savefile_frame *frame, struct savefile_error *error)
{
	const struct savefile_interface *interface;
	const uint8_t *body;
	int result = 0;

	if (frame->captured > SAVEFILE_FRAME_MAX)
		return savefile_refuse(file, block->offset, block->name, error,
				       "a frame of %u bytes; %u at most", frame->captured,
				       SAVEFILE_FRAME_MAX);
	if (frame->captured > block->length - NG_FRAMING - header)
		return savefile_refuse(file, block->offset, block->name, error,
				       "a frame of %u bytes in a block that has room for %u",
				       frame->captured, block->length - NG_FRAMING - header);
	interface = &file->interface[frame->interface];
	if (savefile_check_link(file, block->offset, interface->link_type, frame->interface, error) != 0)
		return -EINVAL;
	body = ng_body(file, block, header + frame->captured, &result, error);
	if (body == NULL)
		return result;
	frame->data = body + header;
	savefile_trim(interface, frame);
	return 1;
}

static int ng_check_interface(const struct savefile *file, const struct ng_block *block, uint32_t interface,
			      struct savefile_error *error)
{
	if (interface < file->interfaces)
		return 0;
	return savefile_refuse(file, block->offset, block->name, error,
			       "it is of interface %u, and %u were described in this section", interface,
			       file->interfaces);
}

/* The enhanced one has 32 bits for the interface, the obsolete one 16. */
static int ng_take_packet(struct savefile *file, const struct ng_block *block, struct savefile_frame *frame,
			  struct savefile_error *error)
{
	int result = 0;
	const uint8_t *body = ng_body(file, block, 20, &result, error);
	uint64_t ticks;

	if (body == NULL)
		return result;
	*frame = (struct savefile_frame){
		.captured = savefile_load32(file, body + 12),
		.length = savefile_load32(file, body + 16),
		.interface = block->type == NG_ENHANCED ? savefile_load32(file, body) : savefile_load16(file, body),
		.timed = true,
	};
	ticks = (uint64_t)savefile_load32(file, body + 4) << 32 | savefile_load32(file, body + 8);
	if (ng_check_interface(file, block, frame->interface, error) != 0)
		return -EINVAL;
	frame->time_ns = savefile_time(&file->interface[frame->interface], ticks);
	return ng_finish_frame(file, block, 20, frame, error);
}

/* It has no captured length: that is what the interface and the block leave. */
static int ng_take_simple(struct savefile *file, const struct ng_block *block, struct savefile_frame *frame,
			  struct savefile_error *error)
{
	uint32_t room = block->length - NG_FRAMING - 4;
	int result = 0;
	const uint8_t *body = ng_body(file, block, 4, &result, error);
	uint32_t snaplen;

	if (body == NULL)
		return result;
	*frame = (struct savefile_frame){ .length = savefile_load32(file, body) };
	if (ng_check_interface(file, block, 0, error) != 0)
		return -EINVAL;
	snaplen = file->interface[0].snaplen;
	frame->captured = frame->length;
	if (snaplen != 0 && snaplen < frame->captured)
		frame->captured = snaplen;
	/* Without a limit of the interface it is the block that says how much there is. */
	if (snaplen == 0 && room < frame->captured)
		frame->captured = room;
	return ng_finish_frame(file, block, 4, frame, error);
}

/* ---- blocks ---- */

static int ng_check_length(struct savefile *file, const struct ng_block *block,
			   struct savefile_error *error)
{
	const struct ng_kind *kind = ng_find_kind(block->type);
	uint32_t least = NG_FRAMING + (kind != NULL ? kind->fixed : 0);
	uint32_t skipped = 0;
	const uint8_t *again;
	int result = 0;

	if (block->length < least || block->length % 4 != 0)
		return savefile_refuse(file, block->offset, block->name, error,
				       "its length is %u: %u at least and a multiple of 4 is wanted",
				       block->length, least);
	if (block->length > file->size - block->offset)
		return savefile_refuse(file, block->offset, block->name, error,
				       "%u bytes are announced, and the file ends after %ju; "
				       "'editcap FILE NEW' keeps the whole frames",
				       block->length,
				       (uintmax_t)(file->size - block->offset));
	/* In one piece, where it is one that is looked into. */
	if (block->length > SAVEFILE_PIECE_MAX)
		skipped = block->length - 4;
	again = savefile_bytes(file, block->offset + skipped, block->length - skipped, &result, error);
	if (again == NULL)
		return result;
	again += block->length - skipped - 4;
	if (savefile_load32(file, again) != block->length)
		return savefile_refuse(file, block->offset, block->name, error,
				       "its length is %u at its begin and %u at its end", block->length,
				       savefile_load32(file, again));
	return 0;
}

static int ng_read_block(struct savefile *file, struct ng_block *block, struct savefile_error *error)
{
	const struct ng_kind *kind;
	const uint8_t *head;
	int result = 0;

	*block = (struct ng_block){ .offset = file->at, .name = "header" };
	if (file->size - file->at < NG_FRAMING)
		return savefile_refuse(file, file->at, NULL, error,
				       "%ju bytes are left, too few for a block",
				       (uintmax_t)(file->size - file->at));
	head = savefile_bytes(file, file->at, 8, &result, error);
	if (head == NULL)
		return result;
	block->type = savefile_load32(file, head);
	if (block->type == NG_SECTION) { /* the same in both byte orders */
		result = ng_find_byte_order(file, error);
		head = result == 0 ? savefile_bytes(file, file->at, 8, &result, error) : NULL;
		if (head == NULL)
			return result;
	}
	kind = ng_find_kind(block->type);
	block->name = kind != NULL ? kind->name : "not a packet";
	block->length = savefile_load32(file, head + 4);
	return ng_check_length(file, block, error);
}

/* Returns 1 with a frame, 0 without one. */
static int ng_take_block(struct savefile *file, const struct ng_block *block, struct savefile_frame *frame,
			 struct savefile_error *error)
{
	switch (block->type) {
	case NG_SECTION:
		return ng_take_section(file, block, error);
	case NG_INTERFACE:
		return ng_take_interface(file, block, error);
	case NG_PACKET:
	case NG_ENHANCED:
		return ng_take_packet(file, block, frame, error);
	case NG_SIMPLE:
		return ng_take_simple(file, block, frame, error);
	default:
		return 0;
	}
}

int savefile_next_pcapng(struct savefile *file, struct savefile_frame *frame,
			 struct savefile_error *error)
{
	int result = 0;

	while (result == 0 && file->at < file->size) {
		struct ng_block block;

		file->blocks++;
		result = ng_read_block(file, &block, error);
		if (result == 0)
			result = ng_take_block(file, &block, frame, error);
		file->at += block.length;
	}
	return result;
}
