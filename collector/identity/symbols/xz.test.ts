import { describe, expect, it } from "vitest";
import { unpackXz } from "./xz.ts";

const text = `${"int main(void); ".repeat(40)}the end`;
// xz -c --check=crc32, and xz -c --block-size=300
const packed = Buffer.from(
	"/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AKGACFdADSbiuoltYcDoTxGxouFQgfzdurOZYHBTtfRaFYGEmyyNwAAAAAPuWFHAAE5hwUAAAAIHjjUPjANiwIAAAAAAVla",
	"base64",
);
const blocks = Buffer.from(
	"/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AErABhdADSbiuoltYcDoTxGxouFQgfzdurOEJPgAABhrQBAwGMoXQIAIQEWAAAAdC/lo+ABKwAYXQAyCkNiE1wN0D3+oUMtA6A1ATzO6KiXoAAAP6fzqsxuHCQCACEBFgAAAHQv5aPgAC4AHl0AFB2J5rCFU+v2jyHaX4GfDbH6oZBvblE4yrRtOJ8AAAAAKd+Rpcu+rUQAAzSsAjSsAjovAAAF7i8nFBc7MAMAAAAABFla",
	"base64",
);

describe("xz data", () => {
	it("of one block and of several is expanded", () => {
		expect(unpackXz(packed).toString()).toBe(text);
		expect(unpackXz(blocks).toString()).toBe(text);
	});

	it("that is damaged says so, for every cut and every flipped byte, and never expands to more than it should", () => {
		expect(unpackXz(Buffer.from("gzip data, no xz data"))).toBe("not in the .xz format");
		for (let at = 12; at < packed.length; at++) {
			const flipped = Buffer.from(packed);
			flipped[at] ^= 0xff;
			for (const data of [packed.subarray(0, at), flipped]) {
				const content = unpackXz(data);
				if (typeof content !== "string") expect(content.length).toBeLessThanOrEqual(64 << 20);
			}
		}
		expect(unpackXz(packed.subarray(0, 60))).toBe("it is cut");
	});
});
