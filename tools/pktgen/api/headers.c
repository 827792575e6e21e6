/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/api/headers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX (32u << 10)
#define PATH_MAX_BYTES (8u << 10)
/* Longer is no name of this machine. */
#define HOST_MAX 256

static const char *headers_find(struct MHD_Connection *connection, const char *name)
{
	return httpd.lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* ---- framing (RFC 9112, 3.2, 5.1, 6) ---- */

struct headers_framing {
	unsigned int hosts, lengths, encodings;
	bool chunked, bad_name;
};

static bool headers_is_token(const char *name)
{
	static const char characters[] =
		"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return name[0] != '\0' && name[strspn(name, characters)] == '\0';
}

static enum MHD_Result headers_note(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct headers_framing *framing = context;

	(void)kind;
	framing->bad_name |= !headers_is_token(name);
	framing->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
	framing->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
	if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		framing->encodings++;
		framing->chunked = value != NULL && strcasecmp(value, "chunked") == 0;
	}
	return MHD_YES;
}

bool headers_refuse_framing(struct MHD_Connection *connection, const char *version, struct api_reply *reply)
{
	struct headers_framing framing = { 0 };

	httpd.get_connection_values(connection, MHD_HEADER_KIND, headers_note, &framing);
	if (framing.bad_name)
		api_refuse(reply, 400, "the name of a header has a character that none has");
	else if (framing.hosts > 1)
		api_refuse(reply, 400, "Host: it is expected once");
	else if (framing.lengths + framing.encodings > 1)
		api_refuse(reply, 400, "Content-Length and Transfer-Encoding: one is expected, once");
	else if (framing.encodings == 1 && strcasecmp(version, MHD_HTTP_VERSION_1_1) != 0)
		api_refuse(reply, 400, "Transfer-Encoding: %.20s has none", version);
	else if (framing.encodings == 1 && !framing.chunked)
		api_refuse(reply, 501, "Transfer-Encoding: only chunked is supported");
	return reply->errors != NULL;
}

/* ---- who asks ---- */

/* The characters of a host and a port (RFC 3986, 3.2). */
static bool headers_is_authority(const char *text)
{
	static const char characters[] =
		"!$%&'()*+,-.:;=[]_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return text[strspn(text, characters)] == '\0';
}

/* Of a target in absolute form what is behind "http://", which is the host in the place of the
 * header (RFC 9112, 3.2.2). */
static const char *headers_authority(const char *target)
{
	return strncasecmp(target, "http://", 7) == 0 ? target + 7 : NULL;
}

static void headers_check_host(const struct api_listener *listener,
			       struct MHD_Connection *connection, const char *target,
			       struct api_reply *reply)
{
	const char *authority = headers_authority(target);
	const char *host = authority == NULL ? headers_find(connection, MHD_HTTP_HEADER_HOST) : authority;
	char copy[HOST_MAX];

	snprintf(copy, sizeof(copy), "%.*s", host == NULL ? 0 : (int)strcspn(host, authority != NULL ? "/" : ""),
		 host != NULL ? host : "");
	if (!headers_is_authority(copy) || (authority != NULL && (copy[0] == '\0' || copy[0] == ':')))
		api_refuse(reply, 400, "Host: '%.80s' is none", copy);
	else if (listener->tcp ? !api_host_is_local(copy) : api_host_is_public(copy))
		api_refuse(reply, 421, "Host: only localhost and loopback addresses (127.0.0.1, [::1]) are served");
}

/* A browser says whose page it is that asks. */
static void headers_check_origin(struct MHD_Connection *connection, struct api_reply *reply)
{
	const char *origin = headers_find(connection, MHD_HTTP_HEADER_ORIGIN);
	const char *host = origin != NULL ? strstr(origin, "://") : NULL;

	if (origin != NULL && (host == NULL || !api_host_is_local(host + 3)))
		api_refuse(reply, 403, "Origin: pages of other sites are not served");
}

const char *headers_admit(const struct api_listener *listener, struct MHD_Connection *connection, const char *target,
			  struct api_reply *reply)
{
	const union MHD_ConnectionInfo *info =
		httpd.get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const char *authority = headers_authority(target), *slash;

	if (strlen(target) > PATH_MAX_BYTES)
		api_refuse(reply, 414, "the path is longer than %u bytes", PATH_MAX_BYTES);
	else if (info != NULL && info->header_size > HEADERS_MAX)
		api_refuse(reply, 431, "request line and headers are longer than %u bytes", HEADERS_MAX);
	if (reply->errors != NULL)
		return NULL;
	/* Not by a name that was made to point here. A form that a web page posts has another type, and
	 * what has this one is asked about first, which is refused. */
	headers_check_host(listener, connection, target, reply);
	headers_check_origin(connection, reply);
	if (authority == NULL)
		return target;
	slash = strchr(authority, '/');
	return slash != NULL ? slash : "/";
}

/* ---- the body ---- */

static bool headers_is_type(const char *type, const char *want)
{
	size_t length = strlen(want);

	return strncasecmp(type, want, length) == 0 && strchr(" \t;", type[length]) != NULL;
}

void headers_check_type(struct MHD_Connection *connection, bool yaml, struct api_reply *reply)
{
	const char *type = headers_find(connection, MHD_HTTP_HEADER_CONTENT_TYPE);

	if (type == NULL)
		type = "";
	if (headers_is_type(type, "application/json") ||
	    (yaml && (headers_is_type(type, "application/yaml") || headers_is_type(type, "application/x-yaml"))))
		return;
	api_refuse(reply, 415, "Content-Type: application/json%s is expected, not '%.60s'",
		   yaml ? " or application/yaml" : "", type);
}

uint64_t headers_body_length(struct MHD_Connection *connection)
{
	const char *length = headers_find(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length != NULL ? strtoull(length, NULL, 10) : 0;
}
