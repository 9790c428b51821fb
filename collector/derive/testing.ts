/**
 * Feeds made-up events to derivations in unit tests, the way a decoder does, and gives the rows back as plain objects:
 * NULL as null, strings as text, 0/1 of BOOLEAN as false/true, 64-bit patterns as one bigint.
 */
import type { Column, Row, Table } from "../../lib/schema/column.ts";
import { Threads } from "../identity/threads.ts";
import type {
	Derivation,
	DeriveContext,
	FieldSpec,
	PrevStateTable,
	StringPool,
	TableWriter,
} from "./derivation.ts";
import { defaultPrevState } from "./prev-state.ts";
import { SWITCH_RECORDS } from "./switch-record.ts";

export type TestValue = number | bigint | string | readonly (number | bigint)[];
export type TestRow = Record<string, number | bigint | string | boolean | null | readonly unknown[]>;

export interface TestOptions {
	arch?: string;
	timed?: boolean;
	prevState?: PrevStateTable;
	/** Default: the names of all events that are fed. */
	recorded?: Iterable<string>;
	idleStates?: ReadonlyMap<number, string>;
	perTask?: boolean;
}

class Pool implements StringPool {
	readonly #texts: string[] = [];
	readonly #codes = new Map<string, number>();

	code(text: string): number {
		let code = this.#codes.get(text);
		if (code === undefined) {
			code = this.#texts.push(text) - 1;
			this.#codes.set(text, code);
		}
		return code;
	}

	text(code: number): string {
		return this.#texts[code];
	}
}

type Step =
	| {
			kind: "event";
			ts: number;
			cpu: number;
			pid: number;
			name: string;
			fields: Record<string, TestValue>;
			flags: number;
	  }
	| { kind: "switch"; ts: number; cpu: number; by: number; prev: number; next: number; preempted: boolean }
	| { kind: "exit"; ts: number; cpu: number; pid: number }
	| { kind: "stack"; cpu: number; stackId: number; userStackId: number }
	| { kind: "losing"; cpu: number }
	| { kind: "lost"; cpu: number; from: number; to: number; count: number };

export interface TestNote {
	severity: string;
	kind: string;
	text: string;
	cpu: number | undefined;
}

/**
 * const test = new DeriveTest();
 * test.event(100, 0, 7, "sched_switch", { prev_pid: 7, … });      ts, cpu, tid that is current, name, fields
 * test.run((context) => [new ThreadIdentity(context), new Sched(context)]);
 * test.rows("sched")
 */
export class DeriveTest {
	readonly strings = new Pool();
	readonly threads = new Threads(this.strings);
	readonly notes: TestNote[] = [];
	readonly context: DeriveContext;
	readonly #recorded = new Set<string>();
	readonly #steps: Step[] = [];
	readonly #rows = new Map<string, TestRow[]>();

	constructor(options: TestOptions = {}) {
		for (const name of options.recorded ?? []) this.#recorded.add(name);
		this.#ownRecorded = options.recorded === undefined;
		this.context = {
			threads: this.threads,
			strings: this.strings,
			arch: options.arch ?? "ppc64le",
			timed: options.timed ?? true,
			prevState: options.prevState ?? defaultPrevState,
			recorded: this.#recorded,
			perTask: options.perTask ?? false,
			idleStates: options.idleStates ?? new Map(),
			table: <T extends Table>(table: T) => this.table(table),
			note: (severity, kind, text, cpu) => this.notes.push({ severity, kind, text, cpu }),
		};
	}
	readonly #ownRecorded: boolean;

	/** A record; `pid` is the tid that was current. Give records in the order in which the decoder would. */
	event(
		ts: number,
		cpu: number,
		pid: number,
		name: string,
		fields: Record<string, TestValue> = {},
		flags = 0,
	): this {
		this.#steps.push({ kind: "event", ts, cpu, pid, name, fields, flags });
		if (this.#ownRecorded) this.#recorded.add(name);
		return this;
	}

	/** Stacks of the last event of this CPU; -1 = none. */
	stack(cpu: number, stackId: number, userStackId = -1): this {
		this.#steps.push({ kind: "stack", cpu, stackId, userStackId });
		return this;
	}

	/** PERF_RECORD_SWITCH of the thread that leaves; `next` is told where whole CPUs are recorded. */
	out(ts: number, cpu: number, prev: number, next = -1, preempted = false): this {
		return this.#switched({ kind: "switch", ts, cpu, by: prev, prev, next, preempted });
	}

	/** PERF_RECORD_SWITCH of the thread that comes; `prev` is told where whole CPUs are recorded. */
	in(ts: number, cpu: number, next: number, prev = -1): this {
		return this.#switched({ kind: "switch", ts, cpu, by: next, prev, next, preempted: false });
	}

	#switched(step: Step): this {
		this.#steps.push(step);
		if (this.#ownRecorded) this.#recorded.add(SWITCH_RECORDS);
		return this;
	}

	/** PERF_RECORD_EXIT of the current thread. */
	exit(ts: number, cpu: number, pid: number): this {
		this.#steps.push({ kind: "exit", ts, cpu, pid });
		return this;
	}

	lost(cpu: number, from: number, to: number, count = Number.NaN): this {
		this.#steps.push({ kind: "lost", cpu, from, to, count });
		return this;
	}

	/** What a reader tells that looks ahead: the CPU loses events until `lost`. */
	losing(cpu: number): this {
		this.#steps.push({ kind: "losing", cpu });
		return this;
	}

	/** A table to write to, such as a derivation gets; its rows are read back by `rows`. */
	table<T extends Table>(table: T): TableWriter<T> {
		const rows: TestRow[] = [];
		this.#rows.set(table.name, rows);
		return { append: (row: Row<T>) => void rows.push(this.#decode(table, row as Record<string, unknown>)) };
	}

	/** Feeds everything, in the order of the derivations for each event. `end` is the end of the window, by default the last record. */
	run(make: (context: DeriveContext) => readonly Derivation[], end = this.#lastTs()): this {
		const derivations = make(this.context);
		const lastOf = new Map<number, number>();
		this.#steps.forEach((step, i) => {
			if (step.kind !== "lost" && step.kind !== "losing") lastOf.set(step.cpu, i);
		});
		const started = new Set<number>();
		const last = new Map<number, { name: string; utid: number; ts: number }>();
		this.#steps.forEach((step, i) => {
			if (step.kind === "lost") {
				for (const d of derivations) d.lost?.(step.cpu, step.from, step.to, step.count);
				return;
			}
			if (step.kind === "losing") {
				for (const d of derivations) d.lossBegins?.(step.cpu);
				return;
			}
			if (step.kind === "stack") {
				const event = last.get(step.cpu);
				if (!event) throw new Error(`a stack without an event on cpu ${step.cpu}`);
				for (const d of derivations)
					d.stack?.(step.cpu, event.name, event.utid, step.stackId, step.userStackId);
			} else {
				const { ts, cpu } = step;
				const utid = this.#told(step.kind === "switch" ? step.by : step.pid, ts);
				if (!started.has(cpu)) {
					started.add(cpu);
					const first = step.kind === "switch" ? this.#told(step.prev, ts) : utid;
					for (const d of derivations) d.cpuStart?.(cpu, ts, first);
				}
				if (this.context.perTask && step.kind !== "switch")
					for (const d of derivations) d.current?.(cpu, ts, utid);
				this.#feed(derivations, step, utid);
				last.set(cpu, { name: step.kind === "event" ? step.name : "", utid, ts });
			}
			const now = last.get(step.cpu);
			if (lastOf.get(step.cpu) === i && now) for (const d of derivations) d.cpuEnd?.(step.cpu, now.ts);
		});
		for (const d of derivations) d.finish(end);
		return this;
	}

	#utid(pid: number, ts: number): number {
		const utid = pid === 0 ? 0 : this.threads.byTid[pid] || this.threads.appear(pid, ts);
		this.threads.lastTs[utid] = ts;
		return utid;
	}

	#told(pid: number, ts: number): number {
		return pid < 0 ? -1 : this.#utid(pid, ts);
	}

	#feed(
		derivations: readonly Derivation[],
		step: Exclude<Step, { kind: "stack" | "losing" | "lost" }>,
		utid: number,
	): void {
		const { ts, cpu } = step;
		if (step.kind === "switch") {
			const prev = this.#told(step.prev, ts);
			const next = this.#told(step.next, ts);
			for (const d of derivations) d.switched?.(cpu, ts, prev, next, step.preempted);
		} else if (step.kind === "exit") {
			this.threads.exit(utid);
			if (this.context.perTask) for (const d of derivations) d.current?.(cpu, ts, -1);
		} else
			for (const d of derivations) {
				const subscription = d.events[step.name];
				subscription?.on(ts, cpu, utid, step.flags, ...this.#arguments(subscription.fields, step.fields));
			}
	}

	/** Rows of a table in order of ts (rows without order of ts, or with equal ts: as they were appended). With `columns`, only those. */
	rows(table: string, ...columns: string[]): TestRow[] {
		const rows = [...(this.#rows.get(table) ?? [])];
		const time = (row: TestRow) => Number(row.ts ?? 0);
		rows.sort((a, b) => time(a) - time(b));
		return columns.length === 0
			? rows
			: rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
	}

	#lastTs(): number {
		return Math.max(0, ...this.#steps.map((step) => ("ts" in step ? step.ts : 0)));
	}

	#arguments(specs: readonly FieldSpec[], fields: Record<string, TestValue>): number[] {
		return specs.flatMap(({ name, form }) => {
			const element = /^(.*)\[(\d+)\]$/.exec(name);
			const whole = element && fields[name] === undefined ? fields[element[1]] : fields[name];
			const value = element && Array.isArray(whole) ? whole[Number(element[2])] : whole;
			if (form === "string") return [value === undefined ? -1 : this.strings.code(String(value))];
			if (form === "number") return [value === undefined ? Number.NaN : Number(value)];
			if (value === undefined) return [0, Number.NaN];
			const bits = BigInt.asIntN(64, BigInt(value));
			return [Number(BigInt.asIntN(32, bits)), Number(bits >> 32n)];
		});
	}

	#decode(table: Table, row: Record<string, unknown>): TestRow {
		const known = new Set<string>();
		const out: TestRow = {};
		for (const [name, column] of Object.entries(table.columns)) {
			const halves = column.type === "BIGINT" && (column.unit === "address" || column.unit === "mask");
			for (const key of halves ? [`${name}_lo`, `${name}_hi`] : [name]) {
				if (row[key] === undefined) throw new Error(`${table.name}: the row has no ${key}`);
				known.add(key);
			}
			out[name] = halves
				? joined(row[`${name}_lo`] as number, row[`${name}_hi`] as number)
				: this.#value(column, row[name]);
		}
		for (const key of Object.keys(row))
			if (!known.has(key)) throw new Error(`${table.name} has no column ${key}`);
		return out;
	}

	#value(column: Column, value: unknown): TestRow[string] {
		if (column.type === "VARCHAR") return value === -1 ? null : this.strings.text(value as number);
		if (value instanceof Int32Array) {
			return Array.from({ length: value.length / 2 }, (_, i) => joined(value[2 * i], value[2 * i + 1]));
		}
		if (typeof value !== "number") return value as null;
		if (Number.isNaN(value)) return null;
		return column.type === "BOOLEAN" ? value === 1 : value;
	}
}

function joined(lo: number, hi: number): bigint | null {
	return Number.isNaN(hi) ? null : (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}
