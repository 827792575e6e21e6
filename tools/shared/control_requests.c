/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/control_requests.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/shared/control_wire.h"

struct control_call {
	const struct control_target *target;
	char *line; /* the answer */
};

static void control_refuse(struct control_reply *reply, const char *text)
{
	snprintf(reply->error, sizeof(reply->error), "%s", text);
}

static void control_set(const struct control_target *target,
			const struct control_request *request,
			struct control_reply *reply)
{
	static struct settings settings;
	struct parse_error error;

	settings = (struct settings){ 0 };
	for (unsigned int i = 0; i < request->count; i++) {
		const char *text = request->setting[i];

		if (text == NULL || settings_add(&settings, text, &error) != 0) {
			control_refuse(reply, text != NULL ? error.text : "no text");
			return;
		}
	}
	if (settings_at_start(&settings))
		control_refuse(reply, "queues and mtu are for the start of a device: give "
				      "--set to the command that runs");
	else if (apply_settings(target->device, &settings, &reply->results) != 0)
		control_refuse(reply, "no memory for the results");
}

static void control_answer_request(void *context, const struct control_request *request)
{
	struct control_call *call = context;
	struct control_reply reply = { 0 };

	snprintf(reply.in_use_by, sizeof(reply.in_use_by), "vionet %s, process %d",
		 call->target->command, (int)getpid());
	switch (request->command) {
	case CONTROL_WHO:
		break;
	case CONTROL_STATS:
		if (stats_collect(call->target->device, &reply.stats) != 0)
			control_refuse(&reply, "no memory for the statistics");
		break;
	case CONTROL_SET:
		control_set(call->target, request, &reply);
		break;
	case CONTROL_UNKNOWN:
		control_refuse(&reply, "no such request");
		break;
	}
	call->line = control_encode_reply(request, &reply);
	control_release_reply(&reply);
}

char *control_handle(void *context, const char *line)
{
	struct control_call call = { .target = context };

	control_decode_request(line, control_answer_request, &call);
	return call.line;
}
