/* SPDX-License-Identifier: BSD-3-Clause */
/* /control/state, /control/action, /capabilities/version, and what has no states here. */
#include "tools/pktgen/api/parts.h"

#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

#include "tools/shared/common.h"

/* The model that is followed: also what its files and clients call themselves. */
#define MODEL_VERSION "1.61.0"

/* The object that `choice` names, and its path with a dot; NULL: refused. */
static json_t *control_chosen(struct api_reply *reply, json_t *object, const char *path,
			      const char *const *words, int *chosen, char below[API_PATH_MAX])
{
	json_t *member = NULL;
	char all[API_PATH_MAX] = "choice";

	for (size_t i = 0; words[i] != NULL; i++)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s", words[i]);
	*chosen = api_only(reply, object, path, all) ? api_word(reply, object, path, "choice", words, -1) : -1;
	if (*chosen < 0)
		return NULL;
	snprintf(below, API_PATH_MAX, "%s%s.", path, words[*chosen]);
	member = api_member(reply, object, path, words[*chosen], JSON_OBJECT);
	if (member == NULL && reply->errors == NULL)
		api_refuse(reply, 400, "%s%s: it is missing", path, words[*chosen]);
	return member;
}

/* ---- traffic ---- */

static void control_set_flows(const struct api_request *request, struct api_reply *reply,
			      json_t *object, const char *path)
{
	static const char *const states[] = { [ENGINE_START] = "start",
					      [ENGINE_STOP] = "stop",
					      [ENGINE_PAUSE] = "pause",
					      [ENGINE_RESUME] = "resume",
					      NULL };
	struct generator *generator = request->generator;
	uint32_t *flow;
	size_t count;
	int state, code;

	if (!api_only(reply, object, path, "flow_names state"))
		return;
	state = api_word(reply, object, path, "state", states, -1);
	if (state < 0 || !api_needs_engine(request, reply) ||
	    !api_numbers(request, reply, object, path, "flow_names", generator_find_flow,
			 generator->traffic->flows, &flow, &count))
		return;
	if (!generator_may_change(generator, false)) {
		free(flow);
		api_refuse_code(reply, CODE_USAGE);
		return;
	}
	code = engine_transmit(generator->engine, flow, count, (enum engine_transmit)state);
	free(flow);
	if (code == CODE_OK)
		api_answer_done(reply);
	else
		api_refuse_code(reply, code);
}

static void control_set_traffic(const struct api_request *request, struct api_reply *reply,
				json_t *object, const char *path)
{
	static const char *const kinds[] = { "flow_transmit", NULL };
	char below[API_PATH_MAX];
	int chosen;
	json_t *member = control_chosen(reply, object, path, kinds, &chosen, below);

	if (member != NULL)
		control_set_flows(request, reply, member, below);
}

/* ---- ports ---- */

/* Ports that are named have to have one; of all ports those that have. */
static void control_enable_captures(struct generator *generator, struct api_reply *reply,
				    const uint32_t *port, size_t count, const char *path, bool on,
				    bool named)
{
	size_t done = 0;

	for (size_t i = 0; i < count; i++) {
		if (generator->captures != NULL && captures_enable(generator->captures, port[i], on))
			done++;
		else if (named)
			api_refuse(reply, 400, "%sport_names[%zu]: the port is in no `captures` of the "
					       "configuration",
				   path, i);
	}
	if (done == 0 && !named)
		api_refuse(reply, 400, "%sport_names: the configuration has no `captures`", path);
}

static void control_set_capture(const struct api_request *request, struct api_reply *reply,
				json_t *object, const char *path)
{
	static const char *const states[] = { "start", "stop", NULL };
	struct generator *generator = request->generator;
	size_t all, count;
	uint32_t *port;
	int state;

	if (!api_only(reply, object, path, "port_names state"))
		return;
	state = api_word(reply, object, path, "state", states, -1);
	if (state < 0 || !api_needs_engine(request, reply))
		return;
	all = generator->traffic->ports;
	if (!api_numbers(request, reply, object, path, "port_names", generator_find_port, all, &port,
			 &count))
		return;
	control_enable_captures(generator, reply, port, count, path, state == 0,
				json_array_size(json_object_get(object, "port_names")) != 0);
	free(port);
	if (reply->errors == NULL)
		api_answer_done(reply);
}

static void control_set_port(const struct api_request *request, struct api_reply *reply,
			     json_t *object, const char *path)
{
	static const char *const kinds[] = { "capture", "link", NULL };
	char below[API_PATH_MAX];
	int chosen;
	json_t *member = control_chosen(reply, object, path, kinds, &chosen, below);

	if (member != NULL && chosen == 0)
		control_set_capture(request, reply, member, below);
	else if (member != NULL)
		api_refuse(reply, 400, "%slink: not supported: a virtio-net driver cannot set the link "
				       "of its device",
			   path);
}

/* ---- protocols: there are none, and a client that starts them all before its flows may go on ---- */

static void control_set_protocol(struct api_reply *reply, json_t *object, const char *path)
{
	static const char *const kinds[] = { "all", NULL };
	static const char *const states[] = { "start", "stop", NULL };
	char below[API_PATH_MAX];
	int chosen;
	json_t *member = control_chosen(reply, object, path, kinds, &chosen, below);

	if (member != NULL && api_only(reply, member, below, "state") &&
	    api_word(reply, member, below, "state", states, -1) >= 0) {
		json_array_append_new(reply->notices, json_string("no protocols are configured"));
		api_answer_done(reply);
	}
}

void api_set_state(const struct api_request *request, struct api_reply *reply)
{
	static const char *const kinds[] = { "port", "protocol", "traffic", NULL };
	char below[API_PATH_MAX];
	json_t *member;
	int chosen;

	if (!json_is_object(request->json)) {
		api_refuse(reply, 400, "an object is expected");
		return;
	}
	member = control_chosen(reply, request->json, "", kinds, &chosen, below);
	if (member == NULL)
		return;
	if (chosen == 0)
		control_set_port(request, reply, member, below);
	else if (chosen == 1)
		control_set_protocol(reply, member, below);
	else
		control_set_traffic(request, reply, member, below);
}

void api_set_action(const struct api_request *request, struct api_reply *reply)
{
	const char *choice = json_string_value(json_object_get(request->json, "choice"));

	if (!json_is_object(request->json))
		api_refuse(reply, 400, "an object is expected");
	else if (choice == NULL)
		api_refuse(reply, 400, "choice: it is missing");
	else
		api_refuse(reply, 400, "%.40s: not supported: there is nothing but ports and flows",
			   choice);
}

/* Neighbours are those of emulated devices, of which there are none. */
void api_get_states(const struct api_request *request, struct api_reply *reply)
{
	static const char *const kinds[] = { "ipv4_neighbors", "ipv6_neighbors", NULL };
	int chosen;

	if (!json_is_object(request->json)) {
		api_refuse(reply, 400, "an object is expected");
		return;
	}
	if (!api_only(reply, request->json, "", "choice ipv4_neighbors ipv6_neighbors"))
		return;
	chosen = api_word(reply, request->json, "", "choice", kinds, 0);
	if (chosen >= 0)
		api_answer(reply, json_pack("{s:s, s:[]}", "choice", kinds[chosen], kinds[chosen]));
}

void api_get_version(const struct api_request *request, struct api_reply *reply)
{
	(void)request;
	api_answer(reply, json_pack("{s:s, s:s, s:s}", "api_spec_version", MODEL_VERSION,
				    "sdk_version", "", "app_version", vionet_version()));
}

void api_get_index(const struct api_request *request, struct api_reply *reply)
{
	static const char text[] =
		"vionet pktgen: HTTP interface of the Open Traffic Generator, models " MODEL_VERSION "\n\n"
		"GET POST PATCH /config           PATCH /config/append /config/delete\n"
		"POST /control/state              POST /control/action\n"
		"POST /monitor/metrics            POST /monitor/states /monitor/capture\n"
		"GET /capabilities/version        GET /metrics (Prometheus)\n";

	(void)request;
	reply->text = strdup(text);
	reply->length = reply->text != NULL ? strlen(text) : 0;
	reply->type = "text/plain; charset=utf-8";
	reply->status = reply->text != NULL ? 200 : 500;
}
