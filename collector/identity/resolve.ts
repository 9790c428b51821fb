/**
 * Names for stacks: from addresses and mappings to the rows of the tables stack, frame and dso. Used at the end of
 * an import and when a dataset is symbolized again.
 */
import type { IdentityRow } from "../decode/source.ts";
import type { Binaries, Binary } from "./binary.ts";
import { isAnonymous } from "./frames.ts";
import { judgeKernel, judgeUser, userPlace } from "./judgement.ts";
import type { KernelSymbols } from "./kallsyms.ts";

/** Binaries that can tell why a file was not used. */
export interface NamedBinaries extends Binaries {
	/** One for each module and build-id that was asked for. */
	states(): readonly { readonly module: string; readonly buildId: string | null; readonly state: string }[];
}

/** What can give names. */
export interface Names {
	/** null: kernel frames keep the names that they have. */
	readonly kernel: KernelSymbols | null;
	readonly binaries: NamedBinaries | null;
	/** Readable forms of mangled names; called once with all of them. */
	readonly demangle?: (names: readonly string[]) => ReadonlyMap<string, string>;
}

/** A stack of physical frames, leaf first: what was inlined is not in it. */
export interface PlainStack {
	readonly kind: "kernel" | "user";
	readonly frames: ArrayLike<number>;
	readonly doubtful: boolean;
}

/** A physical frame. */
export interface PlainFrame {
	readonly address: bigint;
	readonly kernel: boolean;
	readonly module: string | null;
	/** null without a file. */
	readonly fileOffset: bigint | null;
	readonly buildId: string | null;
	/** Process, for memory without a file; null if it is not known (any more). */
	readonly tgid: number | null;
	/** Names that it has already. */
	readonly before?: Roles<Place>;
}

/**
 * What a frame is called depends on its place in the stack: an address that was executed means its own instruction, a
 * return address the call before it.
 */
interface Roles<T> {
	leaf?: T;
	caller?: T;
}

interface Place {
	readonly symbol: string | null;
	readonly offset: bigint | null;
	readonly module: string | null;
	readonly file: string | null;
	readonly line: number | null;
	/** Innermost first. */
	readonly inlined: readonly InlinedPlace[];
}

interface InlinedPlace {
	readonly symbol: string;
	readonly file: string | null;
	readonly line: number | null;
}

export interface Resolved {
	readonly stack: IdentityRow[];
	readonly frame: IdentityRow[];
	readonly dso: IdentityRow[];
}

/** Rows of stacks whose frames are indices of `frames`. Physical frames keep their numbers; inlined calls take those behind. */
export function resolve(
	stacks: readonly PlainStack[],
	frames: readonly PlainFrame[],
	names: Names,
): Resolved {
	const usedAs = rolesOf(stacks, frames.length);
	const places = frames.map((frame, id): Roles<Place> => {
		const leaf = (usedAs[id]! & LEAF) !== 0 ? placeOf(frame, "leaf", names) : undefined;
		const caller = (usedAs[id]! & CALLER) !== 0 ? placeOf(frame, "caller", names) : undefined;
		return { ...(leaf && { leaf }), ...(caller && { caller }) };
	});
	const demangled = demangledNames(places, names);
	const readable = (name: string | null): string | null =>
		name === null ? null : (demangled?.get(name) ?? name);

	const rows: IdentityRow[] = [];
	const extra: IdentityRow[] = [];
	/** Row numbers of a frame in its role: inlined calls, then itself. */
	const rowIds: Roles<number[]>[] = [];
	const binaries = new BinaryRows(names);
	for (const [id, frame] of frames.entries()) {
		const { leaf, caller } = places[id]!;
		const mangled = !frame.kernel;
		const row = (frameId: number, place: Place): IdentityRow => ({
			frame_id: frameId,
			address: frame.address,
			symbol: mangled ? readable(place.symbol) : place.symbol,
			offset: place.offset,
			module: place.module,
			file_offset: frame.fileOffset,
			build_id: frame.buildId,
			file: place.file,
			line: place.line,
			inlined: false,
		});
		const numbersOf = (frameId: number, place: Place): number[] => {
			const numbers = place.inlined.map((call) => {
				const number = frames.length + extra.length;
				extra.push({
					...row(number, place),
					symbol: readable(call.symbol),
					offset: null,
					file: call.file,
					line: call.line,
					inlined: true,
				});
				return number;
			});
			return [...numbers, frameId];
		};
		const first = leaf ?? caller ?? nameless(frame);
		rows.push(row(id, first));
		binaries.count(frame, first.symbol !== null);
		const own = numbersOf(id, first);
		if (!leaf || !caller || samePlace(leaf, caller)) rowIds.push({ leaf: own, caller: own });
		else {
			const number = frames.length + extra.length;
			extra.push(row(number, caller));
			binaries.count(frame, caller.symbol !== null);
			rowIds.push({ leaf: own, caller: numbersOf(number, caller) });
		}
	}
	for (const row of extra) rows.push(row);
	return {
		stack: stacks.map((stack, id) => {
			const numbers: number[] = [];
			for (let i = 0; i < stack.frames.length; i++) {
				const own = rowIds[stack.frames[i]!]!;
				for (const number of (i === 0 ? own.leaf : own.caller)!) numbers.push(number);
			}
			return {
				stack_id: id,
				kind: stack.kind,
				frames: numbers,
				depth: numbers.length,
				doubtful: stack.doubtful,
			};
		}),
		frame: rows,
		dso: binaries.rows(),
	};
}

const LEAF = 1;
const CALLER = 2;

function rolesOf(stacks: readonly PlainStack[], frames: number): Uint8Array {
	const roles = new Uint8Array(frames);
	for (const { frames: chain } of stacks)
		for (let i = 0; i < chain.length; i++) roles[chain[i]!]! |= i === 0 ? LEAF : CALLER;
	return roles;
}

function nameless(frame: PlainFrame): Place {
	return { symbol: null, offset: null, module: frame.module, file: null, line: null, inlined: [] };
}

/** Name of a frame in one role: what is found now, or what it had if that says more. */
function placeOf(frame: PlainFrame, role: "leaf" | "caller", names: Names): Place {
	const found = frame.kernel ? kernelPlace(frame, names) : userPlaceOf(frame, role, names);
	const before = frame.before?.[role] ?? frame.before?.leaf ?? frame.before?.caller;
	return before && says(before) > says(found) ? before : found;
}

function says(place: Place): number {
	return place.symbol === null ? 0 : place.file === null ? 1 : 2;
}

function kernelPlace(frame: PlainFrame, { kernel }: Names): Place {
	const { address } = frame;
	const symbol = kernel?.lookup(
		Number(BigInt.asIntN(32, address)),
		Number(BigInt.asIntN(32, address >> 32n)),
	);
	return symbol
		? { ...nameless(frame), symbol: symbol.symbol, offset: BigInt(symbol.offset), module: symbol.module }
		: nameless(frame);
}

function userPlaceOf(frame: PlainFrame, role: "leaf" | "caller", { binaries }: Names): Place {
	const { module, buildId, fileOffset, tgid } = frame;
	if (binaries === null) return nameless(frame);
	const binary = module === null || fileOffset === null ? null : binaries.find(module, buildId);
	if (binary === null) {
		const found = tgid === null ? null : binaries.jit(tgid, BigInt.asUintN(64, frame.address));
		return found ? { ...nameless(frame), symbol: found.name, offset: BigInt(found.offset) } : nameless(frame);
	}
	const at = binary.addressOf(Number(fileOffset));
	return at === null ? nameless(frame) : filePlace(frame, binary, at, role);
}

function filePlace(frame: PlainFrame, binary: Binary, at: number, role: "leaf" | "caller"): Place {
	const executed = role === "leaf" ? at : at - 1;
	const f = binary.function(executed);
	const source = binary.place(executed);
	return {
		...nameless(frame),
		symbol: f?.name ?? null,
		offset: f ? BigInt(at - f.start) : null,
		file: source?.file ?? null,
		line: source?.line ?? null,
		inlined: (source?.inlined ?? []).map(({ name, file, line }) => ({ symbol: name, file, line })),
	};
}

function samePlace(a: Place, b: Place): boolean {
	return (
		a.symbol === b.symbol &&
		a.offset === b.offset &&
		a.file === b.file &&
		a.line === b.line &&
		a.inlined.length === b.inlined.length &&
		a.inlined.every((call, i) => {
			const other = b.inlined[i]!;
			return call.symbol === other.symbol && call.file === other.file && call.line === other.line;
		})
	);
}

function demangledNames(
	places: readonly Roles<Place>[],
	{ demangle }: Names,
): ReadonlyMap<string, string> | null {
	if (!demangle) return null;
	const names = new Set<string>();
	for (const { leaf, caller } of places)
		for (const place of [leaf, caller]) {
			if (!place) continue;
			if (place.symbol !== null) names.add(place.symbol);
			for (const call of place.inlined) names.add(call.symbol);
		}
	return demangle([...names]);
}

/** Rows of the table dso: the mapped files of user frames, in order of first sight. */
class BinaryRows {
	readonly #files = new Map<
		string,
		{ frame: PlainFrame & { module: string }; frames: number; named: number }
	>();

	constructor(readonly names: Names) {}

	count(frame: PlainFrame, named: boolean): void {
		const { kernel, module, buildId } = frame;
		if (kernel || module === null) return;
		const key = fileKey(module, buildId);
		let file = this.#files.get(key);
		if (!file) {
			file = { frame: { ...frame, module }, frames: 0, named: 0 };
			this.#files.set(key, file);
		}
		file.frames++;
		if (named) file.named++;
	}

	rows(): IdentityRow[] {
		const { binaries } = this.names;
		const states = new Map(binaries?.states().map((s) => [fileKey(s.module, s.buildId), s.state]));
		return [...this.#files.values()].map(({ frame: { module, buildId }, frames, named }) => {
			const anonymous = isAnonymous(module);
			const binary = anonymous ? null : (binaries?.find(module, buildId) ?? null);
			const absent = anonymous ? "no file" : (states.get(fileKey(module, buildId)) ?? "not found");
			return {
				module,
				build_id: buildId,
				file: binary?.file ?? null,
				state: binary === null ? absent : named > 0 ? "named" : "no symbols",
				frames,
				named,
			};
		});
	}
}

function fileKey(module: string, buildId: string | null): string {
	return `${buildId ?? ""}\0${module}`;
}

/** Rows as the tables have them. */
export interface StackRow {
	readonly kind: string;
	/** Indices of the frame rows, leaf first. */
	readonly frames: ArrayLike<number>;
	readonly doubtful: boolean | null;
}

export interface FrameRow {
	readonly address: bigint;
	readonly symbol: string | null;
	readonly offset: bigint | null;
	readonly module: string | null;
	readonly file_offset: bigint | null;
	readonly build_id: string | null;
	readonly file: string | null;
	readonly line: number | null;
	readonly inlined: boolean | null;
}

/**
 * The rows of a dataset's stacks once more, with what is at hand now: inlined calls are taken out, doubtful stacks
 * judged, all names looked up. A name is only replaced by one that says as much. Stacks keep their numbers (two may
 * have become equal), frames do not. `frames[i]` is the row with frame_id i.
 */
export function resolveAgain(
	stacks: readonly StackRow[],
	frames: readonly FrameRow[],
	names: Names,
	arch: string,
): Resolved {
	const plain = collapse(stacks, frames);
	const judged = arch.startsWith("ppc64")
		? plain.stacks.map((stack) => (stack.doubtful ? judgeAgain(stack, plain.frames, names) : stack))
		: plain.stacks;
	return resolve(...compact(judged, plain.frames), names);
}

/** Stacks of physical frames, numbered anew in order of first sight; what they were called before stays with them. */
function collapse(
	stacks: readonly StackRow[],
	rows: readonly FrameRow[],
): { stacks: PlainStack[]; frames: PlainFrame[] } {
	const frames: (PlainFrame & { before: Roles<Place> })[] = [];
	const numbers = new Map<string, number>();
	const numberOf = (id: number, kernel: boolean): number => {
		const row = rows[id]!;
		// memory without a file has no other sign of its process than its own row
		const key =
			row.file_offset !== null
				? `${row.address}\0${row.file_offset}\0${row.build_id ?? ""}\0${row.module ?? ""}`
				: `${id}`;
		let number = numbers.get(key);
		if (number === undefined) {
			number =
				frames.push({
					address: row.address,
					kernel,
					// of the kernel's frames the symbol tells the module
					module: kernel ? null : row.module,
					fileOffset: row.file_offset,
					buildId: row.build_id,
					tgid: null,
					before: {},
				}) - 1;
			numbers.set(key, number);
		}
		return number;
	};
	const plain = stacks.map((stack): PlainStack => {
		const chain: number[] = [];
		let inlined: InlinedPlace[] = [];
		for (let i = 0; i < stack.frames.length; i++) {
			const id = stack.frames[i]!;
			const row = rows[id];
			if (!row) continue;
			if (row.inlined) {
				if (row.symbol !== null) inlined.push({ symbol: row.symbol, file: row.file, line: row.line });
				continue;
			}
			const number = numberOf(id, stack.kind === "kernel");
			const { symbol, offset, module, file, line } = row;
			frames[number]!.before[chain.length === 0 ? "leaf" : "caller"] ??= {
				symbol,
				offset,
				module,
				file,
				line,
				inlined,
			};
			inlined = [];
			chain.push(number);
		}
		return {
			kind: stack.kind === "kernel" ? "kernel" : "user",
			frames: chain,
			doubtful: stack.doubtful === true,
		};
	});
	return { stacks: plain, frames };
}

/** Without the frames that no stack has any more. */
function compact(
	stacks: readonly PlainStack[],
	frames: readonly PlainFrame[],
): [stacks: PlainStack[], frames: PlainFrame[]] {
	const used = rolesOf(stacks, frames.length);
	let next = 0;
	const numbers = Array.from(used, (roles) => (roles === 0 ? -1 : next++));
	return [
		stacks.map((stack) => ({ ...stack, frames: Array.from(stack.frames, (f) => numbers[f]!) })),
		frames.filter((_, id) => used[id] !== 0),
	];
}

/** A doubtful stack has its first words in their places: NIP, LR, slot1. */
function judgeAgain(stack: PlainStack, frames: readonly PlainFrame[], names: Names): PlainStack {
	const chain = Array.from(stack.frames);
	const judged =
		stack.kind === "kernel" ? judgeKernelAgain(chain, frames, names) : judgeUserAgain(chain, frames, names);
	if (judged === null || judged.doubtful) return stack;
	return {
		...stack,
		doubtful: false,
		frames: chain.filter((_, i) => (i !== 1 || judged.lr) && (i !== 2 || judged.slot)),
	};
}

function judgeKernelAgain(chain: readonly number[], frames: readonly PlainFrame[], { kernel }: Names) {
	if (kernel === null) return null;
	const word = (i: number) => {
		const address = frames[chain[i]!]?.address ?? 0n;
		return { lo: Number(BigInt.asIntN(32, address)), hi: Number(BigInt.asIntN(32, address >> 32n)) };
	};
	// a slot1 equal to LR was zero or dropped before: what stands there now is true
	return judgeKernel(word(0), word(1), { lo: 0, hi: 0 }, kernel);
}

function judgeUserAgain(chain: readonly number[], frames: readonly PlainFrame[], { binaries }: Names) {
	if (binaries === null) return null;
	const place = (i: number) => {
		const frame = frames[chain[i]!];
		if (!frame) return null;
		const { address, module, buildId, fileOffset, tgid } = frame;
		// what was kept lay in memory that may be executed, as far as the trace told
		return userPlace(
			BigInt.asUintN(64, address),
			{ module, buildId, fileOffset, tgid, executable: module === null ? null : true },
			binaries,
		);
	};
	const nip = place(0);
	return nip === null ? null : judgeUser(nip, place(1), place(2));
}
