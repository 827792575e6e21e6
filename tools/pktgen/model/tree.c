/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/model/tree.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/tree_parts.h"

#define BLOCK_BYTES 65536u

/* Nodes and texts live as long as the document: no list of them is kept. */
struct tree_block {
	struct tree_block *next;
	size_t used, size;
	_Alignas(16) unsigned char bytes[];
};

static void *tree_alloc(struct tree_document *document, size_t size)
{
	struct tree_block *block = document->block;
	void *bytes;

	size = (size + 15) & ~(size_t)15;
	if (block == NULL || block->size - block->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = malloc(sizeof(*block) + room);
		if (block == NULL)
			return NULL;
		*block = (struct tree_block){ document->block, 0, room };
		document->block = block;
	}
	bytes = block->bytes + block->used;
	block->used += size;
	return bytes;
}

static const char *tree_copy(struct tree_document *document, const char *text, size_t length)
{
	char *copy = tree_alloc(document, length + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

void tree_free(struct tree_document *document)
{
	while (document->block != NULL) {
		struct tree_block *block = document->block;

		document->block = block->next;
		free(block);
	}
	*document = (struct tree_document){ 0 };
}

struct tree *tree_find(const struct tree *object, const char *key)
{
	struct tree *child = object == NULL || object->kind != TREE_OBJECT ? NULL : object->child;

	while (child != NULL && strcmp(child->key, key) != 0)
		child = child->next;
	return child;
}

/* ---- errors ---- */

/* A key as it can be shown: short, on one line. */
static size_t tree_show_key(const char *key, char *out, size_t size)
{
	size_t length = 0;

	for (; key[length] != '\0' && length < size - 1 && length < 40; length++)
		out[length] = key[length] > ' ' && key[length] < 0x7f ? key[length] : '?';
	out[length] = '\0';
	return length;
}

void tree_path(const struct tree *node, char path[TREE_PATH_MAX])
{
	const struct tree *way[TREE_DEPTH_MAX + 2];
	size_t depth = 0, used = 0;

	for (; node != NULL && node->parent != NULL && depth < TREE_DEPTH_MAX + 2;
	     node = node->parent)
		way[depth++] = node;
	path[0] = '\0';
	while (depth-- > 0 && used < TREE_PATH_MAX - 16) {
		if (way[depth]->key == NULL) {
			used += (size_t)snprintf(path + used, TREE_PATH_MAX - used, "[%u]",
						 way[depth]->index);
			continue;
		}
		if (used > 0)
			path[used++] = '.';
		used += tree_show_key(way[depth]->key, path + used, TREE_PATH_MAX - used);
	}
}

static int tree_refuse_with(struct traffic_error *error, const char *path,
			    struct tree_place place, const char *format, va_list arguments)
{
	size_t used = 0;

	if (error == NULL)
		return -EINVAL;
	*error = (struct traffic_error){ .line = place.line, .column = place.column };
	snprintf(error->path, sizeof(error->path), "%s", path);
	if (path[0] != '\0')
		used = (size_t)snprintf(error->text, sizeof(error->text), "%s: ", path);
	vsnprintf(error->text + used, sizeof(error->text) - used, format, arguments);
	/* A parser may have quoted what it did not understand. */
	for (char *at = error->text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
			*at = '?';
	return -EINVAL;
}

int tree_refuse_at(struct traffic_error *error, struct tree_place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	tree_refuse_with(error, "", place, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int tree_refuse(struct traffic_error *error, const struct tree *node, const char *format, ...)
{
	char path[TREE_PATH_MAX];
	va_list arguments;

	tree_path(node, path);
	va_start(arguments, format);
	tree_refuse_with(error, path, (struct tree_place){ node->line, node->column }, format,
			 arguments);
	va_end(arguments);
	return -EINVAL;
}

int tree_refuse_key(struct traffic_error *error, const struct tree *node, const char *format,
		    ...)
{
	char path[TREE_PATH_MAX];
	va_list arguments;

	tree_path(node, path);
	va_start(arguments, format);
	tree_refuse_with(error, path, (struct tree_place){ node->key_line, node->key_column },
			 format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* ---- making ---- */

static void tree_append(struct tree *parent, struct tree *node)
{
	node->parent = parent;
	if (parent == NULL)
		return;
	node->index = parent->children++;
	if (parent->last == NULL)
		parent->child = node;
	else
		parent->last->next = node;
	parent->last = node;
}

static struct tree *tree_add_length(struct tree_document *document, struct tree *parent,
				    enum tree_kind kind, const char *key, const char *text,
				    size_t length)
{
	struct tree *node = NULL;

	if (parent != NULL || document->root == NULL)
		node = tree_alloc(document, sizeof(*node));
	if (node != NULL) {
		*node = (struct tree){ .kind = kind };
		node->key = key == NULL ? NULL : tree_copy(document, key, strlen(key));
		node->text = text == NULL ? NULL : tree_copy(document, text, length);
	}
	if (node == NULL || (key != NULL && node->key == NULL) ||
	    (text != NULL && node->text == NULL)) {
		document->failed = true;
		return NULL;
	}
	tree_append(parent, node);
	if (parent == NULL)
		document->root = node;
	document->nodes++;
	return node;
}

struct tree *tree_add(struct tree_document *document, struct tree *parent, enum tree_kind kind,
		      const char *key)
{
	return tree_add_length(document, parent, kind, key, NULL, 0);
}

struct tree *tree_add_text(struct tree_document *document, struct tree *parent, const char *key,
			   const char *text)
{
	struct tree *node = tree_add_length(document, parent, TREE_SCALAR, key, text,
					    strlen(text));

	if (node != NULL)
		node->quoted = true;
	return node;
}

struct tree *tree_add_plain(struct tree_document *document, struct tree *parent, const char *key,
			    const char *format, ...)
{
	char text[64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return tree_add_length(document, parent, TREE_SCALAR, key, text, strlen(text));
}

/* ---- numbers ---- */

/* Other parts of the command may have set the user's locale. */
static locale_t tree_plain_locale(locale_t *made)
{
	*made = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	return *made == (locale_t)0 ? (locale_t)0 : uselocale(*made);
}

static void tree_locale_back(locale_t made, locale_t before)
{
	if (made == (locale_t)0)
		return;
	uselocale(before);
	freelocale(made);
}

double tree_to_double(const char *text)
{
	locale_t made, before = tree_plain_locale(&made);
	double number = strtod(text, NULL);

	tree_locale_back(made, before);
	return number;
}

int tree_digits(double number)
{
	int digits = 15;

	for (; digits < 17; digits++) {
		char text[40];

		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return digits;
}

struct tree *tree_add_double(struct tree_document *document, struct tree *parent, const char *key,
			     double number)
{
	locale_t made, before = tree_plain_locale(&made);
	struct tree *node = tree_add_plain(document, parent, key, "%.*g", tree_digits(number), number);

	tree_locale_back(made, before);
	return node;
}

/* ---- reading ---- */

static uint32_t tree_depth(const struct tree *node)
{
	uint32_t depth = 0;

	for (; node != NULL; node = node->parent)
		depth++;
	return depth;
}

static int tree_check_key(const struct tree *parent, const struct tree_new *what,
			  struct traffic_error *error)
{
	const struct tree *other = tree_find(parent, what->key);
	char shown[48];

	tree_show_key(what->key, shown, sizeof(shown));
	if (other == NULL && parent->children < TREE_KEYS_MAX)
		return 0;
	if (other == NULL)
		return tree_refuse_at(error, what->key_place,
				      "an object with more than %u keys; none has so many",
				      TREE_KEYS_MAX);
	if (other->key_line == 0)
		return tree_refuse_at(error, what->key_place, "%s is there twice in one object",
				      shown);
	return tree_refuse_at(error, what->key_place,
			      "%s is there twice in one object, first in line %u; leave one out",
			      shown, other->key_line);
}

int tree_grow(struct tree_document *document, struct tree *parent, const struct tree_new *what,
	      struct tree **node, struct traffic_error *error)
{
	if (document->nodes >= TREE_NODES_MAX)
		return tree_refuse_at(error, what->place, "more than %u values; give fewer",
				      TREE_NODES_MAX);
	if (tree_depth(parent) >= TREE_DEPTH_MAX)
		return tree_refuse_at(error, what->place,
				      "more than %u objects and lists in each other; nothing of the "
				      "model is so deep",
				      TREE_DEPTH_MAX);
	if (what->key != NULL && tree_check_key(parent, what, error) != 0)
		return -EINVAL;
	if (what->text != NULL && memchr(what->text, '\0', what->length) != NULL)
		return tree_refuse_at(error, what->place, "a text with a NUL byte in it");
	*node = tree_add_length(document, parent, what->kind, what->key, what->text,
				what->length);
	if (*node == NULL)
		return -ENOMEM;
	(*node)->quoted = what->quoted;
	(*node)->line = what->place.line;
	(*node)->column = what->place.column;
	(*node)->key_line = what->key == NULL ? what->place.line : what->key_place.line;
	(*node)->key_column = what->key == NULL ? what->place.column : what->key_place.column;
	return 0;
}

/* Digits, at most one point between them, an exponent: what JSON has as a number. */
bool tree_is_number(const char *text)
{
	const char *at = text + (text[0] == '-');
	size_t digits = strspn(at, "0123456789");

	if (digits == 0 || (digits > 1 && at[0] == '0'))
		return false;
	at += digits;
	if (*at == '.') {
		digits = strspn(++at, "0123456789");
		if (digits == 0)
			return false;
		at += digits;
	}
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '+' || at[1] == '-');
		digits = strspn(at, "0123456789");
		if (digits == 0)
			return false;
		at += digits;
	}
	return *at == '\0';
}
