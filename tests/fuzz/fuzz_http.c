/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of requests of the HTTP interface: what is refused has a sentence and a status, what is not has an answer. The first
 * byte chooses the path. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tools/pktgen/api/parts.h"
#include "tools/pktgen/model/otg.h"

const char *const fuzz_words[] = {
	"choice",
	"traffic",
	"flow_transmit",
	"state",
	"start",
	"stop",
	"pause",
	"resume",
	"flow_names",
	"port",
	"capture",
	"port_names",
	"protocol",
	"all",
	"flow",
	"metric_names",
	"column_names",
	"tagged_metrics",
	"include",
	"include_empty_metrics",
	"filters",
	"name",
	"values",
	"frames_tx",
	"link",
	"flows",
	"property_names",
	"rate",
	"size",
	"pps",
	"packets",
	"port_name",
	"slice",
	"p1",
	"a",
	"b",
	"ipv4_neighbors",
	"true",
	"null",
	"[]",
	"{}",
	NULL,
};

static api_handler *const handlers[] = {
	api_set_state,
	api_get_metrics,
	api_update_config,
	api_append_config,
	api_delete_config,
	api_get_states,
	api_get_capture,
	api_set_action,
	api_set_config,
};

static const char config[] =
	"{\"ports\": [{\"name\": \"p1\", \"location\": \"vfio-user:/nowhere\"}],"
	"\"captures\": [{\"name\": \"c\", \"port_names\": [\"p1\"]}],"
	"\"flows\": [{\"name\": \"a\", \"tx_rx\": {\"port\": {\"tx_name\": \"p1\", \"rx_names\": [\"p1\"]}},"
	"\"packet\": [{\"choice\": \"ethernet\"}, {\"choice\": \"ipv4\"}, {\"choice\": \"udp\", \"udp\": {\"src_port\":"
	"{\"choice\": \"values\", \"values\": [1, 2], \"metric_tags\": [{\"name\": \"t\"}]}}}]}]}";

static void set_up(struct generator *generator)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	struct traffic_error error;

	assert(otg_read_text(config, sizeof(config) - 1, traffic, &error) == 0);
	assert(generator_configure(generator, traffic) == CODE_OK);
	assert(engine_transmit(generator->engine, NULL, 0, ENGINE_START) == CODE_OK);
}

static void check(struct api_reply *reply)
{
	bool refused = reply->errors != NULL;

	assert(reply->status != 0);
	assert(refused == (reply->status != 200));
	assert(!refused || json_array_size(reply->errors) > 0);
	api_finish(reply);
	assert(reply->fd >= 0 || (reply->text != NULL && reply->length == strlen(reply->text)));
	if (reply->fd >= 0)
		close(reply->fd);
	free(reply->text);
}

static bool keep_quiet(void *context, const char *text)
{
	(void)context;
	(void)text;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct engine_options options = { .queues = 2 };
	struct generator generator = { .options = &options };
	struct say_listener listener = { .take = keep_quiet };
	struct api_reply reply = { .fd = -1 };
	struct api_request request = { .generator = &generator };
	api_handler *handle;

	if (size < 1)
		return 0;
	handle = handlers[(bytes[0] - (unsigned int)'0') % (sizeof(handlers) / sizeof(handlers[0]))];
	request.body = (const char *)bytes + 1;
	request.length = size - 1;
	if (handle != api_set_config) {
		request.json = json_loadb(request.body, request.length, JSON_REJECT_DUPLICATES, NULL);
		if (request.json == NULL)
			return 0;
	}
	say_listen(&listener);
	set_up(&generator);
	reply.notices = json_array();
	handle(&request, &reply);
	json_decref(reply.notices);
	check(&reply);
	json_decref(request.json);
	generator_close(&generator);
	say_unlisten(&listener);
	return 0;
}
