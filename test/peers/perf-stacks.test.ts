/**
 * Stacks of every sample against the words that perf prints of its chain, and against what the threads of pk_chains do:
 * alpha and delta compute (alpha's leaf has a frame, delta's has none), beta sleeps, gamma waits for a futex, rec sleeps
 * below 12 frames of one function.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cacheFolder } from "../support/cache.ts";
import { datasetOf } from "../support/dataset.ts";
import { perfTrace } from "../support/traces.ts";
import { besideText, captures, kallsyms, program, short, truths, withSymbols } from "./perf/captures.ts";
import { perfVersion } from "./perf/program.ts";
import {
	executableMappings,
	type PrintedFrame,
	type PrintedSample,
	parseScript,
	printedChains,
} from "./perf/script.ts";
import {
	dropped,
	type Known,
	type OwnFrame,
	type OwnSample,
	ownSamples,
	partsOf,
	stacksById,
	whyDropped,
} from "./perf/stacks.ts";
import { kernelFunctions, printedKallsyms, programFunctions } from "./perf/symbols.ts";

type Counts = Readonly<Record<string, number>>;

/** Words that perf prints and that are no frames, by cause; `frames`: the words that are. */
const words: Readonly<Record<string, { readonly kernel: Counts; readonly user: Counts }>> = {
	"6.12-cpu-clock-fp": {
		kernel: { frames: 72, zero: 7, "LR in the function of NIP": 2 },
		user: { frames: 1813, "LR is NIP": 7, zero: 4, "LR in the function of NIP": 143 },
	},
	"6.12-cycles-fp": {
		kernel: { frames: 531, "LR in the function of NIP": 10, zero: 11 },
		user: { frames: 1413, "LR is NIP": 32, zero: 24, "LR in the function of NIP": 94 },
	},
	"6.12-exclude": {
		kernel: {},
		user: { frames: 323, "LR in the function of NIP": 27, "slot of an earlier call": 1, zero: 1 },
	},
	"6.12-inject": {
		kernel: { frames: 28, zero: 2, "LR in the function of NIP": 1 },
		user: { frames: 146, "slot is LR": 2, "LR in the function of NIP": 11, zero: 2, "LR is NIP": 3 },
	},
	"6.12-jit-map": { kernel: {}, user: { frames: 600, zero: 150 } },
	"6.12-kprobe": { kernel: { frames: 60 }, user: { frames: 74, "LR is NIP": 15, zero: 15 } },
	"6.12-lock-contention": {
		kernel: { frames: 232, zero: 26 },
		user: { frames: 98, "LR is NIP": 14, zero: 10 },
	},
	"6.12-lost": {
		kernel: { frames: 6033, zero: 2011 },
		user: { frames: 17636, "LR is NIP": 1995, zero: 2006, "slot is LR": 4 },
	},
	"6.12-multi-callers": {
		kernel: { frames: 2318, zero: 34, "LR in the function of NIP": 24 },
		user: {
			frames: 2082,
			"slot is LR": 5,
			zero: 26,
			"LR is NIP": 29,
			"LR in the function of NIP": 140,
			"slot of an earlier call": 1,
		},
	},
	"6.12-pipe": {
		kernel: { frames: 75, "LR in the function of NIP": 3, zero: 7 },
		user: { frames: 354, "LR is NIP": 7, "LR in the function of NIP": 25, zero: 2 },
	},
	"6.12-pipe-perf7.2": {
		kernel: { frames: 28, zero: 2, "LR in the function of NIP": 1 },
		user: { frames: 339, "LR is NIP": 3, zero: 2, "LR in the function of NIP": 25 },
	},
	"6.12-sched-switch-g": {
		kernel: { frames: 1280, zero: 167, "LR of an interrupted function in it": 4 },
		user: { frames: 798, "LR is NIP": 35, zero: 20, "LR in the function of NIP": 35 },
	},
	"6.12-uprobe": { kernel: {}, user: { frames: 44, "[uprobes]": 4 } },
	"6.12-zstd": {
		kernel: { frames: 145, zero: 15 },
		user: { frames: 925, "LR is NIP": 12, zero: 6, "LR in the function of NIP": 75 },
	},
	"7.2-cpu-clock-fp": {
		kernel: { frames: 191, "LR in the function of NIP": 4, "LR is NIP": 1, zero: 12 },
		user: {
			frames: 1217,
			zero: 7,
			"LR in the function of NIP": 97,
			"LR is NIP": 9,
			"LR outside mappings": 1,
		},
	},
	"7.2-cycles-fp": {
		kernel: {
			frames: 561,
			"LR in the function of NIP": 18,
			zero: 13,
			"LR of an interrupted function in it": 1,
			"LR is NIP": 2,
		},
		user: {
			frames: 812,
			"LR is NIP": 27,
			zero: 24,
			"LR in the function of NIP": 45,
			"slot is LR": 1,
			"LR outside mappings": 1,
		},
	},
	"7.2-off-cpu": {
		kernel: { frames: 46, zero: 2, "LR in the function of NIP": 3 },
		user: { frames: 125, "LR is NIP": 5, "LR in the function of NIP": 8, zero: 2 },
	},
	"x86-cpu-clock-fp": { kernel: { frames: 241 }, user: { frames: 1005, zero: 4 } },
	"x86-jit": { kernel: { frames: 56 }, user: { frames: 169, zero: 5 } },
	"x86-sched-switch": { kernel: { frames: 1507 }, user: { frames: 521 } },
};

/**
 * Frames that perf names and we do not, by file: the guest's perf had all programs and kallsyms of its own boot, here are
 * pk_chains and a kallsyms of another boot, in which modules lie elsewhere. perf names the vDSO by that of the machine it
 * runs on.
 */
const unnamed: Readonly<Record<string, Counts>> = {
	"6.12-multi-callers": { "/tmp/w/pk_dio": 13, "/tmp/w/pk_futexops": 32 },
	"6.12-sched-switch-g": { "[netfs]": 10 },
	"7.2-cpu-clock-fp": { "[vdso]": 1 },
	"7.2-cycles-fp": { "[vdso]": 2 },
};

/** Frames that we name and perf does not: it had not looked at the JIT's map. */
const namedAlone: Readonly<Record<string, Counts>> = {
	"6.12-jit-map": { "/tmp/perf-215.map": 150 },
};

/** Samples with dumps of the stack: perf prints what it unwinds itself. */
const dumps = /dwarf/;

/** Compares each printed chain with ours, and counts the words that are no frames by cause. */
function compare(
	printed: readonly PrintedSample[],
	own: readonly OwnSample[],
	known: Known,
	key: (s: { readonly ts: bigint; readonly event: string }) => string,
) {
	const waiting = new Map<string, OwnSample[]>();
	for (const s of own) waiting.set(key(s), [...(waiting.get(key(s)) ?? []), s]);
	const found: Record<"kernel" | "user", Record<string, number>> = { kernel: {}, user: {} };
	const wrong: string[] = [];
	const pairs: { readonly theirs: PrintedFrame; readonly own: OwnFrame }[] = [];
	for (const s of printed) {
		const mine = waiting.get(key(s))?.shift();
		if (mine === undefined) {
			wrong.push(`${key(s)}: not there`);
			continue;
		}
		const parts = partsOf(s);
		for (const part of ["kernel", "user"] as const) {
			const theirs = parts[part].map((f) => f.address);
			const places = dropped(
				theirs,
				mine[part].map((f) => f.address),
			);
			if (places === null) {
				wrong.push(`${key(s)}: ${part} has frames that are no words`);
				continue;
			}
			const count = (why: string, n: number) => {
				if (n > 0) found[part][why] = (found[part][why] ?? 0) + n;
			};
			count("frames", mine[part].length);
			const kept = parts[part].filter((_, k) => !places.includes(k));
			for (const [k, frame] of kept.entries()) pairs.push({ theirs: frame, own: mine[part][k]! });
			for (const k of places) {
				const why = whyDropped(part, theirs, k, known);
				if (why !== null) count(why, 1);
				else
					wrong.push(
						`${key(s)}: ${part} word ${k} of ${theirs.map((w) => BigInt.asUintN(64, w).toString(16)).join(" ")}`,
					);
			}
		}
	}
	return { found, wrong, pairs };
}

const bare = (event: string): string => event.replace(/^\w+:(?=\w{2})/, "");

describe.skipIf(perfVersion === null)("the words of perf's chains less those that are no frames", () => {
	for (const trace of captures.filter(
		(t) => !short(t).startsWith("7.2-") && !dumps.test(t.name) && short(t) !== "6.12-stat-record",
	))
		it(short(trace), async () => {
			const kernel = kallsyms(trace);
			const printed = trace.paths.flatMap((path) => printedChains(path) ?? []);
			const d = await datasetOf(trace, printed.some((s) => s.chain.length > 0) ? withSymbols(trace) : []);
			try {
				const { found, wrong } = compare(
					printed,
					await ownSamples(d),
					{
						kernel: kernel === null ? null : kernelFunctions(kernel),
						user: programFunctions(program("pk_chains")),
						mappings: trace.paths.flatMap(executableMappings),
					},
					(s) => `${s.ts} ${bare(s.event)}`,
				);
				expect(wrong.slice(0, 5)).toEqual([]);
				expect(found).toEqual(words[short(trace)] ?? { kernel: {}, user: {} });
			} finally {
				d.close();
			}
		});
});

describe("the same by the print of the guest's own perf, and the names of all frames", () => {
	for (const trace of captures.filter((t) => besideText(t, "script.txt") !== null && !dumps.test(t.name)))
		it(short(trace), async () => {
			const printed = parseScript(besideText(trace, "script.txt")!.split("\n"));
			let kernel = kallsyms(trace);
			const options = [...withSymbols(trace)];
			if (kernel === null) {
				kernel = join(cacheFolder(), `${short(trace)}.kallsyms`);
				writeFileSync(kernel, printedKallsyms(printed));
				options.push("--side", kernel);
			}
			const d = await datasetOf(trace, options);
			try {
				const mappings = printed
					.flatMap((s) => s.chain)
					.filter((f) => f.file !== null && f.address > 0n)
					.map((f) => ({ start: f.address, end: f.address + 1n, name: f.file! }));
				const { found, wrong, pairs } = compare(
					printed,
					await ownSamples(d),
					{ kernel: kernelFunctions(kernel), user: programFunctions(program("pk_chains")), mappings },
					(s) => `${s.ts / 1000n} ${bare(s.event)}`,
				);
				expect(wrong.slice(0, 5)).toEqual([]);
				expect(found).toEqual(words[short(trace)]);
				const named = { unnamed: {} as Record<string, number>, namedAlone: {} as Record<string, number> };
				const other: string[] = [];
				for (const { theirs, own } of pairs) {
					if (theirs.symbol === own.symbol) continue;
					const file = theirs.file ?? "nowhere";
					const kind = own.symbol === null ? "unnamed" : theirs.symbol === null ? "namedAlone" : null;
					if (kind === null) other.push(`${theirs.symbol}, ours ${own.symbol}`);
					else named[kind][file] = (named[kind][file] ?? 0) + 1;
				}
				expect(other.slice(0, 5)).toEqual([]);
				expect(named).toEqual({
					unnamed: unnamed[short(trace)] ?? {},
					namedAlone: namedAlone[short(trace)] ?? {},
				});
			} finally {
				d.close();
			}
		});
});

/** What threads of pk_chains do, leaf first (pk_chains.c). */
const bottom = ["start_thread", "__clone"];
const chains: Readonly<Record<string, readonly string[]>> = {
	"chain-alpha": ["alpha_leaf", "alpha_mid", "alpha_outer", "ta", ...bottom],
	"chain-beta": ["beta_leaf", "beta_mid", "beta_outer", "tb", ...bottom],
	"chain-gamma": ["gamma_leaf", "gamma_mid", "gamma_outer", "tg", ...bottom],
	"chain-delta": ["delta_leaf", "delta_mid", "delta_outer", "td", ...bottom],
	"chain-rec": ["rec_bottom", ...Array.from({ length: 12 }, () => "rec_down"), "tr", ...bottom],
};

interface Seen {
	/** Samples in which the chain's leaf, or what it calls, runs or waits. */
	readonly complete: Counts;
	/** Samples of its threads in other functions: at their begin and end. */
	readonly other: number;
	/** Leaves of which a caller is missing in the words themselves. */
	readonly short?: readonly string[];
}

/**
 * Samples of the threads by chain. `short`: __clock_gettime has no frame of its own and keeps its return address in its
 * caller's frame (slot0 as seen from there), which perf does not record: behind the call, and in the vDSO's last
 * instructions, alpha_leaf is in none of the words.
 */
const seen: Readonly<Record<string, Seen>> = {
	"6.12-cpu-clock-fp": { complete: { "chain-alpha": 146, "chain-delta": 144, "chain-gamma": 1 }, other: 7 },
	"6.12-cycles-fp": { complete: { "chain-alpha": 97, "chain-delta": 90, "chain-beta": 2 }, other: 10 },
	"6.12-exclude": { complete: { "chain-alpha": 27, "chain-delta": 25 }, other: 1 },
	"6.12-inject": { complete: { "chain-alpha": 11, "chain-delta": 8 }, other: 4 },
	"6.12-multi-callers": {
		complete: { "chain-alpha": 139, "chain-delta": 148, "chain-gamma": 1, "chain-beta": 1 },
		other: 16,
		short: ["__clock_gettime", "__clock_gettime"],
	},
	"6.12-sched-switch-g": {
		complete: { "chain-alpha": 32, "chain-delta": 40, "chain-beta": 6, "chain-gamma": 6, "chain-rec": 3 },
		other: 12,
	},
	"6.12-zstd": {
		complete: { "chain-alpha": 74, "chain-delta": 66, "chain-gamma": 1 },
		other: 8,
		short: ["[vdso] < __clock_gettime"],
	},
	"7.2-cpu-clock-fp": { complete: { "chain-alpha": 98, "chain-delta": 88, "chain-beta": 1 }, other: 8 },
	"7.2-cycles-fp": { complete: { "chain-alpha": 47, "chain-delta": 45, "chain-beta": 1 }, other: 11 },
	"7.2-off-cpu": { complete: { "chain-alpha": 8, "chain-delta": 8, "chain-gamma": 1 }, other: 3 },
	"6.12-uprobe": { complete: { "chain-beta": 8 }, other: 0 },
	"6.12-pipe": { complete: { "chain-alpha": 25, "chain-delta": 27, "chain-gamma": 1 }, other: 5 },
	"6.12-pipe-perf7.2": { complete: { "chain-alpha": 26, "chain-delta": 27 }, other: 2 },
};

describe("stacks of pk_chains are its chains, complete, without doubled or false frames", () => {
	for (const trace of captures.filter((t) => short(t) in seen))
		it(short(trace), async () => {
			const d = await datasetOf(trace, withSymbols(trace));
			try {
				const complete: Record<string, number> = {};
				const cut: string[] = [];
				const wrong: string[] = [];
				let other = 0;
				for (const s of await ownSamples(d)) {
					const chain = chains[s.thread];
					if (chain === undefined || s.user.length === 0) continue;
					const names = s.user.map((f) => f.symbol ?? f.module ?? "nowhere");
					const text = `${s.thread} ${s.ts}: ${names.join(" < ")}`;
					if (
						names.some((n, k) => n === names[k + 1] && n !== "rec_down" && n !== "[vdso]") ||
						names.includes("nowhere")
					)
						wrong.push(text);
					const at = names.findIndex((n) => chain.slice(0, -3).includes(n));
					if (at < 0) {
						if (names.at(-1) !== "__clone") wrong.push(text);
						other++;
					} else if (names.slice(at).join() === chain.join())
						complete[s.thread] = (complete[s.thread] ?? 0) + 1;
					else if (at === 0 && chain.join().endsWith(`,${names.join()}`))
						complete[s.thread] = (complete[s.thread] ?? 0) + 1;
					else if (names[at - 1] === "__clock_gettime" && names.slice(at).join() === chain.slice(1).join())
						cut.push(names.slice(0, at).join(" < "));
					else wrong.push(text);
				}
				expect(wrong.slice(0, 3)).toEqual([]);
				const found = { complete, other, ...(cut.length > 0 ? { short: cut } : {}) };
				expect(found).toEqual(seen[short(trace)]);
			} finally {
				d.close();
			}
		});
});

it("waits of pk_chains block in its chains, as often as it sleeps", async () => {
	const trace = await perfTrace("6.12-sched-switch-g");
	const [truth] = truths<{ readonly sleeps: number; readonly rec_sleeps: number }>(trace);
	const d = await datasetOf(trace, withSymbols(trace));
	try {
		const stacks = await stacksById(d);
		const calls: Readonly<Record<string, readonly string[]>> = {
			"chain-beta": ["__clock_nanosleep", "__nanosleep"],
			"chain-gamma": ["syscall"],
			"chain-rec": ["__clock_nanosleep", "__nanosleep"],
		};
		const waits =
			await d.rows(`SELECT t.name, s.blocked_user_stack_id AS id FROM thread_state s JOIN thread t USING (trace, utid)
			WHERE s.state = 'sleeping' AND t.name LIKE 'chain-%'`);
		const counts: Record<string, number> = {};
		for (const { name, id } of waits) {
			const thread = name as string;
			expect(stacks.get(Number(id))?.map((f) => f.symbol)).toEqual([...calls[thread]!, ...chains[thread]!]);
			counts[thread] = (counts[thread] ?? 0) + 1;
		}
		expect(counts).toEqual({
			"chain-beta": truth!.sleeps,
			"chain-gamma": truth!.sleeps,
			"chain-rec": truth!.rec_sleeps,
		});
	} finally {
		d.close();
	}
});

it("on x86 the frame pointer loses the caller of a function without frame, and of no other", async () => {
	const trace = await perfTrace("x86-cpu-clock-fp");
	const [truth] = truths<{ readonly functions: Readonly<Record<string, string>> }>(trace);
	const starts = Object.entries(truth!.functions)
		.map(([name, at]) => [name, BigInt(at)] as const)
		.sort((a, b) => (a[1] < b[1] ? -1 : 1));
	// these functions are small
	const nameOf = (address: bigint) =>
		starts.findLast(([, at]) => at <= address && address - at < 160n)?.[0] ?? null;
	const d = await datasetOf(trace);
	try {
		const counts: Record<string, number> = {};
		for (const s of await ownSamples(d)) {
			const names = s.user.map((f) => nameOf(f.address));
			const at = names.findIndex((n) => n?.startsWith("alpha_") || n?.startsWith("delta_"));
			if (at < 0 || !s.thread.startsWith("chain-")) continue;
			if (s.mode !== "user" || s.user.length === 0) continue;
			const chain =
				(at === 0 ? "" : "… < ") +
				names.slice(at, names.lastIndexOf(`${names[at]!.slice(0, 5)}_outer`) + 1).join(" < ");
			counts[chain] = (counts[chain] ?? 0) + 1;
		}
		// in the vDSO and in clock_gettime it is alpha_leaf that goes
		expect(counts).toEqual({
			"alpha_leaf < alpha_mid < alpha_outer": 36,
			"delta_leaf < delta_outer": 78,
			"… < alpha_mid < alpha_outer": 5,
		});
	} finally {
		d.close();
	}
});

describe("stacks unwound from dumps: by the program's call frames, then along the back chain through libc, which is not at hand", () => {
	const table: readonly { readonly name: string; readonly complete: Counts; readonly other: number }[] = [
		{ name: "6.12-cpu-clock-dwarf", complete: { "chain-alpha": 18, "chain-delta": 17 }, other: 3 },
		{ name: "6.12-dwarf-big", complete: { "chain-alpha": 4, "chain-delta": 3 }, other: 1 },
		{ name: "7.2-dwarf", complete: { "chain-alpha": 13, "chain-delta": 12 }, other: 5 },
	];
	for (const { name, complete, other } of table)
		it(name, async () => {
			const trace = await perfTrace(name);
			const d = await datasetOf(trace, withSymbols(trace));
			try {
				const found: Record<string, number> = {};
				let rest = 0;
				const own = await ownSamples(d);
				for (const s of own) {
					const names = s.user.map((f) => f.symbol);
					if (names.some((n) => n !== null)) {
						// start_thread and clone are in libc.so.6, which is not here: their addresses are known, not their names
						expect(names).toEqual([...chains[s.thread]!.slice(0, -2), null, null]);
						for (const f of s.user.slice(-2)) expect(f.module).toMatch(/\/libc\.so\.6$/);
						found[s.thread] = (found[s.thread] ?? 0) + 1;
					} else {
						expect(s.user.length).toBe(1);
						expect(s.user[0]!.module).toMatch(/\/libc\.so\.6$|^\[vdso\]$/);
						rest++;
					}
				}
				expect({ complete: found, other: rest }).toEqual({ complete, other });
				const text = besideText(trace, "script.txt");
				if (text === null) return;
				// perf prints the call, not the return address, and what it has unwound up to libc; the print ends early
				let compared = 0;
				for (const [k, s] of parseScript(text.split("\n")).entries()) {
					const theirs = partsOf(s).user;
					if (theirs.length === 0) continue;
					const ours = own.filter((o) => o.ts / 1000n === s.ts / 1000n && o.tid === s.tid);
					expect(ours.length, `sample ${k}`).toBe(1);
					expect(
						ours[0]!.user
							.slice(0, theirs.length)
							.map((f, i) => [i === 0 ? f.address : f.address - 1n, f.symbol]),
					).toEqual(theirs.map((f) => [f.address, f.symbol]));
					compared++;
				}
				expect(compared).toBe(name === "7.2-dwarf" ? 12 : 0);
			} finally {
				d.close();
			}
		});
});
