/* SPDX-License-Identifier: BSD-3-Clause */
/* The thread that takes frames out of the rings, and the blocks of the file. */
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include "tools/pktgen/capture/recorder_parts.h"
#include "tools/shared/common.h"

#define RECORDER_SLEEP_MIN_NS 100000
#define RECORDER_BATCH 256

/* ---- blocks ---- */

static void recorder_sum_port(const struct recorder *recorder, uint32_t port, struct pcapng_stats *sum)
{
	for (uint32_t i = 0; i < recorder->workers; i++) {
		const struct recorder_worker *worker = &recorder->worker[i];

		if (__atomic_load_n(&worker->port, __ATOMIC_RELAXED) != port)
			continue;
		sum->received += recorder_load(&worker->seen);
		sum->accepted += recorder_load(&worker->matched);
		sum->dropped += frame_ring_dropped(&worker->ring);
	}
}

uint64_t recorder_real_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void recorder_put_headers(struct recorder *recorder)
{
	struct recorder_file *file = &recorder->file;
	struct utsname system = { 0 };
	char text[256];
	uint8_t *to;

	uname(&system);
	snprintf(text, sizeof(text), "%.60s %.100s", system.sysname, system.release);
	to = recorder_file_room(file, PCAPNG_HEADER_MAX);
	if (to != NULL)
		file->used += pcapng_write_section(to, system.machine, text, "vionet " VIONET_VERSION);
	for (uint32_t i = 0; i < recorder->ports; i++) {
		to = recorder_file_room(file, PCAPNG_HEADER_MAX);
		if (to != NULL)
			file->used += pcapng_write_interface(to, &recorder->interface[i]);
	}
}

void recorder_put_stats(struct recorder *recorder)
{
	for (uint32_t i = 0; i < recorder->ports; i++) {
		uint64_t now = recorder_real_ns(CLOCK_REALTIME);
		struct pcapng_stats sum = { .start_ns = recorder->start_ns, .end_ns = now, .now_ns = now };
		uint8_t *to = recorder_file_room(&recorder->file, PCAPNG_HEADER_MAX);

		recorder_sum_port(recorder, i, &sum);
		if (to != NULL)
			recorder->file.used += pcapng_write_stats(to, i, &sum);
	}
}

/* Each file of a ring is valid, also where it is never reached. */
void recorder_begin_files(struct recorder *recorder)
{
	for (uint32_t i = 0; i < recorder->file.files; i++) {
		recorder_put_headers(recorder);
		recorder_file_flush(&recorder->file);
		if (recorder->file.files > 1 && recorder->file.error == 0)
			recorder_file_next(&recorder->file);
	}
	/* Back at the first. */
	if (recorder->file.files > 1)
		recorder_put_headers(recorder);
	__atomic_store_n(&recorder->files, 1, __ATOMIC_RELAXED);
}

/* What is to be said of a frame. False: nothing. */
static bool recorder_comment(const struct recorder *recorder, const struct frame_record *record,
			     char *text, size_t room)
{
	const struct recorder_flow *flow = NULL;
	uint32_t track = record->track;

	if (!record->tracked || record->gap == 0)
		return false;
	for (uint32_t i = 0; i < recorder->flows; i++)
		if (track - recorder->flow[i].first_track < recorder->flow[i].tracks)
			flow = &recorder->flow[i];
	if (flow != NULL)
		snprintf(text, room, "flow %.60s, track %u", flow->name, track - flow->first_track);
	else
		snprintf(text, room, "track id %u", track);
	room -= strlen(text);
	text += strlen(text);
	if (record->gap > 0)
		snprintf(text, room, ", %ju missing before", (uintmax_t)record->gap);
	else
		snprintf(text, room, ", late or again: %ju numbers back", -(uintmax_t)record->gap);
	return true;
}

/* Blocks that end a file. */
static uint32_t recorder_end_size(const struct recorder *recorder)
{
	return recorder->ports * 128u;
}

/* The file is full: on with the next one, if it is a ring. */
static bool recorder_iterate(struct recorder *recorder)
{
	recorder_put_stats(recorder);
	if (recorder->file.files == 1) {
		__atomic_store_n(&recorder->full, true, __ATOMIC_RELAXED);
		return false;
	}
	if (!recorder_file_next(&recorder->file))
		return false;
	recorder_count(&recorder->files, 1);
	recorder_put_headers(recorder);
	return true;
}

static void recorder_put_frame(struct recorder *recorder, const struct frame_record *record)
{
	struct recorder_file *file = &recorder->file;
	char comment[PCAPNG_COMMENT_MAX + 1];
	struct pcapng_frame frame = {
		.data = (const uint8_t *)(record + 1),
		.captured = record->captured,
		.length = record->length,
		.interface = record->port,
		.time_ns = (uint64_t)((int64_t)record->time_ns + recorder->clock_ns),
		.sent = record->sent,
		.queue = record->queue,
		.dropped = record->dropped,
	};
	uint32_t size = record->captured + PCAPNG_OVERHEAD;
	uint8_t *to;

	if (!recorder->full && !recorder_file_fits(file, size + recorder_end_size(recorder)))
		recorder_iterate(recorder);
	to = recorder->full ? NULL : recorder_file_room(file, size);
	if (to == NULL) {
		__atomic_store_n(&recorder->running, false, __ATOMIC_RELEASE);
		recorder_count(&recorder->lost, 1);
		return;
	}
	if (recorder_comment(recorder, record, comment, sizeof(comment)))
		frame.comment = comment;
	size = pcapng_write_frame(to, &frame);
	file->used += size;
	recorder_count(&recorder->written, 1);
	recorder_count(&recorder->bytes, size);
}

/* ---- the thread that writes ---- */

/* The ring with the oldest record. */
static struct frame_ring *recorder_oldest(struct recorder *recorder, struct frame_record **record)
{
	struct frame_ring *oldest = NULL;

	*record = NULL;
	for (uint32_t i = 0; i < recorder->workers; i++) {
		struct frame_ring *ring = &recorder->worker[i].ring;
		struct frame_record *first = frame_ring_peek(ring);

		if (first == NULL || (*record != NULL && first->time_ns >= (*record)->time_ns))
			continue;
		*record = first;
		oldest = ring;
	}
	return oldest;
}

static bool recorder_drain(struct recorder *recorder)
{
	struct frame_record *record;
	struct frame_ring *ring;
	int count = 0;

	for (; count < RECORDER_BATCH; count++) {
		ring = recorder_oldest(recorder, &record);
		if (ring == NULL)
			break;
		recorder_put_frame(recorder, record);
		frame_ring_pop(ring, record);
	}
	return count > 0;
}

/* As it was at first. */
static void recorder_clear(struct recorder *recorder)
{
	recorder_file_clear(&recorder->file);
	recorder_begin_files(recorder);
	__atomic_store_n(&recorder->full, false, __ATOMIC_RELAXED);
	__atomic_store_n(&recorder->running, true, __ATOMIC_RELEASE);
	/* Pairs with the acquire in recorder_begin_anew. */
	__atomic_store_n(&recorder->anew, false, __ATOMIC_RELEASE);
}

void *recorder_run(void *argument)
{
	struct recorder *recorder = argument;
	long rest_ns = RECORDER_SLEEP_MIN_NS;

	for (;;) {
		/* Looked at before the rings: what is in them then is written. */
		bool stop = __atomic_load_n(&recorder->stop, __ATOMIC_ACQUIRE);

		if (recorder_drain(recorder)) {
			rest_ns = RECORDER_SLEEP_MIN_NS;
			continue;
		}
		if (__atomic_load_n(&recorder->anew, __ATOMIC_ACQUIRE))
			recorder_clear(recorder);
		/* A reader beside us sees what there is. */
		if (recorder->file.used > 0 && !recorder_file_flush(&recorder->file))
			__atomic_store_n(&recorder->running, false, __ATOMIC_RELEASE);
		__atomic_store_n(&recorder->idle, recorder->idle + 1, __ATOMIC_RELEASE);
		if (stop)
			return NULL;
		nanosleep(&(struct timespec){ .tv_nsec = rest_ns }, NULL);
		if (rest_ns < RECORDER_SLEEP_MAX_NS)
			rest_ns *= 2;
	}
}
