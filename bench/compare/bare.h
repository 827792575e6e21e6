/* SPDX-License-Identifier: BSD-3-Clause */
/* What two cores can do with nothing between them: the physical limits. */
#ifndef VIONET_BENCH_BARE_H
#define VIONET_BENCH_BARE_H

void pin_to(int cpu);

/* Nanoseconds for a cache line from CPU 0 to CPU 1 and back: the median. */
double probe_line(void);

/* Million payloads of 64 bytes a second through a ring from CPU 0 to CPU 1. `cpu`: the part
 * of the time that the core had which had less of it, for somebody else ran there. */
double measure_bare(unsigned int ms, double *cpu);

#endif
