/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for a recorder, and files that are read again, by our reader and by libpcap. */
#ifndef VIONET_TESTS_RECORDER_FIXTURE_H
#define VIONET_TESTS_RECORDER_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/capture/recorder.h"
#include "tools/pktgen/replay/savefile.h"

#define SIZE_MAX_TEST 2000

/* What the recorder said last, and how often. */
extern char said[1024];
extern unsigned int says;

/* A folder of each test, and names in it. */
int recorder_setup(void **state);
int recorder_teardown(void **state);
const char *path_of(const char *name);

extern const struct pcapng_interface recorder_ports[2];

/* Of a recorder with two ports and the flows web (10 tracks from 100) and dns (track 200). */
struct recorder *start_recorder(const struct recorder_options *options, uint32_t workers);
/* These tests' frames carry their track and number at the begin. */
bool test_signature(const uint8_t *frame, uint32_t available, uint32_t total, uint32_t *track, uint64_t *sequence);
void make_frame(uint8_t *frame, uint32_t size, uint32_t track, uint64_t sequence);
/* One passes at port worker % 2. */
void see_frame(struct recorder *recorder, uint32_t worker, bool sent, uint32_t size, uint32_t track, uint64_t sequence);

struct savefile *open_file(const char *path);
/* The next frame of the file has this number. Returns what it is. */
struct savefile_frame expect_number(struct savefile *file, uint64_t number);
/* Another reader sees so many frames, and no fault. */
void expect_libpcap(const char *path, unsigned int frames);
/* How often it is in a file. */
unsigned int count_text(const char *path, const char *text);

#endif
