/* SPDX-License-Identifier: Apache-2.0 */
/* Any text, as /proc/PID/cgroup: nothing crashes, nothing is read beyond its end, and what is found is short and whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "inspect/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(const char *text, const char *unit, const char *container)
{
	if (unit && (!*unit || strchr(unit, '/') || strchr(unit, '\n') || !strstr(text, unit)))
		abort();
	if (container && (strlen(container) >= 256 || !strchr(container, ' ') || !strchr(container, ' ')[1]))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *unit, *container;

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	skt_cgroup_read(text, &unit, &container);
	(void)skt_cgroup_is_of_user(text);
	fuzz_check(text, unit, container);
	skt_free(unit);
	skt_free(container);
	free(text);
	return 0;
}
