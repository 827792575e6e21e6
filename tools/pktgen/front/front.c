/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/front/front.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "tools/pktgen/api/api.h"
#include "tools/pktgen/view/view.h"
#include "tools/shared/common.h"
#include "tools/shared/session.h"

struct front {
	struct view *view;
	struct api *api;
};

/* For a signal that comes before the run is one that ends in order. */
static struct api *front_api;

static void front_unlink(void)
{
	if (front_api != NULL)
		api_unlink(front_api);
}

int front_open(struct front **result, const struct front_options *options,
	       struct generator *generator)
{
	struct front *front = calloc(1, sizeof(*front));
	int code = CODE_OK;

	*result = NULL;
	if (front == NULL) {
		say("no memory");
		return CODE_PERMISSION;
	}
	/* Where it listens is a message of the view, too. */
	if (options->view)
		code = view_open(&front->view, generator);
	if (code == CODE_OK && options->listen != NULL)
		code = api_open(&front->api, options->listen,
				options->phase_ns != 0 ? options->phase_ns : API_PHASE_NS, generator);
	front_api = front->api;
	if (front->api != NULL && generator->engine == NULL)
		stop_undo(front_unlink);
	if (code != CODE_OK) {
		front_close(front);
		return code;
	}
	*result = front;
	return CODE_OK;
}

void front_close(struct front *front)
{
	if (front == NULL)
		return;
	view_close(front->view);
	front_api = NULL;
	api_close(front->api);
	free(front);
}

bool front_has_view(const struct front *front)
{
	return front != NULL && front->view != NULL;
}

/* Wait for one of them, at most until `until`. */
static void front_wait(struct front *front, uint64_t until)
{
	struct pollfd waits[2];
	struct timespec time;
	uint64_t now, due = until;
	nfds_t count = 0;

	if (front->api != NULL) {
		waits[count++] = (struct pollfd){ .fd = api_fd(front->api), .events = POLLIN };
		if (api_due(front->api) < due)
			due = api_due(front->api);
	}
	if (front->view != NULL) {
		waits[count++] = (struct pollfd){ .fd = view_fd(front->view),
						  .events = view_events(front->view) };
		if (view_due(front->view) < due)
			due = view_due(front->view);
	}
	now = now_ns();
	due = due > now ? due - now : 0;
	if (due > SESSION_CHECK_NS)
		due = SESSION_CHECK_NS;
	time = (struct timespec){ .tv_nsec = (long)due };
	ppoll(waits, count, &time, NULL);
}

static void front_serve_clients(struct front *front, struct generator *generator)
{
	const struct engine_metrics *metrics;

	if (generator->engine != NULL)
		monitor_take(&generator->monitor, generator->engine, now_ns(), &metrics);
	if (front->api != NULL)
		api_serve(front->api);
	if (front->view != NULL)
		view_serve(front->view);
}

void front_idle(struct front *front, struct generator *generator)
{
	if (front == NULL)
		return;
	generator->ending = true;
	front_serve_clients(front, generator);
}

/* One turn; an engine that fails says so in its code. */
static int front_iterate(struct front *front, struct generator *generator)
{
	int code = generator->engine != NULL ? engine_poll(generator->engine, 0) : CODE_OK;

	front_serve_clients(front, generator);
	return code;
}

int front_poll(struct front *front, struct generator *generator, uint64_t until_ns)
{
	int code = CODE_OK, stops = stop_asked();

	if (front == NULL)
		return engine_poll(generator->engine, until_ns);
	while (code == CODE_OK && stop_asked() == stops) {
		code = front_iterate(front, generator);
		if (now_ns() >= until_ns || generator->engine == NULL ||
		    !engine_is_sending(generator->engine))
			break;
		front_wait(front, until_ns);
	}
	return code;
}

int front_serve(struct front *front, struct generator *generator)
{
	stop_in_order();
	while (stop_asked() == 0) {
		/* A device that fails is its configuration's end, not the server's. */
		if (front_iterate(front, generator) != CODE_OK && generator->engine != NULL)
			generator_fail(generator);
		front_wait(front, UINT64_MAX);
	}
	return CODE_OK;
}
