/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the headers of a flow lie, and which of their fields are there. */
#include "tools/pktgen/packet/compile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LAYOUT_IPV4_OPTIONS_MAX 40

static size_t layout_path(const struct compile *compile, int item, char *path, size_t size)
{
	const struct layout_item *of = &compile->item[item];
	size_t used;

	if (of->parent < 0)
		return (size_t)snprintf(path, size, "packet[%u].%s", of->index, of->type->name);
	used = layout_path(compile, of->parent, path, size);
	if (used >= size)
		return used;
	used += (size_t)snprintf(path + used, size - used, ".%s", of->type->list);
	if (used < size && !of->type->single)
		used += (size_t)snprintf(path + used, size - used, "[%u]", of->index);
	if (used < size && of->type->name[0])
		used += (size_t)snprintf(path + used, size - used, ".%s", of->type->name);
	return used;
}

int compile_refuse(struct compile *compile, int item, const char *name, const char *format, ...)
{
	struct traffic_error *error = compile->error;
	size_t used = 0;
	va_list arguments;

	error->line = 0;
	error->column = 0;
	if (item >= 0)
		used = layout_path(compile, item, error->path, sizeof(error->path));
	if (used < sizeof(error->path))
		snprintf(error->path + used, sizeof(error->path) - used, "%s%s", used && name[0] ? "." : "", name);
	used = (size_t)snprintf(error->text, sizeof(error->text), "%s: ", error->path);
	va_start(arguments, format);
	vsnprintf(error->text + used, sizeof(error->text) - used, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

uint64_t layout_constant(const struct compile *compile, int item, uint32_t field)
{
	const struct layout_item *of = &compile->item[item];
	const struct traffic_field *given = &of->header->field[field];

	if (given->pattern == TRAFFIC_VALUE)
		return (uint64_t)given->start;
	return compile_rule(compile, item, &of->type->field[field]);
}

/* Fields that decide what follows them have one value. */
static int layout_check_constants(struct compile *compile, int item)
{
	const struct layout_item *of = &compile->item[item];

	for (uint32_t i = 0; i < of->type->fields; i++) {
		enum traffic_pattern pattern = of->header->field[i].pattern;

		if (of->type->field[i].constant && pattern != TRAFFIC_UNSET && pattern != TRAFFIC_AUTO &&
		    pattern != TRAFFIC_VALUE)
			return compile_refuse(compile, item, of->type->field[i].name,
					      "decides the header's size; give one value for all frames");
	}
	return 0;
}

static bool layout_has_optional(const struct compile *compile, int item)
{
	const struct layout_item *of = &compile->item[item];

	for (uint32_t i = 0; i < of->type->fields; i++)
		if (of->type->field[i].constant && layout_constant(compile, item, i) != 0)
			return true;
	return false;
}

/* What is set must be in the frame. */
static int layout_check_optional(struct compile *compile, int item)
{
	const struct layout_item *of = &compile->item[item];

	for (uint32_t i = 0; i < of->type->fields && !of->optional; i++)
		if (of->type->field[i].optional && of->header->field[i].pattern != TRAFFIC_UNSET)
			return compile_refuse(compile, item, of->type->field[i].name,
					      of->header->kind == HEADER_GRE
						      ? "is in the frame only where checksum_present is 1"
						      : "is in the frame only where e_flag, s_flag or pn_flag is 1");
	return 0;
}

static int layout_add(struct compile *compile, const struct traffic_header *header, int parent, uint32_t index)
{
	struct layout_item *grown = realloc(compile->item, (compile->items + 1) * sizeof(*grown));
	struct layout_item *item;

	if (!grown)
		return -ENOMEM;
	compile->item = grown;
	item = &grown[compile->items++];
	*item = (struct layout_item){ .header = header,
				      .type = header_type(header->kind),
				      .parent = parent,
				      .index = index };
	return 0;
}

static int layout_place(struct compile *compile, const struct traffic_header *header, int parent, uint32_t index,
			uint32_t *at);

/* Elements are counted within their list. */
static int layout_parts(struct compile *compile, int item, uint32_t *at)
{
	const struct traffic_header *header = compile->item[item].header;

	for (size_t i = 0; i < header->parts; i++) {
		uint32_t index = 0;
		int result;

		if (header->part[i].kind >= HEADER_KINDS ||
		    header_type(header->part[i].kind)->list == NULL ||
		    header_type(header->part[i].kind)->parent != header->kind)
			return compile_refuse(compile, item, "", "has a part that belongs to another header");
		for (size_t j = 0; j < i; j++)
			if (header_type(header->part[j].kind)->list == header_type(header->part[i].kind)->list)
				index++;
		result = layout_place(compile, &header->part[i], item, index, at);
		if (result != 0)
			return result;
	}
	return 0;
}

/* What kinds demand of their size; IPv4 options are padded with zeros. */
static int layout_end(struct compile *compile, int item, uint32_t *at)
{
	struct layout_item *of = &compile->item[item];
	uint32_t size = *at - of->at;

	switch (of->header->kind) {
	case HEADER_IPV4:
		*at += -size & 3;
		if (*at - of->at > of->type->size + LAYOUT_IPV4_OPTIONS_MAX)
			return compile_refuse(compile, item, "options", "%u bytes; a header has room for %d",
					      size - of->type->size, LAYOUT_IPV4_OPTIONS_MAX);
		return 0;
	case HEADER_IPV6_EXTENSION_HEADER:
		if (size % 8 != 0)
			return compile_refuse(compile, item, "", "%u bytes; give a pad_tlv.length that makes it a "
								 "multiple of 8, or `auto`",
					      size);
		return size <= 2048 ? 0 : compile_refuse(compile, item, "", "%u bytes; 2048 at most", size);
	case HEADER_GTPV1:
		if (of->header->parts &&
		    layout_constant(compile, item,
				    (uint32_t)header_field_find(HEADER_GTPV1, "e_flag")) == 0)
			return compile_refuse(compile, item, "extension_headers", "need e_flag 1");
		return 0;
	case HEADER_PAD_TLV:
		*at += (uint32_t)layout_constant(compile, item, (uint32_t)header_field_find(HEADER_PAD_TLV, "length"));
		return 0;
	default:
		return 0;
	}
}

static int layout_place(struct compile *compile, const struct traffic_header *header, int parent, uint32_t index,
			uint32_t *at)
{
	int item = (int)compile->items;
	int result = layout_add(compile, header, parent, index);

	if (result != 0)
		return result;
	if (header->fields != compile->item[item].type->fields)
		return compile_refuse(compile, item, "", "has fields of another header");
	compile->item[item].at = *at;
	result = layout_check_constants(compile, item);
	if (result != 0)
		return result;
	compile->item[item].optional = layout_has_optional(compile, item);
	result = layout_check_optional(compile, item);
	if (result != 0)
		return result;
	if (header->byte_count > COMPILE_HEAD_MAX)
		return compile_refuse(compile, item, compile->item[item].type->bytes, "too long");
	*at += compile->item[item].type->size + (uint32_t)header->byte_count;
	if (compile->item[item].optional)
		*at += compile->item[item].type->optional;
	result = layout_parts(compile, item, at);
	if (result == 0)
		result = layout_end(compile, item, at);
	compile->item[item].end = *at;
	if (result == 0 && *at > COMPILE_HEAD_MAX)
		return compile_refuse(compile, item, "", "ends at byte %u; the headers may have %d", *at,
				      COMPILE_HEAD_MAX);
	return result;
}

/* Bytes that no field of the model has. */
static void layout_write(struct compile *compile, const struct layout_item *item)
{
	uint8_t *at = compile->template->head + item->at;

	switch (item->header->kind) {
	case HEADER_IPV4_ROUTER_ALERT: /* RFC 2113 */
		at[0] = 0x94;
		at[1] = 4;
		break;
	case HEADER_IPV4_TIMESTAMP: /* RFC 791 */
		at[0] = 0x44;
		at[1] = (uint8_t)(item->end - item->at);
		if (item->header->parts && item->header->part[0].kind != HEADER_TIMESTAMP)
			at[3] = item->header->part[0].kind == HEADER_ADDRESS_AND_TIMESTAMP ? 1 : 3;
		break;
	case HEADER_IPV6_EXTENSION_HEADER: /* RFC 8754 */
		at[2] = 4;
		break;
	default:
		break;
	}
	if (item->header->byte_count)
		memcpy(at + item->type->size, item->header->bytes, item->header->byte_count);
}

int compile_layout(struct compile *compile)
{
	uint32_t at = 0;

	if (compile->flow->headers == 0)
		return compile_refuse(compile, -1, "packet", "has no header");
	for (size_t i = 0; i < compile->flow->headers; i++) {
		int result;

		if (compile->flow->header[i].kind >= HEADER_PARTS)
			return compile_refuse(compile, -1, "packet", "has a part of a header as a header");
		result = layout_place(compile, &compile->flow->header[i], -1, (uint32_t)i, &at);
		if (result != 0)
			return result;
	}
	compile->template->headers = at;
	/* Fields are written in units of up to 8 bytes. */
	compile->template->head = calloc(1, at + 8);
	if (!compile->template->head)
		return -ENOMEM;
	for (uint32_t i = 0; i < compile->items; i++)
		layout_write(compile, &compile->item[i]);
	return 0;
}

/* Does `name` lie below `path`, an object with `choice`? Then its alternative begins at the result. */
static const char *layout_alternative(const char *name, const char *path)
{
	size_t length = strlen(path);

	if (length == 0)
		return strchr(name, '.') ? name : NULL;
	return strncmp(name, path, length) == 0 && name[length] == '.' ? name + length + 1 : NULL;
}

static bool layout_same_alternative(const char *a, const char *b)
{
	size_t length = strcspn(a, ".");

	return strcspn(b, ".") == length && memcmp(a, b, length) == 0;
}

/* The alternative is that of the first field that is set. */
static const char *layout_choice(const struct layout_item *item, const struct header_choice *choice)
{
	for (uint32_t i = 0; i < item->type->fields; i++) {
		const char *found = layout_alternative(item->type->field[i].name, choice->path);

		if (found && item->header->field[i].pattern != TRAFFIC_UNSET)
			return found;
	}
	return choice->preset;
}

bool layout_is_chosen(const struct layout_item *item, uint32_t field)
{
	for (uint32_t i = 0; i < item->type->choices; i++) {
		const struct header_choice *choice = &item->type->choice[i];
		const char *found = layout_alternative(item->type->field[field].name, choice->path);

		if (found && !layout_same_alternative(found, layout_choice(item, choice)))
			return false;
	}
	return true;
}
