/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees of texts and texts of trees, in the one language or the other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/pktgen/model/tree_parts.h"

static struct tree_place tree_place_of(const char *text, const char *at)
{
	struct tree_place place = { 1, 1 };

	for (; text < at; text++) {
		place.line += *text == '\n';
		place.column = *text == '\n' ? 1 : place.column + 1;
	}
	return place;
}

static int tree_check_bytes(const char *text, size_t length, struct traffic_error *error)
{
	const char *nul = length == 0 ? NULL : memchr(text, '\0', length);

	if (length > TREE_BYTES_MAX)
		return tree_refuse_at(error, (struct tree_place){ 0, 0 },
				      "more than %u MiB; no configuration is so long",
				      TREE_BYTES_MAX >> 20);
	if (nul != NULL)
		return tree_refuse_at(error, tree_place_of(text, nul),
				      "a NUL byte: this is no text");
	return 0;
}

/* libyaml is strict where JSON is not (keys of any length, \ud83d\ude00), and knows lines where jansson does not. */
static int tree_parse_any(struct tree_document *document, const char *text, size_t length,
			  struct traffic_error *error)
{
	struct traffic_error other;
	int result = tree_yaml_parse(document, text, length, error);

	if (result != -EINVAL && result != -ENOTSUP)
		return result;
	tree_free(document);
	if (result == -ENOTSUP)
		return tree_json_parse(document, text, length, error);
	if (length == 0 || text[0] != '{')
		return result;
	return tree_json_parse(document, text, length, &other) == 0 ? 0 : result;
}

int tree_parse(struct tree_document *document, const char *text, size_t length,
	       struct traffic_error *error)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of byte order, which some editors put in front */
	int result;

	*document = (struct tree_document){ 0 };
	*error = (struct traffic_error){ 0 };
	if (length >= 3 && memcmp(text, mark, 3) == 0) {
		text += 3;
		length -= 3;
	}
	result = tree_check_bytes(text, length, error);
	if (result == 0)
		result = tree_parse_any(document, text, length, error);
	if (result == 0 && document->root == NULL &&
	    tree_add(document, NULL, TREE_NULL, NULL) == NULL)
		result = -ENOMEM;
	if (result != 0)
		tree_free(document);
	if (result == -ENOMEM)
		snprintf(error->text, sizeof(error->text), "out of memory");
	return result;
}

int tree_write(const struct tree_document *document, enum tree_format format, FILE *file)
{
	if (document->root == NULL)
		return -ENOMEM;
	return format == TREE_JSON ? tree_json_write(document->root, file) : tree_yaml_write(document->root, file);
}
