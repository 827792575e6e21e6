/* SPDX-License-Identifier: BSD-3-Clause */
/* /monitor/capture: the file of a port's capture. */
#include "tools/pktgen/api/parts.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void capture_answer(const struct api_request *request, struct api_reply *reply, int port,
			   const char *name)
{
	/* The client may read it slowly, or never: the capture itself is not kept for it. */
	int fd = memfd_create("capture", MFD_CLOEXEC);
	int result = fd < 0 ? -errno : captures_read(request->generator->captures, (uint32_t)port, fd);

	if (result == 0) {
		reply->status = 200;
		reply->type = "application/octet-stream";
		reply->fd = fd;
		return;
	}
	if (fd >= 0)
		close(fd);
	reply->internal = result != -ENOENT;
	if (result == -ENOENT)
		api_refuse(reply, 400, "port_name: '%.80s' has no capture that was started: POST /control/state",
			   name);
	else
		api_refuse(reply, 500, "the capture cannot be read: %s", strerror(-result));
}

/* {"choice": "all"} is all that is supported. */
static void capture_check_packets(const struct api_request *request, struct api_reply *reply)
{
	static const char *const kinds[] = { "all", NULL };
	json_t *packets = api_member(reply, request->json, "", "packets", JSON_OBJECT);

	if (packets != NULL && api_only(reply, packets, "packets.", "choice"))
		api_word(reply, packets, "packets.", "choice", kinds, 0);
}

void api_get_capture(const struct api_request *request, struct api_reply *reply)
{
	json_t *name;
	int port;

	if (!json_is_object(request->json)) {
		api_refuse(reply, 400, "an object is expected");
		return;
	}
	name = api_member(reply, request->json, "", "port_name", JSON_STRING);
	api_only(reply, request->json, "", "port_name packets");
	capture_check_packets(request, reply);
	if (name == NULL && reply->errors == NULL)
		api_refuse(reply, 400, "port_name: it is missing");
	if (reply->errors != NULL || !api_needs_engine(request, reply))
		return;
	port = generator_find_port(request->generator, json_string_value(name));
	if (port < 0)
		api_refuse(reply, 400, "port_name: '%.80s' is in no configuration",
			   json_string_value(name));
	else
		capture_answer(request, reply, port, json_string_value(name));
}
