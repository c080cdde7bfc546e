/* SPDX-License-Identifier: Apache-2.0 */
/* What connect, listen and link have in common: two endpoints, flags, and a relay between them. */
#ifndef SKT_CLI_JOINING_H
#define SKT_CLI_JOINING_H

#include "cli/args.h"
#include "io/listener.h"
#include "link/service.h"

struct skt_joining {
	const struct skt_args *args;
	struct skt_endpoint from, to; /* released by skt_joining_run() */
	bool listens;                 /* FROM is listened on */
	bool with_stdio;              /* connect and listen: the terminal or pipe that we run on is the other side */
	bool only_one;                /* one link, then the end */
	bool keeps;                   /* one after the other, without end */
	bool passes_status;           /* the child's exit status becomes ours */
	struct skt_service *service;  /* serves each client in the name of TO, which is not dialled; or NULL */
	const char *reads,
		*writes; /* of the service: a directory beneath which files are read, and one where they are written too, or NULL */
	bool (*next)(struct skt_joining *j); /* the address is in use: make FROM another one, false where there is none. Or NULL */
	/* It listens: say where, in the command's own words. NULL: as everywhere. 0 or -kind */
	int (*announce)(struct skt_joining *j, const struct skt_listener *l, struct skt_error *err);
	bool names; /* the service wants to know the numbers of its clients */
	void *user; /* of the command */
};

/* Do it. Returns the exit status. */
int skt_joining_run(struct skt_joining *j);
/* An error in the words from number `at` on, said with its source. Returns the exit status. */
int skt_joining_refuse(const struct skt_args *args, int at, const struct skt_error *err);
/* The endpoint of "-- CMD". Returns 0 or -SKT_E_USAGE: no command. */
int skt_joining_command(const struct skt_args *args, struct skt_endpoint *ret, struct skt_error *err);

/* Rows of the flag tables. */
#define SKT_FLAG_IDLE                                                              \
	{                                                                          \
		.name = "idle", .type = SKT_OPT_DURATION, .argument = "DURATION",  \
		.help = N_("end a link after this long without a byte either way") \
	}
#define SKT_FLAG_GRACE                                                                                         \
	{                                                                                                      \
		.name = "grace", .type = SKT_OPT_DURATION, .argument = "DURATION",                             \
		.help = N_("how long links may go on after Ctrl-C or SIGTERM (5s); a second one cuts at once") \
	}
#define SKT_FLAG_STATS                                                                             \
	{                                                                                          \
		.name = "stats", .help = N_("at the end, say how many links and bytes there were") \
	}
#define SKT_FLAG_MOVER                                                                                   \
	{                                                                                                \
		.name = "mover", .type = SKT_OPT_WORD, .choices = "auto|copy|splice", .argument = "HOW", \
		.help = N_("how bytes are moved (auto): by copying, or within the kernel")               \
	}
#define SKT_FLAG_HALF_OPEN                                                                              \
	{                                                                                               \
		.name = "half-open", .help = N_("go on after the peer has ended, until stdin ends too") \
	}
#define SKT_FLAG_MAX                                                                                          \
	{                                                                                                     \
		.name = "max", .letter = 'm', .type = SKT_OPT_INT, .min = 1, .max = 1000000, .argument = "N", \
		.help = N_("at most N links at once; more clients wait")                                      \
	}
#define SKT_FLAG_ALLOW                                                                     \
	{                                                                                  \
		.name = "allow", .type = SKT_OPT_STRING, .argument = "CIDR", .many = true, \
		.help = N_("let in clients of this network, and no others")                \
	}
#define SKT_FLAG_DENY                                                                     \
	{                                                                                 \
		.name = "deny", .type = SKT_OPT_STRING, .argument = "CIDR", .many = true, \
		.help = N_("keep out clients of this network; wins over --allow")         \
	}
#define SKT_FLAG_ONCE                                                  \
	{                                                              \
		.name = "once", .help = N_("end after the first link") \
	}
#define SKT_FLAG_THREADS                                                                                     \
	{                                                                                                    \
		.name = "threads", .letter = 't', .type = SKT_OPT_INT, .min = 1, .max = 64, .argument = "N", \
		.help = N_("work on N threads (1)")                                                          \
	}

#endif
