// What a later release answers must be of the type that this one declares: more properties, and more codes.
// The test adds the answers.
import type { operations } from "./schema";

type Fixed<T> = T extends object ? { readonly [Name in keyof T]: Fixed<T[Name]> } : T;
type Of<Responses, Status> = Status extends keyof Responses ? Responses[Status] : never;
type Answer<Name extends keyof operations, Status extends number> =
  Of<operations[Name]["responses"], Status> extends { content: { "application/json": infer Body } } ? Fixed<Body> : never;

const seen: Record<string, unknown> = {};
function read<Body>(name: string, answer: Body): void {
  seen[name] = answer;
}
const show = () => console.log(JSON.stringify(seen));

