/* SPDX-License-Identifier: BSD-3-Clause */
/* One step of each operation of a ring, from any state. */
#define TABLES_OUT 0
#include "ring_state.h"

static void pop(bool receives)
{
	struct vn_pop c;
	uint32_t written, index;

	if (ring_pop_begin(&queue, LAYOUT, &c) == 0)
		return;
	c.popped = any(0, c.most - 1);
	if (ring_pop(&queue, LAYOUT, receives, &c, &written, &index) != 0)
		c.popped++;
	ring_pop_wrap(&queue, LAYOUT, &c);
	ring_pop_end(&queue, LAYOUT, &c);
	demand_state();
}

static void push(bool receives)
{
	struct vn_push c;

	ring_push_begin(&queue, LAYOUT, receives, &c);
	ring_push(&queue, LAYOUT, receives, &c, (vn_slot)&packet, any(0, UINT32_MAX),
		  any(0, UINT32_MAX));
	ring_push_wrap(&queue, LAYOUT, &c);
	ring_push_end(&queue, LAYOUT, receives, &c);
	demand_state();
}

int main(void)
{
	any_state();
	switch (any(0, 4)) {
	case 0:
		pop(any_bool());
		break;
	case 1:
		push(any_bool());
		break;
	case 2:
		if (vn_layout_is_packed(LAYOUT))
			packed_publish(&queue);
		else
			split_publish(&queue);
		ring_notify(&queue, LAYOUT);
		break;
	case 3:
		(void)ring_arm(&queue, LAYOUT);
		break;
	default:
		ring_disarm(&queue, LAYOUT);
	}
	Frama_C_show_each_end();
	return 0;
}
