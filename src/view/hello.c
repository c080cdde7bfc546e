/* SPDX-License-Identifier: Apache-2.0 */
/* event: hello: which process this is. */
#include <string.h>
#include <unistd.h>

#include "inspect/process.h"
#include "sys/clock.h"
#include "sys/proc.h"
#include "view/parts.h"

enum { HELLO_COMMAND = 512 };

/* Passwords are for nobody who looks over a shoulder: those of --auth, and in URLs before an @. */
static void hello_add_word(struct skt_text *t, const char *word, bool is_secret)
{
	const char *host = strstr(word, "://"), *at;

	if (strncmp(word, "--auth=", 7) == 0) {
		skt_text_add(t, "--auth=***");
		return;
	}
	host = host ? host + 3 : word;
	at = host == word ? NULL : memchr(host, '@', strcspn(host, "/"));
	if (is_secret)
		skt_text_add(t, "***");
	else if (at)
		skt_text_addf(t, "%.*s***%s", (int)(host - word), word, at);
	else
		skt_text_add(t, word);
}

/* The words of our command line behind the program's name. */
static void hello_command(struct skt_json *j)
{
	char words[HELLO_COMMAND];
	ssize_t n = skt_proc_read(getpid(), "cmdline", words, sizeof(words));
	struct skt_text t = { 0 };
	bool is_secret = false;

	for (ssize_t i = n > 0 ? (ssize_t)strlen(words) + 1 : 0; i < n; i += (ssize_t)strlen(words + i) + 1) {
		if (t.len)
			skt_text_addc(&t, ' ');
		hello_add_word(&t, words + i, is_secret);
		is_secret = strcmp(words + i, "--auth") == 0;
	}
	skt_json_string(j, "command", t.len ? skt_text_get(&t) : NULL);
	skt_text_release(&t);
}

struct skt_news *skt_hello_news(const struct skt_view *view)
{
	char host[256], user[64], time[SKT_UNIT_LENGTH];
	struct skt_json j = { 0 };

	skt_json_object(&j, NULL);
	skt_json_string(&j, "version", view->version);
	skt_json_int(&j, "pid", getpid());
	hello_command(&j);
	skt_json_string(&j, "host", gethostname(host, sizeof(host) - 1) == 0 ? host : NULL);
	skt_json_string(&j, "user", skt_user_name(geteuid(), user, sizeof(user)));
	skt_json_string(&j, "started", skt_instant_print(view->started, time));
	skt_json_string(&j, "now", skt_instant_print(skt_unix_now(), time));
	skt_json_string(&j, "page", view->page);
	skt_json_end_object(&j);
	return skt_news_new("hello", &j);
}
