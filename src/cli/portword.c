/* SPDX-License-Identifier: Apache-2.0 */
/* A port alone, as people write it. */
#include "cli/portword.h"

#include <string.h>

#include "endpoint/portclass.h"
#include "endpoint/service.h"

static int portword_number(const char *digits)
{
	int port = 0;

	for (; *digits >= '0' && *digits <= '9' && port <= SKT_PORT_MAX; digits++)
		port = port * 10 + (*digits - '0');
	return port;
}

bool skt_portword_read(const char *word, int *port, const char **protocol)
{
	size_t n = strcspn(word, "/");
	char name[SKT_SERVICE_LENGTH];

	*protocol = strcmp(word + n, "/tcp") == 0 ? "TCP" : strcmp(word + n, "/udp") == 0 ? "UDP" : NULL;
	if (n == 0 || n >= sizeof(name) || (word[n] && !*protocol) || strspn(word, " :.@[%") > 0)
		return false;
	memcpy(name, word, n);
	name[n] = '\0';
	if (name[strspn(name, "0123456789")] == '\0')
		*port = portword_number(name);
	else if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0')
		*port = skt_service_port(name, *protocol);
	else
		return false;
	return *port <= SKT_PORT_MAX && (*port > 0 || strcmp(name, "0") == 0);
}
