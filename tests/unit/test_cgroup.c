/* SPDX-License-Identifier: Apache-2.0 */
/* Services and containers, from the cgroups that systemd and the container runtimes make. */
#include "support.h"

#include "base/alloc.h"
#include "inspect/cgroup.h"

#define ID "4c01db0b339c5a8f0e6b7d1c2a3948576a5b4c3d2e1f00112233445566778899"
#define SHORT "4c01db0b339c"
#define USER "/user.slice/user-1000.slice/user@1000.service"

struct cgroup_case {
	const char *text, *unit, *container;
};

static void check(const struct cgroup_case *c)
{
	char *unit, *container;

	skt_cgroup_read(c->text, &unit, &container);
	if (!unit != !c->unit || (unit && strcmp(unit, c->unit) != 0))
		fail_msg("%s: unit %s, not %s", c->text, unit ? unit : "none", c->unit ? c->unit : "none");
	if (!container != !c->container || (container && strcmp(container, c->container) != 0))
		fail_msg("%s: container %s, not %s", c->text, container ? container : "none",
			 c->container ? c->container : "none");
	skt_free(unit);
	skt_free(container);
}

static void the_unit_is_the_innermost_that_systemd_made(void **state)
{
	static const struct cgroup_case cases[] = {
		{ "0::/system.slice/nginx.service\n", "nginx.service", NULL },
		{ "0::/system.slice/nginx.service", "nginx.service", NULL },
		{ "0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service", NULL },
		{ "0::/system.slice/web.service/workers/3\n", "web.service", NULL },
		{ "0::/system.slice/web.service (deleted)\n", "web.service", NULL },
		{ "0::/system.slice/_cpu.service\n", "cpu.service", NULL },
		{ "0::/system.slice/run-u12.scope\n", "run-u12.scope", NULL },
		{ "0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope", NULL },
		{ "0::" USER "/app.slice/app-code-4.scope\n", "app-code-4.scope", NULL },
		{ "0::" USER "/app.slice/web.service\n", "web.service", NULL },
		{ "0::" USER "/init.scope\n", "init.scope", NULL },
		{ "0::/init.scope\n", "init.scope", NULL },
		{ "0::/../../system.slice/a.service\n", "a.service", NULL },
		{ "0::/\n", NULL, NULL },
		{ "", NULL, NULL },
		{ "0::/user.slice\n", NULL, NULL },
		{ "12:pids:/a.service\n1:name=systemd:/system.slice/b.service\n0::/c.service\n", "b.service", NULL },
		{ "12:pids:/a.service\n0::/system.slice/c.service\n", "c.service", NULL },
		{ "4:cpu,cpuacct:/system.slice/a.service\n", "a.service", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		check(&cases[i]);
}

static void containers_are_known_by_how_their_runtimes_name_them(void **state)
{
	static const struct cgroup_case cases[] = {
		{ "0::/system.slice/docker-" ID ".scope\n", NULL, "docker " SHORT },
		{ "0::/docker/" ID "\n", NULL, "docker " SHORT },
		{ "12:pids:/docker/" ID "\n1:name=systemd:/docker/" ID "\n", NULL, "docker " SHORT },
		{ "0::/docker/" ID "/docker/0123456789ab" ID "\n", NULL, "docker 0123456789ab" },
		{ "0::/docker/buildkit/" ID "\n", NULL, "buildkit " SHORT },
		{ "0::/machine.slice/libpod-" ID ".scope/container\n", NULL, "podman " SHORT },
		{ "0::" USER "/user.slice/libpod-" ID ".scope/container\n", NULL, "podman " SHORT },
		{ "0::/libpod_parent/libpod-" ID "\n", NULL, "podman " SHORT },
		{ "0::/system.slice/web.service/libpod-payload-" ID "\n", "web.service", "podman " SHORT },
		{ "0::/machine.slice/libpod-conmon-" ID ".scope\n", "libpod-conmon-" ID ".scope", NULL },
		{ "0::/system.slice/nerdctl-" ID ".scope\n", NULL, "nerdctl " SHORT },
		{ "0::/system.slice/cri-containerd-" ID ".scope\n", NULL, "containerd " SHORT },
		{ "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-" ID
		  ".scope\n",
		  NULL, "kubernetes " SHORT },
		{ "0::/kubepods.slice/kubepods-pod1_2.slice/crio-" ID ".scope\n", NULL, "kubernetes " SHORT },
		{ "11:cpu:/kubepods/burstable/pod0a-1b/" ID "\n", NULL, "kubernetes " SHORT },
		{ "0::/system.slice/kubepods-burstable-pod1.slice:cri-containerd:" ID "\n", NULL, "kubernetes " SHORT },
		{ "0::/lxc.payload.web/system.slice/nginx.service\n", "nginx.service", "lxc web" },
		{ "0::/lxc.payload/web-2\n", NULL, "lxc web-2" },
		{ "9:memory:/lxc/web\n", NULL, "lxc web" },
		{ "0::/lxc.monitor.web\n", NULL, NULL },
		{ "0::/machine.slice/machine-deb\\x2dian.scope/payload/system.slice/a.service\n", "a.service",
		  "nspawn deb-ian" },
		{ "0::/machine.slice/systemd-nspawn@debian.service/payload\n", NULL, "nspawn debian" },
		{ "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator\n",
		  "machine-qemu\\x2d1\\x2dvm.scope", NULL },
		{ "0::/machine.slice/machine-lxc\\x2d1\\x2dweb.scope\n", NULL, "lxc 1-web" },
		{ "0::/system.slice/docker.service\n", "docker.service", NULL },
		{ "0::/system.slice/docker-compose.service\n", "docker-compose.service", NULL },
		{ "0::/docker/short\n", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		check(&cases[i]);
}

static void nonsense_is_nothing(void **state)
{
	static const struct cgroup_case cases[] = {
		{ ":::::", NULL, NULL },
		{ "\n\n\n", NULL, NULL },
		{ "0::/.service\n", NULL, NULL },
		{ "0::////\n", NULL, NULL },
		{ "0::/docker-.scope", "docker-.scope", NULL }, /* a unit, and no container, for want of a number */
		{ "0:/a.service", NULL, NULL },
		{ "0::/machine.slice/machine-.scope", "machine-.scope", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(cases); i++)
		check(&cases[i]);
}

static void a_name_without_an_end_is_cut(void **state)
{
	char text[1000] = "0::/lxc/", *unit, *container;

	(void)state;
	memset(text + 8, 'x', sizeof(text) - 9);
	text[sizeof(text) - 1] = '\0';
	skt_cgroup_read(text, &unit, &container);
	assert_null(unit);
	assert_non_null(container);
	assert_true(strlen(container) < 256);
	skt_free(container);
}

static void units_of_a_user_are_told_from_those_of_the_system(void **state)
{
	(void)state;
	assert_true(skt_cgroup_is_of_user("0::" USER "/app.slice/web.service\n"));
	assert_false(skt_cgroup_is_of_user("0::/user.slice/user-1000.slice/session-3.scope\n"));
	assert_false(skt_cgroup_is_of_user("0::/system.slice/nginx.service\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(the_unit_is_the_innermost_that_systemd_made),
		SUPPORT_TEST(containers_are_known_by_how_their_runtimes_name_them),
		SUPPORT_TEST(nonsense_is_nothing),
		SUPPORT_TEST(a_name_without_an_end_is_cut),
		SUPPORT_TEST(units_of_a_user_are_told_from_those_of_the_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
