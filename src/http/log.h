/* SPDX-License-Identifier: Apache-2.0 */
/* The access log: a line for each request, when its answer has been sent. */
#ifndef SKT_HTTP_LOG_H
#define SKT_HTTP_LOG_H

#include "http/exchange.h"

enum skt_http_logform { SKT_LOG_NONE, SKT_LOG_COMBINED, SKT_LOG_JSON };

/* Shared by all threads: line() guards itself. */
struct skt_http_log {
	enum skt_http_logform form; /* COMBINED: the format of that name of Apache's httpd; JSON: an object a line */
	void (*line)(void *user, const char *line, size_t n); /* with its newline */
	void *user;
};

struct skt_http_entry;

/* What the log needs of the request, kept while its answer is on the way. */
void skt_http_log_begin(const struct skt_http_log *log, struct skt_exchange *x);
/* The answer has been sent: write the line. */
void skt_http_log_end(const struct skt_http_log *log, struct skt_exchange *x);
/* NULL is fine. */
void skt_http_entry_free(struct skt_http_entry *entry);

#endif
