/* SPDX-License-Identifier: BSD-3-Clause */
/* Never blocks the process that has the device, or takes more than its buffer holds. */
#include "tools/shared/control_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/shared/common.h"
#include "tools/shared/socket_listen.h"

/* For a request, and once more for taking its answer. */
#define SERVE_NS 1000000000ULL

static int server_claim(struct control_server *server)
{
	server->fd = socket_listen(&server->directory, 4, &server->lock);
	return server->fd < 0 ? server->fd : 0;
}

/* A duplicate needs nothing but a number. */
static void server_keep_spare(struct control_server *server)
{
	if (server->spare < 0)
		server->spare = fcntl(server->directory.fd, F_DUPFD_CLOEXEC, 0);
}

int control_server_open(struct control_server *server, const char *device)
{
	int result = -ENOENT;

	server->client = server->fd = server->lock = server->spare = -1;
	for (unsigned int i = 0;
	     i < SOCKET_DIRECTORIES && result != 0 && result != -EBUSY; i++) {
		int opened = socket_directory_open(&server->directory, i, geteuid(),
						   true, device);

		if (opened == 0)
			opened = server_claim(server);
		if (opened == 0)
			server_keep_spare(server);
		if (opened != 0)
			socket_directory_close(&server->directory);
		/* The cause that is reported is that of a directory that there is. */
		if (opened != -ENOENT || i == SOCKET_DIRECTORIES - 1)
			result = opened;
	}
	if (result != 0 && result != -EBUSY)
		say("%s: control socket: no directory of this user's own can be used "
		    "(%s, /run/user/%u, /tmp/vionet-%u): %s; 'vionet stats' and 'vionet "
		    "set' cannot reach this process", device,
		    geteuid() == 0 ? "/run/vionet" : "$XDG_RUNTIME_DIR", geteuid(),
		    geteuid(), result == -EPERM ? "others can write to it" :
						  strerror(-result));
	return result;
}

static void server_drop_client(struct control_server *server)
{
	if (server->client >= 0)
		close(server->client);
	server->client = -1;
	server->have = 0;
	free(server->answer);
	server->answer = NULL;
	server_keep_spare(server);
}

void control_server_unlink(const struct control_server *server)
{
	if (server->lock < 0)
		return;
	socket_listen_remove(&server->directory);
}

void control_server_close(struct control_server *server)
{
	server_drop_client(server);
	control_server_unlink(server);
	if (server->fd >= 0)
		close(server->fd);
	if (server->lock >= 0)
		close(server->lock);
	if (server->spare >= 0)
		close(server->spare);
	server->fd = server->lock = server->spare = -1;
	socket_directory_close(&server->directory);
}

static int server_accept(const struct control_server *server)
{
	return accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void server_take_client(struct control_server *server, uint64_t now)
{
	server->client = server_accept(server);
	if (server->client < 0 && (errno == EMFILE || errno == ENFILE) &&
	    server->spare >= 0) {
		close(server->spare);
		server->spare = -1;
		server->client = server_accept(server);
	}
	server->have = 0;
	server->deadline_ns = now + SERVE_NS;
	if (server->client >= 0 && !socket_peer_is(server->client, geteuid()))
		server_drop_client(server);
}

/* As much as the socket takes now: an answer of many queues is longer than its buffer. */
static void server_send(struct control_server *server)
{
	ssize_t sent;

	do {
		sent = send(server->client, server->answer + server->sent,
			    server->size - server->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent > 0)
			server->sent += (size_t)sent;
	} while (sent > 0 && server->sent != server->size);
	if (server->sent == server->size || now_ns() >= server->deadline_ns ||
	    (sent < 0 && errno != EAGAIN && errno != EINTR))
		server_drop_client(server);
}

static void server_reply(struct control_server *server, control_answer *answer,
			 void *context)
{
	server->answer = answer(context, server->line);
	if (server->answer == NULL) {
		server_drop_client(server);
		return;
	}
	server->size = strlen(server->answer);
	server->answer[server->size++] = '\n'; /* in the place of the text's end */
	server->sent = 0;
	server->deadline_ns = now_ns() + SERVE_NS;
	server_send(server);
}

static void server_read(struct control_server *server, uint64_t now,
			control_answer *answer, void *context)
{
	ssize_t got = recv(server->client, server->line + server->have,
			   sizeof(server->line) - 1 - server->have, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR) && now < server->deadline_ns)
		return;
	if (got <= 0) {
		server_drop_client(server);
		return;
	}
	server->have += (size_t)got;
	server->line[server->have] = '\0';
	if (memchr(server->line, '\n', server->have) != NULL)
		server_reply(server, answer, context);
}

void control_server_serve(struct control_server *server, control_answer *answer,
			  void *context)
{
	uint64_t now = now_ns();

	if (server->fd < 0)
		return;
	if (server->client < 0)
		server_take_client(server, now);
	if (server->client < 0)
		return;
	if (server->answer != NULL)
		server_send(server);
	else
		server_read(server, now, answer, context);
}
