/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TOOLS_PKTGEN_CONFIG_FILE_H
#define TOOLS_PKTGEN_CONFIG_FILE_H

#include "tools/pktgen/model/traffic.h"

/* Read a configuration, as otg_read_text does, from a file; "-": standard input. -errno of what
 * failed, with a text in `error`. Flows that cannot be sent (a size below their headers', a value
 * that its field does not hold) are refused too, with their place. */
int config_file_read(const char *file, struct traffic *traffic, struct traffic_error *error);

#endif
