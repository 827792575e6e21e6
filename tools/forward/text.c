/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/forward/forward.h"

#include <stdio.h>

#include "tools/shared/common.h"

uint64_t forward_dropped(const struct vionet_queue_stats *rx)
{
	return rx->dropped_short + rx->dropped_long + rx->dropped_chain + rx->dropped_metadata;
}

/* ", 3 flooded": nothing where there was none. */
static void text_print_some(uint64_t count, const char *what)
{
	if (count > 0)
		printf(", %ju %s", (uintmax_t)count, what);
}

static void text_print_port(const struct forward_port_results *port, double seconds)
{
	const struct port_counts *counts = &port->counts;

	printf("%s\n  received %ju frame%s (%.0f/s), %ju bytes", clean(port->device),
	       (uintmax_t)counts->received, plural(counts->received),
	       (double)counts->received / seconds, (uintmax_t)port->rx.bytes);
	text_print_some(counts->flooded, "flooded");
	text_print_some(counts->filtered, "filtered");
	text_print_some(counts->summed, "checksums completed");
	text_print_some(forward_dropped(&port->rx), "dropped by the driver");
	printf("\n  sent %ju frame%s (%.0f/s), %ju bytes", (uintmax_t)counts->sent,
	       plural(counts->sent), (double)counts->sent / seconds, (uintmax_t)port->tx.bytes);
	text_print_some(counts->copied, "copied");
	text_print_some(counts->full, "lost: its queue was full");
	text_print_some(counts->unable, "lost: it cannot send them");
	text_print_some(counts->starved, "lost: no buffer for a copy");
	text_print_some(port->tx.invalid, "refused by the driver");
	printf("\n");
}

int forward_print_text(const struct forward_results *results)
{
	for (unsigned int i = 0; i < results->count; i++)
		text_print_port(&results->port[i], results->duration_s);
	if (!results->straight) {
		printf("%u station%s known", results->stations, plural(results->stations));
		text_print_some(results->moved, "moved");
		text_print_some(results->replaced, "replaced for want of room");
		printf("\n");
	}
	return CODE_OK;
}
