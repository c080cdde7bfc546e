/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals.
 *
 * How the end of input is told to a program behind a pseudo-terminal: the line discipline turns the VEOF character into an
 * end only in canonical mode. A raw terminal is therefore switched to canonical mode first; that is safe only once the
 * reader has taken everything (the line discipline drops what does not fit a line), hence the wait. n_tty, Linux >= 3.12. */
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/message.h"
#include "sys/call.h"

/* Bytes on their way to the reader's queue are in no count for a moment: it must be seen empty this often in a row. */
enum { TTY_QUIET_LOOKS = 6, TTY_RESTARTS = 3 };

static struct termios tty_before;
static volatile int tty_fd = -1;

void skt_tty_size(int *rows, int *columns)
{
	struct winsize size;

	*rows = 24;
	*columns = 80;
	for (int fd = 0; fd < 3; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
			continue;
		*rows = size.ws_row;
		*columns = size.ws_col;
		return;
	}
}

static void tty_configure(int slave, bool raw, int rows, int columns)
{
	struct winsize size = { 0 };
	struct termios mode;
	int own_rows, own_columns;

	skt_tty_size(&own_rows, &own_columns);
	size.ws_row = (unsigned short)(rows ? rows : own_rows);
	size.ws_col = (unsigned short)(columns ? columns : own_columns);
	(void)ioctl(slave, TIOCSWINSZ, &size);
	if (!raw || tcgetattr(slave, &mode) < 0)
		return;
	cfmakeraw(&mode);
	(void)tcsetattr(slave, TCSANOW, &mode);
}

int skt_tty_open(bool raw, int rows, int columns, int *master, int *slave, struct skt_error *err)
{
	char name[64];
	int m = skt_sys.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0), s = -1;

	if (m >= 0 && grantpt(m) == 0 && unlockpt(m) == 0 && ptsname_r(m, name, sizeof(name)) == 0)
		s = skt_sys.open(name, O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
	if (s < 0) {
		int sys = errno;

		skt_close(m);
		return skt_fail(err, SKT_E_LIMIT, sys, _("cannot open a pseudo-terminal: %s"), strerror(sys));
	}
	tty_configure(s, raw, rows, columns);
	*master = m;
	*slave = s;
	return 0;
}

/* What the reader has not taken yet, bytes; 0 also where it cannot be known. */
static int tty_unread(int master)
{
	int unread = 0, slave = skt_sys.ioctl(master, TIOCGPTPEER, (void *)(long)(O_RDWR | O_NOCTTY | O_CLOEXEC));

	if (slave < 0)
		return 0;
	if (skt_sys.ioctl(slave, FIONREAD, &unread) < 0)
		unread = 0;
	skt_close(slave);
	return unread;
}

/* From raw to canonical, in which nothing but VEOF has a meaning. */
static void tty_canonical(int master, struct termios *mode)
{
	static const int special[] = { VERASE, VKILL, VEOL, VEOL2 };

	mode->c_lflag |= ICANON;
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		mode->c_cc[special[i]] = _POSIX_VDISABLE;
	mode->c_cc[VEOF] = 4;
	(void)tcsetattr(master, TCSANOW, mode);
}

/* A read that began in raw mode waits for at least one byte, and would pass over the end mark. A signal that is taken back at once
 * makes the kernel begin that read anew, and nobody sees it. */
static void tty_restart_reads(int master)
{
	pid_t group = tcgetpgrp(master);

	if (group <= 0)
		return;
	(void)kill(-group, SIGSTOP);
	(void)kill(-group, SIGCONT);
}

int skt_tty_end(int master, bool fresh, int *quiet)
{
	struct termios mode;
	char marks[2];
	size_t n = fresh || *quiet ? 1 : 2; /* the first ends an unfinished line, the second the input */

	if (tcgetattr(master, &mode) < 0)
		return -SKT_E_IO;
	if (!(mode.c_lflag & ICANON) || *quiet) {
		*quiet = tty_unread(master) > 0 ? 1 : *quiet + 1;
		if (*quiet < TTY_QUIET_LOOKS)
			return -SKT_AGAIN;
		if (*quiet == TTY_QUIET_LOOKS)
			tty_canonical(master, &mode);
		if (*quiet < TTY_QUIET_LOOKS + TTY_RESTARTS) { /* the mark must find no old read waiting */
			tty_restart_reads(master);
			return -SKT_AGAIN;
		}
	}
	marks[0] = marks[1] = (char)mode.c_cc[VEOF];
	return skt_sys.write(master, marks, n) == (ssize_t)n ? 0 : errno == EAGAIN ? -SKT_AGAIN : -SKT_E_IO;
}

bool skt_tty_takes_lines(int master)
{
	struct termios mode;

	return tcgetattr(master, &mode) == 0 && (mode.c_lflag & ICANON);
}

void skt_tty_raw(int fd)
{
	struct termios mode;

	if (tty_fd >= 0 || tcgetattr(fd, &tty_before) < 0)
		return;
	mode = tty_before;
	cfmakeraw(&mode);
	if (tcsetattr(fd, TCSANOW, &mode) == 0)
		tty_fd = fd;
}

void skt_tty_restore(void)
{
	int fd = tty_fd;

	if (fd < 0)
		return;
	tty_fd = -1;
	(void)tcsetattr(fd, TCSANOW, &tty_before);
}
