import { expect, it } from "vitest";
import { idTable } from "./ftrace-testing.ts";
import { parseIds } from "./ids.ts";

it("tells system and event of each type", () => {
	const ids = parseIds(
		idTable([
			[5, "ftrace", "print"],
			[2999, "filemap", "mm_filemap_delete_from_page_cache"],
		]),
	);
	expect([...ids]).toEqual([
		[5, { system: "ftrace", event: "print" }],
		[2999, { system: "filemap", event: "mm_filemap_delete_from_page_cac" }],
	]);
});

it("takes nothing for a name that is none", () => {
	expect(parseIds(idTable([[1, "x", 'a"; DROP']])).size).toBe(0);
	expect(parseIds(Buffer.from("not a table at all")).size).toBe(0);
	expect(parseIds(Buffer.alloc(0)).size).toBe(0);
});
