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

test("what is said of a number or a name alone goes to the device that has it", () => {
	const devices = mergeDevices([
		{ major: 8, minor: 16, holders: ["mpatha"] },
		{ major: 8, minor: 32, holders: ["dm-0"] },
		{ name: "dm-0", alias: "mpatha" },
		{ alias: "mpatha", bytes: 1024 },
		{ alias: "gone", bytes: 1 },
		{ name: "dm-9", alias: "nowhere" },
		{ major: 8, minor: 16, name: "sdb", holders: ["dm-0", "md0"] },
		{ major: 253, minor: 0, name: "dm-0" },
	]);
	expect(devices).toEqual([
		{ major: 8, minor: 16, name: "sdb", holders: ["dm-0", "md0"] },
		{ major: 8, minor: 32, holders: ["dm-0"] },
		{ major: 253, minor: 0, name: "dm-0", alias: "mpatha", bytes: 1024 },
	]);
});

test("facts of another disk with the same number are not mixed in", () => {
	expect(
		mergeDevices([
			{ major: 253, minor: 0, name: "swap0" },
			{ major: 253, minor: 0, name: "dm-0", alias: "vg-root", holders: ["x"] },
			{ alias: "vg-root", bytes: 5 },
		]),
	).toEqual([{ major: 253, minor: 0, name: "swap0" }]);
});
