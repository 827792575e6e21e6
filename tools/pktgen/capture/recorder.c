/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/capture/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include <vionet/packet.h>

#include "tools/pktgen/capture/frame_ring.h"
#include "tools/pktgen/capture/recorder_file.h"
#include "tools/pktgen/capture/recorder_read.h"
#include "tools/shared/common.h"
#include "tools/shared/frame_filter.h"
#include "tools/shared/packet_bytes.h"

#define RECORDER_RING (4u << 20)
/* Tracks of which each thread knows the next number: a power of two. */
#define RECORDER_TRACKS 4096u
/* How long the thread that writes sleeps when there is nothing. */
#define RECORDER_SLEEP_MIN_NS 100000
#define RECORDER_SLEEP_MAX_NS 5000000
#define RECORDER_BATCH 256
#define RECORDER_BURST_MAX 256u /* that is offered at once; more is not taken down */
#define RECORDER_SETTLE_TURNS 200u

struct recorder_track {
	uint32_t id;
	bool used;
	uint64_t next;
};

struct recorder_mark {
	struct frame_ring_mark ring;
	uint64_t matched;
};

/* What one queue's thread has for itself. */
struct recorder_worker {
	struct frame_ring ring;
	uint32_t port;
	uint64_t seen, matched; /* read by others */
	/* How things stood before each of the frames that are offered, and behind the last. */
	uint32_t offered;
	struct recorder_mark mark[RECORDER_BURST_MAX + 1];
	struct recorder_track track[RECORDER_TRACKS];
	uint8_t frame[VIONET_FRAME_MAX]; /* pieces put together */
};

struct recorder {
	struct recorder_options options;
	struct frame_filter filter;
	struct recorder_file file;
	struct pcapng_interface interface[RECORDER_PORTS_MAX];
	uint32_t ports, workers;
	struct recorder_worker *worker;
	struct recorder_flow *flow;
	uint32_t flows;
	uint64_t start_ns; /* since 1970 */
	int64_t clock_ns;  /* from CLOCK_MONOTONIC to time since 1970 */
	pthread_t thread;
	bool running; /* frames are taken. By __atomic, as the next four */
	bool stop, give_up;
	uint32_t enabled;		       /* ports, a bit each */
	uint64_t since_ns[RECORDER_PORTS_MAX]; /* since 1970: when each was enabled. The control thread's */
	uint64_t idle;			       /* times that all was written */
	bool started, said;
	uint64_t written, bytes, lost, files;
	bool full;
};

static uint64_t recorder_load(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static void recorder_count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* ---- the queues' threads ---- */

/* How many numbers of its track are missing in front of a frame; below 0: by how many it is late. */
static int64_t recorder_gap(struct recorder_worker *worker, uint32_t id, uint64_t sequence)
{
	uint32_t at = id * 2654435761u;
	struct recorder_track *track;
	int64_t gap;

	for (uint32_t tries = 0; tries < 8; tries++, at++) {
		track = &worker->track[at % RECORDER_TRACKS];
		if (!track->used)
			*track = (struct recorder_track){ .id = id, .used = true };
		if (track->id != id)
			continue;
		gap = (int64_t)(sequence - track->next);
		if (gap >= 0)
			track->next = sequence + 1;
		return gap;
	}
	return 0; /* too many tracks: nothing is said of this one */
}

static void recorder_take(struct recorder *recorder, struct recorder_worker *worker,
			  const struct engine_place *place, bool sent, const struct vionet_packet *packet,
			  uint64_t now_ns)
{
	uint32_t length, captured, track = 0;
	const uint8_t *frame = packet_linear(packet, worker->frame, sizeof(worker->frame), &length);
	struct frame_record *record;
	bool tracked = false;
	uint64_t sequence;
	int64_t gap = 0;

	if (recorder->options.signature != NULL)
		tracked = recorder->options.signature(frame, length, length, &track, &sequence);
	/* Also of frames that do not match: else they would seem to be lost. */
	if (tracked && !sent)
		gap = recorder_gap(worker, track, sequence);
	if (!frame_filter_match(&recorder->filter, frame, length, length))
		return;
	recorder_count(&worker->matched, 1);
	captured = recorder->options.snaplen != 0 && recorder->options.snaplen < length ? (uint32_t)recorder->options.snaplen : length;
	record = frame_ring_room(&worker->ring, captured);
	if (record == NULL)
		return;
	record->captured = captured;
	record->length = length;
	record->port = (uint16_t)place->port;
	record->queue = (uint16_t)place->queue;
	record->time_ns = now_ns;
	record->sent = sent;
	record->tracked = tracked;
	record->track = track;
	record->gap = gap;
	memcpy(frame_record_bytes(record), frame, captured);
	frame_ring_push(&worker->ring, record);
}

static struct recorder_worker *recorder_worker_of(const struct recorder *recorder,
						  const struct engine_place *place)
{
	if (!__atomic_load_n(&recorder->running, __ATOMIC_ACQUIRE) ||
	    place->worker >= recorder->workers || place->port >= recorder->ports ||
	    (__atomic_load_n(&recorder->enabled, __ATOMIC_RELAXED) >> place->port & 1) == 0)
		return NULL;
	return &recorder->worker[place->worker];
}

static void recorder_note(struct recorder_worker *worker)
{
	worker->mark[worker->offered] =
		(struct recorder_mark){ frame_ring_mark(&worker->ring), worker->matched };
}

static void recorder_see(void *context, const struct engine_place *place, bool sent,
			 struct vionet_packet *const *packets, uint32_t count, uint64_t now_ns)
{
	struct recorder *recorder = context;
	struct recorder_worker *worker = recorder_worker_of(recorder, place);

	if (worker == NULL)
		return;
	__atomic_store_n(&worker->port, place->port, __ATOMIC_RELAXED);
	worker->offered = 0;
	for (uint32_t i = 0; i < count && (!sent || i < RECORDER_BURST_MAX); i++) {
		recorder_note(worker);
		recorder_take(recorder, worker, place, sent, packets[i], now_ns);
		worker->offered += sent;
	}
	recorder_note(worker);
	if (sent)
		return;
	recorder_count(&worker->seen, count);
	frame_ring_publish(&worker->ring);
}

/* Those that were not taken are shown again. */
static void recorder_took(void *context, const struct engine_place *place, uint32_t count)
{
	const struct recorder *recorder = context;
	struct recorder_worker *worker;

	if (place->worker >= recorder->workers)
		return;
	worker = &recorder->worker[place->worker];
	if (count < worker->offered) {
		frame_ring_return(&worker->ring, &worker->mark[count].ring);
		__atomic_store_n(&worker->matched, worker->mark[count].matched, __ATOMIC_RELAXED);
		worker->offered = count;
	}
	recorder_count(&worker->seen, worker->offered);
	worker->offered = 0;
	frame_ring_publish(&worker->ring);
}

struct engine_tap recorder_tap(struct recorder *recorder)
{
	return (struct engine_tap){ .context = recorder, .see = recorder_see, .took = recorder_took };
}

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

static uint64_t recorder_real_ns(clockid_t clock)
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

static void recorder_put_stats(struct recorder *recorder)
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
static bool recorder_turn(struct recorder *recorder)
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
		recorder_turn(recorder);
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

static void *recorder_run(void *argument)
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

/* Signals are for the main thread. */
static int recorder_start_thread(struct recorder *recorder)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&recorder->thread, NULL, recorder_run, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		say("a thread for --capture: %s", strerror(error));
		return CODE_PERMISSION;
	}
	pthread_setname_np(recorder->thread, "capture");
	recorder->started = true;
	return CODE_OK;
}

/* ---- the control side ---- */

int recorder_open(struct recorder **opened, const struct recorder_options *options)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	uint32_t files = options->files > 1 ? (uint32_t)options->files : 1;
	int code;

	*opened = NULL;
	if (recorder == NULL) {
		say("--capture: no memory");
		return CODE_PERMISSION;
	}
	recorder->options = *options;
	code = frame_filter_compile(&recorder->filter, "--capture-filter", options->filter);
	if (code == CODE_OK && options->path == NULL)
		code = recorder_file_open_memory(&recorder->file, options->files > 1, options->memory);
	else if (code == CODE_OK)
		code = recorder_file_open(&recorder->file, options->path, files, options->size);
	recorder->enabled = options->path == NULL ? 0 : UINT32_MAX;
	recorder->file.give_up = &recorder->give_up;
	if (code != CODE_OK)
		recorder_close(recorder);
	else
		*opened = recorder;
	return code;
}

static int recorder_make_workers(struct recorder *recorder, uint32_t workers)
{
	int result = 0;

	recorder->worker = calloc(workers, sizeof(*recorder->worker));
	for (uint32_t i = 0; i < workers && recorder->worker != NULL && result == 0; i++) {
		result = frame_ring_make(&recorder->worker[i].ring, RECORDER_RING);
		recorder->workers = i + 1;
	}
	if (recorder->worker != NULL && result == 0)
		return CODE_OK;
	say("--capture: no memory for %u rings", workers);
	return CODE_PERMISSION;
}

static int recorder_keep_flows(struct recorder *recorder, const struct recorder_flow *flow, uint32_t flows)
{
	recorder->flow = calloc(flows + 1u, sizeof(*flow));
	if (recorder->flow == NULL) {
		say("--capture: no memory");
		return CODE_PERMISSION;
	}
	recorder->flows = flows;
	for (uint32_t i = 0; i < flows; i++)
		recorder->flow[i] = flow[i];
	return CODE_OK;
}

/* Each file of a ring is valid, also where it is never reached. */
static void recorder_begin_files(struct recorder *recorder)
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
	recorder->files = 1;
}

int recorder_start(struct recorder *recorder, const struct pcapng_interface *interface, uint32_t ports,
		   uint32_t workers, const struct recorder_flow *flow, uint32_t flows)
{
	recorder->ports = ports < RECORDER_PORTS_MAX ? ports : RECORDER_PORTS_MAX;
	for (uint32_t i = 0; i < recorder->ports; i++) {
		recorder->interface[i] = interface[i];
		recorder->interface[i].filter = recorder->options.filter;
		recorder->interface[i].snaplen = (uint32_t)recorder->options.snaplen;
	}
	recorder->start_ns = recorder_real_ns(CLOCK_REALTIME);
	recorder->clock_ns = (int64_t)(recorder->start_ns - recorder_real_ns(CLOCK_MONOTONIC));
	if (recorder_make_workers(recorder, workers) != CODE_OK ||
	    recorder_keep_flows(recorder, flow, flows) != CODE_OK)
		return CODE_PERMISSION;
	recorder_begin_files(recorder);
	if (recorder_check(recorder) != CODE_OK)
		return CODE_FAILED;
	if (recorder_start_thread(recorder) != CODE_OK)
		return CODE_PERMISSION;
	__atomic_store_n(&recorder->running, true, __ATOMIC_RELEASE);
	return CODE_OK;
}

void recorder_enable(struct recorder *recorder, uint32_t port, bool on)
{
	if (on)
		recorder->since_ns[port] = recorder_real_ns(CLOCK_REALTIME);
	if (on)
		__atomic_fetch_or(&recorder->enabled, 1u << port, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&recorder->enabled, ~(1u << port), __ATOMIC_RELAXED);
}

/* What is in the rings now is in the file when the thread that writes has slept twice. */
static void recorder_settle(const struct recorder *recorder)
{
	uint64_t before = __atomic_load_n(&recorder->idle, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < RECORDER_SETTLE_TURNS && recorder->started; i++) {
		if (__atomic_load_n(&recorder->idle, __ATOMIC_ACQUIRE) - before >= 2)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = RECORDER_SLEEP_MAX_NS }, NULL);
	}
}

int64_t recorder_read(struct recorder *recorder, uint32_t port, bool pcapng, int fd)
{
	recorder_settle(recorder);
	return recorder_read_port(&recorder->file, port, recorder->since_ns[port], pcapng, fd);
}

int recorder_check(struct recorder *recorder)
{
	int error = __atomic_load_n(&recorder->file.error, __ATOMIC_RELAXED);

	if (error == 0)
		return CODE_OK;
	if (!recorder->said)
		say("--capture %s: %s; the capture ended there, what was written before stays valid",
		    recorder->options.path != NULL ? recorder->options.path : "in memory", output_failure(error));
	recorder->said = true;
	return CODE_FAILED;
}

int recorder_stop(struct recorder *recorder)
{
	__atomic_store_n(&recorder->running, false, __ATOMIC_RELEASE);
	if (recorder->started) {
		struct timespec until;

		__atomic_store_n(&recorder->stop, true, __ATOMIC_RELEASE);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 2;
		if (pthread_timedjoin_np(recorder->thread, NULL, &until) != 0) {
			/* It waits for the reader of a pipe. */
			__atomic_store_n(&recorder->give_up, true, __ATOMIC_RELAXED);
			pthread_join(recorder->thread, NULL);
		}
		if (!recorder->full)
			recorder_put_stats(recorder);
		recorder_file_flush(&recorder->file);
	}
	recorder->started = false;
	return recorder_check(recorder);
}

void recorder_close(struct recorder *recorder)
{
	if (recorder == NULL)
		return;
	recorder_stop(recorder);
	frame_filter_free(&recorder->filter);
	recorder_file_close(&recorder->file);
	for (uint32_t i = 0; i < recorder->workers; i++)
		frame_ring_free(&recorder->worker[i].ring);
	free(recorder->worker);
	free(recorder->flow);
	free(recorder);
}

void recorder_counts(const struct recorder *recorder, struct recorder_counts *counts)
{
	*counts = (struct recorder_counts){
		.written = recorder_load(&recorder->written),
		.bytes = recorder_load(&recorder->bytes),
		.dropped = recorder_load(&recorder->lost),
		.files = recorder_load(&recorder->files),
		.full = __atomic_load_n(&recorder->full, __ATOMIC_RELAXED),
		.failed = __atomic_load_n(&recorder->file.error, __ATOMIC_RELAXED) != 0,
	};
	for (uint32_t i = 0; i < recorder->workers; i++) {
		const struct recorder_worker *worker = &recorder->worker[i];

		counts->seen += recorder_load(&worker->seen);
		counts->matched += recorder_load(&worker->matched);
		counts->dropped += frame_ring_dropped(&worker->ring);
	}
}

void recorder_describe(const struct recorder *recorder, char *text, uint32_t room)
{
	struct recorder_counts counts;
	size_t used;

	recorder_counts(recorder, &counts);
	snprintf(text, room, "%ju of %ju frame%s in %s", (uintmax_t)counts.written, (uintmax_t)counts.seen,
		 plural(counts.seen), recorder->options.path);
	used = strlen(text);
	if (recorder->file.files > 1)
		snprintf(text + used, room - used, " (a ring of %u files, %ju begun)", recorder->file.files,
			 (uintmax_t)counts.files);
	used = strlen(text);
	if (counts.dropped > 0)
		snprintf(text + used, room - used, ", %ju did not fit", (uintmax_t)counts.dropped);
	used = strlen(text);
	if (counts.full)
		snprintf(text + used, room - used, "; the file was full before the end");
	else if (counts.failed)
		snprintf(text + used, room - used, "; writing failed before the end");
}
