/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command and an answer that comes late: driver/control/command.c. There is one slot for request and reply; a command that
 * is not answered in time leaves it with the device. No answer is taken for that of another command, the device writes
 * to the slot only while it has it, and what is accepted was answered so.
 */
#define COMMANDS 3
#define UNWRITTEN 255

byte request, reply = UNWRITTEN;
bit available, used; /* the ring, of one buffer */
bit devices;	     /* who has the slot */

active proctype driver()
{
	byte n;
	bit pending;

	for (n : 1 .. COMMANDS) {
#ifndef NO_REINITIALIZE
		/* ctrl_reinitialize */
		if
		:: !pending
		:: pending ->
			if
			:: used -> used = 0; pending = 0; devices = 0
			:: goto busy /* EBUSY: not even now */
			fi
		fi;
#endif
		/* ctrl_submit */
		request = n;
#ifndef NO_UNWRITTEN
		reply = UNWRITTEN;
#endif
		pending = 1;
		devices = 1;
		available = 1;
		/* ctrl_wait, ctrl_take_reply */
		if
		:: used ->
			used = 0;
			pending = 0;
			devices = 0;
			assert(reply == n || reply == UNWRITTEN)
		:: skip /* ETIMEDOUT */
		fi;
busy:		skip
	}
}

active proctype device()
{
	byte n;

end:	do
	:: available ->
		available = 0;
		n = request;
		if
		:: assert(devices); reply = n
		:: skip /* writes no answer */
		fi;
		used = 1
	od
}
