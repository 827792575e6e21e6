/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/replay/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/packet.h>

#include "tools/shared/bytes.h"

#define REPLAY_ETHERNET 14u
#define REPLAY_TAG 4u
#define REPLAY_MTU 1500u
/* Where a file does not say how far apart its frames were. */
#define REPLAY_LOOP_GAP_NS 1000000u
/* Frames of several interfaces or queues may be so far out of order; more is a clock that was set back. */
#define REPLAY_DISORDER_NS 100000000u

__extension__ typedef unsigned __int128 replay_wide;

/* Time as it passes in the file: never back, never far at once. */
struct replay_clock {
	bool begun;
	int64_t mark_ns; /* the latest time of a frame */
	uint64_t due_ns;
};

struct replay {
	struct replay_options options;
	struct savefile *file;
	struct replay_info info;
	struct replay_counts counts;
	struct replay_counts before; /* the frame that was given last */
	struct replay_clock clock;
	uint32_t mtu;
	uint64_t loop_gap_ns, loop_frames;
	bool ended;
	bool changes;	 /* addresses are rewritten */
	uint8_t *buffer; /* for frames that are not sent as they are */
	struct savefile_error failure;
};

/* ---- time ---- */

static uint64_t replay_add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static void replay_step(struct replay *replay, const struct savefile_frame *frame)
{
	struct replay_clock *clock = &replay->clock;
	struct replay_counts *counts = &replay->counts;
	uint64_t limit = replay->options.max_gap_ns, gap;

	if (!frame->timed) {
		counts->untimed++;
		return;
	}
	if (!clock->begun || frame->time_ns < clock->mark_ns) {
		counts->backward += clock->begun;
		gap = (uint64_t)clock->mark_ns - (uint64_t)frame->time_ns;
		if (!clock->begun || gap > REPLAY_DISORDER_NS)
			clock->mark_ns = frame->time_ns;
		clock->begun = true;
		return;
	}
	gap = (uint64_t)frame->time_ns - (uint64_t)clock->mark_ns;
	clock->mark_ns = frame->time_ns;
	if (gap > limit) {
		counts->capped++;
		counts->skipped_ns = replay_add(counts->skipped_ns, gap - limit);
		gap = limit;
	}
	clock->due_ns = replay_add(clock->due_ns, gap);
}

static uint64_t replay_due(const struct replay *replay)
{
	replay_wide due = (replay_wide)replay->clock.due_ns * REPLAY_SPEED_ONE;

	if (replay->options.speed_milli == 0)
		return 0;
	due /= replay->options.speed_milli;
	return due > UINT64_MAX ? UINT64_MAX : (uint64_t)due;
}

/* ---- which frames ---- */

/* Tags come on top of what an MTU says. */
static uint32_t replay_limit(const struct replay *replay, const struct savefile_frame *frame)
{
	uint32_t limit = replay->mtu + REPLAY_ETHERNET;

	for (uint32_t at = 12; at + REPLAY_TAG < frame->captured && at < 12 + 2 * REPLAY_TAG;
	     at += REPLAY_TAG) {
		uint32_t type = bytes_get16(frame->data + at);

		if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
			break;
		limit += REPLAY_TAG;
	}
	return limit < VIONET_FRAME_MAX ? limit : VIONET_FRAME_MAX;
}

/* Bytes that the frame is sent with; 0: not at all. */
static uint32_t replay_choose(struct replay *replay, const struct savefile_frame *frame)
{
	bool truncated = frame->captured < frame->length;
	bool pad = replay->options.truncated == REPLAY_TRUNCATED_PAD;
	uint32_t size = pad ? frame->length : frame->captured;
	struct replay_counts *counts = &replay->counts;
	uint32_t limit = replay_limit(replay, frame);

	if (frame->captured == 0)
		return counts->empty++, 0;
	if (truncated && replay->options.truncated == REPLAY_TRUNCATED_DROP)
		return counts->truncated_dropped++, 0;
	if (size < REPLAY_ETHERNET)
		return counts->runts++, 0;
	if (size > limit && replay->options.oversize == REPLAY_OVERSIZE_DROP)
		return counts->oversize_dropped++, 0;
	if (size > limit) {
		counts->oversize_cut++;
		size = limit;
	}
	if (truncated && size > frame->captured)
		counts->truncated_padded++;
	else if (truncated && size == frame->captured)
		counts->truncated_sent++;
	return size;
}

/* ---- the file ---- */

static void replay_end(struct replay *replay, int result)
{
	replay->ended = true;
	if (result == 0)
		replay->failure.text[0] = '\0';
}

/* At its end: from the begin, with the time going on. */
static bool replay_again(struct replay *replay)
{
	if (replay->loop_frames == 0 || replay->counts.loops == replay->options.loops) {
		replay_end(replay, 0);
		return false;
	}
	replay->counts.loops++;
	replay->loop_frames = 0;
	replay->clock.begun = false;
	replay->clock.due_ns = replay_add(replay->clock.due_ns, replay->loop_gap_ns);
	savefile_rewind(replay->file);
	return true;
}

/* As it is in the file, or a copy. */
static const uint8_t *replay_bytes(struct replay *replay, const struct savefile_frame *frame, uint32_t size)
{
	uint32_t captured = frame->captured < size ? frame->captured : size;

	if (captured == size && !replay->changes)
		return frame->data;
	memcpy(replay->buffer, frame->data, captured);
	memset(replay->buffer + captured, 0, size - captured);
	rewrite_frame(&replay->options.rewrite, replay->buffer, captured);
	return replay->buffer;
}

bool replay_next(struct replay *replay, struct engine_source_frame *next)
{
	struct replay_counts before = replay->counts;

	while (!replay->ended) {
		struct savefile_frame frame;
		int result = savefile_next(replay->file, &frame, &replay->failure);
		uint32_t size;

		if (result < 0)
			replay_end(replay, result);
		if (result == 0)
			replay_again(replay);
		if (result <= 0)
			continue;
		replay_step(replay, &frame);
		size = replay_choose(replay, &frame);
		if (size == 0)
			continue;
		next->bytes = replay_bytes(replay, &frame, size);
		next->length = size;
		next->due_ns = replay_due(replay);
		replay->loop_frames++;
		replay->counts.frames++;
		replay->before = before;
		return true;
	}
	return false;
}

/* ---- opening ---- */

void replay_rewind(struct replay *replay)
{
	replay->counts = (struct replay_counts){ .loops = 1 };
	replay->clock = (struct replay_clock){ 0 };
	replay->ended = false;
	replay->loop_frames = 0;
	replay->failure.text[0] = '\0';
	savefile_rewind(replay->file);
}

void replay_set_mtu(struct replay *replay, uint32_t mtu)
{
	replay->mtu = mtu;
}

static void replay_note_frame(struct replay_info *info, const struct savefile_frame *frame)
{
	uint32_t sent = frame->length < VIONET_FRAME_MAX ? frame->length : VIONET_FRAME_MAX;

	info->frames++;
	info->bytes += frame->length;
	if (sent > info->longest)
		info->longest = sent;
}

/* The gap between loops, as that between frames. */
static uint64_t replay_mean_gap(const struct replay *replay)
{
	uint64_t gaps = replay->info.frames - 1;

	if (replay->info.frames < 2 || replay->info.duration_ns == 0)
		return REPLAY_LOOP_GAP_NS;
	return replay->info.duration_ns / gaps;
}

/* Read it all once: is it whole, and what is in it? */
static int replay_scan(struct replay *replay, struct savefile_error *error)
{
	struct replay_info *info = &replay->info;
	struct savefile_frame frame;
	int result;

	while ((result = savefile_next(replay->file, &frame, error)) == 1) {
		replay_note_frame(info, &frame);
		replay_step(replay, &frame);
	}
	if (result != 0)
		return result;
	info->name = savefile_name(replay->file);
	info->format = savefile_format(replay->file);
	info->interfaces = savefile_interfaces(replay->file);
	info->duration_ns = replay->clock.due_ns;
	if (info->frames == 0) {
		snprintf(error->text, sizeof(error->text), "%.200s: no frame is in it", info->name);
		return -EINVAL;
	}
	replay->loop_gap_ns = replay->options.have_loop_gap ? replay->options.loop_gap_ns : replay_mean_gap(replay);
	return 0;
}

static bool replay_rewrites(const struct rewrite *rewrite)
{
	return rewrite->source_mac || rewrite->destination_mac || rewrite->maps + rewrite->ports > 0;
}

static int replay_no_memory(const char *path, struct savefile_error *error)
{
	snprintf(error->text, sizeof(error->text), "%.200s: no memory", path);
	return -ENOMEM;
}

int replay_open(struct replay **opened, const struct replay_options *options, struct savefile_error *error)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	int result;

	*opened = NULL;
	if (replay == NULL)
		return replay_no_memory(options->path, error);
	replay->options = *options;
	replay->mtu = REPLAY_MTU;
	replay->changes = replay_rewrites(&options->rewrite);
	result = savefile_open(&replay->file, options->path, error);
	if (result == 0)
		result = replay_scan(replay, error);
	if (result == 0) {
		replay->buffer = malloc(replay->info.longest + 1u); /* of empty frames, too */
		result = replay->buffer == NULL ? replay_no_memory(options->path, error) : 0;
	}
	if (result != 0) {
		replay_close(replay);
		return result;
	}
	replay_rewind(replay);
	*opened = replay;
	return 0;
}

void replay_close(struct replay *replay)
{
	if (replay == NULL)
		return;
	savefile_close(replay->file);
	free(replay->buffer);
	free(replay);
}

/* ---- for the engine ---- */

static void replay_source_rewind(void *context)
{
	replay_rewind(context);
}

static bool replay_source_next(void *context, struct engine_source_frame *frame)
{
	return replay_next(context, frame);
}

struct engine_source replay_source(struct replay *replay, uint32_t flow)
{
	return (struct engine_source){
		.flow = flow,
		.context = replay,
		.size_max = replay->info.longest,
		.rewind = replay_source_rewind,
		.next = replay_source_next,
	};
}

/* ---- what it was ---- */

const struct replay_info *replay_info(const struct replay *replay)
{
	return &replay->info;
}

const struct replay_counts *replay_counts(const struct replay *replay)
{
	return &replay->counts;
}

void replay_settle(struct replay *replay, uint64_t sent)
{
	if (sent >= replay->counts.frames)
		return;
	replay->counts = replay->before;
	replay->counts.frames = sent;
}

const char *replay_failure(const struct replay *replay)
{
	return replay->ended && replay->failure.text[0] != '\0' ? replay->failure.text : NULL;
}

static void replay_put(char *text, uint32_t room, uint64_t count, const char *what)
{
	size_t used = strlen(text);

	if (count != 0)
		snprintf(text + used, room - used, "%s%ju %s", used > 0 ? ", " : "", (uintmax_t)count, what);
}

void replay_describe(const struct replay *replay, char *text, uint32_t room)
{
	const struct replay_counts *counts = &replay->counts;
	size_t used;

	text[0] = '\0';
	replay_put(text, room, counts->oversize_dropped, "longer than the MTU dropped");
	replay_put(text, room, counts->oversize_cut, "longer than the MTU cut");
	replay_put(text, room, counts->truncated_padded, "captured in part padded with zeros");
	replay_put(text, room, counts->truncated_sent, "captured in part sent as they are");
	replay_put(text, room, counts->truncated_dropped, "captured in part dropped");
	replay_put(text, room, counts->empty, "of zero length dropped");
	replay_put(text, room, counts->runts, "shorter than 14 bytes dropped");
	replay_put(text, room, counts->untimed, "without a time");
	replay_put(text, room, counts->backward, "with a time before that of an earlier frame");
	replay_put(text, room, counts->capped, "gaps capped");
	used = strlen(text);
	if (counts->capped != 0)
		snprintf(text + used, room - used, " at %.9g s (%.6g s skipped)",
			 (double)replay->options.max_gap_ns / 1e9, (double)counts->skipped_ns / 1e9);
}

/* ---- a frame as template ---- */

static int replay_find_frame(struct savefile *file, uint64_t number, struct savefile_frame *frame,
			     struct savefile_error *error)
{
	uint64_t frames = 0;
	int result = 1;

	for (; result == 1 && frames < number; frames += result == 1)
		result = savefile_next(file, frame, error);
	if (result < 0)
		return result;
	if (result == 0)
		snprintf(error->text, sizeof(error->text), "%.200s: frame %ju is asked for, and it has %ju",
			 savefile_name(file), (uintmax_t)number, (uintmax_t)frames);
	else if (frame->captured < frame->length || frame->captured < REPLAY_ETHERNET)
		snprintf(error->text, sizeof(error->text), "%.200s: frame %ju has %u of its %u bytes: no "
							   "template can be made of it",
			 savefile_name(file), (uintmax_t)number,
			 frame->captured, frame->length);
	else
		return 0;
	return -EINVAL;
}

int replay_read_frame(const char *path, uint64_t number, uint8_t **bytes, uint32_t *size,
		      struct savefile_error *error)
{
	struct savefile_frame frame = { 0 };
	struct savefile *file;
	int result = savefile_open(&file, path, error);

	*bytes = NULL;
	if (result == 0)
		result = replay_find_frame(file, number, &frame, error);
	if (result == 0) {
		*bytes = malloc(frame.captured);
		*size = frame.captured;
		if (*bytes != NULL)
			memcpy(*bytes, frame.data, frame.captured);
		else
			result = replay_no_memory(path, error);
	}
	savefile_close(file);
	return result;
}
