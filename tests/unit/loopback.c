/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/loopback.h"

#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct loopback *loopback_start(char *const *options)
{
	struct loopback *loop = calloc(1, sizeof(*loop));
	char listen[64];
	/* It ends with us, however we end. */
	char *argv[20] = { "setpriv", "--pdeathsig", "KILL", getenv("VIONET_SOFTNIC"), listen, "--once", "--strict" };
	struct stat there;
	unsigned int n = 7;

	if (argv[3] == NULL)
		fail_msg("VIONET_SOFTNIC is to name the software device, as ctest sets it");
	strcpy(loop->folder, "/tmp/vionet-XXXXXX");
	assert_non_null(mkdtemp(loop->folder));
	snprintf(loop->socket, sizeof(loop->socket), "%s/s", loop->folder);
	snprintf(loop->name, sizeof(loop->name), "vfio-user:%s", loop->socket);
	snprintf(listen, sizeof(listen), "--listen=%s", loop->socket);
	for (unsigned int i = 0; options[i]; i++)
		argv[n++] = options[i];
	assert_int_equal(posix_spawnp(&loop->server, argv[0], NULL, NULL, argv,
				      environ),
			 0);
	/* However long it takes, as long as it has not ended; ctest ends what hangs. */
	while (stat(loop->socket, &there) != 0) {
		assert_int_equal(waitpid(loop->server, NULL, WNOHANG), 0);
		poll(NULL, 0, 10);
	}
	return loop;
}

struct vionet_features loopback_want = {
	{ 1ull << 18 | 1ull << 19 | 1ull << 20 | 1ull << 57 }
};

uint32_t loopback_tx_buffer;

void loopback_open(struct loopback *loop, unsigned int pairs)
{
	struct vionet_open_options open = { .struct_size = sizeof(open) };
	struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.queue_pairs = pairs, .rx_queue_size = 64, .tx_queue_size = 64,
		.tx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.buffer_size = loopback_tx_buffer },
	};

	open.want = loopback_want;
	if (vionet_device_open(loop->name, &open, &loop->device))
		fail_msg("open: %s", vionet_error_text());
	if (vionet_device_start(loop->device, &start))
		fail_msg("start: %s", vionet_error_text());
}

void loopback_finish(struct loopback *loop, int expected)
{
	int status = 0;

	assert_int_equal(vionet_device_close(loop->device), 0);
	assert_int_equal(waitpid(loop->server, &status, 0), loop->server);
	unlink(loop->socket);
	rmdir(loop->folder);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
	free(loop);
}
