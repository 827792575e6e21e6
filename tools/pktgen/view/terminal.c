/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/view/terminal.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "tools/shared/stop.h"

/* How long the last screen may take to go out. */
#define LAST_NS 1000000000ULL
#define LAST_MS 50

/* Leaves the alternate screen, shows the cursor, default colours: what all terminals with a cursor that
 * is addressed know or ignore. For a process that crashes. */
#define RESET_TEXT "\033[?1049l\033[?25h\033[m\r\n"

static struct {
	int fd;	     /* the terminal */
	int written; /* what curses has written: memory */
	FILE *in, *out;
	SCREEN *screen;
	struct termios before, during;
	bool lost, color, unicode;
	char *pending;
	size_t size, sent;
	struct sigaction of_size, of_go_on, of_stop;
} term = { .fd = -1, .written = -1 };

static int term_changed; /* atomic: a signal came that changes it */

static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };

int terminal_find(void)
{
	if (isatty(STDOUT_FILENO) == 1)
		return STDOUT_FILENO;
	return isatty(STDERR_FILENO) == 1 ? STDERR_FILENO : -1;
}

int terminal_fd(void)
{
	return term.fd;
}

bool terminal_is_lost(void)
{
	return term.lost;
}

bool terminal_has_color(void)
{
	return term.color;
}

bool terminal_has_unicode(void)
{
	return term.unicode;
}

/* ---- signals ---- */

static void term_on_change(int number)
{
	(void)number;
	__atomic_store_n(&term_changed, 1, __ATOMIC_RELAXED);
}

static void term_on_crash(int number)
{
	ssize_t ignored = write(term.fd, RESET_TEXT, sizeof(RESET_TEXT) - 1);

	(void)ignored;
	tcsetattr(term.fd, TCSANOW, &term.before);
	signal(number, SIG_DFL);
	raise(number);
}

/* A sanitizer's handler stays. */
static void term_catch_crashes(bool begin)
{
	struct sigaction action;

	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++) {
		sigaction(crashes[i], NULL, &action);
		if (begin && action.sa_handler == SIG_DFL)
			signal(crashes[i], term_on_crash);
		else if (!begin && action.sa_handler == term_on_crash)
			signal(crashes[i], SIG_DFL);
	}
}

/* Of those that curses would catch, none is left to it. A process that is stopped would leave the terminal
 * as it is. */
static void term_catch(void)
{
	struct sigaction change = { .sa_handler = term_on_change }, none = { .sa_handler = SIG_IGN };

	sigaction(SIGWINCH, &change, &term.of_size);
	sigaction(SIGCONT, &change, &term.of_go_on);
	sigaction(SIGTSTP, &none, &term.of_stop);
	term_catch_crashes(true);
}

static void term_catch_no_more(void)
{
	term_catch_crashes(false);
	sigaction(SIGWINCH, &term.of_size, NULL);
	sigaction(SIGCONT, &term.of_go_on, NULL);
	sigaction(SIGTSTP, &term.of_stop, NULL);
}

/* ---- opening ---- */

/* A description of its own does not block, without others who have the terminal noticing. */
static int term_reopen(int fd)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static FILE *term_stream(const char *mode)
{
	int fd = fcntl(term.fd, F_DUPFD_CLOEXEC, 0);
	FILE *stream = fd >= 0 ? fdopen(fd, mode) : NULL;

	if (stream == NULL && fd >= 0)
		close(fd);
	return stream;
}

static void term_free(void)
{
	if (term.screen != NULL)
		delscreen(term.screen);
	if (term.in != NULL)
		fclose(term.in);
	if (term.out != NULL)
		fclose(term.out);
	if (term.written >= 0)
		close(term.written);
	if (term.fd >= 0)
		close(term.fd);
	free(term.pending);
	term.screen = NULL;
	term.in = term.out = NULL;
	term.fd = term.written = -1;
	term.pending = NULL;
	term.size = term.sent = 0;
}

/* What terminals send beside what terminfo says of them: cursor keys of the other mode. */
static void term_define_keys(void)
{
	static const struct {
		const char *text;
		int key;
	} keys[] = {
		{ "\033[A", KEY_UP },
		{ "\033[B", KEY_DOWN },
		{ "\033[H", KEY_HOME },
		{ "\033[F", KEY_END },
		{ "\033OA", KEY_UP },
		{ "\033OB", KEY_DOWN },
		{ "\033OH", KEY_HOME },
		{ "\033OF", KEY_END },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		define_key(keys[i].text, keys[i].key);
}

/* Of cbreak mode only what ends the run by a signal stays: Ctrl-C. */
static void term_set_modes(void)
{
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	typeahead(-1);
	set_escdelay(25);
	term_define_keys();
	tcgetattr(term.fd, &term.during);
	term.during.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(term.fd, TCSANOW, &term.during);
}

static void term_set_colors(void)
{
	const char *none = getenv("NO_COLOR");

	term.color = (none == NULL || none[0] == '\0') && has_colors() && start_color() == OK;
	if (term.color)
		use_default_colors();
}

static int term_start_curses(void)
{
	term.in = term_stream("r");
	term.out = term_stream("w");
	term.written = memfd_create("screen", MFD_CLOEXEC);
	if (term.in == NULL || term.out == NULL || term.written < 0)
		return -errno;
	term.screen = newterm(NULL, term.out, term.in);
	if (term.screen == NULL)
		return -ENOTTY;
	set_term(term.screen);
	term_set_modes();
	/* From here on its screens go to memory. */
	if (dup3(term.written, fileno(term.out), O_CLOEXEC) < 0)
		return -errno;
	term_set_colors();
	curs_set(0);
	return 0;
}

int terminal_open(void)
{
	int fd = terminal_find(), result;

	if (fd < 0)
		return -ENOTTY;
	setlocale(LC_CTYPE, "");
	term.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	term.lost = false;
	term.fd = term_reopen(fd);
	if (term.fd < 0 || tcgetattr(term.fd, &term.before) != 0) {
		result = -errno;
		term_free();
		return result;
	}
	term_catch();
	result = term_start_curses();
	if (result != 0) {
		term_catch_no_more();
		tcsetattr(term.fd, TCSANOW, &term.before);
		term_free();
	}
	__atomic_store_n(&term_changed, 1, __ATOMIC_RELAXED);
	return result;
}

/* ---- while it is open ---- */

bool terminal_changed(int *rows, int *columns)
{
	struct winsize size = { 0 };

	if (__atomic_exchange_n(&term_changed, 0, __ATOMIC_RELAXED) == 0)
		return false;
	if (ioctl(term.fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
		size.ws_row = 24;
		size.ws_col = 80;
	}
	/* It may have been another's meanwhile. */
	tcsetattr(term.fd, TCSANOW, &term.during);
	resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
	*rows = size.ws_row;
	*columns = size.ws_col;
	return true;
}

/* Take over what curses has written. */
static void term_collect(void)
{
	off_t size = lseek(term.written, 0, SEEK_CUR);
	char *text = size > 0 ? malloc((size_t)size) : NULL;
	ssize_t got = text != NULL ? pread(term.written, text, (size_t)size, 0) : 0;

	lseek(term.written, 0, SEEK_SET);
	free(term.pending);
	term.pending = text;
	term.size = got > 0 ? (size_t)got : 0;
	term.sent = 0;
}

void terminal_update(void)
{
	doupdate();
	term_collect();
	terminal_flush();
}

bool terminal_flush(void)
{
	while (term.sent < term.size && !term.lost) {
		ssize_t wrote = write(term.fd, term.pending + term.sent, term.size - term.sent);

		if (wrote > 0)
			term.sent += (size_t)wrote;
		else if (wrote == 0 || (errno != EAGAIN && errno != EINTR))
			term.lost = true;
		else
			return false;
	}
	return true;
}

void terminal_close(void)
{
	uint64_t until = now_ns() + LAST_NS;
	struct pollfd wait = { .fd = term.fd, .events = POLLOUT };

	if (term.fd < 0)
		return;
	/* The rest of a screen, or its end would be part of a sequence. */
	while (!terminal_flush() && now_ns() < until)
		poll(&wait, 1, LAST_MS);
	endwin();
	term_collect();
	while (!terminal_flush() && now_ns() < until)
		poll(&wait, 1, LAST_MS);
	tcsetattr(term.fd, TCSANOW, &term.before);
	term_catch_no_more();
	term_free();
}
