import { describe, expect, test } from "vitest";
import { readCgroupPath } from "./cgroup-path.ts";

const ID = "4f1c2d7be0a94c35b8d1f6a2037e5c98d46b01a7f3e28c5590bd7a6e14f2c3d8";
const ID2 = "a87e5d20c6b3419f0e7d8c512f6a9b34e1d07c85b2f94a36d8e0157c4b9f2a63";
const POD = "3f2a9c1e-7b4d-4e0f-9a6c-12d8e5f7a0b3";
const POD_ = POD.replaceAll("-", "_");
const STATIC = "d41d8cd98f00b204e9800998ecf8427e";
const burstable = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD_}.slice`;
const nested = `/system.slice/containerd.service/kubepods-burstable-pod${POD_}.slice:cri-containerd:${ID}`;

type Answer = [engine: string | null, container: string | null, pod: string | null, unit: string | null];
type Form = [path: string, ...Answer];

const forms: Record<string, Form[]> = {
	docker: [
		[`/system.slice/docker-${ID}.scope`, "docker", ID, null, `docker-${ID}.scope`],
		[`/docker/${ID}`, "docker", ID, null, null],
		[`/docker/${ID}/init.scope`, "docker", ID, null, "init.scope"],
		[`/docker/${ID}/docker/${ID2}`, "docker", ID2, null, null],
		["/docker", null, null, null, null],
		[`/system.slice:docker:${ID}`, "docker", ID, null, null],
		[
			`/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`,
			"docker",
			ID,
			null,
			`docker-${ID}.scope`,
		],
		[`/ecs/5a6b7c8d/${ID}`, "docker", ID, null, null],
		[`/ecs/cluster/5a6b7c8d/${ID}`, "docker", ID, null, null],
		["/system.slice/docker.service", null, null, null, "docker.service"],
		["/system.slice/docker-4f1c2d7be0a9.scope", null, null, null, "docker-4f1c2d7be0a9.scope"],
	],
	"containerd and Kubernetes": [
		[`${burstable}/cri-containerd-${ID}.scope`, "containerd", ID, POD, `cri-containerd-${ID}.scope`],
		[`/kubepods/burstable/pod${POD}/${ID}`, "containerd", ID, POD, null],
		[`/kubepods/besteffort/pod${POD}/${ID}`, "containerd", ID, POD, null],
		[`/kubepods/pod${POD}/${ID}`, "containerd", ID, POD, null],
		[
			`/kubepods.slice/kubepods-pod${POD_}.slice/cri-containerd-${ID}.scope/init.scope`,
			"containerd",
			ID,
			POD,
			"init.scope",
		],
		[burstable, null, null, POD, null],
		["/kubepods.slice/kubepods-besteffort.slice", null, null, null, null],
		[`/kubepods/burstable/pod${STATIC}/${ID}`, "containerd", ID, STATIC, null],
		[
			`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${STATIC}.slice/cri-containerd-${ID}.scope`,
			"containerd",
			ID,
			STATIC,
			`cri-containerd-${ID}.scope`,
		],
		[nested, "containerd", ID, POD, "containerd.service"],
		[`/kubepods-besteffort-pod${POD_}.slice:cri-containerd:${ID}`, "containerd", ID, POD, null],
		[`/k8s.io/${ID}`, "containerd", ID, null, null],
		[`/system.slice/nerdctl-${ID}.scope`, "containerd", ID, null, `nerdctl-${ID}.scope`],
		["/system.slice/containerd.service", null, null, null, "containerd.service"],
		// a node of kind is a container of docker, with a kubelet inside
		[
			`/docker/${ID}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod${POD_}.slice/cri-containerd-${ID2}.scope`,
			"containerd",
			ID2,
			POD,
			`cri-containerd-${ID2}.scope`,
		],
		// docker in a pod
		[`/kubepods/burstable/pod${POD}/${ID}/docker/${ID2}`, "docker", ID2, POD, null],
		// docker under Kubernetes before 1.24, systemd driver
		[`${burstable}/docker-${ID}.scope`, "docker", ID, POD, `docker-${ID}.scope`],
	],
	"CRI-O": [
		[`${burstable}/crio-${ID}.scope`, "cri-o", ID, POD, `crio-${ID}.scope`],
		[`${burstable}/crio-${ID}.scope/container`, "cri-o", ID, POD, `crio-${ID}.scope`],
		[`/kubepods/burstable/pod${POD}/crio-${ID}`, "cri-o", ID, POD, null],
		[`${burstable}/crio-conmon-${ID}.scope`, null, null, POD, `crio-conmon-${ID}.scope`],
	],
	podman: [
		[`/machine.slice/libpod-${ID}.scope`, "podman", ID, null, `libpod-${ID}.scope`],
		[`/machine.slice/libpod-${ID}.scope/container`, "podman", ID, null, `libpod-${ID}.scope`],
		[
			`/machine.slice/libpod-${ID}.scope/container/system.slice/sshd.service`,
			"podman",
			ID,
			null,
			"sshd.service",
		],
		[
			`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
			"podman",
			ID,
			null,
			`libpod-${ID}.scope`,
		],
		[`/libpod_parent/libpod-${ID}`, "podman", ID, null, null],
		[`/system.slice/web.service/libpod-payload-${ID}`, "podman", ID, null, "web.service"],
		[`/machine.slice/libpod-conmon-${ID}.scope`, null, null, null, `libpod-conmon-${ID}.scope`],
		[`/libpod_parent/conmon`, null, null, null, null],
	],
	"LXC, systemd-nspawn and machines": [
		["/lxc.payload.web-1", "lxc", "web-1", null, null],
		["/lxc.payload.web-1/system.slice/nginx.service", "lxc", "web-1", null, "nginx.service"],
		["/lxc.payload/web-1", "lxc", "web-1", null, null],
		["/lxc/101/ns/init.scope", "lxc", "101", null, "init.scope"],
		["/lxc.monitor.web-1", null, null, null, null],
		["/lxc.monitor/101", null, null, null, null],
		[`/lxc.payload.web-1/docker/${ID}`, "docker", ID, null, null],
		["/machine.slice/machine-deb12.scope", "systemd-nspawn", "deb12", null, "machine-deb12.scope"],
		[
			"/machine.slice/machine-my\\x2dbox.scope/payload/init.scope",
			"systemd-nspawn",
			"my-box",
			null,
			"init.scope",
		],
		[
			"/machine.slice/systemd-nspawn@my\\x2dbox.service/payload/system.slice/cron.service",
			"systemd-nspawn",
			"my-box",
			null,
			"cron.service",
		],
		[
			"/machine.slice/systemd-nspawn@deb12.service/supervisor",
			null,
			null,
			null,
			"systemd-nspawn@deb12.service",
		],
		["/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", null, null, null, "machine-qemu\\x2d1\\x2dvm.scope"],
	],
	"no container": [
		["/", null, null, null, null],
		["", null, null, null, null],
		["/system.slice/sshd.service", null, null, null, "sshd.service"],
		[
			"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
			null,
			null,
			null,
			"vte-spawn-1.scope",
		],
		["/system.slice/system-serial\\x2dgetty.slice", null, null, null, null],
		[
			"/system.slice/system-serial\\x2dgetty.slice/serial-getty@hvc0.service",
			null,
			null,
			null,
			"serial-getty@hvc0.service",
		],
		[`/batch/${ID}`, null, null, null, null],
		[`/docker/${ID}x`, null, null, null, null],
		[`/kubepods/burstable/pod${POD}x/${ID}`, null, null, null, null],
	],
};

describe.each(Object.entries(forms))("%s", (_, list) => {
	test.each(list)("%s", (path, engine, container, pod, unit) => {
		expect(readCgroupPath(path)).toEqual({ engine, container, pod, unit });
	});
});

test("a hostile path takes no long time", () => {
	for (const part of [
		"a-",
		"/docker",
		"lxc/",
		"machine-a.scope",
		"\\x2d",
		"-kubepods-",
		":docker:",
		"ecs/a/",
	])
		expect(readCgroupPath(`/${part.repeat(4096 / part.length)}`).pod).toBeNull();
});
