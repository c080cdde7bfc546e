/* SPDX-License-Identifier: Apache-2.0 */
/* event: hello: which process this is. */
#include <string.h>
#include <unistd.h>

#include "inspect/process.h"
#include "sys/clock.h"
#include "sys/proc.h"
#include "view/parts.h"

enum { HELLO_COMMAND = 512 };

/* The words of our command line behind the program's name. */
static void hello_command(struct skt_json *j)
{
	char words[HELLO_COMMAND];
	ssize_t n = skt_proc_read(getpid(), "cmdline", words, sizeof(words));
	size_t first = n > 0 ? strlen(words) + 1 : 0;

	for (ssize_t i = 0; i + 1 < n; i++)
		if (words[i] == '\0')
			words[i] = ' ';
	skt_json_string(j, "command", n > 0 && first < (size_t)n ? words + first : NULL);
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
