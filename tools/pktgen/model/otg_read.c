/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole of a configuration: ports, flows, captures, options; names that fit together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg_parts.h"

#define FLOWS_MAX 4096u
#define CAPTURES_MAX 64u
#define LOCATION_MAX 4096u
#define FILTER_MAX 4096u

/* ---- ports ---- */

static int read_port_name(struct otg *otg, const struct tree *node, void *into)
{
	return otg_text(otg, node, OTG_NAME_MAX, &((struct traffic_port *)into)->name);
}

static int read_port_location(struct otg *otg, const struct tree *node, void *into)
{
	if (node->kind == TREE_NULL || (node->kind == TREE_SCALAR && node->text[0] == '\0'))
		return 0;
	return otg_text(otg, node, LOCATION_MAX, &((struct traffic_port *)into)->location);
}

static int read_port(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "name", .read = read_port_name, .needed = true },
		{ .name = "location", .read = read_port_location },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

/* ---- captures ---- */

static int read_capture_name(struct otg *otg, const struct tree *node, void *into)
{
	return otg_text(otg, node, OTG_NAME_MAX, &((struct traffic_capture *)into)->name);
}

static int read_capture_ports(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic_capture *capture = into;
	const struct tree *name;
	size_t count;
	int result = otg_list(otg, node, OTG_PORTS_MAX, &name, &count);

	if (result != 0)
		return result;
	if (count == 0)
		return tree_refuse(otg->error, node, "an empty list; name a port");
	capture->port = calloc(count, sizeof(*capture->port));
	if (capture->port == NULL)
		return -ENOMEM;
	for (; name != NULL && result == 0; name = name->next)
		result = otg_find_port(otg, name, &capture->port[capture->ports++]);
	return result;
}

static int read_capture_overwrite(struct otg *otg, const struct tree *node, void *into)
{
	return otg_bool(otg, node, &((struct traffic_capture *)into)->overwrite);
}

/* null: all of a frame, as without it. */
static int read_capture_size(struct otg *otg, const struct tree *node, void *into)
{
	if (node->kind == TREE_NULL)
		return 0;
	return otg_u32(otg, node, 1, 65535, &((struct traffic_capture *)into)->packet_size);
}

static int read_capture_format(struct otg *otg, const struct tree *node, void *into)
{
	static const char *const words[] = { "pcap", "pcapng", NULL };
	int which = 0;
	int result = otg_word(otg, node, words, &which);

	((struct traffic_capture *)into)->pcapng = which == 1;
	return result;
}

static int read_capture_filter(struct otg *otg, const struct tree *node, void *into)
{
	return otg_text(otg, node, FILTER_MAX, &((struct traffic_capture *)into)->filter);
}

static int read_capture_more(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "filter", .read = read_capture_filter },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

static int read_capture(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "name", .read = read_capture_name, .needed = true },
		{ .name = "port_names", .read = read_capture_ports, .needed = true },
		{ .name = "filters", .instead = "give x-vionet.filter, in tcpdump's words" },
		{ .name = "overwrite", .read = read_capture_overwrite },
		{ .name = "packet_size", .read = read_capture_size },
		{ .name = "format", .read = read_capture_format },
		{ .name = "x-vionet", .read = read_capture_more },
		{ .name = NULL },
	};

	((struct traffic_capture *)into)->overwrite = true;
	return otg_object(otg, node, members, into);
}

/* ---- options ---- */

static int read_preemption(struct otg *otg, const struct tree *node, void *into)
{
	(void)into;
	return otg_bool(otg, node, &otg->traffic->location_preemption);
}

/* What other generators do when asked, or this one does without being asked. */
static int read_off_only(struct otg *otg, const struct tree *node, void *into)
{
	bool value = false;
	int result = otg_bool(otg, node, &value);

	(void)into;
	return result == 0 && value ? otg_refuse_unsupported(otg, node, NULL) : result;
}

static int read_ordering(struct otg *otg, const struct tree *node, void *into)
{
	static const char *const words[] = { "no_ordering", NULL };
	const struct tree *choice = tree_find(node, "choice");
	int which, result = otg_needs_object(otg, node);

	(void)into;
	return result != 0 || choice == NULL ? result : otg_word(otg, choice, words, &which);
}

static int read_port_options(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "location_preemption", .read = read_preemption },
		{ .name = "data_integrity", .read = read_off_only },
		{ .name = "frame_ordering_mode", .read = read_ordering },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

static int read_flow_options(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "packet_loss_duration", .read = read_off_only },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

static int read_options(struct otg *otg, const struct tree *node, void *into)
{
	static const struct otg_member members[] = {
		{ .name = "port_options", .read = read_port_options },
		{ .name = "flow_options", .read = read_flow_options },
		{ .name = "protocol_options" },
		{ .name = "per_port_options" },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, into);
}

/* ---- the lists ---- */

static int read_ports(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic *traffic = into;
	const struct tree *element;
	size_t count, i = 0;
	int result = otg_list(otg, node, OTG_PORTS_MAX, &element, &count);

	if (result != 0 || count == 0)
		return result;
	traffic->port = calloc(count, sizeof(*traffic->port));
	if (traffic->port == NULL)
		return -ENOMEM;
	traffic->ports = count;
	for (; element != NULL && result == 0; element = element->next)
		result = read_port(otg, element, &traffic->port[i++]);
	return result;
}

static int read_flows(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic *traffic = into;
	const struct tree *element;
	size_t count, i = 0;
	int result = otg_list(otg, node, FLOWS_MAX, &element, &count);

	if (result != 0 || count == 0)
		return result;
	traffic->flow = calloc(count, sizeof(*traffic->flow));
	if (traffic->flow == NULL)
		return -ENOMEM;
	traffic->flows = count;
	for (; element != NULL && result == 0; element = element->next)
		result = otg_read_flow(otg, element, &traffic->flow[i++]);
	return result;
}

static int read_captures(struct otg *otg, const struct tree *node, void *into)
{
	struct traffic *traffic = into;
	const struct tree *element;
	size_t count, i = 0;
	int result = otg_list(otg, node, CAPTURES_MAX, &element, &count);

	if (result != 0 || count == 0)
		return result;
	traffic->capture = calloc(count, sizeof(*traffic->capture));
	if (traffic->capture == NULL)
		return -ENOMEM;
	traffic->captures = count;
	for (; element != NULL && result == 0; element = element->next)
		result = read_capture(otg, element, &traffic->capture[i++]);
	return result;
}

/* ---- names ---- */

static int read_compare_names(const void *a, const void *b)
{
	const struct tree *const *first = a, *const *second = b;
	int order = strcmp((*first)->text, (*second)->text);

	if (order != 0)
		return order;
	return (*first)->line < (*second)->line ? -1 : (*first)->line > (*second)->line;
}

static size_t read_collect_names(const struct tree *config, const struct tree **names)
{
	static const char *const lists[] = { "ports", "flows", "captures" };
	size_t count = 0;

	for (size_t i = 0; i < 3; i++) {
		const struct tree *list = tree_find(config, lists[i]);

		for (const struct tree *at = list == NULL ? NULL : list->child; at != NULL; at = at->next)
			names[count++] = tree_find(at, "name");
	}
	return count;
}

/* Names are keys: of ports, flows and captures together. */
static int read_check_names(struct otg *otg, const struct tree *config)
{
	const struct tree **names = calloc(OTG_PORTS_MAX + FLOWS_MAX + CAPTURES_MAX, sizeof(*names));
	char path[TREE_PATH_MAX];
	size_t count;
	int result = 0;

	if (names == NULL)
		return -ENOMEM;
	count = read_collect_names(config, names);
	qsort(names, count, sizeof(*names), read_compare_names);
	for (size_t i = 1; i < count && result == 0; i++)
		if (strcmp(names[i - 1]->text, names[i]->text) == 0) {
			tree_path(names[i - 1]->parent, path);
			result = tree_refuse(otg->error, names[i], "%s has this name; names are unique",
					     path);
		}
	free(names);
	return result;
}

/* ---- all ---- */

/* Ports are read first, wherever they stand: the others name them. */
static int read_nothing(struct otg *otg, const struct tree *node, void *into)
{
	(void)otg;
	(void)node;
	(void)into;
	return 0;
}

static int read_config(struct otg *otg, const struct tree *config)
{
	static const struct otg_member members[] = {
		{ .name = "ports", .read = read_nothing },
		{ .name = "flows", .read = read_flows },
		{ .name = "captures", .read = read_captures },
		{ .name = "options", .read = read_options },
		{ .name = "lags" },
		{ .name = "layer1" },
		{ .name = "devices" },
		{ .name = "events" },
		{ .name = "lldp" },
		{ .name = "stateful_flows" },
		{ .name = "egress_only_tracking" },
		{ .name = NULL },
	};
	const struct tree *ports = tree_find(config, "ports");
	int result = otg_needs_object(otg, config);

	if (result == 0 && ports != NULL)
		result = read_ports(otg, ports, otg->traffic);
	if (result == 0)
		result = otg_object(otg, config, members, otg->traffic);
	return result != 0 ? result : read_check_names(otg, config);
}

int otg_read_tree(const struct tree *config, struct traffic *traffic, struct traffic_error *error)
{
	struct otg otg = { traffic, error };
	int result;

	*traffic = (struct traffic){ 0 };
	*error = (struct traffic_error){ 0 };
	result = read_config(&otg, config);
	if (result == -ENOMEM)
		snprintf(error->text, sizeof(error->text), "out of memory");
	if (result != 0)
		traffic_free(traffic);
	return result;
}

int otg_read_text(const char *text, size_t length, struct traffic *traffic,
		  struct traffic_error *error)
{
	struct tree_document document;
	int result;

	*traffic = (struct traffic){ 0 };
	result = tree_parse(&document, text, length, error);
	if (result != 0)
		return result;
	result = otg_read_tree(document.root, traffic, error);
	tree_free(&document);
	return result;
}
