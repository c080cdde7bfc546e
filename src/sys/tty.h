/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals: our own, and pseudo-terminals for children. */
#ifndef SKT_SYS_TTY_H
#define SKT_SYS_TTY_H

#include <stdbool.h>

#include "base/error.h"

/* Rows and columns of the terminal that we run on (stdin, stdout or stderr), or 24 and 80 where there is none. */
void skt_tty_size(int *rows, int *columns);

/* Open a pseudo-terminal: the master (non-blocking) in *master, the other end in *slave; `raw`: bytes pass unchanged.
 * rows or columns of 0 mean those of our own terminal. Returns 0 or -SKT_E_LIMIT. */
int skt_tty_open(bool raw, int rows, int columns, int *master, int *slave, struct skt_error *err);

/* Tell the reader behind a master that no more comes: 0 when the end mark is written, -SKT_AGAIN while the reader still has
 * bytes to read (call again some 10 ms later), -SKT_E_IO. `fresh` says that nothing, or a newline, was written last. *quiet
 * starts at 0 and is kept for the next call. */
int skt_tty_end(int master, bool fresh, int *quiet);

/* Whether the terminal behind a master reads lines (canonical mode), which have a limit. */
bool skt_tty_takes_lines(int master);

/* Put our own terminal on fd into raw mode until skt_tty_restore(); nothing where fd is none. */
void skt_tty_raw(int fd);
/* Put it back; safe to call twice, and from a signal handler. */
void skt_tty_restore(void);

#endif
