/**
 * One trace on its way from records to tables, for every format: strings, threads, derivations, event decoders,
 * kernel stacks. A format's reader feeds it records in order; everything that comes out goes to a sink.
 */
import type { Batch } from "../lib/schema/batch.ts";
import { catalog } from "../lib/schema/catalog.ts";
import type { Row, Table } from "../lib/schema/column.ts";
import { cpuSample } from "../lib/schema/events.ts";
import { cgroup as cgroupTable, file as fileTable, socket as socketTable } from "../lib/schema/identity.ts";
import type { IdentityRow, Note } from "./decode/source.ts";
import { EventTable, NOW, STAMP, type TableContext } from "./decode/tracepoint/event-table.ts";
import type { EventFormat } from "./decode/tracepoint/format.ts";
import { CommCache, Interner } from "./decode/tracepoint/interner.ts";
import type { RecordMemory } from "./decode/tracepoint/memory.ts";
import { RecentEvents } from "./decode/tracepoint/recent.ts";
import { compileThunk } from "./decode/tracepoint/thunk.ts";
import type {
	Derivation,
	DeriveContext,
	PrevStateTable,
	Subscription,
	TableWriter,
} from "./derive/derivation.ts";
import { createDerivations } from "./derive/index.ts";
import { defaultPrevState, parsePrevState } from "./derive/prev-state.ts";
import { AddressSpaces } from "./identity/address-space.ts";
import { Cgroups } from "./identity/cgroups.ts";
import { Files } from "./identity/files.ts";
import type { Names } from "./identity/resolve.ts";
import { Sockets } from "./identity/sockets.ts";
import { StackTable } from "./identity/stacks.ts";
import { writeThreads } from "./identity/thread-rows.ts";
import { Threads } from "./identity/threads.ts";
import type { SideFiles } from "./side/index.ts";
import { type Appender, appender, type BaseStamp } from "./write/appender.ts";
import { Strings } from "./write/string-pool.ts";

export interface PipelineOptions {
	readonly memory: RecordMemory;
	readonly base: BaseStamp;
	/** One more than the highest CPU number. */
	readonly cpus: number;
	readonly arch: string;
	readonly timed: boolean;
	readonly formats: readonly EventFormat[];
	/** Names of the events that may come. */
	readonly recorded: ReadonlySet<string>;
	readonly derived: boolean;
	/** Events were recorded for single threads, not for CPUs. */
	readonly perTask?: boolean;
	/** Events may come with user stacks. */
	readonly userStacks?: boolean;
	/** What prev_state means, where no print format of sched_switch tells it. */
	readonly prevState?: PrevStateTable;
	/** Event tables to write; all where undefined. */
	readonly events?: ReadonlySet<string>;
	readonly side: SideFiles;
	readonly emit: (batch: Batch) => void;
}

/** Counts notes of one kind, so that a million lost events are one row. */
export class Notes {
	readonly #notes = new Map<string, Note & { count: number }>();

	add(note: Note): void {
		const key = `${note.kind}\0${note.cpu ?? ""}\0${note.source}\0${note.text}`;
		const known = this.#notes.get(key);
		if (known) known.count += note.count ?? 1;
		else this.#notes.set(key, { ...note, count: note.count ?? 1 });
	}

	all(): readonly Note[] {
		return [...this.#notes.values()];
	}
}

/** Table of each event: its name; with the system where two systems have the name, or a declared table has it. */
export function eventTableName(format: EventFormat, clashing: ReadonlySet<string>): string {
	const declared = catalog.get(format.name);
	return clashing.has(format.name) || (declared && declared.kind !== "event")
		? `${format.system}_${format.name}`
		: format.name;
}

export function clashingNames(formats: readonly EventFormat[]): Set<string> {
	const systems = new Map<string, string>();
	const clashing = new Set<string>();
	for (const f of formats) {
		const other = systems.get(f.name);
		if (other !== undefined && other !== f.system) clashing.add(f.name);
		systems.set(f.name, f.system);
	}
	return clashing;
}

export class Pipeline {
	readonly strings = new Strings();
	readonly threads: Threads;
	readonly notes = new Notes();
	readonly stacks: StackTable;
	/** A source that tells a group by id and path (PERF_RECORD_CGROUP) calls its `known`. */
	readonly cgroups: Cgroups;
	readonly files: Files;
	readonly sockets: Sockets;
	readonly recent: RecentEvents;
	readonly #options: PipelineOptions;
	readonly #derivations: readonly Derivation[];
	readonly #appenders = new Map<string, Appender<Table>>();
	readonly #subscriptions = new Map<string, Subscription[]>();
	readonly #tableContext: TableContext;
	readonly #tables: EventTable[] = [];
	readonly #clashing: ReadonlySet<string>;
	readonly #clock = new Float64Array([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]);
	#backwards = 0;
	/** By CPU, the time at which derivations had the last of its records that stepped back. */
	readonly #behind: number[] = [];

	constructor(options: PipelineOptions) {
		this.#options = options;
		this.threads = new Threads(this.strings);
		this.cgroups = new Cgroups(this.strings);
		this.files = new Files(this.strings);
		this.sockets = new Sockets(this.strings);
		this.stacks = new StackTable(options.memory);
		this.recent = new RecentEvents(options.cpus);
		this.#clashing = clashingNames(options.formats);
		const context: DeriveContext = {
			threads: this.threads,
			strings: this.strings,
			arch: options.arch,
			timed: options.timed,
			prevState:
				options.prevState ??
				parsePrevState(options.formats.find((f) => f.name === "sched_switch")?.printFmt ?? "") ??
				defaultPrevState,
			recorded: options.recorded,
			perTask: options.perTask === true,
			idleStates: options.side.idleStates,
			table: (table) => this.#appender(table) as TableWriter<typeof table>,
			note: (severity, kind, text, cpu) =>
				this.notes.add({ severity, kind, source: "derive", text, cpu: cpu ?? null }),
		};
		this.#derivations = createDerivations(context, options.derived, {
			cgroups: this.cgroups,
			files: this.files,
			sockets: this.sockets,
			openFiles: options.side.openFiles,
			workingDirectories: options.side.workingDirectories,
		});
		for (const d of this.#derivations)
			for (const [event, subscription] of Object.entries(d.events)) {
				const list = this.#subscriptions.get(event) ?? [];
				list.push(subscription);
				this.#subscriptions.set(event, list);
			}
		const interner = new Interner(this.strings);
		this.#tableContext = {
			memory: options.memory,
			strings: this.strings,
			interner,
			comms: new CommCache(interner),
			clock: this.#clock,
			columns: { bytes: 0 },
			threads: this.threads,
			base: options.base,
			recent: this.recent,
			userStacks: options.userStacks === true,
			emit: options.emit,
			damaged: (event, cpu) =>
				this.notes.add({
					severity: "warning",
					kind: "record-damaged",
					source: event,
					cpu,
					text: `${event}: a record is shorter than its format says, or points outside itself`,
				}),
		};
		for (const { path, inode } of options.side.cgroups) this.cgroups.known(inode, path);
		for (const t of options.side.threads) {
			if (t.cgroup !== undefined) this.cgroups.knownThread(t.tid, t.cgroup, t.when);
			const told = t.when === "after" ? "after" : "start";
			if (t.name !== undefined) this.threads.known(t.tid, this.strings.code(t.name), "ps", told);
			if (t.tgid !== undefined) this.threads.knownProcess(t.tid, t.tgid, told);
			this.threads.knownDetails(
				t.tid,
				{
					...(t.kernelThread === undefined ? {} : { kernel: t.kernelThread }),
					...(t.ppid === undefined ? {} : { parentTgid: t.ppid }),
					...(t.command === undefined ? {} : { command: t.command }),
				},
				told,
			);
		}
	}

	#appender(table: Table): Appender<Table> {
		let known = this.#appenders.get(table.name);
		if (!known) {
			known = appender(table, this.strings, this.#options.base, this.#options.emit);
			this.#appenders.set(table.name, known);
		}
		return known;
	}

	/** Whether the table of an event is asked for. */
	#wanted(event: string): boolean {
		return this.#options.events === undefined || this.#options.events.has(event);
	}

	/**
	 * The table of an event type, made when its first record comes. Derivations see the event only where all of it was
	 * recorded (`complete`).
	 */
	table(format: EventFormat, complete = true): EventTable {
		const table = eventTableName(format, this.#clashing);
		const write = this.#wanted(format.name);
		const context = write ? this.#tableContext : { ...this.#tableContext, emit: () => {} };
		const eventTable = new EventTable(
			format,
			table,
			context,
			compileThunk(format, complete ? (this.#subscriptions.get(format.name) ?? []) : [], context),
		);
		this.#tables.push(eventTable);
		return eventTable;
	}

	/** One record; `ts` is its time, ns since the base. */
	record(table: EventTable, p: number, end: number, ts: number, cpu: number): void {
		const clock = this.#clock;
		clock[STAMP] = ts;
		// Clocks that are not global may step back between CPUs or on one: rows keep the stamp, derivations do not.
		if (ts < clock[NOW]!) {
			this.#backwards++;
			this.#behind[cpu] = clock[NOW]!;
		} else clock[NOW] = ts;
		table.on(p, end, cpu);
	}

	/** A sample of an event that is no tracepoint; its name is given besides the row, which has its code. */
	sample(row: Row<typeof cpuSample>, event: string): void {
		const clock = this.#clock;
		if (row.ts < clock[NOW]!) this.#backwards++;
		else clock[NOW] = row.ts;
		if (this.#wanted(event)) this.#appender(cpuSample).append(row);
	}

	/** A row of a declared event table that no record format fills: what a recorder adds to the record that is under way. */
	append<T extends Table>(table: T, row: Row<T>): void {
		if (this.#wanted(table.name)) (this.#appender(table) as TableWriter<T>).append(row);
	}

	/** Addresses that were recorded with the sys_exit that comes next on this CPU; `socketId` is of `sockets`. */
	callSocket(cpu: number, socketId: number): void {
		for (const d of this.#derivations) d.socket?.(cpu, socketId);
	}

	/** Stacks of the record that came last in `table`, with the record itself: -1 = none. */
	ownStacks(table: EventTable, cpu: number, utid: number, kernelId: number, userId: number): void {
		if (kernelId < 0 && userId < 0) return;
		table.setLastStacks(kernelId, userId);
		for (const d of this.#derivations) d.stack?.(cpu, table.format.name, utid, kernelId, userId);
	}

	/** Where events are recorded for single threads: one of them was current in a record, which comes next. */
	current(cpu: number, ts: number, tid: number): void {
		if (ts > this.#clock[NOW]!) this.#clock[NOW] = ts;
		const now = this.#clock[NOW]!;
		const utid = tid <= 0 ? Math.max(tid, -1) : this.threads.byTid[tid] || this.threads.appear(tid, now);
		for (const d of this.#derivations) d.current?.(cpu, now, utid);
	}

	/** A switch by a record that is no event; -1 = not told. */
	switched(cpu: number, ts: number, prev: number, next: number, preempted: boolean): void {
		if (ts > this.#clock[NOW]!) this.#clock[NOW] = ts;
		for (const d of this.#derivations) d.switched?.(cpu, this.#clock[NOW]!, prev, next, preempted);
	}

	/** Call before the first record of a CPU: `pid` is its current thread. */
	cpuStart(cpu: number, ts: number, pid: number): void {
		if (ts > this.#clock[NOW]!) this.#clock[NOW] = ts;
		const now = this.#clock[NOW]!;
		// -1: the record does not tell
		const utid = pid <= 0 ? Math.max(pid, -1) : this.threads.byTid[pid] || this.threads.appear(pid, now);
		for (const d of this.#derivations) d.cpuStart?.(cpu, now, utid);
	}

	/** Records of the CPU are known to be missing behind those so far; `lost`, or its first record here, tells of the end. */
	lossBegins(cpu: number): void {
		for (const d of this.#derivations) d.lossBegins?.(cpu);
	}

	lost(cpu: number, from: number, to: number, count: number): void {
		const since = this.#told(cpu, from);
		for (const d of this.#derivations) d.lost?.(cpu, since, Math.max(since, to), count);
	}

	cpuEnd(cpu: number, ts: number): void {
		const end = this.#told(cpu, ts);
		for (const d of this.#derivations) d.cpuEnd?.(cpu, end);
	}

	/** Time of the CPU's last record, `ts` or later, as derivations know it; nothing is handed to them that is before it. */
	#told(cpu: number, ts: number): number {
		const last = Math.max(ts, this.#behind[cpu] ?? ts);
		if (last > this.#clock[NOW]!) this.#clock[NOW] = last;
		return last;
	}

	/** A kernel stack of `words` addresses at `p` (leaf first): interned and given to the event it belongs to. */
	kernelStack(p: number, words: number, wordBytes: number, pid: number, cpu: number): void {
		const stackId = this.stacks.kernel(p, words, wordBytes);
		if (stackId < 0) return;
		const utid = this.threads.find(pid);
		const r = this.recent.claim(cpu, utid, this.stacks.leafOf(stackId));
		const table = r < 0 ? undefined : this.#tables[this.recent.lastKind];
		if (!table?.setStack(this.recent.rows[r]!, stackId)) {
			this.notes.add({
				severity: "info",
				kind: "stack-unattached",
				source: "kernel_stack",
				cpu,
				text: "A kernel stack was recorded but the event that it belongs to was not",
			});
			return;
		}
		for (const d of this.#derivations) d.stack?.(cpu, table.format.name, utid, stackId, -1);
	}

	/** The thread is in the control group with this id of the kernel, says a record (PERF_SAMPLE_CGROUP). */
	inCgroup(utid: number, inode: number, ts: number): void {
		const now = Math.max(ts, this.#clock[NOW]!);
		for (const d of this.#derivations) d.inCgroup?.(now, utid, inode);
	}

	/** After the last record and every cpuEnd. `end` is the end of the window. */
	finish(end: number): void {
		for (const d of this.#derivations) d.finish(end);
		this.threads.settle();
		writeThreads(this.threads, this.strings, (table) => this.#appender(table) as TableWriter<typeof table>);
		this.cgroups.write(this.#appender(cgroupTable) as TableWriter<typeof cgroupTable>);
		this.files.write(this.#appender(fileTable) as TableWriter<typeof fileTable>);
		this.sockets.write(this.#appender(socketTable) as TableWriter<typeof socketTable>);
		for (const d of this.#tables) d.flush();
		for (const a of this.#appenders.values()) a.flush();
		if (this.#backwards > 0)
			this.notes.add({
				severity: "warning",
				kind: "time-backwards",
				source: "clock",
				count: this.#backwards,
				text: "Records came with a time before that of the record before them: the clock is not the same on all CPUs; intervals treat them as simultaneous",
			});
	}

	/** What processes have mapped where; says in the notes of `source` when there is more than can be kept. */
	addressSpaces(source: string): AddressSpaces {
		return new AddressSpaces(() =>
			this.notes.add({
				severity: "warning",
				kind: "mappings-many",
				source,
				text: "Mappings beyond the limit are not known: frames in them stay addresses",
			}),
		);
	}

	/** Rows of the tables of stacks, frames and binaries. To be called after finish(). */
	stackRows(names: Names): { table: string; rows: readonly IdentityRow[] }[] {
		return Object.entries(this.stacks.rows(names)).map(([table, rows]) => ({ table, rows }));
	}
}
