/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices without a kernel: virtio-pci over the model in the process, and the software device as a process behind vfio-user
 * and vhost-user, which serves one run after the other. */
#include "tests/fail_nth/scenario.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/event.h"
#include "tests/unit/control_env.h"

/* ---- the model ---- */

static struct model *model;
static struct model_control *control;

static void return_frame(void *context, const uint8_t *data, size_t length)
{
	size_t header = model_header_size(context);

	(void)model_deliver(context, data + header, length - header, 0, -1);
}

static int open_over_model(const struct vionet_open_options *options, struct vionet_device **device)
{
	int result;

	model_create(&model);
	control = model_control_create(model, 1);
	model->on_frame = return_frame;
	model->context = model;
	result = open_model(model, options, device);
	if (result == 0)
		return 0;
	if (model != NULL) /* the transport did not take it */
		model->function.ops->close(&model->function);
	model_control_free(control);
	control = NULL;
	return result;
}

static void look_at_model(void)
{
	if (model->faults != 0)
		wrong("%u accesses outside of what was mapped", model->faults);
	model_interrupt(model, 0);
	model_interrupt(model, 1);
}

static void run_model(void)
{
	/* Queues share the second one. */
	live(&(struct life){ .open = open_over_model, .pairs = 1, .vectors = 2, .between = look_at_model });
	if (model)
		wrong("the function was not closed");
	if (control)
		model_control_free(control);
	control = NULL;
}

/* Only what it takes to show a pool to another device, and to start without one, fails. */
static void run_share(void)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.flags = VIONET_START_NO_TX_POOL };
	struct model *models[2];
	struct vionet_device *device[2];
	struct vionet_pool *pool;

	nth_disarm();
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(open_model(model_create(&models[i]), NULL, &device[i]), 0);
	assert_int_equal(vionet_pool_create(device[0], NULL, &pool), 0);
	nth_arm();
	STEP(vionet_pool_share(pool, device[1], VIONET_DEVICE_READS));
	STEP(vionet_device_start(device[1], &options));
	nth_disarm();
	assert_int_equal(vionet_pool_destroy(pool), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(vionet_device_close(device[i]), 0);
}

/* ---- the software device ---- */

static struct server {
	char folder[32], socket[48], listen[64], name[64];
	pid_t pid;
} servers[2];

extern char **environ;

static void serve(struct server *server, const char *protocol, char *strict, char *option)
{
	char *argv[] = { getenv("VIONET_SOFTNIC"), server->listen, "--queues=2", "--features=+all", strict, option, NULL };
	struct stat there;

	if (argv[0] == NULL)
		fail_msg("VIONET_SOFTNIC is to name the software device, as ctest sets it");
	strcpy(server->folder, "/tmp/vionet-XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->socket, sizeof(server->socket), "%s/s", server->folder);
	snprintf(server->listen, sizeof(server->listen), "--listen=%s", server->socket);
	snprintf(server->name, sizeof(server->name), "%s:%s", protocol, server->socket);
	assert_int_equal(posix_spawn(&server->pid, argv[0], NULL, NULL, argv, environ), 0);
	while (stat(server->socket, &there) != 0) {
		assert_int_equal(waitpid(server->pid, NULL, WNOHANG), 0);
		poll(NULL, 0, 10);
	}
}

static void serve_vfio_user(void)
{
	serve(&servers[0], "vfio-user", "--strict", NULL);
}

static void serve_two(void)
{
	serve(&servers[0], "vfio-user", "--strict", NULL);
	serve(&servers[1], "vfio-user", "--strict", NULL);
}

static void serve_vhost_user(void)
{
	serve(&servers[0], "vhost-user", "--strict", "--vhost-user");
}

static void end_server(struct server *server)
{
	char command[64];
	int status;

	kill(server->pid, SIGTERM);
	assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
	snprintf(command, sizeof(command), "rm -r %s", server->folder);
	assert_int_equal(system(command), 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the device ends with status %#x", (unsigned int)status);
}

static void end_one(void)
{
	end_server(&servers[0]);
}

static void end_two(void)
{
	end_server(&servers[0]);
	end_server(&servers[1]);
}

static int open_served(const struct vionet_open_options *options, struct vionet_device **device)
{
	return vionet_device_open(servers[0].name, options, device);
}

#define RING_PACKED (1ull << 34) /* cannot be handed on */

static int reconnect(struct vionet_device *device)
{
	return vionet_device_reconnect(device, 5000);
}

static void run_vfio_user(void)
{
	live(&(struct life){ .open = open_served, .pairs = 2 });
}

/* To the second server. */
static int migrate(struct vionet_device *device)
{
	return vionet_device_migrate(device, servers[1].name, NULL);
}

static void run_migration(void)
{
	live(&(struct life){ .open = open_served, .pairs = 1, .more = migrate, .moves = true });
}

static void run_vhost_user(void)
{
	live(&(struct life){ .open = open_served, .pairs = 2, .avoid = RING_PACKED, .more = reconnect });
}

/* What signals eventfds that others have too; it has a page of the kernel's mapped. */
static void run_events(void)
{
	struct vn_event_sender sender = { 0 };
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t count = 0;

	vn_event_sender_open(&sender);
	STEP(vn_event_send(&sender, fd));
	STEP(vn_event_send(&sender, fd));
	vn_event_sender_close(&sender);
	if (nth.failure[1].n == 0 && (read(fd, &count, sizeof(count)) < 0 || count == 0))
		wrong("no signal");
	close(fd);
}

const struct scenario scenarios[] = {
	{ "events", NULL, run_events, NULL },
	{ "pci", NULL, run_model, NULL },
	{ "share", NULL, run_share, NULL },
	{ "vfio-user", serve_vfio_user, run_vfio_user, end_one },
	{ "migration", serve_two, run_migration, end_two },
	{ "vhost-user", serve_vhost_user, run_vhost_user, end_one },
	{ .name = NULL },
};
