/** Frames of a trace: each distinct place once, numbered in order of first sight. */

/** Where an address lies: the kernel, a mapped file, or memory without a file of one process. */
export interface Region {
	readonly kernel: boolean;
	/** Mapped file, or the kernel's name of memory without a file; null for the kernel and where nothing is mapped. */
	readonly module: string | null;
	readonly buildId: string | null;
	/** Address minus file offset; null without a file. */
	readonly bias: bigint | null;
	/** Process, where the memory has no file: its names are its own. */
	readonly tgid: number | null;
}

export const KERNEL_REGION = 0;

/** Mappings of the kernel that are the same code in every process, though no file is mapped. */
const sharedMemory = /^\[(vdso|vdso32|vdso64|vsyscall)\]/;
/** What perf and /proc/PID/maps call memory without a file (Linux: kernel/events/core.c, perf_event_mmap_event; mm/shmem.c, ipc/shm.c). */
const withoutFile = /^(\[|\/\/anon|\/dev\/zero|\/anon_hugepage|\/SYSV|\/memfd:|anon_inode:|$)/;

/** A mapping that has no file behind it, by its name. */
export function isAnonymous(name: string): boolean {
	return withoutFile.test(name) && !sharedMemory.test(name);
}

export class FrameTable {
	#slots = new Int32Array(4096).fill(-1);
	#lo = new Int32Array(2048);
	#hi = new Int32Array(2048);
	#region = new Int32Array(2048);
	#size = 0;
	readonly #regions: Region[] = [{ kernel: true, module: null, buildId: null, bias: null, tgid: null }];
	readonly #files = new Map<string, number>();
	/** By tgid, then by name. */
	readonly #memories = new Map<number, Map<string | null, number>>();

	/** Frames so far. */
	get size(): number {
		return this.#size;
	}

	/** Region of a mapped file whose byte 0 would lie at `bias`. */
	file(name: string, buildId: string | null, bias: bigint): number {
		const key = `${bias}\0${buildId ?? ""}\0${name}`;
		let id = this.#files.get(key);
		if (id === undefined) {
			id = this.#regions.push({ kernel: false, module: name, buildId, bias, tgid: null }) - 1;
			this.#files.set(key, id);
		}
		return id;
	}

	/** Region of a process's memory without a file; `name` null where nothing is mapped. */
	memory(tgid: number, name: string | null): number {
		let byName = this.#memories.get(tgid);
		if (!byName) {
			byName = new Map();
			this.#memories.set(tgid, byName);
		}
		let id = byName.get(name);
		if (id === undefined) {
			id = this.#regions.push({ kernel: false, module: name, buildId: null, bias: null, tgid }) - 1;
			byName.set(name, id);
		}
		return id;
	}

	/** Number of the frame at an address of a region. */
	of(region: number, lo: number, hi: number): number {
		const slots = this.#slots;
		const mask = slots.length - 1;
		let slot = slotOf(region, lo, hi) & mask;
		for (;;) {
			const id = slots[slot]!;
			if (id < 0) break;
			if (this.#lo[id] === lo && this.#hi[id] === hi && this.#region[id] === region) return id;
			slot = (slot + 1) & mask;
		}
		const id = this.#size++;
		if (id === this.#lo.length) this.#grow();
		this.#lo[id] = lo;
		this.#hi[id] = hi;
		this.#region[id] = region;
		slots[slot] = id;
		if (this.#size * 2 > slots.length) this.#rehash();
		return id;
	}

	address(id: number): bigint {
		return (BigInt(this.#hi[id]!) << 32n) | BigInt(this.#lo[id]! >>> 0);
	}

	region(id: number): Region {
		return this.#regions[this.#region[id]!]!;
	}

	#grow(): void {
		const bigger = (old: Int32Array): Int32Array<ArrayBuffer> => {
			const next = new Int32Array(old.length * 2);
			next.set(old);
			return next;
		};
		this.#lo = bigger(this.#lo);
		this.#hi = bigger(this.#hi);
		this.#region = bigger(this.#region);
	}

	#rehash(): void {
		const slots = new Int32Array(this.#slots.length * 2).fill(-1);
		const mask = slots.length - 1;
		for (let id = 0; id < this.#size; id++) {
			let slot = slotOf(this.#region[id]!, this.#lo[id]!, this.#hi[id]!) & mask;
			while (slots[slot]! >= 0) slot = (slot + 1) & mask;
			slots[slot] = id;
		}
		this.#slots = slots;
	}
}

function slotOf(region: number, lo: number, hi: number): number {
	const h = Math.imul(lo ^ Math.imul(hi, 0x9e3779b1) ^ Math.imul(region, 0x85ebca6b), 0xc2b2ae35);
	return h ^ (h >>> 15);
}
