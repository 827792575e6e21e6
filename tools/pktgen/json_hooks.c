/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON of replay, capture and answers. */
#include "tools/pktgen/json_hooks.h"

#include <jansson.h>
#include <stdio.h>

static json_int_t hooks_int(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static json_t *hooks_json_one_replay(const struct hooks_replay *of)
{
	const struct replay_counts *counts = replay_counts(of->replay);
	const struct replay_info *info = replay_info(of->replay);

	return json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:I, s:I,"
		" s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I},"
		" s:I, s:I, s:I, s:f}",
		"flow", of->of->name, "file", info->name, "format", info->format, "interfaces",
		hooks_int(info->interfaces), "file_frames", hooks_int(info->frames), "file_bytes",
		hooks_int(info->bytes), "file_duration_s", (double)info->duration_ns / 1e9,
		"frames", hooks_int(counts->frames), "loops", hooks_int(counts->loops), "rules",
		"oversize_dropped", hooks_int(counts->oversize_dropped), "oversize_cut",
		hooks_int(counts->oversize_cut), "truncated_padded",
		hooks_int(counts->truncated_padded), "truncated_sent",
		hooks_int(counts->truncated_sent), "truncated_dropped",
		hooks_int(counts->truncated_dropped), "empty", hooks_int(counts->empty), "runts",
		hooks_int(counts->runts), "untimed", hooks_int(counts->untimed), "backward",
		hooks_int(counts->backward), "gaps_capped", hooks_int(counts->capped),
		"gaps_skipped_s", (double)counts->skipped_ns / 1e9);
}

json_t *hooks_json_replays(const struct hooks *hooks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < hooks->replay_count; i++)
		json_array_append_new(list, hooks_json_one_replay(&hooks->replays[i]));
	return list;
}

json_t *hooks_json_capture(const struct hooks *hooks)
{
	struct recorder_counts counts;

	if (hooks->recorder == NULL)
		return json_null();
	recorder_counts(hooks->recorder, &counts);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "file", hooks->capture.path, "seen",
			 hooks_int(counts.seen), "matched", hooks_int(counts.matched), "written",
			 hooks_int(counts.written), "bytes", hooks_int(counts.bytes), "dropped",
			 hooks_int(counts.dropped), "files", hooks_int(counts.files), "full", counts.full,
			 "failed", counts.failed);
}

json_t *hooks_json_responder(const struct hooks *hooks)
{
	uint64_t answered[ANSWER_KINDS];
	uint8_t mac[6] = { 0 };
	char text[18];
	bool found;

	if (hooks->responder == NULL)
		return json_null();
	found = responder_gateway(hooks->responder, mac) == RESPONDER_FOUND;
	responder_counts(hooks->responder, answered);
	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return json_pack("{s:s?, s:I, s:I, s:I, s:I}", "gateway_mac", found ? text : NULL,
			 answer_names[ANSWER_ARP], hooks_int(answered[ANSWER_ARP]),
			 answer_names[ANSWER_NEIGHBOUR], hooks_int(answered[ANSWER_NEIGHBOUR]),
			 answer_names[ANSWER_PING4], hooks_int(answered[ANSWER_PING4]),
			 answer_names[ANSWER_PING6], hooks_int(answered[ANSWER_PING6]));
}
