/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that read and write configurations have in common. */
#ifndef VIONET_TOOLS_OTG_PARTS_H
#define VIONET_TOOLS_OTG_PARTS_H

#include "tools/pktgen/model/otg.h"
#include "tools/pktgen/packet/header_table.h"

#define OTG_FCS 4u /* the model's sizes count it */
/* Sizes as in a file. The longest: IPv4's limit behind Ethernet and two tags. */
#define OTG_SIZE_MIN 18u
#define OTG_SIZE_MAX (65535u + 22u + OTG_FCS)
#define OTG_GAP_DEFAULT 12u
#define OTG_NAME_MAX 255u
#define OTG_PORTS_MAX 64u
#define OTG_SEGMENT_MIN 64u /* bytes of payload: the signature fits in each segment */

/* A configuration that is being read. */
struct otg {
	struct traffic *traffic;
	struct traffic_error *error;
};

/* Reads `node` into `into`. NULL, or TREE_NULL: it is not there, what is in `into` stays or becomes
 * the model's default. Returns 0, or -EINVAL or -ENOMEM. */
typedef int otg_reader(struct otg *otg, const struct tree *node, void *into);

/* A member of an object; a table of them ends with an empty name. */
struct otg_member {
	const char *name;
	otg_reader *read; /* NULL: not supported; accepted where nothing is in it */
	bool needed;
	const char *instead; /* what to do about what is not supported */
};

/* All members that an object has, each by its reader. */
int otg_object(struct otg *otg, const struct tree *node, const struct otg_member *members, void *into);

/* An object of `choice` and the member that is chosen; without `choice` the one that is there, without any `preset`. */
int otg_choice(struct otg *otg, const struct tree *node, const struct otg_member *members,
	       const char *preset, void *into);

/* Which one is chosen; NULL: refused. `*given`: its node, or NULL. Keys in `beside` (NULL at its
 * end) are none of the choices. */
const struct otg_member *otg_chosen(struct otg *otg, const struct tree *node, const struct otg_member *members,
				    const char *const *beside, const char *preset, const struct tree **given);

bool otg_is_empty(const struct tree *node);

/* It has to be a list, or nothing: then NULL. `*list` is its first node. At most `most`. */
int otg_list(struct otg *otg, const struct tree *node, size_t most, const struct tree **first, size_t *count);
int otg_needs_object(struct otg *otg, const struct tree *node);

int otg_refuse_unknown(struct otg *otg, const struct tree *node, const struct otg_member *members);
int otg_refuse_unsupported(struct otg *otg, const struct tree *node, const char *instead);

/* Scalars. What is not there (NULL) leaves the value as it is. */
int otg_whole(struct otg *otg, const struct tree *node, uint64_t min, uint64_t max, uint64_t *value);
int otg_u32(struct otg *otg, const struct tree *node, uint32_t min, uint32_t max, uint32_t *value);
int otg_decimal(struct otg *otg, const struct tree *node, double min, double max, double *value);
int otg_bool(struct otg *otg, const struct tree *node, bool *value);
int otg_word(struct otg *otg, const struct tree *node, const char *const *words, int *position);
/* A text that is not empty; the value is freed by its owner. */
int otg_text(struct otg *otg, const struct tree *node, size_t most, char **value);
/* Bytes in hexadecimal, two digits each. `loose`: with 0x in front, blanks and colons between them. */
int otg_hex(struct otg *otg, const struct tree *node, bool loose, size_t most, uint8_t **bytes, size_t *count);
/* A field's value. */
int otg_field_value(struct otg *otg, const struct tree *node, const struct field_type *type, traffic_value *value);

/* Of a flow (`into`), and the flow itself. */
otg_reader otg_read_flow, otg_read_packet, otg_read_duration, otg_read_size;
/* Its x-vionet, when all else is read. */
int otg_read_more(struct otg *otg, const struct tree *node, struct traffic_flow *flow);
/* The capture files that its x-vionet names; `node` is the flow. Last. */
int otg_read_files(struct otg *otg, const struct tree *node, struct traffic_flow *flow);
int otg_read_pattern(struct otg *otg, const struct tree *node, const struct field_type *type,
		     struct traffic_field *field);
/* Index of a port by its name. */
int otg_find_port(struct otg *otg, const struct tree *node, uint32_t *index);

#endif
