/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/pktgen/capture/recorder_parts.h"
#include "tools/pktgen/capture/recorder_read.h"
#include "tools/shared/common.h"

#define RECORDER_RING (4u << 20)
#define RECORDER_SETTLE_TURNS 2000u

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

int recorder_open(struct recorder **opened, const struct recorder_options *options)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	uint32_t files = options->files > 1 ? (uint32_t)options->files : 1;
	const char *filter = options->path != NULL ? "--capture-filter" : "a capture's x-vionet.filter";
	int code;

	*opened = NULL;
	if (recorder == NULL) {
		say("--capture: no memory");
		return CODE_PERMISSION;
	}
	recorder->options = *options;
	code = frame_filter_compile(&recorder->filter, filter, options->filter);
	if (code == CODE_OK && options->path == NULL)
		code = recorder_file_open_memory(&recorder->file, options->files > 1, options->memory);
	else if (code == CODE_OK)
		code = recorder_file_open(&recorder->file, options->path, files, options->size);
	recorder->enabled = options->path != NULL;
	recorder->file.stop_waiting = &recorder->stop_waiting;
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

/* The thread that writes empties its file, when what was captured before is in it. */
static void recorder_begin_anew(struct recorder *recorder)
{
	recorder_settle(recorder);
	__atomic_store_n(&recorder->anew, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < RECORDER_SETTLE_TURNS && recorder->started; i++) {
		if (!__atomic_load_n(&recorder->anew, __ATOMIC_ACQUIRE))
			return;
		nanosleep(&(struct timespec){ .tv_nsec = RECORDER_SLEEP_MAX_NS }, NULL);
	}
}

void recorder_enable(struct recorder *recorder, bool on)
{
	__atomic_store_n(&recorder->enabled, false, __ATOMIC_RELAXED);
	if (!on)
		return;
	recorder_begin_anew(recorder);
	__atomic_store_n(&recorder->enabled, true, __ATOMIC_RELAXED);
}

int64_t recorder_read(struct recorder *recorder, bool pcapng, int fd)
{
	recorder_settle(recorder);
	return recorder_read_file(&recorder->file, pcapng, fd);
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
			__atomic_store_n(&recorder->stop_waiting, true, __ATOMIC_RELAXED);
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
