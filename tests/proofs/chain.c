/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers of several elements, from any state: handed over in an indirect table or a chain, and
 * taken back. POP: the latter.
 */
#include "ring_state.h"

static void push_chain(void)
{
	struct vn_element elements[ENTRIES + 1];
	uint32_t count = any(1, ENTRIES + 1);
	uint32_t writable = any(0, count);

	for (uint32_t i = 0; i < ENTRIES + 1; i++)
		elements[i] = (struct vn_element){ .iova = any(0, UINT32_MAX), .length = any(0, UINT32_MAX) };
	//@ split count;
	//@ split writable;
	(void)vn_queue_submit(&queue, elements, (uint16_t)(count - writable), (uint16_t)writable, (vn_slot)&packet);
}

int main(void)
{
	uint32_t written, at;

	any_state();
	at = any(0, SIZE - 1);
	//@ split at;
	if (vn_layout_is_packed(LAYOUT))
		queue.packed.used = ring_descs + at;
	if (POP)
		(void)vn_queue_collect(&queue, &written);
	else
		push_chain();
	demand_state();
	Frama_C_show_each_end();
	return 0;
}
