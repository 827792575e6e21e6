/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that write configurations have in common. Memory that is missing is noted in the document. */
#ifndef VIONET_TOOLS_OTG_WRITE_PARTS_H
#define VIONET_TOOLS_OTG_WRITE_PARTS_H

#include "tools/pktgen/model/otg_parts.h"

void otg_write_packet(struct tree_document *document, struct tree *flow, const struct traffic_flow *traffic);
void otg_write_hex(struct tree_document *document, struct tree *object, const char *key,
		   const uint8_t *bytes, size_t count);

#endif
