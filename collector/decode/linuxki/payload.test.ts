import { beforeEach, describe, expect, test } from "vitest";
import { iocb, ioEvent, pollFd } from "../../../lib/schema/events.ts";
import type { SocketPair } from "../../identity/sockets.ts";
import type { Pipeline } from "../../pipeline.ts";
import { Strings } from "../../write/string-pool.ts";
import { Payloads } from "./payload.ts";
import { TEXT_AT } from "./shape.ts";
import { SYS_ENTER, SYS_EXIT, shapesOf } from "./shapes.ts";
import { type BuiltRecord, fieldsOf, record } from "./testing.ts";

type Row = Record<string, number | string | null>;

let rows: Record<string, Row[]>;
let pairs: SocketPair[];
let calls: [cpu: number, id: number][];
const strings = new Strings();

/** What payloads need of a pipeline; rows with their texts, NaN and "no stack" as null. */
const pipeline = {
	strings,
	append(table: { name: string }, row: Record<string, number>) {
		const { ts, cpu, utid, stack_id, user_stack_id, ...own } = row;
		expect([ts, cpu, utid, stack_id, user_stack_id]).toEqual([1000, 2, 7, Number.NaN, Number.NaN]);
		const shown = Object.entries(own).map(([name, value]) => [
			name,
			Number.isNaN(value) ? null : name === "opcode" || name === "syscall" ? strings.text(value) : value,
		]);
		rows[table.name] = [...(rows[table.name] ?? []), Object.fromEntries(shown)];
	},
	sockets: {
		recorded: (pair: SocketPair) => pairs.push(pair) - 1,
	},
	callSocket: (cpu: number, id: number) => calls.push([cpu, id]),
} as unknown as Pipeline;

beforeEach(() => {
	rows = {};
	pairs = [];
	calls = [];
});

type Put = Parameters<typeof record>[1];

const layoutOf = (arch: string, version: number) => shapesOf(version, { arch, kernel: "6.1.0", hz: 250 });

/** Runs the payload of one sys_enter or sys_exit of version 9 on x86_64 (read in memory of its own). */
class Feed {
	#readers = new Map<BuiltRecord["memory"], Payloads>();
	constructor(
		readonly arch = "x86_64",
		readonly version = 9,
	) {}

	#payloads({ memory }: BuiltRecord): Payloads {
		let payloads = this.#readers.get(memory);
		if (!payloads) {
			payloads = new Payloads({
				memory,
				pipeline,
				arch: this.arch,
				layout: layoutOf(this.arch, this.version),
			});
			this.#readers.set(memory, payloads);
		}
		return payloads;
	}

	enter(built: BuiltRecord, nr: number): string | null {
		this.#payloads(built).enter(built.p, built.end, nr, 1000, 2, 7);
		return fieldsOf(layoutOf(this.arch, this.version).shapes[SYS_ENTER]!, built).path as string | null;
	}

	exit(built: BuiltRecord, nr: number): void {
		this.#payloads(built).exit(built.p, built.end, nr, 1000, 2, 7);
	}
}

const args = (...values: number[]): Put[] => values.map((v, k) => [48 + 8 * k, "u64", v] as const);
const is64 = [44, "i32", 0] as const;

/** A sys_enter with a payload of `bytes` bytes, rounded up as records are. */
const enterWith = (bytes: number, ...puts: Put[]) =>
	record((96 + bytes + 7) & ~7, [TEXT_AT, "u32", 0x77], is64, ...puts);
const exitWith = (bytes: number, ret: number, ...puts: Put[]) =>
	record((56 + bytes + 7) & ~7, is64, [48, "u64", ret], ...puts);

describe("paths", () => {
	test("of calls that name one, up to the NUL", () => {
		const path = enterWith(10, [96, "text", "/etc/host"]);
		for (const nr of [2, 4, 6, 21, 59, 85, 87, 137, 257, 263])
			expect(new Feed().enter(enterWith(10, [96, "text", "/etc/host"]), nr)).toBe("/etc/host");
		expect(new Feed().enter(path, 0)).toBeNull();
		expect(new Feed("ppc64le").enter(path, 286)).toBe("/etc/host");
		expect(new Feed("ppc64le").enter(path, 257)).toBeNull();
		expect(new Feed("riscv64").enter(path, 257)).toBeNull();
	});

	test("none where there is no payload, no NUL in the record, or a task of 32 bits", () => {
		expect(new Feed().enter(enterWith(0), 257)).toBeNull();
		expect(new Feed().enter(enterWith(8, [96, "bytes", [...Buffer.from("/etc/hos")]]), 257)).toBeNull();
		expect(new Feed().enter(enterWith(8, [96, "u8", 0]), 257)).toBeNull();
		expect(new Feed().enter(enterWith(8, [96, "text", "/a"], [44, "i32", 1]), 257)).toBeNull();
		const long = (length: number) => enterWith(length + 1, [96, "text", "x".repeat(length)]);
		expect(new Feed().enter(long(1023), 257)).toHaveLength(1023);
		expect(new Feed().enter(long(1024), 257)).toBeNull();
	});

	test("of the older headers: in version 1 the record says where", () => {
		const old = (...puts: Put[]) =>
			record(104, [32, "i32", 2], [36, "u32", 0], [88, "text", "/old"], ...puts);
		expect(new Feed("x86_64", 3).enter(old(), 2)).toBe("/old");
		expect(new Feed("x86_64", 3).enter(old([36, "u32", 1]), 2)).toBeNull();
		expect(new Feed("x86_64", 1).enter(old([36, "u32", 88]), 2)).toBe("/old");
		for (const offset of [0, 8, 105, 0xffff_ffff])
			expect(new Feed("x86_64", 1).enter(old([36, "u32", offset]), 2)).toBeNull();
	});
});

describe("control blocks", () => {
	const block = (at: number, opcode: number, fd: number, offset: number): Put[] => [
		[at, "u64", 0x7f00_1234_5678],
		[at + 8, "u16", opcode],
		[at + 10, "u16", 0xffff],
		[at + 12, "u32", fd],
		[at + 16, "u64", offset],
		[at + 24, "u64", 4096],
	];

	test("that io_submit was given", () => {
		new Feed().enter(enterWith(64, ...args(1, 2), ...block(96, 1, 5, 8192), ...block(128, 4, 6, -1)), 209);
		const common = { iocb_lo: 0x1234_5678, iocb_hi: 0x7f00, ioprio: -1, nbytes: 4096 };
		expect(rows).toEqual({
			[iocb.name]: [
				{ ...common, opcode: "PWRITE", fd: 5, position: 8192 },
				{ ...common, opcode: "4", fd: 6, position: -1 },
			],
		});
	});

	test("are no more than the call was given, the record has, or the module copies", () => {
		const blocks = (n: number, asked: number, bytes = 32 * n) =>
			new Feed().enter(
				enterWith(
					bytes,
					...args(1, asked),
					...Array.from({ length: n }, (_, k) => block(96 + 32 * k, 0, k, 0)).flat(),
				),
				209,
			);
		blocks(3, 2);
		expect(rows[iocb.name]).toHaveLength(2);
		rows = {};
		blocks(2, 5, 56);
		expect(rows[iocb.name]).toHaveLength(1);
		rows = {};
		blocks(40, 1000);
		expect(rows[iocb.name]).toHaveLength(32);
		rows = {};
		blocks(1, -1);
		expect(rows).toEqual({});
	});

	test("that io_getevents returned", () => {
		const put: Put[] = [
			[56, "u64", -2],
			[64, "u64", 0x10],
			[72, "u64", -5],
			[80, "u64", 0],
		];
		new Feed().exit(exitWith(64, 1, ...put), 208);
		expect(rows).toEqual({
			[ioEvent.name]: [{ data_lo: -2, data_hi: -1, iocb_lo: 0x10, iocb_hi: 0, res: -5, res2: 0 }],
		});
		rows = {};
		new Feed().exit(exitWith(64, -22, ...put), 208);
		expect(rows).toEqual({});
	});
});

describe("sets of descriptors", () => {
	const pollfd = (at: number, fd: number, events: number, revents: number): Put[] => [
		[at, "i32", fd],
		[at + 4, "u16", events],
		[at + 6, "u16", revents],
	];

	test("poll: asked, then answered", () => {
		const feed = new Feed();
		feed.enter(enterWith(16, ...args(9, 2), ...pollfd(96, 3, 1, 0xa5), ...pollfd(104, 4, 5, 0xa5)), 7);
		feed.exit(exitWith(16, 1, ...pollfd(56, 3, 1, 0), ...pollfd(64, 4, 5, 4)), 7);
		const asked = { syscall: "poll", answer: 0, revents: null };
		const answered = { syscall: "poll", answer: 1 };
		expect(rows[pollFd.name]).toEqual([
			{ ...asked, fd: 3, events: 1 },
			{ ...asked, fd: 4, events: 5 },
			{ ...answered, fd: 3, events: 1, revents: 0 },
			{ ...answered, fd: 4, events: 5, revents: 4 },
		]);
	});

	test("ppoll has the time before them, and more are asked than were copied: nothing", () => {
		const feed = new Feed();
		feed.enter(enterWith(24, ...args(9, 1), ...pollfd(112, 8, 1, 0)), 271);
		expect(rows[pollFd.name]).toEqual([{ syscall: "ppoll", answer: 0, fd: 8, events: 1, revents: null }]);
		rows = {};
		for (const count of [2, 200, -1, 0]) feed.enter(enterWith(24, ...args(9, count)), 271);
		feed.enter(enterWith(0, ...args(9, 1)), 7);
		expect(rows).toEqual({});
	});

	test("an answer that failed is none; one without its question is that of poll only", () => {
		const feed = new Feed();
		feed.exit(exitWith(8, -4, ...pollfd(56, 3, 1, 1)), 7);
		feed.exit(exitWith(8, 1, ...pollfd(56, 3, 1, 1)), 271);
		expect(rows).toEqual({});
		feed.exit(exitWith(8, 1, ...pollfd(56, 3, 1, 1)), 7);
		expect(rows[pollFd.name]).toHaveLength(1);
	});

	test("select: three sets of bits, to read, to write, exceptions", () => {
		const built = enterWith(16 + 6, ...args(11), [
			112,
			"bytes",
			[0b0000_1000, 0b100, 0b0000_1000, 0, 0b1, 0b1000],
		]);
		new Feed().enter(built, 23);
		const asked = { syscall: "select", answer: 0, revents: null };
		expect(rows[pollFd.name]).toEqual([
			{ ...asked, fd: 0, events: 2 },
			{ ...asked, fd: 3, events: 5 },
			{ ...asked, fd: 10, events: 1 },
		]);
	});

	test.each([0, 16])("the answer of select lies behind %i bytes of time", (time) => {
		// one memory for both records, as in a file
		const bytes = 96 + 24;
		const built = record(bytes, is64, ...args(11), [112, "bytes", [0, 4, 0, 0, 0, 0]]);
		const feed = new Feed();
		feed.enter(built, 23);
		const { memory, p } = built;
		const answer = { memory, p, end: p + 56 + time + 8 };
		memory.u8.fill(0, p + 56, answer.end);
		memory.view.setBigInt64(p + 48, 1n, true);
		memory.u8[p + 56 + time + 1] = 4;
		feed.exit(answer, 23);
		expect(rows[pollFd.name]?.[1]).toEqual({
			syscall: "select",
			answer: 1,
			fd: 10,
			events: null,
			revents: 1,
		});
		expect(rows[pollFd.name]).toHaveLength(2);
		// the question is used up
		feed.exit(answer, 23);
		expect(rows[pollFd.name]).toHaveLength(2);
	});
});

describe("addresses", () => {
	const inet = (a: number[], port: number) => [2, 0, port >> 8, port & 255, ...a, 0, 0, 0, 0, 0, 0, 0, 0];
	const inet6 = (groups: number[], port: number) => [
		...[10, 0, port >> 8, port & 255, 0, 0, 0, 0],
		...groups.flatMap((g) => [g >> 8, g & 255]),
		...[0, 0, 0, 0],
	];
	const type = (n: number) => [n, 0];
	const local = inet([127, 0, 0, 1], 7411);
	const remote = inet([10, 1, 2, 3], 443);
	const exit = (nr: number, bytes: number[], arch?: string) =>
		new Feed(arch).exit(exitWith(bytes.length, 1000, [56, "bytes", bytes]), nr);
	const tcp: SocketPair = {
		family: "inet",
		type: "stream",
		protocol: "TCP",
		localAddress: "127.0.0.1",
		localPort: 7411,
		remoteAddress: "10.1.2.3",
		remotePort: 443,
	};

	test("as the module of 7.11 wrote them", () => {
		// x86-liki-sock: TCP to 127.0.0.1:7411, and a pair of AF_UNIX
		const bytes = Buffer.from(
			"0200d6c07f000001000000000000000002001cf37f00000100000000000000000100000000000000",
			"hex",
		);
		exit(44, [...bytes]);
		exit(45, [...Buffer.from("0100010001000000", "hex")]);
		expect(pairs).toEqual([
			{ ...tcp, localPort: 54976, remoteAddress: "127.0.0.1", remotePort: 7411 },
			{
				family: "unix",
				type: "stream",
				protocol: null,
				localAddress: null,
				localPort: null,
				remoteAddress: null,
				remotePort: null,
			},
		]);
		expect(calls).toEqual([
			[2, 0],
			[2, 1],
		]);
	});

	test("by the calls of the machine", () => {
		for (const nr of [0, 1, 17, 18, 19, 20, 44, 45, 46, 47]) exit(nr, [...local, ...remote, ...type(1)]);
		expect(pairs).toEqual(new Array(10).fill(tcp));
		for (const nr of [334, 336, 335, 337, 3, 4]) exit(nr, [...local, ...remote, ...type(1)], "ppc64le");
		expect(pairs).toHaveLength(16);
		// recvmmsg and sendmmsg have a count of bytes before them
		for (const nr of [299, 307]) exit(nr, [0, 16, 0, 0, 0, 0, 0, 0, ...local, ...remote, ...type(2)]);
		expect(pairs.slice(16)).toEqual(new Array(2).fill({ ...tcp, type: "dgram", protocol: "UDP" }));
		// those of sendfile are of the file that it reads
		exit(40, [...local, ...remote, ...type(1)]);
		expect(pairs).toHaveLength(18);
	});

	test("recvfrom with a buffer for the sender: 128 bytes of it", () => {
		const storage = [...remote, ...new Array(112).fill(0xa5)];
		exit(45, [...local, ...storage, ...type(2)]);
		expect(pairs).toEqual([{ ...tcp, type: "dgram", protocol: "UDP" }]);
	});

	test("of an unknown end are NULL", () => {
		exit(45, [...inet([0, 0, 0, 0], 5353), ...inet([0, 0, 0, 0], 0), ...type(2)]);
		expect(pairs[0]).toMatchObject({
			localAddress: "0.0.0.0",
			localPort: 5353,
			remoteAddress: null,
			remotePort: null,
		});
	});

	test.each([
		[[0, 0, 0, 0, 0, 0, 0, 1], "::1"],
		[[0xfe80, 0, 0, 0, 0xabc, 0, 0, 1], "fe80::abc:0:0:1"],
		[[0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], "2001:db8:0:1:1:1:1:1"],
		[[0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], "2001:db8::1:0:0:1"],
		[[1, 2, 3, 4, 5, 6, 0, 0], "1:2:3:4:5:6::"],
		[[0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], "::ffff:127.0.0.1"],
		[[0, 0, 0, 0, 0, 0, 0, 0], "::"],
	])("inet6 %j is %s", (groups, text) => {
		exit(47, [...inet6(groups, 22), ...inet6([0, 0, 0, 0, 0, 0, 0, 1], 4000), ...type(1)]);
		expect(pairs[0]).toMatchObject({
			family: "inet6",
			protocol: "TCP",
			localAddress: text,
			localPort: 22,
			remoteAddress: "::1",
			remotePort: 4000,
		});
	});

	test("unix: a path on either end; an abstract name has no end", () => {
		const path = (text: string) => [1, 0, ...Buffer.from(`${text}\0`)];
		const unnamed = [1, 0];
		exit(44, [...path("/run/a.sock"), ...unnamed, ...type(1)]);
		exit(44, [...unnamed, ...path("/run/b"), ...type(5)]);
		exit(44, [...path("/run/a"), ...path("/run/bc"), ...type(2)]);
		exit(44, [...unnamed, ...unnamed, ...type(2)]);
		expect(pairs.map((p) => [p.localAddress, p.remoteAddress, p.type])).toEqual([
			["/run/a.sock", null, "stream"],
			[null, "/run/b", "seqpacket"],
			["/run/a", "/run/bc", "dgram"],
			[null, null, "dgram"],
		]);
		exit(44, [1, 0, 0, 97, 98, ...unnamed, ...type(1)]);
		expect(pairs).toHaveLength(4);
	});

	test("that are none: no row", () => {
		for (const bytes of [
			[],
			[2, 0],
			local,
			[...local, ...remote],
			[...local, ...[1, 0], ...type(1)],
			// AF_REGFILE of older releases
			[255, 255, ...new Array(22).fill(1)],
			[99, 0, ...new Array(40).fill(0)],
		])
			exit(0, bytes);
		expect(pairs).toEqual([]);
		expect(calls).toEqual([]);
	});

	test("belong to the call that they came with only, though each pair is read once", () => {
		const built = exitWith(34, 1000, [56, "bytes", [...local, ...remote, ...type(1)]]);
		const feed = new Feed();
		for (let k = 0; k < 3; k++) feed.exit(built, 0);
		expect(pairs).toEqual([tcp]);
		expect(calls).toEqual([
			[2, 0],
			[2, 0],
			[2, 0],
		]);
		feed.exit({ ...built, end: built.p + 56 }, 0);
		expect(calls).toHaveLength(3);
	});
});

describe("hostile records", () => {
	test("are bounded by their end, and nothing is thrown", () => {
		let seed = 1;
		const random = (n: number) => {
			seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
			return seed % n;
		};
		const { memory, p } = record(1200);
		const feeds = [new Feed(), new Feed("ppc64le"), new Feed("x86_64", 1), new Feed("x86_64", 3)];
		const quiet = { ...pipeline, append: () => {} } as unknown as Pipeline;
		const payloads = feeds.map(
			({ arch, version }) => new Payloads({ memory, pipeline: quiet, arch, layout: layoutOf(arch, version) }),
		);
		const { enter, exit } = { enter: SYS_ENTER, exit: SYS_EXIT };
		for (let k = 0; k < 20_000; k++) {
			for (let n = 0; n < 12; n++) memory.u8[p + 24 + random(80)] = random(3) === 0 ? random(256) : random(3);
			const which = random(4);
			const { arch, version } = feeds[which]!;
			const { shapes } = layoutCache(arch, version);
			const id = random(2) === 0 ? enter : exit;
			const end = p + shapes[id]!.bytes + 8 * random(130);
			const nr = random(340);
			if (id === enter) {
				payloads[which]!.enter(p, end, nr, 1000, 2, random(5));
				const word = memory.view.getUint32(p + TEXT_AT, true);
				if (word !== 0 && p + (word & 0xffff) + (word >>> 16) > end) expect.fail("a path beyond its record");
			} else payloads[which]!.exit(p, end, nr, 1000, 2, random(5));
		}
	});
});

const layouts = new Map<string, ReturnType<typeof layoutOf>>();
function layoutCache(arch: string, version: number): ReturnType<typeof layoutOf> {
	const key = `${arch} ${version}`;
	const known = layouts.get(key) ?? layoutOf(arch, version);
	layouts.set(key, known);
	return known;
}
