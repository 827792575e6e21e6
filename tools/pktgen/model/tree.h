/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A YAML or JSON document as a tree that knows where each of its parts stood. Files of
 * configuration are read through it and written through it, and what HTTP clients send.
 */
#ifndef VIONET_TOOLS_TREE_H
#define VIONET_TOOLS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/pktgen/model/traffic.h"

/* A document larger than this is refused: bytes, nodes, objects in each other, keys of one object. */
#define TREE_BYTES_MAX (16u << 20)
#define TREE_NODES_MAX (1u << 20)
#define TREE_DEPTH_MAX 40u
#define TREE_KEYS_MAX 256u

enum tree_kind { TREE_NULL,
		 TREE_SCALAR,
		 TREE_LIST,
		 TREE_OBJECT };

struct tree {
	enum tree_kind kind;
	bool quoted;		       /* a scalar that was written in quotes: no number, no true */
	uint32_t line, column;	       /* from 1; 0: not known */
	uint32_t key_line, key_column; /* of the key; as above in a list */
	uint32_t index;		       /* among its siblings */
	uint32_t children;
	const char *key;  /* NULL: in a list, or the root */
	const char *text; /* of a scalar: UTF-8 without a NUL in it */
	struct tree *parent, *next, *child, *last;
};

struct tree_document {
	struct tree *root;
	size_t nodes;
	bool failed;		  /* memory was missing for a node that was to be made */
	struct tree_block *block; /* memory of all of it */
};

/* Read a document of `length` bytes, whose end need not be a NUL. Returns 0, -EINVAL or -ENOMEM
 * with the reason in `error`; nothing is to be freed then. A document that is empty has a root of
 * TREE_NULL. */
int tree_parse(struct tree_document *document, const char *text, size_t length, struct traffic_error *error);
void tree_free(struct tree_document *document);

/* The member of an object, or NULL. */
struct tree *tree_find(const struct tree *object, const char *key);

#define TREE_PATH_MAX 160

/* Where a node is: "flows[2].packet[0].ipv4", "" for the root. Cut if it is too long. */
void tree_path(const struct tree *node, char path[TREE_PATH_MAX]);

/* Fill `error`: path, ": ", the text, and the place of the node's value, or of its key. Returns -EINVAL. */
int tree_refuse(struct traffic_error *error, const struct tree *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int tree_refuse_key(struct traffic_error *error, const struct tree *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Making one: begin with a zeroed document. `parent` NULL: the root; `key` NULL: in a list. Keys
 * and texts are copied. Return NULL without memory, and for a parent of NULL when there is a root:
 * `failed` tells it at the end. */
struct tree *tree_add(struct tree_document *document, struct tree *parent, enum tree_kind kind, const char *key);
struct tree *tree_add_text(struct tree_document *document, struct tree *parent, const char *key, const char *text);
/* A number or true or false: not in quotes. */
struct tree *tree_add_plain(struct tree_document *document, struct tree *parent, const char *key,
			    const char *format, ...) __attribute__((format(printf, 4, 5)));

struct tree *tree_add_double(struct tree_document *document, struct tree *parent, const char *key, double number);

enum tree_format { TREE_YAML,
		   TREE_JSON };

/* Write it, with a newline at the end. Returns 0, -ENOMEM, -EIO, or -ENOTSUP: built without YAML. */
int tree_write(const struct tree_document *document, enum tree_format format, FILE *file);

#endif
