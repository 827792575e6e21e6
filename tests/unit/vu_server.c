/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/vu_server.h"

/* The text, "Header": 16 bytes. Flags: bits 0-3 type, 4 no reply, 5 error. */
enum { HEADER = 16, IS_REPLY = 1, IS_NO_REPLY = 0x10, IS_ERROR = 0x20 };

void vu_put16(uint8_t *at, uint16_t value) { memcpy(at, &value, 2); }
void vu_put32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }
void vu_put64(uint8_t *at, uint64_t value) { memcpy(at, &value, 8); }

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
}

uint32_t vu_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return value;
}

uint64_t vu_get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, 8);
	return value;
}

/* ---- messages ---- */

static bool pull(struct vu_server *s, void *data, size_t size, struct vu_message *m)
{
	char *at = data;

	while (size != 0) {
		char control[CMSG_SPACE(64 * sizeof(int))];
		struct iovec piece = { at, size };
		struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control) };
		ssize_t got = recvmsg(s->fd, &header, MSG_CMSG_CLOEXEC);

		if (got <= 0)
			return false;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c;
		     c = CMSG_NXTHDR(&header, c)) {
			size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			if (m->fd_count + count > sizeof(m->fds) / sizeof(m->fds[0]))
				abort();
			memcpy(m->fds + m->fd_count, CMSG_DATA(c),
			       count * sizeof(int));
			m->fd_count += (unsigned int)count;
		}
		at += got;
		size -= (size_t)got;
	}
	return true;
}

static void drop_fds(struct vu_message *m)
{
	while (m->fd_count != 0)
		close(m->fds[--m->fd_count]);
}

static bool pull_message(struct vu_server *s, struct vu_message *m)
{
	uint8_t header[HEADER];

	m->fd_count = 0;
	if (!pull(s, header, HEADER, m))
		return false;
	m->id = get16(header);
	m->command = get16(header + 2);
	m->flags = vu_get32(header + 8);
	m->error = vu_get32(header + 12);
	m->length = vu_get32(header + 4) - HEADER;
	return m->length <= VU_ROOM && pull(s, m->body, m->length, m);
}

bool vu_server_send(struct vu_server *s, struct vu_message *m)
{
	static __thread uint8_t bytes[HEADER + VU_ROOM];
	size_t size = HEADER + m->length;
	char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec piece = { bytes, size };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct cmsghdr *c;

	vu_put16(bytes, m->id);
	vu_put16(bytes + 2, m->command);
	vu_put32(bytes + 4, m->size != 0 ? m->size : (uint32_t)size);
	vu_put32(bytes + 8, m->flags);
	vu_put32(bytes + 12, m->error);
	memcpy(bytes + HEADER, m->body, m->length);
	if (m->cut != 0 && m->cut < size)
		piece.iov_len = m->cut;
	if (m->fd_count != 0) {
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(m->fd_count * sizeof(int));
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(m->fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), m->fds, m->fd_count * sizeof(int));
	}
	while (piece.iov_len != 0) {
		ssize_t sent = sendmsg(s->fd, &header, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		header.msg_controllen = 0;
		piece.iov_base = (char *)piece.iov_base + sent;
		piece.iov_len -= (size_t)sent;
	}
	return true;
}

int vu_server_ask(struct vu_server *s, uint16_t command, uint64_t address,
		  uint64_t count, void *data, size_t size)
{
	static __thread struct vu_message m;
	uint16_t id = 0xa5a5;

	memset(&m, 0, offsetof(struct vu_message, body));
	m.id = id;
	m.command = command;
	vu_put64(m.body, address);
	vu_put64(m.body + 8, count);
	m.length = 16 + (command == ASK_WRITE ? size : 0);
	m.fd_count = 0;
	m.cut = 0;
	if (command == ASK_WRITE && size != 0)
		memcpy(m.body + 16, data, size);
	vu_server_send(s, &m);
	if (!pull_message(s, &m) || m.id != id || m.command != command ||
	    (m.flags & 0xf) != IS_REPLY || m.fd_count != 0)
		return -1;
	if (m.flags & IS_ERROR)
		return m.length == 0 && m.error != 0 ? (int)m.error : -1;
	if (m.length != 16 + (command == ASK_READ ? count : 0) ||
	    vu_get64(m.body) != address || vu_get64(m.body + 8) != count)
		return -1;
	if (command == ASK_READ)
		memcpy(data, m.body + 16, count);
	return 0;
}

/* ---- commands ---- */

static int fail(struct vu_message *reply, uint32_t error)
{
	reply->flags |= IS_ERROR;
	reply->error = error;
	reply->length = 0;
	return 0;
}

static void say_version(struct vu_server *s, struct vu_message *r)
{
	const char *json = s->json ? s->json :
		"{\"capabilities\":{\"max_msg_fds\":2,\"max_data_xfer_size\":4096,"
		"\"pgsizes\":4096,\"max_dma_maps\":40,\"migration\":{\"pgsize\":4096}}}";

	vu_put16(r->body, s->major);
	vu_put16(r->body + 2, s->minor);
	strcpy((char *)r->body + 4, json);
	r->length = 4 + strlen(json) + 1;
}

static void say_info(struct vu_server *s, struct vu_message *r)
{
	vu_put32(r->body, 16);
	vu_put32(r->body + 4, 2u | (s->has_reset ? 1u : 0)); /* PCI, RESET */
	vu_put32(r->body + 8, 9);
	vu_put32(r->body + 12, 5);
	r->length = 16;
}

/* READ 1, WRITE 2, MMAP 4, CAPS 8. */
static void say_region(struct vu_server *s, const struct vu_message *q,
		       struct vu_message *r)
{
	uint32_t index = vu_get32(q->body + 8);
	uint64_t size = index < 9 ? s->model->function.region[index].size : 0;

	memset(r->body, 0, 80);
	vu_put32(r->body, 32);
	vu_put32(r->body + 4, size ? 3 : 0);
	vu_put32(r->body + 8, index);
	vu_put64(r->body + 16, size);
	r->length = 32;
	if (index != VU_REGION || s->bar_fd < 0)
		return;
	/* One area: the page with the doorbells. */
	vu_put32(r->body, 64);
	vu_put32(r->body + 4, 15);
	vu_put32(r->body + 12, 32);
	vu_put16(r->body + 32, 1); /* sparse mmap, version 1, next 0 */
	vu_put16(r->body + 34, 1);
	vu_put32(r->body + 40, 1);
	vu_put64(r->body + 48, VU_NOTIFY);
	vu_put64(r->body + 56, 0x1000);
	r->length = 64;
	r->fds[0] = s->bar_fd;
	r->fd_count = 1;
}

static void say_io_fds(struct vu_server *s, const struct vu_message *q,
		       struct vu_message *r)
{
	uint32_t index = vu_get32(q->body + 8), count = 0;

	memset(r->body, 0, 16 + 3 * 40);
	for (unsigned int i = 0; i < 3 && index == VU_REGION; i++) {
		uint8_t *at = r->body + 16 + count * 40;

		if (s->doorbell[i] < 0)
			continue;
		vu_put64(at, VU_NOTIFY + 4 * i);
		vu_put64(at + 8, 2);
		vu_put32(at + 16, count);
		r->fds[count++] = s->doorbell[i];
	}
	r->fd_count = count;
	vu_put32(r->body, 16 + 40 * count);
	vu_put32(r->body + 8, index);
	vu_put32(r->body + 12, count);
	r->length = 16 + 40 * count;
	if (count == 0)
		fail(r, ENOTSUP);
}

static void say_irq_info(struct vu_server *s, const struct vu_message *q,
			 struct vu_message *r)
{
	/* INTx, MSI, MSI-X, ERR, REQ */
	uint32_t index = vu_get32(q->body + 8);
	uint32_t count = index == 2 ? s->irqs : index == 3 ? s->has_err :
			 index == 4 ? s->has_req : 0;

	vu_put32(r->body, 16);
	vu_put32(r->body + 4, 1); /* EVENTFD */
	vu_put32(r->body + 8, index);
	vu_put32(r->body + 12, count);
	r->length = 16;
}

static void forget_irqs(struct vu_server *s, uint32_t index)
{
	for (unsigned int i = 0; i < 16; i++) {
		if (s->irq[index][i] >= 0)
			close(s->irq[index][i]);
		s->irq[index][i] = -1;
		if (index == 2 && i < 8)
			s->model->eventfd[i] = -1;
	}
}

static void set_irqs(struct vu_server *s, struct vu_message *q, struct vu_message *r)
{
	uint32_t flags = vu_get32(q->body + 4), index = vu_get32(q->body + 8);
	uint32_t start = vu_get32(q->body + 12), count = vu_get32(q->body + 16);

	if (q->length != 20 || vu_get32(q->body) != 20 || index > 4 ||
	    start > 16 || count > 16 - start) {
		fail(r, EINVAL);
	} else if (flags == (1u | 1u << 5) && count == 0 && start == 0) {
		forget_irqs(s, index);
	} else if (flags == (1u << 2 | 1u << 5) && q->fd_count == count) {
		for (uint32_t i = 0; i < count; i++) {
			if (s->irq[index][start + i] >= 0)
				close(s->irq[index][start + i]);
			s->irq[index][start + i] = q->fds[i];
			if (index == 2 && start + i < 8)
				s->model->eventfd[start + i] = q->fds[i];
		}
		q->fd_count = 0;
		if (index == 2)
			s->model->eventfds = 8;
	} else {
		fail(r, EINVAL);
	}
}

static void access_region(struct vu_server *s, const struct vu_message *q,
			  struct vu_message *r)
{
	struct vn_function *f = &s->model->function;
	uint64_t offset = vu_get64(q->body);
	uint32_t region = vu_get32(q->body + 8), count = vu_get32(q->body + 12);
	bool write = q->command == SAY_WRITE;
	int result;

	if (region > 8 || offset > f->region[region].size ||
	    count > f->region[region].size - offset ||
	    q->length != 16 + (write ? count : 0)) {
		fail(r, EINVAL);
		return;
	}
	memcpy(r->body, q->body, 16);
	r->length = write ? 16 : 16 + count;
	result = write ? f->ops->write(f, region, offset, q->body + 16, count) :
			 f->ops->read(f, region, offset, r->body + 16, count);
	if (result != 0)
		fail(r, EIO);
}

/* Nothing may be mapped over what is; a page at least, whole pages. */
static bool free_range(const struct vu_server *s, uint64_t address, uint64_t size)
{
	if (size == 0 || (address | size) % 4096 != 0 || address + (size - 1) < address)
		return false;
	for (unsigned int i = 0; i < VU_WINDOWS; i++)
		if (s->window[i].used && address <= s->window[i].address +
							(s->window[i].size - 1) &&
		    s->window[i].address <= address + (size - 1))
			return false;
	return true;
}

static void map(struct vu_server *s, const struct vu_message *q, struct vu_message *r)
{
	struct vn_function *f = &s->model->function;
	struct vu_window w = { .used = true, .flags = -1 };
	struct vn_memory memory = { .fd = q->fd_count ? q->fds[0] : -1,
		.page_size = 4096, .size = vu_get64(q->body + 24),
		.offset = vu_get64(q->body + 8) };
	uint32_t flags = vu_get32(q->body + 4), slot = 0;
	uint64_t iova;

	w.address = vu_get64(q->body + 16);
	w.size = memory.size;
	w.writable = (flags & 2) != 0;
	while (slot < VU_WINDOWS && s->window[slot].used)
		slot++;
	if (q->length != 32 || (flags & ~3u) != 0 || (flags & 1) == 0 ||
	    slot == VU_WINDOWS || q->fd_count > 1 || !free_range(s, w.address, w.size)) {
		fail(r, EINVAL);
		return;
	}
	if (memory.fd >= 0) {
		w.flags = fcntl(memory.fd, F_GETFL);
		w.seals = fcntl(memory.fd, F_GET_SEALS);
		w.shared = !s->no_fds;
	}
	if (w.shared) {
		s->model->next_iova = w.address;
		if (f->ops->memory_add(f, &memory, w.writable ? VN_DEVICE_WRITES :
				       VN_DEVICE_READS, &iova) != 0) {
			fail(r, ENOMEM);
			return;
		}
	}
	s->window[slot] = w;
}

static void unmap(struct vu_server *s, const struct vu_message *q,
		  struct vu_message *r)
{
	struct vn_function *f = &s->model->function;

	memcpy(r->body, q->body, 24);
	r->length = 24;
	for (unsigned int i = 0; i < VU_WINDOWS; i++) {
		struct vu_window *w = &s->window[i];

		if (!w->used || q->length != 24 ||
		    w->address != vu_get64(q->body + 8) ||
		    w->size != vu_get64(q->body + 16))
			continue;
		if (w->shared)
			(void)f->ops->memory_remove(f, w->address);
		w->used = false;
		return;
	}
	fail(r, ENOENT);
}

static void answer(struct vu_server *s, struct vu_message *q, struct vu_message *r)
{
	switch (q->command) {
	case SAY_VERSION: say_version(s, r); break;
	case SAY_DMA_MAP: map(s, q, r); break;
	case SAY_DMA_UNMAP: unmap(s, q, r); break;
	case SAY_INFO: say_info(s, r); break;
	case SAY_REGION_INFO: say_region(s, q, r); break;
	case SAY_IO_FDS: say_io_fds(s, q, r); break;
	case SAY_IRQ_INFO: say_irq_info(s, q, r); break;
	case SAY_SET_IRQS: set_irqs(s, q, r); break;
	case SAY_READ: case SAY_WRITE: access_region(s, q, r); break;
	case SAY_RESET:
		if (s->model->function.ops->reset(&s->model->function) != 0)
			fail(r, ENOTSUP);
		break;
	default: fail(r, ENOTSUP); break;
	}
}

/* ---- the thread ---- */

/* Returns whether the connection goes on. */
static bool converse(struct vu_server *s)
{
	struct vu_message *q = &s->request, *r = &s->reply;
	bool on = pull_message(s, q);

	if (!on) {
		drop_fds(q);
		return false;
	}
	pthread_mutex_lock(&s->lock);
	s->messages++;
	if (q->command < SAY_END)
		s->said[q->command]++;
	if (q->fd_count > s->most_fds)
		s->most_fds = q->fd_count;
	memset(r, 0, offsetof(struct vu_message, body));
	r->length = 0;
	r->fd_count = 0;
	r->silent = r->hang_up = false;
	r->cut = 0;
	r->id = q->id;
	r->command = q->command;
	r->flags = IS_REPLY;
	answer(s, q, r);
	if (s->hook)
		s->hook(s, q, r);
	drop_fds(q);
	if (!r->silent && !(q->flags & IS_NO_REPLY))
		vu_server_send(s, r);
	on = !r->hang_up;
	pthread_mutex_unlock(&s->lock);
	return on;
}

static void end_connection(struct vu_server *s)
{
	pthread_mutex_lock(&s->lock);
	close(s->fd);
	s->fd = -1;
	for (unsigned int i = 0; i < VU_WINDOWS; i++) {
		if (s->window[i].used && s->window[i].shared)
			(void)s->model->function.ops->memory_remove(
				&s->model->function, s->window[i].address);
		s->window[i].used = false;
	}
	for (unsigned int i = 0; i < 5; i++)
		forget_irqs(s, i);
	s->ended++;
	pthread_mutex_unlock(&s->lock);
}

static void *work(void *argument)
{
	struct vu_server *s = argument;
	struct pollfd waits[2] = { { .fd = s->wake_fd, .events = POLLIN },
				   { .events = POLLIN } };
	uint64_t woken;

	for (;;) {
		waits[1].fd = s->fd >= 0 ? s->fd : s->listen_fd;
		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[0].revents) {
			(void)!read(s->wake_fd, &woken, sizeof(woken));
			pthread_mutex_lock(&s->lock);
			if (s->job && s->fd >= 0)
				s->job(s);
			s->job = NULL;
			__atomic_store_n(&s->job_done, true, __ATOMIC_RELEASE);
			pthread_mutex_unlock(&s->lock);
			if (__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE))
				break;
		}
		if (waits[1].revents && s->fd < 0) {
			s->fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
			pthread_mutex_lock(&s->lock);
			s->connections += s->fd >= 0;
			pthread_mutex_unlock(&s->lock);
		} else if (waits[1].revents && !converse(s)) {
			end_connection(s);
		}
	}
	if (s->fd >= 0)
		end_connection(s);
	return NULL;
}

static void wake(struct vu_server *s)
{
	uint64_t one = 1;

	(void)!write(s->wake_fd, &one, sizeof(one));
}

void vu_server_job(struct vu_server *s, void (*job)(struct vu_server *server))
{
	pthread_mutex_lock(&s->lock);
	s->job = job;
	__atomic_store_n(&s->job_done, false, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&s->lock);
	wake(s);
}

/* Without the lock: the job has it. */
bool vu_server_job_done(struct vu_server *s)
{
	return __atomic_load_n(&s->job_done, __ATOMIC_ACQUIRE);
}

bool vu_server_ended(struct vu_server *s)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < 2000; i++) {
		bool ended;

		pthread_mutex_lock(&s->lock);
		ended = s->ended != 0;
		pthread_mutex_unlock(&s->lock);
		if (ended)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

struct vu_server *vu_server_create(void)
{
	struct vu_server *s = calloc(1, sizeof(*s));
	char folder[] = "/tmp/vionet-test-XXXXXX";

	model_create(&s->model);
	s->model->next_iova = 0;
	snprintf(s->path, sizeof(s->path), "%s/socket", mkdtemp(folder));
	pthread_mutex_init(&s->lock, NULL);
	s->minor = 1;
	s->irqs = 3;
	s->has_reset = true;
	s->bar_fd = s->fd = -1;
	s->doorbell[0] = s->doorbell[1] = s->doorbell[2] = -1;
	memset(s->irq, 0xff, sizeof(s->irq));
	return s;
}

void vu_server_start(struct vu_server *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strcpy(address.sun_path, s->path);
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->listen_fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(s->listen_fd, 1))
		abort();
	s->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (pthread_create(&s->thread, NULL, work, s))
		abort();
}

void vu_server_destroy(struct vu_server *s)
{
	char *slash;

	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	wake(s);
	pthread_join(s->thread, NULL);
	close(s->listen_fd);
	close(s->wake_fd);
	for (int i = 0; i < 3; i++)
		if (s->doorbell[i] >= 0)
			close(s->doorbell[i]);
	if (s->bar_fd >= 0)
		close(s->bar_fd);
	unlink(s->path);
	slash = strrchr(s->path, '/');
	*slash = '\0';
	rmdir(s->path);
	(void)s->model->function.ops->close(&s->model->function);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
