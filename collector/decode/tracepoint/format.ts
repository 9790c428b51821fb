/**
 * The description of one event as tracefs prints it (events/SYSTEM/EVENT/format), which trace.dat and perf.data
 * carry: name, ID, fields with offset, size and sign, and the print format.
 * Source: kernel/trace/trace_events.c (f_show), Linux 6.12.
 */

export type FieldKind =
	/** one integer of 1, 2, 4 or 8 bytes */
	| "integer"
	/** bytes up to the first NUL, `size` at most */
	| "chars"
	/** text to the end of the record (a field of size 0) */
	| "tail-chars"
	/** 32-bit locator (offset | length << 16) of text in the record */
	| "loc-chars"
	/** locator of other data */
	| "loc-data"
	/** `count` integers of `element` bytes */
	| "array"
	/** integers to the end of the record */
	| "tail-array"
	/** anything else: kept as bytes */
	| "bytes";

export interface Field {
	readonly name: string;
	/** C type without the name. */
	readonly ctype: string;
	readonly offset: number;
	readonly size: number;
	readonly signed: boolean;
	readonly kind: FieldKind;
	/** Size of an element, for arrays and loc-data; else the size. */
	readonly element: number;
	readonly count: number;
	/** `__rel_loc`: the locator's offset counts from the end of the field. */
	readonly relative: boolean;
}

export interface EventFormat {
	readonly system: string;
	readonly name: string;
	readonly id: number;
	readonly common: readonly Field[];
	readonly fields: readonly Field[];
	readonly printFmt: string;
}

const ELEMENT_BYTES: Readonly<Record<string, number>> = {
	char: 1,
	"signed char": 1,
	"unsigned char": 1,
	u8: 1,
	s8: 1,
	__u8: 1,
	uint8_t: 1,
	bool: 1,
	short: 2,
	"unsigned short": 2,
	u16: 2,
	s16: 2,
	__u16: 2,
	__be16: 2,
	__le16: 2,
	int: 4,
	"unsigned int": 4,
	unsigned: 4,
	u32: 4,
	s32: 4,
	__u32: 4,
	__be32: 4,
	__le32: 4,
	uint32_t: 4,
	u64: 8,
	s64: 8,
	__u64: 8,
	__le64: 8,
	__be64: 8,
	uint64_t: 8,
	"long long": 8,
	"unsigned long long": 8,
};

/**
 * No field of fixed place ends beyond it: perf takes no event whose fixed part is longer (PERF_MAX_TRACE_SIZE,
 * include/linux/trace_events.h, Linux 6.12).
 */
const FIXED_BYTES = 8192;

function elementBytes(ctype: string, longBytes: number): number {
	const type = ctype
		.replace(/\b(const|volatile|struct)\b/g, "")
		.replace(/\s+/g, " ")
		.trim();
	if (type === "long" || type === "unsigned long" || type.endsWith("*")) return longBytes;
	return ELEMENT_BYTES[type] ?? 0;
}

const isChar = (ctype: string): boolean => /^(const )?(unsigned |signed )?char$/.test(ctype);

function parseField(line: string, longBytes: number): Field | null {
	const m = /field(?::| special:)\s*(.+?);\s*offset:\s*(\d+);\s*size:\s*(\d+);(?:\s*signed:\s*(\d+);)?/.exec(
		line,
	);
	if (!m) return null;
	const declaration = m[1]!.trim();
	const offset = Number(m[2]);
	const size = Number(m[3]);
	const signed = m[4] === "1";
	if (offset + size > FIXED_BYTES) return null;
	const loc =
		/^__(data|rel)_loc\s+(.+?)\s*\[\]\s*(\w+)$/.exec(declaration) ??
		/^__(data|rel)_loc\s+(.+?)\s+(\w+)$/.exec(declaration);
	if (loc && size === 4) {
		const ctype = loc[2]!.trim();
		return {
			name: loc[3]!,
			ctype: `__${loc[1]}_loc ${ctype}[]`,
			offset,
			size,
			signed,
			kind: isChar(ctype) ? "loc-chars" : "loc-data",
			element: elementBytes(ctype, longBytes) || 1,
			count: 0,
			relative: loc[1] === "rel",
		};
	}
	const array = /^(.+?)\s*(\w+)\s*\[([^\]]*)\]$/.exec(declaration);
	if (array) {
		const ctype = array[1]!.trim();
		const base = { name: array[2]!, ctype: `${ctype}[${array[3]}]`, offset, size, signed, relative: false };
		if (isChar(ctype)) return { ...base, kind: size === 0 ? "tail-chars" : "chars", element: 1, count: size };
		const declared = Number(array[3]);
		const element = elementBytes(ctype, longBytes) || (declared > 0 ? size / declared : 0);
		if (![1, 2, 4, 8].includes(element)) return { ...base, kind: "bytes", element: 1, count: size };
		if (size === 0) return { ...base, kind: "tail-array", element, count: 0 };
		return { ...base, kind: "array", element, count: size / element };
	}
	const scalar = /^(.+?[\s*])(\w+)$/.exec(declaration);
	const name = scalar ? scalar[2]! : declaration;
	const ctype = scalar ? scalar[1]!.trim() : "";
	const known = [1, 2, 4, 8].includes(size);
	return {
		name,
		ctype,
		offset,
		size,
		signed,
		kind: known ? "integer" : "bytes",
		element: known ? size : 1,
		count: known ? 1 : size,
		relative: false,
	};
}

/**
 * Parses one format text. Returns null where it has no name, ID or common_type: such an event cannot be decoded.
 * A field that cannot be understood is left out and reported through `problem`.
 */
export function parseFormat(
	text: string,
	system: string,
	longBytes: number,
	problem: (text: string) => void,
): EventFormat | null {
	const name = /^name:\s*(\S+)/m.exec(text)?.[1];
	const id = /^ID:\s*(\d+)/m.exec(text)?.[1];
	if (!name || id === undefined) return null;
	const common: Field[] = [];
	const fields: Field[] = [];
	for (const line of text.split("\n")) {
		if (!/^\s*field/.test(line)) continue;
		const field = parseField(line, longBytes);
		if (!field) problem(`${system}:${name}: cannot read the field description "${line.trim()}"`);
		else (field.name.startsWith("common_") ? common : fields).push(field);
	}
	if (!common.some((f) => f.name === "common_type")) return null;
	return {
		system,
		name,
		id: Number(id),
		common,
		fields,
		printFmt: /^print fmt:\s*([\s\S]*)$/m.exec(text)?.[1]?.trim() ?? "",
	};
}
