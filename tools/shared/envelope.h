/* SPDX-License-Identifier: BSD-3-Clause */
/* What every JSON object of the command begins with. */
#ifndef VIONET_TOOLS_ENVELOPE_H
#define VIONET_TOOLS_ENVELOPE_H

struct json_t;

/* Of the objects' keys: one more when a key changes its meaning or goes; keys that come
 * do not count. */
#define ENVELOPE_SCHEMA 1

/*
 * Print an object: `command` ("pktgen"), `schema`, `version` (of the program), and then
 * what is in `object`, which is taken; NULL is refused. Returns an exit code; what has
 * gone wrong has been said.
 */
int envelope_print(const char *command, struct json_t *object);

/* The whole object, for other uses than to be printed; NULL: no memory. */
struct json_t *envelope_make(const char *command, struct json_t *object);

/* The machine that this runs on: its name, kernel, architecture, CPUs. */
struct json_t *envelope_host(void);

#endif
