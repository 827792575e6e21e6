/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what remote.h says. Never: believes a request: settings are read as those of a
 * command line are.
 * Read next: set.c and stats.c, which ask.
 */
#include "tools/shared/control_client.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/shared/apply_settings.h"
#include "tools/shared/stats_collector.h"
#include "tools/shared/session.h"

/* ---- answering ---- */

static json_t *refusal(const char *text)
{
	return json_pack("{s:s}", "error", text);
}

static json_t *answer_set(struct session *session, const json_t *request)
{
	static struct settings settings;
	const json_t *list = json_object_get(request, "settings");
	struct parse_error error;
	unsigned int failed = 0;
	json_t *results, *item;
	size_t i;

	settings = (struct settings){ 0 };
	json_array_foreach(list, i, item) {
		if (!json_is_string(item) ||
		    settings_add(&settings, json_string_value(item), &error) != 0)
			return refusal(json_is_string(item) ? error.text :
							      "no text");
	}
	if (settings_at_start(&settings))
		return refusal("queues and mtu are for the start of a device: give "
			       "--set to the command that runs");
	results = apply_settings(session->device, &settings, &failed);
	return json_pack("{s:o, s:i}", "results", results, "failed", (int)failed);
}

json_t *remote_answer(void *context, const json_t *request)
{
	struct session *session = context;
	const char *command = json_string_value(json_object_get(request, "command"));
	json_t *object;

	if (command != NULL && strcmp(command, "stats") == 0)
		object = gather_statistics(session->device);
	else if (command != NULL && strcmp(command, "set") == 0)
		object = answer_set(session, request);
	else if (command != NULL && strcmp(command, "who") == 0)
		object = json_object();
	else
		object = refusal("no such request");
	json_object_set_new(object, "holder",
			    json_sprintf("vionet %s, process %d", session->command,
					 (int)getpid()));
	return object;
}

/* ---- asking ---- */

/* Why no answer came of a process that has the device. Returns an exit code. */
static int say_silent(const char *device, int result, int process)
{
	if (code_of_run(result) == CODE_PERMISSION) {
		say("%s: whether another process has it cannot be asked: %s%s", device,
		    strerror(-result),
		    result == -EMFILE ? "; raise the limit: ulimit -n 1024" : "");
		return CODE_PERMISSION;
	}
	if (result == -ETIMEDOUT && process > 0)
		say("%s: process %d has it and does not answer; if it was stopped: kill "
		    "-CONT %d", device, process, process);
	else
		say("%s: the process that has it does not answer: %s", device,
		    result == -EIO ? "what it says makes no sense" : strerror(-result));
	return result == -ETIMEDOUT ? CODE_UNDRIVABLE : CODE_FAILED;
}

/* Takes `request`. */
static int ask(const char *device, json_t *request, const char *what, json_t **reply)
{
	int process, result = holder_ask(device, request, reply, &process);
	const json_t *error = json_object_get(*reply, "error");

	json_decref(request);
	if (result == 0 && !json_is_array(json_object_get(*reply, what)) &&
	    !json_is_string(error)) {
		json_decref(*reply);
		*reply = NULL;
		result = -EIO;
	}
	/* Another user's, or none: an attempt to open the device tells. */
	if (result == 0 || result == -ENOENT || result == -EACCES)
		return CODE_OK;
	return result == -EINTR ? CODE_FAILED : say_silent(device, result, process);
}

int remote_statistics(const char *device, json_t **reply)
{
	int code = ask(device, json_pack("{s:s}", "command", "stats"), "queues", reply);
	const char *error = json_string_value(json_object_get(*reply, "error"));

	if (error == NULL)
		return code;
	say("%s: the process that has it says: %s", device, error);
	json_decref(*reply);
	*reply = NULL;
	return CODE_FAILED;
}

int remote_set(const char *device, char *const *settings, unsigned int count,
	       json_t **reply)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(list, json_string(settings[i]));
	return ask(device, json_pack("{s:s, s:o}", "command", "set", "settings", list),
		   "results", reply);
}

void remote_hint(const char *device, const char *command)
{
	json_t *reply = NULL;
	json_t *request = json_pack("{s:s}", "command", "who");
	int process, result = holder_ask(device, request, &reply, &process);
	const char *holder;

	json_decref(request);
	holder = json_string_value(json_object_get(reply, "holder"));
	if (holder != NULL)
		say("%s is in use by %.80s; end it to run '%s', or see 'vionet stats' "
		    "and 'vionet set', which work beside it", device, holder, command);
	else if (result == -EACCES)
		say("%s may be in use by a process of another user's; ask as root: sudo "
		    "vionet stats %s", device, device);
	else if (result != -ENOENT && result != -EINTR)
		say_silent(device, result, process);
	json_decref(reply);
}
