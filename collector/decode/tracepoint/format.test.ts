import { expect, it } from "vitest";
import { parseFormat } from "./format.ts";

const text = (fields: string): string => `name: an_event
ID: 7
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;
${fields}
print fmt: ""`;

it("leaves out a field that ends where no record reaches, and says so", () => {
	const problems: string[] = [];
	const format = parseFormat(
		text(`	field:u64 good;	offset:8184;	size:8;	signed:0;
	field:u64 late;	offset:8188;	size:8;	signed:0;
	field:u8 large[4294967295];	offset:8;	size:4294967295;	signed:0;
	field:int far;	offset:9007199254740991;	size:4;	signed:1;`),
		"system",
		8,
		(problem) => problems.push(problem),
	);
	expect(format!.fields.map((f) => f.name)).toEqual(["good"]);
	expect(problems.map((p) => / (\w+)(\[\d+\])?;/.exec(p)![1])).toEqual(["late", "large", "far"]);
});
