/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of children. */
#include "transport/environment.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

enum { ENVIRONMENT_OWN = 16 };

struct environment {
	char **list;
	size_t n, cap;
	bool failed;
};

static bool environment_same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n) == 0 && (b[n] == '=' || b[n] == '\0');
}

/* Take a string of ours (or NULL: without memory), in place of one of the same name. */
static void environment_take(struct environment *env, char *entry)
{
	if (!entry || env->n + 1 >= env->cap) {
		env->failed = true;
		skt_free(entry);
		return;
	}
	for (size_t i = 0; i < env->n; i++)
		if (environment_same_name(entry, env->list[i])) {
			skt_free(env->list[i]);
			env->list[i] = entry;
			return;
		}
	env->list[env->n++] = entry;
}

static void environment_set(struct environment *env, const char *name, const char *value)
{
	struct skt_text text = { 0 };

	skt_text_addf(&text, "%s=%s", name, value);
	environment_take(env, skt_text_take(&text));
}

static void environment_side(struct environment *env, const struct skt_addr *addr, const char *side, const char *ucspi)
{
	char host[SKT_ADDR_LENGTH], port[16], name[40];
	bool is_ip = addr->sa.sa_family == AF_INET || addr->sa.sa_family == AF_INET6;

	if (addr->sa.sa_family == AF_UNSPEC)
		return;
	skt_addr_print_host(addr, host);
	(void)snprintf(port, sizeof(port), "%u", skt_addr_port(addr));
	(void)snprintf(name, sizeof(name), "SOKET_%s_ADDRESS", side);
	environment_set(env, name, host);
	if (addr->sa.sa_family != AF_UNIX) {
		(void)snprintf(name, sizeof(name), "SOKET_%s_PORT", side);
		environment_set(env, name, port);
	}
	if (!is_ip)
		return;
	(void)snprintf(name, sizeof(name), "TCP%sIP", ucspi);
	environment_set(env, name, host);
	(void)snprintf(name, sizeof(name), "TCP%sPORT", ucspi);
	environment_set(env, name, port);
}

static void environment_fill(struct environment *env, const struct skt_endpoint *e, const struct skt_origin *origin)
{
	for (char **at = environ; *at && !skt_endpoint_number(e, "clear-env", 0); at++)
		if (strncmp(*at, "LISTEN_", 7) != 0) /* those spoke of us */
			environment_take(env, skt_strdup(*at));
	if (origin->scheme)
		environment_set(env, "SOKET_PROTOCOL", origin->scheme);
	if (origin->scheme && strcmp(origin->scheme, "tcp") == 0)
		environment_set(env, "PROTO", "TCP");
	environment_side(env, &origin->peer, "REMOTE", "REMOTE");
	environment_side(env, &origin->local, "LOCAL", "LOCAL");
	for (int i = 0; i < e->n_opt; i++)
		if (strcmp(e->opt[i].spec->key, "env") == 0)
			environment_take(env, skt_strdup(e->opt[i].value));
}

int skt_environment_new(const struct skt_endpoint *e, const struct skt_origin *origin, char ***ret, struct skt_error *err)
{
	struct environment env = { .cap = ENVIRONMENT_OWN + SKT_OPTIONS_MAX };

	for (char **at = environ; *at; at++)
		env.cap++;
	env.list = skt_zalloc(env.cap * sizeof(*env.list));
	if (!env.list)
		return skt_fail_memory(err);
	environment_fill(&env, e, origin);
	if (env.failed) {
		skt_environment_free(env.list);
		return skt_fail_memory(err);
	}
	*ret = env.list;
	return 0;
}

void skt_environment_free(char **envp)
{
	for (char **at = envp; at && *at; at++)
		skt_free(*at);
	skt_free(envp);
}
