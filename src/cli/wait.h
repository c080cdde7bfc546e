/* SPDX-License-Identifier: Apache-2.0 */
/* soket wait: endpoints that are asked again and again, until they are as wanted. */
#ifndef SKT_CLI_WAIT_H
#define SKT_CLI_WAIT_H

#include "inspect/probe.h"

struct skt_wait;

/* One endpoint. */
struct skt_wait_target {
	struct skt_endpoint e;
	struct skt_text name; /* as events and errors show it */
	struct skt_wait *wait;
	struct skt_probe *probe; /* while it is being asked */
	struct skt_timer timer;  /* while it is not */
	struct skt_error seen;   /* the last time it was not as wanted; kind SKT_OK: never yet */
	long tries;
	bool is_done;
	skt_time took; /* until it was as wanted */
};

/* What is waited for, and how. Fill in the first part; skt_wait_release() when done. */
struct skt_wait {
	struct skt_wait_target *target;
	int n;
	enum skt_probe_want want;
	bool any;          /* one of them is enough */
	skt_time timeout;  /* 0: for ever */
	skt_time interval; /* pause between two tries; 0: growing ones */
	bool json;
	int json_fd; /* 1, or 2 where stdout belongs to the command */

	struct skt_loop *loop;
	skt_time began;
	struct skt_timer deadline, redraw;
	struct skt_error end; /* why it ended otherwise than well */
	int n_done;
	bool has_ended;
	bool is_shown; /* the progress line stands on the terminal */
};

/* Wait. Returns 0; -SKT_E_TIMEOUT; or the kind of the first failure that waiting cannot mend; *err says it. */
int skt_wait_run(struct skt_wait *w, struct skt_error *err);
void skt_wait_release(struct skt_wait *w);

/* --- what is said: wait_say.c --------------------------------------------------------------------------------------- */

/* Show progress from now on, where stderr is a terminal. */
void skt_wait_say_start(struct skt_wait *w);
/* Make room for another line. */
void skt_wait_say_clear(struct skt_wait *w);
/* A target has become as wanted. */
void skt_wait_say_done(struct skt_wait *w, const struct skt_wait_target *t);
/* With JSON: what was last seen of each that was missing, then how it ended. */
void skt_wait_say_end(const struct skt_wait *w);
/* Time is up: put it into *err, with what was last seen where that is one endpoint's. */
void skt_wait_fail_timeout(const struct skt_wait *w, struct skt_error *err);
/* The error, and below it the targets that are missing where there are several. Returns its kind. */
int skt_wait_say_error(const struct skt_wait *w, const struct skt_error *err);

#endif
