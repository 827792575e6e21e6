/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what holder.h says. Never: blocks the process that has the device, or takes
 * more of a request than its buffer holds.
 * Read next: remote.c, which knows the requests.
 */
#include "tools/shared/control_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <vionet/error.h>

#include "tools/shared/common.h"

#define SERVE_NS 1000000000ULL
#define ASK_NS 2000000000ULL
/* The longest that a wait does not look at signals, and the pause before another attempt
 * at a socket that takes no more connections now. */
#define SLICE_NS 20000000ULL
#define LOCK_TRIES 16

/* Is the other end's process this user's, or root's? */
static bool trusted(int fd, uid_t owner)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == owner || peer.uid == 0);
}

/* ---- the lock ---- */

/* Is it still the file of that name? Who had it before may just have removed it. */
static bool still_there(const struct place *place, int lock)
{
	struct stat opened, named;

	return fstat(lock, &opened) == 0 &&
	       fstatat(place->directory, place->lock, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static void write_process(int lock)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)length, 0) != length)
		return; /* it only helps to say who it is */
}

/* Of the open file: it goes with the process, and asking for it takes nothing. */
static int lock_of(int fd, int command)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, command, &lock) != 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return lock.l_type == F_UNLCK || command != F_OFD_GETLK ? 0 : -EAGAIN;
}

/* Held as long as the process lives. -EBUSY: another one has it. */
static int take_lock(const struct place *place)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		int lock = openat(place->directory, place->lock,
				  O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
				  S_IRUSR | S_IWUSR);
		int result;

		if (lock < 0)
			return -errno;
		result = lock_of(lock, F_OFD_SETLK);
		if (result == 0 && still_there(place, lock)) {
			write_process(lock);
			return lock;
		}
		close(lock);
		if (result != 0)
			return result == -EAGAIN ? -EBUSY : result;
	}
	return -EBUSY;
}

/* The process that has the lock, 0: none, or it is not to be seen. */
static int locking_process(const struct place *place)
{
	int lock = openat(place->directory, place->lock,
			  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[16] = "";
	int process = 0;

	if (lock < 0)
		return 0;
	if (lock_of(lock, F_OFD_GETLK) == -EAGAIN &&
	    pread(lock, text, sizeof(text) - 1, 0) > 0)
		process = atoi(text);
	close(lock);
	return process;
}

/* ---- the process that has the device ---- */

/* A socket that was left is in the way; who has the lock may remove it. Nobody gets through
 * before it listens, and its mode is right by then. */
static int listen_there(const struct place *place)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int result;

	if (fd < 0)
		return -errno;
	place_address(place, &address);
	if (unlinkat(place->directory, place->socket, 0) == 0 || errno == ENOENT)
		errno = 0;
	if (errno == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    fchmodat(place->directory, place->socket, S_IRUSR | S_IWUSR, 0) == 0 &&
	    listen(fd, 4) == 0)
		return fd;
	result = -errno;
	close(fd);
	return result;
}

static int claim(struct holder *holder)
{
	holder->lock = take_lock(&holder->place);
	if (holder->lock < 0)
		return holder->lock;
	holder->fd = listen_there(&holder->place);
	if (holder->fd >= 0)
		return 0;
	unlinkat(holder->place.directory, holder->place.lock, 0);
	close(holder->lock);
	holder->lock = -1;
	return holder->fd;
}

/* A duplicate needs nothing but a number. */
static void keep_spare(struct holder *holder)
{
	if (holder->spare < 0)
		holder->spare = fcntl(holder->place.directory, F_DUPFD_CLOEXEC, 0);
}

void holder_open(struct holder *holder, const char *device)
{
	int result = -ENOENT;

	holder->client = holder->fd = holder->lock = holder->spare = -1;
	for (unsigned int i = 0; i < PLACES && result != 0 && result != -EBUSY; i++) {
		int opened = place_open(&holder->place, i, geteuid(), true, device);

		if (opened == 0)
			opened = claim(holder);
		if (opened == 0)
			keep_spare(holder);
		if (opened != 0)
			place_close(&holder->place);
		/* The cause that is told is that of a directory that there is. */
		if (opened != -ENOENT || i == PLACES - 1)
			result = opened;
	}
	if (result != 0 && result != -EBUSY)
		say("%s: control socket: no directory of this user's own can be used "
		    "(%s, /run/user/%u, /tmp/vionet-%u): %s; 'vionet stats' and 'vionet "
		    "set' cannot ask this process", device,
		    geteuid() == 0 ? "/run/vionet" : "$XDG_RUNTIME_DIR", geteuid(),
		    geteuid(), result == -EPERM ? "others can write to it" :
						  strerror(-result));
}

static void drop_client(struct holder *holder)
{
	if (holder->client >= 0)
		close(holder->client);
	holder->client = -1;
	holder->have = 0;
	keep_spare(holder);
}

void holder_unlink(const struct holder *holder)
{
	if (holder->lock < 0)
		return;
	unlinkat(holder->place.directory, holder->place.socket, 0);
	unlinkat(holder->place.directory, holder->place.lock, 0);
}

void holder_close(struct holder *holder)
{
	drop_client(holder);
	holder_unlink(holder);
	if (holder->fd >= 0)
		close(holder->fd);
	if (holder->lock >= 0)
		close(holder->lock);
	if (holder->spare >= 0)
		close(holder->spare);
	holder->fd = holder->lock = holder->spare = -1;
	place_close(&holder->place);
}

static int accept_one(const struct holder *holder)
{
	return accept4(holder->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void take_client(struct holder *holder, uint64_t now)
{
	holder->client = accept_one(holder);
	if (holder->client < 0 && (errno == EMFILE || errno == ENFILE) &&
	    holder->spare >= 0) {
		close(holder->spare);
		holder->spare = -1;
		holder->client = accept_one(holder);
	}
	holder->have = 0;
	holder->deadline_ns = now + SERVE_NS;
	if (holder->client >= 0 && !trusted(holder->client, geteuid()))
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

/* Wait a moment for the socket (-1: just a moment). */
static int wait_for(int fd, short event, uint64_t until)
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
static int connect_there(const struct place *place, int fd, uint64_t until)
{
	struct sockaddr_un address;
	int result = 0;

	place_address(place, &address);
	while (result == 0) {
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return 0;
		if (errno == ECONNREFUSED || errno == ENOENT)
			return -ENOENT;
		if (errno != EAGAIN && errno != EINTR)
			return errno == EPERM ? -EACCES : -errno;
		result = wait_for(-1, 0, until);
	}
	return result;
}

static int send_text(int fd, const char *text, size_t size, uint64_t until)
{
	int result = 0;

	while (size != 0 && result == 0) {
		ssize_t sent = send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			text += sent;
			size -= (size_t)sent;
		} else if (errno == EAGAIN || errno == EINTR) {
			result = wait_for(fd, POLLOUT, until);
		} else {
			result = -EIO;
		}
	}
	return result;
}

/* Read until a line is whole, the other end is closed or the time is over. */
static int read_line(int fd, uint64_t until, char *line, size_t size)
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
			result = wait_for(fd, POLLIN, until);
		} else {
			result = -EIO;
		}
	}
	return result != 0 ? result : -EIO;
}

/* The same without what a terminal would obey. Keys are text, too. */
static json_t *cleaned(const json_t *value)
{
	const char *key;
	const json_t *item;
	json_t *copy;
	char *text;
	size_t i;

	if (json_is_string(value)) {
		text = strdup(json_string_value(value));
		copy = text != NULL ? json_string(vionet_text_clean(text)) : NULL;
		free(text);
		return copy;
	}
	if (json_is_array(value)) {
		copy = json_array();
		json_array_foreach(value, i, item)
			json_array_append_new(copy, cleaned(item));
		return copy;
	}
	if (!json_is_object(value))
		return json_copy((json_t *)(uintptr_t)value);
	copy = json_object();
	json_object_foreach((json_t *)(uintptr_t)value, key, item) {
		text = strdup(key);
		if (text != NULL)
			json_object_set_new(copy, vionet_text_clean(text), cleaned(item));
		free(text);
	}
	return copy;
}

static int read_answer(const char *line, json_t **object)
{
	json_t *answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	*object = json_is_object(answer) ? cleaned(answer) : NULL;
	json_decref(answer);
	return *object != NULL ? 0 : -EIO;
}

static int exchange(int fd, const json_t *request, uint64_t until, json_t **object)
{
	char *text = json_dumps(request, JSON_COMPACT);
	char *line = malloc(HOLDER_LINE_MAX);
	int result = text != NULL && line != NULL ? 0 : -ENOMEM;

	if (result == 0)
		result = send_text(fd, text, strlen(text), until);
	if (result == 0)
		result = send_text(fd, "\n", 1, until);
	if (result == 0)
		result = read_line(fd, until, line, HOLDER_LINE_MAX);
	if (result == 0)
		result = read_answer(line, object);
	free(text);
	free(line);
	return result;
}

/* What this process lacks, and no other. */
static bool is_ours(int result)
{
	return result == -EMFILE || result == -ENFILE || result == -ENOMEM ||
	       result == -ENOBUFS;
}

static int ask_there(const struct place *place, uid_t owner, const json_t *request,
		     uint64_t until, json_t **object)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int result;

	if (fd < 0)
		return -errno;
	result = connect_there(place, fd, until);
	if (result == 0)
		result = trusted(fd, owner) ? exchange(fd, request, until, object) :
					      -EACCES;
	close(fd);
	return result;
}

/* Each directory in which a process of this user may listen. */
static int ask_user(uid_t owner, const char *device, const json_t *request,
		    uint64_t until, json_t **object, int *process)
{
	struct place place;
	int result = -ENOENT;

	for (unsigned int i = 0; i < PLACES && result == -ENOENT; i++) {
		int opened = place_open(&place, i, owner, false, device);

		if (is_ours(opened))
			return opened;
		if (opened != 0)
			continue;
		result = ask_there(&place, owner, request, until, object);
		if (owner == geteuid() && result != -ENOENT)
			*process = locking_process(&place);
		place_close(&place);
	}
	return result;
}

int holder_ask(const char *device, const json_t *request, json_t **object,
	       int *process)
{
	uid_t users[] = { geteuid(), geteuid() == 0 ? place_owner_of(device) : 0 };
	uint64_t until = now_ns() + ASK_NS;
	int result;

	*object = NULL;
	*process = 0;
	result = ask_user(users[0], device, request, until, object, process);
	if (result == -ENOENT && users[1] != users[0])
		result = ask_user(users[1], device, request, until, object, process);
	return result;
}
