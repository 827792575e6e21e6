/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `--listen`: the HTTP interface of the Open Traffic Generator (models 1.61), and /metrics for Prometheus.
 * It has no thread: all is done in api_serve, in the control thread. Connections, requests, times
 * and memory are bounded. docs/pktgen-http.md describes it for its users.
 */
#ifndef VIONET_TOOLS_API_H
#define VIONET_TOOLS_API_H

#include <stdint.h>

#include "tools/pktgen/monitor/generator.h"

struct api;

/* Can it listen there? "unix:PATH", "127.0.0.1:PORT", "[::1]:PORT"; else the program ends with a sentence. */
void api_check_address(const char *address);

/* For a request line and headers, for a body, for taking the reply; however slowly it moves. */
#define API_PHASE_NS 30000000000ULL

/* Listen; says where, or what is wrong. Returns an exit code. */
int api_open(struct api **api, const char *address, uint64_t phase_ns, struct generator *generator);
void api_close(struct api *api); /* NULL is allowed */

/* To be polled for reading, and when to serve at the latest. */
int api_fd(const struct api *api);
uint64_t api_due(struct api *api);

/* Take connections, read, answer; never waits for a client. */
void api_serve(struct api *api);

/* Remove the files of a UNIX socket. For a signal handler. */
void api_unlink(const struct api *api);

#endif
