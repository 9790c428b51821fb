/**
 * Threads of a made-up kernel do calls at random, which overlap and are partly not recorded. What its tables really were
 * when each call looked its descriptor up is known: a row may name that file, or none, but never another.
 *
 * Some faults show once in a thousand seeds: after a change of the derivation, try more than the few of the fast tests.
 *     POWERKI_SEEDS=3000 npx vitest run --project fast --testTimeout 600000 collector/derive/descriptors-random.test.ts
 */
import { expect, test } from "vitest";
import { AT_FDCWD, type Call, Machine, O_CLOEXEC } from "./descriptor-testing.ts";

interface Open {
	path: string;
	cloexec: boolean;
}

interface Task {
	tid: number;
	process: Process;
	call: Pending | null;
}

interface Process {
	tgid: number;
	table: Map<number, Open>;
	alive: boolean;
}

interface Pending {
	name: Call;
	args: number[];
	path: string | undefined;
	/** What the kernel does; gives the result. */
	effect: () => number;
	done: boolean;
	ret: number;
}

const CLONE_FILES = 0x400;
const CLONE_THREAD = 0x1_0000;
/** Calls, by the numbers below: those that put one file in the place of another, and reads. */
const FEW = [0, 2, 4, 4, 6, 7, 13, 13, 13, 13];

/** Seeds of each variant. */
const SEEDS = Number(process.env.POWERKI_SEEDS || 25);

/** A small generator of numbers (mulberry32), so that a failure can be repeated. */
function random(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) % below;
	};
}

interface Options {
	/** task_newtask is recorded */
	newtask: boolean;
	paths: boolean;
	losses: boolean;
	snapshot: boolean;
}

/** Rows that name a file, rows that should have named another, all rows that have one. */
function run(seed: number, options: Options): { named: number; wrong: string[]; all: number } {
	const below = random(seed);
	const m = new Machine();
	const tasks: Task[] = [];
	const processes: Process[] = [];
	const truth: { tid: number; at: number; path: string }[] = [];
	let files = 0;
	// the fewer, the more calls are about the same
	const fds = 1 + below(6);
	const kinds = below(2) === 0 ? null : FEW;
	let nextTid = 10;
	/** Steps until the end of a loss on all CPUs. */
	let losing = 0;
	/** Or on the CPU of one thread. */
	let losingOf = -1;
	const isLost = (tid: number) => losing > 0 && (losingOf === -1 || losingOf === tid);
	const endLoss = () => (losingOf === -1 ? m.lost() : m.found(losingOf));

	const process = (): Process => {
		const made = { tgid: nextTid, table: new Map<number, Open>(), alive: true };
		processes.push(made);
		return made;
	};
	const task = (of: Process): Task => {
		const made = { tid: nextTid++, process: of, call: null };
		m.process(made.tid, of.tgid);
		tasks.push(made);
		return made;
	};
	const free = (table: Map<number, Open>): number => {
		let fd = 0;
		while (table.has(fd)) fd++;
		return fd;
	};
	for (let i = 0; i < 2; i++) {
		const p = process();
		task(p);
		task(p);
		for (let fd = 0; fd < 3; fd++) p.table.set(fd, { path: `/old${files++}`, cloexec: below(2) === 0 });
	}

	const make = (t: Task): Pending => {
		const table = () => t.process.table;
		const fd = below(fds);
		const call = (name: Call, args: number[], effect: () => number, path?: string): Pending => ({
			name,
			args,
			effect,
			path,
			done: false,
			ret: 0,
		});
		switch (kinds === null ? below(14) : kinds[below(kinds.length)]!) {
			case 0:
			case 1: {
				const path = `/f${files++}`;
				const cloexec = below(2) === 0;
				const open = () => {
					const at = free(table());
					table().set(at, { path, cloexec });
					return at;
				};
				return call("openat", [AT_FDCWD, 0, cloexec ? O_CLOEXEC : 0], open, options.paths ? path : undefined);
			}
			case 2:
			case 3:
				return call("close", [fd], () => (table().delete(fd) ? 0 : -9));
			case 4: {
				const to = below(fds);
				return call("dup2", [fd, to], () => {
					const open = table().get(fd);
					if (open === undefined) return -9;
					if (to !== fd) table().set(to, { ...open, cloexec: false });
					return to;
				});
			}
			case 5:
				return call("dup", [fd], () => {
					const open = table().get(fd);
					if (open === undefined) return -9;
					const at = free(table());
					table().set(at, { ...open, cloexec: false });
					return at;
				});
			case 6:
				// told in memory
				return call("socketpair", [1, 1, 0, 0], () => {
					for (let i = 0; i < 2; i++) table().set(free(table()), { path: `/pair${files++}`, cloexec: false });
					return 0;
				});
			case 7: {
				if (tasks.length > 12) break;
				// processes that share a table, and of which the loss hides that they do, cannot be told
				const flagsOf = options.losses
					? [0, CLONE_FILES | CLONE_THREAD]
					: [0, CLONE_FILES, CLONE_FILES | CLONE_THREAD];
				const flags = options.newtask ? flagsOf[below(flagsOf.length)]! : 0;
				return call("clone", [flags], () => {
					const thread = (flags & CLONE_THREAD) !== 0;
					const to = thread ? t.process : process();
					if (!thread) to.table = (flags & CLONE_FILES) !== 0 ? table() : new Map(table());
					const child = task(to);
					if (options.newtask && !isLost(t.tid)) m.newtask(t.tid, child.tid, flags);
					return child.tid;
				});
			}
			case 8: {
				if (tasks.some((o) => o !== t && o.process === t.process)) break;
				return call("execve", [], () => {
					// unshare_files
					t.process.table = new Map([...table()].filter(([, o]) => !o.cloexec));
					return 0;
				});
			}
			case 9: {
				const set = below(3);
				// F_GETFD
				if (set === 2)
					return call("fcntl", [fd, 1], () => {
						const open = table().get(fd);
						return open === undefined ? -9 : Number(open.cloexec);
					});
				return call("fcntl", [fd, 2, set], () => {
					const open = table().get(fd);
					if (open === undefined) return -9;
					table().set(fd, { ...open, cloexec: set === 1 });
					return 0;
				});
			}
			case 10: {
				const last = below(2) === 0 ? fd + 1 : 0x7fff_ffff;
				const flags = below(3) === 0 ? 4 : 0;
				return call("close_range", [fd, last, flags], () => {
					for (const [n, open] of table())
						if (n >= fd && n <= last) {
							if (flags) table().set(n, { ...open, cloexec: true });
							else table().delete(n);
						}
					return 0;
				});
			}
		}
		return call("read", [fd, 0, 8], () => {
			const open = table().get(fd);
			if (open === undefined) return -9;
			truth.push({ tid: t.tid, at: -1, path: open.path });
			return 1;
		});
	};

	const enters = new Map<string, string>();
	for (let step = 0; step < 400; step++) {
		if (losing > 0) {
			if (losing === 1) endLoss();
			losing--;
		} else if (options.losses && below(80) === 0) {
			losing = 3 + below(40);
			losingOf = below(2) === 0 ? -1 : tasks[below(tasks.length)]!.tid;
			if (losingOf !== -1) m.losing(losingOf);
		}
		const t = tasks[below(tasks.length)]!;
		if (t.call === null) {
			t.call = make(t);
			if (!isLost(t.tid)) m.enter(t.tid, t.call.name, t.call.args, t.call.path);
		} else if (!t.call.done) {
			const before = truth.length;
			t.call.ret = t.call.effect();
			t.call.done = true;
			if (truth.length > before) enters.set(`${t.tid} pending`, truth.at(-1)!.path);
		} else {
			if (!isLost(t.tid)) {
				m.exit(t.tid, t.call.name, t.call.ret);
				const path = enters.get(`${t.tid} pending`);
				if (t.call.name === "read" && t.call.ret > 0) enters.set(`${t.tid} ${m.now}`, path!);
			}
			enters.delete(`${t.tid} pending`);
			t.call = null;
		}
	}
	// A loss that lasts until the end is told by no record behind it: no more can be known of it than of what happened
	// between the end of the recording and the snapshot.
	if (losing > 0) endLoss();
	if (options.snapshot)
		for (const p of processes)
			for (const [fd, { path }] of p.table) m.seen({ tgid: p.tgid, fd, path, inode: BigInt(fd) });
	m.run();
	let named = 0;
	const wrong: string[] = [];
	const rows = m.files("read").filter((r) => Number(r.bytes) > 0);
	for (const r of rows) {
		const said = r.file?.path ?? null;
		if (said === null) continue;
		named++;
		const tid = m.t.threads.tidOf(Number(r.utid));
		const really = enters.get(`${tid} ${Number(r.ts) + Number(r.dur)}`);
		if (said !== really) wrong.push(`seed ${seed}: ${tid} at ${r.ts}: ${said}, but it was ${really}`);
	}
	return { named, wrong, all: rows.length };
}

const all = [false, true];
for (const newtask of all)
	for (const paths of all)
		for (const losses of all)
			test(`no call is booked on another file${newtask ? "; task_newtask is recorded" : ""}${paths ? "; paths are" : ""}${losses ? "; events are lost" : ""}`, () => {
				const wrong: string[] = [];
				let named = 0;
				for (let seed = 1; seed <= SEEDS; seed++) {
					const result = run(seed, { newtask, paths, losses, snapshot: true });
					wrong.push(...result.wrong);
					named += result.named;
				}
				expect(wrong).toEqual([]);
				expect(named).toBeGreaterThan(20);
			});
