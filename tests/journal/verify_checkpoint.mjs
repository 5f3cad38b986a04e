// Verifies a checkpoint over the lines of GET /exports/journal.ndjson with nothing but Node.js: docs/reference/journal.md.
// Usage: node verify_checkpoint.mjs VERIFIER-KEY CHECKPOINT <LINES
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [key, file] = process.argv.slice(2);
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const largestPower = (size) => 2 ** Math.floor(Math.log2(size - 1));
const root = (leaves) => {
  if (leaves.length === 1) return leaves[0];
  const middle = largestPower(leaves.length);
  return sha256(Buffer.from([1]), root(leaves.slice(0, middle)), root(leaves.slice(middle)));
};

const note = readFileSync(file, "utf8");
const text = note.slice(0, note.lastIndexOf("\n\n") + 1);
const [, size, expected] = text.split("\n");
const lines = readFileSync(0, "utf8").split("\n").filter(Boolean).slice(0, Number(size)).map((line) => JSON.parse(line));
const leaves = lines.map((line) =>
  line.redacted ? Buffer.from(line.leaf_hash, "hex") : sha256(Buffer.from([0]), line.hashed),
);

const [name, id, encoded] = [key.split("+")[0], key.split("+")[1], key.split("+").slice(2).join("+")];
const raw = Buffer.from(encoded, "base64").subarray(1);
const publicKey = createPublicKey({
  key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]),
  format: "der",
  type: "spki",
});
const signature = note
  .slice(text.length + 1)
  .split("\n")
  .filter((line) => line.startsWith(`— ${name} `))
  .map((line) => Buffer.from(line.split(" ")[2], "base64"))
  .find((data) => data.subarray(0, 4).toString("hex") === id);
const isSigned = signature && verify(null, Buffer.from(text), publicKey, signature.subarray(4));
const isSame = leaves.length === Number(size) && root(leaves).toString("base64") === expected;
console.log(isSigned ? (isSame ? "the entries are those of the checkpoint" : "the entries differ") : "not signed by this key");
process.exit(isSigned && isSame ? 0 : 1);
