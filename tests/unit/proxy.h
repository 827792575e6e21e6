/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between a client and the software device: a thread that passes each message on, and lets
 * the test change it. What differs between vfio-user and vhost-user is in a table of each
 * (vfio_user_proxy.h, vhost_user_proxy.h); written from the protocols' texts, none of it shares
 * a header, constant or structure with the client.
 *
 * The device is a process of its own (VIONET_SOFTNIC in the environment names its
 * program). It checks its driver: what it reports in the end is checked when the proxy is
 * destroyed.
 */
#ifndef VIONET_TESTS_PROXY_H
#define VIONET_TESTS_PROXY_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROXY_ROOM (1u << 17)
#define PROXY_FDS 300
#define PROXY_WINDOWS 64
#define PROXY_COMMANDS 64
#define PROXY_WATCHES 8

struct proxy_message {
	uint16_t id; /* vfio-user */
	uint32_t command;
	uint32_t size; /* as it is claimed; 0: as it is */
	uint32_t flags, error;
	uint8_t body[PROXY_ROOM];
	size_t length;
	int fds[PROXY_FDS]; /* that are sent; those that came are closed afterwards */
	unsigned int fd_count;
	int came[PROXY_FDS];
	unsigned int came_count;
	/* For replies. */
	bool silent;  /* not sent at all */
	bool hang_up; /* connection closed afterwards */
	size_t cut;   /* only this many bytes are sent; 0: all */
};

/* Memory that the client gave to the device. */
struct proxy_window {
	bool used, writable;
	uint64_t address, size, offset;
	uint64_t user; /* vhost-user: its address for the rings */
	int fd;	       /* a duplicate of the one that came */
	int flags;     /* its open flags */
	int seals;
};

struct proxy;

/* Changes a reply. In the proxy's thread, the lock held. */
typedef void (*proxy_hook)(struct proxy *proxy, const struct proxy_message *request,
			   struct proxy_message *reply);

/* What a protocol has. All are called in the proxy's thread with the lock held, except for
 * the first two. */
struct proxy_protocol {
	size_t header; /* bytes */
	/* A header from and to the wire; `size` and `length` are that of the body. */
	void (*unpack)(struct proxy_message *message, const uint8_t *header);
	void (*pack)(const struct proxy_message *message, uint8_t *header);
	bool (*has_reply)(const struct proxy *proxy, const struct proxy_message *request);
	/* Before the device gets it. False: it does not, and this is the reply. */
	bool (*request)(struct proxy *proxy, struct proxy_message *request,
			struct proxy_message *reply);
	/* It was served. `reply` is empty if there is none. */
	void (*served)(struct proxy *proxy, const struct proxy_message *request,
		       struct proxy_message *reply);
	void (*ended)(struct proxy *proxy); /* the connection */
	/* Descriptors to wait for beside the sockets, and what is then to be done; or NULL. */
	unsigned int (*watch)(struct proxy *proxy, struct pollfd waits[PROXY_WATCHES]);
	void (*work)(struct proxy *proxy, const struct pollfd waits[PROXY_WATCHES]);
	void (*destroy)(struct proxy *proxy); /* what it has besides, or NULL; without the lock */
};

struct proxy {
	const struct proxy_protocol *protocol;
	char path[64]; /* where the client connects, or listens */

	/* Set before it is started. */
	const char *options[8]; /* of the device, besides those of the protocol */
	bool connects;		/* to a client that listens */
	bool violates;		/* the test does what no driver may do */

	proxy_hook hook;
	int number; /* for the hooks */

	/* What it has seen; under the lock. */
	pthread_mutex_t lock;
	unsigned int count[PROXY_COMMANDS]; /* commands of the client */
	unsigned int messages, sessions, ended;
	unsigned int most_fds; /* in one message */
	uint8_t status;	       /* as it was written last */
	struct proxy_window window[PROXY_WINDOWS];

	/* Its own. */
	const char *fixed[8]; /* options of the device that it always has */
	char folder[32], device_path[64];
	pid_t device;
	int output; /* of the device */
	int listen_fd, wake_fd;
	int fd, device_fd; /* the client and the device, -1 */
	bool stop, hang_up;
	void (*job)(struct proxy *proxy);
	bool job_done;
	pthread_t thread;
	struct proxy_message request, reply;
};

/* Prepare one that is zero, in a folder of its own. Change it, then start it, and a device
 * behind it. */
void proxy_prepare(struct proxy *proxy, const struct proxy_protocol *protocol);
void proxy_start(struct proxy *proxy);

/* It ends, and the device: which found nothing wrong with its driver, unless `violates`. Its
 * memory is freed. */
void proxy_destroy(struct proxy *proxy);

/* Have the proxy's thread do something while the client may be idle. */
void proxy_job(struct proxy *proxy, void (*job)(struct proxy *proxy));
bool proxy_job_done(struct proxy *proxy);

/* Let its thread look again at what it waits for. */
void proxy_wake(struct proxy *proxy);

/* Close the connection, as if the device had died; it waits for the next client. */
void proxy_hang_up(struct proxy *proxy);

/* Send a message to the client, whatever is in it. Whether the client is still there. */
bool proxy_send(struct proxy *proxy, struct proxy_message *message);

/* The same at another socket of the protocol, and a message from there. */
bool proxy_push(const struct proxy_protocol *protocol, int fd, const struct proxy_message *message);
bool proxy_receive(const struct proxy_protocol *protocol, int fd, struct proxy_message *message);

/* Empty. */
void proxy_blank(struct proxy_message *message);

/* Wait until the client has closed the connection. */
bool proxy_ended(struct proxy *proxy);

/* Note what the client gave, and took away. */
struct proxy_window *proxy_note_window(struct proxy *proxy, struct proxy_window window, int fd);
void proxy_forget_window(struct proxy_window *window);

/* A duplicate of the descriptor takes the place of the last one; -1: none. */
void proxy_note_fd(int *noted, int fd);

/* Numbers as they lie in messages. */
void wire_put16(uint8_t *at, uint16_t value);
void wire_put32(uint8_t *at, uint32_t value);
void wire_put64(uint8_t *at, uint64_t value);
uint16_t wire_get16(const uint8_t *at);
uint32_t wire_get32(const uint8_t *at);
uint64_t wire_get64(const uint8_t *at);

#endif
