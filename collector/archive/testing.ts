/** Tar archives made by hand, right and wrong. */
import { BLOCK } from "./tar-header.ts";

export interface HeaderFields {
	readonly name: string | Buffer;
	readonly type?: string;
	readonly size?: number;
	/** The size field as it stands there. */
	readonly sizeField?: Buffer;
	readonly prefix?: string;
	readonly target?: string;
	/** Default: ustar's. */
	readonly magic?: string;
	/** Fields of GNU tar: bytes from 386 on. */
	readonly gnu?: Buffer;
}

export const GNU_MAGIC = "ustar  \0";

export const octal = (n: number, width = 12): string => `${n.toString(8).padStart(width - 1, "0")}\0`;

export function header(h: HeaderFields): Buffer {
	const block = Buffer.alloc(BLOCK);
	Buffer.from(h.name as string).copy(block, 0, 0, 100);
	block.write("0000644\0", 100, "latin1");
	if (h.sizeField) h.sizeField.copy(block, 124);
	else block.write(octal(h.size ?? 0), 124, "latin1");
	block.write(h.type ?? "0", 156, "latin1");
	block.write(h.target ?? "", 157, "latin1");
	block.write(h.magic ?? "ustar\x0000", 257, "latin1");
	block.write(h.prefix ?? "", 345, "latin1");
	h.gnu?.copy(block, 386);
	return withChecksum(block);
}

function withChecksum(block: Buffer): Buffer {
	block.fill(0x20, 148, 156);
	const sum = block.subarray(0, BLOCK).reduce((a, b) => a + b, 0);
	block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
	return block;
}

/** Filled up to whole blocks. */
export function padded(content: Buffer | string): Buffer {
	const bytes = Buffer.from(content as string);
	return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

export function file(
	name: string | Buffer,
	content: Buffer | string = "",
	more: Partial<HeaderFields> = {},
): Buffer {
	return Buffer.concat([
		header({ name, size: Buffer.byteLength(content as string), ...more }),
		padded(content),
	]);
}

export const folder = (name: string): Buffer => header({ name, type: "5" });

/** GNU tar's long name in front of a member. */
export const longName = (name: string | Buffer): Buffer => {
	const bytes = Buffer.concat([Buffer.from(name as string), Buffer.alloc(1)]);
	return file("././@LongLink", bytes, { type: "L", magic: GNU_MAGIC });
};

/** An extended header in front of a member. */
export function pax(records: readonly (readonly [string, string | Buffer])[]): Buffer {
	const lines = records.map(([key, value]) => {
		const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from("\n")]);
		let length = rest.length + 1;
		while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
		return Buffer.concat([Buffer.from(String(length)), rest]);
	});
	return file("./PaxHeaders/x", Buffer.concat(lines), { type: "x" });
}

export type Parts = readonly (readonly [offset: number, bytes: Buffer])[];

/** Old GNU sparse (type S): four parts in the header, 21 in each block that follows. */
export function sparse(
	name: string,
	parts: Parts,
	realSize: number,
	more: Partial<HeaderFields> = {},
): Buffer {
	const field = (list: Parts, room: number): Buffer => {
		const text = list.map(([offset, bytes]) => octal(offset) + octal(bytes.length)).join("");
		return Buffer.concat([Buffer.from(text, "latin1"), Buffer.alloc(24 * room - text.length)]);
	};
	const rest = parts.slice(4);
	const gnu = Buffer.concat([
		field(parts.slice(0, 4), 4),
		Buffer.from([rest.length > 0 ? 1 : 0]),
		Buffer.from(octal(realSize), "latin1"),
	]);
	const blocks: Buffer[] = [];
	for (let at = 0; at < rest.length; at += 21) {
		const block = Buffer.alloc(BLOCK);
		field(rest.slice(at, at + 21), 21).copy(block);
		block[504] = at + 21 < rest.length ? 1 : 0;
		blocks.push(block);
	}
	const content = Buffer.concat(parts.map(([, bytes]) => bytes));
	return Buffer.concat([
		header({ name, type: "S", size: content.length, magic: GNU_MAGIC, gnu, ...more }),
		...blocks,
		padded(content),
	]);
}

export const END = Buffer.alloc(2 * BLOCK);

/** With its end mark. */
export const archive = (...members: readonly Buffer[]): Buffer => Buffer.concat([...members, END]);
