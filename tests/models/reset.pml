/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that needs a reset: driver/device/recovery.c, reset.c, driver/queue/quarantine.c and wait.c; with -DQUEUE one queue
 * that the application resets at any time (vionet_queue_reset). The device may stop at any moment and say so by its
 * status alone; until it shows that the reset is done, which may be never, it writes to the buffers that it has. The
 * queue's thread sleeps until an interrupt, or until vn_queue_watchdog is due. No buffer is written to that the
 * application has, nothing is owned twice, and the thread comes to its end: all is received, or in quarantine.
 */
#define BUFFERS 2
#define TOTAL 3
#define RESETS 2

mtype = { APPLICATION, DEVICE, QUARANTINE };
mtype owner[BUFFERS] = APPLICATION;
bit posted[BUFFERS], used[BUFFERS]; /* the ring */
bit irq, needs_reset;
bit resetting; /* written by the driver; the device shows 0 when it is done */
byte received, resets;
bool failed;

/* What is not the device's is posted. */
inline post_all()
{
	for (i : 0 .. BUFFERS - 1) {
		if
		:: owner[i] == APPLICATION -> owner[i] = DEVICE; used[i] = 0; posted[i] = 1
		:: else
		fi
	}
}

inline take_back(to)
{
	for (i : 0 .. BUFFERS - 1) {
		if
		:: owner[i] == DEVICE -> owner[i] = to
		:: else
		fi
	}
}

active proctype queue_thread()
{
	byte i;

	post_all();
	do
	:: received >= TOTAL || failed -> break
	:: else ->
		for (i : 0 .. BUFFERS - 1) {
			if
			:: used[i] ->
				assert(owner[i] == DEVICE);
				used[i] = 0;
				owner[i] = APPLICATION;
				received++
			:: else
			fi
		}
		post_all();
		if
		:: irq -> irq = 0
#ifndef NO_RESCUE
		:: timeout /* VN_RESCUE_INTERVAL: look at the ring and at the status */
#endif
#ifdef QUEUE
		:: resets < RESETS -> skip
#endif
		fi;
		if
#ifdef QUEUE
		:: resets < RESETS ->
#else
		:: needs_reset ->
#endif
			resetting = 1;
#ifdef TAKE_BACK_EARLY
			take_back(APPLICATION);
#endif
			if
			:: !resetting ->
				take_back(APPLICATION);
				needs_reset = 0
			:: failed = 1; /* not within its time */
#ifdef REUSE_AFTER_TIMEOUT
				take_back(APPLICATION)
#else
				take_back(QUARANTINE)
#endif
			fi
		:: else
		fi
	od;
	for (i : 0 .. BUFFERS - 1) {
		assert(!failed || owner[i] != DEVICE)
	}
}

/* What it took and has not given back. */
bit has[BUFFERS], wrote[BUFFERS];

inline work(b)
{
	if
	:: d_step { posted[b] && !stopped -> posted[b] = 0; has[b] = 1; wrote[b] = 0 }
	:: has[b] && !wrote[b] -> assert(owner[b] != APPLICATION); wrote[b] = 1
	:: has[b] && wrote[b] && !stopped && !resetting ->
		d_step { has[b] = 0; used[b] = 1 };
		if
		:: irq = 1
		:: resets < RESETS && !stopped -> stopped = 1; needs_reset = 1 /* and the interrupt is lost */
		fi
	fi
}

active proctype device()
{
	bit stopped;

end:	do
	:: work(0)
	:: work(1)
	:: !stopped && resets < RESETS ->
		stopped = 1;
		needs_reset = 1
	:: d_step { resetting ->
			stopped = 0;
			resets++;
			posted[0] = 0;
			posted[1] = 0;
			used[0] = 0;
			used[1] = 0;
			has[0] = 0;
			has[1] = 0 }
		resetting = 0
	od
}
