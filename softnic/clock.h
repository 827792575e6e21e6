/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SOFTNIC_CLOCK_H
#define SOFTNIC_CLOCK_H

#include <stdint.h>

uint64_t clock_now(void); /* monotonic, in ns */

#endif
