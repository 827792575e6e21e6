/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/engine/reorder.h"

#define RING (2 * REORDER_FAR)

/* ---- RFC 4737 ---- */

/* How many arrivals after the first that had a higher number. Each jump is one of them: what is older than
 * all that are kept has the last extent. */
static uint64_t reorder_extent(const struct reorder *reorder, uint64_t sequence, uint64_t at)
{
	uint64_t kept = reorder->jumps < REORDER_KINDS ? reorder->jumps : REORDER_KINDS;

	for (uint64_t i = 0; i < kept; i++)
		if (sequence >= reorder->jump[i].first && sequence < reorder->jump[i].end)
			return at - reorder->jump[i].at;
	/* In front of the first that came. */
	return reorder->jumps <= REORDER_KINDS ? at - 1 : REORDER_KINDS;
}

/* How many frames just before it all had higher numbers: back to the last late one that had not. */
static uint64_t reorder_degree(const struct reorder *reorder, uint64_t sequence, uint64_t at,
			       uint64_t extent)
{
	uint64_t kept = reorder->lates < REORDER_KINDS ? reorder->lates : REORDER_KINDS;

	for (uint64_t i = 1; i <= kept; i++) {
		uint64_t before = (reorder->lates - i) % REORDER_KINDS;

		if (reorder->late[before].at < at - extent)
			break;
		if (reorder->late[before].sequence < sequence)
			return at - 1 - reorder->late[before].at;
	}
	return extent;
}

static void reorder_count(uint64_t counts[REORDER_KINDS], uint64_t value)
{
	if (value > 0)
		counts[(value < REORDER_KINDS ? value : REORDER_KINDS) - 1]++;
}

/* ---- RFC 5236 ---- */

static uint64_t reorder_in_window(const struct reorder *reorder, uint8_t i)
{
	return reorder->window[(reorder->head + i) % RING];
}

/* Is the frame of the next receive index among those that came? And the lowest number above it. */
static bool reorder_look(const struct reorder *reorder, uint64_t *above)
{
	*above = UINT64_MAX;
	if (reorder->count > 0 && !reorder->mixed) {
		*above = reorder_in_window(reorder, 0);
		return *above == reorder->index;
	}
	for (uint8_t i = 0; i < reorder->count + reorder->buffered; i++) {
		uint64_t sequence = i < reorder->count ? reorder_in_window(reorder, i)
						       : reorder->buffer[i - reorder->count];

		if (sequence == reorder->index)
			return true;
		if (sequence > reorder->index && sequence < *above)
			*above = sequence;
	}
	return false;
}

static void reorder_forget_index(struct reorder *reorder)
{
	for (uint8_t i = 0; i < reorder->buffered; i++)
		if (reorder->buffer[i] == reorder->index) {
			reorder->buffer[i] = reorder->buffer[--reorder->buffered];
			return;
		}
}

/* The next receive index is that of the oldest arrival. */
static void reorder_assign(struct reorder *reorder)
{
	uint64_t sequence = reorder_in_window(reorder, 0);
	int64_t displacement = (int64_t)(reorder->index - sequence);

	reorder->head = (uint8_t)((reorder->head + 1) % RING);
	reorder->count--;
	if (displacement < -REORDER_FAR || displacement > REORDER_FAR) {
		reorder->found.beyond++;
		return;
	}
	reorder->found.density[displacement + REORDER_FAR]++;
	reorder_forget_index(reorder);
	if (displacement < 0)
		reorder->buffer[reorder->buffered++] = sequence;
	reorder->index++;
}

/* As far as it is known which numbers come. `all`: no more will. */
static void reorder_run(struct reorder *reorder, bool all)
{
	uint64_t above;

	while (reorder->count > 0) {
		if (reorder_look(reorder, &above)) {
			reorder_assign(reorder);
			continue;
		}
		if (reorder->count <= REORDER_FAR && !all)
			return;
		/* What has not come by now is lost. */
		reorder->index = above;
	}
	if (reorder->buffered > 0)
		return;
	reorder->mixed = false;
	/* A frame far ahead was left out: its index may come yet. */
	reorder->busy = reorder->index != reorder->next;
}

static void reorder_push(struct reorder *reorder, uint64_t sequence)
{
	reorder->window[(reorder->head + reorder->count++) % RING] = sequence;
	reorder_run(reorder, false);
}

/* ---- both ---- */

void reorder_newest(struct reorder *reorder, uint64_t sequence, uint64_t gap, uint64_t at)
{
	if (gap > 0) {
		uint64_t i = reorder->jumps++ % REORDER_KINDS;

		reorder->jump[i].first = sequence - gap;
		reorder->jump[i].end = sequence;
		reorder->jump[i].at = at;
		if (!reorder->busy)
			reorder->index = sequence - gap;
		reorder->busy = true;
	}
	reorder->next = sequence + 1;
	if (reorder->busy)
		reorder_push(reorder, sequence);
}

void reorder_late(struct reorder *reorder, uint64_t sequence, uint64_t at)
{
	uint64_t extent = reorder_extent(reorder, sequence, at);
	uint64_t i = reorder->lates % REORDER_KINDS;

	reorder_count(reorder->found.extent, extent);
	reorder_count(reorder->found.degree, reorder_degree(reorder, sequence, at, extent));
	reorder->late[i].sequence = sequence;
	reorder->late[i].at = at;
	reorder->lates++;
	if (!reorder->busy || sequence < reorder->index) {
		reorder->found.beyond++;
		return;
	}
	reorder->mixed = true;
	reorder_push(reorder, sequence);
}

void reorder_sum(const struct reorder *reorder, uint64_t arrivals, struct engine_reordering *sum)
{
	struct reorder all = *reorder;
	uint64_t elsewhere;

	reorder_run(&all, true);
	elsewhere = all.found.beyond;
	for (int i = 0; i <= 2 * REORDER_FAR; i++) {
		if (i == REORDER_FAR)
			continue;
		sum->density[i] += all.found.density[i];
		elsewhere += all.found.density[i];
	}
	sum->density[REORDER_FAR] += arrivals - elsewhere;
	sum->beyond += all.found.beyond;
	for (int i = 0; i < REORDER_KINDS; i++) {
		sum->extent[i] += all.found.extent[i];
		sum->degree[i] += all.found.degree[i];
	}
}
