/* SPDX-License-Identifier: BSD-3-Clause */
#include "driver/ring/kick.h"

/* A device that has gone is found out by the control thread. */
void vn_kick_unmapped(struct vionet_queue *queue)
{
	if (queue->doorbell.fd >= 0)
		(void)vn_event_send(&queue->transport->sender, queue->doorbell.fd);
	else
		(void)queue->transport->ops->kick(queue->transport,
						  &queue->doorbell);
}

void vn_queue_kick(struct vionet_queue *queue)
{
	ring_kick(queue, vn_layout_is_packed(queue->layout));
}
