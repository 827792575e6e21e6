/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vfio-user server for tests: the device model (model.h) behind a socket, in a thread
 * of this process. Written from the protocol's text; it shares no header, constant or
 * structure of the client.
 *
 * It behaves, unless a test's hook changes a reply before it is sent.
 */
#ifndef VIONET_TESTS_VU_SERVER_H
#define VIONET_TESTS_VU_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/model.h"

#define VU_ROOM (1u << 17)
#define VU_REGION 4u	   /* the BAR with the registers */
#define VU_NOTIFY 0x3000u  /* doorbells in it, 4 bytes each */
#define VU_WINDOWS 64

/* Commands, as the text numbers them. */
enum {
	SAY_VERSION = 1, SAY_DMA_MAP, SAY_DMA_UNMAP, SAY_INFO, SAY_REGION_INFO,
	SAY_IO_FDS, SAY_IRQ_INFO, SAY_SET_IRQS, SAY_READ, SAY_WRITE, ASK_READ,
	ASK_WRITE, SAY_RESET, SAY_END,
};

struct vu_message {
	uint16_t id, command;
	uint32_t size; /* as it is claimed; 0: as it is */
	uint32_t flags, error;
	uint8_t body[VU_ROOM];
	size_t length;
	int fds[300];
	unsigned int fd_count;
	/* For replies. */
	bool silent;	/* not sent at all */
	bool hang_up;	/* connection closed afterwards */
	size_t cut;	/* only this many bytes are sent; 0: all */
};

struct vu_window {
	bool used, writable, shared;
	uint64_t address, size;
	int flags; /* open flags of the descriptor, -1: none came */
	int seals;
};

struct vu_server {
	char path[64];
	struct model *model;

	/* How it is; set before the client connects. */
	const char *json; /* NULL: as it is */
	uint16_t major, minor;
	bool no_fds;	  /* memory is asked for without being mapped */
	int bar_fd;	  /* the BAR as a file; -1: cannot be mapped */
	int doorbell[3];  /* eventfds that stand for doorbells; -1: none */
	unsigned int irqs; /* MSI-X vectors */
	bool has_req, has_err;
	bool has_reset;

	/* Changes a reply. In the server's thread, the lock held. */
	void (*hook)(struct vu_server *server, const struct vu_message *request,
		     struct vu_message *reply);
	int number; /* for the hook */

	/* What it has seen; under the lock. */
	pthread_mutex_t lock;
	unsigned int said[SAY_END], messages, connections, ended;
	unsigned int most_fds;	/* in one message */
	struct vu_window window[VU_WINDOWS];
	int irq[5][16]; /* eventfds by kind and number, -1 */

	/* Its own. */
	int listen_fd, fd, wake_fd;
	bool stop;
	void (*job)(struct vu_server *server);
	bool job_done;
	pthread_t thread;
	struct vu_message request, reply;
};

/* Make one in a folder of its own. Change it, then start it. */
struct vu_server *vu_server_create(void);
void vu_server_start(struct vu_server *server);

/* Its threads end, and everything of it is gone. */
void vu_server_destroy(struct vu_server *server);

/* Have the server's thread do something while the client may be idle. */
void vu_server_job(struct vu_server *server, void (*job)(struct vu_server *server));
bool vu_server_job_done(struct vu_server *server);

/* In a hook or job: a command to the client and its reply. Returns the error that the
 * client answers with, 0, or -1 (wrong reply, or none). */
int vu_server_ask(struct vu_server *server, uint16_t command, uint64_t address,
		  uint64_t count, void *data, size_t size);

/* Send a message, whatever is in it. Returns whether the client is still there. */
bool vu_server_send(struct vu_server *server, struct vu_message *message);

/* Wait until the client has closed the connection. */
bool vu_server_ended(struct vu_server *server);

void vu_put16(uint8_t *at, uint16_t value);
void vu_put32(uint8_t *at, uint32_t value);
void vu_put64(uint8_t *at, uint64_t value);
uint32_t vu_get32(const uint8_t *at);
uint64_t vu_get64(const uint8_t *at);

#endif
