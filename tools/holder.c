/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what holder.h says. Never: blocks the process that has the device, or takes
 * more of a request than its buffer holds.
 * Read next: remote.c, which knows the requests.
 */
#include "holder.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"

#define SERVE_NS 1000000000ULL
#define ASK_NS 2000000000ULL

/* ---- names ---- */

/* One spelling for a device that has several: "00:04.0" and "pci:0000:00:04.0", or a
 * socket by relative and absolute path. */
static void canonical(const char *device, char name[PATH_MAX + 16])
{
	const char *colon = strchr(device, ':');
	char path[PATH_MAX], real[PATH_MAX];

	if (strncmp(device, "vfio-user:", 10) == 0 ||
	    strncmp(device, "vhost-user:", 11) == 0) {
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(colon + 1, ","),
			 colon + 1);
		snprintf(name, PATH_MAX + 16, "%.*s:%s", (int)(colon - device), device,
			 realpath(path, real) != NULL ? real : path);
		return;
	}
	if (strncmp(device, "pci:", 4) == 0)
		device += 4;
	colon = strchr(device, ':');
	snprintf(name, PATH_MAX + 16, "pci:%s%.64s",
		 colon != NULL && strchr(colon + 1, ':') == NULL ? "0000:" : "",
		 device);
	for (; *name != '\0'; name++)
		*name = (char)tolower((unsigned char)*name);
}

/* The name may be longer than an address of a socket: its FNV-1a hash stands for it. */
static socklen_t address_of(const char *device, struct sockaddr_un *address)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	char name[PATH_MAX + 16];
	int length;

	canonical(device, name);
	for (const char *at = name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3ULL;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
			  "vionet-%016" PRIx64, hash);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)length);
}

/* Is the other end the same user's, or root's? */
static bool trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

/* ---- the process that has the device ---- */

void holder_open(struct holder *holder, const char *device)
{
	struct sockaddr_un address;
	socklen_t size = address_of(device, &address);

	holder->client = -1;
	holder->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (holder->fd >= 0 &&
	    (bind(holder->fd, (const struct sockaddr *)&address, size) != 0 ||
	     listen(holder->fd, 4) != 0)) {
		close(holder->fd);
		holder->fd = -1;
	}
}

static void drop_client(struct holder *holder)
{
	if (holder->client >= 0)
		close(holder->client);
	holder->client = -1;
	holder->have = 0;
}

void holder_close(struct holder *holder)
{
	drop_client(holder);
	if (holder->fd >= 0)
		close(holder->fd);
	holder->fd = -1;
}

static void take_client(struct holder *holder, uint64_t now)
{
	holder->client = accept4(holder->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	holder->have = 0;
	holder->deadline_ns = now + SERVE_NS;
	if (holder->client >= 0 && !trusted(holder->client))
		drop_client(holder);
}

static void reply(struct holder *holder, holder_answer *answer, void *context)
{
	json_t *request = json_loads(holder->line, JSON_REJECT_DUPLICATES, NULL);
	json_t *object = request != NULL ? answer(context, request) : NULL;
	char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

	/* An answer that does not fit into the socket is lost: who asked sees the end
	 * of the file in the middle of it. */
	if (text != NULL &&
	    send(holder->client, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		send(holder->client, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	free(text);
	json_decref(object);
	json_decref(request);
}

void holder_serve(struct holder *holder, holder_answer *answer, void *context)
{
	uint64_t now = now_ns();
	ssize_t got;

	if (holder->fd < 0)
		return;
	if (holder->client < 0)
		take_client(holder, now);
	if (holder->client < 0)
		return;
	got = recv(holder->client, holder->line + holder->have,
		   sizeof(holder->line) - 1 - holder->have, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR) && now < holder->deadline_ns)
		return;
	if (got <= 0) {
		drop_client(holder);
		return;
	}
	holder->have += (size_t)got;
	holder->line[holder->have] = '\0';
	if (memchr(holder->line, '\n', holder->have) != NULL) {
		reply(holder, answer, context);
		drop_client(holder);
	}
}

/* ---- the process that asks ---- */

/* Read until a line is whole, the other end is closed or the time is over. */
static int read_line(int fd, uint64_t until, char *line, size_t size)
{
	size_t have = 0;

	while (have < size - 1) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ns();
		ssize_t got;

		if (now >= until || stop_asked() > 0)
			return -ETIMEDOUT;
		if (poll(&wait, 1, (int)((until - now) / 1000000) + 1) <= 0)
			continue;
		got = recv(fd, line + have, size - 1 - have, MSG_DONTWAIT);
		if (got <= 0)
			return -EIO;
		have += (size_t)got;
		line[have] = '\0';
		if (line[have - 1] == '\n')
			return 0;
	}
	return -EIO;
}

static int exchange(int fd, const json_t *request, json_t **object)
{
	char *text = json_dumps(request, JSON_COMPACT);
	char *line = malloc(HOLDER_LINE_MAX);
	int result = -ENOMEM;

	if (text != NULL && line != NULL) {
		result = -EIO;
		if (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0 &&
		    send(fd, "\n", 1, MSG_NOSIGNAL) > 0)
			result = read_line(fd, now_ns() + ASK_NS, line, HOLDER_LINE_MAX);
	}
	if (result == 0) {
		*object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		result = json_is_object(*object) ? 0 : -EIO;
	}
	free(text);
	free(line);
	return result;
}

int holder_ask(const char *device, const json_t *request, json_t **object)
{
	struct sockaddr_un address;
	socklen_t size = address_of(device, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = -ENOENT;

	*object = NULL;
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) == 0)
		result = trusted(fd) || geteuid() == 0 ? exchange(fd, request, object) :
							 -EACCES;
	if (fd >= 0)
		close(fd);
	if (result != 0) {
		json_decref(*object);
		*object = NULL;
	}
	return result;
}
