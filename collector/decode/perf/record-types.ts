/**
 * Records of perf.data by type, and what their header's `misc` says.
 * Source: include/uapi/linux/perf_event.h (types below 64, written by the kernel) and
 * tools/perf/Documentation/perf.data-file-format.txt (from 64 on, written by perf), Linux 7.2.
 */

export const recordType = {
	mmap: 1,
	lost: 2,
	comm: 3,
	exit: 4,
	throttle: 5,
	unthrottle: 6,
	fork: 7,
	read: 8,
	sample: 9,
	mmap2: 10,
	aux: 11,
	itraceStart: 12,
	lostSamples: 13,
	switch: 14,
	switchCpuWide: 15,
	namespaces: 16,
	ksymbol: 17,
	bpfEvent: 18,
	cgroup: 19,
	textPoke: 20,
	auxOutputHwId: 21,
	callchainDeferred: 22,
	headerAttr: 64,
	headerEventType: 65,
	headerTracingData: 66,
	headerBuildId: 67,
	finishedRound: 68,
	idIndex: 69,
	auxtraceInfo: 70,
	auxtrace: 71,
	auxtraceError: 72,
	threadMap: 73,
	cpuMap: 74,
	statConfig: 75,
	stat: 76,
	statRound: 77,
	eventUpdate: 78,
	timeConv: 79,
	headerFeature: 80,
	compressed: 81,
	finishedInit: 82,
	compressed2: 83,
	bpfMetadata: 84,
	schedstatCpu: 85,
	schedstatDomain: 86,
} as const;

/** Names as perf report -D has them, by type. */
export const recordNames: ReadonlyMap<number, string> = new Map(
	Object.entries(recordType).map(([name, type]) => [
		type,
		name.replaceAll(/[A-Z]/g, (c) => `_${c}`).toUpperCase(),
	]),
);

/** Records of perf itself begin here; they carry no time of their own. */
export const FIRST_USER_TYPE = 64;

/** Bits of `misc`. */
export const misc = {
	cpuMode: 7,
	kernel: 1,
	user: 2,
	hypervisor: 3,
	guestKernel: 4,
	guestUser: 5,
	/** MMAP: not executable. */
	mmapData: 1 << 13,
	/** COMM: by exec. */
	commExec: 1 << 13,
	/** FORK: perf wrote it about a process that ran already. */
	forkExec: 1 << 13,
	/** SWITCH: the thread leaves. */
	switchOut: 1 << 13,
	/** SWITCH: and it could have run on. */
	switchOutPreempt: 1 << 14,
	/** MMAP2: a build-id instead of device and inode. */
	mmapBuildId: 1 << 14,
	/** HEADER_BUILD_ID: byte 20 of the id is its length. */
	buildIdSize: 1 << 15,
} as const;

/** Types as a table, for questions that are asked of every record: a Set would be looked into by hash. */
export function typeTable(types: Iterable<number>): Uint8Array {
	const table = new Uint8Array(256);
	for (const type of types) table[type] = 1;
	return table;
}

/** Bytes of a record's header: type (4), misc (2), size (2). */
export const HEADER = 8;
