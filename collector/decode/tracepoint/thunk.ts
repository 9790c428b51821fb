/**
 * Calls the handlers of the derivations that want an event: source text made from the event's format, with offsets
 * as constants, compiled once for each event type.
 */
import type { FieldSpec, Subscription } from "../../derive/derivation.ts";
import type { TableContext, Thunk } from "./event-table.ts";
import type { EventFormat, Field } from "./format.ts";
import { hexText } from "./interner.ts";
import { Access } from "./memory.ts";

/** Expression for the string code of a text field. */
function textCode(access: Access, field: Field): string {
	switch (field.kind) {
		case "chars":
			return `intern.code(u8, p + ${field.offset}, ${field.size})`;
		case "tail-chars":
			return `intern.code(u8, p + ${field.offset}, end - p - ${field.offset})`;
		case "loc-chars":
		case "loc-data":
			return `loc(p, end, ${access.i32(field.offset)}, ${field.relative ? field.offset + 4 : 0}, ${field.kind === "loc-chars"})`;
		case "tail-array":
			return `hex(u8, p + ${field.offset}, end)`;
		default:
			return `hex(u8, p + ${field.offset}, p + ${field.offset + field.size})`;
	}
}

/** Arguments of a handler for one field; NaN, (0, NaN) or -1 where the format lacks it. */
function argument(access: Access, format: EventFormat, spec: FieldSpec): string {
	const [, name, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(spec.name) ?? [];
	const field =
		spec.argument === undefined
			? format.fields.find((f) => f.name === name)
			: format.fields.filter((f) => !f.name.startsWith("__"))[spec.argument];
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

/** null where nobody wants the event. */
export function compileThunk(
	format: EventFormat,
	subscriptions: readonly Subscription[],
	ctx: TableContext,
): Thunk | null {
	if (subscriptions.length === 0) return null;
	const access = new Access(ctx.memory.littleEndian);
	const flags = format.common.find((f) => f.name === "common_flags");
	const source = `
		const { i32, u16, u8, view } = memory;
		${subscriptions.map((_, k) => `const h${k} = handlers[${k}];`).join(" ")}
		function loc(p, end, word, bias, text) {
			if (word === 0) return -1;
			const from = p + bias + (word & 0xffff), length = word >>> 16;
			if (from + length > end) return -1;
			return text ? intern.code(u8, from, length) : hex(u8, from, from + length);
		}
		return (p, end, now, cpu, utid) => {
			const flags = ${flags ? access.narrow(flags.offset, flags.size, false) : "0"};
			${subscriptions.map((s, k) => `h${k}(${["now", "cpu", "utid", "flags", ...s.fields.map((f) => argument(access, format, f))].join(", ")});`).join("\n\t\t\t")}
		};`;
	const hex = (bytes: Uint8Array, from: number, to: number): number =>
		ctx.strings.code(hexText(bytes, from, to));
	return new Function("memory", "handlers", "intern", "hex", source)(
		ctx.memory,
		subscriptions.map((s) => s.on),
		ctx.interner,
		hex,
	) as Thunk;
}
