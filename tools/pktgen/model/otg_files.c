/* SPDX-License-Identifier: BSD-3-Clause */
/* x-vionet of a flow whose frames are those of a capture file: the model has no place for them. */
#include <errno.h>
#include <string.h>

#include "tools/pktgen/model/otg_parts.h"

#define FILES_NAME_MAX 4095u
#define FILES_LIST_MAX 64u

/* ---- template ---- */

static int files_read_template_file(struct otg *otg, const struct tree *node, void *into)
{
	return otg_text(otg, node, FILES_NAME_MAX, &((struct traffic_template *)into)->file);
}

static int files_read_template_frame(struct otg *otg, const struct tree *node, void *into)
{
	return otg_whole(otg, node, 1, UINT32_MAX, &((struct traffic_template *)into)->frame);
}

static int files_read_template(struct otg *otg, const struct tree *node, struct traffic_flow *flow)
{
	static const struct otg_member members[] = {
		{ .name = "file", .read = files_read_template_file, .needed = true },
		{ .name = "frame", .read = files_read_template_frame },
		{ .name = NULL },
	};

	flow->template.frame = 1;
	return otg_object(otg, node, members, &flow->template);
}

/* ---- replay ---- */

static int files_read_replay_file(struct otg *otg, const struct tree *node, void *into)
{
	return otg_text(otg, node, FILES_NAME_MAX, &((struct traffic_replay *)into)->file);
}

static int files_add(struct otg *otg, const struct tree *node, const char *name, void *into)
{
	if (node->kind != TREE_SCALAR)
		return tree_refuse(otg->error, node, "a text is wanted, as the option of the command line has it");
	return traffic_replay_add(into, name, node->text) ? 0 : -ENOMEM;
}

static int files_read_setting(struct otg *otg, const struct tree *node, void *into)
{
	return files_add(otg, node, node->key, into);
}

static int files_read_settings(struct otg *otg, const struct tree *node, void *into)
{
	const struct tree *element;
	size_t count;
	int result = otg_list(otg, node, FILES_LIST_MAX, &element, &count);

	for (; element != NULL && result == 0; element = element->next)
		result = files_add(otg, element, node->key, into);
	return result;
}

static int files_read_replay(struct otg *otg, const struct tree *node, struct traffic_flow *flow)
{
	static const struct otg_member members[] = {
		{ .name = "file", .read = files_read_replay_file, .needed = true },
		{ .name = "speed", .read = files_read_setting },
		{ .name = "loops", .read = files_read_setting },
		{ .name = "loop_gap", .read = files_read_setting },
		{ .name = "max_gap", .read = files_read_setting },
		{ .name = "oversize", .read = files_read_setting },
		{ .name = "truncated", .read = files_read_setting },
		{ .name = "src_mac", .read = files_read_setting },
		{ .name = "dst_mac", .read = files_read_setting },
		{ .name = "map", .read = files_read_settings },
		{ .name = "map_port", .read = files_read_settings },
		{ .name = NULL },
	};

	return otg_object(otg, node, members, &flow->replay);
}

/* ---- both ---- */

/* What the file decides. */
static int files_refuse_beside(struct otg *otg, const struct tree *node, const char *which, const char *const *names)
{
	for (; *names != NULL; names++) {
		const struct tree *other = tree_find(node, *names);

		if (!otg_is_empty(other))
			return tree_refuse_key(
				otg->error, other,
				"x-vionet.%s is there too, which decides it; leave one "
				"of them out",
				which);
	}
	return 0;
}

/* Without a rate they are sent at their times, which the engine knows as no limit. */
static int files_choose_rate(struct otg *otg, const struct tree *node, const struct tree *replay,
			     struct traffic_flow *flow)
{
	const struct tree *speed = tree_find(replay, "speed");
	const struct tree *more = tree_find(node, "x-vionet");

	if (otg_is_empty(tree_find(node, "rate")) && otg_is_empty(tree_find(more, "rate")))
		flow->rate = (struct rate){ .kind = RATE_MAX };
	if (flow->rate.kind != RATE_MAX && speed != NULL)
		return tree_refuse_key(otg->error, speed, "the flow has a rate too; leave one of them out");
	return 0;
}

static bool files_is_there(const struct tree *node)
{
	return node != NULL && node->kind != TREE_NULL;
}

int otg_read_files(struct otg *otg, const struct tree *node, struct traffic_flow *flow)
{
	static const char *const of_template[] = { "packet", NULL };
	static const char *const of_replay[] = { "packet", "size", "payload", "metrics", NULL };
	static const char *const more_of_replay[] = { "template", "offload", "arrival", "payload", "pad", NULL };
	const struct tree *more = tree_find(node, "x-vionet");
	const struct tree *template = tree_find(more, "template"), *replay = tree_find(more, "replay");
	int result = 0;

	if (files_is_there(template)) {
		result = files_read_template(otg, template, flow);
		if (result == 0)
			result = files_refuse_beside(otg, node, "template", of_template);
	}
	if (result != 0 || !files_is_there(replay))
		return result;
	result = files_read_replay(otg, replay, flow);
	if (result == 0)
		result = files_refuse_beside(otg, node, "replay", of_replay);
	if (result == 0)
		result = files_refuse_beside(otg, more, "replay", more_of_replay);
	return result != 0 ? result : files_choose_rate(otg, node, replay, flow);
}
