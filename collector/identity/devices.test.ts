import { expect, test } from "vitest";
import { mergeDevices } from "./devices.ts";

test("the first name of a number wins, and takes no size of a disk of another name", () => {
	const devices = mergeDevices([
		{ major: 254, minor: 0, name: "vda" },
		{ major: 253, minor: 0, name: "swap0" },
		{ major: 253, minor: 0, name: "slow0", bytes: 268435456 },
		{ major: 254, minor: 0, name: "vda", bytes: 1468006400, holders: ["dm-0"] },
	]);
	expect(devices).toEqual([
		{ major: 253, minor: 0, name: "swap0" },
		{ major: 254, minor: 0, name: "vda", bytes: 1468006400, holders: ["dm-0"] },
	]);
});
