import { expect, test } from "vitest";
import { openPlaces } from "./places.ts";
import { bytes, elfOf, sized, sleb, text, u8, u16, u32, u64, uleb } from "./testing.ts";

/**
 * One unit, as a compiler writes it for
 *
 *     main.cc  10  f() {           0x1000
 *              11    g();          g inlined: 0x1010-0x1040, inside it h of h.h: 0x1020-0x1030
 *              20  } // cold part  0x2000-0x2010
 *
 * where g is geo::Shape::g, declared in the class, h has only a linkage name.
 */

// tags
const [compileUnit, subprogram, inlined, namespace, classType, block] = [0x11, 0x2e, 0x1d, 0x39, 0x02, 0x0b];
// attributes
const [name, stmtList, lowPc, highPc, compDir, origin, ranges, callFile, callLine, linkage] = [
	0x03, 0x10, 0x11, 0x12, 0x1b, 0x31, 0x55, 0x58, 0x59, 0x6e,
];
const [specification, addrBase, rnglistsBase, strOffsetsBase] = [0x47, 0x73, 0x74, 0x72];
// forms
const [addr, data1, data4, string, strp, udata, ref4, secOffset, exprloc, implicit] = [
	0x01, 0x0b, 0x06, 0x08, 0x0e, 0x0f, 0x13, 0x17, 0x18, 0x21,
];
const [strx1, addrx, rnglistx, lineStrp] = [0x25, 0x1b, 0x23, 0x1f];
const frameBase = 0x40;

type Pair = readonly [attribute: number, form: number, implicit?: number];
const abbreviation = (code: number, tag: number, children: boolean, ...pairs: Pair[]) =>
	bytes(
		uleb(code),
		uleb(tag),
		u8(children ? 1 : 0),
		...pairs.flatMap(([a, f, value]) => [uleb(a), uleb(f), ...(value === undefined ? [] : [sleb(value)])]),
		u8(0, 0),
	);

const lineOps = {
	address: (address: number) => bytes(u8(0, 9, 2), u64(address)),
	end: u8(0, 1, 1),
	file: (file: number) => bytes(u8(4), uleb(file)),
	line: (by: number) => bytes(u8(3), sleb(by)),
	pc: (by: number) => bytes(u8(2), uleb(by)),
	row: u8(1),
};

/** Rows: 1000 main.cc:10, 1010 main.cc:30 (g), 1020 h.h:5, 1030 main.cc:31, 1040 main.cc:12, end 1050; 2000 main.cc:0. */
function rows(main: number, header: number): Buffer {
	const { address, end, file, line, pc, row } = lineOps;
	return bytes(
		bytes(address(0x1000), file(main), line(9), row),
		bytes(line(20), pc(0x10), row),
		bytes(file(header), line(-25), pc(0x10), row),
		bytes(file(main), line(26), pc(0x10), row),
		// special opcode: line -19 does not fit one, 12 = 31 - 19
		bytes(line(-19), pc(0x10), row, pc(0x10), end),
		bytes(address(0x2000), file(main), line(-1), row, pc(0x10), end),
	);
}

const opcodes = u8(13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1);

function lines4(): Buffer {
	const header = bytes(
		u8(1, 1, 1, -5, 14),
		opcodes,
		bytes(text("include"), u8(0)),
		bytes(text("main.cc"), u8(0, 0, 0)),
		bytes(text("h.h"), u8(1, 0, 0)),
		u8(0),
	);
	return sized(u16(4), sized(header), rows(1, 2));
}

function lines5(): Buffer {
	const header = bytes(
		u8(1, 1, 1, -5, 14),
		opcodes,
		bytes(u8(1), uleb(1), uleb(lineStrp), u8(2), u32(0), u32(5)), // /src, include
		bytes(u8(3), uleb(1), uleb(string), uleb(2), uleb(udata), uleb(5), uleb(0x1e), u8(2)),
		bytes(text("main.cc"), u8(0), Buffer.alloc(16)),
		bytes(text("h.h"), u8(1), Buffer.alloc(16)),
	);
	return sized(u16(5), u8(8, 0), sized(header), rows(0, 1));
}

/** Entries below the unit: their places count from the unit's begin. */
function entries(
	headerBytes: number,
	root: Buffer,
	main: number,
	function_: Buffer,
	inlinedRange: (start: number) => Buffer,
): Buffer {
	const parts: Buffer[] = [root];
	const place = () => headerBytes + bytes(...parts).length;
	parts.push(bytes(u8(2), text("geo")), bytes(u8(3), text("Shape")));
	const declaration = place();
	parts.push(bytes(u8(4), text("g")), u8(0, 0));
	const g = place();
	parts.push(bytes(u8(5), u32(declaration)));
	const h = place();
	parts.push(bytes(u8(6), text("_Z1hv")));
	parts.push(function_);
	parts.push(u8(10)); // a lexical block
	parts.push(bytes(u8(8), u32(g), inlinedRange(0x1010), u32(0x30), u8(main, 11)));
	parts.push(bytes(u8(9), u32(h), inlinedRange(0x1020), u32(0x10), u8(main)));
	parts.push(u8(0, 0, 0, 0));
	return bytes(...parts);
}

/** Codes 2 to 6 and 10: what both versions share. */
const shared = bytes(
	abbreviation(2, namespace, true, [name, string]),
	abbreviation(3, classType, true, [name, string]),
	abbreviation(4, subprogram, false, [name, string]),
	abbreviation(5, subprogram, false, [specification, ref4]),
	abbreviation(6, subprogram, false, [linkage, string]),
	abbreviation(10, block, true),
);
const call = (form: number): Pair[] => [
	[origin, ref4],
	[lowPc, form],
	[highPc, data4],
	[callFile, data1],
];

function version4() {
	const abbreviations = bytes(
		abbreviation(
			1,
			compileUnit,
			true,
			[name, strp],
			[compDir, strp],
			[lowPc, addr],
			[ranges, secOffset],
			[stmtList, secOffset],
		),
		shared,
		abbreviation(7, subprogram, true, [name, string], [frameBase, exprloc], [ranges, secOffset]),
		abbreviation(8, inlined, true, ...call(addr), [callLine, data1]),
		abbreviation(9, inlined, false, ...call(addr), [callLine, udata]),
		u8(0),
	);
	const root = bytes(u8(1), u32(0), u32(8), u64(0), u32(0), u32(0));
	const function_ = bytes(u8(7), text("f"), uleb(1), u8(0x9c), u32(0));
	const body = entries(11, root, 1, function_, (start) => u64(start));
	// the line of the inner call
	const at = body.length - 4;
	const info = sized(u16(4), u32(0), u8(8), bytes(body.subarray(0, at), uleb(33), body.subarray(at)));
	return {
		".debug_abbrev": abbreviations,
		".debug_info": info,
		".debug_str": bytes(text("main.cc"), text("/src")),
		".debug_ranges": bytes(
			...[u64(0x2000), u64(0x2010), u64(-1n), u64(0x800), u64(0x800), u64(0x850), u64(0), u64(0)],
		),
		".debug_line": lines4(),
	};
}

function version5() {
	const abbreviations = bytes(
		abbreviation(
			1,
			compileUnit,
			true,
			...([
				[name, strx1],
				[compDir, lineStrp],
				[lowPc, addr],
				[ranges, rnglistx],
				[stmtList, secOffset],
				[addrBase, secOffset],
				[rnglistsBase, secOffset],
				[strOffsetsBase, secOffset],
			] as const),
		),
		shared,
		abbreviation(7, subprogram, true, [name, strx1], [frameBase, exprloc], [ranges, secOffset]),
		abbreviation(8, inlined, true, ...call(addrx), [callLine, data1]),
		abbreviation(9, inlined, false, ...call(addrx), [callLine, implicit, 33]),
		u8(0),
	);
	const root = bytes(u8(1), u8(0), u32(0), u64(0x1000), uleb(0), u32(0), u32(8), u32(12), u32(8));
	const function_ = bytes(u8(7, 1), uleb(1), u8(0x9c), u32(16));
	const body = entries(12, root, 0, function_, (start) => uleb(start === 0x1010 ? 0 : 1));
	return {
		".debug_abbrev": abbreviations,
		".debug_info": sized(u16(5), u8(1, 8), u32(0), body),
		".debug_str": bytes(text("main.cc"), text("f")),
		".debug_str_offsets": sized(u16(5), u16(0), u32(0), u32(8)),
		".debug_line_str": bytes(text("/src"), text("include")),
		".debug_addr": sized(u16(5), u8(8, 0), u64(0x1010), u64(0x1020)),
		// offset_pair from the unit's base; start_length
		".debug_rnglists": sized(
			u16(5),
			u8(8, 0),
			u32(1),
			u32(4),
			bytes(u8(4), uleb(0), uleb(0x50), u8(7), u64(0x2000), uleb(0x10), u8(0)),
		),
		".debug_line": lines5(),
	};
}

const versions = [
	["DWARF 4", version4],
	["DWARF 5", version5],
] as const;

test.each(versions)("%s: a function's own code has the line of its row", (_, sections) => {
	const { place } = opened(sections());
	expect(place(0x1000)).toEqual({ file: "/src/main.cc", line: 10, inlined: [] });
	expect(place(0x100f)).toEqual({ file: "/src/main.cc", line: 10, inlined: [] });
	expect(place(0x1040)).toEqual({ file: "/src/main.cc", line: 12, inlined: [] });
});

test.each(versions)(
	"%s: an inlined call has the row's line, its function the line of the call",
	(_, sections) => {
		const { place } = opened(sections());
		expect(place(0x1010)).toEqual({
			file: "/src/main.cc",
			line: 11,
			inlined: [{ name: "geo::Shape::g", file: "/src/main.cc", line: 30 }],
		});
	},
);

test.each(versions)("%s: nested calls are innermost first, each at the call of the next", (_, sections) => {
	const { place } = opened(sections());
	expect(place(0x1020)).toEqual({
		file: "/src/main.cc",
		line: 11,
		inlined: [
			{ name: "_Z1hv", file: "/src/include/h.h", line: 5 },
			{ name: "geo::Shape::g", file: "/src/main.cc", line: 33 },
		],
	});
	expect(place(0x1030)?.inlined).toEqual([{ name: "geo::Shape::g", file: "/src/main.cc", line: 31 }]);
});

test.each(versions)("%s: line 0 is no line, other addresses have no place", (_, sections) => {
	const { place } = opened(sections());
	expect(place(0x2008)).toEqual({ file: "/src/main.cc", line: null, inlined: [] });
	for (const address of [0, 0xfff, 0x1050, 0x1fff, 0x2010, 2 ** 52]) expect(place(address)).toBeNull();
});

test("without .debug_line, inlined calls are known all the same", () => {
	const { ".debug_line": _, ...rest } = version5();
	const { place } = opened(rest);
	expect(place(0x1010)).toEqual({
		file: null,
		line: 11,
		inlined: [{ name: "geo::Shape::g", file: null, line: null }],
	});
	expect(place(0x1000)).toBeNull();
});

test("units that tell no addresses are found by .debug_aranges", () => {
	const root = bytes(u8(1), text("/src"), u32(0));
	const aranges = sized(
		u16(2),
		u32(0),
		u8(8, 0),
		u32(0),
		bytes(u64(0x1000), u64(0x50), u64(0x2000), u64(0x10), u64(0), u64(0)),
	);
	const { place } = opened({
		".debug_abbrev": bytes(
			abbreviation(1, compileUnit, false, [compDir, string], [stmtList, secOffset]),
			u8(0),
		),
		".debug_info": sized(u16(4), u32(0), u8(8), root),
		".debug_aranges": aranges,
		".debug_line": lines4(),
	});
	expect(place(0x1000)).toEqual({ file: "/src/main.cc", line: 10, inlined: [] });
	expect(place(0x1050)).toBeNull();
});

test("no debug information, no places", () => {
	expect(openPlaces(elfOf({}))).toBeNull();
});

test.each(versions)("%s: damage gives null or another place, whatever byte it hits", (_, make) => {
	const sections: Record<string, Buffer> = make();
	for (const [section, whole] of Object.entries(sections)) {
		for (let at = 0; at < whole.length; at++)
			for (const value of [0, 1, 0x7f, 0xff]) {
				const damaged = Buffer.from(whole);
				damaged[at] = value;
				const { place } = opened({ ...sections, [section]: damaged });
				for (const address of [0x1000, 0x1025, 0x2000]) place(address);
			}
		for (let length = 0; length < whole.length; length++)
			opened({ ...sections, [section]: whole.subarray(0, length) }).place(0x1025);
	}
});

function opened(sections: Readonly<Record<string, Buffer>>) {
	const places = openPlaces(elfOf(sections))!;
	return { place: (address: number) => places.place(address) };
}
