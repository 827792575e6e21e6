/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/json_results.h"

#include <jansson.h>

#include "tools/shared/control_wire.h"
#include "tools/shared/envelope.h"

/* A string, or null where there is nothing to say. */
static json_t *json_text(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *json_counters(const struct stats_counters *counters)
{
	json_t *object;

	if (!counters->known)
		return json_null();
	object = json_object();
	for (unsigned int i = 0; i < counters->count; i++)
		json_object_set_new(object, counters->counter[i].name,
				    json_integer((json_int_t)counters->counter[i].value));
	return object;
}

static json_t *json_queue(const struct stats_queue *queue)
{
	json_t *driver = json_counters(&queue->driver);

	if (queue->broken[0] != '\0')
		json_object_set_new(driver, "broken", json_string(queue->broken));
	return json_pack("{s:i, s:s, s:o, s:o}", "index", (int)queue->index, "role",
			 queue->role, "driver", driver, "own",
			 json_counters(&queue->device));
}

static json_t *json_types(const struct stats_report *report)
{
	json_t *array;

	if (!report->types_known)
		return json_null();
	array = json_array();
	for (unsigned int i = 0; i < report->types; i++)
		json_array_append_new(array, json_string(report->type[i]));
	return array;
}

/* A client of another process sees which one. */
static json_t *json_add_user(json_t *object, const char *in_use_by)
{
	if (in_use_by[0] != '\0')
		json_object_set_new(object, "in_use_by", json_string(in_use_by));
	return object;
}

json_t *json_stats(const struct stats_report *report)
{
	json_t *queues = json_array();

	for (unsigned int i = 0; i < report->queues; i++)
		json_array_append_new(queues, json_queue(&report->queue[i]));
	return json_add_user(json_pack("{s:s, s:I, s:o, s:o, s:o}",
				       "device", report->device,
				       "time_ns", (json_int_t)report->time_ns,
				       "types", json_types(report),
				       "note", json_text(report->note),
				       "queues", queues), report->in_use_by);
}

static json_t *json_setting(const struct setting_result *result)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:b, s:b, s:b, s:o}",
			 "key", result->key,
			 "requested", result->requested,
			 "before", json_text(result->before),
			 "after", json_text(result->after),
			 "from_device", (int)result->from_device,
			 "agreed", (int)result->agreed,
			 "at_start", (int)result->at_start,
			 "error", json_text(result->error));
}

json_t *json_settings(const struct setting_results *results)
{
	json_t *array = json_array();

	for (size_t i = 0; i < results->count; i++)
		json_array_append_new(array, json_setting(&results->list[i]));
	return json_pack("{s:o, s:i}", "results", array, "failed", (int)results->failed);
}

int json_print_stats(const struct stats_report *report)
{
	return envelope_print("stats", json_stats(report));
}

int json_print_settings(const struct setting_results *results, const char *device,
			bool held, const char *in_use_by)
{
	json_t *object = json_settings(results), *whole;

	if (device == NULL)
		return envelope_print("set", json_add_user(object, in_use_by));
	whole = json_pack("{s:s, s:b}", "device", device, "held", (int)held);
	if (json_object_update(whole, object) != 0) {
		json_decref(whole);
		whole = NULL;
	}
	json_decref(object);
	return envelope_print("set", whole);
}

json_t *json_migration(const struct control_migration *migration)
{
	return json_pack("{s:s, s:I, s:f, s:f}", "device", migration->device, "state_bytes",
			 (json_int_t)migration->state_bytes, "gap_ms", migration->gap_ms,
			 "total_ms", migration->total_ms);
}

int json_print_migration(const struct control_migration *migration, const char *from,
			 const char *in_use_by)
{
	json_t *object = json_migration(migration);

	if (object != NULL)
		json_object_set_new(object, "from", json_string(from));
	return envelope_print("migrate", json_add_user(object, in_use_by));
}
