/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of a packet as the model has them: paths of the tables become objects. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg_write_parts.h"

#define ADDRESS_BYTES 48

static void write_bytes_of(traffic_value value, size_t size, uint8_t *bytes)
{
	while (size-- > 0) {
		bytes[size] = (uint8_t)value;
		value >>= 8;
	}
}

/* Addresses as texts, numbers as they are. */
static void write_value(struct tree_document *document, struct tree *parent, const char *key,
			const struct field_type *type, traffic_value value)
{
	char text[ADDRESS_BYTES] = "";
	uint8_t bytes[16];

	switch (type->format) {
	case FIELD_MAC:
		write_bytes_of(value, 6, bytes);
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1],
			 bytes[2], bytes[3], bytes[4], bytes[5]);
		break;
	case FIELD_IPV4:
		write_bytes_of(value, 4, bytes);
		inet_ntop(AF_INET, bytes, text, sizeof(text));
		break;
	case FIELD_IPV6:
		write_bytes_of(value, 16, bytes);
		inet_ntop(AF_INET6, bytes, text, sizeof(text));
		break;
	default:
		tree_add_plain(document, parent, key, "%ju", (uintmax_t)value);
		return;
	}
	tree_add_text(document, parent, key, text);
}

/* ---- patterns ---- */

static struct tree *write_choice(struct tree_document *document, struct tree *object,
				 const char *choice)
{
	tree_add_text(document, object, "choice", choice);
	return tree_add(document, object, TREE_OBJECT, choice);
}

static void write_values(struct tree_document *document, struct tree *object,
			 const struct field_type *type, const struct traffic_field *field)
{
	struct tree *list;

	tree_add_text(document, object, "choice", "values");
	list = tree_add(document, object, TREE_LIST, "values");
	for (size_t i = 0; i < field->value_count; i++)
		write_value(document, list, NULL, type, field->values[i]);
}

static void write_counter(struct tree_document *document, struct tree *object, const char *which,
			  const struct field_type *type, const struct traffic_field *field)
{
	struct tree *counter = write_choice(document, object, which);

	write_value(document, counter, "start", type, field->start);
	write_value(document, counter, "step", type, field->step);
	tree_add_plain(document, counter, "count", "%ju", (uintmax_t)field->count);
}

static void write_random(struct tree_document *document, struct tree *object,
			 const struct field_type *type, const struct traffic_field *field)
{
	struct tree *random = write_choice(document, object, "random");

	write_value(document, random, "min", type, field->min);
	write_value(document, random, "max", type, field->max);
	tree_add_plain(document, random, "seed", "%ju", (uintmax_t)field->seed);
	tree_add_plain(document, random, "count", "%ju", (uintmax_t)field->count);
}

static void write_single(struct tree_document *document, struct tree *object,
			 const struct field_type *type, const struct traffic_field *field)
{
	const char *choice = type->format == FIELD_CHECKSUM ? "custom" : "value";

	tree_add_text(document, object, "choice", choice);
	write_value(document, object, choice, type, field->start);
}

static void write_generated(struct tree_document *document, struct tree *object, const char *which)
{
	tree_add_text(document, object, "choice", "generated");
	tree_add_text(document, object, "generated", which);
}

static void write_pattern(struct tree_document *document, struct tree *object,
			  const struct field_type *type, const struct traffic_field *field)
{
	switch (field->pattern) {
	case TRAFFIC_UNSET:
		break;
	case TRAFFIC_VALUE:
		write_single(document, object, type, field);
		break;
	case TRAFFIC_VALUES:
		write_values(document, object, type, field);
		break;
	case TRAFFIC_INCREMENT:
		write_counter(document, object, "increment", type, field);
		break;
	case TRAFFIC_DECREMENT:
		write_counter(document, object, "decrement", type, field);
		break;
	case TRAFFIC_RANDOM:
		write_random(document, object, type, field);
		break;
	case TRAFFIC_AUTO:
		tree_add_text(document, object, "choice", "auto");
		break;
	case TRAFFIC_GOOD:
		write_generated(document, object, "good");
		break;
	case TRAFFIC_BAD:
		write_generated(document, object, "bad");
		break;
	}
}

static void write_tag(struct tree_document *document, struct tree *object,
		      const struct field_type *type, const struct traffic_field *field)
{
	struct tree *tags = tree_add(document, object, TREE_LIST, "metric_tags");
	struct tree *tag = tree_add(document, tags, TREE_OBJECT, NULL);

	tree_add_text(document, tag, "name", field->tag != NULL ? field->tag : type->name);
}

/* ---- headers ---- */

/* The alternative of an object that has `choice`: anything below a named object, objects below the header itself. */
static void write_alternative(struct tree_document *document, struct tree *object,
			      const struct header_type *type, const char *path, size_t prefix,
			      const char *word, bool leaf)
{
	for (uint32_t i = 0; i < type->choices; i++) {
		const char *choice = type->choice[i].path;

		if (strlen(choice) == prefix && strncmp(choice, path, prefix) == 0 &&
		    !(prefix == 0 && leaf) && tree_find(object, "choice") == NULL)
			tree_add_text(document, object, "choice", word);
	}
}

/* The node at a path below a header; objects on the way are made. */
static struct tree *write_at(struct tree_document *document, struct tree *object,
			     const struct header_type *type, const char *path, enum tree_kind kind)
{
	const char *at = path;

	while (object != NULL) {
		size_t length = strcspn(at, "."), prefix = at == path ? 0 : (size_t)(at - path) - 1;
		bool leaf = at[length] == '\0';
		char word[48];
		struct tree *child;

		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		write_alternative(document, object, type, path, prefix, word,
				  leaf && kind == TREE_SCALAR);
		child = tree_find(object, word);
		if (child == NULL)
			child = tree_add(document, object, leaf && kind != TREE_SCALAR ? kind : TREE_OBJECT,
					 word);
		object = child;
		if (leaf)
			break;
		at += length + 1;
	}
	return object;
}

static void write_hex(struct tree_document *document, struct tree *object, const char *key,
		      const uint8_t *bytes, size_t count)
{
	char *text = malloc(2 * count + 1);

	if (text == NULL) {
		document->failed = true;
		return;
	}
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	tree_add_text(document, object, key, text);
	free(text);
}

static void write_members(struct tree_document *document, struct tree *object,
			  const struct traffic_header *header);

/* Elements of lists with several kinds name theirs. */
static void write_part(struct tree_document *document, struct tree *object,
		       const struct header_type *parent, const struct traffic_header *part)
{
	const struct header_type *type = header_type(part->kind);
	struct tree *node = write_at(document, object, parent, type->list,
				     type->single ? TREE_OBJECT : TREE_LIST);

	if (!type->single)
		node = tree_add(document, node, TREE_OBJECT, NULL);
	if (type->name[0] != '\0')
		tree_add_text(document, node, "choice", type->name);
	if (type->name[0] != '\0' && (type->fields > 0 || type->bytes != NULL))
		node = tree_add(document, node, TREE_OBJECT, type->name);
	write_members(document, node, part);
}

static void write_members(struct tree_document *document, struct tree *object,
			  const struct traffic_header *header)
{
	const struct header_type *type = header_type(header->kind);

	for (uint32_t i = 0; i < type->fields; i++) {
		const struct traffic_field *field = &header->field[i];
		struct tree *node;

		if (field->pattern == TRAFFIC_UNSET && !field->tagged)
			continue;
		node = write_at(document, object, type, type->field[i].name, TREE_SCALAR);
		write_pattern(document, node, &type->field[i], field);
		if (field->tagged)
			write_tag(document, node, &type->field[i], field);
	}
	if (type->bytes != NULL)
		write_hex(document, object, type->bytes, header->bytes, header->byte_count);
	for (size_t i = 0; i < header->parts; i++)
		write_part(document, object, type, &header->part[i]);
}

void otg_write_packet(struct tree_document *document, struct tree *flow,
		      const struct traffic_flow *traffic)
{
	struct tree *packet = tree_add(document, flow, TREE_LIST, "packet");

	for (size_t i = 0; i < traffic->headers; i++) {
		struct tree *element = tree_add(document, packet, TREE_OBJECT, NULL);
		struct tree *object = write_choice(document, element,
						   header_type(traffic->header[i].kind)->name);

		write_members(document, object, &traffic->header[i]);
	}
}

void otg_write_hex(struct tree_document *document, struct tree *object, const char *key,
		   const uint8_t *bytes, size_t count)
{
	write_hex(document, object, key, bytes, count);
}
