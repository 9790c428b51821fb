import { expect, it } from "vitest";
import { scratch } from "../support/scratch.ts";
import { tryArchive } from "./archive.ts";
import { tryLinuxkiMutation } from "./linuxki.ts";
import { tryMutation } from "./mutate.ts";
import { tryPerfMutation } from "./perf.ts";

const folder = scratch();

for (let seed = 1; seed <= 20; seed++)
	it(`mutation ${seed} of a trace: collected or refused, never a crash`, async () => {
		expect(await tryMutation(folder, seed)).toBeNull();
	});

for (let part = 0; part < 10; part++)
	it(`mutations ${20 * part + 1} to ${20 * part + 20} of perf.data: decoded or refused, never a crash`, async () => {
		for (let k = 1; k <= 20; k++) expect(await tryPerfMutation(folder, 20 * part + k)).toBeNull();
	});

for (let seed = 1; seed <= 3; seed++)
	it(`mutation ${seed} of a perf.data: collected or refused, never a crash`, async () => {
		expect(await tryPerfMutation(folder, 7 * seed, true)).toBeNull();
	});

for (let part = 0; part < 3; part++)
	it(`mutations ${20 * part + 1} to ${20 * part + 20} of ki.bin: decoded or refused, as inspected, never a crash`, async () => {
		for (let k = 1; k <= 20; k++)
			expect((await tryLinuxkiMutation(folder, 20 * part + k)).finding).toBeNull();
	});

for (let seed = 1; seed <= 4; seed++)
	it(`mutation ${seed} of an archive of LinuxKI: the dataset is complete or what it was, nothing is elsewhere`, async () => {
		expect((await tryArchive(folder, seed)).finding).toBeNull();
	});
