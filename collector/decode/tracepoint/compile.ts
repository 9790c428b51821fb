/**
 * Makes the decoder of one event type: source text from the event's format, with offsets as constants and the
 * columns in local variables, compiled once. One call decodes one record: it finds the current thread, writes the
 * row, and hands the fields that derivations asked for to their handlers.
 */
import type { Batch } from "../../../lib/schema/batch.ts";
import type { FieldSpec, Subscription } from "../../derive/derivation.ts";
import type { Threads } from "../../identity/threads.ts";
import { type BaseStamp, storeStamp } from "../../write/appender.ts";
import { type ColumnLayout, ColumnSet, listLength, NULL_STRING } from "../../write/column-set.ts";
import type { Strings } from "../../write/string-pool.ts";
import { type FieldColumn, fieldColumns } from "./columns.ts";
import type { EventFormat, Field } from "./format.ts";
import { hexText, type Interner } from "./interner.ts";
import { Access, type RecordMemory } from "./memory.ts";
import type { RecentEvents } from "./recent.ts";

export interface DecoderContext {
	readonly memory: RecordMemory;
	readonly strings: Strings;
	readonly interner: Interner;
	readonly threads: Threads;
	readonly base: BaseStamp;
	readonly recent: RecentEvents;
	readonly emit: (batch: Batch) => void;
	/** A record whose locator points outside it, or that is shorter than its format says. */
	readonly damaged: (event: string, cpu: number) => void;
	readonly subscriptions: (event: string) => readonly Subscription[];
}

export interface EventDecoder {
	readonly format: EventFormat;
	readonly table: string;
	readonly columns: readonly FieldColumn[];
	/** Decodes the record at `p` (bytes up to `end`); `ts` for the row, `now` (never decreasing) for derivations. */
	on(p: number, end: number, ts: number, now: number, cpu: number): void;
	/** Sets the kernel stack of a row by its number in the table; false where the row is out of reach already. */
	setStack(row: number, stackId: number): boolean;
	flush(): void;
	readonly rows: number;
}

const common = (format: EventFormat, name: string): Field | undefined =>
	format.common.find((f) => f.name === name);

/** Bytes that the fixed part of a record takes. */
export function fixedSize(format: EventFormat): number {
	return Math.max(0, ...[...format.common, ...format.fields].map((f) => f.offset + f.size));
}

/** Expression for the string code of a text field. */
function textCode(access: Access, field: Field): string {
	switch (field.kind) {
		case "chars":
			return `intern.code(u8, p + ${field.offset}, ${field.size})`;
		case "tail-chars":
			return `intern.code(u8, p + ${field.offset}, end - p - ${field.offset})`;
		case "loc-chars":
		case "loc-data":
			return `loc(p, end, ${access.i32(field.offset)}, ${field.relative ? field.offset + 4 : 0}, ${field.kind === "loc-chars"}, cpu)`;
		case "tail-array":
			return `hex(p + ${field.offset}, end)`;
		default:
			return `hex(p + ${field.offset}, p + ${field.offset + field.size})`;
	}
}

function storeField(access: Access, fc: FieldColumn, k: number): string {
	const { field } = fc;
	const a = `a${k}`;
	if (fc.store === "str") return `${a}[n] = ${textCode(access, field)};`;
	if (fc.store === "i32") return `${a}[n] = ${access.narrow(field.offset, field.size, field.signed)};`;
	if (fc.store === "bool")
		return `${a}[n] = ${access.narrow(field.offset, field.size, false)} !== 0 ? 1 : 0;`;
	if (fc.store === "i64") {
		const [lo, hi] = access.wide(field.offset, field.size, field.signed);
		return `${a}[2 * n] = ${lo}; ${a}[2 * n + 1] = ${hi};`;
	}
	const count = listLength(fc.store);
	return Array.from({ length: count }, (_, j) => {
		const [lo, hi] = access.wide(field.offset + j * field.element, field.element, field.signed);
		return `${a}[n * ${2 * count} + ${2 * j}] = ${lo}; ${a}[n * ${2 * count} + ${2 * j + 1}] = ${hi};`;
	}).join(" ");
}

/** Arguments of a handler for one field; NaN, (0, NaN) or -1 where the format lacks it. */
function argument(access: Access, format: EventFormat, spec: FieldSpec): string {
	const [, name, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(spec.name) ?? [];
	const field = format.fields.find((f) => f.name === name);
	const missing = { number: "NaN", pair: "0, NaN", string: "-1" }[spec.form];
	if (!field) return missing;
	const isText = field.kind !== "integer" && field.kind !== "array";
	if (spec.form === "string") return isText ? textCode(access, field) : "-1";
	if (isText) return missing;
	const element = index === undefined ? 0 : Number(index);
	if (element >= field.count) return missing;
	const offset = field.offset + element * field.element;
	if (spec.form === "number") return access.number(offset, field.element, field.signed);
	return access.wide(offset, field.element, field.signed).join(", ");
}

export function compileDecoder(format: EventFormat, table: string, ctx: DecoderContext): EventDecoder {
	const access = new Access(ctx.memory.littleEndian);
	const columns = fieldColumns(format);
	const layout: ColumnLayout[] = [
		{ name: "ts", store: "i64" },
		{ name: "cpu", store: "i32" },
		{ name: "utid", store: "i32" },
		...columns.map((fc) => ({ name: fc.name, store: fc.store })),
		{ name: "stack_id", store: "i32" },
	];
	const stackColumn = layout.length - 1;
	const set = new ColumnSet(table, layout, ctx.strings, ctx.emit, true);
	const subscriptions = ctx.subscriptions(format.name);
	const pid = common(format, "common_pid");
	const flags = common(format, "common_flags");
	const minimum = fixedSize(format);
	const reload = `cap = set.capacity; ${layout.map((_, k) => `a${k} = set.arrays[${k}];`).join(" ")}`;
	const number = ctx.recent.register();
	const source = `
		const { i32, u16, u8, view } = memory;
		const { byTid } = threads;
		const { kinds, rows, utids, next } = recent;
		${subscriptions.map((_, k) => `const h${k} = handlers[${k}];`).join(" ")}
		let n = 0, cap = 0; let ${layout.map((_, k) => `a${k}`).join(", ")};
		${reload}
		function hex(from, to) { return hexCode(u8, from, to); }
		function loc(p, end, word, bias, text, cpu) {
			const from = p + bias + (word & 0xffff), length = word >>> 16;
			if (from + length > end) { damaged(${JSON.stringify(format.name)}, cpu); return ${NULL_STRING}; }
			return text ? intern.code(u8, from, length) : hexCode(u8, from, from + length);
		}
		return {
			on(p, end, ts, now, cpu) {
				if (end - p < ${minimum}) { damaged(${JSON.stringify(format.name)}, cpu); return; }
				if (n === cap) { n = set.full(n); ${reload} }
				const pid = ${pid ? access.narrow(pid.offset, pid.size, pid.signed) : "0"};
				let utid = 0;
				if (pid !== 0) {
					utid = pid > 0 && pid < 4194304 ? byTid[pid] : 0;
					if (utid === 0) utid = threads.appear(pid, now);
				}
				threads.lastTs[utid] = now;
				${storeStamp("a0", "ts", ctx.base)}
				a1[n] = cpu;
				a2[n] = utid;
				${columns.map((fc, k) => storeField(access, fc, k + 3)).join("\n\t\t\t\t")}
				a${stackColumn}[n] = -1;
				const r = (cpu << 3) + (next[cpu]++ & 7);
				kinds[r] = ${number}; rows[r] = set.first + n; utids[r] = utid;
				n++;
				${subscriptions.length > 0 && flags ? `const flags = ${access.narrow(flags.offset, flags.size, false)};` : "const flags = 0;"}
				${subscriptions.map((s, k) => `h${k}(${["now", "cpu", "utid", "flags", ...s.fields.map((f) => argument(access, format, f))].join(", ")});`).join("\n\t\t\t\t")}
			},
			flush() { set.flush(n); n = 0; ${reload} },
			get rows() { return set.first + n; },
		};`;
	const make = new Function(
		"memory",
		"threads",
		"recent",
		"handlers",
		"intern",
		"hexCode",
		"damaged",
		"set",
		source,
	);
	const decoder = make(
		ctx.memory,
		ctx.threads,
		ctx.recent,
		subscriptions.map((s) => s.on),
		ctx.interner,
		(bytes: Uint8Array, from: number, to: number) => ctx.strings.code(hexText(bytes, from, to)),
		ctx.damaged,
		set,
	) as Pick<EventDecoder, "on" | "flush" | "rows">;
	return Object.defineProperties(decoder, {
		format: { value: format },
		table: { value: table },
		columns: { value: columns },
		setStack: { value: (row: number, stackId: number) => set.patch(stackColumn, row, stackId) },
	}) as EventDecoder;
}
