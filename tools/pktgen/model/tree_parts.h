/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the tree have in common. */
#ifndef VIONET_TOOLS_TREE_PARTS_H
#define VIONET_TOOLS_TREE_PARTS_H

#include "tools/pktgen/model/tree.h"

/* Where something stands in the text; line 0: not known. */
struct tree_place {
	uint32_t line, column;
};

/* A node of what is being read: its limits are checked, and that its key is new. `key` (at
 * `key_place`) and `text` are copied. */
struct tree_new {
	enum tree_kind kind;
	const char *key;
	const char *text;
	size_t length;
	bool quoted;
	struct tree_place place, key_place;
};

int tree_grow(struct tree_document *document, struct tree *parent, const struct tree_new *what,
	      struct tree **node, struct traffic_error *error);

/* An error that is no node's. */
int tree_refuse_at(struct traffic_error *error, struct tree_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Does a plain scalar look like a number? */
bool tree_is_number(const char *text);
/* Numbers with a point, whatever the locale says; how many digits say the same again. */
double tree_to_double(const char *text);
int tree_digits(double number);

int tree_yaml_parse(struct tree_document *document, const char *text, size_t length, struct traffic_error *error);
int tree_yaml_write(const struct tree *root, FILE *file);
int tree_json_parse(struct tree_document *document, const char *text, size_t length, struct traffic_error *error);
int tree_json_write(const struct tree *root, FILE *file);

#endif
