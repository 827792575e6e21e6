/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies of the control socket (tools/shared/control_server.c) that are longer than one
 * send, and clients that do not read them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/shared/common.h"
#include "tools/shared/control_server.h"

#define LONG 900000u

void say(const char *format, ...)
{
	(void)format;
}

/* As of 128 queue pairs and more. */
static char *answer_long(void *context, const char *line)
{
	char *text = malloc(LONG + 1);

	(void)line;
	++*(unsigned int *)context;
	memset(text, 'x', LONG);
	text[LONG] = '\0';
	return text;
}

static int ask(const struct control_server *server)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	socket_directory_address(&server->directory, &address);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, "{}\n", 3, 0), 3);
	return fd;
}

static void is_answered(struct control_server *server)
{
	unsigned int answers = 0;
	char *text = malloc(LONG + 2);
	size_t have = 0;
	int fd = ask(server);
	ssize_t got;

	do {
		control_server_serve(server, answer_long, &answers);
		got = recv(fd, text + have, LONG + 2 - have, MSG_DONTWAIT);
		have += got > 0 ? (size_t)got : 0;
	} while (got > 0 || (got < 0 && errno == EAGAIN));
	assert_int_equal(have, LONG + 1);
	for (size_t i = 0; i < LONG; i++)
		assert_int_equal(text[i], 'x');
	assert_int_equal(text[LONG], '\n');
	assert_int_equal(answers, 1);
	free(text);
	close(fd);
}

static void open_server(struct control_server *server)
{
	char device[64];

	snprintf(device, sizeof(device), "vfio-user:/nowhere/%d", (int)getpid());
	*server = (struct control_server){ .lock = -1 };
	control_server_open(server, device);
	assert_true(server->fd >= 0);
}

static void a_long_reply_is_complete(void **state)
{
	struct control_server server;

	(void)state;
	open_server(&server);
	for (int i = 0; i < 3; i++)
		is_answered(&server);
	control_server_close(&server);
}

/* The server drops it, also in the middle, and serves the next client. */
static void a_client_that_does_not_read_is_dropped(void **state)
{
	struct control_server server;
	unsigned int answers = 0;

	(void)state;
	open_server(&server);
	for (int hang_up = 0; hang_up < 2; hang_up++) {
		int fd = ask(&server);

		do {
			control_server_serve(&server, answer_long, &answers);
			if (hang_up && server.answer != NULL)
				shutdown(fd, SHUT_RDWR);
		} while (server.client >= 0);
		assert_null(server.answer);
		close(fd);
		is_answered(&server);
	}
	assert_int_equal(answers, 2);
	/* The server also shuts down cleanly in the middle of a reply. */
	close(ask(&server));
	control_server_serve(&server, answer_long, &answers);
	control_server_close(&server);
	assert_null(server.answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_reply_is_complete),
		cmocka_unit_test(a_client_that_does_not_read_is_dropped),
	};

	return cmocka_run_group_tests_name("control_server", tests, NULL, NULL);
}
