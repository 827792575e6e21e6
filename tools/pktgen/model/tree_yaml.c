/* SPDX-License-Identifier: BSD-3-Clause */
/* Trees as YAML, by libyaml's events. JSON is read here too, for its lines. */
#include <errno.h>
#include <string.h>

#include "tools/pktgen/model/tree_parts.h"

#ifdef VIONET_YAML
#include <yaml.h>

/* One document that is being read. */
struct tree_yaml {
	struct tree_document *document;
	struct traffic_error *error;
	const char *text;
	size_t length;
	yaml_parser_t parser;
	struct tree *parent; /* what is open */
	char *key;	     /* of the value to come; owned */
	struct tree_place key_place;
	unsigned int documents;
};

static struct tree_place tree_yaml_place(yaml_mark_t mark)
{
	return (struct tree_place){ (uint32_t)mark.line + 1, (uint32_t)mark.column + 1 };
}

/* libyaml's words for the commonest mistakes say little. */
static const char *tree_yaml_problem(const struct tree_yaml *yaml)
{
	const yaml_parser_t *parser = &yaml->parser;

	if (parser->problem == NULL)
		return "not understood";
	if (strstr(parser->problem, "cannot start any token") != NULL &&
	    parser->problem_mark.index < yaml->length &&
	    yaml->text[parser->problem_mark.index] == '\t')
		return "a tab cannot indent; use blanks";
	if (strcmp(parser->problem, "did not find expected key") == 0)
		return "a key and a colon are wanted here; is it indented like its neighbours?";
	return parser->problem;
}

/* What is no UTF-8 is known by its offset. */
static struct tree_place tree_yaml_offset(const struct tree_yaml *yaml)
{
	struct tree_place place = { 1, 1 };

	for (size_t i = 0; i < yaml->parser.problem_offset && i < yaml->length; i++) {
		place.line += yaml->text[i] == '\n';
		place.column = yaml->text[i] == '\n' ? 1 : place.column + 1;
	}
	return place;
}

static int tree_yaml_failed(struct tree_yaml *yaml)
{
	switch (yaml->parser.error) {
	case YAML_MEMORY_ERROR:
		return -ENOMEM;
	case YAML_READER_ERROR:
		return tree_refuse_at(yaml->error, tree_yaml_offset(yaml),
				      "not a text in UTF-8: %.80s", tree_yaml_problem(yaml));
	default:
		return tree_refuse_at(yaml->error, tree_yaml_place(yaml->parser.problem_mark),
				      "not YAML: %.120s", tree_yaml_problem(yaml));
	}
}

static int tree_yaml_refuse(struct tree_yaml *yaml, const yaml_event_t *event, const char *text)
{
	return tree_refuse_at(yaml->error, tree_yaml_place(event->start_mark), "%s", text);
}

/* A value of any kind: where it belongs. */
static int tree_yaml_value(struct tree_yaml *yaml, const yaml_event_t *event,
			   struct tree_new *what, struct tree **node)
{
	int result;

	what->place = tree_yaml_place(event->start_mark);
	what->key = yaml->key;
	what->key_place = yaml->key_place;
	result = tree_grow(yaml->document, yaml->parent, what, node, yaml->error);
	free(yaml->key);
	yaml->key = NULL;
	return result;
}

static bool tree_yaml_wants_key(const struct tree_yaml *yaml)
{
	return yaml->parent != NULL && yaml->parent->kind == TREE_OBJECT && yaml->key == NULL;
}

static int tree_yaml_open(struct tree_yaml *yaml, const yaml_event_t *event, enum tree_kind kind)
{
	struct tree_new what = { .kind = kind };
	struct tree *node;
	int result;

	if (tree_yaml_wants_key(yaml))
		return tree_yaml_refuse(yaml, event, "a key is a word, not an object or a list");
	result = tree_yaml_value(yaml, event, &what, &node);
	if (result == 0)
		yaml->parent = node;
	return result;
}

static int tree_yaml_key(struct tree_yaml *yaml, const yaml_event_t *event)
{
	const char *key = (const char *)event->data.scalar.value;

	if (strlen(key) != event->data.scalar.length)
		return tree_yaml_refuse(yaml, event, "a key with a NUL byte in it");
	yaml->key = strdup(key);
	yaml->key_place = tree_yaml_place(event->start_mark);
	return yaml->key == NULL ? -ENOMEM : 0;
}

static bool tree_yaml_is_null(const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static int tree_yaml_scalar(struct tree_yaml *yaml, const yaml_event_t *event)
{
	struct tree_new what = {
		.kind = TREE_SCALAR,
		.text = (const char *)event->data.scalar.value,
		.length = event->data.scalar.length,
		.quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE,
	};
	struct tree *node;

	if (event->data.scalar.tag != NULL)
		return tree_yaml_refuse(yaml, event, "tags (!...) are not supported; leave it out");
	if (tree_yaml_wants_key(yaml))
		return tree_yaml_key(yaml, event);
	if (!what.quoted && tree_yaml_is_null(what.text)) {
		what.kind = TREE_NULL;
		what.text = NULL;
	}
	return tree_yaml_value(yaml, event, &what, &node);
}

static int tree_yaml_event(struct tree_yaml *yaml, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (yaml->documents++ > 0)
			return tree_yaml_refuse(yaml, event,
						"a second document; one file has one configuration");
		return 0;
	case YAML_ALIAS_EVENT:
		return tree_yaml_refuse(yaml, event,
					"aliases (*name) are not supported; write the value out");
	case YAML_SCALAR_EVENT:
		return tree_yaml_scalar(yaml, event);
	case YAML_SEQUENCE_START_EVENT:
		if (event->data.sequence_start.tag != NULL)
			return tree_yaml_refuse(yaml, event, "tags (!...) are not supported; leave it out");
		return tree_yaml_open(yaml, event, TREE_LIST);
	case YAML_MAPPING_START_EVENT:
		if (event->data.mapping_start.tag != NULL)
			return tree_yaml_refuse(yaml, event, "tags (!...) are not supported; leave it out");
		return tree_yaml_open(yaml, event, TREE_OBJECT);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		yaml->parent = yaml->parent->parent;
		return 0;
	default:
		return 0;
	}
}

int tree_yaml_parse(struct tree_document *document, const char *text, size_t length,
		    struct traffic_error *error)
{
	struct tree_yaml yaml = {
		.document = document, .error = error, .text = text, .length = length
	};
	bool end = false;
	int result = 0;

	if (!yaml_parser_initialize(&yaml.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&yaml.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&yaml.parser, (const unsigned char *)text, length);
	while (!end && result == 0) {
		yaml_event_t event;

		if (!yaml_parser_parse(&yaml.parser, &event)) {
			result = tree_yaml_failed(&yaml);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		result = tree_yaml_event(&yaml, &event);
		yaml_event_delete(&event);
	}
	free(yaml.key);
	yaml_parser_delete(&yaml.parser);
	return result;
}

/* ---- writing ---- */

struct tree_yaml_writer {
	yaml_emitter_t emitter;
	FILE *file;
};

static int tree_yaml_put(void *context, unsigned char *bytes, size_t size)
{
	struct tree_yaml_writer *writer = context;

	return fwrite(bytes, 1, size, writer->file) == size;
}

static bool tree_yaml_emit(struct tree_yaml_writer *writer, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(&writer->emitter, event);
}

static bool tree_yaml_emit_text(struct tree_yaml_writer *writer, const char *text,
				yaml_scalar_style_t style)
{
	yaml_event_t event;

	return tree_yaml_emit(writer, &event,
			      yaml_scalar_event_initialize(&event, NULL, NULL,
							   (const unsigned char *)text,
							   (int)strlen(text), 1, 1, style));
}

/* Texts that read as something else without quotes: numbers, words, and what colons may make of an address. */
static yaml_scalar_style_t tree_yaml_style(const struct tree *node)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "y", "n" };

	if (!node->quoted)
		return YAML_PLAIN_SCALAR_STYLE;
	if (tree_yaml_is_null(node->text) || strpbrk(node->text, ":\"'\\") != NULL ||
	    strspn(node->text, "0123456789.-+") > 0)
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(node->text, words[i]) == 0)
			return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return YAML_PLAIN_SCALAR_STYLE; /* libyaml quotes what has to be */
}

static bool tree_yaml_node(struct tree_yaml_writer *writer, const struct tree *node);

static bool tree_yaml_children(struct tree_yaml_writer *writer, const struct tree *node)
{
	for (const struct tree *child = node->child; child != NULL; child = child->next)
		if ((node->kind == TREE_OBJECT &&
		     !tree_yaml_emit_text(writer, child->key, YAML_ANY_SCALAR_STYLE)) ||
		    !tree_yaml_node(writer, child))
			return false;
	return true;
}

/* Lists of scalars on one line. */
static yaml_sequence_style_t tree_yaml_list_style(const struct tree *node)
{
	return node->child == NULL || node->child->kind == TREE_SCALAR ? YAML_FLOW_SEQUENCE_STYLE :
									 YAML_BLOCK_SEQUENCE_STYLE;
}

static bool tree_yaml_node(struct tree_yaml_writer *writer, const struct tree *node)
{
	yaml_event_t event;
	int made;

	switch (node->kind) {
	case TREE_NULL:
		return tree_yaml_emit_text(writer, "null", YAML_PLAIN_SCALAR_STYLE);
	case TREE_SCALAR:
		return tree_yaml_emit_text(writer, node->text, tree_yaml_style(node));
	case TREE_LIST:
		made = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							    tree_yaml_list_style(node));
		if (!tree_yaml_emit(writer, &event, made) || !tree_yaml_children(writer, node))
			return false;
		return tree_yaml_emit(writer, &event, yaml_sequence_end_event_initialize(&event));
	case TREE_OBJECT:
		break;
	}
	made = yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
						   node->child == NULL ? YAML_FLOW_MAPPING_STYLE :
									 YAML_BLOCK_MAPPING_STYLE);
	if (!tree_yaml_emit(writer, &event, made) || !tree_yaml_children(writer, node))
		return false;
	return tree_yaml_emit(writer, &event, yaml_mapping_end_event_initialize(&event));
}

static bool tree_yaml_stream(struct tree_yaml_writer *writer, const struct tree *root)
{
	yaml_event_t event;

	return tree_yaml_emit(writer, &event,
			      yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
	       tree_yaml_emit(writer, &event,
			      yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) &&
	       tree_yaml_node(writer, root) &&
	       tree_yaml_emit(writer, &event, yaml_document_end_event_initialize(&event, 1)) &&
	       tree_yaml_emit(writer, &event, yaml_stream_end_event_initialize(&event)) &&
	       yaml_emitter_flush(&writer->emitter);
}

int tree_yaml_write(const struct tree *root, FILE *file)
{
	struct tree_yaml_writer writer = { .file = file };
	bool written;
	int error;

	if (!yaml_emitter_initialize(&writer.emitter))
		return -ENOMEM;
	yaml_emitter_set_output(&writer.emitter, tree_yaml_put, &writer);
	yaml_emitter_set_encoding(&writer.emitter, YAML_UTF8_ENCODING);
	yaml_emitter_set_unicode(&writer.emitter, 1);
	yaml_emitter_set_width(&writer.emitter, 100);
	written = tree_yaml_stream(&writer, root);
	error = writer.emitter.error == YAML_WRITER_ERROR ? -EIO : -ENOMEM;
	yaml_emitter_delete(&writer.emitter);
	return written ? 0 : error;
}

#else

int tree_yaml_parse(struct tree_document *document, const char *text, size_t length,
		    struct traffic_error *error)
{
	(void)document;
	(void)text;
	(void)length;
	(void)error;
	return -ENOTSUP;
}

int tree_yaml_write(const struct tree *root, FILE *file)
{
	(void)root;
	(void)file;
	return -ENOTSUP;
}

#endif
