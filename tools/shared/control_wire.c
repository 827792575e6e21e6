/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/control_wire.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/json_results.h"

static const char *const command_names[] = {
	[CONTROL_WHO] = "who",
	[CONTROL_STATS] = "stats",
	[CONTROL_SET] = "set",
	[CONTROL_MIGRATE] = "migrate",
};

#define COMMANDS (sizeof(command_names) / sizeof(command_names[0]))

/* The line of an object, which is taken. */
static char *wire_line(json_t *object)
{
	char *line = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return line;
}

/* ---- requests ---- */

char *control_encode_request(const struct control_request *request)
{
	json_t *object = json_pack("{s:s}", "command", command_names[request->command]);
	json_t *list = request->command == CONTROL_SET ? json_array() : NULL;

	for (unsigned int i = 0; list != NULL && i < request->count; i++)
		json_array_append_new(list, json_string(request->setting[i]));
	if (list != NULL)
		json_object_set_new(object, "settings", list);
	if (request->command == CONTROL_MIGRATE)
		json_object_set_new(object, "to", json_string(request->to));
	return wire_line(object);
}

static enum control_command wire_command(const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "command"));

	for (size_t i = 1; name != NULL && i < COMMANDS; i++)
		if (strcmp(name, command_names[i]) == 0)
			return (enum control_command)i;
	return CONTROL_UNKNOWN;
}

bool control_decode_request(const char *line,
			    void (*answer)(void *context,
					   const struct control_request *request),
			    void *context)
{
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(object, "settings");
	struct control_request request = {
		.command = wire_command(object),
		.count = (unsigned int)json_array_size(list),
		.to = json_string_value(json_object_get(object, "to")),
	};

	request.setting = calloc(request.count + 1, sizeof(*request.setting));
	if (object == NULL || request.setting == NULL) {
		free(request.setting);
		json_decref(object);
		return false;
	}
	for (unsigned int i = 0; i < request.count; i++)
		request.setting[i] = json_string_value(json_array_get(list, i));
	answer(context, &request);
	free(request.setting);
	json_decref(object);
	return true;
}

/* ---- replies ---- */

static json_t *wire_body(const struct control_request *request,
			 const struct control_reply *reply)
{
	if (reply->error[0] != '\0')
		return json_pack("{s:s}", "error", reply->error);
	switch (request->command) {
	case CONTROL_STATS:
		return json_stats(&reply->stats);
	case CONTROL_SET:
		return json_settings(&reply->results);
	case CONTROL_MIGRATE:
		return json_migration(&reply->migration);
	case CONTROL_WHO:
	case CONTROL_UNKNOWN:
		break;
	}
	return json_object();
}

char *control_encode_reply(const struct control_request *request,
			   const struct control_reply *reply)
{
	json_t *object = wire_body(request, reply);

	json_object_set_new(object, "in_use_by", json_string(reply->in_use_by));
	return wire_line(object);
}

/* Copy a text of others; "" if it is none. */
static void wire_text(const json_t *object, const char *key, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, size, "%s", text != NULL ? text : "");
	vionet_text_clean(to);
}

#define WIRE_TEXT(object, key, to) wire_text(object, key, to, sizeof(to))

static uint64_t wire_number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void wire_counters(const json_t *object, struct stats_counters *counters)
{
	const char *key;
	json_t *value;

	counters->known = json_is_object(object);
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		char name[STATS_NAME_MAX];

		if (!json_is_integer(value))
			continue;
		snprintf(name, sizeof(name), "%s", key);
		stats_add(counters, vionet_text_clean(name),
			  (uint64_t)json_integer_value(value));
	}
}

static void wire_queue(const json_t *object, struct stats_queue *queue)
{
	const json_t *driver = json_object_get(object, "driver");

	queue->index = (unsigned int)wire_number(object, "index");
	WIRE_TEXT(object, "role", queue->role);
	WIRE_TEXT(driver, "broken", queue->broken);
	wire_counters(driver, &queue->driver);
	wire_counters(json_object_get(object, "own"), &queue->device);
}

static void wire_types(const json_t *list, struct stats_report *report)
{
	size_t count = json_array_size(list);

	report->types_known = json_is_array(list);
	for (size_t i = 0; i < count && i < STATS_TYPES_MAX; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		char *to = report->type[report->types++];

		snprintf(to, STATS_NAME_MAX, "%s", text != NULL ? text : "unknown");
		vionet_text_clean(to);
	}
}

static int wire_stats(const json_t *object, struct stats_report *report)
{
	const json_t *queues = json_object_get(object, "queues");
	size_t count = json_array_size(queues);

	if (!json_is_array(queues))
		return -EIO;
	WIRE_TEXT(object, "device", report->device);
	WIRE_TEXT(object, "note", report->note);
	WIRE_TEXT(object, "in_use_by", report->in_use_by);
	report->time_ns = wire_number(object, "time_ns");
	wire_types(json_object_get(object, "types"), report);
	report->queue = calloc(STATS_QUEUES_MAX, sizeof(*report->queue));
	if (report->queue == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && i < STATS_QUEUES_MAX; i++)
		wire_queue(json_array_get(queues, i), &report->queue[report->queues++]);
	return 0;
}

static int wire_settings(const json_t *object, struct setting_results *results)
{
	const json_t *list = json_object_get(object, "results"), *item;
	size_t i;

	if (!json_is_array(list))
		return -EIO;
	results->failed = (unsigned int)wire_number(object, "failed");
	json_array_foreach(list, i, item) {
		struct setting_result *to = setting_results_add(results);

		if (to == NULL)
			return -ENOMEM;
		WIRE_TEXT(item, "key", to->key);
		WIRE_TEXT(item, "requested", to->requested);
		WIRE_TEXT(item, "before", to->before);
		WIRE_TEXT(item, "after", to->after);
		WIRE_TEXT(item, "error", to->error);
		to->from_device = json_is_true(json_object_get(item, "from_device"));
		to->agreed = json_is_true(json_object_get(item, "agreed"));
		to->at_start = json_is_true(json_object_get(item, "at_start"));
	}
	return 0;
}

static int wire_migration(const json_t *object, struct control_migration *migration)
{
	WIRE_TEXT(object, "device", migration->device);
	migration->state_bytes = wire_number(object, "state_bytes");
	migration->gap_ms = json_number_value(json_object_get(object, "gap_ms"));
	migration->total_ms = json_number_value(json_object_get(object, "total_ms"));
	return migration->device[0] != '\0' ? 0 : -EIO;
}

static int wire_reply(const json_t *object, enum control_command command,
		      struct control_reply *reply)
{
	if (!json_is_object(object))
		return -EIO;
	WIRE_TEXT(object, "in_use_by", reply->in_use_by);
	WIRE_TEXT(object, "error", reply->error);
	if (reply->error[0] != '\0')
		return 0;
	switch (command) {
	case CONTROL_STATS:
		return wire_stats(object, &reply->stats);
	case CONTROL_SET:
		return wire_settings(object, &reply->results);
	case CONTROL_MIGRATE:
		return wire_migration(object, &reply->migration);
	case CONTROL_WHO:
	case CONTROL_UNKNOWN:
		break;
	}
	return reply->in_use_by[0] != '\0' ? 0 : -EIO;
}

int control_decode_reply(const char *line, enum control_command command,
			 struct control_reply *reply)
{
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	int result;

	*reply = (struct control_reply){ 0 };
	result = wire_reply(object, command, reply);
	json_decref(object);
	return result;
}

void control_release_reply(struct control_reply *reply)
{
	stats_release(&reply->stats);
	setting_results_release(&reply->results);
}
