/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of a packet, by the tables of packet/header_table.h: their paths make the objects. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg_parts.h"

#define HEADERS_MAX 64u
#define PARTS_MAX 255u
#define NAMES_MAX 32u
#define WORD_BYTES 48u
#define CUSTOM_BYTES_MAX 65535u
#define OPTION_BYTES_MAX 38u

/* Of the model, and not supported. */
static const char *const packet_other_headers[] = {
	"pfcpause",
	"ethernetpause",
	"gtpv2",
	"igmpv1",
	"snmpv2c",
	"rsvp",
	"macsec",
	"lacp",
	"cfm",
};

#define OTHER_HEADERS (sizeof(packet_other_headers) / sizeof(packet_other_headers[0]))

static const struct {
	enum header_kind kind;
	const char *path;
	const char *instead;
} packet_other_fields[] = {
	{ HEADER_IPV6, "dst_usids", "give dst" },
	{ HEADER_IPV6_EXTENSION_HEADER, "routing.segment_routing_usid", "give segment_routing" },
	{ HEADER_CUSTOM, "metric_tags", NULL },
};

/* A header that is being read, or an object in it. */
struct packet_walk {
	enum header_kind kind;
	const struct header_type *type;
	struct traffic_header *header;
};

/* Names of one object's members, as a table. */
struct packet_names {
	char word[NAMES_MAX][WORD_BYTES];
	struct otg_member member[NAMES_MAX + 1];
	size_t count;
};

/* ---- paths ---- */

/* What comes behind `prefix` in a path ("" is in front of all), or NULL. */
static const char *packet_below(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (length == 0)
		return path;
	return strncmp(path, prefix, length) == 0 && path[length] == '.' ? path + length + 1 : NULL;
}

static void packet_name_add(struct packet_names *names, const char *path, const char *prefix,
			    bool groups_only)
{
	const char *below = path == NULL ? NULL : packet_below(path, prefix);
	size_t length = below == NULL ? 0 : strcspn(below, ".");

	if (length == 0 || length >= WORD_BYTES || (groups_only && below[length] == '\0'))
		return;
	for (size_t i = 0; i < names->count; i++)
		if (strncmp(names->word[i], below, length) == 0 && names->word[i][length] == '\0')
			return;
	if (names->count == NAMES_MAX)
		return;
	memcpy(names->word[names->count], below, length);
	names->word[names->count][length] = '\0';
	names->member[names->count].name = names->word[names->count];
	names->count++;
}

static bool packet_is_part(enum header_kind kind, enum header_kind parent)
{
	return kind >= HEADER_PARTS && header_type(kind)->parent == parent;
}

/* All that an object may have in it. `groups_only`: objects alone. */
static void packet_names_of(const struct packet_walk *walk, const char *prefix, bool groups_only,
			    struct packet_names *names)
{
	*names = (struct packet_names){ 0 };
	for (uint32_t i = 0; i < walk->type->fields; i++)
		packet_name_add(names, walk->type->field[i].name, prefix, groups_only);
	packet_name_add(names, walk->type->bytes, prefix, groups_only);
	for (enum header_kind kind = HEADER_PARTS; kind < HEADER_KINDS; kind++)
		if (packet_is_part(kind, walk->kind))
			packet_name_add(names, header_type(kind)->list, prefix, groups_only);
}

static bool packet_is_group(const struct packet_walk *walk, const char *path)
{
	struct packet_names names;

	packet_names_of(walk, path, false, &names);
	return names.count > 0;
}

static bool packet_is_list(const struct packet_walk *walk, const char *path)
{
	for (enum header_kind kind = HEADER_PARTS; kind < HEADER_KINDS; kind++)
		if (packet_is_part(kind, walk->kind) && strcmp(header_type(kind)->list, path) == 0)
			return true;
	return false;
}

static const struct header_choice *packet_find_choice(const struct packet_walk *walk,
						      const char *path)
{
	for (uint32_t i = 0; i < walk->type->choices; i++)
		if (strcmp(walk->type->choice[i].path, path) == 0)
			return &walk->type->choice[i];
	return NULL;
}

/* ---- members ---- */

static int packet_refuse_other(struct otg *otg, const struct packet_walk *walk,
			       const struct tree *child, const char *prefix, const char *path)
{
	struct packet_names names;

	for (size_t i = 0; i < sizeof(packet_other_fields) / sizeof(packet_other_fields[0]); i++)
		if (packet_other_fields[i].kind == walk->kind &&
		    strcmp(packet_other_fields[i].path, path) == 0)
			return otg_is_empty(child) ?
				       0 :
				       otg_refuse_unsupported(otg, child,
							      packet_other_fields[i].instead);
	packet_names_of(walk, prefix, false, &names);
	return otg_refuse_unknown(otg, child, names.member);
}

static int packet_read_object(struct otg *otg, const struct packet_walk *walk,
			      const struct tree *node, const char *prefix);

static int packet_read_bytes(struct otg *otg, const struct packet_walk *walk,
			     const struct tree *node)
{
	bool option = walk->kind == HEADER_IPV4_OPTION;

	/* An option of its two first bytes alone. */
	if (option && node->kind == TREE_SCALAR && node->text[0] == '\0') {
		walk->header->byte_count = 0;
		return 0;
	}
	return otg_hex(otg, node, !option, option ? OPTION_BYTES_MAX : CUSTOM_BYTES_MAX,
		       &walk->header->bytes, &walk->header->byte_count);
}

static int packet_read_member(struct otg *otg, const struct packet_walk *walk,
			      const struct tree *child, const char *prefix)
{
	char path[TREE_PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".",
			      child->key);
	int field;

	if (length >= (int)sizeof(path))
		return packet_refuse_other(otg, walk, child, prefix, "");
	field = header_field_find(walk->kind, path);
	if (field >= 0)
		return otg_read_pattern(otg, child, &walk->type->field[field],
					&walk->header->field[field]);
	if (walk->type->bytes != NULL && strcmp(walk->type->bytes, path) == 0)
		return packet_read_bytes(otg, walk, child);
	if (packet_is_list(walk, path))
		return 0; /* afterwards, in the order of the wire */
	if (packet_is_group(walk, path))
		return packet_read_object(otg, walk, child, path);
	return packet_refuse_other(otg, walk, child, prefix, path);
}

/* Of objects that have `choice`, one alternative is there, and it is the one. Those of the header
 * itself are objects, beside fields. */
static int packet_check_choice(struct otg *otg, const struct packet_walk *walk,
			       const struct tree *node, const struct header_choice *choice)
{
	const struct tree *word = tree_find(node, "choice"), *given = NULL;
	struct packet_names names;

	packet_names_of(walk, choice->path, choice->path[0] == '\0', &names);
	for (size_t i = 0; i < names.count; i++) {
		const struct tree *other = tree_find(node, names.word[i]);

		if (other != NULL && given != NULL)
			return tree_refuse_key(otg->error, other, "only one of %s and %s is possible",
					       given->key, other->key);
		given = other != NULL ? other : given;
	}
	if (word == NULL || word->kind == TREE_NULL)
		return 0;
	for (size_t i = 0; i < names.count; i++)
		if (word->kind == TREE_SCALAR && strcmp(word->text, names.word[i]) == 0) {
			if (given == NULL || strcmp(given->key, word->text) == 0)
				return 0;
			return tree_refuse_key(otg->error, given,
					       "choice says %s; leave one of them out", word->text);
		}
	return tree_refuse(otg->error, word, "no such choice here, or not supported; it may be %s",
			   names.count == 0 ? "left out" : names.word[0]);
}

static int packet_read_object(struct otg *otg, const struct packet_walk *walk,
			      const struct tree *node, const char *prefix)
{
	const struct header_choice *choice = packet_find_choice(walk, prefix);
	int result = otg_needs_object(otg, node);

	for (const struct tree *child = node->child; child != NULL && result == 0;
	     child = child->next)
		if (choice == NULL || strcmp(child->key, "choice") != 0)
			result = packet_read_member(otg, walk, child, prefix);
	if (result == 0 && choice != NULL)
		result = packet_check_choice(otg, walk, node, choice);
	return result;
}

/* ---- parts ---- */

static int packet_read_kind(struct otg *otg, const struct tree *node, enum header_kind kind,
			    struct traffic_header **list, size_t *count);

/* The node at a path below a header. */
static const struct tree *packet_find(const struct tree *node, const char *path)
{
	char word[WORD_BYTES];

	while (node != NULL && *path != '\0') {
		size_t length = strcspn(path, ".");

		snprintf(word, sizeof(word), "%.*s", (int)length, path);
		node = tree_find(node, word);
		path += length + (path[length] == '.');
	}
	return node;
}

/* An element: its fields, or a choice of several kinds. `first`: the one that no choice means. */
static int packet_read_element(struct otg *otg, const struct tree *node, enum header_kind parent,
			       enum header_kind first, struct traffic_header *header)
{
	const char *list = header_type(first)->list;
	struct otg_member members[HEADER_KINDS - HEADER_PARTS + 1] = { 0 };
	const struct otg_member *member;
	const struct tree *given;
	size_t count = 0;

	if (header_type(first)->name[0] == '\0')
		return packet_read_kind(otg, node, first, &header->part, &header->parts);
	for (enum header_kind kind = first; kind < HEADER_KINDS; kind++)
		if (packet_is_part(kind, parent) && strcmp(header_type(kind)->list, list) == 0) {
			members[count].name = header_type(kind)->name;
			members[count++].read = otg_read_packet; /* supported */
		}
	member = otg_chosen(otg, node, members, NULL, members[0].name, &given);
	if (member == NULL)
		return -EINVAL;
	return packet_read_kind(otg, given, (enum header_kind)header_part_find(parent, list, member->name),
				&header->part, &header->parts);
}

static int packet_read_list(struct otg *otg, const struct tree *node, enum header_kind parent,
			    enum header_kind first, struct traffic_header *header)
{
	const struct tree *element;
	size_t count;
	int result;

	if (node == NULL || node->kind == TREE_NULL)
		return 0;
	if (header_type(first)->single)
		return packet_read_kind(otg, node, first, &header->part, &header->parts);
	result = otg_list(otg, node, PARTS_MAX, &element, &count);
	for (; element != NULL && result == 0; element = element->next)
		result = packet_read_element(otg, element, parent, first, header);
	return result;
}

static int packet_read_parts(struct otg *otg, const struct tree *node, enum header_kind parent,
			     struct traffic_header *header)
{
	int result = 0;

	for (enum header_kind kind = HEADER_PARTS; kind < HEADER_KINDS && result == 0; kind++) {
		const char *list = header_type(kind)->list;
		bool seen = false;

		if (!packet_is_part(kind, parent))
			continue;
		for (enum header_kind other = HEADER_PARTS; other < kind; other++)
			seen |= packet_is_part(other, parent) &&
				strcmp(header_type(other)->list, list) == 0;
		if (!seen)
			result = packet_read_list(otg, packet_find(node, list), parent, kind, header);
	}
	return result;
}

/* ---- headers ---- */

/* Without bytes an option has two zeros, and a custom header nothing to be. */
static int packet_check_bytes(struct otg *otg, const struct tree *node,
			      const struct packet_walk *walk)
{
	if (walk->type->bytes == NULL || tree_find(node, walk->type->bytes) != NULL)
		return 0;
	if (walk->kind == HEADER_CUSTOM)
		return node == NULL ? -EDOM : tree_refuse(otg->error, node, "bytes is missing");
	walk->header->bytes = calloc(2, 1);
	walk->header->byte_count = 2;
	return walk->header->bytes == NULL ? -ENOMEM : 0;
}

static int packet_read_kind(struct otg *otg, const struct tree *node, enum header_kind kind,
			    struct traffic_header **list, size_t *count)
{
	struct packet_walk walk = { .kind = kind, .type = header_type(kind) };
	int result = 0;

	walk.header = traffic_header_add(list, count, kind, walk.type->fields);
	if (walk.header == NULL)
		return -ENOMEM;
	if (node != NULL)
		result = packet_read_object(otg, &walk, node, "");
	if (result == 0)
		result = packet_check_bytes(otg, node, &walk);
	return result != 0 ? result : packet_read_parts(otg, node, kind, walk.header);
}

static int packet_read_header(struct otg *otg, const struct tree *node, struct traffic_flow *flow)
{
	struct otg_member members[HEADER_PARTS + OTHER_HEADERS + 1] = { 0 };
	const struct otg_member *member;
	const struct tree *given;
	int result;

	for (enum header_kind kind = 0; kind < HEADER_PARTS; kind++) {
		members[kind].name = header_type(kind)->name;
		members[kind].read = otg_read_packet; /* supported */
	}
	for (size_t i = 0; i < OTHER_HEADERS; i++)
		members[HEADER_PARTS + i].name = packet_other_headers[i];
	member = otg_chosen(otg, node, members, NULL, "ethernet", &given);
	if (member == NULL)
		return -EINVAL;
	result = packet_read_kind(otg, given, (enum header_kind)(member - members), &flow->header,
				  &flow->headers);
	return result == -EDOM ? tree_refuse(otg->error, node, "custom is missing") : result;
}

/* `into`: the flow. Without any header there is one of Ethernet. */
int otg_read_packet(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_flow *flow = into;
	const struct tree *element;
	size_t count;
	int result = otg_list(otg, node, HEADERS_MAX, &element, &count);

	if (result == 0 && count == 0)
		return packet_read_kind(otg, NULL, HEADER_ETHERNET, &flow->header, &flow->headers);
	for (; element != NULL && result == 0; element = element->next)
		result = packet_read_header(otg, element, flow);
	return result;
}
