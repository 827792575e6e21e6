/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames out of the files of a capture, as one file. */
#ifndef VIONET_TOOLS_PKTGEN_RECORDER_READ_H
#define VIONET_TOOLS_PKTGEN_RECORDER_READ_H

#include "tools/pktgen/capture/recorder_file.h"

/* Write them to `to`: as pcapng, with all that is known of them, or as pcap. Returns how many, -ENOMEM or what a
 * read or write failed with. */
int64_t recorder_read_file(const struct recorder_file *file, bool pcapng, int to);

#endif
