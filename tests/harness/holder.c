/* SPDX-License-Identifier: Apache-2.0 */
/* The small programs that tests start: by soket as the child of an exec endpoint, or by a test as a neighbour to be killed.
 *
 *   holder pass SOCKET   hands its stdin and stdout to the test that listens on SOCKET, then obeys: 'c' closes its own copies,
 *                        'x' and a byte exits with that status; the end of the connection exits with 0
 *   holder hold          waits to be killed, holding whatever it inherited
 *   holder fds           prints the numbers of its open descriptors
 *   holder signals       prints the signals it was born with ignored and blocked
 *   holder term          prints whether 0, 1 and 2 are terminals, the window's size, and whether it leads its terminal
 *   holder say N TEXT    prints TEXT on descriptor N
 *   holder cat           copies stdin to stdout
 *   holder ignore        prints "ready", ignores SIGTERM and SIGHUP, waits
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int pass_descriptors(int control)
{
	int fds[2] = { 0, 1 };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(fds))];
	} u;
	char byte = 'f';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.room, .msg_controllen = sizeof(u.room) };
	struct cmsghdr *c;

	memset(&u, 0, sizeof(u));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	return sendmsg(control, &msg, 0) == 1 ? 0 : -1;
}

static int pass(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned char order[2];

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (control < 0 || connect(control, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    pass_descriptors(control) < 0)
		return 99;
	while (read(control, order, 1) == 1) {
		if (order[0] == 'c') {
			if (isatty(2))
				close(2);
			close(0);
			close(1);
			if (write(control, "c", 1) != 1)
				return 98;
		} else if (order[0] == 'x') {
			return read(control, order + 1, 1) == 1 ? order[1] : 97;
		}
	}
	return 0;
}

static int print_descriptors(void)
{
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			printf("%d\n", fd);
	return 0;
}

static int print_signals(void)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int n = 1; n < 32; n++) {
		struct sigaction action;

		if (sigaction(n, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			printf("ignored %d\n", n);
		if (sigismember(&blocked, n) == 1)
			printf("blocked %d\n", n);
	}
	printf("end\n");
	return 0;
}

static int print_terminal(void)
{
	struct winsize size = { 0, 0, 0, 0 };
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	ioctl(0, TIOCGWINSZ, &size);
	printf("tty %d %d %d rows %d cols %d controlling %d session %d\n", isatty(0), isatty(1), isatty(2), size.ws_row,
	       size.ws_col, fd >= 0, getsid(0) == getpid());
	return 0;
}

static int copy(void)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(0, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(1, buffer + done, (size_t)(n - done))) < 0)
				return 1;
	return n < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "pass") && argc > 2)
		return pass(argv[2]);
	if (!strcmp(what, "fds"))
		return print_descriptors();
	if (!strcmp(what, "signals"))
		return print_signals();
	if (!strcmp(what, "term"))
		return print_terminal();
	if (!strcmp(what, "cat"))
		return copy();
	if (!strcmp(what, "say") && argc > 3)
		return dprintf((int)strtol(argv[2], NULL, 10), "%s\n", argv[3]) < 0;
	if (!strcmp(what, "ignore")) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		if (write(1, "ready\n", 6) != 6)
			return 1;
	} else if (strcmp(what, "hold") != 0) {
		return 2;
	}
	for (;;)
		pause();
}
