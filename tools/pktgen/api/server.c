/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections and requests. A request is taken whole before anything is done about it; what would be too
 * long, too slow or too many is refused before.
 */
#include "tools/pktgen/api/api.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/pktgen/api/headers.h"
#include "tools/shared/common.h"
#include "tools/shared/socket_listen.h"

#define CONNECTIONS_MAX 16u
/* What the library refuses by itself is answered in its own words: it takes more than is allowed. */
#define HEADERS_ROOM (256u << 10)
#define BODY_MAX (8u << 20)
#define BODIES_MAX (32u << 20)	/* of all connections */
#define DISCARD_MAX (64u << 20) /* of one that is too long */
#define NOTICES_MAX 50u
#define IDLE_S 30u

struct api_connection {
	struct api_connection *next;
	int fd;
	uint64_t since_ns; /* begin of the phase that it is in */
	bool cut;
};

struct api {
	struct MHD_Daemon *daemon;
	struct api_listener listener;
	struct generator *generator;
	struct api_connection *connection;
	uint64_t phase_ns;
	size_t held; /* bytes of bodies that are being received */
	json_t *notices;
	int epoll;
};

/* A request while it comes. */
struct exchange {
	struct api *api;
	const struct route *route;
	char *body;
	size_t length, room;
	size_t taken;	     /* of the body, with what was thrown away */
	unsigned int status; /* it was refused while it came */
	bool answered;
	/* What is wrong with the headers is said when the body is in: a client that still sends
	 * would not see it. */
	struct api_reply early;
	char allow[64];
};

/* ---- what there is ---- */

static const struct route {
	const char *path, *method;
	api_handler *handle;
	bool yaml; /* may be YAML instead of JSON */
} routes[] = {
	{ "/", "GET", api_get_index, false },
	{ "/config", "GET", api_get_config, false },
	{ "/config", "POST", api_set_config, true },
	{ "/config", "PATCH", api_update_config, false },
	{ "/config/append", "PATCH", api_append_config, false },
	{ "/config/delete", "PATCH", api_delete_config, false },
	{ "/control/state", "POST", api_set_state, false },
	{ "/control/action", "POST", api_set_action, false },
	{ "/monitor/metrics", "POST", api_get_metrics, false },
	{ "/monitor/states", "POST", api_get_states, false },
	{ "/monitor/capture", "POST", api_get_capture, false },
	{ "/capabilities/version", "GET", api_get_version, false },
	{ "/metrics", "GET", api_get_prometheus, false },
};

static const size_t route_count = sizeof(routes) / sizeof(routes[0]);

/* A client that wants no body of a reply sends HEAD. */
static const struct route *server_find_route(const char *path, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; i < route_count; i++)
		if (strcmp(routes[i].path, path) == 0 && strcmp(routes[i].method, method) == 0)
			return &routes[i];
	return NULL;
}

/* "GET, POST" of a path; empty if there is no such path. */
static void server_list_methods(const char *path, char list[64])
{
	list[0] = '\0';
	for (size_t i = 0; i < route_count; i++)
		if (strcmp(routes[i].path, path) == 0)
			snprintf(list + strlen(list), 64 - strlen(list), "%s%s",
				 list[0] != '\0' ? ", " : "", routes[i].method);
}

/* ---- answering ---- */

static struct MHD_Response *server_make_response(struct api_reply *reply)
{
	struct MHD_Response *response;
	struct stat status;

	if (reply->fd >= 0 && fstat(reply->fd, &status) == 0)
		return httpd.create_response_from_fd((uint64_t)status.st_size, reply->fd);
	response = httpd.create_response_from_buffer(
		reply->text != NULL ? reply->length : 0, reply->text != NULL ? reply->text : NULL,
		reply->text != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (response == NULL)
		free(reply->text);
	return response;
}

static enum MHD_Result server_queue_reply(struct MHD_Connection *connection, struct api_reply *reply,
					  const char *allow)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	api_finish(reply);
	response = server_make_response(reply);
	if (response == NULL)
		return MHD_NO;
	httpd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				  reply->type != NULL ? reply->type : "application/json");
	httpd.add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	httpd.add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (allow != NULL && allow[0] != '\0')
		httpd.add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	result = httpd.queue_response(connection, reply->status != 0 ? reply->status : 500, response);
	httpd.destroy_response(response);
	return result;
}

/* ---- checks of what is known by the headers ---- */

static bool server_has_body(const struct route *route)
{
	return strcmp(route->method, "GET") != 0;
}

static void server_admit(struct exchange *exchange, struct MHD_Connection *connection,
			 const char *target, const char *method)
{
	struct api_reply *reply = &exchange->early;
	const char *path = headers_admit(&exchange->api->listener, connection, target, reply);

	if (path == NULL)
		return;
	exchange->route = server_find_route(path, method);
	if (exchange->route != NULL) {
		if (server_has_body(exchange->route))
			headers_check_type(connection, exchange->route->yaml, reply);
		return;
	}
	server_list_methods(path, exchange->allow);
	if (exchange->allow[0] != '\0')
		api_refuse(reply, 405, "%.80s has no %.20s; it has %s", path, method, exchange->allow);
	else
		api_refuse(reply, 404, "%.80s: there is no such path; GET / lists them", path);
}

/* ---- the body ---- */

static bool exchange_grow(struct exchange *exchange, size_t room)
{
	struct api *api = exchange->api;
	char *more;

	if (api->held - exchange->room + room > BODIES_MAX)
		return false;
	more = realloc(exchange->body, room);
	if (more == NULL)
		return false;
	api->held += room - exchange->room;
	exchange->body = more;
	exchange->room = room;
	return true;
}

/* Take a part. What is too long gets its answer at its end: until then it is thrown away. */
static enum MHD_Result exchange_take(struct exchange *exchange, const char *data, size_t size)
{
	size_t need = exchange->length + size;

	exchange->taken += size;
	if (exchange->taken > DISCARD_MAX)
		return MHD_NO;
	if (exchange->status != 0 || exchange->early.errors != NULL)
		return MHD_YES;
	if (need > BODY_MAX)
		exchange->status = 413;
	else if (need + 1 > exchange->room && !exchange_grow(exchange, 2 * need + 1024))
		exchange->status = 503;
	if (exchange->status == 0) {
		memcpy(exchange->body + exchange->length, data, size);
		exchange->length = need;
	}
	return MHD_YES;
}

/* ---- a request that is complete ---- */

static bool server_collect(void *context, const char *text)
{
	struct api *api = context;

	if (json_array_size(api->notices) < NOTICES_MAX)
		json_array_append_new(api->notices, json_string(text));
	return false;
}

static json_t *server_parse(struct exchange *exchange, struct api_reply *reply)
{
	json_error_t error;
	json_t *json = json_loadb(exchange->body != NULL ? exchange->body : "", exchange->length,
				  JSON_REJECT_DUPLICATES, &error);

	if (json == NULL)
		api_refuse(reply, 400, "line %d, column %d: it is no JSON object: %s", error.line,
			   error.column, error.text);
	return json;
}

static void server_handle(struct exchange *exchange, struct api_reply *reply)
{
	struct api *api = exchange->api;
	struct api_request request = { .generator = api->generator,
				       .body = exchange->body != NULL ? exchange->body : "",
				       .length = exchange->length };
	struct say_listener collector = { .take = server_collect, .context = api };

	if (server_has_body(exchange->route) && !exchange->route->yaml) {
		request.json = server_parse(exchange, reply);
		if (request.json == NULL)
			return;
	}
	api->notices = reply->notices = json_array();
	say_listen(&collector);
	exchange->route->handle(&request, reply);
	say_unlisten(&collector);
	json_decref(reply->notices);
	api->notices = reply->notices = NULL;
	json_decref(request.json);
}

static enum MHD_Result server_answer(struct exchange *exchange, struct MHD_Connection *connection)
{
	struct api_reply reply = exchange->early;

	exchange->early.errors = NULL;
	exchange->answered = true;
	if (reply.errors != NULL)
		return server_queue_reply(connection, &reply, exchange->allow);
	if (exchange->status == 413) {
		api_refuse(&reply, 413, "the body is longer than %u bytes", BODY_MAX);
	} else if (exchange->status != 0) {
		reply.internal = true;
		api_refuse(&reply, 503, "no memory for the body; try again");
	} else {
		server_handle(exchange, &reply);
	}
	return server_queue_reply(connection, &reply, NULL);
}

/* ---- called by libmicrohttpd ---- */

static void server_begin_phase(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		httpd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct api_connection *own = info != NULL ? info->socket_context : NULL;

	if (own != NULL)
		own->since_ns = now_ns();
}

static enum MHD_Result server_on_request(void *context, struct MHD_Connection *connection,
					 const char *target, const char *method,
					 const char *version, const char *data, size_t *size,
					 void **kept)
{
	struct exchange *exchange = *kept;
	enum MHD_Result result;

	if (exchange == NULL) {
		exchange = calloc(1, sizeof(*exchange));
		if (exchange == NULL)
			return MHD_NO;
		exchange->api = context;
		exchange->early.fd = -1;
		*kept = exchange;
		server_begin_phase(connection);
		if (headers_refuse_framing(connection, version, &exchange->early))
			return server_answer(exchange, connection);
		server_admit(exchange, connection, target, method);
		if (headers_body_length(connection) <= BODY_MAX)
			return MHD_YES;
		exchange->status = 413;
		return server_answer(exchange, connection);
	}
	if (exchange->answered)
		return MHD_YES;
	if (*size != 0) {
		result = exchange_take(exchange, data, *size);
		*size = 0;
		return result;
	}
	server_begin_phase(connection);
	return server_answer(exchange, connection);
}

static void server_on_completed(void *context, struct MHD_Connection *connection, void **kept,
				enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *kept;

	(void)context;
	(void)code;
	if (exchange == NULL)
		return;
	server_begin_phase(connection);
	exchange->api->held -= exchange->room;
	json_decref(exchange->early.errors);
	free(exchange->body);
	free(exchange);
	*kept = NULL;
}

static void server_add_connection(struct api *api, struct MHD_Connection *connection,
				  void **kept)
{
	const union MHD_ConnectionInfo *info =
		httpd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct api_connection *own = calloc(1, sizeof(*own));

	*kept = own;
	if (own == NULL)
		return;
	own->fd = info != NULL ? info->connect_fd : -1;
	own->since_ns = now_ns();
	own->next = api->connection;
	api->connection = own;
}

static void server_on_connection(void *context, struct MHD_Connection *connection, void **kept,
				 enum MHD_ConnectionNotificationCode code)
{
	struct api *api = context;
	struct api_connection **at = &api->connection;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		server_add_connection(api, connection, kept);
		return;
	}
	while (*at != NULL && *at != *kept)
		at = &(*at)->next;
	if (*at != NULL)
		*at = (*at)->next;
	free(*kept);
	*kept = NULL;
}

/* What it would say of bad requests is the client's business. */
static void server_on_log(void *context, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void server_on_log(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

/* ---- the server ---- */

static int server_start(struct api *api)
{
	const union MHD_DaemonInfo *info;

	api->daemon = httpd.start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, server_on_request, api,
		MHD_OPTION_EXTERNAL_LOGGER, server_on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, api->listener.fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_ROOM,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_NOTIFY_COMPLETED, server_on_completed, api,
		MHD_OPTION_NOTIFY_CONNECTION, server_on_connection, api,
		MHD_OPTION_END);
	if (api->daemon == NULL)
		return CODE_FAILED;
	info = httpd.get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	api->epoll = info != NULL ? info->epoll_fd : -1;
	return api->epoll >= 0 ? CODE_OK : CODE_FAILED;
}

int api_open(struct api **result, const char *address, uint64_t phase_ns, struct generator *generator)
{
	struct api *api = calloc(1, sizeof(*api));
	const char *missing = httpd_load();
	int code;

	*result = NULL;
	if (missing != NULL) {
		say("--listen: %s; install libmicrohttpd", missing);
		free(api);
		return CODE_FAILED;
	}
	if (api == NULL) {
		say("--listen: no memory");
		return CODE_PERMISSION;
	}
	api->generator = generator;
	api->phase_ns = phase_ns;
	code = api_listen(&api->listener, address);
	if (code != CODE_OK) {
		free(api);
		return code;
	}
	code = server_start(api);
	if (code != CODE_OK) {
		say("--listen %s: libmicrohttpd does not start", address);
		if (api->daemon == NULL)
			close(api->listener.fd);
		api_close(api);
		return code;
	}
	say("listening at %s", api->listener.text);
	*result = api;
	return CODE_OK;
}

void api_close(struct api *api)
{
	if (api == NULL)
		return;
	/* Its files go first: who connects from now on is told so at once. */
	api_unlisten(&api->listener);
	if (api->daemon != NULL)
		httpd.stop_daemon(api->daemon);
	free(api);
}

void api_unlink(const struct api *api)
{
	if (api->listener.lock >= 0)
		socket_listen_remove(&api->listener.directory);
}

int api_fd(const struct api *api)
{
	return api->epoll;
}

/* The library's own timeouts are of whole seconds of a request that stands still. */
uint64_t api_due(struct api *api)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (httpd.get_timeout(api->daemon, &ms) != MHD_YES)
		return UINT64_MAX;
	return now_ns() + (uint64_t)ms * 1000000;
}

/* The library sees only clients that stand still. */
static void server_cut_slow(struct api *api)
{
	uint64_t now = now_ns();

	for (struct api_connection *at = api->connection; at != NULL; at = at->next)
		if (!at->cut && now - at->since_ns > api->phase_ns) {
			at->cut = true;
			shutdown(at->fd, SHUT_RDWR);
		}
}

void api_serve(struct api *api)
{
	server_cut_slow(api);
	httpd.run(api->daemon);
}
