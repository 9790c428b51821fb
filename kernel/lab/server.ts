/** The JupyterLab server of `powerki start`. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { exitCode, Interrupted, PowerkiError } from "../../lib/schema/errors.ts";
import { cacheFolder } from "../run/dataset.ts";
import type { Lab } from "./environment.ts";
import { prefixDataFolder, writeKernelspec } from "./kernelspec.ts";
import { killGroup } from "./process.ts";

export interface ServerOptions {
	readonly lab: Lab;
	/** Folder that the browser sees. */
	readonly root: string;
	readonly port: number;
	/** Folder of the dataset that the kernels get. */
	readonly dataset: string;
	readonly signal?: AbortSignal;
}

export interface Server {
	/** http://127.0.0.1:PORT */
	readonly url: string;
	readonly token: string;
	/** Resolves when the server has ended by itself. */
	readonly ended: Promise<void>;
	/** The last lines of its log. */
	logTail(): string[];
	/** Ends the server and its kernels. */
	stop(): Promise<void>;
}

/** A server that does not answer after this long (ms) never will. */
const patience = 90_000;
/** ms for the server to end its kernels. */
const grace = 10_000;

/**
 * Started by a shell that ends it when its own standard input ends: also when powerki is killed, nothing stays.
 * (A background job of sh reads from /dev/null, hence descriptor 3.)
 */
const guarded = `exec 3<&0
"$@" </dev/null 3<&- &
lab=$!
(read -r _ <&3; kill -TERM "$lab") >/dev/null 2>&1 &
guard=$!
wait "$lab"
code=$?
kill "$guard" 2>/dev/null
exit "$code"`;

/**
 * Starts JupyterLab on the loopback interface and waits until it answers.
 * @throws PowerkiError (environment) with the end of its log if it does not; Interrupted by the signal
 */
export async function startServer(options: ServerOptions): Promise<Server> {
	const token = randomBytes(24).toString("hex");
	const { data, config } = prepareJupyter(options.lab);
	// nothing has been collected into the cache where a dataset is opened
	mkdirSync(cacheFolder(), { recursive: true });
	const logFile = join(cacheFolder(), "jupyterlab.log");
	const log = openSync(logFile, "w", 0o600);
	const child = spawn(
		"/bin/sh",
		[
			"-c",
			guarded,
			"sh",
			options.lab.program,
			"--no-browser",
			"--ip=127.0.0.1",
			`--port=${options.port}`,
			"--ServerApp.port_retries=0",
			`--ServerApp.root_dir=${options.root}`,
			// Else it ends at once.
			...(process.getuid?.() === 0 ? ["--allow-root"] : []),
		],
		{
			detached: true,
			stdio: ["pipe", log, log],
			env: {
				...process.env,
				// By environment: arguments can be read by everybody on the machine.
				JUPYTER_TOKEN: token,
				JUPYTER_PATH: joined(data, process.env.JUPYTER_PATH),
				JUPYTER_CONFIG_PATH: joined(config, process.env.JUPYTER_CONFIG_PATH),
				POWERKI_DATASET: options.dataset,
			},
		},
	);
	closeSync(log);
	const ended = new Promise<void>((resolve) => {
		child.once("exit", () => resolve());
		child.once("error", () => resolve());
	});
	const logTail = () => readFileSync(logFile, "utf8").trim().split("\n").slice(-5);
	const server: Server = {
		url: `http://127.0.0.1:${options.port}`,
		token,
		ended,
		logTail,
		stop: () => stop(child, ended),
	};
	try {
		await answering(server, options.signal);
	} catch (error) {
		await server.stop();
		throw error;
	}
	return server;
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
	child.stdin?.end();
	const timeout = new AbortController();
	await Promise.race([
		ended,
		setTimeout(grace, undefined, { signal: timeout.signal }).catch(() => undefined),
	]);
	timeout.abort();
	killGroup(child.pid, "SIGKILL");
	await ended;
}

async function answering(server: Server, signal: AbortSignal | undefined): Promise<void> {
	let running = true;
	void server.ended.then(() => {
		running = false;
	});
	const until = Date.now() + patience;
	while (running && Date.now() < until) {
		if (signal?.aborted) throw new Interrupted();
		const status = await fetch(`${server.url}/api/status`, {
			headers: { Authorization: `token ${server.token}` },
		})
			.then((reply) => reply.status)
			.catch(() => 0);
		if (status === 200) return;
		await setTimeout(100);
	}
	throw new PowerkiError(
		exitCode.environment,
		running ? `JupyterLab does not answer after ${patience / 1000} s` : "JupyterLab ended at once",
		["its log ends with:", ...server.logTail().map((line) => `  ${line}`)],
	);
}

/** Folders for Jupyter's data and configuration paths: the kernel, and no announcements over the notebook. */
function prepareJupyter(lab: Lab): { data: string; config: string } {
	const prefix = lab.own ?? join(cacheFolder(), "jupyter");
	const data = prefixDataFolder(prefix);
	writeKernelspec(data);
	const config = join(prefix, "etc", "jupyter");
	mkdirSync(join(config, "labconfig"), { recursive: true });
	writeFileSync(
		join(config, "labconfig", "page_config.json"),
		`${JSON.stringify({ disabledExtensions: { "@jupyterlab/apputils-extension:announcements": true } })}\n`,
	);
	return { data, config };
}

function joined(first: string, rest: string | undefined): string {
	return rest ? `${first}${delimiter}${rest}` : first;
}

/** The port itself, or the next free one of those after it. */
export async function freePort(wanted: number): Promise<number> {
	for (let port = wanted; port < Math.min(wanted + 100, 65_536); port++) if (await isFree(port)) return port;
	throw new PowerkiError(exitCode.environment, `no free port from ${wanted} on`, [
		"choose another: --port NUMBER",
	]);
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const probe = createServer();
		probe.once("error", () => resolve(false));
		probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
	});
}
