/* SPDX-License-Identifier: Apache-2.0 */
/* The request that asks an HTTP proxy for a tunnel. */
#include "wire/httpconnect.h"

#include <stdio.h>
#include <string.h>

#include "base/message.h"
#include "wire/base64.h"

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	return false;
}

static bool is_visible(const char *text)
{
	while (*text > ' ' && *text <= '~')
		text++;
	return *text == '\0';
}

static const char *login_objection(const char *text)
{
	if (!text)
		return NULL;
	if (strlen(text) > SKT_HTTPCONNECT_TEXT_MAX)
		return N_("a user or a password for an HTTP proxy has at most 4096 bytes");
	return has_control(text) ? N_("a user or a password for an HTTP proxy has no control characters") : NULL;
}

/* Nothing of a name may end its line or its word: else it could say more than its place. */
const char *skt_httpconnect_objection(const char *user, const char *password, const char *host)
{
	const char *why = login_objection(user);

	if (strlen(host) > SKT_HTTPCONNECT_NAME_MAX)
		return N_("a name for an HTTP proxy has at most 255 bytes");
	if (host[0] == '\0')
		return N_("the target has no name");
	if (!is_visible(host))
		return N_("a name for an HTTP proxy has only visible ASCII characters (others are written as xn--...)");
	if (user && strchr(user, ':'))
		return N_("a user for an HTTP proxy has no colon");
	return why ? why : login_objection(password);
}

static void add_login(struct skt_text *to, const char *user, const char *password)
{
	char both[2 * SKT_HTTPCONNECT_TEXT_MAX + 2];
	int n = snprintf(both, sizeof(both), "%s:%s", user ? user : "", password ? password : "");

	skt_text_add(to, "Proxy-Authorization: Basic ");
	skt_base64_encode(both, (size_t)n, to);
	skt_text_add(to, "\r\n");
	explicit_bzero(both, sizeof(both));
}

void skt_httpconnect_add(struct skt_text *to, const char *authority, const char *user, const char *password)
{
	skt_text_addf(to, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", authority, authority);
	if (user || password)
		add_login(to, user, password);
	skt_text_add(to, "\r\n");
}
