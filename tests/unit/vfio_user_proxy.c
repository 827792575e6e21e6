/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
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

#include "tests/unit/stopwatch.h"
#include "tests/unit/vfio_user_proxy.h"

extern char **environ;

enum { HEADER = 16 };

void vfu_put16(uint8_t *at, uint16_t value) { memcpy(at, &value, 2); }
void vfu_put32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }
void vfu_put64(uint8_t *at, uint64_t value) { memcpy(at, &value, 8); }

static uint16_t vfu_get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
}

uint32_t vfu_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return value;
}

uint64_t vfu_get64(const uint8_t *at)
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
		struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control) };
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

/* Whatever comes of it, what came along is there to be dropped. */
static bool proxy_receive(int fd, struct proxy_message *m)
{
	uint8_t header[HEADER];

	memset(m, 0, offsetof(struct proxy_message, body));
	m->fd_count = m->came_count = 0;
	m->silent = m->hang_up = false;
	m->cut = 0;
	if (!proxy_pull(fd, header, HEADER, m))
		return false;
	m->id = vfu_get16(header);
	m->command = vfu_get16(header + 2);
	m->flags = vfu_get32(header + 8);
	m->error = vfu_get32(header + 12);
	m->length = vfu_get32(header + 4) - HEADER;
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

static bool proxy_push(int fd, const struct proxy_message *m)
{
	static __thread uint8_t bytes[HEADER + PROXY_ROOM];
	size_t size = HEADER + m->length;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec piece = { bytes, size };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };

	vfu_put16(bytes, m->id);
	vfu_put16(bytes + 2, m->command);
	vfu_put32(bytes + 4, m->size != 0 ? m->size : (uint32_t)size);
	vfu_put32(bytes + 8, m->flags);
	vfu_put32(bytes + 12, m->error);
	memcpy(bytes + HEADER, m->body, m->length);
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
	return proxy_push(p->fd, m);
}

int proxy_request(struct proxy *p, uint16_t command, uint64_t address, uint64_t count,
		  void *data, size_t size)
{
	static __thread struct proxy_message m;
	uint16_t id = 0xa5a5;

	memset(&m, 0, offsetof(struct proxy_message, body));
	m.id = id;
	m.command = command;
	vfu_put64(m.body, address);
	vfu_put64(m.body + 8, count);
	m.length = 16 + (command == VFU_DMA_WRITE ? size : 0);
	m.fd_count = 0;
	m.cut = 0;
	if (command == VFU_DMA_WRITE && size != 0)
		memcpy(m.body + 16, data, size);
	proxy_push(p->fd, &m);
	if (!proxy_receive(p->fd, &m) || m.id != id || m.command != command ||
	    (m.flags & 0xf) != VFU_REPLY || m.came_count != 0)
		return -1;
	if (m.flags & VFU_ERROR)
		return m.length == 0 && m.error != 0 ? (int)m.error : -1;
	if (m.length != 16 + (command == VFU_DMA_READ ? count : 0) ||
	    vfu_get64(m.body) != address || vfu_get64(m.body + 8) != count)
		return -1;
	if (command == VFU_DMA_READ)
		memcpy(data, m.body + 16, count);
	return 0;
}

/* ---- what passes ---- */

static void proxy_note_map(struct proxy *p, const struct proxy_message *q)
{
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++) {
		struct proxy_window *w = &p->window[i];

		if (w->used)
			continue;
		*w = (struct proxy_window){
			.used = true, .writable = (vfu_get32(q->body + 4) & 2) != 0,
			.offset = vfu_get64(q->body + 8),
			.address = vfu_get64(q->body + 16),
			.size = vfu_get64(q->body + 24), .fd = -1, .flags = -1,
		};
		if (q->came_count != 0) {
			w->fd = fcntl(q->came[0], F_DUPFD_CLOEXEC, 0);
			w->flags = fcntl(w->fd, F_GETFL);
			w->seals = fcntl(w->fd, F_GET_SEALS);
		}
		return;
	}
	abort();
}

static void proxy_forget_window(struct proxy_window *w)
{
	if (w->used && w->fd >= 0)
		close(w->fd);
	w->used = false;
}

static void proxy_note_unmap(struct proxy *p, const struct proxy_message *q)
{
	p->unmapped_live += p->bus_master;
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
		if (p->window[i].used && p->window[i].address == vfu_get64(q->body + 8))
			proxy_forget_window(&p->window[i]);
}

static void proxy_set_irq(struct proxy *p, uint32_t index, uint32_t number, int fd)
{
	int *irq = &p->irq[index][number];

	if (*irq >= 0)
		close(*irq);
	*irq = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

/* Eventfds for interrupts, or none for all of a kind. */
static void proxy_note_irqs(struct proxy *p, const struct proxy_message *q)
{
	uint32_t index = vfu_get32(q->body + 8), start = vfu_get32(q->body + 12);
	uint32_t count = vfu_get32(q->body + 16);

	for (uint32_t i = 0; count == 0 && i < 16; i++)
		proxy_set_irq(p, index, i, -1);
	for (uint32_t i = 0; i < count && i < q->came_count && start + i < 16; i++)
		proxy_set_irq(p, index, start + i, q->came[i]);
}

/* The command register is at 4 in configuration space, the status at 20 in the BAR. */
static void proxy_note_write(struct proxy *p, const struct proxy_message *q)
{
	uint64_t offset = vfu_get64(q->body);
	uint32_t region = vfu_get32(q->body + 8);

	if (region == 7 && offset == 4)
		p->bus_master = (q->body[16] & 4) != 0;
	else if (region == PROXY_REGION && offset == 20)
		p->status = q->body[16];
	else if (region == PROXY_REGION && offset >= PROXY_NOTIFY)
		p->doorbells++;
}

static void proxy_note(struct proxy *p, const struct proxy_message *q)
{
	switch (q->command) {
	case VFU_DMA_MAP: proxy_note_map(p, q); break;
	case VFU_DMA_UNMAP: proxy_note_unmap(p, q); break;
	case VFU_SET_IRQS: proxy_note_irqs(p, q); break;
	case VFU_REGION_WRITE: proxy_note_write(p, q); break;
	}
}

static void proxy_change(struct proxy *p, const struct proxy_message *q,
			 struct proxy_message *r)
{
	if (q->command == VFU_VERSION && p->json) {
		strcpy((char *)r->body + 4, p->json);
		r->length = 4 + strlen(p->json) + 1;
	}
	if (q->command == VFU_REGION_INFO && r->fd_count == 1 && p->bar_fd >= 0)
		r->fds[0] = p->bar_fd;
	for (unsigned int i = 0; i < 3 && q->command == VFU_REGION_IO_FDS; i++)
		if (p->doorbell[i] >= 0)
			r->fds[i] = p->doorbell[i];
}

/* ---- the thread ---- */

static void proxy_echo(const struct proxy_message *q, struct proxy_message *r)
{
	memset(r, 0, offsetof(struct proxy_message, body));
	r->id = q->id;
	r->command = q->command;
	r->flags = VFU_REPLY;
	memcpy(r->body, q->body, 16);
	r->length = 16;
	r->fd_count = 0;
	r->silent = r->hang_up = false;
	r->cut = 0;
}

/* The device's reply to a request; false: it has gone. */
static bool proxy_forward(struct proxy *p, struct proxy_message *q,
			  struct proxy_message *r)
{
	if (p->on_request && !p->on_request(p, q)) {
		proxy_echo(q, r);
		return true;
	}
	return proxy_push(p->device_fd, q) &&
	       ((q->flags & VFU_NO_REPLY) != 0 || proxy_receive(p->device_fd, r));
}

/* Returns whether the connection goes on. */
static bool proxy_serve(struct proxy *p)
{
	struct proxy_message *q = &p->request, *r = &p->reply;
	bool on = proxy_receive(p->fd, q);

	r->came_count = 0;
	if (on) {
		pthread_mutex_lock(&p->lock);
		p->messages++;
		if (q->command < VFU_END)
			p->count[q->command]++;
		if (q->came_count > p->most_fds)
			p->most_fds = q->came_count;
		on = proxy_forward(p, q, r);
		if (on && !(r->flags & VFU_ERROR))
			proxy_note(p, q);
		if (on)
			proxy_change(p, q, r);
		if (on && p->hook)
			p->hook(p, q, r);
		if (on && !r->silent && !(q->flags & VFU_NO_REPLY))
			proxy_push(p->fd, r);
		on = on && !r->hang_up;
		pthread_mutex_unlock(&p->lock);
	}
	proxy_drop_fds(q);
	proxy_drop_fds(r);
	return on;
}

static int proxy_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	return fd;
}

static void proxy_end_connection(struct proxy *p)
{
	pthread_mutex_lock(&p->lock);
	close(p->fd);
	close(p->device_fd);
	p->fd = p->device_fd = -1;
	p->bus_master = false;
	for (unsigned int i = 0; i < PROXY_WINDOWS; i++)
		proxy_forget_window(&p->window[i]);
	for (unsigned int kind = 0; kind < 5; kind++)
		for (unsigned int i = 0; i < 16; i++)
			proxy_set_irq(p, kind, i, -1);
	p->ended++;
	pthread_mutex_unlock(&p->lock);
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
	pthread_mutex_unlock(&p->lock);
}

static void *proxy_run(void *argument)
{
	struct proxy *p = argument;
	struct pollfd waits[2] = { { .fd = p->wake_fd, .events = POLLIN },
				   { .events = POLLIN } };

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		waits[1].fd = p->fd >= 0 ? p->fd : p->listen_fd;
		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[0].revents)
			proxy_do_job(p);
		if (waits[1].revents && p->fd < 0) {
			p->fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);
			p->device_fd = proxy_connect(p->device_path);
		} else if (waits[1].revents && !proxy_serve(p)) {
			proxy_end_connection(p);
		}
	}
	if (p->fd >= 0)
		proxy_end_connection(p);
	return NULL;
}

static void proxy_wake(struct proxy *p)
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
	char *argv[16] = { getenv("VIONET_SOFTNIC"), listen, "--queues=1", "--vectors=3" };
	posix_spawn_file_actions_t actions;
	int output[2];

	if (argv[0] == NULL)
		fail_msg("VIONET_SOFTNIC is to name the software device, as ctest sets it");
	snprintf(listen, sizeof(listen), "--listen=%s", p->device_path);
	for (unsigned int i = 0; p->options[i]; i++)
		argv[4 + i] = (char *)(uintptr_t)p->options[i];
	assert_int_equal(pipe2(output, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
	if (posix_spawn(&p->device, argv[0], &actions, NULL, argv, environ) != 0) {
		p->device = 0;
		fail_msg("%s cannot be started", argv[0]);
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

struct proxy *proxy_create(void)
{
	struct proxy *p = calloc(1, sizeof(*p));
	pthread_mutexattr_t checked;

	/* An assertion that fails leaves it locked; proxy_destroy goes on all the same. */
	pthread_mutexattr_init(&checked);
	pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&p->lock, &checked);
	pthread_mutexattr_destroy(&checked);
	strcpy(p->folder, "/tmp/vionet-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/socket", p->folder);
	snprintf(p->device_path, sizeof(p->device_path), "%s/device", p->folder);
	p->options[0] = "--notify=write";
	p->bar_fd = p->fd = p->device_fd = -1;
	p->doorbell[0] = p->doorbell[1] = p->doorbell[2] = -1;
	memset(p->irq, 0xff, sizeof(p->irq));
	return p;
}

void proxy_start(struct proxy *p)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	proxy_spawn(p);
	strcpy(address.sun_path, p->path);
	p->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(p->listen_fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(p->listen_fd, 1))
		abort();
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
	close(p->listen_fd);
	close(p->wake_fd);
	for (int i = 0; i < 3; i++)
		if (p->doorbell[i] >= 0)
			close(p->doorbell[i]);
	if (p->bar_fd >= 0)
		close(p->bar_fd);
	unlink(p->path);
	proxy_end_device(p);
	rmdir(p->folder);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
