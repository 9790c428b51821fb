import { expect, it } from "vitest";
import type { Note } from "../../decode/source.ts";
import { demangle } from "./demangle.ts";

it("C++ and Rust names are shown as in the source; others are left alone", () => {
	const notes: Note[] = [];
	const names = [
		"_ZNSt6vectorIiSaIiEE9push_backERKi",
		"_Z3foov.cold",
		"__Z3barv",
		"_ZN4core3fmt5Write9write_fmt17h05af221e174051e9E",
		"_RNvNtCs3TffaVLKYX7_13rustc_session6config17file_path_mapping",
		"main",
		"__libc_start_main",
		"_Z",
		"_ZN3cut",
		"_ZN3cut",
	];
	expect(Object.fromEntries(demangle(names, (n) => notes.push(n)))).toEqual({
		_ZNSt6vectorIiSaIiEE9push_backERKi: "std::vector<int, std::allocator<int> >::push_back(int const&)",
		"_Z3foov.cold": "foo() [clone .cold]",
		__Z3barv: "bar()",
		_ZN4core3fmt5Write9write_fmt17h05af221e174051e9E: "core::fmt::Write::write_fmt",
		_RNvNtCs3TffaVLKYX7_13rustc_session6config17file_path_mapping: "rustc_session::config::file_path_mapping",
	});
	expect(notes).toEqual([]);
});

it("a name that grows without end stays as it is, and so for no other", () => {
	// each argument is a pair of the one before
	const seq = (n: number) => (n === 0 ? "S_" : `S${(n - 1).toString(36).toUpperCase()}_`);
	let bomb = "_Z1f1AIiiE";
	for (let i = 1; i < 40; i++) bomb += `S_I${seq(i)}${seq(i)}E`;
	const notes: Note[] = [];
	expect([...demangle([bomb, "_Z3foov"], (n) => notes.push(n)).values()]).toEqual(["foo()"]);
	expect(notes).toMatchObject([{ kind: "names-mangled", count: 1 }]);
});
