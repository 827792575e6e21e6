/* SPDX-License-Identifier: BSD-3-Clause */
/* What a process in the sandbox of the tools can still do, and what ends it. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/event.h"
#include "tools/shared/common.h"
#include "tools/shared/sandbox.h"

#define DENIED 100 /* and the errno */

/* The command's. */
void say(const char *format, ...)
{
	fail_msg("%s", format);
}

/* How a process ends that enters the sandbox and makes the call: its status, or 1000 and the signal. */
static int end_of(unsigned int stages, int (*call)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (sandbox_enter(stages) != CODE_OK)
			_exit(99);
		errno = 0;
		_exit(call() < 0 ? DENIED + errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_a_program(void)
{
	return execl("/bin/true", "true", NULL);
}

static int make_a_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int make_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static int map_to_execute(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int make_executable(void)
{
	void *place = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(place, 4096, PROT_READ | PROT_EXEC);
}

static int push_input(void)
{
	return ioctl(0, TIOCSTI, "x");
}

static int kill_another(void)
{
	return kill(getppid(), 0);
}

static int change_itself(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static int open_a_file(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int look_at_a_file(void)
{
	return access("/", F_OK);
}

static int make_memory(void)
{
	return memfd_create("memory", 0);
}

static int make_an_eventfd(void)
{
	return eventfd(0, 0);
}

static int send_a_message(void)
{
	struct msghdr message = { 0 };

	/* Of no socket: the call is allowed. */
	return sendmsg(0, &message, MSG_DONTWAIT) < 0 && errno == ENOTSOCK ? 0 : -1;
}

static void *thread_main(void *context)
{
	return context;
}

static int make_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, NULL) != 0)
		return -1;
	return pthread_join(thread, NULL);
}

static int allocate(void)
{
	void *volatile memory = malloc(10 << 20);

	free(memory);
	return memory != NULL ? 0 : -1;
}

/* As the doorbell of a device behind a socket is, more often than results find room. */
static int signal_an_eventfd(void)
{
	struct vn_event_sender sender = { 0 };
	int fd = eventfd(0, EFD_CLOEXEC), result = 0;

	vn_event_sender_open(&sender);
	for (int i = 0; i < 300 && result == 0; i++)
		result = vn_event_send(&sender, fd);
	vn_event_sender_close(&sender);
	return result;
}

static int the_next_filter(void)
{
	return sandbox_enter(SANDBOX_RUNNING) == CODE_OK ? 0 : -1;
}

static void what_is_left(void **state)
{
	enum { KILLED = 1000 + SIGSYS };
	static const struct {
		const char *name;
		int (*call)(void);
		int opening, running;
	} rows[] = {
		{ "execve", run_a_program, KILLED, KILLED },
		{ "socket", make_a_socket, KILLED, KILLED },
		{ "fork", make_a_process, KILLED, KILLED },
		{ "mmap", map_to_execute, KILLED, KILLED },
		{ "mprotect", make_executable, KILLED, KILLED },
		{ "TIOCSTI", push_input, KILLED, KILLED },
		{ "kill", kill_another, KILLED, KILLED },
		{ "prctl", change_itself, 0, KILLED },
		{ "open", open_a_file, DENIED + EACCES, DENIED + EACCES },
		{ "access", look_at_a_file, DENIED + EACCES, DENIED + EACCES },
		{ "memfd_create", make_memory, 0, KILLED },
		{ "eventfd", make_an_eventfd, 0, KILLED },
		{ "seccomp", the_next_filter, 0, KILLED },
		{ "thread", make_a_thread, 0, 0 },
		{ "malloc", allocate, 0, 0 },
		{ "sendmsg", send_a_message, KILLED, KILLED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int opening = end_of(SANDBOX_OPENING, rows[i].call);
		int running = end_of(SANDBOX_RUNNING, rows[i].call);

		if (opening != rows[i].opening || running != rows[i].running)
			fail_msg("%s: %d opening, %d running", rows[i].name, opening, running);
	}
	assert_int_equal(end_of(SANDBOX_RUNNING | SANDBOX_SOCKET, send_a_message), 0);
	assert_int_equal(end_of(SANDBOX_OPENING | SANDBOX_SOCKET, signal_an_eventfd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
