/**
 * The built kernel, as a Jupyter frontend sees it (jupyter_client, docs/messaging.rst). No times are asserted: a
 * request that is never answered fails by the test's timeout.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Request } from "zeromq";
import { encode } from "../../kernel/protocol/wire.ts";
import { finished, KernelClient, pause, types } from "./client.ts";

const timeout = 60_000;

describe("the kernel", { timeout }, () => {
	let kernel: KernelClient;
	beforeAll(async () => {
		kernel = await KernelClient.start();
	}, timeout);
	afterAll(() => kernel.close());

	test("introduces itself, on shell and on control", async () => {
		for (const channel of ["shell", "control"] as const) {
			const info = await kernel.ask(channel, "kernel_info_request", {}).reply;
			expect(info).toMatchObject({ status: "ok", protocol_version: "5.4", implementation: "powerki" });
			expect(info.language_info).toMatchObject({ name: "typescript", file_extension: ".ts" });
		}
	});

	test("runs a cell: busy, execute_input, result, idle", async () => {
		const { reply, messages, result } = await kernel.run("1 + 1");
		expect(types(messages)).toEqual(["busy", "execute_input", "execute_result", "idle"]);
		expect(result).toBe("2");
		expect(reply).toMatchObject({ status: "ok", user_expressions: {}, payload: [] });
		const [, input, output] = messages;
		expect(input.content).toEqual({ code: "1 + 1", execution_count: reply.execution_count });
		expect(output.content.execution_count).toBe(reply.execution_count);
	});

	test("counts cells, but neither silent ones nor those that store no history", async () => {
		const count = async (options = {}) => (await kernel.run("0", options)).reply.execution_count as number;
		const first = await count();
		expect(await count()).toBe(first + 1);
		expect(await count({ store_history: false })).toBe(first + 1);
		expect(await count()).toBe(first + 2);
		const silent = await kernel.run("console.log('unheard'); 5", { silent: true });
		expect(types(silent.messages)).toEqual(["busy", "idle"]);
		expect(silent.reply.status).toBe("ok");
		expect(await count()).toBe(first + 3);
	});

	test("keeps variables, types and imports from cell to cell", async () => {
		await kernel.run(
			"import { sep } from 'node:path'; interface P { x: number }; let p: P = { x: 1 }; function twice(n: number) { return 2 * n }",
		);
		await kernel.run("p = { x: twice(p.x) + 1 }");
		expect((await kernel.run("String(p.x) + sep")).result).toBe("'3/'");
		expect((await kernel.run("const p = 'again'; p")).result).toBe("'again'");
	});

	test("takes variables of earlier cells in every place", async () => {
		await kernel.run("let one = 1, two = 2; const hidden = 'outer'");
		expect((await kernel.run("({ one, two: { two } })")).result).toBe("{ one: 1, two: { two: 2 } }");
		expect((await kernel.run("((hidden: string) => ({ hidden }))('inner')")).result).toBe(
			"{ hidden: 'inner' }",
		);
		expect(
			(await kernel.run("({ one, two = 9 } = { one: 5 } as { one: number; two?: number }); [one, two]"))
				.result,
		).toBe("[ 5, 9 ]");
	});

	test("awaits at top level, in every form", async () => {
		expect((await kernel.run("const a = await Promise.resolve(3); a")).result).toBe("3");
		expect((await kernel.run("const b = await (await Promise.resolve(Promise.resolve(4))); b")).result).toBe(
			"4",
		);
		expect((await kernel.run("let sum = 0; for await (const n of [1, 2, 3]) sum += n; sum")).result).toBe(
			"6",
		);
		expect((await kernel.run("Promise.resolve('shown when it has come')")).result).toBe(
			"'shown when it has come'",
		);
	});

	test("prints in order, each stream by its name, before the result", async () => {
		const ran = await kernel.run(
			"console.log('one'); console.error('two'); console.log('three'); process.stdout.write('four'); 5",
		);
		const outputs = ran.messages.slice(2, -1).map((m) => m.content.text ?? "result");
		expect(outputs).toEqual(["one\n", "two\n", "three\nfour", "result"]);
		expect(ran.messages.filter((m) => m.content.name === "stderr")).toHaveLength(1);
	});

	test("prints 20 000 lines, joined, none lost", async () => {
		const { stdout, messages } = await kernel.run("for (let i = 0; i < 20000; i++) console.log('line ' + i)");
		const lines = stdout.trimEnd().split("\n");
		expect(lines).toHaveLength(20_000);
		expect(lines.every((line, i) => line === `line ${i}`)).toBe(true);
		expect(messages.length).toBeLessThan(2_000);
	});

	test("cuts what a cell prints beyond 1 MB, and says so", async () => {
		const { stdout } = await kernel.run("for (let i = 0; i < 3000; i++) console.log('x'.repeat(999))");
		expect(stdout.length).toBeLessThan(1_000_200);
		expect(stdout).toMatch(/output cut: a cell prints at most 1,000,000 characters/);
		expect((await kernel.run("console.log('next')")).stdout).toBe("next\n");
	});

	test("shows values in several forms, and JSON with big integers", async () => {
		const { messages } = await kernel.run(
			"display.bundle({ 'application/vnd.vegalite.v5+json': { data: [{ ts: 12n, big: 2n ** 60n }] }, 'image/svg+xml': '<svg/>', 'text/plain': 'chart' }, { 'image/svg+xml': { alt: 'a chart' } })",
		);
		const shown = messages.find((m) => m.header.msg_type === "display_data");
		expect(shown?.content).toMatchObject({
			data: {
				"application/vnd.vegalite.v5+json": { data: [{ ts: 12, big: "1152921504606846976" }] },
				"image/svg+xml": "<svg/>",
				"text/plain": "chart",
			},
			metadata: { "image/svg+xml": { alt: "a chart" } },
		});
	});

	test("shows a value by its own method", async () => {
		const { messages } = await kernel.run(
			"({ [Symbol.for('Jupyter.display')]: () => ({ 'text/plain': 'own', 'text/html': '<b>own</b>' }) })",
		);
		expect(messages.find((m) => m.header.msg_type === "execute_result")?.content.data).toEqual({
			"text/plain": "own",
			"text/html": "<b>own</b>",
		});
	});

	test("shows arquero tables and Danfo frames as tables, with names escaped", async () => {
		const arquero = await kernel.run(
			"import { table } from 'arquero'; table({ name: ['<script>', 'b'], n: [1, 2] }).orderby('n')",
		);
		const data = (ran: typeof arquero) =>
			ran.messages.find((m) => m.header.msg_type === "execute_result")?.content.data as Record<
				string,
				string
			>;
		expect(data(arquero)["text/html"]).toContain("&lt;script&gt;");
		expect(data(arquero)["text/html"]).not.toContain("<script>");
		expect(data(arquero)["text/plain"]).toBe("name      n\n<script>  1\nb         2\n2 rows");
		const danfo = await kernel.run(
			"import * as dfd from 'danfojs-node'; new dfd.DataFrame({ a: [1.5, 2], b: ['x', 'y'] })",
		);
		expect(data(danfo)["text/plain"]).toBe("     a  b\n0  1.5  x\n1    2  y\n2 rows");
	});

	test("updates what is displayed, also after the cell's end", async () => {
		const first = await kernel.run(
			"const shown = display('before'); shown.update('within'); setTimeout(() => shown.update('after'), 100)",
		);
		const [display, update] = first.messages.filter((m) => /display_data/.test(m.header.msg_type));
		expect([display.header.msg_type, update.header.msg_type]).toEqual([
			"display_data",
			"update_display_data",
		]);
		const id = (display.content.transient as { display_id: string }).display_id;
		expect(update.content.transient).toEqual({ display_id: id });
		const late = await kernel.heard((m) => m.header.msg_type === "update_display_data");
		expect(late.content).toMatchObject({ data: { "text/plain": "'after'" }, transient: { display_id: id } });
		expect(late.parent).toMatchObject({ msg_id: (display.parent as { msg_id: string }).msg_id });
	});

	test("clears outputs", async () => {
		const { messages } = await kernel.run("display('x'); display.clear(true); display('y')");
		expect(types(messages)).toEqual([
			"busy",
			"execute_input",
			"display_data",
			"clear_output",
			"display_data",
			"idle",
		]);
		expect(messages[3].content).toEqual({ wait: true });
	});

	test("serves tslab's display", async () => {
		const { messages } = await kernel.run(
			"import { display as show, newDisplay } from 'tslab'; show.html('<i>a</i>'); const d = newDisplay(); d.text('1'); d.text('2')",
		);
		expect(types(messages)).toEqual([
			"busy",
			"execute_input",
			"display_data",
			"display_data",
			"update_display_data",
			"idle",
		]);
		expect(messages[2].content.data).toMatchObject({ "text/html": "<i>a</i>" });
		expect((messages[4].content.data as Record<string, string>)["text/plain"]).toBe("2");
	});

	test("a thrown error is an error message and an error reply, with the cell's line", async () => {
		const { reply, messages } = await kernel.run(
			"interface Unused { a: string }\n\nfunction inner(n: number): never {\n\tthrow new RangeError('bad ' + n);\n}\ninner(7);",
		);
		expect(types(messages)).toEqual(["busy", "execute_input", "error", "idle"]);
		expect(reply).toMatchObject({ status: "error", ename: "RangeError", evalue: "bad 7" });
		const traceback = reply.traceback as string[];
		expect(messages[2].content).toMatchObject({ ename: "RangeError", evalue: "bad 7", traceback });
		expect(traceback[0]).toBe("RangeError: bad 7");
		expect(traceback[1]).toMatch(/at inner, cell \[\d+\] line 4:8/);
		expect(traceback.slice(2, 4)).toEqual(["    \tthrow new RangeError('bad ' + n);", "    \t      ^"]);
		expect(traceback[4]).toMatch(/at cell \[\d+\] line 6:1/);
		expect(traceback).toHaveLength(5);
	});

	test("says where a function of an earlier cell threw", async () => {
		const defined = await kernel.run("\nconst fails = () => {\n  throw new Error('deep');\n};");
		const { reply } = await kernel.run("fails()");
		const traceback = (reply.traceback as string[]).join("\n");
		expect(traceback).toContain(`cell [${defined.reply.execution_count}] line 3:9`);
		expect(traceback).toContain(`cell [${reply.execution_count}] line 1:1`);
	});

	test("errors that are no Error, rejections and syntax errors are errors too", async () => {
		expect((await kernel.run("throw 'text'")).reply).toMatchObject({ status: "error", evalue: "'text'" });
		expect((await kernel.run("await Promise.reject(new Error('rejected'))")).reply).toMatchObject({
			evalue: "rejected",
		});
		expect((await kernel.run("Promise.reject(new Error('unawaited'))")).reply).toMatchObject({
			evalue: "unawaited",
		});
		expect((await kernel.run("let = = 3")).reply).toMatchObject({
			status: "error",
			ename: "TypeScriptError",
		});
	});

	test("a type error stops the cell before it runs, with line, column and caret", async () => {
		const { reply, stdout } = await kernel.run("console.log('not run');\nconst n: number = 'text';");
		expect(stdout).toBe("");
		expect(reply).toMatchObject({
			status: "error",
			ename: "TypeScriptError",
			evalue: "2:7 - Type 'string' is not assignable to type 'number'.",
		});
		expect(reply.traceback).toContain("    const n: number = 'text';");
		expect(reply.traceback).toContain("          ^");
	});

	test("an error aborts the cells that were sent with it, and only those", async () => {
		const asked = [
			kernel.execute("throw new Error('first')"),
			kernel.execute("console.log('second')"),
			kernel.execute("3"),
		];
		const info = kernel.ask("shell", "kernel_info_request", {});
		const [first, second, third] = await Promise.all(asked.map(finished));
		expect(first.reply.status).toBe("error");
		expect(second.reply.status).toBe("aborted");
		expect(third.reply.status).toBe("aborted");
		expect(types(second.messages)).toEqual(["busy", "idle"]);
		expect((await info.reply).status).toBe("ok");
		expect((await kernel.run("'later'")).result).toBe("'later'");
	});

	test("with stop_on_error false the cells behind an error run", async () => {
		const asked = [
			kernel.execute("throw new Error('first')", { stop_on_error: false }),
			kernel.execute("'second'"),
		];
		const [first, second] = await Promise.all(asked.map(finished));
		expect(first.reply.status).toBe("error");
		expect(second.result).toBe("'second'");
	});

	test("answers user expressions one by one", async () => {
		const { reply } = await kernel.run("const u = 20", { user_expressions: { good: "u + 1", bad: "nope" } });
		expect(reply.user_expressions).toMatchObject({
			good: { status: "ok", data: { "text/plain": "21" }, metadata: {} },
			bad: { status: "error", ename: "TypeScriptError" },
		});
	});

	test("tells of errors that nobody awaits, and lives", async () => {
		const told = kernel.heard((m) => m.content.name === "stderr");
		await kernel.run("setTimeout(() => { throw new Error('from a timer') }, 10)");
		expect((await told).content.text).toContain("Error: from a timer");
		const rejected = kernel.heard((m) => m.content.name === "stderr");
		await kernel.run("void (async () => { await null; throw new Error('floating') })()");
		expect((await rejected).content.text).toContain("Error: floating");
		expect((await kernel.run("'alive'")).result).toBe("'alive'");
	});

	test("a late output belongs to the cell that made it", async () => {
		const first = kernel.execute("setTimeout(() => console.log('late'), 150); 0");
		await first.reply;
		const late = kernel.heard((m) => m.content.text === "late\n");
		await kernel.run("await new Promise((r) => setTimeout(r, 300))");
		expect((await late).parent).toMatchObject({ msg_id: first.id });
	});

	test("completes, counting code points", async () => {
		await kernel.run("const zebra = { stripes: 3, spots: 0 }");
		const code = "'😀😀'; zebra.st; 1";
		const position = [...code.slice(0, code.indexOf(".st") + 3)].length;
		const reply = await kernel.ask("shell", "complete_request", { code, cursor_pos: position }).reply;
		expect(reply).toMatchObject({
			status: "ok",
			matches: ["stripes"],
			cursor_start: position - 2,
			cursor_end: position,
		});
	});

	test("inspects", async () => {
		const reply = await kernel.ask("shell", "inspect_request", {
			code: "zebra.stripes",
			cursor_pos: 9,
			detail_level: 0,
		}).reply;
		expect(reply).toMatchObject({ status: "ok", found: true });
		expect((reply.data as Record<string, string>)["text/plain"]).toContain("stripes: number");
		const none = await kernel.ask("shell", "inspect_request", { code: "   ", cursor_pos: 1, detail_level: 0 })
			.reply;
		expect(none).toMatchObject({ status: "ok", found: false });
	});

	test.each([
		["1 + 1", "complete"],
		["function f() {", "incomplete"],
		["%%sql\nSELECT 1", "incomplete"],
		["%%sql\nSELECT 1;", "complete"],
		["%%nothing", "invalid"],
	])("is %j complete: %s", async (code, status) => {
		expect(await kernel.ask("shell", "is_complete_request", { code }).reply).toMatchObject({ status });
	});

	test("has no history and no comms, and says so", async () => {
		expect(await kernel.ask("shell", "history_request", { hist_access_type: "tail", n: 10 }).reply).toEqual({
			status: "ok",
			history: [],
		});
		expect(await kernel.ask("shell", "comm_info_request", {}).reply).toEqual({ status: "ok", comms: {} });
		const opened = kernel.ask("shell", "comm_open", { comm_id: "c1", target_name: "unknown", data: {} });
		const messages = await opened.published;
		expect(types(messages)).toEqual(["busy", "comm_close", "idle"]);
		expect(messages[1].content).toMatchObject({ comm_id: "c1" });
	});

	test("does not listen to what is not signed with its key", async () => {
		const forged = encode(
			kernel.message("execute_request", { code: "globalThis.forged = true" }),
			"another key",
		);
		const unsigned = encode(kernel.message("execute_request", { code: "globalThis.forged = true" }), "");
		await kernel.sendRaw("shell", forged);
		await kernel.sendRaw("shell", unsigned);
		await kernel.sendRaw("shell", [Buffer.from("noise")]);
		expect((await kernel.run("String((globalThis as any).forged)")).result).toBe("'undefined'");
	});

	test("echoes the heartbeat and answers control while a cell never waits", async () => {
		const busy = kernel.execute("const end = Date.now() + 1500; while (Date.now() < end);");
		await kernel.heard((m) => m.header.msg_type === "execute_input");
		const heart = new Request({ linger: 0 });
		heart.connect(`tcp://127.0.0.1:${kernel.connection.hb_port}`);
		await heart.send("beat");
		expect(String((await heart.receive())[0])).toBe("beat");
		heart.close();
		const order: string[] = [];
		const info = kernel.ask("control", "kernel_info_request", {}).reply.then(() => order.push("info"));
		await Promise.all([info, busy.reply.then(() => order.push("cell"))]);
		expect(order).toEqual(["info", "cell"]);
	});

	describe("interrupt", () => {
		async function interrupted(
			code: string,
			started: () => Promise<unknown>,
		): Promise<Awaited<ReturnType<typeof finished>>> {
			const cell = kernel.execute(code);
			await started();
			expect(await kernel.ask("control", "interrupt_request", {}).reply).toEqual({ status: "ok" });
			return finished(cell);
		}
		const printed = (text: string) => () => kernel.heard((m) => m.content.text === text);

		test("ends a loop that never waits; variables stay", async () => {
			await kernel.run("let kept = 'kept'");
			const { reply, messages } = await interrupted("console.log('go'); while (true) {}", printed("go\n"));
			expect(reply).toMatchObject({ status: "error", ename: "KeyboardInterrupt" });
			expect(types(messages).at(-2)).toBe("error");
			expect((await kernel.run("kept")).result).toBe("'kept'");
		});

		test("ends an await that never comes; variables stay", async () => {
			const { reply } = await interrupted(
				"console.log('wait'); await new Promise(() => {})",
				printed("wait\n"),
			);
			expect(reply).toMatchObject({ status: "error", ename: "KeyboardInterrupt" });
			expect((await kernel.run("kept")).result).toBe("'kept'");
		});

		test("ends a loop that waits between its steps, for good", async () => {
			await interrupted(
				"let steps = 0; console.log('steps'); for (;;) { await new Promise((r) => setTimeout(r, 5)); (globalThis as any).steps = ++steps; }",
				printed("steps\n"),
			);
			const seen = (await kernel.run("(globalThis as any).steps")).result;
			await pause(100);
			expect((await kernel.run("(globalThis as any).steps")).result).toBe(seen);
		});

		test("ends a long query; the next one answers on the same connection", async () => {
			await kernel.run(
				"import { DuckDBInstance } from 'duckdb'; const con = await (await DuckDBInstance.create()).connect()",
			);
			const { reply } = await interrupted(
				"console.log('query'); await con.run('SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b')",
				printed("query\n"),
			);
			expect(reply).toMatchObject({ status: "error", ename: "KeyboardInterrupt" });
			expect((await kernel.run("(await con.runAndReadAll('SELECT 42')).getRows()[0][0]")).result).toBe("42");
		});

		test("aborts the cells behind", async () => {
			const cell = kernel.execute("console.log('first'); await new Promise(() => {})");
			const behind = kernel.execute("'behind'");
			await kernel.heard((m) => m.content.text === "first\n");
			await kernel.ask("control", "interrupt_request", {}).reply;
			expect((await cell.reply).ename).toBe("KeyboardInterrupt");
			expect((await behind.reply).status).toBe("aborted");
		});

		test("without a running cell is answered and does no harm", async () => {
			expect(await kernel.ask("control", "interrupt_request", {}).reply).toEqual({ status: "ok" });
			expect((await kernel.run("kept")).result).toBe("'kept'");
		});

		test("of a loop that nothing can stop replaces the session and says so", async () => {
			const { reply } = await interrupted(
				"console.log('loop'); await null; while (true) {}",
				printed("loop\n"),
			);
			expect(reply).toMatchObject({ status: "error", ename: "KeyboardInterrupt" });
			expect((reply.traceback as string[]).join(" ")).toMatch(/variables are lost/);
			expect((await kernel.run("1 + 2")).result).toBe("3");
			expect((await kernel.run("kept")).reply.status).toBe("error");
		});
	});

	test.each([
		["process.exit(3)", /ended with code 3/],
		["process.kill(process.pid, 'SIGSEGV')", /ended by SIGSEGV/],
		["process.abort()", /ended by SIGABRT/],
	])("survives %s: an error that tells, a new session, an ongoing count", async (code, told) => {
		const cell = kernel.execute(`console.log('before'); ${code}`);
		const behind = kernel.execute("'behind'");
		const { reply, stdout } = await finished(cell);
		expect(stdout).toBe("before\n");
		expect(reply).toMatchObject({ status: "error", ename: "SessionEnded" });
		expect(reply.evalue).toMatch(told);
		expect((reply.traceback as string[]).join(" ")).toMatch(/variables are lost/);
		expect((await behind.reply).status).toBe("aborted");
		const next = await kernel.run("'next'");
		expect(next.result).toBe("'next'");
		expect(next.reply.execution_count).toBe((reply.execution_count as number) + 1);
	});
});

describe("the kernel's life", { timeout }, () => {
	test.each([true, false])("shutdown is answered with restart %s and ends the process", async (restart) => {
		const kernel = await KernelClient.start();
		const running = kernel.execute("while (true) {}");
		await kernel.heard((m) => m.header.msg_type === "execute_input");
		const reply = await kernel.ask("control", "shutdown_request", { restart }).reply;
		expect(reply).toEqual({ status: "ok", restart });
		expect((await running.reply).status).toBe("error");
		expect(await kernel.exited).toBe(0);
		await kernel.close();
	});

	test("signs nothing when the key is empty", async () => {
		const kernel = await KernelClient.start({ key: "" });
		expect((await kernel.run("'open'")).result).toBe("'open'");
		await kernel.close();
	});

	test("works in a folder that has no packages: powerki's own are found", async () => {
		const cwd = mkdtempSync(join(tmpdir(), "powerki-notebook-"));
		const kernel = await KernelClient.start({ cwd });
		const { reply } = await kernel.run(
			"import { table } from 'arquero'; import { display as d } from 'tslab'; const t = table({ a: [1] }); t.numRows()",
		);
		expect(reply.status).toBe("ok");
		await kernel.close();
		rmSync(cwd, { recursive: true });
	});

	test("an interrupt before the session is up is answered", async () => {
		const kernel = await KernelClient.start();
		const cell = kernel.execute("await new Promise(() => {})");
		// the two requests go over two sockets: the cell must have come before it can be interrupted
		await kernel.heard((m) => m.header.msg_type === "execute_input");
		await kernel.ask("control", "interrupt_request", {}).reply;
		// Whether the session was up or not: the cell ends, and the kernel goes on.
		expect((await cell.reply).ename).toBe("KeyboardInterrupt");
		expect((await kernel.run("1")).result).toBe("1");
		await kernel.close();
	});

	test("leaves no process behind when it is killed", async () => {
		const kernel = await KernelClient.start();
		const pid = Number((await kernel.run("process.pid")).result);
		void kernel.execute("while (true) {}");
		await kernel.heard((m) => m.header.msg_type === "execute_input");
		await kernel.close();
		const alive = () => {
			try {
				process.kill(pid, 0);
				return true;
			} catch {
				return false;
			}
		};
		while (alive()) await pause(100);
	});
});
