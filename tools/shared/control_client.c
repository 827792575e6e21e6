/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/shared/common.h"
#include "tools/shared/socket_directory.h"

#define LINE_MAX_BYTES (1 << 20)
#define ASK_NS 2000000000ULL
/* Two servers, neither of which answers: the library's limits, and some. */
#define MIGRATE_NS 10000000000ULL
/* The longest that a wait does not look at signals, and the pause before another attempt
 * at a socket that takes no more connections now. */
#define SLICE_NS 20000000ULL

/* Wait a moment for the socket (-1: just a moment). */
static int client_wait(int fd, short event, uint64_t until)
{
	struct pollfd wait = { .fd = fd, .events = event };
	const struct timespec slice = { .tv_nsec = (long)SLICE_NS };

	if (stop_asked() > 0)
		return -EINTR;
	if (now_ns() >= until)
		return -ETIMEDOUT;
	(void)ppoll(&wait, 1, &slice, NULL);
	return 0;
}

/* A socket whose queue of connections is full says EAGAIN. */
static int client_connect(const struct socket_directory *directory, int fd, uint64_t until)
{
	struct sockaddr_un address;
	int result = 0;

	socket_directory_address(directory, &address);
	while (result == 0) {
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return 0;
		if (errno == ECONNREFUSED || errno == ENOENT)
			return -ENOENT;
		if (errno != EAGAIN && errno != EINTR)
			return errno == EPERM ? -EACCES : -errno;
		result = client_wait(-1, 0, until);
	}
	return result;
}

static int client_send(int fd, const char *text, size_t size, uint64_t until)
{
	int result = 0;

	while (size != 0 && result == 0) {
		ssize_t sent = send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			text += sent;
			size -= (size_t)sent;
		} else if (errno == EAGAIN || errno == EINTR) {
			result = client_wait(fd, POLLOUT, until);
		} else {
			result = -EIO;
		}
	}
	return result;
}

/* Read until a line is whole, the other end is closed or the time is over. */
static int client_read_line(int fd, uint64_t until, char *line, size_t size)
{
	size_t have = 0;
	int result = 0;

	while (have < size - 1 && result == 0) {
		ssize_t got = recv(fd, line + have, size - 1 - have, MSG_DONTWAIT);

		if (got > 0) {
			have += (size_t)got;
			line[have] = '\0';
			if (line[have - 1] == '\n')
				return 0;
		} else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
			result = client_wait(fd, POLLIN, until);
		} else {
			result = -EIO;
		}
	}
	return result != 0 ? result : -EIO;
}

/* `*answer`: a line, which the caller frees. */
static int client_exchange(int fd, const char *request, uint64_t until, char **answer)
{
	int result;

	*answer = malloc(LINE_MAX_BYTES);
	if (*answer == NULL)
		return -ENOMEM;
	result = client_send(fd, request, strlen(request), until);
	if (result == 0)
		result = client_send(fd, "\n", 1, until);
	if (result == 0)
		result = client_read_line(fd, until, *answer, LINE_MAX_BYTES);
	if (result != 0) {
		free(*answer);
		*answer = NULL;
	}
	return result;
}

/* What this process lacks, and no other. */
static bool client_lacks(int result)
{
	return result == -EMFILE || result == -ENFILE || result == -ENOMEM ||
	       result == -ENOBUFS;
}

static int client_ask_there(const struct socket_directory *directory, uid_t owner,
			    const char *request, uint64_t until, char **answer)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result;

	if (fd < 0)
		return -errno;
	result = client_connect(directory, fd, until);
	if (result == 0)
		result = socket_peer_is(fd, owner) ?
				 client_exchange(fd, request, until, answer) : -EACCES;
	close(fd);
	return result;
}

/* Each directory in which a process of this user may listen. */
static int client_ask_user(uid_t owner, const char *device, const char *request,
			   uint64_t until, char **answer, int *process)
{
	struct socket_directory directory;
	int result = -ENOENT;

	for (unsigned int i = 0; i < SOCKET_DIRECTORIES && result == -ENOENT; i++) {
		int opened = socket_directory_open(&directory, i, owner, false, device);

		if (client_lacks(opened))
			return opened;
		if (opened != 0)
			continue;
		result = client_ask_there(&directory, owner, request, until, answer);
		if (owner == geteuid() && result != -ENOENT)
			*process = socket_lock_process(&directory);
		socket_directory_close(&directory);
	}
	return result;
}

/*
 * `process`: its id, 0 where that is not known, or it is another user's.
 *
 * Returns 0 with `*answer`, which the caller frees; -ENOENT if no such process listens;
 * -EACCES if there may be one of another user's; -ETIMEDOUT if it does not answer, -EINTR
 * if a signal requests a stop; -EIO if it ends before its line does; -EMFILE, -ENFILE,
 * -ENOMEM if this process lacks something to ask with.
 */
static int client_ask(const char *device, const char *request, uint64_t limit_ns, char **answer,
		      int *process)
{
	uid_t users[] = { geteuid(), geteuid() == 0 ?
				     socket_directory_device_owner(device) : 0 };
	uint64_t until = now_ns() + limit_ns;
	int result;

	*answer = NULL;
	*process = 0;
	result = client_ask_user(users[0], device, request, until, answer, process);
	if (result == -ENOENT && users[1] != users[0])
		result = client_ask_user(users[1], device, request, until, answer,
					 process);
	return result;
}

/* Ask and understand; the reply is empty where that fails. */
static int client_request(const char *device, const struct control_request *request,
			  struct control_reply *reply, int *process)
{
	char *line = control_encode_request(request), *answer = NULL;
	int result = -ENOMEM;

	*reply = (struct control_reply){ 0 };
	*process = 0;
	if (line != NULL)
		result = client_ask(device, line,
				    request->command == CONTROL_MIGRATE ? MIGRATE_NS : ASK_NS,
				    &answer, process);
	if (result == 0)
		result = control_decode_reply(answer, request->command, reply);
	free(answer);
	free(line);
	return result;
}

/* Why no answer came of a process that has the device. Returns an exit code. */
static int client_say_silent(const char *device, int result, int process)
{
	if (code_of_run(result) == CODE_PERMISSION) {
		say("%s: whether another process has it cannot be found out: %s%s",
		    device, strerror(-result),
		    result == -EMFILE ? "; raise the limit: ulimit -n 1024" : "");
		return CODE_PERMISSION;
	}
	if (result == -ETIMEDOUT && process > 0)
		say("%s: process %d has it and does not answer; if it was stopped: kill "
		    "-CONT %d", device, process, process);
	else
		say("%s: the process that has it does not answer: %s", device,
		    result == -EIO ? "what it says makes no sense" : strerror(-result));
	return result == -ETIMEDOUT ? CODE_UNDRIVABLE : CODE_FAILED;
}

static int client_ask_command(const char *device, const struct control_request *request,
			      struct control_reply *reply, bool *found)
{
	int process, result = client_request(device, request, reply, &process);

	*found = result == 0;
	/* Another user's, or none: an attempt to open the device shows it. */
	if (result == 0 || result == -ENOENT || result == -EACCES)
		return CODE_OK;
	return result == -EINTR ? CODE_FAILED :
				  client_say_silent(device, result, process);
}

int control_ask_stats(const char *device, struct control_reply *reply, bool *found)
{
	const struct control_request request = { .command = CONTROL_STATS };
	int code = client_ask_command(device, &request, reply, found);

	if (reply->error[0] == '\0')
		return code;
	say("%s: the process that has it says: %s", device, reply->error);
	*found = false;
	return CODE_FAILED;
}

int control_ask_set(const char *device, char *const *settings, unsigned int count,
		    struct control_reply *reply, bool *found)
{
	const struct control_request request = {
		.command = CONTROL_SET, .count = count,
		.setting = (const char **)(uintptr_t)settings,
	};

	return client_ask_command(device, &request, reply, found);
}

int control_ask_migrate(const char *device, const char *to, struct control_reply *reply,
			bool *found)
{
	const struct control_request request = { .command = CONTROL_MIGRATE, .to = to };

	return client_ask_command(device, &request, reply, found);
}

void control_hint(const char *device, const char *command)
{
	const struct control_request request = { .command = CONTROL_WHO };
	struct control_reply reply;
	int process, result = client_request(device, &request, &reply, &process);

	if (reply.in_use_by[0] != '\0')
		say("%s is in use by %s; end it to run '%s', or see 'vionet stats' "
		    "and 'vionet set', which work beside it", device, reply.in_use_by,
		    command);
	else if (result == -EACCES)
		say("%s may be in use by a process of another user's; ask as root: sudo "
		    "vionet stats %s", device, device);
	else if (result != 0 && result != -ENOENT && result != -EINTR)
		client_say_silent(device, result, process);
	control_release_reply(&reply);
}
