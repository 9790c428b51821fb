/** What each process has mapped where, as the trace tells it, to bring a user address to a file. */

/** One mapping, as PERF_RECORD_MMAP2 or a line of /proc/PID/maps has it. Bytes. */
export interface Mapping {
	readonly start: bigint;
	readonly length: bigint;
	/** Place of `start` in the file. */
	readonly fileOffset: bigint;
	/** Path, or the kernel's name of memory without a file: //anon, [heap], [vdso]. */
	readonly name: string;
	/** Hex; null = not recorded. */
	readonly buildId: string | null;
	readonly executable: boolean;
}

/** A mapping in a space, or what later mappings left of it. Bounds are doubles: exact, for they are pages' or below 2^53. */
export interface Area {
	readonly from: number;
	/** First address behind it. */
	readonly to: number;
	/** Address minus file offset, of every place in it. */
	readonly bias: bigint;
	readonly name: string;
	readonly buildId: string | null;
	readonly executable: boolean;
	/** Region of the file in the table of frames, kept here by who asks; -1 = not asked yet. */
	region: number;
}

/** Areas by address, without overlap; several spaces may hold one list until one of them changes it. */
interface AreaList {
	areas: Area[];
	owners: number;
}

/** The kernel's own bound of one process (vm.max_map_count, 65,530 unless it was raised). */
const maxAreas = 65_536;
/** Over all spaces; some 100 MB. A space counts as one more, so that processes without mappings are bounded too. */
const maxTotal = 1 << 20;

const TWO_32 = 0x1_0000_0000;
const noAreas: readonly Area[] = [];

export interface AddressSpace {
	readonly tgid: number;
	/** Changes with every change of the mappings, and is never that of another space. */
	readonly version: number;
	/** Mapping of an address in two signed 32-bit halves; null where nothing is mapped as far as the trace tells. */
	find(lo: number, hi: number): Area | null;
}

class Space implements AddressSpace {
	list: AreaList | null = null;

	constructor(
		public tgid: number,
		public version: number,
	) {}

	find(lo: number, hi: number): Area | null {
		const areas = this.list === null ? noAreas : this.list.areas;
		// beyond 2^53 only pages are exact, and only pages are mapped there
		const high = hi >>> 0;
		const address = high * TWO_32 + ((high < 0x20_0000 ? lo : lo & ~0xfff) >>> 0);
		const at = lastFrom(areas, address);
		return at >= 0 && address < areas[at]!.to ? areas[at]! : null;
	}
}

/** Index of the last area that begins at or before an address; -1 if none. */
function lastFrom(areas: readonly Area[], address: number): number {
	let low = 0;
	let high = areas.length;
	while (low < high) {
		const mid = (low + high) >>> 1;
		if (areas[mid]!.from <= address) low = mid + 1;
		else high = mid;
	}
	return low - 1;
}

/**
 * The address spaces of all processes that live. The caller hands over mappings, forks, execs and exits in order of
 * time; a thread's fork (same tgid) changes nothing.
 */
export class AddressSpaces {
	readonly #spaces = new Map<number, Space>();
	readonly #full: () => void;
	#versions = 0;
	/** Areas of all lists plus spaces. */
	#total = 0;
	/** Stands in for a process for which there was no room: nothing is known of its memory. */
	readonly #unknown = new Space(-1, 0);

	/** `full` is called for each mapping that is not kept because there are too many of them. */
	constructor(full: () => void = () => {}) {
		this.#full = full;
	}

	/** Space of a process, valid until the next call; empty if the trace has told nothing of it. */
	of(tgid: number): AddressSpace {
		return this.#spaces.get(tgid) ?? this.#create(tgid) ?? this.#stranger(tgid);
	}

	/** A mapping; it replaces what it overlaps. */
	map(tgid: number, mapping: Mapping): void {
		const start = BigInt.asUintN(64, mapping.start);
		const from = Number(start);
		const to = from + Number(mapping.length);
		if (!(to > from)) return;
		const area: Area = {
			from,
			to,
			bias: start - mapping.fileOffset,
			name: mapping.name,
			buildId: mapping.buildId,
			executable: mapping.executable,
			region: -1,
		};
		const space = this.#spaces.get(tgid) ?? this.#create(tgid);
		if (!space) {
			this.#full();
			return;
		}
		const areas = space.list === null ? noAreas : space.list.areas;
		const at = lastFrom(areas, from);
		// synthesized records repeat what is known
		if (at >= 0 && same(areas[at]!, area)) return;
		const first = at >= 0 && areas[at]!.to > from ? at : at + 1;
		let behind = first;
		while (behind < areas.length && areas[behind]!.from < to) behind++;
		const pieces = [area];
		if (behind > first) {
			const left = areas[first]!;
			const right = areas[behind - 1]!;
			if (left.from < from) pieces.unshift({ ...left, to: from });
			if (right.to > to) pieces.push({ ...right, from: to });
		}
		const more = pieces.length - (behind - first);
		const copied = space.list !== null && space.list.owners > 1 ? areas.length : 0;
		if (more > 0 && (areas.length + more > maxAreas || this.#total + copied + more > maxTotal)) {
			this.#full();
			return;
		}
		const own = this.#own(space);
		own.splice(first, behind - first, ...pieces);
		this.#total += more;
		space.version = ++this.#versions;
	}

	/** A process that begins with a copy of its parent's memory. */
	fork(parentTgid: number, tgid: number): void {
		if (parentTgid === tgid) return;
		this.exit(tgid);
		const list = this.#spaces.get(parentTgid)?.list ?? null;
		const space = this.#create(tgid);
		if (!space) {
			if (list) this.#full();
			return;
		}
		if (list) list.owners++;
		space.list = list;
	}

	/** A process that begins with empty memory: an exec, or a record that perf wrote about a process that ran already. */
	exec(tgid: number): void {
		this.exit(tgid);
	}

	/** The end of a process: what maps under its number later is another one's. */
	exit(tgid: number): void {
		const space = this.#spaces.get(tgid);
		if (!space) return;
		this.#release(space);
		this.#spaces.delete(tgid);
		this.#total--;
	}

	#create(tgid: number): Space | null {
		if (this.#total >= maxTotal) return null;
		const space = new Space(tgid, ++this.#versions);
		this.#spaces.set(tgid, space);
		this.#total++;
		return space;
	}

	#stranger(tgid: number): Space {
		if (this.#unknown.tgid !== tgid) {
			this.#unknown.tgid = tgid;
			this.#unknown.version = ++this.#versions;
		}
		return this.#unknown;
	}

	/** The areas of a space, for it alone to change. */
	#own(space: Space): Area[] {
		const { list } = space;
		if (list !== null && list.owners === 1) return list.areas;
		const areas = list === null ? [] : [...list.areas];
		if (list) list.owners--;
		this.#total += areas.length;
		space.list = { areas, owners: 1 };
		return areas;
	}

	#release(space: Space): void {
		const { list } = space;
		if (list && --list.owners === 0) this.#total -= list.areas.length;
		space.list = null;
	}
}

function same(a: Area, b: Area): boolean {
	return (
		a.from === b.from &&
		a.to === b.to &&
		a.bias === b.bias &&
		a.name === b.name &&
		a.buildId === b.buildId &&
		a.executable === b.executable
	);
}
