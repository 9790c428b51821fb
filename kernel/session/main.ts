/**
 * The session process: runs cells and answers questions about them, over the IPC channel to its parent
 * (kernel/protocol, or a runner without Jupyter; see client.ts). The parent signals SIGINT to code that never waits.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { parseCell } from "../language/cell.ts";
import { Cells } from "./cells.ts";
import { Datasets } from "./dataset.ts";
import { Displays } from "./display-api.ts";
import { Queries } from "./duckdb.ts";
import { thrownError } from "./errors.ts";
import type { Interrupt, Replies, Report, Request } from "./messages.ts";
import { installModuleFallback } from "./modules.ts";
import { Outputs } from "./output.ts";
import { ownRoot } from "./paths.ts";
import { stopTimersWithCell } from "./timers.ts";
import { Words } from "./words.ts";

// Errors of queries come from deep below the cell: its own frame is still wanted.
Error.stackTraceLimit = 100;

// From the first moment: by default the signal would end the process.
let interrupt = (): void => {};
process.on("SIGINT", () => interrupt());

if (process.send === undefined) {
	process.stderr.write("this program is started by the powerki kernel\n");
	process.exit(2);
}
const send = process.send.bind(process) as (report: Report) => void;
const root = ownRoot();

const outputs = new Outputs((id, output) => send({ type: "output", id, output }));
outputs.capture();
stopTimersWithCell(outputs.cell);
installModuleFallback(root);
const queries = new Queries(outputs.cell);
queries.watch();
const displays = new Displays((output) => outputs.send(output));
Object.assign(globalThis, { display: displays.display });
const datasets = new Datasets(root);
const cells = new Cells(process.cwd(), root, outputs, displays, datasets, queries);
const words = new Words(cells.tslab, datasets);
// tslab's `display` calls this function instead of writing to its own kernel's sockets.
const jupyter = createRequire(join(root, "package.json"))("tslab/dist/jupyter") as {
	lastWriteDisplayData: unknown;
};
jupyter.lastWriteDisplayData = displays.tslab;

interrupt = () => cells.interrupt();

// What no cell awaits any more (a rejected promise, a throw in a timer): told, and the session lives on.
for (const event of ["uncaughtException", "unhandledRejection"] as const)
	process.on(event, (error: unknown) => {
		const told = thrownError(error, cells.tslab.conversion.maps);
		outputs.write("stderr", `${told.traceback.join("\n")}\n`);
	});

const answers: {
	[T in Request["type"]]: (request: Extract<Request, { type: T }>) => Promise<Replies[T]> | Replies[T];
} = {
	execute: (request) => cells.execute(request),
	evaluate: ({ expressions }) => cells.evaluate(expressions),
	complete: ({ code, position }) => words.complete(code, position),
	inspect: ({ code, position }) => words.inspect(code, position),
	isComplete: ({ code }) => words.isComplete(parseCell(code), code),
};

process.on("message", async (request: Request | Interrupt) => {
	if (request.type === "interrupt") {
		interrupt();
		send({ type: "interrupted" });
		return;
	}
	const value = await (answers[request.type] as (r: Request) => Promise<Replies[keyof Replies]>)(request);
	send({ type: "reply", id: request.id, value });
});
process.on("disconnect", () => process.exit(0));

// A cell that never waits hears nothing of the parent's end: a thread of its own looks.
new Worker(
	`const parent = process.ppid; setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 1000)`,
	{ eval: true, stdout: true, stderr: true },
).unref();

send({ type: "ready" });
