/* SPDX-License-Identifier: BSD-3-Clause */
/* Which flow's frames go into the next burst: its place in the heap or in the row, its end. */
#include "tools/pktgen/engine/send_parts.h"

/* ---- the heap: four children each, the soonest on top ---- */

static void send_heap_put(struct worker *worker, uint32_t at, const struct heap_entry *entry)
{
	worker->heap[at] = *entry;
	worker->tx[entry->flow].at = at;
}

static void send_heap_down(struct worker *worker, uint32_t at, struct heap_entry entry)
{
	for (;;) {
		uint32_t first = 4 * at + 1, best = at;
		uint64_t due = entry.due_ns;

		for (uint32_t i = first; i < first + 4 && i < worker->heap_count; i++)
			if (worker->heap[i].due_ns < due) {
				best = i;
				due = worker->heap[i].due_ns;
			}
		if (best == at)
			break;
		send_heap_put(worker, at, &worker->heap[best]);
		at = best;
	}
	send_heap_put(worker, at, &entry);
}

static void send_heap_up(struct worker *worker, uint32_t at, struct heap_entry entry)
{
	while (at > 0 && worker->heap[(at - 1) / 4].due_ns > entry.due_ns) {
		send_heap_put(worker, at, &worker->heap[(at - 1) / 4]);
		at = (at - 1) / 4;
	}
	send_heap_put(worker, at, &entry);
}

static void send_heap_remove(struct worker *worker, uint32_t at)
{
	struct heap_entry last = worker->heap[--worker->heap_count];

	if (at == worker->heap_count)
		return;
	if (at > 0 && worker->heap[(at - 1) / 4].due_ns > last.due_ns)
		send_heap_up(worker, at, last);
	else
		send_heap_down(worker, at, last);
}

void send_unplace(struct worker *worker, uint32_t flow)
{
	struct flow_tx *tx = &worker->tx[flow];

	if (tx->place == FLOW_TIMED) {
		send_heap_remove(worker, tx->at);
	} else if (tx->place == FLOW_MAX) {
		worker->max[tx->at] = worker->max[--worker->max_count];
		worker->tx[worker->max[tx->at]].at = tx->at;
	}
	tx->place = FLOW_IDLE;
}

bool send_source_has_more(struct flow_tx *tx)
{
	if (!tx->next_known)
		tx->next_known = tx->source->next(tx->source->context, &tx->next);
	return tx->next_known;
}

uint64_t send_source_due(struct flow_tx *tx)
{
	uint64_t due = schedule_due(&tx->schedule);

	if (!send_source_has_more(tx) || due == SCHEDULE_NEVER)
		return SCHEDULE_NEVER;
	return tx->schedule.paced ? due : tx->source_base + tx->next.due_ns;
}

static uint64_t send_flow_due(struct flow_tx *tx)
{
	uint64_t due;

	if (tx->source == NULL || tx->schedule.paced)
		return schedule_wake(&tx->schedule);
	due = send_source_due(tx);
	return due < tx->schedule.end_ns ? due : tx->schedule.end_ns;
}

static bool send_has_pending(const struct worker *worker, const struct flow_tx *tx)
{
	for (uint32_t i = 0; i < worker->pending_count; i++)
		if (worker->pending[i].flow == tx)
			return true;
	return false;
}

void send_finish(struct worker *worker, struct flow_tx *tx)
{
	if (!tx->over || send_has_pending(worker, tx))
		return;
	count_set(&tx->done_ns, now_ns());
	count_set(&tx->done, 1);
}

bool send_end_if_over(struct worker *worker, uint32_t flow, uint64_t now_ns)
{
	struct flow_tx *tx = &worker->tx[flow];

	if (!schedule_is_over(&tx->schedule, now_ns) &&
	    (tx->source == NULL || send_source_has_more(tx)))
		return false;
	send_unplace(worker, flow);
	tx->over = true;
	worker->ending = true;
	send_finish(worker, tx);
	return true;
}

void send_place(struct worker *worker, uint32_t flow, uint64_t now_ns)
{
	struct flow_tx *tx = &worker->tx[flow];
	struct heap_entry entry = { .flow = flow };

	send_unplace(worker, flow);
	if (send_end_if_over(worker, flow, now_ns))
		return;
	if (tx->schedule.paced || tx->schedule.burst_frames != 0 || tx->source != NULL ||
	    schedule_due(&tx->schedule) > now_ns) {
		entry.due_ns = send_flow_due(tx);
		tx->place = FLOW_TIMED;
		send_heap_up(worker, worker->heap_count++, entry);
		return;
	}
	tx->place = FLOW_MAX;
	tx->at = worker->max_count;
	worker->max[worker->max_count++] = flow;
}

void send_again(struct worker *worker, uint32_t flow, uint64_t now_ns)
{
	struct flow_tx *tx = &worker->tx[flow];
	struct heap_entry entry = { .flow = flow };

	if (send_end_if_over(worker, flow, now_ns))
		return;
	entry.due_ns = send_flow_due(tx);
	/* What waited only for its start. */
	if (!tx->schedule.paced && tx->schedule.burst_frames == 0 && tx->source == NULL)
		send_place(worker, flow, now_ns);
	else
		send_heap_down(worker, tx->at, entry);
}

uint64_t send_next(const struct worker *worker)
{
	if (worker->max_count > 0)
		return 0;
	return worker->heap_count > 0 ? worker->heap[0].due_ns : SCHEDULE_NEVER;
}

void send_forget(struct worker *worker, const struct flow_tx *flow)
{
	struct flow_tx *tx = NULL;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < worker->pending_count; i++) {
		struct pending *pending = &worker->pending[i];

		if (pending->flow != flow) {
			worker->packet[kept] = worker->packet[i];
			worker->pending[kept++] = *pending;
			continue;
		}
		if (tx == NULL) {
			tx = pending->flow;
			schedule_rewind(&tx->schedule, pending->track - tx->first_track,
					pending->sequence);
		}
		vionet_packet_free(&worker->packet[i], 1);
	}
	worker->pending_count = kept;
}
