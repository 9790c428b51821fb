/** The hashing thread: tells the hashes of the files that it is given. */
import { parentPort, workerData } from "node:worker_threads";
import { fileHash } from "./file-hash.ts";

parentPort!.postMessage((workerData as readonly string[]).map(fileHash));
