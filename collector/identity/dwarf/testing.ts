/** Sections of debug information, byte by byte, for tests. Little-endian. */
import type { ElfSections } from "../symbols/elf.ts";

export const u8 = (...values: number[]) => Buffer.from(values.map((v) => v & 0xff));

export function u16(value: number): Buffer {
	const bytes = Buffer.alloc(2);
	bytes.writeUInt16LE(value & 0xffff);
	return bytes;
}

export function u32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(value >>> 0);
	return bytes;
}

export function u64(value: number | bigint): Buffer {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
	return bytes;
}

export function uleb(value: number): Buffer {
	const bytes: number[] = [];
	do {
		const rest = Math.floor(value / 128);
		bytes.push((value & 0x7f) | (rest > 0 ? 0x80 : 0));
		value = rest;
	} while (value > 0);
	return Buffer.from(bytes);
}

export function sleb(value: number): Buffer {
	const bytes: number[] = [];
	for (;;) {
		const byte = value & 0x7f;
		value >>= 7;
		if ((value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40))
			return Buffer.from([...bytes, byte]);
		bytes.push(byte | 0x80);
	}
}

export const text = (value: string) => Buffer.from(`${value}\0`);

export const bytes = (...parts: Buffer[]) => Buffer.concat(parts);

/** A part after its length in 32 bits. */
export const sized = (...parts: Buffer[]) => {
	const body = Buffer.concat(parts);
	return Buffer.concat([u32(body.length), body]);
};

export const EM_PPC64 = 21;
export const EM_X86_64 = 62;

export function elfOf(
	sections: Readonly<Record<string, Buffer | { readonly bytes: Buffer; readonly address: number }>>,
	machine = EM_X86_64,
): ElfSections {
	return {
		machine,
		littleEndian: true,
		addressBytes: 8,
		section(name) {
			const section = sections[name];
			if (!section) return null;
			return Buffer.isBuffer(section) ? { bytes: section, address: 0 } : section;
		},
	};
}

/** Common entry of .debug_frame as gcc writes it: x86_64, code alignment 1, data alignment -8. */
export function commonEntry(machine: number, ...instructions: Buffer[]): Buffer {
	const powerpc = machine === EM_PPC64;
	return sized(
		u32(0xffffffff),
		u8(3),
		text(""),
		uleb(powerpc ? 4 : 1),
		sleb(-8),
		uleb(powerpc ? 65 : 16),
		// x86_64: DW_CFA_def_cfa rsp 8, DW_CFA_offset 16 at cfa-8; ppc64: DW_CFA_def_cfa r1 0
		powerpc ? u8(0x0c, 1, 0) : u8(0x0c, 7, 8, 0x90, 1),
		...instructions,
	);
}

/** Entry of .debug_frame for addresses [start, start + size), of the common entry at 0. */
export const frameEntry = (start: number, size: number, ...instructions: Buffer[]) =>
	sized(u32(0), u64(start), u64(size), ...instructions);
