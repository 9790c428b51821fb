/** A block device as the side files name it. */
export interface DeviceFact {
	major: number;
	minor: number;
	/** As the kernel names it: vda, dm-0. */
	name?: string;
	/** Name of a mapped device in /dev/mapper: of the logical volume, the multipath map. */
	alias?: string;
	bytes?: number;
	/** Names of devices built on it (dm, md; partitions are none). */
	holders?: string[];
}

/** What one line of a file says of a device: by its number, its name, or of a mapped device by its alias alone. */
export type DeviceTold = Partial<DeviceFact>;

/**
 * One entry a device of facts in order of trust: the first name wins, the rest is added from facts that agree with it.
 * Majors of null_blk, device-mapper, virtio_blk and others are given out at boot (Documentation/admin-guide/
 * devices.txt: 240-254 and 384-511 are dynamic), so one number names different disks in different files.
 */
export function mergeDevices(facts: readonly DeviceTold[]): DeviceFact[] {
	const devices = new Map<string, DeviceFact>();
	const add = (known: DeviceFact, fact: DeviceTold) => {
		known.alias ??= fact.alias;
		known.bytes ??= fact.bytes;
		for (const holder of fact.holders ?? []) {
			known.holders ??= [];
			known.holders.push(holder);
		}
	};
	// names first: what is said of a number alone goes to whatever has it
	const told = (names: boolean) => {
		for (const fact of facts) {
			const { major, minor, name } = fact;
			if (major === undefined || minor === undefined || (name !== undefined) !== names) continue;
			const key = `${major}:${minor}`;
			const known = devices.get(key);
			if (!known)
				devices.set(key, { ...fact, ...(fact.holders ? { holders: [...fact.holders] } : {}), major, minor });
			else if (name === undefined || known.name === name) add(known, fact);
		}
	};
	told(true);
	told(false);
	const named = (key: "name" | "alias") => {
		const first = new Map<string, DeviceFact>();
		for (const d of devices.values()) if (d[key] !== undefined && !first.has(d[key])) first.set(d[key], d);
		return first;
	};
	const unnumbered = facts.filter((f) => f.major === undefined);
	const byName = named("name");
	for (const fact of unnumbered) {
		const known = fact.name === undefined ? undefined : byName.get(fact.name);
		if (known) add(known, fact);
	}
	const byAlias = named("alias");
	for (const fact of unnumbered) {
		const known = fact.name === undefined && fact.alias !== undefined ? byAlias.get(fact.alias) : undefined;
		if (known) add(known, fact);
	}
	for (const device of devices.values())
		if (device.holders) device.holders = [...new Set(device.holders.map((h) => byAlias.get(h)?.name ?? h))];
	return [...devices.values()].sort((a, b) => a.major - b.major || a.minor - b.minor);
}
