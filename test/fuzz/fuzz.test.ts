import { expect, it } from "vitest";
import { scratch } from "../support/scratch.ts";
import { tryMutation } from "./mutate.ts";

const folder = scratch();

for (let seed = 1; seed <= 20; seed++)
	it(`mutation ${seed} of a trace: collected or refused, never a crash`, async () => {
		expect(await tryMutation(folder, seed)).toBeNull();
	});
