/**
 * What the path of a control group tells: container engines, Kubernetes and systemd name groups by fixed rules. The names
 * are read from the host's side (the path from the root of the hierarchy), of cgroup v1 and v2 alike.
 */

export interface CgroupPath {
	/** docker, containerd, cri-o, podman, lxc, systemd-nspawn; null if it is no container. */
	readonly engine: string | null;
	/** Id of the container, whole; its name for lxc and systemd-nspawn. */
	readonly container: string | null;
	/** uid of the Kubernetes pod; that of a static pod is a hash of 32 digits. */
	readonly pod: string | null;
	/** Innermost systemd service or scope, as systemctl names it (escapes kept). */
	readonly unit: string | null;
}

const id = "([0-9a-f]{64})";
/** uid of an API object, its dashes as `_` in slices (a dash is the path separator there); or that of a static pod. */
const uid = "([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})";

interface Pattern {
	readonly engine: string;
	/** Whole names between slashes, the container's id or name as first group. */
	readonly names: string;
}

/**
 * A pattern names the group that an engine makes for a container; what lies deeper is inside the container. Monitors
 * (conmon, lxc.monitor, supervisor of systemd-nspawn) have groups of their own, which no pattern fits.
 */
const containers: readonly Pattern[] = [
	// systemd driver of runc and crun: <prefix>-<id>.scope (libcontainer, cgroups/systemd)
	{ engine: "docker", names: `docker-${id}\\.scope` },
	{ engine: "containerd", names: `(?:cri-containerd|nerdctl)-${id}\\.scope` },
	{ engine: "cri-o", names: `crio-${id}(?:\\.scope)?` },
	// podman: scope (systemd), libpod_parent/libpod-<id> (cgroupfs), libpod-payload-<id> below the unit (--cgroups=split)
	{ engine: "podman", names: `libpod-(?:payload-)?${id}(?:\\.scope)?` },
	// slice:prefix:id, meant for systemd, given to the cgroupfs driver, which takes it as one name
	{ engine: "docker", names: `[^/:]*:docker:${id}` },
	{ engine: "containerd", names: `[^/:]*:(?:cri-containerd|nerdctl):${id}` },
	{ engine: "cri-o", names: `[^/:]*:crio:${id}` },
	{ engine: "podman", names: `[^/:]*:libpod:${id}` },
	// cgroupfs driver: <parent>/<id>; ecs is the parent that Amazon's agent gives to docker
	{ engine: "docker", names: `docker/${id}` },
	{ engine: "docker", names: `ecs/(?:[^/]+/){1,2}${id}` },
	// below a pod: containerd; docker named it so too until Kubernetes 1.24 dropped it
	{ engine: "containerd", names: `pod${uid.replace("(", "(?:")}/${id}` },
	// containerd's own namespaces, outside of pods
	{ engine: "containerd", names: `(?:default|k8s\\.io)/${id}` },
	// lxc 4 and later, 3.1, before (and Proxmox VE)
	{ engine: "lxc", names: "lxc\\.payload\\.([^/]+)" },
	{ engine: "lxc", names: "lxc\\.payload/([^/]+)" },
	{ engine: "lxc", names: "lxc/([^/]+)" },
	// machined's scopes of libvirt are machine-qemu-<n>-<name> and machine-lxc-<n>-<name>
	{ engine: "systemd-nspawn", names: "machine-(?!(?:qemu|lxc)-\\d)([^/]+)\\.scope(?!/supervisor)" },
	{ engine: "systemd-nspawn", names: "systemd-nspawn@([^/]+)\\.service(?!/supervisor)" },
];

const wholeNames = (names: string) => new RegExp(`(?<=/)${names}(?=/|$)`, "g");

const containerPatterns = containers.map(({ engine, names }) => ({ engine, pattern: wholeNames(names) }));

/** kubelet's groups of a pod (systemd and cgroupfs driver); what stands before kubepods is its --cgroup-root. */
const podPatterns = [
	wholeNames(`(?:[^/]*-)?kubepods(?:-besteffort|-burstable)?-pod${uid}\\.slice(?::[^/]*)?`),
	new RegExp(`(?<=/kubepods/(?:besteffort/|burstable/)?)pod${uid}(?=/|$)`, "g"),
];

/** The match that ends last, that is deepest; null if there is none. */
function deepest(path: string, pattern: RegExp): RegExpMatchArray | null {
	let last: RegExpMatchArray | null = null;
	for (const match of path.matchAll(pattern)) last = match;
	return last;
}

const endOf = (match: RegExpMatchArray) => match.index! + match[0].length;

/** systemd writes other characters than [A-Za-z0-9:_.] of an instance's name as \xNN (systemd.unit(5)). */
function unescaped(path: string): string {
	if (!path.includes("\\x")) return path;
	// the bytes may be UTF-8 of more than one
	return path.replace(/(?:\\x[0-9a-f]{2})+/g, (run) =>
		Buffer.from(run.replaceAll("\\x", ""), "hex").toString("utf8"),
	);
}

/** Reads the path of a group, such as `/system.slice/docker-<64 hex digits>.scope`. What it does not tell is null. */
export function readCgroupPath(path: string): CgroupPath {
	const plain = unescaped(path);
	let engine: string | null = null;
	let container: string | null = null;
	let end = 0;
	for (const entry of containerPatterns) {
		const match = deepest(plain, entry.pattern);
		if (match && endOf(match) > end) {
			engine = entry.engine;
			container = match[1]!;
			end = endOf(match);
		}
	}
	let pod: string | null = null;
	let podEnd = 0;
	for (const pattern of podPatterns) {
		const match = deepest(plain, pattern);
		if (match && endOf(match) > podEnd) {
			pod = match[1]!.replaceAll("_", "-");
			podEnd = endOf(match);
		}
	}
	const unit = path
		.split("/")
		.reverse()
		.find((name) => /.\.(?:service|scope)$/.test(name));
	return { engine, container, pod, unit: unit ?? null };
}
