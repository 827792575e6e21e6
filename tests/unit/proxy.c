/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/proxy.h"
#include "tests/unit/stopwatch.h"

extern char **environ;

enum { HEADER_MOST = 16 };

void wire_put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, 2);
}
void wire_put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);
}
void wire_put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, 8);
}

uint16_t wire_get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
}

uint32_t wire_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return value;
}

uint64_t wire_get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, 8);
	return value;
}

/* ---- messages ---- */

static void proxy_take_fds(struct msghdr *header, struct proxy_message *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (m->came_count + count > PROXY_FDS)
			abort();
		memcpy(m->came + m->came_count, CMSG_DATA(c), count * sizeof(int));
		m->came_count += (unsigned int)count;
	}
}

static bool proxy_pull(int fd, void *data, size_t size, struct proxy_message *m)
{
	char *at = data;

	while (size != 0) {
		_Alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))];
		struct iovec piece = { at, size };
		struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);

		if (got <= 0)
			return false;
		proxy_take_fds(&header, m);
		at += got;
		size -= (size_t)got;
	}
	return true;
}

static void proxy_drop_fds(struct proxy_message *m)
{
	while (m->came_count != 0)
		close(m->came[--m->came_count]);
	m->fd_count = 0;
}

void proxy_blank(struct proxy_message *m)
{
	memset(m, 0, offsetof(struct proxy_message, body));
	m->length = 0;
	m->fd_count = m->came_count = 0;
	m->silent = m->hang_up = false;
	m->cut = 0;
}

/* Whatever comes of it, what came along is there to be dropped. */
bool proxy_receive(const struct proxy_protocol *protocol, int fd, struct proxy_message *m)
{
	uint8_t header[HEADER_MOST];

	proxy_blank(m);
	if (!proxy_pull(fd, header, protocol->header, m))
		return false;
	protocol->unpack(m, header);
	if (m->length > PROXY_ROOM || !proxy_pull(fd, m->body, m->length, m))
		return false;
	memcpy(m->fds, m->came, m->came_count * sizeof(int));
	m->fd_count = m->came_count;
	return true;
}

static void proxy_attach_fds(struct msghdr *header, char *control,
			     const struct proxy_message *m)
{
	struct cmsghdr *c;

	if (m->fd_count == 0)
		return;
	header->msg_control = control;
	header->msg_controllen = CMSG_SPACE(m->fd_count * sizeof(int));
	c = CMSG_FIRSTHDR(header);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(m->fd_count * sizeof(int));
	memcpy(CMSG_DATA(c), m->fds, m->fd_count * sizeof(int));
}

bool proxy_push(const struct proxy_protocol *protocol, int fd, const struct proxy_message *m)
{
	static __thread uint8_t bytes[HEADER_MOST + PROXY_ROOM];
	size_t size = protocol->header + m->length;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec piece = { bytes, size };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };

	protocol->pack(m, bytes);
	memcpy(bytes + protocol->header, m->body, m->length);
	if (m->cut != 0 && m->cut < size)
		piece.iov_len = m->cut;
	proxy_attach_fds(&header, control, m);
	while (piece.iov_len != 0) {
		ssize_t sent = sendmsg(fd, &header, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		header.msg_controllen = 0;
		piece.iov_base = (char *)piece.iov_base + sent;
		piece.iov_len -= (size_t)sent;
	}
	return true;
}

bool proxy_send(struct proxy *p, struct proxy_message *m)
{
	return proxy_push(p->protocol, p->fd, m);
}

/* ---- what passes ---- */

void proxy_note_fd(int *noted, int fd)
{
	if (*noted >= 0)
		close(*noted);
	*noted = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

struct proxy_window *proxy_note_window(struct proxy *p, struct proxy_window window, int fd)
{
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++) {
		struct proxy_window *w = &p->window[i];

		if (w->used)
			continue;
		*w = window;
		w->used = true;
		w->fd = w->flags = -1;
		if (fd >= 0) {
			proxy_note_fd(&w->fd, fd);
			w->flags = fcntl(w->fd, F_GETFL);
			w->seals = fcntl(w->fd, F_GET_SEALS);
		}
		return w;
	}
	abort();
}

void proxy_forget_window(struct proxy_window *w)
{
	if (w->used && w->fd >= 0)
		close(w->fd);
	w->used = false;
}

/* ---- the thread ---- */

/* The device's reply to a request; false: it has gone. */
static bool proxy_forward(struct proxy *p, struct proxy_message *q, struct proxy_message *r,
			  bool replies)
{
	proxy_blank(r);
	if (!p->protocol->request(p, q, r))
		return true;
	return proxy_push(p->protocol, p->device_fd, q) &&
	       (!replies || proxy_receive(p->protocol, p->device_fd, r));
}

/* Under the lock. Returns whether the connection goes on. */
static bool proxy_pass(struct proxy *p, struct proxy_message *q, struct proxy_message *r)
{
	bool replies = p->protocol->has_reply(p, q);

	p->messages++;
	if (q->command < PROXY_COMMANDS)
		p->count[q->command]++;
	if (q->came_count > p->most_fds)
		p->most_fds = q->came_count;
	if (!proxy_forward(p, q, r, replies))
		return false;
	p->protocol->served(p, q, r);
	if (p->hook)
		p->hook(p, q, r);
	if (replies && !r->silent)
		proxy_send(p, r);
	return !r->hang_up;
}

static bool proxy_serve(struct proxy *p)
{
	struct proxy_message *q = &p->request, *r = &p->reply;
	bool on = proxy_receive(p->protocol, p->fd, q);

	r->came_count = 0;
	if (on) {
		pthread_mutex_lock(&p->lock);
		on = proxy_pass(p, q, r);
		pthread_mutex_unlock(&p->lock);
	}
	proxy_drop_fds(q);
	proxy_drop_fds(r);
	return on;
}

/* A socket that is connected to it; -1: nobody listens. */
static int proxy_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Under the lock. */
static void proxy_end_connection(struct proxy *p)
{
	close(p->fd);
	close(p->device_fd);
	p->fd = p->device_fd = -1;
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
		proxy_forget_window(&p->window[i]);
	p->protocol->ended(p);
	p->ended++;
}

static void proxy_do_job(struct proxy *p)
{
	uint64_t woken;

	(void)!read(p->wake_fd, &woken, sizeof(woken));
	pthread_mutex_lock(&p->lock);
	if (p->job && p->fd >= 0)
		p->job(p);
	p->job = NULL;
	__atomic_store_n(&p->job_done, true, __ATOMIC_RELEASE);
	if (p->hang_up && p->fd >= 0)
		proxy_end_connection(p);
	p->hang_up = false;
	pthread_mutex_unlock(&p->lock);
}

static void proxy_begin_connection(struct proxy *p, bool pending)
{
	int fd = -1;

	if (p->connects)
		fd = proxy_connect(p->path);
	else if (pending)
		fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	pthread_mutex_lock(&p->lock);
	p->fd = fd;
	p->device_fd = proxy_connect(p->device_path);
	p->sessions++;
	pthread_mutex_unlock(&p->lock);
	if (p->device_fd < 0)
		abort();
}

static void proxy_poll(struct proxy *p, bool came)
{
	bool on;

	if (p->fd < 0) {
		proxy_begin_connection(p, came);
		return;
	}
	on = !came || proxy_serve(p);
	pthread_mutex_lock(&p->lock);
	if (!on)
		proxy_end_connection(p);
	pthread_mutex_unlock(&p->lock);
}

/* Sleep until there is something to do. */
static void proxy_wait(struct proxy *p, struct pollfd waits[2 + PROXY_WATCHES])
{
	unsigned int count = 2;

	waits[0] = (struct pollfd){ .fd = p->wake_fd, .events = POLLIN };
	waits[1] = (struct pollfd){ .fd = p->fd >= 0 ? p->fd : p->listen_fd, .events = POLLIN };
	if (p->protocol->watch) {
		pthread_mutex_lock(&p->lock);
		count += p->protocol->watch(p, waits + 2);
		pthread_mutex_unlock(&p->lock);
	}
	(void)poll(waits, count, p->connects && p->fd < 0 ? 10 : -1);
}

static void *proxy_run(void *argument)
{
	struct proxy *p = argument;

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		struct pollfd waits[2 + PROXY_WATCHES] = { 0 };

		proxy_wait(p, waits);
		if (p->protocol->work) {
			pthread_mutex_lock(&p->lock);
			p->protocol->work(p, waits + 2);
			pthread_mutex_unlock(&p->lock);
		}
		if (waits[0].revents)
			proxy_do_job(p);
		else
			proxy_poll(p, waits[1].revents != 0);
	}
	pthread_mutex_lock(&p->lock);
	if (p->fd >= 0)
		proxy_end_connection(p);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void proxy_wake(struct proxy *p)
{
	uint64_t one = 1;

	(void)!write(p->wake_fd, &one, sizeof(one));
}

void proxy_job(struct proxy *p, void (*job)(struct proxy *proxy))
{
	pthread_mutex_lock(&p->lock);
	p->job = job;
	__atomic_store_n(&p->job_done, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&p->lock);
	proxy_wake(p);
}

/* Without the lock: the job has it. */
bool proxy_job_done(struct proxy *p)
{
	return __atomic_load_n(&p->job_done, __ATOMIC_ACQUIRE);
}

void proxy_hang_up(struct proxy *p)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	pthread_mutex_lock(&p->lock);
	p->hang_up = p->fd >= 0;
	while (p->hang_up) {
		pthread_mutex_unlock(&p->lock);
		proxy_wake(p);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
}

bool proxy_ended(struct proxy *p)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (double end = watch_clock() + TEST_TIMEOUT_S; watch_clock() < end;) {
		bool ended;

		pthread_mutex_lock(&p->lock);
		ended = p->ended != 0;
		pthread_mutex_unlock(&p->lock);
		if (ended)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* ---- the device ---- */

static void proxy_spawn(struct proxy *p)
{
	char listen[80], ready[256];
	/* It ends with us, however we end. */
	char *argv[24] = { "setpriv", "--pdeathsig", "KILL", getenv("VIONET_SOFTNIC"), listen };
	posix_spawn_file_actions_t actions;
	unsigned int n = 5;
	int output[2];

	if (argv[3] == NULL)
		fail_msg("VIONET_SOFTNIC is to name the software device, as ctest sets it");
	snprintf(listen, sizeof(listen), "--listen=%s", p->device_path);
	for (unsigned int i = 0; p->fixed[i]; i++)
		argv[n++] = (char *)(uintptr_t)p->fixed[i];
	for (unsigned int i = 0; p->options[i]; i++)
		argv[n++] = (char *)(uintptr_t)p->options[i];
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
	if (posix_spawnp(&p->device, argv[0], &actions, NULL, argv, environ) != 0) {
		p->device = 0;
		fail_msg("%s cannot be started", argv[3]);
	}
	posix_spawn_file_actions_destroy(&actions);
	close(output[1]);
	p->output = output[0];
	watch_process = p->device;
	/* It says when it listens. */
	assert_true(read(p->output, ready, sizeof(ready)) > 0);
}

static void proxy_end_device(struct proxy *p)
{
	char words[4096];
	int status;

	watch_process = 0;
	if (p->device <= 0) /* it never ran, and kill(0) is for the whole group */
		return;
	kill(p->device, SIGTERM);
	while (read(p->output, words, sizeof(words)) > 0)
		;
	close(p->output);
	assert_int_equal(waitpid(p->device, &status, 0), p->device);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0 && !(p->violates && WEXITSTATUS(status) == 3))
		fail_msg("the device ends with status %d", WEXITSTATUS(status));
}

void proxy_prepare(struct proxy *p, const struct proxy_protocol *protocol)
{
	pthread_mutexattr_t checked;

	/* An assertion that fails leaves it locked; proxy_destroy goes on all the same. */
	pthread_mutexattr_init(&checked);
	pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&p->lock, &checked);
	pthread_mutexattr_destroy(&checked);
	p->protocol = protocol;
	strcpy(p->folder, "/tmp/vionet-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/socket", p->folder);
	snprintf(p->device_path, sizeof(p->device_path), "%s/device", p->folder);
	p->fd = p->device_fd = p->listen_fd = -1;
}

static void proxy_listen(struct proxy *p)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, p->path);
	p->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(p->listen_fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(p->listen_fd, 4))
		abort();
}

void proxy_start(struct proxy *p)
{
	proxy_spawn(p);
	if (!p->connects)
		proxy_listen(p);
	p->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (pthread_create(&p->thread, NULL, proxy_run, p))
		abort();
}

void proxy_destroy(struct proxy *p)
{
	(void)pthread_mutex_lock(&p->lock);
	pthread_mutex_unlock(&p->lock);
	__atomic_store_n(&p->stop, true, __ATOMIC_RELEASE);
	proxy_wake(p);
	pthread_join(p->thread, NULL);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	close(p->wake_fd);
	if (p->protocol->destroy)
		p->protocol->destroy(p);
	unlink(p->path);
	proxy_end_device(p);
	rmdir(p->folder);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
