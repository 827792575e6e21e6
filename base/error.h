/* SPDX-License-Identifier: BSD-3-Clause */
/* The error text of each thread. Nothing here prints, exits or allocates. */
#ifndef VN_BASE_ERROR_H
#define VN_BASE_ERROR_H

#include <stdbool.h>

#include <vionet/error.h>
#include <vionet/pci.h>

/*
 * Set this thread's error text and return `-code`, so that a function can end
 * with `return vn_error(EBUSY, "group %d is ...", group);`.
 *
 * `code`: a positive errno value. Text that does not fit is cut.
 */
int vn_error(int code, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* A failure that everybody knows the cause of: no text, and not that of another call. */
int vn_error_none(int code);

/*
 * Put "prefix: " in front of the text of the failure that is being passed on,
 * and return `result` unchanged. Each layer that knows a better name for the
 * object adds it: "0000:00:04.0: BAR 4: ...".
 */
int vn_error_prefix(int result, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* What to do about the failure whose text was just set, with the address of the function
 * that is to be bound (NULL: none). Returns `result`. The next text has no remedy. */
int vn_error_remedy(int result, enum vionet_remedy remedy, const char *address)
	__attribute__((cold));

/* Set the text to `format` followed by ": " and the meaning of the system's
 * errno `code`; returns -code. Where descriptors have run out it says how many there may
 * be, and how to raise that (ETOOMANYREFS, the same limit on those that are being
 * passed, is returned as EMFILE). */
int vn_error_errno(int code, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* The meaning of an errno value, in English; a constant, never NULL. Any thread. */
const char *vn_errno_text(int code);

/* Is it this process, or this machine, that has run out of something? A call on
 * another process's object then did not fail through that process. */
bool vn_error_is_shortage(int code);

/* The same as vn_error_errno, but -EIO for all that is no shortage. */
int vn_error_local(int code, const char *what) __attribute__((cold));

/* The text and the remedy, put aside while what is done after a failure may fail too. */
struct vn_error_kept {
	char text[VIONET_ERROR_TEXT_MAX];
	enum vionet_remedy remedy;
	char address[VIONET_PCI_ADDRESS_MAX];
};

void vn_error_keep(struct vn_error_kept *kept);

/* Returns `result`, whose text it is. */
int vn_error_restore(int result, const struct vn_error_kept *kept);

#endif
