/** Our stacks of a capture, by sample, and what becomes of the words of perf's chains on their way there. */
import type { TestDataset } from "../../support/dataset.ts";
import type { PrintedFrame, PrintedMapping, PrintedSample } from "./script.ts";
import type { Functions } from "./symbols.ts";

export interface OwnFrame {
	readonly address: bigint;
	readonly symbol: string | null;
	readonly module: string | null;
}

export interface OwnSample {
	readonly ts: bigint;
	readonly tid: number;
	/** Name of the thread at the end. */
	readonly thread: string;
	/** Without its system. */
	readonly event: string;
	/** kernel, user, … of a sample that is no tracepoint. */
	readonly mode: string | null;
	readonly kernel: readonly OwnFrame[];
	readonly user: readonly OwnFrame[];
}

/** All stacks by number, leaf first. */
export async function stacksById(d: TestDataset): Promise<ReadonlyMap<number, readonly OwnFrame[]>> {
	const rows = await d.rows(`SELECT s.stack_id, f.address, f.symbol, f.module
		FROM (SELECT trace, stack_id, unnest(frames) AS frame_id, generate_subscripts(frames, 1) AS place FROM stack) s
		JOIN frame f USING (trace, frame_id) ORDER BY s.stack_id, s.place`);
	const stacks = new Map<number, OwnFrame[]>();
	for (const r of rows) {
		const id = Number(r.stack_id);
		const own = stacks.get(id) ?? [];
		own.push({
			address: r.address as bigint,
			symbol: r.symbol as string | null,
			module: r.module as string | null,
		});
		stacks.set(id, own);
	}
	return stacks;
}

/** Every row of every table whose events have stacks, in order of time. */
export async function ownSamples(d: TestDataset): Promise<OwnSample[]> {
	const stacks = await stacksById(d);
	const frames = (id: unknown) => (id === null ? [] : (stacks.get(Number(id)) ?? []));
	const samples: OwnSample[] = [];
	for (const table of new Set(d.manifests.flatMap((m) => Object.keys(m.tables)))) {
		const has = new Set((await d.rows(`DESCRIBE "${table}"`)).map((r) => r.column_name));
		if (!has.has("utid") || !has.has("user_stack_id")) continue;
		const sampled = table === "cpu_sample";
		const rows =
			await d.rows(`SELECT e.ts, t.tid, t.name, ${sampled ? "e.event, e.mode" : `'${table}' AS event, NULL AS mode`},
			${has.has("stack_id") ? "e.stack_id" : "NULL AS stack_id"}, e.user_stack_id
			FROM "${table}" e JOIN thread t USING (trace, utid)`);
		for (const r of rows)
			samples.push({
				ts: r.ts as bigint,
				tid: r.tid as number,
				thread: String(r.name),
				event: r.event as string,
				mode: r.mode as string | null,
				kernel: frames(r.stack_id),
				user: frames(r.user_stack_id),
			});
	}
	return samples.sort((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
}

/** Perf's chain in its parts; the zeros at a border stand at the end of the kernel's. */
export function partsOf(sample: PrintedSample): {
	readonly kernel: readonly PrintedFrame[];
	readonly user: readonly PrintedFrame[];
} {
	const border = sample.chain.findIndex((f) => f.address > 0n);
	const at = border < 0 ? sample.chain.length : border;
	return { kernel: sample.chain.slice(0, at), user: sample.chain.slice(at) };
}

/** Functions of the kernel that an exception enters: behind them stands the interrupted instruction, then its LR. */
const exceptions =
	/^(timer_interrupt|do_IRQ|performance_monitor_exception(_async|_nmi)?|doorbell_exception|(data|instruction)_access_common_virt|do_page_fault|hardware_interrupt_common_virt|decrementer_common_virt)$/;

export interface Known {
	readonly kernel: Functions | null;
	/** Functions of user programs that are mapped where their symbol tables say. */
	readonly user: Functions;
	readonly mappings: readonly PrintedMapping[];
}

/** Why the word at `k` of one part of a chain is no frame; null: nothing that the test knows. */
export function whyDropped(
	part: "kernel" | "user",
	words: readonly bigint[],
	k: number,
	known: Known,
): string | null {
	const word = words[k]!;
	const functions = part === "kernel" ? known.kernel : known.user;
	const start = (address: bigint | undefined) =>
		address === undefined ? undefined : functions?.at(address)?.start;
	// a return address stands behind the call
	const same = (ret: bigint, address: bigint) => {
		const own = start(address);
		return own !== undefined && start(ret - 4n) === own;
	};
	const mapped = (address: bigint) => known.mappings.find((m) => address >= m.start && address < m.end);
	if (word === 0n) return "zero";
	if (mapped(word)?.name === "[uprobes]") return "[uprobes]";
	if (k === 1) {
		if (word === words[0]) return "LR is NIP";
		if (same(word, words[0]!)) return "LR in the function of NIP";
		if (part === "user" && !mapped(word)) return "LR outside mappings";
	}
	if (k === 2) {
		if (word === words[1]) return "slot is LR";
		// the function at NIP has a frame and has saved nothing: what its caller's slot holds is of an earlier call
		if (part === "user" && same(word, words[1]! - 4n)) return "slot of an earlier call";
	}
	if (part === "kernel" && k > 2 && same(word, words[k - 1]!)) {
		const entry = functions?.at(words[k - 2]!)?.name;
		if (entry !== undefined && exceptions.test(entry)) return "LR of an interrupted function in it";
	}
	return null;
}

/** The words of `theirs` that are not in `own`, as places; null where `own` is no part of them in that order. */
export function dropped(theirs: readonly bigint[], own: readonly bigint[]): number[] | null {
	const places: number[] = [];
	let at = 0;
	for (const [k, word] of theirs.entries())
		if (own[at] === word) at++;
		else places.push(k);
	return at === own.length ? places : null;
}
