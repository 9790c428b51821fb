/** Stacks as people read them: named frames, root first, the user part before the kernel part. */
import type { Dataset } from "../dataset/dataset.ts";
import { fragment } from "../dataset/fragment.ts";

export interface StackFrame {
	/** Function; where no symbol covers the address, the address in hex, on a mapped file with the name of the file. */
	readonly name: string;
	readonly kind: "kernel" | "module" | "user";
	/** Kernel module or mapped file, as recorded; null for the core kernel and for memory that is not mapped. */
	readonly module: string | null;
	/** Scheduler and wait functions that do not say what is waited for: figures may fold them. */
	readonly plumbing: boolean;
	/** A symbol covers the address. */
	readonly named: boolean;
	/** Source file; null if unknown. */
	readonly file: string | null;
	/** Source line; null if unknown. */
	readonly line: number | null;
}

/** Frame that stands for a stack that was not recorded. */
export const NO_STACK = "[no stack: not recorded]";

/** The mapped file without its folder: "libc.so.6". */
export function fileName(module: string): string {
	return module.slice(module.lastIndexOf("/") + 1) || module;
}

/** The function with its origin where it is not the core kernel: "read [libc.so.6]", "xfs_wait [xfs]". */
export function frameLabel({ name, module, named, kind }: StackFrame): string {
	if (module === null || (!named && kind === "user")) return name;
	const file = fileName(module);
	return `${name} ${file.startsWith("[") ? file : `[${file}]`}`;
}

/**
 * Frames that every kernel stack has at its root and that say nothing: system call entry on ppc64le (scv:
 * system_call_vectored_common, sc: system_call_common; arch/powerpc/kernel/interrupt_64.S, 6.12) and on others, and
 * the start of kernel threads.
 */
const entryFrames =
	/^(system_call_(vectored_)?common|system_call_exception|start_kernel_thread|ret_from_kernel_(user_)?thread|ret_from_fork(_asm)?|entry_SYSCALL_64\w*|do_syscall_64|x64_sys_call|invoke_syscall|el0t?_\w+)$/;

/** It is a kernel function through which every system call or kernel thread goes: figures may fold it. */
export function isEntry({ kind, name }: { readonly kind: string | null; readonly name: string }): boolean {
	return kind === "kernel" && entryFrames.test(name);
}

/** The stacks of one trace. */
export class Stacks {
	/** Made by stacksOf. */
	constructor(
		/** By number of the stack: where its frames begin in `ids`, how many they are, whether it is a user stack. */
		private readonly places: ReadonlyMap<number, StackPlace>,
		/** frame_id of all stacks, each leaf first. */
		private readonly ids: Int32Array,
		private readonly kernel: ReadonlyMap<number, StackFrame>,
		private readonly user: ReadonlyMap<number, StackFrame>,
		private readonly late: ReadonlyMap<number, LateStack>,
	) {}

	/**
	 * Frames of a user and a kernel stack, root first; empty where both are unknown. The frames that handle interrupts
	 * which were off until then are one frame "interrupts off until FUNCTION".
	 */
	frames(userStackId: number | null, stackId: number | null): StackFrame[] {
		const frames: StackFrame[] = [];
		for (const id of [userStackId, stackId]) {
			const place = id === null ? undefined : this.places.get(id);
			if (place === undefined) continue;
			const { at, depth, isUser } = place;
			const late = this.late.get(id as number);
			const leaf = late === undefined ? 0 : (late.depth ?? depth + 1) - 1;
			for (let k = depth - 1; k >= leaf; k--)
				frames.push((isUser ? this.user : this.kernel).get(this.ids[at + k]!) ?? unknownFrame);
			if (late !== undefined) frames.push(late.frame);
		}
		return frames;
	}

	/** The sample was taken when interrupts were switched on again, not where the time went. */
	isLate(stackId: number | null): boolean {
		return stackId !== null && this.late.has(stackId);
	}

	/** The second frame of a part may be false, and is shown. */
	isDoubtful(userStackId: number | null, stackId: number | null): boolean {
		return [userStackId, stackId].some(
			(id) => id !== null && !this.late.has(id) && this.places.get(id)?.doubtful === true,
		);
	}
}

interface StackPlace {
	readonly at: number;
	readonly depth: number;
	readonly isUser: boolean;
	readonly doubtful: boolean;
}

interface LateStack {
	/** Depth (1 = leaf) of the first frame that is shown; null if there is none. */
	readonly depth: number | null;
	readonly frame: StackFrame;
}

const synthetic = (name: string): StackFrame => ({
	name,
	kind: "kernel",
	module: null,
	plumbing: false,
	named: true,
	file: null,
	line: null,
});
/** A frame that the frame table does not have: only in a dataset that others wrote. */
const unknownFrame = synthetic("[unknown frame]");

/**
 * The stacks of a trace by number.
 * @param stackIds only these; default: all
 */
export async function stacksOf(
	ds: Dataset,
	trace: string,
	stackIds?: readonly number[],
	signal?: AbortSignal,
): Promise<Stacks> {
	const options = signal === undefined ? {} : { signal };
	const only = (column: string) => (stackIds === undefined ? "" : ` AND ${column} IN (SELECT unnest(?))`);
	const given = stackIds === undefined ? [] : [[...new Set(stackIds)]];
	const places = new Map<number, StackPlace>();
	let ids = new Int32Array(1024);
	let used = 0;
	for await (const piece of ds.batches(
		`SELECT stack_id, kind = 'user' AS is_user, frames, coalesce(doubtful, FALSE) AS doubtful FROM stack WHERE trace = ?${only("stack_id")}`,
		[trace, ...given],
		signal,
	))
		for (const row of piece.rows() as unknown as StackRow[]) {
			const frames = row.frames ?? [];
			while (used + frames.length > ids.length) ids = grown(ids);
			ids.set(frames, used);
			const { is_user: isUser, doubtful } = row;
			places.set(row.stack_id, { at: used, depth: frames.length, isUser, doubtful });
			used += frames.length;
		}
	const kernel = new Map<number, StackFrame>();
	const user = new Map<number, StackFrame>();
	for await (const piece of ds.batches(
		`SELECT frame_id, hex(address) AS address, symbol, stem, module, plumbing, file, line FROM frame_info WHERE trace = ?`,
		[trace],
		signal,
	))
		for (const f of piece.rows() as unknown as FrameRow[]) {
			const { module, file, line } = f;
			const named = f.symbol !== null;
			const address = f.address ?? "[no address]";
			const of = { module, named, file, line };
			kernel.set(f.frame_id, {
				...of,
				name: f.stem ?? address,
				kind: module === null ? "kernel" : "module",
				plumbing: f.plumbing,
			});
			user.set(f.frame_id, {
				...of,
				name: f.symbol ?? (module === null ? address : `${address} ${fileName(module)}`),
				kind: "user",
				plumbing: false,
			});
		}
	const late = new Map<number, LateStack>();
	for (const row of await ds.rows<{ stack_id: number; until: string | null; depth: number | null }>(
		fragment`
SELECT stack_id, until_function AS until, CAST(depth AS DOUBLE) AS depth FROM interrupts_off WHERE trace = ${trace}`,
		options,
	))
		late.set(row.stack_id, {
			depth: row.depth,
			frame: synthetic(row.until === null ? "interrupts off" : `interrupts off until ${row.until}`),
		});
	return new Stacks(places, ids, kernel, user, late);
}

interface StackRow {
	readonly stack_id: number;
	readonly is_user: boolean;
	readonly doubtful: boolean;
	readonly frames: readonly number[] | null;
}

interface FrameRow {
	readonly frame_id: number;
	readonly address: string | null;
	readonly symbol: string | null;
	readonly stem: string | null;
	readonly module: string | null;
	readonly plumbing: boolean;
	readonly file: string | null;
	readonly line: number | null;
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
	const larger = new Int32Array(array.length * 2);
	larger.set(array);
	return larger;
}
