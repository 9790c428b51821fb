import { describe, expect, it } from "vitest";
import { change, columnFormat, group, hex, percent, percentile, sentence, stamp } from "./numbers.ts";

const plain = (text: string): string => text.replaceAll("\u202f", " ");

describe("numbers in a sentence", () => {
	it.each([
		[3643209456, "3.64 s"],
		[4264676, "4.26 ms"],
		[11918, "11.9 µs"],
		[640, "640 ns"],
		[0, "0 ns"],
		[999_960, "1.00 ms"],
		[999_499_999, "999 ms"],
		[1_000_000_000, "1.00 s"],
		[12_345_678_000_000, "12 346 s"],
		[-4_264_676, "−4.26 ms"],
		[1999822000n, "2.00 s"],
	])("%s ns is %s", (value, text) => {
		expect(plain(sentence(value, "ns"))).toBe(text);
	});

	it("writes the other quantities", () => {
		expect(plain(sentence(19771, "count"))).toBe("19 771");
		expect(sentence(3252, "count")).toBe("3252");
		expect(plain(sentence(9007199254740993n, "count"))).toBe("9 007 199 254 740 993");
		expect(plain(sentence(128_640, "bytes"))).toBe("126 KiB");
		expect(plain(sentence(640, "bytes"))).toBe("640 bytes");
		expect(plain(sentence(414.06, "per_second"))).toBe("414/s");
		expect(plain(sentence(0.0123, "number"))).toBe("0.0123");
		expect(plain(sentence(1_060_000_000, "stamp"))).toBe("1.0600 s");
	});

	it("keeps unknown, none, no value and open apart", () => {
		expect(sentence(null, "ns")).toBe("unknown");
		expect(sentence(Number.NaN, "ns")).toBe("unknown");
		expect(sentence("-", "ns")).toBe("–");
		expect(sentence(0, "count")).toBe("0");
		expect(plain(sentence(1999822000, "ns", { atLeast: true }))).toBe("≥ 2.00 s");
		expect(sentence(null, "ns", { atLeast: true })).toBe("unknown");
	});

	it("never rounds a share to 0 or 100", () => {
		expect(plain(percent(0.30199, 1))).toBe("30.2 %");
		expect(plain(percent(0.03))).toBe("<0.1 %");
		expect(plain(percent(99.97))).toBe(">99.9 %");
		expect(plain(percent(100))).toBe("100 %");
		expect(plain(percent(0))).toBe("0 %");
		expect(percent(1, 0)).toBe("–");
		expect(plain(change(745.5, 1021.2))).toBe("+37.0 %");
		expect(plain(change(2, 1))).toBe("−50.0 %");
		expect(change(0, 1)).toBe("–");
	});

	it("writes stamps and addresses", () => {
		expect(plain(stamp(299_246_687_123n, 9))).toBe("299.246687123 s");
		expect(plain(stamp(-1_500_000_000n, 1))).toBe("−1.5 s");
		expect(hex(0x1012b200)).toBe("0x1012b200");
		expect(hex(-4611686018427387904n)).toBe("0xc000000000000000");
		expect(group(-12345)).toBe("−12\u202f345");
	});
});

describe("numbers in a column", () => {
	const column = (
		values: (number | null | "-")[],
		quantity: "ns" | "bytes" | "count" | "stamp" | "number",
	) => {
		const f = columnFormat(values, quantity);
		return [f.unit, ...values.map((v) => plain(f.format(v)))];
	};

	it("has one unit and one number of decimals", () => {
		expect(column([3643209456, 745_500_000, 6_600_000], "ns")).toEqual(["ms", "3643.2", "745.5", "6.6"]);
		expect(column([4_264_676, 8_418_000, 6_000], "ns")).toEqual(["ms", "4.3", "8.4", "<0.1"]);
		expect(column([900_000, 1_200], "ns")).toEqual(["µs", "900.0", "1.2"]);
		expect(column([640, 12], "ns")).toEqual(["ns", "640", "12"]);
		expect(column([36_000_000_000_000, 18_000_000_000_000, 1e9], "ns")[0]).toBe("s");
		expect(column([2_000_000, 512], "bytes")).toEqual(["MiB", "1.907", "<0.001"]);
		expect(column([19771, 5], "count")).toEqual(["", "19 771", "5"]);
		expect(column([1_000_000_000, 1_000_200_000], "stamp")).toEqual(["s", "1.0000", "1.0002"]);
		expect(column([1, 2, 3], "number")).toEqual(["", "1", "2", "3"]);
	});

	it("keeps 0, unknown and no value apart, and takes an empty column", () => {
		expect(column([0, null, "-", 2_000_000], "ns")).toEqual(["ms", "0", "?", "–", "2.0"]);
		expect(columnFormat([], "ns").format(null)).toBe("?");
		expect(columnFormat([null], "stamp").format(undefined)).toBe("–");
	});
});

describe("percentile", () => {
	const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
	it("is the nearest rank, an observed value", () => {
		expect(percentile(upTo(100), 50)).toBe(50);
		expect(percentile(upTo(100), 99)).toBe(99);
		expect(percentile(upTo(101), 99)).toBe(100);
		expect(percentile(upTo(1000), 99.9)).toBe(999);
		expect(percentile(upTo(20), 95)).toBe(19);
		expect(percentile([7, 7, 9], 50)).toBe(7);
		expect(percentile([5], 100)).toBe(5);
	});
	it("is not given for too few values", () => {
		expect(percentile([1, 2], 50)).toBe("-");
		expect(percentile(upTo(19), 95)).toBe("-");
		expect(percentile(upTo(99), 99)).toBe("-");
		expect(percentile(upTo(999), 99.9)).toBe("-");
		expect(percentile(upTo(9), 90)).toBe("-");
		expect(percentile(upTo(10), 90)).toBe(9);
		expect(() => percentile([1], 0)).toThrow(RangeError);
	});
});
