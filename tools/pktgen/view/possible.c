/* SPDX-License-Identifier: BSD-3-Clause */
/* Can the terminal show the view? Apart from the rest, since <term.h> has a macro for each of its capabilities. */
#include <stdlib.h>

#include "tools/pktgen/view/terminal.h"
#include "tools/pktgen/view/view.h"
#include "tools/shared/common.h"

#include <curses.h>
#include <term.h>

bool view_is_possible(void)
{
	const char *name = getenv("TERM");
	int fd = terminal_find(), error;

	if (fd < 0)
		return false;
	if (name == NULL || name[0] == '\0')
		refuse_usage("--view: TERM is not set, so that the terminal's sequences are not known; set it, or "
			     "leave --view out");
	if (setupterm(NULL, fd, &error) != OK)
		refuse_usage("--view: the terminal '%.40s' is not in terminfo; set TERM to one that is (xterm), "
			     "install ncurses-term, or leave --view out",
			     name);
	if (cursor_address == NULL || clear_screen == NULL)
		refuse_usage("--view: the terminal '%.40s' cannot move its cursor; leave --view out", name);
	del_curterm(cur_term);
	return true;
}
