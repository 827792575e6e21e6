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

struct live *serve(char *const *options)
{
	struct live *live = calloc(1, sizeof(*live));
	char listen[64];
	char *argv[16] = { getenv("VIONET_SOFTNIC"), listen, "--once", "--strict" };
	struct stat there;
	unsigned int n = 4;

	assert_non_null(argv[0]);
	strcpy(live->folder, "/tmp/vionet-XXXXXX");
	assert_non_null(mkdtemp(live->folder));
	snprintf(live->socket, sizeof(live->socket), "%s/s", live->folder);
	snprintf(live->name, sizeof(live->name), "vfio-user:%s", live->socket);
	snprintf(listen, sizeof(listen), "--listen=%s", live->socket);
	for (unsigned int i = 0; options[i]; i++)
		argv[n++] = options[i];
	assert_int_equal(posix_spawn(&live->server, argv[0], NULL, NULL, argv,
				     environ), 0);
	/* However long it takes, as long as it has not ended; ctest ends what hangs. */
	while (stat(live->socket, &there) != 0) {
		assert_int_equal(waitpid(live->server, NULL, WNOHANG), 0);
		poll(NULL, 0, 10);
	}
	return live;
}

struct vionet_features wanted = {
	{ 1ull << 18 | 1ull << 19 | 1ull << 20 | 1ull << 57 }
};

uint32_t live_tx_buffer;

void open_live(struct live *live, unsigned int pairs)
{
	struct vionet_open_options open = { .struct_size = sizeof(open) };
	struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.queue_pairs = pairs, .rx_queue_size = 64, .tx_queue_size = 64,
		.tx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.buffer_size = live_tx_buffer },
	};

	open.want = wanted;
	if (vionet_device_open(live->name, &open, &live->device))
		fail_msg("open: %s", vionet_error_text());
	if (vionet_device_start(live->device, &start))
		fail_msg("start: %s", vionet_error_text());
}

void finish(struct live *live, int verdict)
{
	int status = 0;

	assert_int_equal(vionet_device_close(live->device), 0);
	assert_int_equal(waitpid(live->server, &status, 0), live->server);
	unlink(live->socket);
	rmdir(live->folder);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), verdict);
	free(live);
}
