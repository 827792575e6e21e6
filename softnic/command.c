/* SPDX-License-Identifier: BSD-3-Clause */
/* Never knows what a command of the network half means (net_command does). */
#include "softnic/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "softnic/check/verdict.h"
#include "softnic/net/net.h"
#include "softnic/ring/ring.h"
#include "softnic/vfio_user/server.h"
#include "softnic/text.h"

#define LINE_MAX_BYTES 512u

struct client {
	int fd; /* -1: free */
	size_t have;
	char line[LINE_MAX_BYTES];
};

struct command_server {
	struct device *device;
	struct listener listener;
	bool quit;
	struct client client[COMMAND_CLIENTS];
};

int command_open(struct device *device, struct command_server **commands)
{
	struct command_server *opened;
	int result;

	*commands = NULL;
	if (device->options->control == NULL)
		return 0;
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return -ENOMEM;
	opened->device = device;
	for (unsigned int i = 0; i < COMMAND_CLIENTS; i++)
		opened->client[i].fd = -1;
	result = listen_open(&opened->listener, device->options->control, SOCK_STREAM, 4);
	if (result < 0) {
		complain("%s: %s", device->options->control, strerror(-result));
		free(opened);
		return result;
	}
	*commands = opened;
	return 0;
}

static void command_drop(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->have = 0;
}

void command_close(struct command_server *commands)
{
	if (commands == NULL)
		return;
	for (unsigned int i = 0; i < COMMAND_CLIENTS; i++)
		if (commands->client[i].fd >= 0)
			command_drop(&commands->client[i]);
	listen_close(&commands->listener, commands->device->options->control);
	free(commands);
}

unsigned int command_fds(struct command_server *commands, struct pollfd *fds)
{
	unsigned int count = 0;

	if (commands == NULL)
		return 0;
	fds[count++] = (struct pollfd){ .fd = commands->listener.fd,
					 .events = POLLIN };
	for (unsigned int i = 0; i < COMMAND_CLIENTS; i++)
		if (commands->client[i].fd >= 0)
			fds[count++] = (struct pollfd){ .fd = commands->client[i].fd,
							.events = POLLIN };
	return count;
}

bool command_quit(const struct command_server *commands)
{
	return commands != NULL && commands->quit;
}

/* ---- commands ---- */

static int command_status(struct command_server *commands, const char *rest, FILE *out)
{
	const struct device *device = commands->device;

	if (*rest != '\0')
		return -EINVAL;
	fprintf(out,
		"driver %s, status 0x%02x, sessions %u, kicks %" PRIu64
		", interrupts %" PRIu64 ", violations %u, warnings %u, faults %u\n",
		device->server->fd >= 0 ? "connected" : "none", device->status,
		device->server->sessions, device->server->kicks,
		device->server->interrupts.raised, device->violations, device->warnings,
		device->faults);
	for (unsigned int i = 0; i < device->queue_count; i++) {
		const struct queue *queue = &device->queue[i];

		if (queue->enabled)
			fprintf(out,
				"queue %u: size %u, kicks %" PRIu64 ", interrupts %" PRIu64
				", taken %" PRIu64 ", given %" PRIu64 "%s\n",
				i, queue->size, queue->kicks, queue->interrupts,
				queue->taken, queue->given,
				queue->broken ? ", broken" : "");
	}
	return 0;
}

static int command_need_reset(struct command_server *commands, const char *rest, FILE *out)
{
	(void)out;
	if (*rest != '\0')
		return -EINVAL;
	needs_reset(commands->device);
	return 0;
}

static int command_event(struct command_server *commands, uint32_t index, FILE *out)
{
	if (interrupts_event(commands->device, index))
		return 0;
	fputs("the driver does not listen for that\n", out);
	return -ENOTCONN;
}

static int command_unplug(struct command_server *commands, const char *rest, FILE *out)
{
	return *rest ? -EINVAL : command_event(commands, IRQ_REQ, out);
}

static int command_error(struct command_server *commands, const char *rest, FILE *out)
{
	return *rest ? -EINVAL : command_event(commands, IRQ_ERR, out);
}

static int command_hang_up(struct command_server *commands, const char *rest, FILE *out)
{
	struct device *device = commands->device;

	if (*rest != '\0')
		return -EINVAL;
	if (device->options->transport->hang_up == NULL) {
		fprintf(out, "%s has no connection\n", device->options->transport->name);
		return -ENOTSUP;
	}
	device->options->transport->hang_up(device, "the control socket said so");
	return 0;
}

static int command_fault(struct command_server *commands, const char *rest, FILE *out)
{
	const struct transport *transport = commands->device->options->transport;

	if (*rest != '+' && *rest != '-')
		return -EINVAL;
	if (fault_switch(commands->device, rest + 1, *rest == '+') < 0)
		return -EINVAL;
	if (!transport->registers && fault_of_registers() != NULL) {
		fprintf(out, "%s has no PCI function\n", transport->name);
		(void)fault_switch(commands->device, rest + 1, false);
		return -ENOTSUP;
	}
	for (unsigned int i = 0; i < commands->device->queue_count; i++)
		ring_refault(&commands->device->queue[i]);
	return 0;
}

static int command_end(struct command_server *commands, const char *rest, FILE *out)
{
	(void)out;
	if (*rest != '\0')
		return -EINVAL;
	commands->quit = true;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct command_server *commands, const char *rest, FILE *out);
} table[] = {
	{ "status", command_status },
	{ "needs-reset", command_need_reset },
	{ "unplug", command_unplug },
	{ "error", command_error },
	{ "hang-up", command_hang_up },
	{ "fault", command_fault },
	{ "quit", command_end },
};

static int command_run(struct command_server *commands, const char *line, FILE *out)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t length = strlen(table[i].name);

		if (strncmp(line, table[i].name, length) != 0 ||
		    (line[length] != '\0' && line[length] != ' '))
			continue;
		return table[i].run(commands,
				    line + length + (line[length] == ' '), out);
	}
	return net_command(commands->device, line, out);
}

/* The answer in one piece: what the command prints, then "ok" or "error: ...". Who does
 * not read loses it. */
static void command_answer(struct command_server *commands, struct client *client)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int result;

	if (out == NULL)
		return;
	text_clean(client->line);
	trace(commands->device, "COMMAND %s", client->line);
	result = command_run(commands, client->line, out);
	if (result < 0)
		fprintf(out, "error: %.80s: %s\n", client->line,
			result == -EINVAL ? "no such command" : strerror(-result));
	else if (result == 0)
		fputs("ok\n", out);
	if (fclose(out) == 0 &&
	    send(client->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		trace(commands->device, "COMMAND answer lost: %s", strerror(errno));
	free(text);
}

static void command_split_lines(struct command_server *commands, struct client *client)
{
	char *end;

	while ((end = memchr(client->line, '\n', client->have)) != NULL) {
		size_t length = (size_t)(end - client->line) + 1;

		*end = '\0';
		command_answer(commands, client);
		client->have -= length;
		memmove(client->line, client->line + length, client->have);
	}
}

static void command_serve_client(struct command_server *commands, struct client *client)
{
	ssize_t got = recv(client->fd, client->line + client->have,
			   sizeof(client->line) - client->have, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		command_drop(client);
		return;
	}
	client->have += (size_t)got;
	command_split_lines(commands, client);
	if (client->have == sizeof(client->line))
		command_drop(client);
}

static void command_accept_client(struct command_server *commands)
{
	int fd = listen_accept(&commands->listener, "a command");

	for (unsigned int i = 0; fd >= 0 && i < COMMAND_CLIENTS; i++)
		if (commands->client[i].fd < 0) {
			commands->client[i].fd = fd;
			return;
		}
	if (fd >= 0)
		close(fd);
}

void command_serve(struct command_server *commands)
{
	command_accept_client(commands);
	for (unsigned int i = 0; i < COMMAND_CLIENTS; i++)
		if (commands->client[i].fd >= 0)
			command_serve_client(commands, &commands->client[i]);
}
