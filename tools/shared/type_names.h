/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_TYPE_NAMES_H
#define VIONET_TOOLS_TYPE_NAMES_H

#include <stdint.h>

/* The name of the lowest bit in `bits`, a type of statistics; or NULL. */
const char *stats_type_name(uint64_t bits);

#endif
