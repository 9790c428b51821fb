import { expect, test } from "vitest";
import { errorName } from "./errno.ts";

test("errors have the kernel's names", () => {
	expect(errorName(2, "ppc64le")).toBe("ENOENT");
	expect(errorName(110, "x86_64")).toBe("ETIMEDOUT");
	expect(errorName(133, "ppc64le")).toBe("EHWPOISON");
});

test("restart codes, which only the kernel sees, are named", () => {
	expect([512, 513, 514, 516].map((n) => errorName(n, "ppc64le"))).toEqual([
		"ERESTARTSYS",
		"ERESTARTNOINTR",
		"ERESTARTNOHAND",
		"ERESTART_RESTARTBLOCK",
	]);
});

test("58 is EDEADLOCK on powerpc only", () => {
	expect(errorName(58, "ppc64le")).toBe("EDEADLOCK");
	expect(errorName(58, "x86_64")).toBe("58");
});

test("a number without a name is told as it is", () => {
	expect(errorName(4000, "ppc64le")).toBe("4000");
});
