import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { exitCode, type PowerkiError } from "../../lib/schema/errors.ts";
import { powerki } from "../../test/support/cli.ts";
import { browserOpener } from "./browser.ts";
import { findPython, makeLab, pipFailed } from "./environment.ts";
import {
	installedSpec,
	prefixDataFolder,
	removeKernelspec,
	specFolder,
	userDataFolder,
	writeKernelspec,
} from "./kernelspec.ts";
import { run } from "./process.ts";
import { freePort } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "powerki-lab-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the kernelspec", () => {
	it("starts this Node and this build, by absolute paths", () => {
		const data = prefixDataFolder(join(folder, "prefix"));
		writeKernelspec(data);
		const spec = JSON.parse(readFileSync(join(specFolder(data), "kernel.json"), "utf8"));
		expect(spec).toMatchObject({ language: "typescript", interrupt_mode: "message" });
		expect(spec.argv[0]).toBe(process.execPath);
		expect(spec.argv[2]).toBe("{connection_file}");
		expect(existsSync(spec.argv[1])).toBe(true);
		expect(installedSpec(data)?.state).toBe("current");
		expect(removeKernelspec(data)).toBe(true);
		expect(installedSpec(data)).toBeUndefined();
		expect(removeKernelspec(data)).toBe(false);
	});

	it("that starts a Node which has gone is found broken", () => {
		const data = join(folder, "old");
		writeKernelspec(data);
		const file = join(specFolder(data), "kernel.json");
		writeFileSync(file, JSON.stringify({ argv: ["/gone/node", "x", "{connection_file}"] }));
		expect(installedSpec(data)).toMatchObject({ state: "broken", why: "/gone/node does not exist" });
	});

	it("goes where Jupyter looks", () => {
		expect(userDataFolder({ JUPYTER_DATA_DIR: "/a" })).toBe("/a");
		expect(userDataFolder({ XDG_DATA_HOME: "/b" }, "linux")).toBe("/b/jupyter");
		expect(userDataFolder({}, "linux")).toMatch(/\.local\/share\/jupyter$/);
		expect(userDataFolder({}, "darwin")).toMatch(/Library\/Jupyter$/);
	});
});

describe("powerki start", () => {
	it("takes the next port where one is taken", async () => {
		const taken = createServer();
		await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
		const { port } = taken.address() as { port: number };
		expect(await freePort(port)).toBeGreaterThan(port);
		await new Promise((resolve) => taken.close(resolve));
		expect(await freePort(port)).toBe(port);
	});

	it("opens no browser where there is no screen", () => {
		expect(browserOpener({ PATH: process.env.PATH })).toBeUndefined();
	});

	it("says what to install, and what works without, where there is no Python", async () => {
		const path = process.env.PATH;
		process.env.PATH = join(folder, "empty");
		try {
			const error = (await makeLab(undefined, () => {}).catch((e: unknown) => e)) as PowerkiError;
			expect(error.code).toBe(exitCode.environment);
			expect(error.message).toBe("no Python for JupyterLab: there is no python3 in PATH");
			const details = error.details.join("\n");
			expect(details).toMatch(/(apt|dnf) install python3|zypper|pacman|apk|brew/);
			expect(details).toContain("collect, sql, report, notebook run, publish");
		} finally {
			process.env.PATH = path;
		}
	});

	it("finds out that Python lacks the module for environments", async () => {
		const bin = join(folder, "bin");
		mkdirSync(bin, { recursive: true });
		writeFileSync(
			join(bin, "python3"),
			"#!/bin/sh\necho 3.11.2\necho \"ModuleNotFoundError: No module named 'ensurepip'\" >&2\nexit 1\n",
			{ mode: 0o755 },
		);
		const path = process.env.PATH;
		process.env.PATH = bin;
		try {
			expect(await findPython()).toMatchObject({
				state: "no-venv",
				why: expect.stringContaining("has no module ensurepip"),
			});
		} finally {
			process.env.PATH = path;
		}
	});

	it("names the reason when pip fails", () => {
		const offline = pipFailed(
			"WARNING: Retrying ... Temporary failure in name resolution\nERROR: No matching distribution found for jupyterlab==4.6.6",
		);
		expect(offline.message).toBe(
			"JupyterLab cannot be installed: no network: the name of the package index is not resolved",
		);
		expect(pipFailed("OSError: [Errno 28] No space left on device").message).toContain("the disk is full");
		expect(pipFailed("what?").details[0]).toBe("what?");
	});

	it("stops what it runs with all its children", async () => {
		const abort = new AbortController();
		const marker = `${process.pid}.25`;
		const running = run("sh", ["-c", `sleep 10${marker} & sleep 10${marker}`], { signal: abort.signal });
		setTimeout(() => abort.abort(), 200);
		await expect(running).rejects.toThrow("stopped");
		const left = await run("sh", ["-c", `ps -eo args | grep -c '[s]leep 10${marker}'`]);
		expect(left.stdout.trim()).toBe("0");
	});
});

describe("powerki kernel", () => {
	it("installs without Python and takes it away again", async () => {
		const prefix = join(folder, "tool");
		expect((await powerki(["kernel", "install", "--prefix", prefix])).code).toBe(0);
		expect(installedSpec(prefixDataFolder(prefix))?.state).toBe("current");
		expect((await powerki(["kernel", "uninstall", "--prefix", prefix])).code).toBe(0);
		expect((await powerki(["kernel", "uninstall", "--prefix", prefix])).code).toBe(3);
		expect((await powerki(["kernel", "install", "--user", "--prefix", prefix])).code).toBe(2);
	});

	it("doctor runs a cell and says what is there", async () => {
		const ran = await powerki(["kernel", "doctor"], {
			env: { ...process.env, HOME: folder, JUPYTER_DATA_DIR: join(folder, "data") },
		});
		expect(ran.stdout).toMatch(/^ok {7}session {2}1 \+ 1 is 2/m);
		expect(ran.stdout).toMatch(/^ok {7}modules/m);
		expect(ran.code).toBe(/^problem/m.test(ran.stdout) ? 5 : 0);
	});
});
