/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of the command of soket run. */
#include "cli/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sys/child.h"

enum { RUN_ENVIRONMENT_OWN = 3 * SKT_RUN_LEASES + 8 };

struct run_environment {
	char **list;
	size_t n;
	bool failed;
};

char *skt_run_environment_name(const char *name, char *ret)
{
	size_t i = 0;

	for (; name[i] && i < SKT_LEASE_NAME_MAX; i++)
		ret[i] = name[i] == '-'                     ? '_'
			 : name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 'a' + 'A')
							    : name[i];
	ret[i] = '\0';
	return ret;
}

/* Whether "NAME=value" is of that name. */
static bool run_environment_is(const char *entry, const char *name, size_t n)
{
	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* Set a string of ours (or NULL: without memory) in place of all of the same name. */
static char *run_environment_take(struct run_environment *env, char *entry)
{
	size_t kept = 0, n = entry ? strcspn(entry, "=") : 0;

	if (!entry) {
		env->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < env->n; i++) {
		if (run_environment_is(env->list[i], entry, n))
			skt_free(env->list[i]);
		else
			env->list[kept++] = env->list[i];
	}
	env->list[kept++] = entry;
	env->n = kept;
	return entry;
}

static void __attribute__((format(printf, 2, 3))) run_environment_set(struct run_environment *env, const char *fmt, ...)
{
	struct skt_text text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	skt_text_vaddf(&text, fmt, ap);
	va_end(ap);
	(void)run_environment_take(env, skt_text_take(&text));
}

/* sd_listen_fds(3). */
static void run_environment_activation(struct run_environment *env, const struct skt_run *run, char **pid_text)
{
	struct skt_text names = { 0 }, pid = { 0 };
	char *entry;
	int n = 0;

	for (int i = 0; i < run->n; i++)
		for (int k = 0; k < run->lease[i].n_listening; k++, n++)
			skt_text_addf(&names, "%s%s", n ? ":" : "",
				      run->lease[i].lease.name[0] ? run->lease[i].lease.name : "unknown");
	env->failed |= names.failed;
	run_environment_set(env, "LISTEN_FDS=%d", n);
	run_environment_set(env, "LISTEN_FDNAMES=%s", skt_text_get(&names));
	skt_text_release(&names);
	skt_text_addf(&pid, "LISTEN_PID=%*s", SKT_SPAWN_PID_TEXT, "");
	entry = run_environment_take(env, skt_text_take(&pid));
	*pid_text = entry ? strchr(entry, '=') + 1 : NULL;
}

static void run_environment_fill(struct run_environment *env, const struct skt_run *run, char **pid_text)
{
	char name[SKT_LEASE_NAME_MAX + 1];

	for (char **at = environ; *at && !env->failed; at++) {
		char *copy;

		/* those spoke of us */
		if (run_environment_is(*at, "LISTEN_PID", 10) || run_environment_is(*at, "LISTEN_FDS", 10) ||
		    run_environment_is(*at, "LISTEN_FDNAMES", 14))
			continue;
		copy = skt_strdup(*at);
		if (copy)
			env->list[env->n++] = copy;
		env->failed |= !copy;
	}
	run_environment_set(env, "PORT=%u", run->lease[0].hold.port);
	for (int i = 0; i < run->n; i++) {
		const struct skt_run_lease *l = &run->lease[i];

		if (!l->lease.name[0])
			continue;
		(void)skt_run_environment_name(l->lease.name, name);
		run_environment_set(env, "%s_PORT=%u", name, l->hold.port);
		run_environment_set(env, "%s_URL=http://localhost:%u", name, l->hold.port);
	}
	if (run->activates)
		run_environment_activation(env, run, pid_text);
}

char **skt_run_environment_new(const struct skt_run *run, char **pid_text)
{
	struct run_environment env = { 0 };
	size_t cap = RUN_ENVIRONMENT_OWN;

	*pid_text = NULL;
	for (char **at = environ; *at; at++)
		cap++;
	env.list = skt_zalloc(cap * sizeof(*env.list));
	if (!env.list)
		return NULL;
	run_environment_fill(&env, run, pid_text);
	env.list[env.n] = NULL;
	if (env.failed) {
		skt_run_environment_free(env.list);
		return NULL;
	}
	return env.list;
}

void skt_run_environment_free(char **envp)
{
	for (char **at = envp; at && *at; at++)
		skt_free(*at);
	skt_free(envp);
}
