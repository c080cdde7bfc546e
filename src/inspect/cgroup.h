/* SPDX-License-Identifier: Apache-2.0 */
/* Which service and which container a process belongs to, read from the text of its /proc/PID/cgroup. Pure. cgroups(7),
 * systemd.unit(5), and the directory names that container runtimes give. */
#ifndef SKT_INSPECT_CGROUP_H
#define SKT_INSPECT_CGROUP_H

#include <stdbool.h>

/* Read the lines "N:controllers:/path" of cgroup version 1 or 2. Both results are NULL where there is none, or no memory; else
 * the caller frees them (skt_free()).
 * *unit: the innermost unit of systemd, as systemctl(1) knows it: "nginx.service", "session-3.scope". The scope that a
 * container runtime made for its container is none.
 * *container: its runtime, a blank, and its name, or the first 12 digits of its number: "docker 4c01db0b339c", "podman ...",
 * "kubernetes ...", "containerd ...", "cri-o ...", "lxc web", "nspawn debian". The innermost one. */
void skt_cgroup_read(const char *text, char **unit, char **container);

/* Whether the unit belongs to the service manager of a user ("systemctl --user"), not to that of the system. */
bool skt_cgroup_is_of_user(const char *text);

#endif
