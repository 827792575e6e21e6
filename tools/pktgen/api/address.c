/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the HTTP interface listens, and what clients may call it. */
#include "tools/pktgen/api/parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/pktgen/api/api.h"
#include "tools/shared/common.h"
#include "tools/shared/socket_listen.h"

#define BACKLOG 64

union address_any {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

/* The path of "unix:PATH", or NULL. */
static const char *address_path(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

/* "127.0.0.1", "[::1]", "localhost". The address's size, or 0. */
static socklen_t address_parse_host(const char *host, union address_any *parsed)
{
	*parsed = (union address_any){ 0 };
	if (strcmp(host, "[::1]") == 0) {
		parsed->ipv6.sin6_family = AF_INET6;
		parsed->ipv6.sin6_addr = in6addr_loopback;
		return sizeof(parsed->ipv6);
	}
	if (strcasecmp(host, "localhost") == 0)
		host = "127.0.0.1";
	parsed->ipv4.sin_family = AF_INET;
	if (inet_pton(AF_INET, host, &parsed->ipv4.sin_addr) != 1 ||
	    ntohl(parsed->ipv4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		return 0;
	return sizeof(parsed->ipv4);
}

/* The same with ":PORT". */
static socklen_t address_parse(const char *address, union address_any *parsed)
{
	struct parse_error error;
	uint64_t port;
	const char *colon = strrchr(address, ':');
	socklen_t size;
	char host[64];

	if (colon == NULL || colon - address >= (int)sizeof(host) ||
	    parse_whole("port", colon + 1, 0, 65535, &port, &error) != 0)
		return 0;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	size = address_parse_host(host, parsed);
	if (parsed->any.sa_family == AF_INET6)
		parsed->ipv6.sin6_port = htons((uint16_t)port);
	else
		parsed->ipv4.sin_port = htons((uint16_t)port);
	return size;
}

void api_check_address(const char *address)
{
	const char *path = address_path(address);
	union address_any parsed;

	if (path != NULL && path[0] == '@')
		refuse_usage("--listen: '%.80s': sockets without a file have no owner; give a path: "
			     "unix:/run/user/1000/vionet.api",
			     address);
	if (path == NULL ? address_parse(address, &parsed) == 0 : path[0] == '\0')
		refuse_usage("--listen: '%.80s' is neither unix:PATH nor a loopback address with a port "
			     "(127.0.0.1:8080, [::1]:8080); it listens at no other: let ssh or a proxy "
			     "that asks for a password forward",
			     address);
}

static int address_say_failure(const char *address, const char *why)
{
	say("--listen %s: %s", address, why);
	return CODE_FAILED;
}

static const char *address_failure(int error)
{
	switch (error) {
	case EBUSY:
		return "another process of vionet listens there; stop it, or give another path";
	case EADDRINUSE:
		return "a process listens there already; give another one";
	case EEXIST:
		return "there is a file that is no socket of this user's; remove it, or give another path";
	case EPERM:
		return "others can write to its directory; choose one that is yours ($XDG_RUNTIME_DIR)";
	case EINVAL:
		return "the path ends without a name";
	default:
		return strerror(error);
	}
}

static int address_listen_unix(struct api_listener *listener, const char *address,
			       const char *path)
{
	int result = socket_directory_of_path(&listener->directory, path);

	if (result == 0) {
		listener->fd = socket_listen(&listener->directory, BACKLOG, &listener->lock);
		if (listener->fd < 0)
			socket_directory_close(&listener->directory);
		result = listener->fd < 0 ? listener->fd : 0;
	}
	if (result != 0)
		return address_say_failure(address, address_failure(-result));
	snprintf(listener->text, sizeof(listener->text), "%.150s", address);
	return CODE_OK;
}

/* The port that it got, where it asked for any. */
static void address_name_tcp(struct api_listener *listener)
{
	union address_any bound = { 0 };
	socklen_t size = sizeof(bound);
	char host[INET6_ADDRSTRLEN];
	bool ipv6;

	getsockname(listener->fd, &bound.any, &size);
	ipv6 = bound.any.sa_family == AF_INET6;
	inet_ntop(bound.any.sa_family,
		  ipv6 ? (const void *)&bound.ipv6.sin6_addr : &bound.ipv4.sin_addr, host,
		  sizeof(host));
	snprintf(listener->text, sizeof(listener->text), "http://%s%s%s:%u", ipv6 ? "[" : "", host,
		 ipv6 ? "]" : "", ntohs(ipv6 ? bound.ipv6.sin6_port : bound.ipv4.sin_port));
}

static int address_listen_tcp(struct api_listener *listener, const char *address)
{
	union address_any parsed;
	socklen_t size = address_parse(address, &parsed);
	const int one = 1;
	int error;

	listener->tcp = true;
	listener->fd = socket(parsed.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return address_say_failure(address, strerror(errno));
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener->fd, &parsed.any, size) == 0 && listen(listener->fd, BACKLOG) == 0) {
		address_name_tcp(listener);
		return CODE_OK;
	}
	error = errno;
	close(listener->fd);
	listener->fd = -1;
	return address_say_failure(address, address_failure(error));
}

int api_listen(struct api_listener *listener, const char *address)
{
	const char *path = address_path(address);

	*listener = (struct api_listener){ .fd = -1, .lock = -1, .directory = { .fd = -1 } };
	return path != NULL ? address_listen_unix(listener, address, path) : address_listen_tcp(listener, address);
}

void api_unlisten(struct api_listener *listener)
{
	if (listener->lock >= 0) {
		socket_listen_remove(&listener->directory);
		close(listener->lock);
		listener->lock = -1;
	}
	socket_directory_close(&listener->directory);
}

/* A page of another site that has its name resolve to this machine calls us by that name. */
bool api_host_is_local(const char *host)
{
	union address_any parsed;
	char name[64];
	size_t port;

	if (strlen(host) >= sizeof(name))
		return false;
	strcpy(name, host);
	port = strlen(name);
	while (port > 0 && name[port - 1] >= '0' && name[port - 1] <= '9')
		port--;
	if (port > 1 && name[port - 1] == ':' && name[port - 2] != ':')
		name[port - 1] = '\0';
	return address_parse_host(name, &parsed) != 0;
}

/* All names that somebody can register have a dot; addresses of IPv6 have none, and are no names. */
bool api_host_is_public(const char *host)
{
	return strchr(host, '.') != NULL && !api_host_is_local(host);
}
