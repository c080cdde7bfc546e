/* SPDX-License-Identifier: Apache-2.0 */
/* The schemes and their options, as pure data: what the parser accepts, what help, completion and the manual say. */
#ifndef SKT_ENDPOINT_SCHEME_H
#define SKT_ENDPOINT_SCHEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What follows "scheme:" */
enum skt_form {
	SKT_FORM_NONE,    /* nothing: stdio, echo, discard, chargen, daytime */
	SKT_FORM_HOST,    /* [//]host:port */
	SKT_FORM_PATH,    /* a path of the file system; unix schemes also @abstract */
	SKT_FORM_VSOCK,   /* [//]cid:port, where cid is a number, any, local, host or hypervisor */
	SKT_FORM_NUMBER,  /* a descriptor's number, or the name systemd gave it */
	SKT_FORM_COMMAND, /* a program and its arguments, blanks between them, "..." and \ to quote */
	SKT_FORM_TEXT,    /* any text */
};

enum skt_role { SKT_ROLE_ANY, SKT_ROLE_LISTEN, SKT_ROLE_DIAL };

/* Kinds of option value; the number in struct skt_opt is in the unit named here. */
enum skt_opttype {
	SKT_OPT_BOOL,     /* yes | no; 1 or 0 */
	SKT_OPT_INT,      /* min..max */
	SKT_OPT_DURATION, /* nanoseconds */
	SKT_OPT_SIZE,     /* bytes */
	SKT_OPT_RATE,     /* bits a second */
	SKT_OPT_MODE,     /* octal file mode */
	SKT_OPT_WORD,     /* one of choices; the number is its index */
	SKT_OPT_STRING,   /* any text; the number is 0 */
};

struct skt_optspec {
	const char *key;
	enum skt_opttype type;
	int64_t min, max;    /* SKT_OPT_INT, _DURATION, _SIZE: bounds; 0, 0 for none */
	const char *choices; /* SKT_OPT_WORD: "a|b|c" */
	const char *def;     /* the default as a person would write it, or NULL: not set, the system's own */
	const char *unit;    /* what a value looks like, for help: "DURATION", "yes|no", "ADDRESS" */
	enum skt_role role;  /* the role it needs, or ANY */
	const char *help;    /* one line, marked with N_() */
	bool many;           /* may be written several times */
	/* SKT_OPT_STRING: NULL takes any text; else returns -1 and sets *ret (the number), or the offset of the first wrong byte. */
	int (*read)(const char *value, int64_t *ret);
};

enum { SKT_OPTGROUPS_MAX = 12, SKT_RETRY_FOREVER = INT32_MAX };

struct skt_scheme {
	const char *name;
	enum skt_form form;
	bool is_layer; /* changes the bytes of the stream below: tls, ws */
	bool is_dgram; /* its messages keep their boundaries; no layer goes on top */
	bool is_later; /* described, parsed and explained, but opened by a later version only */
	bool can_listen, can_dial;
	const char *below;    /* a layer's default below: "tcp" for tls and ws; else NULL */
	const char *alias;    /* the layers that a short name stands for: "ws+tls" for wss; else NULL */
	const char *summary;  /* one line, marked with N_() */
	const char *protocol; /* "TCP", "UDP", ...: what carries it; NULL where none does */
	const char *example;  /* a typical endpoint */
	const struct skt_optspec *options[SKT_OPTGROUPS_MAX]; /* groups, each ended by a NULL key */
};

/* The scheme of that name (n bytes of it, in either case), or NULL. */
const struct skt_scheme *skt_scheme_find(const char *name, size_t n);
/* Scheme i in the order that help shows them, or NULL after the last. */
const struct skt_scheme *skt_scheme_at(size_t i);
/* The option of that key that the scheme knows, or NULL. */
const struct skt_optspec *skt_scheme_option(const struct skt_scheme *scheme, const char *key);

#endif
