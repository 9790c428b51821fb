/** `powerki kernel doctor`: does everything that a notebook needs work here? */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { findDataset, readManifests } from "../../lib/dataset/manifests.ts";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { packageRoot } from "../../lib/schema/versions.ts";
import { SessionClient } from "../session/client.ts";
import { findLab, findPython, pythonRemedy } from "./environment.ts";
import { installedSpec, prefixDataFolder, protocolProgram, userDataFolder } from "./kernelspec.ts";

type Result = {
	/** "note": works, with something to know. */
	readonly state: "ok" | "note" | "problem";
	readonly text: string;
	readonly remedy?: readonly string[];
};

interface Check {
	readonly name: string;
	readonly run: () => Promise<Result>;
}

const checks: readonly Check[] = [
	{ name: "node", run: checkNode },
	{ name: "build", run: checkBuild },
	{ name: "modules", run: checkModules },
	{ name: "session", run: checkSession },
	{ name: "dataset", run: checkDataset },
	{ name: "python", run: checkPython },
	{ name: "lab", run: checkLab },
	{ name: "kernel", run: checkKernelspec },
];

const marks = { ok: "ok", note: "note", problem: "problem" };

/** Prints one line a check. @returns the exit code: environment if something does not work */
export async function doctor(signal?: AbortSignal): Promise<number> {
	let problems = 0;
	for (const check of checks) {
		if (signal?.aborted) return exitCode.interrupted;
		const result = await check.run().catch((error: unknown): Result => {
			const told = error instanceof PowerkiError ? error : undefined;
			return { state: "problem", text: told?.message ?? String(error), remedy: told?.details ?? [] };
		});
		if (result.state === "problem") problems++;
		process.stdout.write(`${marks[result.state].padEnd(9)}${check.name.padEnd(9)}${result.text}\n`);
		for (const line of result.remedy ?? []) process.stdout.write(`${" ".repeat(18)}${line}\n`);
	}
	process.stdout.write(
		problems === 0 ? "all is well\n" : `${problems} ${problems === 1 ? "problem" : "problems"}\n`,
	);
	return problems === 0 ? exitCode.done : exitCode.environment;
}

async function checkNode(): Promise<Result> {
	const own = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
		engines: { node: string };
	};
	const [major, minor] = own.engines.node.replace(/^>=/, "").split(".").map(Number) as [number, number];
	const [hasMajor, hasMinor] = process.versions.node.split(".").map(Number) as [number, number];
	const text = `${process.versions.node}, ${process.execPath}`;
	return hasMajor > major || (hasMajor === major && hasMinor >= minor)
		? { state: "ok", text }
		: { state: "problem", text, remedy: [`powerki needs Node ${own.engines.node}`] };
}

async function checkBuild(): Promise<Result> {
	const files = [
		protocolProgram(),
		join(packageRoot(), "dist", "kernel", "session.js"),
		join(packageRoot(), "dist", "lib.js"),
	];
	const missing = files.filter((file) => !existsSync(file));
	return missing.length === 0
		? { state: "ok", text: join(packageRoot(), "dist") }
		: { state: "problem", text: `missing: ${missing.join(", ")}`, remedy: ["npm run build"] };
}

/** Those that bring binaries: they load only where the machine and this Node fit. */
async function checkModules(): Promise<Result> {
	const require = createRequire(join(packageRoot(), "package.json"));
	const failed: string[] = [];
	for (const name of ["@duckdb/node-bindings", "zeromq", "tslab/dist/converter"])
		try {
			require(name);
		} catch (error) {
			failed.push(`${name}: ${(error as Error).message.split("\n")[0]}`);
		}
	return failed.length === 0
		? { state: "ok", text: "DuckDB, ZeroMQ, tslab load" }
		: {
				state: "problem",
				text: failed[0]!,
				remedy: [...failed.slice(1), "npm ci, with the Node that will run it"],
			};
}

async function checkSession(): Promise<Result> {
	const begin = performance.now();
	const session = SessionClient.start();
	try {
		let shown = "";
		const result = await session.execute("1 + 1", (output) => {
			if (output.output_type === "execute_result") shown = String(output.data["text/plain"]);
		});
		const text = `1 + 1 is ${shown || "nothing"}, after ${((performance.now() - begin) / 1000).toFixed(1)} s`;
		return shown === "2"
			? { state: "ok", text }
			: { state: "problem", text: result.error?.evalue ?? text, remedy: ["npm ci, then npm run build"] };
	} finally {
		await session.stop();
	}
}

async function checkDataset(): Promise<Result> {
	try {
		const root = findDataset();
		const traces = readManifests(root).length;
		return { state: "ok", text: `${root}, ${traces} ${traces === 1 ? "trace" : "traces"}` };
	} catch (error) {
		if (!(error instanceof PowerkiError) || error.code !== exitCode.usage) throw error;
		return {
			state: "note",
			text: "none here; powerki start shows the trace that powerki brings",
			remedy: ["make one: powerki collect TRACE --out DIR"],
		};
	}
}

async function checkPython(): Promise<Result> {
	const python = await findPython();
	if (python.state === "ok") return { state: "ok", text: `${python.version} with venv, ${python.program}` };
	// A JupyterLab that is there brings its own.
	return (await findLab()) === undefined
		? { state: "problem", text: python.why, remedy: pythonRemedy() }
		: { state: "note", text: `${python.why}; the JupyterLab below has its own` };
}

async function checkLab(): Promise<Result> {
	const lab = await findLab();
	if (lab !== undefined) return { state: "ok", text: `JupyterLab ${lab.version}, ${lab.program}` };
	return {
		state: "note",
		text: "not there yet; powerki start prepares it (once, about 20 s, needs the network)",
	};
}

async function checkKernelspec(): Promise<Result> {
	const lab = await findLab();
	const folders = [
		userDataFolder(),
		...(process.env.VIRTUAL_ENV ? [prefixDataFolder(process.env.VIRTUAL_ENV)] : []),
		...(lab?.own === undefined ? [] : [prefixDataFolder(lab.own)]),
	];
	const found = folders.map(installedSpec).filter((spec) => spec !== undefined);
	const broken = found.find((spec) => spec.state === "broken");
	if (broken?.state === "broken")
		return {
			state: "problem",
			text: `${broken.folder}: ${broken.why}`,
			remedy: ["powerki kernel install (with --prefix DIR if it is not your user's)"],
		};
	if (found.length > 0) return { state: "ok", text: found.map((spec) => spec.folder).join(", ") };
	return {
		state: "note",
		text: "not installed for other frontends; powerki start needs no installation",
		remedy: ["for your own JupyterLab or VS Code: powerki kernel install"],
	};
}
