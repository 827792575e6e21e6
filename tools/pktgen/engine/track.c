/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/engine/track.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>

#include "tools/pktgen/engine/reorder.h"
#include "tools/pktgen/sequence_tracker.h"

#define WINDOW 64
#define SPINS 200

/* Zero-filled is fresh. */
struct track {
	uint64_t window; /* bit i: number next - 1 - i came */
	uint64_t next;
	uint64_t latency_sum;
	uint32_t latency_min, latency_max;
	uint32_t unique; /* modulo 2^32 */
	uint32_t first;	 /* lowest that came, at most UINT32_MAX */
	uint32_t reordered;
	uint16_t duplicates; /* these two stay at their highest value */
	uint8_t started;
	uint8_t lock;
};

_Static_assert(sizeof(struct track) == 48, "ten million in 512 MiB");

struct track_wide {
	struct tracker tracker;
	uint64_t lowest; /* that came */
	uint64_t latency_sum, latency_min, latency_max;
	uint8_t started;
	uint8_t lock;
	bool ordered; /* some came, and nothing is known to be out of its place: the next one is all that counts */
	struct reorder reorder;
};

static void *track_map(size_t bytes)
{
	void *memory;

	if (bytes == 0)
		return NULL;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return memory != MAP_FAILED ? memory : NULL;
}

int track_table_make(struct track_table *table, uint32_t count, uint32_t wide_count,
		     bool shared)
{
	*table = (struct track_table){
		.count = count,
		.wide_count = wide_count,
		.shared = shared,
		.compact_bytes = (count - wide_count) * sizeof(struct track),
		.wide_bytes = wide_count * sizeof(struct track_wide),
	};
	table->compact = track_map(table->compact_bytes);
	table->wide = track_map(table->wide_bytes);
	if ((table->compact == NULL && table->compact_bytes != 0) ||
	    (table->wide == NULL && table->wide_bytes != 0)) {
		track_table_free(table);
		return -ENOMEM;
	}
	return 0;
}

void track_table_free(struct track_table *table)
{
	if (table->compact != NULL)
		munmap(table->compact, table->compact_bytes);
	if (table->wide != NULL)
		munmap(table->wide, table->wide_bytes);
	*table = (struct track_table){ 0 };
}

/* Anonymous memory that is given back reads as zeros. */
void track_table_clear(struct track_table *table)
{
	if (table->compact != NULL)
		madvise(table->compact, table->compact_bytes, MADV_DONTNEED);
	if (table->wide != NULL)
		madvise(table->wide, table->wide_bytes, MADV_DONTNEED);
}

void track_table_clear_part(struct track_table *table, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		if (i < table->wide_count)
			table->wide[i] = (struct track_wide){ 0 };
		else
			table->compact[i - table->wide_count] = (struct track){ 0 };
}

static void track_lock(const struct track_table *table, uint8_t *lock)
{
	if (!table->shared)
		return;
	for (unsigned int i = 1; __atomic_test_and_set(lock, __ATOMIC_ACQUIRE); i++)
		if (i % SPINS == 0)
			sched_yield(); /* who has it may wait for this CPU */
}

static void track_unlock(const struct track_table *table, uint8_t *lock)
{
	if (table->shared)
		__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

/* A record, and both lines where it lies on two. */
void track_prefetch(const struct track_table *table, uint32_t index)
{
	if (index < table->wide_count) {
		__builtin_prefetch(&table->wide[index].tracker, 1);
		return;
	}
	__builtin_prefetch(&table->compact[index - table->wide_count], 1);
	__builtin_prefetch((char *)&table->compact[index - table->wide_count] + 47, 1);
}

/* The holes that a number leaves, or fills, in front of the lowest that came. */
static void track_step_late(struct track_step *step, uint64_t sequence, uint64_t *lowest)
{
	step->kind = TRACK_LATE;
	if (sequence >= *lowest) {
		step->middle = -1;
		return;
	}
	step->begin = -(int64_t)(*lowest - sequence);
	step->middle = (int64_t)(*lowest - sequence - 1);
	*lowest = sequence;
}

/* ---- records ---- */

static void track_begin(struct track *track, uint64_t sequence, uint64_t start)
{
	track->started = 1;
	track->next = start <= sequence ? start : sequence;
	track->latency_min = UINT32_MAX;
}

static void track_add_newest(struct track *track, uint64_t sequence, struct track_step *step)
{
	uint64_t gap = sequence - track->next;

	if (track->unique == 0 && track->window == 0) { /* the first of it */
		step->begin = (int64_t)gap;
		track->first = sequence < UINT32_MAX ? (uint32_t)sequence : UINT32_MAX;
	} else {
		step->middle = (int64_t)gap;
	}
	track->window = gap + 1 < WINDOW ? track->window << (gap + 1) | 1 : 1;
	track->next = sequence + 1;
	track->unique++;
	step->kind = TRACK_NEWEST;
}

static void track_add_late(struct track *track, uint64_t sequence, struct track_step *step)
{
	uint64_t back = track->next - 1 - sequence;
	uint64_t lowest = track->first;

	if (back >= WINDOW) {
		step->kind = TRACK_OLD;
		return;
	}
	if (track->window >> back & 1) {
		step->kind = TRACK_DUPLICATE;
		if (track->duplicates != UINT16_MAX)
			track->duplicates++;
		return;
	}
	track->window |= 1ULL << back;
	track->unique++;
	track->reordered += track->reordered != UINT32_MAX;
	step->behind = back;
	track_step_late(step, sequence, &lowest);
	track->first = (uint32_t)lowest;
}

static void track_add_latency(struct track *track, uint64_t latency_ns)
{
	uint32_t cut = latency_ns < UINT32_MAX ? (uint32_t)latency_ns : UINT32_MAX;

	track->latency_sum += cut;
	if (cut < track->latency_min)
		track->latency_min = cut;
	if (cut > track->latency_max)
		track->latency_max = cut;
}

static void track_add_compact(struct track *track, uint64_t sequence, uint64_t start,
			      uint64_t latency_ns, struct track_step *step)
{
	if (!track->started)
		track_begin(track, sequence, start);
	if (sequence >= track->next)
		track_add_newest(track, sequence, step);
	else
		track_add_late(track, sequence, step);
	if (step->kind == TRACK_NEWEST || step->kind == TRACK_LATE)
		track_add_latency(track, latency_ns);
}

/* ---- large windows ---- */

static void track_wide_begin(struct track_wide *wide, uint64_t sequence, uint64_t start)
{
	wide->started = 1;
	tracker_start(&wide->tracker, start <= sequence ? start : sequence);
	wide->latency_min = UINT64_MAX;
	wide->lowest = UINT64_MAX;
}

/* What the tracker said before. */
struct track_counts {
	uint64_t next, duplicates, reordered, out_of_window;
};

static void track_wide_note(struct track_wide *wide, const struct track_counts *before,
			    uint64_t sequence, struct track_step *step)
{
	const struct tracker *now = &wide->tracker;

	if (now->duplicates != before->duplicates) {
		step->kind = TRACK_DUPLICATE;
	} else if (now->out_of_window != before->out_of_window) {
		step->kind = TRACK_OLD;
	} else if (now->reordered != before->reordered) {
		step->behind = now->next - 1 - sequence;
		track_step_late(step, sequence, &wide->lowest);
		reorder_late(&wide->reorder, sequence, now->unique);
	} else {
		step->kind = TRACK_NEWEST;
		reorder_newest(&wide->reorder, sequence, sequence - before->next, now->unique);
		if (wide->lowest == UINT64_MAX) {
			wide->lowest = sequence;
			step->begin = (int64_t)(sequence - before->next);
		} else {
			step->middle = (int64_t)(sequence - before->next);
		}
	}
}

static inline void track_wide_latency(struct track_wide *wide, uint64_t latency_ns, uint32_t count)
{
	wide->latency_sum += latency_ns * count;
	if (latency_ns < wide->latency_min)
		wide->latency_min = latency_ns;
	if (latency_ns > wide->latency_max)
		wide->latency_max = latency_ns;
}

static inline bool track_wide_expects(const struct track_wide *wide, uint64_t sequence)
{
	return wide->ordered && sequence == wide->tracker.next;
}

static void track_add_wide(struct track_wide *wide, uint64_t sequence, uint64_t start,
			   uint64_t latency_ns, struct track_step *step)
{
	struct tracker *tracker = &wide->tracker;
	uint64_t next, late;

	if (!wide->started)
		track_wide_begin(wide, sequence, start);
	next = tracker->next;
	late = tracker->duplicates + tracker->out_of_window;
	if (__builtin_expect(track_wide_expects(wide, sequence), 1)) {
		tracker_add_next(tracker);
		step->kind = TRACK_NEWEST;
	} else {
		struct track_counts before = {
			next, tracker->duplicates, tracker->reordered,
			tracker->out_of_window
		};

		tracker_add(tracker, sequence);
		track_wide_note(wide, &before, sequence, step);
		wide->ordered = !wide->reorder.busy;
	}
	if (tracker->duplicates + tracker->out_of_window != late)
		return;
	track_wide_latency(wide, latency_ns, 1);
}

void track_add(struct track_table *table, uint32_t index, uint64_t sequence, uint64_t start,
	       uint64_t latency_ns, struct track_step *step)
{
	*step = (struct track_step){ 0 };
	if (index < table->wide_count) {
		struct track_wide *wide = &table->wide[index];

		track_lock(table, &wide->lock);
		track_add_wide(wide, sequence, start, latency_ns, step);
		track_unlock(table, &wide->lock);
	} else {
		struct track *track = &table->compact[index - table->wide_count];

		track_lock(table, &track->lock);
		track_add_compact(track, sequence, start, latency_ns, step);
		track_unlock(table, &track->lock);
	}
}

bool track_expects(const struct track_table *table, uint32_t index, uint64_t sequence)
{
	struct track_wide *wide = &table->wide[index];
	bool expects;

	if (index >= table->wide_count)
		return false;
	track_lock(table, &wide->lock);
	expects = track_wide_expects(wide, sequence);
	track_unlock(table, &wide->lock);
	return expects;
}

bool track_add_run(struct track_table *table, uint32_t index, uint64_t sequence, uint32_t count,
		   uint64_t latency_ns)
{
	struct track_wide *wide = &table->wide[index];
	bool expected;

	track_lock(table, &wide->lock);
	expected = track_wide_expects(wide, sequence);
	if (expected) {
		tracker_add_run(&wide->tracker, count);
		track_wide_latency(wide, latency_ns, count);
	}
	track_unlock(table, &wide->lock);
	return expected;
}

/* ---- looking ---- */

static void track_state_wide(const struct track_table *table, struct track_wide *wide,
			     struct track_state *state)
{
	track_lock(table, &wide->lock);
	*state = (struct track_state){
		.started = wide->started != 0,
		.first = wide->lowest,
		.next = wide->tracker.next,
		.unique = wide->tracker.unique,
		.duplicates = wide->tracker.duplicates,
		.reordered = wide->tracker.reordered,
		.latency_min = wide->latency_min,
		.latency_max = wide->latency_max,
		.latency_sum = wide->latency_sum,
	};
	track_unlock(table, &wide->lock);
}

static void track_state_compact(const struct track_table *table, struct track *track,
				struct track_state *state)
{
	track_lock(table, &track->lock);
	*state = (struct track_state){
		.started = track->started != 0,
		.first = track->first,
		.next = track->next,
		.unique = track->unique,
		.duplicates = track->duplicates,
		.reordered = track->reordered,
		.latency_min = track->latency_min,
		.latency_max = track->latency_max,
		.latency_sum = track->latency_sum,
	};
	track_unlock(table, &track->lock);
}

void track_state(const struct track_table *table, uint32_t index, struct track_state *state)
{
	if (index < table->wide_count)
		track_state_wide(table, &table->wide[index], state);
	else
		track_state_compact(table, &table->compact[index - table->wide_count], state);
}

bool track_reordering(const struct track_table *table, uint32_t index, struct engine_reordering *sum)
{
	struct track_wide *wide = &table->wide[index];

	if (index >= table->wide_count)
		return false;
	track_lock(table, &wide->lock);
	reorder_sum(&wide->reorder, wide->tracker.unique, sum);
	track_unlock(table, &wide->lock);
	return true;
}
