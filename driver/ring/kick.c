/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "driver/ring/kick.h"

/* ---- notifications ---- */

/* An eventfd whose counter is full is signalled enough; a device that has gone is
 * found out by the control thread. */
void vn_kick_unmapped(struct vionet_queue *queue)
{
	const uint64_t one = 1;

	if (queue->doorbell.fd >= 0)
		(void)!write(queue->doorbell.fd, &one, sizeof(one));
	else
		(void)queue->transport->ops->kick(queue->transport,
						  &queue->doorbell);
}

void vn_queue_kick(struct vionet_queue *queue)
{
	kick(queue, vn_layout_is_packed(queue->layout));
}
