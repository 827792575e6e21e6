/* SPDX-License-Identifier: BSD-3-Clause */
/* The physical limits of two cores: core-to-core latency and a bare ring. */
#ifndef VIONET_BENCH_BARE_H
#define VIONET_BENCH_BARE_H

void pin_to(int cpu);

/* Nanoseconds for a cache line from CPU 0 to CPU 1 and back: the median. */
double probe_line(void);

/* Million payloads of 64 bytes a second through a ring from CPU 0 to CPU 1. `cpu`: the
 * share of the time of the core that had less of it because other processes ran there. */
double measure_bare(unsigned int ms, double *cpu);

#endif
