/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What vionet processes say to each other over the control socket: a line of JSON asks, a
 * line answers. A line of others is text like any other: what is decoded has no control
 * characters (vionet_text_clean), and fits.
 */
#ifndef VIONET_TOOLS_CONTROL_WIRE_H
#define VIONET_TOOLS_CONTROL_WIRE_H

#include "tools/shared/apply_settings.h"
#include "tools/shared/stats_collector.h"

enum control_command {
	CONTROL_UNKNOWN,
	CONTROL_WHO,	 /* which process has the device */
	CONTROL_STATS,	 /* its statistics */
	CONTROL_SET,	 /* apply settings */
	CONTROL_MIGRATE, /* move to another server */
};

/* `setting`: of CONTROL_SET, as typed; NULL where it is no text. */
struct control_request {
	enum control_command command;
	unsigned int count;
	const char **setting;
	const char *to; /* of CONTROL_MIGRATE: the other server; NULL where it is no text */
};

/* What came of a move. */
struct control_migration {
	char device[VIONET_NAME_MAX]; /* its name now */
	uint64_t state_bytes;
	double gap_ms, total_ms;
};

/* What of it is filled in depends on the request and on `error`. */
struct control_reply {
	char error[VIONET_ERROR_TEXT_MAX]; /* why not, else "" */
	char in_use_by[STATS_NAME_MAX];	   /* "vionet pktgen, process 42" */
	struct stats_report stats;
	struct setting_results results;
	struct control_migration migration;
};

/* Lines without the newline, which the caller frees; NULL: no memory. */
char *control_encode_request(const struct control_request *request);
char *control_encode_reply(const struct control_request *request,
			   const struct control_reply *reply);

/* The process that asks. Returns 0, -EIO if it is no reply to `command`, or -ENOMEM; the
 * caller releases the reply in any case. */
int control_decode_reply(const char *line, enum control_command command,
			 struct control_reply *reply);
void control_release_reply(struct control_reply *reply);

/* The process that has the device: decode a request and answer it. The texts in the request
 * are valid until `answer` returns. Returns false if the line is no request at all. */
bool control_decode_request(const char *line,
			    void (*answer)(void *context,
					   const struct control_request *request),
			    void *context);

#endif
