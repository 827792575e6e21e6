/* SPDX-License-Identifier: BSD-3-Clause */
/* /config: the whole, and changes of it. A change is made in the JSON of what there is, which is then read
 * as a configuration: it is checked as any other. */
#include "tools/pktgen/api/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/model/otg.h"
#include "tools/shared/common.h"

static void config_refuse(struct api_reply *reply, const struct traffic_error *error)
{
	if (error->line != 0)
		api_refuse(reply, 400, "line %u, column %u: %s", error->line, error->column,
			   error->text);
	else
		api_refuse(reply, 400, "%s", error->text);
}

/* Read one; NULL: it has been refused. */
static struct traffic *config_parse(struct api_reply *reply, const char *text, size_t length)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	struct traffic_error error = { .text = "" };
	int result = traffic != NULL ? otg_read_text(text, length, traffic, &error) : -ENOMEM;

	if (result == 0)
		return traffic;
	free(traffic);
	reply->internal = result == -ENOMEM;
	if (error.text[0] != '\0')
		config_refuse(reply, &error);
	else
		api_refuse(reply, reply->internal ? 503 : 400, "%s", strerror(-result));
	return NULL;
}

/* Files are read for who may read them, and that is not every client. */
static void config_check_files(struct api_reply *reply, const struct traffic *traffic)
{
	for (size_t i = 0; i < traffic->flows; i++)
		if (traffic->flow[i].template.file != NULL || traffic->flow[i].replay.file != NULL)
			api_refuse(reply, 400,
				   "flows[%zu].x-vionet.%s: captures are read for configurations of the command line "
				   "only (--config)",
				   i, traffic->flow[i].replay.file != NULL ? "replay" : "template");
}

static bool config_check(struct api_reply *reply, const struct traffic *traffic)
{
	size_t twice = traffic_find_twice(traffic);

	config_check_files(reply, traffic);
	for (size_t i = 0; i < traffic->ports; i++)
		if (traffic->port[i].location == NULL || traffic->port[i].location[0] == '\0')
			api_refuse(reply, 400, "ports[%zu].location: it is missing; name a device, as on the "
					       "command line: vfio-user:PATH, 0000:00:04.0",
				   i);
	if (reply->errors == NULL && twice < traffic->ports)
		api_refuse(reply, 400, "ports[%zu].location: '%.200s' is named twice: a device is one port", twice,
			   traffic->port[twice].location);
	return reply->errors == NULL;
}

/* `set`: generator_configure, or generator_change. */
static void config_replace(const struct api_request *request, struct api_reply *reply,
			   const char *text, size_t length,
			   int (*set)(struct generator *generator, struct traffic *traffic))
{
	struct traffic *traffic = config_parse(reply, text, length);
	int code;

	if (traffic == NULL)
		return;
	if (!config_check(reply, traffic)) {
		traffic_free(traffic);
		free(traffic);
		return;
	}
	code = set(request->generator, traffic);
	if (code == CODE_OK)
		api_answer_done(reply);
	else
		api_refuse_code(reply, code);
}

static bool config_is_blank(const char *text, size_t length)
{
	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL && text[length - 1] != '\0')
		length--;
	return length == 0;
}

/* Nothing at all is no configuration, and much less an order to drop the one that there is. */
void api_set_config(const struct api_request *request, struct api_reply *reply)
{
	if (config_is_blank(request->body, request->length))
		api_refuse(reply, 400, "a configuration is expected, and the body is empty; {} drops what there is");
	else
		config_replace(request, reply, request->body, request->length, generator_configure);
}

void api_get_config(const struct api_request *request, struct api_reply *reply)
{
	const struct traffic *traffic = request->generator->traffic;

	reply->text = traffic != NULL ? otg_write_json(traffic) : strdup("{}");
	if (reply->text == NULL) {
		reply->internal = true;
		api_refuse(reply, 503, "no memory");
		return;
	}
	reply->length = strlen(reply->text);
	reply->status = 200;
}

/* ---- changes ---- */

/* What there is, as JSON with a list of flows. */
static json_t *config_of(const struct api_request *request, struct api_reply *reply)
{
	char *text = request->generator->traffic != NULL ? otg_write_json(request->generator->traffic) : strdup("{}");
	json_t *config = text != NULL ? json_loads(text, 0, NULL) : NULL;

	free(text);
	if (config == NULL) {
		reply->internal = true;
		api_refuse(reply, 503, "no memory");
		return NULL;
	}
	if (!json_is_array(json_object_get(config, "flows")))
		json_object_set_new(config, "flows", json_array());
	return config;
}

static ssize_t config_find_flow(json_t *flows, const char *name)
{
	json_t *flow;
	size_t i;

	json_array_foreach(flows, i, flow)
	{
		const char *has = json_string_value(json_object_get(flow, "name"));

		if (has != NULL && name != NULL && strcmp(has, name) == 0)
			return (ssize_t)i;
	}
	return -1;
}

static void config_apply(const struct api_request *request, struct api_reply *reply, json_t *config)
{
	char *text = json_dumps(config, JSON_COMPACT);

	if (text != NULL)
		config_replace(request, reply, text, strlen(text), generator_change);
	free(text);
}

/* Flows of a configuration that is running are not replaced under it. */
static bool config_is_idle(const struct api_request *request, struct api_reply *reply)
{
	const struct engine *engine = request->generator->engine;

	if (engine == NULL || !engine_is_sending(engine))
		return true;
	api_refuse(reply, 409, "flows are being sent: stop them first (POST /control/state)");
	return false;
}

/* Of a list of {choice: flows, flows: [...]}: all that stand in `flows`. */
static json_t *config_resources(struct api_reply *reply, json_t *list)
{
	static const char *const kinds[] = { "flows", NULL };
	json_t *all = json_array(), *item, *member;
	char path[API_PATH_MAX];
	size_t i;

	if (!json_is_array(list))
		api_refuse(reply, 400, "a list is expected");
	json_array_foreach(list, i, item)
	{
		snprintf(path, sizeof(path), "[%zu].", i);
		api_only(reply, item, path, "choice flows");
		if (api_word(reply, item, path, "choice", kinds, -1) < 0)
			break;
		member = api_member(reply, item, path, "flows", JSON_ARRAY);
		if (member != NULL)
			json_array_extend(all, member);
	}
	if (reply->errors == NULL)
		return all;
	json_decref(all);
	return NULL;
}

void api_append_config(const struct api_request *request, struct api_reply *reply)
{
	json_t *added = config_is_idle(request, reply) ? config_resources(reply, request->json) : NULL;
	json_t *config = added != NULL ? config_of(request, reply) : NULL;

	if (config != NULL) {
		json_array_extend(json_object_get(config, "flows"), added);
		config_apply(request, reply, config);
	}
	json_decref(config);
	json_decref(added);
}

static void config_delete_flows(struct api_reply *reply, json_t *flows, json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		ssize_t at = config_find_flow(flows, json_string_value(name));

		if (at >= 0)
			json_array_remove(flows, (size_t)at);
		else
			api_refuse(reply, 400, "flows[%zu]: '%.80s' is in no configuration", i,
				   json_is_string(name) ? json_string_value(name) : "");
	}
}

void api_delete_config(const struct api_request *request, struct api_reply *reply)
{
	json_t *names = config_is_idle(request, reply) ? config_resources(reply, request->json) : NULL;
	json_t *config = names != NULL ? config_of(request, reply) : NULL;

	if (config != NULL)
		config_delete_flows(reply, json_object_get(config, "flows"), names);
	if (config != NULL && reply->errors == NULL)
		config_apply(request, reply, config);
	json_decref(config);
	json_decref(names);
}

/* ---- PATCH /config: rates, while they are sent ---- */

/* x-vionet has rates that the model cannot say, and stands above the model's. A client that knows nothing of it
 * may have got it with the flow: then what it has changed is the model's. */
static void config_merge_rate(json_t *old, json_t *flow)
{
	json_t *rate = json_object_get(flow, "rate");
	json_t *more = json_object_get(json_object_get(flow, "x-vionet"), "rate");

	if (json_is_null(rate))
		rate = NULL;
	if (rate != NULL && !json_equal(rate, json_object_get(old, "rate")))
		more = NULL;
	if (rate == NULL && more == NULL)
		return;
	if (rate != NULL)
		json_object_set(old, "rate", rate);
	if (more == NULL) {
		json_object_del(json_object_get(old, "x-vionet"), "rate");
		return;
	}
	if (json_object_get(old, "x-vionet") == NULL)
		json_object_set_new(old, "x-vionet", json_object());
	json_object_set(json_object_get(old, "x-vionet"), "rate", more);
}

/* The flows of `updated` in place of those of their names. */
static bool config_merge(struct api_reply *reply, json_t *flows, json_t *updated, bool rate, bool size)
{
	json_t *flow;
	size_t i;

	json_array_foreach(updated, i, flow)
	{
		ssize_t at = config_find_flow(flows, json_string_value(json_object_get(flow, "name")));
		json_t *old = at >= 0 ? json_array_get(flows, (size_t)at) : NULL;

		if (old == NULL)
			api_refuse(reply, 400, "flows.flows[%zu].name: it is in no configuration", i);
		if (old != NULL && rate)
			config_merge_rate(old, flow);
		if (old != NULL && size && json_object_get(flow, "size") != NULL)
			json_object_set(old, "size", json_object_get(flow, "size"));
	}
	return reply->errors == NULL;
}

/* Only rates differ: they are set in the engine, whatever it is doing. */
static void config_set_rates(const struct api_request *request, struct api_reply *reply,
			     const struct traffic *changed)
{
	struct generator *generator = request->generator;
	int code = generator_may_change(generator, false) ? CODE_OK : CODE_USAGE;

	for (size_t i = 0; i < changed->flows && code == CODE_OK; i++) {
		const struct rate *rate = &changed->flow[i].rate, *old = &generator->traffic->flow[i].rate;

		if (old->kind != rate->kind || old->milli != rate->milli)
			code = generator_set_rate(generator, (uint32_t)i, rate);
	}
	if (code == CODE_OK)
		api_answer_done(reply);
	else
		api_refuse_code(reply, code);
}

static void config_update_rates(const struct api_request *request, struct api_reply *reply,
				json_t *config)
{
	char *text = json_dumps(config, JSON_COMPACT);
	struct traffic *changed = text != NULL ? config_parse(reply, text, strlen(text)) : NULL;

	if (changed != NULL) {
		config_set_rates(request, reply, changed);
		traffic_free(changed);
		free(changed);
	}
	free(text);
}

/* property_names, as bits: rate 1, size 2. */
static uint32_t config_properties(struct api_reply *reply, json_t *flows)
{
	static const char *const names[] = { "rate", "size", NULL };
	json_t *list = api_member(reply, flows, "flows.", "property_names", JSON_ARRAY);
	uint32_t bits = 0;

	if (json_array_size(list) == 0)
		api_refuse(reply, 400, "flows.property_names: it is missing");
	else
		api_columns(reply, flows, "flows.", "property_names", names, &bits);
	return bits;
}

static void config_update_flows(const struct api_request *request, struct api_reply *reply,
				json_t *flows)
{
	uint32_t properties = config_properties(reply, flows);
	json_t *updated = api_member(reply, flows, "flows.", "flows", JSON_ARRAY), *config;

	if (reply->errors != NULL || !api_needs_engine(request, reply) ||
	    ((properties & 2) != 0 && !config_is_idle(request, reply)))
		return;
	config = config_of(request, reply);
	if (config == NULL)
		return;
	if (config_merge(reply, json_object_get(config, "flows"), updated, properties & 1,
			 properties & 2)) {
		if (properties == 1)
			config_update_rates(request, reply, config);
		else
			config_apply(request, reply, config);
	}
	json_decref(config);
}

void api_update_config(const struct api_request *request, struct api_reply *reply)
{
	static const char *const kinds[] = { "flows", NULL };
	json_t *flows;

	if (!json_is_object(request->json))
		api_refuse(reply, 400, "an object is expected");
	else if (api_only(reply, request->json, "", "choice flows") &&
		 api_word(reply, request->json, "", "choice", kinds, -1) == 0) {
		flows = api_member(reply, request->json, "", "flows", JSON_OBJECT);
		if (flows != NULL && api_only(reply, flows, "flows.", "property_names flows"))
			config_update_flows(request, reply, flows);
		else if (reply->errors == NULL)
			api_refuse(reply, 400, "flows: it is missing");
	}
}
