/** The decoding thread: reads side files and records, derives, and posts batches; waits while the writer is behind. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { PowerkiError } from "../lib/schema/errors.ts";
import { dso } from "../lib/schema/identity.ts";
import { type Unpacked, unpack } from "./archive/unpack.ts";
import type { Note, Sink } from "./decode/source.ts";
import { machineRows } from "./identity/machine-rows.ts";
import { type ImportMessage, type ImportRequest, MAX_UNDER_WAY } from "./messages.ts";
import { openTogether } from "./open-input.ts";
import { insideWindow, readSideFiles } from "./side/index.ts";
import { giveBuffer } from "./write/buffers.ts";
import { environment } from "./write/environment.ts";

const request = workerData as ImportRequest;
const port = parentPort!;
const underWay = new Int32Array(request.underWay);

function post(message: ImportMessage, transfer: ArrayBuffer[] = []): void {
	port.postMessage(message, transfer);
}

/** Buffers of written batches that the writer has sent back. */
function takeBack(): void {
	for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port))
		for (const buffer of received.message as ArrayBuffer[]) giveBuffer(buffer);
}

/** Bytes of an archive between two messages of progress. */
const PROGRESS = 1024 * 1024;

async function open(): Promise<Unpacked> {
	const input = await openTogether(request.paths);
	if (input.packing === null) return { ...input, notes: [] };
	let told = 0;
	return environment(request.dataset, () =>
		unpack(input, request.scratch, {
			...(request.maxExpand === undefined ? {} : { maxExpand: request.maxExpand }),
			onProgress(bytes) {
				if (bytes - told < PROGRESS) return;
				told = bytes;
				post({ kind: "progress", bytes, events: 0 });
			},
		}),
	);
}

/** A file of an archive is named as it is named there: where it was unpacked is nobody's concern, and gone soon. */
function asMember<T>(path: T): T | string {
	return typeof path === "string" && path.startsWith(`${request.scratch}/`)
		? path.slice(request.scratch.length + 1)
		: path;
}

async function run(): Promise<void> {
	const { path, format, files, bytes: total, notes } = await open();
	post({ kind: "opened", format: format.name, bytes: total });
	const side = insideWindow(await readSideFiles(path, request.side), request.options.window);
	post({ kind: "side", side: { used: side.used, machine: side.machine, wallClocks: side.wallClocks } });
	const sink: Sink = {
		begin: (buffer) => post({ kind: "begin", buffer }),
		batch(batch) {
			takeBack();
			for (let n = Atomics.load(underWay, 0); n >= MAX_UNDER_WAY; n = Atomics.load(underWay, 0))
				Atomics.wait(underWay, 0, n);
			Atomics.add(underWay, 0, 1);
			post({ kind: "batch", batch }, [
				...batch.columns.map((c) => c.data),
				...batch.columns.flatMap((c) => (c.validity ? [c.validity] : [])),
			]);
		},
		rows: (table, rows) =>
			post({
				kind: "rows",
				table,
				rows: table === dso.name ? rows.map((row) => ({ ...row, file: asMember(row.file) })) : rows,
			}),
		end(summary) {
			for (const { table, rows } of machineRows(summary, side)) post({ kind: "rows", table, rows });
			post({
				kind: "end",
				summary: {
					...summary,
					damaged: summary.damaged || notes.some((n) => n.severity === "error"),
					notes: [...notes, ...summary.notes, ...side.notes].map((n) => ({
						...n,
						source: asMember(n.source),
					})),
				},
			});
		},
		progress: (bytes, events) => post({ kind: "progress", bytes, events }),
	};
	try {
		for await (const _ of format.read(files, side, request.options, sink)) {
			// each turn is a chance for the port to deliver
		}
	} catch (error) {
		throw withDamage(error, notes);
	}
	post({ kind: "done" });
}

/** What cannot be read may be so because the archive is damaged. */
function withDamage(error: unknown, notes: readonly Note[]): unknown {
	const damage = notes.filter((n) => n.severity === "error").map((n) => `${n.source}: ${n.text}`);
	if (!(error instanceof PowerkiError) || damage.length === 0) return error;
	return new PowerkiError(error.code, error.message, [...damage, ...error.details], { cause: error });
}

run().catch((error: unknown) => {
	const known = error instanceof PowerkiError ? error : null;
	post({
		kind: "failed",
		code: known?.code ?? 1,
		message: known?.message ?? String(error),
		details: known?.details ?? [],
		stack: (error as Error)?.stack,
	});
});
