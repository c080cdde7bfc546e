/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint: one party of a communication, as text and as the struct that text means. Pure data until transport/
 * opens it. */
#ifndef SKT_ENDPOINT_ENDPOINT_H
#define SKT_ENDPOINT_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "endpoint/scheme.h"

enum { SKT_LAYERS_MAX = 8, SKT_OPTIONS_MAX = 32, SKT_ENDPOINT_TEXT_MAX = 65536 };

struct skt_opt {
	const struct skt_optspec *spec;
	const char *value; /* as written, unquoted */
	int64_t number;    /* see enum skt_opttype */
	int at;            /* offset of the key in the source text */
};

/* What those who open an endpoint keep with it: made once, released with it. */
struct skt_kept {
	void *of[2]; /* dialled, listened on */
	void (*release)(struct skt_kept *kept);
	bool looks; /* dialled to look at what is there: see skt_chain_looks() */
};

/* A zeroed struct is safe to release. Every pointer points into what `store` owns, or at static data. */
struct skt_endpoint {
	char *store;                                    /* see store.h */
	enum skt_role role;                             /* from a listen: or dial: prefix, else ANY */
	const struct skt_scheme *layer[SKT_LAYERS_MAX]; /* from the top down; the last is the transport */
	int n_layer;
	const char *address; /* what follows the scheme, unquoted, as written: "[::1]:80", "/run/x.sock", "@name", "grep -v a" */
	const char *host; /* SKT_FORM_HOST and _VSOCK: without brackets and zone, "" where the text has none, "any" for * */
	int family;       /* SKT_FORM_HOST: 4 or 6 where host is an address, else 0 */
	const char *zone;    /* SKT_FORM_HOST: what follows %, or NULL */
	int port;            /* SKT_FORM_HOST: 0-65535; the number of the service where one was named */
	const char *service; /* the service name that was written instead of a number, or NULL */
	uint32_t vport;      /* SKT_FORM_VSOCK */
	uint32_t vcid; /* SKT_FORM_VSOCK: the number of the host; UINT32_MAX where it is any or the text has none */
	char **argv;   /* SKT_FORM_COMMAND: NULL-terminated words */
	int argc;
	struct skt_opt opt[SKT_OPTIONS_MAX];
	int n_opt;
	struct skt_kept *kept; /* NULL: nothing stands between the endpoint and its transport */
};

/* Read one endpoint from one string, options and all ("tls://h:443 alpn=h2"; words separated by blanks, values with
 * blanks in double quotes, \" \\ \n \r \t \xHH inside them). Text of at most SKT_ENDPOINT_TEXT_MAX bytes. Returns 0,
 * -SKT_E_USAGE with err->at, or -SKT_E_LIMIT; *ret is untouched on failure. Release with skt_endpoint_release(). */
int skt_endpoint_parse(const char *text, struct skt_endpoint *ret, struct skt_error *err);

/* The same from words that a shell has separated: words[0] is the address, taken whole (blanks belong to it), the
 * others are key=value (a bare key is refused here). err->at counts in the words joined by one blank. */
int skt_endpoint_from_words(const char *const *words, int n, struct skt_endpoint *ret, struct skt_error *err);

/* An exec endpoint from a command's words (n >= 1); each word is kept exactly as it is. */
int skt_endpoint_from_command(const char *const *argv, int n, struct skt_endpoint *ret, struct skt_error *err);

/* Whether a word of the command line reads as an option of the endpoint before it: [a-z][a-z0-9-]*=... */
bool skt_endpoint_word_is_option(const char *word);

/* Settle the role by the place the endpoint stands in (LISTEN or DIAL; a listen: or dial: prefix goes first), and
 * check that its scheme and every option written can play it. Returns 0, or -SKT_E_USAGE with err->at at the option,
 * and e as it was. */
int skt_endpoint_settle(struct skt_endpoint *e, enum skt_role place, struct skt_error *err);

/* Add an option as if it had been written (for defaults that a command sets). An option already there is kept. */
int skt_endpoint_default(struct skt_endpoint *e, const char *key, const char *value, struct skt_error *err);

/* Append the canonical form: scheme://host:port for host addresses, scheme:rest otherwise, then the options in the
 * order written; parses back to an equal endpoint. */
void skt_endpoint_print(const struct skt_endpoint *e, struct skt_text *ret);
/* As above without options and role: what events and errors show. */
void skt_endpoint_print_address(const struct skt_endpoint *e, struct skt_text *ret);

/* "tls", "wss", "tls+unix": what stands before the colon, without a role. */
void skt_endpoint_print_scheme(const struct skt_endpoint *e, struct skt_text *ret);

void skt_endpoint_release(struct skt_endpoint *e);

/* The transport's scheme: the last layer. */
const struct skt_scheme *skt_endpoint_transport(const struct skt_endpoint *e);

/* The option of that key as written, or NULL where it was not. */
const struct skt_opt *skt_endpoint_option(const struct skt_endpoint *e, const char *key);
/* Its number, or `otherwise` where it was not written. */
int64_t skt_endpoint_number(const struct skt_endpoint *e, const char *key, int64_t otherwise);
/* Its text, or `otherwise` where it was not written. */
const char *skt_endpoint_string(const struct skt_endpoint *e, const char *key, const char *otherwise);

#endif
