import { expect, test } from "vitest";
import { Joiner } from "./join.ts";
import type { Output } from "./messages.ts";
import { Outputs } from "./output.ts";

const stream = (name: "stdout" | "stderr", text: string): Output => ({ output_type: "stream", name, text });

test("text to one stream is joined; another stream, another output or another cell ends it", () => {
	const joiner = new Joiner();
	const got: unknown[] = [];
	const first = (o: Output) => got.push(["first", o]);
	const second = (o: Output) => got.push(["second", o]);
	joiner.deliver(first, stream("stdout", "a"));
	joiner.deliver(first, stream("stdout", "b"));
	joiner.deliver(first, stream("stderr", "c"));
	joiner.deliver(second, stream("stderr", "d"));
	joiner.deliver(second, { output_type: "clear_output", wait: false });
	expect(got).toEqual([
		["first", stream("stdout", "ab")],
		["first", stream("stderr", "c")],
		["second", stream("stderr", "d")],
		["second", { output_type: "clear_output", wait: false }],
	]);
});

test("text does not wait for more", async () => {
	const joiner = new Joiner();
	const text = await new Promise((resolve) => joiner.deliver(resolve, stream("stdout", "alone")));
	expect(text).toEqual(stream("stdout", "alone"));
});

test("outputs carry the cell that made them; a silent cell makes none", async () => {
	const got: unknown[] = [];
	const outputs = new Outputs((id, output) => got.push([id, (output as { text: string }).text]));
	const run = (id: number, silent = false) => ({ id, count: id, silent, stopped: false, printed: 0 });
	const late = outputs.cell.run(run(1), async () => {
		await new Promise((resolve) => setTimeout(resolve, 5));
		outputs.write("stdout", "late");
	});
	outputs.cell.run(run(2), () => outputs.write("stdout", "now"));
	outputs.cell.run(run(3, true), () => outputs.write("stdout", "unheard"));
	await late;
	outputs.write("stderr", "nobody's");
	expect(got).toEqual([
		[2, "now"],
		[1, "late"],
		[undefined, "nobody's"],
	]);
});
