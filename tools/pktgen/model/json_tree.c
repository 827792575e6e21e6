/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees as JSON, by jansson. It does not tell where a value stood: its trees have no lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tools/pktgen/model/tree_parts.h"

static int json_tree_take(struct tree_document *document, struct tree *parent, const char *key,
			  json_t *value, struct traffic_error *error);

static int json_tree_take_children(struct tree_document *document, struct tree *node,
				   json_t *value, struct traffic_error *error)
{
	const char *key;
	json_t *child;
	size_t i;
	int result = 0;

	if (json_is_array(value))
		json_array_foreach(value, i, child) if (result == 0)
			result = json_tree_take(document, node, NULL, child, error);
	if (json_is_object(value))
		json_object_foreach(value, key, child) if (result == 0)
			result = json_tree_take(document, node, key, child, error);
	return result;
}

static int json_tree_take(struct tree_document *document, struct tree *parent, const char *key,
			  json_t *value, struct traffic_error *error)
{
	struct tree_new what = { .kind = TREE_SCALAR, .key = key };
	struct tree *node;
	char *number = NULL;
	int result;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		what.kind = TREE_OBJECT;
		break;
	case JSON_ARRAY:
		what.kind = TREE_LIST;
		break;
	case JSON_STRING:
		what.text = json_string_value(value);
		what.length = json_string_length(value);
		what.quoted = true;
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		number = json_dumps(value, JSON_ENCODE_ANY);
		if (number == NULL)
			return -ENOMEM;
		what.text = number;
		what.length = strlen(number);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		what.text = json_is_true(value) ? "true" : "false";
		what.length = strlen(what.text);
		break;
	case JSON_NULL:
		what.kind = TREE_NULL;
		break;
	}
	result = tree_grow(document, parent, &what, &node, error);
	free(number);
	return result != 0 ? result : json_tree_take_children(document, node, value, error);
}

int tree_json_parse(struct tree_document *document, const char *text, size_t length,
		    struct traffic_error *error)
{
#ifdef VIONET_YAML
	static const char language[] = "JSON";
#else
	static const char language[] = "JSON, and YAML is not built in";
#endif
	json_error_t problem;
	json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
	int result;

	if (value == NULL)
		return tree_refuse_at(error,
				      (struct tree_place){ (uint32_t)problem.line,
							   (uint32_t)problem.column },
				      "not %s: %.120s", language, problem.text);
	result = json_tree_take(document, NULL, NULL, value, error);
	json_decref(value);
	return result;
}

/* ---- writing ---- */

static json_t *json_tree_scalar(const struct tree *node)
{
	char *end;
	json_int_t whole;

	if (node->quoted || !tree_is_number(node->text)) {
		if (!node->quoted && strcmp(node->text, "true") == 0)
			return json_true();
		if (!node->quoted && strcmp(node->text, "false") == 0)
			return json_false();
		return json_string(node->text);
	}
	if (strpbrk(node->text, ".eE") != NULL)
		return json_real(tree_to_double(node->text));
	errno = 0;
	whole = strtoll(node->text, &end, 10);
	/* Beyond 63 bits as a text, as protobuf has it. */
	return errno == 0 ? json_integer(whole) : json_string(node->text);
}

static json_t *json_tree_make(const struct tree *node)
{
	json_t *made = node->kind == TREE_OBJECT ? json_object() : node->kind == TREE_LIST ? json_array()
							   : node->kind == TREE_NULL	   ? json_null()
											   : json_tree_scalar(node);

	for (const struct tree *child = node->child; child != NULL && made != NULL;
	     child = child->next) {
		json_t *value = json_tree_make(child);
		int result = node->kind == TREE_OBJECT ?
				     json_object_set_new(made, child->key, value) :
				     json_array_append_new(made, value);

		if (result != 0) {
			json_decref(made);
			made = NULL;
		}
	}
	return made;
}

/* One number of digits is for all. */
static int json_tree_digits(const struct tree *node)
{
	int digits = 15;

	if (node->kind == TREE_SCALAR && !node->quoted && tree_is_number(node->text))
		digits = tree_digits(tree_to_double(node->text));
	for (const struct tree *child = node->child; child != NULL; child = child->next) {
		int other = json_tree_digits(child);

		digits = other > digits ? other : digits;
	}
	return digits;
}

int tree_json_write(const struct tree *root, FILE *file)
{
	json_t *made = json_tree_make(root);
	char *text;
	int result;

	if (made == NULL)
		return -ENOMEM;
	text = json_dumps(made, JSON_INDENT(2) | JSON_ENCODE_ANY |
					(size_t)JSON_REAL_PRECISION(json_tree_digits(root)));
	json_decref(made);
	if (text == NULL)
		return -ENOMEM;
	result = fprintf(file, "%s\n", text) < 0 ? -EIO : 0;
	free(text);
	return result;
}
