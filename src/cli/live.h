/* SPDX-License-Identifier: Apache-2.0 */
/* --watch: a picture that is drawn again and again on the terminal, with keys; or, without a terminal, one look after another. */
#ifndef SKT_CLI_LIVE_H
#define SKT_CLI_LIVE_H

#include "base/text.h"
#include "base/unit.h"

struct skt_live {
	skt_time every;
	/* Look, and append the picture for that many rows and columns (both 0: no terminal, everything, each look appended to the
	 * last). What goes beyond the last row is cut. Returns 0, or a status to end with. */
	int (*look)(struct skt_live *live, int rows, int columns, struct skt_text *picture);
	/* A key was pressed (enum skt_key or a character); returns whether to draw again. May be NULL. q, Ctrl-C and Ctrl-D end. */
	bool (*key)(struct skt_live *live, int key);
	long rounds; /* end after so many looks; 0: none */
};

enum skt_key {
	SKT_KEY_UP = 1000,
	SKT_KEY_DOWN,
	SKT_KEY_LEFT,
	SKT_KEY_RIGHT,
	SKT_KEY_PAGE_UP,
	SKT_KEY_PAGE_DOWN,
	SKT_KEY_HOME,
	SKT_KEY_END,
};

/* Put the terminal back: to be called before a look says on stderr why it failed, which would be lost with the picture. Nothing
 * where it is not taken. */
void skt_live_leave(void);

/* Run until it is ended by a key, a signal or `rounds`. The terminal is put back whatever happens. Returns an exit
 * status; 0 where a key or a signal ended it. */
int skt_live_run(struct skt_live *live);

#endif
