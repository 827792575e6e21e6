/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/control_requests.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <vionet/error.h>
#include <vionet/migration.h>

#include "tools/shared/common.h"
#include "tools/shared/control_wire.h"
#include "tools/shared/rest.h"

struct control_call {
	struct control_target *target;
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

static void control_migrate(struct control_target *target, const struct control_request *request,
			    struct control_reply *reply)
{
	struct vionet_migration done = { .struct_size = sizeof(done) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct control_migration *to = &reply->migration;
	int result = -EAGAIN;

	if (request->to == NULL) {
		control_refuse(reply, "no text");
		return;
	}
	if (rest_begin())
		result = vionet_device_migrate(target->device, request->to, &done);
	rest_end();
	if (result != 0) {
		control_refuse(reply, result == -EAGAIN ? "the threads of its queues do not come "
							  "to rest; try again"
							: vionet_error_text());
		return;
	}
	target->moved = true;
	vionet_device_info(target->device, &info);
	snprintf(to->device, sizeof(to->device), "%s", info.name);
	to->state_bytes = done.state_bytes;
	to->gap_ms = done.gap_ms;
	to->total_ms = done.total_ms;
	say("moved to %s: %.1f ms without the device", to->device, to->gap_ms);
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
	case CONTROL_MIGRATE:
		control_migrate(call->target, request, &reply);
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
