/**
 * Interrupts and softirqs: one stack of what is open on each CPU, so that nesting is known.
 * Events: include/trace/events/irq.h; on powerpc also irq_entry around the handlers, timer_interrupt and doorbell
 * (arch/powerpc/include/asm/trace.h; Linux 6.1 to 7.2).
 *
 * What is seen only in part:
 * - What is open when events of its CPU are lost, or the CPU's last record has come, ends there (open_right).
 * - An exit without an entry belongs to what was open when the CPU's window began or its recording went on: it starts
 *   there (open_left). After a context switch nothing can have been open; such an exit is ignored and counted.
 * - An exit for an outer one ends the inner ones whose exits are missing, at the same time, with open_right.
 */
import type { Row } from "../../lib/schema/column.ts";
import { irq as irqTable, softirq as softirqTable } from "../../lib/schema/derived.ts";
import { grown } from "../grown.ts";
import type { Derivation, DeriveContext, FieldSpec, Subscription, TableWriter } from "./derivation.ts";
import type { InterruptContext } from "./shared.ts";
import { SoftirqRaises, softirqNames } from "./softirq.ts";

/** Numbers of the kinds on the stack. */
const HANDLER = 0;
const SOFTIRQ = 1;
const ENTRY = 2;
const TIMER = 3;
const DOORBELL = 4;

/** Kinds without a number of their own: name in the table, and what wakers are called. */
const plainKinds = [
	{ kind: ENTRY, name: "entry", label: "irq", entry: "irq_entry", exit: "irq_exit" },
	{
		kind: TIMER,
		name: "timer",
		label: "timer",
		entry: "timer_interrupt_entry",
		exit: "timer_interrupt_exit",
	},
	{ kind: DOORBELL, name: "doorbell", label: "doorbell", entry: "doorbell_entry", exit: "doorbell_exit" },
] as const;

/** Frames kept per CPU. The kernel nests a softirq and a few interrupts at most. */
const DEPTH = 16;

const number = (name: string): FieldSpec => ({ name, form: "number" });

export class Interrupts implements Derivation, InterruptContext {
	readonly events: Readonly<Record<string, Subscription>>;

	readonly #context: DeriveContext;
	readonly #irqs: TableWriter<typeof irqTable>;
	readonly #softirqs: TableWriter<typeof softirqTable>;
	readonly #raises = new SoftirqRaises();
	readonly #timed: boolean;

	// by CPU
	#depth = new Int32Array(64);
	/** Since when an open interrupt would have been seen to end: window start, or end of a loss. NaN after a switch. */
	#base = new Float64Array(64).fill(Number.NaN);
	/** ns of outermost rows since the base: they lie inside what was open then */
	#insideBase = new Float64Array(64);

	// by CPU * DEPTH + depth
	#kind = new Int8Array(64 * DEPTH);
	#number = new Int32Array(64 * DEPTH);
	#name = new Int32Array(64 * DEPTH);
	#label = new Int32Array(64 * DEPTH);
	#ts = new Float64Array(64 * DEPTH);
	#utid = new Int32Array(64 * DEPTH);
	#inside = new Float64Array(64 * DEPTH);
	#raised = new Float64Array(64 * DEPTH);

	/** Handler names and labels by irq number and name, each made once */
	readonly #labels = new Map<number, Map<number, number>>();
	/** Last name seen for an irq number: an exit tells the number only */
	readonly #lastName = new Map<number, number>();
	readonly #kindCodes: readonly number[];
	readonly #softirqCodes: readonly number[];
	readonly #softirqLabels: readonly number[];

	readonly #irqRow: Row<typeof irqTable>;
	readonly #softirqRow: Row<typeof softirqTable>;

	constructor(context: DeriveContext) {
		this.#context = context;
		this.#irqs = context.table(irqTable);
		this.#softirqs = context.table(softirqTable);
		this.#timed = context.timed;
		const { strings } = context;
		const kindCodes: number[] = [];
		kindCodes[HANDLER] = strings.code("handler");
		for (const { kind, name } of plainKinds) kindCodes[kind] = strings.code(name);
		this.#kindCodes = kindCodes;
		this.#softirqCodes = softirqNames.map((name) => strings.code(name));
		this.#softirqLabels = softirqNames.map((name) => strings.code(`softirq ${name}`));

		const events: Record<string, Subscription> = {
			irq_handler_entry: {
				fields: [number("irq"), { name: "name", form: "string" }],
				on: (ts, cpu, utid, _flags, irq, name) => {
					this.#lastName.set(irq!, name!);
					this.#push(ts, cpu, utid, HANDLER, irq!, name!, this.#handlerLabel(irq!, name!), Number.NaN);
				},
			},
			irq_handler_exit: {
				fields: [number("irq"), number("ret")],
				on: (ts, cpu, utid, _flags, irq, ret) => this.#pop(ts, cpu, utid, HANDLER, irq!, ret!),
			},
			softirq_raise: {
				fields: [number("vec")],
				on: (ts, cpu, _utid, _flags, vec) => this.#raises.raise(cpu, vec!, ts),
			},
			softirq_entry: {
				fields: [number("vec")],
				on: (ts, cpu, utid, _flags, vec) => {
					const raised = this.#raises.take(cpu, vec!);
					const name = this.#softirqCodes[vec!] ?? -1;
					this.#push(ts, cpu, utid, SOFTIRQ, vec!, name, this.#softirqLabels[vec!] ?? -1, raised);
				},
			},
			softirq_exit: {
				fields: [number("vec")],
				on: (ts, cpu, utid, _flags, vec) => this.#pop(ts, cpu, utid, SOFTIRQ, vec!, Number.NaN),
			},
			sched_switch: {
				fields: [],
				on: (_ts, cpu) => {
					if (cpu < this.#base.length) this.#base[cpu] = Number.NaN;
				},
			},
		};
		for (const { kind, label, entry, exit } of plainKinds) {
			const labelCode = strings.code(label);
			const nameCode = kindCodes[kind]!;
			events[entry] = {
				fields: [],
				on: (ts, cpu, utid) => this.#push(ts, cpu, utid, kind, 0, nameCode, labelCode, Number.NaN),
			};
			events[exit] = {
				fields: [],
				on: (ts, cpu, utid) => this.#pop(ts, cpu, utid, kind, 0, Number.NaN),
			};
		}
		this.events = events;

		this.#irqRow = {
			ts: 0,
			dur: 0,
			self_ns: 0,
			cpu: 0,
			kind: -1,
			irq: 0,
			name: -1,
			depth: 0,
			ret: 0,
			utid: 0,
			open_left: 0,
			open_right: 0,
		};
		this.#softirqRow = {
			ts: 0,
			dur: 0,
			self_ns: 0,
			cpu: 0,
			vec: 0,
			name: -1,
			raise_ts: 0,
			latency_ns: 0,
			utid: 0,
			open_left: 0,
			open_right: 0,
		};
	}

	current(cpu: number): number {
		const depth = cpu < this.#depth.length ? this.#depth[cpu]! : 0;
		return depth === 0 ? -1 : this.#label[cpu * DEPTH + depth - 1]!;
	}

	cpuStart(cpu: number, ts: number): void {
		this.#growTo(cpu);
		this.#base[cpu] = ts;
	}

	lost(cpu: number, from: number, to: number): void {
		this.#growTo(cpu);
		this.#closeAll(cpu, from);
		this.#raises.forget(cpu);
		this.#base[cpu] = to;
		this.#insideBase[cpu] = 0;
	}

	cpuEnd(cpu: number, ts: number): void {
		this.#growTo(cpu);
		this.#closeAll(cpu, ts);
	}

	finish(end: number): void {
		for (let cpu = 0; cpu < this.#depth.length; cpu++) this.#closeAll(cpu, end);
	}

	#push(
		ts: number,
		cpu: number,
		utid: number,
		kind: number,
		number: number,
		name: number,
		label: number,
		raised: number,
	): void {
		if (cpu >= this.#depth.length) this.#growTo(cpu);
		// Deeper than the kernel can be: exits are not recorded.
		if (this.#depth[cpu] === DEPTH) this.#closeAll(cpu, ts);
		const at = cpu * DEPTH + this.#depth[cpu]!++;
		this.#kind[at] = kind;
		this.#number[at] = number;
		this.#name[at] = name;
		this.#label[at] = label;
		this.#ts[at] = ts;
		this.#utid[at] = utid;
		this.#inside[at] = 0;
		this.#raised[at] = raised;
	}

	#pop(ts: number, cpu: number, utid: number, kind: number, number: number, ret: number): void {
		if (cpu >= this.#depth.length) this.#growTo(cpu);
		const first = cpu * DEPTH;
		let depth = this.#depth[cpu]! - 1;
		while (depth >= 0 && (this.#kind[first + depth] !== kind || this.#number[first + depth] !== number))
			depth--;
		if (depth < 0) {
			this.#exitOnly(ts, cpu, utid, kind, number, ret);
			return;
		}
		while (this.#depth[cpu]! - 1 > depth) this.#closeTop(cpu, ts, Number.NaN, 1);
		this.#closeTop(cpu, ts, ret, 0);
	}

	#exitOnly(ts: number, cpu: number, utid: number, kind: number, number: number, ret: number): void {
		const base = this.#base[cpu]!;
		if (Number.isNaN(base)) {
			this.#context.note(
				"info",
				"interrupt-entry-missing",
				"the end of an interrupt or softirq whose begin was not recorded",
				cpu,
			);
			return;
		}
		const inside = this.#insideBase[cpu]!;
		const name =
			kind === SOFTIRQ
				? (this.#softirqCodes[number] ?? -1)
				: kind === HANDLER
					? (this.#lastName.get(number) ?? -1)
					: this.#kindCodes[kind]!;
		this.#emit(cpu, base, ts, kind, number, name, 0, utid, inside, Number.NaN, ret, 1, 0);
		this.#insideBase[cpu] = ts - base;
	}

	#closeAll(cpu: number, ts: number): void {
		while (this.#depth[cpu]! > 0) this.#closeTop(cpu, ts, Number.NaN, 1);
	}

	#closeTop(cpu: number, ts: number, ret: number, openRight: number): void {
		const depth = --this.#depth[cpu]!;
		const at = cpu * DEPTH + depth;
		const start = this.#ts[at]!;
		if (depth > 0) this.#inside[at - 1]! += ts - start;
		else this.#insideBase[cpu]! += ts - start;
		this.#emit(
			cpu,
			start,
			ts,
			this.#kind[at]!,
			this.#number[at]!,
			this.#name[at]!,
			depth,
			this.#utid[at]!,
			this.#inside[at]!,
			this.#raised[at]!,
			ret,
			0,
			openRight,
		);
	}

	#emit(
		cpu: number,
		start: number,
		end: number,
		kind: number,
		number: number,
		name: number,
		depth: number,
		utid: number,
		inside: number,
		raised: number,
		ret: number,
		openLeft: number,
		openRight: number,
	): void {
		const dur = this.#timed ? end - start : Number.NaN;
		const row = kind === SOFTIRQ ? this.#softirqRow : this.#irqRow;
		row.ts = start;
		row.dur = dur;
		row.self_ns = dur - inside;
		row.cpu = cpu;
		row.name = name;
		row.utid = utid;
		row.open_left = openLeft;
		row.open_right = openRight;
		if (kind === SOFTIRQ) {
			this.#softirqRow.vec = number;
			this.#softirqRow.raise_ts = raised;
			this.#softirqRow.latency_ns = this.#timed ? start - raised : Number.NaN;
			this.#softirqs.append(this.#softirqRow);
		} else {
			this.#irqRow.kind = this.#kindCodes[kind]!;
			this.#irqRow.irq = kind === HANDLER ? number : Number.NaN;
			this.#irqRow.depth = depth;
			this.#irqRow.ret = ret;
			this.#irqs.append(this.#irqRow);
		}
	}

	#handlerLabel(irq: number, name: number): number {
		let ofIrq = this.#labels.get(irq);
		if (ofIrq === undefined) {
			ofIrq = new Map();
			this.#labels.set(irq, ofIrq);
		}
		let label = ofIrq.get(name);
		if (label === undefined) {
			const { strings } = this.#context;
			label = strings.code(name < 0 ? `irq ${irq}` : `irq ${irq} ${strings.text(name)}`);
			ofIrq.set(name, label);
		}
		return label;
	}

	#growTo(cpu: number): void {
		if (cpu < this.#depth.length) return;
		const had = this.#depth.length;
		const cpus = Math.max(had * 2, cpu + 1);
		this.#depth = grown(this.#depth, cpus);
		this.#base = grown(this.#base, cpus);
		this.#base.fill(Number.NaN, had);
		this.#insideBase = grown(this.#insideBase, cpus);
		this.#kind = grown(this.#kind, cpus * DEPTH);
		this.#number = grown(this.#number, cpus * DEPTH);
		this.#name = grown(this.#name, cpus * DEPTH);
		this.#label = grown(this.#label, cpus * DEPTH);
		this.#ts = grown(this.#ts, cpus * DEPTH);
		this.#utid = grown(this.#utid, cpus * DEPTH);
		this.#inside = grown(this.#inside, cpus * DEPTH);
		this.#raised = grown(this.#raised, cpus * DEPTH);
	}
}
