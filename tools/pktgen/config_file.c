/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration of a file: whether its flows can be sent is found while it is known where they stand. */
#include "tools/pktgen/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/pktgen/model/otg.h"
#include "tools/pktgen/packet/header_table.h"
#include "tools/pktgen/packet/template.h"
#include "tools/pktgen/replay/settings.h"
#include "tools/shared/own_files.h"

/* ---- flows that cannot be sent ---- */

static const struct tree *file_element(const struct tree *list, uint32_t index)
{
	const struct tree *element = list->child;

	while (element != NULL && element->index != index)
		element = element->next;
	return element;
}

/* The deepest node on the way to "packet[3].udp.length" of a flow: what is not there has a default. */
static const struct tree *file_find(const struct tree *node, const char *path)
{
	while (*path != '\0') {
		const struct tree *next = NULL;
		char key[64];
		size_t length = strcspn(path, ".[");

		if (*path == '[') {
			next = file_element(node, (uint32_t)strtoul(path + 1, NULL, 10));
			path += strcspn(path, "]") + 1;
		} else if (length < sizeof(key) && node->kind == TREE_OBJECT) {
			memcpy(key, path, length);
			key[length] = '\0';
			next = tree_find(node, key);
			path += length;
		}
		if (next == NULL)
			break;
		node = next;
		path += *path == '.';
	}
	return node;
}

/* ---- captures that flows name ---- */

/* The frame becomes the packet; unless the file gives a size, with its own. */
static int file_take_frame(const struct tree *node, struct traffic_flow *flow, struct traffic_error *error)
{
	const struct tree *template = tree_find(tree_find(node, "x-vionet"), "template");
	const struct tree *frame = tree_find(template, "frame");
	struct traffic_header *header;
	struct savefile_error refused;
	uint8_t *bytes;
	uint32_t size;
	int result;

	own_file_reads(flow->template.file);
	result = replay_read_frame(flow->template.file, flow->template.frame, &bytes, &size, &refused);
	if (result == -ENOMEM)
		return result;
	if (result != 0)
		return tree_refuse(error,
				   frame != NULL && result == -EINVAL ? frame :
									tree_find(template, "file"),
				   "%s", refused.text);
	header = traffic_header_add(&flow->header, &flow->headers, HEADER_CUSTOM, header_type(HEADER_CUSTOM)->fields);
	if (header == NULL) {
		free(bytes);
		return -ENOMEM;
	}
	header->bytes = bytes;
	header->byte_count = size;
	if (tree_find(node, "size") == NULL)
		flow->size.min = size;
	free(flow->template.file);
	flow->template = (struct traffic_template){ .file = NULL };
	return 0;
}

/* The place of a setting that may be one of a list. */
static const struct tree *file_setting(const struct tree *replay, const char *name, uint32_t index)
{
	const struct tree *node = tree_find(replay, name);

	return node->kind == TREE_LIST ? file_element(node, index) : node;
}

static int file_check_replay(const struct tree *node, const struct traffic_replay *replay, struct traffic_error *error)
{
	const struct tree *replayed = tree_find(tree_find(node, "x-vionet"), "replay");
	struct replay_options options = REPLAY_OPTIONS_DEFAULT;
	struct parse_error refused;
	int result = 0;

	for (size_t i = 0, first = 0; i < replay->settings && result == 0; i++) {
		const struct traffic_setting *setting = &replay->setting[i];

		if (strcmp(setting->name, replay->setting[first].name) != 0)
			first = i;
		result = replay_set(&options, setting->name, "", setting->text, &refused);
		if (result != 0)
			return tree_refuse(error, file_setting(replayed, setting->name, (uint32_t)(i - first)), "%s",
					   refused.text + 1);
	}
	return result;
}

static int file_take_captures(const struct tree *config, struct traffic *traffic, struct traffic_error *error)
{
	const struct tree *list = tree_find(config, "flows");
	int result = 0;

	for (size_t i = 0; i < traffic->flows && result == 0; i++) {
		struct traffic_flow *flow = &traffic->flow[i];
		const struct tree *node = file_element(list, (uint32_t)i);

		if (flow->template.file != NULL)
			result = file_take_frame(node, flow, error);
		if (result == 0 && flow->replay.file != NULL)
			result = file_check_replay(node, &flow->replay, error);
	}
	if (result == -ENOMEM)
		snprintf(error->text, sizeof(error->text), "out of memory");
	return result;
}

/* ---- all of it ---- */

static int file_check_flow(const struct tree *node, const struct traffic_flow *flow, struct traffic_error *error)
{
	const struct template_place nowhere = { .mtu = 0 };
	struct traffic_error refused = { 0 };
	struct template *template;
	char path[TREE_PATH_MAX];
	int result = template_compile(flow, &nowhere, &template, &refused);

	template_free(template);
	if (result == 0)
		return 0;
	if (strncmp(refused.path, "offload.", 8) == 0)
		node = tree_find(node, "x-vionet");
	tree_path(node, path);
	node = file_find(node, refused.path);
	snprintf(error->path, sizeof(error->path), "%.79s.%.79s", path, refused.path);
	snprintf(error->text, sizeof(error->text), "%.79s.%.175s", path, refused.text);
	error->line = node->line;
	error->column = node->column;
	return result;
}

static int file_check(const struct tree *config, const struct traffic *traffic, struct traffic_error *error)
{
	const struct tree *list = tree_find(config, "flows");
	int result = 0;

	for (size_t i = 0; i < traffic->flows && result == 0; i++)
		result = file_check_flow(file_element(list, (uint32_t)i), &traffic->flow[i], error);
	return result;
}

static int file_read_text(const char *text, size_t length, struct traffic *traffic, struct traffic_error *error)
{
	struct tree_document document;
	int result = tree_parse(&document, text, length, error);

	if (result != 0)
		return result;
	result = otg_read_tree(document.root, traffic, error);
	if (result == 0)
		result = file_take_captures(document.root, traffic, error);
	if (result == 0)
		result = file_check(document.root, traffic, error);
	if (result != 0)
		traffic_free(traffic);
	tree_free(&document);
	return result;
}

/* ---- files ---- */

static int file_failed(struct traffic_error *error, int number)
{
	*error = (struct traffic_error){ 0 };
	snprintf(error->text, sizeof(error->text), "%s",
		 number == ENOMEM ? "out of memory" : strerror(number));
	return -number;
}

/* All of a file, up to one byte more than is accepted. */
static int file_bytes(int fd, char *text, size_t room, size_t *length)
{
	*length = 0;
	while (*length < room) {
		ssize_t got = read(fd, text + *length, room - *length);

		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			*length += (size_t)got;
	}
	return 0;
}

int config_file_read(const char *file, struct traffic *traffic, struct traffic_error *error)
{
	char *text = malloc(TREE_BYTES_MAX + 1);
	int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
	size_t length;
	int result = text == NULL ? -ENOMEM : fd < 0 ? -errno
						     : 0;

	*traffic = (struct traffic){ 0 };
	if (result == 0)
		result = file_bytes(fd, text, TREE_BYTES_MAX + 1, &length);
	result = result != 0 ? file_failed(error, -result) : file_read_text(text, length, traffic, error);
	if (result == 0) {
		traffic->file = strdup(fd == STDIN_FILENO ? "standard input" : file);
		result = traffic->file == NULL ? file_failed(error, ENOMEM) : 0;
	}
	if (fd > STDIN_FILENO)
		close(fd);
	free(text);
	return result;
}
