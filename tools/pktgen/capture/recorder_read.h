/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames of one port out of the files of a capture, as a file of their own. */
#ifndef VIONET_TOOLS_PKTGEN_RECORDER_READ_H
#define VIONET_TOOLS_PKTGEN_RECORDER_READ_H

#include "tools/pktgen/capture/recorder_file.h"

/* Write those that came at `from_ns` (since 1970) or later to `to`: as pcapng, with all that is known of them, or as pcap. Returns how many, -ENOMEM or what a
 * read or write failed with. */
int64_t recorder_read_port(const struct recorder_file *file, uint32_t port, uint64_t from_ns, bool pcapng, int to);

#endif
