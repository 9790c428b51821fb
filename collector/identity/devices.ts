/** A block device as a side file names it. */
export interface DeviceFact {
	major: number;
	minor: number;
	name: string;
	bytes?: number;
	/** Names of devices built on it (dm, md; partitions are none). */
	holders?: string[];
}

/**
 * One entry a device of facts in order of trust: the first name wins, size and holders are added from facts that agree
 * with it. Majors of null_blk, device-mapper, virtio_blk and others are given out at boot (Documentation/admin-guide/
 * devices.txt: 240-254 and 384-511 are dynamic), so one number names different disks in different files.
 */
export function mergeDevices(facts: readonly DeviceFact[]): DeviceFact[] {
	const devices = new Map<string, DeviceFact>();
	for (const fact of facts) {
		const key = `${fact.major}:${fact.minor}`;
		const known = devices.get(key);
		if (!known) devices.set(key, { ...fact });
		else if (known.name === fact.name) {
			known.bytes ??= fact.bytes;
			known.holders ??= fact.holders;
		}
	}
	return [...devices.values()].sort((a, b) => a.major - b.major || a.minor - b.minor);
}
