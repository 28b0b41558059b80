// Answers by the line what it is asked by the line: `node client.mjs <folder of node_modules>`.
// {"access": {…}, "operation": "ListFaces", "parameters": {…}, "pageSize": 2} -> {"answer": …} or {"fault": {…}}

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.argv[2], "package.json"));
const services = {
  rekognition: { name: "Rekognition", sdk: require("@aws-sdk/client-rekognition") },
  sts: { name: "STS", sdk: require("@aws-sdk/client-sts") },
};
const clients = new Map();

function clientOf(access) {
  const id = JSON.stringify(access);
  if (!clients.has(id)) {
    const { name, sdk } = services[access.service];
    const credentials = { accessKeyId: access.key, secretAccessKey: access.secret };
    if (access.token) credentials.sessionToken = access.token;
    clients.set(id, new sdk[`${name}Client`]({ endpoint: access.url, region: access.region, credentials }));
  }
  return clients.get(id);
}

function received(_, value) {
  return value && typeof value.$bytes === "string" ? Buffer.from(value.$bytes, "base64") : value;
}

// What JSON has no word for is wrapped. A replacer would see a date only after it has become text.
function wrapped(value) {
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(wrapped);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, wrapped(each)]));
}

async function answer({ access, operation, parameters, pageSize }) {
  const client = clientOf(access);
  const { sdk } = services[access.service];
  if (pageSize === undefined) return client.send(new sdk[`${operation}Command`](parameters));
  const pages = [];
  for await (const page of sdk[`paginate${operation}`]({ client, pageSize }, parameters)) pages.push(page);
  return pages;
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = { answer: wrapped(await answer(JSON.parse(line, received))) };
  } catch (error) {
    if (error.$metadata === undefined) throw error;
    said = { fault: { code: error.name, message: error.message, retries: error.$metadata.attempts - 1 } };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
